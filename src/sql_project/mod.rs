//! The SQL project: one `SELECT` a file in `sql/` and `views/`, ordered by what each reads, and the macros they share.
//!
//! A file's name is its relation's name and its first comment lines are its header. There are no templates: what feeds
//! what is read from DuckDB's own parse tree, so a file runs as it is in any DuckDB client. The program carries the files as
//! they were when it was built, and runs on them where no folder of the user's has others.

mod build;
mod built;
mod changes;
mod chart;
mod check;
mod dashboards;
mod data_test;
mod errors;
mod exports;
mod header;
mod lineage;
mod listing;
mod load;
mod macros;
mod own_copy;
mod preview;
mod relation;
mod room;
mod source_file;
mod syntax;

pub use build::{Built, existing, export_parquet};
pub use built::{BUILT, FAILED, FailedView, create_built_tables, failed_views, keep_failed};
pub use changes::{Change, Sight, Why, all_changes, current, files_stamp, see_changes_for};
pub use chart::{Chart, ChartKind};
pub use check::Violation;
pub use dashboards::{Dashboard, Dashboards, Panel, Text, Width};
pub use data_test::{DataTest, FAILING, TestKind, TestResult, create_test_tables};
pub use errors::Problem;
pub use exports::{exported, keep_exported};
pub use header::Column;
pub use listing::{Listed, Neighbours};
pub use load::{Broken, Project};
pub use macros::Macro;
pub use own_copy::{Difference, Written, differences, write_out};
pub use preview::{Preview, preview, relation_of};
pub use relation::{Materialize, Relation};
pub use room::Room;
