//! Datasets by words: those whose names, tags and providers hold them, those whose texts mean the like, and those whose
//! pictures show it, fused by their ranks.

mod find;
mod finder;
mod fusion;
mod pinyin;
mod query;

pub use find::{FoundDataset, Unread, find};
pub use finder::Finder;
pub use query::{By, Found, Query};
