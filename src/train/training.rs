//! Training a version: what visitors did, what texts say and how candidates are ordered, put together.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, Utc};
use duckdb::Connection;
use rayon::prelude::*;

use super::catalogue::Catalogue;
use super::rankers::{self, Choice};
use super::steps::TASTE;
use super::window::TrainingWindow;
use super::{data, neighbours, newcomers};
use crate::common::language::either;
use crate::config::Config;
use crate::model::{FORMAT, Manifest, Model, Parts, Sessions};
use crate::recommend::taste;
use crate::sql_project::Project;
use crate::warehouse::{Turn, share_memory};

/// What training works on, and how much work it may spend on a better ranker.
pub struct Training<'a> {
    /// The work copy, with the features built.
    pub db: &'a Connection,
    /// The settings.
    pub config: &'a Config,
    /// The SQL project, for relations that are built again without held-out visits.
    pub project: &'a Project,
    /// What does not depend on visitors.
    pub catalogue: &'a Catalogue,
    /// The moment that stands for now.
    pub as_of: DateTime<Utc>,
    /// How much work the search for a ranker may be, in seconds of one core: see [`rankers`]. None learns none.
    pub budget: Duration,
    /// Says what is being done.
    pub at: &'a dyn Fn(&str),
}

impl Training<'_> {
    /// Trains on everything before `until` (on all there is, where that is `None`). The ranker is of the kind `choice`
    /// says, or, without one, of the kind that does best on visits held out of its own training part.
    ///
    /// # Errors
    /// A relation cannot be built or read, or a ranker cannot be learned.
    pub fn fit(&self, until: Option<DateTime<Utc>>, choice: Option<&Choice>) -> Result<(Model, Option<Choice>)> {
        let learned = rankers::learn(self, until, choice)?;
        (self.at)(either("neighbours", "近邻"));
        let mut model = self.recall(TrainingWindow { as_of: self.as_of, until, without: None })?;
        let Some((ranker, choice)) = learned else { return Ok((model, None)) };
        model.manifest.ranker = Some(choice.report());
        model.parts.ranker = Some(ranker);
        Ok((model, Some(choice)))
    }

    /// A model that finds candidates, from what `window` lets it see, without a ranker.
    ///
    /// # Errors
    /// A relation cannot be built or read.
    pub fn recall(&self, window: TrainingWindow) -> Result<Model> {
        let Catalogue { items, by_id, index, .. } = self.catalogue;
        let (db, items) = (self.db, items.clone());
        share_memory(db, self.config, Turn::Queries)?;
        let read = window.within(db, self.project, || data::read(db, by_id, items))?;
        share_memory(db, self.config, Turn::Rows)?;
        let behaviour = neighbours::behaviour_vectors(&read.affinities);
        let neighbours = neighbours::build(self.catalogue, &read, &behaviour).into();
        let manifest = Manifest {
            format: FORMAT,
            version: String::new(),
            trained_at: self.as_of,
            nearset_version: env!("CARGO_PKG_VERSION").to_owned(),
            items: read.items.len(),
            listed_items: read.items.iter().filter(|item| item.is_listed).count(),
            dense_weight: self.catalogue.dense_weight,
            text_model: self.catalogue.text_model.clone(),
            picture_model: self.catalogue.picture_model.clone(),
            ranker: None,
            dimensions: index.vectors().dimensions(),
            behaviour_dimensions: behaviour.dimensions(),
            metrics: None,
            files: BTreeMap::new(),
        };
        let sessions = Sessions::new(read.items.len(), &read.visits);
        let parts = Parts {
            items: read.items,
            neighbours,
            newcomers: HashMap::new(),
            popular: read.popular,
            trending: read.trending,
            users: read.users,
            sessions,
            behaviour,
            pictures: self.catalogue.pictures.clone(),
            ranker: None,
        };
        let mut model = Model::new(manifest, parts, index.clone());
        if window.without.is_none() {
            add_tastes(&mut model);
            model.parts.newcomers = newcomers::newcomers(&model, &read.beliefs);
        }
        Ok(model)
    }
}

/// Works out what lies near each known user's earlier pages.
fn add_tastes(model: &mut Model) {
    let users = &model.parts.users;
    let tastes: Vec<(i64, Vec<u32>)> =
        users.par_iter().map(|(id, history)| (*id, taste(model, &history.viewed, TASTE))).collect();
    for (id, taste) in tastes {
        if let Some(history) = model.parts.users.get_mut(&id) {
            history.taste = taste;
        }
    }
}
