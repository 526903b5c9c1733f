//! A list of videos by time of publication.

use base::{Timestamp, VideoId};

/// Oldest first, so that what is published now goes to the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct DatedList {
    items: Vec<(Timestamp, VideoId)>,
}

impl DatedList {
    pub(crate) fn insert(&mut self, at: Timestamp, video: VideoId) {
        if let Err(place) = self.items.binary_search(&(at, video)) {
            self.items.insert(place, (at, video));
        }
    }

    pub(crate) fn remove(&mut self, at: Timestamp, video: VideoId) {
        if let Ok(place) = self.items.binary_search(&(at, video)) {
            self.items.remove(place);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// The `rank`-th newest, from 0.
    pub(crate) fn newest(&self, rank: usize) -> Option<(Timestamp, VideoId)> {
        self.items.len().checked_sub(rank + 1).and_then(|place| self.items.get(place)).copied()
    }
}
