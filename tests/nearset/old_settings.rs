//! Settings of the replaced system: its files, its names, and what nearset says of each.

use std::fs;

use serde_json::{Value, json};

use crate::first_hour::alone;
use crate::support::{AS_OF, Nearset, free_port, ids, text};

fn write(n: &Nearset, name: &str, text: &str) {
    let path = n.path().join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(path, text).expect("a file");
}

/// A setting's value and where it stands.
fn shown(n: &Nearset, name: &str) -> (String, String) {
    let all: Value = serde_json::from_str(&n.ok(&["config", "show", "--json"])).expect("JSON");
    let found = all.as_array().expect("a list").iter().find(|setting| setting["name"] == name).expect("a setting");
    let text = |field: &str| found[field].as_str().expect("a text").to_owned();
    (text("value"), text("origin"))
}

fn pair(value: &str, origin: &str) -> (String, String) {
    (value.to_owned(), origin.to_owned())
}

#[test]
fn the_last_file_of_the_family_counts() {
    let n = Nearset::empty();
    write(&n, ".env", "\u{feff}BOT_MAX_ACTIONS=1\r\nCACHE_MB=1\r\nSHED_MS=1\r\n");
    write(&n, ".env.memory", "export CACHE_MB='2' # Compose\nSHED_MS=2\n");
    write(&n, ".env.prod", "SHED_MS=\"3\"\nBUDGET_MS=\n");
    assert_eq!(shown(&n, "BOT_MAX_ACTIONS"), pair("1", ".env:1"));
    assert_eq!(shown(&n, "CACHE_MB"), pair("2", ".env.memory:1"));
    assert_eq!(shown(&n, "SHED_MS"), pair("3", ".env.prod:1"));
    assert_eq!(shown(&n, "BUDGET_MS"), pair("20", "the default"));
    let said = text(&alone(n).run(&["doctor"]).stdout);
    for words in [
        "files that count one before the other: .env.prod, .env.memory, .env",
        ".env sets BOT_MAX_ACTIONS (line 1)",
        ".env.prod sets SHED_MS (line 1)",
        "CACHE_MB (.env.memory:1, not .env:2)",
        "SHED_MS (.env.prod:1, not .env.memory:2)",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn env_file_names_the_files_to_read() {
    let mut n = Nearset::empty();
    write(&n, ".env", "CACHE_MB=1\nSHED_MS=1\n");
    write(&n, ".env.prod", "CACHE_MB=3\n");
    write(&n, "conf/own.env", "CACHE_MB=4\n");
    // in the environment: those and no others
    n.set("ENV_FILE", "conf/own.env");
    assert_eq!(shown(&n, "CACHE_MB"), pair("4", "conf/own.env:1"));
    assert_eq!(shown(&n, "SHED_MS").1, "the default");
    n.set("ENV_FILE", ".env, .env.prod");
    assert_eq!((shown(&n, "CACHE_MB").0, shown(&n, "SHED_MS").0), ("3".to_owned(), "1".to_owned()));
    n.set("ENV_FILE", "nowhere.env");
    let error = n.fails(1, &["runs"]);
    assert!(error.contains("nowhere.env does not exist; ENV_FILE names it"), "{error}");
    // in .env: what is read over it
    n.set("ENV_FILE", "");
    write(&n, ".env", "CACHE_MB=1\nSHED_MS=1\nENV_FILE=conf/own.env\n");
    assert_eq!((shown(&n, "CACHE_MB").0, shown(&n, "SHED_MS").0), ("4".to_owned(), "1".to_owned()));
}

#[test]
fn old_names_are_read_as_ours_and_ours_count() {
    let mut n = Nearset::empty();
    write(
        &n,
        ".env",
        "MATOMO_SOURCE=json\nTEXT_EMBEDDING_MODEL=all-MiniLM-L6-v2\nRECOMMEND_API_HOST_PORT=8123\n\
         EXPERIMENT_CONFIG_PATH=old/experiments.yaml\nLOG_LEVEL=WARNING\n",
    );
    assert_eq!(shown(&n, "MATOMO_DATA_SOURCE"), pair("json", ".env:1 (MATOMO_SOURCE)"));
    assert_eq!(shown(&n, "SBERT_MODEL"), pair("all-MiniLM-L6-v2", ".env:2 (TEXT_EMBEDDING_MODEL)"));
    assert_eq!(shown(&n, "LISTEN"), pair("127.0.0.1:8123", ".env:3 (RECOMMEND_API_HOST_PORT)"));
    assert_eq!(shown(&n, "EXPERIMENTS_FILE"), pair("old/experiments.yaml", ".env:4 (EXPERIMENT_CONFIG_PATH)"));
    assert_eq!(shown(&n, "LOG_LEVEL"), pair("WARNING", ".env:5"));
    n.set("LISTEN", &format!("127.0.0.1:{}", free_port()));
    write(&n, "nearset.toml", "sbert_model = \"all-MiniLM-L6-v2\"\n");
    let said = text(&n.run(&["doctor"]).stdout);
    for words in [
        ".env:1: MATOMO_SOURCE is read as MATOMO_DATA_SOURCE",
        ".env:2: TEXT_EMBEDDING_MODEL says the same as SBERT_MODEL (nearset.toml:1)",
        "look  settings                      .env:3: RECOMMEND_API_HOST_PORT is passed over, since LISTEN (the environment)",
        "EXPERIMENT_CONFIG_PATH names old/experiments.yaml, which is not there",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    // what cannot be used is named as it is written
    write(&n, ".env", "MATOMO_SOURCE=mysql\nRECOMMEND_API_HOST_PORT=eighty\nLOG_LEVEL=loud\nPOPULAR_MIN_PRICE=-1\n");
    n.set("LISTEN", "");
    let error = n.fails(1, &["runs"]);
    for words in [
        "MATOMO_SOURCE = \"mysql\" (from .env:1) cannot be used: expected json or database",
        "RECOMMEND_API_HOST_PORT = \"eighty\" (from .env:2) cannot be used: expected a port, 1 to 65535",
        "LOG_LEVEL = \"loud\" (from .env:3) cannot be used",
        "POPULAR_MIN_PRICE = \"-1\" (from .env:4) cannot be used",
    ] {
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn doctor_says_what_becomes_of_every_other_old_name() {
    let mut n = alone(Nearset::empty());
    n.set("AIRFLOW_UID", "50000");
    write(
        &n,
        ".env",
        "REDIS_URL=redis://:hunter2@redis:6379/0\nREDIS_DB=0\nFEATURE_REDIS_URL=redis://r\nDB_POOL_SIZE=5\nEXTRACT_CHUNK=9\n\
         SIMILARITY_K=3\nUSE_FAISS_RECALL=1\nRANKER_TRIALS=4\nMAX_RANKING_SAMPLES=9\nTEXT_EMBED_BATCH=3\nHF_HUB_OFFLINE=1\n\
         TIMEOUT_RECALL=1\nRECO_THREAD_POOL_WORKERS=8\nCACHE_TTL_SECONDS=60\nGRAFANA_HOST_PORT=3000\n",
    );
    write(
        &n,
        ".env.prod",
        "MLFLOW_ARTIFACT_ROOT=/mlflow\nMLFLOW_EXPERIMENT_NAME=x\nWEIXIN_CORP_SECRET=hunter3\nWEIXIN_CORP_ID=ww1\nWEIXIN_AGENT_ID=7\nSENTRY_DSN=https://hunter4@sentry/1\n",
    );
    let output = n.run(&["doctor"]);
    let said = text(&output.stdout);
    for words in [
        "ok    settings                      .env: REDIS_URL (line 1), REDIS_DB (line 2), FEATURE_REDIS_URL (line 3) not read: lists",
        ".env: DB_POOL_SIZE (line 4) not read: ",
        ".env: EXTRACT_CHUNK (line 5) not read: ",
        "USE_FAISS_RECALL (line 7)",
        "SIMILARITY_K (line 6)",
        "MAX_RANKING_SAMPLES (line 9)",
        "RANKER_TRIALS (line 8)",
        ".env: TEXT_EMBED_BATCH (line 10) not read: ",
        ".env: HF_HUB_OFFLINE (line 11) not read: nothing is ever downloaded",
        "TIMEOUT_RECALL (line 12)",
        "RECO_THREAD_POOL_WORKERS (line 13)",
        ".env: CACHE_TTL_SECONDS (line 14) not read: ",
        ".env: GRAFANA_HOST_PORT (line 15) not read: there is one server",
        "the environment: AIRFLOW_UID not read: ",
        "look  settings                      .env.prod: ",
        "SENTRY_DSN (line 6) not read: nothing is sent to Sentry",
        "wecom (wecom_app) are told (WEIXIN_CORP_ID)",
        "MLFLOW_ARTIFACT_ROOT (line 1)",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("hunter") && !text(&output.stderr).contains("hunter"), "{said}");
    n.set("LANG", "zh_CN.UTF-8");
    let said = text(&n.run(&["doctor"]).stdout);
    assert!(
        said.contains(".env：REDIS_URL（第 1 行）、REDIS_DB（第 2 行）") && said.contains("不读取：列表与特征都在"),
        "{said}"
    );
}

/// One experiment of the old form, whose second variant everyone but a few gets.
const OLD_EXPERIMENTS: &str = "
experiments:
  recommendation_detail:
    salt: detail-2025
    status: active
    variants:
      - {name: control, allocation: 0.01}
      - name: popular_boost
        allocation: 0.99
        parameters: {popular_weight: 0.05, price_weight: 0.5, recall_depth: 3}
";

#[test]
fn experiments_are_found_where_the_old_system_kept_them() {
    let mut n = alone(Nearset::demo());
    write(&n, "config/experiments.yaml", OLD_EXPERIMENTS);
    let output = n.run(&["doctor"]);
    let (said, warned) = (text(&output.stdout), text(&output.stderr));
    assert!(said.contains("1 run by config/experiments.yaml"), "{said}");
    for name in ["price_weight", "recall_depth"] {
        let words =
            format!("parameter {name} of variant popular_boost of experiment recommendation_detail means nothing here");
        assert!(warned.contains(&words), "{warned}");
    }
    let server = n.serve();
    let variants: Vec<Value> = (1..30)
        .map(|user| server.list(&format!("/recommend/detail/1001?user_id={user}"))["experiment_variant"].clone())
        .collect();
    assert!(variants.contains(&json!("popular_boost")), "{variants:?}");
    drop(server);
    // a level of the log that the old settings know
    n.set("LOG_LEVEL", "ERROR");
    let output = n.run(&["doctor"]);
    assert!(!text(&output.stderr).contains("price_weight"), "{}", text(&output.stderr));
    // the file that a setting names comes first
    write(&n, "elsewhere.yml", "experiments: {}\n");
    n.set("EXPERIMENT_CONFIG_PATH", "elsewhere.yml");
    assert!(text(&n.run(&["doctor"]).stdout).contains("0 run by elsewhere.yml"));
}

#[test]
fn the_popular_filter_puts_datasets_behind_and_leaves_none_out() {
    let mut n = Nearset::empty();
    n.take_fixtures(|_| true);
    let run = |n: &Nearset| {
        n.ok(&["run", "--as-of", AS_OF]);
        let rows = n.sql(
            "select dataset_id, popular_datasets.is_wanted, price, popular_datasets.views + popular_datasets.orders as used,
                 date_diff('day', popularity.last_active_at, getvariable('as_of')) as idle
             from popular_datasets
             inner join popularity using (dataset_id)
             inner join datasets using (dataset_id)
             order by popular_datasets.is_wanted desc, is_above_floor desc, popular_datasets.score desc, popular_datasets.quality desc, dataset_id",
        );
        (rows, n.serve().list("/hot/trending?limit=100&timeframe=30d")["items"].as_array().map_or(0, Vec::len))
    };
    let (without, length) = run(&n);
    assert!(without.iter().all(|row| row["is_wanted"] == true));
    n.set("POPULAR_MIN_PRICE", "5");
    n.set("POPULAR_MIN_INTERACTION", "20");
    n.set("POPULAR_MAX_INACTIVE_DAYS", "3");
    let (with, same_length) = run(&n);
    assert_eq!((with.len(), same_length), (without.len(), length));
    let wanted = with.iter().filter(|row| row["is_wanted"] == true).count();
    assert!(wanted > 0 && wanted < with.len(), "{wanted} of {}", with.len());
    for row in &with {
        let is_wanted = row["price"].as_f64().is_some_and(|price| price >= 5.0)
            && row["used"].as_f64() >= Some(20.0)
            && row["idle"].as_f64().is_some_and(|idle| idle <= 3.0);
        assert_eq!(row["is_wanted"], is_wanted, "{row}");
    }
    // the list for who nothing is known of is made of the first of them
    let server = n.serve();
    let found = ids(&server.list("/similar/999999?top_n=5")["similar_items"]);
    assert!(wanted > 20 && found.len() == 5, "{wanted} {found:?}");
    for id in found {
        assert!(with.iter().any(|row| row["dataset_id"] == id && row["is_wanted"] == true), "{id}");
    }
    drop(server);
    n.set("POPULAR_ENABLE_FILTER", "false");
    assert!(run(&n).0.iter().all(|row| row["is_wanted"] == true));
}

#[test]
fn daily_reports_go_where_the_setting_says() {
    let mut n = alone(Nearset::empty());
    n.take_fixtures(|_| true);
    n.set("DAILY_REPORT_DIR", "reports/daily");
    n.ok(&["run", "--as-of", AS_OF]);
    let report = n.path().join("reports/daily/recommendation_report_2026-10-15.json");
    assert!(report.is_file() && !n.data().join("evaluation/daily_reports").exists());
    fs::remove_file(&report).expect("removed");
    n.ok(&["report", "--date", "2026-10-15"]);
    assert!(report.is_file());
    assert!(
        !fs::read_dir(report.parent().expect("a folder"))
            .expect("listed")
            .flatten()
            .any(|entry| { entry.file_name().to_string_lossy().ends_with(".part") })
    );
    assert!(text(&n.run(&["doctor"]).stdout).contains("reports/daily can be written"));
}
