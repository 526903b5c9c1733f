//! What each candidate is worth to this viewer now.

mod arms;
mod fallback;
mod learned;
mod parts;

use std::sync::Arc;

use async_trait::async_trait;

pub use arms::ArmScorer;
pub use fallback::FallbackScorer;
pub use learned::LearnedScorer;
pub use parts::{freshness, taste};

use crate::{Candidate, FeedError, Query};

/// Predicts what the viewer would do. The learner, seen from here.
#[async_trait]
pub trait Predictor: Send + Sync + 'static {
    /// Names of the predicted actions; fixed for the predictor's life.
    fn tasks(&self) -> &[&'static str];
    /// Probabilities, row by row in the order of `candidates`: shape `[candidates, tasks]`, each 0 to 1.
    async fn predict(&self, query: &Query, candidates: &[Candidate]) -> Result<Vec<f32>, FeedError>;
}

/// What a score is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ScoreParts {
    /// Weighted sum of the predicted actions; or, by the fallback, popularity.
    pub predicted: f32,
    /// The viewer's tastes, apart from the learner.
    pub taste: f32,
    pub freshness: f32,
}

impl ScoreParts {
    pub fn total(&self) -> f32 {
        self.predicted + self.taste + self.freshness
    }
}

/// A scorer's answer.
#[derive(Clone, Debug, Default)]
pub struct Scores {
    /// One per candidate, in their order.
    pub parts: Vec<ScoreParts>,
    /// The predicted actions and their weights; empty for a scorer that predicts none.
    pub tasks: Arc<[(String, f32)]>,
    /// Shape `[candidates, tasks]`.
    pub probabilities: Vec<f32>,
}

impl Scores {
    /// Whether there is one finite score per candidate, and one probability per candidate and task.
    pub fn check(&self, candidates: usize) -> Result<(), FeedError> {
        if self.parts.len() != candidates || self.probabilities.len() != candidates * self.tasks.len() {
            return Err(FeedError::Unusable("as many scores as candidates were expected"));
        }
        if self.parts.iter().any(|parts| !parts.total().is_finite()) {
            return Err(FeedError::Unusable("a score is not a finite number"));
        }
        Ok(())
    }
}

/// Scores all candidates of a page at once.
#[async_trait]
pub trait Scorer: Send + Sync + 'static {
    fn name(&self) -> &'static str;
    async fn score(&self, query: &Query, candidates: &[Candidate]) -> Result<Scores, FeedError>;
}
