//! The experiment that is under way: its arms, who is in which, and what has been counted of each since the start.

mod config;
mod counts;

use base::ViewerId;
use eventlog::Event;
use experiment::Assignment;
use feed::Weights;

pub use config::{ArmConfig, Begins, ExperimentConfig, ModelOf, TrainsOn};
pub use counts::{ArmCounts, ArmTotals};

/// An experiment, checked.
#[derive(Debug)]
pub struct Experiment {
    pub name: String,
    pub assignment: Assignment,
    /// In the order of the configuration; the first is what the others are compared with.
    pub arms: Vec<Arm>,
    /// Share of the pages that every arm judges.
    pub judged_share: f32,
}

/// One arm.
#[derive(Debug)]
pub struct Arm {
    pub name: String,
    pub weights: Weights,
    /// Which of the brain's models serves it: 0 is the one that all share.
    pub model: usize,
    pub counts: ArmCounts,
}

/// A model that the brain is to keep beside the shared one.
#[derive(Clone, Debug)]
pub struct ModelPlan {
    /// `experiment/arm`: under this name it stands in the brain's snapshots.
    pub name: String,
    pub learner: learner::Config,
    /// Whose examples it is taught; `None` for everybody's.
    pub viewers: Option<(Assignment, usize)>,
    pub begins: Begins,
}

impl ModelPlan {
    /// Whether what this viewer does is for it.
    pub fn takes(&self, viewer: u64) -> bool {
        self.viewers.as_ref().is_none_or(|(assignment, arm)| assignment.arm_of(viewer) == *arm)
    }
}

impl Experiment {
    /// The configured experiment and the models that it needs beside the shared one; nothing where no arms are configured. An error
    /// says what is wrong, for whoever wrote the configuration.
    pub fn of(
        config: &ExperimentConfig,
        weights: &Weights,
        learner: &learner::Config,
    ) -> Result<Option<(Self, Vec<ModelPlan>)>, String> {
        config::resolve(config, weights, learner)
    }

    pub fn arm_of(&self, viewer: ViewerId) -> usize {
        self.assignment.arm_of(viewer.raw())
    }

    /// Counts an event that was taken in for its viewer's arm.
    pub(crate) fn note(&self, event: &Event) {
        if let Some(arm) = self.arms.get(self.arm_of(event.viewer)) {
            arm.counts.event(&arm.name, event);
        }
    }
}
