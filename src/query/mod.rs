//! Questions to the published warehouse: somebody's query from its text to its rows, in the form asked for, behind a fence.
//!
//! A query reads the warehouse and nothing else: no file, no network, no setting. What asks from the command line runs in its
//! own process; what asks a server goes to the [`Desk`], which hands it to a process of its `pool`: that is a `worker`, which
//! lets through what the `fence` does and speaks in `frames`.

mod answer;
mod desk;
mod fence;
mod frames;
mod pool;
mod preview;
mod prompt;
#[expect(clippy::module_inception, reason = "the room is named after what is in it")]
mod query;
mod rows;
mod screen;
mod session;
mod statements;
mod table;
mod worker;

pub use desk::{Desk, Refusal};
pub use frames::{Ask, Form, Head, Mistake};
pub use pool::{Answer, Asker, Outcome};
pub use preview::preview_file;
pub use prompt::{Prompt, is_possible, prompt};
pub use query::{Format, Query, run_query};
pub use rows::{Column, Rows};
pub use screen::{Paged, ROWS, Screen};
pub use session::{Look, Session};
pub use table::Extent;
pub use worker::{is_worker, work};
