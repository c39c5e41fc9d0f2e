//! `nearset experiments`.

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use super::examples::examples;
use crate::common::language::{either, t};
use crate::common::terminal::{left, right, say};
use crate::config::Config;
use crate::evaluate::experiments::VariantResult;
use crate::operations::experiments::{self, Kept, Standing, Tuned};
use crate::serve::deployment::{Change, State, change};

#[derive(Debug, Subcommand)]
pub enum Experiments {
    /// All experiments: state, days, visitors, and what may be said of each variant
    #[command(after_help = examples(&["experiments list", "experiments list --json"]))]
    List(List),
    /// One experiment in depth, as the last run found it
    #[command(after_help = examples(&["experiments show content_and_variety", "experiments show content_and_variety --json"]))]
    Show(Show),
    /// Let an experiment run; a server takes that up within a second
    #[command(after_help = examples(&["experiments start content_and_variety"]))]
    Start(Start),
    /// Stop an experiment, and say how to keep one of its variants
    #[command(after_help = examples(&["experiments stop content_and_variety", "experiments stop content_and_variety --keep more_variety"]))]
    Stop(Stop),
    /// Give variants shares by their click rates; says what they would be, and writes them with --apply
    #[command(after_help = examples(&["experiments tune content_and_variety"]))]
    Tune(Tune),
}

#[derive(Debug, Args)]
pub struct List {
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct Show {
    /// Its name
    name: String,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct Start {
    /// Its name
    name: String,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct Stop {
    /// Its name
    name: String,
    /// Say what makes this variant everybody's
    #[arg(long, value_name = "VARIANT")]
    keep: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct Tune {
    /// Its name
    name: String,
    /// No variant gets a smaller share
    #[arg(long, value_name = "SHARE", default_value_t = 0.05)]
    least: f64,
    /// Write the shares to the file
    #[arg(long)]
    apply: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Experiments {
    pub fn run(self, config: &Config) -> Result<()> {
        match self {
            Self::List(List { json }) => {
                let all = experiments::standings(config)?;
                if json {
                    return print(&all);
                }
                list(config, &all);
                Ok(())
            }
            Self::Show(Show { name, json }) => {
                let standing = experiments::standing(config, &name)?;
                if json {
                    return print(&standing);
                }
                show(&standing);
                Ok(())
            }
            Self::Start(Start { name, json }) => {
                change(config, &name, &Change::Start)?;
                changed(config, &name, json, None)
            }
            Self::Stop(Stop { name, keep, json }) => {
                // a variant that is none is said before anything is stopped
                let kept = keep.map(|variant| experiments::keep(config, &name, &variant)).transpose()?;
                change(config, &name, &Change::Stop)?;
                changed(config, &name, json, kept.as_deref())
            }
            Self::Tune(Tune { name, least, apply, json }) => {
                let tuned = experiments::tune(config, &name, least, apply)?;
                if json {
                    return print(&tuned);
                }
                show_tuned(&name, &tuned, apply);
                Ok(())
            }
        }
    }
}

fn print(what: &impl serde::Serialize) -> Result<()> {
    say!("{}", serde_json::to_string_pretty(what)?);
    Ok(())
}

/// Says what became of an experiment that was started or stopped.
fn changed(config: &Config, name: &str, json: bool, kept: Option<&[Kept]>) -> Result<()> {
    let standing = experiments::standing(config, name)?;
    if json {
        return print(&serde_json::json!({ "name": name, "state": standing.state, "keep": kept }));
    }
    let state = standing.state.context(either("an experiment of the file", "文件中的实验"))?;
    let said = match state {
        State::Running => t!("{name} runs; servers take it up within a second", "{name} 正在运行；服务会在一秒内生效"),
        State::Planned => t!("{name} is active and begins at its start", "{name} 已启用，到开始时间自动运行"),
        State::Ended => t!(
            "{name} is active, and its end is past: nobody is assigned until the file says another",
            "{name} 已启用，但结束时间已过：在文件改动之前不会分配访客"
        ),
        State::Stopped => t!(
            "{name} is stopped; everybody gets what settings say within a second",
            "{name} 已停止；所有访客一秒内恢复为设置所定的列表"
        ),
    };
    say!("{said}");
    for one in kept.unwrap_or_default() {
        say!("  {}", either(&one.english, &one.chinese));
    }
    Ok(())
}

fn state_text(standing: &Standing) -> &'static str {
    match standing.state {
        Some(State::Planned) => either("planned", "未开始"),
        Some(State::Running) => either("running", "运行中"),
        Some(State::Ended) => either("ended", "已结束"),
        Some(State::Stopped) => either("stopped", "已停止"),
        None if standing.name == "holdout" => either("held out", "预留"),
        None => either("removed", "已移除"),
    }
}

/// What may be said of a variant.
fn verdict(result: &VariantResult) -> String {
    let Some(verdict) = result.verdict else { return either("the control", "对照组").to_owned() };
    let (english, chinese) = verdict.words();
    let said = either(english, chinese);
    match (result.decided_on, result.days_left) {
        (Some(day), _) => t!("{said} (since {day})", "{said}（自 {day} 起）"),
        (None, Some(days)) => t!("{said} (about {days} more days)", "{said}（约还需 {days} 天）"),
        (None, None) => said.to_owned(),
    }
}

fn list(config: &Config, all: &[Standing]) {
    if all.is_empty() {
        say!(
            "{}",
            t!(
                "there are no experiments; docs/experiments.md says how to write {}",
                "没有实验；{} 的写法见 docs/experiments.zh-CN.md",
                config.experiments_path().display()
            )
        );
    }
    for standing in all {
        let days = standing.days();
        say!("{}  {}  {}", left(&standing.name, 28), left(state_text(standing), 8), t!("{days} days", "{days} 天"));
        for result in &standing.results {
            variant_line(standing, result);
        }
    }
}

fn variant_line(standing: &Standing, result: &VariantResult) {
    let share =
        standing.share(&result.experiment_variant).map_or(String::new(), |share| format!("{:.1} %", share * 100.0));
    say!(
        "  {}  {}  {}  {}",
        left(&result.experiment_variant, 26),
        right(&share, 7),
        right(&t!("{} visitors", "{} 访客", result.visitors), 16),
        verdict(result)
    );
}

/// Two ends of an interval.
fn interval(low: Option<f64>, high: Option<f64>) -> String {
    low.zip(high).map_or_else(String::new, |(low, high)| {
        t!(", between {low:.4} and {high:.4}", "，在 {low:.4} 与 {high:.4} 之间")
    })
}

fn show(standing: &Standing) {
    say!("{}  {}", standing.name, state_text(standing));
    if let Some(plan) = &standing.plan {
        let moment = |moment: Option<chrono::DateTime<chrono::Utc>>| {
            moment.map_or_else(|| either("open", "未定").to_owned(), |moment| moment.format("%F %H:%M UTC").to_string())
        };
        let (start, end) = (moment(plan.period.start), moment(plan.period.end));
        say!("{}", t!("  from {start} to {end}, in lists of {}", "  自 {start} 至 {end}，列表：{}", plan.slot.name()));
        let (metric, least) = (plan.metric.name(), plan.least_effect * 100.0);
        say!(
            "{}",
            t!(
                "  compared by {metric}; a change of {least} % is worth finding",
                "  比较指标 {metric}；值得关注的变化为 {least} %"
            )
        );
    }
    if standing.results.is_empty() {
        say!("{}", either("  no run has seen lists of it yet", "  还没有运行读到它的列表"));
    }
    standing.results.iter().for_each(|result| show_variant(standing, result));
    if let Some(first) = standing.results.iter().find(|result| result.sample_ratio_p.is_some()) {
        let p = first.sample_ratio_p.unwrap_or_default();
        let said = match first.is_sample_ratio_off {
            true => either("off: find out why before anything is believed", "异常：先查明原因，再看其他数字"),
            false => either("as allocated", "与分配一致"),
        };
        say!("{}", t!("  sample ratio: {said} (p = {p:.4})", "  样本比例：{said}（p = {p:.4}）"));
    }
}

/// What a variant was shown and earned, and how it differs.
fn show_variant(standing: &Standing, result: &VariantResult) {
    variant_line(standing, result);
    say!(
        "{}",
        t!(
            "      {} lists, {} clicks, {} orders, {:.2} revenue; {} {:.4}{}",
            "      {} 列表，{} 点击，{} 订单，{:.2} 收入；{} {:.4}{}",
            result.lists,
            result.clicks,
            result.orders,
            result.revenue,
            result.metric,
            result.rate.unwrap_or_default(),
            interval(result.rate_low, result.rate_high)
        )
    );
    if let Some(difference) = result.difference {
        say!(
            "{}",
            t!(
                "      differs from the control by {difference:+.4} ({:+.1} %){}",
                "      与对照组相差 {difference:+.4}（{:+.1} %）{}",
                100.0 * result.effect.unwrap_or_default(),
                interval(result.difference_low, result.difference_high)
            )
        );
    }
}

fn show_tuned(name: &str, tuned: &[Tuned], is_applied: bool) {
    for one in tuned {
        say!(
            "{}  {:.1} % -> {:.1} %  {}",
            left(&one.variant, 28),
            one.share * 100.0,
            one.tuned * 100.0,
            t!("smoothed rate {:.4}", "平滑比率 {:.4}", one.smoothed_rate)
        );
    }
    let said = match is_applied {
        true => t!("written; servers take it up within a second", "已写入；服务会在一秒内生效"),
        false => t!(
            "nothing was changed; `nearset experiments tune {name} --apply` writes it",
            "未作修改；`nearset experiments tune {name} --apply` 写入"
        ),
    };
    say!("{said}");
}
