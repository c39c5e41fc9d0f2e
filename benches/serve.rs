//! Throughput of a list with its exposure written, as a ratio to a bare axum route that returns as many bytes.
//!
//! Both servers run on the first core (as many threads as that), the clients on the others, and are loaded in turn, several
//! times over; the ratio is of the medians. Then each case is asked at half of its own rate, on a schedule, and what is late
//! by it counts as latency.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const CLIENTS: usize = 16;
const ROUND: Duration = Duration::from_secs(2);
const ROUNDS: usize = 5;
/// How many lists a second are asked for beside a run.
const BESIDE: f64 = 500.0;
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What this program is called with to be the bare route, its body read from standard input.
const BARE: &str = "--bare-route";

/// What is asked of which server; the path may differ from request to request.
struct Case {
    name: &'static str,
    address: SocketAddr,
    path: fn(u64) -> String,
}

/// A server of this bench, killed when dropped.
struct Served {
    process: Child,
    address: SocketAddr,
}

impl Served {
    /// Starts a server, gives it its input, and waits until it says where it listens.
    fn start(command: &mut Command, input: &[u8]) -> Self {
        let pipes = command.stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut process = pipes.spawn().expect("a server starts");
        process.stdin.take().expect("standard input").write_all(input).expect("its input");
        let address = address_in(process.stderr.take().expect("standard error"));
        Self { process, address }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn main() {
    if std::env::args().any(|arg| arg == BARE) {
        return bare_route();
    }
    let dir = tempfile::tempdir().expect("a temporary folder");
    let nearset = nearset(dir.path());
    let pages: &'static [i64] = listed(nearset.address).leak();
    PAGES.set(pages).expect("once");
    let body = get(nearset.address, &format!("/similar/{}", pages[0]));
    let bare = Served::start(on_first_core(&std::env::current_exe().expect("this program")).arg(BARE), &body);
    apart();
    let cases = cases(bare.address, nearset.address);
    println!(
        "serve: {CLIENTS} clients, {} bytes a body, median of {ROUNDS} rounds of {} s",
        body.len(),
        ROUND.as_secs()
    );
    let rates = throughput(&cases);
    for (case, rate) in cases.iter().zip(&rates) {
        lateness(case, rate / 2.0, "");
    }
    beside_a_run(&cases);
    own_account(&nearset);
}

/// The server, with the version that MODELS_DIR names, or one made of the fixtures now.
fn nearset(dir: &Path) -> Served {
    let set = |mut command: Command| {
        command.current_dir(dir).env("PROJECT_DIR", ROOT).env("THREADS", "1");
        if let Some(models) = std::env::var_os("MODELS_DIR") {
            command.env("MODELS_DIR", models);
        }
        command
    };
    let program = Path::new(env!("CARGO_BIN_EXE_nearset"));
    if std::env::var_os("MODELS_DIR").is_none() {
        let mut demo = set(Command::new(program));
        let done = demo.args(["demo", "--no-serve"]).stdout(Stdio::null()).status().expect("nearset runs");
        assert!(done.success());
    }
    Served::start(set(on_first_core(program)).args(["serve", "--listen", "127.0.0.1:0"]), &[])
}

/// What is measured; the first is what all others are compared with.
fn cases(bare: SocketAddr, nearset: SocketAddr) -> [Case; 5] {
    let case = |name, path| Case { name, address: nearset, path };
    [
        Case { name: "bare axum route", address: bare, path: |_| "/".to_owned() },
        case("/similar, from the cache", |n| format!("/similar/{}", page(n % 300))),
        case("/recommend/detail, another user each time", |n| {
            format!("/recommend/detail/{}?user_id={}&recent={}", page(n), n, page(n / 7 + n / 311))
        }),
        case("/recommend/detail, another visit each time", |n| {
            format!("/recommend/detail/{}?recent={},{},{}", page(n), page(n / 7), page(n / 311), page(n / 5))
        }),
        case("/similar, dataset unknown", |n| format!("/similar/{}", 900_000 + n % 100)),
    ]
}

/// Answers a second of each case: the median of rounds in turn.
fn throughput(cases: &[Case]) -> Vec<f64> {
    let mut rates: Vec<Vec<f64>> = vec![Vec::new(); cases.len()];
    for _ in 0..ROUNDS {
        for (rates, case) in rates.iter_mut().zip(cases) {
            rates.push(load(case.address, case.path));
        }
    }
    let median = |mut rates: Vec<f64>| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    };
    let medians: Vec<f64> = rates.into_iter().map(median).collect();
    for (Case { name, .. }, rate) in cases.iter().zip(&medians) {
        println!("  {name:<44} {rate:>9.0} answers/s   {:>5.2} of the bare route", rate / medians[0]);
    }
    medians
}

/// How late answers of a case are at a rate.
fn lateness(case: &Case, rate: f64, note: &str) {
    let mut late = paced(case, rate);
    late.sort_unstable();
    let at = |share: f64| late[((late.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let (name, median, last) = (case.name, at(0.5), at(0.99));
    println!("  {name:<44} at {rate:>6.0} a second{note}: median {median:.2} ms, p99 {last:.2} ms");
}

/// What the server itself says of the time it took, and its memory.
fn own_account(nearset: &Served) {
    let metrics = String::from_utf8(get(nearset.address, "/metrics")).expect("text");
    for endpoint in ["similar", "recommend_detail"] {
        let figure = |part: &str| {
            let name = format!("recommendation_latency_seconds_{part}{{endpoint=\"{endpoint}\"}} ");
            let line = metrics.lines().find_map(|l| l.strip_prefix(&name)).expect("a metric");
            line.parse::<f64>().expect("a figure")
        };
        println!("  {endpoint}: mean server time {:.0} µs under this load", figure("sum") / figure("count") * 1e6);
    }
    let status = fs::read_to_string(format!("/proc/{}/status", nearset.process.id())).unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("?").trim();
    println!("  resident memory {resident}");
}

static PAGES: OnceLock<&'static [i64]> = OnceLock::new();

/// One of the listed datasets.
fn page(number: u64) -> i64 {
    let pages = PAGES.get().expect("pages");
    pages[number as usize % pages.len()]
}

/// Datasets to ask for: those on the longest lists, and those on their lists.
fn listed(address: SocketAddr) -> Vec<i64> {
    let ids = |path: &str| -> Vec<i64> {
        let text = String::from_utf8(get(address, path)).expect("text");
        let of = |part: &str| part.split(',').next().and_then(|id| id.parse().ok());
        text.split("\"dataset_id\":").skip(1).filter_map(of).collect()
    };
    let mut all = ids("/hot/trending?limit=100");
    for page in all.clone() {
        all.extend(ids(&format!("/similar/{page}?top_n=100")));
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// A command that runs on the first core alone, where there are others for the clients.
fn on_first_core(program: &Path) -> Command {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if cores < 2 {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(program);
    command
}

/// Keeps this program's threads off the first core.
fn apart() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut others = rustix::thread::CpuSet::new();
    (1..cores).for_each(|core| others.set(core));
    if cores > 1 {
        rustix::thread::sched_setaffinity(None, &others).expect("cores of its own");
    }
}

/// The address that a server says it listens on.
fn address_in(output: impl Read + Send + 'static) -> SocketAddr {
    let mut lines = BufReader::new(output).lines();
    let address = loop {
        let line = lines.next().expect("an address").expect("text");
        if let Some((_, base)) = line.split_once("listening on http://") {
            break base.parse().expect("an address");
        }
    };
    // what it says later is read and forgotten
    std::thread::spawn(move || lines.count());
    address
}

/// A route that does nothing but answer what standard input holds.
fn bare_route() {
    let mut body = Vec::new();
    std::io::stdin().read_to_end(&mut body).expect("a body");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    runtime.block_on(async move {
        let body = axum::body::Bytes::from(body);
        let answer = move || {
            let body = body.clone();
            async move { ([("content-type", "application/json")], body) }
        };
        let router: axum::Router = axum::Router::new().route("/", axum::routing::get(answer));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        eprintln!("listening on http://{}", listener.local_addr().expect("an address"));
        axum::serve(listener, router).await.expect("served");
    });
}

/// The same at a site's rate while `nearset run` works on all cores.
fn beside_a_run(cases: &[Case]) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let cores = std::thread::available_parallelism().map_or(1, usize::from) + 1;
    let mut run = Command::new("taskset")
        .args(["-c", &format!("0-{}", cores - 1), env!("CARGO_BIN_EXE_nearset"), "demo", "--no-serve"])
        .current_dir(dir.path())
        .env("PROJECT_DIR", ROOT)
        .env("MODELS_DIR", dir.path().join("models"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a run");
    for case in &cases[1..3] {
        lateness(case, BESIDE, " beside a run");
        if run.try_wait().expect("its state").is_some() {
            println!("  (the run ended before that)");
        }
    }
    run.kill().ok();
    run.wait().ok();
}

/// How late answers are that are asked for at a rate, by its schedule.
fn paced(case: &Case, rate: f64) -> Vec<Duration> {
    let started = Instant::now() + Duration::from_millis(50);
    let number = AtomicU64::new(0);
    let (path, address, number) = (case.path, case.address, &number);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(move || {
                    let mut client = Client::new(address);
                    let mut late = Vec::new();
                    loop {
                        let n = number.fetch_add(1, Ordering::Relaxed);
                        let due = started + Duration::from_secs_f64(n as f64 / rate);
                        if due > started + 2 * ROUND {
                            return late;
                        }
                        std::thread::sleep(due.saturating_duration_since(Instant::now()));
                        client.get(&path(n + 77_777));
                        late.push(due.elapsed());
                    }
                })
            })
            .collect();
        clients.into_iter().flat_map(|c| c.join().expect("a client")).collect()
    })
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
