//! The held-out figures of versions, under the names that people read.

use maud::{Markup, html};
use serde_json::{Value, json};

use crate::console::Ui;
use crate::console::parts::{figure_with_interval, number, percent};
use crate::model::{ListMetrics, Manifest};
use crate::query::{Column, Rows};

/// A figure of a list.
pub struct Figure {
    english: &'static str,
    chinese: &'static str,
    value: fn(&ListMetrics) -> Option<f64>,
    interval: fn(&ListMetrics) -> Option<(f64, f64)>,
    form: fn(f64) -> String,
}

/// None is known.
fn unknown(_: &ListMetrics) -> Option<(f64, f64)> {
    None
}

/// All figures, the most telling first.
pub static FIGURES: [Figure; 9] = [
    Figure {
        english: "Hit rate",
        chinese: "命中率",
        value: |list| list.hit_rate_10,
        interval: |list| list.hit_rate_10_low.zip(list.hit_rate_10_high),
        form: percent,
    },
    Figure {
        english: "MRR",
        chinese: "平均倒数排名",
        value: |list| list.mrr_10,
        interval: |list| list.mrr_10_low.zip(list.mrr_10_high),
        form: number,
    },
    Figure { english: "NDCG", chinese: "NDCG", value: |list| list.ndcg_10, interval: unknown, form: number },
    Figure { english: "Recall", chinese: "召回率", value: |list| list.recall_10, interval: unknown, form: percent },
    Figure {
        english: "Hit rate of five",
        chinese: "前五命中率",
        value: |list| list.hit_rate_5,
        interval: unknown,
        form: percent,
    },
    Figure {
        english: "Hit rate of twenty",
        chinese: "前二十命中率",
        value: |list| list.hit_rate_20,
        interval: unknown,
        form: percent,
    },
    Figure {
        english: "Coverage", chinese: "覆盖率", value: |list| list.coverage_10, interval: unknown, form: percent
    },
    Figure {
        english: "Variety", chinese: "多样性", value: |list| list.diversity_10, interval: unknown, form: number
    },
    Figure { english: "Novelty", chinese: "新颖度", value: |list| list.novelty_10, interval: unknown, form: number },
];

impl Figure {
    /// What people call it.
    pub fn title<'a>(&self, ui: &'a Ui) -> &'a str {
        ui.say(self.english, self.chinese)
    }

    /// What it is of a list.
    pub fn of(&self, list: Option<&ListMetrics>) -> Option<f64> {
        (self.value)(list?)
    }

    /// The same as people write it, with its interval where it has one.
    pub fn shown(&self, list: Option<&ListMetrics>) -> Markup {
        match self.of(list) {
            Some(value) => figure_with_interval(value, list.and_then(self.interval), self.form),
            None => html! { span.soft { "–" } },
        }
    }

    /// A figure of the kind as people write it.
    pub fn written(&self, value: f64) -> String {
        (self.form)(value)
    }
}

/// What a version's lists on dataset pages reached; none where nothing was held out.
pub fn of_version(manifest: &Manifest) -> Option<&ListMetrics> {
    manifest.metrics.as_ref()?.metrics.measured()
}

/// Rows made here, for a chart or a table.
pub fn rows(columns: &[(&str, &str)], rows: Vec<Vec<Value>>) -> Rows {
    let column = |(name, kind): &(&str, &str)| Column { name: (*name).to_owned(), r#type: (*kind).to_owned() };
    Rows { columns: columns.iter().map(column).collect(), rows, is_cut: false }
}

/// The hit rate and its interval of each version, oldest first.
pub fn history(versions: &[Manifest]) -> Rows {
    let columns = [("trained", "VARCHAR"), ("hit_rate", "DOUBLE"), ("low", "DOUBLE"), ("high", "DOUBLE")];
    let row = |manifest: &Manifest| {
        let figures = of_version(manifest)?;
        let trained = manifest.trained_at.format("%F %H:%M").to_string();
        Some(vec![
            json!(trained),
            json!(figures.hit_rate_10),
            json!(figures.hit_rate_10_low),
            json!(figures.hit_rate_10_high),
        ])
    };
    rows(&columns, versions.iter().filter_map(row).collect())
}
