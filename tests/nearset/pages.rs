//! Pages as a front-end developer makes them: the snippet of docs/front-end.md, and the console's page, in node and, where it
//! is installed, in Chromium.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::json;

use crate::support::{AS_OF, Nearset, ROOT, text};

/// A browser's User-Agent: the headless one says that it is no visitor's.
const VISITOR: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";

/// The first of four datasets whose ids browsers cannot hold.
const SNOWFLAKE: i64 = 1_790_000_000_000_000_001;

/// The snippet of a page of docs/, with another address and dataset.
fn snippet(doc: &str, api: &str, page: &str) -> String {
    let text = fs::read_to_string(format!("{ROOT}/docs/{doc}")).expect("the page");
    let (_, rest) = text.split_once("```html\n").expect("a snippet");
    let (snippet, _) = rest.split_once("```").expect("its end");
    let placed = snippet.replace("https://recommend.example.cn", api).replace("\"1001\"", &format!("\"{page}\""));
    assert!(placed.contains(api) && placed.contains(page));
    placed
}

/// What stands in a script without what is said about it.
fn without_comments(text: &str) -> Vec<&str> {
    text.lines()
        .map(|line| line.split("  //").next().unwrap_or_default().trim_end())
        .filter(|line| !line.is_empty())
        .collect()
}

fn snowflakes(format: &str) -> Nearset {
    let mut n = Nearset::empty();
    n.set("ID_FORMAT", format);
    n.set("CORS_ORIGINS", "*");
    let rows: Vec<_> = (0..4)
        .map(|step| {
            let name = format!("水文监测数据 {step}");
            json!({"id": SNOWFLAKE + step, "dataset_name": name, "create_time": "2026-01-01 00:00:00", "tag": "water"})
        })
        .collect();
    n.write("dataset.json", &json!(rows).to_string());
    n.ok(&["run", "--as-of", AS_OF]);
    n
}

#[test]
fn the_snippet_is_the_same_in_both_languages() {
    let of = |doc| snippet(doc, "api", "page");
    let (english, chinese) = (of("front-end.md"), of("front-end.zh-CN.md"));
    assert_eq!(without_comments(&english), without_comments(&chinese));
}

/// Runs a snippet's script in node beside the least of a browser: an insecure page has no `crypto.randomUUID`. Returns the
/// links' addresses with their titles.
fn run_in_node(html: &str, lang: &str, with: &str) -> Vec<(String, String)> {
    let (_, script) = html.split_once("<script type=\"module\">").expect("a script");
    let script = script.replace("</script>", "");
    let browser = format!(
        "const made = [];
         const element = () => ({{ append() {{}} }});
         const storage = {{}};
         const globals = {{
           window: globalThis, sessionStorage: storage, localStorage: {{}},
           crypto: {{ getRandomValues: (array) => array.fill(7) }},
           document: {{
             documentElement: {{ lang: {lang:?} }}, querySelector: element, addEventListener() {{}},
             createElement(name) {{ const one = element(); if (name === 'a') made.push(one); return one; }},
           }},
         }};
         for (const [name, value] of Object.entries(globals)) Object.defineProperty(globalThis, name, {{ value, configurable: true }});
         {with}
         console.info = (...said) => {{ console.error(...said); process.exit(1); }};
         {script}
         console.log(JSON.stringify(made.map((link) => [link.href, link.title])));"
    );
    let mut node = Command::new("node")
        .args(["--input-type=module", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("node, which npm comes with");
    node.stdin.take().expect("standard input").write_all(browser.as_bytes()).expect("the script");
    let output = node.wait_with_output().expect("its end");
    assert!(output.status.success(), "{lang}: {}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("links")
}

#[test]
fn the_snippet_shows_its_list_in_every_language_and_where_nothing_can_be_kept() {
    let n = Nearset::demo();
    let server = n.serve();
    let chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..'\u{9fff}').contains(&c));
    for doc in ["front-end.md", "front-end.zh-CN.md"] {
        let html = snippet(doc, &server.base, "1001");
        for (lang, is_chinese) in [("zh-CN", true), ("zh-Hant-TW", true), ("en", false), ("ja", false), ("", false)] {
            let links = run_in_node(&html, lang, "");
            assert_eq!(links.len(), 6, "{lang}");
            assert!(
                links.iter().all(|(to, why)| to.contains("?rid=req_") && chinese(why) == is_chinese),
                "{lang}: {links:?}"
            );
        }
        for odd in [
            "storage.trail = 'rubbish,[1002,1003],undefined,';",
            "storage.trail = '1002,1003';",
            "Object.defineProperty(globalThis, 'sessionStorage', { get() { throw new Error('SecurityError'); } });",
            "globalThis.userId = 3;",
            "delete AbortSignal.timeout;",
        ] {
            assert_eq!(run_in_node(&html, "ja", odd).len(), 6, "{odd}");
        }
    }
}

#[test]
fn ids_that_a_browser_cannot_hold_lead_where_they_should() {
    for format in ["number", "string"] {
        let n = snowflakes(format);
        let server = n.serve_with(|command| {
            command.env("ADMIN_TOKEN", "t");
        });
        let page = SNOWFLAKE.to_string();
        for doc in ["front-end.md", "front-end.zh-CN.md"] {
            let links = run_in_node(&snippet(doc, &server.base, &page), "zh", "");
            let mut led: Vec<&str> = links.iter().map(|(to, _)| to.split(['/', '?']).nth(2).expect("an id")).collect();
            led.sort_unstable();
            assert_eq!(led, [1, 2, 3].map(|step| (SNOWFLAKE + step).to_string()), "{format}");
        }
        // the answer, the log and what a run takes in say the same ids
        let list = server.list(&format!("/recommend/detail/{page}?user_id=3&recent={}", SNOWFLAKE + 1));
        let item = &list["recommendations"][0]["dataset_id"];
        assert_eq!((list["dataset_id"].is_string(), item.is_string()), (format == "string", format == "string"));
        let logged = fs::read_to_string(n.data().join("evaluation/exposure_log.jsonl")).expect("the log");
        let line: serde_json::Value = serde_json::from_str(logged.lines().last().expect("a line")).expect("JSON");
        assert_eq!((&line["page_id"], &line["items"][0]["dataset_id"]), (&list["dataset_id"], item));
        assert_eq!(line["user_id"], if format == "string" { json!("3") } else { json!(3) });
        assert_eq!(server.post("/models/reload", Some("t")).0, 200);
        server.signal("TERM");
        let (_, said) = server.wait();
        assert_eq!(said.contains("set ID_FORMAT=string"), format == "number", "{said}");
        assert_eq!(n.run(&["doctor"]).stdout.windows(9).any(|part| part == b"ID_FORMAT"), format == "number");
        n.ok(&["run"]);
        let exposed = n.sql("select distinct dataset_id from exposures order by 1");
        let exposed: Vec<i64> = exposed.iter().map(|row| row["dataset_id"].as_i64().expect("an id")).collect();
        assert_eq!(exposed, [1, 2, 3].map(|step| SNOWFLAKE + step), "{format}");
        assert_eq!(n.value("select count(distinct page_dataset_id) from exposures"), 1);
    }
}

/// Serves one page to whoever asks, for as long as the test runs; returns its port.
fn serve_page(html: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let html = html.clone();
            thread::spawn(move || {
                let head = BufReader::new(&stream).lines().map_while(Result::ok);
                head.take_while(|line| !line.is_empty()).for_each(drop);
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    html.len()
                );
                stream.write_all((answer + &html).as_bytes()).ok();
            });
        }
    });
    port
}

/// The document that a page becomes in Chromium; `None` where there is no Chromium.
pub fn in_chromium(url: &str, lang: &str) -> Option<String> {
    let profile = tempfile::tempdir().expect("a folder");
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "--virtual-time-budget=10000"])
        // a name that is not the machine's own: such a page is no secure context
        .args(["--host-resolver-rules=MAP shop.example 127.0.0.1", &format!("--user-agent={VISITOR}")])
        .args([&format!("--accept-lang={lang}"), &format!("--user-data-dir={}", profile.path().display()), url])
        .output();
    match output {
        Ok(output) => Some(text(&output.stdout)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("chromium is not installed: its part of the test is left out");
            None
        }
        Err(error) => panic!("chromium: {error}"),
    }
}

#[test]
fn the_snippet_works_in_a_browser_on_pages_without_tls() {
    let mut n = Nearset::demo();
    n.set("CORS_ORIGINS", "*");
    let server = n.serve();
    for lang in ["zh-CN", "en", "ja"] {
        let snippet = snippet("front-end.md", &server.base, "1001");
        let html = format!("<!doctype html><html lang={lang}><meta charset=utf-8><body>{snippet}</body></html>");
        let port = serve_page(html);
        let Some(page) = in_chromium(&format!("http://shop.example:{port}/"), "en-US") else { return };
        assert_eq!(page.matches("<li><a href=\"/dataDetail/").count(), 6, "{lang}: {page}");
        assert_eq!(page.contains("一同浏览"), lang == "zh-CN", "{page}");
    }
}

#[test]
fn the_console_speaks_both_languages_and_keeps_every_digit() {
    let n = snowflakes("number");
    let server = n.serve();
    let page = SNOWFLAKE.to_string();
    for (lang, says, title) in
        [("zh-CN", "访客看到的列表", "数据集"), ("en-US", "Its list, as a visitor sees it", "Datasets")]
    {
        let Some(html) = in_chromium(&format!("{}/console/datasets/{page}", server.base), lang) else { return };
        assert!(html.contains(says) && html.contains(title), "{lang}: {html}");
        for step in 1..4 {
            assert!(html.contains(&format!("href=\"/console/datasets/{}\"", SNOWFLAKE + step)), "{lang}: {html}");
        }
        assert!(!html.contains("unknown_dataset"), "{html}");
    }
    // nothing to show is said
    let n = Nearset::empty();
    let server = n.serve();
    let page = in_chromium(&format!("{}/", server.base), "zh-CN").expect("it was there just now");
    assert!(page.contains("没有加载模型") && page.contains("还没有仓库"), "{page}");
}

#[test]
fn the_apis_page_shows_every_route_and_form_in_both_languages() {
    let n = Nearset::empty();
    let server = n.serve();
    let document = server.get("/openapi.json").1;
    for (lang, words) in
        [("zh-CN", ["参数", "数据集旁边的推荐"]), ("en-US", ["Parameters", "Datasets to show beside a dataset"])]
    {
        let Some(page) = in_chromium(&format!("{}/docs", server.base), lang) else { return };
        assert!(words.iter().all(|word| page.contains(word)), "{lang}: {page}");
        for path in document["paths"].as_object().expect("paths").keys() {
            assert!(page.contains(&format!("<code>{path}</code>")), "{lang}: {path} is not on the page");
        }
        for form in document["components"]["schemas"].as_object().expect("schemas").keys() {
            assert!(page.contains(&format!("id=\"form-{form}\"")), "{lang}: {form} is not on the page");
        }
    }
}
