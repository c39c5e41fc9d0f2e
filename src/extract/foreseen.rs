//! What a run would read of a source.

use serde::Serialize;

/// What would be read of a table.
#[derive(Debug, Serialize)]
pub struct Foreseen {
    /// The table.
    pub table: &'static str,
    /// The files of exports that are new, in their order; none of a database.
    pub files: Vec<String>,
    /// How many rows of a database; not known of exports before they are read.
    pub rows: Option<u64>,
    /// The same in words.
    pub text: String,
    /// What is odd about it.
    pub notes: Vec<String>,
}

impl Foreseen {
    /// A line for the table and one for each note.
    pub fn lines(&self) -> impl Iterator<Item = String> + '_ {
        let notes = self.notes.iter().map(|note| format!("  {note}"));
        std::iter::once(self.text.clone()).chain(notes)
    }
}
