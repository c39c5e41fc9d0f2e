//! An analyst's day: files are saved while a server runs, pages show them at once, and a bad night takes no figures away.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::console_pages::page;
use crate::support::{AS_OF, Nearset, Server, text};

/// Far more than a page may take to show what was saved.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks at a page until it says all of these words.
fn shows(server: &Server, path: &str, words: &[&str]) -> String {
    let began = Instant::now();
    loop {
        let (_, text) = page(server, path, "en");
        let missing: Vec<_> = words.iter().filter(|word| !text.contains(**word)).collect();
        if missing.is_empty() {
            return text;
        }
        assert!(began.elapsed() < PATIENCE, "{path} does not say {missing:?}: {text}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn save(n: &Nearset, file: &str, sql: &str) {
    fs::write(n.project.join(file), sql).expect("a file");
}

/// A view that an analyst writes.
const SHELVES: &str = "-- description: Datasets by provider. 各供应方的数据集。
-- chart: bar x=provider y=datasets
-- column provider: The company that offers them.
-- column datasets: How many.
select provider, count(*) as datasets
from datasets
where provider is not null
group by provider
order by datasets desc, provider
";

#[test]
fn a_saved_view_is_seen_on_its_page_without_a_run_and_so_is_what_is_wrong_with_it() {
    let n = Nearset::demo().own_project();
    let server = n.serve();
    // a new view, and its chart
    save(&n, "views/shelves.sql", SHELVES);
    let first =
        shows(&server, "/console/views/shelves", &["Datasets by provider", "data-chart", "<code>datasets</code>"]);
    assert!(first.contains("The company that offers them."), "columns are described");
    shows(&server, "/console/views", &["/console/views/shelves"]);
    // what it was, edited
    save(&n, "views/shelves.sql", &SHELVES.replace("count(*) as datasets", "count(*) as datasets, 4711 as lucky"));
    shows(&server, "/console/views/shelves", &["4,711"]);
    // broken: in its own words, with line and caret, and the last good rows of a published one below
    save(&n, "views/coverage.sql", "-- description: 目录覆盖率。\nselect '覆盖' as stage,, 1 as share\n");
    let broken = shows(&server, "/console/views/coverage", &["views/coverage.sql:2", "^", "last good rows"]);
    assert!(broken.contains("ordered"), "the published rows are still there: {broken}");
    shows(&server, "/console/views", &["views/coverage.sql:2"]);
    // broken in what it reads
    save(
        &n,
        "views/coverage.sql",
        "-- description: Coverage.\nselect\n    dataset_id,\n    viewss\nfrom dataset_stats_v2\n",
    );
    let unbound = shows(&server, "/console/views/coverage", &["views/coverage.sql:4", "viewss"]);
    assert!(unbound.contains("ordered"), "the published rows are still there: {unbound}");
    // the others do not mind
    let (status, other) = page(&server, "/console/views/funnel_by_day", "en");
    assert!(status == 200 && !other.contains("class=\"problem\""), "{other}");
    // mended
    save(&n, "views/coverage.sql", "-- description: Coverage, mended.\nselect 'mended' as stage, 0.5 as share\n");
    let mended = shows(&server, "/console/views/coverage", &["Coverage, mended.", "mended</td>"]);
    assert!(!mended.contains("class=\"problem\""), "{mended}");
    // gone
    fs::remove_file(n.project.join("views/shelves.sql")).expect("removed");
    assert_eq!(page(&server, "/console/views/shelves", "en").0, 404);
}

#[test]
fn a_dashboard_is_a_list_of_views_in_a_file() {
    let n = Nearset::demo().own_project();
    let server = n.serve();
    save(
        &n,
        "views/dashboards.toml",
        "[[dashboard]]\nname = \"mine\"\ntitle = { en = \"My desk\", zh = \"我的看板\" }\npanels = [\n\
         { view = \"coverage\", title = \"How far\", width = \"full\" },\n\
         { view = \"figures_by_day\", chart = \"line x=day y=ctr by=value\", filter = { breakdown = [\"endpoint\"] } },\n]\n",
    );
    let text = shows(&server, "/console/dashboards/mine", &["My desk", "How far", "data-chart"]);
    assert_eq!(text.matches("data-chart data-unit").count(), 2, "{text}");
    assert!(text.contains("/recommend/detail") || text.contains("recommend"), "{text}");
    assert!(page(&server, "/console/dashboards/mine", "zh").1.contains("我的看板"));
    n.ok(&["views", "check"]);
    // a mistake is told with its line, on the page and by the check
    save(
        &n,
        "views/dashboards.toml",
        "[[dashboard]]\nname = \"mine\"\ntitle = \"Mine\"\npanels = [\n  { view = \"covrage\" },\n  { view = \"coverage\", chart = \"bars x=stage y=share\" },\n]\n",
    );
    let output = n.run(&["views", "check"]);
    let said = text_of(&output);
    for words in
        ["views/dashboards.toml:5: no view covrage; did you mean coverage?", "views/dashboards.toml:6: chart: \"bars\""]
    {
        assert!(!output.status.success() && said.contains(words), "{words}: {said}");
        shows(&server, "/console/views", &[&words.replace('"', "&quot;")]);
    }
    save(&n, "views/dashboards.toml", "[[dashboard]]\nname = \"mine\"\ntitel = \"Mine\"\n");
    shows(&server, "/console/views", &["views/dashboards.toml:3", "titel"]);
    assert_eq!(page(&server, "/console/dashboards/mine", "en").0, 404);
}

fn text_of(output: &std::process::Output) -> String {
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

#[test]
fn rows_are_filtered_sorted_and_paged_and_the_address_says_so() {
    let n = Nearset::demo();
    let server = n.serve();
    let rows = |query: &str| page(&server, &format!("/console/views/funnel_by_day?{query}"), "en").1;
    let all = rows("");
    assert!(all.contains("1–") && all.contains("sort=-day"), "{all}");
    let one = rows("day=2026-10-01");
    assert!(one.contains("1–1 of 1") && one.contains("day = 2026-10-01"), "{one}");
    let added = rows("day.gte=2026-10-01&column=clicks&test=gte&value=1&sort=-clicks");
    assert!(added.contains("day ≥ 2026-10-01") && added.contains("clicks ≥ 1"), "{added}");
    assert!(
        added.contains("/views/funnel_by_day?day.gte=2026-10-01&amp;clicks.gte=1&amp;format=csv&amp;order=clicks.desc"),
        "{added}"
    );
    let wrong = rows("clicks.gte=many");
    assert!(wrong.contains("many") && wrong.contains("role=\"alert\""), "{wrong}");
    let nothing = rows("day.like=%3Cscript%3E");
    assert!(nothing.contains("&lt;script&gt;") && !nothing.contains("<script>"), "{nothing}");
    assert_eq!(page(&server, "/console/views/users", "en").0, 404, "what names people has no page");
}

#[test]
fn a_broken_view_and_a_worse_model_in_one_night_take_no_figures_away() {
    let n = Nearset::demo().own_project();
    n.take_fixtures(|_| true);
    let before = n.value("select count(*) from coverage");
    let current = fs::read_link(n.models().join("current")).expect("a current version");
    let file = n.project.join("sql/training/behaviour_neighbours.sql");
    let sql = fs::read_to_string(&file).expect("the query");
    fs::write(&file, sql.replace("round(organic, 9) as organic", "1 / (1 + 1e6 * organic) as organic")).expect("worse");
    save(
        &n,
        "views/coverage.sql",
        "-- description: Coverage.\n-- materialize: table\nselect\n    nobody\nfrom datasets\n",
    );
    let error = n.fails(5, &["run", "--as-of", "2026-10-17", "--from", "features"]);
    assert!(error.contains("the figures are published"), "{error}");
    assert_eq!(fs::read_link(n.models().join("current")).expect("a current version"), current);
    // the moment is the new one, and orders, funnel and reconciliation are of it
    assert_eq!(n.value("select cast(as_of::date as varchar) from raw.run_parameters"), "2026-10-17");
    for relation in ["figures_by_day", "funnel_by_day", "reconciliation_daily"] {
        assert!(n.value(&format!("select count(*) from {relation}")).as_i64() > Some(0), "{relation}");
    }
    assert_eq!(n.value("select count(*) from coverage"), before, "its last good rows");
    let server = n.serve();
    let (_, run) = page(&server, "/console/runs", "en");
    assert!(run.contains("held back"), "{run}");
    shows(&server, "/console/views/coverage", &["views/coverage.sql:4", "nobody", "last good rows"]);
    let (status, other) = page(&server, "/console/dashboards/management", "en");
    assert!(status == 200 && other.contains("Revenue by week"), "{other}");
}

#[test]
fn python_asks_the_file_while_a_run_goes_on() {
    let home = std::env::var("HOME").unwrap_or_default();
    let python = format!("{home}/.cache/nearset/linter/bin/python");
    let has_duckdb = Command::new(&python).args(["-c", "import duckdb"]).status().is_ok_and(|status| status.success());
    if !has_duckdb {
        eprintln!("{python} has no duckdb: what Python sees during a run is not looked at");
        return;
    }
    let n = Nearset::demo();
    n.take_fixtures(|_| true);
    let mut run =
        n.command(&["run", "--as-of", AS_OF]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a run");
    let ask = "import duckdb, sys\nwith duckdb.connect(sys.argv[1], read_only=True) as db:\n    print(db.sql('select count(*) from funnel_by_day').fetchone()[0])";
    let mut asked = 0;
    while run.try_wait().expect("the run").is_none() {
        let output =
            Command::new(&python).args(["-c", ask]).arg(n.data().join("warehouse.duckdb")).output().expect("python");
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(text(&output.stdout).trim().parse::<u64>().is_ok_and(|rows| rows > 0));
        asked += 1;
    }
    assert!(asked > 0 && run.wait().expect("its end").success());
}
