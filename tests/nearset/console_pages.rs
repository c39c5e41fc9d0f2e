//! The console's pages over HTTP: every link leads somewhere, in both languages; what changes something asks for the right to;
//! no secret is on any page.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;

use crate::support::{AS_OF, Nearset, Server, agent};

/// The most pages of one kind that are followed: `/console/datasets/{id}` is one kind, whatever the id.
const OF_A_KIND: usize = 6;

/// Asks for a page as a browser of that language does.
pub fn page(server: &Server, path: &str, language: &str) -> (u16, String) {
    let asked = agent().get(format!("{}{path}", server.base)).header("accept-language", language);
    let mut answer = asked.call().expect("an answer");
    let bytes = answer.body_mut().read_to_vec().expect("an answer");
    (answer.status().as_u16(), String::from_utf8_lossy(&bytes).into_owned())
}

/// Sends a form as a page of this server does; the status and where it leads, or what it says.
pub fn send(server: &Server, path: &str, token: Option<&str>, form: &str) -> (u16, String) {
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).max_idle_connections(0);
    let agent: ureq::Agent = config.build().into();
    let mut asked = agent
        .post(format!("{}{path}", server.base))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", &server.base);
    if let Some(token) = token {
        asked = asked.header("authorization", format!("Bearer {token}"));
    }
    let mut answer = asked.send(form).expect("an answer");
    let to = answer.headers().get("location").map(|to| to.to_str().expect("text").to_owned());
    (answer.status().as_u16(), to.unwrap_or_else(|| answer.body_mut().read_to_string().expect("text")))
}

/// Where a page leads, as its links and forms say.
fn links(text: &str) -> impl Iterator<Item = String> {
    let quoted = |mark: &'static str| {
        text.split(mark).skip(1).filter_map(|rest| rest.split_once('"')).map(|(link, _)| link.replace("&amp;", "&"))
    };
    quoted(" href=\"").chain(quoted(" data-poll=\"")).filter(|link| link.starts_with('/'))
}

/// What pages of one kind have in common.
fn kind(link: &str) -> String {
    let (path, query) = link.split_once('?').unwrap_or((link, ""));
    let part = |part: &str| match part {
        one if one.len() > 12 || one.chars().any(|c| c.is_ascii_digit()) => "*".to_owned(),
        one => one.to_owned(),
    };
    let names: BTreeSet<&str> = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default()).collect();
    format!("{}?{names:?}", path.split('/').map(part).collect::<Vec<_>>().join("/"))
}

/// Every page that can be reached from the first, by its address.
fn walk(server: &Server, language: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut next = VecDeque::from(["/console".to_owned()]);
    while let Some(link) = next.pop_front() {
        let (status, text) = page(server, &link, language);
        assert_eq!(status, 200, "{link}: {text}");
        for further in links(&text) {
            let count = kinds.entry(kind(&further)).or_default();
            let is_ours =
                further.starts_with("/console") || further.starts_with("/views/") || further.starts_with("/docs");
            let changes_the_choice = further.contains("lang=") || further.contains("theme=");
            let is_asset = further.starts_with("/console/assets/");
            if is_ours && !is_asset && !changes_the_choice && *count < OF_A_KIND && seen.insert(further.clone()) {
                *count += 1;
                next.push_back(further);
            }
        }
        found.insert(link, text);
    }
    found
}

#[test]
fn every_link_of_every_page_leads_somewhere_in_both_languages() {
    let n = Nearset::demo();
    let server = n.serve();
    for (language, lang, word) in [("en", "en", "Models"), ("zh-CN", "zh-CN", "模型")] {
        let pages = walk(&server, language);
        for wanted in [
            "/console/models",
            "/console/models/*",
            "/console/runs",
            "/console/runs/*",
            "/console/views",
            "/console/views/coverage",
            "/console/dashboards/analyst",
            "/console/dashboards/management",
            "/console/settings",
        ] {
            let is_it = |path: &String| match wanted.strip_suffix('*') {
                Some(start) => path.starts_with(start) && path.len() > start.len(),
                None => path == wanted,
            };
            assert!(pages.keys().any(is_it), "{wanted} is not reached: {:?}", pages.keys());
        }
        for (path, text) in pages.iter().filter(|(_, text)| text.starts_with("<!DOCTYPE")) {
            if path.starts_with("/console") {
                assert!(text.contains(&format!("<html lang=\"{lang}\"")) && text.contains(word), "{path}");
                assert!(!text.contains("class=\"problem\""), "{path}: {text}");
            }
        }
    }
    assert!(server.has_shown_nothing(), "whoever looks at pages is shown no list");
}

#[test]
fn what_is_chosen_on_one_page_holds_on_all() {
    let n = Nearset::demo();
    let server = n.serve();
    let config = ureq::Agent::config_builder().max_redirects(0).http_status_as_error(false);
    let agent: ureq::Agent = config.build().into();
    let answer = agent.get(format!("{}/console/models?lang=zh&done=promote", server.base)).call().expect("an answer");
    let header =
        |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    assert_eq!((answer.status().as_u16(), header("location").as_str()), (303, "/console/models?done=promote"));
    let cookie = header("set-cookie");
    let asked = agent
        .get(format!("{}/console/runs", server.base))
        .header("cookie", cookie.split(';').next().unwrap_or_default());
    let text = asked.call().expect("an answer").body_mut().read_to_string().expect("text");
    assert!(text.contains("<html lang=\"zh-CN\"") && text.contains("运行"), "{text}");
}

#[test]
fn no_page_shows_a_secret() {
    let mut n = Nearset::demo();
    let all: Vec<serde_json::Value> = serde_json::from_str(&n.ok(&["config", "show", "--json"])).expect("settings");
    let names = all.iter().map(|setting| setting["name"].as_str().expect("a name").to_owned());
    let secret: Vec<String> =
        names.filter(|name| ["TOKEN", "PASSWORD", "SECRET"].iter().any(|end| name.ends_with(end))).collect();
    assert!(secret.len() >= 5, "{secret:?}");
    for (place, name) in secret.iter().enumerate() {
        n.set(name, &format!("canary-{place}-canary"));
    }
    for name in ["BUSINESS_DB_URL", "MATOMO_DB_URL"] {
        n.set(name, "mysql://reader:canary-url-canary@db.example.cn/shop?token=canary-option");
    }
    n.set("HTTPS_PROXY", "http://user:canary-proxy-canary@127.0.0.1:9");
    n.set("MLFLOW_TRACKING_URI", "http://user:canary-mlflow-canary@127.0.0.1:9");
    let server = n.serve();
    let pages = walk(&server, "en");
    let settings = &pages["/console/settings"];
    for name in &secret {
        assert!(settings.contains(name.as_str()) && settings.contains("***"), "{name} is not told of");
    }
    for (path, text) in &pages {
        assert!(
            !text.contains("canary"),
            "{path}: {}",
            text.lines().find(|line| line.contains("canary")).unwrap_or_default()
        );
    }
    // who changes something sees no more
    let (_, said) = send(&server, "/console/models/change", Some("canary-0-canary"), "what=promote&version=x");
    assert!(!said.contains("canary"), "{said}");
}

#[test]
fn settings_are_found_by_words_and_say_where_they_stand() {
    let mut n = Nearset::empty();
    n.set("CACHE_MB", "65");
    fs::write(n.path().join("nearset.toml"), "shed_ms = 251\n").expect("a file");
    let server = n.serve();
    let (_, text) = page(&server, "/console/settings?words=SHED_MS", "en");
    assert!(text.contains("SHED_MS") && text.contains("nearset.toml:1") && text.contains("251"), "{text}");
    assert!(!text.contains("CACHE_MB"), "{text}");
    let (_, changed) = page(&server, "/console/settings?changed=1", "zh");
    assert!(changed.contains("CACHE_MB") && changed.contains("环境变量") && changed.contains("已修改"), "{changed}");
    assert!(!changed.contains("OUTGOING_TIMEOUT_SECONDS"), "{changed}");
}

#[test]
fn versions_are_promoted_and_rolled_back_from_their_pages_with_the_admin_token_alone() {
    let mut n = Nearset::demo();
    n.set("ADMIN_TOKEN", "let-me");
    n.take_fixtures(|_| true);
    n.ok(&["run", "--as-of", "2026-10-17", "--from", "features"]);
    let versions: Vec<String> = {
        let mut names: Vec<String> = fs::read_dir(n.models())
            .expect("versions")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .filter(|name| name.starts_with("2026"))
            .collect();
        names.sort();
        names
    };
    let [old, new] = versions.as_slice() else { panic!("{versions:?}") };
    let current = || fs::read_link(n.models().join("current")).expect("a version").to_string_lossy().into_owned();
    assert_eq!(&current(), new);
    let server = n.serve();
    let change = |token: Option<&str>, form: &str| send(&server, "/console/models/change", token, form);
    let promote = format!("what=promote&version={old}");
    for token in [None, Some("wrong")] {
        let (status, said) = change(token, &promote);
        assert!(status == 401 && said.contains("admin token"), "{status} {said}");
    }
    let (_, text) = page(&server, &format!("/console/models/{old}"), "en");
    assert!(!text.contains("action=\"/console/models/change\""), "no form for who may not");
    assert_eq!(&current(), new);
    assert_eq!(change(Some("let-me"), &promote), (303, "/console/models?done=promote".to_owned()));
    assert_eq!(&current(), old);
    assert_eq!(server.get("/health").1["model_version"].as_str(), Some(old.as_str()), "at once");
    assert_eq!(change(Some("let-me"), &format!("what=promote&version={new}")).0, 303);
    assert_eq!(change(Some("let-me"), "what=roll_back").0, 303);
    assert_eq!(&current(), old);
    let canary = format!("what=canary&version={new}&share=7.5");
    assert_eq!(change(Some("let-me"), &canary).1, "/console/models?done=canary");
    let (_, text) = page(&server, "/console/models", "en");
    assert!(text.contains("canary 7.50%"), "{text}");
    assert_eq!(change(Some("let-me"), "what=end_canary").0, 303);
    for (form, words) in [
        ("what=canary&version=../..&share=5", "no such version"),
        (format!("what=canary&version={new}&share=500").as_str(), "from 0 to 100"),
    ] {
        let (status, said) = change(Some("let-me"), form);
        assert!(status == 400 && said.contains(words), "{said}");
    }
    let (_, both) = page(&server, &format!("/console/models/compare?a={old}&b={new}"), "zh");
    for words in ["命中率", "差", "文本模型", old, new] {
        assert!(both.contains(words), "{words}");
    }
    assert_eq!(page(&server, "/console/models/nobody", "en").0, 404);
    assert_eq!(page(&server, "/console/models/compare?a=x&b=y", "en").0, 404);
}

#[test]
fn a_run_is_shown_with_its_steps_logs_and_error_and_is_tried_again() {
    let mut n = Nearset::demo().own_project();
    n.set("ADMIN_TOKEN", "let-me");
    n.take_fixtures(|_| true);
    n.set("DATA_JSON_DIR", &n.exports().display().to_string());
    let file = n.project.join("sql/checks/check_no_free_data.sql");
    fs::write(
        &file,
        "-- description: A check that does not hold.\nselect dataset_id\nfrom datasets\nwhere price = 0\n",
    )
    .expect("a check");
    n.fails(4, &["run", "--as-of", AS_OF, "--only", "features"]);
    let past = || -> Vec<serde_json::Value> { serde_json::from_str(&n.ok(&["runs", "--json"])).expect("runs") };
    let runs = past();
    let id = runs[1]["run"].as_str().expect("an id");
    let server = n.serve();
    let (_, list) = page(&server, "/console/runs?state=refused", "en");
    assert!(list.contains(id) && list.contains("check_no_free_data"), "{list}");
    assert!(!list.contains(runs[0]["run"].as_str().expect("an id")), "the other one is done");
    assert!(list.contains("daily_recommendation"), "what runs when: {list}");
    let (_, one) = page(&server, &format!("/console/runs/{id}"), "en");
    for words in ["features", "check_no_free_data.sql", "log-features", "Nothing was published"] {
        assert!(one.contains(words), "{words}: {one}");
    }
    assert_eq!(page(&server, "/console/runs/nothing", "en").0, 404);
    let act =
        |token: Option<&str>, what: &str| send(&server, "/console/runs/act", token, &format!("what={what}&run={id}"));
    assert_eq!(act(None, "retry").0, 401);
    fs::remove_file(&file).expect("removed");
    assert_eq!(act(Some("let-me"), "retry"), (303, "/console/runs?done=retry".to_owned()));
    let state = || {
        let runs = past();
        (runs.len(), runs.last().and_then(|run| run["state"].as_str()).expect("a state").to_owned())
    };
    let ended = (0..600).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(200));
        let (count, state) = state();
        count == 3 && state != "running"
    });
    assert!(ended && state().1 == "done", "{:?}", state());
    // one that has ended is left as it is
    let newest = past()[2]["run"].as_str().expect("an id").to_owned();
    let body = format!("what=retry&run={newest}");
    let place = format!("/console/runs/{newest}?done=no_retry");
    assert_eq!(send(&server, "/console/runs/act", Some("let-me"), &body), (303, place.clone()));
    assert!(page(&server, &place, "en").1.contains("nothing to try again"));
    assert_eq!(act(Some("let-me"), "cancel"), (303, format!("/console/runs/{id}?done=no_cancel")));
    // what is built has no steps, and none is left of it
    fs::write(n.project.join("views/one_more.sql"), "-- description: One.\nselect 1 as one\n").expect("a view");
    n.ok(&["build"]);
    let built = past()[3]["run"].as_str().expect("an id").to_owned();
    assert!(!page(&server, "/console/runs", "en").1.contains("0 / 1"));
    assert!(!page(&server, &format!("/console/runs/{built}"), "en").1.contains("not yet"));
}
