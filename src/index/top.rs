//! The best of many.

/// Keeps the `count` best of (row, score), best first, ties by row.
pub fn top(scored: &mut Vec<(u32, f32)>, count: usize) {
    let order = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if scored.len() > count && count > 0 {
        scored.select_nth_unstable_by(count - 1, order);
    }
    scored.truncate(count);
    scored.sort_unstable_by(order);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_the_lower_row() {
        let mut scored = vec![(3, 1.0), (1, 1.0), (2, 2.0), (0, 0.5)];
        top(&mut scored, 3);
        assert_eq!(scored, [(2, 2.0), (1, 1.0), (3, 1.0)]);
    }
}
