//! The columns of a candidate in `neighbours.parquet`: one list for writing and for reading.

use std::sync::Arc;

use anyhow::Result;
use duckdb::arrow::array::{Array, ArrayRef, Float32Array, Float64Array, Int64Array, UInt32Array};

use super::numbers::{finite, none_missing, whole};
use crate::model::{Figure, Neighbour};
use crate::warehouse::arrow::Columns;

/// Something known of a candidate beside a dataset.
#[derive(Clone, Copy)]
pub(super) enum Field {
    Figure(Figure),
    Count(Count),
}

/// A whole number of a candidate: how often, each kept in as few bytes as it needs.
#[derive(Clone, Copy)]
pub(super) enum Count {
    NextOrganic,
    NextFollowed,
    Visits,
    Clicks,
}

/// All of them, in the order in which they are written.
pub(super) const NEIGHBOUR: [Field; 11] = [
    Field::Figure(Figure::Organic),
    Field::Figure(Figure::Followed),
    Field::Figure(Figure::Reverse),
    Field::Figure(Figure::Walk),
    Field::Figure(Figure::Bridge),
    Field::Figure(Figure::Lexical),
    Field::Count(Count::NextOrganic),
    Field::Count(Count::NextFollowed),
    Field::Count(Count::Visits),
    Field::Figure(Figure::Examined),
    Field::Count(Count::Clicks),
];

/// In which share of the page's lists that try a new dataset it is the one; the column is there where there are new ones.
pub(super) const NEW_SHARE: &str = "new_share";

impl Count {
    fn of(self, neighbour: &Neighbour) -> u32 {
        match self {
            Self::NextOrganic => neighbour.next_organic.into(),
            Self::NextFollowed => neighbour.next_followed.into(),
            Self::Visits => neighbour.visits.into(),
            Self::Clicks => neighbour.clicks.into(),
        }
    }

    /// Refuses what does not fit where it is kept: training writes none above.
    fn set(self, neighbour: &mut Neighbour, value: i64) -> Result<()> {
        match self {
            Self::NextOrganic => neighbour.next_organic = whole(value)?,
            Self::NextFollowed => neighbour.next_followed = whole(value)?,
            Self::Visits => neighbour.visits = whole(value)?,
            Self::Clicks => neighbour.clicks = whole(value)?,
        }
        Ok(())
    }
}

impl Field {
    /// The column's name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Figure(figure) => figure.name(),
            Self::Count(Count::NextOrganic) => "next_organic",
            Self::Count(Count::NextFollowed) => "next_followed",
            Self::Count(Count::Visits) => "visits",
            Self::Count(Count::Clicks) => "clicks",
        }
    }

    /// How it is selected, in the type that [`Self::read`] takes.
    pub(super) fn selected(self) -> String {
        let kind = if matches!(self, Self::Figure(_)) { "double" } else { "bigint" };
        format!("{name}::{kind} as {name}", name = self.name())
    }

    /// The column of some candidates, to be written.
    pub(super) fn column<'a>(self, neighbours: impl Iterator<Item = &'a Neighbour>) -> ArrayRef {
        match self {
            Self::Figure(figure) => {
                Arc::new(Float32Array::from_iter_values(neighbours.map(|neighbour| neighbour.figures.get(figure))))
            }
            Self::Count(count) => {
                Arc::new(UInt32Array::from_iter_values(neighbours.map(|neighbour| count.of(neighbour))))
            }
        }
    }

    /// Fills it in for the candidates of a batch.
    pub(super) fn read(self, batch: &Columns, neighbours: &mut [Neighbour]) -> Result<()> {
        match self {
            Self::Figure(figure) => {
                let values: &Float64Array = batch.f64(self.name())?;
                none_missing([values as &dyn Array])?;
                for (neighbour, value) in neighbours.iter_mut().zip(values.values()) {
                    neighbour.figures.set(figure, finite(*value)?);
                }
            }
            Self::Count(count) => {
                let values: &Int64Array = batch.i64(self.name())?;
                none_missing([values as &dyn Array])?;
                for (neighbour, value) in neighbours.iter_mut().zip(values.values()) {
                    count.set(neighbour, *value)?;
                }
            }
        }
        Ok(())
    }
}
