//! An attached database: its extension, its connection, and what is tried again when that breaks.

use anyhow::{Result, bail};
use duckdb::Connection;

use super::address::{Address, Kind};
use super::extension::load_extension;
use super::relay::Relay;
use super::remote::Remote;
use crate::common::language::{either, t};
use crate::common::patience::Patience;
use crate::common::progress::Progress;
use crate::common::secrets::scrub;
use crate::config::{Config, Database};
use crate::extract::columns;
use crate::extract::tables::Table;
use crate::warehouse::{ident, quote, short_error};

/// What the drivers say of a connection that was lost, whatever DuckDB was doing then.
const LOST: [&str; 2] = ["lost connection to server", "server has gone away"];

/// What errors say that no second try would change, in lower case.
const FINAL: &[&str] =
    &["denied", "unknown database", "authentication failed", "does not exist", "no such file", "not a database", "ssl"];

/// A database that rows are read from. Detached when dropped.
pub struct Source<'a> {
    db: &'a Connection,
    config: &'a Config,
    settings: &'a Database,
    progress: &'a Progress<'a>,
    pub address: Address,
    /// Where the extension was loaded from, for the kinds that need one.
    pub extension: Option<String>,
    alias: String,
    relay: Option<Relay>,
    is_attached: bool,
}

impl<'a> Source<'a> {
    /// Attaches the database that a source's settings name, read-only, and waits for it where it cannot be reached.
    pub fn open(
        db: &'a Connection,
        config: &'a Config,
        name: &str,
        settings: &'a Database,
        progress: &'a Progress<'a>,
    ) -> Result<Self> {
        let address = Address::read(settings)?;
        let extension = load_extension(db, config, address.kind, progress)?;
        let alias = format!("source_{name}");
        let mut source =
            Self { db, config, settings, progress, address, extension, alias, relay: None, is_attached: false };
        source.ask("connecting", |_| Ok(()))?;
        Ok(source)
    }

    /// The database in words that hold no secret.
    pub fn shown(&self) -> String {
        self.address.shown()
    }

    /// Runs a query on the attached database. A lost connection is opened again and the query repeated, `DB_RETRIES`
    /// times with growing pauses (once after silence); then, and at once for errors that would stay, it fails and says
    /// what to do.
    pub fn ask<T>(&mut self, what: &str, work: impl Fn(&Connection) -> duckdb::Result<T>) -> Result<T> {
        let mut patience = Patience::with_server(self.config.sources.retries);
        loop {
            let fault = match self.attach().and_then(|()| self.run(&work)) {
                Ok(result) => return Ok(result),
                Err(fault) => fault,
            };
            // who was silent for so long once is asked once more, not five times
            let was_silent = self.relay.as_ref().is_some_and(Relay::was_cut);
            if was_silent {
                patience.at_most(1);
            }
            self.detach();
            let lower = fault.to_lowercase();
            let fault = fault.trim_start_matches("IO Error: ");
            // a server that is lost when DuckDB ends its transaction is lost all the same
            let is_lost = lower.starts_with("io error") || LOST.iter().any(|words| lower.contains(words));
            let is_final = FINAL.iter().any(|words| lower.contains(words)) || !is_lost;
            let said = t!("{}: {what}: {fault}", "{}：{what}：{fault}", self.shown());
            if is_final || !patience.wait(self.progress, &said) {
                let advice = if is_final {
                    self.advice(&lower)
                } else {
                    either("run again once it is there", "等它恢复后重新运行").to_owned()
                };
                bail!(t!("{said}; {advice}", "{said}；{advice}"));
            }
        }
    }

    /// A table as the database describes it; none where it has no such table, or none that may be read.
    pub fn describe(&mut self, table: &Table) -> Result<Option<Remote>> {
        let name = match table.name.strip_prefix("matomo_") {
            Some(bare) => format!("{}{bare}", self.config.sources.matomo_prefix),
            None => table.name.to_owned(),
        };
        let (kind, alias) = (self.address.kind, self.alias.clone());
        let zone = columns::timezone(table, self.config).to_owned();
        self.ask(&t!("table {name}", "表 {name}"), |db| Remote::describe(db, kind, &alias, &name, table, &zone))
    }

    /// The names of all tables there are, for telling what was meant.
    pub fn table_names(&mut self) -> Result<Vec<String>> {
        let sql = match self.address.kind {
            Kind::Mysql => format!(
                "select table_name from mysql_query({}, 'select table_name from information_schema.tables where table_schema = database() order by 1')",
                quote(&self.alias)
            ),
            _ => format!(
                "select table_name from duckdb_tables() where database_name = {} and not internal order by 1",
                quote(&self.alias)
            ),
        };
        self.ask(either("listing its tables", "列出表"), |db| {
            db.prepare(&sql)?.query_map([], |row| row.get(0))?.collect::<duckdb::Result<_>>()
        })
    }

    /// The rows of a query in the server's own words, as texts; for what only it can tell.
    pub fn ask_server(&mut self, what: &str, sql: &str) -> Result<Vec<Vec<Option<String>>>> {
        let call = format!(
            "select columns(*)::varchar from {}_query({}, {})",
            self.address.kind.name(),
            quote(&self.alias),
            quote(sql)
        );
        self.ask(what, |db| {
            let mut statement = db.prepare(&call)?;
            let mut rows = statement.query([])?;
            let mut texts = Vec::new();
            while let Some(row) = rows.next()? {
                let columns = row.as_ref().column_count();
                texts.push((0..columns).map(|i| row.get(i)).collect::<duckdb::Result<_>>()?);
            }
            Ok(texts)
        })
    }

    fn run<T>(&self, work: &impl Fn(&Connection) -> duckdb::Result<T>) -> Result<T, String> {
        let query = || work(self.db);
        let result = match &self.relay {
            Some(relay) => relay.watched(query),
            None => query(),
        };
        result.map_err(|e| self.fault(&e))
    }

    /// What went wrong: silence that was cut short, or what the driver says.
    fn fault(&self, error: &duckdb::Error) -> String {
        match self.relay.as_ref().is_some_and(Relay::was_cut) {
            true => t!(
                "IO Error: no answer for {} s (DB_TIMEOUT_SECONDS), so the connection was cut",
                "IO Error: {} 秒没有应答（DB_TIMEOUT_SECONDS），连接已断开",
                self.config.sources.timeout.as_secs()
            ),
            false => self.plain(error),
        }
    }

    /// An error's text without the query it repeats and without secrets.
    fn plain(&self, error: &duckdb::Error) -> String {
        let text = scrub(&short_error(error)).into_owned();
        let text = match text.split_once(" for MySQL query \"") {
            Some((before, rest)) => {
                let reason = rest.rsplit_once("\":").map_or("", |(_, reason)| reason.trim());
                format!(
                    "{before}: {}",
                    if reason.is_empty() { either("the connection was lost", "连接已断开") } else { reason }
                )
            }
            None => text,
        };
        // how a driver names the way to the server says nothing to a person: it is this process's own
        let mut text = text.replace(" with parameters \"\"", "").replace(" Attempted host: 127.0.0.1", "");
        if let Some(relay) = &self.relay {
            let way = format!(" at \"\": connection to server at \"127.0.0.1\", port {} failed", relay.port());
            text = text.replace(&way, "");
        }
        text.trim().trim_end_matches(['.', ';']).to_owned()
    }

    fn advice(&self, fault: &str) -> String {
        let settings = self.settings.settings;
        match fault {
            f if f.contains("denied") && f.contains("command") => {
                either("grant the user SELECT on the database's tables", "请授予用户对这些表的 SELECT 权限").to_owned()
            }
            f if f.contains("denied") || f.contains("authentication") => {
                t!(
                    "check {settings}_DB_USER, {settings}_DB_PASSWORD and the user's right to SELECT",
                    "请检查 {settings}_DB_USER、{settings}_DB_PASSWORD 与用户的 SELECT 权限"
                )
            }
            f if f.contains("utf-8") => either(
                "write it as UTF-8 there, or export the tables as JSON and set JSON_ENCODING",
                "请在库中改为 UTF-8，或将各表导出为 JSON 并设置 JSON_ENCODING",
            )
            .to_owned(),
            f if f.contains("unknown database") || f.contains("does not exist") => {
                t!(
                    "check {settings}_DB_NAME (or {settings}_DB_URL)",
                    "请检查 {settings}_DB_NAME（或 {settings}_DB_URL）"
                )
            }
            _ => either("`nearset doctor` checks the settings", "可用 `nearset doctor` 检查设置").to_owned(),
        }
    }

    fn attach(&mut self) -> Result<(), String> {
        if self.is_attached {
            return Ok(());
        }
        let kind = self.address.kind;
        let set = match kind {
            // as plain numbers and texts: 0 and 1 for flags, NULL for dates that are none, moments in UTC
            Kind::Mysql => {
                "set mysql_tinyint1_as_boolean = false; set mysql_incomplete_dates_as_nulls = true;
                 set mysql_session_time_zone = '+00:00'; set mysql_sql_buffer_result = false;
                 set mysql_query_timeout_enabled = false;"
            }
            // SQLite keeps any value in any column
            Kind::Sqlite => "set sqlite_all_varchar = true;",
            Kind::Postgres | Kind::Duckdb => "",
        };
        let attach = if kind.is_server() { self.way_to_server()? } else { self.way_to_file()? };
        self.run(&|db| db.execute_batch(&format!("{set} {attach}")))?;
        self.is_attached = true;
        Ok(())
    }

    /// The statements that attach a server, through a relay where the driver need not check its name.
    fn way_to_server(&mut self) -> Result<String, String> {
        let Address { kind, host, port, user, password, name, options, .. } = &self.address;
        let is_socket = host.starts_with('/');
        let checks_name = options.iter().any(|(_, v)| matches!(v.as_str(), "verify_identity" | "verify-full"));
        if !is_socket && !checks_name {
            let relay = Relay::start(host, *port, self.config.sources.timeout)
                .map_err(|e| t!("IO Error: cannot connect: {e}", "IO Error: 无法连接：{e}"))?;
            self.relay = Some(relay);
        }
        let mut parts = vec![format!("type {}", kind.name()), format!("database {}", quote(name))];
        parts.extend(match (&self.relay, is_socket, kind) {
            (Some(relay), ..) => vec!["host '127.0.0.1'".to_owned(), format!("port {}", relay.port())],
            (None, true, Kind::Mysql) => vec![format!("socket {}", quote(host))],
            (None, ..) => vec![format!("host {}", quote(host)), format!("port {port}")],
        });
        parts.extend(user.as_ref().map(|u| format!("user {}", quote(u))));
        parts.extend(password.as_ref().map(|p| format!("password {}", quote(&p.0))));
        let options = options.iter().map(|(o, v)| format!("{o}={v}")).collect::<Vec<_>>().join(" ");
        Ok(format!(
            "create or replace temporary secret {alias} ({}); attach {} as {alias} (type {}, secret {alias}, read_only)",
            parts.join(", "),
            quote(&options),
            kind.name(),
            alias = self.alias,
        ))
    }

    fn way_to_file(&self) -> Result<String, String> {
        let path = self.address.path();
        match path.is_file() {
            true => Ok(format!(
                "attach {} as {} (type {}, read_only)",
                quote(&path.to_string_lossy()),
                self.alias,
                self.address.kind.name()
            )),
            false => Err(t!("{} is no such file", "没有文件 {}", path.display())),
        }
    }

    fn detach(&mut self) {
        // what is not there need not go
        self.db.execute_batch(&format!("detach database if exists {}", ident(&self.alias))).ok();
        self.db.execute_batch(&format!("drop temporary secret if exists {}", ident(&self.alias))).ok();
        self.relay = None;
        self.is_attached = false;
    }
}

impl Drop for Source<'_> {
    fn drop(&mut self) {
        self.detach();
    }
}
