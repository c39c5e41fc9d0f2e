//! The features a candidate is judged by, named in [`crate::model::FEATURES`]: one definition for training and serving.

use super::Request;
use super::pool::{Pool, TRAIL_DECAY, Trail};
use crate::index::{dot, sparse_dot};
use crate::model::{CANDIDATES, Figure, Model};

/// What [`recall`] and [`summarize`] fill: enough to choose by the prior which candidates are worth the rest.
pub(super) const RECALLED: [usize; 21] = [
    ORGANIC,
    WALK,
    KINSHIP,
    FOLLOWED,
    REVERSE,
    LEXICAL,
    DENSE,
    TAGS,
    SAME_PROVIDER,
    POPULARITY,
    SESSION,
    TRAIL_BEHAVIOUR,
    TAG_POPULARITY,
    BRIDGE,
    SEEN,
    PICTURES,
    CONTENT,
    PRIOR,
    PRIOR_RANK,
    CONTENT_RANK,
    TAG_RANK,
];

/// Fills the columns that the prior is made of. The first `own` candidates are the page's own neighbours.
pub(super) fn recall(model: &Model, request: &Request<'_>, trail: &Trail<'_>, own: usize, pool: &mut Pool) {
    let (texts, behaviour) = (model.index.vectors(), &model.parts.behaviour);
    let pictures = model.parts.pictures.vectors();
    pool.dense_weight = model.manifest.dense_weight;
    let page = request.page.map(|item| (item as usize, &model.facts[item as usize]));
    for (candidate, (item, neighbour)) in pool.items.iter().zip(&pool.neighbours).enumerate() {
        let row = *item as usize;
        let facts = &model.facts[row];
        let mut figures = neighbour.figures;
        if let Some((page, _)) = page
            && candidate >= own
        {
            figures.set(Figure::Dense, dot(texts.row(page), texts.row(row)));
            figures.set(Figure::Kinship, dot(behaviour.row(page), behaviour.row(row)));
        }
        let [organic, followed, reverse, walk, bridge, lexical, _, dense, kinship] = figures.all();
        let tags = page.map_or(0.0, |(_, page)| sparse_dot(&page.tags, &facts.tags));
        let same_provider = page.is_some_and(|(_, page)| page.provider != 0 && page.provider == facts.provider);
        let same_provider = f32::from(u8::from(same_provider));
        let seen = trail.items.iter().position(|before| before == item).map_or(0.0, |age| 1.0 / (1.0 + age as f32));
        for (feature, value) in [
            (ORGANIC, organic),
            (WALK, walk),
            (KINSHIP, kinship),
            (FOLLOWED, followed),
            (REVERSE, reverse),
            (LEXICAL, lexical),
            (DENSE, dense),
            (TAGS, tags),
            (SAME_PROVIDER, same_provider),
            (POPULARITY, facts.log_views),
            (SESSION, trail.sessions.get(*item)),
            (TRAIL_BEHAVIOUR, trail.behaviour.get(*item)),
            (TAG_POPULARITY, (tags + 0.1 * same_provider) * facts.log_views),
            (BRIDGE, bridge),
            (SEEN, seen),
            (PICTURES, page.map_or(0.0, |(page, _)| pictures.cosine(page, row))),
        ] {
            pool.columns.column_mut(feature)[candidate] = value;
        }
    }
}

/// Fills all other columns.
pub(super) fn complete(model: &Model, request: &Request<'_>, trail: &Trail<'_>, pool: &mut Pool) {
    let (texts, behaviour) = (model.index.vectors(), &model.parts.behaviour);
    let page = request.page.map(|item| &model.facts[item as usize]);
    let before = trail.items.iter().enumerate().map(|(age, item)| (*item, TRAIL_DECAY.powi(age as i32)));
    let trail_texts = texts.direction(before.clone());
    let trail_kinship = behaviour.direction(before);
    let taste =
        request.user.map(|user| texts.direction(user.viewed.iter().map(|item| (*item, 1.0)))).unwrap_or_default();
    for (candidate, (item, neighbour)) in pool.items.iter().zip(&pool.neighbours).enumerate() {
        let row = *item as usize;
        let facts = &model.facts[row];
        let price_gap = match (page.and_then(|page| page.log_price), facts.log_price) {
            (Some(page), Some(own)) => own - page,
            _ => 0.0,
        };
        let examined = neighbour.figures.get(Figure::Examined);
        for (feature, value) in [
            (RECENT_POPULARITY, facts.log_recent),
            (PAGE_POPULARITY, page.map_or(0.0, |page| page.log_views)),
            (TRAIL_KINSHIP, dot(trail_kinship.row(), behaviour.row(row))),
            (TRAIL_CONTENT, dot(trail_texts.row(), texts.row(row))),
            (LAST_BEHAVIOUR, trail.last.get(*item)),
            (TRAIL_PAGES, trail.items.len() as f32),
            (TASTE, dot(taste.row(), texts.row(row))),
            (PRICE_GAP, price_gap),
            (NEXT_ORGANIC, ln_1p(neighbour.next_organic.into())),
            (NEXT_FOLLOWED, ln_1p(neighbour.next_followed.into())),
            (VISITS, ln_1p(neighbour.visits)),
            (EXAMINED, examined),
            (LIFT, (f32::from(neighbour.clicks) + 1.0) / (examined + 1.0)),
        ] {
            pool.columns.column_mut(feature)[candidate] = value;
        }
    }
}

/// Hand-made weights: they order candidates where there is too little traffic to learn from, and choose those that a
/// dataset keeps.
pub const PRIOR_WEIGHTS: [(usize, f32); 11] = [
    (ORGANIC, 2.0),
    (WALK, 2.0),
    (FOLLOWED, 1.0),
    (BRIDGE, 0.2),
    (KINSHIP, 0.05),
    (TAG_POPULARITY, 0.004),
    (POPULARITY, 0.0004),
    (TRAIL_BEHAVIOUR, 0.3),
    (SESSION, 0.05),
    (SEEN, 0.05),
    (PICTURES, 0.01),
];

/// What likeness of texts counts in the prior, both views together.
pub const CONTENT_WEIGHT: f32 = 0.02;

/// Fills the columns that are made of others: the prior, and the places among all candidates.
pub(super) fn summarize(pool: &mut Pool) {
    let count = pool.items.len();
    let sum = |weights: &[(usize, f32)]| {
        let mut sums = [0.0; CANDIDATES];
        for (feature, weight) in weights {
            let column = pool.columns.column(*feature);
            sums[..count].iter_mut().zip(column).for_each(|(sum, value)| *sum += weight * value);
        }
        sums
    };
    let mut prior = sum(&PRIOR_WEIGHTS);
    let content = sum(&[(LEXICAL, 1.0 - pool.dense_weight), (DENSE, pool.dense_weight)]);
    prior.iter_mut().zip(&content).for_each(|(prior, content)| *prior += CONTENT_WEIGHT * content.max(0.0));
    let tags = *pool.columns.column(TAG_POPULARITY);
    for (feature, of) in [(PRIOR_RANK, &prior), (CONTENT_RANK, &content), (TAG_RANK, &tags)] {
        ranks(&of[..count], pool.columns.column_mut(feature));
    }
    *pool.columns.column_mut(CONTENT) = content;
    *pool.columns.column_mut(PRIOR) = prior;
}

/// Where features stand that others are made of, or that channels are told by.
pub const ORGANIC: usize = 0;
pub const WALK: usize = 1;
pub const KINSHIP: usize = 2;
pub const FOLLOWED: usize = 3;
pub const REVERSE: usize = 4;
pub const LEXICAL: usize = 5;
pub const DENSE: usize = 6;
pub const TAGS: usize = 7;
pub const SAME_PROVIDER: usize = 8;
pub const POPULARITY: usize = 9;
pub const RECENT_POPULARITY: usize = 10;
pub const PAGE_POPULARITY: usize = 11;
pub const SESSION: usize = 12;
pub const TRAIL_BEHAVIOUR: usize = 13;
pub const TRAIL_KINSHIP: usize = 14;
pub const TRAIL_CONTENT: usize = 15;
pub const LAST_BEHAVIOUR: usize = 16;
pub const SEEN: usize = 17;
pub const TRAIL_PAGES: usize = 18;
pub const TASTE: usize = 19;
pub const PRIOR: usize = 20;
pub const PRIOR_RANK: usize = 21;
pub const CONTENT_RANK: usize = 22;
pub const TAG_RANK: usize = 23;
pub const TAG_POPULARITY: usize = 24;
pub const PRICE_GAP: usize = 25;
pub const BRIDGE: usize = 26;
pub const NEXT_ORGANIC: usize = 27;
pub const NEXT_FOLLOWED: usize = 28;
pub const VISITS: usize = 29;
pub const EXAMINED: usize = 30;
pub const LIFT: usize = 31;
pub const PICTURES: usize = 32;
pub const CONTENT: usize = 33;

/// ln(1 + place) of each value among all, the largest first, ties in their order.
fn ranks(values: &[f32], into: &mut [f32; CANDIDATES]) {
    let mut order = [0_u64; CANDIDATES];
    let order = &mut order[..values.len()];
    for (candidate, (key, value)) in order.iter_mut().zip(values).enumerate() {
        // a float's bits, turned so that they order as numbers do, the largest first
        let bits = value.to_bits();
        let ordered = if bits >> 31 == 1 { bits } else { !bits & 0x7fff_ffff };
        *key = u64::from(ordered) << 32 | candidate as u64;
    }
    order.sort_unstable();
    for (place, key) in order.iter().enumerate() {
        into[*key as u32 as usize] = LN_1P[place];
    }
}

/// ln(1 + place) for every place.
pub(super) static LN_1P: std::sync::LazyLock<[f32; CANDIDATES + 1]> =
    std::sync::LazyLock::new(|| std::array::from_fn(|place| (place as f32).ln_1p()));

/// ln(1 + count).
fn ln_1p(count: u16) -> f32 {
    LN_1P.get(usize::from(count)).copied().unwrap_or_else(|| f32::from(count).ln_1p())
}
