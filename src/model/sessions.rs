//! Past visits, as session neighbours are looked for among them: which visits hold a dataset, which datasets a visit holds.

/// How many of the newest visits of a dataset are looked at (m of VMIS-kNN).
const VISITS_PER_ITEM: usize = 500;

/// Two tables in compressed rows. Visits are numbered from the newest.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    item_starts: Vec<u32>,
    item_visits: Vec<u32>,
    visit_starts: Vec<u32>,
    visit_items: Vec<u32>,
}

impl Sessions {
    /// `visits` are the items of each visit, the newest visit first.
    pub fn new(items: usize, visits: &[Vec<u32>]) -> Self {
        let mut of_item: Vec<Vec<u32>> = vec![Vec::new(); items];
        for (visit, held) in visits.iter().enumerate() {
            for item in held {
                let list = &mut of_item[*item as usize];
                if list.len() < VISITS_PER_ITEM {
                    list.push(visit as u32);
                }
            }
        }
        let (item_starts, item_visits) = rows(&of_item);
        let (visit_starts, visit_items) = rows(visits);
        Self { item_starts, item_visits, visit_starts, visit_items }
    }

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
    pub fn of_item(&self, item: u32) -> &[u32] {
        row(&self.item_starts, &self.item_visits, item)
    }

    /// The items of a visit.
    pub fn items(&self, visit: u32) -> &[u32] {
        row(&self.visit_starts, &self.visit_items, visit)
    }
}

fn rows(lists: &[Vec<u32>]) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0];
    let mut all = Vec::new();
    for list in lists {
        all.extend_from_slice(list);
        starts.push(all.len() as u32);
    }
    (starts, all)
}

fn row<'a>(starts: &[u32], all: &'a [u32], index: u32) -> &'a [u32] {
    match starts.get(index as usize..index as usize + 2) {
        Some([start, end]) => &all[*start as usize..*end as usize],
        _ => &[],
    }
}
