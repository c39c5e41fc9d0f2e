//! CLIP: pictures and texts in one space (Radford et al. 2021), in Hugging Face's folder layout or sentence-transformers'.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use candle_core::{Device, Tensor};
use rayon::prelude::*;
use serde_json::Value;
use tokenizers::Tokenizer;

use super::pictures::{Preprocessing, Unusable};
use super::sentence::{number, unit};
use super::tokenizer::{self, json};
use super::transformer::{Activation, Block, Encoder, Linear, Names, Norm, rows};
use super::weights::Weights;
use crate::common::language::{either, t};

/// Both sides of a CLIP. Vectors have length 1.
pub struct Clip {
    tokenizer: Tokenizer,
    words: Tensor,
    text_positions: Tensor,
    text: Encoder,
    text_norm: Norm,
    text_projection: Linear,
    /// The token whose row stands for the whole text.
    end: u32,
    preprocessing: Preprocessing,
    patch: usize,
    /// Patches to rows.
    patches: Linear,
    class: Tensor,
    picture_positions: Tensor,
    first_norm: Norm,
    pictures: Encoder,
    last_norm: Norm,
    picture_projection: Linear,
}

/// How many texts, and how many pictures, go through the model together.
const TEXTS: usize = 16;
const PICTURES: usize = 8;

impl Clip {
    /// Reads a folder.
    ///
    /// # Errors
    /// A file is missing or damaged, or asks for what is not known here.
    pub fn read(folder: &Path) -> Result<Self> {
        Self::read_parts(folder).with_context(|| t!("the CLIP model in {}", "{} 中的 CLIP 模型", folder.display()))
    }

    fn read_parts(folder: &Path) -> Result<Self> {
        let folder = inner(folder)?;
        let config = json(&folder, "config.json")?;
        let (text, vision) = (&config["text_config"], &config["vision_config"]);
        if config["model_type"] != "clip" {
            bail!(t!("model_type is {}; clip is known here", "model_type 为 {}；这里只认 clip", config["model_type"]));
        }
        let weights = Weights::read(&folder)?;
        let positions = weights.get("text_model.embeddings.position_embedding.weight")?;
        let tokenizer = tokenizer::read(&folder, positions.dim(0)?)?;
        let end = *tokenizer::ids(&tokenizer, "", true)?
            .last()
            .context(either("the tokenizer ends no text", "分词器没有结束符"))?;
        let side = setting(vision, "image_size", 224);
        let epsilon = |side: &Value| side["layer_norm_eps"].as_f64().unwrap_or(1e-5);
        let conv = weights.get("vision_model.embeddings.patch_embedding.weight")?;
        let patch = conv.dim(2)?;
        Ok(Self {
            words: weights.get("text_model.embeddings.token_embedding.weight")?.clone(),
            text_positions: positions.clone(),
            text: encoder(&weights, "text_model", text, 8, true)?,
            text_norm: Norm::read(&weights, "text_model.final_layer_norm", epsilon(text))?,
            text_projection: Linear::read(&weights, &["text_projection"])?,
            tokenizer,
            end,
            preprocessing: Preprocessing::read(&json(&folder, "preprocessor_config.json")?, side as u32),
            patch,
            patches: Linear::of(&conv.flatten_from(1)?)?,
            class: weights.get("vision_model.embeddings.class_embedding")?.clone(),
            picture_positions: weights.get("vision_model.embeddings.position_embedding.weight")?.clone(),
            first_norm: Norm::read(&weights, "vision_model.pre_layrnorm", epsilon(vision))?,
            pictures: encoder(&weights, "vision_model", vision, 12, false)?,
            last_norm: Norm::read(&weights, "vision_model.post_layernorm", epsilon(vision))?,
            picture_projection: Linear::read(&weights, &["visual_projection"])?,
        })
    }

    /// The vectors' length.
    pub fn dimensions(&self) -> usize {
        self.text_projection.bias.len()
    }

    /// A vector for each text.
    ///
    /// # Errors
    /// A text cannot be tokenized.
    pub fn embed_texts(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let parts = texts.par_chunks(TEXTS).map(|texts| {
            let ids = texts.iter().map(|text| tokenizer::ids(&self.tokenizer, text, true));
            let tokens = ids.collect::<Result<Vec<_>>>()?;
            let positions = tokens.iter().map(Vec::len).max().unwrap_or_default();
            let padded =
                tokens.iter().flat_map(|ids| ids.iter().copied().chain(std::iter::repeat(self.end)).take(positions));
            let numbers = texts.iter().flat_map(|_| 0..positions as u32);
            let x = (rows(&self.words, padded.collect())? + rows(&self.text_positions, numbers.collect())?)?;
            let lengths: Vec<usize> = tokens.iter().map(Vec::len).collect();
            let x = self.text.forward(x, &lengths)?;
            let ends = tokens.iter().enumerate().map(|(text, ids)| {
                let position = ids.iter().position(|id| *id == self.end).unwrap_or(ids.len() - 1);
                (text * positions + position) as u32
            });
            let x = rows(&x, ends.collect())?;
            self.text_norm.apply(&x)?;
            vectors(&self.text_projection.forward(&x)?)
        });
        Ok(parts.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// A vector for each picture that can be used. `done` hears how many more are looked at.
    ///
    /// # Errors
    /// The model fails; a picture that cannot be used is told in its place.
    pub fn embed_pictures(
        &self,
        paths: &[PathBuf],
        done: &(dyn Fn(usize) + Sync),
    ) -> Result<Vec<Result<Vec<f32>, Unusable>>> {
        let parts = paths.par_chunks(PICTURES).map(|paths| {
            let opened: Vec<_> = paths.iter().map(|path| self.preprocessing.open(path)).collect();
            let usable: Vec<&[f32]> = opened.iter().flatten().map(Vec::as_slice).collect();
            let mut embedded = if usable.is_empty() { Vec::new() } else { self.look(&usable)? }.into_iter();
            done(paths.len());
            let vector =
                |opened: Result<Vec<f32>, Unusable>| opened.and_then(|_| embedded.next().ok_or(Unusable::Broken));
            Ok(opened.into_iter().map(vector).collect::<Vec<_>>())
        });
        Ok(parts.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    fn look(&self, pictures: &[&[f32]]) -> Result<Vec<Vec<f32>>> {
        let (side, patch) = (self.preprocessing.side as usize, self.patch);
        let across = side / patch;
        // each patch as a row: its three colours, line by line
        let mut cut = Vec::with_capacity(pictures.len() * 3 * side * side);
        for picture in pictures {
            for (row, column) in (0..across).flat_map(|row| (0..across).map(move |column| (row, column))) {
                for (colour, line) in (0..3).flat_map(|colour| (0..patch).map(move |line| (colour, line))) {
                    let start = colour * side * side + (row * patch + line) * side + column * patch;
                    cut.extend_from_slice(&picture[start..start + patch]);
                }
            }
        }
        let (count, positions) = (pictures.len(), across * across + 1);
        let cut = Tensor::from_vec(cut, (count * across * across, 3 * patch * patch), &Device::Cpu)?;
        let width = self.class.elem_count();
        let seen = self.patches.forward(&cut)?.reshape((count, across * across, width))?;
        let class = self.class.reshape((1, 1, width))?.expand((count, 1, width))?;
        let x = Tensor::cat(&[&class, &seen], 1)?.broadcast_add(&self.picture_positions)?;
        let x = x.reshape((count * positions, width))?.contiguous()?;
        self.first_norm.apply(&x)?;
        let x = self.pictures.forward(x, &vec![positions; count])?;
        let x = rows(&x, (0..count).map(|picture| (picture * positions) as u32).collect())?;
        self.last_norm.apply(&x)?;
        vectors(&self.picture_projection.forward(&x)?)
    }
}

/// Where the model itself is: sentence-transformers keep it in a folder of its own.
fn inner(folder: &Path) -> Result<PathBuf> {
    let modules = json(folder, "modules.json")?;
    let module = modules.as_array().into_iter().flatten().next();
    let path = module.and_then(|module| module["path"].as_str()).unwrap_or_default();
    Ok(folder.join(path))
}

fn setting(side: &Value, name: &str, default: usize) -> usize {
    side[name].as_u64().map_or(default, |number| number as usize)
}

fn encoder(weights: &Weights, side: &str, config: &Value, heads: usize, is_causal: bool) -> Result<Encoder> {
    let epsilon = config["layer_norm_eps"].as_f64().unwrap_or(1e-5);
    let layers = number(config, "num_hidden_layers").unwrap_or(12);
    Ok(Encoder {
        blocks: Block::read_all(weights, &format!("{side}.encoder.layers"), layers, &NAMES, epsilon)?,
        heads: setting(config, "num_attention_heads", heads),
        activation: Activation::named(config["hidden_act"].as_str().unwrap_or("quick_gelu"))?,
        norm_first: true,
        is_causal,
    })
}

const NAMES: Names = Names {
    attention: ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
    output: "self_attn.out_proj",
    attention_norm: "layer_norm1",
    up: "mlp.fc1",
    down: "mlp.fc2",
    output_norm: "layer_norm2",
};

fn vectors(rows: &Tensor) -> Result<Vec<Vec<f32>>> {
    Ok(rows.to_vec2::<f32>()?.into_iter().map(unit).collect())
}
