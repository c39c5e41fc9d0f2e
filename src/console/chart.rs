//! A result as a chart: what a `chart:` header asks for, drawn by ECharts in the browser, with the figures as a table below
//! for whoever cannot see it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use maud::{Markup, PreEscaped, html};
use serde_json::{Value, json};

use super::parts::{Col, Kind, card, cell, empty, plain_table, table};
use super::ui::Ui;
use crate::query::Rows;
use crate::sql_project::{Chart, ChartKind};

/// The most series of a chart; those with the largest sums are drawn.
const SERIES: usize = 12;

/// The most days between the first and the last that a chart leaves room for, whether there are figures or not.
const DAYS: i64 = 1_500;

/// Draws rows as a chart with this title.
pub fn draw(ui: &Ui, title: &str, chart: &Chart, rows: &Rows) -> Markup {
    draw_named(ui, title, chart, rows, &[])
}

/// The same with columns under other names than the query's.
pub fn draw_named(ui: &Ui, title: &str, chart: &Chart, rows: &Rows, names: &[(&str, &str)]) -> Markup {
    if let Some(missing) = chart.columns().find(|column| rows.place(column).is_none()) {
        let text = ui.say("The rows have no column", "结果中没有这一列：");
        return framed(title, &html! { p.problem role="alert" { (text) " " code { (missing) } } });
    }
    if rows.is_empty() {
        return framed(title, &empty(ui.say("There are no rows.", "没有数据。"), ""));
    }
    match chart.kind {
        ChartKind::Table => framed(title, &chosen(ui, title, &chart.y, rows)),
        ChartKind::Number => framed(title, &numbers(ui, &chart.y, rows)),
        _ => {
            let option = renamed(option(chart, rows), names);
            let unit = match kind(rows, &chart.y[0]) {
                Kind::Percent => "percent",
                Kind::Money => "money",
                _ => "number",
            };
            framed(
                title,
                &html! {
                    // the label is ECharts's own once it has drawn
                    div data-chart data-unit=(unit) role="img" aria-label=(title) {}
                    script type="application/json" { (PreEscaped(inert(&option))) }
                    details {
                        summary { (ui.say("The figures", "数据表")) }
                        (figures(ui, title, rows, names))
                    }
                },
            )
        }
    }
}

fn framed(title: &str, drawn: &Markup) -> Markup {
    html! { figure { @if !title.is_empty() { figcaption { (title) } } (drawn) } }
}

/// The figures of a chart as a table.
fn figures(ui: &Ui, title: &str, rows: &Rows, names: &[(&str, &str)]) -> Markup {
    let name = |column: &str| names.iter().find(|(from, _)| *from == column).map(|(_, to)| *to);
    let columns = rows.columns.iter().map(|column| Col::new(&column.name, name(&column.name).unwrap_or(&column.name)));
    table(ui, title, rows, &columns.collect::<Vec<_>>())
}

/// An option whose series have other names.
fn renamed(mut option: Value, names: &[(&str, &str)]) -> Value {
    let rename = |value: &mut Value| {
        if let Some((_, to)) = names.iter().find(|(from, _)| value.as_str() == Some(from)) {
            *value = json!(to);
        }
    };
    if let Some(shown) = option.pointer_mut("/legend/data").and_then(Value::as_array_mut) {
        shown.iter_mut().for_each(rename);
    }
    if let Some(series) = option["series"].as_array_mut() {
        series.iter_mut().for_each(|series| rename(&mut series["name"]));
    }
    option
}

/// JSON that ends no script element.
fn inert(option: &Value) -> String {
    option.to_string().replace('<', "\\u003c")
}

fn chosen(ui: &Ui, title: &str, columns: &[String], rows: &Rows) -> Markup {
    if columns.is_empty() {
        return plain_table(ui, title, rows);
    }
    let columns: Vec<_> = columns.iter().map(|name| Col::new(name, name)).collect();
    table(ui, title, rows, &columns)
}

fn numbers(ui: &Ui, columns: &[String], rows: &Rows) -> Markup {
    let last = rows.len() - 1;
    let all: Vec<&str> = rows.columns.iter().map(|column| column.name.as_str()).collect();
    let names = if columns.is_empty() { all } else { columns.iter().map(String::as_str).collect() };
    html! {
        div.cards { @for name in names { (card(name, cell(ui, kind(rows, name), rows.get(last, name)), &html! {})) } }
    }
}

fn kind(rows: &Rows, column: &str) -> Kind {
    rows.place(column).map_or(Kind::Text, |place| Kind::of(column, &rows.columns[place].r#type))
}

/// What ECharts is told.
fn option(chart: &Chart, rows: &Rows) -> Value {
    match chart.kind {
        ChartKind::Funnel => funnel(chart, rows),
        ChartKind::Heat => heat(chart, rows),
        _ => cartesian(chart, rows),
    }
}

/// One column of figures for all places along x.
struct Series {
    name: String,
    values: Vec<Option<f64>>,
    interval: Vec<Option<(f64, f64)>>,
}

/// Places along x in their order: days without a gap, anything else as the rows have it.
fn places(rows: &Rows, column: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let texts = (0..rows.len()).map(|row| rows.text(row, column));
    let mut all: Vec<String> = texts.filter(|text| seen.insert(text.clone())).collect();
    let days: Option<Vec<NaiveDate>> = all.iter().map(|text| text.parse().ok()).collect();
    if let Some(days) = days
        && let (Some(first), Some(last)) = (days.iter().min(), days.iter().max())
    {
        if (*last - *first).num_days() <= DAYS {
            return first.iter_days().take_while(|day| day <= last).map(|day| day.to_string()).collect();
        }
        all.sort();
    }
    all
}

fn series(chart: &Chart, rows: &Rows, x: &str, places: &[String]) -> Vec<Series> {
    let place: BTreeMap<&str, usize> = places.iter().enumerate().map(|(at, text)| (text.as_str(), at)).collect();
    let mut all: Vec<Series> = Vec::new();
    for row in 0..rows.len() {
        let Some(&at) = place.get(rows.text(row, x).as_str()) else { continue };
        for y in &chart.y {
            let name = match &chart.by {
                None => y.clone(),
                Some(by) if chart.y.len() == 1 => rows.text(row, by),
                Some(by) => format!("{} {y}", rows.text(row, by)),
            };
            let known = all.iter().position(|series| series.name == name).unwrap_or_else(|| {
                all.push(Series { name, values: vec![None; places.len()], interval: vec![None; places.len()] });
                all.len() - 1
            });
            all[known].values[at] = rows.number(row, y);
            if let Some((low, high)) = &chart.low_high {
                all[known].interval[at] = rows.number(row, low).zip(rows.number(row, high));
            }
        }
    }
    let sum = |series: &Series| series.values.iter().flatten().map(|value| value.abs()).sum::<f64>();
    if all.len() > SERIES {
        all.sort_by(|a, b| sum(b).total_cmp(&sum(a)));
        all.truncate(SERIES);
    }
    all
}

fn cartesian(chart: &Chart, rows: &Rows) -> Value {
    let x = chart.x.as_deref().unwrap_or_default();
    let places = places(rows, x);
    let all = series(chart, rows, x, &places);
    let names: Vec<&str> = all.iter().map(|series| series.name.as_str()).collect();
    let drawn: Vec<Value> = all.iter().enumerate().flat_map(|(at, series)| drawn(chart, series, &places, at)).collect();
    let is_bar = chart.kind == ChartKind::Bar;
    json!({
        "tooltip": { "trigger": "axis", "axisPointer": { "type": if is_bar { "shadow" } else { "line" } } },
        "legend": { "show": names.len() > 1, "type": "scroll", "data": names, "top": 0 },
        "grid": { "left": 8, "right": 16, "top": if names.len() > 1 { 36 } else { 16 }, "bottom": 8, "containLabel": true },
        "xAxis": { "type": "category", "data": places, "boundaryGap": is_bar, "axisLabel": { "hideOverlap": true, "alignMinLabel": "left", "alignMaxLabel": "right" } },
        "yAxis": { "type": "value", "scale": chart.kind == ChartKind::Line && chart.low_high.is_some() },
        "series": drawn,
    })
}

/// A series as it is drawn, with what its interval needs.
fn drawn(chart: &Chart, series: &Series, places: &[String], at: usize) -> Vec<Value> {
    let is_alone = places.len() == 1;
    let mut one = json!({
        "name": series.name,
        "type": if chart.kind == ChartKind::Bar { "bar" } else { "line" },
        "data": series.values,
    });
    if chart.kind == ChartKind::Bar {
        one["barMaxWidth"] = json!(48);
    } else {
        one["showSymbol"] =
            json!(is_alone || series.values.windows(3).any(|three| matches!(three, [None, Some(_), None])));
        one["symbolSize"] = json!(6);
    }
    if chart.kind == ChartKind::Area {
        one["areaStyle"] = json!({ "opacity": 0.35 });
        one["stack"] = json!("all");
    }
    // what has the same name has the same colour, and goes with it in the legend
    let mut all = vec![one];
    match (chart.low_high.is_some(), chart.kind) {
        (true, ChartKind::Bar) => {
            let ends: Vec<Value> = (series.interval.iter().enumerate())
                .filter_map(|(place, ends)| ends.map(|(low, high)| json!([place, low, high])))
                .collect();
            all.push(json!({
                "name": series.name, "type": "custom", "data": ends, "tooltip": { "show": false }, "silent": true,
                "encode": { "x": 0, "y": [1, 2] }, "z": 4,
            }));
        }
        (true, _) => {
            let band = |value: fn((f64, f64)) -> f64, opacity: f64| {
                let data: Vec<Option<f64>> = series.interval.iter().map(|ends| ends.map(value)).collect();
                json!({
                    "name": series.name, "type": "line", "data": data, "stack": format!("interval {at}"), "stackStrategy": "all",
                    "lineStyle": { "opacity": 0 }, "areaStyle": { "opacity": opacity }, "symbol": "none", "silent": true,
                    "tooltip": { "show": false },
                })
            };
            all.push(band(|(low, _)| low, 0.0));
            all.push(band(|(low, high)| high - low, 0.18));
        }
        (false, _) => {}
    }
    all
}

fn funnel(chart: &Chart, rows: &Rows) -> Value {
    let x = chart.x.as_deref().unwrap_or_default();
    let stage = |row| json!({ "name": rows.text(row, x), "value": rows.number(row, &chart.y[0]) });
    let stages: Vec<Value> = (0..rows.len()).map(stage).collect();
    json!({
        "tooltip": { "trigger": "item" },
        "series": {
            "type": "funnel", "sort": "none", "gap": 2, "left": "5%", "right": "5%", "top": 8, "bottom": 8, "minSize": "2%",
            "label": { "position": "inside" }, "data": stages,
        },
    })
}

fn heat(chart: &Chart, rows: &Rows) -> Value {
    let (x, y) = (chart.x.as_deref().unwrap_or_default(), &chart.y[0]);
    let across = places(rows, x);
    let down = chart.by.as_deref().map_or_else(|| vec![y.clone()], |by| places(rows, by));
    let at = |all: &[String], text: &str| all.iter().position(|one| one == text);
    let cells: Vec<(usize, usize, f64)> = (0..rows.len())
        .filter_map(|row| {
            let line = chart.by.as_deref().map_or(Some(0), |by| at(&down, &rows.text(row, by)));
            Some((at(&across, &rows.text(row, x))?, line?, rows.number(row, y)?))
        })
        .collect();
    let ends = cells.iter().fold((f64::MAX, f64::MIN), |(low, high), (.., value)| (low.min(*value), high.max(*value)));
    let label = json!({ "hideOverlap": true });
    json!({
        "tooltip": { "trigger": "item" },
        "grid": { "left": 8, "right": 16, "top": 8, "bottom": 56, "containLabel": true },
        "xAxis": { "type": "category", "data": across, "axisLabel": label },
        "yAxis": { "type": "category", "data": down, "axisLabel": label, "inverse": true },
        "visualMap": { "min": ends.0.min(0.0), "max": ends.1, "calculable": true, "orient": "horizontal", "left": "center", "bottom": 0 },
        "series": { "name": y, "type": "heatmap", "data": cells },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::language::Language;
    use crate::query::Column;

    fn rows(columns: &[(&str, &str)], rows: Value) -> Rows {
        let column = |(name, kind): &(&str, &str)| Column { name: (*name).into(), r#type: (*kind).into() };
        let rows = rows.as_array().expect("rows").iter().map(|row| row.as_array().expect("a row").clone()).collect();
        Rows { columns: columns.iter().map(column).collect(), rows, is_cut: false }
    }

    fn days() -> Rows {
        let columns =
            [("day", "DATE"), ("variant", "VARCHAR"), ("ctr", "DOUBLE"), ("low", "DOUBLE"), ("high", "DOUBLE")];
        rows(
            &columns,
            json!([
                ["2026-10-01", "a", 0.1, 0.08, 0.12],
                ["2026-10-03", "a", 0.2, 0.15, 0.25],
                ["2026-10-03", "b", 0.3, null, null]
            ]),
        )
    }

    fn drawn_as(header: &str, rows: &Rows) -> Value {
        option(&Chart::read(header).expect("a chart"), rows)
    }

    fn shown(header: &str, rows: &Rows) -> String {
        format!("{:#}", drawn_as(header, rows))
    }

    #[test]
    fn a_line_leaves_room_for_days_without_figures_and_shows_intervals() {
        insta::assert_snapshot!("line", shown("line x=day y=ctr by=variant low=low high=high", &days()));
    }

    #[test]
    fn bars_funnels_and_heat_maps_are_drawn() {
        insta::assert_snapshot!("bar", shown("bar x=variant y=ctr low=low high=high", &days()));
        insta::assert_snapshot!("heat", shown("heat x=day y=ctr by=variant", &days()));
        let stages = rows(&[("stage", "VARCHAR"), ("visitors", "BIGINT")], json!([["seen", 100], ["clicked", 7]]));
        insta::assert_snapshot!("funnel", shown("funnel x=stage y=visitors", &stages));
    }

    #[test]
    fn what_cannot_be_drawn_is_said() {
        let ui =
            Ui { language: Language::English, theme: "auto", address: "/console".into(), zone: chrono_tz::Tz::UTC };
        let said =
            |header: &str, rows: &Rows| draw(&ui, "Clicks", &Chart::read(header).expect("a chart"), rows).into_string();
        assert!(said("line x=day y=clicks", &days()).contains("<code>clicks</code>"));
        assert!(said("line x=day y=ctr", &Rows { rows: vec![], ..days() }).contains("There are no rows."));
        assert!(said("number y=ctr", &days()).contains("30.0%"));
        assert!(said("table", &days()).contains("<td class=\"number\">10.0%</td>"));
        let hostile = rows(&[("x", "VARCHAR"), ("n", "BIGINT")], json!([["</script><script>alert(1)</script>", 1]]));
        assert!(!said("bar x=x y=n", &hostile).contains("<script>alert"));
    }

    #[test]
    fn many_series_are_cut_to_the_largest() {
        let many: Vec<Value> = (0..40).map(|n| json!(["2026-10-01", format!("s{n}"), n])).collect();
        let many = rows(&[("day", "DATE"), ("by", "VARCHAR"), ("n", "BIGINT")], json!(many));
        let drawn = drawn_as("area x=day y=n by=by", &many);
        assert_eq!(drawn["series"].as_array().map(Vec::len), Some(SERIES));
        assert_eq!(drawn["series"][0]["name"], "s39");
    }
}
