//! What lists on the page showed, by how many clicks its positions would have brought any dataset.

use crate::model::Feature;

pub(super) const ORDER: &[(Feature, f32)] = &[(Feature::Examined, 1.0)];
