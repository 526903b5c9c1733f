//! Published videos by age, creator, hashtag and sound.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base::{AccountId, SoundId, Timestamp, VideoId};
use eventlog::VideoFacts;
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::TopicCounts;

/// Published videos by publication, then id: read backwards, newest first.
pub(crate) type ByAge = BTreeSet<(Timestamp, VideoId)>;

/// The videos of a hashtag or a sound.
#[derive(Default)]
pub(crate) struct Topic {
    pub videos: ByAge,
    /// The views of these videos. Atomic, so that counting a view does not keep readers of the index out.
    pub views: AtomicU64,
}

#[derive(Default)]
pub(crate) struct Index {
    pub fresh: ByAge,
    pub creators: HashMap<AccountId, ByAge, FixedState>,
    pub hashtags: HashMap<Arc<str>, Topic, FixedState>,
    pub sounds: HashMap<SoundId, Topic, FixedState>,
}

impl Index {
    /// Adds a video with the views that it has by now.
    pub fn add(&mut self, facts: &VideoFacts, views: u64) {
        let place = (facts.published_at, facts.video);
        self.fresh.insert(place);
        self.creators.entry(facts.creator).or_default().insert(place);
        for hashtag in &facts.hashtags {
            match self.hashtags.get_mut(hashtag.as_str()) {
                Some(topic) => topic.add(place, views),
                None => self.hashtags.entry(Arc::from(hashtag.as_str())).or_default().add(place, views),
            }
        }
        if let Some(sound) = facts.sound {
            self.sounds.entry(sound).or_default().add(place, views);
        }
    }

    /// Takes a video out, as it was added, with the views that it has by now.
    pub fn remove(&mut self, facts: &VideoFacts, views: u64) {
        let place = (facts.published_at, facts.video);
        self.fresh.remove(&place);
        if let Some(videos) = self.creators.get_mut(&facts.creator) {
            videos.remove(&place);
            if videos.is_empty() {
                self.creators.remove(&facts.creator);
            }
        }
        for hashtag in &facts.hashtags {
            remove_from(&mut self.hashtags, hashtag.as_str(), place, views);
        }
        if let Some(sound) = facts.sound {
            remove_from(&mut self.sounds, &sound, place, views);
        }
    }

    /// Counts a view of a video.
    pub fn view(&self, facts: &VideoFacts) {
        let hashtags = facts.hashtags.iter().filter_map(|hashtag| self.hashtags.get(hashtag.as_str()));
        let sound = facts.sound.and_then(|sound| self.sounds.get(&sound));
        hashtags.chain(sound).for_each(|topic| {
            topic.views.fetch_add(1, Ordering::Relaxed);
        });
    }

    pub fn bytes(&self) -> usize {
        let by_age = |videos: &ByAge| videos.len() * size_of::<(Timestamp, VideoId)>() * 3 / 2;
        let topics = self.hashtags.values().chain(self.sounds.values());
        self.creators.allocation_size()
            + self.hashtags.allocation_size()
            + self.sounds.allocation_size()
            + by_age(&self.fresh)
            + self.creators.values().map(by_age).sum::<usize>()
            + topics.map(|topic| by_age(&topic.videos)).sum::<usize>()
    }
}

impl Topic {
    fn add(&mut self, place: (Timestamp, VideoId), views: u64) {
        if self.videos.insert(place) {
            *self.views.get_mut() += views;
        }
    }

    pub fn counts(&self) -> TopicCounts {
        TopicCounts { videos: self.videos.len() as u64, views: self.views.load(Ordering::Relaxed) }
    }
}

fn remove_from<K, Q>(topics: &mut HashMap<K, Topic, FixedState>, key: &Q, place: (Timestamp, VideoId), views: u64)
where
    K: Eq + Hash + Borrow<Q>,
    Q: Eq + Hash + ?Sized,
{
    let Some(topic) = topics.get_mut(key) else { return };
    if topic.videos.remove(&place) {
        let left = topic.views.get_mut();
        *left = left.saturating_sub(views);
    }
    if topic.videos.is_empty() {
        topics.remove(key);
    }
}

/// The newest of these, newest first.
pub(crate) fn newest(videos: Option<&ByAge>, limit: usize) -> Vec<VideoId> {
    videos.map_or_else(Vec::new, |videos| videos.iter().rev().take(limit).map(|(_, video)| *video).collect())
}
