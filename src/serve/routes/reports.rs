//! `/reports`: what runs wrote of each day and of orders, as pages for people and as JSON for programs. Figures of sales are
//! not everybody's to read: REPORTS says who may.

use std::fs::{self, DirEntry, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path as Named, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::common::about;
use crate::config::Config;
use crate::serve::http::access::Reader;
use crate::serve::http::{ApiError, ErrorBody};
use crate::serve::state::Shared;

const PAGE: &str = include_str!("reports.html");

/// Everything that a page needs is in it; what it shows is fetched from here.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The largest file that is read, in bytes: years of days are smaller.
const LARGEST: u64 = 16 << 20;

/// Files of a run that are shown beside the reports, where they are there.
const OTHERS: [&str; 8] = [
    "summary.json",
    "exposure_metrics.json",
    "dataset_metrics.csv",
    "extract_metrics.json",
    "tracking_report_v2.json",
    "tracking_verification.json",
    "data_quality_report_v2.html",
    "data_quality_report_v2.json",
];

/// In which form something is asked for.
#[derive(Debug, Deserialize)]
pub struct Form {
    format: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Page,
    File,
}

impl Form {
    /// What `format` says, else Accept; `otherwise` for who takes anything.
    fn shape(&self, headers: &HeaderMap, otherwise: Shape) -> Result<Shape, ApiError> {
        let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match self.format.as_deref() {
            Some("json") => Ok(Shape::File),
            Some("html") => Ok(Shape::Page),
            Some(other) => Err(ApiError::BadRequest(format!("format is {other:?}; it may be json or html"))),
            None if accepted.contains("text/html") => Ok(Shape::Page),
            None if accepted.contains("application/json") => Ok(Shape::File),
            None => Ok(otherwise),
        }
    }
}

/// A file that may be shown.
#[derive(Debug, Serialize, ToSchema)]
pub struct Report {
    file: String,
    /// The day it is of, or the first and the last; none of other files.
    #[serde(skip_serializing_if = "Option::is_none")]
    days: Option<String>,
    bytes: u64,
    #[serde(skip)]
    path: PathBuf,
}

/// All that may be shown, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listing {
    daily: Vec<Report>,
    reconciliations: Vec<Report>,
    files: Vec<Report>,
}

impl Listing {
    fn read(config: &Config) -> Result<Self> {
        let evaluation = config.evaluation_dir();
        let mut listing = Self {
            daily: reports_in(&config.daily_reports_dir(), |name| days_of(name, "recommendation_report_", 1))?,
            reconciliations: reports_in(&evaluation, |name| days_of(name, "reconciliation_", 2))?,
            files: reports_in(&evaluation, |name| OTHERS.contains(&name).then_some(None))?,
        };
        listing.files.reverse();
        Ok(listing)
    }

    /// The report of this name; the ending may be left out, or be that of a page.
    fn take(self, name: &str) -> Option<Report> {
        let all = || [&self.daily, &self.reconciliations, &self.files].into_iter().flatten();
        let stem = name.strip_suffix(".html").unwrap_or(name);
        let exact = all().position(|report| report.file == name);
        let place = exact.or_else(|| all().position(|report| report.file.strip_suffix(".json") == Some(stem)))?;
        [self.daily, self.reconciliations, self.files].into_iter().flatten().nth(place)
    }
}

/// The plain files of a folder that are reports, the last by name first. `days` says of a name whether it is one's, and of
/// which days.
fn reports_in(dir: &Path, days: impl Fn(&str) -> Option<Option<String>>) -> Result<Vec<Report>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| format!("{} cannot be read", dir.display()))?,
    };
    let report = |entry: DirEntry| {
        let file = entry.file_name().into_string().ok()?;
        let days = days(&file)?;
        // what a link leads to is none of ours
        let about = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        Some(Report { file, days, bytes: about.len(), path: entry.path() })
    };
    let mut found: Vec<Report> = entries.filter_map(|entry| report(entry.ok()?)).collect();
    found.sort_by(|a, b| b.file.cmp(&a.file));
    Ok(found)
}

/// The days in the name of a report: `{prefix}{day}.json`, or with two of them and `_` between.
fn days_of(name: &str, prefix: &str, count: usize) -> Option<Option<String>> {
    let days = name.strip_prefix(prefix)?.strip_suffix(".json")?;
    let is_day = |day: &str| day.parse::<chrono::NaiveDate>().is_ok();
    (days.split('_').count() == count && days.split('_').all(is_day)).then(|| Some(days.replace('_', " – ")))
}

/// What runs wrote of each day and of orders: a page for browsers, a list for programs.
#[utoipa::path(get, path = "/reports", operation_id = "reports", tag = "figures", security(("analyst_token" = []), ("admin_token" = []), ()),
    params(("format" = Option<String>, Query, description = "json or html; else what Accept says")),
    responses(
        (status = 200, description = "The reports, the newest first",
            content((Listing = "application/json"), (String = "text/html"))),
        (status = 400, body = ErrorBody, description = "A format that there is not"),
        (status = 401, body = ErrorBody, description = "REPORTS shows them on the server's machine alone, or to whoever holds a token"),
    ))]
pub async fn list(
    _: Reader,
    State(state): State<Shared>,
    headers: HeaderMap,
    form: Result<Query<Form>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(form) = form?;
    if form.shape(&headers, Shape::Page)? == Shape::Page {
        return Ok(page(StatusCode::OK));
    }
    let config = state.config.clone();
    let listing = about::blocking(move || Listing::read(&config)).await;
    Ok(Json(listing.context("listing reports ended early")??).into_response())
}

/// One report as a page, unless JSON is asked for.
pub async fn report(
    reader: Reader,
    state: State<Shared>,
    name: Result<Named<String>, PathRejection>,
    headers: HeaderMap,
    form: Result<Query<Form>, QueryRejection>,
) -> Result<Response, ApiError> {
    one(reader, state, name, headers, form, Shape::Page).await
}

/// One report as it is, unless a browser asks.
#[utoipa::path(get, path = "/reports/{file}", operation_id = "report_file", tag = "figures", security(("analyst_token" = []), ("admin_token" = []), ()),
    params(
        ("file" = String, Path, description = "A report that /reports lists"),
        ("format" = Option<String>, Query, description = "json or html; else what Accept says"),
    ),
    responses(
        (status = 200, description = "The report", content((Object = "application/json"), (String = "text/html"), (String = "text/csv"))),
        (status = 400, body = ErrorBody, description = "A format that there is not"),
        (status = 401, body = ErrorBody, description = "REPORTS shows them on the server's machine alone, or to whoever holds a token"),
        (status = 404, description = "There is no such report", content((ErrorBody = "application/json"), (String = "text/html"))),
    ))]
pub async fn file(
    reader: Reader,
    state: State<Shared>,
    name: Result<Named<String>, PathRejection>,
    headers: HeaderMap,
    form: Result<Query<Form>, QueryRejection>,
) -> Result<Response, ApiError> {
    one(reader, state, name, headers, form, Shape::File).await
}

async fn one(
    _: Reader,
    State(state): State<Shared>,
    name: Result<Named<String>, PathRejection>,
    headers: HeaderMap,
    form: Result<Query<Form>, QueryRejection>,
    otherwise: Shape,
) -> Result<Response, ApiError> {
    let (Named(name), Query(form)) = (name?, form?);
    let shape = form.shape(&headers, otherwise)?;
    let config = state.config.clone();
    // the name only picks from what a folder holds: it is never a path
    let asked = name.clone();
    let found = about::blocking(move || Listing::read(&config).map(|listing| listing.take(&asked))).await;
    let found = found.context("looking for a report ended early")??;
    let is_json = found.as_ref().is_none_or(|report| report.file.ends_with(".json"));
    if shape == Shape::Page && is_json {
        return Ok(page(if found.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND }));
    }
    let Some(report) = found else {
        return Err(ApiError::NotFound(format!("there is no report {name}; /reports?format=json lists them")));
    };
    let kind = match report.path.extension().and_then(|ending| ending.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("csv") => "text/csv; charset=utf-8",
        _ => "application/json",
    };
    let bytes = about::blocking(move || read(&report)).await.context("reading a report ended early")??;
    Ok((head(kind), bytes).into_response())
}

/// What is in a report.
fn read(report: &Report) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    let opened = File::open(&report.path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    match opened {
        Ok(_) if bytes.len() as u64 <= LARGEST => Ok(bytes),
        Ok(_) => {
            Err(ApiError::NotFound(format!("{} is larger than {LARGEST} bytes; read the file itself", report.file)))
        }
        // a run may just have replaced it
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(ApiError::NotFound(format!("{} is gone", report.file)))
        }
        Err(error) => Err(anyhow::Error::new(error).context(report.path.display().to_string()).into()),
    }
}

fn page(status: StatusCode) -> Response {
    (status, head("text/html; charset=utf-8"), PAGE).into_response()
}

fn head(kind: &'static str) -> [(header::HeaderName, &'static str); 3] {
    [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_told_by_its_name() {
        let daily = |name| days_of(name, "recommendation_report_", 1);
        assert_eq!(daily("recommendation_report_2026-10-15.json"), Some(Some("2026-10-15".to_owned())));
        for other in [
            "recommendation_report_2026-10-15.json.part",
            "recommendation_report_.json",
            "recommendation_report_2026-13-15.json",
            "recommendation_report_2026-10-15_2026-10-16.json",
            "report_2026-10-15.json",
        ] {
            assert_eq!(daily(other), None, "{other}");
        }
        let range = days_of("reconciliation_2026-09-01_2026-10-15.json", "reconciliation_", 2);
        assert_eq!(range, Some(Some("2026-09-01 – 2026-10-15".to_owned())));
    }

    #[test]
    fn the_form_is_the_askers() {
        let shape = |format: Option<&str>, accept: &str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().expect("a header"))]);
            Form { format: format.map(str::to_owned) }.shape(&headers, Shape::File).ok()
        };
        assert_eq!(shape(None, "text/html,application/xhtml+xml,*/*;q=0.8"), Some(Shape::Page));
        assert_eq!(shape(None, "application/json"), Some(Shape::File));
        assert_eq!(shape(None, "*/*"), Some(Shape::File));
        assert_eq!(shape(Some("json"), "text/html"), Some(Shape::File));
        assert_eq!(shape(Some("html"), "application/json"), Some(Shape::Page));
        assert_eq!(shape(Some("xml"), "*/*"), None);
    }
}
