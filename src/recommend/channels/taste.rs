//! What lies near the mean of a known user's earlier pages.

use super::super::Request;
use crate::model::{Feature, Model};

pub(super) const ORDER: &[(Feature, f32)] = &[(Feature::Taste, 1.0)];

/// What training found near the user's earlier pages.
pub(in crate::recommend) fn proposed<'a>(request: &Request<'a>) -> impl Iterator<Item = u32> + 'a {
    request.user.into_iter().flat_map(|user| user.taste.iter().copied())
}

/// The listed datasets nearest to the mean of what was viewed, in the space of texts, without those.
pub fn taste(model: &Model, viewed: &[u32], count: usize) -> Vec<u32> {
    let mean = model.index.vectors().direction(viewed.iter().map(|item| (*item, 1.0)));
    if mean.row().is_empty() {
        return Vec::new();
    }
    let near = model.index.nearest(mean.row(), count + viewed.len());
    let fits = |item: &u32| model.item(*item).is_listed && !viewed.contains(item);
    near.into_iter().map(|(item, _)| item).filter(fits).take(count).collect()
}
