//! Styles and scripts, as they are in the program.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// The files: name, kind, content.
const FILES: [(&str, &str, &str); 3] = [
    ("console.css", "text/css; charset=utf-8", include_str!("assets/console.css")),
    ("console.js", "text/javascript; charset=utf-8", include_str!("assets/console.js")),
    ("echarts.min.js", "text/javascript; charset=utf-8", include_str!("assets/echarts.min.js")),
];

/// A short digest of all files: a browser keeps them until they are others.
static STAMP: LazyLock<String> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    FILES.iter().for_each(|(_, _, text)| digest.update(text));
    hex::encode(&digest.finalize()[..6])
});

/// Where a file is.
pub fn address(name: &str) -> String {
    format!("/console/assets/{}/{name}", *STAMP)
}

/// A file.
pub async fn file(Path((_, name)): Path<(String, String)>) -> Response {
    let Some((_, kind, text)) = FILES.iter().find(|(file, ..)| *file == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    ([(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")], *text)
        .into_response()
}
