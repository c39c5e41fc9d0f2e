//! Vectors to neighbours: exact search for small sets, an HNSW graph (Malkov, Yashunin 2016; instant-distance) beyond.

use std::cell::RefCell;
use std::io::Read;

use anyhow::{Context, Result};
use half::bf16;
use instant_distance::{Builder, Hnsw, Point, Search};
use multiversion::multiversion;
use serde::{Deserialize, Serialize};

/// Above this many vectors the graph is quicker than looking at each.
pub const EXACT_LIMIT: usize = 20_000;

/// How widely the graph is searched: recall@10 of 0.99 and more on 100,000 vectors.
const EF_SEARCH: usize = 100;

/// Rows of equal dimension, each of length 1 (or all zero), in half the memory of single precision: a cosine is off by
/// about 0.0001.
#[derive(Clone, Debug, Default)]
pub struct Vectors {
    dimensions: usize,
    data: Vec<bf16>,
}

impl Vectors {
    /// `data` holds one row after the other.
    pub fn new(dimensions: usize, data: impl IntoIterator<Item = f32>) -> Self {
        Self { dimensions, data: data.into_iter().map(bf16::from_f32).collect() }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn len(&self) -> usize {
        self.data.len().checked_div(self.dimensions).unwrap_or(0)
    }

    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    pub fn row(&self, index: usize) -> &[bf16] {
        &self.data[index * self.dimensions..(index + 1) * self.dimensions]
    }

    /// A row, where there is one that is not all zero.
    pub fn find(&self, index: usize) -> Option<&[bf16]> {
        (index < self.len()).then(|| self.row(index)).filter(|row| row.iter().any(|value| *value != bf16::ZERO))
    }

    /// The cosine of two rows; 0 where there are no rows at all.
    pub fn cosine(&self, a: usize, b: usize) -> f32 {
        if self.data.is_empty() { 0.0 } else { dot(self.row(a), self.row(b)) }
    }

    /// The weighted sum of some rows, of length 1; empty where it is zero.
    pub fn direction(&self, rows: impl IntoIterator<Item = (u32, f32)>) -> Vec<bf16> {
        let mut sum = vec![0.0; self.dimensions];
        for (row, weight) in rows {
            for (total, value) in sum.iter_mut().zip(self.row(row as usize)) {
                *total += weight * single(*value);
            }
        }
        unit(&sum)
    }

    /// All rows as little-endian single-precision bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.data.iter().flat_map(|v| v.to_f32().to_le_bytes()).collect()
    }

    /// Reads what [`Self::to_bytes`] wrote: so many numbers.
    pub fn read(dimensions: usize, numbers: usize, mut from: impl Read) -> std::io::Result<Self> {
        let mut data = Vec::with_capacity(numbers);
        let mut number = [0; 4];
        for _ in 0..numbers {
            from.read_exact(&mut number)?;
            data.push(bf16::from_f32(f32::from_le_bytes(number)));
        }
        Ok(Self { dimensions, data })
    }
}

/// A vector brought to length 1; empty where it is zero.
pub fn unit(vector: &[f32]) -> Vec<bf16> {
    let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    if length < 1e-6 { Vec::new() } else { vector.iter().map(|v| bf16::from_f32(v / length)).collect() }
}

/// As [`bf16::to_f32`], without its care for what is not a number.
#[inline(always)]
fn single(value: bf16) -> f32 {
    f32::from_bits(u32::from(value.to_bits()) << 16)
}

/// The dot product; in lanes, so that the compiler uses the machine's vector registers.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+fma", "x86_64+avx2+fma", "aarch64+neon"))]
pub fn dot(a: &[bf16], b: &[bf16]) -> f32 {
    const LANES: usize = 32;
    let mut lanes = [0.0_f32; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(x, y)| single(*x) * single(*y)).sum();
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..LANES {
            lanes[lane] += single(x[lane]) * single(y[lane]);
        }
    }
    // in halves: added up one after the other, the sums would take longer than the products
    for half in [16, 8, 4, 2, 1] {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
    }
    lanes[0] + rest
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

/// A row as the graph holds it: whole numbers of at most 127, and what they are to be multiplied with. A cosine is off by
/// about 0.001, so what the graph finds is put in order by the rows themselves.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    scale: f32,
    values: Box<[i8]>,
}

impl Row {
    fn new(vector: &[bf16]) -> Self {
        let largest = vector.iter().map(|v| single(*v).abs()).fold(f32::MIN_POSITIVE, f32::max);
        Self { scale: largest / 127.0, values: vector.iter().map(|v| (single(*v) / largest * 127.0) as i8).collect() }
    }
}

impl Point for Row {
    fn distance(&self, other: &Self) -> f32 {
        1.0 - self.scale * other.scale * whole_dot(&self.values, &other.values) as f32
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2", "aarch64+neon"))]
fn whole_dot(a: &[i8], b: &[i8]) -> i32 {
    a.iter().zip(b).map(|(x, y)| i32::from(*x) * i32::from(*y)).sum()
}

/// A graph over vectors, with the row each of its points stands for.
#[derive(Serialize, Deserialize)]
pub struct Graph {
    hnsw: Hnsw<Row>,
    rows: Vec<u32>,
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
        let points: Vec<Row> = (0..vectors.len()).map(|row| Row::new(vectors.row(row))).collect();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().context("no thread for the index")?;
        let (hnsw, ids) =
            pool.install(|| Builder::default().seed(7).ef_construction(100).ef_search(EF_SEARCH).build_hnsw(points));
        let mut rows = vec![0; ids.len()];
        for (row, id) in ids.iter().enumerate() {
            rows[id.into_inner() as usize] = row as u32;
        }
        Ok(Self::Graph(vectors, Graph { hnsw, rows }))
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
    pub fn nearest(&self, query: &[bf16], count: usize) -> Vec<(u32, f32)> {
        let scored = |vectors: &Vectors, row: u32| (row, dot(query, vectors.row(row as usize)));
        let mut found: Vec<(u32, f32)> = match self {
            Self::Exact(vectors) => (0..vectors.len() as u32).map(|row| scored(vectors, row)).collect(),
            Self::Graph(vectors, graph) => SEARCH.with_borrow_mut(|search| {
                let hits = graph.hnsw.search(&Row::new(query), search).take(count + count / 2);
                hits.map(|hit| scored(vectors, graph.rows[hit.pid.into_inner() as usize])).collect()
            }),
        };
        top(&mut found, count);
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
            data.extend(unit(&own).into_iter().map(bf16::to_f32));
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
    fn ties_go_to_the_lower_row() {
        let mut scored = vec![(3, 1.0), (1, 1.0), (2, 2.0), (0, 0.5)];
        top(&mut scored, 3);
        assert_eq!(scored, [(2, 2.0), (1, 1.0), (3, 1.0)]);
    }
}
