//! The one writer: predicts each example, measures the prediction, learns.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::config::Config;
use crate::dense::{Optimised, Trace};
use crate::effects::Information;
use crate::example::{Example, Trained};
use crate::features::{VideoFeatures, ViewerFeatures};
use crate::forward::CandidateRows;
use crate::guard::{Guard, Verdict};
use crate::intake::Intake;
use crate::learner::{Learner, Published};
use crate::lesson::{Book, Outcome, Scene, learn_one};
use crate::limits::Shares;
use crate::math::Level;
use crate::metrics::{MetricPoint, Metrics, TaskWindow, Totals};
use crate::rivals::Rivals;
use crate::scale::{ContentScale, Whitener};
use crate::shape::BATCH;
use crate::side::{Model, ViewerSide, habit_key, history_keys};
use crate::snapshot::Mark;
use crate::table::{Field, TablesWriter, View};
use crate::task::{Labels, TASKS, Task};
use crate::threads::Lane;
use crate::watch::WatchRanks;

/// Owns the model. One per region and partition of the log; feed it examples in the log's order and it becomes the same
/// model, bit for bit, every time.
pub struct Trainer {
    pub(crate) config: Config,
    pub(crate) tables: TablesWriter,
    pub(crate) dense: Optimised,
    pub(crate) trace: Box<Trace>,
    pub(crate) scale: ContentScale,
    pub(crate) whitener: Whitener,
    pub(crate) ranks: WatchRanks,
    pub(crate) information: Information,
    pub(crate) shares: Shares,
    pub(crate) rivals: Rivals,
    pub(crate) guard: Guard,
    pub(crate) windows: Vec<TaskWindow>,
    pub(crate) totals: Totals,
    /// When the last metrics point was made; none yet.
    pub(crate) measured_ms: Option<i64>,
    /// The snapshot that changes are counted from.
    pub(crate) saved: Option<Mark>,
    pub(crate) level: Level,
    /// Room for the example at hand, one for each thread that ever learned.
    pub(crate) lanes: Vec<Lane>,
    learner: Arc<Learner>,
}

impl Trainer {
    pub fn new(config: Config) -> Self {
        Self::assemble(config, TablesWriter::new(&config), Optimised::initial(config.seed))
    }

    pub(crate) fn assemble(config: Config, tables: TablesWriter, dense: Optimised) -> Self {
        let (scale, level) = (ContentScale::default(), Level::detect());
        let whitener = scale.whitener();
        let published =
            Published { dense: dense.weights.clone(), whitener: whitener.clone(), information: Information::default() };
        let learner = Learner {
            tables: tables.shared(),
            published: ArcSwap::from_pointee(published),
            metrics: Metrics::default(),
            level,
        };
        Self {
            config,
            tables,
            guard: Guard::new(dense.clone()),
            dense,
            trace: Trace::new(),
            scale,
            whitener,
            ranks: WatchRanks::default(),
            information: Information::default(),
            shares: Shares::default(),
            rivals: Rivals::default(),
            windows: vec![TaskWindow::default(); TASKS],
            totals: Totals::default(),
            measured_ms: None,
            saved: None,
            level,
            lanes: Vec::new(),
            learner: Arc::new(learner),
        }
    }

    /// The readers' handle on this model; it stays valid and current as long as this trainer lives, and readable after.
    pub fn learner(&self) -> Arc<Learner> {
        self.learner.clone()
    }

    /// The vector instructions to use; every level gives the same bits. For benchmarks and tests.
    pub fn use_level(&mut self, level: Level) {
        self.level = level;
    }

    /// Takes note of a new video: its content joins the scale and its fields get rows. Once per video, at publication;
    /// videos that were never observed are taken up at their first example.
    pub fn observe_video(&mut self, now_ms: i64, video: &VideoFeatures) {
        self.intake().video(video, seconds(now_ms));
    }

    /// Predicts, measures, learns. `now_ms` is the time of learning; the features are those of `example.at_ms`.
    pub fn train(&mut self, now_ms: i64, example: &Example) -> Trained {
        if !acceptable(example, self.config.weight_max) {
            self.totals.refused += 1;
            return Trained::Refused;
        }
        let now_s = seconds(now_ms);
        let (viewer_rows, mut rows) = self.intake().example(example, now_s);
        let mut lane = self.lanes.pop().unwrap_or_else(Lane::new);
        lane.side.take(&self.model(&self.information), example.at_ms, &example.viewer, viewer_rows);
        rows.seen = lane.side.taste.seen_key(example.video.video).map(|key| self.intake().row(Field::Context, key, now_s));
        let outcome = self.learn_one(now_ms, example, &lane.side, &rows);
        self.lanes.push(lane);
        let Some(Outcome { predicted, labels }) = outcome else { return Trained::Capped };
        if self.trace.len == BATCH {
            self.dense.step(self.level, &self.trace, self.config.dense_step, self.totals.learned);
            self.trace.len = 0;
        }
        if self.guard.observe(&predicted.probability, &labels.0, &self.dense) == Verdict::FallBack {
            self.dense = self.guard.good.clone();
            self.trace.len = 0;
        }
        Trained::Learned
    }

    fn learn_one(&mut self, now_ms: i64, example: &Example, side: &ViewerSide, rows: &CandidateRows) -> Option<Outcome> {
        let before = self.information;
        let Self { config, tables, dense, trace, whitener, ranks, information, shares, rivals, windows, totals, level, .. } =
            self;
        let model = Model { view: tables.view(), dense: &dense.weights, whitener, information: &before, level: *level };
        let scene = Scene { config, model, back: &dense.transposed };
        let mut book = Book { config, ranks, information, shares, rivals, windows, totals };
        learn_one(&scene, &mut book, trace, side, rows, now_ms, example)
    }

    /// Trains on each, in order, with its time of learning: what [`Self::train`] would make of them one by one, bit for bit, but
    /// each one's ways through the memory begin while those before it are learned.
    ///
    /// With more than one [`Config::threads`] they are learned side by side, in no order, and not the same bits every time.
    pub fn train_all<'a>(&mut self, examples: impl Iterator<Item = (i64, &'a Example)> + Clone) {
        if self.config.threads > 1 {
            return self.train_side_by_side(&examples.collect::<Vec<_>>());
        }
        let (mut slots, mut rows) = (examples.clone(), examples.clone());
        let view = self.tables.view();
        slots.by_ref().take(SLOTS_AHEAD).for_each(|(_, example)| hint(view, example, View::hint_slot));
        rows.by_ref().take(ROWS_AHEAD).for_each(|(_, example)| hint(view, example, View::hint_row));
        for (now_ms, example) in examples {
            let view = self.tables.view();
            if let Some((_, example)) = slots.next() {
                hint(view, example, View::hint_slot);
            }
            if let Some((_, example)) = rows.next() {
                hint(view, example, View::hint_row);
            }
            self.train(now_ms, example);
        }
    }

    fn model<'a>(&'a self, information: &'a Information) -> Model<'a> {
        Model { view: self.tables.view(), dense: &self.dense.weights, whitener: &self.whitener, information, level: self.level }
    }

    fn intake(&mut self) -> Intake<'_> {
        Intake { tables: &mut self.tables, scale: &mut self.scale, whitener: &mut self.whitener }
    }

    /// Lets readers see what the dense weights have learned, examples of an unfinished batch included, and adds a point to the
    /// metrics when one is due. Changes nothing in the trainer's own state save the metrics' clock.
    pub fn publish(&mut self, now_ms: i64) {
        self.give_out();
        let due = self.measured_ms.is_none_or(|last| now_ms.saturating_sub(last) >= self.config.metrics_every_ms);
        if due {
            self.measured_ms = Some(now_ms);
            let point = MetricPoint { at_ms: now_ms, totals: self.totals(), tasks: self.points() };
            self.learner.metrics.push(point, std::array::from_fn(|task| self.windows[task].calibration()));
        }
    }

    pub(crate) fn give_out(&self) {
        let dense = if self.trace.len == 0 {
            self.dense.weights.clone()
        } else {
            let mut ahead = self.dense.clone();
            ahead.step(self.level, &self.trace, self.config.dense_step, self.totals.learned);
            ahead.weights
        };
        let published = Published { dense, whitener: self.whitener.clone(), information: self.information };
        self.learner.published.store(Arc::new(published));
    }

    /// Counts since the start, with the tables' present size.
    pub fn totals(&self) -> Totals {
        Totals {
            rows: self.tables.rows(),
            table_bytes: self.tables.bytes(),
            rows_refused: self.tables.counts.refused,
            rows_admitted: self.tables.counts.admitted,
            rows_waiting: self.tables.counts.waiting,
            rows_expired: self.tables.counts.expired,
            fallbacks: self.guard.watched.fallbacks,
            capped_by_origin: self.shares.capped_by_origin,
            dense_parameters: self.dense.weights.parameters() as u64,
            ..self.totals
        }
    }

    /// Each task's figures now, in the order of [`Task::ALL`].
    pub fn points(&self) -> [crate::metrics::TaskPoint; TASKS] {
        std::array::from_fn(|task| self.windows[task].point())
    }

    /// Removes what the tables hold under this viewer. True when there was a row.
    pub fn forget_viewer(&mut self, viewer: u64) -> bool {
        self.shares.forget(viewer);
        self.rivals.forget(viewer);
        for tab in 0..=u8::MAX {
            if let Some(key) = habit_key(&ViewerFeatures { viewer, tab, ..ViewerFeatures::default() }) {
                self.tables.remove(Field::Habit, key);
            }
        }
        self.tables.remove(Field::Viewer, viewer)
    }

    /// Removes a deleted video's row. True when there was one.
    pub fn forget_video(&mut self, video: u64) -> bool {
        self.tables.remove(Field::Tower, video);
        self.tables.remove(Field::Video, video)
    }

    /// Removes at most `rows_max` rows that nobody met for `idle_days`, or for their field's own [`Config::idle_days`]; gives their
    /// number.
    pub fn expire(&mut self, now_ms: i64, idle_days: u32, rows_max: usize) -> usize {
        self.tables.expire(seconds(now_ms), idle_days, rows_max)
    }

    /// The labels as the heads are trained on them now: watch time as a rank.
    pub fn labels_of(&self, labels: &Labels, video: &VideoFeatures) -> Labels {
        self.ranks.labels(labels, video)
    }
}

/// How many examples ahead of the one that is learned index slots and rows are asked for.
pub(crate) const SLOTS_AHEAD: usize = 4;
pub(crate) const ROWS_AHEAD: usize = 2;

/// Asks the memory, in one way or another, for what an example's training reads.
pub(crate) fn hint(view: &View, example: &Example, ask: fn(&View, Field, u64)) {
    history_keys(&example.viewer.history).for_each(|(field, key)| ask(view, field, key));
    CandidateRows::keys(&example.video).for_each(|(field, key)| ask(view, field, key));
    ask(view, Field::Tower, example.video.video);
    ask(view, Field::Viewer, example.viewer.viewer);
    if let Some(key) = habit_key(&example.viewer) {
        ask(view, Field::Habit, key);
    }
}

/// Unix seconds, held to what a row can store.
pub(crate) fn seconds(ms: i64) -> u32 {
    (ms / 1_000).clamp(0, i64::from(u32::MAX)) as u32
}

/// Whether everything in an example is a number in its range.
pub(crate) fn acceptable(example: &Example, weight_max: f32) -> bool {
    let label = |(task, label): (usize, &Option<f32>)| match label {
        None => true,
        Some(value) if task == Task::WatchTime.index() => value.is_finite() && *value >= 0.0,
        Some(value) => (0.0..=1.0).contains(value),
    };
    let labels = &example.labels;
    !labels.is_empty()
        && labels.0.iter().enumerate().all(label)
        && example.weight > 0.0
        && example.weight <= weight_max
        && example.video.content.iter().all(|value| value.is_finite())
        && example.viewer.history.iter().all(|item| item.strength.is_finite())
}
