//! Fixtures of this crate's tests.

use std::sync::Arc;

use async_trait::async_trait;
use base::{AccountId, Rng, SlateId, Timestamp, VideoId, ViewerId};
use hashbrown::HashMap;

use super::FactsOf;
use crate::hydrator::{CountsHydrator, TasteHydrator};
use crate::scorer::{FallbackScorer, LearnedScorer};
use crate::source::{Followed, Fresh, HashtagAffinity, SkipFn};
use crate::{
    Brought, Candidate, Context, Counts, Facts, FeedError, Pipeline, PipelineParts, PlainViewer, Predictor, Query,
    SelectorConfig, SourceKind, Tab, Weights,
};

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
        surprise: 0.5,
        now: NOW,
        explain: true,
        arm: 0,
        judged: false,
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

/// A catalogue in plain lists, with the sources that a deployment would have.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) videos: Vec<Arc<Facts>>,
    pub(crate) counts: HashMap<VideoId, Counts>,
}

impl World {
    /// `kinds` hashtags with `each` videos, every kind by a creator of its own.
    pub(crate) fn of_kinds(kinds: u64, each: u64) -> Self {
        let videos = (0..kinds * each).map(|number| {
            let kind = number % kinds;
            facts(number + 1, kind + 1, &[format!("kind{kind}").as_str(), "all"])
        });
        Self { videos: videos.collect(), counts: HashMap::new() }
    }

    pub(crate) fn facts_of(&self) -> FactsOf {
        let facts: HashMap<VideoId, Arc<Facts>> = self.videos.iter().map(|facts| (facts.video, facts.clone())).collect();
        Arc::new(move |video| facts.get(&video).cloned())
    }

    /// Newest first, at most `limit`, past those to skip.
    fn newest(&self, limit: usize, skip: &mut SkipFn, wanted: impl Fn(&Facts) -> bool) -> Vec<VideoId> {
        let newest = self.videos.iter().rev().filter(|facts| wanted(facts)).map(|facts| facts.video);
        newest.filter(|video| !skip(*video)).take(limit).collect()
    }

    /// Fresh, followed and hashtag sources, standard hydrators, and `predictor` as the learner.
    pub(crate) fn parts(&self, predictor: Arc<dyn Predictor>) -> PipelineParts {
        let mut parts = PipelineParts::new(
            self.facts_of(),
            Arc::new(LearnedScorer::new(predictor, Weights::default())),
            Arc::new(FallbackScorer::new(Weights::default())),
            SelectorConfig::default(),
        );
        let (fresh, followed, tagged, counted) = (self.clone(), self.clone(), self.clone(), self.clone());
        parts.sources = vec![
            Arc::new(HashtagAffinity::new(100, move |tag: &str, _: &mut Rng, limit, skip: &mut SkipFn| {
                tagged.newest(limit, skip, |facts| facts.hashtags.iter().any(|own| &**own == tag))
            })),
            Arc::new(Followed::new(100, move |creators: &[AccountId], limit, skip: &mut SkipFn| {
                followed.newest(limit, skip, |facts| creators.contains(&facts.creator))
            })),
            Arc::new(Fresh::new(100, move |limit, skip: &mut SkipFn| fresh.newest(limit, skip, |_| true))),
        ];
        parts.hydrators = vec![
            Arc::new(CountsHydrator::new(move |video| counted.counts.get(&video).copied().unwrap_or_default())),
            Arc::new(TasteHydrator),
        ];
        parts
    }

    /// With a learner that has learned nothing.
    pub(crate) fn pipeline(&self) -> Pipeline {
        Pipeline::new(self.parts(Arc::new(FixedPredictor { tasks: &["watch_time", "skip"], row: vec![0.5, 0.3] })))
    }
}
