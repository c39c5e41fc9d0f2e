//! The candidates that training fixes for every dataset: most of a version's memory.

use half::f16;
use half::slice::HalfFloatSliceExt;

/// A candidate fixed when training: why it stands beside a dataset, in figures. A hundred of them for every dataset are
/// most of a model's memory: 28 bytes each.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Neighbour {
    /// The dataset, as an index into the model's items.
    pub item: u32,
    /// What is known of both together.
    pub figures: Figures,
    /// How often it was the very next page, found by the visitor; at most 255, which says as much as more.
    pub next_organic: u8,
    /// How often it was the very next page, from a list; at most 255.
    pub next_followed: u8,
    /// Visits that hold both pages, at most 65,535.
    pub visits: u16,
    /// How many clicks it had in lists on the page, at most 65,535.
    pub clicks: u16,
}

/// One of [`Figures`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// What visitors did by themselves: see `sql/training/behaviour_neighbours.sql`.
    Organic,
    /// What lists made them click.
    Followed,
    /// `Organic` the other way round.
    Reverse,
    /// Two steps of `Organic`.
    Walk,
    /// `Organic` from the datasets whose texts are most like the page's.
    Bridge,
    /// Cosine of the texts' words, less where the candidate's text is like many others.
    Lexical,
    /// How many clicks its positions in lists on the page would have brought any dataset.
    Examined,
    /// Cosine of the vectors of texts: worked out when loading.
    Dense,
    /// Cosine of the vectors of behaviour: worked out when loading.
    Kinship,
}

impl Figure {
    /// How many there are.
    pub const COUNT: usize = Self::Kinship as usize + 1;

    /// Those that a version keeps on disk.
    pub const STORED: [Self; 7] =
        [Self::Organic, Self::Followed, Self::Reverse, Self::Walk, Self::Bridge, Self::Lexical, Self::Examined];

    /// Its column of `neighbours.parquet`, where it is kept.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Organic => "organic",
            Self::Followed => "followed",
            Self::Reverse => "reverse",
            Self::Walk => "walk",
            Self::Bridge => "bridge",
            Self::Lexical => "lexical",
            Self::Examined => "examined",
            Self::Dense => "dense",
            Self::Kinship => "kinship",
        }
    }
}

/// What is known of a candidate beside a dataset, in half precision.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures([f16; Figure::COUNT]);

impl Figures {
    /// One of them.
    pub fn get(&self, figure: Figure) -> f32 {
        self.0[figure as usize].to_f32()
    }

    /// Sets one of them; what half precision cannot hold becomes the most that it can.
    pub fn set(&mut self, figure: Figure, value: f32) {
        self.0[figure as usize] = f16::from_f32(value.min(f16::MAX.to_f32()));
    }

    /// All of them, in the order of [`Figure`].
    pub fn all(&self) -> [f32; Figure::COUNT] {
        let mut values = [0.0; Figure::COUNT];
        self.0.convert_to_f32_slice(&mut values);
        values
    }
}

/// The candidates of every item, best first, one item's after the other's.
#[derive(Clone, Debug, Default)]
pub struct Neighbours {
    /// Where each item's begin, and where the last one's end.
    starts: Vec<u32>,
    all: Vec<Neighbour>,
}

impl Neighbours {
    /// With room for as many as are said.
    pub fn with_capacity(items: usize, neighbours: usize) -> Self {
        let mut starts = Vec::with_capacity(items + 1);
        starts.push(0);
        Self { starts, all: Vec::with_capacity(neighbours) }
    }

    /// Whether more of an item's may come: not once a later item has some.
    pub fn is_next(&self, item: u32) -> bool {
        item as usize + 1 >= self.starts.len()
    }

    /// Adds one of an item. The items have to come in their order.
    pub fn push(&mut self, item: u32, neighbour: Neighbour) {
        self.close_before(item);
        self.all.push(neighbour);
    }

    /// Says that items before `item` have no more.
    pub fn close_before(&mut self, item: u32) {
        while self.starts.len() <= item as usize {
            self.starts.push(self.all.len() as u32);
        }
    }

    /// Those of one item; none for one that nobody has heard of.
    pub fn of(&self, item: u32) -> &[Neighbour] {
        match self.starts.get(item as usize..) {
            Some([start, end, ..]) => &self.all[*start as usize..*end as usize],
            Some([start]) => &self.all[*start as usize..],
            _ => &[],
        }
    }

    /// Each item's, in the order of items.
    pub fn iter(&self) -> impl Iterator<Item = &[Neighbour]> {
        (0..self.starts.len() as u32).map(|item| self.of(item))
    }

    /// Each item's, to be changed.
    pub(super) fn lists_mut(&mut self) -> Vec<&mut [Neighbour]> {
        let mut left = self.all.as_mut_slice();
        let mut lists = Vec::with_capacity(self.starts.len());
        for ends in self.starts.windows(2) {
            let (list, rest) = left.split_at_mut((ends[1] - ends[0]) as usize);
            lists.push(list);
            left = rest;
        }
        lists.push(left);
        lists
    }
}

impl From<Vec<Vec<Neighbour>>> for Neighbours {
    fn from(lists: Vec<Vec<Neighbour>>) -> Self {
        let mut neighbours = Self::with_capacity(lists.len(), lists.iter().map(Vec::len).sum());
        for (item, list) in lists.into_iter().enumerate() {
            neighbours.close_before(item as u32);
            neighbours.all.extend(list);
        }
        neighbours
    }
}
