//! What DuckDB says of errors, as people read it.

/// What DuckDB says of an error, without what the driver adds.
pub fn message(error: &duckdb::Error) -> String {
    match error {
        duckdb::Error::DuckDBFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    }
}

/// An error of DuckDB's in one line, without the statement it repeats.
pub fn short_error(error: &duckdb::Error) -> String {
    let text = message(error);
    let text = text.split("\n\nLINE ").next().unwrap_or(&text);
    text.replace("Invalid Input Error: ", "").split_whitespace().collect::<Vec<_>>().join(" ")
}
