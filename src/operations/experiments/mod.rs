//! Experiments as those see them who decide: what the file says now beside what the last run found, and shares by what is clicked.

mod keep;
mod tune;
mod watch;

pub use keep::{Kept, keep};
pub use tune::{Tuned, tune};
pub(super) use watch::alerts;

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::common::language::t;
use crate::common::likeness::hint;
use crate::config::Config;
use crate::evaluate::experiments::{VariantResult, experiment_results};
use crate::serve::deployment::{Experiment, Experiments, State};
use crate::warehouse;

/// Where an experiment stands.
#[derive(Clone, Debug, Serialize)]
pub struct Standing {
    /// Its name.
    pub name: String,
    /// What becomes of it now; `None` of one that is in the file no more, and of who is held out.
    pub state: Option<State>,
    /// What the file says of it.
    pub plan: Option<Experiment>,
    /// What the last run found, a row for each variant.
    pub results: Vec<VariantResult>,
}

impl Standing {
    /// Whether visitors do not come as they were allocated.
    pub fn is_sample_ratio_off(&self) -> bool {
        self.results.iter().any(|result| result.is_sample_ratio_off)
    }

    /// How many days of lists there are.
    pub fn days(&self) -> u64 {
        self.results.iter().filter_map(|result| result.days).max().unwrap_or(0)
    }

    /// The share of a variant now.
    pub fn share(&self, variant: &str) -> Option<f64> {
        match &self.plan {
            Some(plan) => plan.allocation().get(variant).copied(),
            None => self.results.iter().find(|result| result.experiment_variant == variant)?.share,
        }
    }
}

/// All experiments of the file as it is now and of the warehouse, by their names.
///
/// # Errors
/// The file makes no sense, or the warehouse cannot be read.
pub fn standings(config: &Config) -> Result<Vec<Standing>> {
    let results = match config.warehouse_path().exists() {
        true => experiment_results(&warehouse::glance(config)?)?,
        false => Vec::new(),
    };
    Ok(merged(Experiments::read(config)?, results, Utc::now()))
}

/// One of them.
///
/// # Errors
/// There is none of that name, or they cannot be read.
pub fn standing(config: &Config, name: &str) -> Result<Standing> {
    let all = standings(config)?;
    let near = hint(name, all.iter().map(|standing| standing.name.as_str()));
    all.into_iter().find(|standing| standing.name == name).with_context(|| {
        t!(
            "there is no experiment {name}{near}; `nearset experiments list` has them",
            "没有实验 {name}{near}；`nearset experiments list` 列出全部"
        )
    })
}

/// The same, where the results are known.
pub fn merged(experiments: Experiments, results: Vec<VariantResult>, now: DateTime<Utc>) -> Vec<Standing> {
    let mut all: BTreeMap<String, Standing> = BTreeMap::new();
    for plan in experiments.all {
        let (name, state) = (plan.name.clone(), Some(plan.state(now)));
        all.insert(name.clone(), Standing { name, state, plan: Some(plan), results: Vec::new() });
    }
    for result in results {
        let name = result.experiment.clone();
        let nothing = || Standing { name: name.clone(), state: None, plan: None, results: Vec::new() };
        all.entry(name.clone()).or_insert_with(nothing).results.push(result);
    }
    all.into_values().collect()
}
