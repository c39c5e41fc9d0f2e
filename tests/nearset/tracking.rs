//! Matomo as it really is: events, other sites, encoded addresses and names in place of ids; and how much of what came of
//! lists the pages tell.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use serde_json::{Map, Value, json};

use crate::support::{AS_OF, Nearset, ROOT, catalogue, text, truth};

const RUN: &[&str] = &["run", "--as-of", AS_OF];

/// A marketplace of six datasets, `data.example.com/dataDetail/1` to `6` being Matomo's actions 1 to 6.
fn marketplace() -> Nearset {
    let n = Nearset::empty();
    n.write("dataset.json", &catalogue(&["one", "two", "three", "four", "five", "six"]));
    let pages: Vec<Value> = (1..=6).map(|id| action(id, &format!("data.example.com/dataDetail/{id}"), 1)).collect();
    n.write("matomo_log_action.json", &json!(pages).to_string());
    n
}

fn action(id: i64, name: &str, kind: i64) -> Value {
    json!({"idaction": id, "name": name, "type": kind})
}

/// More of Matomo's actions than the pages.
fn more_actions(n: &Nearset, actions: &[Value]) {
    n.write("matomo_log_action_20261001_000000.json", &json!(actions).to_string());
}

/// A row of Matomo: in visit `visit`, on the first of October at `time`, of the page `page`.
fn row(visit: i64, time: &str, page: i64, more: &Value) -> Value {
    let mut row =
        json!({"idvisit": visit, "idsite": 1, "server_time": format!("2026-10-01 {time}"), "idaction_url": page});
    row.as_object_mut().expect("a row").extend(more.as_object().expect("columns").clone());
    row
}

fn write_rows(n: &Nearset, rows: &[Value]) {
    let numbered = rows.iter().zip(1..).map(|(row, id)| {
        let mut row = row.clone();
        row["idlink_va"] = json!(id);
        row
    });
    n.write("matomo_log_link_visit_action.json", &numbered.collect::<Value>().to_string());
}

/// The lists that were shown: id, page, when, where, and what.
fn expose(n: &Nearset, lists: &[(&str, i64, &str, &str, &[i64])]) {
    let lines = lists.iter().map(|(request, page, time, endpoint, datasets)| {
        let items: Vec<Value> =
            datasets.iter().map(|id| json!({"dataset_id": id, "score": 0.5, "reason": "x"})).collect();
        let line = json!({"request_id": request, "user_id": null, "page_id": page, "algorithm_version": "v",
            "timestamp": format!("{time}+00:00"), "items": items, "context": {"endpoint": endpoint}});
        format!("{line}\n")
    });
    fs::create_dir_all(n.data().join("evaluation")).expect("a folder");
    fs::write(n.data().join("evaluation/exposure_log.jsonl"), lines.collect::<String>()).expect("a log");
}

/// One column of rows, with blanks between.
fn listed(n: &Nearset, expression: &str, relation: &str) -> String {
    n.value(&format!("select coalesce(string_agg(text, '; ' order by text), '') from (select distinct {expression} as text from {relation})"))
        .as_str()
        .expect("text")
        .to_owned()
}

/// The planted views: of nine that came from a list, four carry its request id.
fn planted(has_referrers: bool) -> Nearset {
    let n = marketplace();
    more_actions(&n, &[action(7, "data.example.com/search?q=rivers", 1), action(8, "data.example.com/payment/1", 1)]);
    expose(
        &n,
        &[
            ("req_a", 1, "2026-10-01T08:00:00", "recommend_detail", &[2, 3]),
            ("req_b", 1, "2026-10-01T09:00:00", "similar", &[2, 4]),
            ("req_c", 5, "2026-10-01T08:00:00", "recommend_detail", &[6]),
            ("req_d", 1, "2026-10-02T00:01:00", "similar", &[2]),
        ],
    );
    let mut rows = Vec::new();
    let mut step = |from: i64, time: &str, to: i64, more: Value| {
        let visit = rows.len() as i64 + 1;
        rows.push(row(visit, "07:00:00", from, &json!({})));
        let mut view = row(visit, time, to, &more);
        if has_referrers {
            view["idaction_url_ref"] = json!(from);
        }
        rows.push(view);
    };
    let carries = |request: &str| json!({"custom_dimension_4": request});
    step(1, "08:10:00", 2, carries("req_a"));
    step(1, "08:20:00", 2, json!({}));
    // at half an hour to the second, with the id of a list that nobody knows
    step(1, "08:30:00", 3, carries("req_zzz"));
    step(1, "08:30:01", 3, json!({}));
    // the list it carries, and not the last that showed it
    step(1, "09:05:00", 2, carries("req_a"));
    step(1, "09:05:00", 2, json!({}));
    step(1, "09:05:00", 4, json!({}));
    step(5, "08:05:00", 6, carries("req_c"));
    // no list there had shown it; before any list; from pages that are no dataset's
    step(1, "08:05:00", 6, json!({}));
    step(1, "07:59:59", 2, json!({}));
    step(7, "08:05:00", 2, json!({}));
    step(8, "08:05:00", 2, json!({}));
    // an event is no view
    step(1, "08:05:00", 2, json!({"idaction_event_category": 9, "idaction_event_action": 9}));
    // the next day
    step(1, "08:00:00", 2, json!({"server_time": "2026-10-02 00:02:00", "custom_dimension_2": "req_d"}));
    step(1, "08:00:00", 2, json!({"server_time": "2026-10-02 00:03:00"}));
    write_rows(&n, &rows);
    n.ok(RUN);
    n
}

#[test]
fn coverage_is_the_share_of_views_from_lists_that_carry_their_request_id() {
    let rows = "concat_ws(' ', day, endpoint, views, tracked, unknown, round(coverage, 3), advice is not null)";
    for has_referrers in [true, false] {
        let n = planted(has_referrers);
        assert_eq!(
            listed(&n, rows, "tracking_coverage"),
            "2026-10-01 recommend_detail 5 3 1 0.6 true; 2026-10-01 similar 2 0 0 0.0 true; 2026-10-02 similar 2 1 0 0.5 true",
            "referrers: {has_referrers}"
        );
    }
}

#[test]
fn low_coverage_is_told_with_what_to_mend() {
    let n = planted(true);
    let report: Value = {
        n.ok(&["report", "--date", "2026-10-01"]);
        n.json("evaluation/daily_reports/recommendation_report_2026-10-01.json")
    };
    let tracking = &report["tracking"];
    assert_eq!((&tracking["views"], &tracking["tracked"]), (&json!(7), &json!(3)), "{tracking}");
    assert_eq!(tracking["coverage"], 0.428571);
    assert_eq!(tracking["endpoints"][1]["endpoint"], "similar");
    let advice = tracking["endpoints"][1]["advice"].as_str().expect("advice");
    for named in ["rid={request_id}", "docs/front-end.md", "MATOMO_REQUEST_DIMENSION"] {
        assert!(advice.contains(named), "{advice}");
    }
    assert_eq!(report["summary"]["exposures"], 5);
    // at a run's moment, seven days count; those have no view from a list any more
    let status = |n: &Nearset, name: &str| {
        n.sql(&format!("select value, status from release_checklist where name = '{name}'"))[0].clone()
    };
    assert_eq!(status(&n, "tracking_coverage"), json!({"value": null, "status": "unknown"}));
    assert!(text(&n.run(&["doctor"]).stdout).contains("no view of the last 7 days came from a list"));
    assert_eq!(status(&n, "freshness_exposures")["status"], "high");
    let n = {
        fs::remove_dir_all(n.data().join("_metadata")).ok();
        fs::remove_file(n.data().join("warehouse.duckdb")).expect("the warehouse");
        n.ok(&["run", "--as-of", "2026-10-03"]);
        n
    };
    assert_eq!(status(&n, "tracking_coverage"), json!({"value": 0.444444, "status": "low"}));
    assert_eq!(status(&n, "ctr"), json!({"value": 0.5, "status": "high"}));
    assert_eq!(status(&n, "cvr"), json!({"value": 0.0, "status": "ok"}), "of so few clicks none need be an order");
    let said = text(&n.run(&["doctor"]).stdout);
    let line = said.lines().find(|line| line.contains("  tracking")).expect("a line");
    assert!(
        line.starts_with("look")
            && line.contains("44.4 % of 9 views that came from a list in the last 7 days carry its request id")
            && line.contains("usually 80 % or more")
            && line.contains("docs/front-end.md"),
        "{line}"
    );
    let chinese = n.command(&["doctor"]).env("UI_LANGUAGE", "zh").output().expect("nearset runs");
    assert!(text(&chinese.stdout).contains("点击与订单因而少计"));
}

#[test]
fn ids_that_no_list_has_are_not_the_pages_fault() {
    let n = marketplace();
    expose(&n, &[("req_a", 1, "2026-10-14T08:00:00", "similar", &[2])]);
    let view = |time: &str| json!({"server_time": format!("2026-10-14 {time}"), "idaction_url_ref": 1, "custom_dimension_4": "req_lost"});
    write_rows(&n, &[row(1, "", 2, &view("08:01:00")), row(2, "", 2, &view("08:02:00"))]);
    n.ok(RUN);
    let advice = n.value("select advice from release_checklist where name = 'tracking_coverage'");
    assert!(advice.as_str().expect("advice").contains("the log of every server"), "{advice}");
}

#[test]
fn a_click_is_told_by_a_view_an_event_or_a_content_and_counts_once() {
    let n = marketplace();
    more_actions(
        &n,
        &[
            action(10, "recommendation", 10),
            action(11, "click", 11),
            action(12, "click_0_2", 12),
            action(13, "req_b click_1_3", 12),
            action(14, "https://data.example.com/dataDetail/4?rid=req_c&click=click_0_4", 12),
            action(15, "https://data.example.com/dataDetail/5?rid=req_c&amp;click=click_1_5", 15),
            action(16, "list", 13),
            action(17, "https://data.example.com/dataDetail/6", 12),
            action(18, "data.example.com/open", 1),
            action(19, "click_0_", 12),
        ],
    );
    expose(
        &n,
        &[
            ("req_a", 1, "2026-10-01T08:00:00", "similar", &[2, 6]),
            ("req_b", 1, "2026-10-01T08:00:00", "similar", &[2, 3]),
            ("req_c", 1, "2026-10-01T08:00:00", "similar", &[4, 5]),
            ("req_d", 1, "2026-10-01T08:00:00", "similar", &[5, 6]),
        ],
    );
    let event = |name: i64, request: Option<&str>, click: Option<&str>| {
        json!({"idaction_event_category": 10, "idaction_event_action": 11, "idaction_name": name,
            "custom_dimension_4": request, "custom_dimension_5": click})
    };
    let content = |interaction: i64| json!({"idaction_content_name": 16, "idaction_content_target": 15, "idaction_content_interaction": interaction});
    let dimensions = |request: &str, click: &str| json!({"custom_dimension_4": request, "custom_dimension_5": click});
    write_rows(
        &n,
        &[
            // its words say which, the dimension which list; then the view that it leads to
            row(1, "08:01:00", 1, &event(12, Some("req_a"), None)),
            row(1, "08:01:05", 2, &dimensions("req_a", "click_0_2")),
            // the words say both, or a link does: the dimensions still tell how the page was reached
            row(2, "08:02:00", 2, &event(13, Some("req_a"), Some("click_0_2"))),
            row(3, "08:03:00", 2, &event(14, Some("req_a"), Some("click_0_2"))),
            // only a look at it, then a click on it
            row(4, "08:04:00", 1, &content(0)),
            row(5, "08:05:00", 1, &content(11)),
            // a page of another address that tells of a click, and blanks around it
            row(6, "08:06:00", 18, &dimensions(" req_d ", " click_1_6 ")),
            // a link without a list, words without a dataset, a click without a list, a list without that dataset
            row(7, "08:07:00", 2, &event(17, Some("req_a"), None)),
            row(7, "08:07:01", 2, &event(19, Some("req_b"), None)),
            row(7, "08:07:02", 2, &event(12, None, None)),
            row(7, "08:07:03", 2, &event(12, Some("req_d"), None)),
            // what is no click, whatever its dimensions say
            row(
                8,
                "08:08:00",
                1,
                &json!({"idaction_content_name": 16, "custom_dimension_4": "req_d", "custom_dimension_5": "click_0_5"}),
            ),
        ],
    );
    n.ok(RUN);
    assert_eq!(
        listed(&n, "concat_ws(' ', request_id, dataset_id, strftime(clicked_at, '%M:%S'))", "clicks"),
        "req_a 2 01:00; req_b 3 02:00; req_c 4 03:00; req_c 5 05:00; req_d 6 06:00"
    );
    assert_eq!(listed(&n, "dataset_id::varchar", "page_views"), "2");
    assert_eq!(n.value("select sum(clicks) from reconciliation_daily"), 5);
}

#[test]
fn an_address_is_read_however_it_is_encoded() {
    let n = marketplace();
    let urls = [
        ("data.example.com/dataDetail/2?from=recommend&rid=req_a", "2 detail req_a"),
        ("data.example.com/dataDetail/2?from=recommend&amp;rid=req_a", "2 detail req_a"),
        ("data.example.com/dataDetail/2?from=recommend&amp;amp;rid=req_a", "2 detail req_a"),
        ("data.example.com/dataDetail/2?from=recommend&#38;rid=req_a&#x26;x=1", "2 detail req_a"),
        ("data.example.com/dataDetail%2F2?rid%3Dreq_a", "2 detail req_a"),
        ("data.example.com/dataDetail%2f2%3Frid%3Dreq_a%26x%3D1", "2 detail req_a"),
        ("data.example.com/dataAPIDetail%252F2%253Frid%253Dreq_a", "2 api req_a"),
        ("data.example.com/dataDetail/2?from=recommend%26rid%3Dreq_a", "2 detail req_a"),
        // a title in another encoding than UTF-8, a sign that stands for itself, a cut escape
        ("data.example.com/dataDetail%2F2?name=%CA%FD%BE%DD&rid%3Dreq_a", "2 detail req_a"),
        ("data.example.com/dataDetail/2?discount=100%&rid=req_a", "2 detail req_a"),
        ("data.example.com/%E6%95%B0%E6%8D%AE/dataDetail%2F2%E6%9", "2 detail -"),
        // what stands there plainly goes first
        ("data.example.com/dataDetail/2?back=%2FdataDetail%2F3%3Frid%3Dreq_old&rid=req_a", "2 detail req_a"),
        ("data.example.com/dataDetail/2?next=%2Fpayment%2F2", "2 detail -"),
        ("data.example.com/payment%2F2", "2 payment -"),
        // a page that is only told another's address
        ("data.example.com/login?back=%2FdataDetail%2F3", ""),
        ("data.example.com/dataDetail%2F2abc", ""),
        ("data.example.com/dataDetail/2?rid=", "2 detail -"),
        ("data.example.com/#/dataDetail/2?rid=req_a", "2 detail req_a"),
        ("data.example.com/dataDetail/2?grid=req_x", "2 detail -"),
    ];
    let actions: Vec<Value> = urls.iter().zip(100..).map(|((url, _), id)| action(id, url, 1)).collect();
    more_actions(&n, &actions);
    let rows: Vec<Value> = (100..).take(urls.len()).map(|id| row(id, "08:00:00", id, &json!({}))).collect();
    write_rows(&n, &rows);
    // the same addresses of conversions, without their actions
    let conversions: Vec<Value> = urls
        .iter()
        .zip(100..)
        .map(|((url, _), id)| {
            json!({"idvisit": id, "idsite": 1, "idgoal": 0, "buster": 1, "server_time": "2026-10-01 08:00:00",
                "idorder": format!("X{id}"), "url": format!("https://{url}")})
        })
        .collect();
    n.write("matomo_log_conversion.json", &json!(conversions).to_string());
    n.ok(RUN);
    let read: BTreeMap<i64, String> = n
        .sql("select visit_id, concat_ws(' ', dataset_id, page_kind, coalesce(request_id, '-')) as read from pages")
        .iter()
        .map(|row| (row["visit_id"].as_i64().expect("an id"), row["read"].as_str().expect("text").to_owned()))
        .collect();
    for ((url, expected), id) in urls.iter().zip(100..) {
        assert_eq!(read.get(&id).map_or("", String::as_str), *expected, "{url}");
        let converted = n.value(&format!("select dataset_id from conversions where visit_id = {id}"));
        let dataset = expected.split(' ').next().and_then(|id| id.parse::<i64>().ok());
        assert_eq!(converted, json!(dataset), "{url}");
    }
}

#[test]
fn rows_of_other_sites_do_not_count() {
    let n = marketplace();
    expose(&n, &[("req_a", 1, "2026-10-01T07:00:00", "similar", &[2])]);
    write_rows(
        &n,
        &[
            row(1, "08:00:00", 1, &json!({})),
            row(2, "08:00:00", 2, &json!({"idsite": 2, "custom_dimension_4": "req_a"})),
            row(3, "08:00:00", 2, &json!({"idsite": "3"})),
            row(4, "08:00:00", 2, &json!({"idsite": null})),
        ],
    );
    let visit = |id: i64, site: i64| {
        json!({"idvisit": id, "idsite": site, "idvisitor": format!("0{id}"), "user_id": "somebody",
            "visit_last_action_time": "2026-10-01 08:30:00"})
    };
    n.write("matomo_log_visit.json", &json!([visit(1, 1), visit(2, 2), visit(3, 3)]).to_string());
    let conversion = |visit: i64, site: i64, order: &str| {
        json!({"idvisit": visit, "idsite": site, "idgoal": 0, "buster": visit, "idorder": order,
            "server_time": "2026-10-01 08:20:00"})
    };
    n.write("matomo_log_conversion.json", &json!([conversion(1, 1, "X1"), conversion(2, 2, "X2")]).to_string());
    let run = |sites: &str| {
        let mut command = n.command(&["run", "--as-of", AS_OF, "--full-refresh"]);
        command.env("MATOMO_SITE_ID", sites).output().expect("nearset runs")
    };
    let counted = || {
        let of = |relation: &str| listed(&n, "visit_id::varchar", relation);
        format!("{} | {} | {} | {}", of("visits"), of("page_views"), of("conversions"), of("clicks"))
    };
    assert!(run("").status.success());
    assert_eq!(counted(), "1; 2; 3; 4 | 1; 2; 3; 4 | 1; 2 | 2");
    let said = text(&n.run(&["doctor"]).stdout);
    assert!(said.contains("rows of sites -1 (0 visits), 1 (1 visits), 2 (1 visits), 3 (1 visits)"), "{said}");
    assert!(run("1").status.success());
    assert_eq!(counted(), "1 | 1 | 1 | ");
    assert_eq!(
        listed(&n, "concat_ws(' ', site_id, is_counted, visits, actions, conversions)", "matomo_sites"),
        "-1 false 0 1 0; 1 true 1 1 1; 2 false 1 1 1; 3 false 1 1 0"
    );
    // what is wrong with rows that do not count is nobody's business
    assert_eq!(listed(&n, "source_key", "rejected_rows where reason = 'user_id_not_a_number'"), "1");
    assert!(run("1, 3").status.success());
    assert_eq!(counted(), "1; 3 | 1; 3 | 1 | ");
    let doctor = n.command(&["doctor"]).env("MATOMO_SITE_ID", "7").output().expect("nearset runs");
    assert!(text(&doctor.stdout).contains("MATOMO_SITE_ID names site 7, of which Matomo has no row"));
    for wrong in ["one", "1;2", "0", "-1", "1,"] {
        let output = run(wrong);
        assert_eq!(output.status.code(), Some(1), "{wrong}");
        assert!(text(&output.stderr).contains("MATOMO_SITE_ID"), "{}", text(&output.stderr));
    }
}

#[test]
fn matomos_names_of_users_are_looked_up_in_the_column_that_a_setting_names() {
    let n = marketplace();
    let user = |id: i64, email: &str| json!({"id": id, "create_time": "2026-01-01", "Email": email, "phone": format!("1380000000{id}")});
    n.write(
        "user.json",
        &json!([
            user(1, "Alice@Example.org "),
            user(2, "bob@example.org"),
            user(3, "BOB@example.org"),
            user(4, "NULL"),
            json!({"id": 5, "create_time": "2027-01-01", "Email": "later@example.org"})
        ])
        .to_string(),
    );
    let names = ["alice@example.ORG", "bob@example.org", "carol@example.org", "4", "99", "NULL", "later@example.org"];
    let visit = |(place, name): (usize, &&str)| {
        json!({"idvisit": place + 1, "idsite": 1, "idvisitor": format!("0{place}"), "user_id": name,
            "visit_last_action_time": "2026-10-01 08:30:00"})
    };
    n.write("matomo_log_visit.json", &names.iter().enumerate().map(visit).collect::<Value>().to_string());
    let users = |n: &Nearset| listed(n, "concat_ws(' ', visit_id, user_id)", "visits where user_id is not null");
    let reasons = |n: &Nearset| {
        listed(n, "concat_ws(' ', source_key, reason, outcome)", "rejected_rows where column_name = 'user_id'")
    };
    let run = |column: &str, leave_out: &str| {
        let mut command = n.command(&["run", "--as-of", AS_OF, "--full-refresh"]);
        command.env("MATOMO_USER_COLUMN", column).env("LEAVE_OUT_COLUMNS", leave_out);
        let output = command.output().expect("nearset runs");
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout) + &text(&output.stderr)
    };
    run("", "");
    assert_eq!(users(&n), "4 4; 5 99");
    assert_eq!(
        reasons(&n),
        "1 user_id_not_a_number repaired; 2 user_id_not_a_number repaired; 3 user_id_not_a_number repaired; 7 user_id_not_a_number repaired"
    );
    // in any case of letters; a number is an id where a user has it; what several have is nobody's
    let said = run("EMAIL", "*mail*");
    assert_eq!(users(&n), "1 1; 4 4");
    assert_eq!(
        reasons(&n),
        "2 user_id_not_unique repaired; 3 user_id_not_known repaired; 5 user_id_not_known repaired; 7 user_id_not_known repaired"
    );
    assert!(said.contains("3 user_id_not_known"), "{said}");
    // a column that is not there is named, by the run and by doctor, and nobody is found by it
    let said = run("mailbox", "");
    assert!(said.contains("user has no column mailbox (MATOMO_USER_COLUMN)"), "{said}");
    assert_eq!(users(&n), "4 4");
    let doctor = n.command(&["doctor"]).env("MATOMO_USER_COLUMN", "mailbox").output().expect("nearset runs");
    assert!(text(&doctor.stdout).contains("user has no column mailbox"));
}

#[test]
fn the_dimensions_that_settings_name_go_first() {
    let n = marketplace();
    expose(
        &n,
        &[("req_a", 1, "2026-10-01T07:00:00", "similar", &[2]), ("req_b", 1, "2026-10-01T07:00:00", "similar", &[2])],
    );
    let dimensions = json!({"custom_dimension_1": "req_a", "custom_dimension_4": "req_b", "custom_dimension_3": "click_7_2",
        "custom_dimension_5": "req_c"});
    write_rows(&n, &[row(1, "08:00:00", 2, &dimensions)]);
    let read = |settings: &[(&str, &str)]| {
        let mut command = n.command(&["run", "--as-of", AS_OF, "--full-refresh"]);
        assert!(command.envs(settings.iter().copied()).output().expect("nearset runs").status.success());
        listed(&n, "concat_ws(' ', request_id, coalesce(click_position::varchar, '-'))", "page_views")
    };
    assert_eq!(read(&[]), "req_b -");
    assert_eq!(read(&[("MATOMO_REQUEST_DIMENSION", "1"), ("MATOMO_POSITION_DIMENSION", "3")]), "req_a 7");
    assert_eq!(read(&[("MATOMO_REQUEST_DIMENSION", "5"), ("MATOMO_POSITION_DIMENSIONS", "2,3")]), "req_c 7");
    // one that says nothing leaves it to those after it
    assert_eq!(read(&[("MATOMO_REQUEST_DIMENSION", "2"), ("MATOMO_REQUEST_DIMENSIONS", "1")]), "req_a -");
    let mut command = n.command(RUN);
    let output = command.env("MATOMO_REQUEST_DIMENSION", "dimension4").output().expect("nearset runs");
    assert!(text(&output.stderr).contains("MATOMO_REQUEST_DIMENSION"), "{}", text(&output.stderr));
}

/// The rows of an export: an array of objects, or one a line.
fn read_export(path: &Path) -> Vec<Value> {
    let mut text = String::new();
    let file = File::open(path).expect("an export");
    match path.extension().is_some_and(|extension| extension == "gz") {
        true => MultiGzDecoder::new(file).read_to_string(&mut text),
        false => (&file).read_to_string(&mut text),
    }
    .expect("text");
    match text.trim_start().starts_with('[') {
        true => serde_json::from_str(&text).expect("an array"),
        false => text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect(),
    }
}

/// Matomo's exports of a world with a row that is no page view beside every other page view, so that a third of all rows
/// are such; its addresses encoded in many ways; and another site's visits and orders.
struct Disturbed {
    next_row: i64,
    next_visit: i64,
    /// Words of events, contents, searches, and what was downloaded: Matomo's actions after its own.
    next_action: i64,
    actions: Vec<Value>,
    injected: usize,
}

impl Disturbed {
    fn take(n: &Nearset, world: &Path) -> usize {
        let mut paths: Vec<_> = fs::read_dir(world).expect("a world").map(|e| e.expect("an entry").path()).collect();
        paths.retain(|path| path.is_file());
        paths.sort();
        let mut disturbed = Disturbed {
            next_row: 1_000_000_000,
            next_visit: 500_000_000,
            next_action: 700_000_000,
            actions: Vec::new(),
            injected: 0,
        };
        for path in paths {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let mut rows = read_export(&path);
            if name.starts_with("matomo_log_link_visit_action") {
                disturbed.link_actions(&mut rows);
            } else if name.starts_with("matomo_log_action") {
                encode(&mut rows);
            } else if name.starts_with("matomo_log_visit") || name.starts_with("matomo_log_conversion") {
                disturbed.other_site(&mut rows);
            }
            let mut file = File::create(n.exports().join(name.trim_end_matches(".gz"))).expect("an export");
            for row in rows {
                writeln!(file, "{row}").expect("a row");
            }
        }
        let actions = disturbed.actions.iter().map(|row| format!("{row}\n")).collect::<String>();
        n.write("matomo_log_action_20000101_000000.json", &actions);
        disturbed.injected
    }

    /// Makes an action of Matomo's.
    fn action(&mut self, name: &str, kind: i64) -> i64 {
        self.next_action += 1;
        self.actions.push(action(self.next_action, name, kind));
        self.next_action
    }

    /// Beside every other row one that is no page view of this site, with the address and the dimensions of that row.
    fn link_actions(&mut self, rows: &mut Vec<Value>) {
        let mut injected = Vec::new();
        for (place, row) in rows.iter().enumerate().filter(|(place, _)| place % 2 == 0) {
            self.next_row += 1;
            let mut more = Map::new();
            let mut set = |column: &str, value: i64| more.insert(column.to_owned(), json!(value));
            match place / 2 % 8 {
                0 => {
                    set("idaction_event_category", self.action("page", 10));
                    set("idaction_event_action", self.action("scroll", 11));
                }
                1 => {
                    set("idaction_event_category", self.action("video", 10));
                    set("idaction_event_action", self.action("play", 11));
                    set("idaction_name", self.action("intro", 12));
                }
                2 => {
                    set("idaction_content_name", self.action("banner", 13));
                    set("idaction_content_piece", self.action("autumn", 14));
                    set("idaction_content_target", self.action("https://data.example.com/offers", 15));
                }
                3 => {
                    set("idaction_content_name", self.action("banner", 13));
                    set("idaction_content_interaction", self.action("click", 16));
                }
                4 => {
                    set("idaction_url", self.action("data.example.com/dataDetail/10001/sample.zip", 3));
                }
                5 => {
                    set("idaction_url", self.action("elsewhere.example.org/dataDetail/10001", 2));
                }
                6 => {
                    set("idaction_name", self.action("rivers", 8));
                }
                _ => {
                    self.next_visit += 1;
                    set("idsite", 2);
                    set("idvisit", self.next_visit);
                }
            }
            set("idlink_va", self.next_row);
            let mut row = row.clone();
            row.as_object_mut().expect("a row").extend(more);
            injected.push(row);
        }
        self.injected += injected.len();
        rows.extend(injected);
    }

    /// Every fifth row again, of another site.
    fn other_site(&mut self, rows: &mut Vec<Value>) {
        let others: Vec<Value> = rows.iter().step_by(5).cloned().collect();
        for mut row in others {
            self.next_visit += 1;
            row["idsite"] = json!(2);
            row["idvisit"] = json!(self.next_visit);
            if row.get("idorder").is_some() {
                row["idorder"] = json!(format!("T9{}", self.next_visit));
            }
            rows.push(row);
        }
    }
}

/// Addresses as trackers, proxies and editors leave them.
fn encode(rows: &mut [Value]) {
    for (place, row) in rows.iter_mut().filter(|row| row["type"] == 1).enumerate() {
        let url = row["name"].as_str().expect("a name");
        let encoded = match place % 6 {
            0 => url.replace("Detail/", "Detail%2F").replace("payment/", "payment%2F"),
            1 => url.replace('&', "&amp;"),
            2 => url.replace("Detail/", "Detail%252F").replace("&rid=", "%26rid%3D"),
            3 => url.replace('?', "%3F").replace('&', "%26").replace('=', "%3D"),
            4 => url.replace('&', "&amp;amp;").replace('/', "&#47;"),
            _ => continue,
        };
        row["name"] = json!(encoded);
    }
}

/// Whether every figure of `truth.json` is found, day by day.
fn assert_true(n: &Nearset, truth: &Value) {
    let days = truth["days"].as_object().expect("days");
    let found: BTreeMap<String, Value> = n
        .sql("from reconciliation_daily")
        .into_iter()
        .map(|row| (row["day"].as_str().expect("a day").to_owned(), row))
        .collect();
    assert_eq!(found.len(), days.len());
    for (day, expected) in days {
        let row = &found[day];
        for (name, column) in [
            ("exposures", "exposures"),
            ("clicks", "clicks"),
            ("orders", "business_order_count"),
            ("matched", "matched_count"),
            ("missing_in_matomo", "missing_in_matomo_count"),
            ("matomo_only", "matomo_only_count"),
            ("attributed_conversions", "attributed_conversions"),
        ] {
            assert_eq!(row[column].as_i64(), Some(expected[name].as_i64().unwrap_or(0)), "{day}: {name}");
        }
        let revenue = expected["revenue_cents"].as_f64().unwrap_or(0.0) / 100.0;
        assert!((row["business_revenue"].as_f64().expect("a figure") - revenue).abs() < 1e-6, "{day}: revenue");
        let (exposures, orders) = (expected["exposures"].as_f64().unwrap_or(0.0), expected["orders"].as_f64());
        match orders.filter(|orders| *orders > 0.0) {
            Some(orders) => {
                let ratio = row["exposure_to_order_ratio"].as_f64().expect("exposures an order");
                assert!((ratio - exposures / orders).abs() < 1e-5, "{day}: {ratio}");
            }
            None => assert_eq!(row["exposure_to_order_ratio"], Value::Null, "{day}"),
        }
    }
}

/// What a disturbed world must give like the plain one, beside the figures of its days.
fn shape(n: &Nearset) -> Vec<Value> {
    n.sql(
        "select (select count(*) from page_views) as views, (select count(*) from visits where not is_bot) as visits,
             (select count(*) from visits where is_bot) as bots, (select count(*) from clicks) as clicks,
             (select count(*) from behaviour_neighbours) as neighbours,
             (select bit_xor(hash(page_views.visit_id, dataset_id, request_id))::varchar from page_views) as seen,
             (select sum(tracked) / sum(views) from tracking_coverage) as coverage",
    )
}

#[test]
fn a_world_with_a_third_of_such_rows_gives_the_same_figures() {
    let plain = Nearset::empty();
    plain.take_fixtures(|_| true);
    plain.take_exposures();
    plain.ok(RUN);
    assert_true(&plain, &truth());
    let mut n = Nearset::empty();
    let injected = Disturbed::take(&n, &Path::new(ROOT).join("fixtures/json"));
    n.take_exposures();
    n.set("MATOMO_SITE_ID", "1");
    n.ok(RUN);
    let rows = n.value("select count(*) from raw.matomo_log_link_visit_action").as_u64().expect("a count");
    assert!(injected as u64 * 3 >= rows && injected > 5000, "{injected} of {rows}");
    assert_true(&n, &truth());
    assert_eq!(shape(&n), shape(&plain));
    // without the setting the other site's orders count too
    n.set("MATOMO_SITE_ID", "");
    n.ok(&["run", "--as-of", AS_OF, "--from", "features"]);
    assert_ne!(shape(&n), shape(&plain));
}

/// The same of a world elsewhere: TEST_WORLD names a folder with json/, exposure_log.jsonl, truth.json and as_of.
#[test]
fn another_world_with_a_third_of_such_rows_gives_the_same_figures() {
    let Some(world) = std::env::var_os("TEST_WORLD").map(std::path::PathBuf::from) else { return };
    let read = |name: &str| fs::read_to_string(world.join(name)).expect(name);
    let expected: Value = serde_json::from_str(&read("truth.json")).expect("JSON");
    let mut n = Nearset::empty();
    let injected = Disturbed::take(&n, &world.join("json"));
    fs::create_dir_all(n.data().join("evaluation")).expect("a folder");
    fs::copy(world.join("exposure_log.jsonl"), n.data().join("evaluation/exposure_log.jsonl")).expect("a copy");
    n.set("MATOMO_SITE_ID", "1");
    n.ok(&["run", "--as-of", read("as_of").trim()]);
    assert_true(&n, &expected);
    println!("{injected} rows injected: {:?}", shape(&n));
}
