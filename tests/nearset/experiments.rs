//! Experiments from the file to the verdict: what the commands change, what serving logs, what a run makes of it, what pages show.

use std::fs;
use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};

use crate::serving::until;
use crate::support::{AS_OF, Nearset, ROOT};

const FILE: &str = "# ours
holdout = 0.2

[experiments.variety]   # the first
end = 2099-12-31
least_effect = 0.5

[[experiments.variety.variants]]
name = \"control\"
allocation = 0.5

[[experiments.variety.variants]]
name = \"varied\"
allocation = 0.5
parameters = { variety = 1.0, provider_limit = 2 }
";

/// The fixtures' log as one of an experiment: the first half of it under even shares, the rest under others.
fn exposures(is_varied: impl Fn(usize) -> bool) -> String {
    let packed = fs::File::open(Path::new(ROOT).join("fixtures/exposure_log.1.jsonl.gz")).expect("the log");
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text).expect("text");
    let count = text.lines().count();
    let lines = text.lines().enumerate().map(|(number, line)| {
        let mut line: Value = serde_json::from_str(line).expect("JSON");
        let visitor = number % 400;
        let shares = if number < count / 2 {
            json!({"control": 0.5, "varied": 0.5})
        } else {
            json!({"control": 0.2, "varied": 0.8})
        };
        let context = &mut line["context"];
        context["experiment"] = json!("variety");
        context["experiment_variant"] = json!(if is_varied(visitor) { "varied" } else { "control" });
        context["visitor"] = json!(format!("{visitor:012x}"));
        context["allocation"] = shares;
        context["holdout"] = json!(0.2);
        line.to_string() + "\n"
    });
    lines.collect()
}

fn run(is_varied: impl Fn(usize) -> bool) -> Nearset {
    let n = Nearset::empty();
    n.take_fixtures(|_| true);
    fs::create_dir_all(n.data().join("evaluation")).expect("a folder");
    fs::write(n.data().join("evaluation/exposure_log.jsonl"), exposures(is_varied)).expect("a log");
    fs::write(n.data().join("experiments.toml"), FILE).expect("a file");
    n.ok(&["run", "--as-of", AS_OF]);
    n
}

#[test]
fn start_and_stop_change_one_value_and_a_server_takes_it_up() {
    let n = Nearset::demo();
    let file = n.data().join("experiments.toml");
    fs::write(&file, FILE).expect("a file");
    let server = n.serve();
    let variant = |user: u32| {
        let list = server.list(&format!("/recommend/detail/1001?user_id={user}"));
        list["experiment_variant"].as_str().expect("a variant").to_owned()
    };
    let varied = (1..60).find(|user| variant(*user) == "varied").expect("one of them");
    let held_out = (1..60).find(|user| variant(*user) == "holdout").expect("one of them");
    let stopped = n.ok(&["experiments", "stop", "variety", "--keep", "varied"]);
    assert!(stopped.contains("VARIETY=1.0") && stopped.contains("PROVIDER_LIMIT=2"), "{stopped}");
    assert_eq!(
        fs::read_to_string(&file).expect("text"),
        FILE.replace("# the first\n", "# the first\nstatus = \"stopped\"\n")
    );
    until("the stop is taken up", || variant(varied) == "control");
    assert_eq!(variant(held_out), "holdout", "that is of all experiments");
    n.ok(&["experiments", "start", "variety"]);
    until("the start is taken up", || variant(varied) == "varied");
    assert!(n.fails(1, &["experiments", "stop", "varity"]).contains("did you mean variety?"));
    assert!(n.fails(1, &["experiments", "stop", "variety", "--keep", "nothing"]).contains("control, varied"));
    let list: Value = serde_json::from_str(&n.ok(&["experiments", "list", "--json"])).expect("JSON");
    assert_eq!((&list[0]["name"], &list[0]["state"]), (&json!("variety"), &json!("running")));
    let log = fs::read_to_string(n.data().join("evaluation/exposure_log.jsonl")).expect("a log");
    let last: Vec<Value> =
        log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["context"].clone()).collect();
    let of = |variant: &str| last.iter().find(|context| context["experiment_variant"] == variant).expect("a list");
    assert_eq!(of("varied")["allocation"], json!({"control": 0.5, "varied": 0.5}));
    assert_eq!((&of("holdout")["holdout"], &of("holdout")["experiment"]), (&json!(0.2), &Value::Null));
}

#[test]
fn a_run_tells_where_variants_stand_and_every_sum_is_kept() {
    let n = run(|visitor| visitor % 2 == 0);
    let sums = "select experiment_variant, sum(exposures)::bigint as exposures, sum(clicks)::bigint as clicks";
    let results =
        n.sql(&format!("{sums} from experiment_results where experiment = 'variety' group by all order by all"));
    assert_eq!(
        results,
        n.sql(&format!("{sums} from variant_metrics_v2 where experiment = 'variety' group by all order by all"))
    );
    assert_eq!(
        results,
        n.sql(&format!("{sums} from experiment_days where experiment = 'variety' group by all order by all"))
    );
    let row = &n.sql("from experiment_results where experiment_variant = 'varied'")[0];
    assert_eq!((&row["allocations"], &row["state"], &row["metric"]), (&json!(2), &json!("running"), &json!("clicks")));
    assert!(row["difference_low"].as_f64() < row["difference"].as_f64(), "{row}");
    // nobody of the log is held out, of whom a fifth should be
    let held = n.sql(
        "select verdict, is_sample_ratio_off from experiment_results where experiment = 'holdout' and not is_control",
    );
    assert_eq!(held, [json!({"verdict": "sample_ratio_off", "is_sample_ratio_off": true})]);
    let shown = n.ok(&["experiments", "show", "variety"]);
    assert!(shown.contains("varied") && shown.contains("sample ratio"), "{shown}");
    let server = n.serve();
    for path in ["/console/experiments", "/console/experiments/variety", "/console/experiments/holdout"] {
        let (status, html) = server.get_text(path);
        assert_eq!(status, 200, "{path}");
        assert!(html.contains("varied") || html.contains("everyone_else"), "{path}: {html}");
    }
    assert_eq!(server.get_text("/console/experiments/none").0, 404);
    assert!(server.get_text("/metrics").1.contains("experiment_sample_ratio_off{experiment=\"holdout\"} 1"));
}

#[test]
fn tuning_is_refused_where_visitors_are_not_those_that_were_allocated() {
    let n = run(|visitor| visitor % 5 == 0);
    let refused = n.fails(1, &["experiments", "tune", "variety"]);
    assert!(refused.contains("the sample ratio of variety is off"), "{refused}");
    assert!(n.fails(1, &["experiments", "tune", "holdout"]).contains("does not run"));
}
