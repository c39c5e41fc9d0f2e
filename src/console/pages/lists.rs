//! Lists that are looked into, and two of them side by side: versions, variants or visitors, on one dataset or on a sample.
//! All of them are previews: no log, no figure and no cache knows of them.

use std::collections::HashMap;

use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use serde_json::Value;

use crate::common::device::Device;
use crate::common::language::spoken;
use crate::console::features;
use crate::console::layout::problem;
use crate::console::parts::{self, Field, badge, empty, number, percent, price};
use crate::console::{Section, Ui, page};
use crate::embed::neural::{Places, is_address};
use crate::model::{self, Channel, Feature, Model};
use crate::recommend::{Explained, Explanation, Reason, Recommended, Standing, Words};
use crate::serve::{Preview, Shared, Shown, State as Server, Wanted};

/// How long a list is that is looked into.
pub(super) const TOP_N: usize = 10;

/// How many datasets a sample has.
const SAMPLE: usize = 20;

/// Its routes.
pub fn routes() -> Router<Shared> {
    Router::new().route(Section::Lists.path(), get(show))
}

/// The parameters of an address, as its forms make them.
pub(super) type Given = HashMap<String, String>;

/// A parameter that says something.
pub(super) fn said<'a>(given: &'a Given, name: &str) -> &'a str {
    given.get(name).map_or("", |value| value.trim())
}

/// What a form says of the visitor who is shown a list. `side` stands before the names of its parameters.
pub(super) fn wanted(ui: &Ui, given: &Given, side: &str, dataset_id: i64) -> Result<Wanted, String> {
    let text = |name: &str| Some(said(given, &format!("{side}{name}")).to_owned()).filter(|text| !text.is_empty());
    let id = |text: String| {
        let wrong = || format!("{} {text}", ui.say("This is no id:", "这不是编号："));
        text.parse::<i64>().map_err(|_| wrong())
    };
    let device = match text("device") {
        None => Device::default(),
        Some(name) => {
            Device::named(&name).ok_or_else(|| format!("{} {name}", ui.say("No such device:", "没有这种设备：")))?
        }
    };
    let recent = text("recent").unwrap_or_default();
    let recent = recent.split([',', '，', ' ']).filter(|part| !part.is_empty()).map(|part| id(part.to_owned()));
    Ok(Wanted {
        dataset_id,
        user_id: text("user").map(id).transpose()?,
        recent: recent.collect::<Result<_, _>>()?,
        source: text("source").map(|source| source.to_lowercase()),
        device,
        version: text("version"),
        variant: text("variant"),
        top_n: TOP_N,
    })
}

/// The fields of such a form.
pub(super) fn fields<'a>(ui: &'a Ui, given: &'a Given, names: &'a [String; 6], choices: &Choices) -> Vec<Field<'a>> {
    let [user, recent, source, device, variant, version] = names;
    let any = |text: &str| vec![(String::new(), text.to_owned())];
    let plain = |names: &[String]| names.iter().map(|name| (name.clone(), name.clone())).collect::<Vec<_>>();
    let devices: Vec<String> = Device::ALL.iter().map(|device| device.name().to_owned()).collect();
    let usual = ui.say("as it comes", "按实际分配");
    vec![
        Field::Number(user, ui.say("User", "用户"), said(given, user)),
        Field::Text(recent, ui.say("Looked at before, newest first", "此前浏览（最新在前）"), said(given, recent)),
        Field::Text(source, ui.say("Source", "来源"), said(given, source)),
        Field::Choice(
            device,
            ui.say("Device", "设备"),
            said(given, device),
            [any(ui.say("any", "不限")), plain(&devices)].concat(),
        ),
        Field::Choice(
            variant,
            ui.say("Variant", "变体"),
            said(given, variant),
            [any(usual), plain(&choices.variants)].concat(),
        ),
        Field::Choice(
            version,
            ui.say("Version", "版本"),
            said(given, version),
            [any(usual), plain(&choices.versions)].concat(),
        ),
    ]
}

/// The names of those fields' parameters.
pub(super) fn names(side: &str) -> [String; 6] {
    ["user", "recent", "source", "device", "variant", "version"].map(|name| format!("{side}{name}"))
}

/// What may be chosen.
#[derive(Default)]
pub(super) struct Choices {
    variants: Vec<String>,
    versions: Vec<String>,
}

impl Choices {
    /// The variants that run and the versions on disk, the newest first.
    pub(super) fn of(state: &Server) -> Self {
        let versions = model::list(&state.config.models_dir).map(|all| all.whole).unwrap_or_default();
        let variants = Preview::new(state).map(|preview| preview.variants()).unwrap_or_default();
        Self { variants, versions: versions.into_iter().rev().map(|manifest| manifest.version).collect() }
    }
}

// ---- a list that is explained ----------------------------------------------------------------------------------------------

/// What a list is called: its version and variant, and whether it is no more than a fallback.
pub(super) fn heading<T>(ui: &Ui, shown: &Shown<T>) -> Markup {
    html! {
        p.soft.small {
            (ui.say("Version", "版本")) " " code { (shown.version.name()) } ", "
            (ui.say("variant", "变体")) " " code { (shown.variant) } ", "
            @if let Some(why) = shown.degraded { (badge("warn", &format!("{}: {why}", ui.say("fallback", "兜底")))) }
        }
    }
}

/// The title of a dataset with the way to its page.
pub(super) fn titled(model: &Model, item: u32) -> Markup {
    let about = model.item(item);
    let title = if about.title.is_empty() { about.dataset_id.to_string() } else { about.title.clone() };
    html! { a href={ (Section::Datasets.path()) "/" (about.dataset_id) } { (title) } }
}

/// A list, each place explained.
pub(super) fn explained(ui: &Ui, state: &Server, shown: &Shown<Explanation>) -> Markup {
    let model = &*shown.version.model;
    html! {
        p.soft.small { (ui.say("Candidates that the ranker ordered:", "排序器排列的候选数：")) " " (shown.list.ranked) }
        ol.items {
            @for (place, entry) in shown.list.places.iter().enumerate() {
                li {
                    span.place { (place + 1) }
                    (cover(state, model, entry.entry.item))
                    span.title { (titled(model, entry.entry.item)) }
                    span.price { (price(ui, model.item(entry.entry.item).price)) }
                    p.why { (reason(ui, &entry.entry.reason)) }
                    details id={ "why-" (place + 1) } {
                        summary { (ui.say("How it came here", "为何在此")) }
                        (why(ui, entry, place + 1))
                    }
                }
            }
        }
        @if !shown.list.hidden.is_empty() {
            h3 { (ui.say("Hidden by rules", "被规则隐藏")) }
            ul {
                @for (item, place) in shown.list.hidden.iter().take(TOP_N) {
                    li { (titled(model, *item)) " " span.soft { (ui.say("would stand at", "本应位于第")) " " (place) } }
                }
            }
        }
    }
}

fn reason(ui: &Ui, reason: &Reason) -> String {
    Words { reason, language: ui.language }.to_string()
}

/// A dataset's cover, where its file is at hand or it has an address.
pub(super) fn cover(state: &Server, model: &Model, item: u32) -> Markup {
    let about = model.item(item);
    let places = Places::of_urls(state.config.picture_roots());
    let is_there = |url: &String| is_address(url) || places.find(url).is_some_and(|path| path.is_file());
    html! {
        @if about.cover_image.as_ref().is_some_and(is_there) {
            img.cover src={ "/console/covers/" (about.dataset_id) } alt="" loading="lazy" width="64" height="48";
        }
    }
}

fn why(ui: &Ui, entry: &Explained, place: usize) -> Markup {
    let Some(standing) = &entry.standing else {
        return html! {
            p { @if entry.entry.reason == Reason::Pinned { (ui.say("A rule puts it here; no channel proposed it.", "由规则置于此处；没有通道召回它。")) }
                @else { (ui.say("It fills the list up: there were too few candidates.", "候选不足，以此补齐。")) } }
        };
    };
    html! {
        p { (moves(ui, standing, entry, place)) }
        (parts::scroll(ui.say("What each channel says", "各通道的意见"), &html! {
            table {
                thead { tr {
                    th scope="col" { (ui.say("Channel", "通道")) }
                    th.number scope="col" { (ui.say("Its own place", "通道内名次")) }
                    th.number scope="col" { (ui.say("Brings (log-odds)", "贡献（对数几率）")) }
                    th scope="col" { (ui.say("Says", "特征")) }
                } }
                tbody {
                    @for said in &standing.channels {
                        tr {
                            th scope="row" { (parts::channel(ui, said.channel.name())) }
                            td.number { @match said.place { Some(place) => (place), None => "–" } }
                            td.number { (signed(said.brought)) }
                            td.small { (says(ui, standing, said.channel)) }
                        }
                    }
                }
            }
        }))
    }
}

/// The way of a candidate from the prior to its place.
fn moves(ui: &Ui, standing: &Standing, entry: &Explained, place: usize) -> Markup {
    let step = |english: &str, chinese: &str, place: usize| html! { (ui.say(english, chinese)) " " b { (place) } };
    html! {
        (step("By the prior", "先验名次", standing.by_prior)) " → "
        (step("by the ranker", "排序名次", standing.by_score)) " (" (signed(standing.log_odds)) ")"
        @if standing.steered != 0.0 { ", " (ui.say("weights of the experiment", "实验权重")) " " (signed(standing.steered)) }
        @if standing.ruled != 0.0 { " → " (step("by rules", "规则后名次", standing.by_rules)) " (" (signed(standing.ruled)) ")" }
        " → " (step("in the list", "列表名次", place))
        @if entry.entry.reason == Reason::Pinned { ", " (ui.say("pinned by a rule", "由规则固定")) }
        @else if standing.by_rules != place { ", " (ui.say("moved for variety, limits or pins", "因多样性、限额或固定而移动")) }
        "."
    }
}

/// What a channel's own features say, those that say something.
fn says(ui: &Ui, standing: &Standing, channel: Channel) -> Markup {
    let own = Feature::ALL.into_iter().filter(|feature| feature.channel() == Some(channel));
    let own = own.map(|feature| (feature, standing.features[feature as usize])).filter(|(_, value)| *value != 0.0);
    html! {
        @for (place, (feature, value)) in own.enumerate() {
            @if place > 0 { ", " }
            span title=(features::sentence(ui, feature)) { (feature.name()) " " (number(f64::from(value))) }
        }
    }
}

fn signed(value: f32) -> String {
    let text = format!("{:.2}", value.abs());
    if text == "0.00" { text } else { format!("{}{text}", if value > 0.0 { '+' } else { '−' }) }
}

// ---- two lists side by side -------------------------------------------------------------------------------------------------

async fn show(ui: Ui, State(state): State<Shared>, Query(given): Query<Given>) -> Response {
    let choices = Choices::of(&state);
    let ids = match ids(&ui, &state, &given).await {
        Ok(ids) => ids,
        Err(problem) => return page(&ui, Section::Lists, "", &html! { (form(&ui, &given, &choices)) (problem) }),
    };
    let comparing = (ui.clone(), state.clone(), given.clone());
    let compared = tokio::task::spawn_blocking(move || {
        let (ui, state, given) = comparing;
        spoken(ui.language, || compare(&ui, &state, &given, &ids))
    });
    let body = html! {
        p.lead { (ui.say("Two versions, variants or visitors on the same page. Nothing of it is logged or counted; the address \
            holds all of it and can be shared.", "同一页面上的两个版本、变体或访客。均不记录、不计数；地址包含全部条件，可直接分享。")) }
        (form(&ui, &given, &choices))
        (compared.await.unwrap_or_default())
    };
    page(&ui, Section::Lists, "", &body)
}

/// The datasets whose lists are compared: the one that is named, else a sample of the most viewed.
async fn ids(ui: &Ui, state: &Server, given: &Given) -> Result<Vec<i64>, Markup> {
    match said(given, "dataset") {
        "" => {
            let sql = "select dataset_id from dataset_features_v2 where is_listed order by popularity_rank";
            let rows = state.desk.rows(sql, vec![], SAMPLE).await.map_err(|refusal| problem(ui, &refusal))?;
            Ok(rows.rows.iter().filter_map(|row| row.first().and_then(id)).collect())
        }
        text => match text.parse() {
            Ok(id) => Ok(vec![id]),
            Err(_) => Err(wrong(&format!("{} {text}", ui.say("This is no id of a dataset:", "这不是数据集编号：")))),
        },
    }
}

/// An id of the warehouse: a number, or text where it is a large one.
pub(super) fn id(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn wrong(text: &str) -> Markup {
    html! { p.problem role="alert" { (text) } }
}

fn form(ui: &Ui, given: &Given, choices: &Choices) -> Markup {
    let sides = [("a_", ui.say("First list", "第一个列表")), ("b_", ui.say("Second list", "第二个列表"))];
    html! {
        form method="get" action=(Section::Lists.path()) {
            div.filters {
                (parts::field(&Field::Number("dataset", ui.say("Dataset (a sample where it is empty)", "数据集（留空则取样本）"), said(given, "dataset"))))
            }
            div.columns {
                @for (side, title) in sides {
                    fieldset {
                        legend { (title) }
                        div.filters { @for field in fields(ui, given, &names(side), choices) { (parts::field(&field)) } }
                    }
                }
            }
            p { button.go { (ui.say("Compare", "对比")) } }
        }
    }
}

/// Two lists on one page.
struct Pair {
    first: Shown<Vec<Recommended>>,
    second: Shown<Vec<Recommended>>,
}

impl Pair {
    /// Which share of the first ten is in both.
    fn overlap(&self) -> f64 {
        let (first, second) = (self.first.datasets(), self.second.datasets());
        let most = first.len().max(second.len());
        if most == 0 { 1.0 } else { first.iter().filter(|id| second.contains(id)).count() as f64 / most as f64 }
    }
}

fn compare(ui: &Ui, state: &Server, given: &Given, ids: &[i64]) -> Markup {
    let both = |id: i64| -> Result<Pair, String> {
        let preview = Preview::new(state).map_err(|error| format!("{error:#}"))?;
        let list = |side: &str| {
            let wanted = wanted(ui, given, side, id)?;
            preview.list(&wanted).map_err(|error| format!("{error:#}"))
        };
        Ok(Pair { first: list("a_")?, second: list("b_")? })
    };
    let pairs: Vec<Pair> = match ids.iter().map(|id| both(*id)).collect() {
        Ok(pairs) => pairs,
        Err(problem) => return wrong(&problem),
    };
    match (ids, &pairs[..]) {
        ([_], [pair]) => side_by_side(ui, state, pair),
        ([], _) => empty(ui.say("There is no dataset in lists yet.", "还没有可推荐的数据集。"), ""),
        _ => sample(ui, ids, &pairs),
    }
}

fn side_by_side(ui: &Ui, state: &Server, pair: &Pair) -> Markup {
    let (first, second) = (pair.first.datasets(), pair.second.datasets());
    html! {
        section aria-label=(ui.say("Both lists", "两个列表")) {
            p { (ui.say("In both of the first ten:", "前十中两者皆有：")) " " b { (percent(pair.overlap())) } }
            div.columns {
                @for (shown, other) in [(&pair.first, &second), (&pair.second, &first)] {
                    div { (heading(ui, shown)) (moved(ui, state, shown, other)) }
                }
            }
        }
    }
}

/// A list with what moved against the other.
fn moved(ui: &Ui, state: &Server, shown: &Shown<Vec<Recommended>>, other: &[i64]) -> Markup {
    let model = &*shown.version.model;
    html! {
        ol.items {
            @for (place, entry) in shown.list.iter().enumerate() {
                @let about = model.item(entry.item);
                li {
                    span.place { (place + 1) }
                    (cover(state, model, entry.item))
                    span.title { (titled(model, entry.item)) }
                    span {
                        @match other.iter().position(|id| *id == about.dataset_id) {
                            None => (badge("warn", ui.say("only here", "仅此列表"))),
                            Some(there) if there == place => span.soft { "=" },
                            Some(there) if there > place => span.good { "↑ " (there - place) },
                            Some(there) => span.bad { "↓ " (place - there) },
                        }
                    }
                    p.why { (reason(ui, &entry.reason)) }
                }
            }
        }
    }
}

fn sample(ui: &Ui, ids: &[i64], pairs: &[Pair]) -> Markup {
    let mean = pairs.iter().map(Pair::overlap).sum::<f64>() / pairs.len() as f64;
    let same = pairs.iter().filter(|pair| pair.first.datasets() == pair.second.datasets()).count();
    html! {
        section aria-label=(ui.say("A sample", "样本")) {
            div.cards {
                (parts::card(ui.say("In both of the first ten, on average", "前十平均重合度"), percent(mean), &html! {}))
                (parts::card(ui.say("Pages with the very same list", "列表完全相同的页面"), format!("{same} / {}", pairs.len()), &html! {}))
            }
            (parts::scroll(ui.say("The sample, page by page", "样本逐页"), &html! {
                table {
                    thead { tr {
                        th scope="col" { (ui.say("Dataset", "数据集")) }
                        th.number scope="col" { (ui.say("In both", "重合")) }
                        th scope="col" { (ui.say("First place", "首位")) }
                        th scope="col" { (ui.say("Lists", "列表")) }
                    } }
                    tbody {
                        @for (id, pair) in ids.iter().zip(pairs) {
                            tr {
                                td.text { (page_title(pair, *id)) }
                                td.number { (percent(pair.overlap())) }
                                td {
                                    @if pair.first.datasets().first() == pair.second.datasets().first() { (ui.say("the same", "相同")) }
                                    @else { (badge("warn", ui.say("another", "不同"))) }
                                }
                                td { a href=(ui.with(&[("dataset", &id.to_string())])) { (ui.say("Side by side", "并排查看")) } }
                            }
                        }
                    }
                }
            }))
        }
    }
}

fn page_title(pair: &Pair, id: i64) -> Markup {
    let model = &pair.first.version.model;
    model.by_id.get(&id).map_or_else(|| html! { (id) }, |item| titled(model, *item))
}
