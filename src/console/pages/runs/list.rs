//! All runs, the newest first, and what runs next.

use anyhow::Result;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde::Deserialize;

use super::{act, address, run, state_badge, state_name};
use crate::common::language::spoken;
use crate::console::fragment::{blocking, fragment};
use crate::console::parts::{self, Field, Head, ago, badge, duration, empty, listed, number, paging, time};
use crate::console::{Section, Ui, page};
use crate::operations::run_log::{self, Look};
use crate::operations::schedule::{self, JobStanding, Standing};
use crate::serve::{Access, Shared};
use crate::warehouse::{JobOutcome, Outcome};

/// How many runs a page has.
const PER_PAGE: usize = 50;

/// What is asked for.
#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    state: String,
    #[serde(default)]
    page: Option<usize>,
}

pub async fn show(ui: Ui, access: Access, State(state): State<Shared>, Query(asked): Query<Asked>) -> Response {
    let (config, language) = (state.config.clone(), ui.language);
    let found =
        blocking(move || spoken(language, || Ok((run_log::all(&config)?, schedule::standing(&config, Utc::now())))));
    let body = match found.await {
        Ok((runs, jobs)) => html! {
            (act::done(&ui))
            div data-poll="/console/runs/now" { (under_way(&ui, &runs)) }
            (table(&ui, &runs, &asked))
            (act::start(&ui, access))
            (scheduled(&ui, jobs.as_deref()))
        },
        Err(error) => html! { p.problem role="alert" { (format!("{error:#}")) } },
    };
    page(&ui, Section::Runs, "", &body)
}

/// The run that goes on, again and again.
pub async fn now(ui: Ui, State(state): State<Shared>, headers: HeaderMap) -> Response {
    let config = state.config.clone();
    let piece = match blocking(move || run_log::all(&config)).await {
        Ok(runs) => under_way(&ui, &runs),
        Err(error) => html! { p.problem role="alert" { (format!("{error:#}")) } },
    };
    fragment(&headers, piece, false)
}

fn under_way(ui: &Ui, runs: &[Look]) -> Markup {
    let running = runs.last().filter(|look| look.outcome == Outcome::Running);
    html! {
        @if let Some(look) = running {
            p.note role="status" {
                (state_badge(ui, look.outcome)) " " a href=(address(&look.run)) { (look.run) } " "
                @if let Some(started) = look.started { (ui.say("began", "开始于")) " " (ago(ui, started)) ", " }
                (run::progress(ui, look, runs))
            }
        }
    }
}

fn table(ui: &Ui, runs: &[Look], asked: &Asked) -> Markup {
    if runs.is_empty() {
        return empty(
            ui.say("There was no run yet.", "还没有运行过。"),
            ui.say("nearset run makes the first.", "请运行 nearset run。"),
        );
    }
    let is_wanted = |look: &&Look| asked.state.is_empty() || look.outcome.name() == asked.state;
    let wanted: Vec<&Look> = runs.iter().rev().filter(is_wanted).collect();
    let place = asked.page.unwrap_or(1).max(1);
    let shown = wanted.iter().skip((place - 1) * PER_PAGE).take(PER_PAGE);
    let all = std::iter::once((String::new(), ui.say("all", "全部").to_owned()));
    let choices = all.chain(Outcome::ALL.map(|one| (one.name().to_owned(), state_name(ui, one)))).collect();
    let title = Section::Runs.title(ui);
    html! {
        section {
            (parts::filters(ui, Section::Runs.path(), &[Field::Choice("state", ui.say("State", "状态"), &asked.state, choices)]))
            (listed(title, &[
                Head::Words(ui.say("Run", "运行")),
                Head::Words(ui.say("State", "状态")),
                Head::Words(ui.say("Began", "开始")),
                Head::Figures(ui.say("Took", "用时")),
                Head::Words(ui.say("As of", "时点")),
                Head::Figures(ui.say("Steps", "步骤")),
                Head::Figures(ui.say("Rows", "行数")),
                Head::Words(ui.say("Error", "错误")),
            ], &html! {
                @for look in shown { (row(ui, look)) }
            }))
            (paging(ui, place, PER_PAGE, wanted.len()))
        }
    }
}

fn row(ui: &Ui, look: &Look) -> Markup {
    let rows: u64 = look.steps.iter().map(|step| step.rows).sum();
    let error = look.error.as_deref().unwrap_or_default();
    html! {
        tr {
            th scope="row" { a href=(address(&look.run)) { (look.run) } }
            td { (state_badge(ui, look.outcome)) }
            td { @if let Some(started) = look.started { (time(ui, started)) } }
            td.number { @if let Some(seconds) = look.seconds { (duration(ui, seconds)) } }
            td { @if let Some(as_of) = look.as_of { (time(ui, as_of)) } }
            td.number { (look.asked.len() - look.left().len()) " / " (look.asked.len()) }
            td.number { (number(rows as f64)) }
            td.text { (error.lines().next().unwrap_or_default()) }
        }
    }
}

fn scheduled(ui: &Ui, jobs: Result<&[JobStanding], &anyhow::Error>) -> Markup {
    let title = ui.say("What runs when", "定时任务");
    html! {
        section {
            h2 { (title) }
            @match jobs {
                Err(error) => p.problem role="alert" { (format!("{error:#}")) },
                Ok(jobs) => (listed(title, &[
                    Head::Words(ui.say("Job", "任务")),
                    Head::Words(ui.say("State", "状态")),
                    Head::Words(ui.say("When", "时间")),
                    Head::Words(ui.say("Next", "下次")),
                    Head::Words(ui.say("Last", "上次")),
                    Head::Words(ui.say("Command", "命令")),
                ], &html! {
                    @for job in jobs { (job_row(ui, job)) }
                })),
            }
        }
    }
}

fn job_row(ui: &Ui, job: &JobStanding) -> Markup {
    let moment =
        |at: Option<DateTime<Utc>>| html! { @if let Some(at) = at { (time(ui, at)) } @else { span.soft { "–" } } };
    html! {
        tr {
            th scope="row" { (job.name) }
            td { (standing(ui, job.state)) }
            td { code { (job.cron) } " " span.soft { (job.zone) } }
            td { (moment(job.next)) }
            td.text {
                (moment(job.last.as_ref().map(|last| last.slot)))
                @if let Some(last) = &job.last { " " (ended(ui, last.outcome)) " " span.soft { (duration(ui, (last.ended - last.began).as_seconds_f64())) } }
                @if let Some(error) = &job.error { br; span.bad { (error) } }
            }
            td { code { (job.command.join(" ")) } }
        }
    }
}

fn standing(ui: &Ui, state: Standing) -> Markup {
    let (kind, english, chinese) = match state {
        Standing::Waiting => ("", "waits", "等待下次"),
        Standing::Failed => ("bad", "failed", "失败"),
        Standing::Running => ("warn", "running", "运行中"),
        Standing::WaitsForLock => ("warn", "waits for another run", "等待另一次运行"),
        Standing::WaitsForRetry => ("bad", "is tried again", "等待重试"),
        Standing::Due => ("warn", "due", "已到时间"),
        Standing::Off => ("", "off", "已停用"),
        Standing::New => ("", "not scheduled yet", "尚未调度"),
    };
    badge(kind, ui.say(english, chinese))
}

fn ended(ui: &Ui, outcome: JobOutcome) -> Markup {
    let (kind, english, chinese) = match outcome {
        JobOutcome::Done => ("good", "done", "完成"),
        JobOutcome::HeldBack => ("warn", "model held back", "新模型未上线"),
        JobOutcome::Failed => ("bad", "failed", "失败"),
        JobOutcome::TimedOut => ("bad", "took too long", "超时"),
        JobOutcome::Interrupted => ("", "interrupted", "中断"),
        JobOutcome::Locked => ("", "another run went on", "另一次运行占用"),
    };
    badge(kind, ui.say(english, chinese))
}
