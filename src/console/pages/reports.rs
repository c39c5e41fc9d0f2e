//! Reports by day, with their history, and what lists brought by what they are parted by.

use std::collections::HashMap;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::{Days, NaiveDate};
use maud::{Markup, html};
use serde_json::json;

use crate::console::chart::draw;
use crate::console::layout::problem;
use crate::console::parts::{
    self, Col, Kind, badge, card, crumbs, empty, figure_with_interval, money, number, paging, percent, table,
};
use crate::console::{Section, Ui, page};
use crate::query::{Refusal, Rows};
use crate::serve::{Shared, State as Server};
use crate::sql_project::{Chart, ChartKind};

/// How many days a page of the list has.
const PER_PAGE: usize = 31;

/// How many days a chart of history has.
const HISTORY: u64 = 56;

/// The days there is anything of, the newest first, from the one before `$1` in their order.
const DAYS: &str = "
    select
        days.day, figures.exposures, figures.clicks, figures.ctr, figures.ctr_low, figures.ctr_high, figures.conversions,
        figures.revenue, days.business_order_count as orders, days.business_revenue as order_revenue,
        tolerance.status, count(*) over () as days
    from reconciliation_daily as days
    left join figures_by_day as figures on figures.day = days.day and figures.breakdown = 'all'
    left join reconciliation_tolerance as tolerance on tolerance.day = days.day
    order by days.day desc
    offset $1";

/// Days up to `$1`, at most `$2`, for charts.
const HISTORY_OF: &str = "
    select day, exposures, clicks, ctr, ctr_low, ctr_high, revenue
    from figures_by_day
    where breakdown = 'all' and day between cast($1 as date) - cast($2 as integer) and cast($1 as date)
    order by day";

/// The day `$1`, the one before and the one a week before, with the nearest days on either side that are known.
const COMPARED: &str = "
    with chosen as (select cast($1 as date) as day)
    select
        days.day, cast(chosen.day as varchar) as chosen,
        (select max(other.day) from reconciliation_daily as other where other.day < chosen.day) as previous,
        (select min(other.day) from reconciliation_daily as other where other.day > chosen.day) as next,
        days.status, days.matched_count, days.missing_in_matomo_count, days.matomo_only_count, days.business_order_count as orders,
        days.business_revenue as order_revenue, totals.total_detail_views as views, figures.requests, figures.exposures,
        figures.clicks, figures.ctr, figures.ctr_low, figures.ctr_high, figures.conversions, figures.revenue, figures.visitors,
        figures.revenue_per_thousand, figures.revenue_low, figures.revenue_high, figures.visit_clicks, figures.visit_conversions
    from chosen
    inner join reconciliation_daily as days on days.day in (chosen.day, chosen.day - 1, chosen.day - 7)
    inner join daily_totals as totals on totals.day = days.day
    left join figures_by_day as figures on figures.day = days.day and figures.breakdown = 'all'
    order by days.day desc";

const PARTS_OF_DAY: &str = "
    select breakdown, value, requests, exposures, clicks, ctr, ctr_low, ctr_high, conversions, revenue, visitors, visit_clicks
    from figures_by_day
    where day = cast($1 as date) and breakdown = $2
    order by try_cast(value as integer), exposures desc, value";

const TOP_OF_DAY: &str = "
    select place, dataset_id, title, exposures, clicks, ctr, conversions, revenue
    from daily_top_datasets where day = cast($1 as date) order by place";

const ATTRIBUTION: &str = "
    select * exclude (breakdown)
    from attribution_by where breakdown = $1
    order by try_cast(value as integer), exposures desc, value";

const POSITIONS: &str = "from position_bias order by endpoint, position";

/// What figures are parted by: as relations name it, in English and in Chinese.
const BREAKDOWNS: [(&str, &str, &str); 10] = [
    ("endpoint", "Endpoint", "接口"),
    ("version", "Version", "版本"),
    ("variant", "Variant", "实验变体"),
    ("answer", "Answer", "主用或兜底"),
    ("channel", "Channel", "通道"),
    ("position", "Position", "位置"),
    ("provider", "Provider", "提供方"),
    ("source", "Source", "来源"),
    ("device", "Device", "设备"),
    ("visitor", "Visitor", "新老访客"),
];

type Given = HashMap<String, String>;

/// Its routes.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route(Section::Reports.path(), get(days))
        .route("/console/reports/attribution", get(attribution))
        .route("/console/reports/{day}", get(day))
}

/// Where the report of a day is.
pub(super) fn address_of(day: &str) -> String {
    format!("{}/{day}", Section::Reports.path())
}

/// The number of the page of a list that is asked for, from 1.
pub(super) fn page_number(given: &Given) -> usize {
    given.get("page").and_then(|page| page.parse().ok()).filter(|page| (1..1_000_000).contains(page)).unwrap_or(1)
}

/// How well a day's orders are found again, as a word.
pub(super) fn status(ui: &Ui, status: &str) -> Markup {
    match status {
        "ok" => badge("good", ui.say("ok", "正常")),
        "warning" => badge("warn", ui.say("warning", "警告")),
        "critical" => badge("bad", ui.say("critical", "严重")),
        "no_orders" => badge("", ui.say("no orders", "无订单")),
        other => html! { (other) },
    }
}

/// A line of figures over days.
pub(super) fn line(y: &[&str], low_high: Option<(&str, &str)>) -> Chart {
    Chart {
        kind: ChartKind::Line,
        x: Some("day".into()),
        y: y.iter().map(|&column| column.to_owned()).collect(),
        by: None,
        low_high: low_high.map(|(low, high)| (low.to_owned(), high.to_owned())),
    }
}

/// A rate of a row with the interval it lies in.
fn rate(rows: &Rows, row: usize, [value, low, high]: [&str; 3], form: fn(f64) -> String) -> Markup {
    let interval = rows.number(row, low).zip(rows.number(row, high));
    match rows.number(row, value) {
        None => html! { span.soft { "–" } },
        Some(value) => figure_with_interval(value, interval, form),
    }
}

fn ctr(rows: &Rows, row: usize) -> Markup {
    rate(rows, row, ["ctr", "ctr_low", "ctr_high"], percent)
}

/// The tabs of what figures are parted by.
fn tabs(ui: &Ui, chosen: &str) -> Markup {
    html! {
        ul.tabs { @for (name, english, chinese) in BREAKDOWNS {
            li { a href=(ui.with(&[("by", name)])) aria-current=[(name == chosen).then_some("true")] { (ui.say(english, chinese)) } }
        } }
    }
}

fn breakdown(given: &Given) -> (&'static str, &'static str, &'static str) {
    let chosen = given.get("by").map_or("", String::as_str);
    BREAKDOWNS.into_iter().find(|(name, ..)| *name == chosen).unwrap_or(BREAKDOWNS[0])
}

// ---- all days --------------------------------------------------------------------------------------------------------------

async fn days(ui: Ui, State(state): State<Shared>, Query(given): Query<Given>) -> Response {
    let number_of_page = page_number(&given);
    let offset = json!((number_of_page - 1) * PER_PAGE);
    let body = match state.desk.rows(DAYS, vec![offset], PER_PAGE).await {
        Err(refusal) => problem(&ui, &refusal),
        Ok(rows) if rows.is_empty() && number_of_page == 1 => empty(
            ui.say("There are no figures yet.", "还没有数据。"),
            ui.say("nearset run makes them.", "运行 nearset run 后即有。"),
        ),
        Ok(rows) => {
            let total = rows.number(0, "days").map_or(0, |days| days as usize);
            let history = match rows.text(0, "day") {
                last if last.is_empty() => Ok(Rows::default()),
                last => state.desk.rows(HISTORY_OF, vec![json!(last), json!(HISTORY)], HISTORY as usize + 1).await,
            };
            html! {
                (charts(&ui, history))
                p { a href="/console/reports/attribution" { (ui.say("What lists brought by version, channel, position …", "按版本、通道、位置等看推荐效果")) } }
                section {
                    h2 { (ui.say("Days", "各日")) }
                    (day_table(&ui, &rows))
                    (paging(&ui, number_of_page, PER_PAGE, total))
                }
            }
        }
    };
    page(&ui, Section::Reports, "", &body)
}

fn charts(ui: &Ui, history: Result<Rows, Refusal>) -> Markup {
    match history {
        Err(refusal) => problem(ui, &refusal),
        Ok(rows) if rows.is_empty() => html! {},
        Ok(rows) => html! {
            div.columns {
                (draw(ui, ui.say("Clicks per exposure, with its 95 % interval", "点击率及 95% 区间"), &line(&["ctr"], Some(("ctr_low", "ctr_high"))), &rows))
                (draw(ui, ui.say("Exposures and clicks", "曝光与点击"), &line(&["exposures", "clicks"], None), &rows))
            }
        },
    }
}

fn day_table(ui: &Ui, rows: &Rows) -> Markup {
    let columns = [
        Col::new("day", ui.say("Day", "日期")).linked(|rows, row| address_of(&rows.text(row, "day"))),
        Col::new("exposures", ui.say("Exposures", "曝光")),
        Col::new("clicks", ui.say("Clicks", "点击")),
        Col::new("ctr", ui.say("Click rate", "点击率")).of(Kind::Percent).shown(ctr),
        Col::new("conversions", ui.say("Orders of lists", "推荐带来的订单")),
        Col::new("revenue", ui.say("Their revenue", "其收入")),
        Col::new("orders", ui.say("All orders", "全部订单")),
        Col::new("order_revenue", ui.say("All revenue", "全部收入")),
        Col::new("status", ui.say("Reconciliation", "对账")).shown(|rows, row| {
            let address =
                format!("{}?from={day}&to={day}", Section::Reconciliation.path(), day = rows.text(row, "day"));
            html! { a href=(address) { (status(ui, &rows.text(row, "status"))) } }
        }),
    ];
    table(ui, ui.say("Days", "各日"), rows, &columns)
}

// ---- one day ---------------------------------------------------------------------------------------------------------------

async fn day(ui: Ui, State(state): State<Shared>, Path(name): Path<String>, Query(given): Query<Given>) -> Response {
    let above = crumbs(&ui, &[(Section::Reports.path(), Section::Reports.title(&ui))]);
    let Ok(day) = name.parse::<NaiveDate>() else {
        return nothing(
            &ui,
            &above,
            ui.say("This is no day; days are written 2026-10-15.", "这不是日期，日期写作 2026-10-15。"),
        );
    };
    let chosen = json!(day.to_string());
    let compared = match state.desk.rows(COMPARED, vec![chosen.clone()], 3).await {
        Err(refusal) => return page(&ui, Section::Reports, "", &html! { (above) (problem(&ui, &refusal)) }),
        Ok(rows) => rows,
    };
    let row_of = |day: NaiveDate| (0..compared.len()).find(|row| compared.text(*row, "day") == day.to_string());
    let Some(row) = row_of(day) else {
        return nothing(&ui, &above, ui.say("Nothing is known of this day.", "没有这一天的数据。"));
    };
    let (part, english, chinese) = breakdown(&given);
    let parts_of_day = vec![chosen.clone(), json!(part)];
    let file = file_of(&state, day);
    let (history, parts_of_day, top) = tokio::join!(
        state.desk.rows(HISTORY_OF, vec![chosen.clone(), json!(HISTORY)], HISTORY as usize + 1),
        state.desk.rows(PARTS_OF_DAY, parts_of_day, 200),
        state.desk.rows(TOP_OF_DAY, vec![chosen], 10),
    );
    let before = |days: u64| day.checked_sub_days(Days::new(days)).and_then(row_of);
    let body = html! {
        (above)
        (neighbours(&ui, &compared, row, day, file.as_deref()))
        (cards(&ui, &compared, row, before(7), before(1)))
        (charts(&ui, history))
        section {
            h2 { (ui.say("What lists brought", "推荐效果")) }
            p.soft {
                (ui.say(
                    "Of the lists answered that day, whenever they were clicked. Beside the lists' own request ids, what was opened later in the same visit without one.",
                    "当日返回的列表，不论何时被点击。除带请求号的点击外，另列同一次访问中未带请求号的打开。",
                ))
            }
            (tabs(&ui, part))
            @match &parts_of_day {
                Err(refusal) => (problem(&ui, refusal)),
                Ok(rows) => (parts_table(&ui, ui.say(english, chinese), rows)),
            }
        }
        section {
            h2 { (ui.say("Datasets clicked most", "点击最多的数据集")) }
            @match &top {
                Err(refusal) => (problem(&ui, refusal)),
                Ok(rows) if rows.is_empty() => (empty(ui.say("Nothing was shown that day.", "当日没有曝光。"), "")),
                Ok(rows) => (top_table(&ui, rows)),
            }
        }
    };
    page(&ui, Section::Reports, &parts::day(&ui, day), &body)
}

fn nothing(ui: &Ui, above: &Markup, text: &str) -> Response {
    let cure = ui.say("The list of days has all there are.", "请从日期列表中选择。");
    (StatusCode::NOT_FOUND, page(ui, Section::Reports, "", &html! { (above) (empty(text, cure)) })).into_response()
}

/// The name of the day's JSON file, where a run has written it.
fn file_of(state: &Server, day: NaiveDate) -> Option<String> {
    let name = format!("recommendation_report_{day}.json");
    state.config.daily_reports_dir().join(&name).exists().then_some(name)
}

fn neighbours(ui: &Ui, rows: &Rows, row: usize, day: NaiveDate, file: Option<&str>) -> Markup {
    let link = |column: &str, rel: &str, text: &str| {
        let other = rows.text(row, column);
        html! { @if !other.is_empty() { a rel=(rel) href=(address_of(&other)) { (text) } } }
    };
    let orders = format!("{}?from={day}&to={day}", Section::Reconciliation.path());
    html! {
        nav.paging aria-label=(ui.say("Other days", "其他日期")) {
            (link("previous", "prev", ui.say("← Day before", "← 前一天")))
            (link("next", "next", ui.say("Day after →", "后一天 →")))
            a href=(orders) { (ui.say("Its orders", "当日对账")) " " (status(ui, &rows.text(row, "status"))) }
            @if let Some(file) = file { a href=(format!("/reports/{file}?format=json")) { "JSON" } }
            @else { span.soft { (ui.say("As JSON: ", "JSON：")) code { "nearset report --date " (day) } } }
        }
    }
}

/// What is shown of a figure: its name, its column, how it is written, and the columns of its interval.
type Figure = (&'static str, &'static str, &'static str, fn(f64) -> String, Option<[&'static str; 2]>);

const FIGURES: [Figure; 8] = [
    ("Exposures", "曝光", "exposures", number, None),
    ("Clicks", "点击", "clicks", number, None),
    ("Click rate", "点击率", "ctr", percent, Some(["ctr_low", "ctr_high"])),
    ("Orders of lists", "推荐带来的订单", "conversions", number, None),
    (
        "Revenue of 1,000 exposures",
        "千次曝光收入",
        "revenue_per_thousand",
        money,
        Some(["revenue_low", "revenue_high"]),
    ),
    ("Views", "浏览", "views", number, None),
    ("All orders", "全部订单", "orders", number, None),
    ("All revenue", "全部收入", "order_revenue", money, None),
];

fn cards(ui: &Ui, rows: &Rows, row: usize, week_before: Option<usize>, day_before: Option<usize>) -> Markup {
    html! {
        div.cards { @for (english, chinese, column, form, interval) in FIGURES {
            (card(
                ui.say(english, chinese),
                match interval {
                    None => rows.number(row, column).map_or(html! { "–" }, |value| html! { (form(value)) }),
                    Some([low, high]) => rate(rows, row, [column, low, high], form),
                },
                &html! {
                    (against(ui, rows, row, (week_before, ui.say("a week before", "较上周同日")), column, interval))
                    br;
                    (against(ui, rows, row, (day_before, ui.say("the day before", "较前一日")), column, interval))
                },
            ))
        } }
    }
}

/// By how much a figure differs from another day's, and whether that is more than chance.
fn against(
    ui: &Ui,
    rows: &Rows,
    row: usize,
    (other, whose): (Option<usize>, &str),
    column: &str,
    interval: Option<[&str; 2]>,
) -> Markup {
    let then = other.and_then(|other| Some((other, rows.number(other, column)?)));
    let Some((now, (other, then))) = rows.number(row, column).zip(then) else {
        return html! { (whose) ": –" };
    };
    let change = (then != 0.0).then(|| now / then - 1.0);
    let verdict = interval.and_then(|[low, high]| {
        let ends = |row| rows.number(row, low).zip(rows.number(row, high));
        Some(differs((now, ends(row)?), (then, ends(other)?)))
    });
    html! {
        (whose) ": "
        @match change { None => "–", Some(change) => { (if change > 0.0 { "+" } else { "" }) (percent(change)) } }
        @match verdict {
            None => {}
            Some(0) => { " · " (ui.say("within chance", "在偶然波动内")) }
            Some(sign) if sign > 0 => { " · " span.good { (ui.say("clearly more", "明显上升")) } }
            Some(_) => { " · " span.bad { (ui.say("clearly less", "明显下降")) } }
        }
    }
}

/// 1 or -1 where the 95 % interval of the difference of two figures leaves 0 out (Newcombe 1998, from the interval of each).
fn differs((now, (now_low, now_high)): (f64, (f64, f64)), (then, (then_low, then_high)): (f64, (f64, f64))) -> i8 {
    let difference = now - then;
    let below = (now - now_low).hypot(then_high - then);
    let above = (now_high - now).hypot(then - then_low);
    i8::from(difference - below > 0.0) - i8::from(difference + above < 0.0)
}

fn parts_table(ui: &Ui, title: &str, rows: &Rows) -> Markup {
    if rows.is_empty() {
        return empty(ui.say("Nothing was shown that day.", "当日没有曝光。"), "");
    }
    let columns = [
        Col::new("value", title).of(Kind::Text),
        Col::new("requests", ui.say("Lists", "列表")),
        Col::new("visitors", ui.say("Visitors", "访客")),
        Col::new("exposures", ui.say("Exposures", "曝光")),
        Col::new("clicks", ui.say("Clicks", "点击")),
        Col::new("ctr", ui.say("Click rate", "点击率")).of(Kind::Percent).shown(ctr),
        Col::new("conversions", ui.say("Orders", "订单")),
        Col::new("revenue", ui.say("Revenue", "收入")),
        Col::new("visit_clicks", ui.say("Opened in the visit", "访问内打开")),
    ];
    table(ui, title, rows, &columns)
}

fn top_table(ui: &Ui, rows: &Rows) -> Markup {
    let columns = [
        Col::new("title", ui.say("Dataset", "数据集"))
            .linked(|rows, row| format!("{}/{}", Section::Datasets.path(), rows.text(row, "dataset_id"))),
        Col::new("exposures", ui.say("Exposures", "曝光")),
        Col::new("clicks", ui.say("Clicks", "点击")),
        Col::new("ctr", ui.say("Click rate", "点击率")),
        Col::new("conversions", ui.say("Orders", "订单")),
        Col::new("revenue", ui.say("Revenue", "收入")),
    ];
    table(ui, ui.say("Datasets", "数据集"), rows, &columns)
}

// ---- what lists brought ----------------------------------------------------------------------------------------------------

async fn attribution(ui: Ui, State(state): State<Shared>, Query(given): Query<Given>) -> Response {
    let (part, english, chinese) = breakdown(&given);
    let (rows, positions) =
        tokio::join!(state.desk.rows(ATTRIBUTION, vec![json!(part)], 200), state.desk.rows(POSITIONS, vec![], 1000));
    let body = html! {
        (crumbs(&ui, &[(Section::Reports.path(), Section::Reports.title(&ui))]))
        (tabs(&ui, part))
        @match &rows {
            Err(refusal) => (problem(&ui, refusal)),
            Ok(rows) if rows.is_empty() => (empty(ui.say("No list has been shown yet.", "还没有列表展示。"), "")),
            Ok(rows) => {
                p.soft { (rows.text(0, "first_day")) " – " (rows.text(0, "last_day")) }
                (attribution_table(&ui, ui.say(english, chinese), rows))
                (how_read(&ui))
            }
        }
        @if let Ok(rows) = &positions { (examination(&ui, rows)) }
    };
    page(&ui, Section::Reports, ui.say("What lists brought", "推荐效果"), &body)
}

fn attribution_table(ui: &Ui, title: &str, rows: &Rows) -> Markup {
    let columns = [
        Col::new("value", title).of(Kind::Text),
        Col::new("visitors", ui.say("Visitors", "访客")),
        Col::new("exposures", ui.say("Exposures", "曝光")),
        Col::new("clicks", ui.say("Clicks", "点击")),
        Col::new("ctr", ui.say("Click rate", "点击率")).of(Kind::Percent).shown(ctr),
        Col::new("ctr_examined", ui.say("As if all stood first", "校正位置后")).of(Kind::Percent),
        Col::new("visit_clicks", ui.say("Opened in the visit", "访问内打开")),
        Col::new("conversions", ui.say("Orders", "订单")),
        Col::new("visit_conversions", ui.say("Ordered in the visit", "访问内下单")),
        Col::new("cvr", ui.say("Orders per click", "转化率"))
            .of(Kind::Percent)
            .shown(|rows, row| rate(rows, row, ["cvr", "cvr_low", "cvr_high"], percent)),
        Col::new("revenue", ui.say("Revenue", "收入")),
        Col::new("revenue_per_thousand", ui.say("Of 1,000 exposures", "千次曝光收入"))
            .of(Kind::Money)
            .shown(|rows, row| rate(rows, row, ["revenue_per_thousand", "revenue_low", "revenue_high"], money)),
    ];
    table(ui, title, rows, &columns)
}

fn how_read(ui: &Ui) -> Markup {
    html! {
        details {
            summary { (ui.say("How to read this", "如何解读")) }
            p { (ui.say(
                "Clicks and orders carry the request id of their list. “In the visit” is what was opened or ordered of a shown list later in the same visit without such an id; it may have been found otherwise, so it is in no rate.",
                "点击与订单带有列表的请求号。“访问内”指同一次访问中、列表展示之后打开或下单但未带请求号的数据集；它可能由其他途径找到，因此不计入任何比率。",
            )) }
            p { (ui.say(
                "Intervals are 95 %: of rates Wilson's, of revenue by a bootstrap over visitors. The corrected click rate counts an exposure by how much its position is looked at.",
                "区间均为 95%：比率为 Wilson 区间，收入为按访客的自助法。校正后的点击率按各位置被查看的程度折算曝光。",
            )) }
        }
    }
}

fn examination(ui: &Ui, rows: &Rows) -> Markup {
    let chart = Chart {
        kind: ChartKind::Line,
        x: Some("position".into()),
        y: vec!["examination".into()],
        by: Some("endpoint".into()),
        low_high: Some(("examination_low".into(), "examination_high".into())),
    };
    html! {
        section {
            h2 { (ui.say("How much positions are looked at", "各位置被查看的程度")) }
            p.soft { (ui.say(
                "The first position is 1. Estimated from datasets that stood first and elsewhere on the same page, or were tried at places by chance.",
                "首位为 1。由同一页面上既排过首位也排过其他位置的数据集，以及随机试排的数据集估计。",
            )) }
            (draw(ui, ui.say("Examination by position", "位置查看率"), &chart, rows))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_said_only_where_chance_does_not_make_it() {
        let few = (0.05, (0.02, 0.12));
        let many = (0.05, (0.048, 0.052));
        assert_eq!(differs(few, (0.03, (0.01, 0.09))), 0);
        assert_eq!(differs(many, (0.03, (0.028, 0.032))), 1);
        assert_eq!(differs((0.03, (0.028, 0.032)), many), -1);
    }

    #[test]
    fn a_page_that_is_none_is_the_first() {
        let asked = |page: &str| page_number(&Given::from([("page".into(), page.into())]));
        assert_eq!(["3", "0", "-1", "x", "99999999999"].map(asked), [3, 1, 1, 1, 1]);
    }
}
