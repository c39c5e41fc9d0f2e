//! Transformer encoders on candle, for the CPU: what BERT, XLM-RoBERTa and both sides of CLIP have in common.
//!
//! Matrix products are candle's. What stands between them (a bias and an activation, a bias with what is carried past and a
//! normalization, the masked softmax) goes over memory once, in place, a vector register at a time: a call of `erf` for
//! each number takes longer than the products beside it.

use candle_core::{CpuStorage, Device, InplaceOp1, InplaceOp2, Layout, Result, Tensor, bail};
use multiversion::multiversion;

use super::weights::Weights;
use crate::common::language::t;

/// What follows the first half of a feed-forward layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    Gelu,
    /// The approximation by a hyperbolic tangent.
    GeluTanh,
    /// The approximation by a sigmoid that CLIP was trained with.
    QuickGelu,
    Relu,
}

impl Activation {
    /// By its name in `config.json`.
    pub fn named(name: &str) -> anyhow::Result<Self> {
        Ok(match name {
            "gelu" => Self::Gelu,
            "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Self::GeluTanh,
            "quick_gelu" => Self::QuickGelu,
            "relu" => Self::Relu,
            _ => anyhow::bail!(t!("hidden_act is {name:?}, which is not known here", "不认识 hidden_act {name:?}")),
        })
    }
}

/// `inputs x outputs` weights, and a bias that the next step adds.
pub struct Linear {
    weight: Tensor,
    pub bias: Vec<f32>,
}

impl Linear {
    /// Several layers of the same inputs side by side, as one.
    pub fn read(weights: &Weights, names: &[&str]) -> anyhow::Result<Self> {
        let (mut parts, mut bias) = (Vec::new(), Vec::new());
        for name in names {
            let weight = weights.get(&format!("{name}.weight"))?;
            let outputs = weight.dim(0)?;
            let own = weights.find(&format!("{name}.bias")).map(|bias| bias.to_vec1()).transpose()?;
            bias.extend(own.unwrap_or_else(|| vec![0.0; outputs]));
            parts.push(weight);
        }
        Ok(Self { weight: Tensor::cat(&parts, 0)?.t()?.contiguous()?, bias })
    }

    /// Of a matrix with a row for each output, without a bias.
    pub fn of(weight: &Tensor) -> Result<Self> {
        Ok(Self { bias: vec![0.0; weight.dim(0)?], weight: weight.t()?.contiguous()? })
    }

    /// Without the bias.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.matmul(&self.weight)
    }
}

/// Brings each row to mean 0 and deviation 1, then scales and shifts it.
pub struct Norm {
    scale: Vec<f32>,
    shift: Vec<f32>,
    epsilon: f32,
}

impl Norm {
    pub fn read(weights: &Weights, name: &str, epsilon: f64) -> anyhow::Result<Self> {
        let vector = |part: &str| anyhow::Ok(weights.get(&format!("{name}.{part}"))?.to_vec1()?);
        Ok(Self { scale: vector("weight")?, shift: vector("bias")?, epsilon: epsilon as f32 })
    }

    /// In place.
    pub fn apply(&self, x: &Tensor) -> Result<()> {
        x.inplace_op1(&Normalize(self))
    }

    /// `x` of rows, as a new tensor.
    fn of(&self, x: &Tensor) -> Result<Tensor> {
        let x = x.copy()?;
        self.apply(&x)?;
        Ok(x)
    }
}

/// A layer: attention, then two dense layers, each with what came in carried past it.
pub struct Block {
    /// Queries, keys and values side by side.
    pub attention: Linear,
    pub output: Linear,
    pub attention_norm: Norm,
    pub up: Linear,
    pub down: Linear,
    pub output_norm: Norm,
}

/// What a family of models calls the parts of a layer, in the order of [`Block`].
pub struct Names {
    pub attention: [&'static str; 3],
    pub output: &'static str,
    pub attention_norm: &'static str,
    pub up: &'static str,
    pub down: &'static str,
    pub output_norm: &'static str,
}

impl Block {
    /// Reads the layers of an encoder, which are numbered below `prefix`.
    pub fn read_all(
        weights: &Weights,
        prefix: &str,
        count: usize,
        names: &Names,
        epsilon: f64,
    ) -> anyhow::Result<Vec<Self>> {
        let read = |layer: usize| {
            let name = |part: &str| format!("{prefix}.{layer}.{part}");
            let linear = |part: &str| Linear::read(weights, &[&name(part)]);
            let norm = |part: &str| Norm::read(weights, &name(part), epsilon);
            let attention = names.attention.map(name);
            Ok(Self {
                attention: Linear::read(weights, &attention.each_ref().map(String::as_str))?,
                output: linear(names.output)?,
                attention_norm: norm(names.attention_norm)?,
                up: linear(names.up)?,
                down: linear(names.down)?,
                output_norm: norm(names.output_norm)?,
            })
        };
        (0..count).map(read).collect()
    }
}

/// A stack of layers.
pub struct Encoder {
    pub blocks: Vec<Block>,
    pub heads: usize,
    pub activation: Activation,
    /// Whether rows are normalized before a layer's halves (CLIP), or after (BERT).
    pub norm_first: bool,
    /// Whether a token sees only those before it.
    pub is_causal: bool,
}

impl Encoder {
    /// `x` has a row for each position: `lengths.len()` sequences of the same number of positions, of which the first
    /// `lengths[i]` count.
    pub fn forward(&self, mut x: Tensor, lengths: &[usize]) -> Result<Tensor> {
        for block in &self.blocks {
            if self.norm_first {
                let inner = self.attend(block, &block.attention_norm.of(&x)?, lengths)?;
                inner.inplace_op2(&x, &CarryPast { bias: &block.output.bias, norm: None })?;
                x = inner;
                let inner = self.feed_forward(block, &block.output_norm.of(&x)?)?;
                inner.inplace_op2(&x, &CarryPast { bias: &block.down.bias, norm: None })?;
                x = inner;
            } else {
                let inner = self.attend(block, &x, lengths)?;
                inner.inplace_op2(&x, &CarryPast { bias: &block.output.bias, norm: Some(&block.attention_norm) })?;
                x = inner;
                let inner = self.feed_forward(block, &x)?;
                inner.inplace_op2(&x, &CarryPast { bias: &block.down.bias, norm: Some(&block.output_norm) })?;
                x = inner;
            }
        }
        Ok(x)
    }

    fn attend(&self, block: &Block, x: &Tensor, lengths: &[usize]) -> Result<Tensor> {
        let (rows, hidden) = x.dims2()?;
        let (count, heads) = (lengths.len(), self.heads);
        let (positions, size) = (rows / count, hidden / heads);
        let all = block.attention.forward(x)?;
        all.inplace_op1(&BiasThen { bias: &block.attention.bias, activation: None })?;
        let all = all.reshape((count, positions, 3, heads, size))?.permute((2, 0, 3, 1, 4))?.contiguous()?;
        let part = |index| all.get(index)?.reshape((count * heads, positions, size));
        let scores = part(0)?.matmul(&part(1)?.t()?)?;
        let scale = 1.0 / (size as f32).sqrt();
        scores.inplace_op1(&MaskedSoftmax { lengths, heads, positions, scale, is_causal: self.is_causal })?;
        let seen = scores.matmul(&part(2)?)?;
        let seen = seen.reshape((count, heads, positions, size))?.transpose(1, 2)?.reshape((rows, hidden))?;
        block.output.forward(&seen)
    }

    fn feed_forward(&self, block: &Block, x: &Tensor) -> Result<Tensor> {
        let inner = block.up.forward(x)?;
        inner.inplace_op1(&BiasThen { bias: &block.up.bias, activation: Some(self.activation) })?;
        block.down.forward(&inner)
    }
}

/// Rows of a table.
pub fn rows(table: &Tensor, indices: Vec<u32>) -> Result<Tensor> {
    let count = indices.len();
    table.index_select(&Tensor::from_vec(indices, count, &Device::Cpu)?, 0)
}

struct BiasThen<'a> {
    bias: &'a [f32],
    activation: Option<Activation>,
}

impl InplaceOp1 for BiasThen<'_> {
    fn name(&self) -> &'static str {
        "bias-then"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        for row in numbers(storage, layout)?.chunks_exact_mut(self.bias.len()) {
            bias_then(row, self.bias, self.activation);
        }
        Ok(())
    }
}

/// Adds a bias and what is carried past, then normalizes.
struct CarryPast<'a> {
    bias: &'a [f32],
    norm: Option<&'a Norm>,
}

impl InplaceOp2 for CarryPast<'_> {
    fn name(&self) -> &'static str {
        "carry-past"
    }

    fn cpu_fwd(
        &self,
        storage: &mut CpuStorage,
        layout: &Layout,
        past: &CpuStorage,
        past_layout: &Layout,
    ) -> Result<()> {
        let width = self.bias.len();
        let CpuStorage::F32(past) = past else { bail!("carry-past takes single precision") };
        let Some((start, end)) = past_layout.contiguous_offsets() else { bail!("carry-past takes whole rows") };
        let rows = numbers(storage, layout)?.chunks_exact_mut(width);
        for (row, past) in rows.zip(past[start..end].chunks_exact(width)) {
            add(row, past);
            bias_then(row, self.bias, None);
            if let Some(norm) = self.norm {
                normalize(row, norm);
            }
        }
        Ok(())
    }
}

struct Normalize<'a>(&'a Norm);

impl InplaceOp1 for Normalize<'_> {
    fn name(&self) -> &'static str {
        "normalize"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        for row in numbers(storage, layout)?.chunks_exact_mut(self.0.scale.len()) {
            normalize(row, self.0);
        }
        Ok(())
    }
}

struct MaskedSoftmax<'a> {
    lengths: &'a [usize],
    heads: usize,
    positions: usize,
    scale: f32,
    is_causal: bool,
}

impl InplaceOp1 for MaskedSoftmax<'_> {
    fn name(&self) -> &'static str {
        "masked-softmax"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let rows = numbers(storage, layout)?.chunks_exact_mut(self.positions);
        for (number, row) in rows.enumerate() {
            let position = number % self.positions;
            let length = self.lengths[number / self.positions / self.heads];
            let seen = if self.is_causal { length.min(position + 1) } else { length };
            let (seen, hidden) = row.split_at_mut(seen);
            softmax(seen, self.scale);
            hidden.fill(0.0);
        }
        Ok(())
    }
}

fn numbers<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(values), Some((start, end))) => Ok(&mut values[start..end]),
        _ => bail!("whole rows in single precision are needed"),
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+fma", "x86_64+avx2+fma", "aarch64+neon"))]
fn bias_then(row: &mut [f32], bias: &[f32], activation: Option<Activation>) {
    match activation {
        None => row.iter_mut().zip(bias).for_each(|(v, b)| *v += b),
        Some(Activation::Relu) => row.iter_mut().zip(bias).for_each(|(v, b)| *v = (*v + b).max(0.0)),
        Some(Activation::Gelu) => {
            for (v, b) in row.iter_mut().zip(bias) {
                let x = *v + b;
                *v = 0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2));
            }
        }
        // the hyperbolic tangent as a sigmoid: 0.5 (1 + tanh y) = 1 / (1 + exp(-2 y))
        Some(Activation::GeluTanh) => {
            for (v, b) in row.iter_mut().zip(bias) {
                let x = *v + b;
                *v = x / (1.0 + exp(-1.595_769 * (x + 0.044_715 * x * x * x)));
            }
        }
        Some(Activation::QuickGelu) => {
            for (v, b) in row.iter_mut().zip(bias) {
                let x = *v + b;
                *v = x / (1.0 + exp(-1.702 * x));
            }
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+fma", "x86_64+avx2+fma", "aarch64+neon"))]
fn add(row: &mut [f32], other: &[f32]) {
    row.iter_mut().zip(other).for_each(|(v, o)| *v += o);
}

#[multiversion(targets("x86_64+avx512f+avx512vl+fma", "x86_64+avx2+fma", "aarch64+neon"))]
fn normalize(row: &mut [f32], norm: &Norm) {
    let count = row.len() as f32;
    let mean = sum(row, |v| v) / count;
    let deviation = (sum(row, |v| (v - mean) * (v - mean)) / count + norm.epsilon).sqrt();
    let by = 1.0 / deviation;
    for ((v, scale), shift) in row.iter_mut().zip(&norm.scale).zip(&norm.shift) {
        *v = (*v - mean) * by * scale + shift;
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+fma", "x86_64+avx2+fma", "aarch64+neon"))]
fn softmax(row: &mut [f32], scale: f32) {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.iter_mut().for_each(|v| *v = exp((*v - largest) * scale));
    let by = 1.0 / sum(row, |v| v);
    row.iter_mut().for_each(|v| *v *= by);
}

/// A sum in lanes: one after the other, additions wait for each other.
#[inline(always)]
fn sum(row: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0_f32; 32];
    let chunks = row.chunks_exact(32);
    let rest: f32 = chunks.remainder().iter().map(|v| of(*v)).sum();
    for chunk in chunks {
        for lane in 0..32 {
            lanes[lane] += of(chunk[lane]);
        }
    }
    for half in [16, 8, 4, 2, 1] {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
    }
    lanes[0] + rest
}

/// e to the `x`, to seven digits: a power of two times a polynomial (Moshier, Cephes).
#[inline(always)]
fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    let power = (x * std::f32::consts::LOG2_E).round_ties_even();
    let rest = x - power * 0.693_359_4 + power * 2.121_944_4e-4;
    let mut sum = 1.987_569_1e-4;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        sum = sum * rest + coefficient;
    }
    let value = sum * rest * rest + rest + 1.0;
    value * f32::from_bits(((power as i32 + 127) << 23) as u32)
}

/// The error function, to 1.5e-7 (Abramowitz, Stegun 7.1.26).
#[inline(always)]
fn erf(x: f32) -> f32 {
    let size = x.abs();
    let t = 1.0 / (1.0 + 0.327_591_1 * size);
    let mut sum = 1.061_405_4;
    for coefficient in [-1.453_152_1, 1.421_413_8, -0.284_496_72, 0.254_829_6] {
        sum = sum * t + coefficient;
    }
    (1.0 - sum * t * exp(-size * size)).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_and_error_function_are_exact_enough() {
        for step in -2000..2000 {
            let x = step as f32 / 100.0;
            assert!((exp(x) / x.exp() - 1.0).abs() < 3e-7, "exp {x}");
        }
        // by a series, in double precision
        let exact = |x: f64| {
            let (mut term, mut sum) = (x, x);
            for n in 1..200 {
                term *= -x * x / f64::from(n);
                sum += term / f64::from(2 * n + 1);
            }
            sum * std::f64::consts::FRAC_2_SQRT_PI
        };
        for step in -300..300 {
            let x = step as f32 / 100.0;
            assert!((f64::from(erf(x)) - exact(f64::from(x))).abs() < 5e-7, "erf {x}");
        }
    }
}
