//! What is done when: looks at the clock, at the jobs and at what is under way, and begins what is due, one after the other.
//!
//! What it knows is in [`ScheduleState`], kept before a try begins and after it has ended; a try says itself how it ended, in
//! a file of its own. So a scheduler that is killed at any moment, and one that takes over from it, finds what is under
//! way, what is done and what is due.

use std::collections::HashSet;

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};

use super::job::{CatchUp, Job};
use crate::common::errors::describe;
use crate::operations::Clock;
use crate::warehouse::{JobEnd, JobFailure, JobOutcome, JobState, ScheduleState, Wait, Work};

/// A slot noticed later than this was missed: nobody looked when it came.
const ON_TIME: TimeDelta = TimeDelta::minutes(5);
/// How often is looked at least, and how often it is noted that somebody looks.
const LOOKS: TimeDelta = TimeDelta::seconds(60);
/// How often is looked at what is under way.
const WATCHES: TimeDelta = TimeDelta::milliseconds(500);
/// How far back missed slots are all caught up with.
const OLDEST: TimeDelta = TimeDelta::days(400);
/// How often a try may go down together with the scheduler before that counts as its failure.
const INTERRUPTIONS: u32 = 5;

/// One try of a slot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Try {
    /// The job's name.
    pub job: String,
    /// The moment that it stands for.
    pub slot: DateTime<Utc>,
    /// From 1, of this slot.
    pub number: u32,
}

/// How a try ended, as it says itself.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// When.
    pub at: DateTime<Utc>,
    /// In what way.
    pub how: How,
    /// Why it did not end well, in a line.
    pub error: String,
}

/// In what way a try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// By itself, with this code.
    Exited(i32),
    /// By itself, without a code, or it could not be begun.
    Broken,
    /// It took too long.
    TimedOut,
    /// It was told to stop.
    Interrupted,
}

impl How {
    /// What that means for a job: the exit codes of this program are known.
    pub fn outcome(self, job: &Job) -> JobOutcome {
        match self {
            Self::Exited(0) => JobOutcome::Done,
            Self::Exited(5) if job.is_own() => JobOutcome::HeldBack,
            Self::Exited(3) if job.is_own() => JobOutcome::Locked,
            Self::Exited(_) | Self::Broken => JobOutcome::Failed,
            Self::TimedOut => JobOutcome::TimedOut,
            Self::Interrupted => JobOutcome::Interrupted,
        }
    }
}

/// What is seen of a try.
#[derive(Clone, Debug, PartialEq)]
pub enum Sight {
    /// It goes on.
    UnderWay,
    /// It has ended.
    Ended(End),
    /// It is gone without a word: it never began, or was killed.
    Gone,
}

/// What a scheduler does in the world.
pub trait World {
    /// Begins a try.
    ///
    /// # Errors
    /// It cannot be begun, which counts as its failure.
    fn begin(&mut self, one: &Try) -> Result<()>;

    /// Looks at a try, of whichever scheduler.
    ///
    /// # Errors
    /// It cannot be seen; it is looked at again.
    fn look(&mut self, one: &Try) -> Result<Sight>;

    /// Tells a try to stop, and waits until it has, for some time at most.
    fn stop(&mut self, one: &Try);

    /// A try's end is kept: what it said of it is needed no more.
    fn forget(&mut self, one: &Try);

    /// Keeps the state.
    ///
    /// # Errors
    /// It is not kept: nothing is begun.
    fn keep(&mut self, state: &ScheduleState) -> Result<()>;
}

/// The scheduler.
pub struct Scheduler<'a, W> {
    jobs: Vec<Job>,
    state: ScheduleState,
    kept: ScheduleState,
    /// Tries that began under this very process.
    own: HashSet<Try>,
    clock: &'a dyn Clock,
    /// What it acts on.
    pub world: W,
}

impl<'a, W: World> Scheduler<'a, W> {
    /// Goes on from a state.
    pub fn new(jobs: Vec<Job>, state: ScheduleState, clock: &'a dyn Clock, world: W) -> Self {
        let mut scheduler = Self { jobs: Vec::new(), kept: state.clone(), state, own: HashSet::new(), clock, world };
        scheduler.state.scheduler = Some(std::process::id());
        scheduler.take(jobs);
        let now = clock.now();
        for job in scheduler.jobs.iter().filter(|job| job.catch_up == CatchUp::None) {
            if let Some(state) = scheduler.state.jobs.get_mut(&job.name) {
                // what waited when nobody looked any more was missed
                state.work.take_if(|work| work.began.is_none() && now - work.slot > ON_TIME);
            }
        }
        scheduler
    }

    /// Takes other jobs from now on. A new one, and one with another rhythm, begins with its next slot.
    pub fn take(&mut self, jobs: Vec<Job>) {
        let now = self.clock.now();
        self.jobs = jobs;
        for job in self.jobs.iter().filter(|job| job.is_enabled) {
            let rhythm = job.rhythm.text();
            let state = self.state.jobs.entry(job.name.clone()).or_insert_with(|| fresh(now));
            if state.rhythm != rhythm {
                state.rhythm = rhythm;
                state.through = now;
                state.work.take_if(|work| work.began.is_none());
            }
            state.next = job.rhythm.after(state.through);
        }
        let jobs = &self.jobs;
        self.state.jobs.retain(|name, state| {
            let job = jobs.iter().find(|job| job.name == *name);
            if job.is_none_or(|job| !job.is_enabled) {
                state.work.take_if(|work| work.began.is_none());
                (state.rhythm, state.next, state.failure) = (String::new(), None, None);
            }
            job.is_some() || state.work.is_some()
        });
    }

    /// How the jobs stand.
    #[cfg(test)]
    pub fn state(&self) -> &ScheduleState {
        &self.state
    }

    /// Does what is to be done now, and says when to look again.
    ///
    /// # Errors
    /// The state cannot be kept, or what is under way cannot be seen.
    pub fn look(&mut self) -> Result<DateTime<Utc>> {
        let now = self.clock.now();
        let ended = self.settle(now, false)?;
        self.take_up(now);
        self.keep(now)?;
        ended.iter().for_each(|one| self.world.forget(one));
        if self.under_way().is_none()
            && let Some(one) = self.first_due(now)
        {
            self.begin(&one, now)?;
        }
        Ok(self.next_look(now))
    }

    /// Stops what is under way, so that whoever schedules next begins it again.
    ///
    /// # Errors
    /// The state cannot be kept.
    pub fn end(&mut self) -> Result<()> {
        if let Some(one) = self.under_way() {
            tracing::info!("{}: told to stop", one.job);
            self.world.stop(&one);
        }
        let now = self.clock.now();
        let ended = self.settle(now, true)?;
        self.state.scheduler = None;
        self.keep(now)?;
        ended.iter().for_each(|one| self.world.forget(one));
        Ok(())
    }

    fn under_way(&self) -> Option<Try> {
        self.state.jobs.iter().find_map(|(name, state)| {
            let work = state.work.as_ref().filter(|work| work.began.is_some())?;
            Some(Try { job: name.clone(), slot: work.slot, number: work.tries })
        })
    }

    fn job(&self, name: &str) -> Option<&Job> {
        self.jobs.iter().find(|job| job.name == name)
    }

    /// Takes in how what was under way has ended.
    fn settle(&mut self, now: DateTime<Utc>, is_stopping: bool) -> Result<Option<Try>> {
        let Some(one) = self.under_way() else { return Ok(None) };
        let end = match self.world.look(&one)? {
            Sight::UnderWay => return Ok(None),
            Sight::Ended(end) => Some(end),
            Sight::Gone if self.own.contains(&one) && !is_stopping => {
                let error = "it ended without a word; perhaps it was killed, or memory ran out".to_owned();
                Some(End { at: now, how: How::Broken, error })
            }
            Sight::Gone => None,
        };
        self.own.remove(&one);
        let job = self.job(&one.job).filter(|job| job.is_enabled).cloned();
        let Some(state) = self.state.jobs.get_mut(&one.job) else { return Ok(None) };
        match (job, end) {
            (Some(job), Some(end)) => take_in(state, &job, end, now),
            (Some(job), None) => interrupted(state, &job, now, is_stopping),
            // it was taken out of the schedule meanwhile
            (None, _) => {
                state.work = None;
                if self.job(&one.job).is_none() {
                    self.state.jobs.remove(&one.job);
                }
            }
        }
        Ok(Some(one))
    }

    /// Takes up slots that have come.
    fn take_up(&mut self, now: DateTime<Utc>) {
        for job in self.jobs.iter().filter(|job| job.is_enabled) {
            let Some(state) = self.state.jobs.get_mut(&job.name) else { continue };
            let is_held = match (&state.work, job.catch_up) {
                (None, _) => false,
                (Some(_), CatchUp::All) => true,
                (Some(work), _) => work.began.is_some(),
            };
            if is_held || state.next.is_none_or(|next| next > now) {
                continue;
            }
            let slot = match job.catch_up {
                CatchUp::All => job.rhythm.after(state.through.max(now - OLDEST)).filter(|slot| *slot <= now),
                CatchUp::Last | CatchUp::None => job.rhythm.last_within(state.through, now),
            };
            let Some(slot) = slot else { continue };
            let is_on_time = now - slot <= ON_TIME;
            (state.through, state.next) = (slot, job.rhythm.after(slot));
            if !is_on_time && job.catch_up == CatchUp::None {
                tracing::info!("{}: its slot of {slot} was missed and is not made up for", job.name);
                continue;
            }
            if let Some(before) = &state.work {
                tracing::info!("{}: its slot of {} is passed over for that of {slot}", job.name, before.slot);
            }
            let late = job.jitter.num_milliseconds() as f64 * f64::from(rand::random::<u32>()) / f64::from(u32::MAX);
            let due = if is_on_time { slot + TimeDelta::milliseconds(late as i64) } else { now };
            state.work = Some(Work {
                slot,
                noticed: now,
                due,
                tries: 0,
                failures: 0,
                interruptions: 0,
                began: None,
                waits_for: None,
            });
        }
    }

    /// What is due first: in the order of slots, then in that of the file.
    fn first_due(&self, now: DateTime<Utc>) -> Option<Try> {
        let due = self.jobs.iter().filter_map(|job| {
            let work = self.state.jobs.get(&job.name)?.work.as_ref()?;
            (work.due <= now).then(|| Try { job: job.name.clone(), slot: work.slot, number: work.tries + 1 })
        });
        due.min_by_key(|one| one.slot)
    }

    fn begin(&mut self, one: &Try, now: DateTime<Utc>) -> Result<()> {
        let Some(work) = self.state.jobs.get_mut(&one.job).and_then(|state| state.work.as_mut()) else { return Ok(()) };
        (work.tries, work.began, work.waits_for) = (one.number, Some(now), None);
        let before = self.kept.clone();
        if let Err(error) = self.keep(now) {
            // what is not kept is not begun
            self.state = before;
            return Err(error);
        }
        tracing::info!("{}: begins for {}, try {}", one.job, one.slot, one.number);
        self.own.insert(one.clone());
        if let Err(error) = self.world.begin(one) {
            let end = End { at: now, how: How::Broken, error: describe(&error) };
            self.own.remove(one);
            let job = self.job(&one.job).cloned();
            if let (Some(job), Some(state)) = (job, self.state.jobs.get_mut(&one.job)) {
                take_in(state, &job, end, now);
            }
            self.keep(now)?;
        }
        Ok(())
    }

    /// Keeps the state where it has changed, and every minute.
    fn keep(&mut self, now: DateTime<Utc>) -> Result<()> {
        let since = self.kept.looked.map(|looked| now - looked);
        self.state.looked = self.kept.looked;
        if self.state != self.kept || since.is_none_or(|since| since >= LOOKS || since < TimeDelta::zero()) {
            self.state.looked = Some(now);
            self.world.keep(&self.state)?;
            self.kept = self.state.clone();
        }
        Ok(())
    }

    fn next_look(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        if self.under_way().is_some() {
            return now + WATCHES;
        }
        let moments = self.state.jobs.values().flat_map(|state| [state.next, state.work.as_ref().map(|work| work.due)]);
        moments.flatten().chain([now + LOOKS]).min().map_or(now, |first| first.max(now))
    }
}

fn fresh(now: DateTime<Utc>) -> JobState {
    JobState {
        rhythm: String::new(),
        through: now,
        next: None,
        work: None,
        last: None,
        succeeded: None,
        failure: None,
        usual_seconds: None,
    }
}

/// What a try's end means for its job.
fn take_in(state: &mut JobState, job: &Job, end: End, now: DateTime<Utc>) {
    let Some(mut work) = state.work.take() else { return };
    let outcome = end.how.outcome(job);
    if outcome == JobOutcome::Interrupted {
        state.work = Some(work);
        return interrupted(state, job, now, true);
    }
    let is_good = outcome.is_good();
    let error = (!is_good).then(|| end.error.clone());
    let began = work.began.take().unwrap_or(now);
    state.last = Some(JobEnd { slot: work.slot, began, ended: end.at, outcome, error });
    if is_good {
        let seconds = (end.at - began).as_seconds_f64().max(0.0);
        state.usual_seconds = Some(state.usual_seconds.map_or(seconds, |usual| 0.7 * usual + 0.3 * seconds));
        (state.succeeded, state.failure) = (Some(end.at), None);
        tracing::info!("{}: done for {} in {seconds:.1} s", job.name, work.slot);
        return;
    }
    if outcome == JobOutcome::Locked {
        // the longer it is held, the more seldom is asked
        let wait = TimeDelta::seconds((5 * i64::from(work.tries)).min(60));
        (work.due, work.waits_for) = (now + wait, Some(Wait::Lock));
        tracing::info!("{}: another run goes on; tried again in {} s", job.name, wait.num_seconds());
        state.work = Some(work);
        return;
    }
    let is_hopeless = job.is_own() && end.how == How::Exited(4);
    failed(state, job, work, end.error, is_hopeless, now);
}

fn failed(state: &mut JobState, job: &Job, mut work: Work, error: String, is_hopeless: bool, now: DateTime<Utc>) {
    work.failures += 1;
    work.began = None;
    let is_final = is_hopeless || work.failures > job.retries;
    let what_next = if is_final { "given up" } else { "tried again" };
    tracing::error!("{}: failed for {}, {what_next}: {error}", job.name, work.slot);
    let since = state.failure.as_ref().map_or(now, |failure| failure.since);
    state.failure = Some(JobFailure { since, slot: work.slot, at: now, error, is_final });
    if !is_final {
        (work.due, work.waits_for) = (now + job.retry_delay, Some(Wait::Retry));
        state.work = Some(work);
    }
}

/// A try ended together with the scheduler, or because that was told to stop.
fn interrupted(state: &mut JobState, job: &Job, now: DateTime<Utc>, is_orderly: bool) {
    let Some(mut work) = state.work.take() else { return };
    let began = work.began.take().unwrap_or(now);
    let error = "it was interrupted, since the scheduler ended".to_owned();
    let outcome = JobOutcome::Interrupted;
    state.last = Some(JobEnd { slot: work.slot, began, ended: now, outcome, error: Some(error.clone()) });
    if !is_orderly {
        work.interruptions += 1;
    }
    let is_too_late = job.catch_up == CatchUp::None && now - work.slot > ON_TIME && !is_orderly;
    if is_too_late {
        return failed(state, job, work, error + "; it is too late for it now", true, now);
    }
    if work.interruptions > INTERRUPTIONS {
        work.interruptions = 0;
        return failed(state, job, work, error + ", again and again", false, now);
    }
    (work.due, work.waits_for) = (now, Some(Wait::Scheduler));
    tracing::warn!("{}: interrupted for {}; it is run again", job.name, work.slot);
    state.work = Some(work);
}
