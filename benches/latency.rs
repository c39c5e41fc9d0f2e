//! One list of `/recommend/detail` computed without a cache, by stage: candidates with their features, the ranker, and
//! what comes after it.
//!
//! Of the version that MODELS_DIR names, or of the fixtures' where it names none. Requests differ each time: every
//! listed dataset in turn, with three pages before it.

use std::cell::Cell;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use divan::{Bencher, black_box};
use nearset::model::{self, Model};
use nearset::recommend::channels::AS_LEARNED;
use nearset::recommend::{self, Effort, Policy, Pool, Request};

static MODEL: LazyLock<Model> = LazyLock::new(|| {
    let dir = std::env::var_os("MODELS_DIR").map_or_else(train_fixtures, PathBuf::from);
    model::load_current(&dir).expect("a model")
});

fn train_fixtures() -> PathBuf {
    let dir = std::env::temp_dir().join("nearset-bench-latency");
    let done = Command::new(env!("CARGO_BIN_EXE_nearset"))
        .args(["demo", "--no-serve"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("DATA_DIR", dir.join("data"))
        .env("MODELS_DIR", dir.join("models"))
        .stdout(Stdio::null())
        .status()
        .expect("nearset runs");
    assert!(done.success());
    dir.join("models")
}

fn main() {
    LazyLock::force(&MODEL);
    divan::main();
}

/// Another request each time.
struct Visitors {
    listed: Vec<u32>,
    next: Cell<usize>,
}

impl Visitors {
    fn new() -> Self {
        let listed = (0..MODEL.parts.items.len() as u32).filter(|item| MODEL.item(*item).is_listed).collect();
        Self { listed, next: Cell::new(0) }
    }

    fn next(&self) -> (u32, [u32; 3]) {
        let n = self.next.replace(self.next.get() + 1);
        let at = |step: usize| self.listed[(n * 7 + step * 13) % self.listed.len()];
        (at(0), [at(1), at(2), at(3)])
    }
}

fn policy() -> Policy {
    Policy { diversity: 0.1, ..Policy::default() }
}

#[divan::bench]
fn candidates_and_features(bencher: Bencher) {
    let (visitors, mut pool) = (Visitors::new(), Pool::default());
    bencher.bench_local(|| {
        let (page, recent) = visitors.next();
        let request = Request { page: Some(page), recent: &recent, top_n: 10, ..Request::default() };
        recommend::gather(&MODEL, &request, &AS_LEARNED, request.ranked(), &mut pool);
        black_box(pool.items.len())
    });
}

#[divan::bench]
fn ranker(bencher: Bencher) {
    let pools = pools();
    let next = Cell::new(0);
    bencher.bench_local(|| {
        let n = next.replace(next.get() + 1);
        recommend::score(MODEL.parts.ranker.as_ref(), black_box(&pools[n % pools.len()]))
    });
}

#[divan::bench]
fn diversity_rules_and_reasons(bencher: Bencher) {
    let (pools, policy) = (pools(), policy());
    let scores: Vec<_> = pools.iter().map(|pool| recommend::score(MODEL.parts.ranker.as_ref(), pool)).collect();
    let next = Cell::new(0);
    bencher.bench_local(|| {
        let n = next.replace(next.get() + 1) % pools.len();
        let request = Request { top_n: 10, runners_up: 20, ..Request::default() };
        recommend::arrange(&MODEL, &request, &policy, &pools[n], &mut scores[n].clone())
    });
}

#[divan::bench]
fn whole_list(bencher: Bencher) {
    let (visitors, policy) = (Visitors::new(), policy());
    bencher.bench_local(|| {
        let (page, recent) = visitors.next();
        recommend::recommend(
            &MODEL,
            &Request { page: Some(page), recent: &recent, top_n: 10, runners_up: 20, ..Request::default() },
            &policy,
            Effort::Full,
        )
    });
}

fn pools() -> Vec<Pool> {
    let visitors = Visitors::new();
    (0..200)
        .map(|_| {
            let (page, recent) = visitors.next();
            let mut pool = Pool::default();
            let request = Request { page: Some(page), recent: &recent, top_n: 10, ..Request::default() };
            recommend::gather(&MODEL, &request, &AS_LEARNED, request.ranked(), &mut pool);
            pool
        })
        .collect()
}
