//! What is asked for, and what is asked of the list.

use std::sync::Arc;

use super::channels::{self, Sum, Weights};
use super::rules::ActiveRules;
use crate::model::{CANDIDATES, History};

/// Who asks, on which page.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// The page's dataset; `None` where nobody has heard of it.
    pub page: Option<u32>,
    /// The known user, where there is one.
    pub user: Option<&'a History>,
    /// What the visitor looked at before, newest first.
    pub recent: &'a [u32],
    /// How long the list should be.
    pub top_n: usize,
    /// How many more that just missed the list, in the learned order.
    pub runners_up: usize,
}

/// How many candidates the ranker orders for a list of usual length: two rounds of its lanes. Of the pages visitors went on
/// to (the world of docs/quality.md) it brings as many among the first ten and twenty as with all candidates.
const RANKED: usize = 64;

impl Request<'_> {
    /// How long the list is with its runners-up.
    pub(super) fn length(&self) -> usize {
        self.top_n + self.runners_up
    }

    /// How many candidates, the first by the prior, the ranker orders: more for longer lists.
    pub fn ranked(&self) -> usize {
        RANKED.max(2 * self.length()).min(CANDIDATES)
    }
}

/// What is done with candidates once they are ordered.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How much of its log-odds a candidate loses for being wholly like one above it (MMR).
    pub diversity: f32,
    /// The most datasets of one provider among the first ten; 0 for no limit.
    pub per_provider: usize,
    /// The operator's rules that hold today.
    pub rules: Arc<ActiveRules>,
    /// What each channel counts beside what was learned.
    pub weights: Weights,
    /// The weights of an experiment of the old system.
    pub sum: Option<Sum>,
}

impl Default for Policy {
    fn default() -> Self {
        Self { diversity: 0.0, per_provider: 0, rules: Arc::default(), weights: channels::AS_LEARNED, sum: None }
    }
}

/// How much work a list may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// All of it.
    Full,
    /// Without the ranker and without diversity: the hand-made order.
    Short,
}
