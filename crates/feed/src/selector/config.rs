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
    /// Softmax temperature in deviations, at surprise 0 and at surprise 1; see [`SelectorConfig::temperature`].
    pub temperature_min: f32,
    pub temperature_max: f32,
    /// Share of the places that go to new videos, at surprise 0 and at surprise 1; see [`SelectorConfig::explore_share`].
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
            explore_share_max: 0.35,
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
    /// The first setting that is out of its range, by name: for checking a configuration before it is used.
    pub fn invalid(&self) -> Option<&'static str> {
        let ranges = [
            ("temperature_min", self.temperature_min, 0.001..=100.0),
            ("temperature_max", self.temperature_max, 0.001..=100.0),
            ("explore_share_min", self.explore_share_min, 0.0..=1.0),
            ("explore_share_max", self.explore_share_max, 0.0..=1.0),
            ("explore_temperature", self.explore_temperature, 0.001..=100.0),
            ("repeat_cost", self.repeat_cost, 0.0..=100.0),
            ("repeat_cost_unknown", self.repeat_cost_unknown, 0.0..=100.0),
            ("repeat_decay", self.repeat_decay, 0.0..=1.0),
            ("deviation_min", self.deviation_min, 0.0..=100.0),
        ];
        // A range holds no value that is not a number.
        let float = ranges.into_iter().find(|(_, value, range)| !range.contains(value)).map(|(name, ..)| name);
        float.or((self.creator_page_max == 0).then_some("creator_page_max"))
    }

    /// Rises with the third power of `surprise` (0 to 1): in the middle, where the slider stands at first, a page is still
    /// mostly what the viewer likes (0.15 deviations).
    pub fn temperature(&self, surprise: f32) -> f32 {
        (self.temperature_min + (self.temperature_max - self.temperature_min) * surprise.powi(3)).max(1e-3)
    }

    /// Of the places on a page, 0 to 1. Rises with the square of `surprise`: one place in eight in the middle.
    pub fn explore_share(&self, surprise: f32) -> f32 {
        (self.explore_share_min + (self.explore_share_max - self.explore_share_min) * surprise.powi(2)).clamp(0.0, 1.0)
    }

    /// The creator cap of a page of `want` clips, at least 1.
    pub fn creator_page_max(&self, want: usize) -> usize {
        (self.creator_page_max * want).div_ceil(CAP_PAGE_LEN).max(1)
    }

    /// What repeating costs a viewer of whom `watched` clips are known: as configured in the middle of the slider, half of it
    /// for one who wants the familiar, half as much again for one who wants to be surprised.
    pub fn repeat_cost(&self, watched: u32, surprise: f32) -> f32 {
        let known = (watched as f32 / self.known_after.max(1) as f32).min(1.0);
        (self.repeat_cost_unknown + (self.repeat_cost - self.repeat_cost_unknown) * known) * (0.5 + surprise)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_range_are_named() {
        fn check(change: impl FnOnce(&mut SelectorConfig), expected: Option<&str>) {
            let mut config = SelectorConfig::default();
            change(&mut config);
            assert_eq!(config.invalid(), expected);
        }
        check(|_| (), None);
        check(|config| config.explore_share_max = 1.5, Some("explore_share_max"));
        check(|config| config.temperature_min = f32::NAN, Some("temperature_min"));
        check(|config| config.repeat_decay = -0.1, Some("repeat_decay"));
        check(|config| config.creator_page_max = 0, Some("creator_page_max"));
    }

    #[test]
    fn caps_grow_with_the_page() {
        fn check(want: usize, expected: usize) {
            assert_eq!(SelectorConfig::default().creator_page_max(want), expected, "{want}");
        }
        check(0, 1);
        check(1, 1);
        check(4, 2);
        check(8, 3);
        check(16, 6);
        check(50, 19);
    }
}
