//! Clients, data and surroundings that mean harm: nothing they do shuts others out, fills memory or gets into pages.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::Request;
use h2::client::{Builder, ResponseFuture, SendRequest};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::serving::{port, until};
use crate::support::{AS_OF, Nearset, Server, agent, catalogue, free_port};

/// Lists of a hundred long titles.
fn long_lists() -> Nearset {
    let n = Nearset::empty();
    let names: Vec<String> =
        (0..110).map(|number| format!("Crop yields {number} {}", "of the plain ".repeat(12))).collect();
    n.write("dataset.json", &catalogue(&names.iter().map(String::as_str).collect::<Vec<_>>()));
    n.ok(&["run", "--as-of", AS_OF]);
    n
}

const LONG_LIST: &str = "/similar/1?top_n=100";

/// An HTTP/2 client that takes no byte of any answer and pings all the time.
struct Stubborn {
    /// Ends when the server closes the connection.
    connection: JoinHandle<()>,
    _asked: (SendRequest<Bytes>, Vec<ResponseFuture>),
}

impl Stubborn {
    /// Asks so many times; what the server does not let it ask yet waits on its side.
    async fn ask(address: &str, path: &str, times: usize) -> Self {
        let stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
        let mut builder = Builder::new();
        let handshake = builder.initial_window_size(0).handshake::<_, Bytes>(stream);
        let (client, mut connection) = handshake.await.expect("a handshake");
        let mut pings = connection.ping_pong().expect("pings");
        tokio::spawn(async move {
            while pings.ping(h2::Ping::opaque()).await.is_ok() {
                sleep(Duration::from_millis(100)).await;
            }
        });
        let connection = tokio::spawn(async move { drop(connection.await) });
        let mut answers = Vec::new();
        for _ in 0..times {
            let request = Request::get(format!("http://{address}{path}")).body(()).expect("a request");
            answers.push(client.clone().send_request(request, true).expect("it is sent").0);
        }
        Self { connection, _asked: (client, answers) }
    }

    /// Whether the server closes the connection at all.
    async fn end(self) -> bool {
        timeout(Duration::from_secs(30), self.connection).await.is_ok()
    }
}

/// What is answered to these bytes until the server closes.
fn talk(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(port(server)).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a limit");
    stream.write_all(bytes).expect("the request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok();
    String::from_utf8_lossy(&answer).into_owned()
}

fn body(answer: &str) -> Value {
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no body: {answer}"));
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

fn idle(server: &Server, count: usize) -> Vec<TcpStream> {
    (0..count).map(|_| TcpStream::connect(port(server)).expect("a connection")).collect()
}

#[test]
fn answers_that_nobody_takes_keep_no_memory_and_no_connection() {
    let mut n = long_lists();
    n.set("SLOW_CLIENT_SECONDS", "2");
    let server = n.serve();
    server.list(LONG_LIST);
    let before = server.resident_mb();
    Runtime::new().expect("a runtime").block_on(async {
        let address = port(&server);
        let mut clients = Vec::new();
        for _ in 0..100 {
            clients.push(ask_owned(address.clone()));
        }
        let clients = join(clients).await;
        let mut grown = 0.0_f64;
        for _ in 0..15 {
            sleep(Duration::from_millis(100)).await;
            grown = grown.max(server.resident_mb() - before);
        }
        println!("100 clients that take nothing: {before:.0} MB and {grown:.0} MB more");
        let asked = server.get_text("/metrics").1;
        assert!(
            !asked.contains("recommendation_count_count{endpoint=\"similar\"} 1\n"),
            "nobody was answered: {asked}"
        );
        assert!(grown < 120.0, "{grown} MB more");
        for client in clients {
            assert!(client.end().await, "an answer that is not taken keeps its connection");
        }
    });
    server.list(LONG_LIST);
}

/// Waits for all at once.
async fn join<T: Send + 'static>(all: Vec<impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    let tasks: Vec<_> = all.into_iter().map(tokio::spawn).collect();
    let mut done = Vec::new();
    for task in tasks {
        done.push(task.await.expect("it ends"));
    }
    done
}

#[test]
fn pings_keep_no_idle_connection() {
    let mut n = long_lists();
    n.set("SLOW_CLIENT_SECONDS", "1");
    let server = n.serve();
    Runtime::new().expect("a runtime").block_on(async {
        let address = port(&server);
        let client = Stubborn::ask(&address, "/health", 0).await;
        assert!(client.end().await, "pings keep a connection that asks nothing");
    });
}

#[test]
fn idle_connections_make_room_and_busy_ones_leave_some_for_probes() {
    let mut n = long_lists();
    n.set("MAX_CONNECTIONS", "8");
    n.set("SLOW_CLIENT_SECONDS", "60");
    let server = n.serve();
    let waiting = idle(&server, 110);
    assert_eq!(server.get("/health").0, 200);
    server.list("/similar/1");
    // the idle ones had to go, or the next to come would wait for them
    let mut first = &waiting[0];
    first.set_read_timeout(Some(Duration::from_secs(20))).expect("a limit");
    assert!(matches!(first.read(&mut [0]), Ok(0) | Err(_)));
    drop(waiting);
    let runtime = Runtime::new().expect("a runtime");
    let list = || talk(&server, b"GET /similar/1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let mut busy = Vec::new();
    until("all places are at work", || {
        busy.push(runtime.block_on(ask_owned(port(&server))));
        list().starts_with("HTTP/1.1 503")
    });
    let slow = idle(&server, 30);
    let answer = list();
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("connection: close"), "{answer}");
    assert_eq!(body(&answer)["error"]["code"], "overloaded");
    for probe in ["/health", "/health/live", "/metrics"] {
        assert_eq!(server.get_text(probe).0, 200);
    }
    drop((busy, slow));
    until("there is room again", || server.get("/similar/1").0 == 200);
}

async fn ask_owned(address: String) -> Stubborn {
    Stubborn::ask(&address, LONG_LIST, 128).await
}

/// The same program and settings, started by a shell that sets something first.
fn through_shell(command: &mut Command, before: &str, after: &str) {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("{before} exec \"$0\" \"$@\" {after}")])
        .arg(command.get_program())
        .args(command.get_args());
    shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.current_dir(command.get_current_dir().expect("a folder"));
    *command = shell;
}

#[test]
fn connections_never_use_up_the_files_a_process_may_open() {
    let n = long_lists();
    let server = n.serve_with(|command| through_shell(command, "ulimit -n 100;", ""));
    let waiting = idle(&server, 300);
    server.list("/similar/1");
    assert_eq!(server.get("/health").1["status"], "healthy");
    drop(waiting);
    server.signal("TERM");
    let (code, log) = server.wait();
    assert!(code == Some(0) && log.contains("MAX_CONNECTIONS is 4096") && log.contains("36 connections"), "{log}");
}

#[test]
fn nobody_reading_standard_error_harms_no_request() {
    let mut n = long_lists();
    n.set("ADMIN_TOKEN", "right");
    for unwritable in ["2>/dev/full", "2>&-"] {
        let listen = format!("127.0.0.1:{}", free_port());
        let mut command = n.command(&["serve", "--listen", &listen]);
        through_shell(&mut command, "", unwritable);
        let mut child = command.stdout(Stdio::null()).spawn().expect("the server starts");
        let get = |path: &str| agent().get(format!("http://{listen}{path}")).call().map(|r| r.status().as_u16());
        until("it answers", || get("/health/ready").is_ok_and(|status| status == 200));
        // each of these is logged
        for _ in 0..3 {
            let reload = agent().post(format!("http://{listen}/models/reload")).send_empty().expect("an answer");
            assert_eq!(reload.status().as_u16(), 401);
        }
        assert_eq!(get("/similar/1").expect("an answer"), 200);
        child.kill().expect("it runs still");
        child.wait().expect("it ends");
    }
}

#[test]
fn refused_requests_say_so_in_json_and_leave_a_trace() {
    let mut n = long_lists();
    n.set("ADMIN_TOKEN", "the right one");
    let server = n.serve();
    let answer = talk(
        &server,
        b"POST /models/reload HTTP/1.1\r\nhost: x\r\ncontent-length: 200000\r\nconnection: close\r\n\r\n",
    );
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("content-type: application/json"), "{answer}");
    assert_eq!(body(&answer)["error"]["code"], "too_large");
    assert_eq!(server.post("/models/reload", Some("a wrong one")).0, 401);
    assert_eq!(server.post("/models/reload", None).0, 401);
    assert_eq!(server.post("/models/reload", Some("the right one")).0, 200);
    let metrics = server.get_text("/metrics").1;
    assert!(metrics.contains("error_total{endpoint=\"models_reload\",error_type=\"unauthorized\"} 2"), "{metrics}");
    server.signal("TERM");
    let log = server.wait().1;
    assert_eq!(log.matches("asked for /models/reload and was refused").count(), 2, "{log}");
    assert!(log.contains("127.0.0.1") && !log.contains("wrong one") && !log.contains("right one"), "{log}");
}

#[test]
fn a_cover_is_a_path_or_a_web_address() {
    let n = Nearset::empty();
    let good = [
        "covers/1.png",
        "/covers/1.png",
        "封面 1.png",
        "./covers/a:b.png",
        "cover.png?at=10:30",
        "https://images.example.cn/1.png",
        "HTTP://images.example.cn/1.png",
    ];
    let bad = [
        "javascript:alert(1)",
        " JavaScript:alert(1)",
        "java\tscript:alert(1)",
        "\u{1}javascript:alert(1)",
        "\njavascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "//evil.example/1.png",
        "/\\evil.example/1.png",
        "\\\\evil.example\\1.png",
        "/\t/evil.example/1.png",
        "https:evil.example",
        "file:///etc/passwd",
    ];
    let urls: Vec<&str> = good.iter().chain(&bad).copied().collect();
    n.write("dataset.json", &catalogue(&vec!["Rain in the plain"; urls.len()]));
    let images: Vec<Value> = (1..)
        .zip(&urls)
        .map(|(id, url)| json!({"id": id, "dataset_id": id, "image_url": url, "create_time": "2026-01-01 00:00:00"}))
        .collect();
    n.write("dataset_image.json", &serde_json::to_string(&images).expect("JSON"));
    n.ok(&["run", "--as-of", AS_OF]);
    let covers = n.sql("select cover_image from datasets order by dataset_id");
    let covers: Vec<Option<&str>> = covers.iter().map(|row| row["cover_image"].as_str()).collect();
    let expected: Vec<Option<&str>> = good.iter().map(|url| Some(*url)).chain(bad.map(|_| None)).collect();
    assert_eq!(covers, expected);
    let set_aside = n.value("select count(*) from rejected_rows where reason = 'image_url_not_a_path'");
    assert_eq!(set_aside, bad.len());
    assert_eq!(n.value("select count(*) from rejected_rows where source_table = 'dataset_image'"), bad.len());
}
