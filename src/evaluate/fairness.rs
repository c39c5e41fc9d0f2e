//! Who gets the places of lists: tiers of popularity and providers, beside what visitors went to themselves.

use std::fmt::Write;

use anyhow::Result;
use duckdb::Connection;
use serde::{Deserialize, Serialize};

use super::certainty::share;
use super::drawing::{DotPlot, Dots};
use crate::common::language::{either, t};
use crate::common::terminal::{left, right};
use crate::warehouse::rows;

/// How many providers are named that are furthest from what visitors went to.
const NAMED: usize = 3;

/// A tier or provider in a list: a row of `list_fairness`.
#[derive(Debug, Serialize, Deserialize)]
struct Part {
    basis: String,
    model: String,
    list: String,
    breakdown: String,
    value: String,
    datasets: u64,
    exposures: u64,
    catalogue_share: f64,
    views_share: Option<f64>,
    wanted_share: Option<f64>,
    exposure_share: f64,
    exposure_share_low: f64,
    exposure_share_high: f64,
    difference: Option<f64>,
    difference_low: Option<f64>,
    difference_high: Option<f64>,
    verdict: String,
}

/// The whole relation.
#[derive(Debug, Default, Serialize)]
pub(super) struct Fairness {
    fairness: Vec<Part>,
}

impl Fairness {
    pub(super) fn read(db: &Connection) -> Result<Self> {
        let order = "list_position(['head', 'middle', 'tail', 'new', 'unlisted'], value)";
        let sql = format!("from list_fairness order by basis, model, list, breakdown desc, {order}, value");
        Ok(Self { fairness: rows(db, &sql)? })
    }

    fn of<'a>(&'a self, model: &'a str, breakdown: &'a str) -> impl Iterator<Item = &'a Part> {
        let is_asked = move |row: &&Part| row.basis == "replayed" && row.model == model && row.breakdown == breakdown;
        self.fairness.iter().filter(is_asked)
    }

    /// The tiers in the lists of a model, and beside them in those that visitors were shown.
    pub(super) fn table(&self, model: &str, out: &mut String) -> Result<()> {
        let shown = self.fairness.iter().filter(|row| row.basis == "shown" && row.breakdown == "tier");
        let rows: Vec<&Part> =
            self.of(model, "tier").chain(shown).filter(|row| row.exposures + row.datasets > 0).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let title = either(
            "who gets the places: head had the first half of all views before, tail the last tenth; new is younger than 30 days",
            "位置归谁：head 占此前浏览的前一半，tail 占最后十分之一；new 不满 30 天",
        );
        let columns = [
            ("datasets", "数据集", 9),
            ("catalogue", "目录", 10),
            ("views", "浏览", 8),
            ("wanted", "访客去向", 8),
            ("places", "位置", 8),
            ("95 %", "95%", 17),
        ];
        let head: Vec<String> =
            columns.iter().map(|(english, chinese, width)| right(either(english, chinese), *width)).collect();
        writeln!(out, "\n{title}\n  {} {}", left("", 36), head.join(" "))?;
        let figure = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.4}"));
        for row in rows {
            let name = match row.basis.as_str() {
                "shown" => format!("{} ({}) {}", row.list, row.model, row.value),
                _ => format!("{} {}", row.list, row.value),
            };
            let interval = format!("{:.4} - {:.4}", row.exposure_share_low, row.exposure_share_high);
            writeln!(
                out,
                "  {} {:9} {:10.4} {:>8} {:>8} {:8.4} {interval:>17}  {}",
                left(&name, 36),
                row.datasets,
                row.catalogue_share,
                figure(row.views_share),
                figure(row.wanted_share),
                row.exposure_share,
                verdict(&row.verdict)
            )?;
        }
        Ok(())
    }

    /// Which tiers and providers have more or fewer places in `/recommend/detail` than visitors' own steps would give them.
    pub(super) fn sentence(&self, model: &str) -> Option<String> {
        let of = |breakdown| -> Vec<&Part> { self.of(model, breakdown).filter(|row| row.list == "detail").collect() };
        let tiers: Vec<String> = of("tier")
            .into_iter()
            .filter(|row| row.verdict != "even")
            .map(|row| named(row, verdict(&row.verdict)))
            .collect();
        let mut providers = of("provider");
        let total = providers.len();
        if total == 0 {
            return None;
        }
        providers.retain(|row| row.verdict != "even");
        let far = providers.len();
        providers.sort_by(|a, b| {
            let distance = |row: &Part| row.difference.unwrap_or(0.0).abs();
            distance(b).total_cmp(&distance(a)).then_with(|| a.value.cmp(&b.value))
        });
        let furthest: Vec<String> = providers.iter().take(NAMED).map(|row| named(row, verdict(&row.verdict))).collect();
        let listed = |names: Vec<String>| match names.is_empty() {
            true => either("none", "没有").to_owned(),
            false => names.join(either(", ", "、")),
        };
        Some(t!(
            "Places of /recommend/detail against what visitors went to, beyond chance: tiers: {}; {far} of {total} providers: {}.",
            "/recommend/detail 的位置与访客去向相比，有明显差别的：层级：{}；{total} 个供应方中的 {far} 个：{}。",
            listed(tiers),
            listed(furthest)
        ))
    }

    /// The tiers in the lists of a model, drawn.
    pub(super) fn drawn(&self, model: &str) -> DotPlot {
        DotPlot {
            title: either("Share of the places, by popularity before", "位置占比，按此前的热门程度").to_owned(),
            value: either("places, 95 %", "位置，95%").to_owned(),
            beside: either("what visitors went to", "访客去向").to_owned(),
            rows: self
                .of(model, "tier")
                .map(|row| Dots {
                    label: format!("{} {}", row.list, row.value),
                    value: row.exposure_share,
                    ends: Some((row.exposure_share_low, row.exposure_share_high)),
                    beside: row.wanted_share,
                })
                .collect(),
        }
    }
}

fn named(row: &Part, verdict: &str) -> String {
    let wanted = share(row.wanted_share.unwrap_or(0.0));
    t!("{} {verdict} ({} for {wanted})", "{} {verdict}（{}，应为 {wanted}）", row.value, share(row.exposure_share))
}

fn verdict(verdict: &str) -> &str {
    match verdict {
        "more" => either("more", "偏多"),
        "less" => either("less", "偏少"),
        _ => either("even", "相当"),
    }
}
