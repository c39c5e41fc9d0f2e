//! The types that a contract may name, in the spellings of MySQL, DuckDB and pandas, and the kind of value each asks for.

use crate::common::language::either;

/// What kind of value a type asks for; the macro `reads_as` says which text is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Whole,
    /// A whole number or a flag: MySQL has no flags but `tinyint(1)`.
    Tiny,
    Number,
    Flag,
    Time,
    Text,
}

impl Kind {
    /// The kind that a type's name asks for: `BIGINT(20) unsigned` is a whole number. Lengths are not looked at.
    pub fn of(name: &str) -> Option<Self> {
        let name = name.trim().to_lowercase();
        let word = name.split(['(', '[', ' ']).next().unwrap_or_default();
        Some(match word {
            "bigint" | "int" | "integer" | "mediumint" | "smallint" | "int2" | "int4" | "int8" | "int16" | "int32"
            | "int64" | "uint8" | "uint16" | "uint32" | "uint64" | "ubigint" | "uinteger" | "usmallint" | "hugeint"
            | "long" | "serial" | "bigserial" | "year" => Self::Whole,
            "tinyint" | "utinyint" => Self::Tiny,
            "double" | "float" | "float4" | "float8" | "float32" | "float64" | "real" | "decimal" | "numeric"
            | "number" | "dec" | "money" => Self::Number,
            "boolean" | "bool" | "bit" => Self::Flag,
            "datetime" | "datetime64" | "timestamp" | "timestamptz" | "date" => Self::Time,
            "varchar" | "nvarchar" | "char" | "character" | "string" | "str" | "text" | "tinytext" | "mediumtext"
            | "longtext" | "enum" | "set" | "json" | "uuid" | "binary" | "varbinary" | "blob" | "tinyblob"
            | "mediumblob" | "longblob" | "bytes" | "object" => Self::Text,
            _ => return None,
        })
    }

    /// What names a type may have, for an error.
    pub fn names() -> &'static str {
        either(
            "bigint, int, tinyint, double, decimal, boolean, datetime, timestamp, date, varchar, text and their like",
            "bigint、int、tinyint、double、decimal、boolean、datetime、timestamp、date、varchar、text 等",
        )
    }

    /// Its name in the macro `reads_as`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Tiny => "tiny",
            Self::Number => "number",
            Self::Flag => "flag",
            Self::Time => "time",
            Self::Text => "text",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_told_in_every_spelling() {
        for (name, kind) in [
            ("bigint(20)", Kind::Whole),
            ("INT UNSIGNED", Kind::Whole),
            ("int64", Kind::Whole),
            ("tinyint(1)", Kind::Tiny),
            ("decimal(10, 2)", Kind::Number),
            ("float64", Kind::Number),
            ("boolean", Kind::Flag),
            ("timestamp with time zone", Kind::Time),
            ("datetime64[ns]", Kind::Time),
            ("varchar(255)", Kind::Text),
            ("enum('a','b')", Kind::Text),
            (" String ", Kind::Text),
        ] {
            assert_eq!(Kind::of(name), Some(kind), "{name}");
        }
        for name in ["", "decimall", "varchar255", "geometry"] {
            assert_eq!(Kind::of(name), None, "{name}");
        }
    }
}
