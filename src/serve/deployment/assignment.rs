//! Which version and which variant answer a visitor.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, Result};

use super::LoadedVersion;
use super::experiments::{Experiments, Variant, bucket};
use crate::serve::metrics::Endpoint;

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
}

impl Deployment {
    /// Which version and which variant answer a visitor: always the same ones for the same id.
    pub fn assign(&self, endpoint: Endpoint, visitor: Option<&str>) -> Assignment<'_> {
        let variant_index = self.experiments.assign(endpoint, visitor);
        let variant = self.experiments.variant(variant_index);
        let assignment = |version, role| Assignment { version, variant, variant_index, role };
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
        let version = &self.shadow.as_ref().context("there is no shadow version")?.version;
        Ok(Assignment { version, variant: self.experiments.variant(0), variant_index: 0, role: "shadow" })
    }

    /// All versions in memory.
    pub fn versions(&self) -> impl Iterator<Item = &Arc<LoadedVersion>> {
        let beside = self.canary.iter().chain(&self.shadow).map(|beside| &beside.version);
        std::iter::once(&self.current).chain(beside).chain(self.named.values())
    }
}
