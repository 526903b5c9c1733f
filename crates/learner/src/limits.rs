//! No viewer teaches more than their share: a bot that watches day and night must not bend the model.

use hashbrown::HashMap;

use crate::config::Config;

/// The weight that each viewer's examples had in the present window. Only ever looked up, never walked in map order.
#[derive(Default)]
pub(crate) struct Shares {
    pub window: i64,
    pub used: HashMap<u64, f32>,
}

impl Shares {
    /// How much of `weight` this example may count; 0 when the viewer's share is used up.
    pub fn grant(&mut self, config: &Config, now_ms: i64, viewer: u64, weight: f32) -> f32 {
        let window = now_ms.div_euclid(config.viewer_window_ms.max(1));
        if window != self.window {
            self.window = window;
            self.used.clear();
        }
        // The unknown viewer is many people.
        if viewer == 0 || (self.used.len() >= config.viewers_tracked_max && !self.used.contains_key(&viewer)) {
            return weight;
        }
        let used = self.used.entry(viewer).or_insert(0.0);
        let granted = weight.min(config.viewer_weight_max - *used).max(0.0);
        *used += granted;
        granted
    }

    pub fn forget(&mut self, viewer: u64) {
        self.used.remove(&viewer);
    }

    /// The shares by viewer, in the order of viewers.
    pub fn sorted(&self) -> Vec<(u64, f32)> {
        let mut shares: Vec<(u64, f32)> = self.used.iter().map(|(viewer, used)| (*viewer, *used)).collect();
        shares.sort_by_key(|(viewer, _)| *viewer);
        shares
    }
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
        assert_eq!(shares.sorted(), [(7, 1.0)]);
    }
}
