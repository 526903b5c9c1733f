//! The learner's predictions, weighted and summed.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Predictor, ScoreParts, Scorer, Scores, freshness, taste};
use crate::{Candidate, FeedError, Query, Weights};

/// `sum over tasks (weight * probability) + taste + freshness`.
pub struct LearnedScorer {
    predictor: Arc<dyn Predictor>,
    weights: Weights,
    tasks: Arc<[(String, f32)]>,
}

impl LearnedScorer {
    pub fn new(predictor: Arc<dyn Predictor>, weights: Weights) -> Self {
        let tasks = predictor.tasks().iter().map(|task| ((*task).to_owned(), weights.of(task))).collect();
        Self { predictor, weights, tasks }
    }
}

#[async_trait]
impl Scorer for LearnedScorer {
    fn name(&self) -> &'static str {
        "learned"
    }

    async fn score(&self, query: &Query, candidates: &[Candidate]) -> Result<Scores, FeedError> {
        let probabilities = self.predictor.predict(query, candidates).await?;
        if self.tasks.is_empty() || probabilities.len() != candidates.len() * self.tasks.len() {
            return Err(FeedError::Unusable("one probability per candidate and task was expected"));
        }
        let parts = candidates
            .iter()
            .zip(probabilities.chunks_exact(self.tasks.len()))
            .map(|(candidate, row)| ScoreParts {
                predicted: row.iter().zip(self.tasks.iter()).map(|(probability, (_, weight))| probability * weight).sum(),
                taste: taste(query, candidate, &self.weights),
                freshness: self.weights.freshness
                    * freshness(candidate.facts.published_at, query.now, self.weights.freshness_half_hours),
            })
            .collect();
        Ok(Scores { parts, tasks: self.tasks.clone(), probabilities })
    }
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::{FixedPredictor, candidate, query_of, viewer};

    use super::*;

    #[tokio::test]
    async fn weighted_sum_of_predicted_actions() {
        async fn check(row: [f32; 2], expected: f32) {
            let scorer = LearnedScorer::new(
                Arc::new(FixedPredictor { tasks: &["watch_time", "skip"], row: row.to_vec() }),
                Weights { freshness: 0.0, ..Weights::default() },
            );
            let scores = scorer.score(&query_of(viewer()), &[candidate(1, 1, &[])]).await.unwrap();
            assert!((scores.parts[0].total() - expected).abs() < 1e-6, "{row:?}: {scores:?}");
            scores.check(1).unwrap();
        }
        check([1.0, 0.0], 1.0).await;
        check([0.0, 1.0], -0.6).await;
        check([0.5, 0.5], 0.2).await;
    }

    #[tokio::test]
    async fn a_wrong_count_is_an_error() {
        let predictor = FixedPredictor { tasks: &["watch_time", "skip"], row: vec![0.5] };
        let scorer = LearnedScorer::new(Arc::new(predictor), Weights::default());
        assert!(scorer.score(&query_of(viewer()), &[candidate(1, 1, &[])]).await.is_err());
    }
}
