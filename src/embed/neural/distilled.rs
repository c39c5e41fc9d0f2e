//! A table of token vectors distilled from a transformer (Model2Vec, Tulkens, van Dongen 2024): each token goes through the
//! model alone; the vectors are rotated to their principal components, and common tokens count less. A text is the mean of
//! its tokens, which takes a few lookups instead of a pass through all layers.
//!
//! Where there are texts to learn from, the vectors are mapped by least squares so that the means of the texts' tokens come
//! as near as they can to what the model makes of the whole texts, along the principal components of those.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use candle_core::{Device, Tensor};
use nalgebra::DMatrix;
use serde_json::json;

use super::{Role, TextModel};
use crate::common::language::{either, t};

/// How common tokens lose: a / (a + p), p the share by Zipf's law of a vocabulary that is ordered by frequency (smooth
/// inverse frequency, Arora et al. 2017).
const SIF: f64 = 1e-4;

/// How many rows go into a covariance at once.
const BLOCK: usize = 2048;

/// What least squares are held to zero by, of the mean square of what is mapped (ridge).
const RIDGE: f64 = 1e-4;

/// The tensor of a table in bytes that has what each of its rows is multiplied with.
pub(super) const SCALE: &str = "embedding.scale";

/// What byte stands for 0 in a table in bytes, and how far others go from it.
const ZERO: f32 = 128.0;
const FARTHEST: f32 = 127.0;

/// Hears how many more tokens and texts are done, and of how many.
type Done<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// What table is wanted.
pub struct Wanted<'a> {
    /// How many dimensions its vectors have at most.
    pub dimensions: usize,
    /// The texts to learn from; may be none.
    pub texts: &'a [&'a str],
    /// Whether each number is a byte, which nearset alone reads, instead of four.
    pub in_bytes: bool,
}

/// Distils a model to a folder that any program for sentence-transformers can read. Returns the number of tokens.
///
/// # Errors
/// The model fails, the texts are too few to learn from, or the folder cannot be written.
pub fn distil(model: &TextModel, wanted: &Wanted<'_>, folder: &Path, done: Done<'_>) -> Result<usize> {
    let (texts, width) = (wanted.texts, model.dimensions());
    ensure!(
        texts.is_empty() || texts.len() >= width,
        t!(
            "{} texts are too few to learn from: a model of {width} dimensions takes that many or more",
            "{} 条文本太少，无从学习：{width} 维的模型至少要这么多条",
            texts.len()
        )
    );
    let (tokenizer, size) = model.vocabulary();
    let tokens: Vec<u32> = (0..size as u32).collect();
    let heard = |count| done(count, size + texts.len());
    let vectors = model.embed_tokens(&tokens, &heard)?;
    let dimensions = wanted.dimensions.min(width);
    let table = match texts.is_empty() {
        true => weighted(reduced(&vectors, dimensions)),
        false => mapped(model, &weighted(reduced(&vectors, width)), texts, dimensions, &heard)?,
    };
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
    write("modules.json", format!("{modules:#}\n"))?;
    let tensors = if wanted.in_bytes { bytes(&table)? } else { HashMap::from([(TABLE, tensor(&table)?)]) };
    let weights = folder.join("model.safetensors");
    let as_others = |()| fs::set_permissions(&weights, fs::metadata(folder.join("modules.json"))?.permissions());
    // it is written for its owner alone
    candle_core::safetensors::save(&tensors, &weights)
        .map_err(anyhow::Error::from)
        .and_then(|written| Ok(as_others(written)?))
        .context(either("the table cannot be written", "向量表无法写入"))?;
    Ok(size)
}

/// The tensor that has a row for each token.
const TABLE: &str = "embedding.weight";

fn tensor(rows: &[Vec<f32>]) -> Result<Tensor> {
    Ok(Tensor::from_vec(rows.concat(), (rows.len(), rows.first().map_or(0, Vec::len)), &Device::Cpu)?)
}

/// A table in bytes: each row by its largest number.
fn bytes(table: &[Vec<f32>]) -> Result<HashMap<&'static str, Tensor>> {
    let largest = |row: &Vec<f32>| row.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let scales: Vec<f32> = table.iter().map(|row| largest(row).max(f32::MIN_POSITIVE) / FARTHEST).collect();
    let rows = table.iter().zip(&scales);
    let bytes: Vec<u8> =
        rows.flat_map(|(row, scale)| row.iter().map(move |v| (v / scale + ZERO).round() as u8)).collect();
    let width = table.first().map_or(0, Vec::len);
    Ok(HashMap::from([
        (TABLE, Tensor::from_vec(bytes, (table.len(), width), &Device::Cpu)?),
        (SCALE, Tensor::from_vec(scales, (table.len(), 1), &Device::Cpu)?),
    ]))
}

/// A table as it is read, in full: where it has a scale for each row it is in bytes.
pub(super) fn in_full(table: &Tensor, scale: Option<&Tensor>) -> Result<Tensor> {
    let Some(scale) = scale else { return Ok(table.clone()) };
    Ok((table - f64::from(ZERO))?.broadcast_mul(scale)?)
}

/// The first principal components of some rows, as columns, and the rows' mean.
fn components(rows: &[Vec<f32>], dimensions: usize) -> (DMatrix<f64>, Vec<f64>) {
    let width = rows.first().map_or(0, Vec::len);
    let mut mean = vec![0.0; width];
    for row in rows {
        mean.iter_mut().zip(row).for_each(|(mean, value)| *mean += f64::from(*value) / rows.len() as f64);
    }
    let mut covariance = DMatrix::zeros(width, width);
    for block in rows.chunks(BLOCK) {
        let rows = centred(block, &mean);
        covariance += rows.transpose() * rows;
    }
    let eigen = covariance.symmetric_eigen();
    let mut order: Vec<usize> = (0..width).collect();
    order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
    (DMatrix::from_fn(width, dimensions, |row, column| eigen.eigenvectors[(row, order[column])]), mean)
}

fn centred(rows: &[Vec<f32>], mean: &[f64]) -> DMatrix<f64> {
    DMatrix::from_fn(rows.len(), mean.len(), |row, column| f64::from(rows[row][column]) - mean[column])
}

/// Rows, less a mean, through a matrix.
fn through(rows: &[Vec<f32>], mean: &[f64], matrix: &DMatrix<f64>) -> Vec<Vec<f32>> {
    let project = |block: &[Vec<f32>]| {
        let rows = centred(block, mean) * matrix;
        rows.row_iter().map(|row| row.iter().map(|v| *v as f32).collect()).collect::<Vec<Vec<f32>>>()
    };
    rows.chunks(BLOCK).flat_map(project).collect()
}

/// The vectors along their first principal components.
fn reduced(vectors: &[Vec<f32>], dimensions: usize) -> Vec<Vec<f32>> {
    let (axes, mean) = components(vectors, dimensions);
    through(vectors, &mean, &axes)
}

/// The vectors of tokens, mapped so that the means of the tokens of `texts` come near the model's vectors of those.
fn mapped(
    model: &TextModel,
    tokens: &[Vec<f32>],
    texts: &[&str],
    dimensions: usize,
    heard: &(dyn Fn(usize) + Sync),
) -> Result<Vec<Vec<f32>>> {
    let whole = model.embed(texts, Role::Document, heard)?;
    let (axes, mean) = components(&whole, dimensions);
    let width = mean.len();
    let (mut square, mut product) = (DMatrix::zeros(width, width), DMatrix::zeros(width, dimensions));
    for (texts, whole) in texts.chunks(BLOCK).zip(whole.chunks(BLOCK)) {
        let means = texts.iter().map(|text| model.mean_of_tokens(text, tokens)).collect::<Result<Vec<_>>>()?;
        let means = centred(&means, &vec![0.0; width]);
        square += means.transpose() * &means;
        product += means.transpose() * (centred(whole, &mean) * &axes);
    }
    let ridge = RIDGE * square.trace() / width as f64;
    let solved = (square + DMatrix::identity(width, width) * ridge).cholesky();
    let map = solved.context(either("the texts have no token that is known", "文本中没有认识的词元"))?.solve(&product);
    Ok(through(tokens, &vec![0.0; width], &map))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_in_bytes_is_the_same_but_for_rounding() -> Result<()> {
        let table = vec![vec![0.5, -0.25, 0.0], vec![0.0, 0.0, 0.0], vec![-3.0, 1.0, 2.0]];
        let written = bytes(&table)?;
        let weight = written[TABLE].to_dtype(candle_core::DType::F32)?;
        let read: Vec<Vec<f32>> = in_full(&weight, Some(&written[SCALE]))?.to_vec2()?;
        for (read, row) in read.iter().zip(&table) {
            let largest = row.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
            for (read, value) in read.iter().zip(row) {
                assert!((read - value).abs() <= largest / FARTHEST / 1.9, "{read} is not {value}");
            }
        }
        Ok(())
    }
}
