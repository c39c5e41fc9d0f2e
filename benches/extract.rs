//! Reading page views out of MariaDB, beside the least any program must do: DuckDB copying the same table over the same
//! attachment. `BENCH_ROWS=5000000 cargo bench --bench extract` reads five million.

#[allow(dead_code)]
#[path = "../tests/nearset/mariadb.rs"]
mod mariadb;
#[allow(dead_code)]
#[path = "../tests/nearset/support.rs"]
mod support;

use std::time::Instant;

use mariadb::{MariaDb, PASSWORD, extension};

/// The two are measured in turn, this often, and the best of each counts.
const ROUNDS: usize = 3;

fn main() {
    let rows: u64 = std::env::var("BENCH_ROWS").ok().and_then(|r| r.parse().ok()).unwrap_or(1_000_000);
    let db = MariaDb::start();
    db.sql(&format!(
        "set global innodb_buffer_pool_size = 1073741824; use matomo;
         insert into shop.dataset (id, dataset_name, create_time) values (1, 'one', '2026-01-01');
         insert into matomo_log_link_visit_action (idsite, idvisitor, idvisit, idaction_url_ref, pageview_position, server_time,
             idpageview, idaction_name, idaction_url, time_spent_ref_action, custom_dimension_1, custom_dimension_4)
         select 1, unhex(lpad(hex(seq div 5), 16, '0')), seq div 5 + 1, seq % 5000, seq % 5 + 1,
             date_add('2024-01-01 00:00:00', interval seq * 5 second), substr(md5(seq), 1, 6), seq % 7000, seq % 9000, seq % 100,
             if(seq % 3 = 0, 'list', null), if(seq % 4 = 0, concat('req_', md5(seq)), null)
         from seq_1_to_{rows};"
    ));
    let (mut bare, mut whole, mut again) = (f64::MAX, f64::MAX, f64::MAX);
    let mut peak = String::new();
    for _ in 0..ROUNDS {
        bare = bare.min(copy(&db));
        let mut n = db.nearset();
        n.set("MEMORY_LIMIT", "1GB");
        let started = Instant::now();
        let said = n.ok(&["extract"]);
        whole = whole.min(started.elapsed().as_secs_f64());
        peak = said.rsplit("peak memory ").next().unwrap_or_default().trim().to_owned();
        let started = Instant::now();
        n.ok(&["extract"]);
        again = again.min(started.elapsed().as_secs_f64());
    }
    let line = |what: &str, seconds: f64| {
        println!(
            "  {what:<42} {seconds:>7.2} s {:>12.0} rows/s   {:.2} of the copy",
            rows as f64 / seconds,
            bare / seconds
        );
    };
    println!("extract: {rows} page views from MariaDB on this machine, best of {ROUNDS}");
    line("create table as select", bare);
    line("nearset extract, the first time", whole);
    println!("  {:<42} {again:>7.2} s", "nearset extract, nothing new");
    println!("  peak memory with MEMORY_LIMIT=1GB: {peak}");
}

/// The plainest copy of the table into a DuckDB file.
fn copy(db: &MariaDb) -> f64 {
    let dir = tempfile::tempdir().expect("a folder");
    let target = duckdb::Connection::open(dir.path().join("copy.duckdb")).expect("a database");
    let quoted = PASSWORD.replace('\'', "''");
    target
        .execute_batch(&format!(
            "load '{}'; set mysql_sql_buffer_result = false; set threads = 2;
             create temporary secret s (type mysql, host '127.0.0.1', port {}, user 'reader', password '{quoted}', database 'matomo');
             attach '' as m (type mysql, secret s, read_only)",
            extension("mysql_scanner").display(),
            db.port
        ))
        .expect("attached");
    let started = Instant::now();
    target.execute_batch("create table copy as from m.matomo_log_link_visit_action; checkpoint").expect("copied");
    started.elapsed().as_secs_f64()
}
