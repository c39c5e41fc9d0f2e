//! Traces as a collector gets them: what stands in here for one keeps the bytes of every request.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::support::{AS_OF, Nearset, agent, free_port, text};

/// A collector that takes everything.
struct Collector {
    base: String,
    taken: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let taken: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let all = taken.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let all = all.clone();
                thread::spawn(move || while take(&stream, &all).is_some() {});
            }
        });
        Self { base, taken }
    }

    /// All that was sent.
    fn bytes(&self) -> Vec<u8> {
        self.taken.lock().expect("a lock").concat()
    }
}

/// Takes one request; `None` where the connection has ended.
fn take(stream: &TcpStream, all: &Mutex<Vec<Vec<u8>>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut head) = (String::new(), String::new());
    while reader.read_line(&mut line).ok()? > 2 {
        head += &line.to_ascii_lowercase();
        line.clear();
    }
    assert!(
        head.is_empty() || head.starts_with("post /v1/traces ") && head.contains("application/x-protobuf"),
        "{head}"
    );
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"))?.trim().parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    all.lock().expect("a lock").push(body);
    let mut to = stream;
    to.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[test]
fn a_request_is_a_span_in_its_callers_trace() {
    let collector = Collector::start();
    let mut n = Nearset::demo();
    n.set("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.base);
    n.set("OTEL_SERVICE_NAME", "nearset-of-a-test");
    n.set("OTEL_TRACES_SAMPLER_ARG", "0");
    n.set("LOG_FORMAT", "json");
    n.set("LOG_REQUESTS", "on");
    let server = n.serve();
    let ask = |path: &str, id: &str, traceparent: &str| {
        let request = agent().get(format!("{}{path}", server.base)).header("x-request-id", id);
        assert_eq!(request.header("traceparent", traceparent).call().expect("an answer").status(), 200);
    };
    ask("/similar/1", "req_followed", &format!("00-{TRACE}-00f067aa0ba902b7-01"));
    // the caller follows this one no further, and of those without a caller a share of 0 is taken
    ask("/health", "req_alone", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
    ask("/recommend/detail/1", "req_new", "none");
    server.signal("TERM");
    let (code, log) = server.wait();
    assert_eq!(code, Some(0), "{log}");
    let bytes = collector.bytes();
    for part in [
        "GET /similar/{dataset_id}",
        "req_followed",
        "nearset-of-a-test",
        "http.response.status_code",
        "nearset.list_ms",
    ] {
        assert!(holds(&bytes, part.as_bytes()), "{part}: {log}");
    }
    assert!(holds(&bytes, &hex::decode(TRACE).expect("hex")), "the caller's trace goes on");
    assert!(!holds(&bytes, b"req_alone") && !holds(&bytes, b"req_new"));
    let line = log.lines().find(|line| line.contains("req_followed")).expect("a line");
    assert!(line.contains(&format!("\"trace_id\":\"{TRACE}\"")), "{line}");
}

#[test]
fn a_run_and_its_steps_are_spans() {
    let collector = Collector::start();
    let mut n = Nearset::empty();
    n.take_fixtures(|_| true);
    n.set("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.base);
    n.ok(&["run", "--only", "extract", "--as-of", AS_OF]);
    let bytes = collector.bytes();
    for part in ["run", "extract", "publish", "nearset.outcome", "done", "nearset.rows"] {
        assert!(holds(&bytes, part.as_bytes()), "{part}");
    }
}

#[test]
fn a_collector_that_is_down_is_named_once_and_costs_no_request() {
    let mut n = Nearset::demo();
    n.set("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://127.0.0.1:{}", free_port()));
    n.set("OTEL_TRACES_SAMPLER", "always_on");
    n.set("OTEL_BSP_SCHEDULE_DELAY", "20");
    let server = n.serve();
    for _ in 0..5 {
        assert_eq!(server.get("/similar/1").0, 200);
        thread::sleep(std::time::Duration::from_millis(60));
    }
    server.signal("TERM");
    let (code, log) = server.wait();
    assert_eq!((code, log.matches("traces are lost").count()), (Some(0), 1), "{log}");
    n.set("OTEL_TRACES_SAMPLER", "sometimes");
    let output = n.run(&["runs"]);
    assert!(text(&output.stderr).contains("OTEL_TRACES_SAMPLER = \"sometimes\""), "{}", text(&output.stderr));
}
