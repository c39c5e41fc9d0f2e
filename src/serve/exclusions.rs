//! Who counts in no figure, as the server knows it: the rules of `exclude.toml`, taken up when the file changes.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::Result;
use arc_swap::{ArcSwap, Guard};
use axum::extract::ConnectInfo;
use axum::http::request::Parts;

use crate::config::Config;
use crate::exposures::{Exclusions, Visitors, exclusions};

/// The rules in force.
#[derive(Debug, Default)]
pub struct InForce(ArcSwap<Exclusions>);

impl InForce {
    /// The rules as they are now.
    pub fn now(&self) -> Guard<Arc<Exclusions>> {
        self.0.load()
    }

    /// Reads the file; where there is none, nobody is taken out.
    ///
    /// # Errors
    /// It cannot be read, or a rule makes no sense; those read before stay.
    pub fn read(&self, config: &Config, visitors: &Visitors) -> Result<()> {
        let rules = exclusions::read(config)?.known_to(visitors);
        tracing::info!("{} exclusions in {}", rules.rules.len(), config.exclude_path().display());
        self.0.store(Arc::new(rules));
        Ok(())
    }
}

/// Where a request comes from: what a proxy says of the address comes before its own.
pub fn address(parts: &Parts) -> Option<IpAddr> {
    let forwarded = parts.headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
    let first = forwarded.and_then(|all| all.split(',').next()?.trim().parse().ok());
    first.or_else(|| parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip()))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[test]
    fn what_a_proxy_says_of_the_address_comes_first() {
        let of = |forwarded: Option<&str>| {
            let mut request = Request::builder();
            if let Some(forwarded) = forwarded {
                request = request.header("x-forwarded-for", forwarded);
            }
            let (mut parts, ()) = request.body(()).expect("a request").into_parts();
            parts.extensions.insert(ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 80))));
            address(&parts).map(|address| address.to_string())
        };
        for (forwarded, expected) in [
            (None, "10.0.0.1"),
            (Some("nonsense"), "10.0.0.1"),
            (Some("203.0.113.7, 10.0.0.1"), "203.0.113.7"),
            (Some(" 2001:db8::1 "), "2001:db8::1"),
        ] {
            assert_eq!(of(forwarded).as_deref(), Some(expected));
        }
    }
}
