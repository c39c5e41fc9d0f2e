//! Settings. A value comes from the first place that has one: a flag, the environment, the files of the `.env` family,
//! `nearset.toml`, the default.
//!
//! Each setting is written once, in `settings.rs`: its name, its default, its sentence and its reader; the help and
//! `nearset.example.toml` are made of that. What the replaced system called otherwise stands in `old_names.rs`. A name nearset
//! does not know is ignored in `.env` and the environment (an `.env` of the replaced system works as it is) and an error in `nearset.toml`; a value it cannot use is an error that names it and
//! the place it came from. All such errors are told at once.

mod chinese;
mod dot_env;
mod help;
mod in_force;
mod kinds;
mod load;
mod moments;
mod old_names;
mod operations;
mod portable;
mod setting;
mod settings;
mod values;
mod variety;

pub use crate::common::secrets::Secret;
pub use help::{example_file, settings_help};
pub use in_force::{InForce, in_force, places};
pub use load::{gather, settings};
pub use moments::{parse_end, parse_moment, parse_start};
pub use old_names::old_names;
pub use operations::{Keep, LogFormat, Logs, Mlflow, Notify, Operations, Sampler, Schedule, Tracking};
pub use portable::Portable;
pub use setting::Setting;
pub use settings::{
    Config, Database, Durability, Exposures, Lists, Models, Outgoing, Parameters, Queries, Readers, Serve, Source,
    Sources, Train,
};
pub use values::{Origin, Overrides, Values, variable};
pub use variety::Variety;
