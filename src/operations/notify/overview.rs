//! Who is told, what is wrong, what waits and what was refused, for people and programs.

use anyhow::Result;
use serde::Serialize;

use super::letters::{Letter, Told};
use super::routing::Routing;
use super::telling::{letters_for, notices_for};
use crate::common::language::t;
use crate::config::Config;
use crate::operations::watch::{self, Firing};

/// All of it.
#[derive(Debug, Serialize)]
pub struct Overview {
    /// Where receivers and routes are from; empty where there are none.
    pub origin: String,
    /// The receivers.
    pub receivers: Vec<Named>,
    /// How many routes there are.
    pub routes: usize,
    /// What is wrong by nearset's own eyes.
    pub firing: Vec<Firing>,
    /// What receivers have not got yet.
    pub waiting: Vec<Waiting>,
    /// What receivers will never take.
    pub refused: Vec<Refused>,
}

/// A receiver.
#[derive(Debug, Serialize)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// Who that is.
    pub address: String,
}

/// What one receiver has not got yet.
#[derive(Debug, Serialize)]
pub struct Waiting {
    /// Its name.
    pub receiver: String,
    /// Letters that were written.
    pub letters: usize,
    /// Notices that wait for a digest, for hours, or to be said again.
    pub notices: usize,
    /// Why the last try failed.
    pub error: Option<String>,
}

/// A letter that was refused.
#[derive(Debug, Serialize)]
pub struct Refused {
    /// By whom.
    pub receiver: String,
    /// What it was about.
    pub title: String,
    /// Why.
    pub error: String,
}

/// Looks at all of it.
///
/// # Errors
/// `notify.toml` makes no sense, or what is kept cannot be read.
pub fn overview(config: &Config) -> Result<Overview> {
    let routing = Routing::of(config)?;
    let (mut waiting, mut refused) = (Vec::new(), Vec::new());
    for receiver in &routing.receivers {
        let letters = letters_for(config, &receiver.name);
        let waits = letters.waiting::<Letter>()?;
        let error = waits.iter().find_map(|item| item.error.clone());
        let notices = notices_for(config, &receiver.name).waiting::<Told>()?.len();
        waiting.push(Waiting { receiver: receiver.name.clone(), letters: waits.len(), notices, error });
        refused.extend(letters.refused::<Letter>()?.into_iter().map(|item| Refused {
            receiver: receiver.name.clone(),
            title: item.body.title,
            error: item.error.unwrap_or_default(),
        }));
    }
    waiting.extend(left_behind(config, &routing)?);
    let named = |receiver: &super::receiver::Receiver| Named {
        name: receiver.name.clone(),
        kind: receiver.kind.name(),
        address: receiver.kind.address(),
    };
    Ok(Overview {
        origin: routing.origin.clone(),
        receivers: routing.receivers.iter().map(named).collect(),
        routes: routing.routes.len(),
        firing: watch::firing(config)?,
        waiting,
        refused,
    })
}

/// What waits for receivers that are no more.
fn left_behind(config: &Config, routing: &Routing) -> Result<Vec<Waiting>> {
    let folder = config.operations_dir().join("outbox").join("notify");
    let mut left = Vec::new();
    let Ok(entries) = std::fs::read_dir(&folder) else { return Ok(left) };
    for name in entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()) {
        let (letters, notices) = (letters_for(config, &name).count()?, notices_for(config, &name).count()?);
        if letters + notices > 0 && routing.receivers.iter().all(|receiver| receiver.name != name) {
            let path = folder.join(&name);
            let error = t!(
                "there is no such receiver any more; remove {} where nobody is to be told",
                "已没有这个接收者；如不再需要，请删除 {}",
                path.display()
            );
            left.push(Waiting { receiver: name, letters, notices, error: Some(error) });
        }
    }
    left.sort_by(|a, b| a.receiver.cmp(&b.receiver));
    Ok(left)
}
