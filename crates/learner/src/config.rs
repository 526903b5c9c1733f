//! The trainer's limits and rates.

use serde::{Deserialize, Serialize};

/// Every limit of the learner. The defaults are those that the tests and the benchmark use.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Decides the first weights; two learners of one seed that saw the same are the same.
    pub seed: u64,
    /// Rows of all fields together; a new id beyond it gets none (counted) until rows that nobody met again make room.
    pub rows_max: u64,
    /// Step of the embedding rows (row-wise Adagrad).
    pub row_step: f32,
    /// Step of the dense weights (Adagrad).
    pub dense_step: f32,
    /// The largest weight of an example.
    pub weight_max: f32,
    /// The largest norm of the gradient at one hidden layer or row.
    pub gradient_norm_max: f32,
    /// A viewer's examples count at most this weight together per window.
    pub viewer_weight_max: f32,
    /// Length of that window, milliseconds.
    pub viewer_window_ms: i64,
    /// Viewers whose share is tracked in one window; beyond it new viewers are not held to a share (counted).
    pub viewers_tracked_max: usize,
    /// Viewers whose last impressions are remembered for the pairwise loss, about 200 bytes each.
    pub rivals_viewers_max: usize,
    /// At most one point of the metrics' time series per this long.
    pub metrics_every_ms: i64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            rows_max: 20_000_000,
            row_step: 0.07,
            dense_step: 0.04,
            weight_max: 10.0,
            gradient_norm_max: 4.0,
            viewer_weight_max: 600.0,
            viewer_window_ms: 10 * 60_000,
            viewers_tracked_max: 1_000_000,
            rivals_viewers_max: 200_000,
            metrics_every_ms: 5_000,
        }
    }
}
