//! The models of arms that have one of their own, beside the one that all share: each with its trainer and its candidate vectors.

use std::io::Write;
use std::sync::Arc;

use base::VideoId;
use learner::{Example, Learner, Mark, Trainer, VideoFeatures};
use retrieval::VectorIndex;

use super::snapshot::{Part, Section, Sections};
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

    pub fn viewer_comes_from(&mut self, viewer: u64, origin: u64) {
        self.trainer.viewer_comes_from(viewer, origin);
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

/// Whether each has something that its changes could be added to.
pub fn are_saved(kept: &[Kept]) -> bool {
    kept.iter().all(|own| own.trainer.saved_mark().is_some())
}

/// Writes the kept models as sections of a snapshot, name and model in turn; their marks are for [`saved`].
pub fn write(kept: &[Kept], changes_only: bool, to: &mut Sections<'_>) -> Result<Vec<Mark>, BrainError> {
    let mut marks = Vec::with_capacity(kept.len());
    for own in kept {
        to.write_all(own.plan.name.as_bytes())?;
        to.end_section()?;
        let written = if changes_only { own.trainer.changes(to) } else { own.trainer.snapshot(to) };
        marks.push(written.map_err(|error| BrainError::Part(format!("model {}: {error}", own.plan.name)))?);
        to.end_section()?;
    }
    Ok(marks)
}

/// The snapshot that gave these marks is safe.
pub fn saved(kept: &mut [Kept], marks: Vec<Mark>) {
    kept.iter_mut().zip(marks).for_each(|(own, mark)| own.trainer.saved(mark));
}

/// Models that nothing is known of yet.
pub fn begin(plans: Vec<ModelPlan>) -> Vec<Kept> {
    plans.into_iter().map(|plan| Kept::new(plan.clone(), Trainer::new(plan.learner))).collect()
}

/// A model out of one section in each part of a chain.
pub fn read(config: learner::Config, name: &str, sections: Vec<Section>) -> Result<Trainer, BrainError> {
    Trainer::restore_all(config, sections).map_err(|error| BrainError::Part(format!("model {name}: {error}")))
}

/// Where a part's own models are: each one's name and section, names and models standing in turn from `first` on.
fn names(part: &Part, first: usize) -> Result<Vec<(Vec<u8>, usize)>, BrainError> {
    if !part.sections().saturating_sub(first).is_multiple_of(2) {
        return Err(BrainError::Part("a model without its name".into()));
    }
    let named = (first..part.sections()).step_by(2).map(|at| Ok((part.read(at)?, at + 1)));
    named.collect()
}

/// The planned models out of a chain. One that is not in it begins as its plan says, `shared` being the section of the shared model;
/// one that is no longer planned is let go of.
pub fn restore(plans: Vec<ModelPlan>, parts: &[Part], shared: usize) -> Result<Vec<Kept>, BrainError> {
    let found = parts.iter().map(|part| names(part, shared + 1)).collect::<Result<Vec<_>, _>>()?;
    let newest = found.last().map(Vec::as_slice).unwrap_or_default();
    for (name, _) in newest {
        if !plans.iter().any(|plan| plan.name.as_bytes() == name.as_slice()) {
            tracing::info!(model = %String::from_utf8_lossy(name), "a model is let go of: no arm has it any more");
        }
    }
    let mut kept = Vec::with_capacity(plans.len());
    for plan in plans {
        let is_it = |(name, _): &&(Vec<u8>, usize)| plan.name.as_bytes() == name.as_slice();
        let trainer = if newest.iter().any(|own| is_it(&own)) {
            let section = |(part, own): (&Part, &Vec<(Vec<u8>, usize)>)| match own.iter().find(is_it) {
                Some((_, at)) => Ok(part.open(*at)?),
                None => Err(BrainError::Part(format!("model {} is missing in a part", plan.name))),
            };
            read(plan.learner, &plan.name, parts.iter().zip(&found).map(section).collect::<Result<_, _>>()?)?
        } else if plan.begins == Begins::Copy {
            let copied = parts.iter().map(|part| part.open(shared)).collect::<Result<_, _>>()?;
            let mut trainer = read(plan.learner, &plan.name, copied)?;
            // From here on it goes its own way.
            trainer.unsave();
            trainer
        } else {
            Trainer::new(plan.learner)
        };
        kept.push(Kept::new(plan, trainer));
    }
    Ok(kept)
}
