//! The console: what its pages say of what a run published, and that they look as they should in a browser.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Nearset, ROOT, Server, text};

/// A page in a language.
fn page(server: &Server, path: &str, language: &str) -> (u16, String) {
    let asked = crate::support::agent()
        .get(format!("{}{path}", server.base))
        .header("cookie", format!("nearset_lang={language}"));
    let mut response = asked.call().expect("an answer");
    (response.status().as_u16(), response.body_mut().read_to_string().expect("text"))
}

fn logged(n: &Nearset) -> String {
    fs::read_to_string(n.data().join("evaluation/exposure_log.jsonl")).unwrap_or_default()
}

#[test]
fn the_old_address_leads_to_the_console() {
    let n = Nearset::empty();
    let server = n.serve();
    let (status, html) = server.get_text("/");
    assert_eq!(status, 200);
    assert!(html.contains("nearset") && html.contains("There is no warehouse yet"), "{html}");
}

#[test]
fn every_page_of_the_navigation_is_there_before_any_run_and_after_one() {
    for n in [Nearset::empty(), Nearset::demo()] {
        let server = n.serve();
        let (_, html) = page(&server, "/console", "en");
        let links: Vec<&str> = html
            .split("<ul class=\"pages\">")
            .nth(1)
            .and_then(|rest| rest.split("</ul>").next())
            .expect("the navigation")
            .split("href=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert_eq!(links.len(), 12, "{links:?}");
        for link in links {
            for (language, tag) in [("en", "lang=\"en\""), ("zh", "lang=\"zh-CN\"")] {
                let (status, html) = page(&server, link, language);
                assert_eq!(status, 200, "{link}");
                assert!(html.contains(tag) && html.contains("aria-current=\"page\""), "{link}: {html}");
            }
        }
    }
}

#[test]
fn lists_that_the_console_shows_are_nobodys() {
    let n = Nearset::demo();
    let server = n.serve();
    let (_, one) = page(&server, "/console/datasets/1001?user=3&recent=1002,1003&device=mobile", "en");
    assert!(one.contains("How it came here") && one.contains("behaviour"), "{one}");
    let (_, two) = page(&server, "/console/lists?dataset=1001&b_user=3", "zh");
    assert!(two.contains("前十中两者皆有"), "{two}");
    let (_, sample) = page(&server, "/console/lists", "en");
    assert!(sample.contains("on average"), "{sample}");
    assert_eq!(logged(&n), "", "the log stays empty");
    assert!(server.has_shown_nothing());
    let health = server.get("/health").1;
    assert_eq!(health["cache"]["entries"], 0, "{health}");
    let metrics = server.get_text("/metrics").1;
    assert!(metrics.contains("user_coverage_ratio 0\n") && metrics.contains("item_coverage_ratio 0\n"), "{metrics}");
    let trending = server.list("/hot/trending?timeframe=1h&limit=3");
    assert!(!trending.to_string().contains("visitors lately"), "{trending}");
    // the list is the one that the API answers
    let list = server.list("/recommend/detail/1001?user_id=3&recent=1002,1003");
    let places: Vec<usize> = list["recommendations"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| {
            one.find(&format!("class=\"title\"><a href=\"/console/datasets/{}\"", item["dataset_id"]))
                .expect("it is there")
        })
        .collect();
    assert!(places.len() == 10 && places.is_sorted(), "{places:?}");
}

#[test]
fn datasets_are_browsed_and_found() {
    let n = Nearset::demo();
    let server = n.serve();
    let rows = |query: &str| {
        let (status, html) = page(&server, &format!("/console/datasets{query}"), "en");
        assert_eq!(status, 200, "{query}");
        (html.matches("<tr>").count().saturating_sub(1), html)
    };
    let (all, html) = rows("");
    assert_eq!(all, 50, "{html}");
    assert!(html.contains("rel=\"next\"") && !html.contains("rel=\"prev\""));
    assert!(rows("?page=2").1.contains("rel=\"prev\""));
    let cheapest = rows("?sort=price").1;
    assert!(cheapest.contains("aria-sort=\"ascending\"") && cheapest.contains("free"), "{cheapest}");
    assert_eq!(rows("?price_from=1e12").0, 0);
    assert!(rows("?price_to=cheap").1.contains("This is no number"));
    let title = n.sql("select title, provider from dataset_features_v2 where is_listed and length(title) > 6 order by views desc limit 1");
    let (title, provider) =
        (title[0]["title"].as_str().expect("a title"), title[0]["provider"].as_str().unwrap_or_default());
    let words: String = url::form_urlencoded::byte_serialize(title.as_bytes()).collect();
    assert!(rows(&format!("?words={words}")).1.contains(title));
    let provider: String = url::form_urlencoded::byte_serialize(provider.as_bytes()).collect();
    assert!(rows(&format!("?provider={provider}")).0 > 0);
    for hostile in ["?sort=price;drop", "?page=-1", "?page=99999999999999", "?tag=%27%3B--", "?words=%3Cscript%3E"] {
        assert!(!rows(hostile).1.contains("<script>"), "{hostile}");
    }
    let (status, html) = page(&server, "/console/datasets/424242424242", "zh");
    assert_eq!((status, html.contains("没有数据集")), (404, true));
}

#[test]
fn the_console_looks_as_it_should_in_a_browser() {
    let browser = Command::new("chromium").arg("--version").output();
    let place = std::env::var("XDG_CACHE_HOME")
        .unwrap_or_else(|_| format!("{}/.cache", std::env::var("HOME").expect("a home")));
    if browser.is_err() || !Path::new(&place).join("nearset/browser/node_modules/axe-core").exists() {
        println!(
            "chromium, playwright-core and axe-core are not installed (tests/install-browser.sh): the console is not looked at"
        );
        return;
    }
    let n = Nearset::demo();
    let server = n.serve();
    let target = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| format!("{ROOT}/target"));
    let walked = Command::new("node")
        .arg(format!("{ROOT}/tests/console/walk.mjs"))
        .args([server.base.clone(), format!("{target}/console"), "quick".to_owned()])
        .output()
        .expect("node");
    assert!(walked.status.success(), "{}{}", text(&walked.stdout), text(&walked.stderr));
}
