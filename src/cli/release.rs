//! `nearset release`.

use anyhow::{Context, Result, bail};
use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Subcommand};

use super::backup::watched;
use super::examples::examples;
use super::run::run_pipeline;
use crate::common::errors::describe;
use crate::common::language::{either, t};
use crate::common::priority;
use crate::common::progress::StepBar;
use crate::common::terminal::say;
use crate::config::{Config, parse_moment};
use crate::evaluate::{self, Difference, Subject, offline};
use crate::model;
use crate::operations::release::{self, Plan, Stage, Undecided, Verdict};
use crate::pipeline::{self, Options, Step};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Release {
    #[command(subcommand)]
    command: Option<Command>,
    /// Release this saved version; without it a run trains one
    #[arg(long)]
    version: Option<String>,
    /// The share of the visitors that it answers: 10% or 0.1
    #[arg(long, value_name = "SHARE", default_value = "10%", value_parser = share)]
    canary: f64,
    /// For how long, unless it is clearly worse: 30m, 12h or 3d
    #[arg(long = "for", value_name = "TIME", default_value = "3d", value_parser = time)]
    time: TimeDelta,
    /// How many exposures both versions must have before anything is said
    #[arg(long, value_name = "N", default_value_t = 1000)]
    min_exposures: u64,
    /// What becomes of it when the time is over and it is neither clearly better nor clearly worse
    #[arg(long, value_enum, default_value_t = Undecided::Promote)]
    undecided: Undecided,
    /// The run stands for this time, as in `nearset run`
    #[arg(long, value_name = "TIME", value_parser = parse_moment, conflicts_with = "version")]
    as_of: Option<DateTime<Utc>>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tell how the release stands, or how the last one ended
    #[command(after_help = examples(&["release show", "release show --json"]))]
    Show {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Look at what was clicked, and decide where that can be; a run and the scheduler do so by themselves
    #[command(after_help = examples(&["release continue"]))]
    Continue,
    /// Make the version current now
    #[command(after_help = examples(&["release --version $(ls models | grep ^2 | grep -v \"$(readlink models/current)\" | head -1) --for 1h", "release promote"]))]
    Promote,
    /// End the release: the current version stays
    #[command(after_help = examples(&["release --version $(ls models | grep ^2 | grep -v \"$(readlink models/current)\" | head -1) --canary 5%", "release abort"]))]
    Abort,
}

fn share(text: &str) -> Result<f64, String> {
    let number = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().ok().map(|percent| percent / 100.0),
        None => text.parse().ok(),
    };
    number.filter(|share| *share > 0.0 && *share < 1.0).ok_or_else(|| {
        t!(
            "{text:?} is no share; write 10% or 0.1: more than nothing, less than all",
            "{text:?} 不是比例；请写 10% 或 0.1，大于 0 且小于全部"
        )
    })
}

fn time(text: &str) -> Result<TimeDelta, String> {
    let minutes = [("m", 1), ("h", 60), ("d", 1440)].iter().find_map(|(unit, minutes)| {
        let number: i64 = text.strip_suffix(unit)?.parse().ok()?;
        (number > 0).then(|| number.saturating_mul(*minutes))
    });
    // ten years are a slip
    let found = minutes.filter(|minutes| *minutes <= 1440 * 3650).map(TimeDelta::minutes);
    found.ok_or_else(|| t!("{text:?} is no time; write 30m, 12h or 3d", "{text:?} 不是时长；请写 30m、12h 或 3d"))
}

impl Release {
    pub fn run(self, config: &Config) -> Result<()> {
        match self.command {
            Some(Command::Show { json }) => show(release::read(config)?.as_ref(), json),
            Some(Command::Continue) => show(release::go_on(config)?.as_ref(), false),
            Some(Command::Promote) => show(Some(&release::promote_now(config)?), false),
            Some(Command::Abort) => show(Some(&release::abort(config)?), false),
            None => self.begin(config),
        }
    }

    fn begin(self, config: &Config) -> Result<()> {
        if let Some(other) = release::read(config)?.filter(|other| other.stage.is_under_way()) {
            bail!(t!(
                "version {} is being released; `nearset release abort` ends that",
                "版本 {} 正在发布；`nearset release abort` 可结束它",
                other.version
            ));
        }
        model::require_current(&config.models_dir)?;
        let version = match self.version {
            Some(version) => {
                compare(config, &version)?;
                version
            }
            None => train(config, self.as_of)?,
        };
        let (share, time) = (self.canary, self.time);
        let plan = Plan { version, share, time, least_exposures: self.min_exposures, undecided: self.undecided };
        show(Some(&release::begin(config, &plan)?), false)
    }
}

/// Runs the pipeline, which compares what it trains with the current version on the same held-out visits; returns the new version.
fn train(config: &Config, as_of: Option<DateTime<Utc>>) -> Result<String> {
    priority::low_of_process();
    let as_of = as_of.map_or_else(pipeline::now, Ok)?;
    let options =
        Options { full_refresh: false, steps: Step::ALL.to_vec(), as_of, may_be_past: false, keeps_current: true };
    run_pipeline(config, &options, StepBar::default())?;
    let all = model::list(&config.models_dir)?.whole.into_iter();
    let mut newest = all.filter(|manifest| manifest.trained_at == as_of).map(|manifest| manifest.version);
    let current = model::current(&config.models_dir);
    newest.rfind(|version| Some(version) != current.as_ref()).context(either(
        "the run has trained no other version than the current one: there is nothing to release",
        "本次运行没有训练出不同于当前版本的新版本：没有可发布的内容",
    ))
}

/// Compares a saved version with the current one on the same visits, where there are such that neither has seen; fails where it is
/// clearly worse.
fn compare(config: &Config, version: &str) -> Result<()> {
    model::verify(&config.models_dir, version)?;
    let current = model::require_current(&config.models_dir)?;
    if current == version {
        bail!(t!("{current} is current already", "{current} 已是当前版本"));
    }
    let subject = Subject { versions: vec![version.to_owned(), current.clone()], from: None, brief: true };
    let replayed = watched("evaluate", |progress| {
        offline::evaluate(config, &evaluate::policy(config), &subject, &offline::folder(config), progress)
    });
    let found = match replayed {
        Ok(db) => evaluate::difference(&db, version, &current)?,
        Err(error) => {
            say!("{}", t!("not compared on visits: {}", "未在访问上比较：{}", describe(&error)));
            return Ok(());
        }
    };
    let Some(Difference { pairs, difference, margin }) = found else {
        say!(
            "{}",
            t!("not compared on visits: too few that neither has seen", "未在访问上比较：两者都没见过的访问太少")
        );
        return Ok(());
    };
    let said = t!(
        "on the same {pairs} steps of visits its hit rate@10 differs by {difference:+.4} ± {margin:.4} from that of {current}",
        "在同样的 {pairs} 步访问上，其命中率@10 与 {current} 相差 {difference:+.4} ± {margin:.4}"
    );
    if difference + margin < 0.0 {
        bail!(t!("{said}: it is clearly worse and is not released", "{said}：明显更差，不予发布"));
    }
    say!("{said}");
    Ok(())
}

fn show(release: Option<&release::Release>, json: bool) -> Result<()> {
    if json {
        say!("{}", serde_json::to_string_pretty(&release)?);
        return Ok(());
    }
    let Some(release) = release else {
        say!(
            "{}",
            t!("nothing was ever released; `nearset release` does it", "还没有发布过；用 `nearset release` 开始")
        );
        return Ok(());
    };
    let until = release.until().format("%Y-%m-%d %H:%M");
    let stage = match release.stage {
        Stage::Beginning | Stage::Canary => t!(
            "answers {} % of the visitors, until {until} UTC at least",
            "应答 {}% 的访客，至少到 {until} UTC",
            release.share * 100.0
        ),
        Stage::Promoting => either("is about to become current", "即将成为当前版本").to_owned(),
        Stage::GoingBack | Stage::Ending => either("is about to go back", "即将回退").to_owned(),
        Stage::Promoted => either("became current", "已成为当前版本").to_owned(),
        Stage::WentBack => t!("went back: {} stays current", "已回退：当前版本仍为 {}", release.current),
        Stage::Ended => t!("was ended: {} stays current", "已结束：当前版本仍为 {}", release.current),
    };
    say!("{} {stage}", release.version);
    if let Some(why) = &release.why {
        say!("  {why}");
    }
    if let Some(look) = release.looks.last() {
        show_look(release, look);
    }
    Ok(())
}

/// What was seen last.
fn show_look(release: &release::Release, look: &release::Look) {
    for (name, arm) in [(&release.version, &look.new), (&release.current, &look.current)] {
        say!(
            "{}",
            t!(
                "  {name}  {:>9} visitors {:>9} exposures {:>7} clicks  rate {:.4}  fallbacks {:.1} %",
                "  {name}  {:>9} 访客 {:>9} 曝光 {:>7} 点击  点击率 {:.4}  兜底 {:.1}%",
                arm.visitors,
                arm.clicks.shown,
                arm.clicks.counted,
                arm.clicks.rate(),
                100.0 * arm.fallbacks.rate()
            )
        );
    }
    let verdict = match look.verdict {
        Verdict::TooFew => either("too few exposures to say anything", "曝光太少，无法判断"),
        Verdict::Open => either("neither better nor worse so far", "目前分不出好坏"),
        Verdict::Better => either("clearly better", "明显更好"),
        Verdict::Worse => either("clearly worse", "明显更差"),
        Verdict::Failing => either("more of its lists are fallbacks", "兜底列表更多"),
    };
    let interval = look.interval.map_or(String::new(), |interval| {
        t!(
            "; the rates differ by {:+.4}, between {:+.4} and {:+.4}",
            "；点击率相差 {:+.4}，在 {:+.4} 与 {:+.4} 之间",
            interval.difference,
            interval.low,
            interval.high
        )
    });
    say!("{}", t!("  by {}: {verdict}{interval}", "  截至 {}：{verdict}{interval}", look.as_of));
}
