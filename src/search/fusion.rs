//! Several rankings as one: reciprocal rank fusion (Cormack, Clarke, Büttcher 2009).

use std::collections::HashMap;

use super::{By, Found};

/// How slowly lower ranks lose: the paper's own figure.
const RANK_CONSTANT: f32 = 60.0;

/// Fuses the rankings of some ways of finding, each of items, the best first. A way that found nothing has no say.
pub(super) fn fuse(ways: &[(By, Vec<u32>)], used: usize) -> Vec<Found> {
    let mut found: HashMap<u32, Found> = HashMap::new();
    for (way, items) in ways {
        for (rank, item) in items.iter().enumerate() {
            let entry = found.entry(*item).or_insert(Found { item: *item, score: 0.0, by: Vec::new() });
            entry.score += (RANK_CONSTANT + 1.0) / (RANK_CONSTANT + 1.0 + rank as f32) / used as f32;
            entry.by.push(*way);
        }
    }
    let mut found: Vec<Found> = found.into_values().collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_first_everywhere_has_a_score_of_one() {
        let found = fuse(&[(By::Words, vec![7, 3]), (By::Text, vec![7, 9])], 2);
        assert_eq!((found[0].item, found[0].score), (7, 1.0));
        assert_eq!(found[0].by, [By::Words, By::Text]);
        // of equals the lower number first
        assert_eq!([found[1].item, found[2].item], [3, 9]);
        assert!(found[1].score < 0.5);
    }
}
