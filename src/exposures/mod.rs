//! The exposure log: the form of its lines, the names of its files ([`files`]), how servers write it, and how it
//! is read back by servers and taken in by runs. No other room knows its form. One server writes one file; several servers
//! on one DATA_DIR write one each.

pub mod exclusions;
pub mod files;
mod intake;
mod lines;
mod log_file;
mod packing;
mod read_back;
mod record;
mod rotation;
mod visitors;
mod writer;

pub use exclusions::Exclusions;
pub use intake::{create_tables, is_taken_in, take_in};
pub use log_file::Options;
pub use read_back::{read_views, recent_logs};
pub use record::{Context, Exploration, Exposure, ExposureItem, View, Visitor};
pub use visitors::Visitors;
pub use writer::ExposureLog;
