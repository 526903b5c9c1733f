//! What shared rows would cost: ids are hashed into so few buckets that some share one with another.
//!
//! Only the learner sees the buckets; pages, histories and figures go by the ids as they are, save that a history names its videos by their
//! buckets. With n ids in b buckets an id is alone with probability (1 - 1/b)^(n - 1), about e^(-(n - 1) / b).

use std::sync::Arc;

use base::Rng;
use hashbrown::{HashMap, HashSet};
use learner::VideoFeatures;
use serde::Serialize;

use crate::log::Log;

/// Shares of the ids that share their bucket with another, 0 (a row for each) to below 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Collide {
    pub viewers: f64,
    pub videos: f64,
}

pub(crate) struct Buckets {
    viewers: Option<HashMap<u64, u64>>,
    videos: Option<HashMap<u64, Arc<VideoFeatures>>>,
}

/// Each id's bucket, from 1; `None` when none are to share.
fn hashed(ids: impl Iterator<Item = u64>, share: f64, rng: &Rng) -> Option<HashMap<u64, u64>> {
    if share <= 0.0 {
        return None;
    }
    let ids: HashSet<u64> = ids.collect();
    let buckets = (ids.len().saturating_sub(1) as f64 / -(1.0 - share).ln()).ceil().max(1.0) as usize;
    Some(ids.into_iter().map(|id| (id, 1 + rng.child(&id.to_string()).below(buckets) as u64)).collect())
}

fn shared(buckets: impl Iterator<Item = u64> + Clone) -> f64 {
    let mut ids: HashMap<u64, u32> = HashMap::new();
    buckets.clone().for_each(|bucket| *ids.entry(bucket).or_default() += 1);
    let sharing = buckets.clone().filter(|bucket| ids.get(bucket).is_some_and(|count| *count > 1)).count();
    sharing as f64 / buckets.count().max(1) as f64
}

impl Buckets {
    pub fn new(log: &Log, wanted: Collide, seed: u64) -> Self {
        let rng = Rng::from_seed(seed).child("buckets");
        let viewers = hashed(log.pages.iter().map(|page| page.viewer), wanted.viewers, &rng.child("viewers"));
        let videos = hashed(log.videos.iter().map(|video| video.video), wanted.videos, &rng.child("videos"));
        let videos = videos.map(|buckets| {
            let place = |video: &Arc<VideoFeatures>| {
                let bucket = buckets.get(&video.video).copied().unwrap_or_default();
                (video.video, Arc::new(VideoFeatures { video: bucket, ..VideoFeatures::clone(video) }))
            };
            log.videos.iter().map(place).collect()
        });
        Self { viewers, videos }
    }

    pub fn viewer(&self, viewer: u64) -> u64 {
        self.viewers.as_ref().and_then(|buckets| buckets.get(&viewer).copied()).unwrap_or(viewer)
    }

    pub fn video(&self, video: Arc<VideoFeatures>) -> Arc<VideoFeatures> {
        self.videos.as_ref().and_then(|buckets| buckets.get(&video.video).cloned()).unwrap_or(video)
    }

    /// The shares that came about.
    pub fn shares(&self) -> Collide {
        Collide {
            viewers: self.viewers.as_ref().map_or(0.0, |buckets| shared(buckets.values().copied())),
            videos: self.videos.as_ref().map_or(0.0, |buckets| shared(buckets.values().map(|video| video.video))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Page;

    #[test]
    fn as_many_share_as_were_asked_for() {
        let videos = (1..=20_000).map(|video| Arc::new(VideoFeatures { video, ..VideoFeatures::default() })).collect();
        let page = |viewer| Page { at_ms: 0, viewer, tab: 0, device: 0, language: 0, warm: false, rows: Vec::new() };
        let log = Log { videos, pages: (1..=20_000).map(page).collect(), ..Log::default() };
        let wanted = Collide { viewers: 0.0773, videos: 0.5 };
        let (one, other) = (Buckets::new(&log, wanted, 1), Buckets::new(&log, wanted, 2));
        let shares = one.shares();
        assert!((shares.viewers - 0.0773).abs() < 0.01 && (shares.videos - 0.5).abs() < 0.02, "{shares:?}");
        assert!((1..=20_000).any(|id| one.viewer(id) != other.viewer(id)), "the seed hashes");
        let none = Buckets::new(&log, Collide::default(), 1);
        assert_eq!((none.viewer(7), none.shares()), (7, Collide::default()));
        assert_eq!(none.video(log.videos[0].clone()).video, 1);
    }
}
