//! The feed, fitted: sources over the brain's indexes, the learner as scorer, slates written to the log.

mod predictor;
mod slates;
mod sources;
mod state;

use std::sync::Arc;
use std::time::Duration;

use ::feed::scorer::{FallbackScorer, LearnedScorer};
use ::feed::{Context, Pipeline, PipelineParts, Query, SelectorConfig, Slate, Tab, ViewerState, Weights};
use base::{AccountId, Clock, IdMaker, Rng, SlateId, VideoId, ViewerId};
use hashbrown::{HashMap, HashSet};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::acknowledged::Acknowledged;
use crate::brain::Brain;
use crate::{App, AppError};

pub use slates::SlateWriter;
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
    requests: Arc<predictor::Requests>,
}

impl FeedService {
    pub(crate) fn new(
        config: &FeedConfig,
        brain: Arc<Brain>,
        acknowledged: Arc<Acknowledged>,
        clock: Arc<dyn Clock>,
        rng: &Rng,
        slates: Arc<SlateWriter>,
    ) -> Self {
        let requests = Arc::new(predictor::Requests::default());
        let facts = {
            let brain = brain.clone();
            Arc::new(move |video| brain.videos.facts(video))
        };
        let learned = predictor::LearnerPredictor::new(brain.clone(), requests.clone());
        let scorer = Arc::new(LearnedScorer::new(Arc::new(learned), config.weights.clone()));
        let fallback = Arc::new(FallbackScorer::new(config.weights.clone()));
        let mut parts = PipelineParts::new(facts, scorer, fallback, config.selector.clone());
        parts.sources = sources::all(&brain, &requests);
        parts.hydrators = sources::hydrators(&brain);
        parts.effects = vec![slates];
        Self {
            pipeline: Pipeline::new(parts),
            brain,
            acknowledged,
            clock,
            ids: Mutex::new(IdMaker::new(rng.child("slate ids"))),
            rng: Mutex::new(rng.child("pages")),
            sittings: Mutex::new(HashMap::new()),
            requests,
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
        let state = Arc::new(Viewer::gather(&self.brain.views, &self.brain.videos, ask.viewer, ask.account, blocked, now));
        let local = now.plus_millis(i64::from(ask.utc_offset_minutes.unwrap_or(0)) * 60_000);
        let tab = if ask.following { Tab::Following } else { Tab::ForYou };
        let slate: SlateId = self.ids.lock().next(now);
        let rng = Rng::from_seed(self.rng.lock().next_u64());
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
            slate,
            rng,
            state: state.clone() as Arc<dyn ViewerState>,
        };
        // Held for the time of the request: the stages find the viewer as the learner sees them under the slate's id.
        let _held = self.requests.hold(slate, predictor::viewer_features(&query, &state, paused));
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
