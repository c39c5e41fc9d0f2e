//! How good the lists are: held-out visits replayed against a model that has not seen them. SQL does the arithmetic
//! (`sql/evaluate/`); this writes what it reads and the files it makes.

mod calibration;
mod certainty;
mod daily;
mod dataset_metrics;
mod drawing;
pub mod experiments;
mod exposure_metrics;
mod fairness;
mod gate;
mod held_out;
pub mod offline;
pub mod operator_figures;
mod quality_history;
mod quality_report;
mod replay;
pub mod reports;
pub mod session_files;
mod summary;
pub mod table;
pub mod tracking;
mod tracking_files;

pub use dataset_metrics::dataset_metrics_csv;
pub use exposure_metrics::{ExposureMetrics, exposure_metrics};
pub use gate::{Difference, difference, replay_current, worse};
pub use held_out::{HOLDOUT, STEPS, forget, policy, replay_held_out};
pub use offline::Subject;
pub use operator_figures::{ExperimentFigures, OperatorFigures};
pub use quality_history::keep_quality;
pub use quality_report::quality_report;
pub use replay::replay;
pub use summary::{headline, summary, summary_file};
