//! What is learned from: features as they stood when the page was made, and what came of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::features::{VideoFeatures, ViewerFeatures};
use crate::task::Labels;

/// One (partly) labelled impression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Example {
    pub viewer: ViewerFeatures,
    pub video: Arc<VideoFeatures>,
    pub labels: Labels,
    /// How much it counts; 1 as a rule. Held to [`crate::Config::weight_max`].
    pub weight: f32,
    /// When the features stood so: the video's age and the history's recency count from here.
    pub at_ms: i64,
}

/// What became of an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trained {
    Learned,
    /// The viewer, or their origin, has had their share of this window: predicted and measured, not learned.
    Capped,
    /// A label, weight or feature is no number or out of range: counted, nothing changed.
    Refused,
}
