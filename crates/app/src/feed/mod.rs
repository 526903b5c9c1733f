//! The feed, fitted: sources over the brain's indexes, the learner as scorer, slates written to the log.

mod predictor;
mod slates;
mod sources;
mod state;

use std::sync::Arc;
use std::time::Duration;

use ::feed::scorer::{ArmScorer, FallbackScorer, LearnedScorer, Scorer};
use ::feed::{
    Context, DiverseSelector, Judge, Pipeline, PipelineParts, Query, SelectorConfig, Slate, Tab, ViewerState, Weights,
};
use base::{AccountId, Clock, IdMaker, Rng, SlateId, VideoId, ViewerId};
use eventlog::EventLog;
use hashbrown::{HashMap, HashSet};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::acknowledged::Acknowledged;
use crate::brain::Brain;
use crate::experiment::{Experiment, ExperimentConfig};
use crate::telling::Telling;
use crate::{App, AppError};

pub use state::{Viewer, history_items};

/// How long a page waits for its viewer's acknowledged events to be learned.
const CATCH_UP: Duration = Duration::from_millis(150);
/// A pause this long ends a sitting: the next page begins at depth 0.
const SITTING_MS: i64 = 30 * 60_000;
/// Viewers whose depth is remembered; when full, everybody begins anew.
const SITTINGS_MAX: usize = 200_000;
/// Clips on a page when the caller names no number.
const PAGE_DEFAULT: usize = 8;

/// What the feed can be tuned by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeedConfig {
    pub weights: Weights,
    pub selector: SelectorConfig,
    pub experiment: ExperimentConfig,
}

/// One request for a page.
#[derive(Clone, Debug, Default)]
pub struct FeedAsk {
    pub viewer: ViewerId,
    pub account: Option<AccountId>,
    pub following: bool,
    pub limit: Option<usize>,
    /// 0 unknown, 1 phone, 2 tablet, 3 desktop, 4 television.
    pub device: u8,
    /// 0 unknown, 1 English, 2 Chinese, 3 other.
    pub language: u8,
    /// Minutes east of UTC, when the client says so.
    pub utc_offset_minutes: Option<i32>,
    pub exclude: Vec<VideoId>,
    pub explain: bool,
}

/// A page and what it was made from.
pub struct FeedPage {
    pub slate: Arc<Slate>,
    pub query: Query,
}

pub struct FeedService {
    pipeline: Pipeline,
    brain: Arc<Brain>,
    acknowledged: Arc<Acknowledged>,
    clock: Arc<dyn Clock>,
    ids: Mutex<IdMaker>,
    rng: Mutex<Rng>,
    sittings: Mutex<HashMap<ViewerId, (i64, u8)>>,
    experiment: Option<Arc<Experiment>>,
}

/// What the service is put together from.
pub(crate) struct FeedParts<'a> {
    pub config: &'a FeedConfig,
    pub experiment: Option<Arc<Experiment>>,
    pub brain: Arc<Brain>,
    pub acknowledged: Arc<Acknowledged>,
    pub clock: Arc<dyn Clock>,
    pub log: Arc<dyn EventLog>,
    pub telling: Arc<Telling>,
    pub rng: &'a Rng,
}

impl FeedService {
    pub(crate) fn new(parts: FeedParts) -> Self {
        let FeedParts { config, experiment, brain, acknowledged, clock, log, telling, rng } = parts;
        let facts = {
            let brain = brain.clone();
            Arc::new(move |video| brain.videos.facts(video))
        };
        let scorer = |model: usize, weights: &Weights| -> Arc<dyn Scorer> {
            let learned = predictor::LearnerPredictor::new(brain.clone(), model);
            Arc::new(LearnedScorer::new(Arc::new(learned), weights.clone()))
        };
        let of_arms: Vec<_> = experiment.iter().flat_map(|e| &e.arms).map(|arm| scorer(arm.model, &arm.weights)).collect();
        let mut of_arms = of_arms.into_iter();
        let first = of_arms.next().unwrap_or_else(|| scorer(0, &config.weights));
        let scorers = Arc::new(ArmScorer::new(first, of_arms.collect()));
        let judge = Judge::new(scorers.clone(), Arc::new(DiverseSelector::new(config.selector.clone())));
        let fallback = Arc::new(FallbackScorer::new(config.weights.clone()));
        let mut parts = PipelineParts::new(facts, scorers, fallback, config.selector.clone());
        parts.sources = sources::all(&brain, experiment.as_ref());
        parts.hydrators = sources::hydrators(&brain);
        parts.effects = vec![Arc::new(slates::SlateWriter::new(log, telling, experiment.clone(), judge))];
        Self {
            pipeline: Pipeline::new(parts),
            brain,
            acknowledged,
            clock,
            ids: Mutex::new(IdMaker::new(rng.child("slate ids"))),
            rng: Mutex::new(rng.child("pages")),
            sittings: Mutex::new(HashMap::new()),
            experiment,
        }
    }

    /// Makes a page. What this viewer did and was acknowledged before the call has been learned by then, unless the brain is more than
    /// 150 ms behind: then the page is made from what is known.
    async fn page(&self, ask: FeedAsk, blocked: Arc<HashSet<AccountId>>, surprise: f32, paused: bool) -> FeedPage {
        if let Some(place) = self.acknowledged.of(ask.viewer)
            && self.brain.caught_up(place.0, place.1, CATCH_UP).await
        {
            self.acknowledged.learned(ask.viewer, place);
        }
        let now = self.clock.now();
        let mut state = Viewer::gather(&self.brain.views, &self.brain.videos, ask.viewer, ask.account, blocked, now);
        state.paused = paused;
        let local = now.plus_millis(i64::from(ask.utc_offset_minutes.unwrap_or(0)) * 60_000);
        let tab = if ask.following { Tab::Following } else { Tab::ForYou };
        let slate: SlateId = self.ids.lock().next(now);
        let rng = Rng::from_seed(self.rng.lock().next_u64());
        let arm = self.experiment.as_ref().map_or(0, |experiment| experiment.arm_of(ask.viewer));
        let judged_share = self.experiment.as_ref().filter(|e| e.arms.len() > 1).map_or(0.0, |e| e.judged_share);
        let query = Query {
            viewer: ask.viewer,
            account: ask.account,
            tab,
            limit: ask.limit.unwrap_or(PAGE_DEFAULT),
            context: Context {
                hour: local.hour(),
                weekday: local.weekday(),
                device: ask.device,
                language: ask.language,
                depth: self.depth(ask.viewer, now.as_millis()),
            },
            exclude: ask.exclude.into_iter().collect(),
            surprise,
            now,
            explain: ask.explain,
            arm,
            judged: rng.child("judged").chance(judged_share),
            slate,
            rng,
            state: Arc::new(state) as Arc<dyn ViewerState>,
        };
        let page = self.pipeline.run(query.clone()).await;
        FeedPage { slate: page, query }
    }

    /// Pages asked for before in this sitting.
    fn depth(&self, viewer: ViewerId, now_ms: i64) -> u8 {
        let mut sittings = self.sittings.lock();
        if sittings.len() >= SITTINGS_MAX {
            sittings.clear();
        }
        let (last_ms, depth) = sittings.entry(viewer).or_insert((now_ms, 0));
        let so_far = if now_ms - *last_ms > SITTING_MS { 0 } else { *depth };
        *last_ms = now_ms;
        *depth = so_far.saturating_add(1);
        so_far
    }

    pub fn stats(&self) -> &Arc<::feed::FeedStats> {
        self.pipeline.stats()
    }

    pub async fn drain(&self) {
        self.pipeline.drain().await;
    }
}

impl App {
    /// The next page for a viewer.
    pub async fn feed_page(&self, ask: FeedAsk) -> Result<FeedPage, AppError> {
        let blocked = match ask.account {
            Some(account) => self.blocks_of(account).await?,
            None => Arc::default(),
        };
        let settings = self.feed_settings(ask.viewer).await?;
        Ok(self.feed.page(ask, blocked, settings.surprise, settings.learning_paused).await)
    }
}
