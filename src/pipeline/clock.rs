//! The moment that stands for now, and whether it may.

use anyhow::{Result, bail};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use super::step::Options;
use crate::common::language::t;
use crate::config::Config;
use crate::warehouse;

/// Before this (2026-01-01) no run can have been: a clock that says so was never set.
const FIRST_DAY: DateTime<Utc> = DateTime::from_timestamp_nanos(1_767_225_600_000_000_000);

/// The end of this second: finer would be harder to type, and what was shown a moment ago is still seen.
///
/// # Errors
/// This machine's clock was never set.
pub fn now() -> Result<DateTime<Utc>> {
    let now = Utc::now().trunc_subsecs(0) + TimeDelta::seconds(1);
    if now < FIRST_DAY {
        bail!(t!(
            "this machine's clock says {}; set it, or name the time with --as-of",
            "本机时钟为 {}；请校准，或用 --as-of 给出时间",
            now.format("%Y-%m-%d %H:%M:%S UTC")
        ));
    }
    Ok(now)
}

/// Refuses a moment before the one that the published warehouse stands for: rows that are known already would lie in its
/// future. A clock that was set back is the usual cause.
///
/// # Errors
/// It is before that, and may not be.
pub fn require_later(config: &Config, options: &Options) -> Result<()> {
    if options.may_be_past || !config.warehouse_path().exists() {
        return Ok(());
    }
    let published = warehouse::published_as_of(&*warehouse::open_published(config)?)?;
    if options.as_of >= published {
        return Ok(());
    }
    let time = |moment: DateTime<Utc>| moment.format("%Y-%m-%d %H:%M:%S").to_string();
    if published > now()? {
        bail!(t!(
            "the published warehouse stands for {} UTC, which is ahead of this machine's clock: a run by a wrong \
             clock, or a wrong --as-of, made it; say --as-of-past once to come back",
            "已发布仓库对应的时刻是 {} UTC，晚于本机时钟：它出自一次时钟不准或 --as-of 有误的运行；加一次 \
             --as-of-past 即可退回",
            time(published)
        ));
    }
    bail!(t!(
        "the published warehouse stands for {} UTC, and this run for {}, which is before that; set this \
         machine's clock, or say --as-of-past where it is meant",
        "已发布仓库对应的时刻是 {} UTC，本次运行为 {}，比它早；请校准本机时钟，确有此意则加 --as-of-past",
        time(published),
        time(options.as_of)
    ));
}
