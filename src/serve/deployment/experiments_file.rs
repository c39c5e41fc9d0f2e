//! The file of experiments: its form here (`experiments.example.toml`), and the YAML of the system that nearset replaces.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::experiments::{Experiment, Experiments};
use super::variant::{CONTROL, Variant};
use crate::common::files;
use crate::common::language::t;
use crate::recommend::Audience;
use crate::serve::endpoint::Endpoint;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    experiments: BTreeMap<String, Spec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    /// The endpoint: recommend_detail, similar or recommend.
    slot: Option<String>,
    /// Who may take part, by source and device; everyone where it is left out.
    #[serde(default, alias = "when")]
    audience: Audience,
    salt: Option<Value>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default, rename = "description")]
    _description: Option<String>,
    variants: Vec<VariantSpec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VariantSpec {
    #[serde(default)]
    name: Option<String>,
    #[serde(default, rename = "description")]
    _description: Option<String>,
    allocation: f64,
    #[serde(default)]
    parameters: Option<BTreeMap<String, Value>>,
}

impl Experiments {
    /// Reads a file by its ending; where there is none, nobody takes part in anything.
    ///
    /// # Errors
    /// It cannot be read, or makes no sense; the file is named.
    pub fn read(path: &Path) -> Result<Self> {
        let Some(text) = files::read_text(path)? else { return Ok(Self::default()) };
        let is_yaml = path.extension().is_some_and(|e| e == "yaml" || e == "yml");
        Self::parse(&text, is_yaml).with_context(|| path.display().to_string())
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// It makes no sense: the error names the line, or the experiment and what is wrong with it.
    pub fn parse(text: &str, is_yaml: bool) -> Result<Self> {
        let file: File = match (is_yaml, text.trim().is_empty()) {
            (_, true) => File { experiments: BTreeMap::new() },
            (true, _) => serde_saphyr::from_str(text).map_err(|error| anyhow!("{error}"))?,
            (false, _) => toml::from_str(text).map_err(|error| anyhow!("{error}"))?,
        };
        let mut all = Self::default();
        for (name, spec) in file.experiments {
            let experiment =
                all.experiment(&name, spec, is_yaml).with_context(|| t!("experiment {name}", "实验 {name}"))?;
            let Some(experiment) = experiment else { continue };
            let meets =
                |other: &&Experiment| other.slot == experiment.slot && other.audience.overlaps(&experiment.audience);
            match all.running.iter().find(meets) {
                None => all.running.push(experiment),
                Some(other) if is_yaml => tracing::warn!(
                    "experiment {name} is left out: {} runs on the same endpoint; name its slot, or pause one",
                    other.name
                ),
                Some(other) => bail!(t!(
                    "experiment {name}: {} runs on {} already; pause one of them",
                    "实验 {name}：{} 已在 {} 上运行；请暂停其一",
                    other.name,
                    experiment.slot.name()
                )),
            }
        }
        Ok(all)
    }

    fn experiment(&mut self, name: &str, spec: Spec, is_old: bool) -> Result<Option<Experiment>> {
        let is_active = match spec.status.as_deref().unwrap_or("active") {
            "active" | "running" => true,
            "paused" | "stopped" | "draft" | "completed" => false,
            other => bail!(t!(
                "status is {other:?}; it may be active or paused",
                "status 为 {other:?}；可为 active 或 paused"
            )),
        };
        let slot = match spec.slot.as_deref() {
            None if name.contains("similar") => Endpoint::Similar,
            None | Some("recommend_detail") => Endpoint::Detail,
            Some("similar") => Endpoint::Similar,
            Some("recommend") => Endpoint::Person,
            Some(other) => bail!(t!(
                "slot is {other:?}; it may be recommend_detail, similar or recommend",
                "slot 为 {other:?}；可为 recommend_detail、similar 或 recommend"
            )),
        };
        let mut audience = spec.audience;
        audience.settle().context("audience")?;
        let salt = match spec.salt {
            None => name.to_owned(),
            Some(Value::String(salt)) => salt,
            Some(other) => other.to_string(),
        };
        ensure!(!spec.variants.is_empty(), t!("it has no variants", "没有变体"));
        ensure!(
            spec.variants.iter().all(|v| v.allocation.is_finite() && v.allocation >= 0.0),
            t!("an allocation is a share, 0 or more", "allocation 是比例，不小于 0")
        );
        let total: f64 = spec.variants.iter().map(|v| v.allocation).sum();
        ensure!(total > 0.0, t!("all its allocations are 0", "allocation 全为 0"));
        let mut variants = Vec::new();
        let mut reached = 0.0;
        for variant in spec.variants {
            let title = variant.name.unwrap_or_else(|| CONTROL.to_owned());
            // whole shares, whatever they add up to, as the old system had it
            reached += variant.allocation / total;
            let variant = Variant::of(name, &title, variant.parameters.unwrap_or_default(), is_old)
                .with_context(|| t!("variant {title}", "变体 {title}"))?;
            self.versions.extend(variant.version.clone());
            if is_active {
                variants.push((reached, self.variants.len() as u16));
                self.variants.push(variant);
            }
        }
        Ok(is_active.then(|| Experiment { name: name.to_owned(), slot, audience, salt, variants }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::experiments::bucket;
    use super::*;
    use crate::common::device::Device;
    use crate::model::Channel;
    use crate::recommend::Policy;
    use crate::serve::http::Client;

    const OLD: &str = "
experiments:
  recommendation_detail:
    salt: detail-2025
    status: active
    variants:
      - name: control
        allocation: 0.5
      - name: content_boost
        allocation: 0.5
        parameters: {content_weight: 1.4, behavior_weight: 0.8, price_weight: 0.5, unheard_of: 3}
";

    #[test]
    fn the_old_form_keeps_its_users() -> Result<()> {
        let experiments = Experiments::parse(OLD, true)?;
        for user in 1..200 {
            let bucket = bucket("detail-2025", &user.to_string());
            let variant = experiments.assign(Endpoint::Detail, Some(&user.to_string()), &Client::default());
            let expected = if bucket <= 0.5 { CONTROL } else { "content_boost" };
            assert_eq!(experiments.variant(variant).name, expected);
        }
        assert_eq!(experiments.assign(Endpoint::Detail, None, &Client::default()), 0);
        assert_eq!(experiments.assign(Endpoint::Similar, Some("1"), &Client::default()), 0);
        let boost = experiments.variants.iter().find(|variant| variant.name == "content_boost").expect("the variant");
        // 1.4 of 1.0, beside 1.5 for the rest of what is alike in words; 0.8 of 1.2
        let sum = boost.policy(&Policy::default()).sum.expect("weights of the old system");
        let of = |channel: Channel| sum.meant[channel as usize] / sum.usual[channel as usize];
        for (channel, factor) in
            [(Channel::Content, 2.9 / 2.5), (Channel::Behaviour, 0.8 / 1.2), (Channel::Popular, 1.0)]
        {
            assert!((of(channel) - factor).abs() < 1e-6, "{channel:?}: {}", of(channel));
        }
        Ok(())
    }

    #[test]
    fn the_bucket_is_the_old_systems() {
        // int(hashlib.sha256(b"detail-2025:42").hexdigest()[:8], 16) / 0xFFFFFFFF in the old system's Python
        for (user, expected) in [("1", 0.5838140022437587), ("2", 0.4510055741879636), ("42", 0.8352179177653086)] {
            assert!((bucket("detail-2025", user) - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn shares_are_what_they_say() -> Result<()> {
        let text = "
[experiments.three]
[[experiments.three.variants]]
name = \"a\"
allocation = 1
[[experiments.three.variants]]
name = \"b\"
allocation = 2
[[experiments.three.variants]]
name = \"c\"
allocation = 1
parameters = { variety = 0.5, provider_limit = 3, rules = false, model = \"x\" }
";
        let experiments = Experiments::parse(text, false)?;
        let mut counts = BTreeMap::new();
        for visitor in 0..20_000 {
            let variant = experiments.assign(Endpoint::Detail, Some(&visitor.to_string()), &Client::default());
            *counts.entry(experiments.variant(variant).name.as_str()).or_insert(0) += 1;
        }
        for (variant, share) in [("a", 0.25), ("b", 0.5), ("c", 0.25)] {
            let found = f64::from(counts[variant]) / 20_000.0;
            assert!((found - share).abs() < 0.015, "{variant}: {found}");
        }
        Ok(())
    }

    #[test]
    fn an_experiment_is_for_its_sources_and_devices_and_others_may_run_beside_it() -> Result<()> {
        let of = |name: &str, audience: &str| {
            format!(
                "[experiments.{name}]\n{audience}\n[[experiments.{name}.variants]]\nname = \"of_{name}\"\nallocation = 1\n"
            )
        };
        let phones = of("phones", "audience = { devices = [\"mobile\"] }");
        let search = of("search", "when = { sources = [\"Search\"], devices = [\"desktop\", \"unknown\"] }");
        let experiments = Experiments::parse(&(phones.clone() + &search), false)?;
        let variant = |source: Option<&str>, device| {
            let client = Client { source: source.map(Into::into), device, ..Client::default() };
            experiments.variant(experiments.assign(Endpoint::Detail, Some("7"), &client)).name.clone()
        };
        assert_eq!(variant(Some("search"), Device::Mobile), "of_phones");
        assert_eq!(variant(Some("search"), Device::Desktop), "of_search");
        assert_eq!(variant(Some("home"), Device::Desktop), CONTROL);
        let both = Experiments::parse(&(phones + &of("all", "")), false).map_err(|error| format!("{error:#}"));
        assert!(both.is_err_and(|said| said.contains("pause one")));
        let odd = Experiments::parse(&of("odd", "audience = { devices = [\"watch\"] }"), false);
        assert!(odd.is_err_and(|error| error.to_string().contains("tablet")), "the devices that there are, are named");
        Ok(())
    }

    #[test]
    fn the_example_is_in_order_and_names_every_channel() -> Result<()> {
        const EXAMPLE: &str = include_str!("../../../experiments.example.toml");
        let listed = EXAMPLE.rsplit_once("a weight for each channel").map(|(_, channels)| channels).unwrap_or_default();
        for channel in Channel::ALL {
            assert!(listed.contains(channel.name()), "{} is not in the example", channel.name());
        }
        let experiments = Experiments::parse(EXAMPLE, false)?;
        let variants: Vec<&str> = experiments.variants.iter().map(|variant| variant.name.as_str()).collect();
        assert_eq!((experiments.count(), variants), (1, vec![CONTROL, CONTROL, "more_content", "more_variety"]));
        Ok(())
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |text: &str, is_yaml| format!("{:#}", Experiments::parse(text, is_yaml).expect_err("an error"));
        let one = |rest: &str| format!("[experiments.e]\n[[experiments.e.variants]]\nname = \"v\"\n{rest}");
        assert!(
            error(&one("allocation = -1"), false).contains("experiment e"),
            "{}",
            error(&one("allocation = -1"), false)
        );
        let unknown = error(&one("allocation = 1\nparameters = { colour = 3 }"), false);
        assert!(unknown.contains("variant v") && unknown.contains("colour"), "{unknown}");
        let high = error(&one("allocation = 1\nparameters = { variety = 99 }"), false);
        assert!(high.contains("from 0 to 10"), "{high}");
        assert!(error("experiments:\n  e: [", true).contains("line"), "{}", error("experiments:\n  e: [", true));
        let two = one("allocation = 1") + "\n[experiments.f]\n[[experiments.f.variants]]\nallocation = 1";
        assert!(error(&two, false).contains("pause one"));
    }
}
