//! The address that the server listens on, and who is there.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::common::finding::{Finding, Verdict};
use crate::common::language::{either, t};
use crate::model;

/// How long a server on this machine may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a server of nearset says of itself.
#[derive(Debug, Deserialize)]
pub struct Serving {
    /// `healthy`, `degraded` or `unavailable`.
    pub status: String,
    /// The version that answers.
    pub model_version: Option<String>,
}

/// The server of nearset that listens there, if one does.
pub fn serving(mut address: SocketAddr) -> Option<Serving> {
    if address.ip().is_unspecified() {
        let here = if address.is_ipv4() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { IpAddr::V6(Ipv6Addr::LOCALHOST) };
        address.set_ip(here);
    }
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream
        .write_all(format!("GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())
        .ok()?;
    let mut answer = Vec::new();
    stream.take(1 << 16).read_to_end(&mut answer).ok();
    let answer = String::from_utf8(answer).ok()?;
    serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
}

/// Listens there for a moment; somebody else may do just that.
fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let mut bound = TcpListener::bind(address);
    for _ in 0..3 {
        if bound.as_ref().is_err_and(|error| error.kind() == ErrorKind::AddrInUse) {
            std::thread::sleep(PATIENCE / 20);
            bound = TcpListener::bind(address);
        }
    }
    bound
}

/// A version's name as a person reads it, where there is one.
fn shown(version: &str) -> &str {
    if version.is_empty() { either("no version", "无") } else { version }
}

/// Whether a server could listen there, or does so already.
pub fn listening(address: SocketAddr, models_dir: &Path) -> Finding {
    let finding = |verdict, text| Finding::new(verdict, "server", text);
    let Err(error) = bind(address) else {
        return finding(Verdict::Fine, t!("{address} is free", "{address} 可用"));
    };
    match (error.kind(), serving(address)) {
        (ErrorKind::AddrInUse, Some(Serving { status, model_version })) => {
            let (version, current) =
                (model_version.unwrap_or_default(), model::current(models_dir).unwrap_or_default());
            match version == current {
                true => finding(
                    Verdict::Fine,
                    t!("nearset listens on {address} and is {status}", "nearset 正在监听 {address}，状态 {status}"),
                ),
                false => finding(
                    Verdict::Odd,
                    t!(
                        "nearset listens on {address} with {}, and {} is current in MODELS_DIR: it serves another folder, or could \
                         not load it (its log says why)",
                        "nearset 正在监听 {address}，其版本：{}；MODELS_DIR 的当前版本：{}。它用的是另一个目录，或未能加载（见其日志）",
                        shown(&version),
                        shown(&current)
                    ),
                ),
            }
        }
        (ErrorKind::AddrInUse, None) => finding(
            Verdict::Broken,
            t!(
                "{address} is taken by another program (`ss -ltnp 'sport = :{port}'` shows which); stop it, or choose another \
                 port with LISTEN or --listen",
                "{address} 已被其他程序占用（`ss -ltnp 'sport = :{port}'` 可查）；请停止它，或用 LISTEN 或 --listen 换一个端口",
                port = address.port()
            ),
        ),
        (ErrorKind::PermissionDenied, _) => finding(
            Verdict::Broken,
            t!(
                "this user may not listen on {address} (ports below 1024 need a right of their own); choose a higher port \
                 with LISTEN or --listen",
                "该用户无权监听 {address}（1024 以下的端口需要专门的权限）；请用 LISTEN 或 --listen 换一个更大的端口"
            ),
        ),
        _ => finding(
            Verdict::Broken,
            t!(
                "{address} cannot be listened on ({error}); LISTEN names an address of this machine, or 0.0.0.0 for all",
                "无法监听 {address}（{error}）；LISTEN 须为本机的地址，0.0.0.0 表示全部"
            ),
        ),
    }
}
