//! Databases as sources: the same rows as from exports, nothing lost between runs, clear words when something breaks.

use std::fs;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::mariadb::{MariaDb, PASSWORD, encoded_password, extension, extensions};
use crate::postgres::Postgres;
use crate::support::{AS_OF, Nearset, catalogue, text};

const RUN: &[&str] = &["run", "--as-of", AS_OF];
const EXTRACT: &[&str] = &["extract", "--as-of", AS_OF];

/// Three datasets, the least that can be recommended.
pub fn three_datasets(db: &MariaDb) {
    db.sql(
        "insert into shop.dataset (id, dataset_name, create_time, update_time) values
         (1, 'one', '2026-01-01', '2026-01-01'), (2, 'two', '2026-01-01', '2026-01-02'), (3, 'three', '2026-01-01', '2026-01-03');",
    );
}

fn titles(n: &Nearset) -> String {
    let rows = n.sql("select id, dataset_name as title from raw.dataset order by try_cast(id as bigint)");
    rows.iter()
        .map(|r| format!("{}={}", r["id"].as_str().unwrap_or(""), r["title"].as_str().unwrap_or("-")))
        .collect::<Vec<_>>()
        .join(" ")
}

/// All rows of all relations but those of the raw schema; of set-aside rows, what does not name a file.
fn published(n: &Nearset) -> Vec<(String, Vec<Value>)> {
    let names =
        n.sql("select table_name as name from information_schema.tables where table_schema = 'main' order by 1");
    let names = names.iter().map(|r| r["name"].as_str().expect("a name").to_owned());
    names
        .map(|name| {
            let rows = match name.as_str() {
                "set_aside" | "schema_contract_results" => {
                    n.sql(&format!("select * exclude (example) from {name} order by all"))
                }
                // a database has no row twice
                "data_quality_checks" => {
                    n.sql("from data_quality_checks where check_name not in ('duplicates', 'set_aside') order by all")
                }
                "data_quality_history" => n.sql(
                    "from data_quality_history where check_name not in ('duplicates', 'set_aside', 'score') order by all",
                ),
                "data_quality_scores" => n.sql(
                    "select * exclude (score, duplicates, set_aside, anomalies) from data_quality_scores order by all",
                ),
                "rejected_rows" => n.sql(
                    "select source_table, source_key, reason, regexp_replace(value, '(\\d)T(\\d)', '\\1 \\2') as value from rejected_rows
                     where reason not in ('duplicate_id', 'older_than_stored') order by all",
                ),
                _ => n.sql(&format!("select count(*) as rows, bit_xor(hash(t))::varchar as hash from {name} as t")),
            };
            (name, rows)
        })
        .collect()
}

#[test]
fn a_database_publishes_what_the_exports_do_and_holds_no_secret() {
    let exports = Nearset::empty();
    exports.take_fixtures(|_| true);
    exports.take_exposures();
    exports.ok(RUN);

    let db = MariaDb::start();
    db.load(&exports);
    db.sql("update shop.user set password = 'hash-of-a-password', phone = '13800000000'");
    let mut n = db.nearset();
    n.take_exposures();
    let said = n.ok(RUN);
    assert!(said.contains("user: password left where they are (LEAVE_OUT_COLUMNS)"), "{said}");
    let expected = published(&exports);
    assert!(expected.len() > 40);
    for (one, other) in expected.iter().zip(published(&n)) {
        assert_eq!(*one, other);
    }
    assert_eq!(
        n.value("select count(*) from raw.user where phone = '13800000000'"),
        n.value("select count(*) from raw.user")
    );

    // again: the same, and nothing new
    let before = n.fingerprints();
    n.ok(RUN);
    assert_eq!(n.fingerprints(), before);

    let state = n.json("_metadata/extract_state.json");
    assert_eq!(state["matomo"]["matomo_log_action"]["column"], "idaction");
    assert_eq!(
        state["matomo"]["matomo_log_action"]["watermark"],
        n.value("select max(idaction::bigint) from raw.matomo_log_action")
    );
    assert_eq!(state["business"]["task"]["mode"], "database");

    // what is a secret is nowhere
    n.set("NEARSET_LOG", "debug");
    let output = n.run(&["run", "--as-of", AS_OF, "--full-refresh"]);
    assert!(output.status.success());
    let doctor = n.run(&["doctor"]);
    let asked = n.run(&["sql", "from duckdb_secrets()"]);
    let mut seen = vec![output.stdout, output.stderr, doctor.stdout, doctor.stderr, asked.stdout, asked.stderr];
    for file in ["warehouse.duckdb", "_metadata/runs.jsonl", "_metadata/extract_state.json"] {
        seen.push(fs::read(n.data().join(file)).expect("a file"));
    }
    for (place, bytes) in seen.iter().enumerate() {
        for secret in [PASSWORD, "hash-of-a-password"] {
            assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()), "{secret} is in {place}");
        }
    }
}

#[test]
fn one_source_may_be_a_database_and_the_other_exports() {
    let exports = Nearset::empty();
    exports.take_fixtures(|_| true);
    exports.ok(RUN);
    let db = MariaDb::start();
    db.load(&exports);
    for (source, other) in [("BUSINESS", "MATOMO"), ("MATOMO", "BUSINESS")] {
        let mut n = db.nearset();
        n.set("DATA_SOURCE", "json");
        n.set(&format!("{source}_DATA_SOURCE"), "database");
        n.set(&format!("{other}_DB_NAME"), "");
        n.take_fixtures(|_| true);
        n.ok(RUN);
        for (one, other) in published(&exports).iter().zip(published(&n)) {
            assert_eq!(*one, other, "{source} from the database");
        }
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a story in its order")]
fn new_changed_late_and_deleted_rows_are_all_seen() {
    let db = MariaDb::start();
    three_datasets(&db);
    db.sql(
        "insert into shop.task (id, dataset_id, create_user, price, create_time, update_time) values
         (10, 1, 7, 5, '2026-10-01 10:00:00', '2026-10-01 10:00:00');
         insert into matomo.matomo_log_action (idaction, name, type) values (1, 'x/dataDetail/1', 1);
         insert into matomo.matomo_log_visit (idvisit, idsite, idvisitor, visit_first_action_time, visit_last_action_time) values
         (100, 1, x'00FF', '2026-10-01 10:00:00', '2026-10-01 10:00:00'), (101, 1, x'01', '2026-10-01 10:00:00', '2026-10-01 10:00:00');",
    );
    let n = db.nearset();
    n.ok(EXTRACT);
    assert_eq!(titles(&n), "1=one 2=two 3=three");
    assert_eq!(n.value("select idvisitor from raw.matomo_log_visit where idvisit = '100'"), "00ff000000000000");

    // the watermark's own second, a second before it (committed late), an update, a key below the largest
    db.sql(
        "insert into shop.dataset (id, dataset_name, create_time, update_time) values
         (4, 'same second', '2026-01-03', '2026-01-03'), (5, 'late', '2026-01-02 23:59:59', '2026-01-02 23:59:59');
         update shop.dataset set dataset_name = 'two, changed', update_time = '2026-01-04' where id = 2;
         insert into shop.task (id, dataset_id, create_user, price, create_time, update_time) values
         (9, 1, 7, 5, '2026-10-01 10:00:00', '2026-10-01 10:00:00');
         insert into matomo.matomo_log_action (idaction, name, type) values (2, 'x/dataDetail/2', 1);
         update matomo.matomo_log_visit set visit_last_action_time = '2026-10-01 10:05:00', visit_total_actions = 9 where idvisit = 100;",
    );
    let plan = n.ok(&["extract", "--dry-run"]);
    assert!(plan.contains("dataset: 4 row(s)") || plan.contains("dataset: 5 row(s)"), "{plan}");
    assert!(plan.contains("update_time >= timestamp '2026-01-02 23:50:00'"), "{plan}");
    n.ok(EXTRACT);
    assert_eq!(titles(&n), "1=one 2=two, changed 3=three 4=same second 5=late");
    assert_eq!(n.value("select count(*) from raw.task"), 2);
    assert_eq!(n.value("select count(*) from raw.matomo_log_action"), 2);
    assert_eq!(n.value("select visit_total_actions from raw.matomo_log_visit where idvisit = '100'"), "9");
    assert_eq!(n.value("select count(*) from raw.rejected"), 0);

    // rows older than any overlap (an import, a restored backup), and rows gone: told by the count
    db.sql(
        "insert into shop.dataset (id, dataset_name, create_time, update_time) values (20000, 'far', '2026-01-05', '2026-01-05')",
    );
    n.ok(EXTRACT);
    db.sql(
        "insert into shop.dataset (id, dataset_name, create_time, update_time) values (6, 'imported', '2020-01-01', '2020-01-01');
         delete from shop.dataset where id = 3; delete from shop.task where id = 10;
         delete from matomo.matomo_log_visit where idvisit = 101;",
    );
    let said = n.ok(EXTRACT);
    assert!(said.contains("task: the source had 1 rows where 2 were stored"), "{said}");
    assert_eq!(n.value("select string_agg(id, ' ') from raw.task"), "9");
    assert_eq!(n.value("select count(*) from raw.matomo_log_visit"), 1);
    // one came and one went: the count alone cannot tell, a full refresh does
    n.ok(&["extract", "--as-of", AS_OF, "--full-refresh"]);
    assert_eq!(titles(&n), "1=one 2=two, changed 4=same second 5=late 6=imported 20000=far");
    db.sql("insert into shop.dataset (id, dataset_name, create_time, update_time) values (7, 'old', '2020-01-01', '2020-01-01')");
    n.ok(EXTRACT);
    assert_eq!(titles(&n), "1=one 2=two, changed 4=same second 5=late 6=imported 7=old 20000=far");

    // a mark that moves no change time, and the first row of all gone
    db.sql("update shop.dataset set is_delete = 1 where id = 6");
    let said = n.ok(EXTRACT);
    assert!(said.contains("1 rows marked as deleted where 0 were stored"), "{said}");
    assert_eq!(n.value("select string_agg(id, ' ') from raw.dataset where is_delete = '1'"), "6");
    db.sql("delete from shop.dataset where id = 1");
    n.ok(EXTRACT);
    assert!(titles(&n).starts_with("2="), "{}", titles(&n));

    // Matomo purges its old logs, and actions nothing names any more; what was read stays
    db.sql(
        "insert into matomo.matomo_log_visit (idvisit, idsite, idvisitor, visit_first_action_time, visit_last_action_time) values
         (200, 1, x'02', '2026-10-02 10:00:00', '2026-10-02 10:00:00');
         delete from matomo.matomo_log_visit where idvisit < 200; delete from matomo.matomo_log_action where idaction = 1;",
    );
    let said = n.ok(EXTRACT);
    assert!(!said.contains("taken out"), "{said}");
    assert_eq!(n.value("select count(*) from raw.matomo_log_visit"), 2);
    assert_eq!(n.value("select count(*) from raw.matomo_log_action"), 2);
    let before = n.fingerprints();
    n.ok(EXTRACT);
    assert_eq!(n.fingerprints(), before, "nothing grows");
}

#[test]
fn tables_without_keys_or_times_are_read_right_too() {
    let db = MariaDb::start();
    db.sql(
        "drop table shop.dataset; drop table shop.task; use shop;
         create table dataset (id varchar(20), dataset_name varchar(50), create_time varchar(30));
         insert into dataset values ('1', 'one', '2026/01/01'), ('1', 'one, newer', '2026-01-02 00:00:00'), (null, 'keyless', null), ('2', 'two', null);
         create table task (id bigint, dataset_id bigint, create_user bigint, create_time date);
         insert into task values (1, 1, 1, '2026-10-01'), (null, 1, 1, '2026-10-01'), (1, 2, 1, '2026-10-02');",
    );
    let n = db.nearset();
    let expected = "dataset duplicate_id|dataset id_missing|task duplicate_id|task id_missing";
    for round in ["first", "second"] {
        n.ok(EXTRACT);
        assert_eq!(titles(&n), "1=one, newer 2=two", "{round}");
        assert_eq!(n.value("select dataset_id from raw.task"), "2", "{round}");
        let rejected = n.value(
            "select string_agg(source_table || ' ' || reason, '|' order by source_table, reason) from raw.rejected",
        );
        assert_eq!(rejected, expected, "{round}");
    }
    // the day a row was made is all that is known of its time
    db.sql("insert into shop.task values (2, 1, 1, '2026-10-02')");
    n.ok(EXTRACT);
    assert_eq!(n.value("select count(*) from raw.task"), 2);
}

#[test]
fn a_changed_schema_is_taken_in_or_stops_with_table_and_column() {
    let db = MariaDb::start();
    three_datasets(&db);
    db.sql("alter table shop.dataset drop column tag");
    let n = db.nearset();
    let said = n.ok(EXTRACT);
    assert!(said.contains("dataset: without tag"), "{said}");
    db.sql(
        "alter table shop.dataset add column tag varchar(50) default 'green', add column colour varchar(20) default 'blue',
             modify dataset_name varchar(900);",
    );
    let said = n.ok(EXTRACT);
    assert!(said.contains("dataset_name is varchar(900) now, was varchar(255)"), "{said}");
    assert!(
        said.contains("read whole: new column(s) colour, tag") || said.contains("new column(s) tag, colour"),
        "{said}"
    );
    assert_eq!(n.value("select count(*) from raw.dataset where tag = 'green' and colour = 'blue'"), 3);
    db.sql("alter table shop.dataset drop column colour");
    assert!(n.ok(EXTRACT).contains("the column colour is gone; what it held stays"));

    let before = n.fingerprints();
    for (break_it, column, mend) in [
        (
            "drop column is_delete",
            "the column is_delete, which is used, is gone",
            "add column is_delete tinyint(1) default 0",
        ),
        (
            "modify update_time varchar(40)",
            "update_time, which is used, was datetime and is varchar(40) now: no time",
            "modify update_time datetime",
        ),
        ("drop column dataset_name", "the column dataset_name is missing", "add column dataset_name varchar(900)"),
    ] {
        db.sql(&format!("alter table shop.dataset {break_it}"));
        let error = n.fails(1, EXTRACT);
        assert!(error.contains(column) && error.contains("/shop dataset"), "{error}");
        assert_eq!(n.fingerprints(), before);
        db.sql(&format!("alter table shop.dataset {mend}"));
    }
    db.sql("rename table shop.user to shop.people");
    let error = n.fails(1, EXTRACT);
    assert!(error.contains("the table user was read before and is gone"), "{error}");
    n.ok(&["extract", "--as-of", AS_OF, "--full-refresh"]);
}

#[test]
fn any_matomo_is_read() {
    let db = MariaDb::start();
    three_datasets(&db);
    // no prefix, no custom dimensions, zero dates, all of Unicode, bytes for text
    db.sql(
        "use matomo; drop table matomo_log_conversion; drop table matomo_log_conversion_item;
         rename table matomo_log_visit to log_visit, matomo_log_link_visit_action to log_link_visit_action, matomo_log_action to log_action;
         alter table log_link_visit_action drop column custom_dimension_1, drop column custom_dimension_2, drop column custom_dimension_3,
             drop column custom_dimension_4, drop column custom_dimension_5;
         alter table log_action modify name varbinary(4096);
         insert into log_action (idaction, name, type) values (1, '地图 😀 𠮷/dataDetail/1', 1), (4294967295, 'x/dataDetail/2', 1);
         insert into log_visit (idvisit, idsite, idvisitor, visit_first_action_time, visit_last_action_time, location_ip) values
             (9223372036854775807, 1, x'FFFFFFFFFFFFFFFF', '0000-00-00 00:00:00', '2026-10-01 00:00:00', x'7F000001');
         insert into log_link_visit_action (idlink_va, idsite, idvisitor, idvisit, server_time, idaction_url) values
             (1, 1, x'FFFFFFFFFFFFFFFF', 9223372036854775807, '2026-10-01 00:00:00', 4294967295),
             (2, 1, x'FFFFFFFFFFFFFFFF', 9223372036854775807, '2026-00-00 00:00:00', 1);",
    );
    let mut n = db.nearset();
    let error = n.fails(1, RUN);
    assert!(error.contains("set MATOMO_TABLE_PREFIX=") && !error.contains("PREFIX=log"), "{error}");
    n.set("MATOMO_TABLE_PREFIX", "");
    n.ok(RUN);
    assert_eq!(
        n.sql(
            "select idvisit, idvisitor, visit_first_action_time as first, location_ip as ip from raw.matomo_log_visit"
        ),
        [json!({"idvisit": "9223372036854775807", "idvisitor": "ffffffffffffffff", "first": null, "ip": "7f000001"})]
    );
    assert_eq!(n.value("select name from raw.matomo_log_action where idaction = '1'"), "地图 😀 𠮷/dataDetail/1");
    assert_eq!(n.sql("select dataset_id from page_views"), [json!({"dataset_id": 2})]);
    assert_eq!(n.value("select source_key from rejected_rows where reason = 'server_time_not_a_time'"), "2");
}

#[test]
fn orders_of_a_shop_in_shanghai_stay_on_their_day() {
    let db = MariaDb::start();
    three_datasets(&db);
    // half past midnight in Shanghai: as the shop's clock shows it, and as a moment
    db.sql(
        "alter table shop.api_order modify create_time timestamp null, modify update_time timestamp null, modify pay_time timestamp null;
         insert into shop.task (id, dataset_id, create_user, price, create_time) values (1, 1, 7, 5, '2026-10-02 00:30:00');
         set time_zone = '+05:00';
         insert into shop.api_order (id, api_id, creator_id, price, create_time) values (1, 1, 7, 5, '2026-10-01 21:30:00');
         insert into matomo.matomo_log_visit (idvisit, idsite, idvisitor, visit_first_action_time, visit_last_action_time) values
             (1, 1, x'01', '2026-10-01 16:00:00', '2026-10-01 16:31:00');
         insert into matomo.matomo_log_conversion (idvisit, idsite, idvisitor, server_time, idgoal, buster, idorder, url, revenue) values
             (1, 1, x'01', '2026-10-01 16:30:00', 0, 1, 'T1', 'x/payment/1', 5), (1, 1, x'01', '2026-10-01 16:30:00', 0, 2, 'A1', 'x/payment/1', 5);",
    );
    let mut n = db.nearset();
    n.set("BUSINESS_TIMEZONE", "Asia/Shanghai");
    n.set("REPORT_TIMEZONE", "Asia/Shanghai");
    n.ok(RUN);
    assert_eq!(
        n.sql("select distinct day, ordered_at from orders"),
        [json!({"day": "2026-10-02", "ordered_at": "2026-10-01 16:30:00"})]
    );
    let days = n.sql(
        "select day, business_order_count as orders, matched_count as matched from reconciliation_daily
         where business_order_count + matomo_conversion_count > 0",
    );
    assert_eq!(days, [json!({"day": "2026-10-02", "orders": 2, "matched": 2})]);
    // and the watermark is the moment, whatever the clock it was read from
    assert_eq!(n.value("select watermark from raw.watermarks where table_name = 'api_order'"), "2026-10-01 16:30:00");
    db.sql("set time_zone = '+00:00'; insert into shop.api_order (id, api_id, creator_id, create_time) values (20001, 1, 7, '2026-10-01 16:30:00')");
    let said = n.ok(RUN);
    assert!(!said.contains("were read again"), "{said}");
    assert_eq!(n.value("select count(*) from orders"), 3);

    let doctor = n.run(&["doctor"]);
    let said = text(&doctor.stdout);
    assert!(said.contains("BUSINESS_TIMEZONE = Asia/Shanghai is UTC+08:00"), "{said}");
}

#[test]
fn switching_between_exports_and_database_loses_nothing() {
    let db = MariaDb::start();
    three_datasets(&db);
    let mut n = db.nearset();
    n.set("DATA_SOURCE", "json");
    n.write("dataset.json", &catalogue(&["one", "two", "only in the export"]));
    n.write(
        "matomo_log_visit.json",
        r#"[{"idvisit": 1, "idsite": 1, "idvisitor": "0a", "visit_last_action_time": "2026-09-01 00:00:00"}]"#,
    );
    n.ok(EXTRACT);
    // the database is ahead, and has purged the visit
    db.sql(
        "insert into shop.dataset (id, dataset_name, create_time) values (4, 'old one', '2019-01-01');
         insert into matomo.matomo_log_visit (idvisit, idsite, idvisitor, visit_first_action_time, visit_last_action_time) values
             (5, 1, x'01', '2026-10-01 16:00:00', '2026-10-01 16:31:00');",
    );
    n.set("DATA_SOURCE", "database");
    let said = n.ok(EXTRACT);
    assert!(said.contains("dataset: read whole: read from exports before"), "{said}");
    assert_eq!(titles(&n), "1=one 2=two 3=three 4=old one");
    assert_eq!(n.value("select string_agg(idvisit, ' ' order by idvisit) from raw.matomo_log_visit"), "1 5");
    // another server with other rows is not taken for the same
    n.set("BUSINESS_DB_HOST", "localhost");
    let said = n.ok(EXTRACT);
    assert!(said.contains("dataset: read whole: read from mysql 127.0.0.1:"), "{said}");

    n.set("DATA_SOURCE", "json");
    n.write(
        "dataset_20261001_000000.json",
        r#"{"id": 2, "dataset_name": "two, newer", "create_time": "2026-01-01", "update_time": "2026-10-01"}"#,
    );
    let said = n.ok(EXTRACT);
    assert!(said.contains("--full-refresh starts from the exports alone"), "{said}");
    assert_eq!(titles(&n), "1=one 2=two, newer 3=three 4=old one");
    n.ok(&["extract", "--as-of", AS_OF, "--full-refresh"]);
    assert_eq!(titles(&n), "1=one 2=two, newer 3=only in the export");
}

#[test]
fn files_of_sqlite_and_duckdb_are_sources_too() {
    let n = Nearset::empty();
    let setup = duckdb::Connection::open_in_memory().expect("a database");
    setup.execute_batch(&format!("load '{}'", extension("sqlite_scanner").display())).expect("the extension");
    for (kind, file) in [("sqlite", "shop 1.db"), ("duckdb", "shop.duckdb")] {
        let path = n.path().join(file);
        setup
            .execute_batch(&format!(
                "attach '{}' as shop (type {kind});
                 create table shop.dataset (id bigint, dataset_name varchar, create_time timestamp, update_time timestamp, price varchar);
                 insert into shop.dataset values (1, '一', '2026-01-01', null, 'ask us'), (2, 'two', '2026-01-01', '2026-01-02 03:04:05', '2.5');
                 detach shop;",
                path.display()
            ))
            .expect("a source");
        let mut n = Nearset::empty();
        n.set("BUSINESS_DATA_SOURCE", "database");
        n.set("DUCKDB_EXTENSION_DIRECTORY", &extensions().to_string_lossy());
        n.set("BUSINESS_DB_URL", &format!("{kind}:{}", path.display()));
        n.ok(RUN);
        assert_eq!(titles(&n), "1=一 2=two");
        assert_eq!(n.value("select updated_at from datasets where dataset_id = 2"), "2026-01-02 03:04:05");
        assert_eq!(n.value("select source_key from rejected_rows where reason = 'price_not_a_number'"), "1");
        setup
            .execute_batch(&format!(
                "attach '{}' as shop (type {kind}); insert into shop.dataset values (3, 'three', '2026-01-02', null, null);
                 update shop.dataset set dataset_name = 'zwei', update_time = '2026-01-03' where id = 2; delete from shop.dataset where id = 1;
                 detach shop;",
                path.display()
            ))
            .expect("changed");
        n.ok(RUN);
        assert_eq!(titles(&n), "2=zwei 3=three");
        setup
            .execute_batch(&format!(
                r"attach '{}' as shop (type {kind}); alter table shop.dataset add column tag blob;
                  insert into shop.dataset (id, dataset_name, create_time, tag) values (4, 'four', '2026-01-02', '\xBF\xD5'::blob);
                  detach shop;",
                path.display()
            ))
            .expect("changed");
        let error = n.fails(1, RUN);
        assert!(
            error.contains("table dataset") && error.contains("tag is not UTF-8 in the row 4 (0xbfd5); "),
            "{error}"
        );
        n.set("BUSINESS_DB_URL", &format!("{kind}:{}/missing", n.path().display()));
        let error = n.fails(1, RUN);
        assert!(error.contains("no such file"), "{error}");
    }
}

#[test]
fn columns_of_databases_are_known_in_any_spelling_and_names_of_nearsets_own_are_left() {
    let setup = duckdb::Connection::open_in_memory().expect("a database");
    setup.execute_batch(&format!("load '{}'", extension("sqlite_scanner").display())).expect("the extension");
    for kind in ["sqlite", "duckdb"] {
        let mut n = Nearset::empty();
        let path = n.path().join("shop.db");
        let change = |sql: &str| {
            let attached = format!("attach '{}' as shop (type {kind}); {sql}; detach shop;", path.display());
            setup.execute_batch(&attached).expect("changed");
        };
        change(
            r#"create table shop.dataset ("ID" bigint, "datasetName" varchar, "createTime" timestamp, "updateTime" timestamp,
                   "Price" varchar, "_row" bigint, "_file" varchar, "_changed_at" varchar, "unit price" varchar);
               insert into shop.dataset values (1, 'one', '2026-01-01', null, '7', 9, 'x', 'y', 'z'),
                   (2, 'two', '2026-01-01', '2026-01-02', '8', 9, 'x', 'y', 'z')"#,
        );
        n.set("BUSINESS_DATA_SOURCE", "database");
        n.set("DUCKDB_EXTENSION_DIRECTORY", &extensions().to_string_lossy());
        n.set("BUSINESS_DB_URL", &format!("{kind}:{}", path.display()));
        let said = n.ok(RUN);
        assert!(said.contains("datasetName as dataset_name") && said.contains("_row, _file, _changed_at"), "{said}");
        assert_eq!(titles(&n), "1=one 2=two");
        assert_eq!(n.value("select price::varchar from datasets where dataset_id = 2"), "8.0");
        assert_eq!(n.value("select \"unit price\" from raw.dataset where id = '2'"), "z");
        change(
            r#"insert into shop.dataset ("ID", "datasetName", "createTime") values (3, 'three', '2026-01-02');
               update shop.dataset set "datasetName" = 'zwei', "updateTime" = '2026-01-03' where "ID" = 2;
               delete from shop.dataset where "ID" = 1"#,
        );
        n.ok(RUN);
        assert_eq!(titles(&n), "2=zwei 3=three");
        let found = text(&n.run(&["doctor"]).stdout);
        assert!(found.contains("2 rows, 9 columns; without description"), "{found}");
    }
}

#[test]
fn postgres_is_a_source_too() {
    let db = Postgres::start(PASSWORD);
    db.sql(
        PASSWORD,
        r#"create table dataset (id bigint primary key, dataset_name text, price numeric(10, 2), is_delete boolean default false,
               create_time timestamptz, update_time timestamp);
           insert into dataset select i, '数据 ' || i, i, i = 3, '2026-10-02 00:30:00+08', null from generate_series(1, 4) i;
           create table "user" (id uuid primary key, create_time timestamp, password text);
           insert into "user" values ('00000000-0000-0000-0000-000000000001', '2026-01-01', 'x');
           create table task (id int primary key, dataset_id int, create_user int, create_time date);
           insert into task values (1, 1, 1, '2026-10-01')"#,
    );
    let mut n = Nearset::empty();
    let encoded = encoded_password();
    n.set("BUSINESS_DATA_SOURCE", "database");
    n.set("BUSINESS_TIMEZONE", "Asia/Shanghai");
    n.set("DUCKDB_EXTENSION_DIRECTORY", &extensions().to_string_lossy());
    n.set("BUSINESS_DB_URL", &format!("postgresql://reader:{encoded}@127.0.0.1:{}/postgres", db.port));
    let error = n.fails(4, RUN);
    assert!(error.contains("user.id is not a whole number in 1 of 1 rows, such as \"00000000-"), "{error}");
    db.sql(PASSWORD, r#"alter table "user" alter id type bigint using 7"#);
    n.ok(RUN);
    assert_eq!(titles(&n), "1=数据 1 2=数据 2 3=数据 3 4=数据 4");
    assert_eq!(
        n.sql("select distinct created_at, count(*) filter (is_deleted) as deleted from datasets group by all"),
        [json!({"created_at": "2026-10-01 16:30:00", "deleted": 1})]
    );
    assert_eq!(n.value("select count(*) from orders"), 1);
    db.sql(
        PASSWORD,
        "insert into dataset values (5, 'five', 5, false, '2026-10-02 00:30:00+08', null);
         update dataset set dataset_name = 'zwei', update_time = '2026-10-05' where id = 2; delete from dataset where id = 1",
    );
    n.ok(RUN);
    assert_eq!(titles(&n), "2=zwei 3=数据 3 4=数据 4 5=five");
    n.set("DB_RETRIES", "0");
    n.set("BUSINESS_DB_URL", &format!("postgres://reader:geheim@127.0.0.1:{}/postgres", db.port));
    let error = n.fails(1, RUN);
    assert!(error.contains("password authentication failed") && error.contains("check BUSINESS_DB_USER"), "{error}");
    assert!(!error.contains("geheim"), "{error}");
}

#[test]
fn settings_that_do_not_work_are_named_and_their_values_are_not() {
    let db = MariaDb::start();
    three_datasets(&db);
    let check = |set: &[(&str, &str)], expected: &[&str]| {
        let mut n = db.nearset();
        n.set("DB_RETRIES", "0");
        for (name, value) in set {
            n.set(name, value);
        }
        let error = n.fails(1, RUN);
        for words in expected {
            assert!(error.contains(words), "{set:?}: {error}");
        }
        assert!(!error.contains("geheim") && !error.contains(PASSWORD), "{error}");
        assert_eq!(error.trim().lines().count(), 1, "{error}");
        assert!(!n.data().join("warehouse.duckdb").exists());
    };
    check(&[("BUSINESS_DB_USER", "")], &["BUSINESS_DB_USER is not set"]);
    check(&[("MATOMO_DB_NAME", "")], &["MATOMO_DB_NAME is not set"]);
    check(&[("BUSINESS_DB_PASSWORD", "geheim")], &["Access denied", "check BUSINESS_DB_USER, BUSINESS_DB_PASSWORD"]);
    check(&[("BUSINESS_DB_NAME", "shopp")], &["shopp", "check BUSINESS_DB"]);
    check(&[("BUSINESS_DB_PORT", "1")], &["cannot connect", "127.0.0.1:1/shop"]);
    check(&[("BUSINESS_DB_PORT", "many")], &["BUSINESS_DB_PORT = \"many\"", "a port"]);
    check(&[("BUSINESS_DB_HOST", "no.such.host.invalid")], &["cannot connect"]);
    check(&[("BUSINESS_DB_NAME", "matomo")], &["the table dataset is needed", "matomo_log_visit"]);
    check(
        &[("BUSINESS_DB_URL", "oracle://reader:geheim@127.0.0.1/shop")],
        &["BUSINESS_DB_URL cannot be used", "mysql://"],
    );
    check(
        &[("BUSINESS_DB_URL", "mysql://reader:geheim@127.0.0.1:x/shop")],
        &["BUSINESS_DB_URL cannot be used", "port"],
    );
    let url = format!("mysql://reader:geheim@127.0.0.1:{}/shop", db.port);
    check(&[("BUSINESS_DB_URL", &url)], &["Access denied"]);
    check(&[("BUSINESS_DB_URL", "postgres://reader:geheim@127.0.0.1:1/shop")], &["cannot connect"]);
    check(&[("DATA_SOURCE", "oracle")], &["expected json or database"]);
    // where an extension cannot be had, the operator reads how to bring it
    let empty = tempfile::tempdir().expect("a folder");
    let dir = empty.path().to_string_lossy().into_owned();
    let proxy = ("HTTP_PROXY", "http://127.0.0.1:1");
    check(
        &[("DUCKDB_EXTENSION_DIRECTORY", &dir), proxy],
        &["pip download --no-deps duckdb-extension-mysql-scanner==1.5.5", "v1.5.5"],
    );

    // a URL says all of it, with what is special written as %XX
    let encoded = encoded_password();
    let mut n = db.nearset();
    n.set("BUSINESS_DB_PASSWORD", "");
    n.set("BUSINESS_DB_USER", "");
    n.set("BUSINESS_DB_URL", &format!("mysql+pymysql://reader:{encoded}@127.0.0.1:{}/shop?charset=utf8mb4", db.port));
    n.ok(EXTRACT);
    assert_eq!(titles(&n), "1=one 2=two 3=three");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a story in its order")]
fn a_lost_connection_is_opened_again_and_a_source_that_stays_down_changes_nothing() {
    let mut db = MariaDb::start();
    three_datasets(&db);
    db.sql("use matomo; insert into matomo_log_action (idaction, name, type) select seq, concat('x/dataDetail/', seq, repeat('y', 200)), 1 from seq_1_to_400000");
    let mut n = db.nearset();
    n.set("DB_RETRIES", "4");
    n.set("MATOMO_DATA_SOURCE", "json");
    n.ok(RUN);
    let before = n.fingerprints();
    n.set("MATOMO_DATA_SOURCE", "database");

    // every connection is cut while rows are read
    let cut = |db: &MariaDb| {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(30) {
            let ids = db.sql("select id from information_schema.processlist where user = 'reader' and info like '%log_action%' and info not like '%information_schema%'");
            if let Some(id) = ids.lines().next() {
                db.sql(&format!("kill {id}"));
                return true;
            }
        }
        false
    };
    let output = thread::scope(|scope| {
        let running = scope.spawn(|| n.run(RUN));
        assert!(cut(&db), "nothing was read");
        running.join().expect("a run")
    });
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}{}", text(&output.stderr));
    assert!(said.contains("again in 1 s (try 1 of 4)"), "{said}");
    assert_eq!(n.value("select count(*) from raw.matomo_log_action"), 400_000);

    // the server dies while rows are read, and comes back
    let n = db.nearset();
    let child = n.command(RUN).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("nearset runs");
    thread::sleep(Duration::from_millis(700));
    db.kill();
    thread::sleep(Duration::from_millis(1500));
    db.start_again();
    let output = child.wait_with_output().expect("an end");
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(n.value("select count(*) from raw.matomo_log_action"), 400_000);

    // it answers and then says nothing any more
    let mut n = db.nearset();
    n.set("DB_RETRIES", "1");
    n.set("DB_TIMEOUT_SECONDS", "1");
    let started = Instant::now();
    db.signal("STOP");
    let error = n.fails(1, RUN);
    db.signal("CONT");
    assert!(error.contains("no answer for 1 s (DB_TIMEOUT_SECONDS)") && error.contains("run again"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(60));
    assert!(!n.data().join("warehouse.duckdb").exists());

    // and it stays down: what is published stays, and the next run has all
    let mut n = db.nearset();
    n.set("DB_RETRIES", "1");
    n.set("MATOMO_DATA_SOURCE", "json");
    n.ok(RUN);
    assert_eq!(n.fingerprints(), before);
    db.sql("insert into shop.dataset (id, dataset_name, create_time) values (4, 'four', '2026-02-01')");
    db.kill();
    let error = n.fails(1, RUN);
    assert!(error.contains("run again once it is there"), "{error}");
    assert_eq!(n.fingerprints(), before);
    db.start_again();
    n.ok(RUN);
    assert_eq!(titles(&n), "1=one 2=two 3=three 4=four");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a story in its order")]
fn two_hundred_kills_lose_nothing_and_leave_nothing() {
    let kills: u64 = std::env::var("NEARSET_KILLS").ok().and_then(|k| k.parse().ok()).unwrap_or(200);
    let db = MariaDb::start();
    three_datasets(&db);
    let n = db.nearset();
    n.ok(&["run"]);
    let settled = files(&n);
    let (stop, written) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        // rows keep coming, several a second, and some are changed again; times are the source's own
        scope.spawn(|| {
            let mut id = 100;
            while !stop.load(Ordering::Relaxed) {
                db.sql(&format!(
                    "insert into shop.dataset (id, dataset_name, create_time, update_time) values
                         ({id}, 'row {id}', utc_timestamp(), utc_timestamp()), ({}, 'row {}', utc_timestamp(), utc_timestamp());
                     update shop.dataset set dataset_name = concat('changed ', id), update_time = utc_timestamp() where id = {};",
                    id + 1,
                    id + 1,
                    id - 30 + id % 7
                ));
                id += 2;
                written.store(id, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(40));
            }
        });
        let mut seed: u64 = 1;
        let mut last_rows = 0;
        for round in 0..kills {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let mut child =
                n.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("nearset runs");
            thread::sleep(Duration::from_millis((seed >> 33) % 1100));
            child.kill().expect("killed");
            let output = child.wait_with_output().expect("an end");
            // what failed by itself did not start where the one killed before it left off
            assert!(output.status.code().is_none_or(|code| code == 0), "round {round}: {}", text(&output.stderr));
            let row = &n.sql(
                "select count(*) as rows, count(distinct id) as ids, max(_changed_at) as newest,
                     (select watermark from raw.watermarks where table_name = 'dataset') as watermark,
                     (select rows from raw.watermarks where table_name = 'dataset') as counted,
                     (select count(*) from datasets) as datasets
                 from raw.dataset",
            )[0];
            assert!(
                row["rows"] == row["ids"] && row["rows"] == row["counted"] && row["rows"] == row["datasets"],
                "{row}"
            );
            assert_eq!(row["newest"], row["watermark"], "round {round}");
            assert!(row["rows"].as_u64() >= Some(last_rows), "round {round}: published rows went back");
            last_rows = row["rows"].as_u64().unwrap_or(0);
        }
        stop.store(true, Ordering::Relaxed);
    });
    n.ok(&["run"]);
    let there = db.sql(
        "set group_concat_max_len = 1000000000;
         select group_concat(concat(id, '=', dataset_name) order by id separator ' ') from shop.dataset",
    );
    let stored: u64 = db.sql("select count(*) from shop.dataset").trim().parse().expect("a count");
    assert!(stored > 100 && written.load(Ordering::Relaxed) > 100);
    assert_eq!(titles(&n), there.trim());
    assert_eq!(n.value("select count(*) from raw.dataset"), stored);
    let leftovers: Vec<String> = files(&n).into_iter().filter(|f| !settled.contains(f)).collect();
    assert!(
        leftovers.iter().all(|f| (f.contains("models/") || f.contains("/operations/runs/")) && !f.contains(".part")),
        "{leftovers:?}"
    );
    let versions = fs::read_dir(n.models()).expect("models").count();
    assert!(versions <= 14, "{versions} entries in models/");
}

/// Every file below a nearset's folders, by its path.
fn files(n: &Nearset) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![n.data(), n.models()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else {
                found.push(path.to_string_lossy().into_owned());
            }
        }
    }
    found
}

#[test]
fn doctor_and_dry_run_tell_what_a_database_holds() {
    let db = MariaDb::start();
    three_datasets(&db);
    let mut n = db.nearset();
    let output = n.run(&["doctor"]);
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}{}", text(&output.stderr));
    for words in
        ["MariaDB", "the user may read and not write", "3 rows, 10 columns", "time zone", "GB free in DATA_DIR"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    let plan = n.ok(&["extract", "--dry-run"]);
    assert!(
        plan.contains("dataset: 3 row(s), 10 columns used of 10: the whole table (nothing was read so far)"),
        "{plan}"
    );
    assert!(plan.contains("nothing was changed") && !n.data().join("warehouse.duckdb").exists());

    db.sql(
        "drop table shop.user; alter table shop.dataset drop column dataset_name; use shop;
         insert into shop.task (id, dataset_id, create_user, create_time) values (1, 1, 1, utc_timestamp() + interval 8 hour);
         create user writer@'127.0.0.1' identified by 'w'; grant all on shop.* to writer@'127.0.0.1';",
    );
    n.set("BUSINESS_DB_USER", "writer");
    n.set("BUSINESS_DB_PASSWORD", "w");
    let output = n.run(&["doctor"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for words in [
        "grant select on `shop`.* to nearset",
        "dataset has no column dataset_name",
        "user                          not there",
        "8.0 h in the future",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("the table dataset is needed"), "it is there: {said}");
}
