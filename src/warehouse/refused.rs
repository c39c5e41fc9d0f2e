//! What nobody's SQL calls, neither a query nor a file of the project. The sandbox stands behind it: what is refused here by
//! name is told in words, would tell of paths, change what others see, or hide a name in a text.

/// Functions and relations that no query may use, whatever stands before their names, each group with why.
const REFUSED: [(&str, &[&str]); 4] = [
    (
        "reads files, and a query reads the warehouse alone",
        &[
            "glob",
            "parquet_bloom_probe",
            "parquet_file_metadata",
            "parquet_full_metadata",
            "parquet_kv_metadata",
            "parquet_metadata",
            "parquet_scan",
            "parquet_schema",
            "read_blob",
            "read_csv",
            "read_csv_auto",
            "read_duckdb",
            "read_json",
            "read_json_auto",
            "read_json_objects",
            "read_json_objects_auto",
            "read_ndjson",
            "read_ndjson_auto",
            "read_ndjson_objects",
            "read_parquet",
            "read_text",
            "sniff_csv",
        ],
    ),
    (
        "tells of the server's settings and folders",
        &[
            "current_setting",
            "duckdb_databases",
            "duckdb_extensions",
            "duckdb_external_file_cache",
            "duckdb_profiling_settings",
            "duckdb_secret_types",
            "duckdb_secrets",
            "duckdb_settings",
            "duckdb_temporary_files",
            "getenv",
            "pg_settings",
            "pragma_database_list",
            "which_secret",
        ],
    ),
    (
        "changes what other queries see, or shows them",
        &[
            "arrow_scan",
            "arrow_scan_dumb",
            "check_peg_parser",
            "checkpoint",
            "current_query",
            "disable_logging",
            "disable_peg_parser",
            "disable_profiling",
            "duckdb_log_contexts",
            "duckdb_logs",
            "duckdb_logs_parsed",
            "duckdb_prepared_statements",
            "enable_logging",
            "enable_peg_parser",
            "enable_profiling",
            "force_checkpoint",
            "nextval",
            "pandas_scan",
            "pg_prepared_statements",
            "python_map_function",
            "seq_scan",
            "setseed",
            "truncate_duckdb_logs",
            "write_log",
        ],
    ),
    ("runs a text as a query; write the query itself", &["json_execute_serialized_sql", "query", "query_table"]),
];

/// Why no SQL of other people's may call a function, or read a relation, of this name (in lower case); nothing where it may.
pub fn refused(name: &str) -> Option<&'static str> {
    REFUSED.iter().find(|(_, names)| names.contains(&name)).map(|(why, _)| *why)
}
