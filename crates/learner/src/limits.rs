//! Nobody teaches more than their share: neither a bot that watches day and night, nor one who comes as many viewers from one place.

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::trainer::Trainer;

/// The weight that each one's examples had in the present window. Only ever looked up, never walked in map order.
#[derive(Clone, Debug, Default)]
struct Used {
    window: i64,
    by: HashMap<u64, f32>,
}

impl Used {
    /// What is left of the share of `who`. Beyond `tracked_max` new ones are not held to a share.
    fn left(&mut self, now_ms: i64, window_ms: i64, who: u64, weight_max: f32, tracked_max: usize) -> f32 {
        let window = now_ms.div_euclid(window_ms.max(1));
        if window != self.window {
            self.window = window;
            self.by.clear();
        }
        match self.by.get(&who) {
            Some(used) => (weight_max - used).max(0.0),
            None if self.by.len() >= tracked_max => f32::INFINITY,
            None => weight_max,
        }
    }

    fn note(&mut self, who: u64, weight: f32, tracked_max: usize) {
        if self.by.len() < tracked_max || self.by.contains_key(&who) {
            *self.by.entry(who).or_insert(0.0) += weight;
        }
    }

    fn sorted(&self) -> (i64, Vec<(u64, f32)>) {
        (self.window, sorted(&self.by))
    }

    fn restored((window, by): (i64, Vec<(u64, f32)>)) -> Self {
        Self { window, by: by.into_iter().collect() }
    }
}

/// The shares of viewers, and of the origins that they come from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shares {
    viewers: Used,
    origins: Used,
    origin_of: HashMap<u64, u64>,
    /// Examples that a viewer's share had room for and the origin's had not.
    pub capped_by_origin: u64,
}

/// [`Shares`] in the order of their keys.
#[derive(Serialize, Deserialize)]
pub(crate) struct SharesState {
    viewers: (i64, Vec<(u64, f32)>),
    origins: (i64, Vec<(u64, f32)>),
    origin_of: Vec<(u64, u64)>,
    capped_by_origin: u64,
}

impl Shares {
    /// How much of `weight` this example may count; 0 when the viewer's share, or that of their origin, is used up.
    pub fn grant(&mut self, config: &Config, now_ms: i64, viewer: u64, weight: f32) -> f32 {
        // The unknown viewer is many people.
        if viewer == 0 {
            return weight;
        }
        let tracked_max = config.viewers_tracked_max;
        let own = weight.min(self.viewers.left(now_ms, config.viewer_window_ms, viewer, config.viewer_weight_max, tracked_max));
        let origin = self.origin_of.get(&viewer).copied();
        let granted = origin.map_or(own, |origin| {
            own.min(self.origins.left(now_ms, config.origin_window_ms, origin, config.origin_weight_max, tracked_max))
        });
        self.capped_by_origin += u64::from(own > 0.0 && granted <= 0.0);
        self.viewers.note(viewer, granted, tracked_max);
        if let Some(origin) = origin {
            self.origins.note(origin, granted, tracked_max);
        }
        granted
    }

    fn come_from(&mut self, viewer: u64, origin: u64, tracked_max: usize) {
        if origin == 0 {
            self.origin_of.remove(&viewer);
        } else {
            if self.origin_of.len() >= tracked_max && !self.origin_of.contains_key(&viewer) {
                // They are told anew each day.
                self.origin_of.clear();
            }
            self.origin_of.insert(viewer, origin);
        }
    }

    pub fn forget(&mut self, viewer: u64) {
        self.viewers.by.remove(&viewer);
        self.origin_of.remove(&viewer);
    }

    pub fn state(&self) -> SharesState {
        SharesState {
            viewers: self.viewers.sorted(),
            origins: self.origins.sorted(),
            origin_of: sorted(&self.origin_of),
            capped_by_origin: self.capped_by_origin,
        }
    }

    pub fn restored(state: SharesState) -> Self {
        Self {
            viewers: Used::restored(state.viewers),
            origins: Used::restored(state.origins),
            origin_of: state.origin_of.into_iter().collect(),
            capped_by_origin: state.capped_by_origin,
        }
    }
}

impl Trainer {
    /// From now on the viewer's examples count into the share of this origin too: a number that stands for a network for a while, 0 for an
    /// unknown one, which has no share. At most [`Config::viewers_tracked_max`] are remembered.
    pub fn viewer_comes_from(&mut self, viewer: u64, origin: u64) {
        self.shares.come_from(viewer, origin, self.config.viewers_tracked_max);
    }
}

fn sorted<V: Copy>(map: &HashMap<u64, V>) -> Vec<(u64, V)> {
    let mut pairs: Vec<(u64, V)> = map.iter().map(|(key, value)| (*key, *value)).collect();
    pairs.sort_by_key(|(key, _)| *key);
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_viewer_has_a_share_per_window() {
        let config = Config { viewer_weight_max: 2.5, viewer_window_ms: 1_000, ..Config::default() };
        let mut shares = Shares::default();
        let granted: Vec<f32> = [0, 10, 20, 30, 1_000].map(|now| shares.grant(&config, now, 7, 1.0)).to_vec();
        assert_eq!(granted, [1.0, 1.0, 0.5, 0.0, 1.0]);
        assert_eq!(shares.grant(&config, 1_000, 0, 1.0), 1.0);
        assert_eq!((shares.viewers.sorted(), shares.capped_by_origin), ((1, vec![(7, 1.0)]), 0));
    }

    #[test]
    fn viewers_of_one_origin_have_one_share_together() {
        let config = Config { origin_weight_max: 2.5, origin_window_ms: 1_000, viewers_tracked_max: 4, ..Config::default() };
        let mut shares = Shares::default();
        (1..=3).for_each(|viewer| shares.come_from(viewer, 9, 4));
        let grants = |shares: &mut Shares, now: i64| [1, 2, 3, 1, 4].map(|viewer| shares.grant(&config, now, viewer, 1.0));
        assert_eq!(grants(&mut shares, 0), [1.0, 1.0, 0.5, 0.0, 1.0], "the fourth comes from elsewhere");
        assert_eq!(shares.capped_by_origin, 1);
        let mut restored = Shares::restored(shares.state());
        assert_eq!(restored.grant(&config, 999, 2, 1.0), 0.0);
        assert_eq!(grants(&mut shares, 1_000), [1.0, 1.0, 0.5, 0.0, 1.0], "another window");
        shares.come_from(1, 0, 4);
        shares.come_from(2, 8, 4);
        shares.forget(3);
        assert_eq!(shares.state().origin_of, [(2, 8)]);
    }
}
