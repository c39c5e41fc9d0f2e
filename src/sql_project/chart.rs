//! How a page draws a relation, as its header says: `-- chart: line x=day y=clicks,orders`.

use anyhow::{Result, bail};

use crate::common::language::t;
use crate::common::likeness::hint;

/// A kind of chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChartKind {
    /// Points joined, over x.
    Line,
    /// A bar for each x.
    Bar,
    /// A line with the area below it; several are stacked.
    Area,
    /// Stages, each less than the one before.
    Funnel,
    /// A colour for each pair of x and group.
    Heat,
    /// The rows themselves.
    Table,
    /// The values of the last row, large.
    Number,
}

impl ChartKind {
    /// All kinds with their names in headers.
    pub const ALL: [(&'static str, Self); 7] = [
        ("line", Self::Line),
        ("bar", Self::Bar),
        ("area", Self::Area),
        ("funnel", Self::Funnel),
        ("heat", Self::Heat),
        ("table", Self::Table),
        ("number", Self::Number),
    ];
}

/// How a page draws a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chart {
    /// As what.
    pub kind: ChartKind,
    /// The column along the chart; none of a table or numbers.
    pub x: Option<String>,
    /// The columns drawn; of a table those shown, all where there is none.
    pub y: Vec<String>,
    /// The column whose values are series of their own (of a heat map its rows).
    pub by: Option<String>,
    /// The columns of an interval around the one `y`.
    pub low_high: Option<(String, String)>,
}

impl Chart {
    /// Reads what stands behind `chart:`.
    ///
    /// # Errors
    /// The kind, or what else stands there, is not known; what the kind needs is missing.
    pub fn read(text: &str) -> Result<Self> {
        let mut words = text.split_whitespace();
        let kind = words.next().unwrap_or_default();
        let Some((_, kind)) = ChartKind::ALL.into_iter().find(|(name, _)| *name == kind) else {
            let names = ChartKind::ALL.map(|(name, _)| name);
            bail!(t!(
                "chart: {kind:?} is none of {}{}",
                "chart：{kind:?} 不是 {} 之一{}",
                names.join(", "),
                hint(kind, names.into_iter())
            ));
        };
        let mut chart = Self { kind, x: None, y: Vec::new(), by: None, low_high: None };
        let (mut low, mut high) = (None, None);
        for word in words {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            let value = Some(value.to_owned()).filter(|value| !value.is_empty());
            match (key, value) {
                ("x", Some(value)) => chart.x = Some(value),
                ("y", Some(value)) => chart.y = value.split(',').map(str::to_owned).collect(),
                ("by", Some(value)) => chart.by = Some(value),
                ("low", Some(value)) => low = Some(value),
                ("high", Some(value)) => high = Some(value),
                _ => bail!(t!(
                    "chart: {word:?} is none of x=, y=, by=, low=, high=, each with columns",
                    "chart：{word:?} 应为 x=、y=、by=、low=、high= 之一，后接列名"
                )),
            }
        }
        chart.low_high = low.zip(high);
        let is_plain = matches!(kind, ChartKind::Table | ChartKind::Number);
        if !is_plain && (chart.x.is_none() || chart.y.is_empty()) {
            bail!(t!("chart: it needs x=COLUMN and y=COLUMN", "chart：需要 x=列 和 y=列"));
        }
        Ok(chart)
    }

    /// As its header says it.
    pub fn text(&self) -> String {
        let kind = ChartKind::ALL.into_iter().find_map(|(name, kind)| (kind == self.kind).then_some(name));
        let y = Some(self.y.join(",")).filter(|columns| !columns.is_empty());
        let (low, high) = self.low_high.clone().unzip();
        let parts = [("x", &self.x), ("y", &y), ("by", &self.by), ("low", &low), ("high", &high)];
        let parts = parts.into_iter().filter_map(|(key, columns)| Some(format!(" {key}={}", columns.as_ref()?)));
        kind.unwrap_or_default().to_owned() + &parts.collect::<String>()
    }

    /// The columns it names.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        let interval = self.low_high.iter().flat_map(|(low, high)| [low, high]);
        self.x.iter().chain(&self.y).chain(&self.by).chain(interval).map(String::as_str)
    }
}
