//! JSON as DuckDB writes it, for whoever keeps to the standard.

use std::borrow::Cow;

/// DuckDB's JSON as others read it: it writes NaN and Infinity, for which JSON has no word but null.
pub fn plain_json(json: &str) -> Cow<'_, str> {
    const ODD: [&str; 3] = ["-Infinity", "Infinity", "NaN"];
    if !ODD.iter().any(|word| json.contains(word)) {
        return Cow::Borrowed(json);
    }
    let (mut clean, mut rest, mut is_text) = (String::with_capacity(json.len()), json, false);
    while let Some(next) = rest.chars().next() {
        let odd = ODD.iter().find(|word| !is_text && rest.starts_with(*word));
        let taken = match (odd, next) {
            (Some(word), _) => word.len(),
            (None, '\\') => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            (None, _) => next.len_utf8(),
        };
        is_text ^= next == '"';
        clean += if odd.is_some() { "null" } else { &rest[..taken] };
        rest = &rest[taken..];
    }
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_none_become_null_and_texts_stay() {
        let json = r#"{"a":NaN,"b":-Infinity,"NaN":"Infinity \" NaN","c":[Infinity,"\\",NaN]}"#;
        assert_eq!(plain_json(json), r#"{"a":null,"b":null,"NaN":"Infinity \" NaN","c":[null,"\\",null]}"#);
        assert_eq!(plain_json("[1,\"数\"]"), "[1,\"数\"]");
    }
}
