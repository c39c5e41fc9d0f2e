//! Pages for people, rendered here: what lists show, how well they do, what runs did, what the SQL project is made of.
//!
//! A page is a file in `pages/`, with its routes below `/console`; [`Ui`] says in which language and for whom, `layout` stands
//! around all of them, `parts` has what they are made of, `chart` draws results. What pages show of the warehouse they ask for
//! at the [desk](crate::query::Desk). There is no build step: styles, scripts and ECharts are files in `assets/`.

mod assets;
mod chart;
mod features;
mod fragment;
mod layout;
mod pages;
mod parts;
mod sources;
mod ui;

pub use pages::pages;

use layout::{Section, page};
use ui::Ui;
