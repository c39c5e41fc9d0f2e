//! A model's weights: all `.safetensors` files of a folder, or where it has none, `pytorch_model.bin`.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use candle_core::{DType, Device, Tensor};

use super::pickled;
use crate::common::language::t;

/// Tensors by name, in single precision.
pub struct Weights {
    tensors: HashMap<String, Tensor>,
    /// What stands before all names asked for.
    prefix: String,
}

/// A tensor's name as it is called today: models converted from TensorFlow, as the first BERTs of Hugging Face were, call
/// the scale and the shift of a normalization gamma and beta.
fn todays_name(name: String) -> String {
    let renamed = |old: &str, new: &str| name.strip_suffix(old).map(|start| format!("{start}{new}"));
    let found = renamed("LayerNorm.gamma", "LayerNorm.weight").or_else(|| renamed("LayerNorm.beta", "LayerNorm.bias"));
    found.unwrap_or(name)
}

/// Whether a file holds weights as `torch.save` writes them: `pytorch_model.bin`, or one of its parts.
fn is_pickled(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name == "pytorch_model.bin" || (name.starts_with("pytorch_model-") && name.ends_with(".bin"))
}

/// The files that hold the weights of a folder: its `.safetensors`; where it has none, `pytorch_model.bin` or its parts.
///
/// # Errors
/// The folder cannot be read.
pub fn weight_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut files, mut pickled) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder).with_context(|| t!("{} cannot be read", "{} 无法读取", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "safetensors") {
            files.push(path);
        } else if is_pickled(&path) {
            pickled.push(path);
        }
    }
    Ok(if files.is_empty() { pickled } else { files })
}

impl Weights {
    /// Reads a folder. Where the weights are there in another format only, the error says so.
    pub fn read(folder: &Path) -> Result<Self> {
        let files = weight_files(folder)?;
        if files.is_empty() {
            bail!(t!(
                "{} has no .safetensors file and no pytorch_model.bin; save the model again with \
                 `save_pretrained(..., safe_serialization=True)`",
                "{} 里既没有 .safetensors 文件，也没有 pytorch_model.bin；请用 \
                 `save_pretrained(..., safe_serialization=True)` 重新保存模型",
                folder.display()
            ));
        }
        let mut tensors = HashMap::new();
        for file in files {
            let read = match is_pickled(&file) {
                true => pickled::read(&file)?,
                false => candle_core::safetensors::load(&file, &Device::Cpu).with_context(|| {
                    t!("{} is damaged or of another kind", "{} 已损坏，或不是这种文件", file.display())
                })?,
            };
            tensors.extend(read);
        }
        Self::of(tensors)
    }

    /// Those in the bytes of a `.safetensors` file.
    pub fn of_bytes(bytes: &[u8]) -> Result<Self> {
        Self::of(candle_core::safetensors::load_buffer(bytes, &Device::Cpu)?)
    }

    fn of(read: HashMap<String, Tensor>) -> Result<Self> {
        let is_weight = |tensor: &Tensor| tensor.dtype().is_float() || tensor.dtype() == DType::U8;
        let weights = read.into_iter().filter(|(_, tensor)| is_weight(tensor));
        let single = |(name, tensor): (String, Tensor)| Ok((todays_name(name), tensor.to_dtype(DType::F32)?));
        Ok(Self { tensors: weights.map(single).collect::<Result<_>>()?, prefix: String::new() })
    }

    /// Takes the first of these as what stands before all names, by where `name` is found.
    pub fn under(mut self, prefixes: &[&str], name: &str) -> Result<Self> {
        let is_there = |prefix: &&&str| self.tensors.contains_key(&format!("{prefix}{name}"));
        let found = prefixes.iter().find(is_there);
        self.prefix = found.with_context(|| t!("the weights have no {name}", "权重里没有 {name}"))?.to_string();
        Ok(self)
    }

    pub fn find(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(&format!("{}{name}", self.prefix))
    }

    pub fn get(&self, name: &str) -> Result<&Tensor> {
        self.find(name).with_context(|| t!("the weights have no {}{name}", "权重里没有 {}{name}", self.prefix))
    }
}
