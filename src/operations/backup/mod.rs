//! Backups: one file that holds a moment of everything that is lost with a machine, made while servers and runs go on; and the
//! way back from it.
//!
//! `sources` says what belongs to one, `snapshot` holds a moment fast, `archive` writes it, `reading` reads and checks it,
//! `restore` puts it in place, `moves` does that in a way that a kill cannot cut in half.

mod archive;
mod keep;
mod make;
mod manifest;
mod moves;
mod name;
mod part;
mod reading;
mod restore;
mod snapshot;
mod sources;
mod user_files;

pub use keep::{Kept, backups, superfluous};
pub use make::{Made, Options, make};
pub use manifest::{FORMAT, Manifest, Member};
pub use moves::{is_cut_short, settle};
pub use part::Part;
pub use reading::Archive;
pub use restore::{Restored, Wanted, restore};
