//! A folder's tokenizer: `tokenizer.json`, or the older files that one can be made from.

use std::fs;
use std::path::Path;

use crate::common::language::{either, t};
use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};
use tokenizers::{Tokenizer, TruncationParams};

/// Reads a tokenizer that cuts off what is longer than `longest` tokens and adds no padding.
pub fn read(folder: &Path, longest: usize) -> Result<Tokenizer> {
    let file = folder.join("tokenizer.json");
    let mut tokenizer = if file.is_file() {
        Tokenizer::from_file(&file).map_err(|error| anyhow!("{}: {error}", file.display()))?
    } else {
        let made = if folder.join("merges.txt").is_file() { clip(folder) } else { bert(folder) };
        let made = made.with_context(|| {
            t!(
                "no tokenizer.json, and none can be made of {}",
                "没有 tokenizer.json，也无法由 {} 生成",
                folder.display()
            )
        })?;
        Tokenizer::from_bytes(serde_json::to_vec(&made)?).map_err(|error| anyhow!("{}: {error}", folder.display()))?
    };
    tokenizer.with_padding(None);
    let truncation = TruncationParams { max_length: longest, ..TruncationParams::default() };
    tokenizer.with_truncation(Some(truncation)).map_err(|error| anyhow!("{}: {error}", folder.display()))?;
    Ok(tokenizer)
}

/// A text's tokens; with what stands before and after every text, where `special` says so.
pub fn ids(tokenizer: &Tokenizer, text: &str, special: bool) -> Result<Vec<u32>> {
    let encoded = tokenizer.encode_fast(text, special).map_err(|error| anyhow!("{error}"))?;
    Ok(encoded.get_ids().to_vec())
}

/// The JSON file of a folder; an empty object where it is not there.
pub fn json(folder: &Path, name: &str) -> Result<Value> {
    let path = folder.join(name);
    if !path.is_file() {
        return Ok(json!({}));
    }
    let text = fs::read_to_string(&path).with_context(|| t!("{} cannot be read", "{} 无法读取", path.display()))?;
    serde_json::from_str(&text).with_context(|| t!("{} is no JSON", "{} 不是 JSON", path.display()))
}

/// WordPiece from `vocab.txt`, as BERT's first releases have it.
fn bert(folder: &Path) -> Result<Value> {
    let path = folder.join("vocab.txt");
    let text = fs::read_to_string(&path).with_context(|| t!("{} cannot be read", "{} 无法读取", path.display()))?;
    let vocabulary: serde_json::Map<String, Value> =
        text.lines().enumerate().map(|(id, word)| (word.to_owned(), json!(id))).collect();
    let lowercase = json(folder, "tokenizer_config.json")?["do_lower_case"].as_bool().unwrap_or(true);
    let id = |word: &str| {
        vocabulary.get(word).cloned().with_context(|| t!("{word} is not in vocab.txt", "vocab.txt 里没有 {word}"))
    };
    let special = |word: &str| anyhow::Ok(json!({"id": word, "ids": [id(word)?], "tokens": [word]}));
    Ok(json!({
        "version": "1.0",
        "added_tokens": [],
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                       "strip_accents": null, "lowercase": lowercase},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": around("[CLS]", "[SEP]", &special)?,
        "decoder": null,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": vocabulary},
    }))
}

/// Byte pairs from `vocab.json` and `merges.txt`, as CLIP's first releases have them.
fn clip(folder: &Path) -> Result<Value> {
    let vocabulary = json(folder, "vocab.json")?;
    let Some(words) = vocabulary.as_object().filter(|words| !words.is_empty()) else {
        bail!(t!("vocab.json is empty", "vocab.json 是空的"))
    };
    let merges = fs::read_to_string(folder.join("merges.txt"))
        .context(either("merges.txt cannot be read", "merges.txt 无法读取"))?;
    let merges: Vec<&str> = merges.lines().filter(|line| !line.starts_with("#version") && !line.is_empty()).collect();
    let id = |word: &str| {
        words.get(word).cloned().with_context(|| t!("{word} is not in vocab.json", "vocab.json 里没有 {word}"))
    };
    let special = |word: &str| anyhow::Ok(json!({"id": word, "ids": [id(word)?], "tokens": [word]}));
    let (start, end) = ("<|startoftext|>", "<|endoftext|>");
    let added = |word: &str| {
        anyhow::Ok(json!({"id": id(word)?, "content": word, "single_word": false, "lstrip": false, "rstrip": false,
                          "normalized": false, "special": true}))
    };
    Ok(json!({
        "version": "1.0",
        "added_tokens": [added(start)?, added(end)?],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFC"}, {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "}, {"type": "Lowercase"}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "invert": true, "behavior": "Removed", "pattern": {"Regex":
                "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+"}},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]},
        "post_processor": around(start, end, &special)?,
        "decoder": null,
        "model": {"type": "BPE", "dropout": null, "unk_token": end, "continuing_subword_prefix": "",
                  "end_of_word_suffix": "</w>", "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
                  "vocab": vocabulary, "merges": merges},
    }))
}

/// Puts a special token before and after every text.
fn around(start: &str, end: &str, special: &dyn Fn(&str) -> Result<Value>) -> Result<Value> {
    let token = |word: &str| json!({"SpecialToken": {"id": word, "type_id": 0}});
    let one = json!([token(start), {"Sequence": {"id": "A", "type_id": 0}}, token(end)]);
    Ok(json!({
        "type": "TemplateProcessing",
        "single": one,
        "pair": [token(start), {"Sequence": {"id": "A", "type_id": 0}}, token(end), {"Sequence": {"id": "B", "type_id": 0}},
                 token(end)],
        "special_tokens": {start: special(start)?, end: special(end)?},
    }))
}
