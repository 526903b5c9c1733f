//! Asks the scorer, and the fallback when the scorer has no usable answer in time.

use std::sync::Arc;

use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::{PipelineParts, Scored};
use crate::{Candidate, FeedError, Query, Scores};

/// Scores, and whether the fallback gave them.
pub(super) async fn score(parts: &PipelineParts, query: &Arc<Query>, candidates: Vec<Candidate>) -> (Scored, bool) {
    // Shared with the scorer's task, which may outlive its deadline.
    let candidates = Arc::new(candidates);
    let answer = ask(parts, query, &candidates).await;
    let (scores, fallback) = match answer {
        Ok(scores) => (scores, false),
        Err(error) => {
            metrics::counter!("feed_fallbacks_total").increment(1);
            tracing::warn!(scorer = parts.scorer.name(), %error, "the fallback scores this page");
            (fallback(parts, query, &candidates).await, true)
        }
    };
    let candidates = Arc::try_unwrap(candidates).unwrap_or_else(|shared| shared.as_ref().clone());
    let totals = scores.parts.iter().map(crate::ScoreParts::total).collect();
    (Scored { candidates, scores, totals }, fallback)
}

async fn ask(parts: &PipelineParts, query: &Arc<Query>, candidates: &Arc<Vec<Candidate>>) -> Result<Scores, FeedError> {
    let (scorer, shared, theirs) = (parts.scorer.clone(), query.clone(), candidates.clone());
    let task = AbortOnDropHandle::new(tokio::spawn(async move { scorer.score(&shared, &theirs).await }));
    let scores = match timeout(parts.scorer_deadline, task).await {
        Ok(Ok(answer)) => answer?,
        Ok(Err(_)) => return Err(FeedError::Stopped),
        Err(_) => return Err(FeedError::Late(parts.scorer_deadline.as_millis())),
    };
    scores.check(candidates.len())?;
    Ok(scores)
}

/// Scores of the fallback; all alike should even that give nothing usable.
async fn fallback(parts: &PipelineParts, query: &Query, candidates: &[Candidate]) -> Scores {
    let scores = parts.fallback.score(query, candidates).await;
    match scores.and_then(|scores| scores.check(candidates.len()).map(|()| scores)) {
        Ok(scores) => scores,
        Err(error) => {
            tracing::error!(scorer = parts.fallback.name(), %error, "the fallback scorer failed: candidates count alike");
            Scores { parts: vec![crate::ScoreParts::default(); candidates.len()], ..Scores::default() }
        }
    }
}
