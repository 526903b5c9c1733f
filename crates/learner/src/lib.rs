//! The learner: predicts what a viewer will do with a clip, and learns from what they did while they watch.
//!
//! It is fed [`Example`]s (features as of the page, labels as they come: [`joiner`]) by one [`Trainer`]; any number of threads
//! ask its [`Learner`] for [`Prediction`]s, retrieval vectors and explanations and never wait. It knows nothing of HTTP, SQL,
//! ffmpeg, files or the event log; time is an argument.
//!
//! # The model
//! Per task, `p = sigmoid(additive + net)`: an additive Bayesian regression over everything that has an id, and a net over what
//! only shows in combination. Both are fed by rows, one per id, in collisionless tables (viewer, video, creator, sound, hashtag, word,
//! buckets of context, viewer on a tab): an effect per task and a vector of D = 16 numbers.
//!
//! **Additive part** ([`effects`]): `M = sum of the effects of all ids of the impression`, drawn towards zero by its doubt. One pass learns it:
//! each effect has a belief (mean and variance), and an outcome moves what is little known. Hashtags share one effect's weight among
//! them; words have none. Having seen the clip before, with how it ended and how long ago, is an id too.
//!
//! **Net**: for one viewer and one candidate,
//!
//! | vector | made of |
//! | --- | --- |
//! | self, context | the viewer's row; the sum of the rows of hour, weekday, device, language, tab, depth |
//! | item tower r | video + creator + mean of hashtags + T z, z the whitened content features `[32]`; kept in a row when the clip is learned, for the histories |
//! | liked, disliked | recency-and-outcome-weighted means of r over the history |
//! | video, creator, sound, hashtags, words, content, form | rows, means of rows, C z, and the rows of duration and age |
//! | attended | sum of w k v r over the history: likeness k = e^(4 (cos - 1)) to the candidate, recency w, outcome v |
//!
//! Inputs x `[288]` = 4 viewer vectors, 7 candidate vectors, attended, 4 x 7 inner products (as in a factorisation machine,
//! Rendle 2010), and 68 hand-made numbers: the viewer's shrunk mean outcome on the candidate's hashtags, creator, content
//! neighbours and learned neighbours; the effects of video, creator, hashtags, sound, viewer and of the viewer on this tab, what they rest
//! on, and their sum; pause, last days; duration and age. Then `h1 = relu(x W1)` `[32]`, `h2 = relu(h1 W2)` `[16]`, and the net's part
//! is `b + h2 H + x_wide V`: shared bottom, own heads, a wide part beside the deep one (Cheng et al. 2016, arXiv 1606.07792). The wide part
//! starts from priors: a brand-new viewer's second page turns by arithmetic on what they just did, before anything was learned;
//! training then corrects it. Attention over the history by likeness to the candidate follows DIN (Zhou et al. 2018, arXiv
//! 1706.06978), with kernel weights instead of a net of its own: no gradient flows through them.
//!
//! **Retrieval**: `u . r` with `u = appeal + self + A liked + B disliked + C context`, trained beside the heads by the log loss
//! of "watched or acted on"; both vectors have 16 numbers and `u` moves with the newest history item.
//!
//! **Watch time** is debiased for duration: its label is the rank of the share watched among views of clips of like length (D2Q,
//! Zhan et al. 2022, arXiv 2206.06003), so its prediction is an expected rank, 0 to 1.
//!
//! **Learning**: the effects by their filter; net and vectors by the summed log losses of the tasks that have a label (missing is not
//! negative) and, for what the view itself decides, a pairwise loss against the viewer's last impressions ([`rivals`]):
//! Adagrad (Duchi et al. 2011), one accumulator per row, one that fades per dense weight; rows at once, dense weights every 32
//! examples. Each example is predicted before it
//! is learned, and measured: [`Metrics`].
//!
//! # Invariants
//! - Every output is finite and in range, whatever the input; what is no number is refused and counted, and changes nothing.
//! - The same examples in the same order make the same model, bit for bit, on every machine and vector width; snapshot + rest =
//!   all. Not so with more than one [`Config::threads`]: see [`threads`]. Nothing depends on the order of a hash map.
//! - A row that does not exist yet predicts as it would on the first day: inserting it changes nothing.
//! - Every table, map, window and queue has a limit in [`Config`] or [`joiner::JoinerConfig`].
//!
//! # Never
//! Never a clock, a file, a socket, a global, or randomness that is not seeded (`bench` reads a clock: it measures).

// Loops over lanes are written by index: that is what the compiler turns into vector instructions. And `max` then `min` is not
// `clamp`: it turns a NaN into a bound, which these kernels rely on.
#![allow(clippy::needless_range_loop, clippy::manual_clamp)]

mod backward;
pub mod bench;
mod config;
mod dense;
mod effects;
mod error;
mod example;
mod explain;
mod features;
mod forward;
mod guard;
mod intake;
pub mod joiner;
pub mod labels;
mod learner;
mod lesson;
mod limits;
mod math;
mod metrics;
mod rivals;
mod scale;
mod shape;
mod side;
mod snapshot;
mod table;
mod task;
mod taste;
mod threads;
mod trainer;
mod watch;

#[cfg(test)]
mod tests;

pub use config::{Config, IdleDays, RowsExpected, Sightings};
pub use error::{Error, Result};
pub use example::{Example, Trained};
pub use explain::{Explanation, Group};
pub use features::{
    CONTENT_DIMS, ContentCode, HASHTAGS_MAX, HISTORY_HASHTAGS, HISTORY_MAX, HistoryItem, Outcome, Signals, VideoFeatures,
    ViewerFeatures, WORDS_MAX, feature_hash,
};
pub use learner::Learner;
pub use math::{D, Level};
pub use metrics::{CalibrationBin, MetricPoint, Metrics, POINTS_MAX, TaskPoint, Totals};
pub use snapshot::Mark;
pub use table::{Precision, ROW_BYTES, SLOT_BYTES};
pub use task::{Labels, Prediction, Source, TABLE, TASKS, Task, TaskSpec};
pub use taste::{Topic, creators, topics};
pub use trainer::Trainer;
