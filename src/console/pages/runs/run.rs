//! One run: what it was asked for, its steps, what each said, and how far it is while it goes on.

use std::collections::BTreeMap;

use anyhow::Result;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use maud::{Markup, html};

use super::{act, address, state_badge};
use crate::common::language::spoken;
use crate::config::Config;
use crate::console::fragment::{blocking, fragment};
use crate::console::parts::{Head, badge, bytes, crumbs, duration, facts, listed, number, time};
use crate::console::{Section, Ui, page};
use crate::operations::run_log::{self, Kind, Line, Look, StartedBy};
use crate::serve::{Access, Shared};
use crate::warehouse::Outcome;

/// How many lines of a step's log are shown, the last of them.
const LINES: usize = 300;

/// A run with the logs of its steps.
struct Whole {
    look: Look,
    logs: Vec<(&'static str, Vec<Line>)>,
    /// How long each step took when it was last done before.
    usual: BTreeMap<String, f64>,
}

impl Whole {
    fn read(config: &Config, run: &str) -> Result<Self> {
        let look = run_log::look(config, run)?;
        let logs = run_log::steps_of(config, &look.run).into_iter();
        let logs = logs.map(|step| Ok((step, run_log::lines_of(config, &look.run, step)?))).collect::<Result<_>>()?;
        let usual = usual(&run_log::all(config)?, &look.run);
        Ok(Self { look, logs, usual })
    }
}

/// How long each step took when it was last done, in another run than this.
fn usual(runs: &[Look], but: &str) -> BTreeMap<String, f64> {
    let done = runs.iter().filter(|look| look.run != but).flat_map(|look| &look.steps);
    done.filter(|step| step.error.is_none()).map(|step| (step.step.clone(), step.seconds)).collect()
}

pub async fn show(ui: Ui, access: Access, State(state): State<Shared>, Path(run): Path<String>) -> Response {
    let (config, language, asked) = (state.config.clone(), ui.language, run.clone());
    let above = crumbs(&ui, &[(Section::Runs.path(), Section::Runs.title(&ui))]);
    match blocking(move || spoken(language, || Whole::read(&config, &asked))).await {
        Ok(whole) => {
            let goes_on = whole.look.outcome == Outcome::Running;
            let poll = goes_on.then(|| format!("{}/now", address(&whole.look.run)));
            let body = html! {
                (above)
                (act::done(&ui))
                (act::forms(&ui, access, &whole.look))
                div data-poll=[poll] { (piece(&ui, &whole)) }
            };
            page(&ui, Section::Runs, &whole.look.run, &body)
        }
        Err(error) => {
            let body = html! { (above) p.problem role="alert" { (format!("{error:#}")) } };
            (StatusCode::NOT_FOUND, page(&ui, Section::Runs, &run, &body)).into_response()
        }
    }
}

/// A run that goes on, again and again.
pub async fn now(ui: Ui, State(state): State<Shared>, Path(run): Path<String>, headers: HeaderMap) -> Response {
    let (config, language) = (state.config.clone(), ui.language);
    match blocking(move || spoken(language, || Whole::read(&config, &run))).await {
        Ok(whole) => fragment(&headers, piece(&ui, &whole), whole.look.outcome != Outcome::Running),
        Err(error) => fragment(&headers, html! { p.problem role="alert" { (format!("{error:#}")) } }, true),
    }
}

/// How far a run is, by how long its steps took before.
pub fn progress(ui: &Ui, look: &Look, runs: &[Look]) -> Markup {
    far(ui, look, &usual(runs, &look.run))
}

fn far(ui: &Ui, look: &Look, usual: &BTreeMap<String, f64>) -> Markup {
    let step = look.asked.get(look.steps.len());
    let whole: f64 = look.asked.iter().filter_map(|step| usual.get(step)).sum();
    let gone = look.started.map_or(0.0, |started| (Utc::now() - started).as_seconds_f64());
    html! {
        @match step { Some(step) => { (ui.say("at", "正在")) " " b { (step) } }, None => (ui.say("publishing", "正在发布")) }
        @if whole > 0.0 {
            " " progress value=(format!("{:.3}", (gone / whole).min(0.99))) max="1" aria-label=(ui.say("How far it is", "进度")) {}
            " " span.soft { (ui.say("the last took", "上次用时")) " " (duration(ui, whole)) }
        }
    }
}

fn piece(ui: &Ui, whole: &Whole) -> Markup {
    let look = &whole.look;
    html! {
        p {
            (state_badge(ui, look.outcome)) " "
            @if look.outcome == Outcome::Running { (far(ui, look, &whole.usual)) } @else { (how_to_go_on(ui, look)) }
        }
        @if let Some(error) = &look.error { pre.problem role="alert" { (error) } }
        (facts(&about(ui, look)))
        @if !look.notes.is_empty() { ul { @for note in &look.notes { li { (note) } } } }
        (steps(ui, look))
        (logs(ui, &whole.logs))
    }
}

fn how_to_go_on(ui: &Ui, look: &Look) -> Markup {
    let text = match (look.outcome, &look.goes_on_at) {
        (Outcome::Done, _) => ui.say("All of it is published.", "已全部发布。"),
        (Outcome::HeldBack, _) => {
            ui.say("Its figures are published, its model is not current.", "数据已发布，新模型未上线。")
        }
        (Outcome::Incomplete, _) => ui.say("The next run does what is left to do.", "下一次运行会补全。"),
        (_, Some(_)) => ui.say(
            "Nothing was published; another try goes on with what was done.",
            "未发布任何内容；重试会沿用已完成的步骤。",
        ),
        (_, None) => ui.say("Nothing was published.", "未发布任何内容。"),
    };
    html! { (text) }
}

fn about<'a>(ui: &'a Ui, look: &Look) -> Vec<(&'a str, Markup)> {
    let mut all = Vec::new();
    if let Some(started) = look.started {
        all.push((ui.say("Began", "开始"), time(ui, started)));
    }
    if let Some(as_of) = look.as_of {
        all.push((ui.say("As of", "时点"), time(ui, as_of)));
    }
    if let Some(seconds) = look.seconds {
        all.push((ui.say("Took", "用时"), html! { (duration(ui, seconds)) }));
    }
    if let Some(peak) = look.peak_bytes {
        all.push((ui.say("Peak memory", "内存峰值"), html! { (bytes(peak)) }));
    }
    if let Some(record) = &look.record {
        let full = if record.asked.options.full_refresh { " --full-refresh" } else { "" };
        all.push((ui.say("Steps", "步骤"), html! { (look.asked.join(", ")) (full) }));
        all.push((
            ui.say("Begun by", "发起"),
            html! { (by(ui, &record.started)) " · " (record.host) " · nearset " (record.nearset) },
        ));
    }
    if let Some(run) = &look.retries {
        all.push((ui.say("Another try of", "重试"), html! { (run) }));
    }
    if let Some(version) = &look.version {
        all.push((
            ui.say("Made current", "上线版本"),
            html! { a href=(format!("/console/models/{version}")) { (version) } },
        ));
    }
    all
}

fn by(ui: &Ui, started: &StartedBy) -> String {
    match started {
        StartedBy::Schedule { job, .. } => format!("{} {job}", ui.say("job", "任务")),
        StartedBy::Airflow { dag, dag_run, .. } => format!("Airflow {} ({dag_run})", dag.as_deref().unwrap_or("?")),
        StartedBy::User { name } => name.clone().unwrap_or_else(|| ui.say("a user", "用户").to_owned()),
    }
}

fn steps(ui: &Ui, look: &Look) -> Markup {
    let title = ui.say("Steps", "步骤");
    let longest = look.steps.iter().map(|step| step.seconds).fold(0.001, f64::max);
    html! {
        section {
            h2 { (title) }
            (listed(title, &[
                Head::Words(ui.say("Step", "步骤")),
                Head::Words(ui.say("State", "状态")),
                Head::Figures(ui.say("Took", "用时")),
                Head::Unseen(ui.say("As a bar", "条形")),
                Head::Figures(ui.say("Rows", "行数")),
                Head::Words(ui.say("Notes", "说明")),
            ], &html! {
                @for step in &look.steps {
                    tr {
                        th scope="row" { (step.step) }
                        td { @if step.state == "done" { (badge("good", ui.say("done", "完成"))) } @else { (badge("bad", ui.say("failed", "失败"))) } }
                        td.number { (duration(ui, step.seconds)) }
                        td style="min-width:8rem" { span.bar style=(format!("width:{:.1}%", 100.0 * step.seconds / longest)) {} }
                        td.number { (number(step.rows as f64)) }
                        td.text {
                            @if let Some(error) = &step.error { span.bad { (error.lines().next().unwrap_or_default()) } br; }
                            @for note in &step.notes { (note) br; }
                        }
                    }
                }
                @for step in look.left() {
                    tr { th scope="row" { (step) } td { span.soft { (ui.say("not yet", "尚未完成")) } } td {} td {} td {} td {} }
                }
            }))
        }
    }
}

fn logs(ui: &Ui, all: &[(&'static str, Vec<Line>)]) -> Markup {
    html! {
        @if !all.is_empty() {
            section {
                h2 { (ui.say("What each step said", "各步骤日志")) }
                @for (step, lines) in all {
                    details id=(format!("log-{step}")) open[lines.iter().any(|line| line.level == "error")] {
                        summary { (step) " (" (number(lines.len() as f64)) ")" }
                        (log(ui, step, lines))
                    }
                }
            }
        }
    }
}

fn log(ui: &Ui, step: &str, lines: &[Line]) -> Markup {
    let shown = &lines[lines.len().saturating_sub(LINES)..];
    html! {
        @if shown.len() < lines.len() {
            p.soft { (ui.say("The last", "最后")) " " (number(shown.len() as f64)) " " (ui.say("lines; nearset runs log shows all.", "行；nearset runs log 显示全部。")) }
        }
        (listed(step, &[
            Head::Words(ui.say("When", "时间")),
            Head::Words(ui.say("Level", "级别")),
            Head::Words(ui.say("What", "内容")),
            Head::Figures(ui.say("Took", "用时")),
            Head::Figures(ui.say("Rows", "行数")),
        ], &html! {
            @for line in shown {
                tr {
                    td { (line.at.with_timezone(&ui.zone).format("%H:%M:%S%.3f").to_string()) }
                    td { (level(line)) }
                    td.text { (what(ui, line)) @if let Some(error) = &line.error { pre { (error) } } }
                    td.number { @if let Some(seconds) = line.seconds { (duration(ui, seconds)) } }
                    td.number { @if let Some(rows) = line.rows { (number(rows as f64)) } }
                }
            }
        }))
    }
}

fn level(line: &Line) -> Markup {
    let kind = match line.level.as_str() {
        "error" => "bad",
        "warn" => "warn",
        _ => "soft",
    };
    html! { span class=(kind) { (line.level) } }
}

fn what(ui: &Ui, line: &Line) -> String {
    match line.event {
        Kind::StepStarted => ui.say("begins", "开始").to_owned(),
        Kind::StepFinished if line.error.is_some() => ui.say("failed", "失败").to_owned(),
        Kind::StepFinished => ui.say("done", "完成").to_owned(),
        Kind::Published => format!("{} {}", ui.say("published", "已发布"), line.version.as_deref().unwrap_or_default()),
        Kind::Retries => format!("{} {}", ui.say("another try of", "重试"), line.text),
        Kind::Ended => ui.say("the run has ended", "运行结束").to_owned(),
        Kind::At | Kind::Note | Kind::Log => line.text.clone(),
    }
}
