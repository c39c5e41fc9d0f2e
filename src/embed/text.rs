//! What there is to read of a dataset.

use super::tokens;

/// The text of one dataset, by field.
#[derive(Debug, Default)]
pub struct Text {
    /// Its name.
    pub title: String,
    /// Its tags, with ` ; ` between.
    pub tags: String,
    /// Who offers it.
    pub provider: String,
    /// What it says of itself.
    pub description: String,
}

impl Text {
    /// Whether most of it is Chinese; a Chinese character says as much as four others.
    pub fn is_chinese(&self) -> bool {
        4 * self.han() > self.latin()
    }

    fn chars(&self) -> impl Iterator<Item = char> {
        [&self.title, &self.tags, &self.description].into_iter().flat_map(|field| field.chars())
    }

    /// How many Chinese characters there are.
    pub(super) fn han(&self) -> usize {
        self.chars().filter(|c| tokens::is_han(*c)).count()
    }

    /// How many other characters there are.
    pub(super) fn latin(&self) -> usize {
        self.chars().filter(|c| !tokens::is_han(*c)).count()
    }
}
