//! Dense vectors by latent semantic analysis (Deerwester et al. 1990): the truncated SVD of the TF-IDF matrix, found by
//! randomized subspace iteration (Halko, Martinsson, Tropp 2011).

use std::ops::Range;

use nalgebra::{DMatrix, SymmetricEigen};
use rayon::prelude::*;

use super::Sparse;
use crate::common::random::uniform;
use crate::index::Vectors;

const OVERSAMPLING: usize = 16;
const ITERATIONS: usize = 4;

/// How many features stand densely in memory at a time: a vocabulary may have millions. A multiple of the 256 that matrix
/// products are cut into, so that sums are the same as over all features at once.
const FEATURES_AT_ONCE: usize = 32 * 1024;

/// Reduces the rows to at most `dimensions` dense ones of length 1 (all zero where a row has nothing in common with
/// another). Axes count by their singular value to the power `weighting`: 1 keeps the rows' own geometry, less brings
/// small themes forward.
pub fn reduce(sparse: &Sparse, dimensions: usize, weighting: f64) -> Vectors {
    let rows = sparse.rows.len();
    let dimensions = dimensions.min(rows.saturating_sub(1)).min(sparse.features);
    if dimensions == 0 {
        return Vectors::new(1, std::iter::repeat_n(0.0, rows));
    }
    let width = (dimensions + OVERSAMPLING).min(rows).min(sparse.features);
    // the range of A Aᵀ, from a start that is the same every time
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut basis = DMatrix::from_fn(rows, width, |_, _| gaussian(&mut state));
    for _ in 0..ITERATIONS {
        basis = squared_times(sparse, &orthonormal(basis));
    }
    let basis = orthonormal(basis);
    // with B = Qᵀ A: the eigenvectors of B Bᵀ rotate Q to the left singular vectors of A
    let eigen = SymmetricEigen::new(projected_square(sparse, &basis));
    let mut order: Vec<usize> = (0..width).collect();
    order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
    let rotation = DMatrix::from_fn(width, dimensions, |row, column| {
        let from = order[column];
        eigen.eigenvectors[(row, from)] * eigen.eigenvalues[from].max(0.0).powf(weighting / 2.0)
    });
    let reduced = basis * rotation;
    let mut data = Vec::with_capacity(rows * dimensions);
    for row in 0..rows {
        let length = reduced.row(row).norm();
        let scale = if length > 1e-9 { 1.0 / length } else { 0.0 };
        data.extend(reduced.row(row).iter().map(|v| (v * scale) as f32));
    }
    Vectors::new(dimensions, data)
}

/// A Aᵀ · m, column by column: Aᵀ times a column is as long as there are features, and only a thread's own is held.
fn squared_times(sparse: &Sparse, m: &DMatrix<f64>) -> DMatrix<f64> {
    let mut out = DMatrix::zeros(sparse.rows.len(), m.ncols());
    out.par_column_iter_mut().enumerate().for_each_init(
        || vec![0.0; sparse.features],
        |by_feature, (column, mut into)| {
            by_feature.fill(0.0);
            for (entries, value) in sparse.rows.iter().zip(m.column(column).iter()) {
                for (feature, weight) in entries {
                    by_feature[*feature as usize] += f64::from(*weight) * value;
                }
            }
            for (row, entries) in sparse.rows.iter().enumerate() {
                into[row] = entries.iter().map(|(f, weight)| f64::from(*weight) * by_feature[*f as usize]).sum();
            }
        },
    );
    out
}

/// (Aᵀ m)ᵀ (Aᵀ m), some features after the other.
fn projected_square(sparse: &Sparse, m: &DMatrix<f64>) -> DMatrix<f64> {
    let mut square = DMatrix::zeros(m.ncols(), m.ncols());
    for from in (0..sparse.features).step_by(FEATURES_AT_ONCE) {
        let count = FEATURES_AT_ONCE.min(sparse.features - from);
        let within = |entries: &Vec<(u32, f32)>| {
            let start = |feature: usize| entries.partition_point(|(f, _)| (*f as usize) < feature);
            start(from)..start(from + count)
        };
        let ranges: Vec<Range<usize>> = sparse.rows.iter().map(within).collect();
        let mut block = DMatrix::zeros(count, m.ncols());
        block.par_column_iter_mut().enumerate().for_each(|(column, mut into)| {
            for ((entries, range), value) in sparse.rows.iter().zip(&ranges).zip(m.column(column).iter()) {
                for (feature, weight) in &entries[range.clone()] {
                    into[*feature as usize - from] += f64::from(*weight) * value;
                }
            }
        });
        square.gemm(1.0, &block.transpose(), &block, 1.0);
    }
    square
}

/// An orthonormal basis of the columns' span.
fn orthonormal(m: DMatrix<f64>) -> DMatrix<f64> {
    m.qr().q()
}

/// A normally distributed number (Box, Muller 1958).
fn gaussian(state: &mut u64) -> f64 {
    let radius = (-2.0 * (1.0 - uniform(state)).ln()).sqrt();
    radius * (2.0 * std::f64::consts::PI * uniform(state)).cos()
}
