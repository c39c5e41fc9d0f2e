//! Results of queries on their way out: in which form they are asked for, and their bytes as they come.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use tokio::sync::mpsc;

use super::ApiError;
use crate::query::{Answer, Form};

/// How many rows a result has.
pub static ROWS: HeaderName = HeaderName::from_static("x-row-count");

/// Whether there are more rows than a result may have.
pub static CUT: HeaderName = HeaderName::from_static("x-result-cut");

/// What a spreadsheet knows UTF-8 by.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How many chunks are taken up before whoever asked has taken the first: the process is free for others the sooner.
const AHEAD: usize = 64;

/// The forms that may be asked for: by name, by media type; the first is what anybody takes.
const FORMS: [(Form, &str, &[&str]); 4] = [
    (Form::Json, "json", &["application/json"]),
    (Form::Csv, "csv", &["text/csv"]),
    (Form::Parquet, "parquet", &["application/vnd.apache.parquet", "application/x-parquet"]),
    (Form::Arrow, "arrow", &["application/vnd.apache.arrow.stream"]),
];

/// The form that `format` names, else the first of Accept that there is, else JSON.
///
/// # Errors
/// `format` names none.
pub fn form(format: Option<&str>, headers: &HeaderMap) -> Result<Form, ApiError> {
    if let Some(format) = format {
        let known = FORMS.iter().find(|(_, name, _)| *name == format).map(|(form, ..)| *form);
        return known.ok_or_else(|| {
            let names = FORMS.map(|(_, name, _)| name).join(", ");
            ApiError::BadRequest(format!("format is {format:?}; it must be one of {names}"))
        });
    }
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut kinds = accepted.split(',').map(|kind| kind.split(';').next().unwrap_or_default().trim().to_lowercase());
    let known = |kind: String| FORMS.iter().find(|(.., kinds)| kinds.contains(&kind.as_str())).map(|(form, ..)| *form);
    Ok(kinds.find_map(known).unwrap_or(Form::Json))
}

/// The media type of a form.
fn kind(form: Form) -> &'static str {
    match form {
        Form::Csv => "text/csv; charset=utf-8",
        other => FORMS.iter().find(|(form, ..)| *form == other).map_or("application/json", |(.., kinds)| kinds[0]),
    }
}

/// The answer to a query as a response; `named` is what a browser saves it as. A byte order mark before CSV has spreadsheets
/// read it as UTF-8.
pub fn response(answer: Answer, form: Form, named: &str, has_mark: bool) -> Response {
    let (send, chunks) = mpsc::channel(AHEAD);
    let (rows, is_cut) = (answer.head.rows, answer.head.is_cut);
    if has_mark && form == Form::Csv {
        send.try_send(Ok(Bytes::from_static(BYTE_ORDER_MARK))).ok();
    }
    tokio::spawn(hand_on(answer, send));
    let mut response = Body::new(Chunks(chunks)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind(form)));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(ROWS.clone(), HeaderValue::from(rows));
    headers.insert(CUT.clone(), HeaderValue::from_static(if is_cut { "true" } else { "false" }));
    let ending = FORMS.iter().find_map(|(one, name, _)| (*one == form && form != Form::Json).then_some(name));
    let saved = ending.and_then(|ending| format!("attachment; filename=\"{named}.{ending}\"").parse().ok());
    saved.and_then(|saved| headers.insert(header::CONTENT_DISPOSITION, saved));
    response
}

/// Takes chunks as they come, until nobody wants more.
async fn hand_on(mut answer: Answer, send: mpsc::Sender<io::Result<Bytes>>) {
    loop {
        let chunk = match answer.next().await {
            Ok(Some(chunk)) => Ok(Bytes::from(chunk)),
            Ok(None) => return,
            Err(error) => Err(error),
        };
        let is_over = chunk.is_err();
        if send.send(chunk).await.is_err() || is_over {
            return;
        }
    }
}

/// Chunks as a response's body.
struct Chunks(mpsc::Receiver<io::Result<Bytes>>);

impl hyper::body::Body for Chunks {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(ready!(self.0.poll_recv(cx)).map(|chunk| chunk.map(Frame::data)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_the_askers() {
        let asked = |format: Option<&str>, accept: &str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().expect("a header"))]);
            form(format, &headers).ok()
        };
        assert_eq!(asked(None, "*/*"), Some(Form::Json));
        assert_eq!(asked(None, "text/html,application/xhtml+xml,*/*;q=0.8"), Some(Form::Json));
        assert_eq!(asked(None, "Text/CSV;q=0.9, application/json"), Some(Form::Csv));
        assert_eq!(asked(None, "application/vnd.apache.arrow.stream"), Some(Form::Arrow));
        assert_eq!(asked(Some("parquet"), "text/csv"), Some(Form::Parquet));
        assert_eq!(asked(Some("xml"), "text/csv"), None);
    }
}
