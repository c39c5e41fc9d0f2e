//! A whole run on a generated world, beside the least any program must do: DuckDB reading the same files into tables.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const DATASETS: &str = "5000";
const VISITS: &str = "60000";

fn main() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let world = dir.path().join("world");
    let generator = Path::new(env!("CARGO_BIN_EXE_nearset")).with_file_name("examples/generate");
    assert!(generator.exists(), "{} is missing; `make bench` builds it", generator.display());
    let status = Command::new(generator)
        .args(["--datasets", DATASETS, "--visits", VISITS, "--users", "5000", "--out"])
        .arg(&world)
        .status()
        .expect("the generator runs");
    assert!(status.success());

    let started = Instant::now();
    let db = duckdb::Connection::open(dir.path().join("bare.duckdb")).expect("a database");
    let mut rows = 0;
    for (number, entry) in std::fs::read_dir(world.join("json")).expect("exports").enumerate() {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let sql = format!("create table t{number} as from read_json('{}')", path.display());
            db.execute_batch(&sql).expect("read");
            let count = format!("select count(*) from t{number}");
            rows += db.query_row(&count, [], |row| row.get::<_, u64>(0)).expect("a count");
        }
    }
    db.close().expect("closed");
    let bare = started.elapsed().as_secs_f64();

    let started = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_nearset"))
        .args(["run", "--as-of", "2026-10-16"])
        .current_dir(dir.path())
        .env("PROJECT_DIR", ROOT)
        .env("DATA_JSON_DIR", world.join("json"))
        .stdout(Stdio::inherit())
        .status()
        .expect("nearset runs");
    assert!(status.success());
    let whole = started.elapsed().as_secs_f64();
    println!("pipeline: {DATASETS} datasets, {VISITS} visits, {rows} rows of exports");
    println!("  reading the files alone {bare:>7.2} s");
    println!("  the whole run           {whole:>7.2} s   {:.1} times that", whole / bare);
}
