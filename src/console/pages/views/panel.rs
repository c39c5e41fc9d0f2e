//! A view as its header, or a dashboard, has it drawn.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::Value;

use crate::console::Ui;
use crate::console::chart::draw;
use crate::console::layout::problem;
use crate::serve::Shared;
use crate::sql_project::{Chart, ChartKind, Problem, Project, Relation};
use crate::warehouse::ident;

/// The most rows that a chart is drawn of.
pub const DRAWN: usize = 3_000;

/// The most rows of a table on a dashboard.
const LISTED: usize = 20;

/// What is wrong with the file of a view, with line and caret.
pub fn problems(ui: &Ui, problems: &[Problem]) -> Markup {
    html! {
        @for one in problems { pre.problem role="alert" { (one.to_string()) } }
        @if !problems.is_empty() {
            p.soft { (ui.say("Below are its last good rows.", "下面是最近一次正确的结果。")) }
        }
    }
}

/// What is wrong with the file of that name.
pub fn problems_of<'a>(project: &'a Project, name: &str) -> &'a [Problem] {
    project.broken.iter().find(|broken| broken.name == name).map_or(&[], |broken| &broken.problems)
}

/// What a relation is called on a page: its description up to the first stop.
pub fn title(relation: &Relation) -> &str {
    let end = relation.description.find([':', '.', '。']).unwrap_or(relation.description.len());
    &relation.description[..end]
}

/// The chart of a header; a table where it says none.
pub fn chart_of(relation: Option<&Relation>) -> Chart {
    let plain = Chart { kind: ChartKind::Table, x: None, y: Vec::new(), by: None, low_high: None };
    relation.and_then(|relation| relation.chart.clone()).unwrap_or(plain)
}

/// Rows of a view as a chart.
pub async fn drawn(ui: &Ui, state: &Shared, title: &str, chart: &Chart, query: (String, Vec<Value>)) -> Markup {
    let limit = if chart.kind == ChartKind::Table { LISTED } else { DRAWN };
    match state.desk.rows(&query.0, query.1, limit).await {
        Ok(rows) => html! {
            (draw(ui, title, chart, &rows))
            @if rows.is_cut {
                p.soft.small { (ui.say("Only the first rows are shown:", "仅显示前")) " " (limit) (ui.say("", " 行")) }
            }
        },
        Err(refusal) => html! { figure { figcaption { (title) } (problem(ui, &refusal)) } },
    }
}

/// The rows of a view that a dashboard's filter leaves.
pub fn filtered(name: &str, filter: &BTreeMap<String, toml::Value>) -> (String, Vec<Value>) {
    let mut parameters = Vec::new();
    let mut parts = Vec::new();
    for (column, wanted) in filter {
        let values = wanted.as_array().cloned().unwrap_or_else(|| vec![wanted.clone()]);
        let places: Vec<String> = values
            .iter()
            .map(|value| {
                parameters.push(Value::String(value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
                format!("${}", parameters.len())
            })
            .collect();
        parts.push(format!("cast({} as varchar) in ({})", ident(column), places.join(", ")));
    }
    let text = if parts.is_empty() { String::new() } else { format!(" where {}", parts.join(" and ")) };
    (format!("select * from {}{text}", ident(name)), parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_keeps_rows_with_these_values() -> anyhow::Result<()> {
        let filter = toml::from_str("stage = ['a', \"b'\"]\n\"odd\\\"name\" = 3")?;
        let (sql, parameters) = filtered("v", &filter);
        let expected = "select * from \"v\" where cast(\"odd\"\"name\" as varchar) in ($1) and cast(\"stage\" as varchar) in ($2, $3)";
        assert_eq!((sql.as_str(), parameters), (expected, vec!["3".into(), "a".into(), "b'".into()]));
        Ok(())
    }
}
