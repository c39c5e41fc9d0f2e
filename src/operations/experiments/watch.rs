//! What is told of experiments: that one can be decided, that its visitors are not those it was to get, that its time is over.

use std::collections::BTreeMap;

use anyhow::Result;
use chrono::{DateTime, Utc};

use crate::common::language::{either, t};
use crate::config::Config;
use crate::evaluate::OperatorFigures;
use crate::evaluate::operator_figures::ExperimentFigures;
use crate::operations::{Alert, Severity};
use crate::serve::deployment::{Experiment, Experiments, State};

/// What the last run found of experiments that are active, and which of them are over.
pub fn alerts(config: &Config, now: DateTime<Utc>) -> Result<Vec<Alert>> {
    let figures = OperatorFigures::read(&config.metadata_dir())?.experiments;
    let experiments = Experiments::read(config)?;
    let active = experiments.all.iter().filter(|experiment| experiment.is_active);
    Ok(active.flat_map(|experiment| of(experiment, &figures, now)).collect())
}

fn alert(name: &str, subject: &str, severity: Severity, (summary, description): (String, String)) -> Alert {
    let labels = BTreeMap::from([("experiment".to_owned(), subject.to_owned())]);
    Alert { name: name.to_owned(), subject: subject.to_owned(), severity, summary, description, labels }
}

fn of(experiment: &Experiment, figures: &[ExperimentFigures], now: DateTime<Utc>) -> Vec<Alert> {
    let name = &experiment.name;
    let mut found = Vec::new();
    if experiment.state(now) == State::Ended {
        let words = (
            t!("experiment {name} has ended", "实验 {name} 已结束"),
            t!(
                "All visitors get what settings say. `nearset experiments show {name}` has its figures, `nearset experiments stop \
                 {name} --keep VARIANT` says how to keep a variant",
                "所有访客都得到设置所定的列表。数字见 `nearset experiments show {name}`；`nearset experiments stop {name} --keep 变体` \
                 说明如何保留某个变体"
            ),
        );
        found.push(alert("ExperimentEnded", name, Severity::Info, words));
    }
    let ours = || figures.iter().filter(|figures| figures.experiment == *name);
    if ours().any(|figures| figures.is_sample_ratio_off) {
        let words = (
            t!("the sample ratio of experiment {name} is off", "实验 {name} 的样本比例异常"),
            t!(
                "Its variants get clearly other numbers of visitors than their shares: its figures are not to be trusted. \
                 docs/experiments.md says where to look",
                "各变体的访客数与分配比例明显不符：其数字不可信。排查办法见 docs/experiments.zh-CN.md"
            ),
        );
        found.push(alert("ExperimentSampleRatioOff", name, Severity::Warning, words));
        return found;
    }
    let reached = ours().filter_map(|figures| Some((figures, figures.verdict.filter(|verdict| verdict.is_reached())?)));
    let said: Vec<String> = reached
        .map(|(figures, verdict)| {
            let (english, chinese) = verdict.words();
            format!("{}: {}", figures.variant, either(english, chinese))
        })
        .collect();
    let others = ours().filter(|figures| figures.verdict.is_some()).count();
    if !said.is_empty() && said.len() == others {
        let words = (
            t!("experiment {name} can be decided", "实验 {name} 可以定论"),
            t!(
                "{}. `nearset experiments show {name}` has the figures",
                "{}。数字见 `nearset experiments show {name}`",
                said.join("; ")
            ),
        );
        found.push(alert("ExperimentDecided", name, Severity::Info, words));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::experiments::Verdict;

    #[test]
    fn what_can_be_decided_is_told_unless_its_visitors_are_others_than_allocated() -> Result<()> {
        let text = "[experiments.e]\nend = 2026-11-01\nvariants = [{ name = \"a\", allocation = 1 }, { name = \"b\", allocation = 1 }]\n";
        let experiments = Experiments::parse(text, false, chrono_tz::Tz::UTC)?;
        let figures = |variant: &str, verdict, is_sample_ratio_off| ExperimentFigures {
            experiment: "e".to_owned(),
            variant: variant.to_owned(),
            visitors: 100,
            rate: Some(0.1),
            verdict,
            is_sample_ratio_off,
        };
        let names = |verdict, is_off, day: &str| -> Vec<String> {
            let now = day.parse().unwrap_or_default();
            let figures = [figures("a", None, is_off), figures("b", verdict, is_off)];
            of(&experiments.all[0], &figures, now).into_iter().map(|alert| alert.name).collect()
        };
        let (before, after) = ("2026-11-01T23:59:59Z", "2026-11-02T00:00:00Z");
        assert!(names(Some(Verdict::TooEarly), false, before).is_empty());
        assert_eq!(names(Some(Verdict::Better), false, before), ["ExperimentDecided"]);
        assert_eq!(names(Some(Verdict::SampleRatioOff), true, before), ["ExperimentSampleRatioOff"]);
        assert_eq!(names(Some(Verdict::TooEarly), false, after), ["ExperimentEnded"]);
        Ok(())
    }
}
