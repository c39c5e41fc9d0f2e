//! Power that goes at any moment of a run: its write log is played up to there, as a disk may have it then.
//!
//! What was synced is there. Of what was not, every write may be there, or not, or some of its pages; and of a folder's
//! entries (made, renamed, removed) so many as went first, since ext4 and XFS keep these in order. Syncing a file does
//! not keep its name, which POSIX does not promise; syncing its folder does.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::runs::{self, Scene};
use super::shim::Fault;
use super::state::State;
use super::{Dice, Plan};
use crate::support::Nearset;

const PAGE: usize = 4096;

/// One change as the shim wrote it down.
struct Change {
    op: u8,
    handle: u64,
    figure: u64,
    first: Vec<u8>,
    second: Vec<u8>,
}

fn read_log(path: &Path) -> Vec<Change> {
    let bytes = fs::read(path).expect("a write log");
    let mut rest = bytes.as_slice();
    let mut changes = Vec::new();
    while let Some((head, behind)) = rest.split_at_checked(25) {
        let number = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("eight bytes"));
        let length = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("four bytes")) as usize;
        let (first, behind) = behind.split_at(length(17));
        let (second, behind) = behind.split_at(length(21));
        let (handle, figure) = (number(1), number(9));
        changes.push(Change { op: head[0], handle, figure, first: first.to_vec(), second: second.to_vec() });
        rest = behind;
    }
    changes
}

/// A change of a file's bytes that no sync has made sure of yet.
#[derive(Clone)]
enum Bytes {
    Written(usize, Vec<u8>),
    Length(usize),
    AtLeast(usize),
}

impl Bytes {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Written(at, bytes) => {
                content.resize(content.len().max(at + bytes.len()), 0);
                content[*at..at + bytes.len()].copy_from_slice(bytes);
            }
            Self::Length(length) => content.resize(*length, 0),
            Self::AtLeast(length) => content.resize(content.len().max(*length), 0),
        }
    }

    /// What of it reached the disk.
    fn some_of(&self, dice: &mut Dice, content: &mut Vec<u8>) {
        match self {
            Self::Written(at, bytes) if bytes.len() > PAGE && dice.one_in(3) => {
                for (number, page) in bytes.chunks(PAGE).enumerate().filter(|_| dice.one_in(2)) {
                    Self::Written(at + number * PAGE, page.to_vec()).apply(content);
                }
            }
            change if dice.one_in(2) => change.apply(content),
            _ => {}
        }
    }
}

/// A change of a folder's entries: this name is that node from now on, or none.
#[derive(Clone)]
struct Entry {
    name: String,
    node: Option<usize>,
    /// Where a renamed node was before, and under what name.
    before: Option<(usize, String)>,
}

/// A file, folder or link: what is on disk, and what was changed since in the order of the changes.
#[derive(Clone)]
enum Node {
    File { disk: Vec<u8>, pending: Vec<Bytes> },
    Folder { disk: BTreeMap<String, usize>, pending: Vec<Entry>, seen: BTreeMap<String, usize> },
    Link(String),
}

#[derive(Clone)]
struct Disk {
    root: PathBuf,
    nodes: Vec<Node>,
    handles: HashMap<u64, usize>,
}

impl Disk {
    /// All that lies in a folder, safe on disk; the paths of the log are below `root`.
    fn of(folder: &Path, root: &Path) -> Self {
        let mut disk = Self { root: root.to_owned(), nodes: Vec::new(), handles: HashMap::new() };
        disk.take(folder);
        disk
    }

    fn take(&mut self, path: &Path) -> usize {
        let node = self.nodes.len();
        self.nodes.push(Node::Link(String::new()));
        self.nodes[node] = if path.is_symlink() {
            Node::Link(fs::read_link(path).expect("a link").to_string_lossy().into_owned())
        } else if path.is_dir() {
            let mut entries = BTreeMap::new();
            for entry in fs::read_dir(path).expect("a folder") {
                let entry = entry.expect("an entry");
                entries.insert(entry.file_name().to_string_lossy().into_owned(), self.take(&entry.path()));
            }
            Node::Folder { seen: entries.clone(), disk: entries, pending: Vec::new() }
        } else {
            Node::File { disk: fs::read(path).expect("a file"), pending: Vec::new() }
        };
        node
    }

    /// The folder that holds a path, and the path's name there.
    fn place(&self, path: &[u8]) -> (usize, String) {
        let path = PathBuf::from(String::from_utf8(path.to_vec()).expect("a path"));
        let below = path.strip_prefix(&self.root).expect("a path below the folder");
        let mut folder = 0;
        for part in below.parent().into_iter().flat_map(Path::components) {
            folder = self.entry(folder, &part.as_os_str().to_string_lossy()).expect("a folder of the log");
        }
        (folder, below.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default())
    }

    fn entry(&self, folder: usize, name: &str) -> Option<usize> {
        match &self.nodes[folder] {
            _ if name.is_empty() => Some(folder),
            Node::Folder { seen, .. } => seen.get(name).copied(),
            _ => None,
        }
    }

    fn change_entry(&mut self, folder: usize, entry: Entry) {
        let Node::Folder { pending, seen, .. } = &mut self.nodes[folder] else { panic!("no folder") };
        match entry.node {
            Some(node) => seen.insert(entry.name.clone(), node),
            None => seen.remove(&entry.name),
        };
        pending.push(entry);
    }

    fn make(&mut self, path: &[u8], node: Node) -> usize {
        let (folder, name) = self.place(path);
        self.nodes.push(node);
        let made = self.nodes.len() - 1;
        self.change_entry(folder, Entry { name, node: Some(made), before: None });
        made
    }

    fn play(&mut self, change: &Change) {
        match change.op {
            b'o' => self.open(change),
            b'w' => self.change_bytes(change, Bytes::Written(change.figure as usize, change.second.clone())),
            b't' => self.change_bytes(change, Bytes::Length(change.figure as usize)),
            b'a' => self.change_bytes(change, Bytes::AtLeast(change.figure as usize)),
            b's' => self.sync(self.handles[&change.handle]),
            b'm' => {
                let empty = Node::Folder { disk: BTreeMap::new(), pending: Vec::new(), seen: BTreeMap::new() };
                self.make(&change.first, empty);
            }
            b'l' => {
                self.make(&change.first, Node::Link(String::from_utf8(change.second.clone()).expect("a path")));
            }
            b'h' => {
                let ((from, old), (folder, name)) = (self.place(&change.second), self.place(&change.first));
                let node = self.entry(from, &old);
                self.change_entry(folder, Entry { name, node, before: None });
            }
            b'u' => {
                let (folder, name) = self.place(&change.first);
                self.change_entry(folder, Entry { name, node: None, before: None });
            }
            b'n' => self.rename(change),
            other => panic!("an unknown change {other}"),
        }
    }

    fn open(&mut self, change: &Change) {
        let (folder, name) = self.place(&change.first);
        let node = match self.entry(folder, &name) {
            Some(node) => node,
            None => self.make(&change.first, Node::File { disk: Vec::new(), pending: Vec::new() }),
        };
        self.handles.insert(change.handle, node);
        if change.figure & 2 != 0 {
            self.change_bytes(change, Bytes::Length(0));
        }
    }

    fn rename(&mut self, change: &Change) {
        let ((from, old), (folder, name)) = (self.place(&change.first), self.place(&change.second));
        let node = self.entry(from, &old);
        if let Node::Folder { seen, .. } = &mut self.nodes[from] {
            seen.remove(&old);
        }
        self.change_entry(folder, Entry { name, node, before: Some((from, old)) });
    }

    fn change_bytes(&mut self, change: &Change, bytes: Bytes) {
        let node = self.handles[&change.handle];
        if let Node::File { pending, .. } = &mut self.nodes[node] {
            pending.push(bytes);
        }
    }

    fn sync(&mut self, node: usize) {
        match &mut self.nodes[node] {
            Node::File { disk, pending } => pending.drain(..).for_each(|bytes| bytes.apply(disk)),
            Node::Folder { pending, .. } => {
                let all = pending.len();
                self.keep_entries(node, all);
            }
            Node::Link(_) => {}
        }
    }

    /// The first `count` changes of a folder's entries reach the disk.
    fn keep_entries(&mut self, folder: usize, count: usize) {
        let Node::Folder { pending, .. } = &mut self.nodes[folder] else { return };
        let kept: Vec<Entry> = pending.drain(..count).collect();
        for entry in kept {
            if let Some((from, old)) = &entry.before
                && let Node::Folder { disk, .. } = &mut self.nodes[*from]
                && disk.get(old).copied() == entry.node
            {
                disk.remove(old);
            }
            if let Node::Folder { disk, .. } = &mut self.nodes[folder] {
                match entry.node {
                    Some(node) => disk.insert(entry.name, node),
                    None => disk.remove(&entry.name),
                };
            }
        }
    }

    /// The power goes now.
    fn cut(&mut self, dice: &mut Dice) {
        for node in 0..self.nodes.len() {
            match &mut self.nodes[node] {
                Node::File { disk, pending } => pending.drain(..).for_each(|bytes| bytes.some_of(dice, disk)),
                Node::Folder { pending, .. } => {
                    let kept = dice.below(pending.len() + 1);
                    self.keep_entries(node, kept);
                }
                Node::Link(_) => {}
            }
        }
    }

    /// Puts what is on disk into a folder.
    fn put(&self, node: usize, path: &Path) {
        match &self.nodes[node] {
            Node::File { disk, .. } => fs::write(path, disk).expect("a file"),
            Node::Link(target) => symlink(target, path).expect("a link"),
            Node::Folder { disk, .. } => {
                fs::create_dir_all(path).expect("a folder");
                disk.iter().for_each(|(name, node)| self.put(*node, &path.join(name)));
            }
        }
    }
}

/// A run's changes with what they began on, and a machine to play them on.
struct Recording {
    before: Disk,
    changes: Vec<Change>,
}

impl Recording {
    fn of(scene: &Scene) -> Self {
        let n = scene.copy();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = folder.path().join("log");
        let before = Disk::of(n.path(), n.path());
        let output = runs::run(&n, &Fault::Log(log.clone()));
        assert!(output.status.success(), "{}", crate::support::text(&output.stderr));
        Self { before, changes: read_log(&log) }
    }

    /// What a machine finds that lost its power behind the first `count` changes.
    fn cut_behind(&self, count: usize, dice: &mut Dice) -> Nearset {
        let mut disk = self.before.clone();
        self.changes[..count].iter().for_each(|change| disk.play(change));
        disk.cut(dice);
        let mut n = Nearset::in_memory();
        n.set("THREADS", "1");
        disk.put(0, n.path());
        n
    }
}

/// Most of a run's changes are bytes of its work copy; half of the cuts are among the rest, and right behind them.
fn moment(recording: &Recording, dice: &mut Dice) -> usize {
    if dice.one_in(2) {
        return dice.below(recording.changes.len() + 1);
    }
    let rare: Vec<usize> = (0..recording.changes.len()).filter(|at| recording.changes[*at].op != b'w').collect();
    dice.pick(&rare) + 1
}

fn cut_power(name: &'static str, scene: &Scene, in_the_gate: usize) {
    let mut plan = Plan::new(name);
    let recording = Recording::of(scene);
    let (mut found_new, cases) = (0, plan.cases(in_the_gate));
    let all = recording.changes.len();
    for case in cases.clone() {
        let mut dice = plan.begin(case);
        // the last case: the run had said that it was done
        let is_done = case + 1 == cases.end;
        let count = if is_done { all } else { moment(&recording, &mut dice) };
        let n = recording.cut_behind(count, &mut dice);
        let name = format!("power cut behind change {count} of {all}");
        if let Some(found) = plan.good(State::read(&n), &name) {
            scene.is_old_or_new(&mut plan, &found, &name);
            plan.expect(!is_done || found == scene.new, format!("{name}: a run that had exited 0 is lost"));
            found_new += usize::from(found == scene.new);
        }
        scene.recovers(&mut plan, &n, &name);
    }
    plan.end(format!("{} power cuts, {found_new} with all of the new state; {all} changes a run", cases.len()));
}

#[test]
fn a_disk_that_never_syncs_is_noticed_by_the_plan() {
    let scene = Scene::second();
    let mut recording = Recording::of(&scene);
    recording.changes.retain(|change| change.op != b's');
    let mut plan = Plan::new("no syncs");
    let is_torn = |case| {
        let n = recording.cut_behind(recording.changes.len(), &mut plan.begin(case));
        State::read(&n).is_err()
    };
    // most cuts keep too few of the changes of names to show the new state at all
    assert!((0..60).any(is_torn));
}

#[test]
fn power_that_goes_during_a_run_leaves_the_old_or_the_new_whole() {
    cut_power("power", &Scene::second(), 12);
}

#[test]
fn power_that_goes_during_the_first_run_leaves_all_or_nothing() {
    cut_power("power, first run", &Scene::first(), 4);
}
