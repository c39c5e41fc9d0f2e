//! Experiments: which variant of the lists a visitor gets.
//!
//! A visitor keeps a variant: `sha256("{salt}:{id}")`, its first eight hexadecimal digits over 0xFFFFFFFF, against the
//! cumulated allocations, so that experiments that already run keep their users. Some visitors may be held out of all of them, by
//! a salt of its own, so that what all experiments together have brought can be seen.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::variant::{HELD_OUT, Variant};
use crate::recommend::Audience;
use crate::serve::endpoint::Endpoint;
use crate::serve::http::Client;

/// All experiments of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Experiments {
    /// In the order of their names. Of those that are active at most one is for each endpoint, request and moment.
    pub all: Vec<Experiment>,
    /// Who is held out of all of them.
    pub holdout: Option<Holdout>,
    /// What the variants of active ones ask for; the first is what settings say.
    pub(super) variants: Vec<Variant>,
    /// Every version that a variant names, also of those that are paused.
    pub versions: Vec<String>,
}

/// The visitors who take part in no experiment and are answered by no canary.
#[derive(Clone, Debug, PartialEq)]
pub struct Holdout {
    /// Their share of all visitors.
    pub share: f64,
    pub(super) salt: String,
    /// Its index in [`Experiments::variants`].
    pub(super) variant: u16,
}

/// An experiment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Experiment {
    /// Its name.
    pub name: String,
    /// The endpoint whose lists it changes.
    pub slot: Endpoint,
    /// Who may take part: requests from some sources, on some devices.
    #[serde(skip)]
    pub audience: Audience,
    #[serde(skip)]
    pub(super) salt: String,
    /// Whether somebody wants it to run.
    pub is_active: bool,
    /// When it begins and ends.
    #[serde(flatten)]
    pub period: Period,
    /// What its variants are compared by.
    pub metric: Metric,
    /// The smallest change that is worth finding, as a share of the control's figure.
    pub least_effect: f64,
    /// In the order of the file.
    pub variants: Vec<Arm>,
}

/// A variant of an experiment, as its file has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Arm {
    /// Its name.
    pub name: String,
    /// Its share of those who take part.
    pub share: f64,
    /// Whether the others are compared with it.
    pub is_control: bool,
    /// What it changes.
    pub parameters: BTreeMap<String, Value>,
    /// Up to which share of all it and those before it reach.
    #[serde(skip)]
    pub(super) reached: f64,
    /// Its index in [`Experiments::variants`], where the experiment is active.
    #[serde(skip)]
    pub(super) index: u16,
}

/// What variants are compared by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Clicks for each list.
    #[default]
    Clicks,
    /// Attributed orders for each visitor.
    Orders,
    /// What attributed orders brought, for each visitor.
    Revenue,
}

impl Metric {
    /// Its name in files and figures.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clicks => "clicks",
            Self::Orders => "orders",
            Self::Revenue => "revenue",
        }
    }
}

/// From when to when; without an end where one is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Period {
    /// Its first moment.
    pub start: Option<DateTime<Utc>>,
    /// The first moment after it.
    pub end: Option<DateTime<Utc>>,
}

/// What becomes of an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It begins later.
    Planned,
    /// Visitors are assigned.
    Running,
    /// Its time is over.
    Ended,
    /// Somebody stopped it.
    Stopped,
}

impl Period {
    /// Whether a moment is in it.
    pub fn holds(&self, moment: DateTime<Utc>) -> bool {
        self.start.is_none_or(|start| start <= moment) && self.end.is_none_or(|end| moment < end)
    }

    /// Whether a moment is in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        let is_before = |one: &Self, other: &Self| one.end.zip(other.start).is_some_and(|(end, start)| end <= start);
        !is_before(self, other) && !is_before(other, self)
    }
}

impl Experiment {
    /// What becomes of it at a moment.
    pub fn state(&self, moment: DateTime<Utc>) -> State {
        match self.is_active {
            false => State::Stopped,
            true if self.period.holds(moment) => State::Running,
            true if self.period.start.is_some_and(|start| moment < start) => State::Planned,
            true => State::Ended,
        }
    }

    /// Each variant's share of those who take part.
    pub fn allocation(&self) -> BTreeMap<String, f64> {
        let mut shares = BTreeMap::new();
        for arm in &self.variants {
            *shares.entry(arm.name.clone()).or_insert(0.0) += arm.share;
        }
        shares.into_iter().map(|(name, share)| (name, rounded(share))).collect()
    }

    /// Whether a request may be of both at one moment.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.slot == other.slot && self.audience.overlaps(&other.audience) && self.period.overlaps(&other.period)
    }

    fn arm(&self, visitor: &str) -> Option<&Arm> {
        let bucket = bucket(&self.salt, visitor);
        self.variants.iter().find(|arm| bucket <= arm.reached).or(self.variants.last())
    }
}

/// A share to six decimals, as files and logs have it.
pub fn rounded(share: f64) -> f64 {
    (share * 1e6).round() / 1e6
}

impl Default for Experiments {
    /// None: everyone gets what settings say.
    fn default() -> Self {
        Self { all: Vec::new(), holdout: None, variants: vec![Variant::control()], versions: Vec::new() }
    }
}

impl Experiments {
    /// Which variant answers a visitor now, by its index; the first, that of settings, for one of whom no id is known.
    pub fn assign(&self, endpoint: Endpoint, visitor: Option<&str>, client: &Client) -> u16 {
        self.assign_at(Utc::now(), endpoint, visitor, client)
    }

    /// The same at any moment.
    fn assign_at(&self, now: DateTime<Utc>, endpoint: Endpoint, visitor: Option<&str>, client: &Client) -> u16 {
        let Some(visitor) = visitor else { return 0 };
        if let Some(holdout) = self.holdout.as_ref().filter(|holdout| holdout.holds(visitor)) {
            return holdout.variant;
        }
        let is_of = |audience: &Audience| audience.includes(client.source.as_deref(), Some(client.device));
        let mut active = self.active().filter(|one| one.slot == endpoint && is_of(&one.audience));
        let running = active.find(|one| one.period.holds(now));
        running.and_then(|experiment| experiment.arm(visitor)).map_or(0, |arm| arm.index)
    }

    /// Those that somebody wants to run, whatever the time.
    fn active(&self) -> impl Iterator<Item = &Experiment> {
        self.all.iter().filter(|experiment| experiment.is_active)
    }

    /// A variant by its index.
    pub fn variant(&self, index: u16) -> &Variant {
        &self.variants[index as usize]
    }

    /// All variants of active experiments, in the order of their indices.
    pub fn variants(&self) -> &[Variant] {
        &self.variants
    }

    /// One by its name.
    pub fn named(&self, name: &str) -> Option<&Experiment> {
        self.all.iter().find(|experiment| experiment.name == name)
    }

    /// The versions that variants of active experiments name.
    pub fn running_versions(&self) -> impl Iterator<Item = &str> {
        self.variants.iter().filter_map(|variant| variant.version.as_deref())
    }

    /// How many experiments run now.
    pub fn count(&self) -> usize {
        let now = Utc::now();
        self.all.iter().filter(|experiment| experiment.state(now) == State::Running).count()
    }
}

impl Holdout {
    fn holds(&self, visitor: &str) -> bool {
        // no experiment's salt, whatever that is
        bucket(&format!("{HELD_OUT}:{}", self.salt), visitor) < self.share
    }
}

/// The bucket of a visitor, from 0 to 1, the same for the same salt.
pub fn bucket(salt: &str, visitor: &str) -> f64 {
    let digest = Sha256::digest(format!("{salt}:{visitor}"));
    f64::from(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a moment")
    }

    fn parsed(text: &str) -> Experiments {
        Experiments::parse(text, false, chrono_tz::Asia::Shanghai).expect("experiments")
    }

    const TWO: &str = "
[experiments.first]
start = 2026-11-01
end = \"2026-11-07\"
[[experiments.first.variants]]
name = \"of_first\"
allocation = 1
[experiments.second]
start = \"2026-11-08 00:00\"
[[experiments.second.variants]]
name = \"of_second\"
allocation = 1
";

    #[test]
    fn one_runs_from_its_first_day_to_the_end_of_its_last_in_the_zone_of_reports() {
        let experiments = parsed(TWO);
        for (moment, expected, states) in [
            ("2026-10-31T15:59:59Z", "control", [State::Planned, State::Planned]),
            ("2026-10-31T16:00:00Z", "of_first", [State::Running, State::Planned]),
            ("2026-11-07T15:59:59Z", "of_first", [State::Running, State::Planned]),
            ("2026-11-07T16:00:00Z", "of_second", [State::Ended, State::Running]),
        ] {
            let now = at(moment);
            let index = experiments.assign_at(now, Endpoint::Detail, Some("7"), &Client::default());
            assert_eq!(experiments.variant(index).name, expected, "{moment}");
            assert_eq!([0, 1].map(|one: usize| experiments.all[one].state(now)), states, "{moment}");
        }
    }

    #[test]
    fn who_is_held_out_takes_part_in_nothing_and_all_others_keep_their_variants() {
        let with = parsed(&format!("holdout = 0.2\n{TWO}"));
        let without = parsed(TWO);
        let now = at("2026-11-02T00:00:00Z");
        let name = |of: &Experiments, visitor: &str| {
            of.variant(of.assign_at(now, Endpoint::Detail, Some(visitor), &Client::default())).name.clone()
        };
        let visitors: Vec<String> = (0..5000).map(|visitor| visitor.to_string()).collect();
        let held = visitors.iter().filter(|visitor| name(&with, visitor) == HELD_OUT).count();
        assert!((900..1100).contains(&held), "{held}");
        assert!(visitors.iter().all(|v| name(&with, v) == HELD_OUT || name(&with, v) == name(&without, v)));
        // for all endpoints alike, and another salt holds others out
        let other = parsed(&format!("holdout = 0.2\nholdout_salt = \"2027\"\n{TWO}"));
        let both = visitors.iter().filter(|v| name(&with, v) == HELD_OUT && name(&other, v) == HELD_OUT).count();
        assert!((150..250).contains(&both), "{both}");
    }
}
