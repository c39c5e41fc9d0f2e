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

#[test]
fn headers_are_held_to_what_they_say() {
    let n = Nearset::demo().own_project();
    view(&n, "busy", "-- description: Busy.\n-- exprot: parquet\nselect 1 as one\n");
    let error = n.fails(1, &["views", "check"]);
    assert!(error.contains("views/busy.sql:2: a header has no key exprot; did you mean export?"), "{error}");
    view(
        &n,
        "busy",
        "-- description: Busy.\n-- column view: How often.\nselect dataset_id, views\nfrom dataset_stats_v2\n",
    );
    let error = n.fails(1, &["views", "check"]);
    let told = "views/busy.sql:2: it describes a column view, which it does not have; did you mean views?";
    assert!(error.contains(told), "{error}");
    let said = n.ok(&["run", "--only", "reconcile", "--as-of", AS_OF]);
    assert!(said.contains(told) && said.contains("view busy failed"), "{said}");
    view(
        &n,
        "busy",
        "-- description: Pages' views.\n-- column views: How often\n-- it was seen.\nselect dataset_id, views\nfrom dataset_stats_v2\n",
    );
    n.ok(&["run", "--only", "reconcile", "--as-of", AS_OF]);
    let comment = "select comment from duckdb_columns() where table_name = 'busy' and column_name = 'views'";
    assert_eq!(n.value(comment), "How often it was seen.");
    assert_eq!(n.value("select comment from duckdb_views() where view_name = 'busy'"), "Pages' views.");
    let said = n.ok(&["views", "list", "busy"]);
    assert!(said.contains("Pages' views.") && said.contains("views  How often it was seen."), "{said}");
}

#[test]
fn every_column_of_the_projects_relations_is_described() {
    let n = Nearset::demo();
    let bare = n.sql(
        "select table_name, column_name from duckdb_columns()
         where schema_name = 'main' and not internal and comment is null and not starts_with(table_name, 'stg_')",
    );
    assert!(bare.is_empty(), "{bare:?}");
    assert!(n.sql("select table_name from duckdb_tables() where schema_name = 'main' and comment is null").is_empty());
}

#[test]
fn a_relation_reads_no_later_room() {
    let n = Nearset::demo().own_project();
    let file = n.project.join("sql/clean/early.sql");
    fs::write(&file, "-- description: Too early.\nselect dataset_id\nfrom dataset_stats_v2\n").expect("a file");
    let error = n.fails(1, &["views", "check"]);
    let told =
        "sql/clean/early.sql:3: early reads dataset_stats_v2, which is made later, in sql/marts; move one of the files";
    assert!(error.contains(told), "{error}");
    fs::remove_file(&file).expect("removed");
    fs::create_dir(n.project.join("sql/features")).expect("a folder");
    n.ok(&["views", "check"]);
    fs::write(n.project.join("sql/features/mine.sql"), "-- description: Lost.\nselect 1 as one\n").expect("a file");
    assert!(n.fails(1, &["views", "check"]).contains("sql/features: there is no such room"));
}

#[test]
fn macros_are_there_for_every_file_and_client() {
    let n = Nearset::demo().own_project();
    let write = |name: &str, text: &str| {
        fs::write(n.project.join(format!("sql/macros/{name}.sql")), text).expect("a macro");
    };
    assert_eq!(n.value("select wilson_low(0.5, 100) < 0.41"), true);
    assert_eq!(n.value("select report_day(timestamp '2026-10-01 23:59:59')"), "2026-10-01");
    write("twice", "-- description: Twice.\ncreate or replace macro twice(x) as\n2 * x\n");
    write(
        "a_quarter",
        "-- description: Calls one that comes later.\ncreate or replace macro a_quarter(x) as\ntwice(x) / 8\n",
    );
    view(&n, "halves", "-- description: Halves.\nselect a_quarter(twice(views)) as half\nfrom dataset_stats_v2\n");
    n.ok(&["views", "check"]);
    n.ok(&["run", "--only", "reconcile", "--as-of", AS_OF]);
    assert_eq!(n.value("select sum(half) = (select sum(views) / 2 from dataset_stats_v2) from halves"), true);
    assert!(n.ok(&["views", "list"]).contains("twice(x)"));
    fs::remove_file(n.project.join("views/halves.sql")).expect("removed");
    fs::remove_file(n.project.join("sql/macros/a_quarter.sql")).expect("removed");
    fs::remove_file(n.project.join("sql/macros/twice.sql")).expect("removed");
    n.ok(&["run", "--only", "reconcile", "--as-of", AS_OF]);
    n.fails(1, &["sql", "select twice(1)"]);

    view(&n, "today", "-- description: A view cannot know.\nselect report_day(viewed_at) as day\nfrom page_views\n");
    assert!(n.fails(1, &["views", "check"]).contains("-- materialize: table"));
    fs::remove_file(n.project.join("views/today.sql")).expect("removed");
    for (text, told) in [
        ("create or replace macro odd(x) as\n1; drop table datasets\n", "sql/macros/odd.sql"),
        ("create or replace macro other(x) as\nx\n", "`create or replace macro odd(…) as`"),
        ("create or replace macro odd(x) as\n(select count(*) from datasets)\n", "a macro reads no relation"),
    ] {
        write("odd", &format!("-- description: Odd.\n{text}"));
        let error = n.fails(1, &["views", "check"]);
        assert!(error.contains(told), "{error}");
    }
    fs::remove_file(n.project.join("sql/macros/odd.sql")).expect("removed");
    write("round", "-- description: Odd.\ncreate or replace macro round(x) as\nx\n");
    assert!(n.fails(1, &["views", "check"]).contains("DuckDB has a function round of its own"));
}
