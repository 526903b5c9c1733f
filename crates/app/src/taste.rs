//! What the feed learned about a viewer, shown to them and theirs to change.

use ::feed::{HashtagTaste, ViewerState};
use accounts::FeedSettingsChange;
use base::{AccountId, VideoId, ViewerId};
use eventlog::Body;

use crate::feed::Viewer;
use crate::{App, AppError};

/// What the feed knows of a viewer.
pub struct Taste {
    /// Strongest first.
    pub topics: Vec<HashtagTaste>,
    /// Strongest first.
    pub creators: Vec<(AccountId, f32)>,
    /// Watched clips that it was learned from.
    pub learned_from: u32,
    pub paused: bool,
    pub surprise: f32,
}

impl App {
    pub async fn taste(&self, viewer: ViewerId) -> Result<Taste, AppError> {
        let settings = self.accounts.feed_settings(viewer).await?;
        let state = Viewer::gather(&self.brain.views, &self.brain.videos, viewer, Default::default(), self.clock.now());
        Ok(Taste {
            topics: state.hashtag_tastes().to_vec(),
            creators: state.creator_tastes(),
            learned_from: state.learned_from(),
            paused: settings.learning_paused,
            surprise: settings.surprise,
        })
    }

    /// Takes one video, or everything, out of what the feed learns from.
    pub async fn remove_history(&self, viewer: ViewerId, video: Option<VideoId>) -> Result<(), AppError> {
        let mut change = self.begin().await?;
        self.tell(&mut change, viewer, Body::HistoryRemoved { video }).await?;
        self.commit(change).await
    }

    /// Changes how familiar the feed is, and whether it learns.
    pub async fn change_taste(&self, viewer: ViewerId, surprise: Option<f32>, paused: Option<bool>) -> Result<(), AppError> {
        let mut change = self.begin().await?;
        let wanted = FeedSettingsChange { surprise, learning_paused: paused };
        let (before, after) = self.accounts.set_feed_settings(&mut change.tx, viewer, wanted).await?;
        if before.learning_paused != after.learning_paused {
            self.tell(&mut change, viewer, Body::LearningPaused { paused: after.learning_paused }).await?;
        }
        self.commit(change).await
    }
}
