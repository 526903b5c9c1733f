//! The replay itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use feed::Weights;
use hashbrown::HashMap;
use learner::joiner::{Action, Impression, Joiner, JoinerConfig, Target, Watch};
use learner::{
    Config, Example, HistoryItem, Labels, Outcome, Prediction, Signals, Source, TABLE, TASKS, Task, Trainer, VideoFeatures,
    ViewerFeatures,
};
use serde::Serialize;

use crate::collide::{Buckets, Collide};
use crate::history::Histories;
use crate::log::{DAY_MS, Log, Page, Row};
use crate::measure::{Measured, TaskFigures, figures};

/// The dense weights are shown to the predicting side when so much of the log's time has passed: fresh to the second.
const PUBLISH_EVERY_MS: i64 = 1_000;
/// A log tells each row's deeds with the row. None comes later, so one short wait is enough for all of them.
const WINDOW_MS: i64 = 10 * 60_000;
/// A pause of this length ends a sitting.
const SITTING_MS: i64 = 30 * 60_000;
/// How much a judgement from a list counts in a history: it says less than a watch time.
const LISTED_STRENGTH: f32 = 0.7;

#[derive(Clone, Debug)]
pub struct Options {
    pub learner: Config,
    /// What the feed's score is made of, for NDCG.
    pub weights: Weights,
    /// Where scoring begins, Unix milliseconds; the log's own wish when not given. Learning begins at the first row.
    pub score_from_ms: Option<i64>,
    /// The model stands still for so long at a time and learns in one go what came meanwhile; 0 learns at once.
    pub frozen_ms: i64,
    /// Days after which a row that nobody met goes, as in the service: by the log's time, once a day.
    pub rows_idle_days: u32,
    /// Viewers and videos that are to share their rows with others.
    pub collide: Collide,
}

impl Default for Options {
    fn default() -> Self {
        let learner = Config { viewer_weight_max: f32::INFINITY, ..Config::default() };
        Self {
            learner,
            weights: Weights::default(),
            score_from_ms: None,
            frozen_ms: 0,
            rows_idle_days: 180,
            collide: Collide::default(),
        }
    }
}

/// What a replay found.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    pub scored_from_ms: i64,
    pub rows: u64,
    /// Rows that repeat an earlier row exactly.
    pub repeats: u64,
    /// Over every scored row.
    pub tasks: Vec<TaskFigures>,
    /// Over the scored rows that repeat no earlier row.
    pub tasks_without_repeats: Vec<TaskFigures>,
    /// Predicted and learned by the trainer in one thread, per second of its own time.
    pub examples_per_s: f64,
    pub examples_learned: u64,
    pub table_rows: u64,
    /// Rows, indexes and admission filter; places that expired rows left count, until others take them.
    pub table_bytes: u64,
    pub rows_waiting: u64,
    pub rows_expired: u64,
    /// Shares of the viewers and videos that shared their rows with others.
    pub collided: Collide,
}

/// A page whose outcomes are not measured yet.
struct Scored {
    predictions: Vec<Prediction>,
}

struct Replay<'a> {
    log: &'a Log,
    options: &'a Options,
    trainer: Trainer,
    joiner: Joiner,
    histories: Histories,
    buckets: Buckets,
    /// The day, in days since 1970, for which idle rows were last looked for.
    day: i64,
    /// Last page and pages so far in the sitting, by viewer.
    sittings: HashMap<u64, (i64, u8)>,
    examples: Vec<Example>,
    /// Examples that the standing model has not learned yet, and when it next may.
    held: Vec<(i64, Example)>,
    thaw_ms: i64,
    published_ms: i64,
    spent: Duration,
    learned: u64,
    measured: [Vec<(Measured, bool)>; TASKS],
}

/// Replays `log`; `progress` is told the share done, 0 to 1, a hundred times.
pub fn run(log: &Log, options: &Options, mut progress: impl FnMut(f64)) -> Figures {
    let score_from_ms = options.score_from_ms.unwrap_or(log.score_from_ms);
    let mut replay = Replay {
        log,
        options,
        trainer: Trainer::new(options.learner),
        joiner: Joiner::new(JoinerConfig { window_max_ms: WINDOW_MS, ..JoinerConfig::default() }),
        histories: Histories::default(),
        buckets: Buckets::new(log, options.collide, options.learner.seed),
        day: i64::MIN,
        sittings: HashMap::new(),
        examples: Vec::new(),
        held: Vec::new(),
        thaw_ms: i64::MIN,
        published_ms: i64::MIN,
        spent: Duration::ZERO,
        learned: 0,
        measured: Default::default(),
    };
    let every = (log.pages.len() / 100).max(1);
    for (number, page) in log.pages.iter().enumerate() {
        replay.page(number as u64 + 1, page, !page.warm && page.at_ms >= score_from_ms);
        if number % every == 0 {
            progress(number as f64 / log.pages.len() as f64);
        }
    }
    replay.figures(score_from_ms)
}

impl Replay<'_> {
    fn page(&mut self, number: u64, page: &Page, scored: bool) {
        self.expire(page.at_ms);
        let viewer = self.viewer(page);
        let log = self.log;
        let items: Vec<Arc<VideoFeatures>> =
            page.rows.iter().filter_map(|row| log.videos.get(row.video as usize)).cloned().collect();
        self.learn_joined(page.at_ms);
        if scored {
            let scored = self.predict(page, &viewer, &items);
            self.measure(page, &items, &scored);
        }
        if page.warm {
            for (row, video) in page.rows.iter().zip(&items) {
                let labels = row.labels;
                self.examples.push(Example {
                    viewer: viewer.clone(),
                    video: video.clone(),
                    labels,
                    weight: 1.0,
                    at_ms: page.at_ms,
                });
            }
        } else {
            self.join(number, page, viewer, &items);
        }
        self.learn(page.at_ms);
        for (row, video) in page.rows.iter().zip(&items) {
            if let Some(outcome) = outcome(row) {
                self.histories.push(page.viewer, HistoryItem::new(&self.buckets.video(video.clone()), outcome, page.at_ms));
            }
        }
    }

    /// On the first page of each day: forgets rows that nobody met for long.
    fn expire(&mut self, at_ms: i64) {
        let day = at_ms.div_euclid(DAY_MS);
        if day > self.day {
            self.day = day;
            self.trainer.expire(day * DAY_MS, self.options.rows_idle_days, usize::MAX);
        }
    }

    /// The viewer as the page finds them.
    fn viewer(&mut self, page: &Page) -> ViewerFeatures {
        let local_ms = page.at_ms + self.log.utc_offset_ms;
        let (last_ms, pages) = self.sittings.get(&page.viewer).copied().unwrap_or((i64::MIN, 0));
        let depth = if page.at_ms.saturating_sub(last_ms) > SITTING_MS { 0 } else { pages.saturating_add(1) };
        self.sittings.insert(page.viewer, (page.at_ms, depth));
        ViewerFeatures {
            viewer: page.viewer,
            hour: (local_ms.rem_euclid(DAY_MS) / 3_600_000) as u8,
            // 1970-01-01 was a Thursday.
            weekday: (local_ms.div_euclid(DAY_MS) + 3).rem_euclid(7) as u8,
            device: page.device,
            language: page.language,
            tab: page.tab,
            depth,
            history: self.histories.newest_first(page.viewer),
        }
    }

    fn predict(&mut self, page: &Page, viewer: &ViewerFeatures, items: &[Arc<VideoFeatures>]) -> Scored {
        if page.at_ms >= self.published_ms.saturating_add(PUBLISH_EVERY_MS) {
            self.trainer.publish(page.at_ms);
            self.published_ms = page.at_ms;
        }
        let viewer = ViewerFeatures { viewer: self.buckets.viewer(viewer.viewer), ..viewer.clone() };
        let items: Vec<_> = items.iter().map(|item| self.buckets.video(item.clone())).collect();
        let candidates: Vec<&VideoFeatures> = items.iter().map(|item| &**item).collect();
        let mut predictions = Vec::new();
        self.trainer.learner().predict(page.at_ms, &viewer, &candidates, &mut predictions);
        Scored { predictions }
    }

    fn measure(&mut self, page: &Page, items: &[Arc<VideoFeatures>], scored: &Scored) {
        for ((row, video), prediction) in page.rows.iter().zip(items).zip(&scored.predictions) {
            let labels = self.trainer.labels_of(&labels(row), video);
            let score = TABLE.iter().map(|spec| self.options.weights.of(spec.name) * prediction.get(spec.task)).sum();
            for (task, measured) in self.measured.iter_mut().enumerate().filter(|(task, _)| self.log.tasks[*task]) {
                if let Some(label) = labels.0[task] {
                    let predicted = prediction.probability[task];
                    measured.push((Measured { viewer: page.viewer, predicted, label, score }, row.repeats));
                }
            }
        }
    }

    /// Hands the page and what came of it to the joiner.
    fn join(&mut self, slate: u64, page: &Page, viewer: ViewerFeatures, items: &[Arc<VideoFeatures>]) {
        let (joiner, out, at_ms) = (&mut self.joiner, &mut self.examples, page.at_ms);
        joiner.slate(slate, viewer, items.to_vec(), at_ms, out);
        for (row, video) in page.rows.iter().zip(items) {
            let (viewer, video) = (page.viewer, video.video);
            joiner.impression(&Impression { viewer, video, slate: Some(slate), at_ms }, || None, out);
            // What the view itself decided is told with it; rarer deeds come as actions, their absence by the window's end.
            let mut judged = Labels::none();
            for spec in &TABLE {
                let of_view = spec.source == Source::Watch || spec.task == Task::Click;
                if let Some(value) = row.labels.get(spec.task).filter(|_| of_view) {
                    judged = judged.with(spec.task, value);
                }
            }
            let (watch_ms, duration_ms) = row.watch.unwrap_or((0, 0));
            joiner.watch(&Watch { viewer, video, slate: Some(slate), at_ms, watch_ms, duration_ms, judged }, || None, out);
            for spec in TABLE.iter().filter(|spec| row.labels.get(spec.task) == Some(1.0) && judged.get(spec.task).is_none()) {
                joiner.action(&Action { viewer, target: Target::Video(video), task: spec.task, at_ms }, out);
            }
        }
    }

    /// Closes the windows that end before this page is made.
    fn learn_joined(&mut self, at_ms: i64) {
        self.joiner.tick(at_ms, &mut self.examples);
        self.learn(at_ms);
    }

    fn learn(&mut self, at_ms: i64) {
        let known = self.log.tasks;
        for mut example in std::mem::take(&mut self.examples) {
            for (label, known) in example.labels.0.iter_mut().zip(known) {
                *label = label.filter(|_| known);
            }
            if !example.labels.is_empty() {
                example.viewer.viewer = self.buckets.viewer(example.viewer.viewer);
                example.video = self.buckets.video(example.video);
                self.held.push((at_ms, example));
            }
        }
        if at_ms < self.thaw_ms || self.held.is_empty() {
            return;
        }
        if self.options.frozen_ms > 0 {
            self.thaw_ms = (at_ms.div_euclid(self.options.frozen_ms) + 1) * self.options.frozen_ms;
        }
        let begin = Instant::now();
        self.trainer.train_all(self.held.iter().map(|(at_ms, example)| (*at_ms, example)));
        self.spent += begin.elapsed();
        self.learned += self.held.len() as u64;
        self.held.clear();
    }

    fn figures(self, scored_from_ms: i64) -> Figures {
        let totals = self.trainer.totals();
        let pick = |every: bool| -> Vec<TaskFigures> {
            let tasks = Task::ALL.into_iter().zip(&self.measured).filter(|(_, rows)| !rows.is_empty());
            let of = |rows: &Vec<(Measured, bool)>| -> Vec<Measured> {
                rows.iter().filter(|(_, repeats)| every || !repeats).map(|(measured, _)| *measured).collect()
            };
            tasks.map(|(task, rows)| figures(task.name(), &of(rows))).collect()
        };
        let rows = || self.log.pages.iter().filter(|page| !page.warm).flat_map(|page| &page.rows);
        Figures {
            scored_from_ms,
            rows: rows().count() as u64,
            repeats: rows().filter(|row| row.repeats).count() as u64,
            tasks: pick(true),
            tasks_without_repeats: pick(false),
            examples_per_s: self.learned as f64 / self.spent.as_secs_f64(),
            examples_learned: self.learned,
            table_rows: totals.rows,
            table_bytes: totals.table_bytes,
            rows_waiting: totals.rows_waiting,
            rows_expired: totals.rows_expired,
            collided: self.buckets.shares(),
        }
    }
}

/// Everything that a row tells, for measuring.
fn labels(row: &Row) -> Labels {
    let told = row.watch.map_or(Labels::none(), |(watch_ms, duration_ms)| {
        learner::labels::WatchLabels::of(watch_ms, duration_ms).labels(duration_ms)
    });
    Labels(std::array::from_fn(|task| row.labels.0[task].or(told.0[task])))
}

/// What the viewer's history keeps of a row; nothing of what was only passed by in a click log.
fn outcome(row: &Row) -> Option<(Outcome, f32)> {
    let is = |task: Task| row.labels.get(task) == Some(1.0);
    match row.watch {
        Some((watch_ms, duration_ms)) => {
            let signals = Signals {
                watch_ms,
                duration_ms,
                liked: is(Task::Like),
                engaged: [Task::Comment, Task::Share, Task::Follow, Task::Save].into_iter().any(is),
                not_interested: is(Task::NotInterested),
                reported: is(Task::Report),
                ..Signals::default()
            };
            Some(signals.judge())
        }
        None if is(Task::Like) => Some((Outcome::Liked, 1.0)),
        None if is(Task::LongView) => Some((Outcome::Finished, LISTED_STRENGTH)),
        None if is(Task::Click) => Some((Outcome::Clicked, 1.0)),
        None => row.labels.get(Task::LongView).map(|_| (Outcome::Skipped, LISTED_STRENGTH)),
    }
}
