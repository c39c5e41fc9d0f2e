//! What counts in no figure: exclude.toml takes lists, visits and orders out and lets them come back, servers mark whom it names by
//! address or User-Agent, one client is one visitor however often it asks, and who registered since the last run is no fallback.

use std::fs;

use serde_json::{Value, json};

use crate::serving::until;
use crate::support::{AS_OF, Nearset, Server, agent, ids, text};

fn logged(n: &Nearset) -> Vec<Value> {
    let text = fs::read_to_string(n.data().join("evaluation/exposure_log.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("a whole line")).collect()
}

fn exclude(n: &Nearset, rules: &str) {
    fs::write(n.data().join("exclude.toml"), rules).expect("a file of rules");
}

/// Asks as somebody behind a proxy.
fn ask(server: &Server, path: &str, address: &str, program: &str) -> Value {
    let request = agent().get(format!("{}{path}", server.base));
    let mut response =
        request.header("x-forwarded-for", address).header("user-agent", program).call().expect("an answer");
    assert_eq!(response.status(), 200, "{path}");
    response.body_mut().read_json().expect("JSON")
}

#[test]
#[expect(clippy::too_many_lines, reason = "a story in its order")]
fn what_a_rule_takes_out_is_there_again_once_the_rule_is_gone() {
    let n = Nearset::demo();
    n.take_fixtures(|_| true);
    let features = || n.run(&["run", "--only", "features", "--as-of", AS_OF]);
    assert!(features().status.success());
    let before = n.fingerprints();
    let lists = n.value("select count(*) from raw.exposure_log");
    let count = |what: &str| n.value(&format!("select count(*) from {what}")).as_u64().expect("a count");
    let user = n.value(
        "select user_id from orders where user_id in (select user_id from exposures) and user_id in (select user_id from visits)
         order by user_id limit 1",
    );
    let night = "shown_at >= timestamp '2026-10-10' and shown_at < timestamp '2026-10-10 06:00:00' and endpoint = 'recommend_detail'";
    let [orders, visits, of_user, at_night] =
        ["orders", "visits", &format!("exposures where user_id = {user}"), &format!("exposures where {night}")]
            .map(count);
    assert!(of_user > 0 && at_night > 0);
    exclude(
        &n,
        &format!(
            "[[exclude]]\nname = \"staff\"\nusers = [{user}]\n
             [[exclude]]\nname = \"night\"\nfrom = 2026-10-10\nuntil = \"2026-10-10 06:00\"\nendpoints = [\"recommend_detail\"]\n
             [[exclude]]\nname = \"nobody\"\nsources = [\"nowhere\"]\n"
        ),
    );
    let run = features();
    let said = text(&run.stderr) + &text(&run.stdout);
    assert!(
        run.status.success() && said.contains("staff takes out") && said.contains("nobody matches nothing"),
        "{said}"
    );
    assert_eq!(count(&format!("exposures where user_id = {user} or {night}")), 0);
    assert_eq!(n.value("select count(*) from raw.exposure_log"), lists, "nothing is deleted");
    for relation in ["orders", "visits", "page_views", "user_features_v2 where orders > 0"] {
        let is_there =
            format!("{relation}{}user_id = {user}", if relation.contains("where") { " and " } else { " where " });
        assert_eq!(count(&is_there), 0, "{relation}");
    }
    let effects = n.sql("from exclusion_effects order by rule");
    assert_eq!(effects[0]["rule"], "night");
    assert!(effects[0]["exposures"].as_u64().is_some_and(|exposures| exposures >= at_night), "{effects:?}");
    assert_eq!(effects[1], json!({"rule": "nobody", "lists": 0, "exposures": 0, "visits": 0, "orders": 0}));
    assert_eq!(effects[2]["orders"], orders - count("orders"));
    assert_eq!(effects[2]["visits"], visits - count("visits"));
    let reasons = n.sql(
        "select source_table, reason, count(*) as rows from rejected_rows where outcome = 'excluded' group by all order by all",
    );
    let of = |table: &str, reason: &str| {
        let row = reasons.iter().find(|row| row["source_table"] == table && row["reason"] == reason);
        row.map_or(Value::from(0), |row| row["rows"].clone())
    };
    assert_eq!(of("exposure_log", "excluded_staff"), effects[2]["lists"]);
    assert_eq!(of("exposure_log", "excluded_night"), effects[0]["lists"]);
    assert_eq!(of("matomo_log_visit", "excluded_staff"), effects[2]["visits"]);
    // without a model there is something to mend
    let found = text(&n.run(&["doctor", "--json"]).stdout);
    assert!(found.contains("nobody matches nothing") && found.contains("staff takes out"), "{found}");
    fs::remove_file(n.data().join("exclude.toml")).expect("no rules any more");
    assert!(features().status.success());
    assert_eq!(n.fingerprints(), before);
    exclude(&n, "[[exclude]]\nname = \"office\"\naddresses = [\"10.0.0\"]\n");
    let refused = n.fails(1, &["run", "--only", "features", "--as-of", AS_OF]);
    assert!(refused.contains("exclude.toml: line 3: addresses: \"10.0.0\""), "{refused}");
}

#[test]
fn who_is_named_by_address_or_agent_is_marked_in_the_log_and_counts_nowhere() {
    let n = Nearset::demo();
    exclude(
        &n,
        "[[exclude]]\nname = \"office\"\naddresses = [\"203.0.113.0/24\"]\n\n[[exclude]]\nname = \"load\"\nagents = [\"LoadTest/\"]\n",
    );
    let server = n.serve();
    let office = ask(&server, "/similar/1001", "203.0.113.9", "Mozilla/5.0");
    assert!(office["request_context"].get("excluded").is_none(), "{office}");
    ask(&server, "/recommend/detail/1001", "203.0.113.9", "loadtest/3");
    assert!(server.has_shown_nothing());
    ask(&server, "/similar/1001", "198.51.100.1", "Mozilla/5.0");
    let marks: Vec<Value> = logged(&n).iter().map(|line| line["context"]["excluded"].clone()).collect();
    assert_eq!(marks, [json!(["office"]), json!(["office", "load"]), Value::Null]);
    // a file with a mistake leaves the rules as they were; one without is taken up
    exclude(&n, "[[exclude]]\nname = \"office\"\n");
    std::thread::sleep(std::time::Duration::from_millis(1500));
    ask(&server, "/similar/1001", "203.0.113.9", "Mozilla/5.0");
    assert_eq!(logged(&n)[3]["context"]["excluded"], json!(["office"]));
    exclude(&n, "");
    until("the rules are gone", || {
        ask(&server, "/similar/1001", "203.0.113.9", "Mozilla/5.0");
        logged(&n).last().is_some_and(|line| line["context"]["excluded"].is_null())
    });
    drop(server);
    let of_office = logged(&n).iter().filter(|line| line["context"]["excluded"] == json!(["office"])).count();
    exclude(&n, "[[exclude]]\nname = \"office\"\naddresses = [\"203.0.113.0/24\"]\n");
    n.take_fixtures(|_| true);
    n.ok(&["run", "--only", "extract"]);
    n.ok(&["run", "--only", "features"]);
    let counted = "from stg_exposure where request_id in (select request_id from exposures) and excluded is not null";
    assert_eq!(
        n.value(&format!("select count(*) {counted}")),
        0,
        "the rule of the agents is gone, that of the office is not"
    );
    exclude(&n, "[[exclude]]\nname = \"load\"\nagents = [\"LoadTest/\"]\n");
    n.ok(&["run", "--only", "features"]);
    assert_eq!(n.value(&format!("select count(*) {counted}")), of_office, "but for the one that both had named");
}

#[test]
fn one_client_is_one_visitor_however_often_it_asks() {
    let n = Nearset::demo();
    let server = n.serve();
    for _ in 0..4000 {
        ask(&server, "/similar/1001", "198.51.100.1", "curl/8");
    }
    for visitor in 0..5 {
        ask(&server, "/similar/1002", &format!("198.51.100.{}", 10 + visitor), "curl/8");
    }
    let leads = |server: &Server| {
        let items = server.list("/hot/trending?timeframe=24h&limit=2")["items"].clone();
        ids(&items) == [1002, 1001]
    };
    until("five visitors come before one", || leads(&server));
    server.signal("TERM");
    server.wait();
    let again = n.serve();
    until("as they do after a restart", || leads(&again));
    drop(again);
    n.take_fixtures(|_| true);
    n.ok(&["run", "--only", "extract"]);
    n.ok(&["run", "--only", "features"]);
    let learned = |page: i64| {
        let old = "(select count(*) from exposures where page_dataset_id = e.page_dataset_id and dataset_id = e.dataset_id and visitor is null)";
        n.value(&format!("select max(exposures - {old}) from list_evidence as e where page_dataset_id = {page}"))
    };
    assert!(learned(1001).as_i64().is_some_and(|days| (1..=2).contains(&days)), "{}", learned(1001));
    assert!(learned(1002).as_i64().is_some_and(|visitors| (5..=10).contains(&visitors)), "{}", learned(1002));
}

#[test]
fn who_registered_since_the_last_run_is_no_fallback() {
    let n = Nearset::demo();
    let newest = n.value("select max(user_id) from user_history").as_i64().expect("an id");
    let server = n.serve();
    let of = |user: i64| {
        let body = server.list(&format!("/recommend/detail/1001?user_id={user}&recent=1002,1003"));
        (body["variant"].clone(), body["request_context"]["degrade_reason"].clone(), ids(&body["recommendations"]))
    };
    let anyone = ids(&server.list("/recommend/detail/1001?recent=1002,1003")["recommendations"]);
    assert_eq!(of(newest + 1), (json!("primary"), Value::Null, anyone.clone()));
    assert_eq!(of(999_999), (json!("fallback"), json!("unknown_user"), anyone), "an id that nobody was given yet");
    let metrics = server.get_text("/metrics").1;
    assert!(metrics.contains("fallback_triggered_total{level=\"anonymous\",reason=\"unknown_user\"} 1\n"), "{metrics}");
}
