//! A month of the scheduler's life with a clock that the test moves: clock changes, sleeps, kills at any moment, a source that
//! is down. What must have run is worked out apart from it, from the days of the calendar.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use anyhow::{Result, bail};
use chrono::{DateTime, LocalResult, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::job::{CatchUp, Job};
use super::rhythm::Rhythm;
use super::scheduler::{End, How, Scheduler, Sight, Try, World};
use super::standing::alerts_of;
use crate::operations::{Clock, MovedClock, Severity};
use crate::warehouse::{JobOutcome, ScheduleState};

type Moment = DateTime<Utc>;

/// One execution of a job's command.
#[derive(Clone, Debug)]
struct Run {
    one: Try,
    ends: Moment,
    /// What it exits with; nothing where it is cut.
    code: Option<i32>,
}

/// What outlives a scheduler: the disk and the processes.
struct Machine {
    clock: Rc<MovedClock>,
    random: ChaCha8Rng,
    /// While the source is down, the pipeline's jobs fail.
    down: (Moment, Moment),
    disk: Option<ScheduleState>,
    child: Option<Run>,
    marks: HashMap<Try, End>,
    runs: Vec<Run>,
    writes: u64,
    /// Those that say more than that it looks.
    notable: Vec<u64>,
    /// The scheduler is killed at these writes of its state: before the disk has it, or after.
    kills: BTreeMap<u64, bool>,
}

impl Machine {
    /// Lets what is under way end where its time has come.
    fn go_on(&mut self) {
        let now = self.clock.now();
        if let Some(run) = self.child.take_if(|run| run.ends <= now) {
            let code = run.code.unwrap_or_default();
            self.marks.insert(run.one.clone(), End { at: run.ends, how: How::Exited(code), error: code.to_string() });
            self.runs.push(run);
        }
    }

    fn cut(&mut self) {
        let now = self.clock.now();
        self.runs.extend(self.child.take().map(|run| Run { ends: now, code: None, ..run }));
    }
}

struct Hands(Rc<RefCell<Machine>>);

impl World for Hands {
    fn begin(&mut self, one: &Try) -> Result<()> {
        let mut machine = self.0.borrow_mut();
        machine.go_on();
        assert!(machine.child.is_none(), "{one:?} begins beside {:?}", machine.child);
        let began = machine.clock.now();
        let is_pipeline = one.job == "pipeline" || one.job == "incremental";
        let is_down = is_pipeline && (machine.down.0..machine.down.1).contains(&began);
        let (minutes, code) = match (one.job.as_str(), machine.random.random_range(0..100)) {
            _ if is_down => (1, 1),
            ("pipeline" | "incremental", 0..5) => (0, 3),
            ("pipeline", 5..8) => (40, 5),
            ("pipeline", 8..14) => (30, 1),
            ("pipeline", 14..16) => (20, 4),
            ("pipeline", _) => (40, 0),
            ("incremental", 5..12) => (10, 1),
            ("incremental", _) => (12, 0),
            (_, 0..4) => (1, 1),
            _ => (1, 0),
        };
        let ends = began + TimeDelta::minutes(minutes) + TimeDelta::seconds(2);
        machine.child = Some(Run { one: one.clone(), ends, code: Some(code) });
        Ok(())
    }

    fn look(&mut self, one: &Try) -> Result<Sight> {
        let mut machine = self.0.borrow_mut();
        machine.go_on();
        Ok(match (&machine.child, machine.marks.get(one)) {
            (_, Some(end)) => Sight::Ended(end.clone()),
            (Some(child), None) if child.one == *one => Sight::UnderWay,
            _ => Sight::Gone,
        })
    }

    fn stop(&mut self, one: &Try) {
        let mut machine = self.0.borrow_mut();
        machine.go_on();
        if machine.child.as_ref().is_some_and(|child| child.one == *one) {
            machine.cut();
            let at = machine.clock.now();
            machine.marks.insert(one.clone(), End { at, how: How::Interrupted, error: String::new() });
        }
    }

    fn forget(&mut self, one: &Try) {
        self.0.borrow_mut().marks.remove(one);
    }

    fn keep(&mut self, state: &ScheduleState) -> Result<()> {
        let mut machine = self.0.borrow_mut();
        machine.writes += 1;
        let kill = machine.kills.get(&machine.writes).copied();
        let is_notable = machine.disk.as_ref().is_none_or(|disk| disk.jobs != state.jobs);
        if is_notable {
            let write = machine.writes;
            machine.notable.push(write);
        }
        if kill != Some(false) && is_notable {
            // what is kept is what can be read back
            let text = serde_json::to_string(state)?;
            machine.disk = Some(serde_json::from_str(&text)?);
        } else if kill != Some(false) {
            machine.disk = Some(state.clone());
        }
        if kill.is_some() {
            bail!("killed");
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Kill,
    Stop,
    Sleep,
}

/// What is done to the scheduler.
struct Plan {
    zone: Tz,
    start: Moment,
    days: i64,
    seed: u64,
    events: Vec<(Moment, Event)>,
    kills: BTreeMap<u64, bool>,
}

/// What became of it.
struct Life {
    jobs: Vec<Job>,
    runs: Vec<Run>,
    looks: Vec<Moment>,
    /// When nobody looked.
    away: Vec<(Moment, Moment)>,
    /// How often each job's failure began to be told.
    told: BTreeMap<String, usize>,
    /// The writes of its state that say more than that it looks.
    notable: Vec<u64>,
    kills: usize,
}

fn jobs(zone: Tz) -> Vec<Job> {
    let job = |name: &str, cron, zone, catch_up, retries, delay| {
        let rhythm = Rhythm::parse(cron, zone).expect("a rhythm");
        let job = Job::new(name.to_owned(), rhythm, vec!["nearset".to_owned(), "run".to_owned()]);
        Job { catch_up, retries, retry_delay: TimeDelta::minutes(delay), ..job }
    };
    vec![
        job("pipeline", "30 2 * * *", zone, CatchUp::Last, 1, 10),
        job("incremental", "0 */4 * * *", zone, CatchUp::Last, 1, 5),
        job("strict", "15 */6 * * *", Tz::UTC, CatchUp::None, 0, 5),
        job("report", "0 20 * * *", zone, CatchUp::All, 1, 5),
    ]
}

/// The slots of a job by the calendar.
fn slots(name: &str, zone: Tz, from: Moment, until: Moment) -> Vec<Moment> {
    let (zone, times): (Tz, &[(u32, u32)]) = match name {
        "pipeline" => (zone, &[(2, 30)]),
        "incremental" => (zone, &[(0, 0), (4, 0), (8, 0), (12, 0), (16, 0), (20, 0)]),
        "strict" => (Tz::UTC, &[(0, 15), (6, 15), (12, 15), (18, 15)]),
        _ => (zone, &[(20, 0)]),
    };
    let days = from.date_naive().pred_opt().expect("a day").iter_days();
    let walls = days.flat_map(|day| times.iter().filter_map(move |(hour, minute)| day.and_hms_opt(*hour, *minute, 0)));
    let moments = walls.map(|mut wall| {
        loop {
            match zone.from_local_datetime(&wall) {
                LocalResult::Single(moment) | LocalResult::Ambiguous(moment, _) => return moment.with_timezone(&Utc),
                LocalResult::None => wall += TimeDelta::minutes(1),
            }
        }
    });
    moments.skip_while(|slot| *slot <= from).take_while(|slot| *slot <= until).collect()
}

fn machine(
    clock: &Rc<MovedClock>,
    seed: u64,
    down: (Moment, Moment),
    kills: BTreeMap<u64, bool>,
) -> Rc<RefCell<Machine>> {
    Rc::new(RefCell::new(Machine {
        clock: clock.clone(),
        random: ChaCha8Rng::seed_from_u64(seed),
        down,
        disk: None,
        child: None,
        marks: HashMap::new(),
        runs: Vec::new(),
        writes: 0,
        notable: Vec::new(),
        kills,
    }))
}

/// The jobs whose failure is told.
fn failing_jobs(disk: &ScheduleState, now: Moment) -> BTreeSet<String> {
    let alerts = alerts_of(disk, now, |_, _| String::new()).into_iter();
    alerts.filter(|alert| alert.name == "JobFailed").map(|alert| alert.subject).collect()
}

/// That nobody schedules is told a quarter of an hour after a kill.
fn require_told(disk: &ScheduleState, now: Moment) {
    let alerts = alerts_of(disk, now, |_, _| String::new());
    assert!(alerts.iter().any(|alert| alert.name == "RunLate" && alert.subject.is_empty()), "{alerts:?}");
}

/// Lets something happen to a scheduler, and the time pass until somebody looks again.
fn befall(event: Event, scheduler: &mut Scheduler<'_, Hands>, machine: &RefCell<Machine>, random: &mut ChaCha8Rng) {
    let clock = machine.borrow().clock.clone();
    let gone = clock.now();
    match event {
        Event::Sleep => {
            let length = TimeDelta::minutes(random.random_range(20..600));
            if let Some(run) = &mut machine.borrow_mut().child {
                run.ends += length;
            }
            clock.to(gone + length);
        }
        Event::Stop => {
            scheduler.end().ok();
            clock.to(gone + TimeDelta::minutes(random.random_range(0..400)));
        }
        Event::Kill => {
            if random.random_bool(0.5) {
                machine.borrow_mut().cut();
            }
            let length = [0, 40, 900, 20_000][random.random_range(0..4)];
            clock.to(gone + TimeDelta::seconds(length));
            let disk = machine.borrow().disk.clone();
            if let Some(disk) = disk.filter(|disk| disk.scheduler.is_some() && length >= 900) {
                require_told(&disk, clock.now());
            }
        }
    }
}

fn live(plan: &Plan) -> Life {
    let clock = Rc::new(MovedClock::at(plan.start));
    let source_down = plan.start + TimeDelta::days(plan.days / 2);
    let down = (source_down, source_down + TimeDelta::days(1));
    let machine = machine(&clock, plan.seed, down, plan.kills.clone());
    let mut random = ChaCha8Rng::seed_from_u64(plan.seed + 1);
    let (jobs, end) = (jobs(plan.zone), plan.start + TimeDelta::days(plan.days));
    let fresh = || {
        let state = machine.borrow().disk.clone().unwrap_or_default();
        Scheduler::new(jobs.clone(), state, clock.as_ref(), Hands(machine.clone()))
    };
    let mut events = plan.events.iter().copied().peekable();
    let (mut looks, mut away, mut told, mut kills) = (Vec::new(), Vec::new(), BTreeMap::new(), 0);
    let (mut failing, mut seen) = (BTreeSet::new(), 0);
    let mut scheduler = fresh();
    while clock.now() < end {
        let now = clock.now();
        let look = scheduler.look();
        // what was seen and not kept was not seen
        let is_kept = machine.borrow().disk.as_ref().is_some_and(|disk| disk.looked == Some(now));
        if look.is_ok() || is_kept {
            looks.push(now);
        }
        let event = match look {
            Err(_) => Some(Event::Kill),
            Ok(next) => {
                let child = machine.borrow().child.as_ref().map(|run| run.ends.min(now + TimeDelta::minutes(1)));
                // a scheduler that is slow, and still on time
                let idle = if next == now + TimeDelta::minutes(1) { now + TimeDelta::minutes(4) } else { next };
                let until = child.unwrap_or(idle).max(now + TimeDelta::seconds(1));
                let event = events.next_if(|(at, _)| *at <= until);
                clock.to(event.map_or(until, |(at, _)| at.max(now)));
                event.map(|(_, event)| event)
            }
        };
        let writes = machine.borrow().notable.len();
        if let Some(disk) = machine.borrow().disk.as_ref().filter(|_| writes != seen) {
            seen = writes;
            let now_failing = failing_jobs(disk, now);
            for job in now_failing.difference(&failing) {
                *told.entry(job.clone()).or_default() += 1;
            }
            failing = now_failing;
        }
        let Some(event) = event else { continue };
        let gone = clock.now();
        befall(event, &mut scheduler, &machine, &mut random);
        kills += usize::from(event == Event::Kill);
        if event != Event::Sleep {
            scheduler = fresh();
        }
        away.push((gone, clock.now()));
    }
    drop(scheduler);
    let machine = machine.borrow();
    Life { jobs: jobs.clone(), runs: machine.runs.clone(), looks, away, told, notable: machine.notable.clone(), kills }
}

impl Life {
    /// For how long somebody looked between two moments.
    fn looked(&self, from: Moment, until: Moment) -> TimeDelta {
        let away = self.away.iter().map(|(gone, back)| (*back.min(&until) - *gone.max(&from)).max(TimeDelta::zero()));
        until - from - away.sum()
    }

    fn check(&self, plan: &Plan) {
        let last_look = *self.looks.last().expect("a look");
        for job in &self.jobs {
            let mut by_slot: BTreeMap<Moment, Vec<&Run>> = BTreeMap::new();
            for run in self.runs.iter().filter(|run| run.one.job == job.name) {
                by_slot.entry(run.one.slot).or_default().push(run);
            }
            let expected = slots(&job.name, plan.zone, plan.start, last_look);
            for (slot, runs) in &by_slot {
                let said = || format!("seed {} {} {slot}: {runs:#?}", plan.seed, job.name);
                assert!(expected.contains(slot), "no slot: {}", said());
                let is_good = |run: &&Run| matches!(run.code, Some(0 | 5));
                assert!(!runs[..runs.len() - 1].iter().any(is_good), "doubled: {}", said());
                let failures = runs.iter().filter(|run| run.code == Some(1)).count();
                assert!(failures <= job.retries as usize + 1, "tried too often: {}", said());
                assert!(runs.windows(2).all(|two| two[0].one.number < two[1].one.number), "{}", said());
            }
            for (index, slot) in expected.iter().enumerate() {
                let runs = by_slot.get(slot).map(Vec::as_slice).unwrap_or_default();
                let next = expected.get(index + 1).copied().unwrap_or(last_look);
                // with two hours of attention all is done
                let had_time = self.looked(*slot, next) >= TimeDelta::hours(2);
                let said = || format!("seed {} {} {slot}: {runs:#?}", plan.seed, job.name);
                let is_seen = self.looks.iter().any(|look| (*slot..*slot + TimeDelta::minutes(5)).contains(look));
                let is_cut = runs.iter().any(|run| run.code.is_none());
                match job.catch_up {
                    CatchUp::All => assert!(is_settled(job, runs) || next >= last_look, "lost: {}", said()),
                    CatchUp::Last => assert!(is_settled(job, runs) || !had_time, "lost: {}", said()),
                    CatchUp::None if is_seen => {
                        // seen, and not begun before nobody looked any more, it was missed as well
                        let soon = *slot + TimeDelta::hours(2);
                        let is_calm = !self.away.iter().any(|(gone, back)| *gone <= soon && *back >= *slot);
                        assert!(is_settled(job, runs) || is_cut || !is_calm, "lost: {}", said());
                    }
                    CatchUp::None => assert!(runs.is_empty(), "made up for: {}", said()),
                }
            }
            if job.catch_up == CatchUp::All {
                let order: Vec<Moment> =
                    self.runs.iter().filter(|run| run.one.job == job.name).map(|run| run.one.slot).collect();
                assert!(order.is_sorted(), "seed {}: {} out of order", plan.seed, job.name);
            }
            if job.catch_up != CatchUp::None {
                let told = self.told.get(&job.name).copied().unwrap_or_default();
                assert_eq!(told, self.failing_stretches(&job.name), "seed {}: {} told", plan.seed, job.name);
            }
        }
    }

    /// How often a job began to fail after it had ended well.
    fn failing_stretches(&self, job: &str) -> usize {
        let (mut count, mut is_failing) = (0, false);
        for run in self.runs.iter().filter(|run| run.one.job == job) {
            match run.code {
                Some(1 | 4) if !is_failing => (count, is_failing) = (count + 1, true),
                Some(0 | 5) => is_failing = false,
                _ => {}
            }
        }
        count
    }
}

/// Nothing is left to do for a slot.
fn is_settled(job: &Job, runs: &[&Run]) -> bool {
    let failures = runs.iter().filter(|run| run.code == Some(1)).count();
    let is_over = |run: &&Run| matches!(run.code, Some(0 | 4 | 5));
    runs.iter().any(is_over) || failures == job.retries as usize + 1
}

fn month(zone: &str, start: &str, seed: u64) -> Plan {
    let start: Moment = start.parse().expect("a moment");
    let mut random = ChaCha8Rng::seed_from_u64(seed + 1000);
    let mut at = |_| start + TimeDelta::seconds(random.random_range(0..31 * 86400));
    let mut events: Vec<(Moment, Event)> = (0..30).map(&mut at).map(|at| (at, Event::Kill)).collect();
    events.extend((0..8).map(&mut at).map(|at| (at, Event::Sleep)));
    events.extend((0..5).map(&mut at).map(|at| (at, Event::Stop)));
    events.sort_by_key(|(at, _)| *at);
    // a month has some ten thousand writes of the state, most of them to say that it looks
    let kills = (0..20).map(|n| (seed % 7 + 2 + n * 450, n % 2 == 0)).collect();
    Plan { zone: zone.parse().expect("a zone"), start, days: 31, seed, events, kills }
}

#[test]
fn in_a_month_every_slot_runs_as_often_as_it_must() {
    // clocks go back in October in the north, forward in the south; in March and April the other way
    let places = [
        ("Europe/Berlin", "2026-10-10T00:00:00Z"),
        ("Europe/Berlin", "2026-03-15T00:00:00Z"),
        ("America/New_York", "2026-10-20T00:00:00Z"),
        ("Australia/Sydney", "2026-09-20T00:00:00Z"),
        ("Australia/Sydney", "2026-03-20T00:00:00Z"),
        ("Asia/Shanghai", "2026-11-01T00:00:00Z"),
    ];
    for (zone, start) in places {
        for seed in 0..3 {
            let plan = month(zone, start, seed);
            let life = live(&plan);
            assert!(life.kills >= 45, "only {} kills", life.kills);
            life.check(&plan);
        }
    }
}

#[test]
fn a_kill_at_any_write_of_the_state_loses_and_doubles_nothing() {
    let quiet = |kills| Plan {
        zone: Tz::Europe__Berlin,
        start: "2026-10-24T12:00:00Z".parse().expect("a moment"),
        days: 2,
        seed: 5,
        events: Vec::new(),
        kills,
    };
    let plan = quiet(BTreeMap::new());
    let life = live(&plan);
    life.check(&plan);
    // what was never kept was never begun
    for write in life.notable.into_iter().skip(1) {
        for is_stored in [true, false] {
            for seed in [5, 6] {
                let plan = Plan { seed, ..quiet(BTreeMap::from([(write, is_stored)])) };
                live(&plan).check(&plan);
            }
        }
    }
}

/// A machine on which nothing is done to anybody.
fn one_job(job: &Job, clock: &Rc<MovedClock>) -> Rc<RefCell<Machine>> {
    assert_eq!(job.name, "job");
    machine(clock, 1, (clock.now(), clock.now()), BTreeMap::new())
}

fn hourly(catch_up: CatchUp) -> Job {
    let rhythm = Rhythm::parse("0 * * * *", Tz::UTC).expect("a rhythm");
    Job { catch_up, ..Job::new("job".to_owned(), rhythm, vec!["true".to_owned()]) }
}

/// Looks until nothing is to be done at the moment, which passes meanwhile only while something is under way.
fn settle(scheduler: &mut Scheduler<'_, Hands>, machine: &Rc<RefCell<Machine>>) {
    loop {
        scheduler.look().expect("a look");
        let child = machine.borrow().child.clone();
        let Some(child) = child else { return };
        machine.borrow().clock.to(child.ends);
    }
}

fn ran(machine: &Rc<RefCell<Machine>>) -> Vec<String> {
    machine.borrow().runs.iter().map(|run| run.one.slot.format("%H:%M").to_string()).collect()
}

#[test]
fn a_clock_set_back_runs_nothing_twice_and_a_new_job_begins_with_its_next_slot() {
    let at = |text: &str| format!("2026-10-16T{text}:00Z").parse::<Moment>().expect("a moment");
    let clock = Rc::new(MovedClock::at(at("10:30")));
    let job = hourly(CatchUp::Last);
    let machine = one_job(&job, &clock);
    let mut scheduler = Scheduler::new(vec![job.clone()], ScheduleState::default(), &*clock, Hands(machine.clone()));
    settle(&mut scheduler, &machine);
    assert!(ran(&machine).is_empty(), "the slot of 10:00 is of the past");
    for time in ["11:00", "12:00", "09:59", "11:01", "12:00", "12:30", "13:00"] {
        clock.to(at(time));
        settle(&mut scheduler, &machine);
    }
    assert_eq!(ran(&machine), ["11:00", "12:00", "13:00"]);
    // another rhythm begins anew, and so does one that was off
    let other = Job { rhythm: Rhythm::parse("30 * * * *", Tz::UTC).expect("a rhythm"), ..job.clone() };
    clock.to(at("13:40"));
    scheduler.take(vec![other.clone()]);
    settle(&mut scheduler, &machine);
    scheduler.take(vec![Job { is_enabled: false, ..other.clone() }]);
    clock.to(at("15:00"));
    settle(&mut scheduler, &machine);
    scheduler.take(vec![other]);
    settle(&mut scheduler, &machine);
    assert_eq!(ran(&machine).len(), 3);
    clock.to(at("15:30"));
    settle(&mut scheduler, &machine);
    assert_eq!(ran(&machine), ["11:00", "12:00", "13:00", "15:30"]);
}

#[test]
fn missed_slots_are_caught_up_with_as_the_job_says() {
    for (catch_up, expected) in [
        (CatchUp::None, vec!["15:00"]),
        (CatchUp::Last, vec!["14:00", "15:00"]),
        (CatchUp::All, vec!["11:00", "12:00", "13:00", "14:00", "15:00"]),
    ] {
        let at = |text: &str| format!("2026-10-16T{text}:00Z").parse::<Moment>().expect("a moment");
        let clock = Rc::new(MovedClock::at(at("10:30")));
        let job = hourly(catch_up);
        let machine = one_job(&job, &clock);
        let mut scheduler = Scheduler::new(vec![job], ScheduleState::default(), &*clock, Hands(machine.clone()));
        settle(&mut scheduler, &machine);
        for time in ["14:20", "15:00"] {
            clock.to(at(time));
            settle(&mut scheduler, &machine);
        }
        assert_eq!(ran(&machine), expected, "{catch_up:?}");
    }
}

#[test]
fn what_is_wrong_is_told_until_it_is_right_again() {
    let at = |text: &str| format!("2026-10-16T{text}:00Z").parse::<Moment>().expect("a moment");
    let clock = Rc::new(MovedClock::at(at("10:30")));
    let job = Job { retries: 1, command: vec!["nearset".to_owned()], ..hourly(CatchUp::Last) };
    let machine = one_job(&job, &clock);
    let mut scheduler = Scheduler::new(vec![job], ScheduleState::default(), &*clock, Hands(machine.clone()));
    scheduler.look().expect("a look");
    let mut told = Vec::new();
    // 7 stays under way; 3 is a held lock
    for (time, code) in [
        ("11:00", 0),
        ("12:00", 1),
        ("12:05", 1),
        ("13:00", 3),
        ("13:01", 5),
        ("14:00", 4),
        ("15:00", 0),
        ("16:00", 7),
        ("16:50", 7),
        ("22:20", 7),
    ] {
        clock.to(at(time));
        let look = scheduler.look();
        assert!(look.is_ok());
        if let Some(child) = &mut machine.borrow_mut().child {
            child.code = Some(code);
            child.ends = if code == 7 { at("23:00") } else { at(time) };
        }
        scheduler.look().expect("a look");
        let alerts = alerts_of(scheduler.state(), clock.now(), |_, _| "log".to_owned());
        let alerts = alerts.iter().map(|alert| {
            let severity = if alert.severity == Severity::Critical { "!" } else { "" };
            format!("{}{severity}", alert.name)
        });
        told.push(format!("{time} {}", alerts.collect::<Vec<_>>().join(" ")).trim_end().to_owned());
    }
    assert_eq!(
        told,
        [
            "11:00",
            "12:00 JobFailed",
            "12:05 JobFailed!",
            "13:00 JobFailed!",
            "13:01",
            "14:00 JobFailed!",
            "15:00",
            "16:00",
            "16:50 RunLate",
            "22:20 RunLate"
        ]
    );
    assert_eq!(scheduler.state().jobs["job"].last.as_ref().map(|last| last.outcome), Some(JobOutcome::Done));
    // the scheduler is gone: that alone is told
    let alerts = alerts_of(scheduler.state(), at("23:30"), |_, _| String::new());
    assert_eq!(alerts.iter().map(|alert| alert.subject.as_str()).collect::<Vec<_>>(), [""]);
    // it was told to stop: all is well
    scheduler.end().expect("the end");
    assert!(alerts_of(scheduler.state(), at("23:50"), |_, _| String::new()).is_empty());
}
