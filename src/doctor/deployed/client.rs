//! How the server is asked: lists as tests where TEST_TOKEN is set, else as a browser fetches ahead, which is logged and
//! counted in no figure.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use ureq::http::Request;
use url::{Host, Url};

use crate::common::language::t;
use crate::config::Config;
use crate::operations::{Answer, Outgoing};

/// The server, and how it is asked.
pub(super) struct Client {
    outgoing: Outgoing,
    base: String,
    test_token: Option<String>,
    /// Whether the address is one of this machine.
    pub is_here: bool,
}

impl Client {
    pub fn new(config: &Config, url: &str) -> Result<Self> {
        let no_server = || {
            t!(
                "{url} is no server's address, such as http://127.0.0.1:8000",
                "{url} 不是服务器地址，例如 http://127.0.0.1:8000"
            )
        };
        let read = Url::parse(url).with_context(no_server)?;
        ensure!(matches!(read.scheme(), "http" | "https"), no_server());
        let is_loopback = |address: IpAddr| address.is_loopback();
        let is_here = match read.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => is_loopback(address.into()),
            Some(Host::Ipv6(address)) => is_loopback(address.into()),
            None => bail!(no_server()),
        };
        let base = read.as_str().trim_end_matches('/').to_owned();
        Ok(Self { outgoing: Outgoing::of(config)?, base, test_token: config.serve.test_token.clone(), is_here })
    }

    /// Whether lists are asked for as tests.
    pub fn is_testing(&self) -> bool {
        self.test_token.is_some()
    }

    /// Asks for something that is no list.
    pub fn get(&self, path: &str) -> Result<Answer> {
        self.outgoing.get(&format!("{}{path}", self.base))
    }

    /// Asks for a list, and says how long it took.
    pub fn list(&self, path: &str) -> Result<(Answer, Duration)> {
        let (name, value) = match &self.test_token {
            Some(token) => ("X-Test-Token", token.as_str()),
            None => ("Sec-Purpose", "prefetch"),
        };
        let request = Request::get(format!("{}{path}", self.base)).header(name, value).body(Vec::new())?;
        let began = Instant::now();
        let answer = self.outgoing.send(request)?;
        Ok((answer, began.elapsed()))
    }
}

/// The JSON of an answer with this status; what else came is said.
pub(super) fn json(path: &str, answer: &Answer, status: u16) -> Result<Value> {
    let read: Result<Value, _> = serde_json::from_slice(&answer.body);
    if answer.status != status {
        let said = read.as_ref().ok().and_then(|body| body.pointer("/error/message")?.as_str());
        let location = answer.headers.get("location").and_then(|value| value.to_str().ok());
        let said = said.or(location).map_or_else(String::new, |said| format!(": {said}"));
        bail!(t!("{path} answers {}{said}", "{path} 返回 {}{said}", answer.status));
    }
    read.with_context(|| t!("{path} answers no JSON: {}", "{path} 返回的不是 JSON：{}", start(&answer.text())))
}

/// The start of a text, in one line.
fn start(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(80).collect()
}
