//! The program as one thing: what it carries, what it needs beside it, and what the demo says of it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{AS_OF, Nearset, free_port, text};

const BUILT: &str = env!("CARGO_BIN_EXE_nearset");

/// A copy of the program in a folder of its own with a library, in an environment without anything.
fn copied(n: &Nearset, library: &str) -> PathBuf {
    let program = n.path().join("app/bin/nearset");
    fs::create_dir_all(n.path().join("app/bin")).expect("a folder");
    fs::copy(BUILT, &program).expect("a copy");
    let built = Path::new(BUILT).with_file_name("libduckdb.so");
    // a program with DuckDB compiled in needs no library
    if built.exists() {
        let place = n.path().join("app").join(library);
        fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
        fs::copy(built, place).expect("a copy");
    }
    program
}

fn bare(program: &Path, n: &Nearset) -> Command {
    let mut command = Command::new(program);
    command.current_dir(n.path()).env_clear().env("TRAIN_SECONDS", "0");
    command
}

#[test]
fn the_program_runs_from_anywhere_with_nothing_but_its_library() {
    let n = Nearset::empty();
    let program = copied(&n, "lib/nearset/libduckdb.so");
    fs::create_dir(n.path().join("views")).expect("a folder");
    fs::write(n.path().join("views/only_here.sql"), "-- description: Beside the program's.\nselect 1 as one\n")
        .expect("a view");
    let folders = ["--data-dir", "volumes/data", "--models-dir", "volumes/models"];
    let output = bare(&program, &n).args(["demo", "--no-serve"]).args(folders).output().expect("nearset runs");
    assert!(output.status.success(), "{}", text(&output.stderr));
    for (query, rows) in [("from only_here", "one\n1\n"), ("select count(*) > 0 as some from coverage", "some\ntrue\n")]
    {
        let output =
            bare(&program, &n).args(["sql", query, "--format", "csv"]).args(folders).output().expect("nearset runs");
        assert_eq!(text(&output.stdout), rows, "{}", text(&output.stderr));
    }
    let output = bare(&program, &n).args(["views", "list"]).output().expect("nearset runs");
    let said = text(&output.stdout);
    assert!(said.ends_with("sql/ and views/ inside the program, and views/ here (1)\n"), "{said}");
}

#[test]
fn without_its_library_the_program_says_where_that_belongs() {
    let n = Nearset::empty();
    let program = copied(&n, "bin/libduckdb.so");
    let library = program.with_file_name("libduckdb.so");
    if !library.exists() {
        return;
    }
    // it is looked for beside the program first, so that one elsewhere on this machine is not found
    fs::write(&library, "no library").expect("a file");
    for (locale, expected) in
        [("", "Put libduckdb.so of DuckDB 1.5.5 into"), ("zh_CN.UTF-8", "请把 DuckDB 1.5.5 的 libduckdb.so")]
    {
        let output = bare(&program, &n).arg("--version").env("LANG", locale).output().expect("nearset runs");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        let folder = program.parent().expect("a folder").display().to_string();
        assert!(said.contains(expected) && said.contains(&folder), "{said}");
    }
}

#[test]
fn a_folder_of_ones_own_is_the_whole_project() {
    let n = Nearset::demo();
    let project = n.path().join("project");
    n.ok(&["project", "init", "project"]);
    fs::remove_file(project.join("views/coverage.sql")).expect("removed");
    fs::write(project.join("views/mine.sql"), "-- description: Mine.\nselect 1 as one\n").expect("a view");
    let said = n.ok(&["project", "diff", "project"]);
    assert!(said.starts_with("missing   views/coverage.sql\nown       views/mine.sql\n2 files differ"), "{said}");
    let output = n.command(&["views", "list"]).env_remove("PROJECT_DIR").current_dir(&project).output().expect("runs");
    let said = text(&output.stdout);
    let is_there = |name: &str| said.lines().any(|line| line.split_whitespace().nth(1) == Some(name));
    assert!(is_there("mine") && !is_there("coverage"), "{said}");
    assert!(said.trim_end().ends_with(&format!("of {}", project.canonicalize().expect("a path").display())), "{said}");
    let output = n.command(&["views", "list"]).env("PROJECT_DIR", n.path()).output().expect("runs");
    let said = text(&output.stderr);
    assert!(
        !output.status.success() && said.contains("PROJECT_DIR") && said.contains("nearset project init"),
        "{said}"
    );
}

#[test]
fn a_demo_whose_port_is_taken_says_so_before_it_works() {
    let n = Nearset::empty();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let said = n.fails(1, &["demo", "--listen", &address]);
    assert!(said.contains(&address) && said.contains("--listen"), "{said}");
    assert!(!n.data().exists(), "it has worked before it tried");
}

#[test]
fn what_the_demo_says_to_type_works_from_any_folder() {
    let n = Nearset::demo();
    let address = format!("127.0.0.1:{}", free_port());
    let mut demo =
        n.command(&["demo", "--listen", &address]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("runs");
    let lines: Vec<String> = BufReader::new(demo.stdout.take().expect("its words"))
        .lines()
        .map_while(Result::ok)
        .take_while(|line| !line.ends_with("--help"))
        .collect();
    demo.kill().ok();
    demo.wait().ok();
    let at = lines.iter().position(|line| line.starts_with("and in another terminal")).expect("commands");
    assert!(lines.len() > at + 3, "{lines:#?}");
    for command in &lines[at + 1..] {
        let output = Command::new("sh").args(["-c", command]).current_dir("/").env_clear().output().expect("sh runs");
        assert!(output.status.success() && !output.stdout.is_empty(), "{command}: {}", text(&output.stderr));
    }
}

#[test]
fn shells_and_packagers_get_their_files_whatever_the_settings_say() {
    let n = Nearset::empty();
    fs::write(n.path().join("nearset.toml"), "listen = \"nowhere\"\n").expect("settings");
    for (shell, expected) in
        [("bash", "complete -F _nearset"), ("zsh", "#compdef nearset"), ("fish", "complete -c nearset")]
    {
        assert!(n.ok(&["completions", shell]).contains(expected), "{shell}");
    }
    n.ok(&["man", "man1"]);
    let page = fs::read_to_string(n.path().join("man1/nearset-run.1")).expect("a page");
    assert!(page.contains("full\\-refresh"), "{page}");
    n.fails(1, &["run", "--as-of", AS_OF]);
}
