//! The SQL project as analysts meet it: their own files, and what they read when something is wrong.

use std::fs;

use crate::support::{AS_OF, Nearset};

fn view(n: &Nearset, name: &str, text: &str) {
    fs::write(n.project.join("views").join(format!("{name}.sql")), text).expect("a view");
}

#[test]
fn the_projects_own_files_are_in_order() {
    let said = Nearset::demo().ok(&["views", "check"]);
    assert!(said.contains("files are in order, and bind against the warehouse"), "{said}");
}

#[test]
fn a_new_view_is_in_the_warehouse_after_the_next_run_and_gone_after_its_file() {
    let n = Nearset::demo().own_project();
    view(
        &n,
        "busy_pages",
        "-- description: Pages many look at.\nselect dataset_id, views\nfrom dataset_stats_v2\nwhere views > 50\n",
    );
    n.ok(&["run", "--only", "reconcile", "--as-of", AS_OF]);
    assert!(!n.sql("from busy_pages").is_empty());
    let list = n.ok(&["views", "list"]);
    assert!(list.contains("busy_pages") && list.contains("Pages many look at."), "{list}");
    let lineage = n.ok(&["views", "lineage", "dataset_stats_v2"]);
    assert!(lineage.contains("read by busy_pages") && lineage.contains("reads   page_views"), "{lineage}");
    fs::remove_file(n.project.join("views/busy_pages.sql")).expect("removed");
    n.ok(&["run", "--only", "reconcile", "--as-of", AS_OF]);
    n.fails(1, &["sql", "from busy_pages"]);
}

#[test]
fn mistakes_are_told_with_file_line_and_caret() {
    let n = Nearset::demo().own_project();
    view(&n, "broken", "-- description: A slip.\nselect dataset_id\nform datasets\nwhere price > 1\n");
    let error = n.fails(1, &["views", "check"]);
    assert!(error.contains("views/broken.sql:4:") || error.contains("views/broken.sql:3:"), "{error}");
    assert!(error.lines().any(|l| l.trim() == "^"), "{error}");

    view(&n, "broken", "-- description: A slip.\nselect\n    dataset_id,\n    pricee\nfrom datasets\n");
    let error = n.fails(1, &["views", "check"]);
    assert!(error.contains("views/broken.sql:4:") && error.contains("pricee"), "{error}");
    let caret = error.lines().find(|l| l.trim() == "^").expect("a caret");
    let source = error.lines().find(|l| l.trim() == "pricee").expect("the line");
    assert_eq!(caret.find('^'), source.find("pricee"), "{error}");

    view(&n, "broken", "-- description: A slip.\nselect dataset_id\nfrom dataset\n");
    let error = n.fails(1, &["views", "check"]);
    assert!(error.contains("views/broken.sql:3: no relation dataset; did you mean datasets?"), "{error}");

    view(&n, "broken", "-- description: Two.\nselect 1;\nselect 2\n");
    assert!(n.fails(1, &["views", "check"]).contains("a file of the project is one SELECT"));
    view(&n, "broken", "-- description: No query.\ndrop table datasets\n");
    assert!(n.fails(1, &["views", "check"]).contains("a file of the project is one SELECT"));
    view(&n, "broken", "select 1 as one\n");
    assert!(n.fails(1, &["views", "check"]).contains("the first line must be `-- description: …`"));
    view(&n, "broken", "-- description: When.\nselect getvariable('as_of') as now_ish\n");
    assert!(n.fails(1, &["views", "check"]).contains("-- materialize: table"));
    view(&n, "broken", "-- description: When.\n-- materialize: table\nselect getvariable('as_of') as now_ish\n");
    n.ok(&["views", "check"]);
    view(&n, "datasets", "-- description: A twin.\nselect 1 as one\n");
    let error = n.fails(1, &["views", "check"]);
    assert!(error.contains("views/datasets.sql: the name datasets is taken by sql/clean/datasets.sql"), "{error}");
}

#[test]
fn circles_are_named_and_common_table_expressions_are_no_relations() {
    let n = Nearset::demo().own_project();
    view(&n, "one", "-- description: One.\nselect a from two\n");
    view(&n, "two", "-- description: Two.\nselect a from three\n");
    view(&n, "three", "-- description: Three.\nselect a from one\n");
    let error = n.fails(1, &["views", "check"]);
    assert!(error.contains("in a circle") && error.contains("one <- two <- three <- one"), "{error}");
    for name in ["two", "three"] {
        fs::remove_file(n.project.join(format!("views/{name}.sql"))).expect("removed");
    }
    // a CTE may bear the name of what it reads, and hides no relation beside it
    view(
        &n,
        "one",
        "-- description: One.\nwith datasets as (select dataset_id from datasets), two as (select 1 as a)\nselect two.a, datasets.dataset_id from two cross join datasets\n",
    );
    n.ok(&["views", "check"]);
    let lineage = n.ok(&["views", "lineage", "one"]);
    assert_eq!(lineage.trim().lines().count(), 2, "{lineage}");
    assert!(lineage.contains("reads   datasets"), "{lineage}");
}

#[test]
fn queries_read_the_warehouse_and_nothing_else() {
    let n = Nearset::demo();
    for query in [
        "select * from read_text('/etc/hostname')",
        "copy (select 1) to '/tmp/nearset-leak.csv'",
        "attach '/tmp/x.db'",
        "from '/etc/passwd'",
    ] {
        n.fails(1, &["sql", query]);
        n.fails(1, &["sql", query, "--format", "json"]);
    }
    n.fails(1, &["sql", "drop table datasets"]);
    n.fails(1, &["sql", "set enable_external_access = true"]);
    assert_eq!(n.ok(&["sql", "select 1 as a, '二' as b", "--format", "csv"]), "a,b\n1,二\n");
    let parquet = n.run(&["sql", "from datasets", "--format", "parquet"]).stdout;
    assert_eq!(&parquet[..4], b"PAR1");
    fs::write(n.path().join("mine.sql"), "select count(*) as n\nfrom datasets;\n").expect("a file");
    assert!(n.ok(&["sql", "mine.sql"]).contains("312"));
    assert_eq!(n.value("select getvariable('as_of')"), "2026-10-16 00:00:00");
    let error = n.fails(1, &["sql", "select nothing from datasets"]);
    assert!(error.contains("nothing") && error.contains('^'), "{error}");
}

#[test]
fn any_duckdb_client_could_read_what_is_published() {
    let n = Nearset::demo();
    for name in ["dataset_features_v2", "user_features_v2", "interactions_v2", "dataset_stats_v2"] {
        assert!(n.data().join(format!("processed/{name}.parquet")).is_file(), "{name}");
        let columns = n.value(&format!("select count(*) from duckdb_columns() where table_name = '{name}'"));
        if name.contains("features") {
            assert!(columns.as_u64() >= Some(30), "{name} has {columns} columns");
        }
    }
    for view in ["funnel_by_day", "coverage", "cold_datasets", "lists_nobody_clicks"] {
        n.sql(&format!("from {view}"));
    }
    assert!(!n.sql("from cold_datasets").is_empty());
}
