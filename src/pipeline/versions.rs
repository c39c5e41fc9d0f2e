//! What becomes of the model that a run trained, and of those before it.

use anyhow::{Context, Result};
use serde_json::Value;

use super::observer::Observers;
use super::state::Run;
use super::step::Step;
use crate::common::errors::describe;
use crate::common::files;
use crate::common::language::{either, t};
use crate::config::Config;
use crate::model::Share;
use crate::serve::deployment::Experiments;
use crate::{evaluate, model, recommend};

/// What becomes of what was trained.
#[derive(Default)]
pub struct Kept {
    /// The version that was saved, which goes again where nothing is published.
    pub saved: Option<model::Saved>,
    /// Why it does not become current, being worse.
    pub held_back: Option<String>,
    /// It does not become current, whatever it is worth: it is to be tried first, or another one is being tried.
    pub waits: bool,
}

/// Saves what was trained with its held-out figures, and writes them to `summary.json`. A version that is clearly worse
/// than the current one is kept, but held back.
pub fn keep_model(run: &mut Run<'_>) -> Result<Kept> {
    let models_dir = &run.config.models_dir;
    let mut summary = match run.options.steps.contains(&Step::Evaluate) {
        true => Some(evaluate::summary(run.db, run.options.as_of)?),
        false => None,
    };
    let released =
        model::traffic(models_dir).ok().and_then(|traffic| traffic.canary).filter(|canary| canary.is_release);
    let waits = run.options.keeps_current || released.is_some();
    let mut kept = Kept { saved: None, held_back: None, waits };
    let odd = run.held_back.take();
    // gone once it is saved: to become current it is loaded again, and asked for lists
    if let Some(mut model) = run.trained.take() {
        recommend::smoke(&model).context(either("the model that was trained cannot answer", "训练出的模型无法应答"))?;
        model.manifest.metrics = summary.clone();
        let saved = kept.saved.insert(model::save(models_dir, &mut model)?);
        kept.held_back = odd.map(|why| kept_not_current(&why, &saved.version));
        if let Some(Share { version, .. }) = released {
            run.observers.note(&t!(
                "version {} is kept and not current: {version} is being released (`nearset release show`)",
                "版本 {} 已保留，未设为当前版本：{version} 正在发布（`nearset release show`）",
                saved.version
            ));
        }
    }
    if let Some(summary) = &mut summary {
        let saved = kept.saved.as_ref().map(|saved| saved.version.clone());
        summary.model_version = saved.clone().or_else(|| model::current(models_dir));
        run.observers.note(&evaluate::headline(summary));
        let place = run.config.evaluation_dir().join("summary.json");
        run.outbox.write(place, &evaluate::summary_file(run.db, summary)?)?;
        if let Some(version) = saved {
            let worse = evaluate::worse(run.db, models_dir, summary)?.map(|why| kept_not_current(&why, &version));
            kept.held_back = kept.held_back.or(worse);
        }
    }
    Ok(kept)
}

/// Writes the held-out figures again, of the version that they were of.
pub fn write_summary(run: &mut Run<'_>) -> Result<()> {
    let place = run.config.evaluation_dir().join("summary.json");
    let before: Option<Value> = files::read(&place)?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let version = before.and_then(|before| before["model_version"].as_str().map(str::to_owned));
    let mut summary = evaluate::summary(run.db, run.options.as_of)?;
    summary.model_version = version.or_else(|| model::current(&run.config.models_dir));
    run.outbox.write(place, &evaluate::summary_file(run.db, &summary)?)
}

fn kept_not_current(why: &str, version: &str) -> String {
    t!(
        "{why}; version {version} is kept and not current (`nearset models promote`)",
        "{why}；版本 {version} 已保留，但未设为当前版本（可用 `nearset models promote`）"
    )
}

/// Removes old versions. What is published stays so where that fails: the next run tries again.
pub fn prune(config: &Config, observers: Observers<'_>) {
    let experiments = Experiments::read(config);
    let kept = config.operations.keep.versions;
    let pruned = experiments.and_then(|experiments| model::prune(&config.models_dir, kept, &experiments.versions));
    if let Err(error) = pruned {
        observers.note(&t!("old versions stay: {}", "旧版本未清理：{}", describe(&error)));
    }
}
