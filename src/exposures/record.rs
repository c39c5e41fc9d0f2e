//! One exposure's record: what a line of the log says, as a server writes it, as it is read back, and as a run takes it in.
//! The only place that knows its form.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::common::ids::Id;

/// One answered list: a line of the log.
#[derive(Serialize)]
pub struct Exposure<'a> {
    /// New for every answer.
    pub request_id: &'a str,
    /// The marketplace's id of the visitor, where it is known.
    pub user_id: Option<Id>,
    /// The dataset whose page was looked at; `None` for a list that belongs to no page.
    pub page_id: Option<Id>,
    /// The model version that made the list.
    pub algorithm_version: &'a str,
    /// When it was answered; to the millisecond in the log.
    #[serde(serialize_with = "to_milliseconds")]
    pub timestamp: DateTime<Utc>,
    /// [`ExposureItem`]s; an item's position is its index.
    pub items: &'a RawValue,
    /// What the list was made with.
    pub context: Context<'a>,
}

/// A dataset in an answered list.
#[derive(Serialize)]
pub struct ExposureItem<R: Display> {
    /// The marketplace's id.
    pub dataset_id: Id,
    /// How likely it was to be chosen.
    pub score: f32,
    /// The figures that decided.
    #[serde(serialize_with = "as_text")]
    pub reason: R,
}

/// What a list was made with; the exposure log has the same.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Context<'a> {
    /// The route that answered.
    pub endpoint: &'a str,
    /// `primary`, or `fallback`.
    pub variant: &'a str,
    /// The experiment the visitor takes part in, and its variant there; `null` and `control` where in none.
    pub experiment: Option<&'a str>,
    /// The variant's name.
    pub experiment_variant: &'a str,
    /// What the version is in this answer: `primary`, `canary`, or `experiment`.
    #[schema(example = "primary")]
    pub model_role: &'a str,
    /// Why a fallback answered; `null` where none did.
    #[schema(example = "unknown_dataset")]
    pub degrade_reason: Option<&'a str>,
    /// The model version once more, under the name that reports ask for.
    pub model_run_id: &'a str,
    /// Who asked, where it was no visitor looking at a page: `prefetch`, `prerender` or `crawler`; `test` for a list that is tried,
    /// which is in no log; `null` else. Such a list counts as no exposure and no view.
    #[schema(example = "prefetch")]
    pub purpose: Option<&'a str>,
    /// What was tried in this list; `null` where nothing may be.
    pub exploration: Option<Exploration>,
    /// Where the list is shown, as the request says it (`X-Recommend-Source`, or `source`); `null` where it does not.
    #[schema(example = "search")]
    pub source: Option<&'a str>,
    /// What it is shown on, by the User-Agent: `mobile`, `tablet`, `desktop`, `bot` or `unknown`.
    #[schema(example = "desktop")]
    pub device_type: &'a str,
    /// The language that the browser prefers.
    #[schema(example = "zh-CN")]
    pub locale: Option<&'a str>,
    /// The program that asked, as `X-Client-App` says it.
    #[schema(example = "shop-web/3.2")]
    pub client_app: Option<&'a str>,
    /// Which state of the data the model was made of: the `as_of` of its run.
    #[schema(example = "20261016T000000Z")]
    pub feature_snapshot_id: &'a str,
    /// The same for all requests of one visitor, and not their name.
    #[schema(value_type = String, example = "9f3a2c71d05e")]
    pub visitor: Visitor,
    /// The exclusions that name who asks by address or User-Agent, which are not logged; in no answer.
    #[schema(ignore)]
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub excluded: &'a [String],
    /// Each variant's share of the experiment's visitors; absent where in none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, f64>>, example = json!({"control": 0.9, "more_content": 0.1}))]
    pub allocation: Option<&'a BTreeMap<String, f64>>,
    /// The share of visitors that is held out of all experiments; absent where nobody is, or the visitor has no name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 0.05)]
    pub holdout: Option<f64>,
}

/// A visitor without a name: what tells two apart, and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Visitor(u64);

impl Visitor {
    /// How many bits it has: two of a million visitors are taken for one in one of five hundred cases.
    const BITS: u32 = 48;

    /// One by a hash of all that is known of them.
    pub fn of_hash(hash: u64) -> Self {
        Self(hash >> (u64::BITS - Self::BITS))
    }

    fn named(text: &str) -> Option<Self> {
        let is_name = text.len() == Self::BITS as usize / 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        u64::from_str_radix(text, 16).ok().filter(|_| is_name).map(Self)
    }
}

impl Display for Visitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0width$x}", self.0, width = Self::BITS as usize / 4)
    }
}

impl Serialize for Visitor {
    fn serialize<S: Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
        into.collect_str(self)
    }
}

/// One place of some lists tries a dataset that just missed the list, or a new one.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Exploration {
    /// The place that was given to one, from 0; `null` in most lists.
    pub place: Option<usize>,
    /// With which probability any dataset of the list would stand in its place.
    pub kept: f64,
    /// With which probability the dataset that is tried stands where it does.
    pub explored: f64,
    /// With which probability any place is given to a new dataset; absent where none may come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<f64>,
    /// Whether a new dataset stands in the place that was given to one; absent where none may come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_new: Option<bool>,
}

/// What counting views needs of a line; whoever asks for a page's list looks at the page.
#[derive(Clone, Debug, Deserialize)]
pub struct View {
    /// The list.
    #[serde(default, deserialize_with = "text")]
    pub request_id: Option<String>,
    /// The known user.
    #[serde(default, deserialize_with = "number_or_text")]
    pub user_id: Option<i64>,
    /// The dataset whose page was looked at.
    #[serde(default, deserialize_with = "number_or_text")]
    pub page_id: Option<i64>,
    /// When.
    pub timestamp: DateTime<Utc>,
    /// Who looked at it.
    #[serde(default, rename = "context", deserialize_with = "onlooker")]
    pub by: Onlooker,
}

/// Who looked at a list that was logged, by its context.
#[derive(Clone, Debug, Default)]
pub struct Onlooker {
    /// Nobody did: the context has a purpose.
    pub is_none: bool,
    /// The visitor; `None` in lines of other systems.
    pub visitor: Option<Visitor>,
    /// The route that answered.
    pub endpoint: String,
    /// Where the list was shown.
    pub source: Option<String>,
    /// The exclusions that named who asked.
    pub excluded: Vec<String>,
}

/// A text; what is none says nothing.
fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(Value::deserialize(from)?.as_str().map(str::to_owned))
}

/// An id, however it was written; what is none is no id of ours.
fn number_or_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::Number(id) => id.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    })
}

/// Who a context says looked; what is no object says nothing.
fn onlooker<'de, D: Deserializer<'de>>(from: D) -> Result<Onlooker, D::Error> {
    let context = Value::deserialize(from)?;
    let text = |name: &str| context[name].as_str();
    let excluded = context["excluded"].as_array().into_iter().flatten();
    Ok(Onlooker {
        is_none: !context["purpose"].is_null(),
        visitor: text("visitor").and_then(Visitor::named),
        endpoint: text("endpoint").unwrap_or_default().to_owned(),
        source: text("source").map(str::to_lowercase),
        excluded: excluded.filter_map(|rule| rule.as_str().map(str::to_owned)).collect(),
    })
}

fn to_milliseconds<S: Serializer>(at: &DateTime<Utc>, into: S) -> Result<S::Ok, S::Error> {
    into.serialize_str(&at.to_rfc3339_opts(SecondsFormat::Millis, false))
}

fn as_text<S: Serializer>(text: &impl Display, into: S) -> Result<S::Ok, S::Error> {
    into.collect_str(text)
}

impl Exposure<'_> {
    /// The line, without its end.
    ///
    /// # Errors
    /// A figure that JSON cannot say.
    pub fn line(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }
}

/// How a run takes a field in. Ids are text: other systems that log here may have others than numbers.
#[derive(Clone, Copy)]
enum Column {
    Text,
    Items,
    Json,
}

/// The fields of an [`Exposure`].
const FIELDS: [(&str, Column); 7] = [
    ("request_id", Column::Text),
    ("user_id", Column::Text),
    ("page_id", Column::Text),
    ("algorithm_version", Column::Text),
    ("timestamp", Column::Text),
    ("items", Column::Items),
    ("context", Column::Json),
];

/// The fields of an [`ExposureItem`], with DuckDB's types.
const ITEM_FIELDS: [(&str, &str); 3] = [("dataset_id", "VARCHAR"), ("score", "DOUBLE"), ("reason", "VARCHAR")];

/// The columns of `raw.exposure_log`: `name type, …`.
pub(super) fn columns() -> String {
    let column = |(name, column): (&str, Column)| match column {
        Column::Text => format!("{name} varchar"),
        Column::Items => format!("{name} struct({})[]", joined(ITEM_FIELDS.map(|(name, of)| format!("{name} {of}")))),
        Column::Json => format!("{name} json"),
    };
    joined(FIELDS.map(column))
}

/// What goes into these columns: SQL expressions over a column of JSON records.
pub(super) fn values(record: &str) -> String {
    let value = |(name, column): (&str, Column)| match column {
        Column::Text => format!("{record} ->> '{name}'"),
        Column::Items => {
            let fields = joined(ITEM_FIELDS.map(|(name, of)| format!("\"{name}\":\"{of}\"")));
            format!("from_json({record} -> '{name}', '[{{{fields}}}]')")
        }
        Column::Json => format!("coalesce({record} -> '{name}', '{{}}'::json)"),
    };
    joined(FIELDS.map(value))
}

fn joined<const N: usize>(parts: [String; N]) -> String {
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::value::to_raw_value;

    use super::*;
    use crate::common::ids::IdFormat;

    fn line() -> Vec<u8> {
        written(IdFormat::Number, None)
    }

    fn written(ids: IdFormat, purpose: Option<&str>) -> Vec<u8> {
        let items = [ExposureItem { dataset_id: ids.id(1002), score: 0.25, reason: "popular: 3 views" }];
        let exploration = Some(Exploration { place: None, kept: 0.99, explored: 0.01, new: None, is_new: None });
        let context = Context {
            endpoint: "recommend_detail",
            variant: "primary",
            experiment: None,
            experiment_variant: "control",
            model_role: "primary",
            degrade_reason: None,
            model_run_id: "v1",
            purpose,
            exploration,
            source: Some("search"),
            device_type: "mobile",
            locale: Some("zh-CN"),
            client_app: None,
            feature_snapshot_id: "20261016T000000Z",
            visitor: Visitor::of_hash(0x0123_4567_89ab_cdef),
            excluded: &[],
            allocation: None,
            holdout: None,
        };
        let exposure = Exposure {
            request_id: "req_1",
            user_id: None,
            page_id: Some(ids.id(1001)),
            algorithm_version: "v1",
            timestamp: DateTime::from_timestamp_nanos(1_790_000_000_123_456_789),
            items: &to_raw_value(&items).expect("items"),
            context,
        };
        exposure.line().expect("a line")
    }

    #[test]
    fn a_line_is_what_it_always_was() {
        insta::assert_snapshot!(String::from_utf8(line()).expect("text"));
    }

    #[test]
    fn every_field_is_taken_in_and_no_other() {
        let line: Value = serde_json::from_slice(&line()).expect("JSON");
        let names =
            |object: &Value| object.as_object().map(|o| o.keys().cloned().collect::<Vec<_>>()).expect("an object");
        assert_eq!(names(&line), FIELDS.map(|(name, _)| name));
        assert_eq!(names(&line["items"][0]), ITEM_FIELDS.map(|(name, _)| name));
    }

    #[test]
    fn a_view_is_read_from_it() {
        let view: View = serde_json::from_slice(&line()).expect("a view");
        assert_eq!((view.page_id, view.timestamp.timestamp_millis()), (Some(1001), 1_790_000_000_123));
        assert_eq!((view.by.is_none, view.by.visitor), (false, Some(Visitor::of_hash(0x0123_4567_89ab_0000))));
        let read = |line: &[u8]| serde_json::from_slice::<View>(line).expect("a view");
        let text = read(&written(IdFormat::String, Some("crawler")));
        assert_eq!((text.page_id, text.by.is_none), (Some(1001), true));
        // lines of other systems
        for (page_id, context) in [
            (r#""home""#, "null"),
            ("7.5", "3"),
            ("true", r#""purpose""#),
            ("[7]", "[1]"),
            ("{}", "{}"),
            ("null", "true"),
            ("null", r#"{"visitor": "+12345678901"}"#),
            ("null", r#"{"visitor": "0123"}"#),
            ("null", r#"{"visitor": 7}"#),
        ] {
            let line =
                format!(r#"{{"page_id": {page_id}, "timestamp": "2026-10-15T00:00:00Z", "context": {context}}}"#);
            let other = read(line.as_bytes());
            assert_eq!((other.page_id, other.by.is_none, other.by.visitor), (None, false, None), "{line}");
        }
    }
}
