//! Models in the folder layout of sentence-transformers: a transformer (BERT, XLM-RoBERTa) or a table of token vectors,
//! what makes one vector of a text's many, dense layers where there are some, and length 1 at the end.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use candle_core::Tensor;
use rayon::prelude::*;
use serde_json::Value;
use tokenizers::Tokenizer;

use super::distilled;
use super::tokenizer::{self, json};
use super::transformer::{Activation, Block, Encoder, Linear, Names, Norm, rows};
use super::weights::Weights;
use crate::common::language::{either, t};
use crate::index::normalize;

/// What a text is: some models want to be told, by a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It stands in the catalogue.
    Document,
    /// It is looked for.
    Query,
}

/// A model of texts. Its vectors have length 1.
pub struct TextModel {
    tokenizer: Tokenizer,
    body: Body,
    pooling: Vec<Pooling>,
    dense: Vec<Dense>,
    /// The prefixes of documents and of queries.
    prompts: [String; 2],
    /// Whether a prefix's tokens count when one vector is made of all.
    pool_prompt: bool,
}

enum Body {
    Transformer(Box<Transformer>),
    /// A row for each token of the vocabulary.
    Table {
        dimensions: usize,
        rows: Vec<f32>,
    },
}

struct Transformer {
    words: Tensor,
    positions: Tensor,
    /// The row of the first kind of token; there is no other here.
    kind: Option<Tensor>,
    norm: Norm,
    encoder: Encoder,
    /// The first position's number.
    first_position: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Pooling {
    Cls,
    Max,
    Mean,
    MeanSqrtLength,
    WeightedMean,
    LastToken,
}

/// A dense layer after the pooling.
struct Dense {
    layer: Linear,
    has_tanh: bool,
}

/// How many positions of tokens go through the model together.
const BATCH: usize = 1024;

/// The longest text where a folder does not say.
const LONGEST: usize = 512;

impl TextModel {
    /// Reads a folder.
    ///
    /// # Errors
    /// A file is missing or damaged, or asks for what is not known here.
    pub fn read(folder: &Path) -> Result<Self> {
        Self::read_parts(folder).with_context(|| t!("the text model in {}", "{} 中的文本模型", folder.display()))
    }

    fn read_parts(folder: &Path) -> Result<Self> {
        let modules = modules(folder)?;
        let (first, rest) =
            modules.split_first().context(either("modules.json names no module", "modules.json 里没有模块"))?;
        let about = json(folder, "config_sentence_transformers.json")?;
        let prompts = prompts(&about);
        let mut model = match first.kind.as_str() {
            "Transformer" => Self::with_transformer(&first.folder)?,
            "StaticEmbedding" => Self::table(tokenizer::read(&first.folder, LONGEST)?, &Weights::read(&first.folder)?)?,
            other => {
                bail!(t!(
                    "its first module is {other}; known are Transformer (BERT, XLM-RoBERTa) and StaticEmbedding",
                    "第一个模块是 {other}；只认 Transformer（BERT、XLM-RoBERTa）与 StaticEmbedding"
                ))
            }
        };
        model.prompts = prompts;
        for module in rest {
            match module.kind.as_str() {
                "Pooling" => {
                    let settings = json(&module.folder, "config.json")?;
                    model.pooling = pooling(&settings)?;
                    model.pool_prompt = settings["include_prompt"].as_bool().unwrap_or(true);
                }
                "Dense" => model.dense.push(Dense::read(&module.folder)?),
                "Normalize" | "Dropout" => {}
                other => bail!(t!("module {other} is not known here", "不认识模块 {other}")),
            }
        }
        Ok(model)
    }

    fn with_transformer(folder: &Path) -> Result<Self> {
        let config = json(folder, "config.json")?;
        let kind = config["model_type"].as_str().unwrap_or_default();
        // RoBERTa's family numbers positions from after the padding's number
        let first_position = match kind {
            "bert" => 0,
            "xlm-roberta" | "roberta" | "camembert" => config["pad_token_id"].as_u64().unwrap_or(1) as u32 + 1,
            _ => bail!(t!(
                "model_type is {kind:?}; known are bert, roberta, camembert and xlm-roberta",
                "model_type 为 {kind:?}；只认 bert、roberta、camembert、xlm-roberta"
            )),
        };
        let positions = number(&config, "max_position_embeddings")? - first_position as usize;
        let settings = json(folder, "sentence_bert_config.json")?;
        let stated = settings["max_seq_length"].as_u64().or_else(|| {
            // some tokenizers name a length that stands for none
            json(folder, "tokenizer_config.json").ok()?["model_max_length"].as_u64().filter(|length| *length < 1 << 20)
        });
        let longest = stated.map_or(LONGEST, |length| length as usize).min(positions);
        Ok(Self {
            tokenizer: tokenizer::read(folder, longest)?,
            body: Body::Transformer(Box::new(Transformer::read(folder, &config, first_position)?)),
            pooling: vec![Pooling::Mean],
            dense: Vec::new(),
            prompts: Default::default(),
            pool_prompt: true,
        })
    }

    /// A table of token vectors from the bytes of its two files, as [`super::distilled`] writes them.
    ///
    /// # Errors
    /// They are none.
    pub fn of_table(tokenizer: &[u8], weights: &[u8]) -> Result<Self> {
        let tokenizer = Tokenizer::from_bytes(tokenizer).map_err(|error| anyhow!("{error}"))?;
        Self::table(tokenizer, &Weights::of_bytes(weights)?)
    }

    fn table(mut tokenizer: Tokenizer, weights: &Weights) -> Result<Self> {
        let table = weights.find("embedding.weight").or_else(|| weights.find("embeddings"));
        let table = table.context(either("the weights have no embedding.weight", "权重里没有 embedding.weight"))?;
        let table = &distilled::in_full(table, weights.find(distilled::SCALE))?;
        let dimensions = table.dim(1)?;
        tokenizer.with_truncation(None).map_err(|error| anyhow!("{error}"))?;
        Ok(Self {
            tokenizer,
            body: Body::Table { dimensions, rows: table.flatten_all()?.to_vec1()? },
            pooling: vec![Pooling::Mean],
            dense: Vec::new(),
            prompts: Default::default(),
            pool_prompt: true,
        })
    }

    /// The vectors' length.
    pub fn dimensions(&self) -> usize {
        let body = match &self.body {
            Body::Transformer(transformer) => transformer.width(),
            Body::Table { dimensions, .. } => *dimensions,
        };
        self.dense.last().map_or(body * self.pooling.len(), |dense| dense.layer.bias.len())
    }

    /// A vector for each text, of length 1; all zero for a text without any known token. `done` hears how many more are.
    ///
    /// # Errors
    /// A text cannot be tokenized.
    pub fn embed(&self, texts: &[&str], role: Role, done: &(dyn Fn(usize) + Sync)) -> Result<Vec<Vec<f32>>> {
        let prompt = &self.prompts[usize::from(role == Role::Query)];
        match &self.body {
            Body::Table { dimensions, rows } => texts
                .par_chunks(256)
                .map(|texts| {
                    let vectors = texts.iter().map(|text| {
                        let ids = self.tokens(prompt, text, false)?;
                        Ok(unit(mean_of_rows(rows, *dimensions, &ids)))
                    });
                    let vectors = vectors.collect::<Result<Vec<_>>>();
                    done(texts.len());
                    vectors
                })
                .collect::<Result<Vec<_>>>()
                .map(|parts| parts.into_iter().flatten().collect()),
            Body::Transformer(transformer) => {
                let skipped = if self.pool_prompt || prompt.is_empty() { 0 } else { self.prompt_tokens(prompt)? };
                let tokens: Vec<Vec<u32>> =
                    texts.par_iter().map(|text| self.tokens(prompt, text, true)).collect::<Result<_>>()?;
                // texts of like length together, the longest first: little padding, and nothing long left at the end
                let mut order: Vec<usize> = (0..texts.len()).collect();
                order.sort_by_key(|text| std::cmp::Reverse(tokens[*text].len()));
                let mut batches: Vec<&[usize]> = Vec::new();
                let mut left = order.as_slice();
                while let Some(longest) = left.first() {
                    let count = (BATCH / tokens[*longest].len().max(1)).clamp(1, 64).min(left.len());
                    let (batch, rest) = left.split_at(count);
                    batches.push(batch);
                    left = rest;
                }
                let embedded = batches.into_par_iter().map(|batch| {
                    let ids: Vec<&[u32]> = batch.iter().map(|text| tokens[*text].as_slice()).collect();
                    let vectors = self.through(transformer, &ids, skipped)?;
                    done(batch.len());
                    Ok(batch.iter().copied().zip(vectors).collect::<Vec<_>>())
                });
                let mut vectors = vec![Vec::new(); texts.len()];
                for (text, vector) in embedded.collect::<Result<Vec<_>>>()?.into_iter().flatten() {
                    vectors[text] = vector;
                }
                Ok(vectors)
            }
        }
    }

    fn tokens(&self, prompt: &str, text: &str, special: bool) -> Result<Vec<u32>> {
        tokenizer::ids(&self.tokenizer, &format!("{prompt}{text}"), special)
    }

    /// How many tokens of a text are its prefix's: all of them but what stands at the end of every text.
    fn prompt_tokens(&self, prompt: &str) -> Result<usize> {
        Ok(self.tokens("", prompt, true)?.len().saturating_sub(1))
    }

    fn through(&self, transformer: &Transformer, tokens: &[&[u32]], skipped: usize) -> Result<Vec<Vec<f32>>> {
        let positions = tokens.iter().map(|ids| ids.len()).max().unwrap_or_default();
        let states = transformer.forward(tokens, positions)?;
        let width = states.dim(1)?;
        let states: Vec<f32> = states.flatten_all()?.to_vec1()?;
        let pooled = tokens.iter().enumerate().map(|(text, ids)| {
            let all = &states[text * positions * width..][..ids.len() * width];
            self.pooling.iter().flat_map(|pooling| pooling.of(all, width, skipped)).collect::<Vec<f32>>()
        });
        let mut vectors: Vec<Vec<f32>> = pooled.collect();
        for dense in &self.dense {
            vectors = dense.forward(&vectors)?;
        }
        Ok(vectors.into_iter().map(unit).collect())
    }

    /// What share of the tokens of some texts the model does not know.
    ///
    /// # Errors
    /// A text cannot be tokenized.
    pub fn unknown_share(&self, texts: &[&str]) -> Result<f32> {
        let unknown: Vec<u32> =
            ["[UNK]", "<unk>"].into_iter().filter_map(|token| self.tokenizer.token_to_id(token)).collect();
        let (mut all, mut lost) = (0, 0);
        for text in texts {
            let ids = self.tokens("", text, false)?;
            all += ids.len();
            lost += ids.iter().filter(|id| unknown.contains(id)).count();
        }
        Ok(lost as f32 / all.max(1) as f32)
    }

    /// The tokenizer, and how many tokens it knows, for [`super::distilled`].
    pub(super) fn vocabulary(&self) -> (&Tokenizer, usize) {
        (&self.tokenizer, self.tokenizer.get_vocab_size(true))
    }

    /// The mean of the rows of a text's tokens; zero for a text without any.
    pub(super) fn mean_of_tokens(&self, text: &str, rows: &[Vec<f32>]) -> Result<Vec<f32>> {
        let ids = self.tokens("", text, false)?;
        let mut mean = vec![0.0; rows.first().map_or(0, Vec::len)];
        for id in &ids {
            let row = &rows[*id as usize];
            mean.iter_mut().zip(row).for_each(|(mean, value)| *mean += value / ids.len() as f32);
        }
        Ok(mean)
    }

    /// What the model makes of each token alone.
    pub(super) fn embed_tokens(&self, tokens: &[u32], done: &(dyn Fn(usize) + Sync)) -> Result<Vec<Vec<f32>>> {
        let Body::Transformer(transformer) = &self.body else {
            bail!(t!(
                "it is a table of token vectors already; a transformer is needed to distil",
                "它已经是词元向量表；蒸馏需要 transformer"
            ));
        };
        let around = self.tokens("", "", true)?;
        let (start, end) = around.split_at(around.len().div_ceil(2));
        let parts = tokens.par_chunks(64).map(|tokens| {
            let texts: Vec<Vec<u32>> = tokens.iter().map(|token| [start, &[*token], end].concat()).collect();
            let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
            let vectors = self.through(transformer, &texts, 0);
            done(tokens.len());
            vectors
        });
        Ok(parts.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }
}

struct Module {
    kind: String,
    folder: PathBuf,
}

/// The modules of a folder; a transformer alone where it does not say.
fn modules(folder: &Path) -> Result<Vec<Module>> {
    let listed = json(folder, "modules.json")?;
    let Some(listed) = listed.as_array() else {
        return Ok(vec![Module { kind: "Transformer".to_owned(), folder: folder.to_owned() }]);
    };
    let module = |module: &Value| {
        let kind = module["type"].as_str().and_then(|kind| kind.rsplit('.').next());
        let path = module["path"].as_str().unwrap_or_default();
        Ok(Module {
            kind: kind
                .context(either("a module in modules.json has no type", "modules.json 里有个模块没有 type"))?
                .to_owned(),
            folder: folder.join(path),
        })
    };
    listed.iter().map(module).collect()
}

/// The prefixes of documents and queries.
fn prompts(about: &Value) -> [String; 2] {
    let named = |name: &str| about["prompts"][name].as_str().map(str::to_owned);
    let default = about["default_prompt_name"].as_str().and_then(named).unwrap_or_default();
    let of = |names: &[&str]| names.iter().find_map(|name| named(name)).unwrap_or_else(|| default.clone());
    [of(&["document", "passage"]), of(&["query"])]
}

fn pooling(settings: &Value) -> Result<Vec<Pooling>> {
    let by_name = |name: &str| {
        Ok(match name {
            "cls" => Pooling::Cls,
            "max" => Pooling::Max,
            "mean" => Pooling::Mean,
            "mean_sqrt_len_tokens" => Pooling::MeanSqrtLength,
            "weightedmean" => Pooling::WeightedMean,
            "lasttoken" => Pooling::LastToken,
            _ => bail!(t!("pooling_mode is {name:?}, which is not known here", "不认识 pooling_mode {name:?}")),
        })
    };
    match &settings["pooling_mode"] {
        Value::String(name) => return Ok(vec![by_name(name)?]),
        Value::Array(names) => return names.iter().map(|name| by_name(name.as_str().unwrap_or_default())).collect(),
        _ => {}
    }
    let switches = [
        ("pooling_mode_cls_token", Pooling::Cls),
        ("pooling_mode_max_tokens", Pooling::Max),
        ("pooling_mode_mean_tokens", Pooling::Mean),
        ("pooling_mode_mean_sqrt_len_tokens", Pooling::MeanSqrtLength),
        ("pooling_mode_weightedmean_tokens", Pooling::WeightedMean),
        ("pooling_mode_lasttoken", Pooling::LastToken),
    ];
    let on = switches.iter().filter(|(name, _)| settings[*name].as_bool() == Some(true)).map(|(_, pooling)| *pooling);
    let on: Vec<Pooling> = on.collect();
    Ok(if on.is_empty() { vec![Pooling::Mean] } else { on })
}

impl Pooling {
    /// One vector of a text's many, without the first `skipped`.
    fn of(self, states: &[f32], width: usize, skipped: usize) -> Vec<f32> {
        let rows: Vec<&[f32]> = states.chunks_exact(width).skip(skipped).collect();
        let weighted = |weight: &dyn Fn(usize) -> f32, total: f32| {
            let mut sum = vec![0.0; width];
            for (position, row) in rows.iter().enumerate() {
                let weight = weight(position);
                sum.iter_mut().zip(*row).for_each(|(sum, value)| *sum += weight * value);
            }
            sum.iter_mut().for_each(|value| *value /= total.max(1e-9));
            sum
        };
        let count = rows.len() as f32;
        match self {
            Self::Mean => weighted(&|_| 1.0, count),
            Self::MeanSqrtLength => weighted(&|_| 1.0, count.sqrt()),
            Self::WeightedMean => weighted(&|position| position as f32 + 1.0, count * (count + 1.0) / 2.0),
            Self::Cls => rows.first().map_or(vec![0.0; width], |row| row.to_vec()),
            Self::LastToken => rows.last().map_or(vec![0.0; width], |row| row.to_vec()),
            Self::Max => {
                let mut most = vec![f32::NEG_INFINITY; width];
                for row in &rows {
                    most.iter_mut().zip(*row).for_each(|(most, value)| *most = most.max(*value));
                }
                most
            }
        }
    }
}

impl Dense {
    fn read(folder: &Path) -> Result<Self> {
        let settings = json(folder, "config.json")?;
        let activation = settings["activation_function"].as_str().unwrap_or_default();
        let has_tanh = match activation.rsplit('.').next().unwrap_or_default() {
            "Tanh" => true,
            "Identity" | "" => false,
            other => {
                bail!(t!("a dense layer's activation {other} is not known here", "不认识全连接层的激活函数 {other}"))
            }
        };
        Ok(Self { layer: Linear::read(&Weights::read(folder)?, &["linear"])?, has_tanh })
    }

    fn forward(&self, vectors: &[Vec<f32>]) -> Result<Vec<Vec<f32>>> {
        let count = vectors.len();
        let x = Tensor::from_vec(vectors.concat(), (count, vectors[0].len()), &candle_core::Device::Cpu)?;
        let mut all: Vec<Vec<f32>> = self.layer.forward(&x)?.to_vec2()?;
        for value in &mut all {
            value.iter_mut().zip(&self.layer.bias).for_each(|(value, bias)| *value += bias);
            if self.has_tanh {
                value.iter_mut().for_each(|value| *value = value.tanh());
            }
        }
        Ok(all)
    }
}

impl Transformer {
    fn read(folder: &Path, config: &Value, first_position: u32) -> Result<Self> {
        let weights = Weights::read(folder)?.under(&["", "bert.", "roberta.", "model."], WORDS)?;
        let epsilon = config["layer_norm_eps"].as_f64().unwrap_or(1e-12);
        let layers = number(config, "num_hidden_layers")?;
        let blocks = Block::read_all(&weights, "encoder.layer", layers, &BERT, epsilon)?;
        let activation = Activation::named(config["hidden_act"].as_str().unwrap_or("gelu"))?;
        if config["position_embedding_type"].as_str().is_some_and(|kind| kind != "absolute") {
            bail!(t!(
                "position_embedding_type is {}; absolute is known here",
                "position_embedding_type 为 {}；只认 absolute",
                config["position_embedding_type"]
            ));
        }
        Ok(Self {
            words: weights.get(WORDS)?.clone(),
            positions: weights.get("embeddings.position_embeddings.weight")?.clone(),
            kind: weights.find("embeddings.token_type_embeddings.weight").map(|table| table.get(0)).transpose()?,
            norm: Norm::read(&weights, "embeddings.LayerNorm", epsilon)?,
            encoder: Encoder {
                blocks,
                heads: number(config, "num_attention_heads")?,
                activation,
                norm_first: false,
                is_causal: false,
            },
            first_position,
        })
    }

    /// The last layer's rows: `positions` for each text.
    fn forward(&self, tokens: &[&[u32]], positions: usize) -> Result<Tensor> {
        let padded = tokens.iter().flat_map(|ids| ids.iter().copied().chain(std::iter::repeat(0)).take(positions));
        let words = rows(&self.words, padded.collect())?;
        let numbers =
            (0..tokens.len()).flat_map(|_| (0..positions as u32).map(|position| self.first_position + position));
        let mut x = (words + rows(&self.positions, numbers.collect())?)?;
        if let Some(kind) = &self.kind {
            x = x.broadcast_add(kind)?;
        }
        self.norm.apply(&x)?;
        let lengths: Vec<usize> = tokens.iter().map(|ids| ids.len()).collect();
        Ok(self.encoder.forward(x, &lengths)?)
    }

    fn width(&self) -> usize {
        self.words.dims()[1]
    }
}

const BERT: Names = Names {
    attention: ["attention.self.query", "attention.self.key", "attention.self.value"],
    output: "attention.output.dense",
    attention_norm: "attention.output.LayerNorm",
    up: "intermediate.dense",
    down: "output.dense",
    output_norm: "output.LayerNorm",
};

const WORDS: &str = "embeddings.word_embeddings.weight";

/// A whole number in a `config.json`.
pub(super) fn number(config: &Value, name: &str) -> Result<usize> {
    let number = config[name].as_u64().with_context(|| t!("config.json has no {name}", "config.json 里没有 {name}"))?;
    Ok(number as usize)
}

fn mean_of_rows(table: &[f32], dimensions: usize, ids: &[u32]) -> Vec<f32> {
    let mut sum = vec![0.0; dimensions];
    for id in ids {
        if let Some(row) = table.get(*id as usize * dimensions..(*id as usize + 1) * dimensions) {
            sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
    }
    sum
}

/// Brings a vector to length 1.
pub(super) fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    normalize(&mut vector);
    vector
}
