//! A MariaDB server of a test's own: its data folder, a free port on loopback, stopped by process id.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::{Nearset, ROOT, copy_dir, free_port, text};

/// The password of the user that reads: characters that any quoting gets wrong first.
pub const PASSWORD: &str = r#"p w'"\=;@:/?#&%41中"#;

/// Where `make extensions` puts DuckDB's extensions.
pub fn extensions() -> PathBuf {
    let dir =
        std::env::var("DUCKDB_EXTENSION_DIRECTORY").map_or(Path::new(ROOT).join(".duckdb/extensions"), PathBuf::from);
    assert!(dir.join("v1.5.5").is_dir(), "{}: no extensions; `make test` fetches them", dir.display());
    dir
}

/// The file of one of them, for this machine.
pub fn extension(name: &str) -> PathBuf {
    let platform = if cfg!(target_arch = "aarch64") { "linux_arm64" } else { "linux_amd64" };
    extensions().join("v1.5.5").join(platform).join(format!("{name}.duckdb_extension"))
}

/// The password as a URL has it.
pub fn encoded_password() -> String {
    PASSWORD.bytes().map(|b| format!("%{b:02X}")).collect()
}

fn program(name: &str) -> Command {
    let path = format!("{}:/usr/sbin:/usr/local/sbin", std::env::var("PATH").unwrap_or_default());
    let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|p| p.is_file());
    Command::new(found.unwrap_or_else(|| panic!("{name} is missing; `make servers` installs it")))
}

pub struct MariaDb {
    dir: TempDir,
    server: Option<Child>,
    pub port: u16,
}

impl MariaDb {
    /// A running server with the databases `shop` and `matomo`, which hold the tables that their programs make, and a
    /// user `reader` who may read both.
    pub fn start() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        copy_dir(&Self::installed(), &dir.path().join("data"));
        let port = free_port();
        let mut db = Self { dir, server: None, port };
        db.start_again();
        let quoted = PASSWORD.replace('\\', r"\\").replace('\'', "''");
        db.sql(&format!(
            "set global sql_mode = ''; create database shop; create database matomo;
             create user reader@'127.0.0.1' identified by '{quoted}';
             grant select on shop.* to reader@'127.0.0.1'; grant select on matomo.* to reader@'127.0.0.1';"
        ));
        for name in ["business", "matomo"] {
            let file = Path::new(ROOT).join(format!("tests/nearset/schema/{name}.sql"));
            let schema = std::fs::read_to_string(file).expect("a schema");
            db.sql(&format!("use {}; {schema}", if name == "business" { "shop" } else { name }));
        }
        db
    }

    /// A data folder as the installer leaves it, made once and kept with what cargo builds.
    fn installed() -> PathBuf {
        static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
        let make = || {
            let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mariadb-data");
            if place.is_dir() {
                return place;
            }
            let part = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
            let output = program("mariadb-install-db")
                .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", "--user=root"])
                .arg(format!("--datadir={}", part.path().join("data").display()))
                .output()
                .expect("mariadb-install-db runs");
            assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
            // another process may have been first
            std::fs::rename(part.path().join("data"), &place).ok();
            place
        };
        INSTALLED.get_or_init(make).clone()
    }

    /// Starts the server, on the same data and port as before where there was one.
    pub fn start_again(&mut self) {
        let server = program("mariadbd")
            .args(["--no-defaults", "--user=root", "--bind-address=127.0.0.1", "--skip-name-resolve"])
            .args(["--innodb-buffer-pool-size=64M", "--innodb-log-file-size=16M", "--innodb-flush-log-at-trx-commit=2"])
            .args(["--character-set-server=utf8mb4", "--sql-mode="])
            .arg(format!("--datadir={}", self.dir.path().join("data").display()))
            .arg(format!("--socket={}", self.socket().display()))
            .arg(format!("--pid-file={}", self.dir.path().join("pid").display()))
            .arg(format!("--port={}", self.port))
            // a server that starts clears this folder of what other servers have open
            .arg(format!("--tmpdir={}", self.dir.path().display()))
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(self.dir.path().join("log")).expect("a log"))
            .spawn()
            .expect("mariadbd starts");
        self.server = Some(server);
        let started = Instant::now();
        while !self.try_sql("select 1").status.success() {
            let log = std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            assert!(started.elapsed() < Duration::from_secs(60), "mariadbd does not answer: {log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("socket")
    }

    pub fn pid(&self) -> u32 {
        self.server.as_ref().expect("a server").id()
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status().expect("kill");
        assert!(status.success());
    }

    /// Ends the server at once, as a crash does.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().ok();
            server.wait().ok();
        }
    }

    fn try_sql(&self, sql: &str) -> std::process::Output {
        let mut client = program("mariadb")
            .args(["--no-defaults", "--default-character-set=utf8mb4", "--batch", "--skip-column-names", "-uroot"])
            .arg(format!("--socket={}", self.socket().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("mariadb runs");
        client.stdin.take().expect("standard input").write_all(sql.as_bytes()).ok();
        client.wait_with_output().expect("mariadb ends")
    }

    /// Runs statements as the administrator; what they print.
    pub fn sql(&self, sql: &str) -> String {
        let output = self.try_sql(sql);
        assert!(output.status.success(), "{sql}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Copies the rows that a warehouse's raw tables hold into the tables of the same names.
    pub fn load(&self, n: &Nearset) {
        let db = duckdb::Connection::open_in_memory().expect("a database");
        db.execute_batch(&format!(
            "load '{}'; attach '{}' as published (read_only);",
            extension("mysql_scanner").display(),
            n.data().join("warehouse.duckdb").display()
        ))
        .expect("the warehouse");
        for (schema, prefix) in [("shop", ""), ("matomo", "matomo_")] {
            db.execute_batch(&format!(
                "attach 'socket={} user=root database={schema}' as {schema} (type mysql)",
                self.socket().display()
            ))
            .expect("attached");
            let tables = list(
                &db,
                "select table_name from duckdb_tables() where database_name = 'published' and schema_name = 'raw'",
            );
            for table in tables.iter().filter(|t| t.starts_with("matomo_") != prefix.is_empty()) {
                let there = self.sql(&format!(
                    "select column_name from information_schema.columns where table_schema = '{schema}' and table_name = '{table}'"
                ));
                let there: Vec<&str> = there.lines().collect();
                let columns: Vec<String> =
                    list(&db, &format!("select column_name from (describe published.raw.\"{table}\")"))
                        .into_iter()
                        .filter(|c| there.contains(&c.as_str()))
                        .collect();
                if columns.is_empty() {
                    continue;
                }
                // a column with a default takes NULL for none only where it is not named at all
                let named: Vec<&String> = columns
                    .iter()
                    .filter(|c| {
                        let sql = format!("select count({c}) from published.raw.\"{table}\"");
                        db.query_row(&sql, [], |row| row.get::<_, i64>(0)).expect("a count") > 0
                    })
                    .collect();
                // DuckDB does not write all bytes as they are: hexadecimal first, bytes by the server
                let has_bytes = columns.iter().any(|c| c == "idvisitor");
                if has_bytes {
                    self.sql(&format!("alter table {schema}.`{table}` modify idvisitor varchar(16)"));
                }
                db.execute_batch(&format!(
                    "call mysql_clear_cache(); insert into {schema}.\"{table}\" ({}) select {} from published.raw.\"{table}\"",
                    named.iter().map(|c| format!("\"{c}\"")).collect::<Vec<_>>().join(", "),
                    named.iter().map(|c| as_stored(c)).collect::<Vec<_>>().join(", "),
                ))
                .unwrap_or_else(|e| panic!("{table}: {e}"));
                if has_bytes {
                    self.sql(&format!(
                        "use {schema}; alter table `{table}` modify idvisitor varbinary(16);
                         update `{table}` set idvisitor = unhex(idvisitor);
                         alter table `{table}` modify idvisitor binary(8) not null;"
                    ));
                }
            }
        }
    }

    /// A nearset that reads both sources from here.
    pub fn nearset(&self) -> Nearset {
        let mut n = Nearset::empty();
        n.set("DATA_SOURCE", "database");
        n.set("DUCKDB_EXTENSION_DIRECTORY", &extensions().to_string_lossy());
        for (source, name) in [("BUSINESS", "shop"), ("MATOMO", "matomo")] {
            n.set(&format!("{source}_DB_PORT"), &self.port.to_string());
            n.set(&format!("{source}_DB_USER"), "reader");
            n.set(&format!("{source}_DB_PASSWORD"), PASSWORD);
            n.set(&format!("{source}_DB_NAME"), name);
        }
        n
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        self.kill();
    }
}

fn list(db: &duckdb::Connection, sql: &str) -> Vec<String> {
    let mut statement = db.prepare(sql).expect("a query");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<duckdb::Result<_>>().expect("texts")
}

/// A raw column's text as the type that the server's table has.
fn as_stored(column: &str) -> String {
    match column {
        "is_consumption" => format!("{column} = '1'"),
        _ if column.ends_with("_time") && column != "visit_total_time" => format!("try_cast({column} as timestamp)"),
        _ => column.to_owned(),
    }
}
