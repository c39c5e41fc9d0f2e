//! The API: lists from memory, each in the exposure log before it is answered.
//!
//! A request comes in through `http/` and a handler in `routes/`; `answer/` takes it from its parameters to its response, by
//! the version that `deployment/` assigns it to, from the cache in `lists/` where it can. `upkeep` notices what changes on
//! disk. Nothing here opens the warehouse; what pages show of it they ask for at the [desk](crate::query::Desk).

mod answer;
pub mod deployment;
mod endpoint;
mod exclusions;
mod http;
mod lists;
mod metrics;
mod preview;
mod recent_views;
mod routes;
mod server;
mod state;
mod test_requests;
#[cfg(test)]
mod testing;
mod upkeep;

pub use http::access::{Access, Admin, Analyst, Level, Reader};
pub use http::{access, sessions};
pub use preview::{Lists, Preview, Shown, Wanted};
pub use routes::{Pages, found};
pub use server::{check_address, print_where_to_look, serve};
pub use state::{Shared, State};
