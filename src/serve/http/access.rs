//! Who may see figures, ask the warehouse and change things: what a request proves of whoever sent it, by a token or by the
//! session that a browser got for one.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use axum_extra::TypedHeader;
use axum_extra::headers::Authorization;
use axum_extra::headers::authorization::{Basic, Bearer};
use subtle::ConstantTimeEq;

use super::sessions::{self, Sessions};
use super::{ApiError, error};
use crate::config::{Config, Readers};
use crate::serve::routes::route_of;
use crate::serve::state::Shared;

/// What a proxy adds to what it hands on.
const FORWARDED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

/// What somebody may do; each level may do all that those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Ask for lists.
    Anyone,
    /// See reports, pages and views, as REPORTS says.
    Reader,
    /// Ask the warehouse in SQL of their own.
    Analyst,
    /// Change what answers.
    Admin,
}

impl Level {
    /// What holding a token gives; comparing takes as long whatever was given.
    pub fn of_token(config: &Config, given: &str) -> Self {
        let is = |token: &str| bool::from(token.as_bytes().ct_eq(given.as_bytes()));
        let analyst = config.queries.analyst_token.as_ref();
        match () {
            () if config.serve.admin_token.as_deref().is_some_and(is) => Self::Admin,
            () if analyst.is_some_and(|token| is(&token.0)) => Self::Analyst,
            () => Self::Anyone,
        }
    }
}

/// What whoever sent the request may do.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// By what the request holds, and by where it comes from.
    pub level: Level,
}

impl Access {
    /// What a request proves: by a token (Bearer, or the password that a browser asks for), a session, or its place.
    pub async fn level(parts: &mut Parts, state: &Shared) -> Level {
        let by_token = match given(parts, state).await {
            Some(given) => Level::of_token(&state.config, &given),
            None => Level::Anyone,
        };
        let by_place = match state.config.serve.reports {
            Readers::All => Level::Reader,
            Readers::Local if is_from_here(parts) => Level::Reader,
            Readers::Local | Readers::Nobody => Level::Anyone,
        };
        by_token.max(by_session(parts, &state.sessions)).max(by_place)
    }
}

impl FromRequestParts<Shared> for Access {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Infallible> {
        Ok(Self { level: Self::level(parts, state).await })
    }
}

/// Whoever sent the request may see reports.
pub struct Reader;

impl FromRequestParts<Shared> for Reader {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Response> {
        if state.config.serve.reports == Readers::Nobody {
            return Err(error::no_route(parts.uri.clone()).await.into_response());
        }
        if Access::level(parts, state).await >= Level::Reader {
            return Ok(Self);
        }
        if state.config.serve.admin_token.is_none() && state.config.queries.analyst_token.is_none() {
            return Err(ApiError::Unauthorized(
                "reports are shown on the server's own machine; set ADMIN_TOKEN to read them with it, or REPORTS=on",
            )
            .into_response());
        }
        let refused = ApiError::Unauthorized("send the admin token, as a Bearer token or as the password");
        // a browser then asks for it
        let ask = HeaderValue::from_static("Basic realm=\"nearset reports\", charset=\"UTF-8\"");
        Err(([(header::WWW_AUTHENTICATE, ask)], refused).into_response())
    }
}

/// Whoever sent the request holds the analysts' token, or the admin's.
pub struct Analyst;

impl FromRequestParts<Shared> for Analyst {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, ApiError> {
        let is_off = state.config.queries.analyst_token.is_none() && state.config.serve.admin_token.is_none();
        require(parts, state, Level::Analyst).await.map(|()| Self).map_err(|()| {
            ApiError::Unauthorized(match is_off {
                true => "queries of one's own are off; set ANALYST_TOKEN to use them",
                false => "send the analyst token: Authorization: Bearer …",
            })
        })
    }
}

/// Whoever sent the request holds the admin token.
pub struct Admin;

impl FromRequestParts<Shared> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, ApiError> {
        require(parts, state, Level::Admin).await.map(|()| Self).map_err(|()| {
            ApiError::Unauthorized(match state.config.serve.admin_token {
                None => "admin routes are off; set ADMIN_TOKEN to use them",
                Some(_) => "send the admin token: Authorization: Bearer …",
            })
        })
    }
}

/// Refuses who may do less. Who asks is told to the operator, what they sent is not.
async fn require(parts: &mut Parts, state: &Shared, least: Level) -> Result<(), ()> {
    if Access::level(parts, state).await >= least {
        return Ok(());
    }
    let route = route_of(parts.uri.path());
    let peer = peer(parts).map(|peer| peer.to_string()).unwrap_or_default();
    tracing::warn!("{peer} asked for {route} and was refused: no token that is right");
    state.metrics.error("unauthorized", &route.trim_matches('/').replace('/', "_"));
    Err(())
}

/// The token that a request holds, as programs send it or as browsers do.
async fn given(parts: &mut Parts, state: &Shared) -> Option<String> {
    if let Ok(TypedHeader(bearer)) = TypedHeader::<Authorization<Bearer>>::from_request_parts(parts, state).await {
        return Some(bearer.token().to_owned());
    }
    let basic = TypedHeader::<Authorization<Basic>>::from_request_parts(parts, state).await.ok();
    // a browser sends a password it knows with whatever another site's page has it send
    let basic = basic.filter(|_| only_reads(parts) || !is_of_another_site(&parts.headers));
    basic.map(|TypedHeader(basic)| basic.password().to_owned())
}

fn only_reads(parts: &Parts) -> bool {
    parts.method == Method::GET || parts.method == Method::HEAD
}

/// What the session of a browser gives. What changes something must come from a page of this server's: another site's page may
/// send a form here, and the browser might send the cookie with it.
fn by_session(parts: &Parts, sessions: &Sessions) -> Level {
    let id = sessions::id_in(&parts.headers).filter(|_| only_reads(parts) || is_same_origin(&parts.headers));
    id.and_then(|id| sessions.level(id)).unwrap_or(Level::Anyone)
}

/// Whether a browser says that a request comes from a page of this server's.
pub fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        return site == "same-origin";
    }
    let origin = text(header::ORIGIN).and_then(|origin| origin.split_once("://"));
    origin.is_some_and(|(_, host)| text(header::HOST).is_some_and(|own| own.eq_ignore_ascii_case(host)))
}

/// Whether a browser says that the page of another site sends a request, and may read its answer or change something by it.
fn is_of_another_site(headers: &HeaderMap) -> bool {
    headers.contains_key(header::ORIGIN) && !is_same_origin(headers)
}

/// Where a request comes from.
pub fn peer(parts: &Parts) -> Option<SocketAddr> {
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| *peer)
}

/// Whether a request comes from this machine, under a name of its own: neither through a proxy nor from a page of somebody
/// else's, whether or not its name leads here.
fn is_from_here(parts: &Parts) -> bool {
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.and_then(|host| host.parse::<axum::http::uri::Authority>().ok()).map(|host| host.host().to_owned());
    let is_own_name = host.is_some_and(|host| {
        let address: Result<IpAddr, _> = host.trim_start_matches('[').trim_end_matches(']').parse();
        host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
    });
    peer(parts).is_some_and(|peer| peer.ip().to_canonical().is_loopback())
        && is_own_name
        && !is_of_another_site(&parts.headers)
        && !FORWARDED.iter().any(|name| parts.headers.contains_key(*name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(peer: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = axum::http::Request::builder().uri("/reports");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).expect("a request").into_parts();
        parts.extensions.insert(ConnectInfo::<SocketAddr>(peer.parse().expect("an address")));
        parts
    }

    #[test]
    fn only_this_machine_by_its_own_name_is_here() {
        for host in ["127.0.0.1:8000", "localhost", "LOCALHOST:80", "[::1]:8000", "127.0.0.2"] {
            assert!(is_from_here(&asked("127.0.0.1:5000", &[("host", host)])), "{host}");
            assert!(is_from_here(&asked("[::ffff:127.0.0.1]:5000", &[("host", host)])), "{host}");
            assert!(!is_from_here(&asked("192.0.2.1:5000", &[("host", host)])), "{host}");
            for name in FORWARDED {
                assert!(!is_from_here(&asked("127.0.0.1:5000", &[("host", host), (name, "x")])), "{name}");
            }
        }
        for host in ["shop.example.cn", "localhost.example.cn", "127.0.0.1.example.cn:8000", ""] {
            assert!(!is_from_here(&asked("127.0.0.1:5000", &[("host", host)])), "{host}");
        }
        assert!(!is_from_here(&asked("127.0.0.1:5000", &[])));
        let page_of =
            |origin| is_from_here(&asked("127.0.0.1:5000", &[("host", "localhost:8000"), ("origin", origin)]));
        assert!(page_of("http://localhost:8000") && !page_of("https://example.com") && !page_of("null"));
    }

    #[test]
    fn a_token_gives_its_own_level_and_nothing_gives_none() -> anyhow::Result<()> {
        let config = Config::for_test(&[("ADMIN_TOKEN", "an admin's"), ("ANALYST_TOKEN", "an analyst's")])?;
        assert_eq!(Level::of_token(&config, "an admin's"), Level::Admin);
        assert_eq!(Level::of_token(&config, "an analyst's"), Level::Analyst);
        for wrong in ["", "an admin", "an admin's ", "AN ADMIN'S"] {
            assert_eq!(Level::of_token(&config, wrong), Level::Anyone, "{wrong:?}");
            assert_eq!(Level::of_token(&Config::for_test(&[])?, wrong), Level::Anyone, "{wrong:?}");
        }
        Ok(())
    }

    #[test]
    fn a_session_changes_something_only_from_a_page_of_this_server() {
        let sessions = Sessions::default();
        let cookie = format!("a=b; {}={}; c=d", sessions::COOKIE, sessions.begin(Level::Admin));
        let level = |method: Method, headers: &[(&str, &str)]| {
            let mut parts =
                asked("192.0.2.1:5000", &[&[("cookie", cookie.as_str()), ("host", "a.cn")], headers].concat());
            parts.method = method;
            by_session(&parts, &sessions)
        };
        assert_eq!(level(Method::GET, &[]), Level::Admin);
        assert_eq!(level(Method::POST, &[("sec-fetch-site", "same-origin")]), Level::Admin);
        assert_eq!(level(Method::POST, &[("origin", "https://a.cn")]), Level::Admin);
        for headers in [
            &[][..],
            &[("sec-fetch-site", "cross-site"), ("origin", "https://a.cn")],
            &[("sec-fetch-site", "none")],
            &[("origin", "https://b.cn")],
            &[("origin", "null")],
        ] {
            assert_eq!(level(Method::POST, headers), Level::Anyone, "{headers:?}");
        }
    }
}
