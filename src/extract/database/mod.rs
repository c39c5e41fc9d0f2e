//! Databases: what is new in each table, read in bounded memory, and a count that tells what change times do not.
//!
//! A table is read whole once, in ranges of its key. Later runs read the rows whose change time is not before the
//! watermark less `DB_OVERLAP_MINUTES`, and those with newer keys. Then rows are counted on both sides; where the counts
//! part, the ranges that differ are read again, so that rows deleted at the source go, and rows that came with an old
//! change time are not missed.

mod address;
mod compare;
mod extension;
mod inspect;
mod plan;
mod preview;
mod ranges;
mod reader;
mod reading;
mod relay;
mod remote;
mod source;
mod take_in;

pub use inspect::inspect;
pub use preview::preview;
pub use take_in::take_in;
