//! `/views`: relations of the published project as programs read them: in the form they ask for, filtered, ordered, by pages.

use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path as Named, Query, State as Of};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::common::about;
use crate::common::likeness::hint;
use crate::config::Config;
use crate::extract;
use crate::query::{Ask, Asker, Column};
use crate::serve::http::access::Reader;
use crate::serve::http::{ApiError, ErrorBody, result};
use crate::serve::state::{Shared, State};
use crate::sql_project::{
    Broken, Chart, Column as SqlColumn, Materialize, Problem, Project, Relation, Room, files_stamp,
};
use crate::warehouse::ident;

static TOTAL: HeaderName = HeaderName::from_static("x-total-count");

/// What is wrong with a saved file, where the rows are those of the last run: file, line and message, percent-encoded where a
/// header takes no character.
static ERROR: HeaderName = HeaderName::from_static("x-view-error");

/// The rooms whose relations are shown: they hold figures. What is known of single users stands elsewhere; a file in `views/`
/// shows of it what may be seen.
const SHOWN: [Room; 3] = [Room::Evaluate, Room::Reconcile, Room::Views];

/// The most characters of a problem that stand in a header.
const MOST_OF_AN_ERROR: usize = 500;

/// The project as its files are now, with what tells whether one of them has been saved since.
#[derive(Default)]
pub struct Seen(Mutex<Option<(String, Arc<Project>)>>);

impl Seen {
    /// The project, and a word for the state of its files.
    ///
    /// # Errors
    /// Its folders cannot be read.
    fn project(&self, config: &Config) -> Result<(String, Arc<Project>)> {
        let stamp = files_stamp(config)?;
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref().is_none_or(|(of, _)| *of != stamp) {
            *last = Some((stamp, Arc::new(Project::read(config, &extract::raw_tables()?)?)));
        }
        last.clone().context("the project is not there")
    }
}

async fn project(state: &Shared) -> Result<(String, Arc<Project>), ApiError> {
    let state = state.clone();
    let read = about::blocking(move || state.project.project(&state.config)).await;
    Ok(read.context("reading the project ended early")??)
}

/// The names of the relations that may be read: of those whose file is broken now, the rows of the last run are there.
fn shown(project: &Project) -> impl Iterator<Item = &str> {
    let broken = project.broken.iter().filter(|one| is_shown_broken(one));
    let sound = project.relations.iter().filter(|one| is_shown(one));
    sound.map(|one| one.name.as_str()).chain(broken.map(|one| one.name.as_str()))
}

/// A relation that may be read.
#[derive(Debug, Serialize, ToSchema)]
pub struct ViewDescription {
    name: String,
    description: String,
    /// Where its rows are.
    href: String,
    /// The file that makes it.
    file: String,
    /// The columns that tell its rows apart, by which they are ordered.
    key: Vec<String>,
    /// How a page draws it, as its header says.
    chart: Option<String>,
    /// The columns that its header describes.
    columns: Vec<ColumnDescription>,
    /// What is wrong with its file as it is saved: file, line and message. Its rows are those of the last run.
    error: Option<String>,
}

/// A column of a relation.
#[derive(Debug, Serialize, ToSchema)]
pub struct ColumnDescription {
    name: String,
    description: String,
}

/// Every relation that may be read.
#[derive(Debug, Serialize, ToSchema)]
pub struct ViewList {
    views: Vec<ViewDescription>,
}

impl ViewDescription {
    fn of(relation: &Relation) -> Self {
        let column =
            |column: &SqlColumn| ColumnDescription { name: column.name.clone(), description: column.sentence.clone() };
        Self {
            name: relation.name.clone(),
            description: relation.description.clone(),
            href: format!("/views/{}", relation.name),
            file: relation.file.display().to_string(),
            key: relation.key.clone(),
            chart: relation.chart.as_ref().map(Chart::text),
            columns: relation.columns.iter().map(column).collect(),
            error: None,
        }
    }

    /// What is known where the file cannot be read.
    fn of_broken(broken: &Broken) -> Self {
        Self {
            name: broken.name.clone(),
            description: String::new(),
            href: format!("/views/{}", broken.name),
            file: broken.file.display().to_string(),
            key: Vec::new(),
            chart: None,
            columns: Vec::new(),
            error: broken.problems.first().map(in_a_line),
        }
    }
}

/// A problem without the lines that show its place.
fn in_a_line(problem: &Problem) -> String {
    Problem { caret: None, ..problem.clone() }.to_string()
}

/// A problem as a header has it.
fn in_a_header(problem: &Problem) -> Option<HeaderValue> {
    const ESCAPED: AsciiSet = CONTROLS.add(b'%');
    let text: String = in_a_line(problem).chars().take(MOST_OF_AN_ERROR).collect();
    utf8_percent_encode(&text, &ESCAPED).to_string().parse().ok()
}

fn is_shown(relation: &Relation) -> bool {
    SHOWN.contains(&relation.room)
}

fn is_shown_broken(broken: &Broken) -> bool {
    broken.room.is_some_and(|room| SHOWN.contains(&room))
}

/// The relations whose rows may be read, with what their files say of them. Whoever may see reports may.
#[utoipa::path(get, path = "/views", operation_id = "views", tag = "figures", security(("analyst_token" = []), ("admin_token" = []), ()),
    responses(
        (status = 200, body = ViewList, description = "The relations"),
        (status = 401, body = ErrorBody, description = "REPORTS shows them on the server's machine alone, or to whoever holds a token"),
    ))]
pub async fn list(_: Reader, Of(state): Of<Shared>) -> Result<Json<ViewList>, ApiError> {
    let (_, project) = project(&state).await?;
    let sound = project.relations.iter().filter(|one| is_shown(one)).map(ViewDescription::of);
    let is_lost = |one: &&Broken| is_shown_broken(one) && !project.relations.iter().any(|other| other.name == one.name);
    let broken = project.broken.iter().filter(is_lost).map(ViewDescription::of_broken);
    let mut views: Vec<ViewDescription> = sound.chain(broken).collect();
    views.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Json(ViewList { views }))
}

/// How a filter compares.
const OPERATORS: [(&str, &str); 7] =
    [("eq", "="), ("ne", "is distinct from"), ("lt", "<"), ("lte", "<="), ("gt", ">"), ("gte", ">="), ("like", "like")];

/// What an address asks of a relation, as SQL whose values are parameters.
#[derive(Debug, Default, PartialEq)]
struct Selection {
    columns: String,
    conditions: String,
    order: String,
    limit: usize,
    offset: usize,
    parameters: Vec<Value>,
    format: Option<String>,
    has_mark: bool,
    is_published: bool,
}

fn refused(message: String) -> ApiError {
    ApiError::BadRequest(message)
}

/// The column of this name.
fn known<'a>(columns: &'a [Column], name: &str) -> Result<&'a Column, ApiError> {
    columns.iter().find(|column| column.name == name).ok_or_else(|| {
        let names = columns.iter().map(|column| column.name.as_str());
        refused(format!("there is no column {name}{}", hint(name, names)))
    })
}

pub(super) fn number(name: &str, value: &str) -> Result<usize, ApiError> {
    value.parse().map_err(|_| refused(format!("{name} is {value:?}; it must be a whole number from 0")))
}

pub(super) fn switch(name: &str, value: &str) -> Result<bool, ApiError> {
    match value {
        "1" | "true" => Ok(true),
        "0" | "false" | "" => Ok(false),
        other => Err(refused(format!("{name} is {other:?}; it must be 0 or 1"))),
    }
}

impl Selection {
    /// Reads an address: `column=value`, `column.gte=value`, `order=day.desc,ctr`, `columns=a,b`, `limit`, `offset`.
    fn read(asked: &[(String, String)], columns: &[Column], key: &[String], most: usize) -> Result<Self, ApiError> {
        let mut selection = Self { limit: most, ..Self::default() };
        let mut order: Vec<String> = Vec::new();
        for (name, value) in asked {
            match name.as_str() {
                "format" => selection.format = Some(value.clone()),
                "limit" => selection.limit = number(name, value)?.min(most),
                "offset" => selection.offset = number(name, value)?,
                "bom" => selection.has_mark = switch(name, value)?,
                "published" => selection.is_published = switch(name, value)?,
                "columns" => {
                    let chosen = value.split(',').map(|name| known(columns, name).map(|column| ident(&column.name)));
                    selection.columns = chosen.collect::<Result<Vec<_>, _>>()?.join(", ");
                }
                "order" => {
                    for part in value.split(',') {
                        let (name, direction) = match part.rsplit_once('.') {
                            Some((name, direction @ ("asc" | "desc"))) => (name, direction),
                            _ => (part, "asc"),
                        };
                        order.push(format!("{} {direction} nulls last", ident(&known(columns, name)?.name)));
                    }
                }
                _ => selection.filter(name, value, columns)?,
            }
        }
        // rows with equal values stand in one order, so that pages do not overlap
        let rest = columns.iter().filter(|column| key.contains(&column.name)).map(|column| ident(&column.name));
        selection.order = order.into_iter().chain(rest).collect::<Vec<_>>().join(", ");
        Ok(selection)
    }

    fn filter(&mut self, name: &str, value: &str, columns: &[Column]) -> Result<(), ApiError> {
        let is_column = |name: &str| columns.iter().any(|column| column.name == name);
        let (column, operator) = match name.rsplit_once('.') {
            Some((column, operator)) if !is_column(name) => (column, operator),
            _ => (name, "eq"),
        };
        let column = known(columns, column)?;
        let place = ident(&column.name);
        let compared = OPERATORS.iter().find(|(name, _)| *name == operator).map(|(_, sql)| *sql);
        let condition = match (operator, compared) {
            ("null", _) => format!("{place} is {}null", if switch(name, value)? { "" } else { "not " }),
            ("in", _) => {
                let values: Vec<String> = value.split(',').map(|value| self.bound(value, &column.r#type)).collect();
                format!("{place} in ({})", values.join(", "))
            }
            ("like", _) => format!("cast({place} as varchar) like {}", self.bound(value, "VARCHAR")),
            (_, Some(compared)) => format!("{place} {compared} {}", self.bound(value, &column.r#type)),
            (_, None) => {
                let known = OPERATORS.map(|(name, _)| name).into_iter().chain(["in", "null"]);
                return Err(refused(format!(
                    "{name}: there is no comparison {operator}{}; it may be {}",
                    hint(operator, known.clone()),
                    known.collect::<Vec<_>>().join(", ")
                )));
            }
        };
        self.conditions += if self.conditions.is_empty() { "\nwhere " } else { " and " };
        self.conditions += &condition;
        Ok(())
    }

    /// A value as a parameter that is of a column's type.
    fn bound(&mut self, value: &str, r#type: &str) -> String {
        self.parameters.push(Value::String(value.to_owned()));
        format!("cast(${} as {type})", self.parameters.len())
    }

    /// The query for one page of a relation.
    fn sql(&self, name: &str) -> String {
        let columns = if self.columns.is_empty() { "*" } else { &self.columns };
        let mut sql = format!("select {columns} from {}{}", ident(name), self.conditions);
        if !self.order.is_empty() {
            write!(sql, "\norder by {}", self.order).ok();
        }
        if self.offset > 0 {
            write!(sql, "\nlimit {} offset {}", self.limit + 1, self.offset).ok();
        }
        sql
    }
}

/// What the answer is of: the warehouse as it was published, and what was asked of it.
fn tag(state: &State, asked: &str) -> Option<HeaderValue> {
    let about = std::fs::metadata(state.config.warehouse_path()).ok()?;
    let mut digest = DefaultHasher::new();
    (about.dev(), about.ino(), about.mtime(), about.mtime_nsec(), asked).hash(&mut digest);
    format!("\"{:016x}\"", digest.finish()).parse().ok()
}

/// The rows of a relation. `column=value` and `column.gte=value` (also eq, ne, lt, lte, gt, like, in, null) keep some of them.
#[utoipa::path(get, path = "/views/{name}", operation_id = "view_rows", tag = "figures", security(("analyst_token" = []), ("admin_token" = []), ()),
    params(
        ("name" = String, Path, description = "A relation that /views lists"),
        ("format" = Option<String>, Query, description = "json, csv, parquet or arrow; else what Accept says"),
        ("columns" = Option<String>, Query, description = "The columns, with commas between; all where it is left out"),
        ("order" = Option<String>, Query, description = "Columns with commas between, each with .desc or .asc", example = "day.desc"),
        ("limit" = Option<u64>, Query, description = "The most rows; SQL_ROWS where it is left out or larger"),
        ("offset" = Option<u64>, Query, description = "How many rows are passed over"),
        ("bom" = Option<u64>, Query, description = "1: CSV begins with a byte order mark, by which Excel knows UTF-8"),
        ("published" = Option<u64>, Query, description = "1: files that were saved since the last run are passed over"),
    ),
    responses(
        (status = 200, description = "The rows: an array of objects, or what was asked for. X-Row-Count says how many, X-Total-Count how many there are in all where that is known; ETag changes with what is published; X-View-Error says what is wrong with the saved file where the rows are those of the last run",
            content((Vec<Object> = "application/json"), (String = "text/csv"), (String = "application/vnd.apache.parquet"), (String = "application/vnd.apache.arrow.stream"))),
        (status = 304, description = "Nothing has changed since the answer that If-None-Match names"),
        (status = 400, body = ErrorBody, description = "A column, a comparison or a value that there is not"),
        (status = 401, body = ErrorBody, description = "REPORTS shows them on the server's machine alone, or to whoever holds a token"),
        (status = 404, body = ErrorBody, description = "There is no such relation, or it is not shown"),
        (status = 422, body = ErrorBody, description = "It needs more time than SQL_SECONDS or more memory than SQL_MEMORY_MB"),
        (status = 503, body = ErrorBody, description = "There is no warehouse, or too many queries wait"),
    ))]
pub async fn rows(
    _: Reader,
    Of(state): Of<Shared>,
    name: Result<Named<String>, PathRejection>,
    asked: Result<Query<Vec<(String, String)>>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (Named(name), Query(asked)) = (name?, asked?);
    let (files, project) = project(&state).await?;
    if !shown(&project).any(|one| one == name) {
        let near = hint(&name, shown(&project));
        return Err(ApiError::NotFound(format!("there is no view {name}{near}; /views lists them")));
    }
    let relation = project.relations.iter().find(|one| one.name == name);
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let tag = tag(&state, &format!("{files} {name} {accept} {asked:?}"));
    if let Some(tag) = tag.as_ref().filter(|tag| headers.get(header::IF_NONE_MATCH) == Some(tag)) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag.clone())]).into_response());
    }
    let columns = columns(&state, &name).await?;
    let selection = Selection::read(&asked, &columns, relation.map_or(&[], |one| &one.key), state.config.queries.rows)?;
    let form = result::form(selection.format.as_deref(), &headers)?;
    let sql = selection.sql(&name);
    let (limit, is_published) = (selection.limit, selection.is_published);
    let ask = Ask { sql, parameters: selection.parameters.clone(), limit, form, is_published };
    let answer = state.desk.answer(Asker::Server, &ask).await?;
    let error = answer.head.changes.iter().find_map(|change| change.problem.as_ref()).and_then(in_a_header);
    let total = match answer.head.is_cut {
        false if answer.head.rows > 0 || selection.offset == 0 => Some(selection.offset + answer.head.rows),
        _ if relation.is_some_and(|one| one.materialize == Materialize::Table) => {
            count(&state, &name, &selection).await
        }
        _ => None,
    };
    let mut response = result::response(answer, form, &name, selection.has_mark);
    let kept = HeaderValue::from_static("private, no-cache");
    let total = total.map(|total| (TOTAL.clone(), HeaderValue::from(total)));
    response.headers_mut().extend([(header::CACHE_CONTROL, kept), (header::VARY, header::ACCEPT.into())]);
    let error = error.map(|error| (ERROR.clone(), error));
    response.headers_mut().extend(total.into_iter().chain(tag.map(|tag| (header::ETAG, tag))).chain(error));
    Ok(response)
}

/// The columns of a relation, with their types.
async fn columns(state: &State, name: &str) -> Result<Vec<Column>, ApiError> {
    let rows = state.desk.rows(&format!("from {} limit 0", ident(name)), Vec::new(), 0).await?;
    Ok(rows.columns)
}

/// How many rows a selection has on all pages together.
async fn count(state: &State, name: &str, selection: &Selection) -> Option<usize> {
    let sql = format!("select count(*) as rows from {}{}", ident(name), selection.conditions);
    let counted = state.desk.rows(&sql, selection.parameters.clone(), 1).await.ok()?;
    counted.get(0, "rows").as_u64().and_then(|rows| usize::try_from(rows).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &[(&str, &str)]) -> Result<Selection, ApiError> {
        let column = |(name, r#type): (&str, &str)| Column { name: name.to_owned(), r#type: r#type.to_owned() };
        let columns = [("day", "DATE"), ("ctr", "DOUBLE"), ("limit", "BIGINT"), ("a.gt", "VARCHAR")].map(column);
        let asked: Vec<_> = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Selection::read(&asked, &columns, &["day".to_owned()], 100)
    }

    #[test]
    fn an_address_becomes_sql_whose_values_are_parameters() -> Result<()> {
        let asked = read(&[
            ("day.gte", "2026-10-01"),
            ("ctr.in", "1,2"),
            ("a.gt", "x' or 1=1 --"),
            ("limit.eq", "3"),
            ("ctr.null", "0"),
            ("order", "ctr.desc"),
            ("limit", "5"),
            ("offset", "10"),
            ("columns", "day,ctr"),
        ]);
        let asked = asked.map_err(|error| anyhow::anyhow!("{error:?}"))?;
        insta::assert_snapshot!(format!("{}\n{:?}", asked.sql("funnel"), asked.parameters), @r#"
        select "day", "ctr" from "funnel"
        where "day" >= cast($1 as DATE) and "ctr" in (cast($2 as DOUBLE), cast($3 as DOUBLE)) and "a.gt" = cast($4 as VARCHAR) and "limit" = cast($5 as BIGINT) and "ctr" is not null
        order by "ctr" desc nulls last, "day"
        limit 6 offset 10
        [String("2026-10-01"), String("1"), String("2"), String("x' or 1=1 --"), String("3")]
        "#);
        Ok(())
    }

    #[test]
    fn a_problem_is_one_line_of_ascii_in_a_header() {
        let problem = Problem::at_line(std::path::Path::new("views/数.sql"), 2, "100% wrong,\nall of it");
        let header = in_a_header(&Problem { caret: Some("  ^".to_owned()), ..problem });
        assert_eq!(header, HeaderValue::from_str("views/%E6%95%B0.sql:2: 100%25 wrong,%0Aall of it").ok());
    }

    #[test]
    fn what_there_is_not_is_refused_by_name() {
        for (name, value, said) in [
            ("dya", "1", "there is no column dya"),
            ("day.gtt", "1", "there is no comparison gtt"),
            ("order", "ctrr", "there is no column ctrr"),
            ("order", "ctr; drop table x", "there is no column"),
            ("columns", "day,\"", "there is no column"),
            ("limit", "-1", "limit is \"-1\""),
            ("offset", "x", "offset is \"x\""),
            ("bom", "yes", "bom is \"yes\""),
        ] {
            let Err(ApiError::BadRequest(message)) = read(&[(name, value)]) else { panic!("{name}={value}") };
            assert!(message.contains(said), "{name}={value}: {message}");
        }
    }
}
