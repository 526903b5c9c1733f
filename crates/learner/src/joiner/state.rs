//! The joiner as bytes. Equal states of one joiner have equal bytes; shared features are written once.

use std::cmp::Reverse;
use std::sync::Arc;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::entry::{Entry, Shown, Stage};
use super::event::Event;
use super::{Counters, Joiner, JoinerConfig, Slate};
use crate::error::{Error, Result};
use crate::features::VideoFeatures;

const VERSION: u32 = 2;

#[derive(Serialize, Deserialize)]
struct EntryState {
    viewer: u64,
    number: u64,
    slate: Option<u64>,
    shown: u32,
    video: u32,
    at_ms: i64,
    impressed: bool,
    stage: Stage,
    acted: u16,
    watched: Option<(u32, u32)>,
}

#[derive(Serialize, Deserialize)]
struct State {
    now_ms: i64,
    shown: Vec<Arc<Shown>>,
    videos: Vec<Arc<VideoFeatures>>,
    /// In the order of arrival: time, slate, viewer's features, items.
    slates: Vec<(i64, u64, u32, Vec<u32>)>,
    entries: Vec<EntryState>,
    /// In the order of until when.
    waiting: Vec<(i64, Event)>,
    entry_next: u64,
    counters: Counters,
}

/// Numbers shared values in the order in which they are first met.
struct Pool<T> {
    numbers: HashMap<*const T, u32>,
    values: Vec<Arc<T>>,
}

impl<T> Pool<T> {
    fn new() -> Self {
        Self { numbers: HashMap::new(), values: Vec::new() }
    }

    fn number(&mut self, value: &Arc<T>) -> u32 {
        let next = self.values.len() as u32;
        *self.numbers.entry(Arc::as_ptr(value)).or_insert_with(|| {
            self.values.push(value.clone());
            next
        })
    }
}

impl Joiner {
    /// The whole state, versioned and checksummed.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let (mut shown, mut videos) = (Pool::new(), Pool::new());
        let mut slates = Vec::with_capacity(self.slates.len());
        for (at_ms, number) in &self.slates_by_age {
            if let Some(slate) = self.slates.get(number) {
                let items = slate.items.iter().map(|item| videos.number(item)).collect();
                slates.push((*at_ms, *number, shown.number(&slate.shown), items));
            }
        }
        let mut sorted: Vec<(u64, &Entry)> =
            self.entries.iter().flat_map(|((viewer, _), entries)| entries.iter().map(move |entry| (*viewer, entry))).collect();
        sorted.sort_by_key(|(_, entry)| entry.number);
        let mut entries = Vec::with_capacity(sorted.len());
        for (viewer, entry) in sorted {
            entries.push(EntryState {
                viewer,
                number: entry.number,
                slate: entry.slate,
                shown: shown.number(&entry.shown),
                video: videos.number(&entry.video),
                at_ms: entry.at_ms,
                impressed: entry.impressed,
                stage: entry.stage,
                acted: entry.acted,
                watched: entry.watched,
            });
        }
        let mut waiting: Vec<(i64, Event)> = self.waiting.values().flatten().copied().collect();
        // One key's events keep their order; a full order of all makes the bytes the same whatever the map's.
        waiting.sort_by(|(a, x), (b, y)| a.cmp(b).then(x.key().cmp(&y.key())));
        let state = State {
            now_ms: self.now_ms,
            shown: shown.values,
            videos: videos.values,
            slates,
            entries,
            waiting,
            entry_next: self.entry_next,
            counters: self.counters,
        };
        let mut bytes = VERSION.to_le_bytes().to_vec();
        bytes = postcard::to_extend(&state, bytes).map_err(|_| Error::Corrupt("the joiner cannot be encoded"))?;
        let crc = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        Ok(bytes)
    }

    /// The joiner that [`Self::to_bytes`] wrote, under the limits of `config`.
    pub fn from_bytes(config: JoinerConfig, bytes: &[u8]) -> Result<Self> {
        let (body, crc) = bytes.split_last_chunk::<4>().ok_or(Error::Corrupt("it is cut short"))?;
        if crc32c::crc32c(body) != u32::from_le_bytes(*crc) {
            return Err(Error::Corrupt("its checksum does not match"));
        }
        let (version, body) = body.split_first_chunk::<4>().ok_or(Error::Corrupt("it is cut short"))?;
        let found = u32::from_le_bytes(*version);
        if found != VERSION {
            return Err(Error::Version { found, expected: VERSION });
        }
        let state: State = postcard::from_bytes(body).map_err(|_| Error::Corrupt("the joiner cannot be decoded"))?;
        let missing = Error::Corrupt("the joiner refers to what it does not hold");
        let mut joiner = Self::new(config);
        (joiner.now_ms, joiner.entry_next, joiner.counters) = (state.now_ms, state.entry_next, state.counters);
        for (at_ms, number, shown, items) in state.slates {
            let items: Option<Vec<_>> = items.iter().map(|at| state.videos.get(*at as usize).cloned()).collect();
            let (Some(shown), Some(items)) = (state.shown.get(shown as usize).cloned(), items) else { return Err(missing) };
            joiner.slates.insert(number, Slate { shown, items });
            joiner.slates_by_age.push_back((at_ms, number));
        }
        for entry in state.entries {
            let shown = state.shown.get(entry.shown as usize).cloned();
            let (Some(shown), Some(video)) = (shown, state.videos.get(entry.video as usize).cloned()) else {
                return Err(missing);
            };
            let key = (entry.viewer, video.video);
            let videos = joiner.by_creator.entry((entry.viewer, video.creator)).or_default();
            if !videos.contains(&video.video) {
                videos.push(video.video);
            }
            joiner.due.push(Reverse((entry.stage.due_ms(entry.at_ms, &config), entry.number, key)));
            joiner.by_age.push_back((entry.number, key));
            joiner.entries_len += 1;
            joiner.entries.entry(key).or_default().push(Entry {
                number: entry.number,
                slate: entry.slate,
                shown,
                video,
                at_ms: entry.at_ms,
                impressed: entry.impressed,
                stage: entry.stage,
                acted: entry.acted,
                watched: entry.watched,
            });
        }
        for (until_ms, event) in state.waiting {
            joiner.waiting.entry(event.key()).or_default().push((until_ms, event));
            joiner.waiting_by_age.push_back((until_ms, event.key()));
            joiner.waiting_len += 1;
        }
        Ok(joiner)
    }
}
