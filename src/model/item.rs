//! A dataset as lists show and judge it, and what is known of the visitors who look at it.

/// A dataset as lists show and judge it.
#[derive(Clone, Debug, Default)]
pub struct Item {
    /// Its id in the marketplace.
    pub dataset_id: i64,
    /// Its name; empty where it has none.
    pub title: String,
    /// Its price; 0 is free of charge, `None` unknown.
    pub price: Option<f64>,
    /// Where its cover is, as the marketplace says it.
    pub cover_image: Option<String>,
    /// Whether it may stand in lists.
    pub is_listed: bool,
    /// Who offers it.
    pub provider: Option<String>,
    /// With semicolons between: one text takes a third of the memory of several.
    pub tags: Box<str>,
    /// How often it was viewed.
    pub views: u32,
    /// Views that halve every three weeks.
    pub recent_views: f32,
}

impl Item {
    /// Its tags, one by one.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.tags.split(';').filter(|tag| !tag.is_empty())
    }
}

/// A dataset of the popular or a trending list.
#[derive(Clone, Copy, Debug)]
pub struct Ranked {
    /// The dataset, as an index into the model's items.
    pub item: u32,
    /// What the list is ordered by.
    pub score: f32,
    /// How often it was viewed in the list's time.
    pub views: u32,
}

/// What a known user did, as indices into the model's items, newest first.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// What they ordered.
    pub bought: Vec<u32>,
    /// What they looked at.
    pub viewed: Vec<u32>,
    /// The datasets nearest to the mean of what was viewed, in the space of texts.
    pub taste: Vec<u32>,
}

/// A new dataset that may be tried on a page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Newcomer {
    /// The dataset, as an index into the model's items.
    pub item: u32,
    /// In which share of the page's lists that try a new dataset it is the one. All of a page's are 1 together, or less.
    pub share: f32,
}
