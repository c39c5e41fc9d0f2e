//! What a server and the processes that answer its queries say to each other: frames, each a letter, a length and so many bytes.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Column;
use crate::sql_project::Change;

/// In which form an answer's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// An array of rows, each an array of cells.
    Cells,
    /// An array of objects.
    Json,
    /// Comma-separated, with a header.
    Csv,
    /// A file of Parquet.
    Parquet,
    /// A stream of Arrow IPC.
    Arrow,
}

/// A query.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ask {
    /// One `SELECT`.
    pub sql: String,
    /// `$1`, `$2`, … in it.
    pub parameters: Vec<Value>,
    /// The most rows that are answered.
    pub limit: usize,
    /// How they are written.
    pub form: Form,
    /// Whether files that were changed since the last run are passed over.
    pub is_published: bool,
}

/// What is known of an answer before its bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Head {
    /// In the order of the query.
    pub columns: Vec<Column>,
    /// How many rows follow.
    pub rows: usize,
    /// Whether there are more than were asked for.
    pub is_cut: bool,
    /// What was shown as saved files have it, or why it was not.
    pub changes: Vec<Change>,
}

/// Why a query has no answer.
#[derive(Debug, Serialize, Deserialize)]
pub enum Fault {
    /// There is no warehouse.
    NoWarehouse,
    /// The query is wrong, or asks for what it may not have.
    Wrong(Mistake),
    /// It needs too much.
    TooMuch(String),
    /// The warehouse cannot be read.
    Broken(String),
}

/// What is wrong with a query, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mistake {
    /// In a sentence.
    pub message: String,
    /// The line of the query, from 1, where it is known.
    pub line: Option<usize>,
    /// The character of the line, from 1.
    pub column: Option<usize>,
    /// The line, and below it a caret under what is wrong.
    pub caret: Option<String>,
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.line, &self.caret) {
            (Some(line), Some(caret)) => write!(f, "line {line}: {}\n{caret}", self.message),
            _ => f.write_str(&self.message),
        }
    }
}

impl From<String> for Mistake {
    fn from(message: String) -> Self {
        Self { message, ..Self::default() }
    }
}

/// The settings that a process works by.
pub type Hello = BTreeMap<String, String>;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Hello,
    Ask,
    /// The warehouse is open: from here on it is the query that takes its time.
    Open,
    Head,
    Bytes,
    End,
    Fault,
}

impl Kind {
    const ALL: [(u8, Self); 7] = [
        (b'h', Self::Hello),
        (b'a', Self::Ask),
        (b'O', Self::Open),
        (b'H', Self::Head),
        (b'B', Self::Bytes),
        (b'E', Self::End),
        (b'F', Self::Fault),
    ];

    fn of(letter: u8) -> io::Result<Self> {
        let known = Self::ALL.into_iter().find(|(one, _)| *one == letter);
        known.map(|(_, kind)| kind).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a frame of no kind"))
    }
}

/// What stands before a frame's bytes.
pub const PREFIX: usize = 5;

/// The kind of a frame, and how many bytes follow.
///
/// # Errors
/// There is no such kind.
pub fn opened(prefix: [u8; PREFIX]) -> io::Result<(Kind, usize)> {
    let [letter, length @ ..] = prefix;
    Ok((Kind::of(letter)?, u32::from_le_bytes(length) as usize))
}

/// A whole frame.
///
/// # Errors
/// It would be too long.
pub fn framed(kind: Kind, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let letter = Kind::ALL.into_iter().find_map(|(letter, one)| (one == kind).then_some(letter));
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    let mut frame = Vec::with_capacity(PREFIX + bytes.len());
    frame.extend(letter);
    frame.extend(length.to_le_bytes());
    frame.extend(bytes);
    Ok(frame)
}

/// A frame that holds a value as JSON.
///
/// # Errors
/// It would be too long.
pub fn framed_json(kind: Kind, value: &impl Serialize) -> io::Result<Vec<u8>> {
    framed(kind, &serde_json::to_vec(value)?)
}

/// Writes a frame.
///
/// # Errors
/// Nobody takes it.
pub fn write(out: &mut impl Write, kind: Kind, bytes: &[u8]) -> io::Result<()> {
    out.write_all(&framed(kind, bytes)?)
}

/// Reads a frame; none where the other side is gone.
///
/// # Errors
/// What comes is no frame.
pub fn read(from: &mut impl Read) -> io::Result<Option<(Kind, Vec<u8>)>> {
    let mut prefix = [0; PREFIX];
    match from.read_exact(&mut prefix) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let (kind, length) = opened(prefix)?;
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes)?;
    Ok(Some((kind, bytes)))
}

/// The value that a frame of this kind holds.
///
/// # Errors
/// It is of another kind, or holds something else.
pub fn value<T: DeserializeOwned>(frame: Option<(Kind, Vec<u8>)>, kind: Kind) -> io::Result<T> {
    match frame {
        Some((found, bytes)) if found == kind => Ok(serde_json::from_slice(&bytes)?),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "a frame of another kind was expected")),
    }
}
