//! The rows nearest to a vector: by looking at each, or by a graph where there are many.

use anyhow::Result;

use super::hnsw::Graph;
use super::top::top;
use super::vectors::{Row, Vectors, dot};

/// Above this many vectors the graph is quicker than looking at each.
pub const EXACT_LIMIT: usize = 20_000;

/// Finds the rows nearest to a vector.
pub enum Index {
    /// Looks at each.
    Exact(Vectors),
    /// Follows a graph.
    Graph(Vectors, Graph),
}

impl Default for Index {
    fn default() -> Self {
        Self::Exact(Vectors::default())
    }
}

impl Index {
    /// Indexes the rows. One thread builds the graph, so that it comes out the same every time.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn build(vectors: Vectors) -> Result<Self> {
        if vectors.len() <= EXACT_LIMIT {
            return Ok(Self::Exact(vectors));
        }
        let graph = Graph::build(&vectors)?;
        Ok(Self::Graph(vectors, graph))
    }

    /// Takes up an index with the graph it was saved with.
    pub fn restore(vectors: Vectors, graph: Option<Graph>) -> Self {
        match graph {
            Some(graph) => Self::Graph(vectors, graph),
            None => Self::Exact(vectors),
        }
    }

    /// The rows.
    pub fn vectors(&self) -> &Vectors {
        match self {
            Self::Exact(vectors) | Self::Graph(vectors, _) => vectors,
        }
    }

    /// The graph, where there is one.
    pub fn graph(&self) -> Option<&Graph> {
        match self {
            Self::Exact(_) => None,
            Self::Graph(_, graph) => Some(graph),
        }
    }

    /// The `count` rows nearest to `query` (of length 1), as (row, cosine), nearest first, ties by row.
    pub fn nearest(&self, query: Row<'_>, count: usize) -> Vec<(u32, f32)> {
        let mut found: Vec<(u32, f32)> = match self {
            Self::Exact(vectors) => (0..vectors.len()).map(|row| (row as u32, dot(query, vectors.row(row)))).collect(),
            Self::Graph(_, graph) => graph.nearest(query, count),
        };
        top(&mut found, count);
        // who keeps the best would else keep the room of all that were looked at
        found.shrink_to_fit();
        found
    }
}
