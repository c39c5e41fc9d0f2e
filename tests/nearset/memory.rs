//! Memory: `MEMORY_LIMIT` holds for the whole process, training and evaluation included.

use std::fs;

use duckdb::Connection;

use crate::support::Nearset;

/// The limit under test, in megabytes.
const LIMIT: u64 = 1000;

/// A marketplace with some traffic of known users, all of it logged: visits walk among neighbours and popular datasets,
/// and every page showed a list of six.
fn busy_world(n: &Nearset) {
    let db = Connection::open_in_memory().expect("a database");
    let exports = n.exports();
    let export = |name: &str, sql: &str| {
        let path = exports.join(name);
        db.execute_batch(&format!("copy ({sql}) to '{}' (format json)", path.display())).expect(name);
    };
    db.execute_batch(
        "create macro draw(a, b) as (hash(a * 1000003 + b) % 1000000) / 1e6;
         create table views as
             select visit, place, row_number() over (order by visit, place) as link,
                 case when draw(visit, place) < 0.5 then (hash(visit) % 250 * 12 + hash(link) % 12)::bigint
                     else (pow(draw(link, 2), 3) * 3000)::bigint end as dataset,
                 timestamp '2026-09-01' + to_seconds(visit * 40 + place * 30) as seen_at
             from (
                 select visit, unnest(range(1, 3 + (hash(visit) % 5)::bigint)) as place, visit * 16 + place as link
                 from range(1, 40001) as visits (visit)
             );",
    )
    .expect("visits");
    export(
        "dataset.json",
        "select id, 'Dataset ' || to_hex(hash(id)) || ' of group ' || id // 12 as dataset_name,
             'On ' || to_hex(hash(id // 5)) || ' and ' || to_hex(hash(id // 12)) as description,
             'tag' || id // 12 as tag, '2026-01-01' as create_time
         from range(3000) as datasets (id)",
    );
    export(
        "matomo_log_visit.json",
        "select visit as idvisit, 1 as idsite, lpad(to_hex(visit), 16, '0') as idvisitor,
             visit % 20000 as user_id, max(seen_at)::varchar as visit_last_action_time
         from views group by visit order by visit",
    );
    export(
        "matomo_log_link_visit_action.json",
        "select link as idlink_va, visit as idvisit, 1 as idsite, seen_at::varchar as server_time, dataset + 1 as idaction_url
         from views order by link",
    );
    export(
        "matomo_log_action.json",
        "select id + 1 as idaction, 'data.example.com/dataDetail/' || id as name, 1 as type, 2 as url_prefix
         from range(3000) as datasets (id)",
    );
    fs::create_dir_all(n.data().join("evaluation")).expect("a folder");
    export(
        "../data/evaluation/exposure_log.1.jsonl",
        "select 'req_' || link as request_id, dataset as page_id, 'v1' as algorithm_version, seen_at::varchar as timestamp,
             list_transform(range(6), lambda place: {
                 'dataset_id': (pow(draw(link, 10 + place), 3) * 3000)::bigint, 'score': 0.5, 'reason': 'popular'
             }) as items
         from views order by link",
    );
}

#[test]
fn a_run_keeps_to_its_limit() {
    let mut n = Nearset::empty();
    busy_world(&n);
    n.set("MEMORY_LIMIT", &format!("{LIMIT}MB"));
    n.set("TRAIN_SECONDS", "0");
    let said = n.ok(&["run", "--as-of", "2026-10-16"]);
    let peak = said.split("peak memory ").nth(1).and_then(|rest| rest.split(' ').next()).expect("the peak");
    let peak: u64 = peak.parse().expect("megabytes");
    assert!(peak <= LIMIT, "{peak} MB under MEMORY_LIMIT={LIMIT}MB\n{said}");
}
