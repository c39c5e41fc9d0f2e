//! What `deploy/` holds: each file names what there is, in words that the program knows; a server is asked whether it is well.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::mariadb::{extension, extensions};
use crate::support::{Nearset, ROOT, files_below, free_port, text};

fn deploy(file: &str) -> PathBuf {
    Path::new(ROOT).join("deploy").join(file)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The documents of a YAML file.
fn yaml(path: &Path) -> Vec<Value> {
    let text = read(path);
    text.split("\n---\n").map(|part| serde_saphyr::from_str(part).expect("YAML")).collect()
}

/// The list of words at a place.
fn words(value: &Value) -> Vec<String> {
    value.as_array().expect("a list").iter().map(|word| word.as_str().expect("a word").to_owned()).collect()
}

/// Whether the program knows a command with all its flags: a flag that there is not is told before the help.
fn is_known(command: &[String]) {
    let n = Nearset::empty();
    let mut asked: Vec<&str> = command.iter().map(String::as_str).collect();
    asked.push("--help");
    n.ok(&asked);
}

/// Whether settings can be read, those that stand there as examples too.
fn are_settings(settings: &str) {
    let n = Nearset::empty();
    let is_example = |line: &str| line.strip_prefix("# ").is_some_and(|line| line.contains(" = "));
    let lines = settings.lines().map(|line| if is_example(line) { &line[2..] } else { line });
    fs::write(n.path().join("nearset.toml"), lines.collect::<Vec<_>>().join("\n")).expect("a file");
    n.ok(&["config", "show"]);
}

#[test]
fn compose_mounts_what_there_is_and_runs_what_the_program_knows() {
    let compose = yaml(&deploy("compose.yml")).remove(0);
    let services = compose["services"].as_object().expect("services");
    is_known(&words(&services["nearset"]["command"]));
    let mut mounted = 0;
    for (name, service) in services {
        assert_eq!(service["read_only"], true, "{name}");
        assert!(service["mem_limit"].is_string(), "{name} may take all memory");
        for volume in words(&service["volumes"]) {
            let Some((file, _)) = volume.strip_prefix("./").and_then(|volume| volume.split_once(':')) else { continue };
            assert!(deploy(file).exists(), "{name}: {volume}");
            mounted += 1;
        }
        assert!(service["ports"].as_array().is_some_and(|ports| !ports.is_empty()), "{name}");
    }
    assert!(mounted > 4, "only {mounted} mounts were looked at");
    let install = read(&Path::new(ROOT).join("tests/install-mlflow.sh"));
    let version = install.lines().find_map(|line| line.strip_prefix("version=")).expect("a version");
    let built = services["mlflow"]["build"]["dockerfile_inline"].as_str().expect("a Dockerfile");
    assert!(built.contains(&format!("mlflow=={version} ")), "{built}");
}

/// Between containers the files of one machine have other addresses: as the containers' own commands change them.
#[test]
fn between_containers_configurations_hold() {
    let compose = yaml(&deploy("compose.yml")).remove(0);
    for (service, inside, check, addresses) in [
        (
            "prometheus",
            "/etc/prometheus",
            &["promtool", "check", "config"][..],
            &["nearset:8000", "alertmanager:9093"][..],
        ),
        ("alertmanager", "/etc/alertmanager", &["amtool", "check-config"], &["nearset:9000"]),
    ] {
        let command = words(&compose["services"][service]["command"]).remove(0);
        let (change, _) = command.split_once("&& exec").expect("a change, then the program");
        let dir = tempfile::tempdir().expect("a folder");
        let made = dir.path().join(format!("{service}.yml"));
        let change = change
            .replace(&format!("/tmp/{service}.yml"), &made.display().to_string())
            .replace(inside, &deploy(service).display().to_string());
        let changed = Command::new("sh").args(["-ec", &change]).output().expect("sh");
        assert!(changed.status.success(), "{change}: {}", text(&changed.stderr));
        let told = read(&made);
        assert!(addresses.iter().all(|address| told.contains(address)), "{told}");
        let addressed = told.lines().filter(|line| !line.trim_start().starts_with('#'));
        assert!(!addressed.collect::<String>().contains("127.0.0.1"), "{told}");
        let checked = Command::new(check[0]).args(&check[1..]).arg(&made).output().expect("tests/install-servers.sh");
        assert!(checked.status.success(), "{}{}", text(&checked.stdout), text(&checked.stderr));
    }
    let [between, beside] = ["compose/datasource.yml", "grafana/provisioning/datasources/prometheus.yml"]
        .map(|file| yaml(&deploy(file)).remove(0)["datasources"][0].clone());
    for name in ["name", "uid", "type"] {
        assert_eq!(between[name], beside[name]);
    }
}

#[test]
fn kubernetes_runs_what_the_program_knows_with_settings_that_there_are() {
    let parts = yaml(&deploy("kubernetes/nearset.yaml"));
    let of = |kind: &str| parts.iter().find(|part| part["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"));
    are_settings(of("ConfigMap")["data"]["nearset.toml"].as_str().expect("settings"));
    let container = &of("StatefulSet")["spec"]["template"]["spec"]["containers"][0];
    is_known(&words(&container["args"]));
    let secrets = of("Secret")["stringData"].as_object().expect("secrets").keys().cloned();
    let given =
        container["env"].as_array().expect("settings").iter().map(|one| one["name"].as_str().unwrap_or("").to_owned());
    let example = read(&Path::new(ROOT).join("nearset.example.toml"));
    for name in secrets.chain(given).filter(|name| name != "HOME") {
        assert!(example.contains(&format!("{} = ", name.to_lowercase())), "{name} is no setting");
    }
}

#[test]
fn the_service_runs_what_the_program_knows_and_systemd_understands_it() {
    are_settings(&read(&deploy("service.toml")));
    let unit = read(&deploy("nearset.service"));
    let command =
        unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/nearset ")).expect("a command");
    is_known(&command.split(' ').map(str::to_owned).collect::<Vec<_>>());
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("nearset.service");
    // the user is made where it is installed
    let here = unit.replace("/usr/local/bin/nearset", env!("CARGO_BIN_EXE_nearset")).replace("=nearset\n", "=daemon\n");
    fs::write(&file, here).expect("a unit");
    let verified = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&file).output();
    let verified = verified.expect("systemd-analyze, of tests/install-servers.sh");
    assert!(verified.status.success() && verified.stderr.is_empty(), "{}", text(&verified.stderr));
}

/// tests/package.sh runs the commands of this page.
#[test]
fn deployment_names_the_files_that_there_are() {
    let page = read(&Path::new(ROOT).join("docs/deployment.md"));
    let version = env!("CARGO_PKG_VERSION");
    for named in [format!("nearset_{version}_amd64.deb"), format!("nearset-{version}-linux-x64")] {
        assert!(page.contains(&named), "docs/deployment.md names the files of another version than {version}");
    }
    for (_, rest) in page.match_indices("](../deploy/").map(|(at, mark)| page.split_at(at + mark.len())) {
        let file = rest.split(')').next().unwrap_or(rest);
        assert!(deploy(file).exists(), "docs/deployment.md: deploy/{file}");
    }
}

#[test]
fn scripts_are_ones_that_sh_reads() {
    let scripts = files_below(&deploy(""), "sh").into_iter();
    let all: Vec<PathBuf> =
        scripts.chain(["postinst", "prerm", "postrm"].map(|name| deploy("debian").join(name))).collect();
    assert!(all.len() > 8);
    for script in all {
        let read = Command::new("sh").arg("-n").arg(&script).output().expect("sh");
        assert!(read.status.success(), "{}: {}", script.display(), text(&read.stderr));
    }
}

/// What came with a package is used without a setting, where nothing else of DuckDB's is there.
#[test]
fn a_packages_extensions_are_found_beside_the_program() {
    let n = Nearset::empty();
    let (bin, lib) = (n.path().join("usr/bin"), n.path().join("usr/lib/nearset"));
    fs::create_dir_all(&bin).and_then(|()| fs::create_dir_all(lib.join("extensions"))).expect("folders");
    let program = Path::new(env!("CARGO_BIN_EXE_nearset"));
    fs::copy(program, bin.join("nearset")).expect("a program");
    std::os::unix::fs::symlink(program.with_file_name("libduckdb.so"), lib.join("libduckdb.so")).expect("a library");
    for entry in fs::read_dir(extensions()).expect("make extensions").flatten() {
        std::os::unix::fs::symlink(entry.path(), lib.join("extensions").join(entry.file_name())).expect("a folder");
    }
    let setup = duckdb::Connection::open_in_memory().expect("a database");
    let shop = n.path().join("shop.db");
    setup
        .execute_batch(&format!(
            "load '{}'; attach '{}' as shop (type sqlite);
             create table shop.dataset (id bigint, dataset_name varchar, create_time timestamp);
             insert into shop.dataset values (1, 'one', '2026-01-01');",
            extension("sqlite_scanner").display(),
            shop.display()
        ))
        .expect("a source");
    let doctor = |program: &Path| {
        Command::new(program)
            .arg("doctor")
            .current_dir(n.path())
            .env_clear()
            .envs([("HOME", n.path()), ("BUSINESS_DB_URL", Path::new(&format!("sqlite:{}", shop.display())))])
            .env("BUSINESS_DATA_SOURCE", "database")
            .output()
            .expect("nearset runs")
    };
    let found = text(&doctor(&bin.join("nearset")).stdout);
    let place = "usr/lib/nearset/extensions/v1.5.5";
    assert!(found.contains(place) && found.contains("sqlite_scanner.duckdb_extension"), "{found}");
    let elsewhere = text(&doctor(program).stdout);
    assert!(elsewhere.contains("DuckDB's sqlite_scanner extension is not here"), "{elsewhere}");
}

/// The smoke test of those who have nothing but curl.
fn smoke(base: &str, token: Option<&str>) -> Output {
    let mut command = Command::new(deploy("smoke.sh"));
    command.arg(base).env_remove("TEST_TOKEN").env("LC_ALL", "C");
    if let Some(token) = token {
        command.env("TEST_TOKEN", token);
    }
    command.output().expect("smoke.sh runs")
}

#[test]
fn a_server_is_asked_as_its_users_ask_it() {
    let mut n = Nearset::demo();
    n.set("TEST_TOKEN", "of-the-test");
    let server = n.serve();
    let asked = n.ok(&["doctor", "--server", &server.base]);
    for expected in ["is ready", "40 are whole", "not logged", "within", "series can be read", "describes"] {
        assert!(asked.contains(expected), "{expected}: {asked}");
    }
    let findings: Value = serde_json::from_str(&n.ok(&["doctor", "--server", &server.base, "--json"])).expect("JSON");
    assert!(
        findings.as_array().is_some_and(|all| all.len() > 7 && all.iter().all(|one| one["verdict"] == "ok")),
        "{findings}"
    );
    let smoked = smoke(&server.base, Some("of-the-test"));
    assert!(smoked.status.success() && text(&smoked.stdout).ends_with(" 0 failed\n"), "{}", text(&smoked.stdout));
    let log = n.data().join("evaluation/exposure_log.jsonl");
    let logged = || fs::read_to_string(&log).unwrap_or_default();
    assert_eq!(logged(), "", "a test is no exposure");

    // whoever has no token fetches ahead, and is in no figure
    let mut stranger = Nearset::empty();
    assert!(stranger.ok(&["doctor", "--server", &server.base]).contains("in no figure"));
    assert!(smoke(&server.base, None).status.success());
    assert!(server.has_shown_nothing());
    let lines = logged();
    assert!(
        lines.lines().count() > 40 && lines.lines().all(|line| line.contains("\"purpose\":\"prefetch\"")),
        "{lines}"
    );

    stranger.set("TEST_TOKEN", "another");
    let refused = stranger.run(&["doctor", "--server", &server.base]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stdout).contains("TEST_TOKEN is not the server's"), "{}", text(&refused.stdout));
    assert!(!smoke(&server.base, Some("another")).status.success());
}

/// Answers 200 and `{}` to whoever asks for whatever, as a page that is none of nearset's.
fn somebody_else() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            BufReader::new(&stream).read_line(&mut String::new()).ok();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}").ok();
        }
    });
    base
}

#[test]
fn a_server_that_is_not_well_is_told_from_one_that_is() {
    let n = Nearset::empty();
    let told = |url: &str| {
        let output = n.run(&["doctor", "--server", url]);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
        assert!(!smoke(url, None).status.success(), "{url}");
        text(&output.stdout) + &text(&output.stderr)
    };
    let nobody = told(&format!("http://127.0.0.1:{}", free_port()));
    assert!(nobody.contains("does not answer"), "{nobody}");
    let other = told(&somebody_else());
    assert!(
        ["lists", "refusals", "metrics", "api"].iter().all(|what| other.contains(&format!("MEND  {what}"))),
        "{other}"
    );
    let without_a_model = n.serve();
    let early = told(&without_a_model.base);
    assert!(early.contains("it runs and is not ready") && early.contains("unavailable"), "{early}");
    for bad in ["127.0.0.1:8000", "ftp://there", "http://"] {
        let output = n.run(&["doctor", "--server", bad]);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains("is no server's address"), "{}", text(&output.stderr));
    }
}
