//! What the feed learned about a viewer, shown to them and theirs to change.

use ::feed::{HashtagTaste, ViewerState};
use accounts::{FeedSettings, FeedSettingsChange};
use base::{AccountId, VideoId, ViewerId};
use eventlog::Body;

use crate::feed::Viewer;
use crate::{App, AppError};

/// Viewers whose settings are kept in memory.
pub(crate) const VIEWERS_MAX: usize = 200_000;

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
        let settings = self.feed_settings(viewer).await?;
        let (views, videos) = (&self.brain.views, &self.brain.videos);
        let state = Viewer::gather(views, videos, viewer, None, Default::default(), self.clock.now());
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
        let done = self.commit(change).await;
        self.feed_settings.forget(&viewer);
        done
    }

    /// How this viewer wants their feed: asked for with every page.
    pub async fn feed_settings(&self, viewer: ViewerId) -> Result<FeedSettings, AppError> {
        if let Some(known) = self.feed_settings.get(&viewer) {
            return Ok(known);
        }
        let stand = self.feed_settings.stand();
        let read = self.accounts.feed_settings(viewer).await?;
        self.feed_settings.keep(stand, [(viewer, read)]);
        Ok(read)
    }
}
