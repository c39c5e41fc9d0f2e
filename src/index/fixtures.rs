//! Rows for tests.

use rand::{RngExt, SeedableRng};

use super::{Vectors, unit};

/// Rows about the centres of a few hundred groups, as texts of a catalogue are.
pub(super) fn groups(count: usize) -> Vectors {
    const DIMENSIONS: usize = 32;
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(7);
    let mut draw = || random.random::<f32>() - 0.5;
    let centres: Vec<f32> = (0..300 * DIMENSIONS).map(|_| draw()).collect();
    let mut data = Vec::new();
    for row in 0..count {
        let centre = &centres[row % 300 * DIMENSIONS..][..DIMENSIONS];
        let own: Vec<f32> = centre.iter().map(|c| c + 0.5 * draw()).collect();
        data.extend(unit(&own).row().numbers());
    }
    Vectors::new(DIMENSIONS, data)
}
