//! The memory of a server with a large catalogue: 100,000 datasets with vectors of 384 dimensions, a hundred candidates
//! each, and a million visits.
//!
//! The version is made here, not learned: groups of alike datasets, since vectors without any order would be no catalogue.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use chrono::{TimeZone, Utc};
use nearset::index::{Index, Vectors};
use nearset::model::{self, FORMAT, Figure, Figures, Item, Manifest, Model, Neighbour, Parts, Ranked, Sessions};
use nearset::recommend;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const DATASETS: usize = 100_000;
const GROUPS: usize = 2_000;
const DIMENSIONS: usize = 384;
const CANDIDATES: usize = 100;
const VISITS: usize = 1_000_000;
const REQUESTS: usize = 20_000;

fn main() {
    let datasets = std::env::var("BENCH_DATASETS").ok().and_then(|text| text.parse().ok()).unwrap_or(DATASETS);
    let dir = tempfile::tempdir().expect("a temporary folder");
    // making the version takes minutes: BENCH_MODELS keeps it for the next time
    let kept = std::env::var_os("BENCH_MODELS").map(PathBuf::from);
    let models = kept.unwrap_or_else(|| dir.path().join("models"));
    let started = Instant::now();
    if !models.join("current").exists() {
        let version = model::save(&models, &mut made(datasets)).expect("saved").keep();
        model::promote(&models, &version, recommend::smoke).expect("current");
    }
    println!("memory: {datasets} datasets x {DIMENSIONS} dimensions, {CANDIDATES} candidates each, {VISITS} visits");
    println!("  made and indexed in        {:>7.1} s", started.elapsed().as_secs_f64());

    let started = Instant::now();
    let mut server = Command::new(env!("CARGO_BIN_EXE_nearset"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .current_dir(dir.path())
        .env("PROJECT_DIR", env!("CARGO_MANIFEST_DIR"))
        .env("MODELS_DIR", &models)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let mut said = BufReader::new(server.stderr.take().expect("standard error"));
    let address: SocketAddr = loop {
        let mut line = String::new();
        assert!(said.read_line(&mut line).expect("a line") > 0, "the server stopped");
        if let Some(address) = line.split("http://").nth(1) {
            break address.split_whitespace().next().and_then(|a| a.parse().ok()).expect("an address");
        }
    };
    println!("  loaded in                  {:>7.1} s", started.elapsed().as_secs_f64());
    let memory = |what: &str| {
        let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap_or("? kB");
        line.trim().trim_end_matches(" kB").parse().unwrap_or(0.0) / 1e3 * 1.024
    };
    println!(
        "  resident once loaded       {:>7.0} MB (peak while loading {:.0} MB)",
        memory("VmRSS:"),
        memory("VmHWM:")
    );
    let started = Instant::now();
    let mut connection = TcpStream::connect(address).expect("connected");
    for number in 0..REQUESTS {
        let page = |step: usize| (number * 7919 + step * 104_729) % datasets + 1;
        let path = match number % 2 {
            0 => format!("/similar/{}", page(0)),
            _ => format!("/recommend/detail/{}?recent={},{}", page(0), page(1), page(2)),
        };
        ask(&mut connection, &path);
    }
    println!(
        "  resident after {REQUESTS} lists {:>7.0} MB ({:.0} µs a list over one connection)",
        memory("VmRSS:"),
        started.elapsed().as_secs_f64() * 1e6 / REQUESTS as f64
    );
    server.kill().ok();
    server.wait().ok();
}

fn ask(connection: &mut TcpStream, path: &str) {
    connection.write_all(format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n").as_bytes()).expect("sent");
    let mut reader = BufReader::new(connection);
    let mut length = 0;
    let mut status = String::new();
    reader.read_line(&mut status).expect("a status");
    assert!(status.contains(" 200 "), "{path}: {status}");
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a header");
        if line.trim().is_empty() {
            break;
        }
        if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = text.trim().parse().expect("a length");
        }
    }
    reader.read_exact(&mut vec![0; length]).expect("a body");
}

fn made(datasets: usize) -> Model {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let texts = vectors(&mut random, datasets, DIMENSIONS);
    let behaviour = vectors(&mut random, datasets, 128);
    let items: Vec<Item> = (0..datasets)
        .map(|n| Item {
            dataset_id: n as i64 + 1,
            title: format!("第 {n} 号数据集 Dataset number {n} of group {}", n % GROUPS),
            price: Some(n as f64),
            cover_image: Some(format!("covers/{n}.png")),
            is_listed: true,
            provider: Some(format!("Provider {}", n % 5_000)),
            tags: (0..4).map(|t| format!("tag {}", (n * 31 + t * 17) % 3_000)).collect::<Vec<_>>().join(";").into(),
            views: 1 + (n % 1_000) as u32,
            recent_views: 1.0,
        })
        .collect();
    let neighbours = (0..datasets)
        .map(|n| {
            let mut list: Vec<Neighbour> = (1..=CANDIDATES)
                .map(|k| {
                    let mut figures = Figures::default();
                    figures.set(Figure::Organic, 1.0 / k as f32);
                    figures.set(Figure::Lexical, random.random());
                    let item = ((n + k * GROUPS) % datasets) as u32;
                    Neighbour { item, figures, visits: 3, ..Neighbour::default() }
                })
                .collect();
            list.dedup_by_key(|neighbour| neighbour.item);
            list.retain(|neighbour| neighbour.item as usize != n);
            list
        })
        .collect::<Vec<Vec<Neighbour>>>()
        .into();
    let visits: Vec<Vec<u32>> =
        (0..VISITS).map(|_| (0..5).map(|_| random.random_range(0..datasets as u32)).collect()).collect();
    let popular = (0..200).map(|item| Ranked { item, score: 1.0, views: 100 }).collect();
    let parts =
        Parts { items, neighbours, popular, sessions: Sessions::new(datasets, &visits), behaviour, ..Parts::default() };
    let manifest = Manifest {
        format: FORMAT,
        version: String::new(),
        trained_at: Utc.timestamp_opt(0, 0).single().expect("a time"),
        nearset_version: env!("CARGO_PKG_VERSION").to_owned(),
        items: datasets,
        listed_items: datasets,
        dense_weight: 0.3,
        text_model: None,
        picture_model: None,
        ranker: None,
        dimensions: DIMENSIONS,
        behaviour_dimensions: 128,
        metrics: None,
        files: BTreeMap::new(),
    };
    Model::new(manifest, parts, Arc::new(Index::build(texts).expect("indexed")))
}

/// Rows about the centres of their groups.
fn vectors(random: &mut impl Rng, rows: usize, dimensions: usize) -> Vectors {
    let centres: Vec<f32> = (0..GROUPS * dimensions).map(|_| random.random::<f32>() - 0.5).collect();
    let mut data = Vec::with_capacity(rows * dimensions);
    for row in 0..rows {
        let centre = &centres[row % GROUPS * dimensions..][..dimensions];
        let own: Vec<f32> = centre.iter().map(|c| c + 0.6 * (random.random::<f32>() - 0.5)).collect();
        let length = own.iter().map(|v| v * v).sum::<f32>().sqrt();
        data.extend(own.iter().map(|v| v / length));
    }
    Vectors::new(dimensions, data)
}
