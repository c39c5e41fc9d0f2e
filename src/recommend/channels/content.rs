//! What is alike in words, by both views of texts.

use crate::model::Feature;

pub(super) const ORDER: &[(Feature, f32)] = &[(Feature::Content, 1.0)];
