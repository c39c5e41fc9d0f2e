//! SQL from the command line and from other clients: the prompt on a terminal, several statements, results in every form, figures
//! of every command as JSON, and what the documentation says of Python.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Nearset, ROOT, text};

/// A query on standard input.
fn piped(n: &Nearset, args: &[&str], input: &str) -> (i32, String, String) {
    let mut command = n.command(&[&["sql"], args].concat());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("nearset runs");
    child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("typed");
    let output = child.wait_with_output().expect("its end");
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// A terminal of 100 letters and 30 lines at which somebody types.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    shown: Arc<Mutex<String>>,
    /// How much was looked at.
    seen: usize,
}

impl Terminal {
    fn open(n: &Nearset) -> Self {
        let call = format!("stty rows 30 cols 100; exec {} sql", env!("CARGO_BIN_EXE_nearset"));
        let mut command = Command::new("script");
        command.args(["-qec", &call, "/dev/null"]).current_dir(n.path()).env_clear().env("HOME", n.path());
        command.envs(n.command(&["sql"]).get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.envs([("TERM", "xterm"), ("PAGER", "")]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script runs");
        let (keys, mut out) = (child.stdin.take().expect("its keys"), child.stdout.take().expect("its screen"));
        let shown = Arc::new(Mutex::new(String::new()));
        let screen = shown.clone();
        std::thread::spawn(move || {
            let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
            while let Ok(count @ 1..) = out.read(&mut part) {
                bytes.extend_from_slice(&part[..count]);
                *screen.lock().expect("a screen") = text(&bytes).replace('\r', "");
            }
        });
        let mut terminal = Self { child, keys, shown, seen: 0 };
        terminal.wait("ends with ;");
        terminal
    }

    /// Waits for something to be shown after what was waited for before.
    fn wait(&mut self, expected: &str) {
        let since = Instant::now();
        while !self.has_shown(expected) {
            let shown = self.shown.lock().expect("a screen").clone();
            assert!(since.elapsed() < Duration::from_secs(60), "no {expected} in\n{shown}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn has_shown(&mut self, expected: &str) -> bool {
        let shown = self.shown.lock().expect("a screen");
        let found = shown.get(self.seen..).and_then(|rest| rest.find(expected));
        self.seen += found.map_or(0, |place| place + expected.len());
        found.is_some()
    }

    fn keys(&mut self, keys: &str) {
        self.keys.write_all(keys.replace('\n', "\r").as_bytes()).and_then(|()| self.keys.flush()).expect("typed");
    }

    fn has_prompt_since(&self, before: usize) -> bool {
        let shown = self.shown.lock().expect("a screen");
        String::from_utf8_lossy(&shown.as_bytes()[before.min(shown.len())..]).contains("\u{1b}[?2004h")
    }

    /// Types lines, each once there is a prompt for it, and waits for what they show.
    fn ask(&mut self, line: &str, expected: &str) {
        let lines: Vec<&str> = line.split('\n').collect();
        for (place, one) in lines.iter().enumerate() {
            let before = self.shown.lock().expect("a screen").len();
            self.keys(&format!("{one}\n"));
            // what is typed together with a line that is answered is not there at the next prompt
            let is_answered = one.starts_with('.') || one.ends_with(';');
            while is_answered && place + 1 < lines.len() && !self.has_prompt_since(before) {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        self.wait(expected);
    }

    /// All that it has shown, once it has ended.
    fn end(mut self, keys: &str) -> String {
        self.keys(keys);
        let status = self.child.wait().expect("its end");
        let shown = self.shown.lock().expect("a screen").clone();
        assert!(status.success(), "{status}:\n{shown}");
        shown
    }
}

#[test]
fn several_statements_are_answered_one_after_the_other() {
    let n = Nearset::demo();
    let query =
        "-- first\nselect 1 as a; select ';' as b;\nset variable x = 3; select getvariable('x') as c where false";
    assert_eq!(n.ok(&["sql", query, "--json"]), "[{\"a\":1}]\n[{\"b\":\";\"}]\n[]\n");
    assert_eq!(n.ok(&["sql", query, "--format", "csv"]), "a\n1\n\nb\n;\n\nc\n");
    insta::assert_snapshot!("several_tables", n.ok(&["sql", query]));
    insta::assert_snapshot!("rows_below_each_other", n.ok(&["sql", "select 1 as number, '中文' as 名称\\G"]));
    assert!(n.fails(1, &["sql", query, "--format", "parquet"]).contains("4 statements; ask them one at a time"));
    assert_eq!(n.ok(&["sql", "select 1 as a from range(2)", "--json"]), "[{\"a\":1},\n {\"a\":1}]\n");
    assert_eq!(n.ok(&["sql", "create temp table t as select 7 as x; from t", "--json"]), "[{\"x\":7}]\n");
    let odd = "select 'nan'::double as a, '-inf'::double as b, 'NaN' as c from range(2) where range > {}";
    assert_eq!(n.ok(&["sql", &odd.replace("{}", "0"), "--json"]), "[{\"a\":null,\"b\":null,\"c\":\"NaN\"}]\n");
    assert_eq!(n.ok(&["sql", &odd.replace("{}", "1"), "--json"]), "[]\n");
}

#[test]
fn standard_input_is_a_query_and_slips_are_found_before_anything_runs() {
    let n = Nearset::demo();
    for args in [&["-", "--json"][..], &["--json"]] {
        assert_eq!(
            piped(&n, args, "select 1 as a;\nselect 2 as b;\n"),
            (0, "[{\"a\":1}]\n[{\"b\":2}]\n".into(), String::new())
        );
    }
    let (code, out, error) = piped(&n, &[], "select 1 as a;\n\nselect '中文',\n  2 form x y;\n");
    assert_eq!((code, out.as_str()), (1, ""), "{error}");
    assert!(error.contains("line 4: Parser Error"), "{error}");
    // what only the warehouse knows is told when its turn comes
    let (code, out, error) = piped(&n, &["--format", "csv"], "select 1 as a;\n\nselect pricee\nfrom datasets;\n");
    assert_eq!((code, out.as_str()), (1, "a\n1\n\n"), "{error}");
    assert!(error.contains("line 3: Binder Error") && error.contains("\n         ^"), "{error}");
    assert!(piped(&n, &[], "").2.contains("the query is empty; write one"));
}

#[test]
fn values_are_shown_as_duckdb_shows_them_and_nothing_is_cut_in_a_pipe() {
    let n = Nearset::demo();
    insta::assert_snapshot!(
        "values_of_every_kind",
        n.ok(&[
            "sql",
            "select timestamptz '2026-01-01 03:04:05+08' as zoned, timestamp '2026-01-01 03:04:05.5' as moment, 1.50 as price,
                 [1, null] as list, {'a': timestamptz '2026-01-01 00:00:00+00'} as struct, interval 3 day as days, null as none,
                 '' as empty, 'infinity'::timestamp as endless, 1 as a, 2 as a, 'ab'::blob as bytes, true as flag",
        ])
    );
    let all = n.ok(&["sql", "select range as n, repeat('x', 300) as long from range(1500)"]);
    assert!(all.ends_with("1,500 rows\n") && all.lines().count() == 1505 && !all.contains('…'));
    let few = n.ok(&["sql", "from range(1500)", "--rows", "2"]);
    assert!(few.ends_with("… 1,500 rows, 2 shown (--rows 0 shows all)\n") && few.lines().count() == 7, "{few}");
    // descriptions of views and of their columns are in the file, where other clients find them
    assert_eq!(
        n.value("select count(*) from duckdb_views() where not internal and comment is null"),
        0,
        "each view has a description"
    );
    assert_eq!(n.value("select comment is not null from duckdb_columns() where table_name = 'funnel_by_day' and column_name = 'ctr'"), true);
}

#[test]
fn a_prompt_answers_until_it_is_told_to_end() {
    let n = Nearset::demo();
    let mut terminal = Terminal::open(&n);
    for (line, expected) in [
        ("select 40 + 2 as answer;", "|     42 |"),
        ("select title\nfrom datasets order by dataset_id limit 1\\G", "--- row 1 ---"),
        (".tables funnel_by", "| funnel_by_day | view"),
        (".lineage funnel_by_day", "  reads   reconciliation_daily"),
        (".source funnel_by_day", "-- description: "),
        ("select pricee from datasets;", "Referenced column \"pricee\" not found"),
        (".nothing", "there is no command .nothing"),
        ("from range(1500);", "… 1,500 rows, 1,000 shown (.rows 0 shows all)"),
        (".rows 3\nfrom datasets;", "rows, 3 shown"),
        (".mode json\nselect 1 as a;", "[{\"a\":1}]"),
        (".output out.json", "results go into out.json"),
        ("select 1 as a from range(2000);\n.output\nselect 2 as a;", "[{\"a\":2}]"),
    ] {
        terminal.ask(line, expected);
    }
    let said = terminal.end(".quit\n");
    // a table on a terminal is no wider than it
    assert!(said.lines().filter(|line| line.starts_with('|')).all(|line| line.chars().count() <= 100), "{said}");
    let written = fs::read_to_string(n.path().join("out.json")).expect("a file");
    let rows: Vec<Value> = serde_json::from_str(&written).expect("JSON");
    assert_eq!(rows.len(), 2000);
    let history = n.path().join(".local/state/nearset/sql_history");
    assert_eq!(fs::metadata(&history).expect("a history").permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(history).expect("a history").contains("select 40 + 2 as answer;"));
}

#[test]
fn a_prompt_survives_what_is_stopped_and_sees_what_is_published_and_saved() {
    let mut n = Nearset::demo().own_project();
    n.set("NEARSET_HISTORY", "");
    let mut terminal = Terminal::open(&n);
    terminal.ask("create temp table mine as select 11 as x; from mine;", "| 11 |");
    terminal.keys("select count(*) from range(1000000) a, range(100000000) b;\n");
    let since = Instant::now();
    while !terminal.has_shown("interrupted") {
        assert!(since.elapsed() < Duration::from_secs(60), "a query goes on");
        std::thread::sleep(Duration::from_millis(300));
        terminal.keys("\u{3}");
    }
    // the keys that stopped it have all arrived by then
    std::thread::sleep(Duration::from_secs(1));
    terminal.ask("select 77 as alive;", "|    77 |");
    fs::write(n.project.join("views/answers.sql"), "-- description: One.\nselect 123 as saved\n").expect("a view");
    terminal.ask("from answers;", "as the files are now, not as published (--published): answers");
    terminal.wait("|   123 |");
    let published = n.data().join("warehouse.duckdb");
    fs::copy(&published, n.data().join("other.duckdb")).expect("a copy");
    fs::rename(n.data().join("other.duckdb"), &published).expect("published");
    terminal.ask("from mine;", "published meanwhile: this is the warehouse of 2026-10-16 00:00 UTC now");
    terminal.wait("temporary tables and variables of before are gone");
    let before = terminal.seen;
    terminal.wait("Table with name mine does not exist");
    while !terminal.has_prompt_since(before) {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(500));
    terminal.end("\u{4}");
    assert!(!n.path().join(".local").exists());
}

#[test]
fn a_changed_file_is_seen_and_a_broken_one_named() {
    let n = Nearset::demo().own_project();
    let view = n.project.join("views/answers.sql");
    fs::write(&view, "-- description: One.\nselect 11 as saved\n").expect("a view");
    let output = n.run(&["sql", "from answers", "--json"]);
    assert_eq!(text(&output.stdout), "[{\"saved\":11}]\n", "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("answers"), "{}", text(&output.stderr));
    n.fails(1, &["sql", "from answers", "--published"]);
    fs::write(&view, "-- description: One.\nselect 11 as saved, nothing\n").expect("a view");
    let error = n.fails(1, &["sql", "from answers"]);
    assert!(error.contains("answers.sql:2"), "{error}");
    let other = n.run(&["sql", "select 1 as a", "--json"]);
    assert_eq!((text(&other.stdout), text(&other.stderr)), ("[{\"a\":1}]\n".into(), String::new()));
}

#[test]
fn every_command_with_figures_writes_them_as_json_and_nothing_else() {
    let mut n = Nearset::demo();
    n.set("TRAIN_SECONDS", "0");
    n.take_fixtures(|_| true);
    n.ok(&["backup"]);
    n.ok(&["project", "init", "mine"]);
    fs::write(n.path().join("mine/views/own.sql"), "-- description: One.\nselect 1 as one\n").expect("a view");
    for command in [
        "runs",
        "runs show",
        "views list",
        "views list funnel_by_day",
        "views lineage",
        "views lineage funnel_by_day",
        "views check",
        "models list",
        "evaluate --brief",
        "reconcile --start 2026-10-01 --end 2026-10-15",
        "report --date 2026-10-15",
        "search crop",
        "doctor",
        "schedule list",
        "notify list",
        "release show",
        "mlflow status",
        "backup list",
        "config show",
        "upgrade check",
        "project diff mine",
        "extract --dry-run",
        "run --dry-run",
    ] {
        let args: Vec<&str> = command.split(' ').chain(["--json"]).collect();
        let output = n.run(&args);
        let said = text(&output.stdout);
        let read: Result<Value, _> = serde_json::from_str(&said);
        assert!(read.is_ok(), "{command}: {said}{}", text(&output.stderr));
        assert!(!read.is_ok_and(|value| value == Value::Array(Vec::new())), "{command} has nothing to tell");
    }
}

/// The Python of a page, block by block.
fn python_blocks(page: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(ROOT).join(page)).expect("a page");
    let blocks = text.split("\n```python\n").skip(1).map(|rest| rest.split("\n```").next().unwrap_or(rest).to_owned());
    blocks.collect()
}

/// A Python that has DuckDB: that of the linters, or the machine's.
fn python() -> PathBuf {
    let home = std::env::var("HOME").unwrap_or_default();
    let linters = PathBuf::from(home).join(".cache/nearset/linter/bin/python");
    let has_duckdb = |python: &PathBuf| {
        let asked = Command::new(python).args(["-c", "import duckdb"]).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    [linters, PathBuf::from("python3")]
        .into_iter()
        .find(has_duckdb)
        .expect("a Python with duckdb (pip install duckdb==1.5.5)")
}

#[test]
fn the_python_of_the_documentation_runs_while_a_run_goes_on() {
    let n = Nearset::demo();
    n.take_fixtures(|_| true);
    let python = python();
    let mut run = n.command(&["run", "--as-of", "2026-10-16"]);
    let mut run = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a run");
    let blocks = python_blocks("docs/sql.md");
    assert!(blocks.len() > 4, "{blocks:#?}");
    assert_eq!(blocks, python_blocks("docs/sql.zh-CN.md"));
    for block in blocks {
        // these are not on every machine
        let needs = ["pandas", "polars"].into_iter().find(|name| block.contains(&format!("import {name}")));
        let is_there = |name: &str| {
            let asked = Command::new(&python).args(["-c", &format!("import {name}")]).stderr(Stdio::null()).status();
            asked.is_ok_and(|status| status.success())
        };
        if needs.is_none_or(is_there) {
            let output =
                Command::new(&python).args(["-c", &block]).current_dir(n.path()).output().expect("Python runs");
            assert!(output.status.success() && !output.stdout.is_empty(), "{block}\n{}", text(&output.stderr));
        }
    }
    assert!(run.wait().expect("its end").success());
}
