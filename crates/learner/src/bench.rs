//! What this machine makes of the learner: a synthetic world, trained on one thread, then scored beside it on another.
//!
//! The only place in the crate that looks at a clock: it measures.

mod large;
mod limits;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base::Rng;
pub use large::{LargeFigures, run as run_large};
pub use limits::Limits;
use serde::Serialize;

use crate::backward::TAUGHT;
use crate::config::Config;
use crate::example::Example;
use crate::features::{HISTORY_MAX, HistoryItem, Signals, VideoFeatures, ViewerFeatures, feature_hash};
use crate::labels::WatchLabels;
use crate::learner::Learner;
use crate::shape::{EMBEDDED, HIDDEN_1, HIDDEN_2, INPUTS};
use crate::side::habit_key;
use crate::table::{Field, ROW_BYTES};
use crate::task::Task;
use crate::trainer::Trainer;

const VIDEOS: usize = 20_000;
const VIEWERS: usize = 2_000;
const KINDS: usize = 24;
const CANDIDATES: usize = 500;
/// Turns of each kind.
const TURNS: u32 = 7;
const START_MS: i64 = 1_700_000_000_000;

/// What was measured. Units are in the names.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// With metrics, publishing every 512 examples, as the service runs it.
    pub examples_per_s_one_thread: f64,
    /// The same with two, turn by turn with the one: medians of both.
    pub examples_per_s_two_threads: f64,
    /// One request of 500 candidates, while training goes on in another thread.
    pub score_500_p50_ms: f64,
    pub score_500_p99_ms: f64,
    pub publish_p50_us: f64,
    /// Rows and their state, index slots included, at the end of the run.
    pub bytes_per_row: f64,
    pub rows: u64,
    /// Embedding weights and dense weights.
    pub parameters: u64,
    /// Multiplications and additions of one example's training, counted from the shapes.
    pub flop_per_example: f64,
    /// Rows that are looked up for one example's training, counted from the shapes.
    pub rows_per_example: f64,
    pub vector_instructions: String,
    /// The finish head's AUC at the end: a run that learned nothing measured nothing.
    pub finish_auc: f64,
}

/// A made-up platform: videos of some kinds, viewers who like some kinds.
#[derive(Clone)]
struct World {
    rng: Rng,
    videos: Vec<Arc<VideoFeatures>>,
    kinds: Vec<usize>,
    tastes: Vec<[f32; KINDS]>,
    histories: Vec<Vec<HistoryItem>>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::from_seed(seed).child("world");
        let (mut videos, mut kinds) = (Vec::new(), Vec::new());
        let looks: Vec<[f32; 20]> = (0..KINDS).map(|_| std::array::from_fn(|_| rng.unit())).collect();
        for at in 0..VIDEOS {
            let kind = rng.below(KINDS);
            let hashtags = [format!("kind{kind}"), format!("tag{}", rng.below(2_000)), "all".into()];
            let words: Vec<u64> = (0..8).map(|_| feature_hash(&format!("word{}", rng.below(20_000)))).collect();
            videos.push(Arc::new(VideoFeatures {
                video: at as u64 + 1,
                creator: 1 + (kind * 50 + rng.below(50)) as u64,
                sound: 1 + rng.below(3_000) as u64,
                hashtags: hashtags.iter().map(|tag| feature_hash(tag)).collect(),
                words,
                duration_ms: 3_000 + rng.below(57_000) as u32,
                published_at_ms: START_MS - rng.below(30 * 86_400_000) as i64,
                content: looks[kind].iter().map(|x| (x + 0.1 * rng.normal()).clamp(0.0, 1.0)).collect(),
            }));
            kinds.push(kind);
        }
        let tastes = (0..VIEWERS).map(|_| std::array::from_fn(|_| rng.unit())).collect();
        Self { rng, videos, kinds, tastes, histories: vec![Vec::new(); VIEWERS] }
    }

    fn viewer(&self, at: usize) -> ViewerFeatures {
        let history = self.histories[at].iter().rev().take(HISTORY_MAX).copied().collect();
        ViewerFeatures { viewer: at as u64 + 1, hour: (at % 24) as u8, device: 1, history, ..Default::default() }
    }

    /// One watched impression of a chance viewer, and its example.
    fn example(&mut self, now_ms: i64) -> Example {
        let (viewer, video) = (self.rng.below(VIEWERS), self.rng.below(VIDEOS));
        let features = self.viewer(viewer);
        let share = (self.tastes[viewer][self.kinds[video]] * 1.4 + 0.15 * self.rng.normal()).clamp(0.0, 1.0);
        let video = self.videos[video].clone();
        let watch_ms = (share * video.duration_ms as f32) as u32;
        let outcome = Signals { watch_ms, duration_ms: video.duration_ms, ..Default::default() }.judge();
        let history = &mut self.histories[viewer];
        history.push(HistoryItem::new(&video, outcome, now_ms));
        if history.len() > 4 * HISTORY_MAX {
            history.drain(..2 * HISTORY_MAX);
        }
        let labels = WatchLabels::of(watch_ms, video.duration_ms).labels(video.duration_ms);
        Example { viewer: features, video, labels, weight: 1.0, at_ms: now_ms }
    }
}

fn percentile(sorted: &[f64], share: f64) -> f64 {
    let at = ((sorted.len() as f64 - 1.0) * share).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    percentile(&values, 0.5)
}

/// Trains so many seconds at the least; gives examples per second. Examples are made outside the measured time.
fn train(trainer: &mut Trainer, limit: Duration, now_ms: &mut i64, mut make: impl FnMut(i64) -> Example) -> f64 {
    let (mut spent, mut trained) = (Duration::ZERO, 0.0);
    while spent < limit {
        let examples: Vec<Example> = (0..512).map(|_| make(*now_ms)).collect();
        let start = Instant::now();
        trainer.train_all(examples.iter().map(|example| (*now_ms, example)));
        trainer.publish(*now_ms);
        spent += start.elapsed();
        trained += examples.len() as f64;
        *now_ms += 1_000;
    }
    trained / spent.as_secs_f64()
}

/// Scores one request after the other in a thread of its own until `meanwhile` is done, 100 at the least. Gives their milliseconds,
/// rising, and what `meanwhile` gave.
fn score_beside<T>(
    learner: &Learner,
    mut ask: impl FnMut() -> (ViewerFeatures, Vec<Arc<VideoFeatures>>) + Send,
    meanwhile: impl FnOnce() -> T,
) -> (Vec<f64>, T) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let scoring = scope.spawn(|| {
            let (mut times, mut out) = (Vec::new(), Vec::new());
            while !done.load(Ordering::Relaxed) || times.len() < 100 {
                let (viewer, picked) = ask();
                let candidates: Vec<&VideoFeatures> = picked.iter().map(|video| &**video).collect();
                let begin = Instant::now();
                learner.predict(START_MS, &viewer, &candidates, &mut out);
                times.push(begin.elapsed().as_secs_f64() * 1e3);
            }
            times.sort_by(f64::total_cmp);
            times
        });
        let given = meanwhile();
        done.store(true, Ordering::Relaxed);
        (scoring.join().unwrap_or_default(), given)
    })
}

/// Trains for about half of `seconds`, then trains and scores for about half. Deterministic but for the clock.
pub fn run(seconds: f64, seed: u64) -> Figures {
    let mut world = World::new(seed);
    let config = Config { seed, viewer_weight_max: f32::INFINITY, ..Config::default() };
    let mut trainer = Trainer::new(config);
    let half = Duration::from_secs_f64((seconds / 2.0).clamp(0.05, 3_600.0));
    let (mut other, mut other_world) = (Trainer::new(Config { threads: 2, ..config }), world.clone());
    let (mut now_ms, mut other_ms, mut one, mut two) = (START_MS, START_MS, Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let turn = half / (2 * TURNS);
        one.push(train(&mut trainer, turn, &mut now_ms, |now_ms| world.example(now_ms)));
        two.push(train(&mut other, turn, &mut other_ms, |now_ms| other_world.example(now_ms)));
    }
    drop((other, other_world));

    let (learner, reader) = (trainer.learner(), world.clone());
    let mut rng = Rng::from_seed(seed).child("reader");
    let ask = || {
        let picked = (0..CANDIDATES).map(|_| reader.videos[rng.below(VIDEOS)].clone()).collect();
        (reader.viewer(rng.below(VIEWERS)), picked)
    };
    let (times, _) = score_beside(&learner, ask, || train(&mut trainer, half, &mut now_ms, |now_ms| world.example(now_ms)));
    let mut publishes: Vec<f64> = (0..100)
        .map(|_| {
            let start = Instant::now();
            trainer.publish(now_ms);
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    publishes.sort_by(f64::total_cmp);

    let totals = trainer.totals();
    Figures {
        examples_per_s_one_thread: median(one),
        examples_per_s_two_threads: median(two),
        score_500_p50_ms: percentile(&times, 0.5),
        score_500_p99_ms: percentile(&times, 0.99),
        publish_p50_us: percentile(&publishes, 0.5),
        bytes_per_row: totals.table_bytes as f64 / totals.rows.max(1) as f64,
        rows: totals.rows,
        parameters: totals.rows * crate::math::D as u64 + totals.dense_parameters,
        flop_per_example: flop_per_example(totals.dense_parameters as f64),
        rows_per_example: ROWS_PER_EXAMPLE as f64,
        vector_instructions: learner.level().name().to_owned(),
        finish_auc: trainer.points()[Task::Finish.index()].auc,
    }
}

/// The rows that a viewer's first example makes, for a model that is to be large and need not be wise.
pub fn make_rows(trainer: &mut Trainer, now_ms: i64, viewer: u64) {
    let now_s = (now_ms / 1_000) as u32;
    trainer.tables.find_or_insert(Field::Viewer, viewer, now_s);
    if let Some(key) = habit_key(&ViewerFeatures { viewer, ..ViewerFeatures::default() }) {
        trainer.tables.find_or_insert(Field::Habit, key, now_s);
    }
}

/// The history's towers, and the vectors that learn through them; the candidate, of eight words and three hashtags; the viewer and the circumstances.
const ROWS_PER_EXAMPLE: usize = EMBEDDED + TAUGHT + 31;

/// Two for each dense weight forward, two back, two for its gradient; the history's contents and towers; the rows.
fn flop_per_example(dense: f64) -> f64 {
    let net = (INPUTS * HIDDEN_1 + HIDDEN_1 * HIDDEN_2) as f64;
    let history = (HISTORY_MAX * 32 * 6 + EMBEDDED * 16 * 8) as f64;
    let rows = (ROWS_PER_EXAMPLE * (ROW_BYTES / 4) * 2) as f64;
    2.0 * dense + 4.0 * net + history + rows
}
