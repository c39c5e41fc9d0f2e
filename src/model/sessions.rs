//! Past visits, as session neighbours are looked for among them: which visits hold a dataset, which datasets a visit holds.

/// How many of the newest visits of a dataset are looked at (m of VMIS-kNN).
const VISITS_PER_ITEM: usize = 500;

/// A past visit's number, from the newest: never an item's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct VisitIndex(pub u32);

/// Two tables in compressed rows. Visits are numbered from the newest.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    item_starts: Vec<u32>,
    item_visits: Vec<VisitIndex>,
    visit_starts: Vec<u32>,
    visit_items: Vec<u32>,
}

impl Sessions {
    /// `visits` are the items of each visit, the newest visit first.
    pub fn new(items: usize, visits: &[Vec<u32>]) -> Self {
        let mut visit_starts = vec![0];
        let mut visit_items = Vec::with_capacity(visits.iter().map(Vec::len).sum());
        for held in visits {
            visit_items.extend_from_slice(held);
            visit_starts.push(visit_items.len() as u32);
        }
        Self::of_rows(items, visit_starts, visit_items)
    }

    /// The same from compressed rows, the newest visit's first: where each visit's items begin and end, and the items.
    pub fn of_rows(items: usize, visit_starts: Vec<u32>, visit_items: Vec<u32>) -> Self {
        let mut counts = vec![0_u32; items];
        for item in &visit_items {
            let count = &mut counts[*item as usize];
            *count = (*count + 1).min(VISITS_PER_ITEM as u32);
        }
        let mut item_starts = Vec::with_capacity(items + 1);
        item_starts.push(0);
        for count in &counts {
            item_starts.push(item_starts.last().copied().unwrap_or(0) + count);
        }
        let mut item_visits = vec![VisitIndex(0); item_starts.last().map_or(0, |end| *end as usize)];
        let mut filled = item_starts.clone();
        for (visit, ends) in visit_starts.windows(2).enumerate() {
            for item in &visit_items[ends[0] as usize..ends[1] as usize] {
                let next = &mut filled[*item as usize];
                if *next < item_starts[*item as usize + 1] {
                    item_visits[*next as usize] = VisitIndex(visit as u32);
                    *next += 1;
                }
            }
        }
        Self { item_starts, item_visits, visit_starts, visit_items }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many visits there are.
    pub fn len(&self) -> usize {
        self.visit_starts.len().saturating_sub(1)
    }

    /// The items of every visit, the newest visit first.
    pub fn visits(&self) -> impl Iterator<Item = &[u32]> {
        self.visit_starts.windows(2).map(|ends| &self.visit_items[ends[0] as usize..ends[1] as usize])
    }

    /// The newest visits that hold an item, newest first.
    pub fn of_item(&self, item: u32) -> &[VisitIndex] {
        row(&self.item_starts, &self.item_visits, item)
    }

    /// The items of a visit.
    pub fn items(&self, visit: VisitIndex) -> &[u32] {
        row(&self.visit_starts, &self.visit_items, visit.0)
    }
}

fn row<'a, T>(starts: &[u32], all: &'a [T], index: u32) -> &'a [T] {
    match starts.get(index as usize..index as usize + 2) {
        Some([start, end]) => &all[*start as usize..*end as usize],
        _ => &[],
    }
}
