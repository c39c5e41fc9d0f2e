//! Who counts in no figure: the rules of `exclude.toml`, which take lists, and visits and orders of the same people, out of every
//! figure and out of training. Nothing is deleted: what a rule takes out is there again once the rule is gone.
//!
//! The log holds neither addresses nor User-Agents. A server marks the lists that are asked for from those a rule names, by the
//! rule's name, when it answers; all else is found by a run in what the log holds.

mod file;
mod network;
mod table;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use chrono::{DateTime, Utc};

use super::record::{View, Visitor};
use super::visitors::Visitors;
use network::Network;

pub use file::read;
pub use table::{Effect, create_tables, effects, load};

/// The rules in force.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exclusions {
    /// The file, where it is there.
    pub file: Option<PathBuf>,
    /// In the order of the file.
    pub rules: Vec<Exclusion>,
}

/// A rule: whose lists do not count, and when.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exclusion {
    /// What marks, reasons and figures call it.
    pub name: String,
    addresses: Vec<Network>,
    /// What a User-Agent holds, in lower case.
    agents: Vec<String>,
    users: BTreeSet<i64>,
    /// As the log has them, as requests name them, or as Matomo does.
    visitors: BTreeSet<String>,
    sources: BTreeSet<String>,
    request_ids: BTreeSet<String>,
    /// Where more of those stand.
    request_ids_file: Option<PathBuf>,
    /// Only lists of these; of all, where it names none.
    endpoints: BTreeSet<String>,
    from: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
}

/// What is known of who asks for a list.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// When.
    pub at: DateTime<Utc>,
    /// The endpoint's name in the log.
    pub endpoint: &'a str,
    /// The known user.
    pub user: Option<i64>,
    /// The visitor, as the log has them.
    pub visitor: Option<Visitor>,
    /// Where the list is shown.
    pub source: Option<&'a str>,
}

impl Exclusion {
    /// Whether nobody is named: then it is about all lists of its time and its endpoints.
    fn is_of_all(&self) -> bool {
        !self.is_of_clients()
            && self.users.is_empty()
            && self.visitors.is_empty()
            && self.sources.is_empty()
            && self.request_ids.is_empty()
    }

    /// Whether it names what no log holds.
    fn is_of_clients(&self) -> bool {
        !self.addresses.is_empty() || !self.agents.is_empty()
    }

    fn is_of(&self, address: Option<IpAddr>, agent: &str) -> bool {
        address.is_some_and(|address| self.addresses.iter().any(|network| network.holds(address)))
            || self.agents.iter().any(|part| agent.contains(part))
    }

    /// Whether it takes out a list that was asked for so, with these marks.
    fn takes_out(&self, asked: &Asked<'_>, marks: &[String]) -> bool {
        let is_then = self.from.is_none_or(|from| from <= asked.at) && self.until.is_none_or(|until| asked.at < until);
        let is_there = self.endpoints.is_empty() || self.endpoints.contains(asked.endpoint);
        let is_theirs = || {
            self.is_of_all()
                || marks.contains(&self.name)
                || asked.user.is_some_and(|user| self.users.contains(&user))
                || asked.source.is_some_and(|source| self.sources.contains(source))
                || (!self.visitors.is_empty()
                    && asked.visitor.is_some_and(|visitor| self.visitors.contains(&visitor.to_string())))
        };
        is_then && is_there && is_theirs()
    }
}

impl Exclusions {
    /// The same, where visitors that are named as requests or Matomo name them are also known as the log has them.
    #[must_use]
    pub fn known_to(mut self, visitors: &Visitors) -> Self {
        for rule in &mut self.rules {
            let logged: Vec<String> = rule.visitors.iter().map(|name| visitors.named(name).to_string()).collect();
            rule.visitors.extend(logged);
        }
        self
    }

    /// The files of request ids that rules name.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.rules.iter().filter_map(|rule| rule.request_ids_file.as_ref())
    }

    /// Whether a rule names visitors.
    pub fn has_visitors(&self) -> bool {
        self.rules.iter().any(|rule| !rule.visitors.is_empty())
    }

    /// The rules that name this address or User-Agent: what a list is marked with in the log.
    /// The address is asked for only where a rule may name it.
    pub fn marks(&self, address: impl FnOnce() -> Option<IpAddr>, agent: &[u8]) -> Vec<String> {
        if !self.rules.iter().any(Exclusion::is_of_clients) {
            return Vec::new();
        }
        let (address, agent) = (address().map(|it| it.to_canonical()), String::from_utf8_lossy(agent).to_lowercase());
        self.rules.iter().filter(|rule| rule.is_of(address, &agent)).map(|rule| rule.name.clone()).collect()
    }

    /// Whether a rule takes out a list that was asked for so, with these marks.
    pub fn take_out(&self, asked: &Asked<'_>, marks: &[String]) -> bool {
        self.rules.iter().any(|rule| rule.takes_out(asked, marks))
    }

    /// Whether a rule takes out a view that the log tells of.
    pub fn take_out_view(&self, view: &View) -> bool {
        let by = &view.by;
        let named = |request_id: &String| self.rules.iter().any(|rule| rule.request_ids.contains(request_id));
        let asked = Asked {
            at: view.timestamp,
            endpoint: &by.endpoint,
            user: view.user_id,
            visitor: by.visitor,
            source: by.source.as_deref(),
        };
        !self.rules.is_empty() && (view.request_id.as_ref().is_some_and(named) || self.take_out(&asked, &by.excluded))
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Result;

    use super::*;

    fn rules(text: &str) -> Result<Exclusions> {
        file::parse(text, chrono_tz::Asia::Shanghai, std::path::Path::new("."))
    }

    #[test]
    fn lists_are_marked_by_address_and_agent_in_any_spelling() -> Result<()> {
        let rules = rules(
            r#"
            [[exclude]]
            name = "office"
            addresses = ["203.0.113.0/24", "2001:db8::/33", "::ffff:198.51.100.7"]
            [[exclude]]
            name = "robots"
            agents = ["LoadTest/"]
            [[exclude]]
            name = "staff"
            users = [7]"#,
        )?;
        for (address, agent, marks) in [
            ("203.0.113.255", "", &["office"][..]),
            ("203.0.114.0", "", &[]),
            ("::ffff:203.0.113.9", "", &["office"]),
            ("198.51.100.7", "", &["office"]),
            ("198.51.100.8", "curl/8", &[]),
            ("2001:db8:7fff::1", "", &["office"]),
            ("2001:db8:8000::1", "", &[]),
            ("203.0.113.1", "my loadtest/3", &["office", "robots"]),
        ] {
            assert_eq!(rules.marks(|| address.parse().ok(), agent.as_bytes()), marks, "{address} {agent}");
        }
        assert_eq!(rules.marks(|| None, b"LOADTEST/ \xff"), ["robots"]);
        Ok(())
    }

    #[test]
    fn a_list_is_out_by_who_asked_and_only_when_and_where_the_rule_says() -> Result<()> {
        let rules = rules(
            r#"
            [[exclude]]
            name = "office"
            addresses = ["10.0.0.1"]
            until = 2026-10-02
            [[exclude]]
            name = "staff"
            users = [7]
            visitors = ["9f3a2c71d05e"]
            sources = ["Staging"]
            endpoints = ["similar"]
            [[exclude]]
            name = "outage"
            from = 2026-10-05T08:00:00
            until = "2026-10-05 09:00+08:00""#,
        )?;
        let is_out = |change: &dyn Fn(&mut Asked<'static>), marks: &[&str]| {
            let mut asked =
                Asked { at: DateTime::UNIX_EPOCH, endpoint: "similar", user: None, visitor: None, source: None };
            change(&mut asked);
            rules.take_out(&asked, &marks.iter().map(|mark| (*mark).to_owned()).collect::<Vec<_>>())
        };
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap_or_default();
        assert!(!is_out(&|_| {}, &[]));
        assert!(!is_out(&|_| {}, &["gone"]), "the mark of a rule that is gone says nothing");
        assert!(is_out(&|it| it.at = at("2026-10-02T15:59:59Z"), &["office"]), "its last day is one of Shanghai");
        assert!(!is_out(&|it| it.at = at("2026-10-02T16:00:00Z"), &["office"]));
        assert!(is_out(&|it| it.user = Some(7), &[]));
        assert!(!is_out(&|it| (it.user, it.endpoint) = (Some(7), "recommend"), &[]));
        assert!(is_out(&|it| it.visitor = Some(Visitor::of_hash(0x9f3a_2c71_d05e_0000)), &[]));
        assert!(is_out(&|it| it.source = Some("staging"), &[]));
        assert!(is_out(&|it| it.at = at("2026-10-05T00:30:00Z"), &[]));
        assert!(!is_out(&|it| it.at = at("2026-10-05T01:00:00Z"), &[]));
        Ok(())
    }
}
