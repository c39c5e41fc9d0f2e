//! Files of sessions as the exports of a marketplace, so that they go through the same code as its visits.

use std::path::Path;

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use duckdb::Connection;

use crate::common::files;
use crate::common::language::{either, t};
use crate::config::{Config, Source};
use crate::warehouse::{self, quote};

/// A marketplace made of sessions.
pub struct Sessions {
    /// The settings to run on it.
    pub config: Config,
    /// When the sessions to measure on begin.
    pub from: DateTime<Utc>,
    /// The moment after the last step.
    pub as_of: DateTime<Utc>,
}

/// Turns two files of `SessionId ItemId Time` (tab-separated, with a header, plain or `.gz`), one to learn from and one to
/// measure on, into the exports of a marketplace whose datasets have no texts, in `dir`.
///
/// # Errors
/// The files are not of that form, or hold no sessions.
pub fn prepare(config: &Config, dir: &Path, (train, test): (&Path, &Path)) -> Result<Sessions> {
    let json = dir.join("json");
    files::make_dir(&json)?;
    let db = warehouse::in_memory(config)?;
    read(&db, train, test)?;
    write_exports(&db, &json)?;
    let micros = |sql: &str| -> Result<DateTime<Utc>> {
        let micros: i64 =
            db.query_row(sql, [], |row| row.get(0)).context(either("the files hold no sessions", "文件里没有会话"))?;
        DateTime::from_timestamp_micros(micros).context(either("a time that is none", "不成立的时间"))
    };
    let from = micros("select epoch_us(min(first_at)) from visits where part = 1")?;
    let last = micros("select epoch_us(max(last_at)) from visits")?;
    let mut config = config.clone();
    config.sources.business = Source::Json;
    config.sources.matomo = Source::Json;
    config.models.image_root = Some(json.clone());
    config.sources.json_dir = Some(json);
    config.data_dir = dir.join("data");
    config.models_dir = dir.join("models");
    // a long session is a session
    config.parameters.bot_max_actions = u32::MAX / 2;
    Ok(Sessions { config, from, as_of: last + TimeDelta::seconds(1) })
}

/// Fills `steps` and `visits` from both files.
fn read(db: &Connection, train: &Path, test: &Path) -> Result<()> {
    let part = |path: &Path, part: i32| {
        format!(
            "select {part} as part, \"SessionId\" as session, cast(\"ItemId\" as bigint) as item,
                 to_timestamp(cast(\"Time\" as double)) as seen_at
             from read_csv({}, delim = '\\t', header = true, all_varchar = true)",
            quote(&path.to_string_lossy())
        )
    };
    db.execute_batch(&format!(
        "set timezone = 'UTC';
         create table steps as
             select *, row_number() over () as row_id from ({} union all {}) as parts;
         create table visits as
             select row_number() over (order by first_at, part, session) as visit, *
             from (select part, session, min(seen_at) as first_at, max(seen_at) as last_at from steps group by part, session);",
        part(train, 0),
        part(test, 1)
    ))
    .with_context(|| {
        t!(
            "{} and {} must be tab-separated, with the columns SessionId, ItemId (a number), Time (seconds)",
            "{} 与 {} 须以制表符分隔，含 SessionId、ItemId（数字）、Time（秒）三列",
            train.display(),
            test.display()
        )
    })
}

/// Writes `steps` and `visits` as a marketplace and its Matomo would.
fn write_exports(db: &Connection, json: &Path) -> Result<()> {
    let file = |name: &str| quote(&json.join(format!("{name}.json")).to_string_lossy());
    // a title without a word: nothing can be read from it; no dataset is younger than its first view; and to Matomo an action 0
    // is none
    db.execute_batch(&format!(
        "copy (select item as id, '#' as dataset_name,
                 least(timestamp '2000-01-01', cast(min(seen_at) as timestamp)) as create_time
                 from steps group by item order by id)
             to {} (format json);
         copy (select visit as idvisit, 1 as idsite, lpad(to_hex(visit), 16, '0') as idvisitor,
                 strftime(first_at, '%Y-%m-%d %H:%M:%S') as visit_first_action_time,
                 strftime(last_at, '%Y-%m-%d %H:%M:%S') as visit_last_action_time from visits order by visit)
             to {} (format json);
         copy (select item + 1 as idaction, 'example.org/dataDetail/' || item as name, 1 as type, 2 as url_prefix
                 from (select distinct item from steps) order by item)
             to {} (format json);
         copy (select row_number() over (order by visits.visit, steps.seen_at, steps.row_id) as idlink_va, visits.visit as idvisit,
                 1 as idsite, lpad(to_hex(visits.visit), 16, '0') as idvisitor,
                 strftime(steps.seen_at, '%Y-%m-%d %H:%M:%S.%f') as server_time, steps.item + 1 as idaction_url
                 from steps inner join visits on visits.part = steps.part and visits.session = steps.session order by idlink_va)
             to {} (format json);",
        file("dataset"),
        file("matomo_log_visit"),
        file("matomo_log_action"),
        file("matomo_log_link_visit_action")
    ))
    .context(either("the sessions could not be turned into exports", "会话无法转换为导出文件"))
}
