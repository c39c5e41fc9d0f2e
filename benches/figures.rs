//! Pages over five million views and twenty million exposures: how long the relations of `sql/attribution`, `sql/evaluate` and
//! `sql/reconcile` that they read take to make, in how much memory, and how long a page then takes.
//!
//! `VIEWS=500000 cargo bench --bench figures` does the same with fewer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use duckdb::Connection;
use nearset::extract::raw_tables;
use nearset::sql_project::Project;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What is made, inputs before what reads them.
const RELATIONS: [&str; 23] = [
    "clicks",
    "attributed_conversions",
    "exposure_outcomes",
    "frequent_sources",
    "list_outcomes",
    "list_visits",
    "attributed_clicks",
    "attributed_orders",
    "shown_lists",
    "frequent_providers",
    "shown_items",
    "position_bias",
    "figures_by_day",
    "dataset_by_day",
    "attribution_by",
    "order_matches",
    "reconciliation_daily",
    "daily_totals",
    "daily_top_datasets",
    "reconciled_orders",
    "reconciliation_tolerance",
    "daily_breakdowns",
    "daily_operations",
];

const PAGES: [&str; 6] = [
    "/console/reports",
    "/console/reports/2026-09-20",
    "/console/reports/2026-09-20?by=provider",
    "/console/reports/attribution?by=channel",
    "/console/reconciliation",
    "/console/reconciliation/orders?status=missing_in_matomo&page=3",
];

/// What the relations read: visits of five views, four lists of six items to each, a fifth of views from the list before.
const WORLD: &str = "
    create schema raw;
    create table raw.run_parameters as
        select timestamp '2026-10-01' as as_of, 'UTC' as business_timezone, 'UTC' as report_timezone, 100 as bot_max_actions;
    create table datasets as
        select 1000 + i as dataset_id, 'dataset ' || i as title, 'provider ' || i % 400 as provider, true as is_listed from range(20000) as r (i);
    create table visits as
        select i as visit_id, 'v' || hash(i, 1) % (VIEWS // 6) as visitor_id,
            case when hash(i, 2) % 5 < 2 then (hash(i, 1) % (VIEWS // 6))::bigint end as user_id, moment as started_at,
            moment + to_minutes(5) as ended_at, moment::date as day, 5 as actions, false as is_bot
        from (select i, timestamp '2026-08-01' + to_seconds((hash(i, 3) % (61 * 86400))::bigint) as moment from range(VIEWS // 5) as r (i));
    create table page_views as
        select i as action_row_id, visits.visit_id, visits.visitor_id, visits.user_id, visits.started_at + to_seconds((i % 5) * 40) as viewed_at,
            (visits.started_at + to_seconds((i % 5) * 40))::date as day,
            1000 + floor(pow((hash(i, 4) % 1000000) / 1000000.0, 3) * 20000)::bigint as dataset_id,
            case when i % 5 > 0 and hash(i, 5) % 10 < 2 then 'req_' || lpad(to_hex(hash(i - 1, 7)), 20, '0') end as request_id
        from range(VIEWS) as r (i)
        inner join visits on visits.visit_id = i // 5;
    create table exposures as
        select 'req_' || lpad(to_hex(hash(view.action_row_id, 7)), 20, '0') as request_id, position,
            case
                when position = hash(view.action_row_id, 8) % 12 and next.dataset_id is not null then next.dataset_id
                else 1000 + floor(pow((hash(view.action_row_id, position) % 1000000) / 1000000.0, 2) * 20000)::bigint
            end as dataset_id,
            1.0 as score, ['behaviour: x', 'content: y', 'popular: z', 'trending: 1'][(1 + hash(view.action_row_id, position, 9) % 4)::bigint] as reason,
            view.user_id, view.dataset_id as page_dataset_id, 'week ' || date_diff('week', date '2026-08-01', view.day) as algorithm_version,
            view.viewed_at as shown_at, view.day, 'recommend_detail' as endpoint,
            if(hash(view.action_row_id, 11) % 50 = 0, 'fallback', 'primary') as variant, 'none' as experiment, 'control' as experiment_variant,
            'none' as degrade_reason, ['home', 'search', 'detail'][(1 + hash(view.visit_id, 12) % 3)::bigint] as source,
            ['mobile', 'desktop', 'tablet'][(1 + hash(view.visit_id, 13) % 3)::bigint] as device_type, to_hex(hash(view.visitor_id)) as visitor,
            false as is_explored, false as is_new, null::double as propensity, 0.0::double as new_propensity
        from page_views as view
        left join page_views as next on next.action_row_id = view.action_row_id + 1 and next.visit_id = view.visit_id
        cross join range(6) as places (position)
        where view.action_row_id % 3 <> 2;
    create table click_events as select action_row_id, visit_id, viewed_at, day, dataset_id, request_id, 1 as click_position from page_views limit 0;
    create table orders as
        select 'T' || i as order_ref, 'task' as order_kind, dataset_id, user_id, 100.0::double as revenue, viewed_at as ordered_at, day
        from range(VIEWS // 300) as r (i) inner join page_views on page_views.action_row_id = i * 300 + 1;
    create table conversions as
        select 'c' || orders.order_ref as conversion_id, visit_id, viewed_at as converted_at, page_views.day, orders.order_ref, true as is_business_order,
            orders.dataset_id, 100.0::double as matomo_revenue, 100.0::double as revenue, page_views.request_id
        from orders inner join page_views on page_views.action_row_id = substr(order_ref, 2)::bigint * 300 + 1
        where hash(orders.order_ref) % 20 > 0;
    create table raw.matomo_log_conversion as
        select visit_id::varchar as idvisit, order_ref as idorder, '1' as idsite, '0' as idgoal from conversions;
    create table users as select distinct user_id, null::varchar as company_name from visits where user_id is not null;
    create table stg_task as select substr(order_ref, 2)::bigint as task_id from orders;
    create table stg_api_order as select 1::bigint as api_order_id, null::timestamp as paid_at limit 0";

fn main() {
    let views: u64 = std::env::var("VIEWS").ok().and_then(|views| views.parse().ok()).unwrap_or(5_000_000);
    let dir = tempfile::tempdir().expect("a temporary folder");
    let data = dir.path().join("data");
    std::fs::create_dir_all(&data).expect("a folder");
    make(&data.join("warehouse.duckdb"), views);
    let (mut server, address) = serve(dir.path(), &data);
    println!("  a page, the fastest and the median of 9:");
    for page in PAGES {
        let mut times: Vec<f64> = (0..9).map(|_| get(&address, page)).collect();
        times.sort_by(f64::total_cmp);
        println!("    {page:<62} {:>6.0} ms {:>6.0} ms", times[0], times[4]);
    }
    server.kill().ok();
    server.wait().ok();
}

/// Makes the warehouse, and says what each relation took.
fn make(path: &Path, views: u64) {
    let db = Connection::open(path).expect("a database");
    db.execute_batch("set threads = 2; set memory_limit = '4GB'; set variable report_timezone = 'UTC'")
        .expect("settings");
    db.execute_batch("set variable as_of = timestamp '2026-10-01'; set variable bot_max_actions = 100")
        .expect("variables");
    let project = Project::load(Some(Path::new(ROOT)), &raw_tables().expect("tables")).expect("the project");
    project.create_macros(&db).expect("macros");
    db.execute_batch(&WORLD.replace("VIEWS", &views.to_string())).expect("a world");
    let exposures: u64 = db.query_row("select count(*) from exposures", [], |row| row.get(0)).expect("a count");
    println!("figures: {views} views, {exposures} exposures; made with 4 GB and 2 threads:");
    let started = Instant::now();
    for name in RELATIONS {
        let relation = project.relations.iter().find(|relation| relation.name == name).expect("a relation");
        let built = relation.build(&db).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        println!("    {name:<26} {:>10} rows {:>7.1} s", built.rows, built.elapsed.as_secs_f64());
    }
    println!("  all of them {:.0} s, peak memory {} MB", started.elapsed().as_secs_f64(), peak_mb());
}

/// The most memory that this process had.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap_or_default() / 1024
}

/// A server on that warehouse, and where it listens.
fn serve(dir: &Path, data: &Path) -> (Child, String) {
    let mut process = Command::new(env!("CARGO_BIN_EXE_nearset"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data)
        .arg("--models-dir")
        .arg(dir.join("models"))
        .current_dir(dir)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("a server starts");
    let lines = BufReader::new(process.stderr.take().expect("standard error")).lines();
    let mut said = lines.map_while(Result::ok).filter_map(|line| {
        let (_, rest) = line.split_once("127.0.0.1:")?;
        let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
        (!port.is_empty()).then(|| format!("127.0.0.1:{port}"))
    });
    let address = said.next().expect("where the server listens");
    std::thread::spawn(move || said.for_each(drop));
    (process, address)
}

/// Asks for a page, and says how many milliseconds that took.
fn get(address: &str, page: &str) -> f64 {
    let started = Instant::now();
    let mut stream = TcpStream::connect(address).expect("the server");
    write!(stream, "GET {page} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("a request");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("a page");
    assert!(text.starts_with("HTTP/1.1 200"), "{page}: {}", text.lines().next().unwrap_or_default());
    assert!(!text.contains("role=\"alert\""), "{page} has no figures:\n{text}");
    started.elapsed().as_secs_f64() * 1000.0
}
