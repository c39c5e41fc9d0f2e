//! What is alike in pictures, where a CLIP looked at them.

use crate::model::Feature;

pub(super) const ORDER: &[(Feature, f32)] = &[(Feature::Pictures, 1.0)];
