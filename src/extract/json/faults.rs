//! Why an export cannot be read: where it breaks, what is wrong there, and what to do.

use std::io::{BufRead, BufReader, Read};

use anyhow::{Result, anyhow};
use serde_json::error::Category;

use super::contents::Contents;
use super::encoding;
use super::rows::{self, Place};
use crate::common::language::t;
use crate::extract::tables::Table;

/// How much of what stands around a fault is shown, in bytes before it and in characters after.
const AROUND: (usize, usize) = (24, 24);

/// What to say of a fault: its line, its cause, what to do.
pub fn explain(contents: &Contents, fault: &serde_json::Error) -> anyhow::Error {
    match explained(contents, fault) {
        Ok(said) => said,
        Err(error) => error.context(contents.damaged()),
    }
}

/// What to do where bytes are no UTF-8, which line that is; none where all are.
///
/// # Errors
/// The file cannot be read.
pub fn bad_bytes(contents: &Contents) -> Result<Option<anyhow::Error>> {
    let Some(bad) = encoding::first_bad(&mut contents.reader()?)? else { return Ok(None) };
    let (line, advice) = (bad.line, encoding::advice(&mut contents.reader()?, bad)?);
    Ok(Some(anyhow!(t!("line {line} is not UTF-8; {advice}", "第 {line} 行不是 UTF-8；{advice}"))))
}

/// What to say of a file in which no row is found, or in several places.
pub fn no_rows(table: &Table, looked: &rows::Contents, places: &[Place]) -> String {
    let listed = |names: &[String]| names.iter().take(8).cloned().collect::<Vec<_>>().join(", ");
    let needed = table.required.join(", ");
    if places.len() > 1 {
        let paths = places.iter().map(|place| format!("`{}`", place.path)).collect::<Vec<_>>().join(", ");
        return t!(
            "rows of {} may be under any of {paths}; export an array of its rows alone",
            "{} 的数据行可能位于 {paths} 中任一处；请只导出该表数据行的数组",
            table.name
        );
    }
    match looked.nearest(table) {
        Some(("", found, missing)) => {
            let names = listed(&found.names);
            t!(
                "the column {missing} is missing; it must be there, and there are {names}",
                "缺少必需的列 {missing}；现有列为 {names}"
            )
        }
        Some((path, found, missing)) => {
            let names = listed(&found.names);
            t!(
                "the rows seem to be under `{path}`, where the column {missing} is missing; there are {names}",
                "数据行似乎位于 `{path}` 之下，但其中缺少列 {missing}；现有列为 {names}"
            )
        }
        None => {
            let root = looked.found.get("").map(|found| listed(&found.names)).unwrap_or_default();
            let holds = match (looked.found.values().any(|found| found.lists > 0), root.as_str()) {
                (_, names) if !names.is_empty() => t!("it holds {names}", "其内容为 {names}"),
                (true, _) => t!("it holds arrays of values without names", "其内容为不带列名的数组"),
                _ => t!("it holds nothing of the kind", "其中没有此类内容"),
            };
            t!(
                "there is no row of {}: it is to be an array of objects, or one object a line, with {needed}; {holds}",
                "没有 {} 的数据行：应为对象数组，或每行一个对象，且含有 {needed}；{holds}",
                table.name
            )
        }
    }
}

fn explained(contents: &Contents, fault: &serde_json::Error) -> Result<anyhow::Error> {
    if let Some(bad) = bad_bytes(contents)? {
        return Ok(bad);
    }
    let line = fault.line();
    if fault.classify() == Category::Io {
        return Ok(anyhow!("{fault}").context(contents.damaged()));
    }
    if fault.classify() == Category::Eof {
        return Ok(anyhow!(t!(
            "it ends in the middle, in line {line}: export it again, or copy it again once it is whole",
            "文件在第 {line} 行中途结束：请重新导出，或待其写完后重新拷贝"
        )));
    }
    let (before, after) = around(contents, fault)?;
    let text = fault.to_string();
    let cause = text.split(" at line ").next().unwrap_or(&text);
    let near: String = format!("{before}{after}").split_whitespace().collect::<Vec<_>>().join(" ");
    let what = cause_of(cause, &before, &after);
    Ok(anyhow!(t!("line {line}: {what}; near {near}", "第 {line} 行：{what}；位于 {near} 附近")))
}

/// The cause and what to do, by what stands before and after the fault.
fn cause_of(cause: &str, before: &str, after: &str) -> String {
    let after = after.trim_start();
    let ends = |end: char| before.trim_end().ends_with(end);
    let starts = |texts: &[&str]| texts.iter().any(|text| after.starts_with(text));
    if cause.contains("surrogate") || cause.contains("hex escape") {
        t!(
            "half a character (\\ud800 to \\udfff without its other half); a program cut a text in two: export it again, or \
             take the escape out",
            "存在半个字符（\\ud800 至 \\udfff 缺另一半），文本被程序截断：请重新导出，或删去该转义"
        )
    } else if cause.contains(rows::NO_ROW) {
        t!("a plain value stands where a row should", "应为数据行处是一个普通值")
    } else if cause.contains("control character") {
        t!(
            "a line break, a tab or another control character within a text; in JSON it is written \\n, \\t or \\u00..",
            "文本中有换行、制表符等控制字符；JSON 中须写作 \\n、\\t 或 \\u00.."
        )
    } else if cause.contains("trailing comma") || ((starts(&["]", "}"])) && ends(',')) {
        t!("a comma after the last value; take it out", "最后一个值后多了逗号，请删去")
    } else if starts(&["'"]) {
        t!(
            "text in single quotes; JSON has double quotes (in Python, json.dumps and not str)",
            "文本用了单引号；JSON 须用双引号（Python 请用 json.dumps，而非 str）"
        )
    } else if starts(&["//", "/*", "#"]) {
        t!("a comment; JSON has none: take it out", "存在注释；JSON 不支持注释，请删去")
    } else if starts(&["None", "True", "False", "undefined"]) {
        t!(
            "a word of Python or JavaScript; JSON has null, true and false",
            "存在 Python 或 JavaScript 的字面量；JSON 只有 null、true、false"
        )
    } else if starts(&[","]) {
        t!("a comma where a value or nothing should stand", "多余的逗号")
    } else {
        t!("no JSON here ({cause}); export it again", "此处不是 JSON（{cause}）；请重新导出")
    }
}

/// What stands before a fault and after.
fn around(contents: &Contents, fault: &serde_json::Error) -> Result<(String, String)> {
    let mut reader = BufReader::new(contents.reader()?);
    for _ in 1..fault.line() {
        reader.skip_until(b'\n')?;
    }
    // the column counts the byte that was one too many
    let place = fault.column().saturating_sub(1);
    let from = place.saturating_sub(AROUND.0);
    std::io::copy(&mut reader.by_ref().take(from as u64), &mut std::io::sink())?;
    let mut bytes = Vec::new();
    reader.take((place - from + AROUND.1 * 4) as u64).read_to_end(&mut bytes)?;
    let (before, after) = bytes.split_at((place - from).min(bytes.len()));
    // a character may begin before what was read
    let before = String::from_utf8_lossy(before).trim_start_matches('\u{fffd}').to_owned();
    let after = String::from_utf8_lossy(after).lines().next().unwrap_or_default().chars().take(AROUND.1).collect();
    Ok((before, after))
}
