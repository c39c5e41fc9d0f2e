//! Where in a file its rows are, and those rows one a line: for exports that are more than an array of rows.
//!
//! Rows are where objects with the columns that a table must have stand, whatever is around them. The names that lead there
//! are their path; positions in arrays, and names that are numbers, are no part of it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io::{Read, Write};

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::lenient::Lenient;
use crate::common::language::t;
use crate::extract::names;
use crate::extract::tables::Table;

/// How deep rows are looked for.
const DEPTH: usize = 16;

/// How many paths of a file are told apart.
const PATHS: usize = 500;

/// A longer text is neither a column's name nor a table's.
const NAME: usize = 200;

/// What is said of a value that stands where a row should.
pub const NO_ROW: &str = "a plain value where a row should be";

/// What stands at one path.
#[derive(Debug, Default)]
pub struct Found {
    /// Which of the columns that must be there the objects have, as bits.
    columns: u32,
    /// How many objects there are.
    pub objects: u64,
    /// How many arrays of plain values.
    pub lists: u64,
    /// How deep the last of these was.
    depth: usize,
    /// How many empty arrays.
    pub empty: u64,
    /// The first array that names all the columns that must be there.
    header: Option<Vec<String>>,
    /// The names of the first object.
    pub names: Vec<String>,
}

/// What stands where in a file.
#[derive(Debug, Default)]
pub struct Contents {
    /// By path, with dots between names.
    pub found: BTreeMap<String, Found>,
    /// Whether values are objects such as `{"$oid": …}`, as MongoDB exports them.
    pub is_extended: bool,
}

/// Where a file's rows are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// The names that lead there; empty for the plain form.
    pub path: String,
    /// The columns' names, and how deep arrays of their values stand, where rows are no objects.
    pub header: Option<(Vec<String>, usize)>,
}

impl Place {
    /// What a person should know of rows that are not in the plain form.
    pub fn note(&self) -> Option<String> {
        let path = &self.path;
        match (&self.header, path.as_str()) {
            (None, "") => None,
            (None, _) => Some(t!(
                "its rows are under `{path}`, and are read from there",
                "其数据行位于 `{path}` 之下，已从该处读取"
            )),
            (Some(_), "") => Some(t!(
                "its rows are arrays, and are read by the names in the first",
                "其数据行为数组，已按首行的列名读取"
            )),
            (Some(_), _) => Some(t!(
                "its rows are arrays under `{path}`, and are read by the names that stand with them",
                "其数据行是 `{path}` 之下的数组，已按随附的列名读取"
            )),
        }
    }
}

impl Contents {
    /// Which of the columns that must be there stand at the path that has most of them: the path, and the first that is
    /// not there.
    pub fn nearest(&self, table: &Table) -> Option<(&str, &Found, &'static str)> {
        let (path, found) =
            self.found.iter().filter(|(_, f)| f.columns != 0).max_by_key(|(_, f)| f.columns.count_ones())?;
        let missing = table.required.iter().enumerate().find(|(bit, _)| found.columns & (1 << bit) == 0)?;
        Some((path, found, missing.1))
    }

    /// The places at which a table's rows may be.
    pub fn places(&self, table: &Table) -> Vec<Place> {
        let all = (1 << table.required.len()) - 1;
        let rows = |found: &Found| found.columns == all;
        let under = |path: &str, other: &str| other.is_empty() || path.starts_with(&format!("{other}."));
        let is_inner = |path: &str| self.found.iter().any(|(p, f)| p != path && rows(f) && under(path, p));
        let objects = self.found.iter().filter(|(path, found)| rows(found) && !is_inner(path));
        let mut places: Vec<Place> = objects.map(|(path, _)| Place { path: path.clone(), header: None }).collect();
        for (path, found) in &self.found {
            let Some(header) = &found.header else { continue };
            // the names stand on top of the rows, or beside them
            let mut lists = self.found.iter().filter(|(p, f)| *p != path && f.lists > 0 && f.depth > found.depth);
            let (path, found) = match (found.lists, lists.next(), lists.next()) {
                (1, Some(only), None) => only,
                _ => (path, found),
            };
            places.push(Place { path: path.clone(), header: Some((header.clone(), found.depth)) });
        }
        if places.len() > 1 {
            let own: Vec<Place> =
                places.iter().filter(|p| p.path.split('.').any(|part| part == table.name)).cloned().collect();
            if own.len() == 1 {
                return own;
            }
        }
        places
    }

    /// The path of the only array there is, where it is empty.
    pub fn only_empty(&self) -> Option<&str> {
        let mut arrays =
            self.found.iter().filter(|(path, f)| f.empty + f.lists > 0 || (f.objects > 1 && !path.is_empty()));
        match (arrays.next(), arrays.next()) {
            (Some((path, found)), None) if found.lists == 0 && found.objects == 0 => Some(path),
            _ => None,
        }
    }
}

/// Looks at all of a file.
///
/// # Errors
/// It is no JSON; the error knows the line.
pub fn look(reader: impl Read, table: &Table) -> serde_json::Result<Contents> {
    let mut walk = Walk { table, path: Vec::new(), contents: Contents::default(), wanted: None };
    walk.go(reader)?;
    Ok(walk.contents)
}

/// Looks at the beginning of a file, which may end anywhere.
///
/// # Errors
/// It is no JSON before it ends; the error knows the line.
pub fn look_at_beginning(reader: impl Read, table: &Table) -> serde_json::Result<Contents> {
    let mut walk = Walk { table, path: Vec::new(), contents: Contents::default(), wanted: None };
    match walk.go(reader) {
        Err(fault) if !fault.is_eof() => Err(fault),
        _ => Ok(walk.contents),
    }
}

/// What is known of rows that were written.
#[derive(Debug, Default)]
pub struct Written {
    /// How many bytes the longest line has.
    pub longest: u64,
    /// A name that stands twice in one row.
    pub twice: Option<String>,
    /// How often `null` stands where a row should.
    pub nulls: u64,
}

/// Writes the rows at a place to `out`, one a line, each column under its own name.
///
/// # Errors
/// The file cannot be read, `out` not be written, or something at the place is no row.
pub fn write(reader: impl Read, table: &Table, place: &Place, out: &mut dyn Write) -> serde_json::Result<Written> {
    let writer = Writer { out, columns: HashMap::new(), written: Written::default() };
    let wanted = Some(Wanted { place, writer, is_first: true });
    let mut walk = Walk { table, path: Vec::new(), contents: Contents::default(), wanted };
    walk.go(reader)?;
    Ok(walk.wanted.map(|wanted| wanted.writer.written).unwrap_or_default())
}

/// A walk through a file.
struct Walk<'a> {
    table: &'a Table,
    path: Vec<String>,
    contents: Contents,
    wanted: Option<Wanted<'a>>,
}

/// What is taken along on the way.
struct Wanted<'a> {
    place: &'a Place,
    writer: Writer<'a>,
    /// No row has come yet.
    is_first: bool,
}

type Row = Vec<(String, Box<RawValue>)>;

impl Walk<'_> {
    fn go(&mut self, reader: impl Read) -> serde_json::Result<()> {
        let mut values = serde_json::Deserializer::from_reader(Lenient::new(reader));
        while values.end().is_err() {
            Value { walk: self, depth: 0 }.deserialize(&mut values)?;
        }
        Ok(())
    }

    /// What is known of the path; none of one too many.
    fn here(&mut self) -> Option<&mut Found> {
        let path = self.path.join(".");
        let is_room = self.contents.found.len() < PATHS || self.contents.found.contains_key(&path);
        is_room.then(|| self.contents.found.entry(path).or_default())
    }

    fn is_wanted(&self) -> bool {
        self.wanted.as_ref().is_some_and(|wanted| self.path.join(".") == wanted.place.path)
    }

    fn take<E: Error>(&mut self, row: Row) -> Result<(), E> {
        match &mut self.wanted {
            Some(wanted) => wanted.writer.write(self.table, row).map_err(E::custom),
            None => Ok(()),
        }
    }

    /// Takes a row that is an array; the first may be the names themselves.
    fn take_list<E: Error>(&mut self, values: Vec<Box<RawValue>>) -> Result<(), E> {
        let Some(wanted) = &mut self.wanted else { return Ok(()) };
        let Some((header, _)) = &wanted.place.header else { return Ok(()) };
        let is_first = std::mem::take(&mut wanted.is_first);
        let text = |value: &RawValue| serde_json::from_str::<String>(value.get()).ok();
        if is_first && values.iter().zip(header).all(|(value, name)| text(value).as_ref() == Some(name)) {
            return Ok(());
        }
        if values.len() != header.len() {
            return Err(E::custom(format!("{} values for {} columns", values.len(), header.len())));
        }
        let row = header.iter().cloned().zip(values).collect();
        self.take(row)
    }
}

/// What a value turned out to be.
enum Kind {
    Text(String),
    Plain,
    Null,
    Nested,
}

/// The next value of a walk.
struct Value<'w, 'a> {
    walk: &'w mut Walk<'a>,
    depth: usize,
}

impl Value<'_, '_> {
    /// A value that holds no others.
    fn plain<E: Error>(self, kind: Kind) -> Result<Kind, E> {
        let stands_for_a_row = self.walk.is_wanted();
        match (&mut self.walk.wanted, &kind) {
            (Some(wanted), Kind::Null) if stands_for_a_row => wanted.writer.written.nulls += 1,
            (Some(wanted), _) if stands_for_a_row && wanted.place.header.is_none() => return Err(E::custom(NO_ROW)),
            _ => {}
        }
        Ok(kind)
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_> {
    type Value = Kind;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Kind, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_> {
    type Value = Kind;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Kind, E> {
        self.plain(Kind::Plain)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Kind, E> {
        self.plain(Kind::Plain)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Kind, E> {
        self.plain(Kind::Plain)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Kind, E> {
        self.plain(Kind::Plain)
    }

    fn visit_unit<E: Error>(self) -> Result<Kind, E> {
        self.plain(Kind::Null)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Kind, E> {
        let kind = if text.len() > NAME { Kind::Plain } else { Kind::Text(text.to_owned()) };
        self.plain(kind)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kind, A::Error> {
        let Self { walk, depth } = self;
        let is_index = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
        let mut next = map.next_key::<String>()?;
        // what has numbers for names holds rows
        if walk.is_wanted() && !next.as_deref().is_some_and(is_index) {
            let mut row = Vec::new();
            while let Some(name) = next {
                row.push((name, map.next_value()?));
                next = map.next_key()?;
            }
            walk.take(row)?;
            return Ok(Kind::Nested);
        }
        if depth > DEPTH && next.is_some() {
            map.next_value::<IgnoredAny>()?;
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Kind::Nested);
        }
        let (above, mut columns, mut all) = (walk.path.len(), 0, Vec::new());
        let (mut is_table, mut label) = (false, None);
        while let Some(name) = next {
            walk.contents.is_extended |= name.starts_with('$');
            let column = names::known(walk.table, &name);
            columns |= walk.table.required.iter().position(|c| column == Some(c)).map_or(0, |bit| 1 << bit);
            if !is_index(&name) {
                walk.path.push(name.clone());
            }
            let value = map.next_value_seed(Value { walk, depth: depth + 1 })?;
            walk.path.truncate(above);
            // {"type": "table", "name": "task", "data": [...]} is how phpMyAdmin labels a table
            match (name.as_str(), value) {
                ("type", Kind::Text(text)) => is_table = text == "table",
                ("name", Kind::Text(text)) => label = Some(text),
                _ => {}
            }
            if is_table && let Some(label) = label.take() {
                walk.path.push(label);
                all.push(name);
                return visit_table(walk, map, depth, above);
            }
            if all.len() < PATHS {
                all.push(name);
            }
            next = map.next_key()?;
        }
        if let Some(found) = walk.here() {
            found.columns |= columns;
            found.objects += 1;
            if found.names.is_empty() {
                found.names = all;
            }
        }
        Ok(Kind::Nested)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Kind, A::Error> {
        let Self { walk, depth } = self;
        let header_depth = walk.wanted.as_ref().and_then(|w| w.place.header.as_ref()).map(|(_, depth)| *depth);
        if walk.is_wanted() && header_depth == Some(depth) {
            let mut values = Vec::new();
            while let Some(value) = seq.next_element()? {
                values.push(value);
            }
            walk.take_list(values)?;
            return Ok(Kind::Nested);
        }
        if depth > DEPTH {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Kind::Nested);
        }
        let (mut texts, mut count, mut is_list) = (Vec::new(), 0, true);
        while let Some(value) = seq.next_element_seed(Value { walk, depth: depth + 1 })? {
            count += 1;
            match value {
                Kind::Nested => is_list = false,
                Kind::Text(text) if texts.len() < PATHS => texts.push(text),
                _ => {}
            }
        }
        let required = walk.table.required;
        let is_header = is_list
            && texts.len() == count
            && required.iter().all(|column| texts.iter().any(|t| names::known(walk.table, t) == Some(column)));
        if let Some(found) = walk.here() {
            match count {
                0 => found.empty += 1,
                _ if is_list => {
                    found.lists += 1;
                    found.depth = depth;
                }
                _ => {}
            }
            if is_header && found.header.is_none() {
                found.header = Some(texts);
            }
        }
        Ok(Kind::Nested)
    }
}

/// The rest of a labelled table, whose label is the last name of the path.
fn visit_table<'de, A: MapAccess<'de>>(
    walk: &mut Walk<'_>,
    mut map: A,
    depth: usize,
    above: usize,
) -> Result<Kind, A::Error> {
    while let Some(name) = map.next_key::<String>()? {
        walk.path.push(name);
        map.next_value_seed(Value { walk, depth: depth + 1 })?;
        walk.path.truncate(above + 1);
    }
    walk.path.truncate(above);
    Ok(Kind::Nested)
}

/// Writes rows one a line.
struct Writer<'a> {
    out: &'a mut dyn Write,
    /// What the names met so far are written as; none where they are left out.
    columns: HashMap<String, Option<String>>,
    written: Written,
}

impl Writer<'_> {
    fn write(&mut self, table: &Table, row: Row) -> std::io::Result<()> {
        let mut kept: Vec<(String, bool, String)> = Vec::with_capacity(row.len());
        let mut places: HashMap<String, usize> = HashMap::with_capacity(row.len());
        for (name, value) in row {
            let column = self.columns.entry(name.clone()).or_insert_with(|| match names::known(table, &name) {
                Some(column) => Some(column.to_owned()),
                None => (!names::is_unusable(&name)).then(|| name.clone()),
            });
            let Some(column) = column else { continue };
            let is_exact = *column == name;
            let value = unwrapped(value.get());
            match places.get(column).map(|place| &mut kept[*place]) {
                None => {
                    places.insert(column.clone(), kept.len());
                    kept.push((column.clone(), is_exact, value));
                }
                Some((_, was_exact, before)) => {
                    if is_exact && *was_exact {
                        self.written.twice.get_or_insert(name);
                    }
                    let is_nothing = |value: &str| ["null", "\"\""].contains(&value);
                    if is_nothing(before) || (is_exact && !is_nothing(&value)) {
                        *before = value;
                    }
                    *was_exact |= is_exact;
                }
            }
        }
        let mut line = b"{".to_vec();
        for (index, (column, _, value)) in kept.iter().enumerate() {
            if index > 0 {
                line.push(b',');
            }
            serde_json::to_writer(&mut line, column)?;
            line.push(b':');
            line.extend(value.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }));
        }
        line.extend(b"}\n");
        self.written.longest = self.written.longest.max(line.len() as u64);
        self.out.write_all(&line)
    }
}

/// A value as MongoDB means it: `{"$oid": "…"}`, `{"$date": {"$numberLong": "…"}}` and the like are what they hold.
fn unwrapped(text: &str) -> String {
    let inner = text.strip_prefix('{').map(str::trim_start).filter(|inner| inner.starts_with("\"$"));
    if let Some(Ok(value)) = inner.map(|_| serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(text))
        && let (1, Some(only)) = (value.len(), value.values().next())
    {
        return unwrapped(only.get());
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::tables::TABLES;

    const A: &str = r#"{"id": 1, "dataset_name": "a", "create_time": "2026-01-01"}"#;
    const B: &str = r#"{"id": 2, "dataset_name": "b", "create_time": "2026-01-02"}"#;

    /// The path of the rows, and the rows.
    fn read(text: &str) -> (Vec<String>, String) {
        let dataset = &TABLES[1];
        let contents = look(text.as_bytes(), dataset).expect("JSON");
        let places = contents.places(dataset);
        let mut out = Vec::new();
        if let [place] = places.as_slice() {
            write(text.as_bytes(), dataset, place, &mut out).expect("rows");
        }
        (places.into_iter().map(|place| place.path).collect(), String::from_utf8(out).expect("text"))
    }

    #[test]
    fn rows_are_found_in_every_usual_wrapping() {
        let php = r#"{"type":"header","version":"5.2.1"},{"type":"database","name":"shop"}"#;
        let user = r#"{"type":"table","name":"user","database":"shop","data":[{"id":1,"create_time":"2026"}]}"#;
        let names = r#"["id","dataset_name","create_time"]"#;
        let (a, b) = (r#"[1,"a","2026-01-01"]"#, r#"[2,"b","2026-01-02"]"#);
        for (text, path) in [
            (format!("[{A},\n{B}]"), ""),
            (format!("{A}\n{B}\n"), ""),
            (format!("[{A}][{B}]"), ""),
            (format!("[[{A}],[{B}]]"), ""),
            (format!(r#"{{"RECORDS":[{A},{B}]}}"#), "RECORDS"),
            (format!(r#"{{"code":0,"data":{{"total":2,"list":[{A},{B}]}}}}"#), "data.list"),
            (format!(r#"{{"data":[{A}]}}{}{{"data":[{B}]}}"#, '\n'), "data"),
            (format!(r#"[{php},{user},{{"type":"table","name":"dataset","data":[{A},{B}]}}]"#), "dataset.data"),
            (format!(r#"{{"user":[{{"id":1,"create_time":"2026"}}],"dataset":[{A},{B}]}}"#), "dataset"),
            (
                format!(r#"{{"type":"FeatureCollection","features":[{{"properties":{A}}},{{"properties":{B}}}]}}"#),
                "features.properties",
            ),
            (format!(r#"{{"0":{A},"1":{B}}}"#), ""),
            (format!(r#"{{"hits":{{"hits":[{{"_source":{A}}},{{"_source":{B}}}]}}}}"#), "hits.hits._source"),
            (format!("[{names},{a},{b}]"), ""),
            (format!(r#"{{"draw":1,"data":[{names},{a},{b}]}}"#), "data"),
            (format!(r#"{{"columns":{names},"data":[{a},{b}]}}"#), "data"),
        ] {
            let (places, rows) = read(&text);
            assert_eq!(places, [path], "{text}");
            let rows: Vec<serde_json::Value> =
                rows.lines().map(|row| serde_json::from_str(row).expect("a row")).collect();
            let expected = [A, B].map(|row| serde_json::from_str::<serde_json::Value>(row).expect("a row"));
            assert_eq!(rows, expected, "{text}");
        }
    }

    #[test]
    fn what_may_be_meant_in_several_ways_is_not_guessed() {
        let (places, rows) = read(&format!(r#"{{"old":[{A}],"new":[{B}]}}"#));
        assert_eq!((places.len(), rows.as_str()), (2, ""));
        assert!(read(r#"{"code":500,"message":"no"}"#).0.is_empty());
        let only = |text: &str| look(text.as_bytes(), &TABLES[1]).expect("JSON").only_empty().map(str::to_owned);
        assert_eq!(only(r#"{"RECORDS":[]}"#), Some("RECORDS".to_owned()));
        assert_eq!(only("[]"), Some(String::new()));
        for text in [r#"{"a":[],"b":[]}"#, "[[1]]", "[{}]", "{}", "5", r#"{"data":null}"#] {
            assert_eq!(only(text), None, "{text}");
        }
    }

    #[test]
    fn a_row_has_each_column_once_and_values_as_mongodb_means_them() {
        let row = r#"{"_id":{"$oid":"65f"},"id":{"$numberLong":"7"},"Price":2,"price":null,"dataset_name":"x","datasetName":"y",
            "create_time":{"$date":{"$numberLong":"1790000000000"}},"tag":{"a":1},"":1,"_row":2,"n":1,"n":2,"big":12345678901234567890123}"#;
        assert_eq!(
            read(row).1,
            "{\"_id\":\"65f\",\"id\":\"7\",\"price\":2,\"dataset_name\":\"x\",\"create_time\":\"1790000000000\",\"tag\":{\"a\":1},\"n\":2,\
             \"big\":12345678901234567890123}\n"
        );
    }
}
