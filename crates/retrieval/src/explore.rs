//! Videos by how few have seen them: where new videos get their first views from.

use base::{Rng, VideoId};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use parking_lot::RwLock;

use crate::stride::strided;

/// Levels of 0, 1, 2 to 3, 4 to 7, ... impressions; the last holds everything from 1,024 up.
const LEVELS: usize = 12;
/// The most videos that one search looks at.
const LOOKED_AT_MAX: usize = 4_096;

#[derive(Default)]
struct Inner {
    levels: [Vec<VideoId>; LEVELS],
    /// Level and place in it.
    places: HashMap<VideoId, (usize, usize), FixedState>,
}

/// Videos in levels by impressions.
#[derive(Default)]
pub struct ExploreIndex {
    inner: RwLock<Inner>,
}

fn level_of(impressions: u64) -> usize {
    ((u64::BITS - impressions.leading_zeros()) as usize).min(LEVELS - 1)
}

impl Inner {
    fn take(&mut self, video: VideoId) -> bool {
        let Some((level, place)) = self.places.remove(&video) else { return false };
        if let Some(list) = self.levels.get_mut(level) {
            list.swap_remove(place);
            if let Some(moved) = list.get(place) {
                self.places.insert(*moved, (level, place));
            }
        }
        true
    }

    fn put(&mut self, video: VideoId, level: usize) {
        if let Some(list) = self.levels.get_mut(level) {
            self.places.insert(video, (level, list.len()));
            list.push(video);
        }
    }
}

impl ExploreIndex {
    /// Puts a video in, or moves it if it is known.
    pub fn insert(&self, video: VideoId, impressions: u64) {
        let mut inner = self.inner.write();
        inner.take(video);
        inner.put(video, level_of(impressions));
    }

    /// Tells how often a known video was shown; writes only when that changes its level, so most calls are a look-up.
    pub fn set_impressions(&self, video: VideoId, impressions: u64) {
        let level = level_of(impressions);
        if self.inner.read().places.get(&video).is_none_or(|(known, _)| *known == level) {
            return;
        }
        let mut inner = self.inner.write();
        if inner.take(video) {
            inner.put(video, level);
        }
    }

    pub fn remove(&self, video: VideoId) -> bool {
        self.inner.write().take(video)
    }

    pub fn len(&self) -> usize {
        self.inner.read().places.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Up to `limit` videos, lower levels first, in an order drawn from `rng` within a level. Gives up after looking at 4,096.
    pub fn sample(&self, rng: &mut Rng, limit: usize, mut skip: impl FnMut(VideoId) -> bool) -> Vec<VideoId> {
        let mut found = Vec::with_capacity(limit.min(LOOKED_AT_MAX));
        let mut left = LOOKED_AT_MAX;
        let inner = self.inner.read();
        for level in &inner.levels {
            for place in strided(level.len(), rng).take(left) {
                if found.len() >= limit {
                    return found;
                }
                left -= 1;
                found.extend(level.get(place).copied().filter(|video| !skip(*video)));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn video(number: u64) -> VideoId {
        VideoId::from_raw(number)
    }

    #[test]
    fn fewest_impressions_first_and_random_within() {
        let index = ExploreIndex::default();
        for number in 0..100 {
            index.insert(video(number), if number < 50 { 0 } else { 1_000_000 });
        }
        index.set_impressions(video(7), 3);
        index.set_impressions(video(1_000), 3);
        index.remove(video(8));
        let draw = |seed| index.sample(&mut base::Rng::from_seed(seed), 49, |video| video.raw() == 9);
        let first = draw(1);
        assert_eq!(first.len(), 49);
        assert!(first[..47].iter().all(|video| video.raw() < 50 && video.raw() != 7));
        assert_eq!(first[47], video(7));
        assert!(first[48].raw() >= 50);
        assert_eq!(first, draw(1), "the same seed, the same order");
        assert_ne!(first, draw(2));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Any order of insertions, counts and removals leaves each video once, in its level.
        #[test]
        fn agrees_with_a_map(steps in prop::collection::vec((0u64..30, 0u64..3_000, 0u8..4), 0..200)) {
            let index = ExploreIndex::default();
            let mut model: HashMap<VideoId, u64> = HashMap::new();
            for (number, impressions, step) in steps {
                let id = video(number);
                match step {
                    0 => prop_assert_eq!(index.remove(id), model.remove(&id).is_some()),
                    1 => {
                        index.set_impressions(id, impressions);
                        model.entry(id).and_modify(|known| *known = impressions);
                    }
                    _ => {
                        index.insert(id, impressions);
                        model.insert(id, impressions);
                    }
                }
            }
            let found = index.sample(&mut base::Rng::from_seed(1), 100, |_| false);
            prop_assert_eq!((found.len(), index.len()), (model.len(), model.len()));
            prop_assert!(found.iter().all(|video| model.contains_key(video)));
            prop_assert!(found.iter().map(|video| level_of(model[video])).is_sorted());
            let once: std::collections::BTreeSet<_> = found.iter().collect();
            prop_assert_eq!(once.len(), found.len());
        }
    }

    #[test]
    fn every_video_comes_first_about_equally_often() {
        let index = ExploreIndex::default();
        for number in 0..10 {
            index.insert(video(number), 0);
        }
        let mut first = [0u32; 10];
        let mut rng = base::Rng::from_seed(4);
        for _ in 0..2_000 {
            first[index.sample(&mut rng, 1, |_| false)[0].raw() as usize] += 1;
        }
        assert!(first.iter().all(|times| (140..260).contains(times)), "{first:?}");
    }
}
