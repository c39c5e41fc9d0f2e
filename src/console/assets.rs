//! Styles and scripts, as they are in the program.

use std::io::Write;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

/// A file of pages.
struct File {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
    /// The same compressed as far as it goes, once somebody asks for it.
    compressed: LazyLock<Vec<u8>, Box<dyn FnOnce() -> Vec<u8> + Send>>,
}

impl File {
    fn new(name: &'static str, kind: &'static str, text: &'static str) -> Self {
        Self { name, kind, text, compressed: LazyLock::new(Box::new(|| compressed(text))) }
    }
}

fn compressed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // into memory, where nothing fails
    encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).unwrap_or_default()
}

/// All of them. ECharts is as npm has it: its version and digest stand with the test below, its licence beside it.
static FILES: LazyLock<[File; 3]> = LazyLock::new(|| {
    let script = "text/javascript; charset=utf-8";
    [
        File::new("console.css", "text/css; charset=utf-8", include_str!("assets/console.css")),
        File::new("console.js", script, include_str!("assets/console.js")),
        File::new("echarts.min.js", script, include_str!("assets/echarts.min.js")),
    ]
});

/// A short digest of all files: a browser keeps them until they are others.
static STAMP: LazyLock<String> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    FILES.iter().for_each(|file| digest.update(file.text));
    hex::encode(&digest.finalize()[..6])
});

/// Where a file is.
pub fn address(name: &str) -> String {
    format!("/console/assets/{}/{name}", *STAMP)
}

/// A file.
pub async fn file(Path((_, name)): Path<(String, String)>, asked: HeaderMap) -> Response {
    let Some(file) = FILES.iter().find(|file| file.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let heads = [
        (header::CONTENT_TYPE, file.kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::VARY, "accept-encoding"),
    ];
    let takes = asked.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if takes.contains("gzip") {
        return (heads, [(header::CONTENT_ENCODING, "gzip")], file.compressed.as_slice()).into_response();
    }
    (heads, file.text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn echarts_is_the_one_of_npm() {
        // `npm pack echarts@6.1.0`, package/dist/echarts.min.js
        let known = "b66b25aeb4df84e33199dc21694014d336d222cbd9deb0e5a7c14bd6aa0d0fd0";
        let text = include_str!("assets/echarts.min.js");
        assert_eq!(hex::encode(Sha256::digest(text)), known);
        assert!(text.contains("version=\"6.1.0\""));
        let licences = include_str!("../../deploy/licences.py");
        assert!(licences.contains("ECHARTS = \"6.1.0\""), "the list of licences names another version");
        assert!(include_str!("assets/echarts.LICENSE").contains("Apache ECharts"));
    }

    #[test]
    fn files_are_sent_as_small_as_they_become() {
        let file = &FILES[2];
        assert!(file.compressed.len() * 2 < file.text.len());
        assert!(address("console.css").ends_with("/console.css"));
    }
}
