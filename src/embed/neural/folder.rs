//! Where models are: folders on this machine, named by a path or by a name that Hugging Face's programs know.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result, bail};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::weights::weight_files;
use crate::common::files::sha256;
use crate::common::language::t;
use crate::config::Config;

/// What a setting names.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// The setting, for messages.
    pub setting: &'static str,
    /// What it says: a path or a name.
    pub value: String,
    /// The folder, where there is one.
    pub folder: Option<PathBuf>,
}

/// The text model that settings choose.
#[derive(Clone, Debug, PartialEq)]
pub enum TextChoice {
    /// What TEXT_MODEL_PATH, else SBERT_MODEL names.
    Named(Named),
    /// The table that the program carries: nothing is named.
    Carried,
    /// None: TEXT_MODEL_PATH says so.
    None,
}

/// What TEXT_MODEL_PATH says where no model is wanted.
pub const NONE: &str = "none";

/// The text model that settings choose: TEXT_MODEL_PATH, else SBERT_MODEL, else what the program carries.
pub fn text_model(config: &Config) -> TextChoice {
    match (config.models.text_model.as_deref(), config.models.sbert_model.as_deref()) {
        (Some(NONE), _) => TextChoice::None,
        (Some(path), _) => TextChoice::Named(named("TEXT_MODEL_PATH", path, config)),
        (None, Some(name)) => TextChoice::Named(named("SBERT_MODEL", name, config)),
        (None, None) => TextChoice::Carried,
    }
}

/// The CLIP that settings name.
pub fn clip_model(config: &Config) -> Option<Named> {
    config.models.clip_model.as_deref().map(|value| named("CLIP_MODEL_PATH", value, config))
}

impl Named {
    /// The folder.
    ///
    /// # Errors
    /// There is none; the error says what to do.
    pub fn require(&self) -> Result<&Path> {
        match &self.folder {
            Some(folder) => Ok(folder),
            None => bail!(t!(
                "{} is {:?}, and there is no such folder, nor one of that name in SENTENCE_TRANSFORMERS_HOME, \
                 HF_HOME or ~/.cache; nearset downloads nothing: put the model's folder on this machine and name it, \
                 or leave the setting out for the vectors that need no model",
                "{} 为 {:?}，没有这个目录，SENTENCE_TRANSFORMERS_HOME、HF_HOME、~/.cache 里也没有这个名字；nearset 不\
                 下载任何东西：请把模型目录放到本机并写明，或去掉这项设置，改用不需要模型的向量",
                self.setting,
                self.value
            )),
        }
    }
}

/// A folder by its path or name.
pub fn named(setting: &'static str, value: &str, config: &Config) -> Named {
    let folder = candidates(value, config.models.home.as_deref()).into_iter().find(|f| is_model(f));
    Named { setting, value: value.to_owned(), folder }
}

fn is_model(folder: &Path) -> bool {
    ["config.json", "modules.json"].iter().any(|file| folder.join(file).is_file())
}

/// Where a name may stand: as a path, and where sentence-transformers and the hub's cache keep what they downloaded.
fn candidates(name: &str, home: Option<&Path>) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from(name)];
    // a name without an owner is sentence-transformers' own
    let full = if name.contains('/') { name.to_owned() } else { format!("sentence-transformers/{name}") };
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = folder("HOME").map(|home| home.join(".cache"));
    let mut homes: Vec<PathBuf> = home.map(Path::to_owned).into_iter().collect();
    homes.extend(folder("HF_HUB_CACHE"));
    homes.extend(folder("HF_HOME").map(|home| home.join("hub")));
    homes.extend(
        cache.iter().flat_map(|cache| ["huggingface/hub", "torch/sentence_transformers"].map(|f| cache.join(f))),
    );
    for home in homes {
        found.extend([name.to_owned(), full.clone(), full.replace('/', "_")].map(|name| home.join(name)));
        let kept = home.join(format!("models--{}", full.replace('/', "--")));
        let main = fs::read_to_string(kept.join("refs/main")).map(|revision| revision.trim().to_owned());
        found.extend(main.ok().map(|revision| kept.join("snapshots").join(revision)));
        let snapshots = fs::read_dir(kept.join("snapshots")).into_iter().flatten().flatten();
        found.extend(snapshots.map(|snapshot| snapshot.path()));
    }
    found
}

/// A model's name with a hash of its files: another model in the same folder is another one.
///
/// # Errors
/// A file cannot be read.
pub fn identity(named: &Named, folder: &Path) -> Result<String> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        files.extend(weight_files(&folder)?);
        for entry in fs::read_dir(&folder).with_context(|| t!("{} cannot be read", "{} 无法读取", folder.display()))?
        {
            let path = entry?.path();
            let is_read = ["json", "txt"].iter().any(|kind| path.extension().is_some_and(|e| e == *kind));
            if path.is_dir() {
                folders.push(path);
            } else if is_read {
                files.push(path);
            }
        }
    }
    files.sort();
    let hashes = files.par_iter().map(|file| sha256(file)).collect::<Result<Vec<_>>>()?;
    let hash = Sha256::digest(hashes.concat());
    let name = Path::new(&named.value).file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(format!("{name}-{}", hex::encode(&hash[..4])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_where_python_keeps_them() -> Result<()> {
        let home = tempfile::tempdir()?;
        for (folder, name) in [
            ("sentence-transformers_all-MiniLM-L6-v2", "all-MiniLM-L6-v2"),
            ("BAAI_bge-small-zh", "BAAI/bge-small-zh"),
            ("models--intfloat--multilingual-e5-small/snapshots/abc", "intfloat/multilingual-e5-small"),
            ("clip-ViT-B-32", "clip-ViT-B-32"),
        ] {
            let folder = home.path().join(folder);
            std::fs::create_dir_all(&folder)?;
            std::fs::write(folder.join("config.json"), "{}")?;
            let found = candidates(name, Some(home.path())).into_iter().find(|candidate| is_model(candidate));
            assert_eq!(found, Some(folder));
        }
        Ok(())
    }
}
