//! Ids of datasets and users in JSON: as numbers or, for readers that would lose digits of them, as strings.

use serde::{Serialize, Serializer};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{Object, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// The largest id that a JavaScript number holds exactly, `Number.MAX_SAFE_INTEGER`.
pub const EXACT: i64 = (1 << 53) - 1;

/// How ids are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdFormat {
    /// As JSON numbers.
    #[default]
    Number,
    /// As JSON strings.
    String,
}

impl IdFormat {
    /// That of a name.
    pub fn named(name: &str) -> Option<Self> {
        match name.to_lowercase().as_str() {
            "number" => Some(Self::Number),
            "string" => Some(Self::String),
            _ => None,
        }
    }

    /// Whether JavaScript would change digits of an id that is written so.
    pub fn is_lossy(self, id: i64) -> bool {
        self == Self::Number && id > EXACT
    }

    /// An id that will be written so.
    pub fn id(self, value: i64) -> Id {
        Id { value, format: self }
    }

    /// What a description of the API says of ids.
    pub fn schema(self) -> Object {
        let schema = ObjectBuilder::new().description(Some("The marketplace's id"));
        match self {
            Self::Number => schema
                .schema_type(Type::Integer)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
                .minimum(Some(0)),
            Self::String => schema.schema_type(Type::String).pattern(Some("^(0|[1-9][0-9]{0,18})$")),
        }
        .build()
    }
}

/// An id with the way it is written.
#[derive(Clone, Copy, Debug)]
pub struct Id {
    value: i64,
    format: IdFormat,
}

impl Id {
    /// The id itself, whichever way it is written.
    pub fn number(self) -> i64 {
        self.value
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
        match self.format {
            IdFormat::Number => into.serialize_i64(self.value),
            IdFormat::String => into.collect_str(&self.value),
        }
    }
}

impl PartialSchema for Id {
    fn schema() -> RefOr<Schema> {
        Schema::Object(IdFormat::default().schema()).into()
    }
}

impl ToSchema for Id {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_keeps_all_its_digits_either_way() -> serde_json::Result<()> {
        let large = 1_790_000_000_000_000_003;
        assert_eq!(serde_json::to_string(&IdFormat::Number.id(large))?, "1790000000000000003");
        assert_eq!(serde_json::to_string(&IdFormat::String.id(large))?, "\"1790000000000000003\"");
        assert_eq!((EXACT as f64) as i64, EXACT);
        assert_eq!(((EXACT + 2) as f64) as i64, EXACT + 1, "one more than the largest is taken for another");
        assert!(
            IdFormat::Number.is_lossy(large) && !IdFormat::Number.is_lossy(EXACT) && !IdFormat::String.is_lossy(large)
        );
        assert_eq!(
            ["STRING", "number", "auto"].map(IdFormat::named),
            [Some(IdFormat::String), Some(IdFormat::Number), None]
        );
        Ok(())
    }
}
