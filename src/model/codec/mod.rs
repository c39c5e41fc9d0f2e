//! A version as files: how it is written, and how it is read where every number in it holds.
//!
//! A manifest may have been damaged, or made by hand: nothing it says is used before the files say the same.

mod fields;
mod formats;
mod layout;
mod numbers;
mod parquet;
mod read;
mod seal;
mod write;

pub use formats::{is_read, unread};
pub use layout::MANIFEST;
pub use read::{load, ranker_of};
pub use seal::{read_manifest, verify};
pub(super) use write::write;
