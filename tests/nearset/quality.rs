//! Quality: what `nearset evaluate` says, rules, exploration and the language of reasons.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::Nearset;

fn ids(list: &Value) -> Vec<i64> {
    list.as_array().expect("a list").iter().map(|i| i["dataset_id"].as_i64().expect("an id")).collect()
}

#[test]
fn evaluate_measures_every_channel_on_the_same_steps() {
    let n = Nearset::demo();
    let mut command = n.command(&["evaluate", "--json"]);
    let output = command.env("TRAIN_SECONDS", "1").output().expect("nearset runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let figures: Value = serde_json::from_str(&said[said.find("{\n").expect("JSON")..]).expect("JSON");
    let metrics = figures["metrics"].as_array().expect("rows");
    let row = |list: &str| metrics.iter().find(|r| r["list"] == list && r["segment"] == "all").expect("a row");
    let figure = |list: &str, name: &str| row(list)[name].as_f64().expect("a figure");
    for list in
        ["detail", "similar", "behaviour", "graph", "sessions", "content", "lists", "taste", "popular", "trending"]
    {
        assert_eq!(row(list)["pairs"], row("detail")["pairs"], "{list}");
        assert!(figure(list, "hit_rate@5") <= figure(list, "hit_rate@10"));
        assert!(figure(list, "mrr@20") <= figure(list, "hit_rate@20"));
    }
    assert!(figure("detail", "hit_rate@10") > 0.65, "{}", row("detail"));
    assert!(figure("detail", "hit_rate@10_low") > figure("popular", "hit_rate@10_high"));
    let without =
        figures["comparison"].as_array().expect("rows").iter().find(|r| r["list"] == "detail without behaviour");
    let without = without.expect("an ablation");
    let fall = without["hit_rate@10_difference"].as_f64().expect("a figure");
    assert!(fall + without["hit_rate@10_margin"].as_f64().expect("a figure") < 0.0, "{without}");
}

#[test]
fn evaluate_says_how_sure_one_can_be_draws_and_sets_old_lists_beside_new_ones() {
    let mut n = Nearset::demo();
    n.set("TRAIN_SECONDS", "0");
    let pictures = || {
        let said = n.ok(&["evaluate"]);
        for part in ["how sure one can be of holdout", "four times of five", "beyond chance more often than popular"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let names = said.lines().filter(|line| line.ends_with(".svg"));
        names.map(|name| fs::read_to_string(n.path().join(name)).expect("a picture")).collect::<Vec<_>>()
    };
    let drawn = pictures();
    assert_eq!(drawn.len(), 3);
    for picture in &drawn {
        assert!(picture.starts_with("<svg xmlns=") && picture.contains("class=\"interval\""), "{picture}");
    }
    assert_eq!(drawn, pictures(), "the same to the byte");
    let kept = n.data().join("evaluation/offline/offline_against_shown.parquet");
    assert!(kept.is_file());
}

#[test]
fn figures_of_certainty_calibration_and_fairness_add_up() {
    let n = Nearset::demo();
    let none = |query: &str| assert_eq!(n.sql(query), Vec::<Value>::new(), "{query}");
    let some = |query: &str| assert!(!n.sql(query).is_empty(), "{query}");
    none(
        "select offline_certainty.list from offline_certainty
         inner join offline_comparison on offline_comparison.model = offline_certainty.model and offline_comparison.list = offline_certainty.list
         where segment = 'all' and abs(difference + \"hit_rate@10_difference\") > 1e-6",
    );
    some(
        "from offline_certainty where list = 'popular' and segment = 'all' and verdict = 'better' and detectable < difference",
    );
    none(
        "select model, list, sum(hits) as hits from score_calibration where basis = 'replayed' group by model, list
         having hits <> (
             select count(*) from raw.offline_replays as replays
             where replays.model = score_calibration.model and replays.list = score_calibration.list and place <= 10
         )",
    );
    none(
        "select * from (
             select calibrated - lag(calibrated) over (partition by basis, model, list order by tenth) as rise from score_calibration
         ) where rise < -1e-6",
    );
    some("from score_calibration where basis = 'shown' and hits > 0");
    none("from score_calibration_error where calibrated_error > error + 3 * chance_error");
    none(
        "select basis, model, list, breakdown from list_fairness group by all
         having abs(sum(exposure_share) - 1) > 1e-4 or abs(sum(wanted_share) - 1) > 1e-4 or abs(sum(catalogue_share) - 1) > 1e-4
             or abs(sum(difference)) > 1e-4",
    );
    none("from list_fairness where exposure_share not between exposure_share_low and exposure_share_high");
    for basis in ["replayed", "shown"] {
        some(&format!("from list_fairness where basis = '{basis}' and value = 'head' and exposures > 0"));
    }
    some("from offline_against_shown where list = 'detail' and segment = 'seen' and shown_hit_rate > 0");
}

#[test]
fn sessions_in_files_go_through_the_same_code() {
    let n = Nearset::empty();
    let line = |session: i64, item: i64, time: i64| format!("{session}\t{item}\t{time}.0\n");
    let walk = |sessions: std::ops::Range<i64>| {
        let steps = sessions.flat_map(|s| (0..3).map(move |step| line(s, (s % 20) * 3 + step, s * 1000 + step * 10)));
        format!("SessionId\tItemId\tTime\n{}", steps.collect::<String>())
    };
    fs::write(n.path().join("train.tsv"), walk(0..400)).expect("a file");
    fs::write(n.path().join("test.tsv"), walk(400..440)).expect("a file");
    let said = n.ok(&["evaluate", "--train", "train.tsv", "--test", "test.tsv", "--json", "--brief"]);
    let figures: Value = serde_json::from_str(&said[said.find("{\n").expect("JSON")..]).expect("JSON");
    let detail = figures["metrics"].as_array().expect("rows").iter().find(|r| r["list"] == "detail").expect("a row");
    assert_eq!(detail["pairs"], 80);
    assert_eq!(detail["hit_rate@5"], 1.0, "the way is the same each time: {detail}");
    fs::write(n.path().join("test.tsv"), "Session\tItem\n1\t2\n").expect("a file");
    let error = n.fails(1, &["evaluate", "--train", "train.tsv", "--test", "test.tsv"]);
    assert!(error.contains("SessionId, ItemId (a number), Time (seconds)"), "{error}");
}

#[test]
fn rules_hold_at_once_and_a_broken_file_changes_nothing() {
    let n = Nearset::demo();
    let server = n.serve();
    let list = || ids(&server.list("/similar/1001")["similar_items"]);
    let before = list();
    let (first, pinned) = (before[0], 1200);
    let rules = |text: String| fs::write(n.data().join("rules.toml"), text).expect("rules");
    let wait_for = |what: &str, is_so: &dyn Fn() -> bool| {
        let started = Instant::now();
        while !is_so() {
            assert!(started.elapsed() < Duration::from_secs(20), "{what}");
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    rules(format!(
        "[[rule]]\naction = \"never\"\ndatasets = [{first}]\n
         [[rule]]\naction = \"pin\"\ndatasets = [{pinned}]\npages = [1001]\nposition = 2\n
         [[rule]]\naction = \"never\"\ndatasets = [{}]\nuntil = 2020-01-01\n",
        before[1]
    ));
    wait_for("rules are taken up", &|| !list().contains(&first));
    let after = list();
    assert_eq!(after[1], pinned);
    assert!(after.contains(&before[1]), "a rule whose days are over does nothing");
    assert_eq!(after.len(), 10);
    assert!(!ids(&server.list("/similar/1002")["similar_items"])[..2].contains(&pinned), "only on its page");
    assert!(!ids(&server.list("/hot/trending?timeframe=30d&limit=100")["items"]).contains(&first));
    rules("[[rule]]\naction = \"hide\"\n".to_owned());
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(list(), after, "a broken file leaves the rules that were");
    fs::remove_file(n.data().join("rules.toml")).expect("gone");
    wait_for("no rules any more", &|| list() == before);
}

#[test]
fn reasons_are_in_the_readers_language_and_figures_in_the_log() {
    let n = Nearset::demo();
    let server = n.serve();
    let reason = |path: &str| {
        let list = server.list(path);
        list["similar_items"][0]["reason"].as_str().expect("a reason").to_owned()
    };
    assert!(reason("/similar/1001?lang=zh").contains("次访问中与本数据集一同浏览"));
    assert!(reason("/similar/1001?lang=en").starts_with("Viewed together"));
    let log = fs::read_to_string(n.data().join("evaluation/exposure_log.jsonl")).expect("the log");
    assert!(log.lines().last().expect("a line").contains("behaviour: viewed together in "), "{log}");
}

#[test]
fn new_datasets_are_tried_near_them_and_logged_with_their_propensity() {
    let mut n = Nearset::empty();
    let row = |id: usize, name: &str, day: &str, deleted: u8| serde_json::json!({"id": id, "dataset_name": name, "create_time": format!("{day} 00:00:00"), "is_delete": deleted});
    let mut rows: Vec<Value> =
        (1..=8).map(|id| row(id, &format!("Hourly rainfall in Oslo, gauge {id}"), "2026-01-01", 0)).collect();
    rows.push(row(9, "Rainfall by radar", "2026-10-20", 0));
    rows.push(row(10, "Rainfall by satellite", "2026-10-25", 0));
    rows.push(row(11, "Rainfall by mistake", "2026-10-25", 1));
    n.write("dataset.json", &Value::Array(rows).to_string());
    n.ok(&["run", "--as-of", "2026-11-01"]);
    let new = n.sql("select dataset_id, shape, rate from new_datasets order by 1");
    assert_eq!(new.iter().map(|row| &row["dataset_id"]).collect::<Vec<_>>(), [9, 10], "{new:?}");
    assert!(new.iter().all(|row| row["shape"] == 1.0 && row["rate"] == 1.0), "nothing is known of any");
    n.set("NEW_EXPLORATION", "0.5");
    let server = n.serve();
    let plain = ids(&server.list("/similar/1?top_n=5")["similar_items"]);
    let mut tried = 0;
    for _ in 0..60 {
        let list = server.list("/recommend/detail/1?top_n=5&lang=en");
        let exploration = &list["request_context"]["exploration"];
        let figure = |name: &str| exploration[name].as_f64().expect("a probability");
        assert!((figure("kept") - 0.9).abs() < 1e-6 && (figure("new") - 0.1).abs() < 1e-6, "{exploration}");
        let shown = ids(&list["recommendations"]);
        match exploration["place"].as_u64() {
            None => assert_eq!(shown, plain),
            Some(place) => {
                tried += 1;
                assert!([9, 10].contains(&shown[place as usize]), "one near the page and new: {shown:?}");
                assert_eq!(exploration["is_new"], true);
                assert!((0.02..=0.05).contains(&figure("explored")), "{exploration}");
                assert_eq!(list["recommendations"][place as usize]["reason"], "New, and similar in content");
            }
        }
    }
    assert!((10..=50).contains(&tried), "{tried} of 60 at a rate of one half");
    drop(server);
    n.ok(&["run", "--as-of", "2030-01-01"]);
    let rows = n.sql("select policy, exposures, matched_exposures from off_policy_estimates order by policy");
    let row = |policy: &str, matched: u64| serde_json::json!({"policy": policy, "exposures": 300, "matched_exposures": matched});
    assert_eq!(rows, [row("new", tried), row("ranked", 300 - tried)]);
    assert_eq!(n.value("select count(*) from new_datasets"), 0, "they are new no more");
}

#[test]
fn exploration_is_logged_with_its_propensity_and_estimated_from() {
    let mut n = Nearset::demo();
    n.set("EXPLORATION", "0.5");
    let server = n.serve();
    let plain = ids(&server.list("/similar/1001")["similar_items"]);
    let mut explored = 0;
    for _ in 0..60 {
        let list = server.list("/recommend/detail/1001");
        let tried = &list["request_context"]["exploration"];
        assert_eq!(tried["kept"], 0.95);
        assert_eq!(tried["explored"], 0.0025);
        let shown = ids(&list["recommendations"]);
        match tried["place"].as_u64() {
            None => assert_eq!(shown, plain),
            Some(place) => {
                explored += 1;
                assert!(!plain.contains(&shown[place as usize]), "one that just missed the list");
                assert_eq!((0..10).filter(|i| shown[*i] != plain[*i]).count(), 1);
            }
        }
    }
    assert!((10..=50).contains(&explored), "{explored} of 60 at a rate of one half");
    drop(server);
    n.take_fixtures(|_| true);
    n.ok(&["run", "--as-of", "2030-01-01"]);
    let rows = n.sql("from off_policy_estimates order by policy");
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert_eq!(rows[0]["policy"], "just missed");
    assert_eq!(rows[0]["matched_exposures"], explored);
    assert_eq!(rows[1]["exposures"], 600);
    assert_eq!(rows[1]["matched_exposures"], 600 - explored);
}
