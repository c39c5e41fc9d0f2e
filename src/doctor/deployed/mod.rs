//! A server asked from outside, as its users ask it: whether it answers, with what, and how soon.

mod client;
mod health;
mod lists;
mod pages;

use anyhow::Result;

use self::client::Client;
use crate::common::finding::{Finding, Verdict};
use crate::config::Config;

/// Asks the server at `url` for all that it is there for; `tell` hears of each finding as soon as it is made.
///
/// # Errors
/// `url` is none of a server, or `HTTPS_PROXY` is none of a proxy.
pub fn examine_server(config: &Config, url: &str, tell: &mut dyn FnMut(Finding)) -> Result<()> {
    let client = Client::new(config, url)?;
    let health = health::look(&client);
    let is_there = health.is_there;
    health.findings.into_iter().for_each(&mut *tell);
    if !is_there {
        return Ok(());
    }
    lists::look(&client, health.version.as_deref()).into_iter().for_each(&mut *tell);
    for look in [pages::refusals, pages::metrics, pages::description, pages::reports] {
        tell(look(&client));
    }
    Ok(())
}

fn broken(what: &str, error: &anyhow::Error) -> Finding {
    Finding::new(Verdict::Broken, what, crate::common::errors::describe(error))
}
