//! Videos by creator.

use std::collections::BinaryHeap;

use base::{AccountId, Timestamp, VideoId};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use parking_lot::RwLock;

use crate::dated::DatedList;

/// The most creators whose videos are merged in one search; further ones are not looked at.
const CREATORS_MAX: usize = 5_000;

/// Each creator's videos by time of publication.
#[derive(Default)]
pub struct CreatorIndex {
    lists: RwLock<HashMap<AccountId, DatedList, FixedState>>,
}

impl CreatorIndex {
    pub fn insert(&self, creator: AccountId, published_at: Timestamp, video: VideoId) {
        self.lists.write().entry(creator).or_default().insert(published_at, video);
    }

    /// `published_at` as it was inserted with.
    pub fn remove(&self, creator: AccountId, published_at: Timestamp, video: VideoId) {
        let mut lists = self.lists.write();
        if let Some(list) = lists.get_mut(&creator) {
            list.remove(published_at, video);
            if list.len() == 0 {
                lists.remove(&creator);
            }
        }
    }

    /// The `limit` newest videos of these creators together, newest first.
    pub fn newest(&self, creators: &[AccountId], limit: usize, mut skip: impl FnMut(VideoId) -> bool) -> Vec<VideoId> {
        let lists = self.lists.read();
        let followed: Vec<&DatedList> = creators.iter().take(CREATORS_MAX).filter_map(|creator| lists.get(creator)).collect();
        // The newest not yet taken of each creator: time, video, whose list, which rank in it.
        let mut heads: BinaryHeap<_> = followed
            .iter()
            .enumerate()
            .filter_map(|(whose, list)| list.newest(0).map(|(at, video)| (at, video, whose, 0)))
            .collect();
        let mut found: Vec<VideoId> = Vec::with_capacity(limit.min(1_000));
        while found.len() < limit
            && let Some((_, video, whose, rank)) = heads.pop()
        {
            // A creator named twice brings each video twice, one after the other.
            if found.last() != Some(&video) && !skip(video) {
                found.push(video);
            }
            let next = followed.get(whose).and_then(|list| list.newest(rank + 1));
            heads.extend(next.map(|(at, video)| (at, video, whose, rank + 1)));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_the_newest_of_several() {
        let index = CreatorIndex::default();
        let creator = AccountId::from_raw;
        for number in 0..30 {
            index.insert(creator(number % 3), Timestamp::from_millis(number as i64), VideoId::from_raw(number));
        }
        index.remove(creator(2), Timestamp::from_millis(29), VideoId::from_raw(29));
        let check = |creators: &[u64], limit, expected: &[u64]| {
            let creators: Vec<_> = creators.iter().map(|number| creator(*number)).collect();
            let found = index.newest(&creators, limit, |video| video.raw() == 26);
            assert_eq!(found.iter().map(|video| video.raw()).collect::<Vec<_>>(), expected);
        };
        check(&[0, 2], 4, &[27, 24, 23, 21]);
        check(&[1], 2, &[28, 25]);
        check(&[1, 1], 2, &[28, 25]);
        check(&[9], 4, &[]);
        check(&[], 4, &[]);
        check(&[0], 100, &[27, 24, 21, 18, 15, 12, 9, 6, 3, 0]);
    }
}
