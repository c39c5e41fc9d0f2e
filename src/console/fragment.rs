//! A piece of a page that the page asks for again and again (`data-poll`).

use anyhow::Result;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::Markup;
use sha2::{Digest, Sha256};

use crate::common::about;

/// The piece, where it is another than the one that the page has. Once it `is_final`, a page that has it asks no more.
pub fn fragment(headers: &HeaderMap, piece: Markup, is_final: bool) -> Response {
    let tag = format!("\"{}\"", hex::encode(&Sha256::digest(&piece.0)[..9]));
    tagged(headers, &tag, is_final).unwrap_or_else(|| {
        let tag = HeaderValue::from_str(&tag).ok();
        let mut response = piece.into_response();
        response.headers_mut().extend(tag.map(|tag| (header::ETAG, tag)));
        response
    })
}

/// The answer to a page that has what this tag is of; none to one that has not.
pub fn tagged(headers: &HeaderMap, tag: &str, is_final: bool) -> Option<Response> {
    let has = headers.get(header::IF_NONE_MATCH).is_some_and(|has| has.as_bytes() == tag.as_bytes());
    let status = if is_final { StatusCode::NO_CONTENT } else { StatusCode::NOT_MODIFIED };
    has.then(|| status.into_response())
}

/// Does what reads files on a thread that may wait.
///
/// # Errors
/// Its own, or it panicked.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    about::blocking(work).await?
}
