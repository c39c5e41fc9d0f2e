//! Models of texts and pictures: beside what Python's programs make of the same, and through a whole run.

use std::path::{Path, PathBuf};

use nearset::embed::neural::clip::Clip;
use nearset::embed::neural::{Role, TextModel, Unusable};
use serde_json::Value;

use crate::support::ROOT;

fn models() -> PathBuf {
    Path::new(ROOT).join("fixtures/models")
}

/// What sentence-transformers and transformers made of the same (`fixtures/models.py`).
fn golden() -> Value {
    let text = std::fs::read_to_string(models().join("golden.json")).expect("the golden vectors");
    serde_json::from_str(&text).expect("JSON")
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().expect("a vector").iter().map(|v| v.as_f64().expect("a number") as f32).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn texts(golden: &Value) -> Vec<String> {
    golden["texts"].as_array().expect("texts").iter().map(|t| t.as_str().expect("a text").to_owned()).collect()
}

#[test]
fn text_models_say_what_sentence_transformers_says() {
    let golden = golden();
    let texts = texts(&golden);
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for (folder, role, name) in [
        ("xlm-roberta", Role::Document, "xlm-roberta"),
        ("bert", Role::Document, "bert"),
        ("bert", Role::Query, "bert-queries"),
    ] {
        let model = TextModel::read(&models().join(folder)).expect("a model");
        let vectors = model.embed(&texts, role, &|_| ()).expect("vectors");
        for ((text, own), expected) in texts.iter().zip(&vectors).zip(golden[name].as_array().expect("vectors")) {
            let expected = numbers(expected);
            assert_eq!(own.len(), expected.len());
            assert!(cosine(own, &expected) > 0.9999, "{name} {text:?}: {}", cosine(own, &expected));
        }
    }
}

#[test]
fn clip_says_what_transformers_says() {
    let golden = golden();
    let texts = texts(&golden);
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let clip = Clip::read(&models().join("clip")).expect("a model");
    let vectors = clip.embed_texts(&texts).expect("vectors");
    for ((text, own), expected) in texts.iter().zip(&vectors).zip(golden["clip"].as_array().expect("vectors")) {
        assert!(cosine(own, &numbers(expected)) > 0.9999, "{text:?}: {}", cosine(own, &numbers(expected)));
    }
    let pictures = golden["pictures"].as_object().expect("pictures");
    let paths: Vec<PathBuf> = pictures.keys().map(|name| models().join("pictures").join(name)).collect();
    let seen = clip.embed_pictures(&paths, &|_| ()).expect("vectors");
    assert!(pictures.len() >= 6);
    for ((name, expected), own) in pictures.iter().zip(seen) {
        let own = own.unwrap_or_else(|problem| panic!("{name} is {problem}"));
        assert!(cosine(&own, &numbers(expected)) > 0.9999, "{name}: {}", cosine(&own, &numbers(expected)));
    }
}

#[test]
fn unusable_pictures_are_told_apart_and_cost_nothing() {
    let clip = Clip::read(&models().join("clip")).expect("a model");
    let dir = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        path
    };
    let whole = std::fs::read(models().join("pictures/wide.png")).expect("a picture");
    // a header that promises 60,000 x 60,000 pixels, in a file of a few bytes
    let mut bomb = whole.clone();
    bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let checksum = {
        let mut hasher = flate2::Crc::new();
        hasher.update(&bomb[12..29]);
        hasher.sum()
    };
    bomb[29..33].copy_from_slice(&checksum.to_be_bytes());
    let paths = [
        write("torn.png", &whole[..whole.len() / 2]),
        write("empty.jpg", b""),
        write("text.webp", b"no picture at all"),
        write("bomb.png", &bomb),
        dir.path().join("absent.png"),
        write("misnamed.jpg", &whole),
    ];
    let seen = clip.embed_pictures(&paths, &|_| ()).expect("vectors");
    let problems: Vec<Option<Unusable>> = seen.into_iter().map(Result::err).collect();
    let (broken, huge, missing) = (Some(Unusable::Broken), Some(Unusable::Huge), Some(Unusable::Missing));
    assert_eq!(problems, [broken, broken, broken, huge, missing, None]);
}
