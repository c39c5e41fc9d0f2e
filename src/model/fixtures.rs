//! A small version for tests, made by hand: seven datasets, of which the last may not be listed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::DateTime;

use super::{
    FORMAT, Figure, Figures, History, Item, Manifest, Model, Neighbour, Newcomer, Parts, Ranked, RankerChoice,
    RankerTrial, Sessions,
};
use crate::index::{Index, Vectors};

/// The user that is known.
pub(crate) const USER: i64 = 7;

/// The version.
pub(crate) fn small() -> Model {
    let items: Vec<Item> = (0..7).map(item).collect();
    let texts = Vectors::new(2, [1.0, 0.0, 0.8, 0.6, 1.0, 0.0, 0.6, 0.8, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
    let behaviour = Vectors::new(2, [1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.6, 0.8, 0.0, 0.0]);
    let neighbours = vec![
        vec![
            Neighbour { next_organic: 3, visits: 12, clicks: 2, ..neighbour(1, &[(Figure::Organic, 0.5)]) },
            neighbour(2, &[(Figure::Walk, 0.25), (Figure::Lexical, 0.5)]),
        ],
        vec![Neighbour { visits: 1, ..neighbour(3, &[(Figure::Organic, 0.125)]) }, neighbour(0, &[])],
    ];
    let history = History { bought: vec![1], viewed: vec![4], taste: vec![5] };
    let ranked = |item, score, views| Ranked { item, score, views };
    let parts = Parts {
        items,
        neighbours: neighbours.into(),
        newcomers: HashMap::from([(0, vec![Newcomer { item: 2, share: 0.5 }])]),
        popular: vec![ranked(5, 9.0, 90), ranked(1, 3.0, 30), ranked(0, 1.0, 10)],
        trending: BTreeMap::from([("24h".to_owned(), vec![ranked(4, 2.0, 2)])]),
        users: HashMap::from([(USER, history)]),
        sessions: Sessions::new(7, &[vec![0, 1], vec![2, 0, 3], vec![4, 5]]),
        behaviour,
        ..Parts::default()
    };
    Model::new(manifest(), parts, Arc::new(Index::Exact(texts)))
}

fn item(number: i64) -> Item {
    Item {
        dataset_id: 100 + number,
        title: format!("Dataset {number}"),
        price: (number != 3).then_some(number as f64),
        cover_image: (number == 0).then(|| "covers/0.png".to_owned()),
        is_listed: number != 6,
        provider: ["A", "A", "A", "B", "B"].get(number as usize).map(|name| (*name).to_owned()),
        tags: if number < 3 { "soil;water" } else { "roads" }.into(),
        views: 10 * number as u32,
        recent_views: number as f32,
    }
}

fn neighbour(item: u32, known: &[(Figure, f32)]) -> Neighbour {
    let mut figures = Figures::default();
    known.iter().for_each(|(figure, value)| figures.set(*figure, *value));
    Neighbour { item, figures, ..Neighbour::default() }
}

/// What the version says of itself.
pub(crate) fn manifest() -> Manifest {
    let trial = |ranker: &str, ndcg| RankerTrial { ranker: ranker.to_owned(), hit_rate: 0.5, mrr: 0.25, ndcg };
    Manifest {
        format: FORMAT,
        version: "made-by-hand".to_owned(),
        trained_at: DateTime::UNIX_EPOCH,
        nearset_version: "0.1.0".to_owned(),
        items: 7,
        listed_items: 6,
        dense_weight: 0.25,
        text_model: None,
        picture_model: None,
        ranker: Some(RankerChoice {
            kept: "prior".to_owned(),
            steps: 400,
            measured_steps: 75,
            trials: vec![trial("prior", 0.3), trial("boosted 120x16", 0.25)],
        }),
        dimensions: 2,
        behaviour_dimensions: 2,
        metrics: None,
        files: BTreeMap::new(),
    }
}
