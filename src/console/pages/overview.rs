//! The first page: the last whole day against the same day a week before, how old all of it is, and what needs attention.

use std::fmt::Write as _;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use chrono::{DateTime, Days, NaiveDate, Utc};
use maud::{Markup, html};

use crate::common::language::spoken;
use crate::console::chart::draw_named;
use crate::console::layout::problem;
use crate::console::parts::{self, Kind, ago, badge, card, duration, empty, moment, money, number, percent};
use crate::console::{Section, Ui, page};
use crate::operations::{Alert, LOOKS, Severity};
use crate::query::{Refusal, Rows};
use crate::serve::{Shared, State as Server};
use crate::sql_project::Chart;
use crate::warehouse::RunSummary;

/// The days of eight weeks: all lists, those that were a fallback, and the run's own day.
const FIGURES: &str = "
    with fallbacks as (
        select day, requests as fallbacks from figures_by_day where breakdown = 'answer' and value = 'fallback'
    ),
    newest as (select max(day) as day from figures_by_day)
    select
        figures.day, report_day(parameters.as_of) as today, figures.requests, figures.exposures, figures.clicks, figures.ctr,
        figures.ctr_low, figures.ctr_high, figures.conversions, figures.revenue, figures.visitors,
        figures.revenue_per_thousand, figures.revenue_low, figures.revenue_high,
        coalesce(fallbacks.fallbacks, 0) as fallbacks
    from figures_by_day as figures
    cross join raw.run_parameters as parameters
    cross join newest
    left join fallbacks on fallbacks.day = figures.day
    where figures.breakdown = 'all' and figures.day > newest.day - 64
    order by figures.day";

/// How new the sources are.
const SOURCES: &str =
    "select table_name, rows, newest_at, hours_old from source_freshness order by newest_at desc nulls last";

/// The days of a chart.
const CHARTED: usize = 56;

/// Its routes.
pub fn routes() -> Router<Shared> {
    Router::new().route(Section::Overview.path(), get(show))
}

async fn show(ui: Ui, State(state): State<Shared>) -> Response {
    let looking = (state.clone(), ui.clone());
    let attention = tokio::task::spawn_blocking(move || attention(&looking.0, &looking.1));
    let (figures, sources, attention) =
        tokio::join!(state.desk.rows(FIGURES, vec![], 100), state.desk.rows(SOURCES, vec![], 100), attention);
    let body = html! {
        section aria-labelledby="attention" {
            h2 id="attention" { (ui.say("What needs attention", "需要关注")) }
            (attention.unwrap_or_default())
        }
        (of_figures(&ui, &state, figures))
        div.columns {
            (answering(&ui, &state))
            (age(&ui, &state, sources))
        }
    };
    page(&ui, Section::Overview, "", &body)
}

// ---- figures ---------------------------------------------------------------------------------------------------------------

fn of_figures(ui: &Ui, state: &Server, figures: Result<Rows, Refusal>) -> Markup {
    let rows = match figures {
        Err(refusal) => return problem(ui, &refusal),
        Ok(rows) if rows.is_empty() => {
            return empty(
                ui.say("No list has been shown to a visitor yet.", "还没有列表展示给访客。"),
                ui.say(
                    "Figures come with the first run after lists were shown.",
                    "有列表展示后，下一次运行即产生数据。",
                ),
            );
        }
        Ok(rows) => rows,
    };
    let date = |row: usize, column: &str| rows.text(row, column).parse::<NaiveDate>().ok();
    let row_of = |day: NaiveDate| (0..rows.len()).find(|row| date(*row, "day") == Some(day));
    let Some(today) = date(0, "today") else { return html! {} };
    let whole = (0..rows.len()).rev().find(|row| date(*row, "day").is_some_and(|day| day < today));
    let Some((row, day)) = whole.and_then(|row| Some((row, date(row, "day")?))) else {
        return so_far(ui, &rows, row_of(today));
    };
    let week_before = day.checked_sub_days(Days::new(7)).and_then(row_of);
    html! {
        section aria-labelledby="day" {
            h2 id="day" { (parts::day(ui, day)) }
            p.lead {
                (ui.say("The last whole day, against the same day a week before.", "最近一个完整日，与上周同日相比。"))
                @if today.pred_opt() != Some(day) {
                    " " (ui.say("No list was shown on the days since.", "此后没有列表展示。"))
                }
            }
            (cards(ui, state, &Day::of(&rows, row), week_before.map(|row| Day::of(&rows, row)).as_ref()))
            (so_far(ui, &rows, row_of(today)))
        }
        (charts(ui, &rows))
    }
}

/// The figures of a day.
struct Day {
    requests: f64,
    clicks: f64,
    orders: f64,
    visitors: f64,
    revenue: f64,
    ctr: Estimate,
    fallbacks: Estimate,
    revenue_per_thousand: Option<Estimate>,
}

/// A figure and the interval it lies in with 95 %.
#[derive(Clone, Copy, Debug)]
struct Estimate {
    value: f64,
    low: f64,
    high: f64,
}

impl Day {
    fn of(rows: &Rows, row: usize) -> Self {
        let figure = |column: &str| rows.number(row, column).unwrap_or_default();
        let estimate = |value: &str, low: &str, high: &str| {
            Some(Estimate {
                value: rows.number(row, value)?,
                low: rows.number(row, low)?,
                high: rows.number(row, high)?,
            })
        };
        let requests = figure("requests");
        let none = Estimate { value: 0.0, low: 0.0, high: 0.0 };
        Self {
            requests,
            clicks: figure("clicks"),
            orders: figure("conversions"),
            visitors: figure("visitors"),
            revenue: figure("revenue"),
            ctr: estimate("ctr", "ctr_low", "ctr_high").unwrap_or(none),
            fallbacks: wilson(figure("fallbacks"), requests),
            revenue_per_thousand: estimate("revenue_per_thousand", "revenue_low", "revenue_high"),
        }
    }
}

/// The 95 % interval of a share (Wilson 1927).
fn wilson(part: f64, all: f64) -> Estimate {
    const Z: f64 = 1.959_963_985;
    if all <= 0.0 {
        return Estimate { value: 0.0, low: 0.0, high: 1.0 };
    }
    let (share, square) = (part / all, Z * Z);
    let middle = (share + square / (2.0 * all)) / (1.0 + square / all);
    let half = Z / (1.0 + square / all) * (share * (1.0 - share) / all + square / (4.0 * all * all)).sqrt();
    Estimate { value: share, low: (middle - half).max(0.0), high: (middle + half).min(1.0) }
}

/// How a figure compares with the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    More,
    Less,
    /// As chance alone may have it.
    Chance,
}

/// Compares two estimates: the interval of their difference is made of theirs (MOVER, Zou and Donner 2008).
fn compared(now: Estimate, before: Estimate) -> Change {
    let difference = now.value - before.value;
    let below = (now.value - now.low).hypot(before.high - before.value);
    let above = (now.high - now.value).hypot(before.value - before.low);
    match () {
        () if difference - below > 0.0 => Change::More,
        () if difference + above < 0.0 => Change::Less,
        () => Change::Chance,
    }
}

/// Compares two counts by the logarithm of their ratio. What one visitor does comes in heaps: no count is surer than the number
/// of its visitors.
fn counted(now: f64, before: f64, visitors: (f64, f64)) -> Change {
    if now.min(before) <= 0.0 {
        // none against some: chance brings up to three where one is due
        return match now - before {
            more if more > 3.0 => Change::More,
            less if less < -3.0 => Change::Less,
            _ => Change::Chance,
        };
    }
    let sure = |count: f64, visitors: f64| if visitors > 0.0 { count.min(visitors) } else { count };
    let margin = 1.96 * (1.0 / sure(now, visitors.0) + 1.0 / sure(before, visitors.1)).sqrt();
    match (now / before).ln() {
        ratio if ratio > margin => Change::More,
        ratio if ratio < -margin => Change::Less,
        _ => Change::Chance,
    }
}

fn cards(ui: &Ui, state: &Server, now: &Day, before: Option<&Day>) -> Markup {
    let change = |value: fn(&Day) -> f64, compared: &dyn Fn(&Day) -> Change, is_good: bool| match before {
        None => html! { (ui.say("nothing to compare with a week before", "上周同日无数据可比")) },
        Some(before) => difference(ui, value(now), value(before), compared(before), is_good),
    };
    let count = |value: fn(&Day) -> f64| {
        change(value, &|before| counted(value(now), value(before), (now.visitors, before.visitors)), true)
    };
    let interval = |estimate: Estimate| {
        html! { span.interval { "95% " (percent(estimate.low)) "–" (percent(estimate.high)) } br; }
    };
    let revenue = |before: &Day| match now.revenue_per_thousand.zip(before.revenue_per_thousand) {
        Some((now, before)) => compared(now, before),
        None => Change::Chance,
    };
    let latency = state.metrics.latency(0.5).zip(state.metrics.latency(0.99));
    html! {
        div.cards {
            (card(ui.say("Lists", "列表请求"), number(now.requests), &count(|day| day.requests)))
            (card(ui.say("Clicks", "点击"), number(now.clicks), &count(|day| day.clicks)))
            (card(ui.say("Click rate", "点击率"), percent(now.ctr.value),
                &html! { (interval(now.ctr)) (change(|day| day.ctr.value, &|before| compared(now.ctr, before.ctr), true)) }))
            (card(ui.say("Orders through lists", "列表带来的订单"), number(now.orders), &count(|day| day.orders)))
            (card(ui.say("Revenue through lists", "列表带来的收入"), money(now.revenue), &change(|day| day.revenue, &revenue, true)))
            (card(ui.say("Fallback lists", "兜底列表占比"), percent(now.fallbacks.value),
                &html! { (interval(now.fallbacks)) (change(|day| day.fallbacks.value, &|before| compared(now.fallbacks, before.fallbacks), false)) }))
            @if let Some((middle, slow)) = latency {
                (card(ui.say("Time for a list", "列表耗时"), duration(ui, middle),
                    &html! { (ui.say("the middle one since the start; 99 % within ", "启动以来的中位数；99% 不超过 ")) (duration(ui, slow)) }))
            }
        }
    }
}

/// By how much a figure has changed, and whether that says anything.
fn difference(ui: &Ui, now: f64, before: f64, change: Change, is_good: bool) -> Markup {
    let share = (before != 0.0).then(|| {
        let sign = if now > before { "+" } else { "" };
        format!("{sign}{}", percent(now / before - 1.0))
    });
    let (class, said) = match change {
        Change::Chance => ("", ui.say("within chance", "在偶然范围内")),
        Change::More => (if is_good { "good" } else { "bad" }, ui.say("clearly more", "明显增加")),
        Change::Less => (if is_good { "bad" } else { "good" }, ui.say("clearly less", "明显减少")),
    };
    html! { @if let Some(share) = share { (share) ": " } span class=(class) { (said) } }
}

fn so_far(ui: &Ui, rows: &Rows, row: Option<usize>) -> Markup {
    let Some(row) = row else { return html! {} };
    let day = Day::of(rows, row);
    let (lists, clicks, orders) = (number(day.requests), number(day.clicks), number(day.orders));
    html! {
        p.note {
            @if ui.is_chinese() {
                "当日至数据时点：" (lists) " 次列表、" (clicks) " 次点击（" (percent(day.ctr.value)) "）、" (orders) " 笔订单。"
            } @else {
                "The day so far: " (lists) " lists, " (clicks) " clicks (" (percent(day.ctr.value)) "), " (orders) " orders."
            }
        }
    }
}

fn charts(ui: &Ui, rows: &Rows) -> Markup {
    let kept = rows.rows.len().saturating_sub(CHARTED);
    let rows = Rows { rows: rows.rows[kept..].to_vec(), ..rows.clone() };
    let names = parts::figure_names(ui);
    let drawn = |title: &str, header: &str, columns: &[&str]| {
        // what a chart does not show would only be noise in the table below it
        let chosen = of_columns(&rows, columns);
        Chart::read(header).map(|chart| draw_named(ui, title, &chart, &chosen, &names)).unwrap_or_default()
    };
    html! {
        section.columns aria-label=(ui.say("Eight weeks", "近八周")) {
            (drawn(ui.say("Click rate, eight weeks, with its 95 % interval", "近八周点击率及 95% 区间"),
                "line x=day y=ctr low=ctr_low high=ctr_high", &["day", "ctr", "ctr_low", "ctr_high"]))
            (drawn(ui.say("Lists and clicks, eight weeks", "近八周列表请求与点击"),
                "line x=day y=requests,clicks", &["day", "requests", "clicks"]))
        }
    }
}

fn of_columns(rows: &Rows, columns: &[&str]) -> Rows {
    let places: Vec<usize> = columns.iter().filter_map(|column| rows.place(column)).collect();
    Rows {
        columns: places.iter().map(|place| rows.columns[*place].clone()).collect(),
        rows: rows.rows.iter().map(|row| places.iter().map(|place| row[*place].clone()).collect()).collect(),
        is_cut: rows.is_cut,
    }
}

// ---- what answers, and how old it is ------------------------------------------------------------------------------------------

fn answering(ui: &Ui, state: &Server) -> Markup {
    let deployment = state.deployments.current();
    let version = |name: &str| html! { a href={ (Section::Models.path()) "/" (name) } { (name) } };
    html! {
        section aria-labelledby="model" {
            h2 id="model" { (ui.say("What answers", "当前服务的模型")) }
            @match deployment {
                None => (empty(ui.say("No model is loaded.", "没有加载模型。"), ui.say("nearset run trains one.", "运行 nearset run 即可训练。"))),
                Some(deployment) => {
                    @let manifest = &deployment.current.model.manifest;
                    @let share = |beside: &crate::serve::deployment::TrafficShare| html! {
                        (version(beside.version.name())) " " (percent(beside.share))
                    };
                    (parts::facts(&[
                        (ui.say("Version", "版本"), version(deployment.current.name())),
                        (ui.say("Trained", "训练时点"), parts::time(ui, manifest.trained_at)),
                        (ui.say("Datasets in lists", "可推荐数据集"), html! { (number(manifest.listed_items as f64)) }),
                        (ui.say("Canary", "灰度"), deployment.canary.as_ref().map_or_else(|| none(ui), share)),
                        (ui.say("Shadow", "影子"), deployment.shadow.as_ref().map_or_else(|| none(ui), share)),
                        (ui.say("Experiments", "实验"), html! {
                            a href=(Section::Experiments.path()) { (deployment.experiments.count()) }
                        }),
                    ]))
                }
            }
        }
    }
}

fn none(ui: &Ui) -> Markup {
    html! { span.soft { (ui.say("none", "无")) } }
}

fn age(ui: &Ui, state: &Server, sources: Result<Rows, Refusal>) -> Markup {
    let runs = RunSummary::read(&state.config).ok().flatten();
    let as_of = runs.as_ref().and_then(|runs| runs.published.as_ref()).map(|published| published.as_of);
    let moments = |at: Option<DateTime<Utc>>| {
        at.map_or_else(|| none(ui), |at| html! { (parts::time(ui, at)) ", " (ago(ui, at)) })
    };
    html! {
        section aria-labelledby="age" {
            h2 id="age" { (ui.say("How old the data are", "数据时效")) }
            @if let Some(runs) = &runs {
                (parts::facts(&[
                    (ui.say("Figures stand for", "数据时点"), moments(as_of)),
                    (ui.say("Last run", "最近运行"), html! {
                        a href=(Section::Runs.path()) { (runs.outcome.name()) } " " (moments(Some(runs.started_at)))
                    }),
                ]))
            }
            @match sources {
                Err(_) => {}
                Ok(rows) if rows.is_empty() => {}
                Ok(rows) => (parts::table(ui, ui.say("Sources", "数据源"), &rows, &[
                    parts::Col::new("table_name", ui.say("Table", "表")),
                    parts::Col::new("rows", ui.say("Rows", "行数")).of(Kind::Number),
                    parts::Col::new("newest_at", ui.say("Newest change", "最新变更"))
                        .shown(|rows, row| moment(ui, &rows.text(row, "newest_at"))),
                ])),
            }
        }
    }
}

// ---- what needs attention -----------------------------------------------------------------------------------------------------

/// All that any part finds wrong now, the worst first.
fn attention(state: &Server, ui: &Ui) -> Markup {
    let now = Utc::now();
    let mut alerts: Vec<Alert> = Vec::new();
    let mut blind = String::new();
    for look in LOOKS {
        match spoken(ui.language, || look(&state.config, now)) {
            Ok(found) => alerts.extend(found),
            Err(error) => {
                let _ = writeln!(blind, "{error:#}");
            }
        }
    }
    alerts.sort_by(|a, b| {
        b.severity.cmp(&a.severity).then_with(|| a.name.cmp(&b.name)).then_with(|| a.subject.cmp(&b.subject))
    });
    html! {
        @if alerts.is_empty() && blind.is_empty() { p.good { "✓ " (ui.say("Nothing.", "没有。")) } }
        @if !alerts.is_empty() {
            ul.attention {
                @for alert in &alerts {
                    li {
                        (severity(ui, alert.severity))
                        a href=(place(&alert.name).path()) { (alert.summary) }
                        span.soft.small { (parts::sentence(&alert.description)) }
                    }
                }
            }
        }
        @if !blind.is_empty() { p.problem { (ui.say("It could not be seen whether more is wrong:", "部分检查未能完成：")) " " (blind.trim()) } }
    }
}

fn severity(ui: &Ui, severity: Severity) -> Markup {
    match severity {
        Severity::Critical => badge("bad", ui.say("act now", "立即处理")),
        Severity::Warning => badge("warn", ui.say("look at it", "请查看")),
        Severity::Info => badge("", ui.say("to know", "知悉")),
    }
}

/// The page that says more of a kind of alert.
fn place(name: &str) -> Section {
    let is_of = |words: &[&str]| words.iter().any(|word| name.contains(word));
    match () {
        () if is_of(&["Reconciliation"]) => Section::Reconciliation,
        () if is_of(&["Quality", "Contract", "Stale", "Coverage", "Anomal"]) => Section::Quality,
        () if is_of(&["View", "Relation"]) => Section::Project,
        () if is_of(&["Experiment", "SampleRatio", "Verdict"]) => Section::Experiments,
        () if is_of(&["Model", "Release", "Gate", "Mlflow"]) => Section::Models,
        () if is_of(&["Disk", "Server"]) => Section::Settings,
        () => Section::Runs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_says_something_only_beyond_chance() {
        assert_eq!(compared(wilson(50.0, 1000.0), wilson(40.0, 1000.0)), Change::Chance);
        assert_eq!(compared(wilson(500.0, 10_000.0), wilson(400.0, 10_000.0)), Change::More);
        assert_eq!(compared(wilson(0.0, 1000.0), wilson(20.0, 1000.0)), Change::Less);
        let share = wilson(10.0, 100.0);
        assert!((share.low - 0.0552).abs() < 1e-4 && (share.high - 0.1744).abs() < 1e-4, "{share:?}");
    }

    #[test]
    fn counts_are_as_sure_as_their_visitors_are_many() {
        assert_eq!(counted(10_300.0, 10_000.0, (900.0, 880.0)), Change::Chance);
        assert_eq!(counted(10_300.0, 10_000.0, (1e6, 1e6)), Change::More);
        assert_eq!(counted(5000.0, 10_000.0, (900.0, 880.0)), Change::Less);
        assert_eq!([counted(3.0, 0.0, (1.0, 1.0)), counted(40.0, 0.0, (40.0, 0.0))], [Change::Chance, Change::More]);
    }
}
