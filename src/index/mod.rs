//! Vectors to neighbours: exact search for small sets, an HNSW graph (Malkov, Yashunin 2016; instant-distance) beyond.

use std::cell::RefCell;
use std::io::{ErrorKind, Read};

use anyhow::{Context, Result, ensure};
use instant_distance::{Builder, Hnsw, Point, Search};
use multiversion::multiversion;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Above this many vectors the graph is quicker than looking at each.
pub const EXACT_LIMIT: usize = 20_000;

/// How widely the graph is searched: recall@10 of 0.99 and more on 100,000 vectors.
const EF_SEARCH: usize = 100;

/// No number of a row of length 1 is larger, however it was rounded.
const LARGEST: f32 = 2.0;

/// Rows of equal dimension, each of length 1 (or all zero): whole numbers of at most 127, and for each row what they are to
/// be multiplied with. A quarter of the memory of single precision; a cosine is off by about 0.001.
#[derive(Clone, Debug, Default)]
pub struct Vectors {
    dimensions: usize,
    scales: Vec<f32>,
    data: Vec<i8>,
}

/// A row of [`Vectors`], or a vector to compare rows with. Without values where it points nowhere.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    scale: f32,
    values: &'a [i8],
}

/// A [`Row`] of its own.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Vector {
    scale: f32,
    values: Box<[i8]>,
}

impl Vectors {
    /// `data` holds one row after the other.
    pub fn new(dimensions: usize, data: impl IntoIterator<Item = f32>) -> Self {
        let mut vectors = Self { dimensions, ..Self::default() };
        let mut row = Vec::with_capacity(dimensions);
        for value in data {
            row.push(value);
            if row.len() == dimensions {
                vectors.push(&row);
                row.clear();
            }
        }
        vectors
    }

    fn push(&mut self, row: &[f32]) {
        let (scale, values) = rounded(row);
        self.scales.push(scale);
        self.data.extend(values);
    }

    pub fn is_empty(&self) -> bool {
        self.scales.is_empty()
    }

    pub fn len(&self) -> usize {
        self.scales.len()
    }

    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    pub fn row(&self, index: usize) -> Row<'_> {
        let values = &self.data[index * self.dimensions..(index + 1) * self.dimensions];
        Row { scale: self.scales[index], values }
    }

    /// A row, where there is one that is not all zero.
    pub fn find(&self, index: usize) -> Option<Row<'_>> {
        (index < self.len()).then(|| self.row(index)).filter(|row| row.values.iter().any(|value| *value != 0))
    }

    /// The cosine of two rows; 0 where there are no rows at all.
    pub fn cosine(&self, a: usize, b: usize) -> f32 {
        if self.is_empty() { 0.0 } else { dot(self.row(a), self.row(b)) }
    }

    /// The weighted sum of some rows, of length 1; empty where it is zero.
    pub fn direction(&self, rows: impl IntoIterator<Item = (u32, f32)>) -> Vector {
        let mut sum = vec![0.0; self.dimensions];
        for (row, weight) in rows {
            let Row { scale, values } = self.row(row as usize);
            let weight = weight * scale;
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * f32::from(*value));
        }
        unit(&sum)
    }

    /// All rows as little-endian single-precision bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        (0..self.len()).flat_map(|row| self.row(row).numbers()).flat_map(f32::to_le_bytes).collect()
    }

    /// Reads what [`Self::to_bytes`] wrote: so many rows.
    pub fn read(dimensions: usize, rows: usize, mut from: impl Read) -> std::io::Result<Self> {
        let (scales, data) = (Vec::with_capacity(rows), Vec::with_capacity(rows * dimensions));
        let mut vectors = Self { dimensions, scales, data };
        let mut bytes = vec![0; 4 * dimensions];
        for _ in 0..rows {
            from.read_exact(&mut bytes)?;
            let row: Vec<f32> = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
            if !row.iter().all(|number| number.abs() <= LARGEST) {
                return Err(std::io::Error::new(ErrorKind::InvalidData, "a row is not of length 1"));
            }
            vectors.push(&row);
        }
        Ok(vectors)
    }
}

impl<'a> Row<'a> {
    pub fn is_empty(self) -> bool {
        self.values.is_empty()
    }

    /// Its numbers.
    pub fn numbers(self) -> impl Iterator<Item = f32> + 'a {
        self.values.iter().map(move |value| self.scale * f32::from(*value))
    }
}

impl Vector {
    pub fn row(&self) -> Row<'_> {
        Row { scale: self.scale, values: &self.values }
    }
}

impl From<Row<'_>> for Vector {
    fn from(row: Row<'_>) -> Self {
        Self { scale: row.scale, values: row.values.into() }
    }
}

fn rounded(row: &[f32]) -> (f32, impl Iterator<Item = i8>) {
    let largest = row.iter().map(|value| value.abs()).fold(f32::MIN_POSITIVE, f32::max);
    (largest / 127.0, row.iter().map(move |value| (value / largest * 127.0).round() as i8))
}

/// Brings numbers to length 1; what is all zero stays so.
pub fn normalize(row: &mut [f32]) {
    let length = row.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 1e-12 {
        row.iter_mut().for_each(|value| *value /= length);
    }
}

/// A vector brought to length 1; empty where it is zero.
pub fn unit(vector: &[f32]) -> Vector {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length < 1e-6 {
        return Vector::default();
    }
    let (scale, values) = rounded(vector);
    Vector { scale: scale / length, values: values.collect() }
}

/// The dot product; 0 where one of them points nowhere.
pub fn dot(a: Row<'_>, b: Row<'_>) -> f32 {
    a.scale * b.scale * whole_dot(a.values, b.values) as f32
}

/// In single bytes, so that the compiler uses the machine's vector registers to the full.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2", "aarch64+neon"))]
fn whole_dot(a: &[i8], b: &[i8]) -> i32 {
    a.iter().zip(b).map(|(x, y)| i32::from(*x) * i32::from(*y)).sum()
}

/// The dot product of two sparse rows, each in the order of its features.
pub fn sparse_dot(a: &[(u32, f32)], b: &[(u32, f32)]) -> f32 {
    let (mut left, mut right) = (a.iter().peekable(), b.iter().peekable());
    let mut sum = 0.0;
    while let (Some((fa, wa)), Some((fb, wb))) = (left.peek(), right.peek()) {
        match fa.cmp(fb) {
            std::cmp::Ordering::Less => drop(left.next()),
            std::cmp::Ordering::Greater => drop(right.next()),
            std::cmp::Ordering::Equal => {
                sum += wa * wb;
                left.next();
                right.next();
            }
        }
    }
    sum
}

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
    fn build(vectors: &Vectors) -> Result<Self> {
        let points: Vec<Vector> = (0..vectors.len()).map(|row| vectors.row(row).into()).collect();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().context("no thread for the index")?;
        let (hnsw, ids) =
            pool.install(|| Builder::default().seed(7).ef_construction(100).ef_search(EF_SEARCH).build_hnsw(points));
        let mut rows = vec![0; ids.len()];
        for (row, id) in ids.iter().enumerate() {
            rows[id.into_inner() as usize] = row as u32;
        }
        Ok(Self { hnsw, rows })
    }

    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        postcard::to_stdvec(self).context("the graph cannot be written")
    }

    /// Reads what [`Self::to_bytes`] wrote for these vectors. A graph that points outside of them is an error, not a panic
    /// of a later search.
    pub fn from_bytes(bytes: &[u8], vectors: &Vectors) -> Result<Self> {
        check(bytes, vectors).context("the graph is not one of these vectors; train again")?;
        postcard::from_bytes(bytes).context("the graph cannot be read")
    }
}

/// Goes through a graph's bytes as they are read later: instant-distance trusts them, and shows nothing of them.
fn check(mut bytes: &[u8], vectors: &Vectors) -> Result<()> {
    let from = &mut bytes;
    let widely: usize = next(from)?;
    ensure!((1..=vectors.len().max(EF_SEARCH)).contains(&widely), "it is searched with {widely}");
    let points: usize = next(from)?;
    ensure!(points == vectors.len(), "it has {points} points");
    for _ in 0..points {
        let Vector { scale, values } = next(from)?;
        ensure!(values.len() == vectors.dimensions && (0.0..=LARGEST).contains(&scale), "a point is not of length 1");
    }
    let nodes: usize = next(from)?;
    ensure!(nodes == points, "it has {nodes} nodes");
    for _ in 0..nodes {
        let (near, far): Lowest = next(from)?;
        ensure!(are_below(&near, points) && are_below(&far, points), "a node points nowhere");
    }
    let mut room = points;
    for _ in 0..next::<usize>(from)? {
        let nodes: usize = next(from)?;
        // a search comes down from the points of a layer to those of the next, which has them all
        ensure!((1..=room).contains(&nodes), "a layer has {nodes} nodes");
        for _ in 0..nodes {
            ensure!(are_below(&next::<Upper>(from)?, nodes), "a node points nowhere");
        }
        room = nodes;
    }
    let rows: usize = next(from)?;
    ensure!(rows == points, "it has {rows} rows");
    for _ in 0..rows {
        ensure!((next::<u32>(from)? as usize) < points, "a point has no row");
    }
    ensure!(from.is_empty(), "it goes on behind its end");
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

/// Finds the rows nearest to a vector.
pub enum Index {
    Exact(Vectors),
    Graph(Vectors, Graph),
}

thread_local! {
    static SEARCH: RefCell<Search> = RefCell::default();
}

impl Default for Index {
    fn default() -> Self {
        Self::Exact(Vectors::default())
    }
}

impl Index {
    /// Indexes the rows. One thread builds the graph, so that it comes out the same every time.
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

    pub fn vectors(&self) -> &Vectors {
        match self {
            Self::Exact(vectors) | Self::Graph(vectors, _) => vectors,
        }
    }

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
            Self::Graph(_, graph) => SEARCH.with_borrow_mut(|search| {
                let hits = graph.hnsw.search(&query.into(), search).take(count);
                hits.map(|hit| (graph.rows[hit.pid.into_inner() as usize], 1.0 - hit.distance)).collect()
            }),
        };
        top(&mut found, count);
        // who keeps the best would else keep the room of all that were looked at
        found.shrink_to_fit();
        found
    }
}

/// Keeps the `count` best of (row, score), best first, ties by row.
pub fn top(scored: &mut Vec<(u32, f32)>, count: usize) {
    let order = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if scored.len() > count && count > 0 {
        scored.select_nth_unstable_by(count - 1, order);
    }
    scored.truncate(count);
    scored.sort_unstable_by(order);
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// Rows about the centres of a few hundred groups, as texts of a catalogue are.
    fn groups(count: usize) -> Vectors {
        const DIMENSIONS: usize = 32;
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(7);
        let mut draw = || random.random::<f32>() - 0.5;
        let centres: Vec<f32> = (0..300 * DIMENSIONS).map(|_| draw()).collect();
        let mut data = Vec::new();
        for row in 0..count {
            let centre = &centres[row % 300 * DIMENSIONS..][..DIMENSIONS];
            let own: Vec<f32> = centre.iter().map(|c| c + 0.5 * draw()).collect();
            data.extend(unit(&own).row().numbers());
        }
        Vectors::new(DIMENSIONS, data)
    }

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
        for place in (0..2_000).map(|time| time * whole.len() / 2_000) {
            assert!(Graph::from_bytes(&whole[..place], &vectors).is_err());
            let mut bytes = whole.clone();
            bytes[place] = bytes[place].wrapping_add(if place % 2 == 0 { 128 } else { 31 });
            match Graph::from_bytes(&bytes, &vectors) {
                Ok(graph) => assert!(found(graph).len() <= 10),
                Err(_) => refused += 1,
            }
        }
        assert!(refused > 100, "{refused} were refused");
        Ok(())
    }

    #[test]
    fn ties_go_to_the_lower_row() {
        let mut scored = vec![(3, 1.0), (1, 1.0), (2, 2.0), (0, 0.5)];
        top(&mut scored, 3);
        assert_eq!(scored, [(2, 2.0), (1, 1.0), (3, 1.0)]);
    }
}
