//! `/sql`: queries of analysts, whose token is always asked for.

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as Of};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::views::{number, switch};
use crate::query::{Ask, Asker};
use crate::serve::http::access::Analyst;
use crate::serve::http::{ApiError, ErrorBody, result};
use crate::serve::state::Shared;

/// The query of `/sql`, for bodies that are plain text.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SqlParams {
    /// json, csv, parquet or arrow; else what Accept says.
    format: Option<String>,
    /// 1: CSV begins with a byte order mark, by which Excel knows UTF-8.
    bom: Option<String>,
    /// The most rows; SQL_ROWS where it is left out or larger.
    #[param(value_type = Option<u32>)]
    limit: Option<String>,
    /// 1: files that were saved since the last run are passed over.
    published: Option<String>,
}

/// A query, as JSON; a body that is text is the query itself.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_field_names, reason = "a field of a body is called as programs know it")]
pub struct Sql {
    /// One SELECT, FROM, WITH, VALUES, DESCRIBE, SHOW or SUMMARIZE.
    #[schema(example = "from funnel_by_day where day >= cast($1 as date)")]
    sql: String,
    /// What `$1`, `$2`, … in it stand for: numbers, texts, true, false, null.
    parameters: Vec<Value>,
    /// json, csv, parquet or arrow; else what the address or Accept says.
    format: Option<String>,
    /// The most rows; what the address says where it is left out, and at most SQL_ROWS.
    limit: Option<usize>,
    /// Whether files that were saved since the last run are passed over.
    published: bool,
}

impl Sql {
    fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, ApiError> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
            // a list would be taken for the fields in their order
            let object = serde_json::from_slice::<Map<String, Value>>(body);
            return object.and_then(|object| serde_json::from_value(Value::Object(object))).map_err(|error| {
                ApiError::BadRequest(format!("the body is no {{sql, parameters, format, limit}} in JSON: {error}"))
            });
        }
        match std::str::from_utf8(body) {
            Ok(sql) => Ok(Self { sql: sql.to_owned(), ..Self::default() }),
            Err(_) => Err(ApiError::BadRequest("the body is no UTF-8".to_owned())),
        }
    }
}

/// One query of one's own on the published warehouse, read-only. Needs the analyst token, or the admin's.
#[utoipa::path(post, path = "/sql", tag = "figures", security(("analyst_token" = []), ("admin_token" = [])),
    params(SqlParams),
    request_body(
        content((Sql = "application/json"), (String = "text/plain")),
        description = "The query; of other kinds than JSON the body is its text",
    ),
    responses(
        (status = 200, description = "The rows: an array of objects, or what was asked for. X-Row-Count says how many; where X-Result-Cut is true, there are more than SQL_ROWS",
            content((Vec<Object> = "application/json"), (String = "text/csv; charset=utf-8"), (String = "application/vnd.apache.parquet"), (String = "application/vnd.apache.arrow.stream"))),
        (status = 400, body = ErrorBody, description = "The query is wrong, with line, column and caret, or asks for what it may not have; or the address has an unknown word"),
        (status = 401, body = ErrorBody, description = "The token is missing or wrong, or none is set"),
        (status = 422, body = ErrorBody, description = "The query needs more time than SQL_SECONDS or more memory than SQL_MEMORY_MB, or is nested too deep"),
        (status = 503, body = ErrorBody, description = "There is no warehouse, or too many queries wait; Retry-After says when to ask again"),
    ))]
pub async fn sql(
    _: Analyst,
    Of(state): Of<Shared>,
    params: Result<Query<SqlParams>, QueryRejection>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let Query(params) = params?;
    let Sql { sql, parameters, format, limit, published } = Sql::read(&headers, &body)?;
    let form = result::form(format.or(params.format).as_deref(), &headers)?;
    let most = state.config.queries.rows;
    let in_address = params.limit.map(|limit| number("limit", &limit)).transpose()?;
    let limit = limit.or(in_address).map_or(most, |limit| limit.min(most));
    let is_published = published || switch("published", &params.published.unwrap_or_default())?;
    let has_mark = switch("bom", &params.bom.unwrap_or_default())?;
    let ask = Ask { sql, parameters, limit, form, is_published };
    let answer = state.desk.answer(Asker::Analyst, &ask).await?;
    Ok(result::response(answer, form, "result", has_mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_no_unknown_words() {
        let read = |query: &str| {
            let address = format!("/sql?{query}").parse().expect("an address");
            Query::<SqlParams>::try_from_uri(&address).map(|Query(params)| params.limit).map_err(ApiError::from)
        };
        assert_eq!(read("format=csv&bom=1&limit=2&published=1").ok(), Some(Some("2".to_owned())));
        let Err(ApiError::BadRequest(message)) = read("limit=2&formt=csv") else { panic!("taken") };
        assert!(message.contains("`formt`") && message.contains("`format`"), "{message}");
    }

    #[test]
    fn a_body_is_json_or_the_query_itself() {
        let read = |kind: &str, body: &[u8]| {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().expect("a header"))]);
            Sql::read(&headers, body).map(|read| (read.sql, read.parameters, read.limit))
        };
        let json = read("application/json; charset=utf-8", br#"{"sql": "select $1", "parameters": [1], "limit": 3}"#);
        assert_eq!(json.ok(), Some(("select $1".to_owned(), vec![1.into()], Some(3))));
        assert_eq!(read("text/plain", b"select 1").ok(), Some(("select 1".to_owned(), Vec::new(), None)));
        for (kind, body) in [
            ("application/json", &b"[\"select 1\"]"[..]),
            ("application/json", b"{\"query\": \"select 1\"}"),
            ("application/json", b"select 1"),
            ("text/plain", b"\xff"),
        ] {
            assert!(matches!(read(kind, body), Err(ApiError::BadRequest(_))), "{kind} {body:?}");
        }
    }
}
