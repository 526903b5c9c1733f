//! Fixtures of this crate's tests.

use std::sync::Arc;

use async_trait::async_trait;
use base::{AccountId, Rng, SlateId, Timestamp, VideoId, ViewerId};

use crate::{Brought, Candidate, Context, Facts, FeedError, PlainViewer, Predictor, Query, SourceKind, Tab};

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

pub(crate) fn video(number: u64) -> VideoId {
    VideoId::from_raw(number)
}

pub(crate) fn facts(number: u64, creator: u64, hashtags: &[&str]) -> Arc<Facts> {
    let published_at = NOW.plus_millis(-(1_000_000 - number as i64) * 1_000);
    Arc::new(Facts::new(video(number), AccountId::from_raw(creator), published_at).with_hashtags(hashtags.iter().copied()))
}

pub(crate) fn candidate(number: u64, creator: u64, hashtags: &[&str]) -> Candidate {
    Candidate::new(facts(number, creator, hashtags), Brought::by(SourceKind::Fresh, 1.0))
}

pub(crate) fn viewer() -> PlainViewer {
    PlainViewer::default()
}

pub(crate) fn query_of(state: PlainViewer) -> Query {
    Query {
        viewer: ViewerId::from_raw(1),
        account: None,
        tab: Tab::ForYou,
        limit: 8,
        context: Context::default(),
        exclude: Default::default(),
        surprise: 0.3,
        now: NOW,
        explain: true,
        slate: SlateId::from_raw(1),
        rng: Rng::from_seed(1),
        state: Arc::new(state),
    }
}

/// Predicts the same for every candidate.
pub(crate) struct FixedPredictor {
    pub(crate) tasks: &'static [&'static str],
    pub(crate) row: Vec<f32>,
}

#[async_trait]
impl Predictor for FixedPredictor {
    fn tasks(&self) -> &[&'static str] {
        self.tasks
    }
    async fn predict(&self, _query: &Query, candidates: &[Candidate]) -> Result<Vec<f32>, FeedError> {
        Ok(candidates.iter().flat_map(|_| self.row.clone()).collect())
    }
}
