//! New shares for the variants of an experiment, by what is known of their rates.

use anyhow::{Result, bail, ensure};
use serde::Serialize;

use super::{Standing, standing};
use crate::common::language::t;
use crate::config::Config;
use crate::serve::deployment::{Change, State, change, rounded};

/// A variant's share, as it is and as it should be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tuned {
    /// The variant.
    pub variant: String,
    /// Its share now.
    pub share: f64,
    /// Its share by its smoothed rate.
    pub tuned: f64,
    /// Its rate, as far as it can be told from that of all variants.
    pub smoothed_rate: f64,
}

/// Works out new shares, in the order of the file: in proportion to the smoothed rates, and none below `least`. With `apply` they
/// are written to the file.
///
/// # Errors
/// There is no such experiment, it does not run, too little is known of a variant, or visitors do not come as they were allocated.
pub fn tune(config: &Config, name: &str, least: f64, apply: bool) -> Result<Vec<Tuned>> {
    let standing = standing(config, name)?;
    let tuned = tuned(&standing, least)?;
    if apply {
        change(config, name, &Change::Allocate(tuned.iter().map(|tuned| tuned.tuned).collect()))?;
    }
    Ok(tuned)
}

fn tuned(standing: &Standing, least: f64) -> Result<Vec<Tuned>> {
    let name = &standing.name;
    let Some(plan) = standing.plan.as_ref().filter(|_| standing.state == Some(State::Running)) else {
        bail!(t!("experiment {name} does not run: there is nothing to allocate", "实验 {name} 没有在运行：无可分配"));
    };
    ensure!(
        !standing.is_sample_ratio_off(),
        t!(
            "the sample ratio of {name} is off: its variants get other visitors than they were allocated, so that their rates say \
             nothing; find out why before anything is tuned (docs/experiments.md)",
            "{name} 的样本比例异常：各变体得到的访客与分配不符，比率不可信；请先查明原因再调整（docs/experiments.zh-CN.md）"
        )
    );
    let shares = plan.allocation();
    let mut all = Vec::new();
    // a variant that was switched off stays so
    for (variant, share) in plan.variants.iter().map(|arm| (&arm.name, shares[&arm.name])) {
        let result = standing.results.iter().find(|result| result.experiment_variant == *variant);
        let is_known = share == 0.0 || result.is_some_and(|result| result.is_enough || result.is_control);
        let rate = result.and_then(|result| result.smoothed_rate).filter(|_| is_known);
        let Some(smoothed_rate) = rate.or((share == 0.0).then_some(0.0)) else {
            let visitors = result.map_or(0, |result| result.visitors);
            bail!(t!(
                "too little is known of {variant} ({visitors} visitors): wait until enough of them did what counts, and a run took that in",
                "{variant} 的数据太少（{visitors} 位访客）：请等到足够多的访客有所行为并由运行读入"
            ));
        };
        all.push(Tuned { variant: variant.clone(), share, tuned: 0.0, smoothed_rate });
    }
    allocate(&mut all, least);
    Ok(all)
}

/// Shares in proportion to rates, where none is below `least`; they add up to one.
fn allocate(all: &mut [Tuned], least: f64) {
    let mut open: Vec<usize> = (0..all.len()).filter(|one| all[*one].share > 0.0).collect();
    let least = least.min(1.0 / open.len().max(1) as f64);
    let mut left = 1.0;
    loop {
        let rates: f64 = open.iter().map(|one| all[*one].smoothed_rate).sum();
        let even = 1.0 / open.len().max(1) as f64;
        for one in &open {
            all[*one].tuned = left * if rates > 0.0 { all[*one].smoothed_rate / rates } else { even };
        }
        let (low, rest): (Vec<usize>, Vec<usize>) = open.iter().partition(|one| all[**one].tuned < least - 1e-12);
        if low.is_empty() || rest.is_empty() {
            break;
        }
        for one in &low {
            all[*one].tuned = least;
            left -= least;
        }
        open = rest;
    }
    all.iter_mut().for_each(|one| one.tuned = rounded(one.tuned));
    // what rounding left
    let gap = 1.0 - all.iter().map(|one| one.tuned).sum::<f64>();
    if let Some(first) = all.iter_mut().max_by(|a, b| a.tuned.total_cmp(&b.tuned)) {
        first.tuned = rounded(first.tuned + gap);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(rates: &[(f64, f64)], least: f64) -> Vec<f64> {
        let one = |(share, rate): &(f64, f64)| Tuned {
            variant: String::new(),
            share: *share,
            tuned: 0.0,
            smoothed_rate: *rate,
        };
        let mut all: Vec<Tuned> = rates.iter().map(one).collect();
        allocate(&mut all, least);
        all.iter().map(|one| one.tuned).collect()
    }

    #[test]
    fn shares_follow_rates_within_bounds_and_add_up() {
        assert_eq!(shares(&[(0.5, 0.1), (0.5, 0.3)], 0.05), [0.25, 0.75]);
        assert_eq!(shares(&[(0.5, 0.001), (0.5, 0.3)], 0.1), [0.1, 0.9]);
        assert_eq!(shares(&[(0.4, 0.0), (0.3, 0.1), (0.3, 0.3)], 0.2), [0.2, 0.2, 0.6]);
        // one that was switched off stays so; nothing known is even
        assert_eq!(shares(&[(0.5, 0.0), (0.5, 0.0), (0.0, 0.0)], 0.05), [0.5, 0.5, 0.0]);
        let thirds = shares(&[(0.3, 0.1), (0.3, 0.1), (0.4, 0.1)], 0.9);
        assert!((thirds.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{thirds:?}");
    }
}
