//! Numbers of a version's files, each refused where it cannot be one that was written: cut off, it would be another.

use std::fmt::Display;

use crate::common::language::t;
use anyhow::{Result, anyhow, ensure};
use duckdb::arrow::array::Array;

/// Refuses columns that lack a value.
pub(super) fn none_missing<const N: usize>(columns: [&dyn Array; N]) -> Result<()> {
    ensure!(columns.iter().all(|column| column.null_count() == 0), t!("a value is missing", "缺少一个值"));
    Ok(())
}

/// A whole number that fits where it is kept.
pub(super) fn whole<T: TryFrom<i64>>(value: i64) -> Result<T> {
    T::try_from(value).map_err(|_| unusable(value))
}

/// A number in single precision.
pub(super) fn finite(value: f64) -> Result<f32> {
    Some(value as f32).filter(|value| value.is_finite()).ok_or_else(|| unusable(value))
}

/// A number that cannot be below zero.
pub(super) fn amount(value: f64) -> Result<f64> {
    Some(value).filter(|value| value.is_finite() && *value >= 0.0).ok_or_else(|| unusable(value))
}

fn unusable(value: impl Display) -> anyhow::Error {
    anyhow!(t!("{value} is a number that cannot be there", "{value} 是不该有的数"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_and_not_cut_off() {
        assert_eq!(whole::<u8>(255).ok(), Some(255));
        assert!(whole::<u8>(256).is_err() && whole::<u16>(65_536).is_err() && whole::<u32>(-1).is_err());
        assert!(finite(1e39).is_err() && finite(f64::NAN).is_err() && finite(-1.0).is_ok());
        assert!(amount(-0.5).is_err() && amount(f64::INFINITY).is_err());
    }
}
