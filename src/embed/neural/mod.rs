//! Text and pictures to vectors by learned models, read from folders on this machine; nothing is ever downloaded.
//!
//! What a folder says of itself counts: its modules, its pooling, its prompts, its longest text, its way with pictures.

pub mod carried;
pub mod clip;
pub mod distilled;
pub mod folder;
mod pickled;
mod pictures;
mod places;
mod query;
mod sentence;
mod tokenizer;
mod transformer;
mod weights;

pub use pictures::{LARGEST_FILE, Unusable};
pub use places::{Places, is_address};
pub use query::{EncodedQuery, QueryEncoder};
pub use sentence::{Role, TextModel};
