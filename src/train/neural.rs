//! A small neural network on candle: two hidden layers, learned with Adam (Kingma, Ba 2015).

use anyhow::Result;
use candle_core::{D, Device, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};

use super::examples::Examples;
use crate::common::random::uniform;
use crate::model::{FEATURES, Layer, Network};

/// The hidden layers, and how many times the examples are gone through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    pub hidden: [usize; 2],
    pub epochs: usize,
}

const BATCH: usize = 4096;
const RATE: f64 = 3e-3;

/// Learns the log-odds that a candidate is chosen. The same examples give the same network.
pub fn fit(examples: &Examples, shape: Shape) -> Result<Network> {
    let device = Device::Cpu;
    let (means, deviations) = standards(examples);
    let mut state = 0x5eed_u64;
    let widths = [FEATURES.len(), shape.hidden[0], shape.hidden[1], 1];
    let layers: Vec<(Var, Var)> = widths
        .windows(2)
        .map(|w| {
            let scale = (6.0 / w[0] as f64).sqrt();
            let weights: Vec<f32> =
                (0..w[0] * w[1]).map(|_| ((uniform(&mut state) * 2.0 - 1.0) * scale) as f32).collect();
            // no candidate is chosen more than now and then: the last bias starts there
            let bias = if w[1] == 1 { -4.0_f32 } else { 0.0 };
            Ok((
                Var::from_tensor(&Tensor::from_vec(weights, (w[1], w[0]), &device)?)?,
                Var::from_tensor(&Tensor::full(bias, w[1], &device)?)?,
            ))
        })
        .collect::<Result<_>>()?;
    let all = layers.iter().flat_map(|(w, b)| [w.clone(), b.clone()]).collect();
    let mut optimizer = AdamW::new(all, ParamsAdamW { lr: RATE, weight_decay: 1e-4, ..ParamsAdamW::default() })?;
    let mut order: Vec<u32> = (0..examples.rows.len() as u32).collect();
    let batches = order.len().div_ceil(BATCH) * shape.epochs;
    let mut done = 0;
    for _ in 0..shape.epochs {
        for place in (1..order.len()).rev() {
            order.swap(place, (uniform(&mut state) * (place + 1) as f64) as usize);
        }
        for batch in order.chunks(BATCH) {
            let mut inputs = Vec::with_capacity(batch.len() * FEATURES.len());
            for row in batch {
                let values = examples.rows[*row as usize].iter().zip(means.iter().zip(&deviations));
                inputs.extend(values.map(|(value, (mean, deviation))| ((value - mean) / deviation).clamp(-5.0, 5.0)));
            }
            let pick = |from: &dyn Fn(usize) -> f32| batch.iter().map(|row| from(*row as usize)).collect::<Vec<f32>>();
            let chosen =
                Tensor::from_vec(pick(&|row| f32::from(u8::from(examples.chosen[row]))), batch.len(), &device)?;
            let weights = Tensor::from_vec(pick(&|row| examples.weights[row]), batch.len(), &device)?;
            let mut values = Tensor::from_vec(inputs, (batch.len(), FEATURES.len()), &device)?;
            for (depth, (w, b)) in layers.iter().enumerate() {
                values = values.matmul(&w.t()?)?.broadcast_add(b)?;
                if depth + 1 < layers.len() {
                    values = values.relu()?;
                }
            }
            let logits = values.squeeze(D::Minus1)?;
            // ln(1 + e^x) - x y, in a form that does not overflow
            let softplus = (logits.relu()? + (logits.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
            let loss = ((softplus - (logits * chosen)?)? * &weights)?.sum_all()?.div(&weights.sum_all()?)?;
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

/// Each feature's mean and deviation.
fn standards(examples: &Examples) -> (Vec<f32>, Vec<f32>) {
    let count = examples.rows.len().max(1) as f64;
    (0..FEATURES.len())
        .map(|feature| {
            let values = || examples.rows.iter().map(|row| f64::from(row[feature]));
            let mean = values().sum::<f64>() / count;
            let variance = values().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
            (mean as f32, variance.sqrt().max(1e-6) as f32)
        })
        .unzip()
}
