//! When learning goes wrong: the last good dense weights are kept, and taken back by themselves.
//!
//! Rows cannot run away (their gradients and values are clipped, and no viewer teaches beyond their share); the dense weights are
//! everybody's. So the loss of the tasks that every view judges is watched: each example's loss over the task's usual one, averaged over
//! about [`FAST`] examples. Above [`ALARM`] the dense weights go back to the copy that was made when the ratio was last usual. All of
//! it depends on the examples alone, so a replay of the log falls back at the same example.

use serde::{Deserialize, Serialize};

use crate::dense::Optimised;
use crate::rivals::ORDERED;
use crate::task::TASKS;

/// Examples over which the present and the usual loss are averaged.
const FAST: f32 = 256.0;
const SLOW: f32 = 8_192.0;
/// Examples before there is something usual to compare with, and between two copies.
const SETTLED: u64 = 4_096;
/// The ratio of present to usual loss from which the weights fall back, and below which they are good.
const ALARM: f32 = 1.8;
const CALM: f32 = 1.25;
/// No example counts for more, in nats.
const LOSS_MAX: f32 = 8.0;

/// What the guard has seen; small, and part of every snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Watched {
    /// Mean loss per ordered task.
    usual: [f32; ORDERED.len()],
    ratio: f32,
    seen: u64,
    copied_at: u64,
    pub fallbacks: u64,
}

pub(crate) struct Guard {
    pub watched: Watched,
    pub good: Optimised,
}

/// Whether the dense weights are to be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    GoOn,
    FallBack,
}

impl Guard {
    pub fn new(initial: Optimised) -> Self {
        let watched = Watched { usual: [0.7; ORDERED.len()], ratio: 1.0, seen: 0, copied_at: 0, fallbacks: 0 };
        Self { watched, good: initial }
    }

    /// Takes note of one example's predictions (before it was learned) and labels.
    pub fn observe(&mut self, probability: &[f32; TASKS], labels: &[Option<f32>; TASKS], dense: &Optimised) -> Verdict {
        let watched = &mut self.watched;
        let (mut ratio, mut judged) = (0.0, 0.0);
        for (task, usual) in ORDERED.into_iter().zip(&mut watched.usual) {
            let Some(label) = labels[task.index()] else { continue };
            let p = probability[task.index()];
            // The probability given to what came; a prediction that is no number was the worst possible.
            let given = if label > 0.5 { p } else { 1.0 - p };
            let loss = if given > 0.0 { surprise(given).min(LOSS_MAX) } else { LOSS_MAX };
            ratio += loss / usual.max(0.01);
            judged += 1.0;
            // In alarm the usual is not to learn from what is unusual.
            if watched.ratio < CALM || watched.seen < SETTLED {
                *usual += (loss - *usual) / SLOW.min(watched.seen as f32 / 2.0 + 16.0);
            }
        }
        if judged == 0.0 {
            return Verdict::GoOn;
        }
        watched.seen += 1;
        watched.ratio += (ratio / judged - watched.ratio) / FAST;
        if watched.seen < SETTLED {
            return Verdict::GoOn;
        }
        if watched.ratio > ALARM {
            watched.ratio = 1.0;
            watched.fallbacks += 1;
            return Verdict::FallBack;
        }
        if watched.ratio < CALM && watched.seen - watched.copied_at >= SETTLED {
            watched.copied_at = watched.seen;
            self.good = dense.clone();
        }
        Verdict::GoOn
    }
}

/// About -ln(p), the same on every machine: exact at powers of two, within 6 % of a nat between them.
fn surprise(p: f32) -> f32 {
    crate::math::log2_linear(1.0 / p.max(1e-9)) * std::f32::consts::LN_2
}
