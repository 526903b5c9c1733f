//! What is known of each viewer: seen videos, history, follows.

use std::sync::Arc;

use base::{AccountId, Timestamp, VideoId, ViewerId};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use parking_lot::RwLock;

use crate::history::{History, Kept};
use crate::seen::SeenTable;
use crate::{Flags, HistoryEntry, Seen};

/// Locks: a reader of one viewer waits for the writer of another only one time in so many.
const SHARDS: usize = 64;
/// Creators whom one viewer can follow.
const FOLLOWS_MAX: usize = 10_000;

/// Of one viewer. 96 bytes, 10 per slot of the seen table, 24 per place in the history, 8 per follow.
#[derive(Clone, Debug, Default)]
pub(crate) struct Viewer {
    /// Shared with readers' snapshots; copied when it changes while one is held.
    pub seen: Arc<SeenTable>,
    pub history: History,
    /// Sorted.
    pub follows: Vec<AccountId>,
    pub paused: bool,
}

pub(crate) type ViewerMap = HashMap<ViewerId, Viewer, FixedState>;

pub(crate) struct Viewers {
    shards: Vec<RwLock<ViewerMap>>,
}

/// What a deed does to the viewer's state.
#[derive(Clone, Copy)]
pub(crate) struct Deed {
    pub video: VideoId,
    pub at: Timestamp,
    pub set: Flags,
    pub clear: Flags,
    pub history: InHistory,
}

#[derive(Clone, Copy)]
pub(crate) enum InHistory {
    Not,
    /// It gets an entry if it has none.
    Noted,
    /// It goes to the front with what was watched.
    Watched {
        watch_ms: u32,
        duration_ms: u32,
    },
}

impl Viewers {
    pub fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| RwLock::default()).collect() }
    }

    fn shard(&self, viewer: ViewerId) -> Option<&RwLock<ViewerMap>> {
        self.shards.get(viewer.raw() as usize % SHARDS)
    }

    pub fn read<T: Default>(&self, viewer: ViewerId, read: impl FnOnce(&Viewer) -> T) -> T {
        self.shard(viewer).and_then(|shard| shard.read().get(&viewer).map(read)).unwrap_or_default()
    }

    pub fn write<T: Default>(&self, viewer: ViewerId, write: impl FnOnce(&mut Viewer) -> T) -> T {
        self.shard(viewer).map(|shard| write(shard.write().entry(viewer).or_default())).unwrap_or_default()
    }

    pub fn remove(&self, viewer: ViewerId) -> Option<Viewer> {
        self.shard(viewer)?.write().remove(&viewer)
    }

    /// Makes room for so many, so that no shard moves while they come.
    pub fn reserve(&self, viewers: usize) {
        // Shards differ a little in size.
        let each = (viewers / SHARDS) * 17 / 16;
        self.shards.iter().for_each(|shard| shard.write().reserve(each));
    }

    pub fn insert(&self, viewer: ViewerId, state: Viewer) {
        if let Some(shard) = self.shard(viewer) {
            shard.write().insert(viewer, state);
        }
    }

    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().len()).sum()
    }

    /// Calls `each` with every viewer, a shard at a time, in no order.
    pub fn for_each(&self, mut each: impl FnMut(ViewerId, &Viewer)) {
        for shard in &self.shards {
            shard.read().iter().for_each(|(viewer, state)| each(*viewer, state));
        }
    }

    pub fn bytes(&self) -> usize {
        let mut bytes = 0;
        self.for_each(|_, viewer| bytes += viewer.bytes());
        let slots: usize = self.shards.iter().map(|shard| shard.read().allocation_size()).sum();
        slots + bytes
    }
}

impl Viewer {
    /// Does the deed; returns the flags of the video before it.
    pub fn act(&mut self, deed: Deed) -> Flags {
        let table = Arc::make_mut(&mut self.seen);
        let noted = !self.paused && !matches!(deed.history, InHistory::Not);
        let noted = if noted { Flags::IN_HISTORY } else { Flags::NONE };
        let before = table.change(deed.video, |flags| flags.without(deed.clear) | deed.set | Flags::SEEN | noted);
        if self.paused {
            return before;
        }
        let fallen = match deed.history {
            InHistory::Not => None,
            InHistory::Noted if before.in_history() => None,
            InHistory::Noted => self.history.insert(Kept { video: deed.video, at: deed.at, watch_ms: 0, duration_ms: 0 }),
            InHistory::Watched { watch_ms, duration_ms } => {
                let watch = Kept { video: deed.video, at: deed.at, watch_ms, duration_ms };
                self.history.watch(watch, before.in_history())
            }
        };
        if let Some(fallen) = fallen {
            table.change(fallen, |flags| flags.without(Flags::IN_HISTORY));
        }
        before
    }

    /// Takes one video, or all, out of the history. That they were seen stays: it teaches nothing, and keeps the feed from
    /// showing again what the viewer just took away.
    pub fn remove_history(&mut self, video: Option<VideoId>) {
        let gone: Vec<VideoId> = match video {
            Some(video) => self.history.take(video).into_iter().map(|entry| entry.video).collect(),
            None => self.history.entries.drain(..).map(|entry| entry.video).collect(),
        };
        if gone.is_empty() {
            return;
        }
        let table = Arc::make_mut(&mut self.seen);
        for video in gone {
            table.change(video, |flags| flags.without(Flags::IN_HISTORY | Flags::FINISHED | Flags::SKIPPED));
        }
    }

    /// Follows or no longer; returns whether that was a change. Beyond [`FOLLOWS_MAX`] nobody is added.
    pub fn follow(&mut self, creator: AccountId, follows: bool) -> bool {
        match (self.follows.binary_search(&creator), follows) {
            (Err(place), true) if self.follows.len() < FOLLOWS_MAX => {
                self.follows.insert(place, creator);
                true
            }
            (Ok(place), false) => {
                self.follows.remove(place);
                true
            }
            _ => false,
        }
    }

    pub fn history(&self, limit: usize) -> Vec<HistoryEntry> {
        let entry = |kept: &Kept| HistoryEntry {
            video: kept.video,
            at: kept.at,
            watch_ms: kept.watch_ms,
            duration_ms: kept.duration_ms,
            flags: self.seen.get(kept.video),
        };
        self.history.entries.iter().take(limit).map(entry).collect()
    }

    pub fn seen(&self) -> Seen {
        Seen(Some(Arc::clone(&self.seen)))
    }

    fn bytes(&self) -> usize {
        self.seen.bytes()
            + 2 * size_of::<usize>()
            + self.history.entries.capacity() * size_of::<Kept>()
            + self.follows.capacity() * size_of::<AccountId>()
    }
}
