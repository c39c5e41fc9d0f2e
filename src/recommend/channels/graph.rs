//! What visitors could have gone on to: in two steps first, then what is met with the same datasets or lent by alike ones.

use crate::model::Feature;

pub(super) const ORDER: &[(Feature, f32)] = &[(Feature::Walk, 1.0), (Feature::Kinship, 0.02), (Feature::Bridge, 0.1)];
