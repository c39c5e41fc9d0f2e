//! A graph over vectors (HNSW; Malkov, Yashunin 2016; instant-distance), for sets too large to look at each.

use std::cell::RefCell;

use anyhow::{Context, Result, ensure};
use instant_distance::{Builder, Hnsw, Point, Search};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::vectors::{LARGEST, Row, Vector, Vectors, dot};
use crate::common::language::{either, t};

/// How widely the graph is searched: recall@10 of 0.99 and more on 100,000 vectors.
const EF_SEARCH: usize = 100;

impl Point for Vector {
    fn distance(&self, other: &Self) -> f32 {
        1.0 - dot(self.row(), other.row())
    }
}

/// A graph over vectors, with the row each of its points stands for.
#[derive(Serialize, Deserialize)]
pub struct Graph {
    hnsw: Hnsw<Vector>,
    rows: Vec<u32>,
}

/// How many neighbours a point of the graph has in its lowest layer and in those above, as instant-distance writes them.
type Lowest = ([u32; 32], [u32; 32]);
type Upper = [u32; 32];

impl Graph {
    pub(super) fn build(vectors: &Vectors) -> Result<Self> {
        let points: Vec<Vector> = (0..vectors.len()).map(|row| vectors.row(row).into()).collect();
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .context(either("no thread for the index", "无法为索引启动线程"))?;
        let (hnsw, ids) =
            pool.install(|| Builder::default().seed(7).ef_construction(100).ef_search(EF_SEARCH).build_hnsw(points));
        let mut rows = vec![0; ids.len()];
        for (row, id) in ids.iter().enumerate() {
            rows[id.into_inner() as usize] = row as u32;
        }
        Ok(Self { hnsw, rows })
    }

    /// Its bytes, as [`Self::from_bytes`] reads them.
    ///
    /// # Errors
    /// They cannot be made.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        postcard::to_stdvec(self).context(either("the graph cannot be written", "图索引无法写入"))
    }

    /// The points nearest to `query`, as (row, cosine), nearest first.
    pub(super) fn nearest(&self, query: Row<'_>, count: usize) -> Vec<(u32, f32)> {
        thread_local! {
            static SEARCH: RefCell<Search> = RefCell::default();
        }
        SEARCH.with_borrow_mut(|search| {
            let hits = self.hnsw.search(&query.into(), search).take(count);
            hits.map(|hit| (self.rows[hit.pid.into_inner() as usize], 1.0 - hit.distance)).collect()
        })
    }

    /// Reads what [`Self::to_bytes`] wrote for these vectors. A graph that points outside of them is an error, not a panic
    /// of a later search.
    ///
    /// # Errors
    /// It is no graph of these vectors.
    pub fn from_bytes(bytes: &[u8], vectors: &Vectors) -> Result<Self> {
        check(bytes, vectors)
            .context(either("the graph is not one of these vectors; train again", "图索引与向量不符；请重新训练"))?;
        postcard::from_bytes(bytes).context(either("the graph cannot be read", "图索引无法读取"))
    }
}

/// Goes through a graph's bytes as they are read later: instant-distance trusts them, and shows nothing of them.
fn check(mut bytes: &[u8], vectors: &Vectors) -> Result<()> {
    let from = &mut bytes;
    let widely: usize = next(from)?;
    ensure!(
        (1..=vectors.len().max(EF_SEARCH)).contains(&widely),
        t!("it is searched with {widely}", "搜索宽度为 {widely}")
    );
    let points: usize = next(from)?;
    ensure!(points == vectors.len(), t!("it has {points} points", "有 {points} 个点"));
    for _ in 0..points {
        let Vector { scale, values } = next(from)?;
        ensure!(
            values.len() == vectors.dimensions() && (0.0..=LARGEST).contains(&scale),
            t!("a point is not of length 1", "有个点的长度不为 1")
        );
    }
    let nodes: usize = next(from)?;
    ensure!(nodes == points, t!("it has {nodes} nodes", "有 {nodes} 个节点"));
    for _ in 0..nodes {
        let (near, far): Lowest = next(from)?;
        ensure!(
            are_below(&near, points) && are_below(&far, points),
            t!("a node points nowhere", "有个节点指向不存在的点")
        );
    }
    let mut room = points;
    for _ in 0..next::<usize>(from)? {
        let nodes: usize = next(from)?;
        // a search comes down from the points of a layer to those of the next, which has them all
        ensure!((1..=room).contains(&nodes), t!("a layer has {nodes} nodes", "有一层是 {nodes} 个节点"));
        for _ in 0..nodes {
            ensure!(are_below(&next::<Upper>(from)?, nodes), t!("a node points nowhere", "有个节点指向不存在的点"));
        }
        room = nodes;
    }
    let rows: usize = next(from)?;
    ensure!(rows == points, t!("it has {rows} rows", "有 {rows} 行"));
    for _ in 0..rows {
        ensure!((next::<u32>(from)? as usize) < points, t!("a point has no row", "有个点没有对应的行"));
    }
    ensure!(from.is_empty(), t!("it goes on after its end", "结尾之后还有内容"));
    Ok(())
}

fn next<T: DeserializeOwned>(from: &mut &[u8]) -> Result<T> {
    let (value, rest) = postcard::take_from_bytes(from)?;
    *from = rest;
    Ok(value)
}

/// Whether all that are neighbours (the largest number stands for none) are points.
fn are_below(neighbours: &[u32], points: usize) -> bool {
    neighbours.iter().all(|point| *point == u32::MAX || (*point as usize) < points)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::groups;
    use super::super::{EXACT_LIMIT, Index};
    use super::*;

    #[test]
    fn the_graph_finds_what_exact_search_finds() -> Result<()> {
        let vectors = groups(EXACT_LIMIT + 1);
        let exact = Index::Exact(vectors.clone());
        let graph = Index::build(vectors.clone())?;
        assert!(graph.graph().is_some());
        let mut shared = 0;
        for row in (0..vectors.len()).step_by(997) {
            let best: Vec<u32> = exact.nearest(vectors.row(row), 10).iter().map(|hit| hit.0).collect();
            shared += graph.nearest(vectors.row(row), 10).iter().filter(|hit| best.contains(&hit.0)).count();
        }
        assert!(shared * 100 >= 21 * 10 * 90, "{shared} of 210 neighbours found");
        Ok(())
    }

    #[test]
    fn a_graph_that_points_elsewhere_is_refused() -> Result<()> {
        let vectors = groups(2_000);
        let whole = Graph::build(&vectors)?.to_bytes()?;
        let found = |graph| Index::restore(vectors.clone(), Some(graph)).nearest(vectors.row(7), 10);
        assert_eq!(found(Graph::from_bytes(&whole, &vectors)?).len(), 10);
        assert!(Graph::from_bytes(&whole, &groups(1_999)).is_err());
        let mut refused = 0;
        for at in (0..2_000).map(|time| time * whole.len() / 2_000) {
            assert!(Graph::from_bytes(&whole[..at], &vectors).is_err());
            let mut bytes = whole.clone();
            bytes[at] = bytes[at].wrapping_add(if at % 2 == 0 { 128 } else { 31 });
            match Graph::from_bytes(&bytes, &vectors) {
                Ok(graph) => assert!(found(graph).len() <= 10),
                Err(_) => refused += 1,
            }
        }
        assert!(refused > 100, "{refused} were refused");
        Ok(())
    }
}
