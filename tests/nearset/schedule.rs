//! The schedule as its operator meets it: the program, its clock, its signals and its files.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::support::{Nearset, catalogue, text};

/// A scheduler; killed where it is dropped before its end.
struct Scheduler {
    child: Child,
    log: PathBuf,
}

impl Scheduler {
    fn start(n: &Nearset) -> Self {
        Self::start_with(n, |_| {})
    }

    /// Starts it without jobs, and gives it one, once it is there, that is due soon; returns its slot, too.
    fn start_soon(n: &Nearset, job: &str) -> (Self, String) {
        schedule(n, "");
        let scheduler = Self::start(n);
        (scheduler, add_soon(n, job))
    }

    fn start_with(n: &Nearset, set: impl FnOnce(&mut Command)) -> Self {
        let log = n.path().join("scheduler.log");
        let file = File::options().create(true).append(true).open(&log).expect("a log");
        let mut command = n.command(&["schedule"]);
        set(&mut command);
        let child = command.stderr(file).stdout(Stdio::null()).spawn().expect("the scheduler starts");
        Self { child, log }
    }

    fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Ends it in order.
    fn end(mut self) {
        self.signal("TERM");
        let status = self.child.wait().expect("its end");
        assert!(status.success(), "{status}: {}", fs::read_to_string(&self.log).unwrap_or_default());
    }

    /// Ends it as a crash would, alone.
    fn kill(mut self) {
        self.child.kill().expect("a kill");
        self.child.wait().expect("its end");
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").args(["-s", name, &pid.to_string()]).status().expect("kill");
    assert!(status.success(), "{pid}");
}

fn lives(pid: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // one that nobody has waited for yet is dead all the same
    status.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// Waits until something is so, however busy the machine is; a test that waits in vain fails with what is there then.
fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>, there: impl Fn() -> String) -> T {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(300) {
        if let Some(found) = found() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{what} is not so: {}", there())
}

fn schedule(n: &Nearset, jobs: &str) {
    fs::create_dir_all(n.data()).expect("a folder");
    fs::write(n.data().join("schedule.toml"), jobs).expect("a file");
}

/// Gives a scheduler that is there, or begins now, a job that is due once, soon; returns its slot.
fn add_soon(n: &Nearset, job: &str) -> String {
    until("a scheduler", || state(n)["scheduler"].is_u64().then_some(()), || state(n).to_string());
    let at = Utc::now() + TimeDelta::seconds(5);
    let cron = at.format("%-S %-M %-H %-d %-m *");
    schedule(n, &format!("[[job]]\ncron = \"{cron}\"\n{job}"));
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn state(n: &Nearset) -> Value {
    serde_json::from_str(&read(&n.data().join("operations/schedule.json"))).unwrap_or_default()
}

/// The listing of a job.
fn listed(n: &Nearset, job: &str) -> Value {
    let jobs: Value = serde_json::from_str(&n.ok(&["schedule", "list", "--json"])).expect("JSON");
    jobs.as_array().and_then(|jobs| jobs.iter().find(|one| one["name"] == job)).expect("the job").clone()
}

/// How often each slot began and ended, by what the job wrote.
fn counts(text: &str, word: &str) -> Vec<(String, usize)> {
    let mut slots: Vec<String> =
        text.lines().filter_map(|line| Some(line.strip_prefix(word)?.trim().to_owned())).collect();
    slots.sort();
    let mut counts: Vec<(String, usize)> = Vec::new();
    for slot in slots {
        match counts.last_mut() {
            Some((last, count)) if *last == slot => *count += 1,
            _ => counts.push((slot, 1)),
        }
    }
    counts
}

#[test]
fn a_killed_scheduler_neither_doubles_nor_loses_a_slot() {
    let n = Nearset::empty();
    let done = n.path().join("done");
    let script = "echo begin $NEARSET_JOB $NEARSET_SLOT >> done; sleep 1; echo end $NEARSET_JOB $NEARSET_SLOT >> done";
    schedule(
        &n,
        &format!(
            "[[job]]\nname = \"each\"\ncron = \"*/3 * * * * *\"\ncatch_up = \"all\"\ncommand = [\"sh\", \"-c\", \"{script}\"]\n"
        ),
    );
    let wait_for = |word: &str, count: usize| {
        until(word, || (counts(&read(&done), word).len() >= count).then_some(()), || read(&done));
    };
    let mut scheduler = Scheduler::start(&n);
    for count in 1..=3 {
        wait_for("begin", count);
        // the job under way lives on
        scheduler.kill();
        scheduler = Scheduler::start(&n);
    }
    wait_for("end", 4);
    scheduler.end();
    let (begun, ended) = (counts(&read(&done), "begin"), counts(&read(&done), "end"));
    // the last one may have been told to stop
    let last = begun.last().expect("a slot").clone();
    assert!(begun.iter().all(|(_, count)| *count == 1), "{begun:?}");
    assert!(ended.iter().all(|(_, count)| *count == 1), "{ended:?}");
    let whole = |slots: &[(String, usize)]| slots.iter().filter(|slot| **slot != last).cloned().collect::<Vec<_>>();
    assert_eq!(whole(&begun), whole(&ended));
    let moments: Vec<DateTime<Utc>> =
        begun.iter().map(|(slot, _)| slot.trim_start_matches("each ").parse().expect("a moment")).collect();
    assert!(moments.windows(2).all(|two| two[1] - two[0] == TimeDelta::seconds(3)), "none is missing: {moments:?}");
}

#[test]
fn a_slot_that_was_interrupted_is_run_again_and_a_second_scheduler_names_the_first() {
    let n = Nearset::empty();
    let done = n.path().join("done");
    let script = "echo begin $NEARSET_SLOT >> done; sleep 300 & echo $! > pid; wait";
    let job = format!("name = \"long\"\ncommand = [\"sh\", \"-c\", \"{script}\"]\n");
    let begun = |count: usize| {
        until("begin", || (read(&done).lines().count() == count).then_some(()), || read(&done));
        until("pid", || Some(read(&n.path().join("pid")).trim().to_owned()).filter(|pid| lives(pid)), String::new)
    };
    let (scheduler, slot) = Scheduler::start_soon(&n, &job);
    let child = begun(1);
    let said = n.fails(3, &["schedule"]);
    assert!(said.contains(&format!("process {} schedules already", scheduler.child.id())), "{said}");
    assert_eq!(listed(&n, "long")["state"], "running");
    // told to stop, it stops what is under way
    scheduler.end();
    assert!(!lives(&child), "the job still lives");
    let stopped = state(&n);
    assert_eq!(stopped["scheduler"], Value::Null, "{stopped}");
    assert_eq!(stopped["jobs"]["long"]["last"]["outcome"], "interrupted", "{stopped}");
    // killed together with the job
    let scheduler = Scheduler::start(&n);
    let child = begun(2);
    let supervisor: u32 = {
        let group = read(Path::new(&format!("/proc/{child}/stat")));
        let group = group.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(2)).expect("a group").to_owned();
        let shell = read(Path::new(&format!("/proc/{group}/stat")));
        shell.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok()).expect("its parent")
    };
    scheduler.kill();
    signal(supervisor, "KILL");
    Command::new("kill").args(["-KILL", &child]).status().expect("kill");
    until("the job's end", || (!lives(&child)).then_some(()), String::new);
    let scheduler = Scheduler::start(&n);
    begun(3);
    scheduler.end();
    assert_eq!(counts(&read(&done), "begin"), [(slot, 3)]);
    assert_eq!(state(&n)["jobs"]["long"]["failure"], Value::Null, "an interruption is no failure");
}

#[test]
fn a_held_lock_is_waited_for_and_uses_up_no_retry() {
    let mut n = Nearset::empty();
    n.write("dataset.json", &catalogue(&["one", "two"]));
    n.set("DATA_JSON_DIR", &n.exports().display().to_string());
    fs::create_dir_all(n.data()).expect("a folder");
    let folder = File::open(n.data()).expect("the folder");
    folder.lock().expect("the lock");
    let (scheduler, _) = Scheduler::start_soon(&n, "name = \"extract\"\ncommand = \"nearset extract\"\n");
    let job = || state(&n)["jobs"]["extract"].clone();
    until("waiting", || (job()["work"]["waits_for"] == "lock").then_some(()), || job().to_string());
    assert_eq!((&job()["work"]["failures"], &job()["failure"]), (&0.into(), &Value::Null));
    assert_eq!(listed(&n, "extract")["state"], "waits_for_lock");
    drop(folder);
    until("done", || job()["succeeded"].is_string().then_some(()), || job().to_string());
    scheduler.end();
    assert_eq!(n.value("select count(*) from raw.dataset"), 2);
}

#[test]
fn what_takes_too_long_ends_with_all_that_it_started_and_is_told() {
    let n = Nearset::empty();
    let script = "sleep 300 & echo $! >> pids; echo out of patience >&2; wait";
    let job = format!(
        "name = \"long\"\ntimeout = \"1s\"\nretries = 1\nretry_delay = \"1s\"\n\
         command = [\"sh\", \"-c\", \"{script}\"]\n"
    );
    let (scheduler, _) = Scheduler::start_soon(&n, &job);
    let failure = || state(&n)["jobs"]["long"]["failure"].clone();
    until("given up", || (failure()["is_final"] == true).then_some(()), || failure().to_string());
    let pids = read(&n.path().join("pids"));
    assert_eq!(pids.lines().count(), 2, "the first try and one retry");
    assert!(!pids.lines().any(lives), "{pids}");
    let job = listed(&n, "long");
    assert_eq!((&job["state"], &job["last"]["outcome"]), (&"failed".into(), &"timed_out".into()), "{job}");
    let error = job["error"].as_str().expect("an error");
    assert_eq!(error, "it took too long and was ended: out of patience");
    assert!(text(&n.run(&["doctor"]).stdout).contains("long failed: it took too long and was ended"));
    // the file changes under it, and what somebody runs by hand counts
    schedule(
        &n,
        "[[job]]\nname = \"long\"\ncron = \"0 4 * * *\"\ncommand = [\"sh\", \"-c\", \"echo $NEARSET_SLOT {day}\"]\n",
    );
    until(
        "the new rhythm",
        || (state(&n)["jobs"]["long"]["rhythm"] == "0 4 * * * UTC").then_some(()),
        || state(&n).to_string(),
    );
    let said = n.ok(&["schedule", "run", "long", "--slot", "2026-10-16T18:00:00Z"]);
    assert_eq!(said, "2026-10-16T18:00:00Z 2026-10-16\n");
    assert_eq!(listed(&n, "long")["error"], Value::Null);
    scheduler.end();
}

#[test]
fn a_schedule_that_cannot_be_used_is_said_with_its_line() {
    let mut n = Nearset::empty();
    schedule(&n, "[[job]]\nname = \"a\"\ncron = \"0 25 * * *\"\ncommand = \"nearset run\"\n");
    let place = n.data().join("schedule.toml").strip_prefix(n.path()).expect("below").display().to_string();
    for args in [&["schedule"][..], &["schedule", "list"], &["serve", "--schedule", "--listen", "127.0.0.1:0"]] {
        let said = n.fails(1, args);
        assert!(said.contains(&format!("{place}:3: \"0 25 * * *\" is no cron expression")), "{said}");
    }
    let said = text(&n.run(&["doctor"]).stdout);
    assert!(said.contains(&format!("{place}:3: ")), "{said}");
    n.set("SCHEDULE_FILE", "none.toml");
    assert!(n.fails(1, &["schedule"]).contains("SCHEDULE_FILE names none.toml, which is not there"));
    n.set("SCHEDULE_FILE", "");
    fs::remove_file(n.data().join("schedule.toml")).expect("removed");
    let said = n.ok(&["schedule", "list"]);
    for job in
        ["recommendation_pipeline", "incremental_data_update", "weekly_model_refresh", "daily_recommendation_report"]
    {
        assert!(said.contains(job), "{said}");
    }
    let said = n.fails(1, &["schedule", "run", "recommendation_pipelin"]);
    assert!(said.contains("did you mean recommendation_pipeline?"), "{said}");
    n.fails(1, &["schedule", "run", "daily_recommendation_report", "--slot", "2026-10-16"]);
}

#[test]
fn a_server_answers_while_its_jobs_run() {
    let mut n = Nearset::demo();
    n.take_fixtures(|_| true);
    n.set("DATA_JSON_DIR", &n.exports().display().to_string());
    schedule(&n, "");
    let server = n.serve_with(|command| {
        command.arg("--schedule");
    });
    add_soon(&n, "name = \"extract\"\ncommand = \"nearset extract --as-of 2026-10-17\"\n");
    let job = || state(&n)["jobs"]["extract"].clone();
    let mut answered = 0;
    let list = format!("/similar/{}", n.value("select min(dataset_id) from datasets"));
    until("running", || job()["work"]["began"].is_string().then_some(()), || job().to_string());
    let done = || {
        server.list(&list);
        answered += 1;
        (job()["work"].is_null() && job()["last"].is_object()).then_some(())
    };
    until("done", done, || job().to_string());
    assert!(job()["succeeded"].is_string(), "{}", job());
    assert!(answered > 1);
    until(
        "told in /metrics",
        || {
            let metrics = server.get_text("/metrics").1;
            metrics.contains("nearset_job_last_success_timestamp_seconds{job=\"extract\"} 1.").then_some(())
        },
        || server.get_text("/metrics").1,
    );
    let said = n.fails(3, &["schedule"]);
    assert!(said.contains(&format!("process {} schedules already", server.pid())), "{said}");
    let log = read(
        &fs::read_dir(n.data().join("operations/jobs/extract"))
            .expect("logs")
            .next()
            .expect("a log")
            .expect("a log")
            .path(),
    );
    assert!(log.contains("try 1\n"), "{log}");
    server.signal("TERM");
    assert_eq!(server.wait().0, Some(0));
    assert_eq!(state(&n)["scheduler"], Value::Null);
}

#[test]
fn a_machine_that_slept_makes_up_for_what_it_missed_once() {
    let library = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"];
    let library =
        library.iter().map(|dir| format!("{dir}/faketime/libfaketime.so.1")).find(|path| Path::new(path).exists());
    let library = library.expect("libfaketime (tests/install-servers.sh installs it)");
    let n = Nearset::empty();
    let clock = n.path().join("clock");
    let set = |at: &str| fs::write(&clock, format!("@{at}")).expect("a clock");
    let done = n.path().join("done");
    let job = |name: &str, catch_up: &str| {
        format!(
            "[[job]]\nname = \"{name}\"\ncron = \"30 2 * * *\"\nzone = \"Europe/Berlin\"\ncatch_up = \"{catch_up}\"\n\
             command = [\"sh\", \"-c\", \"echo {name} {{slot}} >> done\"]\n"
        )
    };
    schedule(&n, &["none", "last", "all"].map(|catch_up| job(catch_up, catch_up)).concat());
    set("2026-03-27 12:00:00");
    let scheduler = Scheduler::start_with(&n, |command| {
        command.env("LD_PRELOAD", &library).env("FAKETIME_TIMESTAMP_FILE", &clock).env("FAKETIME_NO_CACHE", "1");
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("TZ", "UTC");
    });
    let next = |name: &str| state(&n)["jobs"][name]["next"].as_str().unwrap_or_default().to_owned();
    until("scheduled", || next("all").starts_with("2026-03-28").then_some(()), || state(&n).to_string());
    // three nights, in the second of which half past two does not come
    set("2026-03-30 06:00:00");
    until("caught up", || next("all").starts_with("2026-03-31").then_some(()), || state(&n).to_string());
    until("done", || (read(&done).lines().count() == 4).then_some(()), || read(&done));
    // the clock is set back, and comes again over it all
    set("2026-03-28 00:00:00");
    std::thread::sleep(Duration::from_secs(1));
    set("2026-03-30 06:00:00");
    std::thread::sleep(Duration::from_secs(1));
    // and the next night
    set("2026-03-31 00:31:00");
    until("on time", || (read(&done).lines().count() == 7).then_some(()), || read(&done));
    scheduler.end();
    let mut lines: Vec<String> = read(&done).lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(
        lines,
        [
            "all 2026-03-28T01:30:00Z",
            "all 2026-03-29T01:00:00Z",
            "all 2026-03-30T00:30:00Z",
            "all 2026-03-31T00:30:00Z",
            "last 2026-03-30T00:30:00Z",
            "last 2026-03-31T00:30:00Z",
            "none 2026-03-31T00:30:00Z",
        ]
    );
}
