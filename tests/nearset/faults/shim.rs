//! The layer between the program and its files (`shim.c`), as tests use it: built once, told what to do, asked afterwards.

use std::fmt::{self, Display};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

/// The letters of all kinds of calls, in the shim's order of counters.
pub const KINDS: &str = "ocrwsnutaml";

/// An error of the system, and the kinds of calls that it may come from.
#[derive(Clone, Copy, Debug)]
pub struct Errno {
    pub name: &'static str,
    number: i32,
    pub kinds: &'static str,
}

/// What goes wrong on real machines: a full disk, a dying one, no descriptor left, no permission. What makes room needs
/// none.
pub const ERRNOS: [Errno; 4] = [
    Errno { name: "ENOSPC", number: 28, kinds: "cwaml" },
    Errno { name: "EIO", number: 5, kinds: "rwst" },
    Errno { name: "EMFILE", number: 24, kinds: "oc" },
    Errno { name: "EACCES", number: 13, kinds: "ocnuml" },
];

/// What the shim does to one process.
#[derive(Clone, Debug)]
pub enum Fault {
    Nothing,
    /// The call at a position among those of these kinds fails, and where it is for good all later ones do.
    Fails {
        errno: Errno,
        kinds: String,
        at: u64,
        for_good: bool,
    },
    /// The process is killed at that call.
    Kill {
        at: u64,
        kinds: String,
    },
    /// Every write may end early.
    ShortWrites(u64),
    /// Every write takes so many milliseconds.
    Slow(u64),
    /// Every change is written down.
    Log(PathBuf),
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("no fault"),
            Self::Fails { errno, kinds, at, for_good } => {
                write!(f, "{} {} at {at} of {kinds}", errno.name, if *for_good { "for good" } else { "once" })
            }
            Self::Kill { at, kinds } => write!(f, "killed at {at} of {kinds}"),
            Self::ShortWrites(seed) => write!(f, "short writes by {seed}"),
            Self::Slow(ms) => write!(f, "writes of {ms} ms"),
            Self::Log(_) => f.write_str("a write log"),
        }
    }
}

impl Fault {
    /// Puts the shim before a command, for the files below `dir`.
    pub fn apply<'c>(&self, command: &'c mut Command, dir: &Path, counters: &Path) -> &'c mut Command {
        command.env("LD_PRELOAD", library()).env("FAULT_DIR", dir).env("FAULT_COUNT", counters);
        match self {
            Self::Nothing => command,
            Self::Fails { errno, kinds, at, for_good } => {
                if *for_good {
                    command.env("FAULT_FOR_GOOD", "1");
                }
                command
                    .env("FAULT_KINDS", kinds)
                    .env("FAULT_AT", at.to_string())
                    .env("FAULT_ERRNO", errno.number.to_string())
            }
            Self::Kill { at, kinds } => command.env("FAULT_KINDS", kinds).env("FAULT_KILL_AT", at.to_string()),
            Self::ShortWrites(seed) => command.env("FAULT_SHORT", seed.to_string()),
            Self::Slow(ms) => command.env("FAULT_DELAY", ms.to_string()),
            Self::Log(path) => command.env("FAULT_LOG", path),
        }
    }
}

/// What the shim counted.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    calls: Vec<u64>,
    pub hits: u64,
    /// The kind and path of the first call that was hit.
    pub first: String,
}

impl Counters {
    pub fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap_or_default();
        let figures: Vec<u64> = bytes
            .chunks_exact(8)
            .take(KINDS.len() + 2)
            .map(|b| u64::from_le_bytes(b.try_into().expect("eight bytes")))
            .collect();
        let text = bytes.get((KINDS.len() + 2) * 8..).unwrap_or_default();
        let text: Vec<u8> = text.iter().copied().take_while(|byte| *byte != 0).collect();
        Self {
            hits: figures.last().copied().unwrap_or(0),
            calls: figures.into_iter().take(KINDS.len()).collect(),
            first: crate::support::text(&text),
        }
    }

    /// How many calls there were of these kinds.
    pub fn of(&self, kinds: &str) -> u64 {
        KINDS.chars().zip(&self.calls).filter(|(kind, _)| kinds.contains(*kind)).map(|(_, calls)| calls).sum()
    }

    /// The kinds of which there were calls.
    pub fn kinds(&self) -> impl Iterator<Item = char> {
        KINDS.chars().zip(&self.calls).filter(|(_, calls)| **calls > 0).map(|(kind, _)| kind)
    }
}

/// The shim, compiled by the C compiler that building needs anyway.
fn library() -> &'static Path {
    static BUILT: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = BUILT.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("shim.so");
        let source = Path::new(crate::support::ROOT).join("tests/nearset/faults/shim.c");
        let status = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o"])
            .args([&path, &source])
            .status()
            .expect("cc, which building nearset needs too");
        assert!(status.success(), "{}", source.display());
        (dir, path)
    });
    path
}
