//! `nearset search`.

use anyhow::Result;
use clap::Args;

use crate::common::language::t;
use crate::common::terminal::{self, say};
use crate::config::Config;
use crate::search::find;

#[derive(Debug, Args)]
pub struct Search {
    /// What is looked for
    words: String,
    /// How many datasets
    #[arg(long, default_value_t = 10)]
    limit: usize,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Search {
    pub fn run(self, config: &Config) -> Result<()> {
        let (found, unread) = find(config, &self.words, self.limit)?;
        for (model, setting) in unread {
            terminal::fault(&t!(
                "the version was made with {model}, which {setting} does not name: it does not read these words",
                "该版本用 {model} 生成，而 {setting} 没有指明它：它没有参与理解这些词"
            ));
        }
        if self.json {
            say!("{}", serde_json::to_string_pretty(&found)?);
            return Ok(());
        }
        if found.is_empty() {
            say!(
                "{}",
                t!(
                    "nothing was found: names, tags and providers hold none of these words, and common ones such as \
                     “dataset” and “数据集” are not looked for; name what sets it apart",
                    "没有找到：名称、标签与供应方里没有这些词，而“数据集”、“dataset”之类的常用词不参与查找；\
                     请写出能区分它的词"
                )
            );
        }
        for dataset in found {
            say!("{:>10}  {:.3}  {:<20}  {}", dataset.dataset_id, dataset.score, dataset.by, dataset.title);
        }
        Ok(())
    }
}
