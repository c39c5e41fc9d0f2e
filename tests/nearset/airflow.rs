//! The DAGs of deploy/airflow in the real Airflow, and the chain of runs that their tasks are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::faults::state::{self, AS_OF, State};
use crate::support::{Nearset, ROOT, copy_dir, text};

#[test]
fn a_chain_of_single_steps_leaves_what_one_run_leaves() {
    let first = state::small(1);
    let twin = || {
        let mut twin = Nearset::in_memory();
        twin.set("THREADS", "1");
        copy_dir(first.path(), twin.path());
        twin
    };
    let (whole, chain) = (twin(), twin());
    let steps: [&[&str]; 4] =
        [&["--only", "extract"], &["--only", "features"], &["--from", "train"], &["--only", "reconcile"]];
    for stage in [1, 2] {
        if stage == 2 {
            state::add_stage(&whole, 2);
            state::add_stage(&chain, 2);
        }
        whole.ok(&["run", "--as-of", AS_OF]);
        for step in steps {
            chain.ok(&[&["run", "--as-of", AS_OF], step].concat());
        }
        assert_eq!(State::read(&chain), State::read(&whole), "stage {stage}");
        assert_eq!(state::outcome(&chain), state::outcome(&whole), "stage {stage}");
    }
}

/// Where tests/install-airflow.sh has put an Airflow.
fn airflow(major: u32) -> PathBuf {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache"))).expect("a home");
    let place = cache.join(format!("nearset/airflow{major}"));
    assert!(place.join("ready").exists(), "no Airflow in {}: `make servers` puts it there", place.display());
    place
}

/// Asks an Airflow of the DAGs; `run` is a DAG to run, and its conf.
fn ask(major: u32, n: &Nearset, run: &[&str]) -> Value {
    let (place, home, out) = (airflow(major), n.path().join("airflow"), n.path().join("answers.json"));
    copy_dir(&place.join("home"), &home);
    let dags = Path::new(ROOT).join("deploy/airflow/dags");
    let mut command = Command::new(place.join("bin/python"));
    command.arg(Path::new(ROOT).join("tests/ask_airflow.py")).args([&dags, &out]);
    command.args(if run.is_empty() { vec![] } else { [&["run"], run].concat() });
    let settings = n.command(&["run"]);
    let settings = settings.get_envs().filter_map(|(name, value)| Some((name, value?)));
    command.current_dir(n.path()).env_clear().envs(settings);
    let environment = [
        ("AIRFLOW_HOME", home.as_os_str()),
        ("AIRFLOW__CORE__DAGS_FOLDER", dags.as_os_str()),
        ("AIRFLOW__CORE__LOAD_EXAMPLES", "False".as_ref()),
        ("AIRFLOW__LOGGING__LOGGING_LEVEL", "ERROR".as_ref()),
        ("NEARSET", env!("CARGO_BIN_EXE_nearset").as_ref()),
        ("NEARSET_HOME", n.path().as_os_str()),
        ("HOME", n.path().as_os_str()),
        ("PYTHONDONTWRITEBYTECODE", "1".as_ref()),
        ("PYTHONWARNINGS", "ignore".as_ref()),
    ];
    let output = command.envs(environment).output().expect("Python");
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    let answers = fs::read_to_string(&out).unwrap_or_else(|e| panic!("Airflow {major}: {e}: {said}"));
    let mut answers: Value = serde_json::from_str(&answers).expect("JSON");
    answers["said"] = said.into();
    answers
}

fn holds(answers: &Value) {
    assert_eq!(answers["errors"].as_str().map(str::trim), Some("No data found"), "{answers}");
    assert_eq!(answers["bag_errors"], json!({}));
    let list: Vec<Value> = serde_json::from_str(answers["list"].as_str().expect("a list")).expect("JSON");
    let mut ids: Vec<&str> = list.iter().map(|dag| dag["dag_id"].as_str().expect("an id")).collect();
    ids.sort_unstable();
    let known =
        ["daily_recommendation_report", "incremental_data_update", "recommendation_pipeline", "weekly_model_refresh"];
    assert_eq!(ids, known);
    let dag = |id: &str, name: &str| answers["dags"][id][name].clone();
    let of = |name: &str| known.map(|id| dag(id, name));
    assert_eq!(of("schedule"), ["0 20 * * *", "0 */4 * * *", "0 18 * * *", "0 12 * * 6"]);
    assert_eq!(of("catchup"), [true, false, false, false]);
    assert_eq!(of("retries"), [600.0, 300.0, 600.0, 900.0].map(|delay| json!([[1, delay]])));
    assert_eq!(dag("recommendation_pipeline", "pools"), json!(["RECSYS_HEAVY_POOL"]));
    assert_eq!(dag("recommendation_pipeline", "params"), json!(["dry_run", "full_refresh"]));
    assert_eq!(of("undocumented"), [(); 4].map(|()| json!([])));
    tasks_hold(&dag);
    // done, failed and tried again, wrong usage, locked and asked again, refused, held back
    let becomes = json!([true, "AirflowException", "AirflowFailException", false, "AirflowFailException", "held_back"]);
    assert_eq!(answers["codes"], becomes);
    assert_eq!(answers["conf"], json!([true, true, "AirflowFailException"]));
}

/// The tasks of each DAG, in their order.
fn tasks_hold(dag: &impl Fn(&str, &str) -> Value) {
    assert_eq!(
        dag("recommendation_pipeline", "tasks"),
        json!([
            "extract_load",
            "build_features",
            "data_quality",
            "aggregate_matomo_events",
            "build_training_labels",
            "train_models",
            "recall_engine",
            "evaluate",
            "train_channel_weights",
            "reconcile_metrics"
        ])
    );
    assert_eq!(
        dag("weekly_model_refresh", "tasks"),
        json!([
            "aggregate",
            "verify_matomo_files",
            "build_training_labels",
            "verify_training_files",
            "verify_training_readiness",
            "build_features",
            "train",
            "recall",
            "reload_api_models",
            "evaluate_tracking",
            "optimize_experiments"
        ])
    );
    assert_eq!(
        dag("incremental_data_update", "edges"),
        json!([
            ["build_features", "train_models"],
            ["extract_incremental_data", "build_features"],
            ["train_models", "update_recall_engine"],
            ["update_recall_engine", "clear_redis_cache"],
            ["update_recall_engine", "reload_api_models"]
        ])
    );
    assert_eq!(dag("daily_recommendation_report", "tasks"), json!(["generate_daily_report"]));
}

#[test]
fn airflow_3_loads_the_dags() {
    holds(&ask(3, &state::small(1), &[]));
}

#[test]
fn airflow_2_loads_the_dags_and_runs_the_pipeline() {
    let n = state::small(1);
    // a name that a shell would take for a command
    let answers = ask(
        2,
        &n,
        &["recommendation_pipeline", r#"{"full_refresh": true, "note": "$(touch injected); `touch injected`"}"#],
    );
    holds(&answers);
    assert_eq!(answers["state"], "success", "{}", answers["said"]);
    let tasks = answers["tasks"].as_object().expect("tasks");
    assert!(tasks.len() == 10 && tasks.values().all(|state| state == "success"), "{tasks:?}");
    assert!(!n.path().join("injected").exists());
    let runs: Vec<Value> = serde_json::from_str(&n.ok(&["runs", "--json"])).expect("JSON");
    let asked: Vec<&Value> = runs.iter().map(|run| &run["asked"]).collect();
    assert_eq!(
        asked,
        [&json!(["extract"]), &json!(["features"]), &json!(["train", "evaluate", "reconcile"]), &json!(["reconcile"])]
    );
    let moments: Vec<&Value> = runs.iter().map(|run| &run["as_of"]).collect();
    assert!(moments.windows(2).all(|pair| pair[0] == pair[1]), "one moment for the whole chain: {moments:?}");
    let look: Value = serde_json::from_str(&n.ok(&["runs", "show", "--json"])).expect("JSON");
    let by = &look["record"]["started"];
    assert_eq!((&by["dag"], &by["task"]), (&json!("recommendation_pipeline"), &json!("reconcile_metrics")), "{look}");
}
