//! Progressive validation: each example is predicted before it is learned, and this is how well.
//!
//! Per task, over about the last [`WINDOW`] labelled examples: log loss, AUC and calibration, all from one histogram of
//! predictions by outcome, so that counting is O(1) an example and a point of the time series O(bins).

use std::collections::VecDeque;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::task::{TASKS, Task};

/// Examples over which a task's figures look back: at this count everything is halved.
pub const WINDOW: f64 = 20_000.0;
/// Points of the time series kept; the oldest goes first.
pub const POINTS_MAX: usize = 1_440;
/// Bins of the predicted logit, over -10 to 10.
pub(crate) const BINS: usize = 200;
/// Bins that the calibration plot and ECE are drawn in.
const CALIBRATION_BINS: usize = 20;

/// Sums of one bin of predictions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bin {
    /// Weight of examples, of their labels, of their predictions.
    pub count: f64,
    pub positive: f64,
    pub predicted: f64,
}

/// One task's window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TaskWindow {
    pub bins: Vec<Bin>,
    pub loss: f64,
    pub count: f64,
    pub total: u64,
}

impl Default for TaskWindow {
    fn default() -> Self {
        Self { bins: vec![Bin::default(); BINS], loss: 0.0, count: 0.0, total: 0 }
    }
}

/// A task's figures at one moment; those that need both outcomes are NaN until there are both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct TaskPoint {
    /// Labelled examples since the start.
    pub examples: u64,
    /// Mean label and mean prediction in the window.
    pub observed: f64,
    pub predicted: f64,
    /// Mean log loss in nats, and that of always predicting the window's mean label.
    pub log_loss: f64,
    pub log_loss_base: f64,
    /// Area under the ROC curve (labels between 0 and 1 count as part of each); ties count half.
    pub auc: f64,
    /// Expected calibration error over bins of equal width in the logit.
    pub ece: f64,
}

/// One bin of the calibration plot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct CalibrationBin {
    pub predicted: f64,
    pub observed: f64,
    pub count: f64,
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Examples learned.
    pub learned: u64,
    /// Predicted and measured, but not learned: the viewer, or all from their origin, had had their share.
    pub capped: u64,
    /// Those of them for which the viewer's own share had room.
    pub capped_by_origin: u64,
    /// Not even predicted: a label, weight or feature that is no number or out of range.
    pub refused: u64,
    /// Gradients that were no numbers; they changed nothing.
    pub broken_gradients: u64,
    /// Times that the dense weights went back to the last good ones, because the loss exploded.
    pub fallbacks: u64,
    /// Ids that found the tables full.
    pub rows_refused: u64,
    /// Rows made, sightings that made none yet, rows that nobody met for long and that went.
    pub rows_admitted: u64,
    pub rows_waiting: u64,
    pub rows_expired: u64,
    /// Embedding rows, and the bytes that rows, indexes and the admission filter take now.
    pub rows: u64,
    pub table_bytes: u64,
    /// Dense weights.
    pub dense_parameters: u64,
}

/// What became of ids that had no row, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RowCounts {
    pub refused: u64,
    pub admitted: u64,
    pub waiting: u64,
    pub expired: u64,
}

/// One point of the time series.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricPoint {
    pub at_ms: i64,
    pub totals: Totals,
    /// In the order of [`Task::ALL`].
    pub tasks: [TaskPoint; TASKS],
}

#[derive(Default)]
struct Shared {
    series: VecDeque<MetricPoint>,
    calibration: [Vec<CalibrationBin>; TASKS],
}

/// What the operator's page reads. The trainer writes a point now and then; predicting never touches it.
#[derive(Default)]
pub struct Metrics {
    shared: Mutex<Shared>,
}

impl Metrics {
    /// All points kept, oldest first.
    pub fn series(&self) -> Vec<MetricPoint> {
        self.shared.lock().series.iter().cloned().collect()
    }

    /// The newest point.
    pub fn latest(&self) -> Option<MetricPoint> {
        self.shared.lock().series.back().cloned()
    }

    /// The calibration plot of a task as of the newest point; empty bins are left out.
    pub fn calibration(&self, task: Task) -> Vec<CalibrationBin> {
        self.shared.lock().calibration[task.index()].clone()
    }

    pub(crate) fn push(&self, point: MetricPoint, calibration: [Vec<CalibrationBin>; TASKS]) {
        let mut shared = self.shared.lock();
        if shared.series.len() == POINTS_MAX {
            shared.series.pop_front();
        }
        shared.series.push_back(point);
        shared.calibration = calibration;
    }
}

impl TaskWindow {
    /// Counts a prediction (as logit and probability) and what came of it (0 to 1), for as many as the example stands for.
    pub fn count(&mut self, logit: f32, probability: f32, label: f32, weight: f32) {
        let (p, y, weight) = (f64::from(probability).clamp(1e-7, 1.0 - 1e-7), f64::from(label), f64::from(weight));
        self.loss -= weight * (y * p.ln() + (1.0 - y) * (1.0 - p).ln());
        self.count += weight;
        self.total += 1;
        let at = ((logit + 10.0) * (BINS as f32 / 20.0)).clamp(0.0, BINS as f32 - 1.0) as usize;
        if let Some(bin) = self.bins.get_mut(at) {
            bin.count += weight;
            bin.positive += weight * y;
            bin.predicted += weight * f64::from(probability);
        }
        if self.count > WINDOW {
            self.loss *= 0.5;
            self.count *= 0.5;
            for bin in &mut self.bins {
                *bin = Bin { count: bin.count * 0.5, positive: bin.positive * 0.5, predicted: bin.predicted * 0.5 };
            }
        }
    }

    /// Whether it has the shape that counting relies on.
    pub fn is_whole(&self) -> bool {
        self.bins.len() == BINS
    }

    pub fn point(&self) -> TaskPoint {
        let positive: f64 = self.bins.iter().map(|bin| bin.positive).sum();
        let predicted: f64 = self.bins.iter().map(|bin| bin.predicted).sum();
        let negative = self.count - positive;
        let (mut ranked, mut below) = (0.0, 0.0);
        for bin in &self.bins {
            let against = bin.count - bin.positive;
            ranked += bin.positive * (below + 0.5 * against);
            below += against;
        }
        let observed = positive / self.count;
        let base = -(observed * observed.ln() + (1.0 - observed) * (1.0 - observed).ln());
        let error = |bin: &CalibrationBin| (bin.predicted - bin.observed).abs() * bin.count / self.count;
        TaskPoint {
            examples: self.total,
            observed,
            predicted: predicted / self.count,
            log_loss: self.loss / self.count,
            log_loss_base: base,
            auc: ranked / (positive * negative),
            ece: if self.count > 0.0 { self.calibration().iter().map(error).sum() } else { f64::NAN },
        }
    }

    pub fn calibration(&self) -> Vec<CalibrationBin> {
        let merged = self.bins.chunks(BINS / CALIBRATION_BINS).filter_map(|bins| {
            let count: f64 = bins.iter().map(|bin| bin.count).sum();
            let of = |value: fn(&Bin) -> f64| bins.iter().map(value).sum::<f64>() / count;
            (count > 0.0).then(|| CalibrationBin { predicted: of(|b| b.predicted), observed: of(|b| b.positive), count })
        });
        merged.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::sigmoid;

    #[test]
    fn figures_of_known_predictors() {
        fn check(
            name: &str,
            draw: impl Fn(&mut base::Rng) -> (f32, f32),
            auc: std::ops::Range<f64>,
            ece: std::ops::Range<f64>,
        ) {
            let (mut rng, mut window) = (base::Rng::from_seed(5), TaskWindow::default());
            for _ in 0..15_000 {
                let (logit, chance) = draw(&mut rng);
                let label = if rng.chance(chance) { 1.0 } else { 0.0 };
                window.count(logit, sigmoid(logit), label, 1.0);
            }
            let point = window.point();
            assert!(auc.contains(&point.auc) && ece.contains(&point.ece), "{name}: {point:?}");
            assert!(point.examples == 15_000 && point.log_loss.is_finite());
        }
        let honest = |rng: &mut base::Rng| {
            let logit = 2.0 * rng.normal();
            (logit, sigmoid(logit))
        };
        check("honest", honest, 0.8..0.9, 0.0..0.015);
        check("overconfident", |rng| (2.0 * rng.normal(), 0.3), 0.48..0.52, 0.2..0.5);
        check("constant", |_| (0.0, 0.5), 0.499..0.501, 0.0..0.02);
    }
}
