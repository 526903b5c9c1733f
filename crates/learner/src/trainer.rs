//! The one writer: predicts each example, measures the prediction, learns.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::backward::{Passed, learn};
use crate::config::Config;
use crate::dense::{Optimised, Trace};
use crate::effects::{Belief, Information, Lesson};
use crate::example::{Example, Trained};
use crate::features::{ContentCode, VideoFeatures, ViewerFeatures};
use crate::forward::{CandidateRows, age_key, age_ms, duration_key, trace_one};
use crate::guard::{Guard, Verdict};
use crate::learner::{Learner, Published, prediction};
use crate::limits::Shares;
use crate::math::{Level, multiversion};
use crate::metrics::{MetricPoint, Metrics, TaskWindow, Totals};
use crate::rivals::Rivals;
use crate::scale::{ContentScale, Whitener};
use crate::shape::*;
use crate::side::{ItemByItem, Model, ViewerRows, ViewerSide, habit_key, history_keys};
use crate::snapshot::Mark;
use crate::table::{Field, TablesWriter, View};
use crate::task::{Labels, TASKS, Task};
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
    level: Level,
    /// Room for the viewer's side of the example at hand.
    side: Option<Box<ViewerSide>>,
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
            side: None,
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
        let now_s = seconds(now_ms);
        self.admit_video(video, now_s);
    }

    /// Predicts, measures, learns. `now_ms` is the time of learning; the features are those of `example.at_ms`.
    pub fn train(&mut self, now_ms: i64, example: &Example) -> Trained {
        if !acceptable(example, self.config.weight_max) {
            self.totals.refused += 1;
            return Trained::Refused;
        }
        let now_s = seconds(now_ms);
        let viewer_rows = self.admit_viewer(&example.viewer, now_s);
        let mut rows = self.admit_video(&example.video, now_s);
        rows.age = self.admit(Field::Context, age_key(age_ms(example.at_ms, &example.video)), now_s);

        let mut side = self.side.take().unwrap_or_else(|| Box::new(ViewerSide::empty()));
        side.take(&self.model(), example.at_ms, &example.viewer, viewer_rows);
        rows.seen = side.taste.seen_key(example.video.video).map(|key| self.admit(Field::Context, key, now_s));
        let trained = self.train_at(now_ms, example, &side, &rows);
        self.side = Some(side);
        trained
    }

    /// Trains on each, in order, with its time of learning: what [`Self::train`] would make of them one by one, bit for bit, but
    /// each one's ways through the memory begin while those before it are learned.
    pub fn train_all<'a>(&mut self, examples: impl Iterator<Item = (i64, &'a Example)> + Clone) {
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

    fn model(&self) -> Model<'_> {
        Model {
            view: self.tables.view(),
            dense: &self.dense.weights,
            whitener: &self.whitener,
            information: &self.information,
            level: self.level,
        }
    }

    fn train_at(&mut self, now_ms: i64, example: &Example, side: &ViewerSide, rows: &CandidateRows) -> Trained {
        let model = Model {
            view: self.tables.view(),
            dense: &self.dense.weights,
            whitener: &self.whitener,
            information: &self.information,
            level: self.level,
        };
        let history = ItemByItem { side, history: &example.viewer.history, whitener: &self.whitener };
        let inputs = &mut self.trace.inputs[self.trace.len];
        let (candidate, activations) = trace_one(self.level, &model, &history, example.at_ms, &example.video, rows, inputs);
        let predicted = prediction(&activations.logits[0]);

        let labels = self.labels_of(&example.labels, &example.video).0;
        for (task, label) in labels.iter().enumerate() {
            if let Some(label) = label {
                self.windows[task].count(activations.logits[0][task], predicted.probability[task], *label, example.weight);
            }
        }
        let weight = self.shares.grant(&self.config, now_ms, example.viewer.viewer, example.weight);
        if weight <= 0.0 {
            self.totals.capped += 1;
            return Trained::Capped;
        }
        let viewers_max = self.config.rivals_viewers_max;
        let logits = &activations.logits[0];
        let order = self.rivals.meet(example.viewer.viewer, example.at_ms, logits, &labels, viewers_max);
        let passed = Passed {
            order: &order,
            side,
            rows,
            candidate: &candidate,
            activations: &activations,
            predicted: &predicted,
            labels: &labels,
            video: &example.video,
            history: &example.viewer.history,
            weight,
            now_s: seconds(now_ms),
        };
        let broken = learn(self.level, &self.config, &self.tables, &self.dense, &mut self.trace, &passed);
        self.totals.broken_gradients += broken;
        if broken == 0 {
            self.trace.len += 1;
        }
        if self.trace.len == BATCH {
            self.dense.step(self.level, &self.trace, self.config.dense_step, self.totals.learned);
            self.trace.len = 0;
        }
        if rows.video.is_some() {
            self.tables.keep(Field::Tower, example.video.video, &candidate.tower, seconds(now_ms));
        }
        self.teach(example, rows, side, &candidate.belief, &labels, weight);
        self.totals.learned += 1;
        if self.guard.observe(&predicted.probability, &labels, &self.dense) == Verdict::FallBack {
            self.dense = self.guard.good.clone();
            self.trace.len = 0;
        }
        Trained::Learned
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

    fn admit_viewer(&mut self, viewer: &ViewerFeatures, now_s: u32) -> ViewerRows {
        ViewerRows::with(viewer, |field, key| self.admit(field, key, now_s))
    }

    /// Rows for what a video has several of; one that stands there twice is one sighting.
    fn admit_each(&mut self, field: Field, keys: &[u64], now_s: u32, rows: &mut [Option<u32>]) {
        for (at, (row, key)) in rows.iter_mut().zip(keys).enumerate() {
            let before = keys.get(..at).unwrap_or_default();
            *row = if before.contains(key) { self.tables.view().find(field, *key) } else { self.admit(field, *key, now_s) };
        }
    }

    fn admit(&mut self, field: Field, key: u64, now_s: u32) -> Option<u32> {
        self.tables.find_or_insert(field, key, now_s).map(|(row, _)| row)
    }

    /// Rows for everything in a video but its age, made where they are missing.
    fn admit_video(&mut self, video: &VideoFeatures, now_s: u32) -> CandidateRows {
        let found = self.tables.find_or_insert(Field::Video, video.video, now_s);
        if let Some((_, true)) = found {
            self.scale.observe(&ContentCode::of(&video.content));
            self.whitener = self.scale.whitener();
        }
        let mut rows = CandidateRows { video: found.map(|(row, _)| row), ..CandidateRows::default() };
        rows.creator = self.admit(Field::Creator, video.creator, now_s);
        if video.sound != 0 {
            rows.sound = self.admit(Field::Sound, video.sound, now_s);
        }
        self.admit_each(Field::Hashtag, &video.hashtags, now_s, &mut rows.hashtags);
        self.admit_each(Field::Word, &video.words, now_s, &mut rows.words);
        rows.duration = self.admit(Field::Context, duration_key(video.duration_ms), now_s);
        rows
    }

    /// The labels as the heads are trained on them now: watch time as a rank.
    pub fn labels_of(&self, labels: &Labels, video: &VideoFeatures) -> Labels {
        match labels.get(Task::WatchTime) {
            Some(ratio) => labels.with(Task::WatchTime, self.ranks.rank(ratio, video.duration_ms)),
            None => *labels,
        }
    }

    /// Teaches the effects of the example's rows, after the prediction that must not know the outcome.
    fn teach(
        &mut self,
        example: &Example,
        rows: &CandidateRows,
        side: &ViewerSide,
        belief: &Belief,
        labels: &[Option<f32>; TASKS],
        weight: f32,
    ) {
        if let Some(ratio) = example.labels.get(Task::WatchTime) {
            self.ranks.count(ratio, example.video.duration_ms);
        }
        let before = self.information;
        let Some(lesson) = Lesson::of(belief, labels, weight, &mut self.information) else { return };
        teach_rows(self.level, &self.tables, side, rows, &example.video, &lesson, &before);
    }
}

multiversion! {
    fn teach_rows(
        level,
        tables: &TablesWriter,
        side: &ViewerSide,
        rows: &CandidateRows,
        video: &VideoFeatures,
        lesson: &Lesson,
        information: &Information,
    ) {
        let teach = |field: Field, row: Option<u32>, share: f32| {
            if let Some(row) = row {
                tables.teach(field, row, share, lesson, information);
            }
        };
        side.rows.context.iter().for_each(|row| teach(Field::Context, *row, 1.0));
        teach(Field::Viewer, side.rows.viewer, 1.0);
        teach(Field::Habit, side.rows.habit, 1.0);
        rows.each_effect(video, teach);
    }
}

/// How many examples ahead of the one that is learned index slots and rows are asked for.
const SLOTS_AHEAD: usize = 4;
const ROWS_AHEAD: usize = 2;

/// Asks the memory, in one way or another, for what an example's training reads.
fn hint(view: &View, example: &Example, ask: fn(&View, Field, u64)) {
    history_keys(&example.viewer.history).for_each(|(field, key)| ask(view, field, key));
    CandidateRows::keys(&example.video).for_each(|(field, key)| ask(view, field, key));
    ask(view, Field::Tower, example.video.video);
    ask(view, Field::Viewer, example.viewer.viewer);
    if let Some(key) = habit_key(&example.viewer) {
        ask(view, Field::Habit, key);
    }
}

/// Unix seconds, held to what a row can store.
fn seconds(ms: i64) -> u32 {
    (ms / 1_000).clamp(0, i64::from(u32::MAX)) as u32
}

/// Whether everything in an example is a number in its range.
fn acceptable(example: &Example, weight_max: f32) -> bool {
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
