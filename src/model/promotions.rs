//! Which versions were current, one after the other: `MODELS_DIR/promotions.jsonl`, a promotion a line. The way back is
//! read from it.

use std::path::Path;

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::common::files;

const PROMOTIONS: &str = "promotions.jsonl";

/// A version became current.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Promotion {
    /// Which.
    pub version: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// All promotions that were written down, oldest first.
///
/// # Errors
/// They cannot be read.
pub fn promotions(models_dir: &Path) -> Result<Vec<Promotion>> {
    Ok(Promotions::read(models_dir)?.0)
}

/// All promotions, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Promotions(Vec<Promotion>);

impl Promotions {
    /// Reads them; a line that was cut short is none.
    pub(super) fn read(models_dir: &Path) -> Result<Self> {
        let bytes = files::read(&models_dir.join(PROMOTIONS))?.unwrap_or_default();
        Ok(Self(bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()))
    }

    pub(super) fn write(&self, models_dir: &Path) -> Result<()> {
        let mut text = Vec::new();
        for promotion in &self.0 {
            serde_json::to_writer(&mut text, promotion)?;
            text.push(b'\n');
        }
        files::write(&models_dir.join(PROMOTIONS), &text)
    }

    pub(super) fn push(&mut self, version: &str) {
        self.0.push(Promotion { version: version.to_owned(), at: Utc::now() });
    }

    fn is_last(&self, version: &str) -> bool {
        self.0.last().is_some_and(|last| last.version == version)
    }

    /// Agrees with what is current, whatever was cut short before: a promotion that was written down and never became so is
    /// taken out, and a current version that was not written down is added. Says whether anything changed.
    pub(super) fn settle(&mut self, current: Option<&str>) -> bool {
        let (length, last) = (self.0.len(), self.0.last().map(|past| past.version.clone()));
        match current {
            // the very first promotion was cut short
            None if length == 1 => self.0.clear(),
            None => {}
            Some(current) => {
                if !self.is_last(current) && self.0.iter().any(|past| past.version == current) {
                    self.0.pop();
                }
                if !self.is_last(current) {
                    self.push(current);
                }
            }
        }
        self.0.len() != length || self.0.last().map(|past| &past.version) != last.as_ref()
    }

    /// The versions that were current before `now`, the last of them first. Those that were rolled back from are no longer
    /// on the way: it is a stack.
    pub(super) fn way_back(&self, now: &str) -> Vec<String> {
        let mut stack: Vec<&str> = Vec::new();
        for promotion in &self.0 {
            match stack.iter().position(|version| *version == promotion.version) {
                Some(depth) => stack.truncate(depth + 1),
                None => stack.push(&promotion.version),
            }
        }
        let depth = stack.iter().position(|version| *version == now).unwrap_or(stack.len());
        stack[..depth].iter().rev().map(|version| (*version).to_owned()).collect()
    }

    /// The last `count` versions that were promoted, the last of them first.
    pub(super) fn newest(&self, count: usize) -> impl Iterator<Item = &str> {
        self.0.iter().rev().take(count).map(|past| past.version.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(versions: &[&str]) -> Promotions {
        let mut promotions = Promotions::default();
        versions.iter().for_each(|version| promotions.push(version));
        promotions
    }

    fn names(promotions: &Promotions) -> Vec<&str> {
        let mut names: Vec<&str> = promotions.newest(usize::MAX).collect();
        names.reverse();
        names
    }

    #[test]
    fn the_way_back_is_a_stack() {
        assert_eq!(of(&["a", "b", "c"]).way_back("c"), ["b", "a"]);
        // back from c to b: c is no longer on the way, also not once d came
        assert_eq!(of(&["a", "b", "c", "b"]).way_back("b"), ["a"]);
        assert_eq!(of(&["a", "b", "c", "b", "d"]).way_back("d"), ["b", "a"]);
        assert_eq!(of(&["a", "b"]).way_back("a"), [""; 0]);
        // one that was never written down came after all of them
        assert_eq!(of(&["a", "b"]).way_back("x"), ["b", "a"]);
    }

    #[test]
    fn what_was_cut_short_is_settled() {
        let settled = |versions: &[&str], current: Option<&str>| {
            let mut promotions = of(versions);
            let has_changed = promotions.settle(current);
            (names(&promotions).join(" "), has_changed)
        };
        assert_eq!(settled(&["a", "b"], Some("b")), ("a b".to_owned(), false));
        // b was written down, and the link still names a
        assert_eq!(settled(&["a", "b"], Some("a")), ("a".to_owned(), true));
        assert_eq!(settled(&["a"], Some("b")), ("a b".to_owned(), true));
        assert_eq!(settled(&["a"], None), (String::new(), true));
        assert_eq!(settled(&["a", "b"], None), ("a b".to_owned(), false));
    }

    #[test]
    fn a_line_cut_short_is_no_promotion() -> Result<()> {
        let dir = tempfile::tempdir()?;
        of(&["a", "b"]).write(dir.path())?;
        let path = dir.path().join(PROMOTIONS);
        let whole = std::fs::read(&path)?;
        std::fs::write(&path, &whole[..whole.len() - 5])?;
        assert_eq!(names(&Promotions::read(dir.path())?), ["a"]);
        Ok(())
    }
}
