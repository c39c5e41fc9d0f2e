//! JSON exports: which files there are, and how one is taken in.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use chrono::{DateTime, Utc};
use duckdb::Connection;
use flate2::read::MultiGzDecoder;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};

use super::tables::{TABLES, Table};
use crate::config::Config;
use crate::warehouse::{ident, quote, short_error, timestamp};

/// One export of one table.
#[derive(Debug)]
pub struct ExportFile {
    pub name: String,
    path: PathBuf,
    /// Empty for a full export, else `YYYYMMDD_HHMMSS`.
    stamp: String,
}

/// Whether a file's name is that of a table's full export.
pub fn is_full_name(table: &Table, name: &str) -> bool {
    name.strip_prefix(table.name).is_some_and(|rest| rest == ".json" || rest == ".json.gz")
}

impl ExportFile {
    pub fn is_full(&self) -> bool {
        self.stamp.is_empty()
    }

    pub fn bytes(&self) -> Result<u64> {
        Ok(fs::metadata(&self.path).with_context(|| format!("{} cannot be read", self.name))?.len())
    }

    /// The hash of the file's bytes, in hex.
    pub fn sha256(&self) -> Result<String> {
        sha256_file(&self.path)
    }

    /// Where the file starts with a byte order mark, as some Windows programs write it, copies it without to `plain`.
    fn unmark(&self, plain: &Path) -> Result<bool> {
        let mut reader = self.reader()?;
        let mut start = Vec::new();
        // a file that is no gzip is told of where it is read
        if reader.by_ref().take(3).read_to_end(&mut start).is_err() || start != b"\xef\xbb\xbf" {
            return Ok(false);
        }
        let mut copy = File::create(plain).with_context(|| format!("{} cannot be written", plain.display()))?;
        std::io::copy(&mut reader, &mut copy).with_context(|| format!("{} cannot be read", self.name))?;
        Ok(true)
    }

    fn reader(&self) -> Result<Box<dyn Read>> {
        let file = File::open(&self.path).with_context(|| format!("{} cannot be read", self.name))?;
        Ok(if self.name.ends_with(".gz") {
            Box::new(BufReader::new(MultiGzDecoder::new(BufReader::new(file))))
        } else {
            Box::new(BufReader::new(file))
        })
    }
}

/// Bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The SHA-256 of a file, in hex.
pub fn sha256_file(path: &Path) -> Result<String> {
    let mut file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer).with_context(|| format!("{} cannot be read", path.display()))?;
        if read == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(&buffer[..read]);
    }
}

/// The exports in a folder.
#[derive(Debug, Default)]
pub struct Listing {
    /// By table: the full export, then increments in the order of their stamps.
    pub files: BTreeMap<&'static str, Vec<ExportFile>>,
    /// JSON files that are no table's.
    pub strangers: Vec<String>,
}

/// Finds `{table}.json` and `{table}_{YYYYMMDD}_{HHMMSS}.json`, plain or `.gz`.
pub fn list(dir: &Path) -> Result<Listing> {
    let entries = fs::read_dir(dir)
        .with_context(|| format!("DATA_JSON_DIR {} cannot be read; it is the folder of JSON exports", dir.display()))?;
    let mut listing = Listing::default();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(stem) = name.strip_suffix(".json.gz").or_else(|| name.strip_suffix(".json")) else { continue };
        let found = TABLES.iter().find_map(|table| {
            let rest = stem.strip_prefix(table.name)?;
            if rest.is_empty() {
                return Some((table, ""));
            }
            let stamp = rest.strip_prefix('_')?;
            let well_formed = stamp.len() == 15
                && stamp.char_indices().all(|(i, c)| if i == 8 { c == '_' } else { c.is_ascii_digit() });
            well_formed.then_some((table, stamp))
        });
        match found {
            Some((table, stamp)) => {
                let file = ExportFile { stamp: stamp.to_owned(), name: name.clone(), path: path.clone() };
                listing.files.entry(table.name).or_default().push(file);
            }
            None => listing.strangers.push(name),
        }
    }
    listing.strangers.sort();
    for files in listing.files.values_mut() {
        files.sort_by(|a, b| (&a.stamp, &a.name).cmp(&(&b.stamp, &b.name)));
        if let Some(pair) = files.windows(2).find(|pair| pair[0].stamp == pair[1].stamp) {
            bail!("{} and {} are the same export twice; remove one of them", pair[0].name, pair[1].name);
        }
    }
    Ok(listing)
}

/// Takes one file in. A row replaces the one with its key where its own change time is not older; of rows with one key
/// in one file the newest stays, and of equally new ones the last. Change times in the future count as unknown, and an
/// unknown time neither protects a row nor holds it back.
pub fn take_in(
    db: &Connection,
    config: &Config,
    as_of: DateTime<Utc>,
    table: &Table,
    file: &ExportFile,
    notes: &mut Vec<String>,
) -> Result<u64> {
    let plain = config.data_dir.join("export.work.json");
    let marked = file.unmark(&plain)?;
    let taken = take_in_from(db, config, as_of, table, file, if marked { &plain } else { &file.path }, notes);
    if marked {
        fs::remove_file(&plain).ok();
    }
    taken
}

/// The same, with the file's bytes at `path`.
fn take_in_from(
    db: &Connection,
    config: &Config,
    as_of: DateTime<Utc>,
    table: &Table,
    file: &ExportFile,
    path: &Path,
    notes: &mut Vec<String>,
) -> Result<u64> {
    let present = columns_of(db, file, path)?;
    if !present.is_empty() {
        if let Some(missing) = table.required.iter().find(|c| !present.contains(**c)) {
            bail!("{}: the column {missing} is missing; it must be there", file.name);
        }
        let without: Vec<&str> = table.optional.iter().copied().filter(|c| !present.contains(*c)).collect();
        if !without.is_empty() && file.stamp.is_empty() {
            notes.push(format!("{}: without {}", file.name, without.join(", ")));
        }
    }
    load_incoming(db, config, as_of, table, (file, path), &present)?;
    let rows = fold_incoming(db, table, file)?;
    db.execute(
        "insert into raw.files values (?, ?, ?, ?, ?)",
        duckdb::params![table.name, file.name, file.bytes()?, file.sha256()?, rows],
    )?;
    Ok(rows)
}

/// The columns a file's rows have; none for an empty file.
fn columns_of(db: &Connection, file: &ExportFile, path: &Path) -> Result<BTreeSet<String>> {
    let sql = format!(
        "select distinct unnest(keys) from (
             select distinct json_keys(json) as keys from read_json_objects({}, format = 'auto'))",
        quote(&path.to_string_lossy())
    );
    db.prepare(&sql)
        .and_then(|mut statement| statement.query_map([], |row| row.get(0)).and_then(|rows| rows.collect()))
        .map_err(|e| unreadable(file, &e))
}

/// Reads the file into the temporary table `incoming`: all columns as text, keys in one spelling, the change time in UTC.
fn load_incoming(
    db: &Connection,
    config: &Config,
    as_of: DateTime<Utc>,
    table: &Table,
    (file, path): (&ExportFile, &Path),
    present: &BTreeSet<String>,
) -> Result<()> {
    for column in present.iter().filter(|c| !table.columns().any(|known| known == c.as_str())) {
        db.execute_batch(&format!(
            "alter table raw.{} add column if not exists {} varchar",
            ident(table.name),
            ident(column)
        ))
        .with_context(|| format!("{}: the column {column} cannot be kept", file.name))?;
    }
    let mut wanted: BTreeSet<&str> = present.iter().map(String::as_str).collect();
    for column in table.columns() {
        wanted.insert(column);
    }
    let spec = wanted.iter().map(|c| format!("{}: 'varchar'", quote(c))).collect::<Vec<_>>().join(", ");
    let timezone = if table.source == "business" { config.business_timezone.as_str() } else { "UTC" };
    let change = table
        .change_columns
        .iter()
        .map(|c| format!("try_cast({} as timestamp)", ident(c)))
        .chain(["cast(null as timestamp)".to_owned()])
        .collect::<Vec<_>>()
        .join(", ");
    let change = if timezone == "UTC" {
        format!("coalesce({change})")
    } else {
        format!("timezone('UTC', timezone({}, coalesce({change})))", quote(timezone))
    };
    // an id is the same whether it was written 7, "7" or 7.0
    let keys = table
        .key
        .iter()
        .map(|(column, fallback)| {
            let value = match *fallback {
                "" => ident(column),
                fallback => format!("coalesce({}, {fallback})", ident(column)),
            };
            match *column {
                "idorder" => format!("trim({value}) as {}", ident(column)),
                _ => format!(
                    "coalesce(cast(try_cast({value} as bigint) as varchar), trim({value})) as {}",
                    ident(column)
                ),
            }
        })
        .collect::<Vec<_>>()
        .join(", ");
    // a time that names its own offset becomes what the source's clocks showed, as all other times are
    let times = table.columns().filter(|c| c.ends_with("_time")).map(|column| {
        let column = ident(column);
        format!(
            "case when regexp_matches({column}, ':\\d{{2}}(\\.\\d+)?\\s*(Z|[+-]\\d{{2}}(:?\\d{{2}})?)$')
                 then coalesce(cast(cast(timezone({}, try_cast({column} as timestamptz)) as timestamp) as varchar), {column})
                 else {column} end as {column}",
            quote(timezone)
        )
    });
    let read = format!(
        "(select * replace ({}), row_number() over () as _row
          from read_json({}, columns = {{{spec}}}, format = 'auto'))",
        times.chain([keys]).collect::<Vec<_>>().join(", "),
        quote(&path.to_string_lossy()),
    );
    let sql = format!(
        "create or replace temp table incoming as
         select * exclude (_row),
             case when {change} <= {as_of} then {change} end as _changed_at,
             {name} as _file,
             _row
         from {read}",
        as_of = timestamp(as_of),
        name = quote(&file.name),
    );
    db.execute_batch(&sql).map_err(|e| unreadable(file, &e))
}

/// Merges `incoming` into the raw table; what loses goes to `raw.rejected` with its reason.
fn fold_incoming(db: &Connection, table: &Table, file: &ExportFile) -> Result<u64> {
    let raw = format!("raw.{}", ident(table.name));
    let keys: Vec<String> = table.key.iter().map(|(column, _)| ident(column)).collect();
    let key_list = keys.join(", ");
    let key_text = format!("concat_ws(':', {key_list})");
    let no_key = keys.iter().map(|k| format!("coalesce({k}, '') = ''")).collect::<Vec<_>>().join(" or ");
    let same = keys.iter().map(|k| format!("stored.{k} = winners.{k}")).collect::<Vec<_>>().join(" and ");
    let reject = |reason: &str, outcome: &str, column: &str, from: &str| {
        format!(
            "insert into raw.rejected
             select {}, {key_text}, '{reason}', '{column}', null, '{outcome}', _file, _row, to_json({from})::varchar from {from};",
            quote(table.name)
        )
    };
    let first_key = table.key[0].0;
    let rows: u64 = db.query_row("select count(*) from incoming", [], |row| row.get(0))?;
    db.execute_batch(&format!(
        "create or replace temp table keyless as from incoming where {no_key};
         {keyless}
         create or replace temp table ranked as
         select *, row_number() over (partition by {key_list} order by
             case when _changed_at is null or _changed_at = max_changed_at then 0 else 1 end, _row desc) as _place
         from (select *, max(_changed_at) over (partition by {key_list}) as max_changed_at from incoming where not ({no_key}));
         create or replace temp table losers as select * exclude (_place, max_changed_at) from ranked where _place > 1;
         {losers}
         create or replace temp table winners as select * exclude (_place, max_changed_at) from ranked where _place = 1;
         create or replace temp table stale as
         from winners where exists (
             from {raw} as stored where {same} and stored._changed_at > winners._changed_at);
         {stale}
         delete from winners where exists (from stale where stale._row = winners._row);
         delete from {raw} as stored where exists (from winners where {same});
         insert into {raw} by name from winners order by _row;
         drop table incoming; drop table keyless; drop table ranked; drop table losers; drop table winners; drop table stale;",
        keyless = reject(&format!("{first_key}_missing"), "dropped", first_key, "keyless"),
        losers = reject("duplicate_id", "superseded", first_key, "losers"),
        stale = reject("older_than_stored", "superseded", table.change_columns.first().unwrap_or(&first_key), "stale"),
    ))
    .map_err(|e| anyhow!("{}: its rows cannot be merged: {}", file.name, short_error(&e)))?;
    Ok(rows)
}

/// Says which file cannot be read and where it breaks: serde_json counts lines and columns over the whole file, where
/// DuckDB counts bytes within a record.
fn unreadable(file: &ExportFile, error: &duckdb::Error) -> anyhow::Error {
    let place = file.reader().ok().and_then(|reader| {
        let mut values = serde_json::Deserializer::from_reader(reader).into_iter::<IgnoredAny>();
        values.find_map(|value| value.err())
    });
    match place {
        Some(fault) => anyhow!("{} is no valid JSON: {fault}; export it again", file.path.display()),
        None => anyhow!("{}: {}", file.path.display(), short_error(error)),
    }
}
