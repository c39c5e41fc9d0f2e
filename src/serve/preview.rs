//! Lists that somebody looks into: made as a visitor's would be and explained, but no visitor's. They are in no log, no metric
//! and no cache, and nothing is trending for them.

use std::sync::Arc;

use anyhow::{Context, Result};

use super::answer::DegradeReason;
use super::deployment::{Deployment, LoadedVersion};
use super::endpoint::Endpoint;
use super::http::Client;
use super::state::State;
use crate::common::device::Device;
use crate::common::language::{either, t};
use crate::model::{Figure, Model};
use crate::recommend::{Effort, Explanation, Policy, Recommended, Request, explain, recommend};

/// How many pages are asked whether they list a dataset: those that know it best.
const PAGES: usize = 200;

/// A list that somebody wants to look into.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The page's dataset.
    pub dataset_id: i64,
    /// The marketplace's id of the visitor.
    pub user_id: Option<i64>,
    /// What the visitor looked at before, newest first.
    pub recent: Vec<i64>,
    /// Where it is shown.
    pub source: Option<String>,
    /// What it is shown on.
    pub device: Device,
    /// The version that makes it; the one that answers the visitor where none is named.
    pub version: Option<String>,
    /// `EXPERIMENT/VARIANT`; the one that the visitor gets where none is named.
    pub variant: Option<String>,
    /// How many places.
    pub top_n: usize,
}

/// A list that was looked into, as its places or as their explanation.
pub struct Shown<T> {
    /// What made it.
    pub version: Arc<LoadedVersion>,
    /// The variant, as [`Wanted::variant`] names it.
    pub variant: String,
    /// Why it is no more than a fallback, where it is one.
    pub degraded: Option<&'static str>,
    /// The list.
    pub list: T,
}

impl Shown<Vec<Recommended>> {
    /// The datasets of the list, the first first.
    pub fn datasets(&self) -> Vec<i64> {
        self.list.iter().map(|entry| self.version.model.item(entry.item).dataset_id).collect()
    }
}

/// Looks into lists.
pub struct Preview<'a> {
    state: &'a State,
    deployment: Arc<Deployment>,
}

/// A page whose list holds a dataset.
#[derive(Clone, Debug, PartialEq)]
pub struct Lists {
    /// The page's dataset.
    pub dataset_id: i64,
    /// Its name.
    pub title: String,
    /// Where the dataset stands in the list, from 1.
    pub place: usize,
}

impl<'a> Preview<'a> {
    /// By what answers now.
    ///
    /// # Errors
    /// No model is loaded.
    pub fn new(state: &'a State) -> Result<Self> {
        let deployment = state.deployments.current().context(either("no model is loaded", "没有加载模型"))?;
        Ok(Self { state, deployment })
    }

    /// The version that answers and a dataset's index in it, where it knows it.
    pub fn known(&self, dataset_id: i64) -> Option<(Arc<LoadedVersion>, u32)> {
        let version = &self.deployment.current;
        Some((version.clone(), *version.model.by_id.get(&dataset_id)?))
    }

    /// The variants that run, as [`Wanted::variant`] names them, that of settings first.
    pub fn variants(&self) -> Vec<String> {
        (0..self.deployment.experiments.variants().len() as u16).map(|index| self.named(index)).collect()
    }

    fn named(&self, index: u16) -> String {
        let variant = self.deployment.experiments.variant(index);
        match &variant.experiment {
            Some(experiment) => format!("{experiment}/{}", variant.name),
            None => variant.name.clone(),
        }
    }

    /// Makes a list.
    ///
    /// # Errors
    /// There is no such version or variant, or the version cannot be loaded.
    pub fn list(&self, wanted: &Wanted) -> Result<Shown<Vec<Recommended>>> {
        self.made(wanted, |model, request, policy| recommend(model, request, policy, Effort::Full).0)
    }

    /// Makes a list and explains it.
    ///
    /// # Errors
    /// There is no such version or variant, or the version cannot be loaded.
    pub fn explained(&self, wanted: &Wanted) -> Result<Shown<Explanation>> {
        self.made(wanted, explain)
    }

    fn made<T>(&self, wanted: &Wanted, make: impl Fn(&Model, &Request<'_>, &Policy) -> T) -> Result<Shown<T>> {
        let client =
            Client { source: wanted.source.as_deref().map(Into::into), device: wanted.device, ..Client::default() };
        let visitor = wanted.user_id.map(|id| id.to_string());
        let index = match &wanted.variant {
            Some(name) => {
                let place = self.variants().iter().position(|variant| variant == name);
                place.with_context(|| t!("no variant {name} runs", "没有正在运行的变体 {name}"))? as u16
            }
            None => self.deployment.experiments.assign(Endpoint::Detail, visitor.as_deref(), &client),
        };
        let chosen = self.deployment.experiments.variant(index).version.as_ref();
        let version = match (&wanted.version, chosen.and_then(|name| self.deployment.named.get(name))) {
            (Some(name), _) => self.state.deployments.look_at(name)?,
            (None, Some(version)) => version.clone(),
            // who has no name gets what most get
            (None, None) if visitor.is_none() => self.deployment.current.clone(),
            (None, None) => self.deployment.assign(Endpoint::Detail, visitor.as_deref(), &client).version.clone(),
        };
        let model = &version.model;
        let item = |id: &i64| model.by_id.get(id).copied();
        let page = item(&wanted.dataset_id);
        let user = wanted.user_id.and_then(|id| model.parts.users.get(&id));
        let degraded = match page {
            None => Some(DegradeReason::UnknownDataset),
            Some(_) if wanted.user_id.is_some() && user.is_none() => Some(DegradeReason::UnknownUser),
            Some(_) => None,
        };
        let recent: Vec<u32> = wanted.recent.iter().filter_map(item).collect();
        let request = Request { page, user, recent: &recent, top_n: wanted.top_n, ..Request::default() };
        let audience = version.audiences.of(wanted.source.as_deref(), wanted.device);
        let list = make(model, &request, version.policy(index, audience));
        let degraded = degraded.map(DegradeReason::name);
        Ok(Shown { variant: self.named(index), degraded, list, version: version.clone() })
    }

    /// The pages that list a dataset among their first `top_n` for whoever is not known, as far as they are among those
    /// that know it best; and how many were asked.
    pub fn listing(&self, dataset_id: i64, top_n: usize) -> (Vec<Lists>, usize) {
        let version = &self.deployment.current;
        let model = &version.model;
        let Some(item) = model.by_id.get(&dataset_id).copied() else { return (Vec::new(), 0) };
        let knows = |page: u32| {
            let neighbour = model.neighbours(page).iter().find(|neighbour| neighbour.item == item)?;
            let figures = &neighbour.figures;
            Some((figures.get(Figure::Organic) + figures.get(Figure::Walk) + 0.02 * figures.get(Figure::Dense), page))
        };
        let mut pages: Vec<(f32, u32)> = (0..model.parts.items.len() as u32).filter_map(knows).collect();
        pages.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        pages.truncate(PAGES);
        let place = |page: u32| {
            let request = Request { page: Some(page), top_n, ..Request::default() };
            let (list, _) = recommend(model, &request, version.policy(0, 0), Effort::Full);
            list.iter().position(|entry| entry.item == item).map(|place| place + 1)
        };
        let lists = |(_, page): &(f32, u32)| {
            let about = model.item(*page);
            place(*page).map(|place| Lists { dataset_id: about.dataset_id, title: about.title.clone(), place })
        };
        let mut found: Vec<Lists> = pages.iter().filter_map(lists).collect();
        found.sort_by_key(|lists| (lists.place, lists.dataset_id));
        (found, pages.len())
    }
}
