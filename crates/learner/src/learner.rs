//! The readers' side: predictions, retrieval vectors. Shared by `Arc`, never waits for the trainer.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::dense::Dense;
use crate::effects::Information;
use crate::features::{VideoFeatures, ViewerFeatures};
use crate::forward::{BLOCK, CandidateRows, score_block, tower_of};
use crate::math::{Level, Vector, sigmoid};
use crate::metrics::Metrics;
use crate::scale::Whitener;
use crate::side::{Columns, Model, ViewerSide};
use crate::table::Tables;
use crate::task::{Prediction, TASKS};

/// The dense weights and scales at one moment, as [`crate::Trainer::publish`] gave them out.
pub(crate) struct Published {
    pub dense: Box<Dense>,
    pub whitener: Whitener,
    pub information: Information,
}

/// Reads the model. Embedding rows are seen as they are trained; dense weights as of the last publish.
pub struct Learner {
    pub(crate) tables: Arc<Tables>,
    pub(crate) published: ArcSwap<Published>,
    pub(crate) metrics: Metrics,
    pub(crate) level: Level,
}

impl Learner {
    /// Predicts every task for every candidate, in order: `out` is cleared and filled with one [`Prediction`] per candidate.
    ///
    /// All outputs are finite and within 0 to 1 whatever the inputs. Costs one pass over the history, then about 2 microseconds
    /// a candidate.
    pub fn predict(&self, now_ms: i64, viewer: &ViewerFeatures, candidates: &[&VideoFeatures], out: &mut Vec<Prediction>) {
        out.clear();
        out.reserve(candidates.len());
        self.with_model(|model| {
            let side = ViewerSide::of(model, now_ms, viewer);
            let history = Columns::of(&side, &viewer.history, model.whitener);
            // A pipeline of three blocks: index slots asked for, rows looked up and asked for, candidates scored.
            let blocks = candidates.len().div_ceil(BLOCK);
            let hint = |at| {
                block(candidates, at)
                    .into_iter()
                    .flatten()
                    .flat_map(CandidateRows::keys)
                    .for_each(|(field, key)| model.view.hint_slot(field, key))
            };
            let locate =
                |at| block(candidates, at).map(|block| block.map(|v| CandidateRows::locate(model.view, &side, v, now_ms)));
            (0..2).for_each(hint);
            let mut rows = locate(0);
            for at in 0..blocks {
                hint(at + 2);
                let next = locate(at + 1);
                if let (Some(videos), Some(rows)) = (block(candidates, at), rows) {
                    let logits = score_block(self.level, model, &side, &history, now_ms, &videos, &rows);
                    out.extend(logits.iter().take(candidates.len() - at * BLOCK).map(prediction));
                }
                rows = next;
            }
        });
    }

    /// A vector whose product with [`Self::video_vector`] ranks videos by the engagement expected of this viewer. It moves with
    /// the newest history item at once.
    pub fn viewer_vector(&self, now_ms: i64, viewer: &ViewerFeatures) -> Vector {
        self.with_model(|model| ViewerSide::of(model, now_ms, viewer).tower)
    }

    /// The video's vector: from its content, hashtags and creator when nobody watched it yet.
    pub fn video_vector(&self, video: &VideoFeatures) -> Vector {
        self.with_model(|model| tower_of(model, video))
    }

    /// Progressive validation: every example's prediction before it was learned.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The vector instructions in use.
    pub fn level(&self) -> Level {
        self.level
    }

    pub(crate) fn with_model<T>(&self, read: impl FnOnce(&Model<'_>) -> T) -> T {
        let (view, published) = (self.tables.view(), self.published.load());
        read(&Model {
            view: &view,
            dense: &published.dense,
            whitener: &published.whitener,
            information: &published.information,
            level: self.level,
        })
    }
}

pub(crate) fn prediction(logits: &Vector) -> Prediction {
    let mut probability = [0.0; TASKS];
    for (p, logit) in probability.iter_mut().zip(logits) {
        *p = sigmoid(*logit);
    }
    Prediction { probability }
}

/// A block of candidates; a short one is filled up with its last candidate.
fn block<'a>(candidates: &[&'a VideoFeatures], at: usize) -> Option<[&'a VideoFeatures; BLOCK]> {
    let block = candidates.get(at * BLOCK..)?;
    let last = block.last()?;
    Some(std::array::from_fn(|at| *block.get(at).unwrap_or(last)))
}
