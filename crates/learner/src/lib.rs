//! The learner.
mod backward;
pub mod bench;
mod config;
mod dense;
mod error;
mod example;
mod explain;
mod features;
mod forward;
pub mod labels;
pub mod joiner;
mod learner;
mod limits;
mod math;
mod metrics;
mod scale;
mod shape;
mod side;
mod snapshot;
mod table;
mod task;
mod taste;
mod trainer;
mod watch;

pub use config::Config;
pub use error::{Error, Result};
pub use example::{Example, Trained};
pub use explain::{Explanation, Group};
pub use features::{
    CONTENT_DIMS, ContentCode, HASHTAGS_MAX, HISTORY_HASHTAGS, HISTORY_MAX, HistoryItem, Outcome, Signals, VideoFeatures,
    ViewerFeatures, WORDS_MAX, feature_hash,
};
pub use math::{D, Level};
pub use task::{Labels, Prediction, Source, TABLE, TASKS, Task, TaskSpec};
pub use learner::Learner;
pub use metrics::{CalibrationBin, MetricPoint, Metrics, POINTS_MAX, TaskPoint, Totals};
pub use table::{ROW_BYTES, SLOT_BYTES};
pub use taste::{Topic, creators, topics};
pub use trainer::Trainer;

#[cfg(test)]
mod tests;
