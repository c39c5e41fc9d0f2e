//! The first hour with nearset: what it says before and after a first run, what doctor finds, and that the examples of the
//! help work as they are.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{AS_OF, Nearset, ROOT, free_port, text};

/// A text without what differs from place to place and from run to run: folders, the program, figures with a point,
/// versions, run ids, ports.
fn redacted(n: &Nearset, said: &str) -> String {
    let said = said
        .replace(env!("CARGO_BIN_EXE_nearset"), "nearset")
        .replace(&*n.path().to_string_lossy(), "HERE")
        .replace(ROOT, "PROJECT");
    let word = |word: &str| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let is_figure = bare.contains('.')
            && bare.chars().all(|c| c.is_ascii_digit() || c == '.')
            && bare.matches('.').count() == 1;
        let is_stamp = bare.len() > 14 && bare.get(8..9) == Some("T") && bare[..8].chars().all(|c| c.is_ascii_digit());
        let port = word.strip_prefix("127.0.0.1:").map(|port| port.trim_start_matches(|c: char| c.is_ascii_digit()));
        match port {
            Some(rest) => format!("127.0.0.1:PORT{rest}"),
            None if is_figure => word.replace(bare, "N"),
            None if is_stamp => word.replace(bare, "STAMP"),
            None => word.to_owned(),
        }
    };
    let line = |line: &str| {
        let line = match line.split_once(" files are in order") {
            Some((before, after)) => {
                format!("{}FILES files are in order{after}", before.trim_end_matches(|c: char| c.is_ascii_digit()))
            }
            None => line.to_owned(),
        };
        let words: Vec<String> = line.split(' ').map(word).collect();
        let words = words.join(" ");
        // how much memory a step took stands last, and how long before it
        let words = words.split("   peak ").next().unwrap_or_default();
        words.split(", peak memory ").next().unwrap_or_default().trim_end().to_owned()
    };
    // how many rows a step made changes with the SQL
    let step = |line: String| line.split_once(" N s").map_or(line.clone(), |(step, _)| format!("{} N s", step.trim()));
    said.lines().map(line).map(step).collect::<Vec<_>>().join("\n")
}

/// What a command printed and how it ended, redacted.
pub fn said(n: &Nearset, output: &Output) -> String {
    let code = output.status.code().unwrap_or(-1);
    let (out, err) = (redacted(n, &text(&output.stdout)), redacted(n, &text(&output.stderr)));
    let err = if err.is_empty() { String::new() } else { format!("\n--- standard error\n{err}") };
    format!("{out}{err}\n--- exit code {code}")
}

/// Without the space that aligns columns: how wide they are depends on how long the project's path is.
pub fn squeezed(said: &str) -> String {
    said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join("  ")).collect::<Vec<_>>().join("\n")
}

/// A nearset whose server would listen where nobody does.
pub fn alone(mut n: Nearset) -> Nearset {
    n.set("LISTEN", &format!("127.0.0.1:{}", free_port()));
    n
}

#[test]
fn nearset_alone_says_what_there_is_and_what_comes_next() {
    let n = alone(Nearset::empty());
    insta::assert_snapshot!("alone_in_an_empty_folder", said(&n, &n.run(&[])));
    n.take_fixtures(|name| name.starts_with("dataset"));
    let here = n.ok(&[]);
    assert!(here.contains("DATA_JSON_DIR=exports ") && here.contains("exports looks like exports"), "{here}");
    let mut demo = alone(Nearset::demo());
    insta::assert_snapshot!("alone_after_a_run", said(&demo, &demo.run(&["--data-dir", "data"])));
    let server = demo.serve();
    demo.set("LISTEN", server.base.trim_start_matches("http://"));
    let serving = demo.ok(&[]);
    assert!(serving.contains(&format!("{} is healthy", server.base)) && serving.contains("curl"), "{serving}");
    fs::write(demo.path().join("nearset.toml"), "cahce_mb = 3\n").expect("a file");
    let wrong = demo.ok(&[]);
    assert!(wrong.contains("did you mean cache_mb?") && wrong.contains(" doctor"), "{wrong}");
}

#[test]
fn what_nearset_alone_proposes_works() {
    let n = alone(Nearset::demo());
    let said = n.ok(&["--models-dir", "models", "--data-dir", "data"]);
    let line = said.lines().find(|line| line.contains(" sql ")).expect("a query");
    let line = line.trim().split("  ").next().expect("a command");
    let output = n.command(&[]).arg("--help").output().expect("help");
    assert!(output.status.success());
    let output = shell(&n, line);
    assert!(output.status.success() && text(&output.stdout).contains("rows"), "{line}: {}", text(&output.stderr));
}

/// Runs a line in a shell that finds `nearset`, in this one's folder and environment.
fn shell(n: &Nearset, line: &str) -> Output {
    let path = Path::new(env!("CARGO_BIN_EXE_nearset")).parent().expect("a folder").display().to_string();
    let settings = n.command(&[]);
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(n.path()).env_clear();
    command.envs(settings.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", format!("{path}:{}", std::env::var("PATH").unwrap_or_default()));
    command.output().expect("a shell")
}

/// The commands whose help has examples, with those below them.
fn commands(n: &Nearset, above: &[&str], found: &mut Vec<(String, Vec<String>)>) {
    let mut asked = above.to_vec();
    asked.push("--help");
    let help = n.ok(&asked);
    let examples: Vec<String> = help
        .split("\nExamples:\n")
        .nth(1)
        .unwrap_or_default()
        .lines()
        .take_while(|l| l.starts_with("  "))
        .map(|l| l.trim().to_owned())
        .collect();
    let below = help.split("\nCommands:\n").nth(1).unwrap_or_default();
    let below =
        below.lines().take_while(|line| line.starts_with("  ")).filter_map(|line| line.split_whitespace().next());
    let below: Vec<&str> = below.filter(|name| *name != "help").collect();
    if below.is_empty() {
        found.push((above.join(" "), examples));
    }
    for name in below {
        let mut deeper = above.to_vec();
        deeper.push(name);
        commands(n, &deeper, found);
    }
}

#[test]
fn every_command_has_examples_and_they_work_as_they_are() {
    let mut n = alone(Nearset::demo());
    n.set("DATA_JSON_DIR", &format!("{ROOT}/fixtures/json"));
    n.set("TRAIN_SECONDS", "0");
    n.set("MLFLOW_TRACKING_URI", "file:mlruns");
    let told = "[[receiver]]\nname = \"ops\"\nkind = \"command\"\ncommand = [\"true\"]\n";
    fs::write(n.data().join("notify.toml"), told).expect("receivers");
    std::os::unix::fs::symlink(Path::new(ROOT).join("fixtures"), n.path().join("fixtures")).expect("a link");
    fs::copy(Path::new(ROOT).join("experiments.example.toml"), n.data().join("experiments.toml")).expect("experiments");
    let mut found = Vec::new();
    commands(&n, &[], &mut found);
    assert!(found.len() > 18, "{found:?}");
    for (command, examples) in found {
        assert!(!examples.is_empty(), "{command}");
        for line in examples {
            // these end when somebody stops them, or ask a server; the demo has a test of its own
            let waits = ["nearset serve", "nearset demo", "nearset notify serve"];
            if waits.iter().any(|waiting| line.starts_with(waiting)) || line.contains(" --server ") {
                continue;
            }
            let output = shell(&n, &line);
            // nobody took part in it yet
            if line.starts_with("nearset experiments tune") {
                assert!(text(&output.stderr).contains("does not run"), "{line}");
                continue;
            }
            assert!(output.status.success(), "{line}: {}{}", text(&output.stdout), text(&output.stderr));
        }
    }
    // evaluate's figures went into a file
    let figures: Value =
        serde_json::from_str(&fs::read_to_string(n.path().join("figures.json")).expect("figures")).expect("JSON");
    assert!(figures["metrics"].as_array().is_some_and(|rows| !rows.is_empty()));
}

#[test]
fn the_help_has_the_exit_codes() {
    let help = Nearset::empty().ok(&["--help"]);
    for line in ["  0  done", "  3  another run goes on", "  5  the figures were published"] {
        assert!(help.contains(line), "{help}");
    }
}

#[test]
fn settings_in_force_are_shown_with_their_places() {
    let mut n = Nearset::empty();
    n.set("ADMIN_TOKEN", "hunter2");
    n.set("BUSINESS_DB_URL", "mysql://reader:hunter3@host/shop");
    fs::write(n.path().join(".env"), "\u{feff}# old\r\nexport BOT_MAX_ACTIONS='50' # by hand\r\nUNKNOWN=1\r\n")
        .expect("a file");
    fs::write(n.path().join("nearset.toml"), "# ours\n\ncache_mb = 32\nmatomo_request_dimensions = [1, 2]\n")
        .expect("a file");
    let args = ["config", "show", "--changed", "--data-dir", "数据"];
    insta::assert_snapshot!("config_show_changed", squeezed(&said(&n, &n.run(&args))));
    let json: Value = serde_json::from_str(&n.ok(&["config", "show", "--json"])).expect("JSON");
    let of =
        |name: &str| json.as_array().expect("a list").iter().find(|s| s["name"] == name).expect("a setting").clone();
    assert_eq!(of("ADMIN_TOKEN")["value"], "***");
    assert_eq!(
        (of("CACHE_MB")["value"].as_str(), of("CACHE_MB")["origin"].as_str()),
        (Some("32"), Some("nearset.toml:3"))
    );
    assert_eq!(of("DATA_DIR")["origin"], "the default");
    assert!(!json.to_string().contains("hunter"), "{json}");
    fs::write(n.path().join("nearset.toml"), "cache_mb = \"2GB\"\n").expect("a file");
    let output = n.run(&["config", "show", "--changed"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stdout).contains("2GB") && text(&output.stderr).contains("nearset.toml:1"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn doctor_before_and_after_the_first_run() {
    let mut n = alone(Nearset::empty());
    insta::assert_snapshot!("doctor_in_an_empty_folder", said(&n, &n.run(&["doctor"])));
    assert_eq!(fs::read_dir(n.path()).expect("a folder").count(), 1, "doctor made something");
    n.take_fixtures(|_| true);
    n.set("DATA_JSON_DIR", "exports");
    insta::assert_snapshot!("doctor_before_the_first_run", said(&n, &n.run(&["doctor"])));
    n.ok(&["run", "--as-of", AS_OF]);
    insta::assert_snapshot!("doctor_after_a_run", said(&n, &n.run(&["doctor"])));
    let before: Vec<_> = walk(n.path());
    let findings: Value = serde_json::from_str(&n.ok(&["doctor", "--json"])).expect("JSON");
    assert!(
        findings.as_array().is_some_and(|all| all.iter().any(|f| f["what"] == "model" && f["verdict"] == "ok")),
        "{findings}"
    );
    assert_eq!(walk(n.path()), before);
}

/// All that is below a folder, with the time it was changed.
fn walk(dir: &Path) -> Vec<(String, std::time::SystemTime)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("a folder").flatten() {
        let about = entry.metadata().expect("a file");
        found.push((entry.path().display().to_string(), about.modified().expect("a time")));
        if about.is_dir() {
            found.extend(walk(&entry.path()));
        }
    }
    found.sort();
    found
}

/// Something to break, and what doctor says of it.
type Fault<'a> = (&'a str, &'a dyn Fn(&mut Nearset), &'a [&'a str]);

#[test]
fn doctor_never_calls_in_order_what_does_not_start() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let write = |n: &Nearset, file: &str, text: &str| fs::write(n.path().join(file), text).expect("a file");
    let faults: &[Fault<'_>] = &[
        (
            "rules",
            &|n| write(n, "data/rules.toml", "[[rule]]\naction = \"hide\"\n"),
            &["data/rules.toml", "unknown variant"],
        ),
        (
            "experiments",
            &|n| write(n, "data/experiments.toml", "[experiments.e]\nvariants = []\n"),
            &["experiments.toml", "variants: there are none"],
        ),
        ("server", &|n| n.set("LISTEN", &address), &["is taken by another program", "ss -ltnp", "--listen"]),
        ("server", &|n| n.set("LISTEN", "192.0.2.1:80"), &["192.0.2.1:80 cannot be listened on", "0.0.0.0"]),
        ("data", &|n| n.set("DATA_DIR", "nearset.toml"), &["is no folder; name another with DATA_DIR"]),
        ("models", &|n| n.set("MODELS_DIR", "nearset.toml/models"), &["nearset.toml is no folder", "MODELS_DIR"]),
        (
            "business",
            &|n| write(n, "exports/task_20261017_000000.json", ""),
            &["exports/task_20261017_000000.json is empty", "export it again"],
        ),
        ("business", &|n| n.set("DATA_JSON_DIR", "nowhere"), &["nowhere cannot be read", "DATA_JSON_DIR"]),
        ("model", &|n| write(n, "models/current/manifest.json", "{"), &["nearset models rollback"]),
        (
            "sql",
            &|n| write(n, "project/views/slip.sql", "-- description: 错。\nselect '中文' a form b c\n"),
            &["views/slip.sql:2:"],
        ),
        ("text model", &|n| n.set("TEXT_MODEL_PATH", "nowhere"), &["TEXT_MODEL_PATH", "no such folder"]),
        ("warehouse", &|n| write(n, "data/warehouse.duckdb", "no warehouse"), &["warehouse.duckdb cannot be opened"]),
    ];
    for (what, break_it, expected) in faults {
        let mut n = alone(Nearset::demo()).own_project();
        write(&n, "nearset.toml", "data_json_dir = \"exports\"\n");
        n.take_fixtures(|_| true);
        break_it(&mut n);
        let output = n.run(&["doctor", "--json"]);
        let findings: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
        let is_found = |finding: &&Value| {
            let said = finding["text"].as_str().expect("a text");
            finding["what"] == *what
                && finding["verdict"] == "mend"
                && expected.iter().all(|words| said.contains(words))
        };
        assert!(findings.iter().any(|finding| is_found(&finding)), "{what} {expected:?}: {findings:#?}");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
    }
}

/// The program run by somebody who is not root and owns nothing here.
fn as_nobody(n: &Nearset, args: &[&str]) -> Output {
    let built = Path::new(env!("CARGO_BIN_EXE_nearset"));
    for (from, to) in [(built.to_path_buf(), "bin/nearset"), (built.with_file_name("libduckdb.so"), "lib/libduckdb.so")]
    {
        let place = n.path().join(to);
        fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
        // a program with DuckDB compiled in needs no library
        if from.exists() {
            fs::copy(from, place).expect("a copy");
        }
    }
    let is_root = fs::metadata("/proc/self").expect("a process").uid() == 0;
    let program = n.path().join("bin/nearset");
    let mut command = if is_root { Command::new("setpriv") } else { Command::new(&program) };
    if is_root {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
    }
    command.args(args).current_dir(n.path()).env_clear().env("PATH", std::env::var("PATH").unwrap_or_default());
    command.envs(n.command(&[]).get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.output().expect("nearset runs")
}

#[test]
fn what_is_closed_to_the_user_is_named_with_its_cure() {
    let mut n = alone(Nearset::demo()).own_project();
    n.take_fixtures(|_| true);
    n.set("DATA_JSON_DIR", "exports");
    let close = |path: &str, mode| {
        fs::set_permissions(n.path().join(path), fs::Permissions::from_mode(mode)).expect("a mode");
    };
    close("", 0o755);
    close("exports/user.json.gz", 0o000);
    close("data/_metadata", 0o555);
    close("models", 0o555);
    let output = as_nobody(&n, &["doctor"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}{}", text(&output.stderr));
    for words in [
        "exports/user.json.gz cannot be read: Permission denied (os error 13); chmod u+r exports/user.json.gz",
        "MEND  models                        models is closed to this user (",
        "MEND  data                          data",
        "&& sudo chown -R ",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn doctor_looks_twice_at_what_works_and_may_not_be_meant() {
    let mut n = alone(Nearset::demo());
    n.take_fixtures(|_| true);
    n.set("DATA_JSON_DIR", "exports");
    n.set("RULES_FILE", "nowhere.toml");
    n.set("BUSINES_TIMEZONE", "Asia/Shanghai");
    fs::write(
        n.path().join(".env"),
        "CAHCE_MB=3\nMLFLOW_S3_ENDPOINT_URL=http://a\nBOT_MAX_ACTIONS=1\nBOT_MAX_ACTIONS=2\n",
    )
    .expect("a file");
    let said = n.ok(&["doctor"]);
    for words in [
        "RULES_FILE names nowhere.toml, which is not there",
        "the environment: BUSINES_TIMEZONE is no setting and is passed over; did you mean BUSINESS_TIMEZONE?",
        ".env:1: CAHCE_MB is no setting and is passed over; did you mean CACHE_MB?",
        ".env:3: BOT_MAX_ACTIONS is set again in line 4, which counts",
        "none of 104 pictures is there: exports/images/",
        "below DATA_JSON_DIR; set DATASET_IMAGE_ROOT",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(said.contains(".env: MLFLOW_S3_ENDPOINT_URL (line 2) not read: these are of the MLflow server"), "{said}");
    n.set("DATASET_IMAGE_ROOT", &format!("{ROOT}/fixtures/json"));
    assert!(n.ok(&["doctor"]).contains("all 104 pictures are in"));
}

#[test]
fn a_query_that_is_none_is_told_plainly() {
    let n = Nearset::demo();
    fs::write(n.path().join("empty.sql"), "\u{feff}-- 没有查询\n;\n").expect("a file");
    for format in ["table", "csv", "json", "parquet"] {
        let fails = |query: &str| n.fails(1, &["sql", query, "--format", format]);
        assert!(fails(" ").contains("the query is empty; write one"));
        assert!(fails("-- nothing").contains("the query is empty; write one"));
        assert!(fails("empty.sql").contains("empty.sql is empty; write one"));
    }
    assert_eq!(n.ok(&["sql", "select 1 as a, 2 as b where false; -- done", "--format", "csv"]), "a,b\n");
    assert!(n.ok(&["sql", "select 1 as 甲 where false"]).contains("| 甲 |"));
    assert!(n.ok(&["sql", "describe datasets", "--format", "csv"]).starts_with("column_name,"));
}

#[test]
fn carets_stand_below_what_is_wrong_also_in_chinese() {
    let n = Nearset::demo().own_project();
    fs::write(n.path().join("mine.sql"), "-- 中文注释\nselect '中文',\n\t标题 form datasets x\n").expect("a file");
    insta::assert_snapshot!("a_slip_in_a_file", n.fails(1, &["sql", "mine.sql"]));
    insta::assert_snapshot!(
        "a_column_that_is_none",
        n.fails(1, &["sql", "-- 注释\nselect '中文', pricee from datasets", "--format", "json"])
    );
    let write = |name: &str, text: &str| fs::write(n.project.join(name), text).expect("a file");
    write(
        "views/slip.sql",
        "-- description: 中文说明。\n-- 注释：每个数据集\nselect '价格' as 名称, 价钱\nfrom datasets\n",
    );
    insta::assert_snapshot!("a_view_with_a_column_that_is_none", n.fails(1, &["views", "check"]));
    write("views/slip.sql", "-- description: 中文说明。\nselect '价格' as 名称, dataset_id\nfrom datasets where and\n");
    insta::assert_snapshot!("a_view_with_a_slip", n.fails(1, &["views", "check"]));
    fs::remove_file(n.project.join("views/slip.sql")).expect("removed");
    write(
        "sql/macros/twice.sql",
        "-- description: 两倍。\n-- 中文注释\ncreate or replace macro twice(x) as\n    case when '中文' = x then then x end\n",
    );
    insta::assert_snapshot!("a_macro_with_a_slip", n.fails(1, &["views", "check"]));
}

#[test]
fn figures_as_json_are_json_and_nothing_else() {
    let mut n = Nearset::demo();
    n.set("TRAIN_SECONDS", "0");
    let figures: Value =
        serde_json::from_str(&n.ok(&["evaluate", "--brief", "--json"])).expect("JSON and nothing else");
    assert!(figures["metrics"].as_array().is_some_and(|rows| !rows.is_empty()), "{figures}");
}

#[test]
fn long_steps_say_how_long_they_took_last_time() {
    let n = Nearset::demo();
    n.take_fixtures(|_| true);
    let history = n.data().join("_metadata/runs.jsonl");
    let runs = fs::read_to_string(&history).expect("a history");
    let step =
        runs.lines().find(|line| line.contains("\"train\"") && line.contains("seconds")).expect("a step").to_owned();
    let (before, after) = step.split_once("\"seconds\":").expect("seconds");
    let after = after.split_once(',').expect("more").1;
    fs::write(&history, format!("{runs}{before}\"seconds\":41.2,{after}\n")).expect("written");
    let said = n.ok(&["run", "--as-of", AS_OF]);
    assert!(said.contains("  train      begins (last time 41 s)\n"), "{said}");
    assert!(!said.contains("extract    begins"), "{said}");
}
