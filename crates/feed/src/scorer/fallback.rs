//! A good page without the learner: what others finished and liked, what is new, and what the viewer's tastes say.

use async_trait::async_trait;

use super::{ScoreParts, Scorer, Scores, freshness, taste};
use crate::{Candidate, Counts, FeedError, Query, Weights};

/// Impressions that an unknown video is credited with, finished at the prior rate: keeps one lucky view from winning.
const PRIOR_IMPRESSIONS: f32 = 20.0;
const PRIOR_FINISH_RATE: f32 = 0.3;
/// One deliberate act counts as so many finishes.
const LIKE_WORTH: f32 = 1.0;
const COMMENT_WORTH: f32 = 1.0;
const SHARE_WORTH: f32 = 2.0;
/// Freshness counts for more here than beside predictions: it is one of the two things known.
const FRESHNESS_WEIGHT: f32 = 0.3;

/// Popularity and freshness; never fails.
pub struct FallbackScorer {
    weights: Weights,
}

impl FallbackScorer {
    pub fn new(weights: Weights) -> Self {
        Self { weights }
    }
}

/// Smoothed worth per impression, 0 to 1: `(finishes + acts + prior) / (impressions + prior)`, capped.
fn popularity(counts: &Counts) -> f32 {
    let worth = counts.finishes as f32
        + LIKE_WORTH * counts.likes as f32
        + COMMENT_WORTH * counts.comments as f32
        + SHARE_WORTH * counts.shares as f32;
    ((worth + PRIOR_IMPRESSIONS * PRIOR_FINISH_RATE) / (counts.impressions as f32 + PRIOR_IMPRESSIONS)).min(1.0)
}

#[async_trait]
impl Scorer for FallbackScorer {
    fn name(&self) -> &'static str {
        "fallback"
    }

    async fn score(&self, query: &Query, candidates: &[Candidate]) -> Result<Scores, FeedError> {
        let parts = candidates
            .iter()
            .map(|candidate| ScoreParts {
                predicted: popularity(&candidate.counts),
                taste: taste(query, candidate, &self.weights),
                freshness: FRESHNESS_WEIGHT
                    * freshness(candidate.facts.published_at, query.now, self.weights.freshness_half_hours),
            })
            .collect();
        Ok(Scores { parts, ..Scores::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn popularity_trusts_numbers_more_than_luck() {
        fn check(counts: Counts, expected: f32) {
            assert!((popularity(&counts) - expected).abs() < 1e-5, "{counts:?}: {}", popularity(&counts));
        }
        check(Counts::default(), 0.3);
        check(Counts { impressions: 1, finishes: 1, ..Counts::default() }, 7.0 / 21.0);
        check(Counts { impressions: 980, finishes: 494, ..Counts::default() }, 0.5);
        check(Counts { impressions: 980, ..Counts::default() }, 0.006);
        check(Counts { impressions: 0, shares: 100, ..Counts::default() }, 1.0);
    }
}
