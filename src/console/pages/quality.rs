//! The page quality: how good the data are, what is odd in them, what changed, and what counts in no figure.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::console::chart::draw;
use crate::console::layout::problem;
use crate::console::parts::{Col, Field, Kind, badge, card, crumbs, empty, filters, number, paging, percent, table};
use crate::console::{Section, Ui, page};
use crate::query::{Refusal, Rows};
use crate::serve::Shared;
use crate::sql_project::{Chart, ChartKind};

/// How many rejected rows a page shows.
const PER_PAGE: usize = 50;

/// How many rows a table of the page shows at most.
const MOST: usize = 500;

/// Its routes.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route(Section::Quality.path(), get(show))
        .route("/console/quality/tables/{table}", get(one))
        .route("/console/quality/rejected", get(rejected))
}

/// A part of the page: its title, and what a query's rows make.
async fn part(
    ui: &Ui,
    state: &Shared,
    title: &str,
    sql: &str,
    given: Vec<Value>,
    shown: impl Fn(&Rows) -> Markup,
) -> Markup {
    let rows = state.desk.rows(sql, given, MOST).await;
    section(title, &rows.map_or_else(|refusal| problem(ui, &refusal), |rows| shown(&rows)))
}

fn section(title: &str, body: &Markup) -> Markup {
    html! { section { h2 { (title) } (body) } }
}

/// A link to the page of a table; what is found of none in particular stays on this page.
fn to_table(rows: &Rows, row: usize) -> String {
    match rows.text(row, "table_name").as_str() {
        "" => Section::Quality.path().to_owned(),
        table => format!("{}/tables/{table}", Section::Quality.path()),
    }
}

/// A severity as a word in its colour.
fn severity(ui: &Ui, rows: &Rows, row: usize) -> Markup {
    match rows.text(row, "severity").as_str() {
        "critical" => badge("bad", ui.say("critical", "严重")),
        "warning" => badge("warn", ui.say("warning", "警告")),
        "info" => badge("", ui.say("info", "提示")),
        other => html! { (other) },
    }
}

/// What a finding does, its severity, and whose it is.
fn finding_columns(ui: &Ui) -> [Col<'_>; 3] {
    [
        Col::new("severity", ui.say("severity", "级别")).shown(|rows, row| severity(ui, rows, row)),
        Col::new("owner", ui.say("owner", "负责人")),
        Col::new("is_blocking", ui.say("stops a run", "阻止发布")),
    ]
}

/// A figure of a day: a count, or a share.
fn day_figure(rows: &Rows, row: usize, column: &str) -> Markup {
    let form = if rows.text(row, "measure") == "events" { number } else { percent };
    html! { @match rows.number(row, column) { Some(value) => (form(value)), None => "–" } }
}

async fn show(ui: Ui, State(state): State<Shared>) -> Response {
    let cards = state.desk.rows(
        "select (select round(avg(score), 1) from data_quality_scores) as score,
             (select count(*) from data_quality_scores where score < 80) as poor,
             (select count(*) from data_quality_alerts where severity = 'critical') as critical,
             (select count(*) from data_quality_alerts where severity = 'warning') as warnings,
             (select count(*) from data_quality_anomalies) as odd,
             (select count(*) from schema_contract_results where status = 'violated') as broken,
             (select coalesce(sum(exposures), 0) from exclusion_effects) as excluded",
        Vec::new(),
        1,
    );
    let (cards, scores, history, alerts, odd, changes, contracts, excluded, set_aside) = tokio::join!(
        cards,
        scores(&ui, &state),
        history(&ui, &state),
        alerts(&ui, &state),
        odd(&ui, &state),
        changes(&ui, &state),
        contracts(&ui, &state),
        excluded(&ui, &state),
        set_aside(&ui, &state)
    );
    let body = html! {
        (summary(&ui, &cards)) (scores) (odd) (alerts) (history) (contracts) (changes) (excluded) (set_aside)
    };
    page(&ui, Section::Quality, "", &body)
}

/// The tables, the worst first.
async fn scores(ui: &Ui, state: &Shared) -> Markup {
    part(
        ui,
        state,
        ui.say("Tables", "各表"),
        "select scores.table_name, scores.score, scores.rows, scores.score - before.value as change, scores.alerts, odd.odd_days,
             owners.owner
         from data_quality_scores as scores
         left join (
             select table_name, arg_max(value, as_of) as value from data_quality_history
             where check_name = 'score' and as_of < (select max(as_of) from data_quality_history) group by table_name
         ) as before on before.table_name = scores.table_name
         left join (select table_name, count(*) as odd_days from data_quality_anomalies group by table_name) as odd
             on odd.table_name = scores.table_name
         left join (select table_name, min(owner) as owner from data_quality_checks group by table_name) as owners
             on owners.table_name = scores.table_name
         order by scores.score, scores.table_name",
        Vec::new(),
        |rows| {
            let columns = [
                Col::new("table_name", ui.say("table", "表")).linked(to_table),
                Col::new("score", ui.say("score of 100", "得分（满分 100）")).of(Kind::Number),
                Col::new("change", ui.say("since the run before", "较上次运行")).of(Kind::Number),
                Col::new("rows", ui.say("rows", "行数")),
                Col::new("alerts", ui.say("beyond the usual", "超出常态")),
                Col::new("odd_days", ui.say("odd yesterday", "昨日异常")),
                Col::new("owner", ui.say("owner", "负责人")),
            ];
            table(ui, ui.say("Scores by table", "各表得分"), rows, &columns)
        },
    )
    .await
}

/// Scores over half a year.
async fn history(ui: &Ui, state: &Shared) -> Markup {
    part(
        ui,
        state,
        ui.say("Scores over time", "得分变化"),
        "select day, table_name, arg_max(value, as_of) as score from data_quality_history
         where check_name = 'score' and day > (select max(day) from data_quality_history) - 180
         group by day, table_name order by day, table_name",
        Vec::new(),
        |rows| draw(ui, "", &lines("day", "score", Some("table_name")), rows),
    )
    .await
}

/// What is beyond the usual.
async fn alerts(ui: &Ui, state: &Shared) -> Markup {
    part(
        ui,
        state,
        ui.say("Findings", "发现"),
        "select table_name, check_name, value, bound, severity, owner, is_blocking, advice from data_quality_alerts
         order by severity, table_name, check_name",
        Vec::new(),
        |rows| alerts_table(ui, rows),
    )
    .await
}

/// What was odd on the last whole day.
async fn odd(ui: &Ui, state: &Shared) -> Markup {
    part(
        ui,
        state,
        ui.say("Odd on the last whole day", "最近一个整天的异常"),
        "select table_name, measure, day, value, expected, low, high, severity, owner, is_blocking from data_quality_anomalies
         order by severity, abs(distance) desc, table_name",
        Vec::new(),
        |rows| odd_table(ui, rows),
    )
    .await
}

/// What changed most since the run before.
async fn changes(ui: &Ui, state: &Shared) -> Markup {
    part(
        ui,
        state,
        ui.say("Changed since the run before", "较上次运行的变化"),
        "select table_name, column_name, change, was, is_now, difference, since from data_quality_changes
         where change in ('rows', 'new_values', 'gone_values', 'missing', 'new_column', 'gone_column')
         order by table_name, column_name, change",
        Vec::new(),
        |rows| changes_table(ui, rows),
    )
    .await
}

/// The rules that are broken.
async fn contracts(ui: &Ui, state: &Shared) -> Markup {
    part(
        ui,
        state,
        ui.say("Contracts that are broken", "不符的契约"),
        "select source || '.' || table_name as table_name, column_name, rule, expected, violations, rows, example, severity, owner
         from schema_contract_results where status = 'violated' order by severity, table_name, column_name, rule",
        Vec::new(),
        |rows| contracts_table(ui, rows),
    )
    .await
}

/// What exclusions take out.
async fn excluded(ui: &Ui, state: &Shared) -> Markup {
    part(
        ui,
        state,
        ui.say("Counts in no figure (exclude.toml)", "不计入指标（exclude.toml）"),
        "from exclusion_effects order by rule",
        Vec::new(),
        |rows| excluded_table(ui, rows),
    )
    .await
}

/// What was set aside, by reason.
async fn set_aside(ui: &Ui, state: &Shared) -> Markup {
    part(
        ui,
        state,
        ui.say("Set aside", "搁置"),
        "select source_table, reason, outcome, count(*) as rows, min(value) as example from rejected_rows
         group by source_table, reason, outcome order by rows desc, source_table, reason",
        Vec::new(),
        |rows| {
            let link = |rows: &Rows, row: usize| {
                format!(
                    "/console/quality/rejected?table={}&reason={}",
                    rows.text(row, "source_table"),
                    rows.text(row, "reason")
                )
            };
            let columns = [
                Col::new("source_table", ui.say("table", "表")),
                Col::new("reason", ui.say("reason", "原因")).linked(link),
                Col::new("outcome", ui.say("what was done", "处理")),
                Col::new("rows", ui.say("rows", "行数")),
                Col::new("example", ui.say("example", "例子")),
            ];
            filled(ui, rows, &table(ui, ui.say("Rows set aside, by reason", "按原因统计的搁置行"), rows, &columns))
        },
    )
    .await
}

/// What is most to be known, in boxes.
fn summary(ui: &Ui, rows: &Result<Rows, Refusal>) -> Markup {
    let Ok(rows) = rows else { return html! {} };
    let value = |column: &str| rows.number(0, column).map_or_else(|| "–".to_owned(), number);
    let both = |english: &str, chinese: &str, column: &str| format!("{} {}", value(column), ui.say(english, chinese));
    html! {
        div.cards {
            (card(ui.say("Score", "得分"), value("score"), &html! { (both("tables below 80", "张表低于 80", "poor")) }))
            (card(ui.say("Findings", "发现"), value("critical"), &html! { (ui.say("critical", "严重")) ", " (both("warnings", "警告", "warnings")) }))
            (card(ui.say("Odd figures", "异常指标"), value("odd"), &html! { (ui.say("on the last whole day", "最近一个整天")) }))
            (card(ui.say("Broken rules", "不符的规则"), value("broken"), &html! { (ui.say("of contracts", "契约")) }))
            (card(ui.say("Excluded", "已排除"), value("excluded"), &html! { (ui.say("exposures, by exclude.toml", "次曝光（exclude.toml）")) }))
        }
    }
}

/// A table, or that there is nothing in it.
fn filled(ui: &Ui, rows: &Rows, table: &Markup) -> Markup {
    html! {
        @if rows.is_empty() { (empty(ui.say("Nothing.", "没有。"), "")) } @else {
            (table)
            @if rows.is_cut { p.soft { (ui.say("Only the first rows are shown.", "仅显示前面的行。")) } }
        }
    }
}

fn lines(x: &str, y: &str, by: Option<&str>) -> Chart {
    Chart {
        kind: ChartKind::Line,
        x: Some(x.to_owned()),
        y: vec![y.to_owned()],
        by: by.map(str::to_owned),
        low_high: None,
    }
}

fn alerts_table(ui: &Ui, rows: &Rows) -> Markup {
    let [severity, owner, blocks] = finding_columns(ui);
    let columns = [
        severity,
        Col::new("table_name", ui.say("table", "表")).linked(to_table),
        Col::new("check_name", ui.say("check", "检查")),
        Col::new("value", ui.say("found", "结果")).of(Kind::Number),
        Col::new("bound", ui.say("usual up to", "常态上限")).of(Kind::Number),
        owner,
        blocks,
        Col::new("advice", ui.say("what to do", "如何处理")),
    ];
    filled(ui, rows, &table(ui, ui.say("Findings", "发现"), rows, &columns))
}

fn odd_table(ui: &Ui, rows: &Rows) -> Markup {
    let [severity, owner, blocks] = finding_columns(ui);
    let figure =
        |column: &'static str, title| Col::new(column, title).shown(move |rows, row| day_figure(rows, row, column));
    let columns = [
        severity,
        Col::new("table_name", ui.say("table", "表")).linked(to_table),
        Col::new("measure", ui.say("figure", "指标")),
        Col::new("day", ui.say("day", "日期")),
        figure("value", ui.say("was", "实际")),
        figure("expected", ui.say("expected", "预期")),
        figure("low", ui.say("from", "下限")),
        figure("high", ui.say("to", "上限")),
        owner,
        blocks,
    ];
    filled(ui, rows, &table(ui, ui.say("Odd figures", "异常指标"), rows, &columns))
}

fn changes_table(ui: &Ui, rows: &Rows) -> Markup {
    let columns = [
        Col::new("table_name", ui.say("table", "表")).linked(to_table),
        Col::new("column_name", ui.say("column", "列")),
        Col::new("change", ui.say("change", "变化")),
        Col::new("was", ui.say("was", "此前")),
        Col::new("is_now", ui.say("is now", "现在")),
        Col::new("difference", ui.say("difference", "差")).of(Kind::Number),
        Col::new("since", ui.say("since", "自")),
    ];
    filled(ui, rows, &table(ui, ui.say("What changed", "变化"), rows, &columns))
}

fn contracts_table(ui: &Ui, rows: &Rows) -> Markup {
    let [severity, owner, _] = finding_columns(ui);
    let columns = [
        severity,
        Col::new("table_name", ui.say("table", "表")).linked(to_table),
        Col::new("column_name", ui.say("column", "列")),
        Col::new("rule", ui.say("rule", "规则")),
        Col::new("expected", ui.say("asks for", "要求")),
        Col::new("violations", ui.say("rows that break it", "不符的行")),
        Col::new("rows", ui.say("of", "总行数")),
        Col::new("example", ui.say("example", "例子")),
        owner,
    ];
    filled(ui, rows, &table(ui, ui.say("Broken rules", "不符的规则"), rows, &columns))
}

fn excluded_table(ui: &Ui, rows: &Rows) -> Markup {
    let link =
        |rows: &Rows, row: usize| format!("/console/quality/rejected?reason=excluded_{}", rows.text(row, "rule"));
    let columns = [
        Col::new("rule", ui.say("rule", "规则")).linked(link),
        Col::new("lists", ui.say("lists", "列表")),
        Col::new("exposures", ui.say("exposures", "曝光")),
        Col::new("visits", ui.say("visits", "访问")),
        Col::new("orders", ui.say("orders", "订单")),
    ];
    filled(ui, rows, &table(ui, ui.say("What exclusions take out", "排除规则的效果"), rows, &columns))
}

/// One table: its checks, its days, what changed.
async fn one(ui: Ui, State(state): State<Shared>, Path(name): Path<String>) -> Response {
    let days = state.desk.rows(
        "select measure, day, value, low, high, is_odd from data_quality_expected where table_name = $1 order by measure, day",
        vec![json!(name)],
        5000,
    );
    let (checks, history, days, changes, columns, contracts) = tokio::join!(
        checks_of(&ui, &state, &name),
        history_of(&ui, &state, &name),
        days,
        changes_of(&ui, &state, &name),
        columns_of(&ui, &state, &name),
        contract_of(&ui, &state, &name)
    );
    let body = html! {
        (crumbs(&ui, &[(Section::Quality.path(), ui.say("Data quality", "数据质量"))]))
        (checks) (history)
        (section(ui.say("Days, beside what is expected of them", "每日与预期"), &days.map_or_else(|refusal| problem(&ui, &refusal), |rows| of_days(&ui, &rows))))
        (columns) (changes) (contracts)
    };
    page(&ui, Section::Quality, &name, &body)
}

/// The checks of a table.
async fn checks_of(ui: &Ui, state: &Shared, name: &str) -> Markup {
    part(
        ui,
        state,
        ui.say("Checks", "检查"),
        "select check_name, value, bound, penalty, anomalies, severity, owner, is_blocking from data_quality_checks
         where table_name = $1 order by penalty desc, check_name",
        vec![json!(name)],
        |rows| {
            let [severity, owner, blocks] = finding_columns(ui);
            let columns = [
                Col::new("check_name", ui.say("check", "检查")),
                Col::new("value", ui.say("found", "结果")).of(Kind::Number),
                Col::new("bound", ui.say("usual up to", "常态上限")).of(Kind::Number),
                Col::new("penalty", ui.say("takes off", "扣分比例")).of(Kind::Percent),
                Col::new("anomalies", ui.say("rows or days", "行或天")),
                severity,
                owner,
                blocks,
            ];
            filled(ui, rows, &table(ui, ui.say("Checks", "检查"), rows, &columns))
        },
    )
    .await
}

/// Its score over time.
async fn history_of(ui: &Ui, state: &Shared, name: &str) -> Markup {
    part(
        ui,
        state,
        ui.say("Score over time", "得分变化"),
        "select day, arg_max(value, as_of) as score from data_quality_history
         where table_name = $1 and check_name = 'score' group by day order by day",
        vec![json!(name)],
        |rows| draw(ui, "", &lines("day", "score", None), rows),
    )
    .await
}

/// What changed in it.
async fn changes_of(ui: &Ui, state: &Shared, name: &str) -> Markup {
    part(
        ui,
        state,
        ui.say("Changed since the run before", "较上次运行的变化"),
        "from data_quality_changes where table_name = $1 order by column_name, change",
        vec![json!(name)],
        |rows| changes_table(ui, rows),
    )
    .await
}

/// What its columns hold.
async fn columns_of(ui: &Ui, state: &Shared, name: &str) -> Markup {
    part(
        ui,
        state,
        ui.say("Columns", "各列"),
        "select column_name, rows - filled as missing, (rows - filled) / rows as missing_share, different, lowest, highest
         from data_quality_profile where table_name = $1 order by column_name",
        vec![json!(name)],
        |rows| {
            let columns = [
                Col::new("column_name", ui.say("column", "列")),
                Col::new("missing", ui.say("missing", "缺失")),
                Col::new("missing_share", ui.say("share", "比例")),
                Col::new("different", ui.say("different, about", "不同值（约）")),
                Col::new("lowest", ui.say("lowest", "最小")),
                Col::new("highest", ui.say("highest", "最大")),
            ];
            filled(ui, rows, &table(ui, ui.say("Columns", "各列"), rows, &columns))
        },
    )
    .await
}

/// Its contract.
async fn contract_of(ui: &Ui, state: &Shared, name: &str) -> Markup {
    part(
        ui,
        state,
        ui.say("Contract", "契约"),
        "select column_name, rule, expected, violations, rows, example, severity, owner, status from schema_contract_results
         where source || '.' || table_name = $1 order by violations desc, column_name, rule",
        vec![json!(name)],
        |rows| contracts_table(ui, rows),
    )
    .await
}

/// A chart for each measure, with the band in which a day is usual.
fn of_days(ui: &Ui, rows: &Rows) -> Markup {
    let mut measures: Vec<String> = (0..rows.len()).map(|row| rows.text(row, "measure")).collect();
    measures.dedup();
    let of = |measure: &str| Rows {
        columns: rows.columns.clone(),
        rows: (0..rows.len())
            .filter(|row| rows.text(*row, "measure") == measure)
            .map(|row| rows.rows[row].clone())
            .collect(),
        is_cut: false,
    };
    let chart = Chart { low_high: Some(("low".to_owned(), "high".to_owned())), ..lines("day", "value", None) };
    html! {
        @if measures.is_empty() { (empty(ui.say("Nothing is counted by day here.", "此表没有按日统计。"), "")) }
        @for measure in &measures { (draw(ui, measure, &chart, &of(measure))) }
    }
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    table: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    page: String,
}

/// The rows that were set aside, as they came.
async fn rejected(ui: Ui, State(state): State<Shared>, Query(wanted): Query<Wanted>) -> Response {
    let number = wanted.page.parse::<usize>().unwrap_or(1).clamp(1, 100_000);
    let fits = "($1 = '' or source_table = $1) and ($2 = '' or reason = $2)";
    let given = || vec![json!(wanted.table), json!(wanted.reason)];
    let skipped = (number - 1) * PER_PAGE;
    let count = format!("select count(*) as rows from rejected_rows where {fits}");
    let sql = format!(
        "select source_table, source_key, reason, column_name, left(value, 200) as value, outcome, file, row_number
         from rejected_rows where {fits}
         order by source_table, reason, source_key, file, row_number, column_name, value limit {PER_PAGE} offset {skipped}"
    );
    let (count, rows) = tokio::join!(state.desk.rows(&count, given(), 1), state.desk.rows(&sql, given(), PER_PAGE));
    let body = match (count, rows) {
        (Err(refusal), _) | (_, Err(refusal)) => problem(&ui, &refusal),
        (Ok(count), Ok(rows)) => {
            let columns = [
                Col::new("source_table", ui.say("table", "表")),
                Col::new("source_key", ui.say("key", "键")).of(Kind::Text),
                Col::new("reason", ui.say("reason", "原因")),
                Col::new("column_name", ui.say("column", "列")),
                Col::new("value", ui.say("value", "值")),
                Col::new("outcome", ui.say("what was done", "处理")),
                Col::new("file", ui.say("file", "文件")),
                Col::new("row_number", ui.say("row", "行号")),
            ];
            let total = count.number(0, "rows").unwrap_or_default() as usize;
            let shown = table(&ui, ui.say("Rows set aside", "搁置的行"), &rows, &columns);
            html! { (filled(&ui, &rows, &shown)) (paging(&ui, number, PER_PAGE, total)) }
        }
    };
    let fields = [
        Field::Text("table", ui.say("Table", "表"), &wanted.table),
        Field::Text("reason", ui.say("Reason", "原因"), &wanted.reason),
    ];
    let body = html! {
        (crumbs(&ui, &[(Section::Quality.path(), ui.say("Data quality", "数据质量"))]))
        (filters(&ui, "/console/quality/rejected", &fields))
        (body)
    };
    page(&ui, Section::Quality, ui.say("Rows set aside", "搁置的行"), &body)
}
