//! The READMEs' commands, run in their order and as they are written, in both languages; those of the docs are asked for
//! their help.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::databases::three_datasets;
use crate::mariadb::{MariaDb, PASSWORD, extensions};
use crate::support::{Nearset, ROOT, copy_dir, free_port, text};

/// A command that this test does not run as it is written: how it starts, what is run instead, and why.
const OTHERWISE: [(&str, &str, &str); 6] = [
    ("make demo", "", "it builds; tests/dist.sh and the tests of the program run the demo"),
    ("sudo make install", "", "it writes to the system; tests/dist.sh runs what it puts in its places"),
    ("make test", "", "this is a part of it"),
    (
        "nearset serve",
        "nearset serve & server=$!\n\
         until curl -o ready http://127.0.0.1:8000/health/ready 2>&1; do kill -0 $server; sleep 0.1; done",
        "it goes on until it is stopped, and the commands after it ask it",
    ),
    (
        "DATA_SOURCE=database",
        "( export DATA_DIR=of-databases/data MODELS_DIR=of-databases/models; COMMAND )",
        "what is … is filled in for a server of the test's own, and what was read of exports is not mixed with it",
    ),
    (
        "duckdb -readonly data/warehouse.duckdb",
        "nearset sql",
        "DuckDB's client is not on every machine; the query is the same",
    ),
];

/// What the two languages say differently in a command.
const TRANSLATED: (&str, &str) = ("气象", "weather");

/// What stands for … in the command that reads databases.
fn filled(command: &str) -> String {
    let password = format!("PASSWORD='{}'", PASSWORD.replace('\'', r"'\''"));
    [
        ("HOST=…", "HOST=127.0.0.1"),
        ("USER=…", "USER=reader"),
        ("PASSWORD=…", &password),
        ("BUSINESS_DB_NAME=…", "BUSINESS_DB_NAME=shop"),
        ("MATOMO_DB_NAME=…", "MATOMO_DB_NAME=matomo"),
    ]
    .into_iter()
    .fold(command.to_owned(), |command, (blank, value)| command.replace(blank, value))
}

/// The blocks of commands of a file, each as its commands without comments.
pub fn commands(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let blocks = text.split("\n```sh\n").skip(1).map(|rest| rest.split("\n```").next().unwrap_or(rest));
    let lines: Vec<String> =
        blocks.flat_map(|block| block.replace("\\\n", "").lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    let bare = lines.iter().map(|line| line.split(" #").next().unwrap_or(line).trim().to_owned());
    bare.filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// What is run for a command.
fn step(command: &str) -> String {
    match OTHERWISE.iter().find(|(start, ..)| command.starts_with(start)) {
        None => command.to_owned(),
        Some((start, "nearset sql", _)) => command.replace(start, "nearset sql"),
        Some((_, instead, _)) => instead.replace("COMMAND", &filled(command)),
    }
}

/// `PATH` with the program that is tested before all others.
pub fn path() -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_nearset")).parent().expect("a folder");
    format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default())
}

#[test]
fn every_command_of_the_readmes_does_what_it_says() {
    let [english, chinese] = ["README.md", "README.zh-CN.md"].map(|name| commands(&Path::new(ROOT).join(name)));
    let translated: Vec<String> = chinese.iter().map(|command| command.replace(TRANSLATED.0, TRANSLATED.1)).collect();
    assert_eq!(translated, english, "the READMEs' commands differ");
    assert!(english.len() > 20, "{english:#?}");
    for (start, ..) in OTHERWISE {
        assert!(english.iter().any(|command| command.starts_with(start)), "no command starts with {start} any more");
    }

    let mut script = "trap 'kill $server 2>/dev/null' EXIT\n".to_owned();
    for (command, translated) in english.iter().zip(&chinese) {
        script += &format!("{}\n", step(command));
        if translated != command {
            script += &format!("{}\n", step(translated));
        }
    }
    let db = MariaDb::start();
    three_datasets(&db);
    let n = Nearset::empty();
    copy_dir(&Path::new(ROOT).join("fixtures/json"), &n.exports());
    let folder = n.path().join("shop");
    fs::create_dir(&folder).expect("a folder");
    fs::write(n.path().join(".curlrc"), "fail\nsilent\nshow-error\nwrite-out = \"\\n\"\n").expect("curl's settings");
    let address = format!("127.0.0.1:{}", free_port());
    let script =
        script.replace("127.0.0.1:8000", &address).replace("/path/to/exports", &n.exports().display().to_string());
    let output = Command::new("sh")
        .args(["-exc", &script])
        .current_dir(&folder)
        .env_clear()
        .envs([("PATH", path()), ("LISTEN", address), ("HOME", n.path().display().to_string())])
        .envs([("THREADS", "2"), ("TRAIN_SECONDS", "0")])
        .envs(["BUSINESS_DB_PORT", "MATOMO_DB_PORT"].map(|name| (name, db.port.to_string())))
        .env("DUCKDB_EXTENSION_DIRECTORY", extensions())
        .output()
        .expect("sh runs");
    let (said, told) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{said}{told}");
    for expected in [
        "\"similar_items\":[{",
        "\"recommendations\":[{",
        "\"timeframe\":\"7d\"",
        "\"found_by\"",
        "every file is as inside",
    ] {
        assert!(said.contains(expected), "{expected} is not in\n{said}{told}");
    }
}

/// The commands in a line of prose: `nearset …` between backquotes.
pub fn inline(text: &str) -> Vec<String> {
    let code = text.split('`').skip(1).step_by(2).filter(|code| !code.contains('\n'));
    code.filter(|code| code.starts_with("nearset ") && !code.contains('…')).map(str::to_owned).collect()
}

#[test]
fn every_command_of_the_docs_is_one_that_there_is() {
    let mut files: Vec<PathBuf> =
        ["README.md", "README.zh-CN.md"].iter().map(|name| Path::new(ROOT).join(name)).collect();
    let docs = fs::read_dir(Path::new(ROOT).join("docs")).expect("docs").map(|entry| entry.expect("an entry").path());
    files.extend(docs.filter(|path| path.extension().is_some_and(|e| e == "md")));
    let mut looked_at = 0;
    for file in files {
        let text = fs::read_to_string(&file).expect("a text");
        let is_nearset = |command: &String| command.split(' ').find(|word| !word.contains('=')) == Some("nearset");
        for command in commands(&file).into_iter().filter(is_nearset).chain(inline(&text)) {
            // a flag that there is not is told before the help
            let asked = format!("{command} --help");
            let output =
                Command::new("sh").args(["-c", &asked]).env_clear().env("PATH", path()).output().expect("sh runs");
            assert!(output.status.success(), "{}: {asked}: {}", file.display(), self::text(&output.stderr));
            looked_at += 1;
        }
    }
    assert!(looked_at > 40, "only {looked_at} commands were found");
}
