//! One version: what it was made of, how good its lists were, what each channel brings, what its ranker goes by, and what its
//! lists brought on line.

use std::fs;

use anyhow::Result;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde_json::json;

use super::change;
use super::figures::{FIGURES, of_version, rows};
use super::list::Look;
use crate::config::Config;
use crate::console::chart::draw;
use crate::console::features;
use crate::console::fragment::blocking;
use crate::console::layout::problem;
use crate::console::parts::{self, Head, badge, bytes, card, crumbs, empty, listed, number, percent, scroll, time};
use crate::console::{Section, Ui, page};
use crate::model::{self, Channel, Feature, ListFigures, Manifest, OfflineSummary};
use crate::query::{Refusal, Rows};
use crate::serve::{Access, Shared};
use crate::sql_project::Chart;

/// What its lists brought, day by day.
const ON_LINE: &str = "select day, requests, exposures, clicks, conversions, revenue, ctr, ctr_low, ctr_high
    from figures_by_day where breakdown = 'version' and value = $1 order by day";

/// The most days of it.
const DAYS: usize = 400;

/// What is read of a version's folder.
struct Inside {
    /// Its files with what they take.
    files: Vec<(String, u64)>,
    /// How much its ranker goes by each feature; none where nothing was learned.
    importance: Vec<(Feature, f64)>,
}

impl Inside {
    fn read(config: &Config, manifest: &Manifest) -> Result<Self> {
        let dir = config.models_dir.join(&manifest.version);
        let size = |name: &String| Some((name.clone(), fs::metadata(dir.join(name)).ok()?.len()));
        let ranker = model::ranker_of(&config.models_dir, &manifest.version)?;
        Ok(Self {
            files: manifest.files.keys().filter_map(size).collect(),
            importance: ranker.map(|ranker| ranker.importance()).unwrap_or_default(),
        })
    }
}

pub async fn show(ui: Ui, access: Access, State(state): State<Shared>, Path(version): Path<String>) -> Response {
    let look = match Look::take(&state).await {
        Ok(look) => look,
        Err(error) => {
            return page(&ui, Section::Models, &version, &html! { p.problem role="alert" { (format!("{error:#}")) } });
        }
    };
    let above = crumbs(&ui, &[(Section::Models.path(), Section::Models.title(&ui))]);
    let Some(manifest) = look.versions.whole.iter().find(|manifest| manifest.version == version).cloned() else {
        let text = ui.say("There is no such version, or it is damaged.", "没有这个版本，或它已损坏。");
        let body = html! { (above) p.problem role="alert" { (text) } };
        return (StatusCode::NOT_FOUND, page(&ui, Section::Models, "", &body)).into_response();
    };
    let (config, read) = (state.config.clone(), manifest.clone());
    let inside = blocking(move || Inside::read(&config, &read)).await;
    let on_line = state.desk.rows(ON_LINE, vec![json!(version)], DAYS).await;
    let body = html! {
        (above)
        p { (look.roles(&ui, &version)) }
        (cards(&ui, &manifest))
        (change::forms(&ui, access, &look, Some(&version)))
        (on_line_section(&ui, &on_line))
        (held_out(&ui, manifest.metrics.as_ref()))
        (trials(&ui, &manifest))
        @match &inside {
            Ok(inside) => { (importance(&ui, &inside.importance)) (made_of(&ui, &manifest, &inside.files)) },
            Err(error) => p.problem role="alert" { (format!("{error:#}")) },
        }
    };
    page(&ui, Section::Models, &version, &body)
}

fn cards(ui: &Ui, manifest: &Manifest) -> Markup {
    let pairs = manifest.metrics.as_ref().map(|summary| summary.holdout.pairs);
    let steps = pairs.map(|pairs| format!("{} {}", number(pairs as f64), ui.say("held-out steps", "个留出步骤")));
    let list = of_version(manifest);
    html! {
        @if list.is_some() {
            div.cards {
                @for figure in FIGURES.iter().take(4).chain(&FIGURES[6..7]) {
                    (card(figure.title(ui), figure.of(list).map_or("–".to_owned(), |value| figure.written(value)), &html! { (steps.clone().unwrap_or_default()) }))
                }
            }
        }
    }
}

fn on_line_section(ui: &Ui, found: &Result<Rows, Refusal>) -> Markup {
    let title = ui.say("On line", "线上表现");
    let chart = Chart::read("line x=day y=ctr low=ctr_low high=ctr_high");
    html! {
        section {
            h2 { (title) }
            @match (found, chart) {
                (Ok(rows), _) if rows.is_empty() => (empty(ui.say("No list of this version was shown so far.", "该版本的列表尚未展示过。"), "")),
                (Ok(rows), Ok(chart)) => (draw(ui, ui.say("Click rate by day", "每日点击率"), &chart, rows)),
                (Err(refusal), _) => (problem(ui, refusal)),
                (_, Err(error)) => p.problem role="alert" { (error.to_string()) },
            }
        }
    }
}

/// What people call a list of the held-out figures.
pub fn list_name(ui: &Ui, name: &str) -> String {
    let known = [
        ("all", "all pages", "全部页面"),
        ("cold", "pages hardly anybody viewed", "冷门页面"),
        ("warm", "pages that were viewed", "有浏览的页面"),
        ("behaviour", "behaviour", "行为"),
        ("graph", "graph", "图"),
        ("sessions", "sessions", "会话"),
        ("content", "content", "内容"),
        ("visual", "pictures", "图片"),
        ("lists", "lists", "列表点击"),
        ("taste", "taste", "兴趣"),
        ("popular", "popular", "热门"),
        ("trending", "trending", "趋势"),
        ("similar", "similar", "相似"),
        ("personal", "personal", "个人"),
    ];
    let found = known.iter().find(|(word, ..)| *word == name);
    found.map_or_else(|| name.to_owned(), |(_, english, chinese)| ui.say(english, chinese).to_owned())
}

fn held_out(ui: &Ui, summary: Option<&OfflineSummary>) -> Markup {
    let Some(summary) = summary else {
        let cure = ui.say("There were too few visits to hold any out.", "访问太少，没有留出。");
        return empty(ui.say("It has no held-out figures.", "没有离线指标。"), cure);
    };
    let whole = (ui.say("the whole", "整体").to_owned(), &summary.metrics);
    let baseline = (ui.say("the most viewed, for comparison", "基线：最热门").to_owned(), &summary.baseline.popular);
    let is_channel = |name: &str| Channel::ALL.iter().any(|channel| channel.name() == name);
    let named = |wanted: Option<bool>| {
        let all = summary
            .segments
            .iter()
            .filter(move |_| wanted.is_none())
            .chain(summary.channels.iter().filter(move |(name, _)| wanted == Some(is_channel(name))));
        all.map(|(name, list)| (list_name(ui, name), list))
    };
    html! {
        section {
            h2 { (ui.say("Held-out figures", "离线指标")) }
            @if let (Some(from), Some(to)) = (&summary.holdout.from, &summary.holdout.to) {
                p.soft { (ui.say("Held out of training:", "训练时留出：")) " " (parts::moment(ui, from)) " – " (parts::moment(ui, to)) }
            }
            (lists(ui, ui.say("List", "列表"), std::iter::once(whole).chain(named(None)).chain([baseline])))
        }
        @if !summary.channels.is_empty() {
            section {
                h2 { (ui.say("What each channel finds alone", "各召回通道单独的效果")) }
                (lists(ui, ui.say("Channel", "通道"), named(Some(true))))
                (lists(ui, ui.say("Other lists", "其他列表"), named(Some(false))))
            }
        }
        (ablation(ui, summary))
    }
}

fn lists<'a>(ui: &Ui, title: &str, all: impl Iterator<Item = (String, &'a ListFigures)>) -> Markup {
    let all: Vec<_> = all.collect();
    html! {
        @if !all.is_empty() {
            (scroll(title, &html! {
                table {
                    thead { tr { th scope="col" { (title) } @for figure in &FIGURES { th.number scope="col" { (figure.title(ui)) } } } }
                    tbody { @for (name, list) in &all {
                        tr { th scope="row" { (name) } @for figure in &FIGURES { td.number { (figure.shown(list.measured())) } } }
                    } }
                }
            }))
        }
    }
}

/// What the whole loses without each part.
fn ablation(ui: &Ui, summary: &OfflineSummary) -> Markup {
    let title = ui.say("What each part brings", "各部分的贡献");
    let part =
        |list: &str| list.strip_prefix("detail without ").map_or_else(|| list.to_owned(), |name| list_name(ui, name));
    html! {
        @if !summary.ablation.is_empty() {
            section {
                h2 { (title) }
                p.soft { (ui.say("What the hit rate loses without it, with the 95 % margin.", "去掉该部分后命中率的下降，附 95% 误差。")) }
                (listed(title, &[
                    Head::Words(ui.say("Part", "部分")),
                    Head::Figures(FIGURES[0].title(ui)),
                    Head::Figures(ui.say("Margin", "误差")),
                    Head::Words(ui.say("Verdict", "判断")),
                ], &html! {
                    @for one in &summary.ablation {
                        @let (loss, margin) = (one.hit_rate_10_difference.map(|more| -more), one.hit_rate_10_margin);
                        tr {
                            th scope="row" { (part(&one.list)) }
                            td.number { (loss.map_or("–".to_owned(), percent)) }
                            td.number { (margin.map_or("–".to_owned(), |margin| format!("±{}", percent(margin)))) }
                            td { (verdict(ui, loss, margin)) }
                        }
                    }
                }))
            }
        }
    }
}

fn verdict(ui: &Ui, loss: Option<f64>, margin: Option<f64>) -> Markup {
    match loss.zip(margin) {
        Some((loss, margin)) if loss > margin => badge("good", ui.say("helps", "有效")),
        Some((loss, margin)) if loss < -margin => badge("bad", ui.say("harms", "有害")),
        Some(_) => badge("", ui.say("within chance", "不显著")),
        None => html! {},
    }
}

fn trials(ui: &Ui, manifest: &Manifest) -> Markup {
    let title = ui.say("Rankers that were tried", "试过的排序器");
    let Some(choice) = &manifest.ranker else { return html! {} };
    html! {
        section {
            h2 { (title) }
            p.soft {
                (number(choice.steps as f64)) " " (ui.say("steps to learn from,", "个学习步骤，")) " "
                (number(choice.measured_steps as f64)) " " (ui.say("to measure by; none of these was learned from.", "个用于评估且不参与学习。"))
            }
            (scroll(title, &html! {
                table {
                    thead { tr {
                        th scope="col" { (ui.say("Ranker", "排序器")) }
                        @for figure in [2, 0, 1].map(|place: usize| &FIGURES[place]) { th.number scope="col" { (figure.title(ui)) } }
                    } }
                    tbody { @for trial in &choice.trials {
                        tr {
                            th scope="row" { (trial.ranker) @if trial.ranker == choice.kept { " " (badge("good", ui.say("kept", "采用"))) } }
                            td.number { (number(trial.ndcg)) } td.number { (percent(trial.hit_rate)) } td.number { (number(trial.mrr)) }
                        }
                    } }
                }
            }))
        }
    }
}

fn importance(ui: &Ui, all: &[(Feature, f64)]) -> Markup {
    let title = ui.say("What the ranker goes by", "排序器依据的特征");
    let most = all.first().map_or(1.0, |(_, share)| *share);
    html! {
        @if !all.is_empty() {
            section {
                h2 { (title) }
                p.soft {
                    (ui.say(
                        "How many splits of its trees ask for a feature, and how large its weights in the network's first layer are.",
                        "树的分裂中用到该特征的比例，以及网络第一层中它的权重大小。",
                    ))
                }
                (listed(title, &[
                    Head::Words(ui.say("Feature", "特征")),
                    Head::Words(ui.say("Channel", "通道")),
                    Head::Figures(ui.say("Share", "占比")),
                    Head::Unseen(ui.say("As a bar", "条形")),
                    Head::Words(ui.say("What it is", "含义")),
                ], &html! {
                    @for (feature, share) in all {
                        tr {
                            th scope="row" { code { (feature.name()) } }
                            td { (feature.channel().map_or(String::new(), |channel| list_name(ui, channel.name()))) }
                            td.number { (percent(*share)) }
                            td style="min-width:8rem" { span.bar style=(format!("width:{:.1}%", 100.0 * share / most)) {} }
                            td.text { (features::sentence(ui, *feature)) }
                        }
                    }
                }))
            }
        }
    }
}

/// What a version is made of and with.
pub fn facts<'a>(ui: &'a Ui, manifest: &Manifest) -> Vec<(&'a str, Markup)> {
    let text = |value: &Option<String>| html! { (value.as_deref().unwrap_or(ui.say("none", "无"))) };
    let count = |value: usize| html! { (number(value as f64)) };
    let steps = manifest.metrics.as_ref().map_or(0, |summary| summary.holdout.pairs);
    let learned = manifest.ranker.as_ref();
    vec![
        (ui.say("Data up to", "数据截至"), time(ui, manifest.trained_at)),
        (ui.say("Datasets", "数据集"), count(manifest.items)),
        (ui.say("Listed datasets", "可推荐的数据集"), count(manifest.listed_items)),
        (ui.say("Held-out steps", "留出步骤"), count(steps as usize)),
        (
            ui.say("Ranker", "排序器"),
            html! { (learned.map_or(ui.say("hand-made weights", "手工权重"), |choice| &choice.kept)) },
        ),
        (ui.say("Steps it learned from", "学习步骤"), count(learned.map_or(0, |choice| choice.steps))),
        (ui.say("Text model", "文本模型"), text(&manifest.text_model)),
        (ui.say("Picture model", "图片模型"), text(&manifest.picture_model)),
        (ui.say("Length of text vectors", "文本向量维数"), count(manifest.dimensions)),
        (ui.say("Length of behaviour vectors", "行为向量维数"), count(manifest.behaviour_dimensions)),
        (ui.say("Weight of dense texts", "稠密文本权重"), html! { (number(f64::from(manifest.dense_weight))) }),
        (ui.say("Trained by nearset", "训练程序版本"), html! { (manifest.nearset_version) }),
        (ui.say("Form of its files", "文件格式"), html! { (manifest.format) }),
    ]
}

fn made_of(ui: &Ui, manifest: &Manifest, files: &[(String, u64)]) -> Markup {
    let all: u64 = files.iter().map(|(_, size)| size).sum();
    let table = rows(
        &[("file", "VARCHAR"), ("size", "VARCHAR")],
        files.iter().map(|(name, size)| vec![json!(name), json!(bytes(*size))]).collect(),
    );
    html! {
        section {
            h2 { (ui.say("Made of", "构成")) }
            (parts::facts(&facts(ui, manifest)))
            details {
                summary { (ui.say("Files", "文件")) " (" (bytes(all)) ")" }
                (parts::table(ui, ui.say("Files", "文件"), &table, &[
                    parts::Col::new("file", ui.say("File", "文件")),
                    parts::Col::new("size", ui.say("Size", "大小")),
                ]))
            }
        }
    }
}
