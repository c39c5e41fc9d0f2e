//! A simulated month in which new datasets arrive each day: how soon the good ones have clicks of their own, and what that
//! costs, without exploration, with runners-up tried (`EXPLORATION`) and with new datasets tried (`NEW_EXPLORATION`).
//!
//! Lists, what is believed of new datasets, their shares and the draws are the program's own; the marketplace is made up: a
//! dataset has a topic, a text that tells it roughly, and an appeal that nobody sees. A visitor looks at the places of a list
//! the less the lower they are, and clicks what is appealing and near, as chance has it. A night's run counts what was clicked
//! and gone on to; lists have the hand-made order, without a ranker. `SEEDS=5 cargo bench --bench exploration` is quicker.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::DateTime;
use duckdb::{Connection, params};
use nearset::index::{Index, Vectors};
use nearset::model::{FORMAT, Figure, Figures, Item, Manifest, Model, Neighbour, Parts, Ranked, Sessions};
use nearset::recommend::exploration::{Chances, RUNNERS_UP, Rates, without_new};
use nearset::recommend::{Effort, Policy, Recommended, Request, recommend};
use nearset::train;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// Datasets that are there from the beginning, and how many arrive each day.
const OLD: usize = 200;
const ARRIVING: usize = 2;
/// Days before the first arrives, in which lists learn the old ones; then the month.
const SETTLING: usize = 14;
const DAYS: usize = SETTLING + 30;
const VIEWS_A_DAY: usize = 3000;
const TOPICS: usize = 8;
const TOP_N: usize = 10;
/// A new dataset is found once lists brought it so many clicks: what other channels begin with.
const FOUND: u32 = 5;
/// As many as a dataset keeps in training.
const KEPT: usize = 100;

const POLICIES: [(&str, Rates); 4] = [
    ("none", Rates { runner_up: 0.0, new: 0.0 }),
    ("EXPLORATION=0.05", Rates { runner_up: 0.05, new: 0.0 }),
    ("NEW_EXPLORATION=0.05", Rates { runner_up: 0.0, new: 0.05 }),
    ("0.02 and 0.05", Rates { runner_up: 0.02, new: 0.05 }),
];

/// What is true, and nobody knows.
struct World {
    /// The day each arrives; those of the beginning on day 0.
    arrives: Vec<usize>,
    appeal: Vec<f64>,
    /// How often each is looked at without a list.
    pull: Vec<f64>,
    texts: Vec<Vec<f32>>,
    /// How near two are: by their topics, 0 to 1.
    near: Vec<Vec<f64>>,
    /// The cosine of their texts.
    alike: Vec<Vec<f32>>,
}

/// The policy's figures over a month.
#[derive(Default)]
struct Month {
    /// Clicks to be expected of the lists that were shown.
    clicks: f64,
    /// The same of the last day's lists without anything tried, a day.
    at_the_end: f64,
    /// The share of those that good new datasets get.
    share: f64,
    /// How often new datasets were tried, and good ones among them.
    tried: (u32, u32),
    /// For each good new dataset, the age at which it was found, and the age it reached.
    found: Vec<(Option<usize>, usize)>,
}

fn main() {
    let seeds: u64 = std::env::var("SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let months: Vec<Vec<Month>> = (0..seeds)
        .into_par_iter()
        .map(|seed| {
            let world = World::new(seed);
            POLICIES.iter().map(|(_, rates)| world.month(*rates, seed)).collect()
        })
        .collect();
    println!(
        "{seeds} months of {VIEWS_A_DAY} lists a day, {OLD} datasets and {ARRIVING} new ones a day, a quarter of them good; 95 % intervals\n"
    );
    println!(
        "| | found by age 7 | by age 14 | by the end | days until found, of 14 | new ones tried | good ones of them | clicks | lists of the last day | their share for good new ones |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for (at, (name, _)) in POLICIES.iter().enumerate() {
        let each = |figure: &dyn Fn(&Month) -> f64| said(months.iter().map(|m| figure(&m[at])).collect(), 1.0, "");
        let share = |age: usize| said(months.iter().map(|m| m[at].found_by(age)).collect(), 100.0, " %");
        let gain = |figure: fn(&Month) -> f64| {
            said(months.iter().map(|m| figure(&m[at]) / figure(&m[0]) - 1.0).collect(), 100.0, " %")
        };
        println!(
            "| {name} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            share(7),
            share(14),
            share(usize::MAX),
            each(&Month::days),
            each(&|month| month.tried.0.into()),
            each(&|month| month.tried.1.into()),
            gain(|month| month.clicks),
            gain(|month| month.at_the_end),
            said(months.iter().map(|m| m[at].share).collect(), 100.0, " %"),
        );
    }
}

/// A mean over months and half the width of its interval.
fn said(values: Vec<f64>, unit: f64, name: &str) -> String {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    format!("{:.2} ± {:.2}{name}", unit * mean, unit * 1.96 * (variance / count).sqrt())
}

impl Month {
    /// The share of those that grew so old that was found by then; of all, whatever their age, for the greatest age.
    fn found_by(&self, age: usize) -> f64 {
        let grown = self.found.iter().filter(|(_, reached)| age == usize::MAX || *reached >= age);
        let found = grown.clone().filter(|(found, _)| found.is_some_and(|found| found <= age));
        found.count() as f64 / grown.count().max(1) as f64
    }

    /// Days until one is found, of the first 14, over those that grew so old.
    fn days(&self) -> f64 {
        let days: Vec<usize> = self
            .found
            .iter()
            .filter(|(_, reached)| *reached >= 14)
            .map(|(found, _)| found.unwrap_or(14).min(14))
            .collect();
        days.iter().sum::<usize>() as f64 / days.len().max(1) as f64
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let count = OLD + ARRIVING * (DAYS - SETTLING);
        let arrives = (0..count).map(|n| if n < OLD { 0 } else { SETTLING + (n - OLD) / ARRIVING }).collect();
        let topics: Vec<Vec<f32>> =
            (0..count).map(|_| unit((0..TOPICS).map(|_| normal(&mut random)).collect())).collect();
        let blurred = |topic: &Vec<f32>, random: &mut ChaCha8Rng| {
            unit(topic.iter().map(|value| value + 0.2 * normal(random)).collect())
        };
        let texts: Vec<Vec<f32>> = topics.iter().map(|topic| blurred(topic, &mut random)).collect();
        let cosines = |rows: &[Vec<f32>]| -> Vec<Vec<f32>> {
            rows.iter().map(|a| rows.iter().map(|b| a.iter().zip(b).map(|(a, b)| a * b).sum()).collect()).collect()
        };
        // the mean of two exponentials: some ten times as good as others
        let appeal =
            (0..count).map(|_| -0.5 * (random.random::<f64>() * random.random::<f64>()).ln()).collect::<Vec<_>>();
        let pull = appeal.iter().enumerate().map(|(n, a)| if n < OLD { a + 0.2 } else { 0.3 * (a + 0.2) }).collect();
        let near =
            cosines(&topics).into_iter().map(|row| row.into_iter().map(|c| (4.0 * f64::from(c - 1.0)).exp()).collect());
        Self { arrives, appeal, pull, near: near.collect(), alike: cosines(&texts), texts }
    }

    /// How likely a visitor of a page clicks a dataset that stands at a place.
    fn click(&self, page: usize, item: usize, place: usize) -> f64 {
        looked_at(place) * (0.25 * self.appeal[item] * self.near[page][item]).min(0.9)
    }

    fn month(&self, rates: Rates, seed: u64) -> Month {
        let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0xe0);
        let mut known = Known::new(self.appeal.len());
        let db = Connection::open_in_memory().expect("a database");
        let mut month = Month::default();
        let count = self.arrives.iter().filter(|day| **day < DAYS).count();
        let mut good: Vec<usize> = (OLD..count).collect();
        good.sort_by(|a, b| self.appeal[*b].total_cmp(&self.appeal[*a]));
        good.truncate((count - OLD) / 4);
        let mut found: HashMap<usize, usize> = HashMap::new();
        let is_good: Vec<bool> = (0..count).map(|item| good.contains(&item)).collect();
        for day in 0..DAYS {
            let there = self.arrives.iter().filter(|arrives| **arrives <= day).count();
            let model = self.trained(&known, &db, day, there);
            let lists: Vec<Vec<Recommended>> = (0..there).map(|page| listed(&model, page as u32, rates)).collect();
            let total: f64 = self.pull[..there].iter().sum();
            if day + 1 == DAYS {
                let sum = |of: &dyn Fn(usize) -> bool| -> f64 {
                    let worth = |page: usize| self.worth(page, &lists[page][..TOP_N], of) * self.pull[page] / total;
                    (0..there).map(worth).sum()
                };
                month.at_the_end = sum(&|_| true);
                month.share = sum(&|item| is_good[item]) / month.at_the_end;
            }
            for _ in 0..VIEWS_A_DAY {
                let page = drawn(&self.pull[..there], total, &mut random);
                known.views[page] += 1;
                let request = asked(page as u32);
                let chances = Chances::of(rates, &model, &request, &Policy::default(), &lists[page]);
                let tried = chances.draw(random.random());
                let placed =
                    tried.and_then(|tried| chances.place(tried, random.random(), &model, &request, &lists[page]));
                if let Some((shown, place)) = &placed {
                    let item = shown[*place].item as usize;
                    month.tried.0 += u32::from(item >= OLD);
                    month.tried.1 += u32::from(is_good[item]);
                }
                let shown = placed.map_or_else(|| lists[page][..TOP_N].to_vec(), |(shown, _)| shown);
                if day >= SETTLING {
                    month.clicks += self.worth(page, &shown, &|_| true);
                }
                self.look(page, &shown, &mut known, &mut random);
                if random.random::<f64>() < 0.3 {
                    let weights: Vec<f64> = (0..there).map(|item| self.pull[item] * self.near[page][item]).collect();
                    let next = drawn(&weights, weights.iter().sum(), &mut random);
                    known.organic.entry((page, next)).and_modify(|steps| *steps += 1.0).or_insert(1.0);
                    known.views[next] += 1;
                }
            }
            for item in (OLD..there).filter(|item| known.clicked[*item] >= FOUND) {
                found.entry(item).or_insert(day - self.arrives[item]);
            }
        }
        month.found = good.into_iter().map(|item| (found.get(&item).copied(), DAYS - 1 - self.arrives[item])).collect();
        month
    }

    /// The clicks to be expected of a list, of some of its datasets.
    fn worth(&self, page: usize, shown: &[Recommended], of: &dyn Fn(usize) -> bool) -> f64 {
        let entries = shown.iter().map(|entry| entry.item as usize).enumerate();
        entries.filter(|(_, item)| of(*item)).map(|(place, item)| self.click(page, item, place)).sum()
    }

    fn look(&self, page: usize, shown: &[Recommended], known: &mut Known, random: &mut ChaCha8Rng) {
        for (place, entry) in shown.iter().enumerate() {
            let item = entry.item as usize;
            let clicked = random.random::<f64>() < self.click(page, item, place);
            let told = known.told.entry((page, item)).or_default();
            told.shown[place] += 1;
            told.clicks += u32::from(clicked);
            known.places[place].0 += 1;
            known.places[place].1 += u32::from(clicked);
            known.views[item] += u32::from(clicked);
            known.clicked[item] += u32::from(clicked);
        }
    }

    /// What a night's run makes of what is known.
    fn trained(&self, known: &Known, db: &Connection, day: usize, there: usize) -> Model {
        let rates: Vec<f64> =
            known.places.iter().map(|(shown, clicks)| f64::from(*clicks) / f64::from(*shown).max(1.0)).collect();
        let mut organic = vec![0.0; there];
        let mut followed = vec![0.0; there];
        known.organic.iter().for_each(|((page, _), steps)| organic[*page] += steps);
        known.told.iter().for_each(|((page, _), told)| followed[*page] += f64::from(told.clicks));
        let neighbour = |page: usize, item: usize| {
            let told = known.told.get(&(page, item)).copied().unwrap_or_default();
            let steps = known.organic.get(&(page, item)).copied().unwrap_or_default();
            let mut figures = Figures::default();
            for (figure, value) in [
                (Figure::Organic, steps / (4.0 + organic[page])),
                (Figure::Followed, f64::from(told.clicks) / (4.0 + followed[page])),
                (Figure::Examined, told.examined(&rates)),
                (Figure::Lexical, f64::from(self.alike[page][item].max(0.0))),
            ] {
                figures.set(figure, value as f32);
            }
            let clicks = told.clicks.min(u16::MAX.into()) as u16;
            Neighbour { item: item as u32, figures, clicks, ..Neighbour::default() }
        };
        let candidates = |page: usize| {
            let mut items: Vec<usize> = (0..there).filter(|item| *item != page).collect();
            items.sort_by(|a, b| self.alike[page][*b].total_cmp(&self.alike[page][*a]));
            items.truncate(KEPT);
            items.into_iter().map(|item| neighbour(page, item)).collect::<Vec<_>>()
        };
        let item = |item: usize| Item {
            dataset_id: item as i64 + 1,
            is_listed: true,
            views: known.views[item],
            recent_views: known.views[item] as f32,
            ..Item::default()
        };
        let mut popular: Vec<Ranked> = (0..there)
            .map(|item| Ranked { item: item as u32, score: known.views[item] as f32, views: known.views[item] })
            .collect();
        popular.sort_by(|a, b| b.score.total_cmp(&a.score));
        let parts = Parts {
            items: (0..there).map(item).collect(),
            neighbours: (0..there).map(candidates).collect::<Vec<_>>().into(),
            popular,
            sessions: Sessions::new(there, &[]),
            behaviour: Vectors::new(1, vec![0.0; there]),
            ..Parts::default()
        };
        let texts = Vectors::new(TOPICS, self.texts[..there].iter().flatten().copied());
        let mut model = Model::new(manifest(there), parts, Arc::new(Index::build(texts).expect("an index")));
        self.tell(known, &rates, db, day, there);
        let beliefs = train::beliefs(db, &model.by_id).expect("beliefs");
        model.parts.newcomers = train::newcomers(&model, &beliefs);
        model
    }

    /// What `sql/training/new_datasets.sql` makes of what lists told.
    fn tell(&self, known: &Known, rates: &[f64], db: &Connection, day: usize, there: usize) {
        db.execute_batch(&format!(
            "set variable as_of = timestamp '2026-10-01' + interval {day} day;
             create or replace table arrivals (dataset_id bigint, day integer);
             create or replace table list_evidence (page_dataset_id bigint, dataset_id bigint, examined double, clicks bigint);"
        ))
        .expect("tables");
        let mut arrivals = db.appender("arrivals").expect("an appender");
        for (item, arrives) in self.arrives[..there].iter().enumerate() {
            let day = if item < OLD { -365 } else { *arrives as i32 };
            arrivals.append_row(params![item as i64 + 1, day]).expect("a row");
        }
        arrivals.flush().expect("rows");
        let mut evidence = db.appender("list_evidence").expect("an appender");
        for ((page, item), told) in &known.told {
            let (page, item) = (*page as i64 + 1, *item as i64 + 1);
            evidence.append_row(params![page, item, told.examined(rates), told.clicks]).expect("a row");
        }
        evidence.flush().expect("rows");
        let sql = include_str!("../sql/training/new_datasets.sql");
        db.execute_batch(&format!(
            "create or replace table datasets as
                 select dataset_id, true as is_listed, timestamp '2026-10-01' + to_days(day) as created_at from arrivals;
             create or replace table new_datasets as\n{sql}"
        ))
        .expect("new_datasets");
    }
}

/// What lists told of a dataset on a page.
#[derive(Clone, Copy, Default)]
struct Told {
    shown: [u32; TOP_N],
    clicks: u32,
}

impl Told {
    fn examined(&self, rates: &[f64]) -> f64 {
        self.shown.iter().zip(rates).map(|(shown, rate)| f64::from(*shown) * rate).sum()
    }
}

/// What a marketplace knows of its visitors.
struct Known {
    told: BTreeMap<(usize, usize), Told>,
    organic: BTreeMap<(usize, usize), f64>,
    views: Vec<u32>,
    /// Clicks that lists brought.
    clicked: Vec<u32>,
    /// How often each place was shown, and clicked.
    places: [(u32, u32); TOP_N],
}

impl Known {
    fn new(count: usize) -> Self {
        let (views, clicked) = (vec![0; count], vec![0; count]);
        Self { told: BTreeMap::new(), organic: BTreeMap::new(), views, clicked, places: [(0, 0); TOP_N] }
    }
}

fn asked(page: u32) -> Request<'static> {
    Request { page: Some(page), top_n: TOP_N, ..Request::default() }
}

/// The list of a page and its runners-up, as a server makes them.
fn listed(model: &Model, page: u32, rates: Rates) -> Vec<Recommended> {
    let runners_up = if rates.runner_up > 0.0 { RUNNERS_UP } else { 0 };
    let request = Request { runners_up, ..asked(page) };
    let mut list = recommend(model, &request, &Policy::default(), Effort::Full).0;
    if rates.new > 0.0 {
        without_new(model, Some(page), TOP_N, &mut list);
    }
    list
}

fn looked_at(place: usize) -> f64 {
    (1.0 + place as f64).powf(-0.7)
}

fn drawn(weights: &[f64], total: f64, random: &mut impl Rng) -> usize {
    let mut left = random.random::<f64>() * total;
    let at = weights.iter().position(|weight| {
        left -= weight;
        left < 0.0
    });
    at.unwrap_or(weights.len() - 1)
}

fn normal(random: &mut impl Rng) -> f32 {
    (0..12).map(|_| random.random::<f32>()).sum::<f32>() - 6.0
}

fn unit(mut row: Vec<f32>) -> Vec<f32> {
    let length = row.iter().map(|value| value * value).sum::<f32>().sqrt();
    row.iter_mut().for_each(|value| *value /= length);
    row
}

fn manifest(items: usize) -> Manifest {
    Manifest {
        format: FORMAT,
        version: String::new(),
        trained_at: DateTime::UNIX_EPOCH,
        nearset_version: String::new(),
        items,
        listed_items: items,
        dense_weight: 0.0,
        text_model: None,
        picture_model: None,
        ranker: None,
        dimensions: TOPICS,
        behaviour_dimensions: 1,
        metrics: None,
        files: BTreeMap::new(),
    }
}
