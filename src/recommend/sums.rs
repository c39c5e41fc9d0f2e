//! A number for each item, kept between requests so that none is allocated for a request.

/// A number for each item, and which are not zero.
#[derive(Default)]
pub(super) struct Sums {
    values: Vec<f32>,
    touched: Vec<u32>,
}

impl Sums {
    /// Makes room, and forgets what was there.
    pub(super) fn reset(&mut self, items: usize) {
        for item in self.touched.drain(..) {
            self.values[item as usize] = 0.0;
        }
        if self.values.len() < items {
            self.values.resize(items, 0.0);
        }
    }

    /// Adds to a number; whether it was zero.
    pub(super) fn add(&mut self, item: u32, value: f32) -> bool {
        let sum = &mut self.values[item as usize];
        let is_new = *sum == 0.0;
        if is_new {
            self.touched.push(item);
        }
        *sum += value;
        is_new
    }

    /// An item's number.
    pub(super) fn get(&self, item: u32) -> f32 {
        self.values[item as usize]
    }

    /// How many items have a number.
    pub(super) fn len(&self) -> usize {
        self.touched.len()
    }

    /// Changes every item's number.
    pub(super) fn for_each(&mut self, mut change: impl FnMut(u32, &mut f32)) {
        for item in &self.touched {
            change(*item, &mut self.values[*item as usize]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_request_is_left_for_the_next() {
        let mut sums = Sums::default();
        sums.reset(3);
        assert!(sums.add(2, 1.5) && !sums.add(2, 1.0));
        sums.for_each(|item, value| *value *= item as f32);
        assert_eq!((sums.get(2), sums.len()), (5.0, 1));
        sums.reset(3);
        assert_eq!((sums.get(2), sums.len()), (0.0, 0));
    }
}
