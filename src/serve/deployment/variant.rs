//! A variant of an experiment: what it changes of the lists that all others get.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::old_weights::{self, OldWeights};
use crate::common::language::{either, t};
use crate::model::Channel;
use crate::recommend::{Policy, channels};

/// The variant of those who take part in no experiment.
pub const CONTROL: &str = "control";

/// The variant of those who are held out of all experiments.
pub const HELD_OUT: &str = "holdout";

/// What a variant changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Variant {
    /// The experiment; `None` where nobody takes part in any.
    pub experiment: Option<String>,
    /// Its name in the experiment.
    pub name: String,
    /// Each variant's share of the experiment's visitors, for the log.
    pub allocation: Option<BTreeMap<String, f64>>,
    /// The model version it is answered by; the current one where none is named.
    pub version: Option<String>,
    diversity: Option<f32>,
    provider_limit: Option<usize>,
    /// The share of its lists in which something is tried; what settings say where `None`.
    pub exploration: Option<f64>,
    /// The share of its lists in which a new dataset is tried; what settings say where `None`.
    pub new_exploration: Option<f64>,
    without_rules: bool,
    weights: Option<channels::Weights>,
    /// What the old system's weights change.
    sum: Option<channels::Sum>,
}

impl Variant {
    /// Changes nothing.
    pub fn control() -> Self {
        Self { name: CONTROL.to_owned(), ..Self::default() }
    }

    /// Changes nothing either, for who is held out.
    pub fn held_out() -> Self {
        Self { name: HELD_OUT.to_owned(), ..Self::default() }
    }

    /// Whether it is the one of those who are held out.
    pub fn is_held_out(&self) -> bool {
        self.experiment.is_none() && self.name == HELD_OUT
    }

    /// The policy of this variant, where `settings` is everyone else's.
    pub fn policy(&self, settings: &Policy) -> Policy {
        let mut policy = settings.clone();
        policy.diversity = self.diversity.unwrap_or(policy.diversity);
        policy.per_provider = self.provider_limit.unwrap_or(policy.per_provider);
        policy.weights = self.weights.unwrap_or(policy.weights);
        policy.sum = self.sum.or(policy.sum);
        if self.without_rules {
            policy.rules = Arc::new(policy.rules.only_nevers());
        }
        policy
    }

    /// A variant of an experiment, by the parameters of its file; `is_old` for the file of the replaced system.
    ///
    /// # Errors
    /// A parameter is unknown, or its value cannot be used; the error names it.
    pub fn of(experiment: &str, name: &str, parameters: &BTreeMap<String, Value>, is_old: bool) -> Result<Self> {
        let mut variant = Self { experiment: Some(experiment.to_owned()), name: name.to_owned(), ..Self::default() };
        let mut weights = OldWeights::default();
        for (name, value) in parameters {
            let part = old_weights::part(name).filter(|_| is_old);
            let set = match part {
                Some(part) => number(value, 0.0, 100.0).map(|weight| weights.set(part, weight as f32)),
                None => variant.set(name, value, is_old),
            };
            set.with_context(|| t!("parameter {name}", "参数 {name}"))?;
            if part.is_some_and(old_weights::is_nobodys) {
                variant.pass_over(name);
            }
        }
        variant.sum = weights.sum();
        Ok(variant)
    }

    /// Says that a parameter of the old system changes nothing here.
    fn pass_over(&self, name: &str) {
        let experiment = self.experiment.as_deref().unwrap_or_default();
        tracing::warn!(
            "parameter {name} of variant {} of experiment {experiment} means nothing here; ignored",
            self.name
        );
    }

    fn set(&mut self, name: &str, value: &Value, is_old: bool) -> Result<()> {
        let number = |low: f64, high: f64| number(value, low, high);
        if let Some(channel) = channel(name) {
            self.weights.get_or_insert(channels::AS_LEARNED)[channel] = number(0.0, 100.0)? as f32;
            return Ok(());
        }
        match name {
            "variety" => self.diversity = Some(number(0.0, 10.0)? as f32),
            // relevance counts lambda, likeness the rest: what likeness counts for each unit of relevance
            "mmr_lambda" => {
                let lambda = number(0.0, 1.0)?;
                self.diversity = Some(((1.0 - lambda) / lambda.max(0.1)) as f32);
            }
            "provider_limit" => self.provider_limit = Some(number(0.0, 100.0)? as usize),
            "exploration" => self.exploration = Some(number(0.0, 0.5)?),
            "new_exploration" => self.new_exploration = Some(number(0.0, 0.5)?),
            "rules" => {
                self.without_rules = !value.as_bool().context(either("must be true or false", "须为 true 或 false"))?;
            }
            "model" => {
                self.version =
                    Some(value.as_str().context(either("must be the name of a version", "须为版本名"))?.to_owned());
            }
            _ if is_old => self.pass_over(name),
            _ => bail!(t!(
                "is unknown; there are variety, provider_limit, exploration, new_exploration, rules, model and a \
                 weight for each channel: {}",
                "没有这一项；可用 variety、provider_limit、exploration、new_exploration、rules、model，以及各召回通道的权重：{}",
                Channel::ALL.map(|channel| format!("{}_weight", channel.name())).join(", ")
            )),
        }
        Ok(())
    }
}

/// A number of a parameter.
fn number(value: &Value, low: f64, high: f64) -> Result<f64> {
    let number = value.as_f64().filter(|n| (low..=high).contains(n));
    number.with_context(|| {
        t!("is {value}; it must be a number from {low} to {high}", "为 {value}；须为 {low} 到 {high} 的数")
    })
}

/// The channel that `{name}_weight` is of, by its name here or in the old system.
fn channel(name: &str) -> Option<usize> {
    let name = match name.strip_suffix("_weight")? {
        "behavior" | "collaborative" | "cf" => "behaviour",
        "image" | "images" | "pictures" => "visual",
        "vector" | "text" | "tag" | "tags" | "semantic" => "content",
        "popularity" | "hot" => "popular",
        "session" => "sessions",
        "user" | "profile" => "taste",
        other => other,
    };
    Channel::ALL.iter().position(|channel| channel.name() == name)
}
