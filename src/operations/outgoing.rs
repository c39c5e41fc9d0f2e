//! The one way out: every HTTP request that nearset makes of its own goes through here, with a time limit, through the proxy
//! that the settings name, and to nobody whom no setting names.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use ureq::http::{HeaderMap, Request, Response, Uri, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Proxy};

use crate::common::language::t;
use crate::config::Config;

/// The longest answer that is read.
const LONGEST_ANSWER: u64 = 16 << 20;

/// A client; clones share its connections.
#[derive(Clone, Debug)]
pub struct Outgoing {
    agent: Agent,
    timeout: Duration,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// After how many seconds to try again, where it says so in seconds.
    pub retry_after: Option<u64>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Whether the status is one of success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as text, with a mark in place of what is none.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Outgoing {
    /// A client by the settings.
    ///
    /// # Errors
    /// `HTTPS_PROXY` is no proxy's address.
    pub fn of(config: &Config) -> Result<Self> {
        let settings = &config.outgoing;
        let proxy = settings.proxy.as_ref().map(|address| proxy(&address.0, &settings.no_proxy)).transpose()?;
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(settings.timeout))
            .timeout_connect(Some(settings.timeout.min(Duration::from_secs(5))))
            .user_agent(concat!("nearset/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .proxy(proxy)
            .build()
            .new_agent();
        Ok(Self { agent, timeout: settings.timeout })
    }

    /// Sends a request and reads the answer whole, whatever its status; a redirect is an answer, too.
    ///
    /// # Errors
    /// Nobody is there, or the answer takes too long or is too long.
    pub fn send(&self, request: Request<Vec<u8>>) -> Result<Answer> {
        let server = host(request.uri());
        read(&server, self.agent.run(request))
    }

    /// Sends a file as a request's body, however large: it has a second more for each megabyte.
    ///
    /// # Errors
    /// The file cannot be read, or as for [`send`](Self::send).
    pub fn send_file(&self, request: Request<()>, path: &Path) -> Result<Answer> {
        let cannot = || t!("{} cannot be read", "{} 无法读取", path.display());
        let file = File::open(path).with_context(cannot)?;
        let more = Duration::from_secs(file.metadata().with_context(cannot)?.len() >> 20);
        let server = host(request.uri());
        let request = self.agent.configure_request(request.map(|()| file));
        let request = request.timeout_global(Some(self.timeout + more)).build();
        read(&server, self.agent.run(request))
    }

    /// Posts JSON.
    ///
    /// # Errors
    /// As for [`send`](Self::send), or `url` is none.
    pub fn post_json(&self, url: &str, body: &impl serde::Serialize) -> Result<Answer> {
        let request = Request::post(url).header(header::CONTENT_TYPE, "application/json; charset=utf-8");
        self.send(request.body(serde_json::to_vec(body)?).with_context(no_url)?)
    }

    /// Gets.
    ///
    /// # Errors
    /// As for [`send`](Self::send), or `url` is none.
    pub fn get(&self, url: &str) -> Result<Answer> {
        self.send(Request::get(url).body(Vec::new()).with_context(no_url)?)
    }
}

/// Whom a request is for; the rest of a URL may hold a key.
fn host(url: &Uri) -> String {
    url.authority().map_or_else(String::new, |authority| authority.host().to_owned())
}

/// Reads an answer whole.
fn read(server: &str, response: Result<Response<Body>, ureq::Error>) -> Result<Answer> {
    let failed = || t!("{server} does not answer", "{server} 没有应答");
    let mut response = response.with_context(failed)?;
    let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let body = response.body_mut().with_config().limit(LONGEST_ANSWER).read_to_vec().with_context(failed)?;
    Ok(Answer { status: response.status().as_u16(), retry_after, headers: response.headers().clone(), body })
}

fn no_url() -> String {
    t!("this is no URL", "不是有效的 URL")
}

fn proxy(address: &str, no_proxy: &[String]) -> Result<Proxy> {
    // the machine itself needs none
    let direct = ["localhost", "127.0.0.1", "::1"].into_iter().chain(no_proxy.iter().map(String::as_str));
    let invalid = || {
        t!(
            "HTTPS_PROXY is no proxy's address, such as http://proxy:3128",
            "HTTPS_PROXY 不是代理地址，例如 http://proxy:3128"
        )
    };
    let read = Proxy::new(address).with_context(invalid)?;
    let mut builder = Proxy::builder(read.protocol()).host(read.host()).port(read.port());
    if let (Some(user), Some(password)) = (read.username(), read.password()) {
        builder = builder.username(user).password(password);
    }
    for host in direct {
        builder = builder.no_proxy(host);
    }
    builder.build().with_context(invalid)
}
