//! Who is told of what: receivers and routes from `notify.toml`, the gateway that takes Alertmanager's and Sentry's
//! webhooks, and what brings messages to WeCom, DingTalk, Feishu, webhooks, mailboxes and commands.
//!
//! A notice becomes a file for each receiver before anybody hears that it was taken (`telling`); what is due for a receiver
//! becomes one message of one or more letters (`letters`), each a file again until the receiver has it (`delivery`). Both are
//! outboxes: a kill at any moment loses none and doubles none.

mod alertmanager;
mod delivery;
mod fields;
mod gateway;
mod hours;
mod kinds;
mod letters;
mod metrics;
mod notice;
mod overview;
mod read;
mod receiver;
mod route;
mod routing;
mod sentry;
mod split;
mod telling;
#[cfg(test)]
mod testing;
mod trying;

pub use delivery::{deliver_for, duty as delivery_duty};
pub use gateway::{duty as gateway_duty, listener, serve};
pub use notice::{Notice, Source, State, Words, episode};
pub use overview::{Overview, overview};
pub use read::is_open_to_others;
pub use receiver::Receiver;
pub use routing::{Choice, Routing};
pub use telling::{acknowledge, tell};
pub use trying::try_receiver;
