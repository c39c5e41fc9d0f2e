//! Which version and which variant answer a visitor.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, Result};

use super::LoadedVersion;
use super::experiments::{Experiments, bucket};
use super::variant::Variant;
use crate::common::language::either;
use crate::serve::endpoint::Endpoint;
use crate::serve::http::Client;

/// A version beside the current one, and its share of the traffic.
pub struct TrafficShare {
    /// The version.
    pub version: Arc<LoadedVersion>,
    /// From 0 to 1.
    pub share: f64,
}

/// Everything that answers, changed all at once.
pub struct Deployment {
    /// Answers whoever nothing else answers.
    pub current: Arc<LoadedVersion>,
    /// Answers its share of the visitors.
    pub canary: Option<TrafficShare>,
    /// Makes lists for its share of the requests, which are logged and not shown.
    pub shadow: Option<TrafficShare>,
    /// Versions that variants of experiments name.
    pub named: HashMap<String, Arc<LoadedVersion>>,
    /// The experiments that run.
    pub experiments: Arc<Experiments>,
}

/// Who answers a request.
pub struct Assignment<'a> {
    /// The version that answers.
    pub version: &'a Arc<LoadedVersion>,
    /// What its lists are made by.
    pub variant: &'a Variant,
    /// The index of the variant, also in the version's policies.
    pub variant_index: u16,
    /// `primary`, `canary`, `shadow`, or `experiment` where a variant names its version.
    pub role: &'static str,
    /// The share of visitors that is held out of all experiments, where the visitor has a name to be held out by.
    pub holdout: Option<f64>,
}

impl Deployment {
    /// Which version and which variant answer a visitor: always the same ones for the same id, where experiments are for all.
    pub fn assign(&self, endpoint: Endpoint, visitor: Option<&str>, client: &Client) -> Assignment<'_> {
        let variant_index = self.experiments.assign(endpoint, visitor, client);
        let variant = self.experiments.variant(variant_index);
        let holdout = self.experiments.holdout.as_ref().filter(|_| visitor.is_some()).map(|holdout| holdout.share);
        let assignment = |version, role| Assignment { version, variant, variant_index, role, holdout };
        if variant.is_held_out() {
            return assignment(&self.current, "primary");
        }
        if let Some(version) = variant.version.as_ref().and_then(|name| self.named.get(name)) {
            return assignment(version, "experiment");
        }
        if let Some(canary) = &self.canary {
            let bucket = match visitor {
                Some(visitor) => bucket(canary.version.name(), visitor),
                None => rand::random(),
            };
            if bucket < canary.share {
                return assignment(&canary.version, "canary");
            }
        }
        assignment(&self.current, "primary")
    }

    /// The shadow version as one that answers by what settings say.
    ///
    /// # Errors
    /// There is none.
    pub fn assign_shadow(&self) -> Result<Assignment<'_>> {
        let version = &self.shadow.as_ref().context(either("there is no shadow version", "没有影子版本"))?.version;
        Ok(Assignment {
            version,
            variant: self.experiments.variant(0),
            variant_index: 0,
            role: "shadow",
            holdout: None,
        })
    }

    /// All versions in memory.
    pub fn versions(&self) -> impl Iterator<Item = &Arc<LoadedVersion>> {
        let beside = self.canary.iter().chain(&self.shadow).map(|beside| &beside.version);
        std::iter::once(&self.current).chain(beside).chain(self.named.values())
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Result;

    use super::*;
    use crate::serve::testing;

    const EXPERIMENT: &str = "
[[experiments.e.variants]]
name = \"control\"
allocation = 0.5
[[experiments.e.variants]]
name = \"other\"
allocation = 0.5
parameters = { model = \"v3\" }
";

    fn deployment(experiments: &str) -> Result<Deployment> {
        let experiments = Experiments::parse(experiments, false, chrono_tz::Tz::UTC)?;
        let version = |name| testing::version(name, experiments.variants().len());
        Ok(Deployment {
            current: version("v1"),
            canary: Some(TrafficShare { version: version("v2"), share: 0.3 }),
            shadow: None,
            named: HashMap::from([("v3".to_owned(), version("v3"))]),
            experiments: Arc::new(experiments),
        })
    }

    /// How many of 2000 visitors each version answers, with its role.
    fn answered(deployment: &Deployment, endpoint: Endpoint) -> HashMap<(String, &'static str), usize> {
        let mut counts = HashMap::new();
        for visitor in 0..2000 {
            let visitor = visitor.to_string();
            let of = |visitor: &str| {
                let Assignment { version, role, .. } = deployment.assign(endpoint, Some(visitor), &Client::default());
                (version.name().to_owned(), role)
            };
            assert_eq!(of(&visitor), of(&visitor), "a visitor keeps a version");
            *counts.entry(of(&visitor)).or_default() += 1;
        }
        counts
    }

    #[test]
    fn a_canary_answers_its_share() -> Result<()> {
        let counts = answered(&deployment("")?, Endpoint::Similar);
        let canary = counts[&("v2".to_owned(), "canary")];
        assert!((500..700).contains(&canary), "{counts:?}");
        assert_eq!(canary + counts[&("v1".to_owned(), "primary")], 2000);
        Ok(())
    }

    #[test]
    fn a_variant_that_names_a_version_is_answered_by_it_and_by_no_canary() -> Result<()> {
        let mut deployment = deployment(EXPERIMENT)?;
        let counts = answered(&deployment, Endpoint::Detail);
        let named = counts[&("v3".to_owned(), "experiment")];
        assert!((900..1100).contains(&named), "{counts:?}");
        assert!(counts.contains_key(&("v2".to_owned(), "canary")));
        assert!(!answered(&deployment, Endpoint::Similar).contains_key(&("v3".to_owned(), "experiment")));
        // one that could not be loaded is answered by what all get, with the variant's policy
        deployment.named.clear();
        let visitors = (0..100).map(|visitor| visitor.to_string());
        let assigned: Vec<String> = visitors
            .filter(|v| deployment.assign(Endpoint::Detail, Some(v), &Client::default()).variant.name == "other")
            .collect();
        assert!(!assigned.is_empty());
        for visitor in assigned {
            let assignment = deployment.assign(Endpoint::Detail, Some(&visitor), &Client::default());
            assert!(assignment.version.name() != "v3" && assignment.variant_index == 2);
        }
        Ok(())
    }

    #[test]
    fn who_is_held_out_is_answered_by_no_canary_and_in_no_experiment() -> Result<()> {
        let mut deployment = deployment(&format!("holdout = 0.5\n{EXPERIMENT}"))?;
        if let Some(canary) = &mut deployment.canary {
            canary.share = 1.0;
        }
        for visitor in 0..200 {
            let visitor = visitor.to_string();
            let assigned = deployment.assign(Endpoint::Detail, Some(&visitor), &Client::default());
            assert_eq!(assigned.holdout, Some(0.5));
            assert_eq!(assigned.variant.is_held_out(), assigned.role == "primary", "{visitor}");
        }
        assert_eq!(deployment.assign(Endpoint::Detail, None, &Client::default()).holdout, None);
        Ok(())
    }

    #[test]
    fn who_has_no_name_takes_part_in_nothing() -> Result<()> {
        let mut deployment = deployment(EXPERIMENT)?;
        deployment.canary = None;
        let assignment = deployment.assign(Endpoint::Detail, None, &Client::default());
        assert_eq!(
            (assignment.version.name(), assignment.variant.name.as_str(), assignment.variant_index),
            ("v1", "control", 0)
        );
        assert!(deployment.assign_shadow().is_err());
        Ok(())
    }
}
