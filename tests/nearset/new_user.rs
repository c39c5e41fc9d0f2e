//! A new user's hour, step by step, with what is said at each: the demo, own exports with three mistakes, what doctor says,
//! mending them, a run, a view, a rule, and a list on a page.

use std::fs;

use crate::first_hour::{alone, said, squeezed};
use crate::support::{Nearset, ids};

/// Own exports: forty datasets, of which one has a time that is none, and users in GBK.
fn write_exports(n: &Nearset) {
    let datasets: Vec<_> = (1..=40)
        .map(|id| {
            let theme = ["气象观测", "river levels", "土壤普查", "road traffic"][id % 4];
            let time =
                if id == 7 { "2026-13-45 00:00:00".to_owned() } else { format!("2026-01-{:02} 08:00:00", id % 28 + 1) };
            serde_json::json!({"id": id, "dataset_name": format!("{theme} {id}"), "create_time": time, "price": id})
        })
        .collect();
    n.write("dataset.json", &serde_json::to_string(&datasets).expect("JSON"));
    // 用户 in GBK
    let gbk = b"[{\"id\": 1, \"company_name\": \"\xd3\xc3\xbb\xa7\", \"create_time\": \"2026-01-01 00:00:00\"}]";
    fs::write(n.exports().join("user.json"), gbk).expect("a file");
}

/// Whether a line says where a run is: a slow machine says so more often.
fn is_progress(line: &str) -> bool {
    line.strip_prefix("    ").is_some_and(|place| !place.is_empty() && !place.contains([' ', ':']))
}

#[test]
fn a_new_users_hour() {
    let mut n = alone(Nearset::empty()).own_project();
    let mut hour = String::new();
    let mut step = |n: &Nearset, args: &[&str]| {
        let output = n.run(args);
        let said = said(n, &output);
        let said = said.lines().filter(|line| !is_progress(line)).collect::<Vec<_>>().join("\n");
        let said = if args[0] == "config" { squeezed(&said) } else { said };
        hour += &format!("$ nearset {}\n{said}\n\n", args.join(" "));
        output.status.success()
    };
    let fixtures = crate::support::ROOT.to_owned() + "/fixtures";
    std::os::unix::fs::symlink(fixtures, n.path().join("project/fixtures")).expect("a link");
    n.set("TRAIN_SECONDS", "0");
    assert!(step(&n, &["demo", "--no-serve", "--data-dir", "demo/data", "--models-dir", "demo/models"]));

    write_exports(&n);
    fs::write(n.path().join("nearset.toml"), "data_json_dir = \"exports\"\ncahce_mb = 32\n").expect("a file");
    assert!(!step(&n, &["doctor"]));
    fs::write(n.path().join("nearset.toml"), "data_json_dir = \"exports\"\ncache_mb = 32\n").expect("a file");
    assert!(step(&n, &["config", "show", "--changed"]));
    assert!(!step(&n, &["run", "--as-of", "2026-03-01"]), "GBK is taken for UTF-8");
    n.write("user.json", "[{\"id\": 1, \"company_name\": \"用户\", \"create_time\": \"2026-01-01 00:00:00\"}]");
    assert!(step(&n, &["doctor"]));
    assert!(step(&n, &["run", "--as-of", "2026-03-01"]));
    assert!(step(
        &n,
        &["sql", "select source_table, source_key, column_name, value, reason, outcome from rejected_rows"]
    ));

    let view = "-- description: 每个主题有多少数据集。\nselect regexp_replace(title, ' .*', '') as 主题, count(*) as 数量\nfrom dataset\ngroup by all\n";
    let place = n.project.join("views/themes.sql");
    fs::write(&place, view).expect("a view");
    assert!(!step(&n, &["views", "check"]));
    fs::write(&place, view.replace("from dataset\n", "from datasets\n")).expect("a view");
    assert!(step(&n, &["run", "--only", "reconcile", "--as-of", "2026-03-01"]));
    assert!(step(&n, &["sql", "from themes order by all"]));

    fs::write(n.data().join("rules.toml"), "[[rule]]\naction = \"pin\"\ndatasets = [30]\npages = [3]\nposition = 1\n")
        .expect("a file");
    assert!(step(&n, &["doctor"]));
    let server = n.serve();
    let list = server.list("/similar/3?top_n=3");
    let shown = ids(&list["similar_items"]);
    assert_eq!((shown.len(), shown[0]), (3, 30), "{list}");
    insta::assert_snapshot!("a_new_users_hour", hour);
}
