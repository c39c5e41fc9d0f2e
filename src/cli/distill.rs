//! `nearset distill`.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::common::language::{either, t};
use crate::common::terminal::say;
use crate::config::Config;
use crate::embed::neural::distilled::{self, Wanted};
use crate::embed::neural::{TextModel, folder};

#[derive(Debug, Args)]
pub struct Distill {
    /// The folder of the model to learn from, or its name
    model: String,
    /// The folder to write; TEXT_MODEL_PATH can name it afterwards
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How many dimensions its vectors have
    #[arg(long, default_value_t = 256)]
    dimensions: usize,
    /// Texts to learn from, one a line: what the table makes of texts then comes nearer to what the model does
    #[arg(long, value_name = "FILE")]
    texts: Option<PathBuf>,
    /// Write a byte for each number: a quarter of the size, for nearset alone
    #[arg(long)]
    bytes: bool,
}

impl Distill {
    pub fn run(self, config: &Config) -> Result<()> {
        let read = TextModel::read(folder::named(either("the model", "模型"), &self.model, config).require()?)?;
        ensure!(self.dimensions > 0, t!("--dimensions must be 1 or more", "--dimensions 须不小于 1"));
        let read_texts = |path: &PathBuf| {
            fs::read_to_string(path).with_context(|| t!("{} cannot be read", "{} 无法读取", path.display()))
        };
        let texts = self.texts.as_ref().map(read_texts).transpose()?.unwrap_or_default();
        let texts: Vec<&str> = texts.lines().map(str::trim).filter(|text| !text.is_empty()).collect();
        if let Some(path) = self.texts.as_ref().filter(|_| texts.is_empty()) {
            bail!(t!("{} holds no text", "{} 中没有文本", path.display()));
        }
        let started = Instant::now();
        let style = ProgressStyle::with_template(either(
            "{bar:40} {human_pos} of {human_len} tokens and texts, {eta} left",
            "{bar:40} {human_pos} / {human_len} 个词元与文本，还需 {eta}",
        ))?;
        let bar = ProgressBar::new(0).with_style(style);
        let wanted = Wanted { dimensions: self.dimensions, texts: &texts, in_bytes: self.bytes };
        let tokens = distilled::distil(&read, &wanted, &self.out, &|done, total| {
            bar.set_length(total as u64);
            bar.inc(done as u64);
        })?;
        bar.finish_and_clear();
        let (out, seconds) = (self.out.display(), started.elapsed().as_secs_f64());
        let megabytes = fs::metadata(self.out.join("model.safetensors"))?.len() as f64 / 1e6;
        say!(
            "{}",
            t!(
                "{tokens} tokens in {seconds:.1} s: {out} ({megabytes:.1} MB)",
                "{tokens} 个词元，用时 {seconds:.1} 秒：{out}（{megabytes:.1} MB）"
            )
        );
        say!("{}", t!("use it with TEXT_MODEL_PATH={out}", "用法：TEXT_MODEL_PATH={out}"));
        Ok(())
    }
}
