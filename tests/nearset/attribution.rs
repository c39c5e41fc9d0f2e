//! What is owed to lists and how that is known, how sure its figures are, and why orders do not match.

use std::fs;

use duckdb::Connection;
use nearset::extract::raw_tables;
use nearset::sql_project::Project;
use nearset::warehouse;
use serde_json::{Value, json};

use crate::support::{AS_OF, Nearset, agent, catalogue};

const RUN: &[&str] = &["run", "--as-of", AS_OF];

// ---- the visit, where no request id tells ------------------------------------------------------------------------------------

/// Matomo's actions 1 to `count` are the pages of the datasets 1 to `count`.
fn write_pages(n: &Nearset, count: i64) {
    let names: Vec<String> = (1..=count).map(|id| format!("dataset {id}")).collect();
    n.write("dataset.json", &catalogue(&names.iter().map(String::as_str).collect::<Vec<_>>()));
    let page = |id: i64| json!({"idaction": id, "name": format!("data.example.com/dataDetail/{id}"), "type": 1});
    n.write("matomo_log_action.json", &(1..=count).map(page).collect::<Value>().to_string());
}

/// A list of the log: its id, user, page, moment and datasets.
fn list(request: &str, user: Option<i64>, page: i64, at: &str, datasets: &[i64]) -> String {
    let items: Value = datasets
        .iter()
        .map(|id| json!({"dataset_id": id, "score": 0.5, "reason": "content: text similarity 0.50"}))
        .collect();
    let line = json!({"request_id": request, "user_id": user, "page_id": page, "algorithm_version": "v",
        "timestamp": format!("{at}+00:00"), "items": items, "context": {"endpoint": "recommend_detail"}});
    format!("{line}\n")
}

#[test]
#[expect(clippy::too_many_lines, reason = "a story in its order")]
fn the_visit_tells_where_no_request_id_does_and_is_kept_apart() {
    let n = Nearset::empty();
    write_pages(&n, 6);
    n.write(
        "task.json",
        r#"[{"id": 2, "dataset_id": 4, "create_user": 7, "price": 50, "create_time": "2026-10-01 12:02:00"}]"#,
    );
    let log = [
        list("req_a", None, 1, "2026-10-01T08:00:02", &[2, 3, 4]),
        list("req_b", None, 1, "2026-10-01T09:00:01", &[2]),
        // two visitors look at the page at that moment
        list("req_c", None, 5, "2026-10-01T10:00:00", &[6]),
        list("req_d", None, 1, "2026-10-01T11:00:00", &[2, 3]),
        list("req_e", None, 2, "2026-10-01T11:01:10", &[3]),
        list("req_f", Some(7), 1, "2026-10-01T12:00:05", &[4]),
        list("req_g", Some(7), 1, "2026-10-02T12:00:05", &[3]),
    ];
    fs::create_dir_all(n.data().join("evaluation")).expect("a folder");
    fs::write(n.data().join("evaluation/exposure_log.jsonl"), log.concat()).expect("a log");
    let views = [
        (1, "01 08:00:00", 1, None),
        (1, "01 08:01:00", 2, Some("req_a")),
        (1, "01 08:02:00", 3, None),
        // an id that no list has tells nothing, so the visit does
        (1, "01 08:03:00", 4, Some("req_lost")),
        (1, "01 08:04:00", 5, None),
        // later than half an hour
        (2, "01 09:00:00", 1, None),
        (2, "01 09:31:00", 2, None),
        (3, "01 10:00:00", 5, None),
        (4, "01 10:00:00", 5, None),
        (3, "01 10:01:00", 6, None),
        // the last list that showed it
        (5, "01 11:00:00", 1, None),
        (5, "01 11:01:00", 2, Some("req_d")),
        (5, "01 11:02:00", 3, None),
        (6, "01 12:00:00", 1, None),
        (6, "01 12:01:00", 4, None),
    ];
    let rows: Value = views
        .iter()
        .zip(1..)
        .map(|((visit, at, page, request), id)| {
            json!({"idlink_va": id, "idvisit": visit, "idsite": 1, "server_time": format!("2026-10-{at}"), "idaction_url": page,
                "custom_dimension_4": request})
        })
        .collect();
    n.write("matomo_log_link_visit_action.json", &rows.to_string());
    n.write(
        "matomo_log_conversion.json",
        r#"[{"idvisit": 6, "idgoal": 0, "buster": 1, "idsite": 1, "server_time": "2026-10-01 12:02:05", "idorder": "T2", "revenue": 50}]"#,
    );
    n.ok(RUN);

    let clicks = n.value("select string_agg(concat_ws(' ', how, request_id, dataset_id), '; ' order by how, request_id, dataset_id) from attributed_clicks");
    assert_eq!(
        clicks,
        "request_id req_a 2; request_id req_d 2; visit req_a 3; visit req_a 4; visit req_e 3; visit req_f 4"
    );
    assert_eq!(
        n.value("select string_agg(request_id, ' ' order by request_id) from clicks"),
        "req_a req_d",
        "clicks stay what they are"
    );
    let orders = n.sql("select how, request_id, position, revenue from attributed_orders");
    assert_eq!(orders, [json!({"how": "visit", "request_id": "req_f", "position": 0, "revenue": 50.0})]);
    assert_eq!(n.value("select count(*) from attributed_conversions"), 0);

    let basis = n.value("select string_agg(request_id || ' ' || basis, '; ' order by request_id) from list_visits");
    assert_eq!(basis, "req_a click; req_b page; req_d click; req_e page; req_f page");

    let all = n.sql(
        "select requests, exposures, clicks, visit_clicks, conversions, visit_conversions, visit_revenue
        from figures_by_day where breakdown = 'all' order by day",
    );
    assert_eq!(
        all[0],
        json!({"requests": 6, "exposures": 9, "clicks": 2, "visit_clicks": 4, "conversions": 0,
        "visit_conversions": 1, "visit_revenue": 50.0})
    );
    let kinds = n.value("select string_agg(concat_ws(' ', day, value, requests), '; ' order by day, value) from figures_by_day where breakdown = 'visitor'");
    assert_eq!(kinds, "2026-10-01 new 5; 2026-10-01 unknown 1; 2026-10-02 returning 1");
    assert_eq!(n.value("select max(value) from figures_by_day where breakdown = 'channel'"), "content");
}

#[test]
fn every_breakdown_adds_up_to_all() {
    let n = Nearset::demo();
    let off = n.sql(
        "with sums as (
             select day, breakdown, sum(exposures) as exposures, sum(clicks) as clicks, sum(visit_clicks) as visit_clicks,
                 sum(conversions) as conversions, sum(revenue) as revenue
             from figures_by_day group by day, breakdown)
         select sums.breakdown, sums.day
         from sums inner join sums as total on total.day = sums.day and total.breakdown = 'all'
         where (sums.exposures, sums.clicks, sums.visit_clicks) is distinct from (total.exposures, total.clicks, total.visit_clicks)
             or sums.breakdown not in ('position', 'channel', 'provider')
                 and (sums.conversions, round(sums.revenue, 2)) is distinct from (total.conversions, round(total.revenue, 2))",
    );
    assert_eq!(off, Vec::<Value>::new());
    let figures = n.sql("select exposures_total, clicks_total, conversions_total, revenue_total from exposure_summary");
    let ours = n.sql("select sum(exposures)::bigint as exposures_total, sum(clicks)::bigint as clicks_total,
        sum(conversions)::bigint as conversions_total, sum(revenue) as revenue_total from figures_by_day where breakdown = 'all'");
    assert_eq!(ours, figures, "by request id it is what the contract says");
    let datasets = n.sql(
        "select sum(views)::bigint as views, sum(exposures)::bigint as exposures, sum(clicks)::bigint as clicks,
        sum(orders)::bigint as orders from dataset_by_day",
    );
    let counted = n.sql(
        "select (select count(*) from page_views) as views, (select count(*) from exposures) as exposures,
        (select count(*) from clicks) as clicks, (select count(*) from orders) as orders",
    );
    assert_eq!(datasets, counted);
}

// ---- how sure figures are ----------------------------------------------------------------------------------------------------

/// The project's macros in a database of their own, and its relations to build there.
fn project() -> (Connection, Project) {
    let db = warehouse::small().expect("DuckDB");
    db.execute_batch("set variable as_of = timestamp '2026-10-16'; set variable report_timezone = 'UTC'")
        .expect("variables");
    let project = Project::load(None, &raw_tables().expect("tables")).expect("a project");
    project.create_macros(&db).expect("macros");
    (db, project)
}

fn build(db: &Connection, project: &Project, name: &str) {
    let relation = project.relations.iter().find(|relation| relation.name == name).expect("a relation");
    relation.build(db).unwrap_or_else(|error| panic!("{name}: {error:#}"));
}

fn number(db: &Connection, query: &str) -> f64 {
    db.query_row(&format!("select cast(({query}) as double)"), [], |row| row.get(0))
        .unwrap_or_else(|error| panic!("{query}: {error}"))
}

#[test]
fn intervals_of_revenue_hold_what_is_true_more_than_nine_times_in_ten() {
    let (db, project) = project();
    // two hundred worlds of five hundred visitors, half of whom buy in a fifth of their lists, for 50 to 150
    db.execute_batch(
        "create table shown_lists as
         with lists as (
             select w, w * 1000 + v as visitor, l, chance_of(w * 1000 + v, 99) < 0.5 and chance_of(w * 1000 + v, l * 10) < 0.2 as buys
             from range(200) as a (w), range(500) as b (v), range(4) as c (l)
             where l <= floor(4 * chance_of(w * 1000 + v, 98))
         )
         select 'req_' || visitor || '_' || l as request_id, date '2026-10-15' as day, 'v' || visitor as visitor, 'new' as visitor_kind,
             'world ' || w as algorithm_version, 'primary' as variant, 'none' as experiment, 'control' as experiment_variant,
             'e' as endpoint, 'none' as degrade_reason, 'unknown' as source, 'desktop' as device_type, 6 as exposures, 0 as clicks,
             buys::integer as conversions, case when buys then 5000 + floor(10000 * chance_of(visitor, l * 10 + 1))::bigint else 0 end as revenue_cents,
             0 as visit_clicks, 0 as visit_conversions, 0 as visit_revenue_cents
         from lists;
         create table frequent_sources as select 'unknown' as source;
         create table shown_items as select 0::ubigint as request, date '2026-10-15' as day, 0::ubigint as visitor, 'e' as endpoint, 0 as position,
             '' as channel, '' as provider, 0 as clicks, 0 as conversions, 0 as revenue_cents, 0 as visit_clicks, 0 as visit_conversions,
             0 as visit_revenue_cents limit 0;
         create table position_bias as select 'e' as endpoint, 0 as position, 1.0 as examination, 1.0 as examined_so_far limit 0",
    )
    .expect("worlds");
    build(&db, &project, "figures_by_day");
    build(&db, &project, "attribution_by");
    // a tenth of lists brings 100, for six exposures
    let share = number(
        &db,
        "select avg((1000 * 100 * 0.1 / 6 between revenue_low and revenue_high)::integer) from attribution_by where breakdown = 'version'",
    );
    assert!((0.91..=0.985).contains(&share), "{share} of the intervals hold it");
    let all = number(
        &db,
        "select count(*) from attribution_by where breakdown = 'all' and 10000 / 6 between revenue_low and revenue_high",
    );
    assert!(
        all >= 1.0
            || number(&db, "select min(revenue_high - revenue_low) from attribution_by where breakdown = 'all'") < 60.0
    );
}

#[test]
fn positions_are_told_from_what_stands_there() {
    let (db, project) = project();
    // lists that mostly put first what is clicked most; position 3 is looked at less than the curve says
    db.execute_batch(
        "create table exposure_outcomes as
         with candidates as (
             select list, list % 300 as page, d, 0.02 + 0.3 * pow(chance_of(list % 300, d), 3) as attraction, chance_of(list * 100 + d, 1) as noise
             from range(60000) as a (list), range(14) as b (d)
         ),
         ranked as (select *, row_number() over (partition by list order by noise - 3 * attraction, d) - 1 as position from candidates)
         select 'r' || list as request_id, 'e' as endpoint, position, page as page_dataset_id, d as dataset_id, false as is_explored,
             date '2026-10-01' as day,
             chance_of(list * 100 + d, 2) < attraction * pow(position + 1, -0.7) * if(position = 3, 0.6, 1) as is_clicked
         from ranked
         where position < 10",
    )
    .expect("lists");
    build(&db, &project, "position_bias");
    let truth = "pow(position + 1, -0.7) * if(position = 3, 0.6, 1)";
    let worst = number(&db, &format!("select max(abs(ln(examination / ({truth})))) from position_bias"));
    assert!(worst < 0.15, "{worst}");
    let naive = number(
        &db,
        &format!(
            "select abs(ln(clicks / first(clicks order by position) over () / ({truth}))) from position_bias where position <= 9 order by position desc limit 1"
        ),
    );
    assert!(naive > 0.5, "clicks alone are wrong by {naive}, or the test asks for nothing");
    let held = number(
        &db,
        &format!(
            "select count(*) from position_bias where {truth} between examination_low - 1e-6 and examination_high + 1e-6"
        ),
    );
    assert!(held >= 8.0, "{held} of 10 intervals hold the truth");
}

#[test]
fn a_position_without_evidence_follows_the_curve_and_none_at_all_is_no_correction() {
    let (db, project) = project();
    db.execute_batch(
        "create table exposure_outcomes as
         select 'r' || list || '_' || position as request_id, 'e' as endpoint, position, 1 as page_dataset_id,
             case when position = 5 then 99 else 7 end as dataset_id, false as is_explored, date '2026-10-01' as day,
             chance_of(list, position) < 0.4 / (position + 1) as is_clicked
         from range(3000) as a (list), range(6) as b (position)
         union all
         select 'q' || position, 'silent', position, 1, position, false, date '2026-10-01', false
         from range(3) as c (position)",
    )
    .expect("lists");
    build(&db, &project, "position_bias");
    let last = number(&db, "select examination from position_bias where endpoint = 'e' and position = 5");
    assert!((0.13..0.21).contains(&last), "{last} by the curve 1 / 6");
    assert_eq!(number(&db, "select couples from position_bias where endpoint = 'e' and position = 5"), 0.0);
    assert_eq!(number(&db, "select sum(examination) from position_bias where endpoint = 'silent'"), 3.0);
    assert_eq!(number(&db, "select count(examination_low) from position_bias where endpoint = 'silent'"), 1.0);
}

// ---- orders --------------------------------------------------------------------------------------------------------------------

/// An order of the business: its number, dataset, user, price and moment in October.
fn task(id: i64, dataset: Option<i64>, user: Option<i64>, price: f64, at: &str) -> Value {
    json!({"id": id, "dataset_id": dataset, "create_user": user, "price": price, "create_time": format!("2026-10-{at}")})
}

/// What Matomo has of an order: its id, visit, dataset, revenue and moment in October.
fn conversion(order: &str, visit: i64, dataset: i64, revenue: f64, at: &str) -> Value {
    json!({"idvisit": visit, "idgoal": 0, "buster": order, "idsite": 1, "server_time": format!("2026-10-{at}"), "idorder": order,
        "revenue": revenue, "url": format!("https://data.example.com/payment/{dataset}")})
}

fn visit(id: i64, user: Option<i64>, from: &str, to: &str, actions: i64) -> Value {
    json!({"idvisit": id, "idsite": 1, "idvisitor": format!("{id:016x}"), "user_id": user, "visit_first_action_time": format!("2026-10-{from}"),
        "visit_last_action_time": format!("2026-10-{to}"), "visit_total_actions": actions})
}

fn with(mut row: Value, column: &str, value: &Value) -> Value {
    row[column] = value.clone();
    row
}

#[test]
#[expect(clippy::too_many_lines, reason = "a story in its order")]
fn every_unmatched_order_has_its_likely_cause() {
    let mut n = Nearset::empty();
    n.set("MATOMO_SITE_ID", "1");
    write_pages(&n, 30);
    n.write(
        "user.json",
        r#"[{"id": 1, "create_time": "2026-01-01 00:00:00"}, {"id": 2, "create_time": "2026-01-01 00:00:00", "company_name": "测试公司"},
            {"id": 3, "create_time": "2026-01-01 00:00:00"}, {"id": 4, "create_time": "2026-01-01 00:00:00"}]"#,
    );
    let tasks = [
        task(1, Some(1), Some(1), 100.0, "14 10:00:00"),
        task(2, Some(2), Some(1), 100.0, "14 10:00:00"),
        task(3, Some(3), Some(1), 100.0, "14 10:00:00"),
        task(4, Some(4), Some(1), 100.0, "14 10:00:00"),
        task(5, Some(5), Some(1), 100.0, "14 10:00:00"),
        task(6, Some(6), Some(1), 100.0, "14 10:00:00"),
        task(7, Some(7), Some(1), 100.0, "14 10:00:00"),
        task(8, Some(8), Some(1), 100.0, "14 10:00:00"),
        task(9, Some(9), Some(1), 100.0, "14 10:00:00"),
        task(10, Some(1), Some(1), 100.0, "14 10:05:00"),
        task(11, Some(11), Some(2), 100.0, "14 10:00:00"),
        task(12, Some(12), Some(1), 100.0, "15 23:30:00"),
        task(13, Some(13), Some(3), 100.0, "12 10:00:00"),
        task(14, Some(14), Some(4), 100.0, "14 10:00:00"),
        task(15, Some(15), Some(1), 100.0, "14 10:10:00"),
        task(16, Some(16), None, 100.0, "14 10:00:00"),
        task(17, None, Some(1), 100.0, "14 10:00:00"),
        task(20, Some(20), Some(1), 100.0, "14 10:00:00"),
    ];
    n.write("task.json", &json!(tasks).to_string());
    n.write(
        "api_order.json",
        r#"[{"id": 1, "api_id": 21, "creator_id": 1, "price": 9, "create_time": "2026-10-14 10:00:00", "pay_time": null},
            {"id": 2, "api_id": 22, "creator_id": 1, "price": 9, "create_time": "2026-10-14 10:00:00", "pay_time": "2026-10-14 10:01:00"}]"#,
    );
    let visits = [
        visit(1, Some(1), "14 09:50:00", "14 10:20:00", 9),
        visit(2, Some(1), "14 10:00:00", "14 10:01:00", 900),
        visit(3, None, "15 19:00:00", "15 20:00:00", 3),
    ];
    n.write("matomo_log_visit.json", &json!(visits).to_string());
    let conversions = [
        conversion("T1", 1, 1, 100.0, "14 10:00:30"),
        conversion("T2", 1, 2, 100.0, "14 12:10:00"),
        conversion("T3", 1, 3, 100.0, "14 18:00:20"),
        conversion("T4", 1, 4, 90.0, "14 10:00:30"),
        with(conversion("T5", 1, 5, 100.0, "14 10:00:30"), "idsite", &json!(9)),
        conversion("T6", 2, 6, 100.0, "14 10:00:30"),
        with(conversion("T7", 1, 7, 100.0, "14 10:00:30"), "idgoal", &json!(-1)),
        conversion("WEB-8", 3, 8, 100.0, "14 10:01:00"),
        conversion("WEB-9", 3, 9, 100.0, "14 18:00:40"),
        conversion("T20", 1, 20, 100.0, "14 10:00:30"),
        with(conversion("A2", 1, 22, 9.0, "14 10:01:00"), "revenue", &json!("on request")),
        conversion("TEST-1", 3, 23, 1.0, "14 10:00:30"),
        conversion("X1", 1, 20, 100.0, "14 10:03:00"),
        conversion("T17", 3, 24, 100.0, "14 10:00:30"),
        conversion("T99", 3, 25, 100.0, "14 10:00:30"),
        conversion("T18", 3, 26, 100.0, "14 10:00:30"),
        conversion("S-1234", 3, 27, 100.0, "14 10:00:30"),
    ];
    n.write("matomo_log_conversion.json", &json!(conversions).to_string());
    n.ok(RUN);

    let found = n.sql("select order_ref, cause from reconciled_orders order by order_ref");
    let found: Vec<String> = found
        .iter()
        .map(|row| format!("{} {}", row["order_ref"].as_str().expect("an order"), row["cause"].as_str().unwrap_or("-")))
        .collect();
    assert_eq!(
        found,
        [
            "A1 unpaid",
            "A2 -",
            "S-1234 foreign_id",
            "T1 -",
            "T10 duplicated",
            "T11 test_order",
            "T12 late",
            "T13 no_tracking",
            "T14 blocked",
            "T15 not_reported",
            "T16 unknown",
            "T17 unusable",
            "T18 removed",
            "T2 late",
            "T20 -",
            "T3 zone",
            "T4 amount_differs",
            "T5 other_site",
            "T6 bot_visit",
            "T7 cart",
            "T8 other_id",
            "T9 zone",
            "T99 late",
            "TEST-1 test_order",
            "WEB-8 other_id",
            "WEB-9 zone",
            "X1 duplicated",
        ]
    );
    let evidence = n.sql("select other_ref, lag_seconds from reconciled_orders where order_ref in ('T10', 'T8', 'T9') order by order_ref");
    assert_eq!(evidence[0]["other_ref"], "T1");
    assert_eq!(evidence[1], json!({"other_ref": "WEB-8", "lag_seconds": 60}));
    assert_eq!(evidence[2], json!({"other_ref": "WEB-9", "lag_seconds": 28840}));
    assert_eq!(n.value("select revenue_difference from reconciled_orders where order_ref = 'T4'"), -10.0);
    // what could not be read is not nothing
    assert_eq!(n.value("select revenue_difference from reconciled_orders where order_ref = 'A2'"), json!(null));
    assert_eq!(n.value("select sum(matched_revenue_difference) from reconciliation_daily"), -10.0);
    let day =
        n.sql("select differing_count, late_count, test_count from reconciliation_tolerance where day = '2026-10-14'");
    assert_eq!(day, [json!({"differing_count": 1, "late_count": 2, "test_count": 1})]);
}

#[test]
fn few_orders_are_never_critical() {
    let (db, project) = project();
    db.execute_batch(
        "create table reconciled_orders as
         select 'T' || day || '-' || i as order_ref, date '2026-10-01' + day::integer as day,
             case when i < missing then 'missing_in_matomo' when i < missing + own then 'matomo_only' else 'matched' end as status,
             case when i >= orders - differing then 'amount_differs' end as cause
         from (values (1, 3, 2, 0, 0), (2, 10, 10, 0, 0), (3, 200, 60, 0, 0), (4, 200, 30, 0, 0), (5, 3, 0, 2, 0), (6, 60, 0, 40, 0), (7, 60, 0, 0, 30),
             (8, 3, 0, 0, 2)) as days (day, orders, missing, own, differing), range(300) as r (i)
         where i < orders;
         create table reconciliation_daily as select distinct day, 0.0 as matched_revenue_difference from reconciled_orders",
    )
    .expect("orders");
    build(&db, &project, "reconciliation_tolerance");
    let said: String = db
        .query_row(
            "select string_agg(concat_ws(' ', day(day) - 1, missing_status, matomo_only_status, revenue_status), '; ' order by day) from reconciliation_tolerance",
            [],
            |row| row.get(0),
        )
        .expect("statuses");
    assert_eq!(
        said,
        "1 warning ok ok; 2 critical no_orders no_orders; 3 critical ok ok; 4 warning ok ok; 5 ok warning ok; 6 ok critical ok; 7 ok ok critical; \
         8 ok ok warning"
    );
    let off = number(
        &db,
        "select count(*) from reconciliation_tolerance where (missing_share > tolerated_share) <> (missing_status <> 'ok')",
    );
    assert_eq!(off, 0.0, "the band that is drawn is the one that judges");
}

// ---- the pages -----------------------------------------------------------------------------------------------------------------

/// The addresses on a page that begin so.
fn links<'a>(page: &'a str, begin: &str) -> Vec<&'a str> {
    page.split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(|link| link.starts_with(begin))
        .collect()
}

#[test]
fn reports_and_orders_are_pages_whose_links_lead_on() {
    let n = Nearset::demo();
    let server = n.serve();
    let page = |path: &str| {
        let (status, text) = server.get_text(&path.replace("&amp;", "&"));
        assert_eq!(status, 200, "{path}");
        assert!(!text.contains("role=\"alert\""), "{path}: {text}");
        text
    };
    let days = page("/console/reports");
    assert_eq!(links(&days, "/console/reports/2026-").len(), 31);
    assert!(days.contains("data-chart") && links(&days, "/console/reports?page=2").len() == 1);
    assert_eq!(links(&page("/console/reports?page=2"), "/console/reports/2026-").len(), 14);

    let day = page("/console/reports/2026-10-15");
    assert!(day.contains("1,182") && day.contains("4.15%"), "exposures and click rate: {day}");
    assert!(["a week before", "within chance", "the day before"].iter().all(|words| day.contains(words)), "{day}");
    let other: Vec<&str> = links(&day, "/console/reports/2026-10-14");
    assert_eq!(other, ["/console/reports/2026-10-14"], "the day before; there is none after");
    let json = links(&day, "/reports/");
    assert_eq!(json, ["/reports/recommendation_report_2026-10-15.json?format=json"]);
    assert_eq!(server.get(json[0]).1["summary"]["exposures"], 1182);
    assert!(
        page("/console/reports/2026-09-01").contains("nearset report --date"),
        "no run writes reports of days so old"
    );
    for by in links(&day, "/console/reports/2026-10-15?by=") {
        page(by);
    }
    for by in links(&page("/console/reports/attribution"), "/console/reports/attribution?by=") {
        assert!(page(by).contains("How to read this"), "{by}");
    }

    let reconciled = page("/console/reconciliation?from=2026-09-15&to=2026-09-16");
    assert_eq!(links(&reconciled, "/console/reports/2026-").len(), 2);
    let missing = links(&reconciled, "/console/reconciliation/orders?status=missing_in_matomo&amp;cause=not_reported");
    let orders = page(missing[0]);
    for order in ["A28", "T54", "T58"] {
        assert!(orders.contains(order), "{order}: {orders}");
    }
    assert!(orders.contains("look at the page after payment"), "{orders}");
    assert!(page("/console/reconciliation/orders?page=3").contains("101–150"));
    assert!(page("/console/reconciliation/orders?order=test1020").contains("TEST1020-3"));

    for (path, status) in [
        ("/console/reports/2026-10-16", 404),
        ("/console/reports/yesterday", 404),
        ("/console/reports?page=99", 200),
        ("/console/reports?page=x&page=%FF", 200),
        ("/console/reports/2026-10-15?by=nothing", 200),
        ("/console/reconciliation?from=yesterday", 200),
        ("/console/reconciliation?from=2027-01-01", 200),
        ("/console/reconciliation/orders?status=%27%20or%201=1--", 200),
    ] {
        let (found, text) = server.get_text(path);
        assert_eq!(found, status, "{path}");
        assert!(!text.contains("Error") && text.contains("</html>"), "{path}: {text}");
    }
    let chinese =
        agent().get(format!("{}/console/reports/2026-10-15", server.base)).header("Accept-Language", "zh-CN").call();
    let chinese = chinese.expect("a page").body_mut().read_to_string().expect("text");
    assert!(chinese.contains("较上周同日") && chinese.contains("点击率") && chinese.contains("周四"), "{chinese}");
}
