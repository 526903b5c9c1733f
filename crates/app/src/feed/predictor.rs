//! The learner as the feed's scorer.

use std::sync::Arc;

use ::feed::{Candidate, FeedError, Predictor, Query};
use async_trait::async_trait;
use base::SlateId;
use hashbrown::HashMap;
use learner::{TABLE, TASKS, VideoFeatures, ViewerFeatures};
use parking_lot::RwLock;

use super::Viewer;
use crate::brain::Brain;

/// The viewers of the pages that are being made, as the learner sees them.
#[derive(Default)]
pub struct Requests {
    by_slate: RwLock<HashMap<SlateId, Arc<ViewerFeatures>>>,
}

/// Lets go of a request's entry when the page is made, or given up.
pub struct Held<'a> {
    requests: &'a Requests,
    slate: SlateId,
}

impl Requests {
    pub fn hold(&self, slate: SlateId, viewer: ViewerFeatures) -> Held<'_> {
        self.by_slate.write().insert(slate, Arc::new(viewer));
        Held { requests: self, slate }
    }
    pub fn get(&self, slate: SlateId) -> Option<Arc<ViewerFeatures>> {
        self.by_slate.read().get(&slate).cloned()
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.requests.by_slate.write().remove(&self.slate);
    }
}

pub fn viewer_features(query: &Query, state: &Viewer, paused: bool) -> ViewerFeatures {
    ViewerFeatures {
        // A viewer who paused learning keeps the taste they have; it is only no longer added to.
        viewer: if paused { 0 } else { query.viewer.raw() },
        hour: query.context.hour,
        weekday: query.context.weekday,
        device: query.context.device,
        language: query.context.language,
        tab: query.tab as u8,
        depth: query.context.depth,
        history: state.items.clone(),
    }
}

pub struct LearnerPredictor {
    brain: Arc<Brain>,
    requests: Arc<Requests>,
    names: [&'static str; TASKS],
}

impl LearnerPredictor {
    pub fn new(brain: Arc<Brain>, requests: Arc<Requests>) -> Self {
        Self { brain, requests, names: TABLE.map(|spec| spec.name) }
    }
}

#[async_trait]
impl Predictor for LearnerPredictor {
    fn tasks(&self) -> &[&'static str] {
        &self.names
    }

    async fn predict(&self, query: &Query, candidates: &[Candidate]) -> Result<Vec<f32>, FeedError> {
        let Some(viewer) = self.requests.get(query.slate) else {
            return Err(FeedError::Unavailable("the request is not known to the learner".into()));
        };
        let unknown = VideoFeatures::default();
        let mut known = Vec::with_capacity(candidates.len());
        self.brain
            .videos
            .with_each_or(candidates.iter().map(|c| c.video), |video| known.push(video.map(|v| v.features.clone())));
        let features: Vec<&VideoFeatures> = known.iter().map(|f| f.as_deref().unwrap_or(&unknown)).collect();
        let mut out = Vec::with_capacity(features.len());
        self.brain.learner.predict(query.now.as_millis(), &viewer, &features, &mut out);
        Ok(out.iter().flat_map(|p| p.probability).collect())
    }
}
