//! Exports as people really have them: each either gives its rows or one line that says what, where and what to do.

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::{AS_OF, Nearset, text};

const A: &str = r#"{"id": 1, "dataset_name": "a", "create_time": "2026-01-01", "price": 1}"#;
const B: &str = r#"{"id": 2, "dataset_name": "空气质量", "create_time": "2026-01-02", "price": 2}"#;

/// What a file is to give.
enum Gives {
    /// The rows `id, name, price`, and this among what is said.
    Rows(&'static str, &'static str),
    /// Exit code 1, and a line that holds all of these.
    Fault(&'static [&'static str]),
}
use Gives::{Fault, Rows};

const BOTH: &str = "1 a 1, 2 空气质量 2";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).expect("packed");
    packed.finish().expect("packed")
}

fn wide(text: &str, bytes_of: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes_of).collect()
}

fn encoded(text: &str, encoding: &'static encoding_rs::Encoding) -> Vec<u8> {
    encoding.encode(text).0.into_owned()
}

/// A row with other columns than `price`.
fn with(columns: &str) -> String {
    format!("[{}]", A.replace(r#""price": 1"#, columns))
}

/// Extracts from one `dataset.json`; the exit code, and all that was said.
fn extract(n: &Nearset) -> (Option<i32>, String) {
    let output = n.run(&["extract"]);
    (output.status.code(), format!("{}{}", text(&output.stdout), text(&output.stderr)))
}

fn rows(n: &Nearset) -> String {
    let rows = n.sql("select concat_ws(' ', id, dataset_name, price) as r from raw.dataset order by _row");
    rows.iter().filter_map(|row| row["r"].as_str()).collect::<Vec<_>>().join(", ")
}

/// Goes through a table of files, each the only export there is.
fn check(cases: Vec<(&str, &str, Vec<u8>, Gives)>) {
    let mut wrong = Vec::new();
    for (what, file, bytes, gives) in cases {
        let mut n = Nearset::in_memory();
        n.set("JSON_ENCODING", what.split_once(" set to ").map_or("", |(_, encoding)| encoding));
        fs::write(n.exports().join(file), bytes).expect("an export");
        let (code, said) = extract(&n);
        let right = match gives {
            Rows(expected, note) => code == Some(0) && said.contains(note) && rows(&n) == expected,
            Fault(parts) => {
                let line = said.lines().find(|line| line.starts_with("nearset: ")).unwrap_or_default();
                let one_line = said.lines().skip_while(|line| !line.starts_with("nearset: ")).count() == 1;
                code == Some(1) && one_line && line.contains(file) && parts.iter().all(|part| line.contains(part))
            }
        };
        if !right {
            let found = if code == Some(0) { rows(&n) } else { String::new() };
            wrong.push(format!("{what}: exit {code:?}, rows {found}\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// The same, of `dataset.json`.
fn check_plain(cases: Vec<(&str, String, Gives)>) {
    check(cases.into_iter().map(|(what, text, gives)| (what, "dataset.json", text.into_bytes(), gives)).collect());
}

#[test]
fn nothing_at_all_is_an_export_that_failed_and_never_no_rows() {
    let empty = || Fault(&["is empty", "it is to hold []"]);
    check(vec![
        ("no byte", "dataset.json", Vec::new(), empty()),
        ("blanks", "dataset.json", b" \r\n\t\n".to_vec(), empty()),
        ("a byte order mark", "dataset.json", b"\xef\xbb\xbf".to_vec(), empty()),
        ("a wide byte order mark", "dataset.json", b"\xff\xfe".to_vec(), empty()),
        ("zeros", "dataset.json", vec![0; 4096], empty()),
        ("no byte, packed", "dataset.json.gz", gzip(b""), empty()),
        ("no byte of a packed file", "dataset.json.gz", Vec::new(), empty()),
    ]);
    // an increment that failed is not taken in, and is read once it is there
    let n = Nearset::in_memory();
    n.write("dataset.json", &format!("[{A}]"));
    n.write("task.json", "[]");
    n.ok(&["extract"]);
    n.write("dataset_20261001_000000.json", "");
    let before = n.fingerprints();
    assert!(n.fails(1, &["extract"]).contains("dataset_20261001_000000.json: it is empty"));
    assert_eq!(n.fingerprints(), before);
    n.write("dataset_20261001_000000.json", B);
    n.ok(&["extract"]);
    assert_eq!(rows(&n), "1 a 1, 2 空气质量 2");
}

#[test]
fn every_encoding_is_read_or_named_with_its_line() {
    let array = format!("[{A},\n{B}]");
    let taiwan = array.replace("空气质量", "空氣品質");
    let marked = format!("\u{feff}{array}");
    let long = format!("{}{B}\n", format!("{A}\n").repeat(3000));
    let other = array.replace("空气质量", "Qualité").replace("a\"", "b\"");
    let name = "dataset.json";
    let gbk = |text: &str| encoded(text, encoding_rs::GBK);
    check(vec![
        ("UTF-8 with a mark", name, marked.clone().into_bytes(), Rows(BOTH, "")),
        ("UTF-16LE", name, wide(&array, u16::to_le_bytes), Rows(BOTH, "read as UTF-16LE")),
        ("UTF-16LE with a mark", name, wide(&marked, u16::to_le_bytes), Rows(BOTH, "read as UTF-16LE")),
        ("UTF-16BE", name, wide(&array, u16::to_be_bytes), Rows(BOTH, "read as UTF-16BE")),
        ("UTF-16BE with a mark", name, wide(&marked, u16::to_be_bytes), Rows(BOTH, "read as UTF-16BE")),
        ("UTF-16, packed", "dataset.json.gz", gzip(&wide(&marked, u16::to_le_bytes)), Rows(BOTH, "read as UTF-16LE")),
        ("UTF-32", name, array.chars().flat_map(|c| (c as u32).to_le_bytes()).collect(), Fault(&["UTF-32"])),
        ("GBK", name, gbk(&array), Fault(&["line 2 is not UTF-8", "空气质量", "JSON_ENCODING=gbk"])),
        ("GBK in lines", name, gbk(&format!("{A}\n{A}\n{A}\n{B}\n{A}\n")), Fault(&["line 4 is not UTF-8"])),
        ("GBK far below", name, gbk(&long), Fault(&["line 3001 is not UTF-8"])),
        ("GBK set to gbk", name, gbk(&array), Rows(BOTH, "read as GBK")),
        ("GBK set to gb18030", "dataset.json.gz", gzip(&gbk(&array)), Rows(BOTH, "read as gb18030")),
        ("UTF-8 set to gbk", name, array.clone().into_bytes(), Rows(BOTH, "")),
        ("Big5 set to big5", name, encoded(&taiwan, encoding_rs::BIG5), Rows("1 a 1, 2 空氣品質 2", "read as Big5")),
        ("Latin set to windows-1252", name, encoded(&other, encoding_rs::WINDOWS_1252), Rows("1 b 1, 2 Qualité 2", "")),
        (
            "not all of it set to gbk",
            name,
            [&gbk(&array)[..], b"\n\xff\xff"].concat(),
            Fault(&["line 3 holds bytes", "GBK"]),
        ),
        (
            "half a character",
            name,
            array.as_bytes()[..=array.find('质').expect("a character")].to_vec(),
            Fault(&["line 2 is not UTF-8"]),
        ),
    ]);
    let mut n = Nearset::in_memory();
    n.set("JSON_ENCODING", "klingon");
    assert!(n.fails(1, &["extract"]).contains("expected an encoding such as gbk"));
}

#[test]
fn what_is_no_json_is_named_with_its_line_and_what_to_do() {
    check_plain(vec![
        ("a comma at the end", format!("[{A},\n{B},\n]"), Fault(&["line 3", "comma", "take it out"])),
        ("a comma in a row", format!("[{A},\n{},}}]", &A[..A.len() - 1]), Rows("1 a 1", "")),
        ("commas between lines", format!("{A},\n{B},\n"), Fault(&["line 1", "comma"])),
        ("single quotes", format!("[{A},\n{{'id': 1}}]"), Fault(&["line 2", "single quotes", "json.dumps"])),
        ("a comment", format!("[{A},\n// old\n{B}]"), Fault(&["line 2", "a comment"])),
        ("a comment above", format!("/* of today */\n[{A}]"), Fault(&["line 1", "a comment"])),
        ("None", with(r#""price": None"#), Fault(&["line 1", "Python"])),
        ("a line break in a text", with("\"price\": 1, \"x\": \"a\nb\""), Fault(&["control character"])),
        (
            "half a character",
            format!("[{A},\n{}]", A.replace("\"a\"", r#""\ud83d""#)),
            Fault(&["line 2", "half a character"]),
        ),
        ("cut short", format!("[{A},\n{}", &A[..30]), Fault(&["ends in the middle", "line 2", "export it again"])),
        ("cut between rows", format!("[{A},\n{A}\n"), Fault(&["ends in the middle"])),
        ("cut lines", format!("{A}\n{}", &A[..30]), Fault(&["ends in the middle", "line 2"])),
        ("CSV", "id,dataset_name,create_time\n1,a,2026-01-01\n".to_owned(), Fault(&["it is CSV"])),
        ("a web page", "\n<!DOCTYPE html><html>Log in</html>".to_owned(), Fault(&["a web page", "login"])),
        ("XML", "<?xml version=\"1.0\"?><rows/>".to_owned(), Fault(&["it is XML"])),
        ("an SQL dump", "-- MySQL dump 10.13\nINSERT INTO `dataset` VALUES (1);".to_owned(), Fault(&["an SQL dump"])),
        ("a number among rows", format!("[{A},\n5]"), Fault(&["line 2", "a plain value"])),
        ("words", "no data".to_owned(), Fault(&["line 1", "no JSON here"])),
    ]);
    let packed = gzip(format!("[{}]", [A; 500].join(",")).as_bytes());
    check(vec![
        ("gzip by another name", "dataset.json", gzip(format!("[{A},{B}]").as_bytes()), Rows(BOTH, "is gzip")),
        ("no gzip", "dataset.json.gz", format!("[{A},{B}]").into_bytes(), Rows(BOTH, "is no gzip")),
        ("gzip cut short", "dataset.json.gz", packed[..packed.len() / 2].to_vec(), Fault(&["damaged gzip"])),
        ("a zip", "dataset.json", b"PK\x03\x04\x14\0\0\0".to_vec(), Fault(&["a zip archive"])),
        ("Parquet", "dataset.json", b"PAR1\x15\x04".to_vec(), Fault(&["a Parquet file"])),
    ]);
}

#[test]
fn doctor_names_what_would_stop_the_next_run() {
    let mut n = Nearset::in_memory();
    n.set("DATA_JSON_DIR", "exports");
    let write = |name: &str, bytes: &[u8]| fs::write(n.exports().join(name), bytes).expect("an export");
    let many = format!("{A}\n").repeat(20_000);
    write("dataset.json", b"id,dataset_name,create_time\n1,a,2026-01-01\n");
    write(
        "user.json",
        &encoded("[{\"id\": 1,\n\"company_name\": \"用户\", \"create_time\": \"2026-01-01\"}]", encoding_rs::GBK),
    );
    write("task.json", b"[{\"id\": 1, \"dataset_id\": 1,\n");
    write("api_order.json", b"[{\"name\": 1}]");
    write("dataset_image.json", many.as_bytes());
    let packed = gzip(many.as_bytes());
    write("matomo_log_visit.json.gz", &packed[..packed.len() / 2]);
    write("tasks.json", b"[]");
    write("task_20261301_000000.json", b"[]");
    let said = text(&n.run(&["doctor"]).stdout);
    for (verdict, parts) in [
        ("MEND", ["dataset.json: it is CSV", "export the table as JSON"]),
        ("MEND", ["user.json: line 2 is not UTF-8", "JSON_ENCODING=gbk"]),
        ("MEND", ["task.json: it ends in the middle, in line", "export it again"]),
        ("MEND", ["api_order.json: there is no row of api_order", "it holds name"]),
        ("MEND", ["dataset_image.json: the column dataset_id is missing", "create_time"]),
        ("MEND", ["matomo_log_visit.json.gz: it is damaged gzip", "copy it again"]),
        ("    ", ["tasks.json is no export's name", "did you mean task.json?"]),
        ("look", ["task_20261301_000000.json is no export's name", "did you mean task_YYYYMMDD_HHMMSS.json?"]),
    ] {
        let is_told = |line: &str| line.starts_with(verdict) && parts.iter().all(|part| line.contains(part));
        assert!(said.lines().any(is_told), "{parts:?}: {said}");
    }
    write("dataset.json", b"{\"RECORDS\": []}");
    let said = text(&n.run(&["doctor"]).stdout);
    assert!(said.contains("dataset.json holds no row"), "{said}");
    write("dataset.json", many.as_bytes());
    let said = text(&n.run(&["doctor"]).stdout);
    assert!(!said.lines().any(|line| line.starts_with("MEND") && line.contains("dataset.json")), "{said}");
}

#[test]
fn json_of_every_form_gives_its_rows() {
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    check_plain(vec![
        ("Windows' line ends", format!("[{A},\r\n{B}]\r\n"), Rows(BOTH, "")),
        ("lines of Windows", format!("{A}\r\n\r\n{B}\r\n"), Rows(BOTH, "")),
        ("one row", A.replace(", ", ",\n"), Rows("1 a 1", "")),
        ("NaN", with(r#""price": NaN"#), Rows("1 a NaN", "")),
        ("Infinity", with(r#""price": -Infinity"#), Rows("1 a -Infinity", "")),
        (
            "a row on its own, clashing, with NaN",
            with(r#""Price": NaN, "price": 7"#),
            Rows("1 a 7", "Price are all read as price"),
        ),
        ("arrays one after the other", format!("[{A}][{B}]"), Rows(BOTH, "")),
        ("arrays in lines", format!("[{A}]\n[{B}]\n"), Rows(BOTH, "")),
        ("a name twice", with(r#""price": 1, "price": 3"#), Rows("1 a 3", "price stands twice in a row")),
        ("deep values", with(&format!(r#""price": 1, "x": {deep}"#)), Rows("1 a 1", "")),
        ("deep values, clashing", with(&format!(r#""Price": 1, "price": null, "x": {deep}"#)), Rows("1 a 1", "")),
        ("NUL in a text", with(r#""price": 1, "x": "a\u0000b""#), Rows("1 a 1", "")),
        ("an empty row", format!("[{A}, {{}}]"), Rows("1 a 1", "")),
        ("null for a row", format!("[{A}, null,\n{B}, null]"), Rows(BOTH, "2 of its rows are null, and are skipped")),
    ]);
}

#[test]
fn columns_are_known_in_any_case_and_those_that_clash_are_named() {
    let java =
        A.replace("create_time", "createTime").replace("dataset_name", "datasetName").replace("\"id\"", "\"ID\"");
    let many: Vec<String> = (0..10_000).map(|i| format!("\"c{i}\": {i}")).collect();
    check_plain(vec![
        (
            "Java's names",
            format!("[{java}]"),
            Rows("1 a 1", "createTime as create_time, datasetName as dataset_name, ID as id"),
        ),
        (
            "two spellings",
            format!("[{},{B}]", A.replace("price", "Price")),
            Rows(BOTH, "price, Price are all read as price"),
        ),
        ("both in a row", with(r#""Price": 7, "price": null"#), Rows("1 a 7", "price, Price are all read as price")),
        (
            "the known one counts",
            with(r#""Price": 7, "price": 5"#),
            Rows("1 a 5", "price, Price are all read as price"),
        ),
        ("_row", with(r#""price": 1, "_row": 3"#), Rows("1 a 1", "left out")),
        ("_file", with(r#""price": 1, "_File": "x""#), Rows("1 a 1", "\"_File\"")),
        ("_changed_at", with(r#""price": 1, "_changed_at": "2026""#), Rows("1 a 1", "\"_changed_at\"")),
        ("no name", with(r#""price": 1, "": 1, " ": 2"#), Rows("1 a 1", "left out")),
        ("unknown ones", with(r#""price": 1, "Colour": 1, "colour": 2"#), Rows("1 a 1", "colour (beside Colour)")),
        (
            "odd ones",
            with(r#""price": 1, "a.b": 1, "it's": 2, "q\"q": 3, "价格": 4, "😀": 5, "a b": 6"#),
            Rows("1 a 1", ""),
        ),
        ("thousands", with(&format!("\"price\": 1, {}", many.join(", "))), Rows("1 a 1", "are left out, such as c")),
        (
            "none of them",
            "[{\"id\": 1, \"title\": \"x\"}]".to_owned(),
            Fault(&["the column dataset_name is missing", "id, title"]),
        ),
    ]);
    let n = Nearset::in_memory();
    n.write("dataset.json", &with(r#""price": 1, "a.b": 1, "it's": 2, "q\"q": 3, "价格": 4, "😀": 5"#));
    n.ok(&["extract"]);
    let kept = n.sql(r#"select "a.b" as a, "it's" as b, "q""q" as c, "价格" as d, "😀" as e from raw.dataset"#);
    assert_eq!(
        kept[0],
        serde_json::json!({"a": "1", "b": "2", "c": "3", "d": "4", "e": "5"}),
        "unknown columns are kept"
    );
}

#[test]
fn rows_are_found_under_what_programs_wrap_them_in() {
    let names = r#"["id","dataset_name","create_time","price"]"#;
    let lists = r#"[1,"a","2026-01-01",1],[2,"空气质量","2026-01-02",2]"#;
    let mongo = r#"{"_id":{"$oid":"6"},"id":{"$numberLong":"1"},"dataset_name":"a","create_time":{"$date":"2026-01-01"},"price":1}"#;
    check_plain(vec![
        ("Navicat", format!("{{\"RECORDS\":[\n{A},\n{B}]}}"), Rows(BOTH, "under `RECORDS`")),
        ("an API", format!(r#"{{"code":0,"data":{{"total":2,"list":[{A},{B}]}}}}"#), Rows(BOTH, "under `data.list`")),
        ("an API's pages", format!("{{\"rows\":[{A}]}}\n{{\"rows\":[{B}]}}\n"), Rows(BOTH, "under `rows`")),
        (
            "phpMyAdmin",
            format!(
                r#"[{{"type":"header","version":"5"}},{{"type":"database","name":"shop"}},
                {{"type":"table","name":"user","data":[{{"id":9,"create_time":"x"}}]}},
                {{"type":"table","name":"dataset","database":"shop","data":[{A},{B}]}}]"#
            ),
            Rows(BOTH, "under `dataset.data`"),
        ),
        ("MongoDB", mongo.to_owned(), Rows("1 a 1", "")),
        ("MongoDB without _id", with(r#""price": { "$numberInt": "1" }"#), Rows("1 a 1", "")),
        ("arrays", format!("[{names},{lists}]"), Rows(BOTH, "its rows are arrays")),
        (
            "pandas' split",
            format!(r#"{{"columns":{names},"index":[0,1],"data":[{lists}]}}"#),
            Rows(BOTH, "arrays under `data`"),
        ),
        (
            "GeoJSON",
            format!(r#"{{"type":"FeatureCollection","features":[{{"properties":{A}}},{{"properties":{B}}}]}}"#),
            Rows(BOTH, "under `features.properties`"),
        ),
        ("PHP's numbered rows", format!(r#"{{"3":{A},"7":{B}}}"#), Rows(BOTH, "")),
        (
            "DataTables",
            format!(r#"{{"draw":1,"data":[{lists}]}}"#),
            Fault(&["there is no row of dataset", "id, dataset_name, create_time"]),
        ),
        (
            "pandas' columns",
            r#"{"id":{"0":1},"dataset_name":{"0":"a"},"create_time":{"0":"x"}}"#.to_owned(),
            Fault(&["columns and not rows", "orient"]),
        ),
        ("two of them", format!(r#"{{"old":[{A}],"new":[{B}]}}"#), Fault(&["`new`, `old`"])),
        (
            "an error's text",
            r#"{"code":500,"message":"no"}"#.to_owned(),
            Fault(&["there is no row of dataset", "code, message"]),
        ),
        ("no rows of it", r#"{"data":null}"#.to_owned(), Fault(&["there is no row of dataset"])),
        (
            "other columns",
            r#"{"data":[{"id":1,"title":"x"}]}"#.to_owned(),
            Fault(&["under `data`", "dataset_name is missing"]),
        ),
    ]);
    let n = Nearset::in_memory();
    n.write("dataset.json", A);
    n.write("task.json", r#"{"RECORDS":[]}"#);
    let said = n.ok(&["extract"]);
    assert!(said.contains("task.json: it holds no row: `RECORDS` is empty"), "{said}");
}

#[test]
fn the_files_of_all_tables_go_the_same_way() {
    let n = Nearset::in_memory();
    n.take_fixtures(|name| name.ends_with(".json.gz") && !name.contains("_2026"));
    n.ok(&["extract"]);
    let tables = "user dataset task api_order dataset_image matomo_log_action matomo_log_visit matomo_log_link_visit_action \
                  matomo_log_conversion matomo_log_conversion_item";
    let each = |n: &Nearset| {
        let counts: Vec<String> = tables
            .split_whitespace()
            .map(|t| {
                format!(
                    "select '{t}' as name, count(*) as rows, bit_xor(hash(t))::varchar as hash
                     from (select * exclude (_file) from raw.\"{t}\") as t"
                )
            })
            .collect();
        n.sql(&format!("from ({}) order by name", counts.join(" union all ")))
    };
    let wrapped = Nearset::in_memory();
    for entry in fs::read_dir(n.exports()).expect("the exports") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").trim_end_matches(".gz").to_owned();
        let mut json = String::new();
        let packed = fs::File::open(&path).expect("an export");
        std::io::Read::read_to_string(&mut flate2::read::MultiGzDecoder::new(packed), &mut json).expect("text");
        let rows =
            if json.trim_start().starts_with('[') { json } else { format!("[{}]", json.trim().replace('\n', ",")) };
        fs::write(wrapped.exports().join(name), wide(&format!("{{\"RECORDS\":{rows}}}"), u16::to_le_bytes))
            .expect("an export");
    }
    wrapped.ok(&["extract"]);
    let expected = each(&n);
    assert!(expected.iter().all(|table| table["rows"] != 0), "{expected:?}");
    assert_eq!(each(&wrapped), expected);
    for table in tables.split_whitespace() {
        let wrong = Nearset::in_memory();
        wrong.write("dataset.json", &format!("[{A}]"));
        wrong.write(&format!("{table}.json"), "[\n5,,]");
        let error = wrong.fails(1, &["extract"]);
        assert!(error.contains(&format!("{table}.json: line 2")), "{error}");
    }
}

#[test]
fn rows_of_many_megabytes_are_read_in_memory_that_goes_by_the_longest() {
    let mut n = Nearset::in_memory();
    n.set("MEMORY_LIMIT", "1GB");
    let picture = "QUJD".repeat(10_000_000);
    let row = A.replace("\"price\": 1", &format!(r#""price": 3, "description": "data:image/png;base64,{picture}""#));
    n.write("dataset.json", &format!("[{row},\n{B}]"));
    let said = n.ok(&["run", "--as-of", AS_OF]);
    assert_eq!(rows(&n), "1 a 3, 2 空气质量 2");
    assert_eq!(n.value("select length(description) from raw.dataset where id = '1'"), 40_000_022);
    let peak = said.split("peak memory ").nth(1).and_then(|rest| rest.split(' ').next()).expect("the peak");
    assert!(peak.parse::<u64>().expect("megabytes") < 1000, "{said}");
}

#[test]
fn files_by_nearly_the_right_name_are_named_with_the_right_one() {
    let n = Nearset::in_memory();
    n.write("DATASET.JSON", &format!("[{A}]"));
    let error = n.fails(1, &["extract"]);
    assert!(error.contains("did you mean dataset.json?"), "{error}");
    n.write("dataset.json", &format!("[{A}]"));
    n.write("task_2026-10-01.json", "[]");
    n.write("datasets.jsonl", "");
    n.write("notes.json", "[]");
    n.write("dataset_20261301_000000.json", &format!("[{B}]"));
    let said = n.ok(&["extract"]);
    for part in [
        "task_2026-10-01.json is no export's name and is left out; did you mean task_20261001_000000.json?",
        "datasets.jsonl is no export's name and is left out; did you mean dataset.json?",
        "notes.json is no export of a table that is read",
        "dataset_20261301_000000.json is no export's name and is left out; did you mean dataset_YYYYMMDD_HHMMSS.json?",
    ] {
        assert!(said.contains(part), "{said}");
    }
    fs::create_dir(n.exports().join("task.json")).expect("a folder");
    assert!(n.fails(1, &["extract"]).contains("task.json is a folder"));
}

#[test]
fn a_file_that_may_not_be_read_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let n = Nearset::in_memory();
    n.write("dataset.json", &format!("[{A}]"));
    let path = n.exports().join("dataset.json");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o0)).expect("closed");
    // root may read everything
    if fs::File::open(&path).is_err() {
        let error = n.fails(1, &["extract"]);
        assert!(error.contains("may not be read by this user") && error.contains("chmod a+r"), "{error}");
    }
}
