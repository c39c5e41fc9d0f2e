//! Rows of vectors in single bytes, and their products.

use std::io::{ErrorKind, Read};

use crate::common::language::either;
use multiversion::multiversion;
use serde::{Deserialize, Serialize};

/// No number of a row of length 1 is larger, however it was rounded.
pub(super) const LARGEST: f32 = 2.0;

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
    pub(super) scale: f32,
    pub(super) values: Box<[i8]>,
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

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.scales.is_empty()
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.scales.len()
    }

    /// How many numbers a row has.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// A row by its number.
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
    ///
    /// # Errors
    /// They are fewer, or a number is none of a row of length 1.
    pub fn read(dimensions: usize, rows: usize, mut from: impl Read) -> std::io::Result<Self> {
        let (scales, data) = (Vec::with_capacity(rows), Vec::with_capacity(rows * dimensions));
        let mut vectors = Self { dimensions, scales, data };
        let mut bytes = vec![0; 4 * dimensions];
        for _ in 0..rows {
            from.read_exact(&mut bytes)?;
            let row: Vec<f32> = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
            if !row.iter().all(|number| number.abs() <= LARGEST) {
                return Err(std::io::Error::new(
                    ErrorKind::InvalidData,
                    either("a row is not of length 1", "有一行的长度不为 1"),
                ));
            }
            vectors.push(&row);
        }
        Ok(vectors)
    }
}

impl<'a> Row<'a> {
    /// Whether it points nowhere.
    pub fn is_empty(self) -> bool {
        self.values.is_empty()
    }

    /// Its numbers.
    pub fn numbers(self) -> impl Iterator<Item = f32> + 'a {
        self.values.iter().map(move |value| self.scale * f32::from(*value))
    }
}

impl Vector {
    /// Borrows it.
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
