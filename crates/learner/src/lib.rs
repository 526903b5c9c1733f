//! The learner.
mod config;
mod error;
mod example;
mod features;
pub mod labels;
mod math;
mod task;

pub use config::Config;
pub use error::{Error, Result};
pub use example::{Example, Trained};
pub use features::{
    CONTENT_DIMS, ContentCode, HASHTAGS_MAX, HISTORY_HASHTAGS, HISTORY_MAX, HistoryItem, Outcome, Signals, VideoFeatures,
    ViewerFeatures, WORDS_MAX, feature_hash,
};
pub use math::{D, Level};
pub use task::{Labels, Prediction, Source, TABLE, TASKS, Task, TaskSpec};
