//! nearset: a recommender for dataset detail pages, in one program and one DuckDB file.
//!
//! The program is `src/main.rs`; this is everything it is made of, so that benchmarks can measure it piece by piece.

pub mod cli;
pub mod config;
pub mod doctor;
pub mod embed;
pub mod evaluate;
pub mod extract;
pub mod failure;
pub mod index;
pub mod memory;
pub mod model;
pub mod pipeline;
pub mod priority;
pub mod random;
pub mod recommend;
pub mod serve;
pub mod terminal;
pub mod train;
pub mod warehouse;
