//! What the benches ask of the brain.

use base::{VideoId, ViewerId};
use learner::{Task, ViewerFeatures};

use super::Brain;
use crate::feed::history_items;

impl Brain {
    /// The model's prediction that the viewer finishes the video, with the viewer's history as it is now.
    pub fn probe_score(&self, viewer: ViewerId, video: VideoId) -> f32 {
        let Some(known) = self.videos.get(video) else { return 0.0 };
        let history = self.views.history(viewer, learner::HISTORY_MAX);
        let now_ms = known.features.published_at_ms + 3_600_000;
        let viewer = ViewerFeatures {
            viewer: viewer.raw(),
            history: history_items(&self.videos, &history).into(),
            ..ViewerFeatures::default()
        };
        let mut out = Vec::new();
        self.learner.predict(now_ms, &viewer, &[&known.features], &mut out);
        out.first().map_or(0.0, |p| p.get(Task::Finish))
    }

    /// Whether the viewing stands in the viewer's history.
    pub fn knows_viewing(&self, viewer: ViewerId, video: VideoId) -> bool {
        self.views.flags(viewer, video).in_history()
    }
}
