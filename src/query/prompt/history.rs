//! What was typed at the prompt before: a file of the user's own, beside no data.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustyline::Editor;
use rustyline::history::FileHistory;

use super::completion::Typing;

/// The file that NEARSET_HISTORY names, else one in the user's folder for state; none where NEARSET_HISTORY is empty.
pub fn place() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    match std::env::var_os("NEARSET_HISTORY") {
        Some(own) => Some(own).filter(|own| !own.is_empty()).map(PathBuf::from),
        None => {
            let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))?;
            Some(state.join("nearset/sql_history"))
        }
    }
}

/// Adds to it what was typed last. A prompt works without one where it cannot be written; the file is its user's alone.
pub fn keep(editor: &mut Editor<Typing, FileHistory>, place: &Path) {
    if let Some(folder) = place.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).ok();
    }
    editor.append_history(place).ok();
}
