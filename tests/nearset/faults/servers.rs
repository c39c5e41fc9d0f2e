//! The exposure log under faults: calls of rotation, packing and writing that fail, kills, and two servers on one folder.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use flate2::read::MultiGzDecoder;
use nearset::exposures::files::{self, State};
use serde_json::{Value, json};

use super::runs::fresh;
use super::shim::{Counters, ERRNOS, Errno, Fault};
use super::{Dice, Plan};
use crate::support::{Nearset, Server, agent, copy_dir, text};

/// So many datasets that a list of a hundred is long and a megabyte of log is soon full.
const DATASETS: usize = 130;

const CLIENTS: usize = 3;

/// Lists per client that fill and rotate the log a few times.
const LISTS: usize = 120;

/// A published catalogue, made once and copied.
fn catalogue() -> Nearset {
    static DONE: OnceLock<Nearset> = OnceLock::new();
    let done = DONE.get_or_init(|| {
        let n = Nearset::in_memory();
        let rows: Vec<Value> = (1..=DATASETS)
            .map(|id| json!({"id": id, "dataset_name": format!("river {id}"), "create_time": "2026-01-01 00:00:00"}))
            .collect();
        n.write("dataset.json", &json!(rows).to_string());
        n.ok(&["run", "--as-of", super::state::AS_OF]);
        n
    });
    let mut n = Nearset::in_memory();
    copy_dir(done.path(), n.path());
    n.set("EXPOSURE_ROTATE_MB", "1");
    // a busy machine refuses no request here
    n.set("SHED_MS", "60000");
    n
}

/// The lists that clients were answered.
#[derive(Default)]
struct Answers {
    ids: Mutex<Vec<String>>,
    /// Requests that got no list, where the server was not to die.
    refused: Mutex<Vec<String>>,
}

impl Answers {
    /// Asks a server from several connections, until each had its lists or the server is gone.
    fn ask(&self, server: &Server, each: usize, may_die: &AtomicBool) {
        std::thread::scope(|scope| {
            for client in 0..CLIENTS {
                scope.spawn(move || {
                    let agent = agent();
                    for number in 0..each {
                        let page = 1 + (number * CLIENTS + client) % DATASETS;
                        let url = format!("{}/recommend/detail/{page}?top_n=100&recent={}", server.base, 1 + client);
                        let answer = agent.get(url).call().and_then(|mut r| r.body_mut().read_json::<Value>());
                        match answer.map(|list| list["request_id"].as_str().map(str::to_owned)) {
                            Ok(Some(id)) => self.ids.lock().expect("ids").push(id),
                            _ if may_die.load(Ordering::Relaxed) => return,
                            other => self.refused.lock().expect("refused").push(format!("{other:?}")),
                        }
                    }
                });
            }
        });
    }
}

/// How often each request id stands in all files of the log.
fn logged(n: &Nearset) -> Result<HashMap<String, u32>, String> {
    let mut found = HashMap::new();
    for path in log_files(n, |state| state != State::Part) {
        let name = path.display();
        let mut file = File::open(&path).map_err(|e| format!("{name}: {e}"))?;
        let mut content = String::new();
        match path.extension().is_some_and(|e| e == "gz") {
            true => MultiGzDecoder::new(file).read_to_string(&mut content),
            false => file.read_to_string(&mut content),
        }
        .map_err(|e| format!("{name} is damaged: {e}"))?;
        // a line that a kill cut short was never answered, and is taken back by whoever writes there next
        let is_plain = path.extension().is_some_and(|e| e == "jsonl");
        let whole = if is_plain { content.rfind('\n').map_or(0, |end| end + 1) } else { content.len() };
        for line in content[..whole].lines() {
            let line: Value = serde_json::from_str(line).map_err(|e| format!("{name}: {e}: {line:.80}"))?;
            *found.entry(line["request_id"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
    }
    Ok(found)
}

/// The log's files in some states.
fn log_files(n: &Nearset, wanted: impl Fn(State) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(n.data().join("evaluation")).into_iter().flatten().flatten();
    let is_wanted =
        |path: &PathBuf| files::state(&path.file_name().unwrap_or_default().to_string_lossy()).is_some_and(&wanted);
    entries.map(|entry| entry.path()).filter(is_wanted).collect()
}

/// Whether full logs wait to be packed.
fn is_packing(n: &Nearset) -> bool {
    !log_files(n, |state| matches!(state, State::Part | State::Rotated)).is_empty()
}

fn wait_for_packing(n: &Nearset, patience: Duration) {
    let started = Instant::now();
    while is_packing(n) && started.elapsed() < patience {
        sleep(Duration::from_millis(10));
    }
}

/// A server without faults finishes what others left, and is stopped as an operator stops it.
fn settle(n: &Nearset) {
    let server = n.serve();
    wait_for_packing(n, Duration::from_secs(5));
    server.signal("TERM");
    server.wait();
}

/// Every list that was answered is in the log once, but for so many that the server has said it could not log.
fn all_there(plan: &mut Plan, n: &Nearset, answers: &Answers, unlogged: u64, name: &str) {
    let Some(found) = plan.good(logged(n), name) else { return };
    let ids = answers.ids.lock().expect("ids");
    let missing = ids.iter().filter(|id| !found.contains_key(*id)).count() as u64;
    let all = ids.len();
    plan.expect(missing == unlogged, format!("{name}: {missing} of {all} lists missing, {unlogged} said to be"));
    let twice = found.values().filter(|count| **count > 1).count();
    plan.expect(twice == 0, format!("{name}: {twice} of {all} lists twice"));
    let parts = log_files(n, |state| state == State::Part);
    plan.expect(parts.is_empty(), format!("{name}: leaves {parts:?}"));
    let refused = answers.refused.lock().expect("refused");
    plan.expect(
        refused.is_empty(),
        format!("{name}: {} requests without a list: {:?}", refused.len(), refused.first()),
    );
}

/// Lists that the server counts as not logged.
fn said_unlogged(server: &Server) -> u64 {
    let metrics = server.get_text("/metrics").1;
    let lines = metrics.lines().filter(|line| line.starts_with("error_total") && line.contains("\"exposure_log\""));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>() as u64
}

fn counters(n: &Nearset) -> PathBuf {
    n.path().join("counters")
}

fn serve(n: &Nearset, fault: &Fault) -> Result<Server, String> {
    n.try_serve_with(|command| {
        fault.apply(command, &n.data().join("evaluation"), &counters(n));
    })
}

/// The calls of a server that starts, and of one that logs, rotates and packs as all here do.
fn calls() -> [Counters; 2] {
    [0, LISTS].map(|lists| {
        let n = catalogue();
        let server = serve(&n, &Fault::Nothing).expect("a server");
        Answers::default().ask(&server, lists, &AtomicBool::new(false));
        wait_for_packing(&n, Duration::from_secs(5));
        server.signal("TERM");
        server.wait();
        Counters::read(&counters(&n))
    })
}

fn fault(dice: &mut Dice, calls: &[Counters; 2]) -> Fault {
    let position = |dice: &mut Dice, kinds: &str| {
        let (start, end) = (calls[0].of(kinds), calls[1].of(kinds));
        // now and then also while it starts
        let from = if dice.one_in(8) { 0 } else { start };
        from + dice.below((end - from) as usize) as u64 + 1
    };
    if dice.one_in(4) {
        return Fault::Kill { at: position(dice, "cwsnu"), kinds: "cwsnu".to_owned() };
    }
    if dice.one_in(6) {
        return Fault::ShortWrites(dice.below(1 << 30) as u64);
    }
    let there: Vec<char> = calls[1].kinds().filter(|kind| calls[1].of(&kind.to_string()) > 0).collect();
    let kind = *dice.pick(&there);
    let may_be: Vec<Errno> = ERRNOS.into_iter().filter(|errno| errno.kinds.contains(kind)).collect();
    let errno = *dice.pick(&may_be);
    let for_good = dice.one_in(2);
    let kinds = if for_good { errno.kinds.to_owned() } else { kind.to_string() };
    Fault::Fails { errno, at: position(dice, &kinds), kinds, for_good }
}

/// Whether a fault leaves the file that is written alone: then nothing may be unlogged.
fn is_beside_writing(fault: &Fault, first: &str) -> bool {
    let is_log = first.ends_with("/exposure_log.jsonl") && (first.starts_with('w') || first.starts_with('s'));
    match fault {
        Fault::Fails { for_good: true, kinds, .. } => !kinds.contains('w') && !kinds.contains('s'),
        _ => !is_log,
    }
}

#[test]
fn a_log_whose_calls_fail_has_every_list_once() {
    let mut plan = Plan::new("log");
    let calls = calls();
    let (mut hit, mut answered, mut started, cases) = (0, 0, 0, plan.cases(12));
    let mut tried = HashSet::new();
    for case in cases.clone() {
        let mut dice = plan.begin(case);
        let fault = fresh(&mut tried, || fault(&mut dice, &calls));
        let sync = *dice.pick(&["os", "disk", "none"]);
        let mut n = catalogue();
        n.set("EXPOSURE_SYNC", sync);
        let answers = Answers::default();
        let (unlogged, refused) = match serve(&n, &fault) {
            Ok(server) => (log_under(&mut plan, &n, server, &fault, &answers), None),
            Err(said) => (0, Some(said)),
        };
        let counted = Counters::read(&counters(&n));
        let first = counted.first.replace(&*n.path().to_string_lossy(), "");
        let name = format!("{fault}, {sync} [{first}]");
        started += usize::from(refused.is_none());
        if let Some(said) = refused.filter(|_| !matches!(fault, Fault::Kill { .. })) {
            let is_told = said.contains("exposure_log") && !said.contains("panicked");
            plan.expect(is_told, format!("{name}: does not start: {said}"));
        }
        hit += usize::from(counted.hits > 0);
        answered += answers.ids.lock().expect("ids").len();
        n.set("EXPOSURE_SYNC", "os");
        settle(&n);
        let dies_with_lines = sync == "none" && matches!(fault, Fault::Kill { .. });
        if !dies_with_lines {
            all_there(&mut plan, &n, &answers, unlogged, &name);
        }
        let must_log = is_beside_writing(&fault, &first);
        plan.expect(!must_log || unlogged == 0, format!("{name}: {unlogged} lists unlogged though the file was open"));
    }
    plan.end(format!("{} cases, {hit} hit, {started} servers, {answered} lists answered", cases.len()));
}

/// Fills the log of a server under a fault and stops it; returns how many lists it said are not logged.
fn log_under(plan: &mut Plan, n: &Nearset, server: Server, fault: &Fault, answers: &Answers) -> u64 {
    let is_kill = matches!(fault, Fault::Kill { .. });
    answers.ask(&server, LISTS, &AtomicBool::new(is_kill));
    wait_for_packing(n, Duration::from_millis(if is_kill { 300 } else { 1000 }));
    if is_kill {
        // a position in a part of the work that was not reached this time
        server.signal("KILL");
        server.wait();
        return 0;
    }
    // what waits in memory is written or said to be lost
    sleep(Duration::from_millis(250));
    let unlogged = said_unlogged(&server);
    server.signal("TERM");
    let (code, said) = server.wait();
    plan.expect(
        code == Some(0) && !said.contains("panicked"),
        format!("{fault}: the server ends with {code:?}: {said}"),
    );
    unlogged
}

/// What one of two servers does next.
#[derive(Debug)]
enum Move {
    Ask(usize),
    Kill,
    Stop,
}

#[test]
fn two_servers_on_one_folder_lose_and_double_nothing() {
    let mut plan = Plan::new("two servers");
    let (mut answered, mut moves, cases) = (0, 0, plan.cases(3));
    for case in cases.clone() {
        let mut dice = plan.begin(case);
        let mut n = catalogue();
        let sync = ["os", "disk"][dice.below(2)];
        n.set("EXPOSURE_SYNC", sync);
        let answers = Answers::default();
        let mut servers: [Option<Server>; 2] = [None, None];
        for _ in 0..10 {
            let slot = dice.below(2);
            moves += 1;
            servers[slot] = match servers[slot].take() {
                Some(server) => play(&mut plan, &answers, server, next_move(&mut dice)),
                None => {
                    if dice.one_in(3) {
                        from_yesterday(&n);
                    }
                    Some(n.serve())
                }
            };
            // both write at the same time
            if let [Some(one), Some(other)] = &servers {
                std::thread::scope(|scope| {
                    for server in [one, other] {
                        scope.spawn(|| answers.ask(server, 60, &AtomicBool::new(false)));
                    }
                });
            }
        }
        for server in servers.into_iter().flatten() {
            play(&mut plan, &answers, server, Move::Stop);
        }
        settle(&n);
        answered += answers.ids.lock().expect("ids").len();
        all_there(&mut plan, &n, &answers, 0, "two servers");
        taken_in(&mut plan, &n, &answers);
    }
    plan.end(format!("{} cases, {moves} moves, {answered} lists answered", cases.len()));
}

fn next_move(dice: &mut Dice) -> Move {
    match dice.below(4) {
        0 => Move::Kill,
        1 => Move::Stop,
        _ => Move::Ask(20 + dice.below(80)),
    }
}

/// Returns the server where it goes on.
fn play(plan: &mut Plan, answers: &Answers, server: Server, next: Move) -> Option<Server> {
    match next {
        Move::Ask(lists) => {
            answers.ask(&server, lists, &AtomicBool::new(false));
            return Some(server);
        }
        Move::Kill => {
            let may_die = AtomicBool::new(false);
            std::thread::scope(|scope| {
                scope.spawn(|| answers.ask(&server, 1000, &may_die));
                sleep(Duration::from_millis(120));
                may_die.store(true, Ordering::Relaxed);
                server.signal("KILL");
            });
            server.wait();
        }
        Move::Stop => {
            // one that has just begun to listen may not hear of it yet
            answers.ask(&server, 1, &AtomicBool::new(false));
            server.signal("TERM");
            let (code, said) = server.wait();
            plan.expect(code == Some(0), format!("a server ends with {code:?}: {said}"));
        }
    }
    None
}

/// Makes the log look as if it was last written a day ago, so that the next line begins a new file.
fn from_yesterday(n: &Nearset) {
    let day = Duration::from_secs(24 * 3600);
    if let Ok(file) = File::options().append(true).open(n.data().join("evaluation/exposure_log.jsonl")) {
        file.set_modified(SystemTime::now() - day).expect("an earlier time");
    }
}

/// A run takes in every list once.
fn taken_in(plan: &mut Plan, n: &Nearset, answers: &Answers) {
    let output = n.run(&["run", "--only", "extract"]);
    if plan.expect(output.status.success(), format!("the run fails: {}", text(&output.stderr))) {
        let all = answers.ids.lock().expect("ids").len();
        let found = n.value("select count(distinct request_id) from raw.exposure_log");
        plan.expect(found.as_u64() >= Some(all as u64), format!("a run took in {found} of {all} lists"));
    }
}
