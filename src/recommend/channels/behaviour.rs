//! What visitors of the page went on to: by themselves twice as much as from a list.

use crate::model::Feature;

pub(super) const ORDER: &[(Feature, f32)] = &[(Feature::Organic, 2.0), (Feature::Followed, 1.0)];
