//! What `nearset doctor` asks a database: whether it answers, what the user may do, what is there, and whose clock it keeps.

use anyhow::Result;
use chrono::{DateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::address::{Address, Kind};
use super::extension::require_present;
use super::reading::need_tables;
use super::remote::Remote;
use super::source::Source;
use crate::common::errors::describe;
use crate::common::finding::{Finding, Verdict};
use crate::common::language::{either, t};
use crate::common::progress::Progress;
use crate::config::{Config, Database};
use crate::extract::columns;
use crate::extract::tables::{TABLES, Table};
use crate::warehouse::ident;

/// How far ahead of ours a source's clock may be.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);

/// Looks at everything a run needs of a database. Fails where it cannot be reached at all.
pub fn inspect(config: &Config, (name, settings): (&str, &Database)) -> Result<Vec<Finding>> {
    let db = crate::warehouse::in_memory(config)?;
    // an operator waits for the answer: one try is enough
    let mut config = config.clone();
    config.sources.retries = 0;
    // nothing is installed for a look
    require_present(&db, &config, Address::read(settings)?.kind)?;
    let mut source = Source::open(&db, &config, name, settings, &Progress::SILENT)?;
    let mut findings = vec![Finding::new(Verdict::Fine, name, answers(&mut source)?)];
    if let Some(place) = &source.extension {
        findings.push(Finding::new(
            Verdict::Fine,
            name,
            t!("DuckDB's extension is loaded from {place}", "DuckDB 扩展从 {place} 加载"),
        ));
    }
    if source.address.kind == Kind::Mysql {
        findings.push(rights(&mut source, name)?);
    }
    let mut found = Vec::new();
    for table in TABLES.iter().filter(|t| t.source == name) {
        match source.describe(table)? {
            Some(remote) => {
                found.push(table.name);
                findings.extend(look_at(&mut source, &config, table, &remote)?);
            }
            None => {
                let rest = if table.name == "dataset" {
                    ""
                } else {
                    either("; a run goes on without it", "；没有它也能运行")
                };
                let text = t!("not there, or the user may not read it{rest}", "不存在，或用户无权读取{rest}");
                findings.push(Finding::new(Verdict::Odd, table.name, text));
            }
        }
    }
    if let Err(error) = need_tables(name, &found, &mut source) {
        findings.push(Finding::new(Verdict::Broken, name, describe(&error)));
    }
    if source.address.kind == Kind::Mysql && name == "business" {
        findings.push(server_clock(&mut source, &config)?);
    }
    Ok(findings)
}

fn answers(source: &mut Source) -> Result<String> {
    let version = match source.address.kind {
        Kind::Mysql | Kind::Postgres => {
            let rows = source.ask_server(either("asking its version", "查询版本"), "select version()")?;
            rows.into_iter().flatten().flatten().next().unwrap_or_default()
        }
        Kind::Sqlite | Kind::Duckdb => "a file".to_owned(),
    };
    Ok(t!("{} answers: {version}", "{} 有应答：{version}", source.shown()))
}

/// Whether the user may do more than it must.
fn rights(source: &mut Source, name: &str) -> Result<Finding> {
    let grants: Vec<String> = source
        .ask_server(either("asking the user's rights", "查询用户权限"), "show grants")?
        .into_iter()
        .flatten()
        .flatten()
        .collect();
    let writes = |grant: &&String| {
        let rights = grant.split(" ON ").next().unwrap_or_default().to_uppercase();
        ["ALL PRIVILEGES", "INSERT", "UPDATE", "DELETE", "DROP", "ALTER", "CREATE"].iter().any(|r| rights.contains(r))
    };
    Ok(match grants.iter().find(writes) {
        None => {
            Finding::new(Verdict::Fine, name, either("the user may read and not write", "用户可读、不可写").to_owned())
        }
        Some(grant) => Finding::new(
            Verdict::Odd,
            name,
            t!(
                "the user may write ({}); SELECT is all that is needed: create user nearset identified by '...'; \
                 grant select on {}.* to nearset",
                "用户有写权限（{}）；只需要 SELECT：create user nearset identified by '...'; grant select on {}.* to \
                 nearset",
                grant.split(" TO ").next().unwrap_or_default(),
                ident(&source.address.name).replace('"', "`")
            ),
        ),
    })
}

/// A table against what is needed of it, and its newest time against the clock.
fn look_at(source: &mut Source, config: &Config, table: &Table, remote: &Remote) -> Result<Vec<Finding>> {
    let finding = |verdict, text| Finding::new(verdict, table.name, text);
    let missing = remote.lacks(table.required).join(", ");
    if !missing.is_empty() {
        return Ok(vec![finding(
            Verdict::Broken,
            t!("{} has no column {missing}; it must be there", "{} 缺少必需的列 {missing}", remote.name),
        )]);
    }
    let sql = format!("select count(*) from {}", remote.relation);
    let rows: u64 = source.ask(&remote.name, |db| db.query_row(&sql, [], |row| row.get(0)))?;
    let without = remote.lacks(table.optional).join(", ");
    let without = if without.is_empty() { String::new() } else { t!("; without {without}", "；没有 {without}") };
    let verdict = if rows == 0 && table.name == "dataset" { Verdict::Broken } else { Verdict::Fine };
    let mut findings = vec![finding(
        verdict,
        t!("{rows} rows, {} columns{without}", "{rows} 行，{} 列{without}", remote.columns.len()),
    )];
    if !table.change_columns.is_empty() && remote.timed(table).next().is_none() {
        findings.push(finding(
            Verdict::Odd,
            t!(
                "no column of a time type among {}: every run reads the whole table",
                "{} 里没有时间类型的列：每次运行都读整张表",
                table.change_columns.join(", ")
            ),
        ));
    }
    // when a row was made tells the clock; when it is said to change next may be anybody's plan
    if let Some((column, _)) = remote.timed(table).next_back() {
        let zone = columns::timezone(table, config);
        let name = &column.there;
        let sql =
            format!("select {} from (select max({name}) as {name} from {}) as newest", column.text, remote.relation);
        let newest: Option<String> = source.ask(&remote.name, |db| db.query_row(&sql, [], |row| row.get(0)))?;
        findings.extend(newest.and_then(|n| in_the_future(&n, zone)).map(|(ahead, text)| {
            let advice = match table.is_matomo() {
                true => {
                    either("Matomo keeps UTC; this one seems to keep another time", "Matomo 应存 UTC；这里似乎不是")
                }
                false => {
                    either("check BUSINESS_TIMEZONE, and the rows themselves", "请检查 BUSINESS_TIMEZONE 和数据本身")
                }
            };
            finding(
                Verdict::Odd,
                t!(
                    "its newest {} is {text}, {:.1} h in the future in {zone}; {advice}",
                    "最新的 {} 是 {text}，按 {zone} 晚于现在 {:.1} 小时；{advice}",
                    column.name,
                    ahead
                ),
            )
        }));
    }
    Ok(findings)
}

/// How many hours a local time is ahead of now, where it is.
fn in_the_future(text: &str, zone: &str) -> Option<(f64, String)> {
    let zone: Tz = zone.parse().ok()?;
    let local = chrono::NaiveDateTime::parse_from_str(text.get(..19)?, "%Y-%m-%d %H:%M:%S").ok()?;
    let moment: DateTime<Utc> = zone.from_local_datetime(&local).earliest()?.with_timezone(&Utc);
    let ahead = moment - Utc::now();
    (ahead > CLOCK_SKEW).then(|| (ahead.as_seconds_f64() / 3600.0, text.to_owned()))
}

/// Whether the server's clocks show what `BUSINESS_TIMEZONE` says.
fn server_clock(source: &mut Source, config: &Config) -> Result<Finding> {
    let sql =
        "select timestampdiff(minute, utc_timestamp(), convert_tz(utc_timestamp(), '+00:00', @@global.time_zone))";
    let rows = source.ask_server(either("asking its time zone", "查询时区"), sql)?;
    let server: Option<i32> = rows.into_iter().flatten().flatten().next().and_then(|m| m.parse().ok());
    let zone: Tz = config.parameters.business_timezone.parse().unwrap_or(Tz::UTC);
    let ours = zone.offset_from_utc_datetime(&Utc::now().naive_utc()).fix().local_minus_utc() / 60;
    let utc = |minutes: i32| {
        format!("UTC{}{:02}:{:02}", if minutes < 0 { '-' } else { '+' }, minutes.abs() / 60, minutes.abs() % 60)
    };
    Ok(match server {
        Some(server) if server != ours => Finding::new(
            Verdict::Odd,
            "time zone",
            t!(
                "the server's clock shows {}, BUSINESS_TIMEZONE = {} is {}; where the shop writes times by the \
                 server's clock, set BUSINESS_TIMEZONE to that zone (for example {})",
                "服务器的时钟是 {}，BUSINESS_TIMEZONE = {} 是 {}；若业务系统按服务器时钟写时间，请把 \
                 BUSINESS_TIMEZONE 设为那个时区（例如 {}）",
                utc(server),
                config.parameters.business_timezone,
                utc(ours),
                if server == 480 { "Asia/Shanghai" } else { "UTC" },
            ),
        ),
        Some(server) => Finding::new(
            Verdict::Fine,
            "time zone",
            t!(
                "the server's clock and BUSINESS_TIMEZONE = {} both show {}",
                "服务器的时钟与 BUSINESS_TIMEZONE = {} 一致，都是 {}",
                config.parameters.business_timezone,
                utc(server)
            ),
        ),
        None => Finding::new(
            Verdict::Odd,
            "time zone",
            either("the server does not tell what its clock shows", "服务器没有说明它的时钟").to_owned(),
        ),
    })
}
