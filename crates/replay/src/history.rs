//! What each viewer did before, newest first: what the platform's views keep, without the platform.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashMap;
use learner::{HISTORY_MAX, HistoryItem};

#[derive(Default)]
pub(crate) struct Histories {
    of: HashMap<u64, VecDeque<HistoryItem>>,
}

impl Histories {
    pub fn newest_first(&self, viewer: u64) -> Arc<[HistoryItem]> {
        self.of.get(&viewer).map(|items| items.iter().copied().collect()).unwrap_or_default()
    }

    /// Adds what was just seen; a video stands once, where it was seen last.
    pub fn push(&mut self, viewer: u64, item: HistoryItem) {
        let items = self.of.entry(viewer).or_default();
        items.retain(|old| old.video != item.video);
        items.push_front(item);
        items.truncate(HISTORY_MAX);
    }
}
