//! Settings: where they come from, what is said of bad ones, and that the example holds them all.

use std::fs;
use std::path::Path;

use crate::support::{AS_OF, Nearset, ROOT, text};

#[test]
fn the_example_and_the_help_hold_every_setting() {
    let n = Nearset::empty();
    let help = n.ok(&["--help"]);
    let example = fs::read_to_string(Path::new(ROOT).join("nearset.example.toml")).expect("the example");
    let names: Vec<&str> = help
        .lines()
        .skip_while(|l| !l.starts_with("Settings, as"))
        .skip(1)
        // a long sentence goes on in the next line, which begins as lines of settings do
        .filter_map(|l| l.strip_prefix("  ")?.split_whitespace().next())
        .filter(|word| word.len() > 4 && word.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
        .collect();
    assert!(names.len() > 10, "{help}");
    for name in names {
        assert!(example.contains(&format!("{} =", name.to_lowercase())), "{name} is not in nearset.example.toml");
    }
}

#[test]
fn flags_come_before_the_environment_before_dot_env_before_the_file() {
    let n = Nearset::empty();
    let listen = |n: &Nearset, env: Option<&str>, flag: Option<&str>| {
        let mut args = vec!["serve"];
        args.extend(flag.iter().flat_map(|f| ["--listen", f]));
        let mut command = n.command(&args);
        if let Some(env) = env {
            command.env("LISTEN", env);
        }
        let output = command.output().expect("nearset runs");
        text(&output.stderr)
    };
    fs::write(n.path().join("nearset.toml"), "listen = \"file\"\n").expect("a file");
    assert!(listen(&n, None, None).contains("LISTEN = \"file\" (from nearset.toml:1) cannot be used"));
    let old = "# the replaced system's\nexport MLFLOW_EXPERIMENT_NAME=dataset recommendation # by hand\nBUSINESS_DB_PASSWORD='a b=c'\n\nLISTEN=\"dotenv\"\n";
    fs::write(n.path().join(".env"), old).expect("a file");
    assert!(listen(&n, None, None).contains("LISTEN = \"dotenv\" (from .env:5)"));
    assert!(listen(&n, Some("environment"), None).contains("LISTEN = \"environment\" (from the environment)"));
    assert!(listen(&n, Some("environment"), Some("flag")).contains("LISTEN = \"flag\" (from --listen)"));
}

#[test]
fn a_value_that_cannot_be_used_is_named() {
    let n = Nearset::empty();
    for (name, value, expected) in [
        ("REPORT_TIMEZONE", "Mars/Olympus", "IANA"),
        ("BOT_MAX_ACTIONS", "many", "whole number"),
        ("MATOMO_REQUEST_DIMENSIONS", "4,9", "1 to 5"),
        ("DATA_SOURCE", "carrier pigeon", "json"),
        ("MEMORY_LIMIT", "lots", "4GB"),
        ("CACHE_MB", "2GB", "megabytes"),
        ("CACHE_MB", "６４", "megabytes"),
        ("THREADS", "-1", "1024"),
        ("DATA_DIR", "~/data", "in place of ~"),
        ("LISTEN", "8000", "127.0.0.1:8000"),
    ] {
        let output = n.command(&["runs"]).env(name, value).output().expect("nearset runs");
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1));
        assert!(error.contains(name) && error.contains(value) && error.contains(expected), "{error}");
    }
    let error = n.fails(1, &["runs", "--config", "nowhere.toml"]);
    assert!(error.contains("nowhere.toml does not exist"), "{error}");
    // a line of .env that is none is told of without its text, which may be a secret
    fs::write(n.path().join(".env"), "ADMIN TOKEN hunter2\n").expect("a file");
    let error = n.fails(1, &["runs"]);
    assert!(error.contains(".env") && !error.contains("hunter2"), "{error}");
    fs::write(n.path().join(".env"), "ADMIN_TOKEN=5\nLISTEN\nCAHCE_MB=3\nADMIN TOKEN=3\n=5\n").expect("a file");
    let error = n.fails(1, &["config", "show"]);
    for words in [
        ".env:2: LISTEN has no value here",
        ".env:3: CAHCE_MB is no setting",
        ".env:4: it is not NAME=value",
        ".env:5: it is not NAME=value",
    ] {
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once_with_file_and_line() {
    let n = Nearset::empty();
    fs::write(n.path().join("nearset.toml"), "cahce_mb = 3\nbot_max_actions = true\nlisten = 8000\n").expect("a file");
    fs::write(n.path().join(".env"), "\u{feff}SHED_MS=soon\r\nDATA_JSON_DIR=${DATA_DIR}/json\r\nNOBODYS=1\r\n")
        .expect("a file");
    let error = n.fails(1, &["runs"]);
    for words in [
        "5 settings cannot be used",
        "nearset.toml:1: cahce_mb is no setting; did you mean cache_mb?",
        "BOT_MAX_ACTIONS = \"true\" (from nearset.toml:2)",
        "LISTEN = \"8000\" (from nearset.toml:3)",
        "SHED_MS = \"soon\" (from .env:1)",
        ".env:2: DATA_JSON_DIR holds ${…}",
    ] {
        assert!(error.contains(words), "{words}: {error}");
    }
    // an old system's names are nobody's business here
    fs::remove_file(n.path().join("nearset.toml")).expect("removed");
    fs::write(n.path().join(".env"), "REDIS_URL=redis://x\nCACHE_TTL=3\n").expect("a file");
    n.ok(&["runs"]);
    let utf_16: Vec<u8> = "\u{feff}THREADS=1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, words) in
        [(&utf_16[..], ".env is UTF-16; save it as UTF-8"), (b"A=1\nB=\xd6\xd0\n", ".env:2: this line is not UTF-8")]
    {
        fs::write(n.path().join(".env"), bytes).expect("a file");
        let error = n.fails(1, &["runs"]);
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn wrong_usage_exits_with_two() {
    let n = Nearset::empty();
    for args in [vec!["run", "--as-of", "yesterday"], vec!["fly"], vec!["run", "--only", "everything"]] {
        n.fails(2, &args);
    }
}

#[test]
fn doctor_says_what_to_mend() {
    let n = Nearset::empty();
    let output = n.run(&["doctor"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(said.contains("look  warehouse") && said.contains("`nearset run` makes it"), "{said}");
    assert!(said.contains("MEND  business") && said.contains("DATA_JSON_DIR is not set"), "{said}");
}

#[test]
fn nobody_reading_on_is_no_failure() {
    let n = Nearset::demo();
    for args in [&["views", "list"][..], &["doctor"], &["models", "list"], &["run", "--as-of", AS_OF]] {
        n.take_fixtures(|_| true);
        let mut child = n
            .command(args)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("nearset runs");
        // what `| head -0` does
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("an end");
        assert!(!text(&output.stderr).contains("panicked"), "{args:?}: {}", text(&output.stderr));
        assert_ne!(output.status.code(), Some(101), "{args:?}");
    }
}
