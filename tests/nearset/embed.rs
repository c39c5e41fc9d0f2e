//! Models of texts and pictures: beside what Python's programs make of the same, and through a whole run.

use std::path::{Path, PathBuf};

use nearset::embed::neural::clip::Clip;
use nearset::embed::neural::{Role, TextModel, Unusable};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::support::{AS_OF, Nearset, ROOT, ids};

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
fn berts_with_the_names_of_before_are_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    crate::support::copy_dir(&models().join("bert"), folder.path());
    let path = folder.path().join("model.safetensors");
    let bytes = std::fs::read(&path).expect("weights");
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("a length")) as usize;
    let (header, data) = bytes[8..].split_at(length);
    let header: serde_json::Map<String, Value> = serde_json::from_slice(header).expect("a header");
    let old = |name: &str| {
        format!(
            "bert.{}",
            name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        )
    };
    let renamed =
        header.into_iter().map(|(name, tensor)| (if name == "__metadata__" { name } else { old(&name) }, tensor));
    let mut header = Value::Object(renamed.collect()).to_string();
    assert!(header.contains("bert.embeddings.LayerNorm.gamma"));
    header.push_str(&" ".repeat(header.len().wrapping_neg() % 8));
    let length = (header.len() as u64).to_le_bytes();
    std::fs::write(&path, [&length[..], header.as_bytes(), data].concat()).expect("written");
    let vectors = |folder: &Path| {
        let model = TextModel::read(folder).expect("a model");
        model.embed(&["crop yields", "空气质量"], Role::Document, &|_| ()).expect("vectors")
    };
    assert_eq!(vectors(folder.path()), vectors(&models().join("bert")));
}

/// A copy of the small BERT whose weights are as `torch.save` writes them, in today's form and in that of before.
fn bert_of_torch() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    crate::support::copy_dir(&models().join("bert"), folder.path());
    for (name, part) in [("bert.bin", ""), ("dense-of-before.bin", "2_Dense/")] {
        let at = |file: &str| folder.path().join(format!("{part}{file}"));
        std::fs::remove_file(at("model.safetensors")).expect("removed");
        std::fs::copy(models().join("torch").join(name), at("pytorch_model.bin")).expect("a copy");
    }
    folder
}

#[test]
fn weights_of_torch_are_the_same() {
    let folder = bert_of_torch();
    let vectors = |folder: &Path| {
        let model = TextModel::read(folder).expect("a model");
        model.embed(&["crop yields", "空气质量"], Role::Document, &|_| ()).expect("vectors")
    };
    assert_eq!(vectors(folder.path()), vectors(&models().join("bert")));
    // where both are there, safetensors count
    std::fs::copy(models().join("bert/model.safetensors"), folder.path().join("model.safetensors")).expect("a copy");
    std::fs::write(folder.path().join("pytorch_model.bin"), "no weights").expect("written");
    assert_eq!(vectors(folder.path()), vectors(&models().join("bert")));
}

#[test]
fn weights_of_torch_that_are_cut_or_altered_are_refused_and_never_run() {
    let folder = bert_of_torch();
    let (whole, dense) = (folder.path().join("pytorch_model.bin"), folder.path().join("2_Dense/pytorch_model.bin"));
    let read = || TextModel::read(folder.path()).map(drop).map_err(|error| format!("{error:#}"));
    read().expect("a model");
    for path in [&whole, &dense] {
        let bytes = std::fs::read(path).expect("weights");
        for length in (0..bytes.len()).step_by(bytes.len() / 40 + 1) {
            std::fs::write(path, &bytes[..length]).expect("written");
            let error = read().expect_err("an error");
            assert!(error.contains("pytorch_model.bin"), "{length}: {error}");
        }
        // a byte that says something else makes an error or other numbers, and ends nothing
        for place in (0..bytes.len()).step_by(bytes.len() / 400 + 1) {
            let mut altered = bytes.clone();
            altered[place] ^= 0x55;
            std::fs::write(path, &altered).expect("written");
            read().ok();
        }
        std::fs::write(path, &bytes).expect("written");
    }
    // what a pickle may do elsewhere: call any function
    let start = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}.\x80\x02";
    let call = b"cposix\nsystem\nX\x04\x00\x00\x00true\x85R.";
    std::fs::write(&dense, [&start[..], call].concat()).expect("written");
    let error = read().expect_err("an error");
    assert!(error.contains("holds posix.system, which is no weight"), "{error}");
    std::fs::write(&dense, "no weights").expect("written");
    let error = read().expect_err("an error");
    assert!(error.contains("is no file of torch.save"), "{error}");
    std::fs::remove_file(&dense).expect("removed");
    let error = read().expect_err("an error");
    assert!(error.contains("has no .safetensors file and no pytorch_model.bin"), "{error}");
}

#[test]
fn minilm_says_what_sentence_transformers_says() {
    let folder =
        std::env::var("TEST_TEXT_MODEL").map_or(Path::new(ROOT).join(".duckdb/models/all-MiniLM-L6-v2"), PathBuf::from);
    assert!(folder.is_dir(), "{}: no model; `make test` fetches it", folder.display());
    let golden = std::fs::read_to_string(models().join("all-MiniLM-L6-v2.json")).expect("the golden vectors");
    let golden: Value = serde_json::from_str(&golden).expect("JSON");
    let texts = texts(&golden);
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let model = TextModel::read(&folder).expect("a model");
    let vectors = model.embed(&texts, Role::Document, &|_| ()).expect("vectors");
    for ((text, own), expected) in texts.iter().zip(&vectors).zip(golden["vectors"].as_array().expect("vectors")) {
        assert!(cosine(own, &numbers(expected)) > 0.9999, "{text:?}: {}", cosine(own, &numbers(expected)));
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
    // headers that promise many pixels, in files of a few bytes: 60,000 x 60,000, and what is too much with its eight-bit copy
    let bomb = |side: u32, depth: u8| {
        let mut bomb = whole.clone();
        bomb[16..20].copy_from_slice(&side.to_be_bytes());
        bomb[20..24].copy_from_slice(&side.to_be_bytes());
        bomb[24] = depth;
        let mut hasher = flate2::Crc::new();
        hasher.update(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&hasher.sum().to_be_bytes());
        bomb
    };
    let paths = [
        write("torn.png", &whole[..whole.len() / 2]),
        write("empty.jpg", b""),
        write("text.webp", b"no picture at all"),
        write("bomb.png", &bomb(60_000, 8)),
        write("deep.png", &bomb(9_000, 16)),
        dir.path().join("absent.png"),
        write("misnamed.jpg", &whole),
    ];
    let seen = clip.embed_pictures(&paths, &|_| ()).expect("vectors");
    let problems: Vec<Option<Unusable>> = seen.into_iter().map(Result::err).collect();
    let (broken, huge, missing) = (Some(Unusable::Broken), Some(Unusable::Huge), Some(Unusable::Missing));
    assert_eq!(problems, [broken, broken, broken, huge, huge, missing, None]);
}

#[test]
fn a_picture_that_scaling_would_blow_up_is_huge() {
    use image::{ImageFormat, RgbImage};

    let clip = Clip::read(&models().join("clip")).expect("a model");
    let dir = tempfile::tempdir().expect("a folder");
    // a few hundred bytes each; with the shorter side scaled to the model's, tens to thousands of megapixels
    let shapes = [("high.png", 1, 16_000), ("wide.gif", 16_000, 1), ("high.webp", 2, 16_000), ("wide.jpg", 16_000, 2)];
    let paths = shapes.map(|(name, width, height)| {
        let path = dir.path().join(name);
        let format = ImageFormat::from_path(&path).expect("a known name");
        RgbImage::new(width, height).save_with_format(&path, format).expect("a file");
        path
    });
    let seen = clip.embed_pictures(&paths, &|_| ()).expect("vectors");
    let problems: Vec<_> = seen.into_iter().map(Result::err).collect();
    assert_eq!(problems, [Some(Unusable::Huge); 4]);
}

/// A nearset over the fixtures with the small models.
fn with_models() -> Nearset {
    let mut n = Nearset::empty();
    n.take_fixtures(|name| name.starts_with("dataset"));
    // one with random weights would have none
    n.set("TEXT_MODEL_WEIGHT", "0.5");
    let folder = |name: &str| models().join(name).to_string_lossy().into_owned();
    n.set("TEXT_MODEL_PATH", &folder("bert"));
    n.set("CLIP_MODEL_PATH", &folder("clip"));
    n.set("DATASET_IMAGE_ROOT", &format!("{ROOT}/fixtures/json"));
    n
}

#[test]
fn a_run_embeds_what_changed_and_nothing_else() {
    let mut n = with_models();
    let said = n.ok(&["run", "--as-of", AS_OF]);
    assert!(said.contains("texts: the model reads ") && said.contains("pictures: "), "{said}");
    let kept = "select count(*) from raw.vectors where model like 'bert-%' and len(vector) = 16";
    let count = n.value(kept).as_u64().expect("a count");
    assert!(count > 500, "{count}");
    let pictures = "select count(*) from raw.vectors where model like 'clip-%' and len(vector) = 24";
    assert!(n.value(pictures).as_u64() > Some(3));
    let again = n.ok(&["run", "--as-of", AS_OF]);
    assert!(!again.contains(" embedded by "), "{again}");
    // one dataset's name and tags: two of its three readings, and its name, by which the model is judged; the old ones are forgotten
    let row = &n.sql("select description, price from stg_dataset where dataset_id = 1003")[0];
    let changed = json!([{
        "id": 1003, "dataset_name": "Vineyards seen from above", "description": row["description"], "tag": "vineyards;wine",
        "price": row["price"], "is_delete": 0, "create_time": "2026-08-06T09:05:04", "update_time": "2026-10-15T09:05:04",
    }]);
    n.write("dataset_20261015_100000.json", &changed.to_string());
    let said = n.ok(&["run", "--as-of", AS_OF]);
    assert!(said.contains("texts: 4 embedded by bert-"), "{said}");
    assert!(n.value(kept).as_u64() <= Some(count));

    let found = n.ok(&["search", "vineyards"]);
    assert!(found.lines().next().is_some_and(|line| line.contains("1003") && line.contains("words")), "{found}");
    assert!(found.contains("pictures") && found.contains("text"), "{found}");
    let server = n.serve();
    let answer = server.get("/search?q=vineyards&limit=5").1;
    assert_eq!(answer["degrade_reason"], Value::Null);
    assert_eq!((&answer["items"][0]["dataset_id"], answer["items"].as_array().map(Vec::len)), (&json!(1003), Some(5)));
    drop(server);
    // a server without the models finds by words, and says so
    n.set("TEXT_MODEL_PATH", "");
    n.set("CLIP_MODEL_PATH", "");
    let answer = n.serve().get("/search?q=vineyards").1;
    assert_eq!(answer["degrade_reason"], "no_text_model");
    assert_eq!(answer["items"][0]["dataset_id"], 1003);
}

#[test]
fn pictures_in_a_folder_of_their_dataset_come_first() {
    let mut n = with_models();
    let pictures = n.path().join("pictures");
    let put = |name: &str, from: &str| {
        let to = pictures.join(name);
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("made");
        std::fs::copy(from, to).expect("a copy");
    };
    // a folder of five of which four count, one of a dataset that no row names a picture of, and one named picture
    for name in ["1.png", "2.png", "3.png", "4.png"] {
        put(&format!("1001/{name}"), &format!("{ROOT}/fixtures/json/images/1001.png"));
    }
    put("1001/5.gif", &format!("{ROOT}/fixtures/models/pictures/palette.gif"));
    put("1002/cover.JPG", &format!("{ROOT}/fixtures/models/pictures/tall.jpg"));
    put("images/1004.png", &format!("{ROOT}/fixtures/json/images/1004.png"));
    put("images/secret.txt", &format!("{ROOT}/Cargo.toml"));
    n.set("DATASET_IMAGE_ROOT", &pictures.to_string_lossy());
    n.set("DATA_JSON_DIR", &n.exports().to_string_lossy());
    let row = |id: u32, dataset: u32, url: &str| json!({"id": id, "dataset_id": dataset, "image_url": url, "create_time": "2026-01-02T00:00:00"});
    let rows = json!([
        row(900_001, 1001, "images/1004.png"),
        row(900_002, 1003, "https://img.example.cn/1003.png"),
        row(900_003, 1006, "../secret.png"),
        row(900_004, 1004, "images/1004.png"),
    ]);
    std::fs::remove_file(n.exports().join("dataset_image.json.gz")).expect("removed");
    n.write("dataset_image.json", &rows.to_string());
    let said = n.ok(&["run", "--as-of", AS_OF]);
    assert!(said.contains("pictures: 6 of 8 are used, 1 missing, 1 are addresses and not fetched"), "{said}");
    // the same picture four times is one vector, and the fifth is not looked at
    assert_eq!(n.value("select count(*) from raw.vectors where model like 'clip-%' and len(vector) = 24"), 3);
    assert_eq!(n.value("select cover_image from datasets where dataset_id = 1003"), "https://img.example.cn/1003.png");
    let said = n.ok(&["doctor"]);
    for words in [
        "2 of 3 pictures",
        "2 datasets have a folder of pictures",
        "1 are addresses: pages show them, nothing is fetched",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    // without the setting: images below the exports, then the exports themselves
    n.set("DATASET_IMAGE_ROOT", "");
    crate::support::copy_dir(&pictures, &n.exports().join("images"));
    let said = n.ok(&["run", "--as-of", AS_OF]);
    assert!(said.contains("pictures: 6 of 8 are used"), "{said}");
}

#[test]
fn datasets_are_found_by_words_in_both_languages_without_a_model() {
    let n = Nearset::demo();
    let server = n.serve();
    for (query, word) in [("气象", "气象"), ("weather", "weather")] {
        let answer = server.get(&format!("/search?q={}&limit=5", utf8_percent_encode(query, NON_ALPHANUMERIC))).1;
        let items = answer["items"].as_array().expect("items");
        assert_eq!(items.len(), 5, "{answer}");
        let holds = |item: &Value| {
            let id = &item["dataset_id"];
            let row = &n.sql(&format!(
                "select lower(title || tags::varchar) as text from dataset_texts where dataset_id = {id}"
            ))[0];
            row["text"].as_str().is_some_and(|text| text.contains(word))
        };
        assert!(holds(&items[0]), "{answer}");
        let listed: Vec<f64> = items.iter().map(|item| item["score"].as_f64().expect("a score")).collect();
        assert!(listed.is_sorted_by(|a, b| a >= b) && listed[0] <= 1.0, "{listed:?}");
    }
    assert_eq!(server.get("/search?q=zzzzqqqq").1["items"], json!([]));
    for query in ["/search", "/search?q=%20", "/search?q=a&limit=0", &format!("/search?q={}", "a".repeat(301))] {
        assert_eq!(server.get(query).0, 400, "{query}");
    }
}

#[test]
fn models_that_are_not_there_are_named() {
    let mut n = Nearset::empty();
    n.take_fixtures(|name| !name.contains("_2026"));
    n.set("DATA_JSON_DIR", &n.exports().to_string_lossy());
    n.set("TEXT_MODEL_PATH", "/nowhere/at/all");
    let said = n.fails(1, &["run", "--as-of", AS_OF]);
    assert!(
        said.contains("TEXT_MODEL_PATH") && said.contains("/nowhere/at/all") && said.contains("downloads nothing"),
        "{said}"
    );
    assert!(n.fails(1, &["doctor"]).contains("1 finding(s) to mend"));
    n.set("TEXT_MODEL_PATH", "");
    n.set("SBERT_MODEL", "all-MiniLM-L6-v2");
    let said = n.ok(&["run", "--as-of", AS_OF]);
    assert!(said.contains("texts are compared without it: SBERT_MODEL"), "{said}");
    n.set("SBERT_MODEL", "bert");
    n.set("SENTENCE_TRANSFORMERS_HOME", &models().to_string_lossy());
    // one that is no better than words is looked at, and left out
    let said = n.ok(&["run", "--as-of", AS_OF]);
    assert!(said.contains("the model bert-") && said.contains("adds nothing"), "{said}");
    let said = n.ok(&["doctor"]);
    assert!(said.contains("text model") && said.contains("16 dimensions") && said.contains(" s for 3"), "{said}");
}

#[test]
fn a_distilled_table_is_a_model_like_any_other() {
    let n = Nearset::empty();
    let folder = n.path().join("table");
    let out = folder.to_string_lossy().into_owned();
    let said = n.ok(&["distill", &models().join("bert").to_string_lossy(), "--out", &out, "--dimensions", "12"]);
    assert!(said.contains("tokens in"), "{said}");
    let table = TextModel::read(&folder).expect("a table");
    assert_eq!(table.dimensions(), 12);
    let texts = ["satellite images of crops", "images of crops by satellite", "hourly weather observations", ""];
    let vectors = table.embed(&texts, Role::Document, &|_| ()).expect("vectors");
    assert!(cosine(&vectors[0], &vectors[1]) > cosine(&vectors[0], &vectors[2]) + 0.1);
    assert!(vectors[3].iter().all(|value| *value == 0.0));
    // a table cannot be distilled again
    let said = n.fails(1, &["distill", &out, "--out", &out]);
    assert!(said.contains("a transformer is needed"), "{said}");
}

/// Datasets whose descriptions say in other words what their names do.
const ENGLISH: [(&str, &str); 36] = [
    ("Hospital beds", "Places for patients in wards and intensive care units"),
    ("Road accidents", "Crashes and collisions of cars, with injuries and deaths"),
    ("Rainfall by hour", "Precipitation measured at weather stations"),
    ("House prices", "What homes and apartments were sold for"),
    ("School pupils", "Children and teachers in primary and secondary education"),
    ("Air quality", "Ozone, particles and nitrogen dioxide: pollution in cities"),
    ("Bus stops", "Where passengers of public transport get on and off"),
    ("Crop yields", "Harvests of wheat, maize and barley on farms"),
    ("Unemployment", "People without a job who look for work"),
    ("River levels", "Heights of water in streams, for warnings of floods"),
    ("Bird sightings", "Species of wildlife that ornithologists observed"),
    ("Museum visitors", "Attendance at galleries and exhibitions of art"),
    ("Crime reports", "Burglaries, thefts and assaults known to the police"),
    ("Solar power", "Electricity generated by photovoltaic panels"),
    ("Election results", "Votes for candidates and parties in each constituency"),
    ("Doctors' prescriptions", "Medicines and drugs that pharmacies dispensed"),
    ("Earthquakes", "Magnitude and depth of seismic events"),
    ("Forest cover", "Trees and woodland seen in satellite images"),
    ("Bank loans", "Credit and mortgages lent to borrowers, with interest"),
    ("Ship movements", "Vessels arriving in harbours and ports"),
    ("Flight delays", "Late departures of airlines at airports"),
    ("Football matches", "Goals scored by teams in soccer leagues"),
    ("Film ratings", "Scores that viewers gave to movies"),
    ("Restaurant hygiene", "Inspections of kitchens for the safety of food"),
    ("Infant mortality", "Deaths of babies in the first year of life"),
    ("Tourist nights", "Stays of guests in hotels and hostels"),
    ("Sea temperature", "Warmth of the ocean's surface by buoys"),
    ("Patents", "Inventions registered by companies and researchers"),
    ("Dog licences", "Registered pets and their breeds"),
    ("Street lamps", "Position and wattage of lights along roads"),
    ("Company accounts", "Balance sheets, profit and revenue of businesses"),
    ("Marriage and divorce", "Weddings and separations of couples"),
    ("Volcanic eruptions", "Lava and ash from mountains, by year"),
    ("Migration", "Immigrants and emigrants by country of birth"),
    ("Vaccination", "Immunized people by age and disease"),
    ("Poetry", "Verses and stanzas by their authors"),
];

#[test]
fn english_texts_are_read_with_the_table_that_the_program_carries() {
    let mut n = Nearset::empty();
    let dataset = |(at, (name, description)): (usize, &(&str, &str))| {
        json!({"id": at + 1, "dataset_name": name, "description": description, "price": 0, "is_delete": 0,
               "create_time": "2026-08-06T09:05:04", "update_time": "2026-08-06T09:05:04"})
    };
    let mut rows: Vec<Value> = ENGLISH.iter().enumerate().map(dataset).collect();
    let doctors = |n: &Nearset| ids(&n.serve().list("/similar/100?limit=5")["similar_items"])[..3].to_vec();
    rows.push(json!({"id": 100, "dataset_name": "Nurses and physicians", "price": 0, "is_delete": 0,
                     "create_time": "2026-08-06T09:05:04", "update_time": "2026-08-06T09:05:04"}));
    n.take_fixtures(|name| !name.starts_with("dataset") && !name.contains("_2026"));
    n.write("dataset.json", &Value::from(rows).to_string());
    let said = n.ok(&["run", "--as-of", AS_OF]);
    assert!(said.contains("36 names find their descriptions") && said.contains("the model reads"), "{said}");
    // of these one has no word of the name, yet is about the same
    let with = doctors(&n);
    assert!(with.contains(&1) && with.contains(&16), "{with:?}");
    // it reads no query
    assert!(n.ok(&["search", "clinics"]).contains("nothing"), "{}", n.ok(&["search", "clinics"]));
    assert_eq!(n.value("select count(*) from information_schema.tables where table_name = 'vectors'"), 0);

    n.set("TEXT_MODEL_PATH", "none");
    let said = n.ok(&["run", "--as-of", AS_OF]);
    assert!(!said.contains("the model reads"), "{said}");
    assert_ne!(doctors(&n), with);
}
