//! The selector's settings.

use serde::{Deserialize, Serialize};

/// How a page is composed. "Deviations" are standard deviations of the candidates' scores: settings in them hold whatever
/// the scorer's scale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SelectorConfig {
    /// The most clips of one creator on a page of eight; longer pages allow proportionally more.
    pub creator_page_max: usize,
    /// The most clips of one creator among this page and the clips served before it, `creator_window` in all.
    pub creator_window_max: usize,
    pub creator_window: usize,
    /// Softmax temperature in deviations, at surprise 0 and at surprise 1.
    pub temperature_min: f32,
    pub temperature_max: f32,
    /// Share of the places that go to new videos, at surprise 0 and at surprise 1.
    pub explore_share_min: f32,
    pub explore_share_max: f32,
    /// A video with fewer impressions is new.
    pub explore_impressions_max: u64,
    /// Softmax temperature among the new videos, in deviations: high, since their scores are guesses.
    pub explore_temperature: f32,
    /// What repeating a hashtag, sound or creator costs at most, in deviations: for a viewer whom the feed knows, and for one
    /// whom it does not, who is shown many kinds.
    pub repeat_cost: f32,
    pub repeat_cost_unknown: f32,
    /// After so many watched clips a viewer counts as known.
    pub known_after: u32,
    /// How much of the cost is left to come after each repetition, 0 to 1: the cost of n repetitions is `1 - decay^n`.
    pub repeat_decay: f32,
    /// Scores that deviate less than this are taken for noise and not blown up.
    pub deviation_min: f32,
}

impl Default for SelectorConfig {
    fn default() -> Self {
        Self {
            creator_page_max: 3,
            creator_window_max: 8,
            creator_window: 24,
            temperature_min: 0.03,
            temperature_max: 1.0,
            explore_share_min: 0.05,
            explore_share_max: 0.4,
            explore_impressions_max: 50,
            explore_temperature: 1.0,
            repeat_cost: 1.2,
            repeat_cost_unknown: 4.0,
            known_after: 8,
            repeat_decay: 0.6,
            deviation_min: 0.02,
        }
    }
}

/// The page length for which the caps are stated.
const CAP_PAGE_LEN: usize = 8;

impl SelectorConfig {
    /// Rises with the square of `surprise` (0 to 1), so that the middle of the slider is still mostly familiar.
    pub fn temperature(&self, surprise: f32) -> f32 {
        (self.temperature_min + (self.temperature_max - self.temperature_min) * surprise * surprise).max(1e-3)
    }

    /// Of the places on a page, 0 to 1.
    pub fn explore_share(&self, surprise: f32) -> f32 {
        (self.explore_share_min + (self.explore_share_max - self.explore_share_min) * surprise).clamp(0.0, 1.0)
    }

    /// The creator cap of a page of `want` clips, at least 1.
    pub fn creator_page_max(&self, want: usize) -> usize {
        (self.creator_page_max * want).div_ceil(CAP_PAGE_LEN).max(1)
    }

    /// What repeating costs a viewer of whom `watched` clips are known; more for one who wants to be surprised.
    pub fn repeat_cost(&self, watched: u32, surprise: f32) -> f32 {
        let known = (watched as f32 / self.known_after.max(1) as f32).min(1.0);
        (self.repeat_cost_unknown + (self.repeat_cost - self.repeat_cost_unknown) * known) * (1.0 + surprise)
    }
}
