//! The brain: everything derived from the event log, brought up to date by one thread in log order.
//!
//! It applies each event to the views, the table of known videos, the candidate vectors and the joiner, and trains the learner on the
//! examples that the joiner makes. Readers (the feed, the pages) never wait for it. Its memory is snapshotted with the place in
//! the log; a start reads the newest snapshot and the log after it.

mod bench;
mod gauges;
mod models;
mod probe;
mod snapshot;
mod state;
mod videos;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use eventlog::{Offset, Partition};
use learner::Learner;
use parking_lot::Mutex;
use retrieval::{CandidateIndex, VectorIndex};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use views::Views;

pub use bench::{Recovery, RecoveryOptions, recovery};
pub use models::ArmModel;
pub use videos::{KnownVideo, KnownVideos};
pub use worker::{BrainError, BrainParts, start};

/// How the brain keeps itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BrainConfig {
    /// A snapshot is written after so many seconds, if anything happened, and at the stop.
    pub snapshot_every_s: u64,
    /// Event ids remembered to count each once: generations, and ids in each.
    pub dedup_generations: usize,
    pub dedup_ids_per_generation: usize,
    /// Hours until a deed weighs half in what trends.
    pub trending_half_life_hours: u32,
    /// Days after which the model forgets what nobody met again: a viewer, a video, a hashtag.
    pub rows_idle_days: u32,
    /// Share of the impressions without any deed that are learned, 0.1 to 1; each of them then counts for the others too.
    pub negatives_kept: f32,
}

impl Default for BrainConfig {
    fn default() -> Self {
        Self {
            snapshot_every_s: 300,
            dedup_generations: 4,
            dedup_ids_per_generation: 917_504,
            trending_half_life_hours: 6,
            rows_idle_days: 180,
            negatives_kept: 1.0,
        }
    }
}

impl BrainConfig {
    /// Whether it can be worked by; else what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let least = learner::joiner::NEGATIVES_KEPT_MIN;
        if (least..=1.0).contains(&self.negatives_kept) {
            return Ok(());
        }
        Err(format!("eventlog.brain.negatives_kept is {}: it goes from {least} to 1", self.negatives_kept))
    }
}

/// What readers see.
pub struct Brain {
    pub views: Arc<Views>,
    pub videos: Arc<KnownVideos>,
    pub candidates: Arc<CandidateIndex<{ learner::D }>>,
    pub learner: Arc<Learner>,
    /// The models of arms that have one of their own: model 1 and on; the shared one, above, is model 0.
    pub arm_models: Vec<Arc<ArmModel>>,
    /// The next offset to apply, per partition.
    applied: watch::Sender<Vec<u64>>,
    events: AtomicU64,
    duplicates: AtomicU64,
    /// Set when the thread ended by an error: the platform says so in /readyz.
    failed: AtomicBool,
    memory: Mutex<Option<worker::Handle>>,
}

impl Brain {
    /// A model's learner; the shared one's for a number that is not there.
    pub fn learner_of(&self, model: usize) -> &Arc<Learner> {
        self.arm_model(model).map_or(&self.learner, |own| &own.learner)
    }

    /// A model's candidate vectors; the shared one's for a number that is not there.
    pub fn vectors_of(&self, model: usize) -> &VectorIndex<{ learner::D }> {
        self.arm_model(model).map_or(self.candidates.vectors(), |own| &own.vectors)
    }

    fn arm_model(&self, model: usize) -> Option<&Arc<ArmModel>> {
        model.checked_sub(1).and_then(|own| self.arm_models.get(own))
    }

    /// Events applied since the start, each once.
    pub fn learned_events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// Events that came again and were not counted.
    pub fn duplicate_events(&self) -> u64 {
        self.duplicates.load(Ordering::Relaxed)
    }

    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Waits until everything before `offset` has been applied, at most `limit`; says whether it has.
    pub async fn caught_up(&self, partition: Partition, offset: Offset, limit: Duration) -> bool {
        let mut applied = self.applied.subscribe();
        let reached = applied.wait_for(|next| next.get(usize::from(partition.0)).is_some_and(|n| *n >= offset.0));
        matches!(tokio::time::timeout(limit, reached).await, Ok(Ok(_)))
    }

    /// Writes a snapshot and deletes the older ones: after a viewer was erased, nothing on disk remembers them.
    pub async fn snapshot_now(&self) -> Result<(), BrainError> {
        let handle = self.memory.lock().clone();
        match handle {
            Some(handle) => handle.snapshot().await,
            None => Err(BrainError::Stopped),
        }
    }

    /// Applies what is in the log, writes a snapshot and ends the thread.
    pub async fn close(&self) -> Result<(), BrainError> {
        let handle = self.memory.lock().take();
        match handle {
            Some(handle) => handle.close().await,
            None => Ok(()),
        }
    }
}
