//! Throughput of a list with its exposure written, as a ratio to a bare axum route that returns as many bytes.
//!
//! Both servers are started here and loaded in turn by the same clients, several times over; the ratio is of the
//! medians. On a machine where clients and servers share the cores, the ratio holds better than the figures do.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const CLIENTS: usize = 16;
const ROUND: Duration = Duration::from_secs(2);
const ROUNDS: usize = 5;
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What is asked of which server; the path may differ from request to request.
struct Case {
    name: &'static str,
    address: SocketAddr,
    path: fn(u64) -> String,
}

fn main() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let nearset = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nearset"));
        command.current_dir(dir.path()).env("PROJECT_DIR", ROOT);
        command
    };
    let done = nearset().args(["demo", "--no-serve"]).stdout(Stdio::null()).status().expect("nearset runs");
    assert!(done.success());
    let mut child =
        nearset().args(["serve", "--listen", "127.0.0.1:0"]).stderr(Stdio::piped()).spawn().expect("the server starts");
    let mut lines = BufReader::new(child.stderr.take().expect("standard error")).lines();
    let address: SocketAddr = loop {
        let line = lines.next().expect("an address").expect("text");
        if let Some((_, base)) = line.split_once("listening on http://") {
            break base.parse().expect("an address");
        }
    };
    let body = get(address, "/similar/1001");
    let bare = bare_route(body.clone());

    let case = |name, address, path| Case { name, address, path };
    let cases = [
        case("bare axum route", bare, |_| "/".to_owned()),
        case("/similar, from the cache", address, |n| format!("/similar/{}", 1001 + n % 300)),
        case("/recommend/detail, trail new each time", address, |n| {
            format!("/recommend/detail/{}?recent={},{}", 1001 + n % 311, 1001 + n / 7 % 311, 1001 + n / 311 % 311)
        }),
        case("/similar, dataset unknown", address, |n| format!("/similar/{}", 900_000 + n % 100)),
    ];
    let mut rates: Vec<Vec<f64>> = vec![Vec::new(); cases.len()];
    for _ in 0..ROUNDS {
        for (rates, case) in rates.iter_mut().zip(&cases) {
            rates.push(load(case.address, case.path));
        }
    }
    let medians: Vec<f64> = rates
        .into_iter()
        .map(|mut rates| {
            rates.sort_by(f64::total_cmp);
            rates[rates.len() / 2]
        })
        .collect();
    println!(
        "serve: {CLIENTS} clients, {} bytes a body, median of {ROUNDS} rounds of {} s",
        body.len(),
        ROUND.as_secs()
    );
    for (Case { name, .. }, rate) in cases.iter().zip(&medians) {
        println!("  {name:<40} {rate:>9.0} answers/s   {:>5.2} of the bare route", rate / medians[0]);
    }
    let metrics = String::from_utf8(get(address, "/metrics")).expect("text");
    for endpoint in ["similar", "recommend_detail"] {
        let figure = |part: &str| {
            let name = format!("recommendation_latency_seconds_{part}{{endpoint=\"{endpoint}\"}} ");
            let line = metrics.lines().find_map(|l| l.strip_prefix(&name)).expect("a metric");
            line.parse::<f64>().expect("a figure")
        };
        println!("  {endpoint}: mean server time {:.0} µs under this load", figure("sum") / figure("count") * 1e6);
    }
    let log = fs::metadata(dir.path().join(Path::new("data/evaluation/exposure_log.jsonl"))).expect("the log").len();
    println!("  exposure log written: {} MB", log / 1_000_000);
    child.kill().ok();
    child.wait().ok();
}

/// A route that does nothing but answer, on a runtime of its own.
fn bare_route(body: Vec<u8>) -> SocketAddr {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let body = axum::body::Bytes::from(body);
            let answer = move || {
                let body = body.clone();
                async move { ([("content-type", "application/json")], body) }
            };
            let router: axum::Router = axum::Router::new().route("/", axum::routing::get(answer));
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            sender.send(listener.local_addr().expect("an address")).expect("a receiver");
            axum::serve(listener, router).await.expect("served");
        });
    });
    receiver.recv().expect("an address")
}

/// Answers a second, over connections that stay open.
fn load(address: SocketAddr, path: fn(u64) -> String) -> f64 {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let started = Instant::now();
    let answered: u64 = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(move || {
                    let mut client = Client::new(address);
                    let mut answered = 0;
                    while started.elapsed() < ROUND {
                        client.get(&path(NUMBER.fetch_add(1, Ordering::Relaxed)));
                        answered += 1;
                    }
                    answered
                })
            })
            .collect();
        clients.into_iter().map(|c| c.join().expect("a client")).sum()
    });
    answered as f64 / started.elapsed().as_secs_f64()
}

struct Client {
    reader: BufReader<TcpStream>,
    body: Vec<u8>,
}

impl Client {
    fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_nodelay(true).expect("nodelay");
        Self { reader: BufReader::new(stream), body: Vec::new() }
    }

    fn get(&mut self, path: &str) -> &[u8] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        self.reader.get_mut().write_all(request.as_bytes()).expect("sent");
        let (mut line, mut length, mut first) = (String::new(), 0, true);
        loop {
            line.clear();
            self.reader.read_line(&mut line).expect("a line");
            if first {
                assert!(line.contains(" 200 "), "{path}: {line}");
                first = false;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().expect("a length");
            }
            if line == "\r\n" {
                break;
            }
        }
        self.body.resize(length, 0);
        self.reader.read_exact(&mut self.body).expect("a body");
        &self.body
    }
}

fn get(address: SocketAddr, path: &str) -> Vec<u8> {
    Client::new(address).get(path).to_vec()
}
