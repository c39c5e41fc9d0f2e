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

/// How evenly a list shares its places out: a row of `list_concentration`.
#[derive(Debug, Serialize, Deserialize)]
struct Concentration {
    basis: String,
    model: String,
    list: String,
    datasets: u64,
    shown: u64,
    coverage: f64,
    gini: f64,
    gini_low: f64,
    gini_high: f64,
    top_tenth_share: f64,
}

/// All of both relations.
#[derive(Debug, Default, Serialize)]
pub(super) struct Fairness {
    fairness: Vec<Part>,
    concentration: Vec<Concentration>,
}

impl Fairness {
    pub(super) fn read(db: &Connection) -> Result<Self> {
        let order = "list_position(['head', 'middle', 'tail', 'new', 'unlisted'], value)";
        let sql = format!("from list_fairness order by basis, model, list, breakdown desc, {order}, value");
        let concentration = rows(db, "from list_concentration order by basis, model, list")?;
        Ok(Self { fairness: rows(db, &sql)?, concentration })
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

    /// How evenly places are shared out.
    pub(super) fn evenness(&self, model: &str) -> Option<String> {
        let mut rows = self.concentration.iter();
        let row = rows.find(|row| (&*row.basis, &*row.model, &*row.list) == ("replayed", model, "detail"))?;
        Some(t!(
            "Of the listed datasets {} have a place of /recommend/detail in these steps, and the tenth with most has {} of the places \
             (Gini {:.3}, {:.3} to {:.3}).",
            "在这些步中，列出的数据集有 {} 在 /recommend/detail 中占有位置，占位最多的十分之一拥有 {} 的位置（基尼系数 {:.3}，{:.3} 至 {:.3}）。",
            share(row.coverage),
            share(row.top_tenth_share),
            row.gini,
            row.gini_low,
            row.gini_high
        ))
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

#[cfg(test)]
mod tests {
    use anyhow::Result;
    use duckdb::Connection;

    use super::*;
    use crate::extract::raw_tables;
    use crate::sql_project::Project;

    /// Two visits of a step each, two places in each list; of ten earlier views dataset 1 had five, 2 three, 3 and 4 one.
    #[test]
    fn places_are_shared_by_tier_and_provider_beside_what_was_wanted() -> Result<()> {
        let db = Connection::open_in_memory()?;
        let project = Project::load(None, &raw_tables()?)?;
        project.create_macros(&db)?;
        db.execute_batch(
            "create schema raw;
             create table raw.offline_entries (model varchar, list varchar, action_row_id bigint, place integer, item_id bigint);
             create table next_pages (action_row_id bigint, visit_id bigint, viewed_at timestamp, next_dataset_id bigint);
             create table page_views (visit_id bigint, viewed_at timestamp, day date, dataset_id bigint);
             create table datasets (dataset_id bigint, provider varchar, is_listed boolean, created_at timestamp);
             create table exposures (request_id varchar, algorithm_version varchar, endpoint varchar, dataset_id bigint, day date,
                 shown_at timestamp);
             create table shown_lists (request_id varchar, visitor varchar);
             insert into datasets select n, if(n <= 3, 'A', 'B'), n <> 7, if(n = 6, timestamp '2026-10-20', timestamp '2026-01-01')
                 from range(1, 8) as t (n);
             insert into page_views select 100 + i, timestamp '2026-10-01', date '2026-10-01', unnest([1, 1, 1, 1, 1, 2, 2, 2, 3, 4])
                 from range(1) as t (i);
             insert into next_pages values (10, 1, '2026-11-01 10:00:00', 1), (20, 2, '2026-11-01 11:00:00', 2);
             insert into raw.offline_entries values
                 ('holdout', 'detail', 10, 1, 1), ('holdout', 'detail', 10, 2, 4),
                 ('holdout', 'detail', 20, 1, 2), ('holdout', 'detail', 20, 2, 6);",
        )?;
        for relation in ["list_places", "list_fairness", "list_concentration"] {
            project.get(relation)?.build(&db)?;
        }
        let fairness = Fairness::read(&db)?;
        let found: Vec<_> = fairness
            .fairness
            .iter()
            .map(|row| (row.value.as_str(), row.datasets, row.views_share, row.exposure_share, row.wanted_share))
            .collect();
        let expected = [
            ("head", 1, Some(0.5), 0.25, Some(0.5)),
            ("middle", 2, Some(0.4), 0.25, Some(0.5)),
            ("tail", 2, Some(0.1), 0.25, Some(0.0)),
            ("new", 1, Some(0.0), 0.25, Some(0.0)),
            ("A", 3, Some(0.9), 0.5, Some(1.0)),
            ("B", 3, Some(0.1), 0.5, Some(0.0)),
        ];
        assert_eq!(found, expected);
        // one visit gave head half of its places, the other none: a deviation of sqrt(2) / 8
        let head = &fairness.fairness[0];
        let high = 0.25 + 1.959_964 * 2f64.sqrt() / 8.0;
        assert!((head.exposure_share_high - high).abs() < 1e-6 && head.exposure_share_low == 0.0, "{head:?}");
        // of six listed datasets four have a place each
        let all = &fairness.concentration[0];
        assert_eq!((all.datasets, all.shown), (6, 4));
        assert!((all.gini - 1.0 / 3.0).abs() < 1e-6, "{all:?}");
        Ok(())
    }
}
