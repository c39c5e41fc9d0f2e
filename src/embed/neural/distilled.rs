//! A table of token vectors distilled from a transformer (Model2Vec, Tulkens, van Dongen 2024): each token goes through the
//! model alone; the vectors are rotated to their principal components, and common tokens count less. A text is the mean of
//! its tokens, which takes a few lookups instead of a pass through all layers.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use candle_core::{Device, Tensor};
use nalgebra::DMatrix;
use serde_json::json;

use super::TextModel;
use crate::common::language::{either, t};

/// How common tokens lose: a / (a + p), p the share by Zipf's law of a vocabulary that is ordered by frequency (smooth
/// inverse frequency, Arora et al. 2017).
const SIF: f64 = 1e-4;

/// How many tokens go into the covariance that principal components are taken of.
const BLOCK: usize = 2048;

/// Hears how many more tokens are done, and of how many.
type Done<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// Distils a model to a folder that any program for sentence-transformers can read. Returns the number of tokens.
///
/// # Errors
/// The model fails, or the folder cannot be written.
pub fn distil(model: &TextModel, dimensions: usize, folder: &Path, done: Done<'_>) -> Result<usize> {
    let (tokenizer, size) = model.vocabulary();
    let tokens: Vec<u32> = (0..size as u32).collect();
    let vectors = model.embed_tokens(&tokens, &|count| done(count, size))?;
    let table = weighted(reduced(&vectors, dimensions.min(model.dimensions())));
    let width = table.first().map_or(0, Vec::len);
    fs::create_dir_all(folder).with_context(|| t!("{} cannot be made", "{} 无法创建", folder.display()))?;
    let write = |name: &str, text: String| {
        fs::write(folder.join(name), text)
            .with_context(|| t!("{} cannot be written", "{} 无法写入", folder.join(name).display()))
    };
    let mut tokenizer = tokenizer.clone();
    tokenizer.with_truncation(None).map_err(|error| anyhow!("{error}"))?;
    tokenizer.with_post_processor(None::<tokenizers::PostProcessorWrapper>);
    write("tokenizer.json", tokenizer.to_string(false).map_err(|error| anyhow!("{error}"))?)?;
    let modules = json!([
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.StaticEmbedding"},
        {"idx": 1, "name": "1", "path": "1_Normalize", "type": "sentence_transformers.models.Normalize"},
    ]);
    write("modules.json", format!("{modules:#}"))?;
    let tensor = Tensor::from_vec(table.concat(), (size, width), &Device::Cpu)?;
    candle_core::safetensors::save(&HashMap::from([("embedding.weight", tensor)]), folder.join("model.safetensors"))
        .context(either("the table cannot be written", "向量表无法写入"))?;
    Ok(size)
}

/// The vectors along their first principal components.
fn reduced(vectors: &[Vec<f32>], dimensions: usize) -> Vec<Vec<f32>> {
    let width = vectors.first().map_or(0, Vec::len);
    let mut mean = vec![0.0; width];
    for vector in vectors {
        mean.iter_mut().zip(vector).for_each(|(mean, value)| *mean += f64::from(*value) / vectors.len() as f64);
    }
    let centred = |vectors: &[Vec<f32>]| {
        DMatrix::from_fn(vectors.len(), width, |row, column| f64::from(vectors[row][column]) - mean[column])
    };
    let mut covariance = DMatrix::zeros(width, width);
    for block in vectors.chunks(BLOCK) {
        let rows = centred(block);
        covariance += rows.transpose() * rows;
    }
    let eigen = covariance.symmetric_eigen();
    let mut order: Vec<usize> = (0..width).collect();
    order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
    let axes = DMatrix::from_fn(width, dimensions, |row, column| eigen.eigenvectors[(row, order[column])]);
    let project = |block: &[Vec<f32>]| {
        let rows = centred(block) * &axes;
        rows.row_iter().map(|row| row.iter().map(|v| *v as f32).collect()).collect::<Vec<Vec<f32>>>()
    };
    vectors.chunks(BLOCK).flat_map(project).collect()
}

/// What is common counts less.
fn weighted(mut table: Vec<Vec<f32>>) -> Vec<Vec<f32>> {
    let total: f64 = (1..=table.len()).map(|rank| 1.0 / rank as f64).sum();
    for (token, row) in table.iter_mut().enumerate() {
        let share = 1.0 / (token as f64 + 1.0) / total;
        let weight = (SIF / (SIF + share)) as f32;
        row.iter_mut().for_each(|value| *value *= weight);
    }
    table
}
