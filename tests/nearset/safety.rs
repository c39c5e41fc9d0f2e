//! What must not get lost, go wrong or be let out: several of everything on one folder, files that change while they are
//! read, clocks that go back, queries beside each other, secrets in places they do not belong in.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{AS_OF, Nearset, catalogue, text};

/// What a run may leave beside the published files: nothing.
fn leftovers(n: &Nearset) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![n.data(), n.models()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_left = name.contains(".work") || name.contains("scratch") || name.ends_with(".part");
            if is_left || name == "publishing.json" {
                found.push(name);
            } else if entry.path().is_dir() && !entry.path().is_symlink() {
                folders.push(entry.path());
            }
        }
    }
    found
}

/// Exports with a few datasets and no more.
fn small() -> Nearset {
    let n = Nearset::empty();
    n.write("dataset.json", &catalogue(&["wheat", "rain", "roads"]));
    n
}

fn order(id: u32, create_time: &str) -> String {
    json!({"id": id, "dataset_id": 1, "create_user": 7, "create_time": create_time, "price": "5"}).to_string() + "\n"
}

#[test]
fn an_export_that_grows_is_read_to_its_end() {
    let n = small();
    let path = n.exports().join("task.json");
    fs::write(&path, order(1, "2026-01-02 00:00:00")).expect("an export");
    // written on while a run reads it
    let done = AtomicBool::new(false);
    let written = std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut file = File::options().append(true).open(&path).expect("the export");
            let mut id = 1;
            while !done.load(Ordering::Relaxed) {
                id += 1;
                file.write_all(order(id, "2026-01-02 00:00:00").as_bytes()).expect("written");
                std::thread::sleep(Duration::from_micros(300));
            }
            id
        });
        let output = n.run(&["run", "--as-of", AS_OF, "--only", "extract"]);
        done.store(true, Ordering::Relaxed);
        assert!(output.status.success(), "{}", text(&output.stderr));
        writing.join().expect("written")
    });
    n.ok(&["run", "--as-of", AS_OF, "--only", "extract"]);
    assert_eq!(n.value("select count(*) from raw.task"), written);
    assert_eq!(n.value("select count(*) from raw.rejected"), 0);
    // whole when it was read, and written on afterwards
    let mut file = File::options().append(true).open(&path).expect("the export");
    file.write_all(order(written + 1, "2026-01-02 00:00:00").as_bytes()).expect("written");
    let said = n.ok(&["run", "--as-of", AS_OF, "--only", "extract"]);
    assert!(said.contains("task.json has grown since it was taken in"), "{said}");
    assert_eq!(n.value("select count(*) from raw.task"), written + 1);
    let said = n.ok(&["run", "--as-of", AS_OF, "--only", "extract"]);
    assert!(!said.contains("grown"), "{said}");
}

#[test]
fn the_data_folder_itself_is_locked() {
    let n = small();
    fs::create_dir_all(n.data()).expect("a folder");
    let held = File::open(n.data()).expect("the folder");
    held.lock().expect("its lock");
    let error = n.fails(3, &["run", "--as-of", AS_OF]);
    assert!(error.contains("holds the lock"), "{error}");
    drop(held);
    n.ok(&["run", "--as-of", AS_OF]);
}

#[test]
fn a_run_that_fails_or_is_stopped_leaves_nothing_behind() {
    let n = small().own_project();
    n.ok(&["run", "--as-of", AS_OF]);
    fs::write(n.project.join("sql/training/broken.sql"), "-- description: Fails.\nselect error('no') as x")
        .expect("a file");
    n.fails(1, &["run", "--as-of", AS_OF]);
    assert_eq!(leftovers(&n), [""; 0]);
    let slow = "-- description: Takes long.\nselect count(*) as n from range(100000) as a, range(10000000) as b";
    fs::write(n.project.join("sql/training/broken.sql"), slow).expect("a file");
    for signal in ["TERM", "INT", "HUP"] {
        let mut child =
            n.command(&["run", "--as-of", AS_OF]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a run");
        let since = Instant::now();
        while !leftovers(&n).iter().any(|name| name == "warehouse.work.duckdb") {
            assert!(since.elapsed() < Duration::from_secs(60), "no work copy");
            std::thread::sleep(Duration::from_millis(5));
        }
        let status = std::process::Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
        assert!(status.expect("kill").success());
        assert!(!child.wait().expect("the run ends").success());
        assert_eq!(leftovers(&n), [""; 0], "{signal}");
    }
    assert_eq!(n.value("select count(*) from datasets"), 3);
}

#[test]
fn a_server_removes_what_a_killed_run_left() {
    let n = Nearset::demo();
    fs::write(n.data().join("warehouse.work.duckdb"), "half a copy").expect("a file");
    let _server = n.serve();
    let since = Instant::now();
    // what its processes for queries spill to is there as long as they are
    let left = || leftovers(&n).into_iter().filter(|name| !name.contains("scratch")).collect::<Vec<_>>();
    while !left().is_empty() {
        assert!(since.elapsed() < Duration::from_secs(60), "{:?}", left());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_run_published_before_its_end_is_completed_by_the_next() {
    let n = small();
    n.ok(&["run", "--as-of", AS_OF]);
    // what it was to replace cannot be replaced
    let place = n.data().join("processed/dataset_features_v2.parquet");
    fs::remove_file(&place).expect("the old file");
    fs::create_dir_all(place.join("in the way")).expect("a folder");
    let error = n.fails(1, &["run", "--as-of", "2026-10-17"]);
    assert!(
        error.contains("the warehouse is published, but") && error.contains("dataset_features_v2.parquet"),
        "{error}"
    );
    assert_eq!(n.value("select as_of::date::varchar from raw.run_parameters"), "2026-10-17");
    let current = fs::read_link(n.models().join("current")).expect("a current version");
    assert!(current.to_string_lossy().starts_with("20261017"), "{current:?}");
    fs::remove_dir_all(&place).expect("out of the way");
    let said = n.ok(&["run", "--as-of", "2026-10-17"]);
    assert!(said.contains("done now"), "{said}");
    assert!(place.is_file());
    assert_eq!(leftovers(&n), [""; 0]);
}

#[test]
fn a_clock_that_goes_back_is_noticed_and_change_times_are_kept() {
    let n = Nearset::empty();
    let named = |name: &str, update_time: &str| {
        json!([{"id": 1, "dataset_name": name, "create_time": "2026-01-01 00:00:00", "update_time": update_time}])
            .to_string()
    };
    n.write("dataset.json", &named("old", "2026-02-01 00:00:00"));
    n.ok(&["run", "--as-of", "2026-03-01"]);
    let error = n.fails(1, &["run", "--as-of", "2026-02-28"]);
    assert!(error.contains("--as-of-past") && error.contains("2026-03-01"), "{error}");
    // taken in while the clock was behind: its time lies in the future then, and not later
    n.write("dataset_20260215_000000.json", &named("newest", "2026-02-20 00:00:00"));
    n.ok(&["run", "--as-of", "2026-02-10", "--as-of-past"]);
    n.write("dataset_20260216_000000.json", &named("late", "2026-02-15 00:00:00"));
    n.ok(&["run", "--as-of", "2026-03-02"]);
    assert_eq!(n.value("select title from datasets"), "newest");
}

#[test]
fn queries_beside_each_other_spill_apart_and_leave_nothing() {
    let mut n = Nearset::demo();
    n.set("MEMORY_LIMIT", "300MB");
    let query = "select count(*) as n, sum(x)::bigint as s
                 from (select x from (select range as x, repeat('x', 40) || range::varchar as t from range(1500000)) order by t)";
    let children: Vec<_> = (0..3)
        .map(|_| {
            let mut command = n.command(&["sql", query, "--format", "json"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a query")
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().expect("its end");
        assert!(output.status.success(), "{}", text(&output.stderr));
        let rows: Value = serde_json::from_slice(&output.stdout).expect("rows");
        assert_eq!(rows, json!([{"n": 1_500_000, "s": 1_499_999_i64 * 750_000}]));
    }
    assert_eq!(leftovers(&n), [""; 0]);
    assert!(!n.data().join("warehouse.duckdb.tmp").exists());
}

#[test]
fn a_spill_folder_is_private() {
    let n = small();
    n.ok(&["run", "--as-of", AS_OF]);
    let mut child = n
        .command(&["sql", "select count(*) as n from range(100000) as a, range(10000000) as b"])
        .stdout(Stdio::null())
        .spawn()
        .expect("a query");
    let since = Instant::now();
    let folder = loop {
        let found = fs::read_dir(n.data())
            .expect("a folder")
            .flatten()
            .find(|e| e.file_name().to_string_lossy().contains("scratch"));
        if let Some(found) = found {
            break found;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "no folder");
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(folder.metadata().expect("a folder").permissions().mode() & 0o777, 0o700);
    child.kill().expect("killed");
    child.wait().expect("gone");
    // what a kill leaves goes with the next who needs one
    n.ok(&["sql", "select 1 as one"]);
    assert_eq!(leftovers(&n), [""; 0]);
}

#[test]
fn tables_stream_have_a_header_and_command_no_terminal() {
    let n = Nearset::empty();
    n.write("dataset.json", &catalogue(&["wheat \u{1b}[31mred\u{7}dish", "气象"]));
    n.ok(&["run", "--as-of", AS_OF]);
    let shown = n.ok(&["sql", "select dataset_id, title from datasets order by all"]);
    assert!(!shown.contains('\u{1b}') && shown.contains("气象"), "{shown}");
    assert!(shown.contains("\\u{1b}[31mred\\u{7}dish"), "{shown}");
    let none = n.ok(&["sql", "select title from datasets where false"]);
    assert!(none.contains("title") && none.contains("0 rows"), "{none}");
    let error = n.fails(1, &["sql", " ;"]);
    assert!(error.contains("the query is empty"), "{error}");
    let error = n.fails(1, &["sql", "select error('broken off') from range(3)", "--format", "json"]);
    assert!(error.contains("broken off"), "{error}");
    // a result far larger than the memory it may take
    let mut n = n;
    n.set("MEMORY_LIMIT", "200MB");
    let mut child = n
        .command(&["sql", "select range as x, repeat('y', 100) as y from range(3000000)"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("a query");
    let mut peak = 0;
    let mut out = child.stdout.take().expect("its rows");
    let counting = std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()).expect("rows"));
    while child.try_wait().expect("its state").is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:").map(str::to_owned)).unwrap_or_default();
        peak = line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(peak).max(peak);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(counting.join().expect("counted") > 300_000_000);
    assert!(peak < 450_000, "{peak} kB for a table of 350 MB");
}

#[test]
fn secrets_are_shown_nowhere_whatever_setting_they_stand_in() {
    let mut n = small();
    let secret = "s3cr%2Ft-w0rd";
    for (name, value) in [
        ("BUSINESS_DB_URL", format!("mysql://reader@127.0.0.1:1/shop?password={secret}")),
        ("BUSINESS_DB_URL", format!("postgres://reader:{secret}@127.0.0.1:1/shop")),
        ("BUSINESS_DB_HOST", format!("mysql://reader:{secret}@127.0.0.1/shop")),
        ("BUSINESS_DB_NAME", format!("mysql://reader:{secret}@127.0.0.1/shop?password={secret}")),
        ("BUSINESS_DB_PORT", format!("mysql://reader:{secret}@127.0.0.1:1/shop")),
        ("BUSINESS_DB_PORT", format!("3306?password={secret}")),
        ("BUSINESS_DB_URL", format!("mysql:/reader:{secret}@127.0.0.1:1/shop")),
        ("BUSINESS_DB_URL", format!("sqlite:/none.db?password={secret}")),
        ("BUSINESS_DB_URL", format!("duckdb:/none.db?encryption_key={secret}")),
    ] {
        n.set("BUSINESS_DATA_SOURCE", "database");
        n.set("DB_RETRIES", "0");
        n.set("BUSINESS_DB_USER", "reader");
        for other in ["URL", "HOST", "NAME", "PORT"] {
            n.set(&format!("BUSINESS_DB_{other}"), if other == "NAME" { "shop" } else { "" });
        }
        n.set(name, &value);
        for command in [&["run", "--as-of", AS_OF] as &[&str], &["doctor"], &["runs"], &["extract", "--dry-run"]] {
            let output = n.run(command);
            let said = text(&output.stdout) + &text(&output.stderr);
            assert!(!said.contains("w0rd"), "{name} {command:?}: {said}");
        }
        let history = fs::read_to_string(n.data().join("_metadata/runs.jsonl")).unwrap_or_default();
        assert!(!history.contains("w0rd"), "{name}: {history}");
    }
}

#[test]
fn files_of_the_project_read_the_warehouse_and_nothing_else() {
    let n = small().own_project();
    n.ok(&["run", "--as-of", AS_OF]);
    for query in [
        "from read_text('/etc/passwd')",
        "from read_csv('/etc/hostname')",
        "from glob('/etc/*')",
        "from read_blob('https://127.0.0.1:1/x')",
        "from sqlite_scan('/tmp/x', 'y')",
    ] {
        for materialize in ["table", "view"] {
            let sql =
                format!("-- description: Reads what is none of its business.\n-- materialize: {materialize}\n{query}");
            fs::write(n.project.join("views/nosy.sql"), sql).expect("a view");
            let error = n.fails(1, &["views", "check"]);
            assert!(error.contains("views/nosy.sql:3") && error.contains("is not to be called"), "{query}: {error}");
            // one analyst's file stops no run, and what it asks for is not done
            let said = n.ok(&["run", "--as-of", AS_OF]);
            assert!(said.contains("view nosy failed"), "{query}: {said}");
        }
    }
    assert_eq!(n.value("select count(*) from information_schema.tables where table_name = 'nosy'"), 0);
}

#[test]
fn a_damaged_packed_log_is_named_and_stops_nothing() {
    let n = Nearset::demo();
    n.take_fixtures(|_| true);
    let path = n.data().join("evaluation/exposure_log.2.jsonl.gz");
    let whole = fs::read(n.data().join("evaluation/exposure_log.1.jsonl.gz")).expect("a log");
    fs::write(&path, &whole[..whole.len() / 2]).expect("half a log");
    let before = n.value("select count(*) from raw.exposure_log");
    for _ in 0..2 {
        let said = n.ok(&["run", "--as-of", AS_OF, "--only", "extract"]);
        assert!(said.contains("exposure_log.2.jsonl.gz is damaged"), "{said}");
    }
    assert_eq!(n.value("select count(*) from raw.exposure_log"), before);
    assert_eq!(n.value("select count(*) from raw.rejected where reason = 'damaged_file'"), 1);
    // a whole copy in its place is noticed
    fs::write(&path, &whole).expect("the whole log");
    let said = n.ok(&["run", "--as-of", AS_OF, "--only", "extract"]);
    assert!(!said.contains("damaged"), "{said}");
}

#[test]
fn two_servers_on_one_folder_lose_no_list() {
    let mut n = Nearset::demo();
    n.set("EXPOSURE_ROTATE_MB", "1");
    let (first, second) = (n.serve(), n.serve());
    let ask = |server: &crate::support::Server| server.list("/similar/1001?top_n=100")["request_id"].clone();
    let mut asked: Vec<Value> = Vec::new();
    // a list of a hundred takes some ten kilobytes: each log is rotated and packed several times
    for _ in 0..300 {
        asked.push(ask(&first));
        asked.push(ask(&second));
    }
    drop((first, second));
    n.take_fixtures(|_| true);
    n.ok(&["run", "--as-of", AS_OF, "--only", "extract"]);
    let logged = n.sql("select request_id from raw.exposure_log");
    let logged: std::collections::HashSet<&str> = logged.iter().filter_map(|row| row["request_id"].as_str()).collect();
    let missing = asked.iter().filter(|id| !logged.contains(id.as_str().expect("an id"))).count();
    assert_eq!(missing, 0, "of {}", asked.len());
}

#[test]
fn lines_that_wait_for_a_full_disk_are_not_forgotten_in_silence() {
    let mut n = Nearset::demo();
    n.set("EXPOSURE_SYNC", "none");
    fs::create_dir_all(n.data().join("evaluation")).expect("a folder");
    let path = n.data().join("evaluation/exposure_log.jsonl");
    fs::remove_file(&path).ok();
    std::os::unix::fs::symlink("/dev/full", &path).expect("a link");
    let server = n.serve();
    server.list("/similar/1001");
    let since = Instant::now();
    while server.get("/health").1["exposures_logged"] != false {
        assert!(since.elapsed() < Duration::from_secs(20), "{}", server.get("/health").1);
        std::thread::sleep(Duration::from_millis(20));
    }
    server.list("/similar/1002");
    assert_eq!(server.get("/health").1["status"], "degraded");
    // there is room again: what waited is written
    fs::remove_file(&path).expect("the link");
    while server.get("/health").1["exposures_logged"] != true {
        assert!(since.elapsed() < Duration::from_secs(40), "{}", server.get("/health").1);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(fs::read_to_string(&path).expect("the log").lines().count(), 2);
}

#[test]
fn a_log_that_is_a_pipe_is_not_written_and_links_leave_no_folder() {
    let n = Nearset::demo().own_project();
    let server = n.serve();
    let path = n.data().join("evaluation/exposure_log.jsonl");
    server.list("/similar/1001");
    let aside = path.with_file_name("aside.jsonl");
    fs::rename(&path, &aside).expect("moved");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo").success());
    server.list("/similar/1001");
    let health = server.get("/health").1;
    assert_eq!((&health["status"], &health["exposures_unlogged"]), (&"degraded".into(), &0.into()));
    assert_eq!(fs::read_to_string(&aside).expect("the old log").lines().count(), 2);
    drop(server);
    fs::write(n.path().join("secret"), "root:x").expect("a file");
    std::os::unix::fs::symlink(n.path().join("secret"), n.project.join("views/linked.sql")).expect("a link");
    let error = n.fails(1, &["views", "check"]);
    assert!(error.contains("linked.sql: it is a link that leaves") && !error.contains("root:x"), "{error}");
}

#[test]
fn odd_files_and_odd_sizes_are_told() {
    let n = small();
    let pipe = n.exports().join("task.json");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let error = n.fails(1, &["run", "--as-of", AS_OF]);
    assert!(error.contains("task.json is no plain file"), "{error}");
    fs::remove_file(&pipe).expect("removed");
    let mut row = json!({"id": 1, "dataset_name": "wide", "create_time": "2026-01-01 00:00:00"});
    for column in 0..10_000 {
        row[format!("c{column:05}")] = json!(column);
    }
    n.write("dataset.json", &json!([row]).to_string());
    let said = n.ok(&["run", "--as-of", AS_OF]);
    assert!(said.contains("dataset.json has 10003 columns; 9500 of those"), "{said}");
    let mut n = small();
    n.set("MEMORY_LIMIT", "1KB");
    let error = n.fails(1, &["run", "--as-of", AS_OF]);
    assert!(error.contains("MEMORY_LIMIT") && error.contains("128MB or more"), "{error}");
}

#[test]
fn the_largest_price_there_is_stops_nothing() {
    let n = small();
    n.write("task.json", &json!([
        {"id": 1, "dataset_id": 1, "create_user": 7, "create_time": "2026-01-02 00:00:00", "price": "99999999999999.9999"},
        {"id": 2, "dataset_id": 1, "create_user": 7, "create_time": "2026-01-02 00:00:00", "price": "100000000000000"},
        {"id": 3, "dataset_id": 1, "create_user": 7, "create_time": "2026-01-02 00:00:00", "price": 1e300},
    ]).to_string());
    n.ok(&["run", "--as-of", AS_OF]);
    assert_eq!(n.value("select count(*) from orders"), 3);
}

#[test]
fn orders_of_a_database_without_a_time_are_set_aside() {
    let mut n = Nearset::empty();
    let path = n.path().join("shop.duckdb");
    let shop = duckdb::Connection::open(&path).expect("a database");
    shop.execute_batch(
        "create table dataset (id bigint, dataset_name varchar, create_time timestamp);
         insert into dataset values (1, 'wheat', '2026-01-01');
         create table task (id bigint, dataset_id varchar, create_user bigint, create_time timestamp);
         insert into task values (1, '1', 7, '2026-01-02'), (2, '1', 7, null), (3, 'none', 7, '2026-01-02');",
    )
    .expect("rows");
    drop(shop);
    n.set("BUSINESS_DATA_SOURCE", "database");
    n.set("BUSINESS_DB_URL", &format!("duckdb:{}", path.display()));
    n.ok(&["run", "--as-of", AS_OF]);
    assert_eq!(n.value("select string_agg(order_ref) from orders"), "T1");
    let reasons = n.sql(
        "select source_key, reason from rejected_rows where source_table = 'task' and outcome = 'dropped' order by all",
    );
    assert_eq!(
        json!(reasons),
        json!([{"source_key": "2", "reason": "create_time_not_a_time"}, {"source_key": "3", "reason": "dataset_id_not_a_number"}])
    );
}

#[test]
fn many_rows_of_one_key_take_little_memory() {
    let mut n = small();
    n.set("MEMORY_LIMIT", "512MB");
    let mut file = std::io::BufWriter::new(File::create(n.exports().join("user.json")).expect("an export"));
    for row in 0..600_000 {
        let company = format!("company {row} with a name that is long enough to be noticed when all are kept at once");
        writeln!(file, r#"{{"id": 1, "create_time": "2026-01-01 00:00:00", "company_name": "{company}"}}"#)
            .expect("a row");
    }
    file.flush().expect("written");
    drop(file);
    let said = n.ok(&["run", "--as-of", AS_OF, "--only", "extract"]);
    assert_eq!(n.value("select company_name like 'company 599999 %' from raw.user"), true);
    let peak: u64 =
        said.split("peak memory ").nth(1).and_then(|t| t.split(' ').next()).expect("a figure").parse().expect("MB");
    assert!(peak < 600, "{peak} MB");
}
