//! The business's orders beside Matomo's, by day and one by one, with why they do not match.

use std::collections::HashMap;

use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use chrono::NaiveDate;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::reports::{address_of, line, page_number, status};
use crate::console::chart::draw;
use crate::console::layout::problem;
use crate::console::parts::{Col, Field, Kind, crumbs, duration, empty, filters, paging, table};
use crate::console::{Section, Ui, page};
use crate::query::Rows;
use crate::serve::Shared;

/// Where orders are one by one.
const ORDERS: &str = "/console/reconciliation/orders";

/// How many orders a page has.
const PER_PAGE: usize = 50;

/// How many days are shown where nobody says which.
const DAYS: i64 = 56;

/// The most days that are shown.
const MOST_DAYS: usize = 1000;

/// Days from `$1` to `$2`; where nobody says which, the last `$3`.
const DAYS_OF: &str = "
    select *
    from reconciliation_tolerance
    where day between
        coalesce(cast($1 as date), coalesce(cast($2 as date), (select max(day) from reconciliation_tolerance)) - cast($3 as integer) + 1)
        and coalesce(cast($2 as date), date '9999-12-31')
    order by day desc";

/// Why orders of the same days do not match.
const CAUSES_OF: &str = "
    select status, cause, count(*) as orders, sum(coalesce(order_revenue, matomo_revenue, 0)) as revenue
    from reconciled_orders
    where cause is not null
        and day between
            coalesce(cast($1 as date), coalesce(cast($2 as date), (select max(day) from reconciliation_tolerance)) - cast($3 as integer) + 1)
            and coalesce(cast($2 as date), date '9999-12-31')
    group by status, cause
    order by orders desc, status, cause";

const ORDERS_OF: &str = "
    select *, count(*) over () as total
    from reconciled_orders
    where (status = $1 or $1 is null)
        and (cause = $2 or $2 is null)
        and day between coalesce(cast($3 as date), date '0001-01-01') and coalesce(cast($4 as date), date '9999-12-31')
        and (contains(lower(order_ref), lower($5)) or $5 is null)
    order by day desc, ordered_at desc nulls last, order_ref
    offset $6";

/// Whether both know an order: as relations say it, in English and in Chinese.
const STATUSES: [(&str, &str, &str); 3] = [
    ("matched", "both know it", "双方都有"),
    ("missing_in_matomo", "missing in Matomo", "Matomo 缺失"),
    ("matomo_only", "only in Matomo", "仅 Matomo 有"),
];

/// Causes: as relations say them, in English and in Chinese, each with what it means.
const CAUSES: [(&str, [&str; 2], [&str; 2]); 18] = [
    ("late", ["late", "the other side has it much later, or not yet"], ["迟到", "另一方晚了很久才有，或尚未有"]),
    (
        "zone",
        ["time zone", "the times lie whole half hours apart: see BUSINESS_TIMEZONE"],
        ["时区", "两边时间相差整半小时的倍数：请看 BUSINESS_TIMEZONE"],
    ),
    ("amount_differs", ["amount differs", "both know it, with other amounts"], ["金额不符", "双方都有，但金额不同"]),
    (
        "duplicated",
        ["duplicated", "the same order was made, or tracked, once more"],
        ["重复", "同一订单下了两次或上报了两次"],
    ),
    (
        "blocked",
        ["blocked", "Matomo did not see this user around the order: a blocker, no consent"],
        ["被拦截", "Matomo 在下单前后没有见到该用户：拦截插件或未同意"],
    ),
    (
        "not_reported",
        ["not reported", "Matomo saw the user then, but no order: look at the page after payment"],
        ["未上报", "Matomo 当时见到了该用户，却没有订单：请看支付完成页"],
    ),
    ("no_tracking", ["no tracking", "Matomo saw nobody that day"], ["无追踪", "当日 Matomo 没有任何访问"]),
    ("test_order", ["test order", "its id, or its company, says test"], ["测试订单", "编号或公司名含“测试”"]),
    ("unpaid", ["unpaid", "it has no time of payment, as others have"], ["未支付", "没有支付时间，而其他订单有"]),
    (
        "removed",
        ["removed", "its number is one of the business's, which no longer has it"],
        ["已取消", "编号属于业务库，但业务库已无此订单"],
    ),
    (
        "unusable",
        ["not usable", "the business's row was set aside: see rejected_rows"],
        ["不可用", "业务库的行被搁置：见 rejected_rows"],
    ),
    (
        "other_id",
        ["other id", "the same dataset and amount at that moment, under another id"],
        ["编号不同", "同一时刻有相同数据集与金额的订单，编号不同"],
    ),
    (
        "other_site",
        ["other site", "it converted on a site that does not count: see MATOMO_SITE_ID"],
        ["其他站点", "在不计入的站点上转化：见 MATOMO_SITE_ID"],
    ),
    (
        "bot_visit",
        ["bot", "its visit has more actions than BOT_MAX_ACTIONS"],
        ["爬虫", "所在访问的动作数超过 BOT_MAX_ACTIONS"],
    ),
    ("cart", ["cart", "Matomo has it only as a cart that was left"], ["购物车", "在 Matomo 中只是放弃的购物车"]),
    (
        "foreign_id",
        ["foreign id", "no id of the business's: another shop tracks into this Matomo"],
        ["外来编号", "不是业务库的编号：另有商店上报到此 Matomo"],
    ),
    ("unknown", ["unknown", "nothing tells: the user is not known"], ["未知", "无从判断：用户未知"]),
    ("", ["none", "both know it alike"], ["无", "双方一致"]),
];

type Given = HashMap<String, String>;

/// Its routes.
pub fn routes() -> Router<Shared> {
    Router::new().route(Section::Reconciliation.path(), get(days)).route(ORDERS, get(orders))
}

/// A parameter that says something, as a query takes it.
fn said(given: &Given, name: &str) -> Value {
    given.get(name).map(|text| text.trim()).filter(|text| !text.is_empty()).map_or(Value::Null, |text| json!(text))
}

/// A day among the parameters, or what is wrong with it.
fn day(ui: &Ui, given: &Given, name: &str) -> Result<Value, Markup> {
    match said(given, name) {
        Value::String(text) if text.parse::<NaiveDate>().is_err() => Err(html! {
            p.problem role="alert" { (ui.say("This is no day; days are written 2026-10-15:", "这不是日期，日期写作 2026-10-15：")) " " (text) }
        }),
        day => Ok(day),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn status_words(ui: &Ui, name: &str) -> String {
    let known = STATUSES.iter().find(|(status, ..)| *status == name);
    known.map_or(name, |(_, english, chinese)| ui.say(english, chinese)).to_owned()
}

fn cause_words<'a>(ui: &Ui, name: &'a str) -> [&'a str; 2] {
    let known = CAUSES.iter().find(|(cause, ..)| *cause == name);
    known.map_or([name, ""], |(_, english, chinese)| if ui.is_chinese() { *chinese } else { *english })
}

// ---- by day ----------------------------------------------------------------------------------------------------------------

async fn days(ui: Ui, State(state): State<Shared>, Query(given): Query<Given>) -> Response {
    let (from, to) = match (day(&ui, &given, "from"), day(&ui, &given, "to")) {
        (Ok(from), Ok(to)) => (from, to),
        (Err(wrong), _) | (_, Err(wrong)) => return page(&ui, Section::Reconciliation, "", &wrong),
    };
    let range = vec![from.clone(), to.clone(), json!(DAYS)];
    let (days, causes) =
        tokio::join!(state.desk.rows(DAYS_OF, range.clone(), MOST_DAYS), state.desk.rows(CAUSES_OF, range, 100));
    let fields =
        [Field::Day("from", ui.say("From", "起"), text(&from)), Field::Day("to", ui.say("To", "止"), text(&to))];
    let body = html! {
        (filters(&ui, Section::Reconciliation.path(), &fields))
        @match &days {
            Err(refusal) => (problem(&ui, refusal)),
            Ok(rows) if rows.is_empty() => (empty(
                ui.say("There are no orders on these days.", "这些日子没有订单。"),
                ui.say("Orders come with the business's and Matomo's exports.", "订单来自业务库与 Matomo 的导出。"),
            )),
            Ok(rows) => {
                (missing_chart(&ui, rows))
                @match &causes {
                    Err(refusal) => (problem(&ui, refusal)),
                    Ok(causes) => (cause_table(&ui, causes, [&rows.text(rows.len() - 1, "day"), &rows.text(0, "day")])),
                }
                section {
                    h2 { (ui.say("Days", "各日")) }
                    (day_table(&ui, rows))
                }
            }
        }
    };
    page(&ui, Section::Reconciliation, "", &body)
}

fn missing_chart(ui: &Ui, rows: &Rows) -> Markup {
    let mut ascending = rows.clone();
    ascending.rows.reverse();
    html! {
        (draw(
            ui,
            ui.say("Share of orders missing in Matomo, and up to where so few orders say nothing", "Matomo 缺失订单的比例，及订单量小时的容差"),
            &line(&["missing_share"], Some(("tolerated_low", "tolerated_share"))),
            &ascending,
        ))
    }
}

fn orders_address(pairs: &[(&str, &str)]) -> String {
    let said = pairs.iter().filter(|(_, value)| !value.is_empty());
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(said).finish();
    format!("{ORDERS}?{query}")
}

fn cause_table(ui: &Ui, rows: &Rows, [from, to]: [&str; 2]) -> Markup {
    let address = |rows: &Rows, row: usize| {
        let (status, cause) = (rows.text(row, "status"), rows.text(row, "cause"));
        orders_address(&[("status", &status), ("cause", &cause), ("from", from), ("to", to)])
    };
    let columns = [
        Col::new("status", ui.say("Order", "订单"))
            .shown(|rows, row| html! { (status_words(ui, &rows.text(row, "status"))) }),
        Col::new("cause", ui.say("Likely cause", "可能原因")).shown(move |rows, row| {
            let cause = rows.text(row, "cause");
            html! { a href=(address(rows, row)) { (cause_words(ui, &cause)[0]) } }
        }),
        Col::new("orders", ui.say("Orders", "订单数")),
        Col::new("revenue", ui.say("Revenue", "收入")),
        Col::new("cause", ui.say("What it means", "含义"))
            .shown(|rows, row| html! { (cause_words(ui, &rows.text(row, "cause"))[1]) }),
    ];
    html! {
        section {
            h2 { (ui.say("Why orders do not match", "订单不一致的原因")) }
            @if rows.is_empty() { (empty(ui.say("All orders match.", "所有订单一致。"), "")) }
            @else { (table(ui, ui.say("Causes", "原因"), rows, &columns)) }
            p { a href=(orders_address(&[("from", from), ("to", to)])) { (ui.say("All orders one by one", "逐个查看订单")) } }
        }
    }
}

fn day_table(ui: &Ui, rows: &Rows) -> Markup {
    let of_day = |status: &'static str, column: &'static str| {
        move |rows: &Rows, row: usize| {
            let day = rows.text(row, "day");
            let count = rows.text(row, column);
            html! {
                @if count == "0" { "0" }
                @else { a href=(orders_address(&[("status", status), ("from", &day), ("to", &day)])) { (count) } }
            }
        }
    };
    let columns = [
        Col::new("day", ui.say("Day", "日期")).linked(|rows, row| address_of(&rows.text(row, "day"))),
        Col::new("business_order_count", ui.say("Orders", "订单")),
        Col::new("matched_count", ui.say("Both know", "双方都有"))
            .of(Kind::Number)
            .shown(of_day("matched", "matched_count")),
        Col::new("missing_in_matomo_count", ui.say("Missing in Matomo", "Matomo 缺失"))
            .of(Kind::Number)
            .shown(of_day("missing_in_matomo", "missing_in_matomo_count")),
        Col::new("missing_share", ui.say("Share", "比例")),
        Col::new("tolerated_share", ui.say("Tolerated", "容差")),
        Col::new("matomo_only_count", ui.say("Only in Matomo", "仅 Matomo 有"))
            .of(Kind::Number)
            .shown(of_day("matomo_only", "matomo_only_count")),
        Col::new("differing_count", ui.say("Other amounts", "金额不符")),
        Col::new("matched_revenue_difference", ui.say("Difference", "金额差")).of(Kind::Money),
        Col::new("late_count", ui.say("Late", "迟到")),
        Col::new("status", ui.say("Status", "状态")).shown(|rows, row| status(ui, &rows.text(row, "status"))),
    ];
    table(ui, ui.say("Days", "各日"), rows, &columns)
}

// ---- by order --------------------------------------------------------------------------------------------------------------

async fn orders(ui: Ui, State(state): State<Shared>, Query(given): Query<Given>) -> Response {
    let (from, to) = match (day(&ui, &given, "from"), day(&ui, &given, "to")) {
        (Ok(from), Ok(to)) => (from, to),
        (Err(wrong), _) | (_, Err(wrong)) => return page(&ui, Section::Reconciliation, "", &wrong),
    };
    let (status, cause, order) = (said(&given, "status"), said(&given, "cause"), said(&given, "order"));
    let number = page_number(&given);
    let parameters =
        vec![status.clone(), cause.clone(), from.clone(), to.clone(), order.clone(), json!((number - 1) * PER_PAGE)];
    let any = || vec![(String::new(), ui.say("any", "不限").to_owned())];
    let statuses = STATUSES.iter().map(|(name, ..)| ((*name).to_owned(), status_words(&ui, name)));
    let causes = CAUSES.iter().filter(|(name, ..)| !name.is_empty());
    let causes = causes.map(|(name, ..)| ((*name).to_owned(), cause_words(&ui, name)[0].to_owned()));
    let fields = [
        Field::Choice("status", ui.say("Order", "订单"), text(&status), any().into_iter().chain(statuses).collect()),
        Field::Choice(
            "cause",
            ui.say("Likely cause", "可能原因"),
            text(&cause),
            any().into_iter().chain(causes).collect(),
        ),
        Field::Day("from", ui.say("From", "起"), text(&from)),
        Field::Day("to", ui.say("To", "止"), text(&to)),
        Field::Text("order", ui.say("Order id", "订单编号"), text(&order)),
    ];
    let body = html! {
        (crumbs(&ui, &[(Section::Reconciliation.path(), Section::Reconciliation.title(&ui))]))
        (filters(&ui, ORDERS, &fields))
        @match &state.desk.rows(ORDERS_OF, parameters, PER_PAGE).await {
            Err(refusal) => (problem(&ui, refusal)),
            Ok(rows) if rows.is_empty() => (empty(ui.say("No order is like that.", "没有符合条件的订单。"), "")),
            Ok(rows) => {
                (order_table(&ui, rows))
                (paging(&ui, number, PER_PAGE, rows.number(0, "total").map_or(0, |total| total as usize)))
            }
        }
    };
    page(&ui, Section::Reconciliation, ui.say("Orders one by one", "逐个订单"), &body)
}

fn order_table(ui: &Ui, rows: &Rows) -> Markup {
    let columns = [
        Col::new("order_ref", ui.say("Order", "订单")).of(Kind::Text),
        Col::new("day", ui.say("Day", "日期")).linked(|rows, row| address_of(&rows.text(row, "day"))),
        Col::new("status", ui.say("Who knows it", "状态"))
            .shown(|rows, row| html! { (status_words(ui, &rows.text(row, "status"))) }),
        Col::new("cause", ui.say("Likely cause", "可能原因")).shown(|rows, row| {
            let cause = rows.text(row, "cause");
            let [name, meaning] = cause_words(ui, &cause);
            html! { @if cause.is_empty() { span.soft { "–" } } @else { (name) br; span.soft.small { (meaning) } } }
        }),
        Col::new("other_ref", ui.say("Held against", "对照订单")),
        Col::new("dataset_id", ui.say("Dataset", "数据集"))
            .linked(|rows, row| format!("{}/{}", Section::Datasets.path(), rows.text(row, "dataset_id"))),
        Col::new("user_id", ui.say("User", "用户")),
        Col::new("order_revenue", ui.say("Business", "业务金额")),
        Col::new("matomo_revenue", "Matomo").of(Kind::Money),
        Col::new("ordered_at", ui.say("Ordered", "下单时间")),
        Col::new("converted_at", ui.say("In Matomo", "Matomo 时间")),
        Col::new("lag_seconds", ui.say("Between", "相差")).of(Kind::Number).shown(|rows, row| {
            match rows.number(row, "lag_seconds") {
                None => html! { span.soft { "–" } },
                Some(lag) => html! { (if lag < 0.0 { "−" } else { "" }) (duration(ui, lag.abs())) },
            }
        }),
        Col::new("visits_around", ui.say("Visits around", "前后访问数")),
    ];
    table(ui, ui.say("Orders", "订单"), rows, &columns)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The words between quotes behind `then` and `else` that a file of the project has.
    #[test]
    fn every_cause_that_the_sql_gives_has_words() {
        let sql = include_str!("../../../sql/reconcile/reconciled_orders.sql");
        let said = sql.split("then '").skip(1).chain(sql.split("else '").skip(1));
        let given: BTreeSet<&str> = said.filter_map(|rest| rest.split('\'').next()).collect();
        let known: BTreeSet<&str> = CAUSES.iter().map(|(name, ..)| *name).filter(|name| !name.is_empty()).collect();
        assert_eq!(given, known);
    }
}
