//! What is done in a release. What is about to be done is on disk before it is done, so that whoever comes next goes on where one
//! was killed.

use std::fs::File;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use super::judge::{Arm, Sums, Verdict, judge};
use super::state::{Look, Release, Stage, Undecided, read, write};
use crate::common::files;
use crate::common::language::{either, t};
use crate::common::lock::{self, Lock};
use crate::config::Config;
use crate::model::{self, Beside, Share};
use crate::{recommend, warehouse};

/// How often its time a release may take where there are too few exposures; then the current version stays.
const PATIENCE: i32 = 4;

const SUMS: &str = include_str!("sums.sql");

/// How a version is to be released.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The version.
    pub version: String,
    /// Which share of the visitors it answers.
    pub share: f64,
    /// For how long.
    pub time: TimeDelta,
    /// How many exposures both must have before anything is said.
    pub least_exposures: u64,
    /// What becomes of it where nothing is clear.
    pub undecided: Undecided,
}

/// One process at a time decides.
fn hold(config: &Config) -> Result<Lock> {
    let path = config.operations_dir().join("release.lock");
    files::make_dir(&config.operations_dir())?;
    let cannot = || t!("{} cannot be locked", "{} 无法加锁", path.display());
    let open = File::options().create(true).truncate(false).write(true).open(&path).with_context(cannot)?;
    drop(open);
    lock::wait(&path).with_context(cannot)
}

/// Begins a release.
///
/// # Errors
/// Another one is under way, there is no current version, or the new one cannot answer.
pub fn begin(config: &Config, plan: &Plan) -> Result<Release> {
    let _lock = hold(config)?;
    if let Some(other) = read(config)?.filter(|other| other.stage.is_under_way()) {
        bail!(t!(
            "version {} is being released; `nearset release show` tells how it stands, `nearset release abort` ends it",
            "版本 {} 正在发布；`nearset release show` 查看进展，`nearset release abort` 结束它",
            other.version
        ));
    }
    let current = model::require_current(&config.models_dir)?;
    if current == plan.version {
        bail!(t!("{current} is current already", "{current} 已是当前版本"));
    }
    model::verify(&config.models_dir, &plan.version)?;
    let mut release = Release {
        version: plan.version.clone(),
        current,
        share: plan.share,
        // as exposures say it
        began_at: Utc::now().trunc_subsecs(3),
        minutes: plan.time.num_minutes(),
        least_exposures: plan.least_exposures,
        undecided: plan.undecided,
        stage: Stage::Beginning,
        why: None,
        ended_at: None,
        looks: Vec::new(),
    };
    write(config, &release)?;
    if let Err(error) = give_share(config, &mut release) {
        end(config, &mut release, Stage::Ended, format!("{error:#}"))?;
        return Err(error);
    }
    Ok(release)
}

fn give_share(config: &Config, release: &mut Release) -> Result<()> {
    let share = Share { version: release.version.clone(), share: release.share, is_release: true };
    model::set_beside(&config.models_dir, Beside::Canary, Some(share), recommend::smoke)?;
    release.stage = Stage::Canary;
    write(config, release)
}

fn end(config: &Config, release: &mut Release, stage: Stage, why: String) -> Result<()> {
    tracing::info!("release of {}: {stage:?}: {why}", release.version);
    release.stage = stage;
    release.why = Some(why);
    release.ended_at = Some(Utc::now());
    write(config, release)
}

/// Whether the canary is this release's.
fn is_ours(config: &Config, release: &Release) -> Result<bool> {
    let canary = model::traffic(&config.models_dir)?.canary;
    Ok(canary.is_some_and(|canary| canary.is_release && canary.version == release.version))
}

/// Makes the version current.
fn promote(config: &Config, release: &mut Release, why: String) -> Result<()> {
    release.stage = Stage::Promoting;
    release.why = Some(why.clone());
    write(config, release)?;
    model::promote(&config.models_dir, &release.version, recommend::smoke)?;
    end(config, release, Stage::Promoted, why)
}

/// Takes the version's share away.
fn go_back(config: &Config, release: &mut Release, stage: Stage, why: String) -> Result<()> {
    release.stage = if stage == Stage::Ended { Stage::Ending } else { Stage::GoingBack };
    release.why = Some(why.clone());
    write(config, release)?;
    if is_ours(config, release)? {
        model::set_beside(&config.models_dir, Beside::Canary, None, recommend::smoke)?;
    }
    end(config, release, stage, why)
}

/// Goes on with the release that is under way: completes what was begun, looks at what was clicked, and decides. Returns it, or the
/// last; `None` where there never was one.
///
/// # Errors
/// The warehouse cannot be read, or a version cannot be made current.
pub fn go_on(config: &Config) -> Result<Option<Release>> {
    let has_canary = || anyhow::Ok(model::traffic(&config.models_dir)?.canary.is_some_and(|canary| canary.is_release));
    let is_under_way = |release: &Release| release.stage.is_under_way();
    if !read(config)?.as_ref().is_some_and(is_under_way) && !has_canary()? {
        return read(config);
    }
    let _lock = hold(config)?;
    let Some(mut release) = read(config)?.filter(is_under_way) else {
        if has_canary()? {
            tracing::warn!(
                "the canary is a release's of which nothing is known: it is ended, so that runs promote again"
            );
            model::set_beside(&config.models_dir, Beside::Canary, None, recommend::smoke)?;
        }
        return read(config);
    };
    let why = release.why.clone().unwrap_or_default();
    match release.stage {
        Stage::Beginning => give_share(config, &mut release)?,
        Stage::Promoting => promote(config, &mut release, why)?,
        Stage::GoingBack => go_back(config, &mut release, Stage::WentBack, why)?,
        Stage::Ending => go_back(config, &mut release, Stage::Ended, why)?,
        _ => {}
    }
    if release.stage == Stage::Canary {
        look_and_decide(config, &mut release)?;
    }
    Ok(Some(release))
}

fn look_and_decide(config: &Config, release: &mut Release) -> Result<()> {
    if model::current(&config.models_dir).as_ref() != Some(&release.current) || !is_ours(config, release)? {
        let why = "somebody changed which version is current or canary".to_owned();
        return go_back(config, release, Stage::Ended, why);
    }
    if !config.warehouse_path().exists() {
        return Ok(());
    }
    let look = look(config, release)?;
    let is_new = release.looks.last().is_none_or(|last| last.as_of < look.as_of);
    if !is_new {
        return Ok(());
    }
    release.keep(look.clone());
    write(config, release)?;
    match decide(release, &look) {
        Some((true, why)) => promote(config, release, why),
        Some((false, why)) => go_back(config, release, Stage::WentBack, why),
        None => Ok(()),
    }
}

/// Whether the version becomes current or goes, and why; `None` while that is open.
fn decide(release: &Release, look: &Look) -> Option<(bool, String)> {
    let time = TimeDelta::minutes(release.minutes);
    let said = match look.interval {
        Some(interval) => format!(
            "click rate {:.4} against {:.4}; the difference lies between {:+.4} and {:+.4}",
            look.new.clicks.rate(),
            look.current.clicks.rate(),
            interval.low,
            interval.high
        ),
        None => format!("{} and {} exposures", look.new.clicks.shown, look.current.clicks.shown),
    };
    let is_over = look.as_of >= release.until();
    match look.verdict {
        Verdict::Failing => Some((
            false,
            format!(
                "{:.1} % of its lists are fallbacks, {:.1} % of the current version's",
                100.0 * look.new.fallbacks.rate(),
                100.0 * look.current.fallbacks.rate()
            ),
        )),
        Verdict::Worse => Some((false, format!("clearly worse: {said}"))),
        Verdict::Better if is_over => Some((true, format!("clearly better: {said}"))),
        Verdict::Open if is_over => {
            Some((release.undecided == Undecided::Promote, format!("neither better nor worse: {said}")))
        }
        Verdict::TooFew if look.as_of >= release.began_at + time * PATIENCE => {
            Some((false, format!("too little was shown to tell: {said}")))
        }
        _ => None,
    }
}

/// What visitors of both versions did since the release began, as the published warehouse has it.
fn look(config: &Config, release: &Release) -> Result<Look> {
    let db = warehouse::glance(config)?;
    let as_of = warehouse::published_as_of(&db)?;
    let (mut new, mut current) = (Arm::default(), Arm::default());
    let mut statement = db.prepare(SUMS).context(either("the lists cannot be compared", "列表无法比较"))?;
    let began: DateTime<Utc> = release.began_at;
    let began = began.format("%Y-%m-%d %H:%M:%S%.3f").to_string();
    let mut rows = statement.query([&release.version, &release.current, &began])?;
    while let Some(row) = rows.next()? {
        let version: String = row.get(0)?;
        let sums = |from: usize| {
            anyhow::Ok(Sums {
                shown: row.get(from)?,
                counted: row.get(from + 1)?,
                shown_squared: row.get(from + 2)?,
                product: row.get(from + 3)?,
                counted_squared: row.get(from + 4)?,
            })
        };
        let arm = Arm { visitors: row.get(1)?, clicks: sums(2)?, fallbacks: sums(7)? };
        if version == release.version {
            new = arm;
        } else {
            current = arm;
        }
    }
    let (verdict, interval) = judge(&new, &current, release.least_exposures);
    Ok(Look { as_of, new, current, interval, verdict })
}

/// The release under way.
fn under_way(config: &Config) -> Result<Release> {
    read(config)?
        .filter(|release| release.stage.is_under_way())
        .context(either("no release is under way", "没有正在进行的发布"))
}

/// Makes the version of the release current now, whatever was clicked.
///
/// # Errors
/// No release is under way, or the version cannot be made current.
pub fn promote_now(config: &Config) -> Result<Release> {
    let _lock = hold(config)?;
    let mut release = under_way(config)?;
    promote(config, &mut release, "promoted by hand".to_owned())?;
    Ok(release)
}

/// Ends the release: the current version stays.
///
/// # Errors
/// No release is under way, or the share cannot be taken away.
pub fn abort(config: &Config) -> Result<Release> {
    let _lock = hold(config)?;
    let mut release = under_way(config)?;
    go_back(config, &mut release, Stage::Ended, "ended by hand".to_owned())?;
    Ok(release)
}

#[cfg(test)]
mod tests {
    use super::super::judge::Interval;
    use super::*;

    fn release(undecided: Undecided) -> Release {
        Release {
            version: "new".into(),
            current: "old".into(),
            share: 0.1,
            began_at: DateTime::UNIX_EPOCH,
            minutes: 60,
            least_exposures: 1000,
            undecided,
            stage: Stage::Canary,
            why: None,
            ended_at: None,
            looks: Vec::new(),
        }
    }

    #[test]
    fn the_rule_is_what_the_docs_say() {
        let at = |minutes: i64, verdict: Verdict| Look {
            as_of: DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes),
            new: Arm::default(),
            current: Arm::default(),
            interval: Some(Interval { difference: 0.0, low: -0.1, high: 0.1 }),
            verdict,
        };
        let decided =
            |minutes, verdict, undecided| decide(&release(undecided), &at(minutes, verdict)).map(|(yes, _)| yes);
        for (minutes, verdict, undecided, expected) in [
            (1, Verdict::Worse, Undecided::Promote, Some(false)),
            (1, Verdict::Failing, Undecided::Promote, Some(false)),
            (59, Verdict::Better, Undecided::Promote, None),
            (60, Verdict::Better, Undecided::Keep, Some(true)),
            (59, Verdict::Open, Undecided::Promote, None),
            (60, Verdict::Open, Undecided::Promote, Some(true)),
            (60, Verdict::Open, Undecided::Keep, Some(false)),
            (239, Verdict::TooFew, Undecided::Promote, None),
            (240, Verdict::TooFew, Undecided::Promote, Some(false)),
        ] {
            assert_eq!(
                decided(minutes, verdict, undecided),
                expected,
                "{verdict:?} after {minutes} minutes, {undecided:?}"
            );
        }
    }
}
