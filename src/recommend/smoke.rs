//! A version is asked for lists as visitors would ask, before it answers any.

use std::collections::HashSet;

use anyhow::{Result, ensure};

use super::{Effort, Policy, Recommended, Request, recommend, trending};
use crate::common::language::t;
use crate::model::Model;

/// How long the lists are that a version is asked for: as long as most are.
const LENGTH: usize = 10;

/// Asks a version for lists: full ones, of listed datasets, each once, with a score.
///
/// # Errors
/// A list that it gives is none that may be shown.
pub fn smoke(model: &Model) -> Result<()> {
    let listed = model.parts.items.iter().filter(|item| item.is_listed).count();
    ensure!(
        listed > 0,
        t!("it lists no dataset, so that every list would be empty", "它没有可展示的数据集，所有列表都会是空的")
    );
    let first = model.parts.items.iter().position(|item| item.is_listed).map(|item| item as u32);
    let popular = model.parts.popular.first().map(|ranked| ranked.item);
    let policy = Policy::default();
    for page in [None, first, popular] {
        let recent: Vec<u32> = first.into_iter().chain(popular).collect();
        for recent in [&[][..], &recent] {
            let request = Request { page, recent, top_n: LENGTH, ..Request::default() };
            let (list, _) = recommend(model, &request, &policy, Effort::Full);
            let is_own = page.is_some_and(|page| model.item(page).is_listed);
            has_kept_its_rules(model, &list, page, listed - usize::from(is_own))?;
        }
    }
    has_kept_its_rules(model, &trending(model, "24h", &[], LENGTH, &policy), None, listed)
}

fn has_kept_its_rules(model: &Model, list: &[Recommended], page: Option<u32>, there_are: usize) -> Result<()> {
    let due = LENGTH.min(there_are);
    ensure!(
        list.len() == due,
        t!("a list has {} datasets where {due} were due", "一个列表有 {} 个数据集，应有 {due} 个", list.len())
    );
    let items: HashSet<u32> = list.iter().map(|entry| entry.item).collect();
    let is_kept =
        |entry: &Recommended| Some(entry.item) != page && model.item(entry.item).is_listed && entry.score.is_finite();
    ensure!(items.len() == due && list.iter().all(is_kept), t!("a list breaks its rules", "有列表违反规则"));
    Ok(())
}
