//! The learner as the feed's scorer.

use std::any::Any;
use std::sync::Arc;

use ::feed::{Candidate, FeedError, Predictor, Query};
use async_trait::async_trait;
use learner::{TABLE, TASKS, VideoFeatures, ViewerFeatures};

use super::Viewer;
use crate::brain::Brain;

/// The viewer of a query as the learner sees them.
pub fn viewer_features(query: &Query) -> Result<ViewerFeatures, FeedError> {
    let state: &dyn Any = &*query.state;
    let Some(viewer) = state.downcast_ref::<Viewer>() else {
        return Err(FeedError::Unavailable("the viewer is not known to the learner".into()));
    };
    Ok(ViewerFeatures {
        // A viewer who paused learning keeps the taste they have; it is only no longer added to.
        viewer: if viewer.paused { 0 } else { query.viewer.raw() },
        hour: query.context.hour,
        weekday: query.context.weekday,
        device: query.context.device,
        language: query.context.language,
        tab: query.tab as u8,
        depth: query.context.depth,
        history: viewer.items.clone(),
    })
}

/// Predicts with one of the brain's models.
pub struct LearnerPredictor {
    brain: Arc<Brain>,
    model: usize,
    names: [&'static str; TASKS],
}

impl LearnerPredictor {
    pub fn new(brain: Arc<Brain>, model: usize) -> Self {
        Self { brain, model, names: TABLE.map(|spec| spec.name) }
    }
}

#[async_trait]
impl Predictor for LearnerPredictor {
    fn tasks(&self) -> &[&'static str] {
        &self.names
    }

    async fn predict(&self, query: &Query, candidates: &[Candidate]) -> Result<Vec<f32>, FeedError> {
        let viewer = viewer_features(query)?;
        let unknown = VideoFeatures::default();
        let mut known = Vec::with_capacity(candidates.len());
        self.brain
            .videos
            .with_each_or(candidates.iter().map(|c| c.video), |video| known.push(video.map(|v| v.features.clone())));
        let features: Vec<&VideoFeatures> = known.iter().map(|f| f.as_deref().unwrap_or(&unknown)).collect();
        let mut out = Vec::with_capacity(features.len());
        self.brain.learner_of(self.model).predict(query.now.as_millis(), &viewer, &features, &mut out);
        Ok(out.iter().flat_map(|p| p.probability).collect())
    }
}
