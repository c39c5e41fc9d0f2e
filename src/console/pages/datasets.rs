//! Datasets: all of them to browse and to search, and each with its figures, its list, and who lists it.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::lists::{self, Choices, Given, said};
use crate::common::language::spoken;
use crate::console::chart::draw_named;
use crate::console::layout::problem;
use crate::console::parts::{self, Col, Field, Kind, badge, empty, number, price};
use crate::console::{Section, Ui, page};
use crate::embed::neural::{Places, is_address};
use crate::query::{Refusal, Rows};
use crate::recommend::rules::{Action, Rule};
use crate::serve::{Preview, Reader, Shared, State as Server, found};
use crate::sql_project::Chart;

/// How many datasets a page of the list has.
const PER_PAGE: usize = 50;

/// How many are found by words.
const FOUND: usize = 100;

/// The columns that the list may be sorted by.
const SORTED: [&str; 9] =
    ["dataset_id", "title", "provider", "price", "views", "views_30d", "exposures", "clicks", "orders"];

/// What an unfiltered list is sorted by.
const USUAL: &str = "popularity_rank";

/// The largest cover that is sent, in bytes.
const LARGEST: u64 = 8 << 20;

/// Its routes.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route(Section::Datasets.path(), get(browse))
        .route("/console/datasets/{id}", get(one))
        .route("/console/covers/{id}", get(cover))
}

// ---- all of them -------------------------------------------------------------------------------------------------------------

async fn browse(ui: Ui, State(state): State<Shared>, Query(given): Query<Given>) -> Response {
    let words = said(&given, "words");
    let found = if words.is_empty() { Ok(None) } else { found(&state, words, FOUND).await.map(Some) };
    let body = match found {
        Ok(found) => listed(&ui, &state, &given, found).await,
        Err(error) => {
            let text = match error.code() {
                "no_model" => ui
                    .say("No model is loaded: nearset run trains one.", "没有加载模型：请先运行 nearset run。")
                    .to_owned(),
                "overloaded" => {
                    ui.say("The server is busy; try again in a moment.", "服务器正忙，请稍后再试。").to_owned()
                }
                _ => error.body().error.message,
            };
            html! { p.problem role="alert" { (text) } }
        }
    };
    page(&ui, Section::Datasets, "", &html! { (filters(&ui, &given)) (body) })
}

fn filters(ui: &Ui, given: &Given) -> Markup {
    let is_chosen = |name: &str| !said(given, name).is_empty();
    parts::filters(
        ui,
        Section::Datasets.path(),
        &[
            Field::Text("words", ui.say("Words", "关键词"), said(given, "words")),
            Field::Text("provider", ui.say("Provider", "供应方"), said(given, "provider")),
            Field::Text("tag", ui.say("Tag", "标签"), said(given, "tag")),
            Field::Number("price_from", ui.say("Price from", "价格不低于"), said(given, "price_from")),
            Field::Number("price_to", ui.say("Price to", "价格不高于"), said(given, "price_to")),
            Field::Check("unshown", ui.say("Never shown", "从未展示"), is_chosen("unshown")),
            Field::Check("cold", ui.say("Hardly viewed", "几乎无浏览"), is_chosen("cold")),
            Field::Check("unlisted", ui.say("Not in lists", "不可推荐"), is_chosen("unlisted")),
        ],
    )
}

/// The datasets that are asked for: `found` by words, and those of them that the filters let through.
async fn listed(ui: &Ui, state: &Server, given: &Given, found: Option<Vec<i64>>) -> Markup {
    let at = said(given, "page").parse::<usize>().ok().filter(|page| (1..=1_000_000).contains(page)).unwrap_or(1);
    let (conditions, parameters) = match conditions(given, found.as_deref()) {
        Ok(both) => both,
        Err(text) => {
            return html! { p.problem role="alert" { (ui.say("This is no number:", "这不是数字：")) " " (text) } };
        }
    };
    let sort = said(given, "sort");
    let (column, direction) = sort.strip_prefix('-').map_or((sort, "asc"), |column| (column, "desc"));
    let order = match SORTED.iter().find(|known| **known == column) {
        Some(column) => format!("{column} {direction} nulls last, dataset_id"),
        // found by words, the best comes first
        None if found.is_some() => "list_position(string_split($1, ','), cast(dataset_id as varchar))".to_owned(),
        None => format!("{USUAL}, dataset_id"),
    };
    let sql = format!(
        "select dataset_id, title, provider, price, views, views_30d, exposures, clicks, orders, is_listed, count(*) over () as total
        from dataset_features_v2 where {conditions} order by {order} limit {PER_PAGE} offset {}",
        (at - 1) * PER_PAGE
    );
    let rows = match state.desk.rows(&sql, parameters, PER_PAGE).await {
        Err(refusal) => return problem(ui, &refusal),
        Ok(rows) => rows,
    };
    if rows.is_empty() {
        return empty(
            ui.say("No dataset is so.", "没有符合条件的数据集。"),
            ui.say("Fewer conditions find more.", "减少条件可找到更多。"),
        );
    }
    let total = rows.number(0, "total").unwrap_or_default() as usize;
    let title = |rows: &Rows, row: usize| {
        let (id, title) = (rows.text(row, "dataset_id"), rows.text(row, "title"));
        let is_listed = rows.get(row, "is_listed").as_bool() == Some(true);
        html! {
            a href={ (Section::Datasets.path()) "/" (id) } { (if title.is_empty() { &id } else { &title }) }
            @if !is_listed { " " (badge("warn", ui.say("not in lists", "不可推荐"))) }
        }
    };
    let cost = |rows: &Rows, row: usize| html! { (price(ui, rows.number(row, "price"))) };
    let table = parts::table(
        ui,
        ui.say("Datasets", "数据集"),
        &rows,
        &[
            Col::new("title", ui.say("Title", "名称")).shown(title).of(Kind::Text).sortable(),
            Col::new("dataset_id", ui.say("Id", "编号")).of(Kind::Plain).sortable(),
            Col::new("provider", ui.say("Provider", "供应方")).sortable(),
            Col::new("price", ui.say("Price", "价格")).shown(cost).of(Kind::Money).sortable(),
            Col::new("views", ui.say("Views", "浏览")).sortable(),
            Col::new("views_30d", ui.say("In 30 days", "近 30 天")).sortable(),
            Col::new("exposures", ui.say("Shown", "曝光")).sortable(),
            Col::new("clicks", ui.say("Clicks", "点击")).sortable(),
            Col::new("orders", ui.say("Orders", "订单")).sortable(),
        ],
    );
    html! { (table) (parts::paging(ui, at, PER_PAGE, total)) }
}

/// What a form asks for as SQL and its parameters; what is no number, where a number is due.
fn conditions(given: &Given, found: Option<&[i64]>) -> Result<(String, Vec<Value>), String> {
    let (mut all, mut parameters) = (vec!["true".to_owned()], Vec::new());
    let mut bound = |value: Value| {
        parameters.push(value);
        format!("${}", parameters.len())
    };
    if let Some(found) = found {
        let ids: Vec<String> = found.iter().map(i64::to_string).collect();
        let place = bound(json!(ids.join(",")));
        // a list of ids is one parameter, which the order asks for too
        all.push(format!("list_contains(string_split({place}, ','), cast(dataset_id as varchar))"));
    }
    for (name, condition) in
        [("provider", "contains(lower(provider), lower({}))"), ("tag", "list_contains(tags, lower({}))")]
    {
        let value = said(given, name);
        if !value.is_empty() {
            all.push(condition.replace("{}", &bound(json!(value))));
        }
    }
    for (name, condition) in [("price_from", "price >= {}"), ("price_to", "price <= {}")] {
        let value = said(given, name);
        if !value.is_empty() {
            let number: f64 = value.parse().ok().filter(|n: &f64| n.is_finite()).ok_or_else(|| value.to_owned())?;
            all.push(condition.replace("{}", &bound(json!(number))));
        }
    }
    for (name, condition) in [("unshown", "exposures = 0"), ("cold", "is_cold"), ("unlisted", "not is_listed")] {
        if !said(given, name).is_empty() {
            all.push(condition.to_owned());
        }
    }
    Ok((all.join(" and "), parameters))
}

// ---- one of them -------------------------------------------------------------------------------------------------------------

/// What is known of one.
const FACTS: &str = "
    select
        title, description, array_to_string(tags, ' · ') as tags, provider, price, is_listed, is_deleted, age_days, days_since_view,
        views, views_30d, visitors, orders, revenue, exposures, clicks, smoothed_ctr, is_cold, popularity_rank, quality
    from dataset_features_v2 where dataset_id = $1";

/// Its days, the last hundred that anything has figures of.
const DAYS: &str = "
    select day, views, exposures, clicks, conversions, revenue from dataset_by_day
    where dataset_id = $1 and day > (select max(day) from figures_by_day) - 100
    order by day";

/// Where its visitors come from.
const FROM: &str = "
    select neighbours.dataset_id, features.title, neighbours.organic, neighbours.followed, neighbours.visits
    from behaviour_neighbours as neighbours
    left join dataset_features_v2 as features on features.dataset_id = neighbours.dataset_id
    where neighbours.neighbour_id = $1
    order by neighbours.organic desc, neighbours.visits desc, neighbours.dataset_id limit 10";

async fn one(ui: Ui, State(state): State<Shared>, Path(id): Path<String>, Query(given): Query<Given>) -> Response {
    let Ok(id) = id.parse::<i64>() else { return unknown(&ui, &id) };
    let asked = |sql: &'static str| state.desk.rows(sql, vec![json!(id)], 200);
    let listing = (ui.clone(), state.clone(), given.clone());
    let lists = tokio::task::spawn_blocking(move || {
        let (ui, state, given) = listing;
        spoken(ui.language, || of_the_model(&ui, &state, &given, id))
    });
    let (facts, days, from, lists) = tokio::join!(asked(FACTS), asked(DAYS), asked(FROM), lists);
    let (list, listing, picture, is_known) = lists.unwrap_or_default();
    let title = match &facts {
        Ok(rows) if !rows.is_empty() => rows.text(0, "title"),
        Ok(_) if !is_known => return unknown(&ui, &id.to_string()),
        _ => String::new(),
    };
    let title = if title.is_empty() { id.to_string() } else { title };
    let body = html! {
        (parts::crumbs(&ui, &[(Section::Datasets.path(), Section::Datasets.title(&ui))]))
        div.columns {
            section aria-label=(ui.say("Facts", "概况")) { (picture) (about(&ui, id, &facts)) }
            section aria-label=(ui.say("Figures over time", "历史数据")) { (over_time(&ui, &days)) }
        }
        section aria-labelledby="list" {
            h2 id="list" { (ui.say("Its list, as a visitor sees it", "访客看到的列表")) }
            (visitor(&ui, &state, &given, id))
            (list)
        }
        (rules(&ui, &state, id))
        div.columns {
            section aria-labelledby="listed" { h2 id="listed" { (ui.say("Who lists it", "被谁推荐")) } (listing) }
            section aria-labelledby="from" { h2 id="from" { (ui.say("Where its visitors come from", "访客从何处来")) } (come_from(&ui, &from)) }
        }
    };
    page(&ui, Section::Datasets, &title, &body)
}

fn unknown(ui: &Ui, id: &str) -> Response {
    let body = empty(
        &format!("{} {id}", ui.say("There is no dataset", "没有数据集")),
        ui.say("Search for it by its name in the list of datasets.", "可在数据集列表中按名称搜索。"),
    );
    (StatusCode::NOT_FOUND, page(ui, Section::Datasets, "", &body)).into_response()
}

fn about(ui: &Ui, id: i64, facts: &Result<Rows, Refusal>) -> Markup {
    let rows = match facts {
        Err(refusal) => return problem(ui, refusal),
        Ok(rows) if rows.is_empty() => {
            return empty(ui.say("The warehouse does not know it yet.", "仓库中还没有它。"), "");
        }
        Ok(rows) => rows,
    };
    let text = |name: &str| rows.text(0, name);
    let figure = |name: &str| html! { (rows.number(0, name).map_or_else(|| "–".to_owned(), number)) };
    let description: String = text("description").chars().take(600).collect();
    html! {
        @if rows.get(0, "is_deleted").as_bool() == Some(true) { p { (badge("bad", ui.say("deleted", "已删除"))) } }
        @else if rows.get(0, "is_listed").as_bool() != Some(true) { p { (badge("warn", ui.say("not in lists", "不可推荐"))) } }
        (parts::facts(&[
            (ui.say("Id", "编号"), html! { (id) }),
            (ui.say("Provider", "供应方"), html! { (text("provider")) }),
            (ui.say("Tags", "标签"), html! { (text("tags")) }),
            (ui.say("Price", "价格"), html! { (price(ui, rows.number(0, "price"))) }),
            (ui.say("Views", "浏览"), html! { (figure("views")) " (" (ui.say("30 days", "近 30 天")) " " (figure("views_30d")) ")" }),
            (ui.say("Orders", "订单"), figure("orders")),
            (ui.say("Revenue", "收入"), html! { (rows.number(0, "revenue").map_or_else(|| "–".to_owned(), parts::money)) }),
            (ui.say("Shown, clicked", "曝光、点击"), html! { (figure("exposures")) ", " (figure("clicks")) }),
            (ui.say("Rank by popularity", "热门名次"), figure("popularity_rank")),
            (ui.say("How whole its page is", "页面完整度"), html! { (rows.number(0, "quality").map_or_else(|| "–".to_owned(), parts::percent)) }),
        ]))
        @if !description.is_empty() { details { summary { (ui.say("Description", "描述")) } p { (description) } } }
    }
}

fn over_time(ui: &Ui, days: &Result<Rows, Refusal>) -> Markup {
    let rows = match days {
        Err(refusal) => return problem(ui, refusal),
        Ok(rows) if rows.is_empty() => {
            return empty(ui.say("Nothing happened to it in the last hundred days.", "近一百天没有任何记录。"), "");
        }
        Ok(rows) => rows,
    };
    let names = parts::figure_names(ui);
    let drawn = |title: &str, header: &str| {
        Chart::read(header).map(|chart| draw_named(ui, title, &chart, rows, &names)).unwrap_or_default()
    };
    html! {
        (drawn(ui.say("Views, and how often it was shown", "浏览与曝光"), "line x=day y=views,exposures"))
        (drawn(ui.say("Clicks in lists and orders through them", "列表点击与由此产生的订单"), "bar x=day y=clicks,conversions"))
    }
}

fn visitor(ui: &Ui, state: &Server, given: &Given, id: i64) -> Markup {
    let (names, choices) = (lists::names(""), Choices::of(state));
    let mut same = format!("/recommend/detail/{id}?test_token={}", state.console_token);
    for (name, parameter) in [("user", "user_id"), ("recent", "recent"), ("source", "source")] {
        if !said(given, name).is_empty() {
            let value: String = url::form_urlencoded::byte_serialize(said(given, name).as_bytes()).collect();
            same.push_str(&format!("&{parameter}={value}"));
        }
    }
    html! {
        p.soft { (ui.say("A preview: it is not logged, counted or cached.", "预览：不记录、不计数、不缓存。")) " "
            a href=(same) { (ui.say("The same from the API", "接口返回的同一列表")) } }
        (parts::filters(ui, &format!("{}/{id}", Section::Datasets.path()), &lists::fields(ui, given, &names, &choices)))
    }
}

/// What the model says of a dataset: its list, who lists it, its cover, and whether it is known at all.
fn of_the_model(ui: &Ui, state: &Server, given: &Given, id: i64) -> (Markup, Markup, Markup, bool) {
    let wrong = |text: String| html! { p.problem role="alert" { (text) } };
    let preview = match Preview::new(state) {
        Ok(preview) => preview,
        Err(error) => return (wrong(format!("{error:#}")), html! {}, html! {}, false),
    };
    let shown = lists::wanted(ui, given, "", id)
        .and_then(|wanted| preview.explained(&wanted).map_err(|error| format!("{error:#}")));
    let list = match shown {
        Ok(shown) => html! { (lists::heading(ui, &shown)) (lists::explained(ui, state, &shown)) },
        Err(text) => wrong(text),
    };
    let (found, asked) = preview.listing(id, lists::TOP_N);
    let listing = html! {
        p.soft { (ui.say("Pages whose first ten hold it, for a visitor nobody knows; of the pages that know it best, so many were \
            asked:", "对未知访客而言，前十含有它的页面；已在最了解它的页面中询问：")) " " (asked) }
        @if found.is_empty() { (empty(ui.say("No page lists it.", "没有页面推荐它。"), "")) }
        @else {
            (parts::scroll(ui.say("Who lists it", "被谁推荐"), &html! {
                table {
                    thead { tr {
                        th scope="col" { (ui.say("Page", "页面")) }
                        th.number scope="col" { (ui.say("Stands there at", "所在名次")) }
                    } }
                    tbody { @for lists in found.iter().take(20) { tr {
                        td { a href={ (Section::Datasets.path()) "/" (lists.dataset_id) } {
                            (if lists.title.is_empty() { lists.dataset_id.to_string() } else { lists.title.clone() })
                        } }
                        td.number { (lists.place) }
                    } } }
                }
            }))
            @if found.len() > 20 { p.soft { (ui.say("and so many more:", "另有：")) " " (found.len() - 20) } }
        }
    };
    let known = preview.known(id);
    let picture =
        known.as_ref().map(|(version, item)| html! { div.large { (lists::cover(state, &version.model, *item)) } });
    (list, listing, picture.unwrap_or_default(), known.is_some())
}

fn come_from(ui: &Ui, from: &Result<Rows, Refusal>) -> Markup {
    let rows = match from {
        Err(refusal) => return problem(ui, refusal),
        Ok(rows) if rows.is_empty() => {
            return empty(ui.say("No visitor came to it from another dataset.", "没有访客从其他数据集来到这里。"), "");
        }
        Ok(rows) => rows,
    };
    let title = |rows: &Rows, row: usize| {
        let (id, title) = (rows.text(row, "dataset_id"), rows.text(row, "title"));
        html! { a href={ (Section::Datasets.path()) "/" (id) } { (if title.is_empty() { id.clone() } else { title }) } }
    };
    parts::table(
        ui,
        ui.say("Where its visitors come from", "访客从何处来"),
        rows,
        &[
            Col::new("title", ui.say("From", "来自")).shown(title).of(Kind::Text),
            Col::new("organic", ui.say("By themselves", "自行前往")).of(Kind::Percent),
            Col::new("followed", ui.say("By lists", "经由列表")).of(Kind::Percent),
            Col::new("visits", ui.say("Visits with both", "同时浏览的访问")),
        ],
    )
}

/// The operator's rules that are about a dataset, as its page or as what they move.
fn rules(ui: &Ui, state: &Server, id: i64) -> Markup {
    let (rules, today) = (state.deployments.rules(), state.deployments.today());
    let Some(deployment) = state.deployments.current() else { return html! {} };
    let model = &deployment.current.model;
    let item = model.by_id.get(&id);
    let is_about = |rule: &Rule| item.is_some_and(|item| rule.items(model).contains(item));
    let named: Vec<(usize, &Rule)> = (rules.rules.iter().enumerate())
        .filter(|(_, rule)| rule.pages.contains(&id) || is_about(rule))
        .map(|(place, rule)| (place + 1, rule))
        .collect();
    if named.is_empty() {
        return html! {};
    }
    let action = |rule: &Rule| match rule.action {
        Action::Never => ui.say("never shown", "从不展示"),
        Action::Pin => ui.say("pinned", "固定"),
        Action::Boost => ui.say("boosted", "提升"),
        Action::Demote => ui.say("demoted", "降低"),
    };
    html! {
        section aria-labelledby="rules" {
            h2 id="rules" { (ui.say("Rules that name it", "涉及它的规则")) }
            ul {
                @for (place, rule) in named {
                    li {
                        (ui.say("Rule", "规则")) " " (place) ": " b { (action(rule)) }
                        @if let Some(position) = rule.position { " " (ui.say("at", "位置")) " " (position) }
                        @if let Some(factor) = rule.factor { " × " (factor) }
                        @if rule.pages.contains(&id) { ", " (ui.say("on its page", "在其页面上")) }
                        @if !rule.holds_on(today) { " " (badge("", ui.say("not today", "今日不生效"))) }
                        @if !rule.note.is_empty() { " " span.soft { (rule.note) } }
                    }
                }
            }
        }
    }
}

// ---- covers --------------------------------------------------------------------------------------------------------------------

/// What stands where a cover is not at hand.
const NO_COVER: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 3"/>"#;

/// A dataset's cover, from the folders that pictures are in; one at an address of its own is there.
async fn cover(_reader: Reader, State(state): State<Shared>, Path(id): Path<String>) -> Response {
    let kept = (header::CACHE_CONTROL, "private, max-age=3600");
    let url = state.deployments.current().and_then(|deployment| {
        let model = &deployment.current.model;
        model.item(*model.by_id.get(&id.parse().ok()?)?).cover_image.clone()
    });
    if let Some(address) = url.as_deref().filter(|url| is_address(url)) {
        return axum::response::Redirect::temporary(address).into_response();
    }
    let roots = state.config.picture_roots();
    let read = move || {
        let path = Places::of_urls(roots).find(&url?)?;
        let about = path.metadata().ok().filter(|about| about.is_file() && about.len() <= LARGEST)?;
        let bytes = std::fs::read(path).ok().filter(|bytes| bytes.len() as u64 == about.len())?;
        // what is none is not sent as one, whatever it is called
        let kind = image::guess_format(&bytes).ok()?.to_mime_type();
        Some((kind, bytes))
    };
    match tokio::task::spawn_blocking(read).await.ok().flatten() {
        Some((kind, bytes)) => ([(header::CONTENT_TYPE, kind), kept], bytes).into_response(),
        None => ([(header::CONTENT_TYPE, "image/svg+xml"), kept], NO_COVER).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_parameters_and_never_text_of_the_query() {
        let given =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Given>();
        let hostile = "'; drop table datasets; --";
        let (sql, parameters) =
            conditions(&given(&[("provider", hostile), ("price_from", "1e2"), ("cold", "1")]), Some(&[3, 1]))
                .expect("conditions");
        assert_eq!(
            sql,
            "true and list_contains(string_split($1, ','), cast(dataset_id as varchar)) and contains(lower(provider), lower($2)) \
             and price >= $3 and is_cold"
        );
        assert_eq!(parameters, [json!("3,1"), json!(hostile), json!(100.0)]);
        assert_eq!(conditions(&given(&[("price_to", "cheap")]), None).expect_err("no number"), "cheap");
    }
}
