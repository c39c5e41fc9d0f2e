//! Inputs that people met, each for its whole kind.

use serde_json::{Value, json};

use crate::support::{AS_OF, Nearset, catalogue};

const RUN: &[&str] = &["run", "--as-of", AS_OF];

fn write(n: &Nearset, table: &str, rows: &Value) {
    n.write(&format!("{table}.json"), &rows.to_string());
}

/// The reasons why something of a table was set aside, each with its key.
fn reasons(n: &Nearset, table: &str) -> Vec<String> {
    let rows = n.sql(&format!(
        "select source_key || ' ' || reason || ' ' || outcome as text from rejected_rows where source_table = '{table}' order by all"
    ));
    rows.iter().map(|row| row["text"].as_str().expect("text").to_owned()).collect()
}

#[test]
fn times_in_milliseconds_are_times() {
    let n = Nearset::empty();
    let created: i64 = 1_767_225_600_000;
    write(&n, "dataset", &json!([{"id": 1, "dataset_name": "one", "create_time": created}]));
    write(&n, "task", &json!([{"id": 1, "dataset_id": 1, "create_user": 1, "create_time": 1_790_848_800_000_i64}]));
    write(&n, "matomo_log_action", &json!([{"idaction": 1, "name": "x/dataDetail/1", "type": 1}]));
    let seen: i64 = 1_790_841_600_000;
    write(
        &n,
        "matomo_log_visit",
        &json!([{"idvisit": 1, "idsite": 1, "idvisitor": "01", "visit_last_action_time": seen}]),
    );
    write(
        &n,
        "matomo_log_link_visit_action",
        &json!([{"idlink_va": 1, "idvisit": 1, "idsite": 1, "server_time": seen, "idaction_url": 1}]),
    );
    n.ok(RUN);
    assert_eq!(n.value("select created_at from datasets"), "2026-01-01 00:00:00");
    assert_eq!(n.value("select ordered_at from orders"), "2026-10-01 10:00:00");
    assert_eq!(n.value("select viewed_at from page_views"), "2026-10-01 08:00:00");
    assert_eq!(n.value("select count(*) from rejected_rows"), 0);
}

#[test]
fn a_column_that_is_needed_and_cannot_be_read_stops_the_run() {
    let n = Nearset::empty();
    n.write("dataset.json", &catalogue(&["one", "two"]));
    let task = |id: i64, time: &str| json!({"id": id, "dataset_id": 1, "create_user": 1, "create_time": time});
    let ordered = "2026-10-01 10:00:00";
    write(&n, "task", &json!([task(1, "soon"), task(2, "soon"), task(3, ordered)]));
    let error = n.fails(4, RUN);
    assert!(error.contains("task.create_time is not a time in 2 of 3 rows, such as \"soon\""), "{error}");
    assert_eq!(error.trim().lines().count(), 1, "{error}");
    assert!(!n.data().join("warehouse.duckdb").exists());
    // half of them is no reason to stop, and is said
    write(&n, "task", &json!([task(1, "soon"), task(3, ordered)]));
    let said = n.ok(RUN);
    assert!(said.contains("task: set aside of 2 rows: 1 create_time_not_a_time (such as \"soon\")"), "{said}");
    assert_eq!(n.value("select string_agg(order_ref) from orders"), "T3");
}

#[test]
fn a_dataset_whose_deletion_is_unclear_is_not_listed() {
    let n = Nearset::empty();
    let marks = [json!("\u{1}"), json!({"type": "Buffer", "data": [1]}), json!("perhaps"), json!("\u{0}"), json!(null)];
    let rows: Vec<Value> = (1..)
        .zip(marks)
        .map(|(id, mark)| json!({"id": id, "dataset_name": "d", "create_time": "2026-01-01", "is_delete": mark}))
        .collect();
    write(&n, "dataset", &json!(rows));
    n.ok(RUN);
    assert_eq!(
        n.value("select string_agg(concat_ws(' ', dataset_id, is_deleted, is_listed), '; ' order by dataset_id) from datasets"),
        "1 true false; 2 true false; 3 false false; 4 false true; 5 false true"
    );
    assert_eq!(reasons(&n, "dataset"), ["3 is_delete_not_a_flag unlisted"]);
}

#[test]
fn names_that_say_nothing_are_none_and_an_object_is_what_it_names() {
    let n = Nearset::empty();
    let names = [json!("\t"), json!("\u{200b}"), json!("&nbsp;"), json!("<br>"), json!("NULL"), json!({"a": [1]})];
    let mut rows: Vec<Value> = (1..)
        .zip(names)
        .map(|(id, name)| json!({"id": id, "dataset_name": name, "create_time": "2026-01-01", "create_company_name": "\\N"}))
        .collect();
    rows.push(
        json!({"id": 7, "dataset_name": {"en": "Annual budget", "fr": "Budget annuel"}, "create_time": "2026-01-01",
        "tag": [{"name": "money"}, {"display_name": "Budget"}], "description": {"zh": "年度", "en": "Annual"}}),
    );
    write(&n, "dataset", &json!(rows));
    n.ok(RUN);
    assert_eq!(
        n.sql("select dataset_id, title, description, tags from datasets where is_listed"),
        [json!({"dataset_id": 7, "title": "Annual budget", "description": "年度", "tags": ["budget", "money"]})]
    );
    assert_eq!(n.value("select count(provider) from datasets"), 0);
    let mut expected: Vec<String> = (1..=5).map(|id| format!("{id} nameless unlisted")).collect();
    expected.push("6 dataset_name_not_a_text unlisted".to_owned());
    assert_eq!(reasons(&n, "dataset"), expected);
}

#[test]
fn a_cart_that_was_left_is_no_order_and_a_login_is_no_user_id() {
    let n = Nearset::empty();
    n.write("dataset.json", &catalogue(&["one", "two"]));
    let visit = |id: i64, user: &str| {
        json!({"idvisit": id, "idsite": 1, "idvisitor": format!("0{id}"), "user_id": user,
            "visit_first_action_time": "2026-10-01 08:00:00", "visit_last_action_time": "2026-10-01 08:30:00"})
    };
    write(
        &n,
        "matomo_log_visit",
        &json!([visit(1, "NULL"), visit(2, "alice@example.org"), visit(3, "7.6"), visit(4, "７")]),
    );
    let cart = |id: i64, goal: i64| {
        json!({"idvisit": id, "idsite": 1, "idgoal": goal, "buster": id, "server_time": "2026-10-01 08:20:00",
            "idorder": "NULL", "revenue": "￥1,500.00", "url": "x/payment/2"})
    };
    write(&n, "matomo_log_conversion", &json!([cart(1, -1), cart(2, 1)]));
    n.ok(RUN);
    let users = n.value("select string_agg(coalesce(user_id::varchar, '-'), ' ' order by visit_id) from visits");
    assert_eq!(users, "- - - 7");
    assert_eq!(reasons(&n, "matomo_log_visit"), ["2 user_id_not_a_number repaired", "3 user_id_not_a_number repaired"]);
    assert_eq!(
        n.sql("select visit_id, order_ref, matomo_revenue as revenue from conversions"),
        [json!({"visit_id": 2, "order_ref": null, "revenue": 1500.0})]
    );
    assert_eq!(n.value("select sum(matomo_only_count) from reconciliation_daily"), 0);
}

#[test]
fn what_is_no_page_view_is_none_and_makes_nobody_a_bot() {
    let mut n = Nearset::empty();
    n.set("BOT_MAX_ACTIONS", "3");
    n.write("dataset.json", &catalogue(&["one", "two"]));
    let action = |id: i64, name: &str, kind: i64| json!({"idaction": id, "name": name, "type": kind});
    write(
        &n,
        "matomo_log_action",
        &json!([
            action(1, "x/dataDetail/1", 1),
            action(2, "x/dataDetail/2?download", 3),
            action(3, "x/dataDetail/2", 2),
            action(4, "rivers", 8),
            action(5, "scroll", 10)
        ]),
    );
    let row = |id: i64, visit: i64, more: Value| {
        let mut row = json!({"idlink_va": id, "idvisit": visit, "idsite": 1, "server_time": "2026-10-01 08:00:00", "idaction_url": 1});
        row.as_object_mut().expect("a row").extend(more.as_object().expect("columns").clone());
        row
    };
    let none = json!({});
    let mut rows = vec![
        row(1, 1, none.clone()),
        row(2, 1, json!({"idaction_event_category": 5, "idaction_event_action": 5})),
        row(3, 1, json!({"idaction_content_name": 5, "idaction_content_piece": 5})),
        row(4, 1, json!({"idaction_content_interaction": 5})),
        row(5, 1, json!({"idaction_url": 2})),
        row(6, 1, json!({"idaction_url": 3})),
        row(7, 1, json!({"idaction_name": 4})),
    ];
    // an event of a click on a list
    rows.push(row(
        8,
        1,
        json!({"idaction_event_action": 5, "custom_dimension_4": "req_a", "custom_dimension_5": "click_0_2"}),
    ));
    rows.extend((9..13).map(|id| row(id, 2, none.clone())));
    write(&n, "matomo_log_link_visit_action", &json!(rows));
    let visit = |id: i64, actions: Value| {
        json!({"idvisit": id, "idsite": 1, "idvisitor": "01", "visit_total_actions": actions,
            "visit_first_action_time": "2026-10-01 08:00:00", "visit_last_action_time": "2026-10-01 08:30:00"})
    };
    write(&n, "matomo_log_visit", &json!([visit(1, json!(2)), visit(2, json!(null))]));
    std::fs::create_dir_all(n.data().join("evaluation")).expect("a folder");
    let shown = json!({"request_id": "req_a", "user_id": null, "page_id": 1, "algorithm_version": "v",
        "timestamp": "2026-10-01T07:00:00+00:00", "items": [{"dataset_id": 2, "score": 0.5, "reason": "x"}],
        "context": {"endpoint": "similar"}});
    std::fs::write(n.data().join("evaluation/exposure_log.jsonl"), format!("{shown}\n")).expect("a log");
    n.ok(RUN);
    assert_eq!(n.sql("select visit_id, dataset_id from page_views"), [json!({"visit_id": 1, "dataset_id": 1})]);
    assert_eq!(
        n.value("select string_agg(concat_ws(' ', visit_id, actions, is_bot), '; ' order by visit_id) from visits"),
        "1 2 false; 2 4 true"
    );
    assert_eq!(
        n.sql("select request_id, dataset_id, visit_id from clicks"),
        [json!({"request_id": "req_a", "dataset_id": 2, "visit_id": 1})]
    );
}

/// Dates that no calendar of people holds.
const NO_DATES: [&str; 6] =
    ["20260-10-01 10:00:00", "infinity", "-infinity", "0000-01-01 00:00:00", "292278-01-01 00:00:00", "2026-02-30"];

/// A row of each table that has times, and what tells its rows apart.
const ROWS_WITH_TIMES: [(&str, &str, &str); 9] = [
    ("user", "id", r#"{"create_time": "AT", "last_login_time": "AT", "update_time": "AT"}"#),
    ("dataset", "id", r#"{"dataset_name": "d", "create_time": "AT", "update_time": "AT"}"#),
    ("task", "id", r#"{"dataset_id": 1, "create_user": 1, "create_time": "AT", "update_time": "AT"}"#),
    (
        "api_order",
        "id",
        r#"{"api_id": 1, "creator_id": 1, "create_time": "AT", "update_time": "AT", "pay_time": "AT"}"#,
    ),
    ("dataset_image", "id", r#"{"dataset_id": 1, "image_url": "a.png", "create_time": "AT", "update_time": "AT"}"#),
    (
        "matomo_log_visit",
        "idvisit",
        r#"{"idsite": 1, "idvisitor": "01", "visit_first_action_time": "AT", "visit_last_action_time": "AT"}"#,
    ),
    (
        "matomo_log_link_visit_action",
        "idlink_va",
        r#"{"idvisit": 1, "idsite": 1, "server_time": "AT", "idaction_url": 1}"#,
    ),
    ("matomo_log_conversion", "buster", r#"{"idvisit": 1, "idsite": 1, "idgoal": 0, "server_time": "AT"}"#),
    ("matomo_log_conversion_item", "idaction_sku", r#"{"idvisit": 1, "idorder": "T1", "server_time": "AT"}"#),
];

#[test]
fn a_date_that_no_calendar_holds_stops_no_run() {
    let n = Nearset::empty();
    let mut columns = 0;
    for (table, key, row) in ROWS_WITH_TIMES {
        let good: Value = serde_json::from_str(&row.replace("AT", "2026-10-01 10:00:00")).expect("a row");
        let times: Vec<&String> =
            good.as_object().expect("a row").keys().filter(|column| column.ends_with("_time")).collect();
        columns += times.len();
        // each date once in each column, beside more rows that are right
        let mut rows = vec![good.clone(); NO_DATES.len() + 1];
        for (column, date) in times.iter().flat_map(|column| NO_DATES.map(|date| (column, date))) {
            let mut bad = good.clone();
            bad[column.as_str()] = json!(date);
            rows.push(bad);
        }
        for (id, row) in (1..).zip(&mut rows) {
            row[key] = json!(id);
        }
        write(&n, table, &json!(rows));
    }
    write(&n, "matomo_log_action", &json!([{"idaction": 1, "name": "x/dataDetail/1", "type": 1}]));
    n.ok(RUN);
    let found = n.sql(
        "select source_table, column_name, count(*) as n from rejected_rows where ends_with(reason, '_not_a_time') group by all",
    );
    assert_eq!(found.len(), columns, "{found:?}");
    assert!(found.iter().all(|row| row["n"] == NO_DATES.len()), "{found:?}");
}

#[test]
fn an_id_in_a_url_ends_there_and_a_visitor_is_one_however_the_bytes_are_written() {
    let n = Nearset::empty();
    write(&n, "dataset", &json!([{"id": 7, "dataset_name": "seven", "create_time": "2026-01-01"}]));
    let urls = ["x/dataDetail/7.5", "x/dataDetail/7?from=a", "x/dataDetail/7abc", "x/dataDetail/7", "x/payment/7.5"];
    let action = |(place, url): (usize, &&str)| json!({"idaction": place + 1, "name": url, "type": 1});
    write(&n, "matomo_log_action", &urls.iter().enumerate().map(action).collect());
    let visitors = [
        json!("ABEiM0RVZnc="),
        json!("0x0011223344556677"),
        json!("0011223344556677"),
        json!({"type": "Buffer",
        "data": [0, 17, 34, 51, 68, 85, 102, 119]}),
    ];
    let visit = |(place, visitor): (usize, &Value)| {
        json!({"idvisit": place + 1, "idsite": 1, "idvisitor": visitor,
        "visit_last_action_time": "2026-10-01 08:00:00"})
    };
    write(&n, "matomo_log_visit", &visitors.iter().enumerate().map(visit).collect());
    let page = |place: i64| {
        json!({"idlink_va": place, "idvisit": 1, "idsite": 1, "server_time": "2026-10-01 08:00:00",
        "idaction_url": place})
    };
    write(&n, "matomo_log_link_visit_action", &(1..=5).map(page).collect());
    n.ok(RUN);
    assert_eq!(n.value("select string_agg(action_row_id, ' ' order by action_row_id) from pages"), "2 4");
    assert_eq!(n.value("select count(distinct visitor_id) from visits"), 1);
}

#[test]
fn a_megabyte_of_tags_is_read_in_no_time() {
    let n = Nearset::empty();
    let tags = (0..100_000).map(|tag| tag.to_string()).collect::<Vec<_>>().join("，");
    write(&n, "dataset", &json!([{"id": 1, "dataset_name": "one", "create_time": "2026-01-01", "tag": tags}]));
    n.ok(RUN);
    assert_eq!(n.value("select len(tags) from datasets"), 100_000);
}

#[test]
fn what_a_user_buys_is_unknown_where_the_flag_is_not_understood() {
    let n = Nearset::empty();
    let dataset = |id: i64| json!({"id": id, "dataset_name": "one", "create_time": "2026-01-01"});
    write(&n, "dataset", &json!([dataset(1), dataset(-5)]));
    let user = |(place, flag): (usize, &Value)| {
        json!({"id": place + 1, "create_time": "2026-01-01", "is_consumption": flag,
        "city": {"x": 1}})
    };
    let flags = [json!("是"), json!(0), json!("maybe"), json!(null)];
    let mut users: Vec<Value> = flags.iter().enumerate().map(user).collect();
    users.push(json!({"id": -1, "create_time": "2026-01-01"}));
    write(&n, "user", &json!(users));
    n.ok(RUN);
    let read = n.value("select string_agg(coalesce(is_consumption::varchar, '-') || coalesce(city, ''), ' ' order by user_id) from users");
    assert_eq!(read, "true false - false");
    assert!(reasons(&n, "user").contains(&"3 is_consumption_not_a_flag repaired".to_owned()));
    assert!(reasons(&n, "user").contains(&"3 city_not_a_text repaired".to_owned()));
    // nobody can ask for what is below 0
    assert!(reasons(&n, "user").contains(&"-1 negative_id dropped".to_owned()));
    assert_eq!(reasons(&n, "dataset"), ["-5 negative_id dropped"]);
    assert_eq!(n.value("select count(*) from datasets"), 1);
}
