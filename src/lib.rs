//! nearset: a recommender for dataset detail pages, in one program and one DuckDB file.
//!
//! The program is `src/main.rs`; this is everything it is made of, so that benchmarks can measure it piece by piece. Every
//! module is a room of its own; docs/architecture.md walks them as data does.

pub mod cli;
pub mod common;
pub mod config;
pub mod console;
pub mod doctor;
pub mod embed;
pub mod evaluate;
pub mod exposures;
pub mod extract;
pub mod index;
pub mod model;
pub mod operations;
pub mod pipeline;
pub mod query;
pub mod recommend;
pub mod search;
pub mod serve;
pub mod sql_project;
pub mod train;
pub mod warehouse;
