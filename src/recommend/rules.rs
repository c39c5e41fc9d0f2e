//! Rules as data: what an operator wants shown, or not, whatever was learned. Read from a file; see `rules.example.toml`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::NaiveDate;
use serde::Deserialize;

use super::audience::MOST_SOURCES;
use super::{Audience, Audiences, Reason, Recommended, Request};
use crate::common::device::Device;
use crate::common::language::{either, t};
use crate::model::{CANDIDATES, Model};

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Is in no list.
    Never,
    /// Stands at a position of its own.
    Pin,
    /// Is `factor` times as likely.
    Boost,
    /// Is `factor` times less likely.
    Demote,
}

/// One rule: what to do, with which datasets, where and when.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What to do.
    pub action: Action,
    /// With these datasets, by their ids,
    #[serde(default)]
    pub datasets: Vec<i64>,
    /// with all of these providers,
    #[serde(default)]
    pub providers: Vec<String>,
    /// and with all that have one of these tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The datasets on whose pages it holds; everywhere, where none is named.
    #[serde(default)]
    pub pages: Vec<i64>,
    /// The sources for whose lists it holds; for all, where none is named.
    #[serde(default)]
    pub sources: Vec<String>,
    /// The devices on which it holds; on all, where none is named.
    #[serde(default)]
    pub devices: Vec<Device>,
    /// For `pin`: the position in the list, from 1.
    pub position: Option<usize>,
    /// For `boost` and `demote`: how many times, more than 1.
    pub factor: Option<f32>,
    /// The first day it holds.
    #[serde(default, deserialize_with = "day")]
    pub from: Option<NaiveDate>,
    /// The last day it holds.
    #[serde(default, deserialize_with = "day")]
    pub until: Option<NaiveDate>,
    /// Why, for whoever reads the file next.
    #[serde(default)]
    pub note: String,
}

/// A day, as TOML's own date or as text.
fn day<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<NaiveDate>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Day {
        Toml(toml::value::Datetime),
        Text(String),
    }
    let text = match Day::deserialize(from)? {
        Day::Toml(day) => day.to_string(),
        Day::Text(text) => text,
    };
    let day = text.parse().map_err(|_| {
        serde::de::Error::custom(t!("{text:?} is no day such as 2026-12-31", "{text:?} 不是日期，应如 2026-12-31"))
    })?;
    Ok(Some(day))
}

/// A file of rules.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// In the order of the file.
    #[serde(default, rename = "rule")]
    pub rules: Vec<Rule>,
}

impl Rules {
    /// Reads a file's text.
    ///
    /// # Errors
    /// What is wrong, with the line, or the rule by its number.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rules: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        for (number, rule) in rules.rules.iter_mut().enumerate() {
            rule.check().map_err(|problem| t!("rule {}: {problem}", "第 {} 条规则：{problem}", number + 1))?;
        }
        let named: HashSet<&str> = rules.sources().collect();
        if named.len() > MOST_SOURCES {
            return Err(t!("the rules name more than {MOST_SOURCES} sources", "规则中的来源超过 {MOST_SOURCES} 个"));
        }
        Ok(rules)
    }

    /// The sources that rules name.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().flat_map(|rule| rule.sources.iter().map(String::as_str))
    }

    /// The devices that rules name.
    pub fn devices(&self) -> impl Iterator<Item = Device> {
        self.rules.iter().flat_map(|rule| rule.devices.iter().copied())
    }

    /// The rules of a day, over a model's items, for each kind of request.
    pub fn active_on(&self, day: NaiveDate, model: &Model, audiences: &Audiences) -> Vec<Arc<ActiveRules>> {
        let mut active = vec![ActiveRules::default(); audiences.count()];
        for rule in self.rules.iter().filter(|rule| rule.holds_on(day)) {
            let (items, audience) = (rule.items(model), rule.audience());
            let holding = active.iter_mut().zip(audiences.all());
            for (active, _) in holding.filter(|(_, (source, device))| audience.includes(*source, *device)) {
                active.add(rule, &items, model);
            }
        }
        let mut shared: Vec<Arc<ActiveRules>> = Vec::with_capacity(active.len());
        for one in active {
            let same = shared.last().filter(|last| ***last == one).cloned();
            shared.push(same.unwrap_or_else(|| Arc::new(one)));
        }
        shared
    }
}

impl Rule {
    fn check(&mut self) -> Result<(), String> {
        let mut audience = self.audience();
        audience.settle().map_err(|problem| problem.to_string())?;
        self.sources = audience.sources;
        if self.datasets.is_empty() && self.providers.is_empty() && self.tags.is_empty() {
            return Err(either("names no datasets, providers or tags", "没有写数据集、供应方或标签").to_owned());
        }
        if self.action == Action::Pin
            && (self.datasets.is_empty() || self.position.is_none_or(|p| !(1..=100).contains(&p)))
        {
            return Err(either("pin needs datasets and a position from 1 to 100", "pin 需要数据集和 1 到 100 的位置")
                .to_owned());
        }
        let weighs = matches!(self.action, Action::Boost | Action::Demote);
        if weighs && self.factor.is_none_or(|f| !f.is_finite() || f <= 1.0) {
            return Err(
                either("boost and demote need a factor above 1", "boost 与 demote 需要大于 1 的系数").to_owned()
            );
        }
        if let (Some(from), Some(until)) = (self.from, self.until)
            && until < from
        {
            return Err(t!("ends on {until}, before it begins on {from}", "结束于 {until}，早于开始的 {from}"));
        }
        Ok(())
    }

    fn audience(&self) -> Audience {
        Audience { sources: self.sources.clone(), devices: self.devices.clone() }
    }

    /// Whether it holds on a day.
    pub fn holds_on(&self, day: NaiveDate) -> bool {
        self.from.is_none_or(|first| first <= day) && self.until.is_none_or(|last| day <= last)
    }

    /// The model's items that it is about; those of a pin in their order.
    pub fn items(&self, model: &Model) -> Vec<u32> {
        if self.action == Action::Pin {
            // in the order they are named
            return self.datasets.iter().filter_map(|id| model.by_id.get(id).copied()).collect();
        }
        let named = |item: &crate::model::Item| {
            self.datasets.contains(&item.dataset_id)
                || item.provider.as_ref().is_some_and(|p| self.providers.contains(p))
                || item.tags().any(|tag| self.tags.iter().any(|t| t.to_lowercase() == tag))
        };
        (0..model.parts.items.len() as u32).filter(|item| named(model.item(*item))).collect()
    }
}

/// What rules say of items, everywhere or on one page.
#[derive(Clone, Debug, Default, PartialEq)]
struct Effects {
    never: HashSet<u32>,
    /// What is added to an item's log-odds.
    weights: HashMap<u32, f32>,
    /// Positions, from 0, and what stands there.
    pins: Vec<(usize, u32)>,
}

impl Effects {
    fn add(&mut self, rule: &Rule, items: &[u32]) {
        let factor = rule.factor.unwrap_or(1.0).ln();
        match rule.action {
            Action::Never => self.never.extend(items),
            Action::Boost => items.iter().for_each(|item| *self.weights.entry(*item).or_default() += factor),
            Action::Demote => items.iter().for_each(|item| *self.weights.entry(*item).or_default() -= factor),
            Action::Pin => {
                let first = rule.position.unwrap_or(1) - 1;
                self.pins.extend(items.iter().enumerate().map(|(offset, item)| (first + offset, *item)));
            }
        }
    }
}

/// The rules of a day, ready to be applied.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ActiveRules {
    everywhere: Effects,
    pages: HashMap<u32, Effects>,
}

impl ActiveRules {
    fn add(&mut self, rule: &Rule, items: &[u32], model: &Model) {
        if rule.pages.is_empty() {
            self.everywhere.add(rule, items);
        }
        for page in rule.pages.iter().filter_map(|id| model.by_id.get(id)) {
            self.pages.entry(*page).or_default().add(rule, items);
        }
    }

    /// What may not be shown, and no other rule.
    #[must_use]
    pub fn only_nevers(&self) -> Self {
        let only = |effects: &Effects| Effects { never: effects.never.clone(), ..Effects::default() };
        Self {
            everywhere: only(&self.everywhere),
            pages: self.pages.iter().map(|(page, effects)| (*page, only(effects))).collect(),
        }
    }

    /// The rules on a page.
    pub fn on(&self, page: Option<u32>) -> OnPage<'_> {
        OnPage { everywhere: &self.everywhere, here: page.and_then(|page| self.pages.get(&page)) }
    }
}

/// The rules that hold on a page.
pub struct OnPage<'a> {
    everywhere: &'a Effects,
    here: Option<&'a Effects>,
}

impl OnPage<'_> {
    fn effects(&self) -> impl Iterator<Item = &Effects> {
        std::iter::once(self.everywhere).chain(self.here)
    }

    /// Whether an item may not be shown.
    pub fn is_never(&self, item: u32) -> bool {
        self.effects().any(|effects| effects.never.contains(&item))
    }

    /// All items that may not be shown.
    pub fn nevers(&self) -> impl Iterator<Item = u32> {
        self.effects().flat_map(|effects| effects.never.iter().copied())
    }

    /// Moves scores (log-odds) by what is boosted and demoted.
    pub fn weigh(&self, items: &[u32], scores: &mut [f32; CANDIDATES]) {
        for effects in self.effects().filter(|effects| !effects.weights.is_empty()) {
            for (item, score) in items.iter().zip(scores.iter_mut()) {
                *score += effects.weights.get(item).copied().unwrap_or(0.0);
            }
        }
    }

    /// Puts pinned datasets at their positions; never the page itself, what was bought, or what may not be listed.
    pub fn pin(&self, model: &Model, list: &mut Vec<Recommended>, request: &Request<'_>) {
        let mut pins: Vec<(usize, u32)> = self.effects().flat_map(|effects| effects.pins.iter().copied()).collect();
        pins.sort_by_key(|(position, _)| *position);
        for (position, item) in pins {
            let is_bought = request.user.is_some_and(|user| user.bought.contains(&item));
            let is_out = Some(item) == request.page || is_bought || self.is_never(item) || !model.item(item).is_listed;
            if is_out || position >= request.top_n {
                continue;
            }
            list.retain(|entry| entry.item != item);
            let position = position.min(list.len());
            let score = list.get(position).or(list.last()).map_or(1.0, |entry| entry.score);
            list.insert(position, Recommended::alone(item, score, Reason::Pinned));
            list.truncate(request.length());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_cannot_hold_is_named() {
        let wrong = [
            ("[[rule]]\naction = \"never\"", "rule 1: names no datasets, providers or tags"),
            ("[[rule]]\naction = \"pin\"\ndatasets = [1]", "rule 1: pin needs datasets and a position from 1 to 100"),
            (
                "[[rule]]\naction = \"boost\"\ntags = [\"a\"]\nfactor = 0.5",
                "rule 1: boost and demote need a factor above 1",
            ),
            ("[[rule]]\naction = \"hide\"\ndatasets = [1]", "unknown variant"),
            ("[[rule]]\naction = \"never\"\ndataset = [1]", "unknown field"),
        ];
        for (text, problem) in wrong {
            let found = Rules::parse(text).map_or_else(|error| error, |_| String::new());
            assert!(found.contains(problem), "{text:?} says {found:?}");
        }
        let device = Rules::parse("[[rule]]\naction = \"never\"\ndatasets = [1]\ndevices = [\"watch\"]");
        assert!(device.is_err_and(|problem| problem.contains("tablet")), "the devices that there are, are named");
        let source = Rules::parse("[[rule]]\naction = \"never\"\ndatasets = [1]\nsources = [\" \"]");
        assert!(source.is_err_and(|problem| problem.starts_with("rule 1: a source is a name")));
        let example = Rules::parse(include_str!("../../rules.example.toml")).map(|rules| rules.rules);
        assert_eq!(example.as_ref().map(Vec::len), Ok(4));
        assert_eq!(example.ok().and_then(|rules| rules[1].until), NaiveDate::from_ymd_opt(2026, 12, 31));
        assert!(Rules::parse("").is_ok_and(|rules| rules.rules.is_empty()));
    }
}
