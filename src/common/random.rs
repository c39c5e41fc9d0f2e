//! Numbers that look random and are the same in every run, of every version.

/// The next number from 0 to 1, by splitmix64 (Steele, Lea, Flood 2014).
pub fn uniform(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// The next number of a gamma distribution of rate 1, which has `shape` for its mean (Marsaglia, Tsang 2000).
pub fn gamma(shape: f64, state: &mut u64) -> f64 {
    if shape < 1.0 {
        return gamma(shape + 1.0, state) * (1.0 - uniform(state)).powf(1.0 / shape);
    }
    let d = shape - 1.0 / 3.0;
    loop {
        let x = normal(state);
        let v = (1.0 + x / (9.0 * d).sqrt()).powi(3);
        if v > 0.0 && (1.0 - uniform(state)).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

/// The next number of the standard normal distribution (Box, Muller 1958).
fn normal(state: &mut u64) -> f64 {
    let radius = (-2.0 * (1.0 - uniform(state)).ln()).sqrt();
    radius * (std::f64::consts::TAU * uniform(state)).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gamma_distribution_has_its_mean_and_its_variance() {
        for shape in [0.3, 1.0, 7.5] {
            let mut state = 3;
            let numbers: Vec<f64> = (0..40_000).map(|_| gamma(shape, &mut state)).collect();
            let mean = |of: fn(f64) -> f64| numbers.iter().map(|number| of(*number)).sum::<f64>() / 40_000.0;
            let (first, second) = (mean(|number| number), mean(|number| number * number));
            assert!((first / shape - 1.0).abs() < 0.03, "{first} is no mean of {shape}");
            assert!(((second - first * first) / shape - 1.0).abs() < 0.06, "nor is {second} its second moment");
        }
    }
}
