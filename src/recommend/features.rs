//! How the features of candidates are worked out, for training and for serving alike; what each is stands with its name
//! (`model::Feature`).

use super::channels::sessions::{PREFIX_DECAY, SessionPrefix};
use super::{Pool, Request};
use crate::index::{dot, sparse_dot};
use crate::model::{CANDIDATES, CONTENT_PRIOR_WEIGHT, Feature, Figure, Model, PRIOR_WEIGHTS};

/// What [`recall`] and [`summarize`] fill: enough to choose by the prior which candidates are worth the rest.
pub(super) const RECALLED: [Feature; 21] = [
    Feature::Organic,
    Feature::Walk,
    Feature::Kinship,
    Feature::Followed,
    Feature::Reverse,
    Feature::Lexical,
    Feature::Dense,
    Feature::Tags,
    Feature::SameProvider,
    Feature::Popularity,
    Feature::Session,
    Feature::PrefixBehaviour,
    Feature::TagPopularity,
    Feature::Bridge,
    Feature::Seen,
    Feature::Pictures,
    Feature::Content,
    Feature::Prior,
    Feature::PriorRank,
    Feature::ContentRank,
    Feature::TagRank,
];

/// Fills the columns that the prior is made of. The first `own` candidates are the page's own neighbours.
pub(super) fn recall(model: &Model, request: &Request<'_>, prefix: &SessionPrefix, own: usize, pool: &mut Pool) {
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
        let figures = figures.all();
        let figure = |figure: Figure| figures[figure as usize];
        let tags = page.map_or(0.0, |(_, page)| sparse_dot(&page.tags, &facts.tags));
        let same_provider = page.is_some_and(|(_, page)| page.provider != 0 && page.provider == facts.provider);
        let same_provider = f32::from(u8::from(same_provider));
        for (feature, value) in [
            (Feature::Organic, figure(Figure::Organic)),
            (Feature::Walk, figure(Figure::Walk)),
            (Feature::Kinship, figure(Figure::Kinship)),
            (Feature::Followed, figure(Figure::Followed)),
            (Feature::Reverse, figure(Figure::Reverse)),
            (Feature::Lexical, figure(Figure::Lexical)),
            (Feature::Dense, figure(Figure::Dense)),
            (Feature::Tags, tags),
            (Feature::SameProvider, same_provider),
            (Feature::Popularity, facts.log_views),
            (Feature::Session, prefix.sessions.get(*item)),
            (Feature::PrefixBehaviour, prefix.behaviour.get(*item)),
            (Feature::TagPopularity, (tags + 0.1 * same_provider) * facts.log_views),
            (Feature::Bridge, figure(Figure::Bridge)),
            (Feature::Seen, prefix.seen.get(*item)),
            (Feature::Pictures, page.map_or(0.0, |(page, _)| pictures.cosine(page, row))),
        ] {
            pool.columns.column_mut(feature)[candidate] = value;
        }
    }
}

/// Fills all other columns.
pub(super) fn complete(model: &Model, request: &Request<'_>, prefix: &SessionPrefix, pool: &mut Pool) {
    let (texts, behaviour) = (model.index.vectors(), &model.parts.behaviour);
    let page = request.page.map(|item| &model.facts[item as usize]);
    let before = prefix.items.iter().enumerate().map(|(age, item)| (*item, PREFIX_DECAY.powi(age as i32)));
    let prefix_texts = texts.direction(before.clone());
    let prefix_kinship = behaviour.direction(before);
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
            (Feature::RecentPopularity, facts.log_recent),
            (Feature::PagePopularity, page.map_or(0.0, |page| page.log_views)),
            (Feature::PrefixKinship, dot(prefix_kinship.row(), behaviour.row(row))),
            (Feature::PrefixContent, dot(prefix_texts.row(), texts.row(row))),
            (Feature::LastBehaviour, prefix.last.get(*item)),
            (Feature::PrefixLength, prefix.seen.len() as f32),
            (Feature::LedHere, prefix.led_here.get(*item)),
            (Feature::Again, prefix.again),
            (Feature::Taste, dot(taste.row(), texts.row(row))),
            (Feature::PriceGap, price_gap),
            (Feature::NextOrganic, ln_1p(neighbour.next_organic.into())),
            (Feature::NextFollowed, ln_1p(neighbour.next_followed.into())),
            (Feature::Visits, ln_1p(neighbour.visits)),
            (Feature::Examined, examined),
            (Feature::Lift, (f32::from(neighbour.clicks) + 1.0) / (examined + 1.0)),
        ] {
            pool.columns.column_mut(feature)[candidate] = value;
        }
    }
}

/// Fills the columns that are made of others: the prior, and the ranks among all candidates.
pub(super) fn summarize(pool: &mut Pool) {
    let count = pool.items.len();
    let sum = |weights: &[(Feature, f32)]| {
        let mut sums = [0.0; CANDIDATES];
        for (feature, weight) in weights {
            let column = pool.columns.column(*feature);
            sums[..count].iter_mut().zip(column).for_each(|(sum, value)| *sum += weight * value);
        }
        sums
    };
    let mut prior = sum(&PRIOR_WEIGHTS);
    let content = sum(&[(Feature::Lexical, 1.0 - pool.dense_weight), (Feature::Dense, pool.dense_weight)]);
    prior.iter_mut().zip(&content).for_each(|(prior, content)| *prior += CONTENT_PRIOR_WEIGHT * content.max(0.0));
    let tags = *pool.columns.column(Feature::TagPopularity);
    for (feature, of) in [(Feature::PriorRank, &prior), (Feature::ContentRank, &content), (Feature::TagRank, &tags)] {
        ranks(&of[..count], pool.columns.column_mut(feature));
    }
    *pool.columns.column_mut(Feature::Content) = content;
    *pool.columns.column_mut(Feature::Prior) = prior;
}

/// ln(1 + rank) of each value among all, the largest first, ties in their order.
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
    for (rank, key) in order.iter().enumerate() {
        into[*key as u32 as usize] = LN_1P[rank];
    }
}

/// ln(1 + rank) for every rank.
pub(super) static LN_1P: std::sync::LazyLock<[f32; CANDIDATES + 1]> =
    std::sync::LazyLock::new(|| std::array::from_fn(|rank| (rank as f32).ln_1p()));

/// ln(1 + count).
fn ln_1p(count: u16) -> f32 {
    LN_1P.get(usize::from(count)).copied().unwrap_or_else(|| f32::from(count).ln_1p())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Neighbour;
    use crate::model::fixtures::small;

    fn pool(items: &[u32]) -> Pool {
        let neighbours = items.iter().map(|item| Neighbour { item: *item, ..Neighbour::default() }).collect();
        Pool { items: items.to_vec(), neighbours, ..Pool::default() }
    }

    #[test]
    fn what_is_kept_by_the_prior_is_what_was_filled_before() {
        let model = small();
        let request = Request { page: Some(0), ..Request::default() };
        let mut prefix = SessionPrefix::default();
        prefix.follow(&model, &request, |_| true);
        let mut pool = pool(&[1, 2, 3]);
        Feature::ALL.into_iter().for_each(|feature| *pool.columns.column_mut(feature) = [f32::NAN; CANDIDATES]);
        recall(&model, &request, &prefix, 0, &mut pool);
        summarize(&mut pool);
        for feature in Feature::ALL {
            let is_filled = pool.columns.column(feature)[..3].iter().all(|value| !value.is_nan());
            assert_eq!(is_filled, RECALLED.contains(&feature), "{}", feature.name());
        }
        complete(&model, &request, &prefix, &mut pool);
        Feature::ALL.into_iter().for_each(|feature| assert!(!pool.columns.column(feature)[0].is_nan()));
    }

    #[test]
    fn figures_of_the_page_are_worked_out_for_what_others_proposed() {
        let model = small();
        let request = Request { page: Some(0), ..Request::default() };
        let mut prefix = SessionPrefix::default();
        prefix.follow(&model, &request, |_| true);
        let mut pool = pool(&[1, 4]);
        recall(&model, &request, &prefix, 0, &mut pool);
        summarize(&mut pool);
        let of = |feature: Feature| &pool.columns.column(feature)[..2];
        assert!((of(Feature::Dense)[0] - 0.8).abs() < 0.01 && of(Feature::Dense)[1].abs() < 0.01);
        assert!((of(Feature::Kinship)[1] - 1.0).abs() < 0.01);
        // a quarter of the dense view, since both have no words in common that were kept
        assert!((of(Feature::Content)[0] - 0.25 * of(Feature::Dense)[0]).abs() < 1e-6);
        assert_eq!(of(Feature::ContentRank), [0.0, 1.0_f32.ln_1p()]);
    }

    #[test]
    fn the_prior_is_the_weighted_sum() {
        let mut pool = pool(&[1, 2]);
        pool.columns.column_mut(Feature::Organic)[..2].copy_from_slice(&[0.5, 0.0]);
        pool.columns.column_mut(Feature::Seen)[..2].copy_from_slice(&[0.0, 1.0]);
        pool.columns.column_mut(Feature::Lexical)[..2].copy_from_slice(&[-1.0, 1.0]);
        summarize(&mut pool);
        let prior = &pool.columns.column(Feature::Prior)[..2];
        // likeness below zero takes nothing away
        assert_eq!(prior, [1.0, 0.05 + 0.02]);
        assert_eq!(pool.columns.column(Feature::PriorRank)[..2], [0.0, 1.0_f32.ln_1p()]);
    }

    #[test]
    fn ranks_are_of_the_largest_first_and_ties_keep_their_order() {
        let mut ranked = [0.0; CANDIDATES];
        ranks(&[-1.0, 2.0, 0.0, 2.0, -0.5], &mut ranked);
        let ranks = ranked[..5].iter().map(|rank| rank.exp_m1().round() as u32);
        assert_eq!(ranks.collect::<Vec<_>>(), [4, 0, 2, 1, 3]);
    }
}
