//! All indexes together: a video is in every one of them, or in none.

use std::sync::Arc;

use base::{AccountId, Timestamp, VideoId};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::{CreatorIndex, ExploreIndex, FreshIndex, HashtagIndex, RetrievalError, VectorIndex};

/// What the indexes need of a published video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub video: VideoId,
    pub creator: AccountId,
    /// Lower-case, without the sign.
    pub hashtags: Vec<Arc<str>>,
    pub published_at: Timestamp,
}

/// The published videos, by everything they can be found by. Its vectors have `D` numbers.
#[derive(Default)]
pub struct CandidateIndex<const D: usize> {
    entries: Mutex<HashMap<VideoId, Entry, FixedState>>,
    vectors: VectorIndex<D>,
    fresh: FreshIndex,
    explore: ExploreIndex,
    creators: CreatorIndex,
    hashtags: HashtagIndex,
}

impl<const D: usize> CandidateIndex<D> {
    /// Puts a video in; one that is in already is taken out first (its caption was edited). It has no vector until it is
    /// given one.
    pub fn publish(&self, entry: Entry, impressions: u64) {
        let mut entries = self.entries.lock();
        let before = entries.insert(entry.video, entry.clone());
        if let Some(before) = before {
            self.take(&before);
        }
        self.fresh.insert(entry.published_at, entry.video);
        self.explore.insert(entry.video, impressions);
        self.creators.insert(entry.creator, entry.published_at, entry.video);
        for hashtag in &entry.hashtags {
            self.hashtags.insert(hashtag, entry.published_at, entry.video);
        }
    }

    /// Takes a video out; whether it was in.
    pub fn remove(&self, video: VideoId) -> bool {
        let mut entries = self.entries.lock();
        let Some(entry) = entries.remove(&video) else { return false };
        self.take(&entry);
        self.vectors.remove(video);
        true
    }

    /// Out of everything but the vectors, with the lock on the entries held.
    fn take(&self, entry: &Entry) {
        self.fresh.remove(entry.published_at, entry.video);
        self.explore.remove(entry.video);
        self.creators.remove(entry.creator, entry.published_at, entry.video);
        for hashtag in &entry.hashtags {
            self.hashtags.remove(hashtag, entry.published_at, entry.video);
        }
    }

    /// Sets the vector of a published video. One that is not published gets none: a late update does not bring it back.
    pub fn set_vector(&self, video: VideoId, vector: &[f32; D]) -> Result<(), RetrievalError> {
        let entries = self.entries.lock();
        if !entries.contains_key(&video) {
            return Err(RetrievalError::Unknown(video));
        }
        self.vectors.update(video, vector)
    }

    /// Tells how often a video was shown; nothing happens for one that is not published.
    pub fn set_impressions(&self, video: VideoId, impressions: u64) {
        self.explore.set_impressions(video, impressions);
    }

    pub fn vectors(&self) -> &VectorIndex<D> {
        &self.vectors
    }
    pub fn fresh(&self) -> &FreshIndex {
        &self.fresh
    }
    pub fn explore(&self) -> &ExploreIndex {
        &self.explore
    }
    pub fn creators(&self) -> &CreatorIndex {
        &self.creators
    }
    pub fn hashtags(&self) -> &HashtagIndex {
        &self.hashtags
    }

    pub fn len(&self) -> usize {
        self.entries.lock().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use base::Rng;

    use super::*;

    fn entry(number: u64, hashtag: &str) -> Entry {
        Entry {
            video: VideoId::from_raw(number),
            creator: AccountId::from_raw(1),
            hashtags: vec![hashtag.into()],
            published_at: Timestamp::from_millis(number as i64),
        }
    }

    #[test]
    fn a_video_is_in_all_indexes_or_in_none() {
        let index = CandidateIndex::<2>::default();
        let one = VideoId::from_raw(1);
        let check = |index: &CandidateIndex<2>, cats: usize, dogs: usize, all: usize, vectors: usize| {
            let found = [
                index.hashtags().newest("cats", 9, |_| false).len(),
                index.hashtags().newest("dogs", 9, |_| false).len(),
                index.fresh().newest(9, |_| false).len(),
                index.explore().sample(&mut Rng::from_seed(1), 9, |_| false).len(),
                index.creators().newest(&[AccountId::from_raw(1)], 9, |_| false).len(),
                index.len(),
                index.vectors().top_k(&[1.0, 0.0], 9, |_| false).len(),
            ];
            assert_eq!(found, [cats, dogs, all, all, all, all, vectors]);
        };
        index.publish(entry(1, "cats"), 0);
        check(&index, 1, 0, 1, 0);
        index.set_vector(one, &[1.0, 0.0]).unwrap();
        check(&index, 1, 0, 1, 1);
        index.publish(entry(1, "dogs"), 0);
        check(&index, 0, 1, 1, 1);
        assert!(index.remove(one));
        assert!(!index.remove(one));
        check(&index, 0, 0, 0, 0);
        assert_eq!(index.set_vector(one, &[1.0, 0.0]), Err(RetrievalError::Unknown(one)));
        check(&index, 0, 0, 0, 0);
    }
}
