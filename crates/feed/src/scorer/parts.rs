//! The parts of a score that need no prediction.

use base::Timestamp;

use crate::{Candidate, Query, Weights};

/// How much of the taste part "surprise me" takes away.
const SURPRISE_SHARE: f32 = 0.6;
/// A creator counts for half of what the hashtags count: one person posts about many things.
const CREATOR_SHARE: f32 = 0.5;

/// What the viewer's tastes add, about -`weights.taste` to `weights.taste`. It carries a viewer's first steps and fades as
/// the learner gets to know them: it halves at `taste_half_watched` watched clips.
pub fn taste(query: &Query, candidate: &Candidate, weights: &Weights) -> f32 {
    let half = weights.taste_half_watched.max(1.0);
    let fading = half / (half + query.state.learned_from() as f32);
    let weight = weights.taste * fading * (1.0 - SURPRISE_SHARE * query.surprise());
    let followed = if candidate.taste.followed { weights.followed } else { 0.0 };
    weight * (candidate.taste.hashtags + CREATOR_SHARE * candidate.taste.creator) + followed
}

/// 1 at publication, halving every `half_hours`; 1 for what was published in the future of a clock that is behind.
pub fn freshness(published_at: Timestamp, now: Timestamp, half_hours: f32) -> f32 {
    let hours = now.millis_since(published_at).max(0) as f32 / 3_600_000.0;
    (-hours / half_hours.max(0.01)).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freshness_halves() {
        fn check(hours: i64, expected: f32) {
            let now = Timestamp::from_millis(1_000 * 3_600_000);
            let fresh = freshness(now.plus_millis(-hours * 3_600_000), now, 48.0);
            assert!((fresh - expected).abs() < 1e-5, "{hours}: {fresh}");
        }
        check(0, 1.0);
        check(-5, 1.0);
        check(48, 0.5);
        check(96, 0.25);
    }
}
