//! All published videos, newest first.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ops::Bound;

use base::{Timestamp, VideoId};
use parking_lot::RwLock;

/// Entries read under one lock: `skip` is asked without it.
const PAGE: usize = 256;

type Key = Reverse<(Timestamp, VideoId)>;

/// Videos by time of publication.
#[derive(Default)]
pub struct FreshIndex {
    videos: RwLock<BTreeSet<Key>>,
}

impl FreshIndex {
    pub fn insert(&self, published_at: Timestamp, video: VideoId) {
        self.videos.write().insert(Reverse((published_at, video)));
    }

    /// `published_at` as it was inserted with.
    pub fn remove(&self, published_at: Timestamp, video: VideoId) {
        self.videos.write().remove(&Reverse((published_at, video)));
    }

    pub fn len(&self) -> usize {
        self.videos.read().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The `limit` newest that are not passed over, found however far back they lie.
    pub fn newest(&self, limit: usize, mut skip: impl FnMut(VideoId) -> bool) -> Vec<VideoId> {
        let mut found = Vec::with_capacity(limit.min(PAGE));
        let mut page: Vec<Key> = Vec::with_capacity(PAGE);
        let mut from = Bound::Unbounded;
        while found.len() < limit {
            page.clear();
            page.extend(self.videos.read().range((from, Bound::Unbounded)).take(PAGE));
            let Some(last) = page.last() else { break };
            from = Bound::Excluded(*last);
            found.extend(page.iter().map(|Reverse((_, video))| *video).filter(|video| !skip(*video)).take(limit - found.len()));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_first_past_whatever_is_passed_over() {
        let index = FreshIndex::default();
        for number in 0..1_000 {
            index.insert(Timestamp::from_millis(number as i64 / 2), VideoId::from_raw(number));
        }
        index.remove(Timestamp::from_millis(0), VideoId::from_raw(1));
        let check = |limit, seen_from: u64, expected: &[u64]| {
            let found = index.newest(limit, |video| video.raw() >= seen_from);
            assert_eq!(found.iter().map(|video| video.raw()).collect::<Vec<_>>(), expected);
        };
        check(3, 1_000, &[999, 998, 997]);
        check(3, 10, &[9, 8, 7]);
        check(3, 3, &[2, 0]);
        check(3, 0, &[]);
        check(0, 1_000, &[]);
    }
}
