//! Where the pictures of a dataset are: in a folder that is called as it, or where its `image_url` says.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};

use crate::common::language::t;

/// How many pictures of a dataset's folder stand for it.
const MOST_OF_ONE: usize = 4;

/// What is read as a picture.
const ENDINGS: [&str; 5] = ["png", "jpg", "jpeg", "webp", "gif"];

/// The folders that pictures are looked for in.
pub struct Places {
    roots: Vec<PathBuf>,
    /// By the id of a dataset, the folder that is called so, in the first root that has one.
    folders: HashMap<i64, PathBuf>,
}

/// Whether an `image_url` is an address: a page shows it, and nothing is fetched.
pub fn is_address(url: &str) -> bool {
    ["http://", "https://"]
        .iter()
        .any(|scheme| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
}

impl Places {
    /// Looks at which folders there are; a root may be missing.
    ///
    /// # Errors
    /// One is there and cannot be read.
    pub fn of(roots: Vec<PathBuf>) -> Result<Self> {
        let mut folders = HashMap::new();
        for root in &roots {
            let entries = match fs::read_dir(root) {
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
                entries => entries.with_context(|| t!("{} cannot be read", "{} 无法读取", root.display()))?,
            };
            for entry in entries {
                let path = entry.with_context(|| t!("{} cannot be read", "{} 无法读取", root.display()))?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if let Some(id) = name.parse::<i64>().ok().filter(|id| id.to_string() == name && path.is_dir()) {
                    folders.entry(id).or_insert_with(|| path.clone());
                }
            }
        }
        Ok(Self { roots, folders })
    }

    /// Where only an `image_url` leads to a picture: no folder is looked at.
    pub fn of_urls(roots: Vec<PathBuf>) -> Self {
        Self { roots, folders: HashMap::new() }
    }

    /// Whether anything says where pictures are.
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// The folders, as one reads them.
    pub fn shown(&self) -> String {
        self.roots.iter().map(|root| root.display().to_string()).collect::<Vec<_>>().join(", ")
    }

    /// How many datasets have a folder.
    pub fn folder_count(&self) -> usize {
        self.folders.len()
    }

    /// The first pictures in a dataset's own folder, by name; none where it has no folder.
    ///
    /// # Errors
    /// Its folder cannot be read.
    pub fn own(&self, dataset: i64) -> Result<Vec<PathBuf>> {
        let Some(folder) = self.folders.get(&dataset) else { return Ok(Vec::new()) };
        let unreadable = || t!("{} cannot be read", "{} 无法读取", folder.display());
        let is_picture = |path: &PathBuf| {
            let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
            ENDINGS.contains(&ending.as_str()) && path.is_file()
        };
        let entries = fs::read_dir(folder).with_context(unreadable)?;
        let paths = entries.map(|entry| Ok(entry.with_context(unreadable)?.path())).collect::<Result<Vec<_>>>()?;
        let mut pictures: Vec<PathBuf> = paths.into_iter().filter(is_picture).collect();
        pictures.sort();
        pictures.truncate(MOST_OF_ONE);
        Ok(pictures)
    }

    /// Where an `image_url` leads: the first place that has a file, else the last one looked at; none for an address, or for
    /// what would leave the folders.
    pub fn find(&self, url: &str) -> Option<PathBuf> {
        let path = Path::new(url.trim_start_matches('/'));
        if is_address(url) || !path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return None;
        }
        let mut places = self.roots.iter().map(|root| root.join(path));
        let there = places.clone().find(|place| place.is_file());
        there.or_else(|| places.next_back())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_url_leads_out_of_the_folders() -> Result<()> {
        let dir = tempfile::tempdir()?;
        let (root, outside) = (dir.path().join("root"), dir.path().join("secret.png"));
        fs::create_dir_all(root.join("7"))?;
        fs::write(&outside, "")?;
        fs::write(root.join("a.png"), "")?;
        let places = Places::of(vec![root.join("images"), root.clone()])?;
        assert_eq!(places.find("/a.png"), Some(root.join("a.png")));
        assert_eq!(places.find("./b.png"), Some(root.join("b.png")));
        for url in ["../secret.png", "/../secret.png", "x/../../secret.png", "https://host/a.png", "HTTP://host/a.png"]
        {
            assert_eq!(places.find(url), None, "{url}");
        }
        // what stands behind more slashes is still below the root
        let url = format!("/{}", outside.display());
        assert!(places.find(&url).is_some_and(|place| place.starts_with(&root) && !place.exists()));
        Ok(())
    }

    #[test]
    fn a_folder_of_a_dataset_stands_for_it_by_its_first_pictures() -> Result<()> {
        let dir = tempfile::tempdir()?;
        for name in ["images/7", "7", "008", "x"] {
            fs::create_dir_all(dir.path().join(name))?;
        }
        for name in [
            "images/7/e.png",
            "images/7/b.JPG",
            "images/7/notes.txt",
            "images/7/c.webp",
            "images/7/a.gif",
            "images/7/d.jpeg",
        ] {
            fs::write(dir.path().join(name), "")?;
        }
        let places = Places::of(vec![dir.path().join("images"), dir.path().to_owned(), dir.path().join("nowhere")])?;
        let names: Vec<String> = places
            .own(7)?
            .iter()
            .map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned())
            .collect();
        assert_eq!(names, ["a.gif", "b.JPG", "c.webp", "d.jpeg"]);
        assert!(places.own(8)?.is_empty() && places.folder_count() == 1);
        Ok(())
    }
}
