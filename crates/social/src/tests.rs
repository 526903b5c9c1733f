//! The service against a real database file.

mod against_model;
mod leaving;
mod model;
mod rules;

use std::sync::Arc;

use base::{AccountId, ManualClock, Rng, Timestamp, VideoId};
use store::{Store, WriteTx};

use crate::*;

pub(crate) const FAST: SocialRules = SocialRules {
    likes: Pace { count: u32::MAX, window_ms: 1 },
    follows: Pace { count: u32::MAX, window_ms: 1 },
    comments: Pace { count: u32::MAX, window_ms: 1 },
    following_max: 10_000,
    blocks_max: 5_000,
};

pub(crate) struct World {
    _dir: tempfile::TempDir,
    pub store: Store,
    pub clock: Arc<ManualClock>,
    pub social: Social,
}

impl World {
    pub async fn new(rules: SocialRules) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store.sqlite")).await.unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_772_323_200_000)));
        let social = Social::new(store.clone(), clock.clone(), Rng::from_seed(1), rules);
        Self { _dir: dir, store, clock, social }
    }

    pub async fn tx(&self) -> WriteTx {
        self.clock.advance_millis(1);
        self.store.write().await.unwrap()
    }

    pub async fn write(&self, author: AccountId, creator: AccountId, text: &str) -> Comment {
        let mut tx = self.tx().await;
        let new = NewComment { author, video: video(1), creator, text, parent: None };
        let written = self.social.comment(&mut tx, new).await.unwrap();
        tx.commit().await.unwrap();
        written.comment
    }

    pub async fn answer(
        &self,
        author: AccountId,
        creator: AccountId,
        parent: base::CommentId,
    ) -> Result<Commented, SocialError> {
        let mut tx = self.tx().await;
        let new = NewComment { author, video: video(1), creator, text: "an answer", parent: Some(parent) };
        let written = self.social.comment(&mut tx, new).await;
        tx.commit().await.unwrap();
        written
    }
}

/// Runs one action in a transaction of its own and commits it.
macro_rules! act {
    ($world:expr, $action:ident ( $($argument:expr),* )) => {{
        let mut tx = $world.tx().await;
        let result = $world.social.$action(&mut tx $(, $argument)*).await;
        tx.commit().await.unwrap();
        result
    }};
}
pub(crate) use act;

pub(crate) fn person(n: u64) -> AccountId {
    AccountId::from_raw(1_000_000_007 * (n + 1))
}

pub(crate) fn video(n: u64) -> VideoId {
    VideoId::from_raw(2_000_000_011 * (n + 1))
}
