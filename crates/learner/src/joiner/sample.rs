//! Learning from some of the noes: most impressions end without any deed, and most of what is learned says so once more.
//!
//! An example none of whose labels is above 0 is given with the probability [`JoinerConfig::negatives_kept`] and then weighs its
//! inverse (Horvitz and Thompson 1952), so that every sum over examples, and with it the calibration, is what it would be with all of
//! them. A shift of the logits would save the weight, but each of the tasks in an example would need its own, and net, effects,
//! pairwise loss and the measured figures each their own correction; a weight corrects all of them at once. A viewer's share
//! ([`crate::Config::viewer_weight_max`]) is used up as fast as before.
//!
//! The impression's key decides, not a draw: the order of events changes nothing, and a replay keeps the same ones.

use super::entry::Entry;
use super::event::{JoinerConfig, NEGATIVES_KEPT_MIN};
use crate::math::mix;
use crate::task::Labels;

impl JoinerConfig {
    /// What an example of this entry weighs; `None` when it is left out.
    pub(super) fn weight(&self, entry: &Entry, labels: &Labels) -> Option<f32> {
        let share = self.negatives_kept.max(NEGATIVES_KEPT_MIN).min(1.0);
        if share == 1.0 || labels.0.iter().flatten().any(|label| *label > 0.0) {
            return Some(1.0);
        }
        let of = [entry.shown.viewer.viewer, entry.video.video, entry.slate.unwrap_or(entry.at_ms as u64)];
        let key = of.into_iter().fold(mix(self.seed), |key, part| mix(key ^ part));
        let drawn = (key >> 40) as f32 / (1u64 << 24) as f32;
        (drawn < share).then_some(1.0 / share)
    }
}
