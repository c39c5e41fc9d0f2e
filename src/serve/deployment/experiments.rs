//! Experiments: which variant of the lists a visitor gets.
//!
//! A visitor keeps a variant: `sha256("{salt}:{id}")`, its first eight hexadecimal digits over 0xFFFFFFFF, against the
//! cumulated allocations, so that experiments that already run keep their users.

use sha2::{Digest, Sha256};

use super::variant::Variant;
use crate::recommend::Audience;
use crate::serve::endpoint::Endpoint;
use crate::serve::http::Client;

/// All experiments of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Experiments {
    /// At most one for each endpoint and each request.
    pub(super) running: Vec<Experiment>,
    /// What the variants that run ask for; the first is what settings say.
    pub(super) variants: Vec<Variant>,
    /// Every version that a variant names, also of those that are paused.
    pub versions: Vec<String>,
}

/// One that runs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Experiment {
    pub name: String,
    /// The endpoint whose lists it changes.
    pub slot: Endpoint,
    /// Who may take part: requests from some sources, on some devices.
    pub audience: Audience,
    pub salt: String,
    /// Up to which share of all visitors each variant reaches, with its index in [`Experiments::variants`].
    pub variants: Vec<(f64, u16)>,
}

impl Default for Experiments {
    /// None: everyone gets what settings say.
    fn default() -> Self {
        Self { running: Vec::new(), variants: vec![Variant::control()], versions: Vec::new() }
    }
}

impl Experiments {
    /// Which variant answers a visitor, by its index; the first, that of settings, for one of whom no id is known.
    pub fn assign(&self, endpoint: Endpoint, visitor: Option<&str>, client: &Client) -> u16 {
        let is_of = |audience: &Audience| audience.includes(client.source.as_deref(), Some(client.device));
        let running = self.running.iter().find(|running| running.slot == endpoint && is_of(&running.audience));
        let (Some(experiment), Some(visitor)) = (running, visitor) else { return 0 };
        let bucket = bucket(&experiment.salt, visitor);
        let reached = experiment.variants.iter().find(|(reached, _)| bucket <= *reached);
        reached.or(experiment.variants.last()).map_or(0, |(_, variant)| *variant)
    }

    /// A variant by its index.
    pub fn variant(&self, index: u16) -> &Variant {
        &self.variants[index as usize]
    }

    /// All variants, in the order of their indices.
    pub fn variants(&self) -> &[Variant] {
        &self.variants
    }

    /// The versions that variants of running experiments name.
    pub fn running_versions(&self) -> impl Iterator<Item = &str> {
        self.variants.iter().filter_map(|variant| variant.version.as_deref())
    }

    /// How many experiments run.
    pub fn count(&self) -> usize {
        self.running.len()
    }
}

/// The bucket of a visitor, from 0 to 1, the same for the same salt.
pub fn bucket(salt: &str, visitor: &str) -> f64 {
    let digest = Sha256::digest(format!("{salt}:{visitor}"));
    f64::from(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])) / f64::from(u32::MAX)
}
