//! The models of arms that have one of their own, beside the one that all share: each with its trainer and its candidate vectors.

use std::sync::Arc;

use base::VideoId;
use learner::{Example, Learner, Trainer, VideoFeatures};
use retrieval::VectorIndex;

use super::worker::BrainError;
use crate::experiment::{Begins, ModelPlan};

/// An arm's own model as readers see it.
pub struct ArmModel {
    /// `experiment/arm`.
    pub name: String,
    pub learner: Arc<Learner>,
    pub vectors: VectorIndex<{ learner::D }>,
}

/// An arm's own model as the brain's thread keeps it.
pub struct Kept {
    plan: ModelPlan,
    trainer: Trainer,
    pub model: Arc<ArmModel>,
}

impl Kept {
    fn new(plan: ModelPlan, trainer: Trainer) -> Self {
        let model = ArmModel { name: plan.name.clone(), learner: trainer.learner(), vectors: VectorIndex::default() };
        Self { plan, trainer, model: Arc::new(model) }
    }

    pub fn learn(&mut self, now_ms: i64, example: &Example) {
        if self.plan.takes(example.viewer.viewer) {
            self.trainer.train(now_ms, example);
        }
    }

    pub fn observe_video(&mut self, now_ms: i64, video: &VideoFeatures) {
        self.trainer.observe_video(now_ms, video);
    }

    pub fn forget_video(&mut self, video: VideoId) {
        self.trainer.forget_video(video.raw());
        self.model.vectors.remove(video);
    }

    pub fn forget_viewer(&mut self, viewer: u64) {
        self.trainer.forget_viewer(viewer);
    }

    pub fn expire(&mut self, now_ms: i64, idle_days: u32) -> usize {
        self.trainer.expire(now_ms, idle_days, usize::MAX)
    }

    pub fn publish(&mut self, now_ms: i64) {
        self.trainer.publish(now_ms);
    }

    /// Brings the candidate vector of a published video up to date.
    pub fn refresh(&self, video: VideoId, features: &VideoFeatures) {
        if let Err(error) = self.model.vectors.update(video, &self.model.learner.video_vector(features)) {
            tracing::warn!(%error, "a video's vector could not be kept");
        }
    }
}

/// The kept models as sections of a snapshot: name and model in turn.
pub fn sections(kept: &[Kept]) -> Result<Vec<Vec<u8>>, BrainError> {
    let mut sections = Vec::with_capacity(kept.len() * 2);
    for own in kept {
        let mut bytes = Vec::new();
        own.trainer.snapshot(&mut bytes).map_err(|error| BrainError::Part(format!("model {}: {error}", own.plan.name)))?;
        sections.push(own.plan.name.clone().into_bytes());
        sections.push(bytes);
    }
    Ok(sections)
}

/// Models that nothing is known of yet.
pub fn begin(plans: Vec<ModelPlan>) -> Vec<Kept> {
    plans.into_iter().map(|plan| Kept::new(plan.clone(), Trainer::new(plan.learner))).collect()
}

/// The planned models out of a snapshot's sections. One that is not among them begins as its plan says, `shared` being the snapshot
/// of the shared model; one that is no longer planned is let go of.
pub fn restore(plans: Vec<ModelPlan>, sections: &[Vec<u8>], shared: &[u8]) -> Result<Vec<Kept>, BrainError> {
    let (found, rest) = sections.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(BrainError::Part("a model without its name".into()));
    }
    for [name, _] in found {
        if !plans.iter().any(|plan| plan.name.as_bytes() == name.as_slice()) {
            tracing::info!(model = %String::from_utf8_lossy(name), "a model is let go of: no arm has it any more");
        }
    }
    let mut kept = Vec::with_capacity(plans.len());
    for plan in plans {
        let known = found.iter().find(|[name, _]| plan.name.as_bytes() == name.as_slice());
        let bytes = match (known, plan.begins) {
            (Some([_, bytes]), _) => Some(bytes.as_slice()),
            (None, Begins::Copy) => Some(shared),
            (None, Begins::Nothing) => None,
        };
        let trainer = match bytes {
            Some(mut bytes) => Trainer::restore(plan.learner, &mut bytes)
                .map_err(|error| BrainError::Part(format!("model {}: {error}", plan.name)))?,
            None => Trainer::new(plan.learner),
        };
        kept.push(Kept::new(plan, trainer));
    }
    Ok(kept)
}
