//! Videos by hashtag.

use std::sync::Arc;

use base::{Rng, Timestamp, VideoId};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use parking_lot::RwLock;

use crate::dated::DatedList;
use crate::stride::strided;

/// The most videos that one draw looks at.
const LOOKED_AT_MAX: usize = 1_024;

/// Each hashtag's videos by time of publication.
#[derive(Default)]
pub struct HashtagIndex {
    lists: RwLock<HashMap<Arc<str>, DatedList, FixedState>>,
}

impl HashtagIndex {
    /// `hashtag` as the event log has it: lower-case, without the sign.
    pub fn insert(&self, hashtag: &Arc<str>, published_at: Timestamp, video: VideoId) {
        self.lists.write().entry(hashtag.clone()).or_default().insert(published_at, video);
    }

    /// `published_at` as it was inserted with.
    pub fn remove(&self, hashtag: &str, published_at: Timestamp, video: VideoId) {
        let mut lists = self.lists.write();
        if let Some(list) = lists.get_mut(hashtag) {
            list.remove(published_at, video);
            if list.len() == 0 {
                lists.remove(hashtag);
            }
        }
    }

    /// The `limit` newest with the hashtag.
    pub fn newest(&self, hashtag: &str, limit: usize, mut skip: impl FnMut(VideoId) -> bool) -> Vec<VideoId> {
        let lists = self.lists.read();
        let Some(list) = lists.get(hashtag) else { return Vec::new() };
        let newest = (0..list.len()).filter_map(|rank| list.newest(rank));
        newest.map(|(_, video)| video).filter(|video| !skip(*video)).take(limit).collect()
    }

    /// Half of `limit` by age, newest first, the rest drawn from all with the hashtag: old ones get their chance. The draw
    /// gives up after looking at 1,024.
    pub fn sample(&self, hashtag: &str, rng: &mut Rng, limit: usize, mut skip: impl FnMut(VideoId) -> bool) -> Vec<VideoId> {
        let mut found = self.newest(hashtag, limit.div_ceil(2), &mut skip);
        let lists = self.lists.read();
        let Some(list) = lists.get(hashtag) else { return found };
        for (_, video) in strided(list.len(), rng).take(LOOKED_AT_MAX).filter_map(|rank| list.newest(rank)) {
            if found.len() >= limit {
                break;
            }
            if !found.contains(&video) && !skip(video) {
                found.push(video);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_and_drawn() {
        let index = HashtagIndex::default();
        let cats: Arc<str> = "猫".into();
        for number in 0..100 {
            index.insert(&cats, Timestamp::from_millis(number as i64), VideoId::from_raw(number));
        }
        index.remove(&cats, Timestamp::from_millis(99), VideoId::from_raw(99));
        let raw = |videos: Vec<VideoId>| videos.into_iter().map(|video| video.raw()).collect::<Vec<_>>();
        assert_eq!(raw(index.newest("猫", 3, |video| video.raw() == 97)), [98, 96, 95]);
        assert!(index.newest("dogs", 3, |_| false).is_empty());
        let drawn = raw(index.sample("猫", &mut Rng::from_seed(1), 10, |video| video.raw() == 97));
        assert_eq!(drawn[..5], [98, 96, 95, 94, 93]);
        assert_eq!(drawn.len(), 10);
        assert!(drawn[5..].iter().any(|number| *number < 50), "{drawn:?}");
        let all = raw(index.sample("猫", &mut Rng::from_seed(1), 500, |_| false));
        assert_eq!(all.len(), 99, "each once, though drawn from the same list twice");
    }
}
