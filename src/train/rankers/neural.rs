//! A small neural network on candle: two hidden layers, learned with Adam (Kingma, Ba 2015).

use anyhow::{Context, Result};
use candle_core::{D, Device, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};

use crate::common::language::either;
use crate::common::random::uniform;
use crate::model::{Feature, Layer, Network};
use crate::train::examples::Examples;

/// The hidden layers, and how many times the examples are gone through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// The widths of the hidden layers.
    pub hidden: [usize; 2],
    /// How many times the examples are gone through.
    pub epochs: usize,
}

/// Seconds of one core for each example's way through one weight and back. Measured once, as for the trees: layers of 32 and 16
/// took 2.1 s for 8 epochs, of 48 and 16 4.9 s for 10.
const SECONDS_PER_WEIGHT: f64 = 4.0e-10;

impl Shape {
    /// How many numbers go in, through each hidden layer, and out.
    fn widths(self) -> [usize; 4] {
        [Feature::COUNT, self.hidden[0], self.hidden[1], 1]
    }

    /// Seconds of one core that learning takes, about.
    pub(super) fn work(self, examples: usize) -> f64 {
        let weights: usize = self.widths().windows(2).map(|w| w[0] * w[1]).sum();
        SECONDS_PER_WEIGHT * (weights * self.epochs) as f64 * examples as f64
    }
}

/// How many examples are looked at between two corrections.
const BATCH: usize = 4096;

/// How large corrections are at first; they fall to a fiftieth of it.
const RATE: f64 = 3e-3;

/// Learns the log-odds that a candidate is chosen. The same examples give the same network.
///
/// # Errors
/// There is no thread to be had, or the tensors do not fit together.
pub fn fit(examples: &Examples, shape: Shape) -> Result<Network> {
    // products this small take longer on several threads, and ten times as long where those wait for other work
    let alone = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .context(either("no thread for the network", "无法为神经网络启动线程"))?;
    alone.install(|| descend(examples, shape))
}

/// Follows the gradient through all epochs.
fn descend(examples: &Examples, shape: Shape) -> Result<Network> {
    let (means, deviations) = standards(examples);
    let mut state = 0x5eed_u64;
    let layers: Vec<(Var, Var)> =
        shape.widths().windows(2).map(|w| started(w[0], w[1], &mut state)).collect::<Result<_>>()?;
    let all = layers.iter().flat_map(|(w, b)| [w.clone(), b.clone()]).collect();
    let mut optimizer = AdamW::new(all, ParamsAdamW { lr: RATE, weight_decay: 1e-4, ..ParamsAdamW::default() })?;
    let mut order: Vec<u32> = (0..examples.rows.len() as u32).collect();
    let batches = order.len().div_ceil(BATCH) * shape.epochs;
    let mut done = 0;
    for _ in 0..shape.epochs {
        for last in (1..order.len()).rev() {
            order.swap(last, (uniform(&mut state) * (last + 1) as f64) as usize);
        }
        for batch in order.chunks(BATCH) {
            let loss = loss(examples, batch, (&means, &deviations), &layers)?;
            optimizer.set_learning_rate(RATE * (1.0 - f64::from(done) / batches as f64).max(0.02));
            optimizer.backward_step(&loss)?;
            done += 1;
        }
    }
    let layers = layers
        .iter()
        .map(|(w, b)| {
            Ok(Layer { inputs: w.dim(1)?, weights: w.flatten_all()?.to_vec1()?, biases: b.flatten_all()?.to_vec1()? })
        })
        .collect::<Result<_>>()?;
    Ok(Network { means, deviations, layers })
}

/// A layer as it starts: weights drawn evenly, scaled to its inputs (He et al. 2015).
fn started(inputs: usize, outputs: usize, state: &mut u64) -> Result<(Var, Var)> {
    let scale = (6.0 / inputs as f64).sqrt();
    let weights: Vec<f32> = (0..inputs * outputs).map(|_| ((uniform(state) * 2.0 - 1.0) * scale) as f32).collect();
    // no candidate is chosen more than now and then: the last bias starts there
    let bias = if outputs == 1 { -4.0_f32 } else { 0.0 };
    Ok((
        Var::from_tensor(&Tensor::from_vec(weights, (outputs, inputs), &Device::Cpu)?)?,
        Var::from_tensor(&Tensor::full(bias, outputs, &Device::Cpu)?)?,
    ))
}

/// The mean log loss of some examples, each by its weight.
fn loss(
    examples: &Examples,
    batch: &[u32],
    (means, deviations): (&[f32], &[f32]),
    layers: &[(Var, Var)],
) -> Result<Tensor> {
    let device = Device::Cpu;
    let mut inputs = Vec::with_capacity(batch.len() * Feature::COUNT);
    for row in batch {
        let values = examples.rows[*row as usize].iter().zip(means.iter().zip(deviations));
        inputs.extend(values.map(|(value, (mean, deviation))| ((value - mean) / deviation).clamp(-5.0, 5.0)));
    }
    let pick = |from: &dyn Fn(usize) -> f32| batch.iter().map(|row| from(*row as usize)).collect::<Vec<f32>>();
    let chosen = Tensor::from_vec(pick(&|row| f32::from(u8::from(examples.chosen[row]))), batch.len(), &device)?;
    let weights = Tensor::from_vec(pick(&|row| examples.weights[row]), batch.len(), &device)?;
    let mut values = Tensor::from_vec(inputs, (batch.len(), Feature::COUNT), &device)?;
    for (depth, (w, b)) in layers.iter().enumerate() {
        values = values.matmul(&w.t()?)?.broadcast_add(b)?;
        if depth + 1 < layers.len() {
            values = values.relu()?;
        }
    }
    let logits = values.squeeze(D::Minus1)?;
    // ln(1 + e^x) - x y, in a form that does not overflow
    let softplus = (logits.relu()? + (logits.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
    Ok(((softplus - (logits * chosen)?)? * &weights)?.sum_all()?.div(&weights.sum_all()?)?)
}

/// Each feature's mean and deviation.
fn standards(examples: &Examples) -> (Vec<f32>, Vec<f32>) {
    let count = examples.rows.len().max(1) as f64;
    (0..Feature::COUNT)
        .map(|feature| {
            let values = || examples.rows.iter().map(|row| f64::from(row[feature]));
            let mean = values().sum::<f64>() / count;
            let variance = values().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
            (mean as f32, variance.sqrt().max(1e-6) as f32)
        })
        .unzip()
}
