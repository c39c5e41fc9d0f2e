//! A folder as the old system leaves it is taken over: `doctor`, `run`, `serve` work in it, every name that a script or a dashboard
//! of the old system may ask for is found, and nothing that was there is lost.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::support::{AS_OF, Nearset, ROOT, Server, agent, text};

/// What Prometheus asks for, each as a series begins.
const METRICS: &[&str] = &[
    "recommendation_requests_total{endpoint=\"recommend_detail\",status=\"success\"}",
    "recommendation_latency_seconds_bucket{endpoint=\"recommend_detail\",le=\"0.01\"}",
    "recommendation_latency_seconds_bucket{endpoint=\"recommend_detail\",le=\"10\"}",
    "recommendation_count_bucket{endpoint=\"recommend_detail\",le=\"0\"}",
    "recommendation_count_bucket{endpoint=\"recommend_detail\",le=\"1\"}",
    "recommendation_count_bucket{endpoint=\"recommend_detail\",le=\"5\"}",
    "recommendation_count_bucket{endpoint=\"recommend_detail\",le=\"10\"}",
    "recommendation_count_bucket{endpoint=\"recommend_detail\",le=\"20\"}",
    "recommendation_count_bucket{endpoint=\"recommend_detail\",le=\"50\"}",
    "recommendation_count_bucket{endpoint=\"recommend_detail\",le=\"100\"}",
    "recommendation_exposures_total{degrade_reason=\"none\",endpoint=\"recommend_detail\"",
    "recommendation_fallback_ratio{endpoint=\"recommend_detail\"}",
    "recommendation_degraded_total{endpoint=",
    "fallback_triggered_total{level=",
    "cache_requests_total{operation=",
    "cache_hit_rate",
    "model_inference_latency_seconds_count{model_type=",
    "recall_candidates_count_count{recall_type=",
    "recommendation_timeouts_total",
    "item_coverage_ratio",
    "user_coverage_ratio",
    "error_total{endpoint=",
    "recommendation_service_info{",
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "process_start_time_seconds",
    "process_open_fds",
    "data_quality_score{table=\"interactions\"}",
    "data_quality_score{table=\"dataset_features\"}",
    "data_quality_score{table=\"user_profile\"}",
    "data_quality_anomalies{table=",
    "data_quality_alerts{severity=",
    "data_schema_contract_status{table=\"business.dataset\"}",
    "data_schema_contract_status{table=\"matomo.matomo_log_visit\"}",
    "data_schema_contract_violations{table=",
];

/// Rules by their names, in the file that takes the place of the old one.
const RULES: &[&str] = &[
    "RecommendationHighErrorRate",
    "RecommendationLatencyHigh",
    "DegradeRateSpike",
    "RecommendationFallbackRatioHigh",
    "RecommendationExposureDrop",
    "DataQualityScoreDrop",
    "SchemaContractViolation",
];

/// Files below the data folder, and one of the models' folder.
const FILES: &[&str] = &[
    "data/processed/interactions.parquet",
    "data/processed/dataset_features.parquet",
    "data/processed/user_profile.parquet",
    "data/processed/dataset_stats.parquet",
    "data/processed/recommend_exposures.parquet",
    "data/processed/recommend_clicks.parquet",
    "data/processed/recommend_conversions.parquet",
    "data/processed/recommend_slot_metrics.parquet",
    "data/processed/ranking_labels_by_dataset.parquet",
    "data/processed/dataset_features_v2.parquet",
    "data/_metadata/extract_state.json",
    "data/evaluation/dataset_metrics.csv",
    "data/evaluation/extract_metrics.json",
    "data/evaluation/tracking_report_v2.json",
    "data/evaluation/tracking_verification.json",
    "data/evaluation/data_quality_report_v2.json",
    "data/evaluation/data_quality_report_v2.html",
    "data/evaluation/data_quality_metrics.prom",
    "data/evaluation/exposure_metrics.json",
    "data/evaluation/summary.json",
    "models/model_registry.json",
];

/// Keys of JSON files: the file, and where in it.
const KEYS: &[(&str, &str)] = &[
    ("evaluation/summary.json", "/total_datasets_tracked"),
    ("evaluation/summary.json", "/total_views"),
    ("evaluation/summary.json", "/total_conversions"),
    ("evaluation/summary.json", "/total_revenue"),
    ("evaluation/summary.json", "/average_conversion_rate"),
    ("evaluation/summary.json", "/exposures_total"),
    ("evaluation/summary.json", "/exposures_unique_users"),
    ("evaluation/summary.json", "/exposures_ctr"),
    ("evaluation/summary.json", "/exposures_cvr"),
    ("evaluation/summary.json", "/vector_recall_hit_rate_at_50"),
    ("evaluation/summary.json", "/ranking_hit_rate_top20"),
    ("daily", "/summary/date"),
    ("daily", "/summary/total_exposures"),
    ("daily", "/summary/total_clicks"),
    ("daily", "/summary/total_conversions"),
    ("daily", "/summary/total_revenue"),
    ("daily", "/summary/total_detail_views"),
    ("daily", "/summary/overall_ctr"),
    ("daily", "/summary/overall_cvr"),
    ("daily", "/deltas/vs_previous_day"),
    ("daily", "/deltas/vs_7day_avg"),
    ("daily", "/comparisons"),
    ("daily", "/breakdowns/by_version"),
    ("daily", "/breakdowns/by_endpoint"),
    ("daily", "/breakdowns/by_position"),
    ("daily", "/breakdowns/top_datasets"),
    ("daily", "/operations/fallbacks"),
    ("daily", "/operations/variants"),
    ("daily", "/operations/experiments"),
    ("daily", "/operations/funnel_rates"),
    ("daily", "/history_chart"),
    ("daily", "/generated_at"),
    ("daily", "/record_counts"),
    ("models", "/current/run_id"),
    ("models", "/current/artifact_uri"),
    ("models", "/current/logged_at"),
    ("models", "/current/artifacts"),
    ("models", "/current/params"),
    ("models", "/current/metrics"),
    ("models", "/history"),
    ("evaluation/data_quality_report_v2.json", "/tables/interactions/score"),
    ("evaluation/data_quality_report_v2.json", "/anomalies"),
    ("evaluation/data_quality_report_v2.json", "/alerts"),
    ("evaluation/data_quality_report_v2.json", "/recommendations"),
];

/// Routes with what they answer, by places in their JSON.
const ROUTES: &[(&str, &[&str])] = &[
    (
        "/similar/1003?top_n=5",
        &[
            "/dataset_id",
            "/similar_items/0/dataset_id",
            "/similar_items/0/title",
            "/similar_items/0/price",
            "/similar_items/0/cover_image",
            "/similar_items/0/score",
            "/similar_items/0/reason",
            "/similar_items/0/reason_code",
            "/request_id",
            "/algorithm_version",
            "/variant",
            "/experiment_variant",
            "/request_context",
        ],
    ),
    (
        "/recommend/detail/1003?user_id=1&top_n=5&source=search",
        &[
            "/recommendations/0/dataset_id",
            "/request_id",
            "/request_context/endpoint",
            "/request_context/degrade_reason",
            "/request_context/source",
            "/request_context/device_type",
            "/request_context/locale",
            "/request_context/client_app",
            "/request_context/feature_snapshot_id",
        ],
    ),
    ("/recommend?user_id=1&top_n=5", &["/recommendations/0/dataset_id", "/request_id"]),
    ("/hot/trending?limit=5&timeframe=24h", &["/timeframe", "/items/0/dataset_id"]),
    ("/health", &["/status", "/models_loaded", "/model_version", "/cache", "/checks"]),
    ("/openapi.json", &["/paths/~1similar~1{dataset_id}"]),
];

/// Routes of pages.
const PAGES: &[&str] = &["/docs", "/reports"];

/// Headers of every answer.
const HEADERS: &[&str] = &["x-request-id", "x-response-time"];

/// Settings of the old system: each has its line in the page on migration, in both languages.
const SETTINGS: &[&str] = &[
    "DATA_SOURCE",
    "BUSINESS_DATA_SOURCE",
    "MATOMO_DATA_SOURCE",
    "MATOMO_SOURCE",
    "DATA_JSON_DIR",
    "DATA_DIR",
    "MODELS_DIR",
    "BUSINESS_DB_HOST",
    "MATOMO_DB_HOST",
    "MATOMO_TABLE_PREFIX",
    "MATOMO_REQUEST_DIMENSION",
    "MATOMO_REQUEST_DIMENSIONS",
    "MATOMO_POSITION_DIMENSION",
    "DATASET_IMAGE_ROOT",
    "CLIP_MODEL_PATH",
    "SBERT_MODEL",
    "TEXT_EMBEDDING_MODEL",
    "SENTENCE_TRANSFORMERS_HOME",
    "HF_HUB_OFFLINE",
    "EXPERIMENT_CONFIG_PATH",
    "ENV_FILE",
    "POPULAR_ENABLE_FILTER",
    "POPULAR_MIN_PRICE",
    "POPULAR_MIN_INTERACTION",
    "POPULAR_MAX_INACTIVE_DAYS",
    "MLFLOW_TRACKING_URI",
    "MLFLOW_EXPERIMENT_NAME",
    "WEIXIN_CORP_ID",
    "WEIXIN_CORP_SECRET",
    "WEIXIN_AGENT_ID",
    "WEIXIN_DEFAULT_USER",
    "DAILY_REPORT_DIR",
    "LOG_LEVEL",
    "RECOMMEND_API_HOST_PORT",
    "SENTRY_DSN",
    "REDIS_",
    "FEATURE_REDIS_URL",
    "DB_POOL_",
    "EXTRACT_",
    "SIMILARITY_",
    "USE_FAISS_RECALL",
    "RANKER_",
    "MAX_RANKING_SAMPLES",
    "TEXT_EMBED_",
    "HF_",
    "TIMEOUT_",
    "RECO_THREAD_POOL_WORKERS",
    "AIRFLOW_",
    "_HOST_PORT",
    "_TTL",
];

const ENV: &str = "\
# made by the old system's installer
DATA_SOURCE=json
DATA_JSON_DIR=data/json
DATA_DIR=data
MODELS_DIR=models
MATOMO_TABLE_PREFIX=matomo_
MATOMO_REQUEST_DIMENSIONS=4,2,3,1
REDIS_URL=redis://redis:6379/0
FEATURE_REDIS_URL=redis://redis:6379/1
DB_POOL_SIZE=5
EXTRACT_WORKERS=4
USE_FAISS_RECALL=true
RANKER_TYPE=lightgbm
TIMEOUT_RECALL_MS=200
AIRFLOW_UID=50000
HF_HUB_OFFLINE=1
MLFLOW_EXPERIMENT_NAME=dataset_recommendation
GRAFANA_HOST_PORT=3000
";

const EXPERIMENTS: &str = "\
experiments:
  detail_ranking_v1:
    status: active
    salt: spring
    variants:
      - name: control
        allocation: 0.5
      - name: more_content
        allocation: 0.5
        parameters: {content_weight: 1.5}
";

const CONTRACTS: &str = "\
version: 1
sources:
  business:
    dataset:
      primary_key: id
      required_columns:
        id: {type: bigint, nullable: false}
        dataset_name: {type: varchar, nullable: true}
        create_time: {type: datetime, nullable: true}
  matomo:
    matomo_log_visit:
      primary_key: idvisit
      required_columns:
        idvisit: {type: bigint, nullable: false}
        idvisitor: {type: varchar, nullable: false}
";

/// A folder as the old system leaves it: its settings, exports, files of its pipeline, pickles, logs.
fn left_behind() -> Nearset {
    let n = Nearset::empty();
    let put = |name: &str, bytes: &[u8]| {
        let path = n.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    };
    put(".env", ENV.as_bytes());
    put(".env.prod", b"LOG_LEVEL=INFO\n");
    put("config/experiments.yaml", EXPERIMENTS.as_bytes());
    put("config/schema_contracts.yaml", CONTRACTS.as_bytes());
    n.take_fixtures(|_| true);
    fs::rename(n.exports(), n.path().join("data_json")).expect("a move");
    fs::create_dir_all(n.data()).expect("a folder");
    fs::rename(n.path().join("data_json"), n.data().join("json")).expect("a move");
    let packed = fs::read(Path::new(ROOT).join("fixtures/exposure_log.1.jsonl.gz")).expect("the log");
    let mut log = Vec::new();
    GzDecoder::new(packed.as_slice()).read_to_end(&mut log).expect("gzip");
    put("data/evaluation/exposure_log.jsonl", &log);
    put(
        "data/evaluation/summary.json",
        json!({"total_datasets_tracked": 312, "total_views": 12345}).to_string().as_bytes(),
    );
    put("data/evaluation/exposure_metrics.json", b"{\"summary\": {\"exposures_total\": 1, \"ctr\": 0.9}}");
    put(
        "data/evaluation/daily_reports/recommendation_report_2026-10-15.json",
        b"{\"summary\": {\"date\": \"2026-10-15\", \"total_exposures\": 7}}",
    );
    put("data/evaluation/reconciliation_2026-10-01_2026-10-02.json", b"{\"2026-10-01\": {\"exposures\": 3}}");
    put("data/processed/interactions.parquet", b"PAR1 of the old system PAR1");
    put("data/_metadata/extract_state.json", b"{\"business\": {\"task\": {\"watermark\": \"2026-10-01T00:00:00\"}}}");
    for name in ["item_sim_behavior.pkl", "rank_model.pkl", "faiss_recall.index", "user_profile.pkl"] {
        put(&format!("models/{name}"), b"\x80\x04\x95 a pickle that nobody opens");
    }
    put("models/model_registry.json", b"{\"current\": {\"run_id\": \"20260901T000000Z\"}, \"history\": []}");
    put("models/artifacts/20260901T000000Z/metadata.json", b"{}");
    put("logs/pipeline.log", b"INFO done\n");
    n
}

/// The program as an operator starts it in that folder: with no setting but those of the old files.
fn operator(n: &Nearset, args: &[&str]) -> std::process::Output {
    let mut command = n.command(args);
    command.env_remove("DATA_JSON_DIR");
    command.output().expect("nearset runs")
}

fn all_files(dir: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.is_symlink() {
            all_files(&path, found);
        } else if path.is_file() && !path.is_symlink() {
            found.insert(path.clone(), fs::read(&path).expect("a file"));
        }
    }
}

/// What is asked for and not found.
#[derive(Default)]
struct Missing(Vec<String>);

impl Missing {
    fn unless(&mut self, is_found: bool, section: &str, name: &str) {
        if !is_found {
            self.0.push(format!("{section}: {name}"));
        }
    }
}

fn ask(server: &Server, path: &str) -> (u16, Value, Vec<String>) {
    let mut response = agent().get(format!("{}{path}", server.base)).call().expect("an answer");
    let headers = response.headers().keys().map(|name| name.as_str().to_owned()).collect();
    let status = response.status().as_u16();
    let body = response.body_mut().read_to_string().expect("text");
    (status, serde_json::from_str(&body).unwrap_or(Value::String(body)), headers)
}

/// The old names of files, keys, rules and settings.
fn look_for_files(n: &Nearset, before: &BTreeMap<PathBuf, Vec<u8>>, missing: &mut Missing) {
    for name in FILES {
        let path = n.path().join(name);
        let is_made = fs::read(&path).is_ok_and(|now| before.get(&path) != Some(&now));
        missing.unless(is_made, "files", name);
    }
    let daily = "evaluation/daily_reports/recommendation_report_2026-10-15.json";
    for (file, place) in KEYS {
        let path = match *file {
            "daily" => n.data().join(daily),
            "models" => n.models().join("model_registry.json"),
            file => n.data().join(file),
        };
        let content: Value = serde_json::from_slice(&fs::read(path).unwrap_or_default()).unwrap_or_default();
        missing.unless(content.pointer(place).is_some(), "keys", &format!("{file} {place}"));
    }
    let rules = Path::new(ROOT).join("deploy/prometheus/rules/recommendation.yml");
    let rules = fs::read_to_string(rules).unwrap_or_default();
    for name in RULES {
        missing.unless(rules.contains(&format!("alert: {name}\n")), "rules", name);
    }
    for page in ["docs/migration.md", "docs/migration.zh-CN.md"] {
        let page = fs::read_to_string(Path::new(ROOT).join(page)).expect("a page");
        for name in SETTINGS {
            missing.unless(page.contains(name), "settings", name);
        }
    }
}

/// The old names of routes, fields, headers and metrics.
fn ask_the_server(n: &Nearset, missing: &mut Missing) {
    let server = n.serve_with(|command| {
        command.env_remove("DATA_JSON_DIR").env("ADMIN_TOKEN", "secret-of-this-test");
    });
    for (path, places) in ROUTES {
        let (status, body, headers) = ask(&server, path);
        missing.unless(status == 200, "routes", path);
        for place in *places {
            missing.unless(body.pointer(place).is_some(), "answers", &format!("{path} {place}"));
        }
        for header in HEADERS {
            missing.unless(headers.iter().any(|name| name == header), "headers", header);
        }
    }
    for path in PAGES {
        missing.unless(ask(&server, path).0 == 200, "routes", path);
    }
    let (status, answer) = server.post("/models/reload", Some("secret-of-this-test"));
    assert_eq!(status, 200, "{answer}");
    for name in ["status", "mode", "run_id", "shadow_rollout", "message"] {
        missing.unless(answer.get(name).is_some(), "answers", &format!("/models/reload {name}"));
    }
    // an error, and someone nobody knows
    assert_eq!(ask(&server, "/similar/none").0, 400);
    ask(&server, "/recommend/detail/99999999");
    let (_, metrics, _) = ask(&server, "/metrics");
    let metrics = metrics.as_str().expect("text");
    for name in METRICS {
        missing.unless(metrics.lines().any(|line| line.starts_with(name)), "metrics", name);
    }
}

#[test]
fn a_folder_of_the_old_system_is_taken_over() {
    let n = left_behind();
    let mut before = BTreeMap::new();
    all_files(n.path(), &mut before);

    let doctor = operator(&n, &["doctor"]);
    let said = text(&doctor.stdout);
    assert!(doctor.status.success() && !said.contains("MEND"), "{said}{}", text(&doctor.stderr));
    assert!(said.contains("config/schema_contracts.yaml"), "{said}");

    let run = operator(&n, &["run", "--as-of", AS_OF]);
    let said = text(&run.stdout) + &text(&run.stderr);
    assert!(run.status.success(), "{said}");
    assert!(said.contains("before nearset are kept in data/before-nearset"), "{said}");
    let list = text(&operator(&n, &["models", "list"]).stdout);
    assert!(list.lines().count() == 1 && list.starts_with('*') && !list.contains("damaged"), "{list}");
    let doctor = operator(&n, &["doctor"]);
    assert!(doctor.status.success() && !text(&doctor.stdout).contains("MEND"), "{}", text(&doctor.stdout));

    // nothing that was there is lost: it lies where it lay, or where it is kept
    for (path, bytes) in &before {
        let below = path.strip_prefix(n.data()).map(|below| n.data().join("before-nearset").join(below));
        let of_models = path.strip_prefix(n.path()).map(|below| n.data().join("before-nearset").join(below));
        let kept = [Some(path.clone()), below.ok(), of_models.ok()];
        let is_kept = kept.into_iter().flatten().any(|place| fs::read(place).is_ok_and(|now| now.starts_with(bytes)));
        assert!(is_kept, "{} is gone", path.display());
    }
    let compared = operator(&n, &["doctor", "--compare", "data/before-nearset"]);
    let said = text(&compared.stdout);
    assert!(compared.status.success() && said.contains("summary.exposures_total"), "{said}{}", text(&compared.stderr));

    let mut missing = Missing::default();
    look_for_files(&n, &before, &mut missing);
    ask_the_server(&n, &mut missing);
    assert!(missing.0.is_empty(), "names of the old system that are not found:\n{}", missing.0.join("\n"));
}

#[test]
fn what_others_wrote_is_kept_before_it_is_replaced() {
    let n = left_behind();
    let put = |name: &str, text: &str| {
        let path = n.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    let found = |name: &str| fs::read_to_string(n.path().join(name)).unwrap_or_default();
    put(".env.prod", "DAILY_REPORT_DIR=reports\nTRAIN_SECONDS=0\n");
    let (daily, old) = ("reports/recommendation_report_2026-10-15.json", "{\"summary\": {\"total_exposures\": 2000}}");
    put(daily, old);
    let run = |args: &[&str]| {
        let run = operator(&n, &[&["run", "--as-of", AS_OF], args].concat());
        let said = text(&run.stdout) + &text(&run.stderr);
        assert!(run.status.success(), "{said}");
        said
    };
    // a rehearsal in folders of its own touches nothing
    run(&["--data-dir", "rehearsal/data", "--models-dir", "rehearsal/models"]);
    assert_eq!(found(daily), old);
    assert!(
        found("rehearsal/data/evaluation/daily_reports/recommendation_report_2026-10-15.json")
            .contains("total_detail_views")
    );
    assert!(run(&[]).contains("before nearset are kept in data/before-nearset"));
    assert_ne!(found(daily), old);
    assert_eq!(found("data/before-nearset/daily_reports/recommendation_report_2026-10-15.json"), old);
    // the way back, and another try
    put("data/evaluation/summary.json", "{\"total_views\": 777777}");
    put("data/processed/user_profile.parquet", "PAR1 of the old system, again PAR1");
    put(".env.prod", "DAILY_REPORT_DIR=reports\nTRAIN_SECONDS=0\nLEGACY_FILES=off\n");
    assert!(
        run(&["--full-refresh"]).contains("1 files that were there before nearset are kept in data/before-nearset-2")
    );
    assert!(found("data/before-nearset-2/evaluation/summary.json").contains("777777"));
    assert!(found("data/before-nearset/evaluation/summary.json").contains("12345"));
    assert!(found("data/processed/user_profile.parquet").contains("again"), "what nearset did not write stays");
    assert!(!n.data().join("processed/dataset_stats.parquet").exists(), "what it wrote goes");
    // its own files are replaced without a word, also those of a command beside
    let report = operator(&n, &["report", "--date", "2026-10-01"]);
    assert!(report.status.success(), "{}", text(&report.stderr));
    assert!(!run(&[]).contains("before nearset are kept"));
    assert!(!n.data().join("before-nearset-3").exists());
}
