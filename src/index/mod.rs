//! Vectors to neighbours: exact search for small sets, a graph beyond.

#[cfg(test)]
mod fixtures;
mod hnsw;
mod nearest;
mod top;
mod vectors;

pub use hnsw::Graph;
pub use nearest::{EXACT_LIMIT, Index};
pub use top::top;
pub use vectors::{Row, Vector, Vectors, dot, normalize, sparse_dot, unit};
