//! A model version: what serving needs, in memory and as a folder on disk.
//!
//! A version is a folder that is complete before it is visible; its manifest names every file with its SHA-256, and carries
//! its own. `current` is a link that changes by rename. The tables are Parquet, so that `select * from 'models/current/neighbours.parquet'`
//! shows what is served.

mod codec;
mod features;
#[cfg(test)]
pub(crate) mod fixtures;
mod item;
mod manifest;
mod neighbours;
mod overview;
mod promotions;
mod ranker;
mod registry;
mod registry_file;
mod sessions;
mod traffic;
mod version;

pub use codec::{MANIFEST, is_read, load, ranker_of, read_manifest, unread, verify};
pub use features::{CANDIDATES, CLICKS_PRIOR_WEIGHT, CONTENT_PRIOR_WEIGHT, Channel, Columns, Feature, PRIOR_WEIGHTS};
pub use item::{History, Item, Newcomer, Ranked};
pub use manifest::{
    Ablation, Baseline, FORMAT, Holdout, ListFigures, ListMetrics, Manifest, OfflineSummary, RankerChoice, RankerTrial,
};
pub use neighbours::{Figure, Figures, Neighbour, Neighbours};
pub use overview::{Overview, loadable, overview};
pub use promotions::{Promotion, promotions};
pub use ranker::{Layer, Network, Ranker, Split, Tree};
pub use registry::{
    CURRENT, Check, Saved, Versions, current, list, load_current, name_run, promote, prune, require_current, rollback,
    save, set_beside, standbys, superfluous,
};
pub use registry_file::version_of_run;
pub use sessions::{Sessions, VisitIndex};
pub use traffic::{Beside, Share, Traffic, traffic, traffic_path};
pub use version::{Facts, Model, Parts, TIMEFRAMES};
