//! Schema contracts: which columns a source's tables must have, and what may stand in them. Those of the old system's
//! `schema_contracts.yaml`, or without one the columns that nearset itself cannot do without.

mod checks;
mod file;
mod kind;
mod results;
mod rule;

pub use checks::{check, create_table};
pub use file::read;
pub use results::{Violation, violations};
pub use rule::{Contracts, own};
