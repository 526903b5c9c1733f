//! What is known of each video: its facts and its counts.

use std::sync::Arc;

use base::VideoId;
use eventlog::VideoFacts;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use parking_lot::RwLock;

use crate::{VideoCounts, WatchCurve};

const SHARDS: usize = 64;

/// Of one video.
#[derive(Clone, Debug, Default)]
pub(crate) struct Video {
    /// While it is published.
    pub facts: Option<Arc<VideoFacts>>,
    pub counts: VideoCounts,
    pub curve: WatchCurve,
    /// How many times each source of the feed served it, by the source's index; sorted.
    pub served: Vec<(u8, u64)>,
}

type VideoMap = HashMap<VideoId, Video, FixedState>;

pub(crate) struct Videos {
    shards: Vec<RwLock<VideoMap>>,
}

impl Videos {
    pub fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| RwLock::default()).collect() }
    }

    fn shard(&self, video: VideoId) -> Option<&RwLock<VideoMap>> {
        self.shards.get(video.raw() as usize % SHARDS)
    }

    pub fn read<T: Default>(&self, video: VideoId, read: impl FnOnce(&Video) -> T) -> T {
        self.shard(video).and_then(|shard| shard.read().get(&video).map(read)).unwrap_or_default()
    }

    pub fn facts(&self, video: VideoId) -> Option<Arc<VideoFacts>> {
        self.read(video, |video| video.facts.clone())
    }

    pub fn write<T: Default>(&self, video: VideoId, write: impl FnOnce(&mut Video) -> T) -> T {
        self.shard(video).map(|shard| write(shard.write().entry(video).or_default())).unwrap_or_default()
    }

    /// Calls `each` with every video, a shard at a time, in no order.
    pub fn for_each(&self, mut each: impl FnMut(VideoId, &Video)) {
        for shard in &self.shards {
            shard.read().iter().for_each(|(video, state)| each(*video, state));
        }
    }

    pub fn bytes(&self) -> usize {
        let mut bytes = 0;
        self.for_each(|_, video| {
            bytes += video.served.capacity() * size_of::<(u8, u64)>() + video.facts.as_deref().map_or(0, facts_bytes);
        });
        let slots: usize = self.shards.iter().map(|shard| shard.read().allocation_size()).sum();
        slots + bytes
    }
}

impl Video {
    pub fn served_by(&mut self, source: u8) {
        match self.served.binary_search_by_key(&source, |(source, _)| *source) {
            Ok(place) => {
                if let Some((_, count)) = self.served.get_mut(place) {
                    *count += 1;
                }
            }
            Err(place) => self.served.insert(place, (source, 1)),
        }
    }
}

fn facts_bytes(facts: &VideoFacts) -> usize {
    let texts =
        |texts: &Vec<String>| texts.capacity() * size_of::<String>() + texts.iter().map(|text| text.capacity()).sum::<usize>();
    size_of::<VideoFacts>() + texts(&facts.hashtags) + texts(&facts.words) + facts.content.capacity() * size_of::<f32>()
}
