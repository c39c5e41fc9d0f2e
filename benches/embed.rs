//! Texts to vectors a second, beside sentence-transformers with the same folder, texts and threads, in turn; and how far
//! the vectors are apart.
//!
//! `TEST_TEXT_MODEL` names the folder, `PYTHON` a Python that has sentence-transformers; without the one there is nothing to
//! measure, without the other nothing to measure against.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use flate2::read::GzDecoder;
use nearset::embed::neural::{Role, TextModel};

const ROUNDS: usize = 3;

/// Reads texts, one a line, and writes how long each round took, then the vectors.
const PEER: &str = r#"
import json, sys, time, torch
from sentence_transformers import SentenceTransformer
torch.set_num_threads(int(sys.argv[2]))
texts = json.load(sys.stdin)
model = SentenceTransformer(sys.argv[1], device="cpu")
best = 1e9
for _ in range(int(sys.argv[3])):
    started = time.time()
    vectors = model.encode(texts, batch_size=32, normalize_embeddings=True)
    best = min(best, time.time() - started)
json.dump({"seconds": best, "vectors": vectors.tolist()}, sys.stdout)
"#;

fn main() {
    let Some(folder) = std::env::var_os("TEST_TEXT_MODEL").map(PathBuf::from) else {
        println!("embed: TEST_TEXT_MODEL names no model; not measured");
        return;
    };
    let texts = texts();
    let characters: usize = texts.iter().map(|text| text.chars().count()).sum();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let model = TextModel::read(&folder).expect("a model");
    println!("embed: {} texts of {} characters on average, {threads} threads", texts.len(), characters / texts.len());
    let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut own = f64::MAX;
    let mut vectors = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        vectors = model.embed(&borrowed, Role::Document, &|_| ()).expect("vectors");
        own = own.min(started.elapsed().as_secs_f64());
    }
    println!("  nearset               {:>8.0} texts/s", texts.len() as f64 / own);
    let Some(python) = std::env::var_os("PYTHON") else { return };
    let mut peer = Command::new(python)
        .args(["-c", PEER])
        .arg(&folder)
        .args([threads.to_string(), ROUNDS.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python");
    let mut input = peer.stdin.take().expect("standard input");
    input.write_all(&serde_json::to_vec(&texts).expect("JSON")).expect("written");
    drop(input);
    let output = peer.wait_with_output().expect("an end");
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("its figures");
    let seconds = said["seconds"].as_f64().expect("a figure");
    let cosine = |(own, other): (&Vec<f32>, &serde_json::Value)| -> f64 {
        let other = other.as_array().expect("a vector");
        own.iter().zip(other).map(|(a, b)| f64::from(*a) * b.as_f64().expect("a number")).sum()
    };
    // a text without any known token has no direction in either
    let told = vectors.iter().zip(said["vectors"].as_array().expect("vectors"));
    let told = told.filter(|(own, _)| own.iter().any(|value| *value != 0.0));
    let least = told.map(cosine).fold(1.0, f64::min);
    println!(
        "  sentence-transformers {:>8.0} texts/s: nearset has {:.2} of it; least cosine between them {least:.6}",
        texts.len() as f64 / seconds,
        seconds / own
    );
}

/// Names and descriptions of the fixtures' datasets, most of them Chinese, short and long ones and an empty one.
fn texts() -> Vec<String> {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/json/dataset.json.gz");
    let lines = BufReader::new(GzDecoder::new(File::open(fixtures).expect("fixtures"))).lines();
    let mut texts = vec![String::new()];
    for line in lines {
        let row: serde_json::Value = serde_json::from_str(&line.expect("text")).expect("a dataset");
        let field = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        texts.push(field("dataset_name"));
        texts.push(format!("{}. {}", field("dataset_name"), field("description")));
    }
    texts.extend(ENGLISH.lines().map(str::to_owned));
    texts.push(texts[..80].join(" "));
    texts
}

/// The README, for English.
const ENGLISH: &str = include_str!("../README.md");
