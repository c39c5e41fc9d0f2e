//! Figures over HTTP: views in the form asked for, SQL with a token, and the fence around both.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::support::{Nearset, Server, agent};

const TOKEN: &str = "the analysts' own token";

fn serving(n: &Nearset) -> Server {
    n.serve_with(|command| {
        command.env("ANALYST_TOKEN", TOKEN).env("SQL_SECONDS", "3").env("SQL_MEMORY_MB", "256");
    })
}

/// Status, kind and body of a query.
fn asked(server: &Server, sql: &str) -> (u16, Value) {
    let request = agent().post(format!("{}/sql", server.base)).header("authorization", format!("Bearer {TOKEN}"));
    let mut response = request.content_type("text/plain").send(sql).expect("an answer");
    let text = response.body_mut().read_to_string().expect("text");
    (response.status().as_u16(), serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
}

/// Status, headers and body of a path.
fn got(server: &Server, path: &str, headers: &[(&str, &str)]) -> (u16, ureq::http::HeaderMap, Vec<u8>) {
    let mut request = agent().get(format!("{}{path}", server.base));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut response = request.call().expect("an answer");
    let bytes = response.body_mut().read_to_vec().expect("bytes");
    (response.status().as_u16(), response.headers().clone(), bytes)
}

#[test]
fn every_way_out_of_the_fence_is_refused_while_lists_are_answered() {
    let n = Nearset::demo();
    fs::write(n.path().join("secret.csv"), "a\nsecret\n").expect("a file");
    let server = serving(&n);
    let warehouse = n.data().join("warehouse.duckdb");
    let (file, warehouse) = (n.path().join("secret.csv").display().to_string(), warehouse.display().to_string());
    let named = |sql: &str| sql.replace("{file}", &file).replace("{warehouse}", &warehouse);
    let wrong = [
        // other databases and files
        "attach '{warehouse}' as other",
        "attach ':memory:'",
        "detach warehouse",
        "use memory",
        "copy (select 1) to '{file}'",
        "copy datasets from '{file}'",
        "with c as (copy (select 1) to '{file}') select 1",
        "export database '/tmp/x'",
        "import database '/tmp/x'",
        "from read_csv('{file}')",
        "from read_csv_auto('{file}')",
        "from read_text('{file}')",
        "from read_blob('{file}')",
        "from read_json('{file}')",
        "from read_parquet('{file}')",
        "from read_text('/proc/self/environ')",
        "from read_blob('{warehouse}')",
        "from glob('/*')",
        "from sniff_csv('{file}')",
        "from '{file}'",
        "select * from \"{file}\"",
        "from 'data/*.parquet'",
        "from query('select 1')",
        "from query_table('datasets')",
        "from json_execute_serialized_sql(json_serialize_sql('from read_text(''{file}'')'))",
        // the network, extensions
        "from 'https://example.com/x.parquet'",
        "from 's3://bucket/x.parquet'",
        "from read_csv('http://127.0.0.1/x.csv')",
        "install httpfs",
        "load httpfs",
        "load '/tmp/x.duckdb_extension'",
        "from sqlite_scan('x', 'y')",
        "select st_point(1, 2)",
        // settings, secrets, what others do
        "pragma database_list",
        "pragma enable_profiling",
        "set memory_limit = '100GB'",
        "set lock_configuration = false",
        "set variable as_of = 1",
        "reset memory_limit",
        "call enable_logging()",
        "from enable_logging()",
        "from duckdb_settings()",
        "from duckdb_secrets()",
        "from duckdb_databases()",
        "from pg_catalog.pg_settings",
        "from which_secret('s3://x', 's3')",
        "create secret s (type s3)",
        "select current_setting('temp_directory')",
        "select getenv('PATH')",
        "from duckdb_logs()",
        // what changes something
        "create table x as select 1",
        "create temp table x as select 1",
        "create macro m() as 1",
        "drop table datasets",
        "insert into datasets select * from datasets",
        "update datasets set title = ''",
        "delete from datasets",
        "truncate datasets",
        "alter table datasets rename to x",
        "checkpoint",
        "from checkpoint()",
        "vacuum",
        "begin",
        "prepare p as select 1",
        "execute p",
        "explain analyze select 1",
        // more than one, and tricks
        "select 1; drop table datasets",
        "select 1 /* */; -- \n drop table datasets",
        "select 1) to '{file}' (format csv); --",
        "select 1) limit 0; drop table datasets; select * from (select 1",
        "select 1 /* open",
        "select $$ open",
        "",
        "-- nothing",
        ";",
    ];
    let deep = |open: &str, close: &str, times: usize| format!("select {}1{}", open.repeat(times), close.repeat(times));
    let bombs = [
        deep("(", ")", 10_000),
        deep("abs(", ")", 8_000),
        deep("[", "]", 10_000),
        format!("select {}true", "not ".repeat(12_000)),
        format!("select {}", vec!["1"; 20_000].join("+")),
        "select list(x) from range(1000000000) t(x)".to_owned(),
        "select repeat(repeat('x', 1000000), 100000)".to_owned(),
        "select string_agg(repeat('x', 1000000), '') from range(100000)".to_owned(),
        "select * from range(1000000) a, range(1000000) b order by hash(a.range, b.range)".to_owned(),
        "with recursive r(n) as (select 1 union all select n + 1 from r) select max(n) from r".to_owned(),
        "select sleep_ms(100000000)".to_owned(),
    ];
    /// Ends the thread that asks for lists, also where a test fails.
    struct Over<'a>(&'a AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let over = Over(&is_over);
        let lists = scope.spawn(|| {
            let mut answered = 0;
            while !is_over.load(Ordering::Relaxed) {
                server.list("/hot/trending");
                answered += 1;
                std::thread::sleep(Duration::from_millis(20));
            }
            answered
        });
        for sql in wrong {
            let (status, body) = asked(&server, &named(sql));
            let message = body["error"]["message"].as_str().unwrap_or_default();
            assert!(status == 400 && !message.is_empty(), "{sql}: {status} {body}");
            assert!(!message.contains("secret\n"), "{sql}: {body}");
        }
        for sql in bombs {
            let (status, body) = asked(&server, &sql);
            let message = body["error"]["message"].as_str().unwrap_or_default();
            let is_told = !message.is_empty() && !message.contains("SET ");
            assert!(is_told && [400, 422].contains(&status), "{}: {status} {body}", &sql[..60.min(sql.len())]);
            assert_eq!(
                asked(&server, "select 1 as a"),
                (200, json!([{ "a": 1 }])),
                "after {}",
                &sql[..60.min(sql.len())]
            );
        }
        for deep in [deep("(", ")", 10_000), deep("abs(", ")", 1_500), format!("select {}", vec!["1"; 3_000].join("+"))]
        {
            let (status, body) = asked(&server, &deep);
            assert_eq!((status, &body["error"]["code"]), (422, &json!("too_much")), "{body}");
            assert!(body["error"]["message"].as_str().is_some_and(|message| message.contains("too deep")), "{body}");
        }
        assert_eq!(asked(&server, "select 1 \0").0, 400);
        assert_eq!(asked(&server, &"x".repeat(1 << 20)).0, 413);
        drop(over);
        assert!(lists.join().expect("lists are answered") > 0);
    });
    assert_eq!(n.value("select count(*) from (from duckdb_tables() where table_name = 'x')"), 0);
    assert_eq!(fs::read_to_string(&file).expect("the file"), "a\nsecret\n");
}

#[test]
fn sql_is_for_those_with_the_token() {
    let n = Nearset::demo();
    let server = serving(&n);
    let status = |token: Option<&str>| {
        let mut request = agent().post(format!("{}/sql", server.base));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        request.content_type("text/plain").send("select 1").expect("an answer").status().as_u16()
    };
    assert_eq!([status(None), status(Some("")), status(Some("another")), status(Some(TOKEN))], [401, 401, 401, 200]);
    assert_eq!(asked(&n.serve(), "select 1").0, 401);
    // wrong, with its place
    let (status, body) = asked(&server, "select\n  '中文', pricee from datasets");
    let error = &body["error"];
    assert_eq!((status, &error["line"], &error["column"]), (400, &json!(2), &json!(9)), "{body}");
    assert!(error["caret"].as_str().is_some_and(|caret| caret.ends_with('^')), "{body}");
    // parameters, the limit of rows, its word for more
    let body = json!({ "sql": "select range as n, $1 as t from range(10)", "parameters": ["x"], "limit": 2 });
    let request = agent().post(format!("{}/sql", server.base)).header("authorization", format!("Bearer {TOKEN}"));
    let mut response = request.send_json(body).expect("an answer");
    assert_eq!(response.headers()["x-row-count"], "2");
    assert_eq!(response.headers()["x-result-cut"], "true");
    let rows: Value = response.body_mut().read_json().expect("JSON");
    assert_eq!(rows, json!([{ "n": 0, "t": "x" }, { "n": 1, "t": "x" }]));
    // what stands in the address
    for (address, status, told) in [
        ("limit=2&format=csv", 200, "range\n0\n1\n"),
        ("limit=2&foo=1", 400, "`foo`"),
        ("formt=csv", 400, "`format`"),
        ("limit=x", 400, "limit is"),
        ("bom=yes", 400, "bom is"),
    ] {
        let request = agent().post(format!("{}/sql?{address}", server.base)).content_type("text/plain");
        let request = request.header("authorization", format!("Bearer {TOKEN}"));
        let mut response = request.send("from range(10)").expect("an answer");
        let text = response.body_mut().read_to_string().expect("text");
        assert!(response.status() == status && text.contains(told), "{address}: {text}");
    }
}

#[test]
fn a_query_ends_when_its_client_leaves() {
    let n = Nearset::demo();
    let server = n.serve_with(|command| {
        command.env("ANALYST_TOKEN", "t").env("SQL_SECONDS", "3600").env("SQL_AT_ONCE", "1");
    });
    let address = server.base.trim_start_matches("http://").to_owned();
    let mut client = TcpStream::connect(&address).expect("a connection");
    let body = "select sleep_ms(3600000)";
    write!(client, "POST /sql HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer t\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{body}", body.len()).expect("sent");
    client.set_read_timeout(Some(Duration::from_millis(500))).expect("a limit");
    assert!(client.read(&mut [0; 16]).is_err(), "it was answered");
    drop(client);
    // the only turn is free again
    let request = agent().post(format!("{}/sql", server.base)).header("authorization", "Bearer t");
    assert_eq!(request.content_type("text/plain").send("select 1").expect("an answer").status().as_u16(), 200);
    assert!(server.get_text("/metrics").1.contains("warehouse_queries_total{asker=\"analyst\",outcome=\"left\"} 1\n"));
    // no process outlives the server
    let children = || {
        let threads = fs::read_dir(format!("/proc/{}/task", server.pid())).expect("threads");
        let of = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        let found: Vec<String> = threads.map(|thread| of(thread.expect("a thread"))).collect();
        found.iter().flat_map(|all| all.split_whitespace()).map(str::to_owned).collect::<Vec<_>>()
    };
    let workers = children();
    assert!(!workers.is_empty());
    server.signal("KILL");
    let is_there = |pid: &String| {
        fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains("query-worker"))
    };
    for _ in 0..1000 {
        if !workers.iter().any(is_there) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{workers:?} outlive their server");
}

#[test]
fn views_come_in_the_form_asked_for_filtered_ordered_and_by_pages() {
    let n = Nearset::demo();
    let server = serving(&n);
    let (_, listed) = server.get("/views");
    let names: Vec<&str> =
        listed["views"].as_array().expect("views").iter().filter_map(|view| view["name"].as_str()).collect();
    assert!(names.contains(&"funnel_by_day") && names.contains(&"reconciliation_daily"), "{names:?}");
    assert!(!names.contains(&"user_features_v2") && !names.contains(&"users"), "{names:?}");
    assert_eq!(server.get("/views/users").0, 404);
    let all = n.sql("from funnel_by_day order by day");
    let (status, headers, bytes) =
        got(&server, "/views/funnel_by_day?order=day.desc&limit=3&offset=1&columns=day,views", &[]);
    let rows: Vec<Value> = serde_json::from_slice(&bytes).expect("JSON");
    let expected: Vec<Value> =
        all.iter().rev().skip(1).take(3).map(|row| json!({ "day": row["day"], "views": row["views"] })).collect();
    assert_eq!((status, &rows), (200, &expected));
    assert_eq!(headers["x-row-count"], "3");
    let day = all[4]["day"].as_str().expect("a day");
    let count = |query: &str| {
        let (status, headers, bytes) = got(&server, &format!("/views/funnel_by_day?{query}"), &[]);
        assert_eq!(status, 200, "{query}: {}", String::from_utf8_lossy(&bytes));
        headers["x-row-count"].to_str().expect("text").parse::<usize>().expect("a number")
    };
    assert_eq!(count(&format!("day={day}")), 1);
    assert_eq!(count(&format!("day.lte={day}")), 5);
    assert_eq!(count(&format!("day.gt={day}")), all.len() - 5);
    assert_eq!(count(&format!("day.in={day},2020-01-01")), 1);
    assert_eq!(count(&format!("day.ne={day}")), all.len() - 1);
    assert_eq!(
        count("day.like=____-__-01"),
        all.iter().filter(|row| row["day"].as_str().is_some_and(|day| day.ends_with("-01"))).count()
    );
    assert_eq!(count("day.null=1"), 0);
    for (query, said) in [
        ("dya=1", "there is no column dya"),
        ("day.x=1", "there is no comparison x"),
        ("order=x", "there is no column x"),
        ("limit=-1", "limit"),
        ("format=xml", "json, csv, parquet, arrow"),
        ("day=yesterday", "yesterday"),
    ] {
        let (status, body) = server.get(&format!("/views/funnel_by_day?{query}"));
        assert!(
            status == 400 && body["error"]["message"].as_str().is_some_and(|text| text.contains(said)),
            "{query}: {body}"
        );
    }
    let (_, headers, csv) = got(&server, "/views/funnel_by_day?bom=1", &[("accept", "text/csv")]);
    assert!(csv.starts_with(b"\xef\xbb\xbfday,"), "{}", String::from_utf8_lossy(&csv));
    assert_eq!(headers["content-type"], "text/csv; charset=utf-8");
    assert!(got(&server, "/views/funnel_by_day?format=parquet", &[]).2.starts_with(b"PAR1"));
    let arrow = got(&server, "/views/funnel_by_day?format=arrow", &[]).2;
    let batches = arrow::ipc::reader::StreamReader::try_new(arrow.as_slice(), None).expect("a stream of Arrow");
    assert_eq!(batches.map(|batch| batch.expect("a batch").num_rows()).sum::<usize>(), all.len());
    // what has not changed is not sent again
    let (_, headers, _) = got(&server, "/views/funnel_by_day", &[]);
    let tag = headers["etag"].to_str().expect("text");
    assert_eq!(got(&server, "/views/funnel_by_day", &[("if-none-match", tag)]).0, 304);
    assert_eq!(got(&server, "/views/funnel_by_day?limit=1", &[("if-none-match", tag)]).0, 200);
}

#[test]
fn whatever_an_address_holds_is_a_value_and_no_sql() {
    let n = Nearset::demo();
    let server = serving(&n);
    let encoded =
        |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let harmless = |name: &str, value: &str| {
        let (status, _, bytes) =
            got(&server, &format!("/views/cold_datasets?{}={}", encoded(name), encoded(value)), &[]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        prop_assert!([200, 400].contains(&status), "{name}={value}: {status} {text}");
        let is_none = serde_json::from_str::<Vec<Value>>(&text).is_ok_and(|rows| rows.is_empty());
        prop_assert!(status == 400 || is_none, "{name}={value}: {text}");
        Ok(())
    };
    let column = n.sql(
        "select column_name from duckdb_columns() where table_name = 'cold_datasets' and data_type = 'VARCHAR' limit 1",
    );
    let column = column[0]["column_name"].as_str().expect("a column").to_owned();
    let part = prop_oneof![
        Just("'".to_owned()),
        Just("\"".to_owned()),
        Just("; drop table datasets; --".to_owned()),
        Just(" or 1=1".to_owned()),
        Just("$1".to_owned()),
        Just(") union all select * from users --".to_owned()),
        Just("\u{0}".to_owned()),
        Just("$$".to_owned()),
        "\\PC{0,8}",
    ];
    let text = prop::collection::vec(part, 1..6).prop_map(|parts| parts.concat());
    let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    runner.run(&text, |text| harmless(&column, &text)).expect("values are values");
    runner
        .run(&text, |text| {
            let path = format!("/views/cold_datasets?{}={}", encoded(&text), "1");
            let status = got(&server, &path, &[]).0;
            prop_assert_eq!(status, 400, "{}", text);
            let order = format!("/views/cold_datasets?order={}", encoded(&text));
            prop_assert_eq!(got(&server, &order, &[]).0, 400, "{}", text);
            Ok(())
        })
        .expect("names are names");
}

#[test]
fn a_saved_view_is_seen_at_once_and_a_hostile_one_reaches_nothing() {
    let n = Nearset::demo().own_project();
    let server = serving(&n);
    let file = n.project.join("views/one_more.sql");
    let saved = |sql: &str| fs::write(&file, format!("-- description: One more.\n{sql}\n")).expect("a view");
    saved("select 1 as a");
    assert_eq!(server.get("/views/one_more"), (200, json!([{ "a": 1 }])));
    assert_eq!(server.get("/views/one_more?published=1").0, 400);
    saved("select 2 as a");
    assert_eq!(server.get("/views/one_more"), (200, json!([{ "a": 2 }])));
    // a published one whose file has a slip since: the rows of before, and a header that says so
    fs::write(n.project.join("views/coverage.sql"), "-- description: 覆盖。\nselect 1 as one form x y\n")
        .expect("a view");
    let (status, headers, _) = got(&server, "/views/coverage?limit=1", &[]);
    let told = headers.get("x-view-error").and_then(|told| told.to_str().ok()).unwrap_or_default();
    assert!(status == 200 && told.starts_with("views/coverage.sql:2: "), "{status} {told}");
    assert!(!got(&server, "/views/coverage?published=1", &[]).1.contains_key("x-view-error"));
    let listed = server.get("/views").1;
    let listed = listed["views"].as_array().expect("views").iter().find(|one| one["name"] == "coverage");
    assert!(
        listed.is_some_and(|one| one["error"].as_str().is_some_and(|told| told.starts_with("views/coverage.sql:2:")))
    );
    for hostile in [
        "select * from read_text('/etc/passwd')",
        "select * from glob('/*')",
        "select * from 'https://example.com/x.csv'",
        "select list(x) as a from range(1000000000) as t (x)",
    ] {
        saved(hostile);
        let (status, body) = server.get("/views/one_more");
        assert!([400, 404, 422].contains(&status) && !body.to_string().contains("root:"), "{hostile}: {status} {body}");
        server.list("/hot/trending");
    }
}

#[test]
fn a_browser_signs_in_once_and_other_sites_do_nothing_in_its_name() {
    let n = Nearset::demo();
    let server = serving(&n);
    let post = |path: &str, body: &str, headers: &[(&str, &str)]| {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into();
        let mut request =
            agent.post(format!("{}{path}", server.base)).content_type("application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send(body).expect("an answer")
    };
    let here = ("sec-fetch-site", "same-origin");
    let token = format!("token={}&to=/console/views", TOKEN.replace(' ', "+").replace('\'', "%27"));
    assert_eq!(post("/console/session", &token, &[("sec-fetch-site", "cross-site")]).status(), 403);
    assert_eq!(post("/console/session", "token=wrong", &[here]).status(), 401);
    let signed_in = post("/console/session", &token, &[here]);
    assert_eq!(signed_in.status(), 303);
    assert_eq!(signed_in.headers()["location"], "/console/views");
    let cookie = signed_in.headers()["set-cookie"].to_str().expect("text").to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && !cookie.contains(TOKEN), "{cookie}");
    let cookie = cookie.split(';').next().expect("a pair");
    let asked = |headers: &[(&str, &str)]| {
        let mut request = agent().post(format!("{}/sql", server.base)).content_type("text/plain");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send("select 1").expect("an answer").status().as_u16()
    };
    assert_eq!(asked(&[("cookie", cookie), here]), 200);
    assert_eq!(asked(&[("cookie", cookie)]), 401);
    assert_eq!(asked(&[("cookie", cookie), ("sec-fetch-site", "same-site")]), 401);
    assert_eq!(asked(&[("cookie", cookie), ("origin", "https://example.com")]), 401);
    assert_eq!(post("/console/session/end", "", &[("cookie", cookie), here]).status(), 303);
    assert_eq!(asked(&[("cookie", cookie), here]), 401);
    (0..10).for_each(|_| drop(post("/console/session", "token=wrong", &[here])));
    assert_eq!(post("/console/session", &token, &[here]).status(), 429);
}
