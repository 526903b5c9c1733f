//! The order within one viewer's list: each outcome is compared with what the same viewer did just before.
//!
//! A log loss alone spends the model on telling viewers apart; a feed has to order what one viewer might see. So beside it stands a
//! pairwise loss (RankNet, Burges et al. 2005; joined with a log loss as in Sheng et al. 2023, arXiv 2208.06164): for each ordered task, an
//! impression i with a yes and an impression j of the same viewer with a no should have `s_i > s_j`, at the loss `log(1 + e^(s_j - s_i))`,
//! over the pairs that the newer of the two closes. The older one is known by its logits alone, so the gradient goes to the newer
//! one only: a viewer's pairs are as often yes after no as no after yes, and each weighs the same, so that the loss pulls neither
//! viewers nor the whole up or down.

use std::collections::VecDeque;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::math::{Vector, ZERO, sigmoid};
use crate::task::{TASKS, Task};

/// Tasks whose order within a list matters: what the view itself decides.
pub(crate) const ORDERED: [Task; 4] = [Task::Finish, Task::LongView, Task::Click, Task::Skip];
/// Impressions of a viewer that the next one is compared with.
const KEPT: usize = 4;
/// Older ones belong to another list.
const HORIZON_MS: i64 = 72 * 3_600_000;

/// An impression as later ones remember it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rival {
    logits: [f32; ORDERED.len()],
    labels: [Option<bool>; ORDERED.len()],
    at_ms: i64,
}

/// The last impressions of each viewer; of those of whom nothing came for longest, nothing is kept beyond the limit.
#[derive(Default)]
pub(crate) struct Rivals {
    of: HashMap<u64, VecDeque<Rival>>,
    /// Viewers in the order in which they were first noted: the oldest goes first.
    order: VecDeque<u64>,
}

impl Rivals {
    /// The gradient of the pairwise loss at the logits of an impression, which is then remembered. The unknown viewer (0) is many
    /// people and has no list.
    pub fn meet(
        &mut self,
        viewer: u64,
        at_ms: i64,
        logits: &Vector,
        labels: &[Option<f32>; TASKS],
        viewers_max: usize,
    ) -> Vector {
        let mine = Rival {
            logits: ORDERED.map(|task| logits[task.index()]),
            labels: ORDERED.map(|task| labels[task.index()].map(|label| label > 0.5)),
            at_ms,
        };
        let mut gradient = ZERO;
        if viewer == 0 || viewers_max == 0 || mine.labels.iter().all(Option::is_none) {
            return gradient;
        }
        if !self.of.contains_key(&viewer) {
            while self.of.len() >= viewers_max {
                let Some(oldest) = self.order.pop_front() else { break };
                self.of.remove(&oldest);
            }
            self.order.push_back(viewer);
        }
        let kept = self.of.entry(viewer).or_default();
        for (at, task) in ORDERED.iter().enumerate() {
            let Some(yes) = mine.labels[at] else { continue };
            let mut total = 0.0;
            for rival in kept.iter().filter(|rival| at_ms.saturating_sub(rival.at_ms) <= HORIZON_MS) {
                if rival.labels[at] == Some(!yes) {
                    let sign = if yes { 1.0 } else { -1.0 };
                    total -= sign * sigmoid(sign * (rival.logits[at] - mine.logits[at]));
                }
            }
            gradient[task.index()] = total / KEPT as f32;
        }
        kept.push_front(mine);
        kept.truncate(KEPT);
        gradient
    }

    pub fn forget(&mut self, viewer: u64) {
        if self.of.remove(&viewer).is_some() {
            self.order.retain(|noted| *noted != viewer);
        }
    }

    /// Everything, in the order of first sight.
    pub fn sorted(&self) -> Vec<(u64, VecDeque<Rival>)> {
        self.order.iter().filter_map(|viewer| Some((*viewer, self.of.get(viewer)?.clone()))).collect()
    }

    pub fn restored(rivals: Vec<(u64, VecDeque<Rival>)>) -> Self {
        Self { order: rivals.iter().map(|(viewer, _)| *viewer).collect(), of: rivals.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Labels;

    fn meet(rivals: &mut Rivals, viewer: u64, at_ms: i64, logit: f32, finished: bool) -> f32 {
        let mut logits = ZERO;
        logits[Task::Finish.index()] = logit;
        let labels = Labels::none().with(Task::Finish, if finished { 1.0 } else { 0.0 });
        rivals.meet(viewer, at_ms, &logits, &labels.0, 2)[Task::Finish.index()]
    }

    #[test]
    fn a_yes_is_pulled_above_the_noes_before_it() {
        let mut rivals = Rivals::default();
        assert_eq!(meet(&mut rivals, 1, 0, 1.0, false), 0.0, "nothing to compare with");
        assert_eq!(meet(&mut rivals, 1, 1, 1.0, false), 0.0, "no pair of one outcome");
        let below = meet(&mut rivals, 1, 2, 0.0, true);
        assert!(below < -0.35, "a yes below its rivals is pulled up: {below}");
        let above = meet(&mut rivals, 1, 3, 4.0, false);
        assert!(above > 0.2, "a no above its rival is pushed down: {above}");
        assert!(meet(&mut rivals, 1, 4, 9.0, true).abs() < 0.01, "what is in order is left alone");
        assert_eq!(meet(&mut rivals, 2, 5, 0.0, true), 0.0, "another viewer's list");
        assert_eq!(meet(&mut rivals, 1, 5 + HORIZON_MS, 0.0, true), 0.0, "another list");
        assert_eq!(meet(&mut rivals, 0, 6, 0.0, false) + meet(&mut rivals, 0, 7, 0.0, true), 0.0, "nobody's list");
    }

    #[test]
    fn memory_is_bounded_and_forgets() {
        let mut rivals = Rivals::default();
        for viewer in 1..=5 {
            meet(&mut rivals, viewer, 0, 0.0, false);
        }
        assert_eq!(rivals.sorted().iter().map(|(viewer, _)| *viewer).collect::<Vec<_>>(), [4, 5]);
        rivals.forget(4);
        assert_eq!(Rivals::restored(rivals.sorted()).sorted(), rivals.sorted());
        assert_eq!(meet(&mut rivals, 4, 1, 0.0, true), 0.0);
        let gradients: f32 = (0..20).map(|at| meet(&mut rivals, 5, at, 0.0, false)).sum();
        assert_eq!(gradients, 0.0);
        assert!(rivals.sorted().iter().all(|(_, kept)| kept.len() <= KEPT));
    }
}
