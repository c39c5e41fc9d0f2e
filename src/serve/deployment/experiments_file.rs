//! The file of experiments: its form here (`experiments.example.toml`), and the YAML of the system that nearset replaces.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::path::Path;

use anyhow::{Context, Error, Result, anyhow, bail, ensure};
use chrono_tz::Tz;
use serde::Deserialize;
use serde_json::Value;

use super::experiments::{Arm, Experiment, Experiments, Holdout, Metric, Period};
use super::experiments_edit::line_of;
use super::variant::{CONTROL, HELD_OUT, Variant};
use crate::common::files;
use crate::common::language::{either, t};
use crate::config::{Config, parse_end, parse_start};
use crate::recommend::Audience;
use crate::serve::endpoint::Endpoint;

/// What is worth finding where a file does not say: a tenth.
const LEAST_EFFECT: f64 = 0.1;

/// Names that mean something else in figures.
const TAKEN: [&str; 2] = [HELD_OUT, "none"];

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The share of all visitors that takes part in nothing.
    #[serde(default)]
    holdout: Option<f64>,
    #[serde(default)]
    holdout_salt: Option<Value>,
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
    /// The first and the last day, or moments, in REPORT_TIMEZONE.
    #[serde(default)]
    start: Option<Moment>,
    #[serde(default)]
    end: Option<Moment>,
    #[serde(default)]
    metric: Option<String>,
    #[serde(default)]
    least_effect: Option<f64>,
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

/// A moment, as TOML's own or as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Moment {
    Toml(toml::value::Datetime),
    Text(String),
}

impl Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Toml(moment) => moment.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// The field of an experiment that is wrong.
#[derive(Debug)]
struct Field(&'static str);

impl Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Experiments {
    /// Reads the file that settings name; where there is none, nobody takes part in anything.
    ///
    /// # Errors
    /// It cannot be read, or makes no sense; the file is named.
    pub fn read(config: &Config) -> Result<Self> {
        let path = config.experiments_path();
        let Some(text) = files::read_text(&path)? else { return Ok(Self::default()) };
        Self::parse(&text, is_yaml(&path), zone(config)).with_context(|| path.display().to_string())
    }

    /// Reads a file's text; its days are those of `zone`.
    ///
    /// # Errors
    /// It makes no sense: the error names the line, the experiment, and what is wrong with it.
    pub fn parse(text: &str, is_yaml: bool, zone: Tz) -> Result<Self> {
        let file: File = match (is_yaml, text.trim().is_empty()) {
            (_, true) => File::default(),
            (true, _) => serde_saphyr::from_str(text).map_err(|error| anyhow!("{error}"))?,
            (false, _) => toml::from_str(text).map_err(|error| anyhow!("{error}"))?,
        };
        let mut all = Self::default();
        if let Some(share) = file.holdout.filter(|share| *share != 0.0) {
            ensure!(
                (0.0..=0.5).contains(&share),
                t!(
                    "holdout is {share}; it is a share of the visitors, from 0 to 0.5",
                    "holdout 为 {share}；须为访客的比例，0 到 0.5"
                )
            );
            let salt = file.holdout_salt.map(plain).unwrap_or_default();
            all.holdout = Some(Holdout { share, salt, variant: all.variants.len() as u16 });
            all.variants.push(Variant::held_out());
        }
        for (name, spec) in file.experiments {
            let told = |error: Error| {
                let field = error.downcast_ref::<Field>().map(|Field(field)| *field);
                let line = if is_yaml { None } else { line_of(text, &name, field) };
                error.context(match line {
                    Some(line) => t!("line {line}: experiment {name}", "第 {line} 行：实验 {name}"),
                    None => t!("experiment {name}", "实验 {name}"),
                })
            };
            let experiment = all.experiment(&name, spec, is_yaml, zone).map_err(told)?;
            let meets = |other: &&Experiment| other.is_active && experiment.is_active && other.meets(&experiment);
            match all.all.iter().find(meets) {
                Some(other) if is_yaml => tracing::warn!(
                    "experiment {name} is left out: {} runs on the same endpoint; name its slot, or pause one",
                    other.name
                ),
                Some(other) => {
                    return Err(told(anyhow!(t!(
                        "{} runs on {} already; pause one of them",
                        "{} 已在 {} 上运行；请暂停其一",
                        other.name,
                        experiment.slot.name()
                    ))));
                }
                None => all.all.push(experiment),
            }
        }
        Ok(all)
    }

    fn experiment(&mut self, name: &str, spec: Spec, is_old: bool, zone: Tz) -> Result<Experiment> {
        ensure!(
            !TAKEN.contains(&name),
            t!(
                "an experiment cannot be called that: figures call something else so",
                "实验不能叫这个名字：报表里它另有所指"
            )
        );
        let is_active = is_active(spec.status.as_deref()).context(Field("status"))?;
        let slot = slot(name, spec.slot.as_deref()).context(Field("slot"))?;
        let mut audience = spec.audience;
        audience.settle().context(Field("audience"))?;
        let moment = |field: &'static str, text: Option<Moment>, read: fn(&str, Tz) -> Result<_, String>| {
            let moment = text.map(|text| read(&text.to_string(), zone)).transpose();
            moment.map_err(|error| anyhow!(error)).context(Field(field))
        };
        let period =
            Period { start: moment("start", spec.start, parse_start)?, end: moment("end", spec.end, parse_end)? };
        if let (Some(start), Some(end)) = (period.start, period.end) {
            let is_after =
                if start < end { Ok(()) } else { Err(anyhow!(either("it lies before start", "早于 start"))) };
            is_after.context(Field("end"))?;
        }
        let metric = metric(spec.metric.as_deref()).context(Field("metric"))?;
        let least_effect = spec.least_effect.unwrap_or(LEAST_EFFECT);
        if !(0.001..=10.0).contains(&least_effect) {
            let wrong = anyhow!(t!(
                "is {least_effect}; it is a share of the control's figure, from 0.001 to 10, such as 0.1",
                "为 {least_effect}；须为对照组数值的比例，0.001 到 10，如 0.1"
            ));
            return Err(wrong.context(Field("least_effect")));
        }
        let salt = spec.salt.map_or_else(|| name.to_owned(), plain);
        let mut experiment = Experiment {
            name: name.to_owned(),
            slot,
            audience,
            salt,
            is_active,
            period,
            metric,
            least_effect,
            variants: arms(spec.variants, is_old).context(Field("variants"))?,
        };
        let allocation = experiment.allocation();
        for arm in &mut experiment.variants {
            let mut variant = Variant::of(name, &arm.name, &arm.parameters, is_old)
                .with_context(|| t!("variant {}", "变体 {}", arm.name))
                .context(Field("variants"))?;
            self.versions.extend(variant.version.clone());
            if is_active {
                arm.index = self.variants.len() as u16;
                variant.allocation = Some(allocation.clone());
                self.variants.push(variant);
            }
        }
        Ok(experiment)
    }
}

/// Whether a file is of the old system's form.
pub(super) fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// The zone whose days a file means.
pub(super) fn zone(config: &Config) -> Tz {
    config.parameters.report_timezone.parse().unwrap_or(Tz::UTC)
}

/// A salt, which people also write as a number.
fn plain(salt: Value) -> String {
    match salt {
        Value::String(salt) => salt,
        other => other.to_string(),
    }
}

fn is_active(status: Option<&str>) -> Result<bool> {
    Ok(match status.unwrap_or("active") {
        "active" | "running" => true,
        "paused" | "stopped" | "draft" | "completed" => false,
        other => bail!(t!("is {other:?}; it may be active or paused", "为 {other:?}；可为 active 或 paused")),
    })
}

fn slot(name: &str, slot: Option<&str>) -> Result<Endpoint> {
    Ok(match slot {
        None if name.contains("similar") => Endpoint::Similar,
        None | Some("recommend_detail") => Endpoint::Detail,
        Some("similar") => Endpoint::Similar,
        Some("recommend") => Endpoint::Person,
        Some(other) => bail!(t!(
            "is {other:?}; it may be recommend_detail, similar or recommend",
            "为 {other:?}；可为 recommend_detail、similar 或 recommend"
        )),
    })
}

fn metric(metric: Option<&str>) -> Result<Metric> {
    Ok(match metric {
        None | Some("clicks") => Metric::Clicks,
        Some("orders") => Metric::Orders,
        Some("revenue") => Metric::Revenue,
        Some(other) => bail!(t!(
            "is {other:?}; it may be clicks (for each list), orders or revenue (for each visitor)",
            "为 {other:?}；可为 clicks（每列表点击）、orders 或 revenue（每访客）"
        )),
    })
}

/// The variants with their shares: whole ones, whatever they add up to, as the old system had it.
fn arms(specs: Vec<VariantSpec>, is_old: bool) -> Result<Vec<Arm>> {
    ensure!(!specs.is_empty(), t!("there are none", "没有变体"));
    ensure!(
        specs.iter().all(|spec| spec.allocation.is_finite() && spec.allocation >= 0.0),
        t!("an allocation is a share, 0 or more", "allocation 是比例，不小于 0")
    );
    let total: f64 = specs.iter().map(|spec| spec.allocation).sum();
    ensure!(total > 0.0, t!("all allocations are 0", "allocation 全为 0"));
    let names: Vec<String> = specs.iter().map(|spec| spec.name.clone().unwrap_or_else(|| CONTROL.to_owned())).collect();
    let mut seen = BTreeSet::new();
    if let Some(twice) = names.iter().find(|name| !seen.insert(*name)).filter(|_| !is_old) {
        bail!(t!("{twice} is there twice", "{twice} 出现两次"));
    }
    let control = names.iter().position(|name| name == CONTROL).unwrap_or(0);
    let mut reached = 0.0;
    let arm = |(place, (name, spec)): (usize, (String, VariantSpec))| {
        let (share, parameters) = (spec.allocation / total, spec.parameters.unwrap_or_default());
        reached += share;
        Arm { name, share, is_control: place == control, parameters, reached, index: 0 }
    };
    Ok(names.into_iter().zip(specs).enumerate().map(arm).collect())
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
        let experiments = Experiments::parse(OLD, true, Tz::UTC)?;
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
        let experiments = Experiments::parse(text, false, Tz::UTC)?;
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
        let experiments = Experiments::parse(&(phones.clone() + &search), false, Tz::UTC)?;
        let variant = |source: Option<&str>, device| {
            let client = Client { source: source.map(Into::into), device, ..Client::default() };
            experiments.variant(experiments.assign(Endpoint::Detail, Some("7"), &client)).name.clone()
        };
        assert_eq!(variant(Some("search"), Device::Mobile), "of_phones");
        assert_eq!(variant(Some("search"), Device::Desktop), "of_search");
        assert_eq!(variant(Some("home"), Device::Desktop), CONTROL);
        let both = Experiments::parse(&(phones + &of("all", "")), false, Tz::UTC).map_err(|error| format!("{error:#}"));
        assert!(both.is_err_and(|said| said.contains("pause one")));
        let odd = Experiments::parse(&of("odd", "audience = { devices = [\"watch\"] }"), false, Tz::UTC);
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
        let experiments = Experiments::parse(EXAMPLE, false, Tz::UTC)?;
        let variants: Vec<&str> = experiments.variants.iter().map(|variant| variant.name.as_str()).collect();
        assert_eq!((experiments.count(), variants), (1, vec![CONTROL, CONTROL, "more_content", "more_variety"]));
        Ok(())
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error =
            |text: &str, is_yaml| format!("{:#}", Experiments::parse(text, is_yaml, Tz::UTC).expect_err("an error"));
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
