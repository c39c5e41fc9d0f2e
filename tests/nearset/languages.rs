//! English and Chinese alike: every message in the source, every page of the documentation, and what the program prints.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Nearset, ROOT, files_below, text};

/// How a person is spoken to.
const SPOKEN: [&str; 9] =
    ["bail!(", "anyhow!(", "ensure!(", "say!(", "fault(", "context(", "note(", "Error::other(", "Failure::Gate("];

/// What goes to clients and logs of the server, in English, and operations inside a network, which say nothing.
const UNREAD: [&str; 7] = [
    "src/serve/answer/",
    "src/serve/http/",
    "src/serve/lists/",
    "src/serve/routes/",
    "src/serve/metrics/",
    "src/serve/upkeep.rs",
    "src/embed/neural/transformer.rs",
];

/// The code of a file without its tests and comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a source file");
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The string literals between brackets that have just been opened: those of the call itself and of `format!` within it.
fn literals(code: &str) -> Vec<String> {
    let (mut found, mut open, mut chars) = (Vec::new(), vec![true], code.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '(' | '[' | '{' => {
                let is_call = code[..at].ends_with(|c: char| c.is_alphanumeric() || "_!>".contains(c));
                open.push(open.last() == Some(&true) && (!is_call || code[..at].ends_with("format!")));
            }
            ')' | ']' | '}' => {
                open.pop();
            }
            '"' => {
                let mut literal = String::new();
                while let Some((_, c)) = chars.next() {
                    match c {
                        '"' => break,
                        '\\' => literal.extend(chars.next().map(|(_, c)| c)),
                        c => literal.push(c),
                    }
                }
                if open.last() == Some(&true) {
                    found.push(literal);
                }
            }
            // a character, such as '"'
            '\'' if code[at + 1..].chars().nth(1) == Some('\'') => {
                chars.next();
                chars.next();
            }
            _ => {}
        }
        if open.is_empty() {
            break;
        }
    }
    found
}

/// Whether so many words stand in a row: then it is a sentence.
fn has_words(text: &str, least: usize) -> bool {
    let mut row = 0;
    text.split_whitespace().any(|word| {
        let word = word.trim_matches(|c: char| ",.;:!?()（），。；：".contains(c));
        row = if word.len() > 1 && word.chars().all(|c| c.is_ascii_alphabetic()) { row + 1 } else { 0 };
        row >= least
    })
}

#[test]
fn every_message_is_said_in_both_languages() {
    let mut bare = Vec::new();
    let mut looked_at = 0;
    for path in files_below(&Path::new(ROOT).join("src"), "rs") {
        let name = path.strip_prefix(ROOT).expect("below the root").display().to_string();
        if UNREAD.iter().any(|unread| name.starts_with(unread)) {
            continue;
        }
        let code = code(&path);
        for call in SPOKEN {
            for (at, _) in code.match_indices(call) {
                looked_at += 1;
                let said = literals(&code[at + call.len()..]);
                let is_sentence = |said: &String| has_words(said, 2) && !said.trim_start().starts_with("nearset ");
                bare.extend(said.into_iter().filter(is_sentence).map(|said| format!("{name}: {call}{said:?})")));
            }
        }
    }
    assert!(looked_at > 200, "only {looked_at} calls were found");
    assert!(bare.is_empty(), "say these with t!(\"English\", \"中文\") or either(\"English\", \"中文\"): {bare:#?}");
}

/// What the Chinese pages search for, and the English ones.
const SEARCHED: [(&str, &str); 2] = [("气象", "weather"), ("农作物卫星影像", "satellite images of crops")];

/// What a page and its Chinese twin have in common: the levels of its headings, the code without its comments, and the rows
/// and columns of its tables.
fn shape(page: &Path) -> (Vec<usize>, Vec<String>, Vec<(usize, usize)>) {
    let text = fs::read_to_string(page).unwrap_or_else(|_| panic!("{} is missing", page.display()));
    let (mut headings, mut code, mut tables) = (Vec::new(), Vec::new(), Vec::new());
    let (mut is_code, mut rows) = (false, 0);
    for line in text.lines() {
        if line.starts_with("```") {
            is_code = !is_code;
            code.push(line.to_owned());
        } else if is_code {
            let comment = ["# ", "-- ", "// "].iter().filter_map(|mark| line.find(mark)).min();
            let bare = line[..comment.unwrap_or(line.len())].trim_end();
            // people search in their own language
            code.push(SEARCHED.iter().fold(bare.to_owned(), |line, (chinese, english)| line.replace(chinese, english)));
        } else if line.starts_with('#') {
            headings.push(line.chars().take_while(|c| *c == '#').count());
        }
        if !is_code && line.starts_with('|') {
            rows += 1;
            if rows == 1 {
                tables.push((0, line.matches('|').count() - 1));
            }
            tables.last_mut().expect("a table").0 = rows;
        } else {
            rows = 0;
        }
    }
    (headings, code, tables)
}

#[test]
fn every_page_has_a_chinese_twin_of_the_same_shape() {
    let root = Path::new(ROOT);
    let pages =
        files_below(&root.join("docs"), "md").into_iter().chain(["README.md", "CHANGELOG.md"].map(|n| root.join(n)));
    let is_english = |page: &PathBuf| page.exists() && !page.to_string_lossy().ends_with(".zh-CN.md");
    let pages: Vec<PathBuf> = pages.filter(is_english).collect();
    assert!(pages.len() > 7, "only {pages:?}");
    for page in pages {
        let twin = page.with_extension("zh-CN.md");
        let ((headings, code, tables), other) = (shape(&page), shape(&twin));
        assert_eq!(headings, other.0, "headings of {} and {}", page.display(), twin.display());
        assert_eq!(code, other.1, "code of {} and {}", page.display(), twin.display());
        assert_eq!(tables, other.2, "tables (rows, columns) of {} and {}", page.display(), twin.display());
    }
}

/// What is left of a text without what is the same in both languages: commands between backticks, paths, names of settings.
fn english(said: &str) -> Vec<String> {
    let plain: String = said.split('`').step_by(2).collect::<Vec<_>>().join(" · ");
    let is_example = |line: &str| line.trim_start().starts_with("nearset ");
    plain.lines().filter(|line| has_words(line, 3) && !is_example(line)).map(str::to_owned).collect()
}

#[test]
fn nothing_is_said_in_english_where_the_locale_is_chinese() {
    let mut n = Nearset::demo();
    n.take_fixtures(|_| true);
    n.set("LANG", "zh_CN.UTF-8");
    let mut all = String::new();
    let mut say = |n: &Nearset, args: &[&str]| {
        let output = n.run(args);
        let said = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(english(&said), Vec::<String>::new(), "{args:?} says\n{said}");
        all += &format!("$ nearset {}  [{}]\n{said}\n", args.join(" "), output.status.code().unwrap_or(-1));
        said
    };
    for args in [
        &["run", "--nothing"][..],
        &["fly"],
        &["runs", "--limit", "many"],
        &["run", "--only", "everything"],
        &["run", "--as-of", "yesterday"],
        &["report"],
        &["models"],
        &["sql", ""],
        &["sql", "select 1 as one"],
        &["views", "check"],
        &["reconcile", "--start", "2026-10-12", "--end", "2026-10-11"],
        &["report", "--date", "2020-01-01"],
        &["models", "promote", "none"],
        &["models", "rollback"],
    ] {
        say(&n, args);
    }
    for args in [
        &["--help"][..],
        &["help", "run"],
        &["sql", "--help"],
        &["runs"],
        &["evaluate"],
        &["extract", "--dry-run"],
        &["run"],
        &["doctor"],
        &["models", "list"],
        &["views", "list"],
    ] {
        let said = n.run(args);
        let said = text(&said.stdout) + &text(&said.stderr);
        // the descriptions of relations are the project's own
        let said: String = if args == ["views", "list"] { String::new() } else { said };
        assert_eq!(english(&said), Vec::<String>::new(), "{args:?} says\n{said}");
    }
    let path = n.path().to_string_lossy().into_owned();
    insta::assert_snapshot!(all.replace(&path, "FOLDER").replace(ROOT, "PROJECT"));
    n.set("LANG", "");
    n.set("UI_LANGUAGE", "zh");
    n.set("BOT_MAX_ACTIONS", "许多");
    assert!(n.fails(1, &["runs"]).contains("BOT_MAX_ACTIONS = \"许多\"（环境变量）无法使用；应为：整数"));
}

#[test]
fn the_language_is_a_setting_wherever_it_stands() {
    let mut n = Nearset::empty();
    let is_chinese = |n: &Nearset, args: &[&str]| text(&n.run(args).stdout).contains("用法：");
    assert!(!is_chinese(&n, &["--help"]));
    fs::write(n.path().join("nearset.toml"), "ui_language = \"zh\"\n").expect("a file");
    assert!(is_chinese(&n, &["--help"]));
    fs::write(n.path().join("own.toml"), "ui_language = \"en\"\n").expect("a file");
    assert!(!is_chinese(&n, &["--config", "own.toml", "--help"]) && !is_chinese(&n, &["--help", "--config=own.toml"]));
    fs::write(n.path().join(".env"), "UI_LANGUAGE=en\n").expect("a file");
    assert!(!is_chinese(&n, &["--help"]));
    n.set("LC_ALL", "zh_CN.UTF-8");
    assert!(!is_chinese(&n, &["--help"]));
    n.set("UI_LANGUAGE", "auto");
    assert!(is_chinese(&n, &["--help"]));
    n.set("UI_LANGUAGE", "fr");
    assert!(n.fails(1, &["runs"]).contains("UI_LANGUAGE"));
}
