//! A wire between DuckDB and a database server that notices silence.
//!
//! DuckDB's drivers wait for an answer for ever. So they connect to a port of this process, which passes every byte on
//! to the server and cuts the wire once a query has been waiting for too long without one; the driver then reports a
//! lost connection like any other.

use crate::common::language::either;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long a server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a waiting wire looks at the time.
const TICK: Duration = Duration::from_millis(200);

/// What all wires of a relay share.
struct Line {
    started: Instant,
    /// Milliseconds since `started` at the last byte, or at the start of the query under way.
    last: AtomicU64,
    waiting: AtomicBool,
    was_cut: AtomicBool,
    open: AtomicBool,
    timeout: Duration,
}

impl Line {
    fn touch(&self) {
        self.last.store(self.started.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    fn is_silent(&self) -> bool {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        self.waiting.load(Ordering::Relaxed) && self.started.elapsed().saturating_sub(last) > self.timeout
    }
}

/// The relay; its wires end with it.
pub struct Relay {
    line: Arc<Line>,
    port: u16,
}

impl Relay {
    /// Starts one to `host:port`, once the server accepts connections there.
    pub fn start(host: &str, port: u16, timeout: Duration) -> io::Result<Self> {
        let server = (host, port).to_socket_addrs()?.collect::<Vec<_>>();
        connect(&server)?;
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let own_port = listener.local_addr()?.port();
        let line = Arc::new(Line {
            started: Instant::now(),
            last: AtomicU64::new(0),
            waiting: AtomicBool::new(false),
            was_cut: AtomicBool::new(false),
            open: AtomicBool::new(true),
            timeout,
        });
        let shared = Arc::clone(&line);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if !shared.open.load(Ordering::Relaxed) {
                    break;
                }
                // where the server is gone, dropping the client tells the driver
                if let Ok(upstream) = connect(&server) {
                    wire(client, upstream, &shared).ok();
                }
            }
        });
        Ok(Self { line, port: own_port })
    }

    /// The port on 127.0.0.1 that leads to the server.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs a query whose answers come over the wire; silence counts from now on, and until it ends.
    pub fn watched<T>(&self, query: impl FnOnce() -> T) -> T {
        self.line.touch();
        self.line.was_cut.store(false, Ordering::Relaxed);
        self.line.waiting.store(true, Ordering::Relaxed);
        let result = query();
        self.line.waiting.store(false, Ordering::Relaxed);
        result
    }

    /// Whether the last query was cut off.
    pub fn was_cut(&self) -> bool {
        self.line.was_cut.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.line.open.store(false, Ordering::Relaxed);
        // wakes the listener, which then sees that it is over
        TcpStream::connect(("127.0.0.1", self.port)).ok();
    }
}

fn connect(server: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut result = Err(io::Error::new(io::ErrorKind::NotFound, either("the name has no address", "主机名没有地址")));
    for address in server {
        result = TcpStream::connect_timeout(address, CONNECT_TIMEOUT);
        if result.is_ok() {
            break;
        }
    }
    result
}

/// Passes bytes both ways until either side ends or the server is silent for too long.
fn wire(mut client: TcpStream, mut server: TcpStream, line: &Arc<Line>) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    server.set_read_timeout(Some(TICK))?;
    let (mut requests, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let asked = Arc::clone(line);
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 14];
        while let Ok(read @ 1..) = requests.read(&mut buffer) {
            asked.touch();
            if to_server.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        to_server.shutdown(Shutdown::Both).ok();
    });
    let answered = Arc::clone(line);
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 17];
        loop {
            match server.read(&mut buffer) {
                Ok(read @ 1..) => {
                    if client.write_all(&buffer[..read]).is_err() {
                        break;
                    }
                    answered.touch();
                }
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    if answered.is_silent() {
                        answered.was_cut.store(true, Ordering::Relaxed);
                        break;
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                _ => break,
            }
        }
        client.shutdown(Shutdown::Both).ok();
        server.shutdown(Shutdown::Both).ok();
    });
    Ok(())
}
