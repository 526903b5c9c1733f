//! Several scorers side by side: each viewer's arm has its own.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Scorer, Scores};
use crate::{Candidate, FeedError, Query};

/// Lets the scorer of [`Query::arm`] score; the first one's for an arm that is not there.
pub struct ArmScorer {
    first: Arc<dyn Scorer>,
    others: Vec<Arc<dyn Scorer>>,
}

impl ArmScorer {
    /// The scorers by arm: the first arm's, and those of the further ones.
    pub fn new(first: Arc<dyn Scorer>, others: Vec<Arc<dyn Scorer>>) -> Self {
        Self { first, others }
    }

    pub fn arms(&self) -> usize {
        1 + self.others.len()
    }

    /// An arm's scorer.
    pub fn of(&self, arm: usize) -> &Arc<dyn Scorer> {
        arm.checked_sub(1).and_then(|other| self.others.get(other)).unwrap_or(&self.first)
    }
}

#[async_trait]
impl Scorer for ArmScorer {
    fn name(&self) -> &'static str {
        "arms"
    }

    async fn score(&self, query: &Query, candidates: &[Candidate]) -> Result<Scores, FeedError> {
        self.of(query.arm).score(query, candidates).await
    }
}
