//! What a viewer watched and did of late: what the feed learned from, as its history page shows it.

use std::collections::VecDeque;

use base::{Timestamp, VideoId};
use serde::{Deserialize, Serialize};

use crate::Flags;

/// The most entries of a viewer.
pub const HISTORY_ENTRIES_MAX: usize = 200;

residency::classified! {
    /// A video in a viewer's history.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct HistoryEntry {
        pub video: VideoId = Public,
        /// When it was last watched, or else when the viewer first did something with it.
        pub at: Timestamp = Derived,
        /// Milliseconds watched, all watches together; 0 when it was liked, saved or the like but not watched.
        pub watch_ms: u32 = Derived,
        /// Length of the clip in milliseconds; 0 when unknown.
        pub duration_ms: u32 = Public,
        /// What the viewer did with it.
        pub flags: Flags = Derived,
    }
}

/// An entry as it is kept: the flags stand in the viewer's [`crate::seen::SeenTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub video: VideoId,
    pub at: Timestamp,
    pub watch_ms: u32,
    pub duration_ms: u32,
}

/// Latest first by `at`; of equal ones the later applied first. A video stands in it once.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub entries: VecDeque<Kept>,
}

impl History {
    /// Puts a watch in its place, added to what stands there of the video (`known`: there is something). Returns the video
    /// that no longer fits, perhaps this one.
    pub fn watch(&mut self, mut watch: Kept, known: bool) -> Option<VideoId> {
        if known && let Some(before) = self.take(watch.video) {
            watch.at = watch.at.max(before.at);
            watch.watch_ms = watch.watch_ms.saturating_add(before.watch_ms);
            if watch.duration_ms == 0 {
                watch.duration_ms = before.duration_ms;
            }
        }
        self.insert(watch)
    }

    /// Puts a new entry in its place. Returns the video that no longer fits, perhaps this one.
    pub fn insert(&mut self, entry: Kept) -> Option<VideoId> {
        let place = self.entries.iter().position(|other| other.at <= entry.at).unwrap_or(self.entries.len());
        self.entries.insert(place, entry);
        if self.entries.len() > HISTORY_ENTRIES_MAX { self.entries.pop_back().map(|last| last.video) } else { None }
    }

    pub fn take(&mut self, video: VideoId) -> Option<Kept> {
        let place = self.entries.iter().position(|entry| entry.video == video)?;
        self.entries.remove(place)
    }
}
