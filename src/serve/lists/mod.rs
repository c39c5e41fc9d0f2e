//! Lists on the server: which one is asked for, how it is rendered, and the cache of those that many ask for.

mod cache;
mod key;
mod rendered;

pub use cache::ListCache;
pub use key::{List, ListKey};
pub use rendered::{ListItem, RenderedList, log_items};
