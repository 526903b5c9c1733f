//! The same work on tables far larger than the caches: how much memory a row takes, what learning and scoring cost there, how fast a model
//! is written and back.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base::Rng;
use serde::Serialize;

use super::{CANDIDATES, START_MS, VIDEOS, VIEWERS, World, percentile};
use crate::config::{Config, RowsExpected};
use crate::example::Example;
use crate::features::{HistoryItem, VideoFeatures, ViewerFeatures};
use crate::math::D;
use crate::table::{Field, Precision};
use crate::trainer::Trainer;

/// A model of more rows than this is not restored: its bytes are held in memory meanwhile.
const RESTORED_ROWS_MAX: u64 = 16_000_000;

/// What was measured. Units are in the names.
#[derive(Clone, Debug, Serialize)]
pub struct LargeFigures {
    pub rows: u64,
    /// Numbers in the rows' vectors.
    pub parameters: u64,
    pub bytes_per_row: f64,
    pub table_gib: f64,
    pub fill_rows_per_s: f64,
    /// The longest that one row took to be made: growth included.
    pub fill_pause_ms: f64,
    /// Ids drawn from 20,000 videos and 2,000 viewers, and from all of the table; then with scoring going on beside it.
    pub examples_per_s_small: f64,
    pub examples_per_s_large: f64,
    pub examples_per_s_large_while_scoring: f64,
    pub score_500_p50_ms: f64,
    pub score_500_p99_ms: f64,
    pub rows_changed: u64,
    pub changes_mib: f64,
    pub changes_s: f64,
    /// In memory; none when there are too many rows for that.
    pub whole_s: Option<f64>,
    pub restore_s: Option<f64>,
}

/// Draws ids from the whole table, half of it videos and half viewers.
struct Spread {
    world: World,
    rng: Rng,
    ids: u64,
}

impl Spread {
    fn video(&mut self) -> Arc<VideoFeatures> {
        let id = (self.rng.next_u64() % self.ids) + 1;
        Arc::new(VideoFeatures { video: id, ..(*self.world.videos[id as usize % VIDEOS]).clone() })
    }

    fn viewer(&mut self) -> ViewerFeatures {
        let at = self.rng.below(VIEWERS);
        let id = self.rng.next_u64() % self.ids + 1;
        let mut viewer = self.world.viewer(at);
        let history = viewer.history.iter().map(|item| HistoryItem { video: self.rng.next_u64() % self.ids + 1, ..*item });
        (viewer.viewer, viewer.history) = (id, history.collect());
        viewer
    }

    fn example(&mut self, now_ms: i64) -> Example {
        let example = self.world.example(now_ms);
        Example { viewer: self.viewer(), video: self.video(), ..example }
    }
}

fn train(trainer: &mut Trainer, limit: Duration, mut make: impl FnMut() -> Example) -> f64 {
    let (mut spent, mut trained) = (Duration::ZERO, 0.0);
    while spent < limit {
        let examples: Vec<Example> = (0..256).map(|_| make()).collect();
        let start = Instant::now();
        examples.iter().for_each(|example| {
            trainer.train(START_MS, example);
        });
        trainer.publish(START_MS);
        spent += start.elapsed();
        trained += examples.len() as f64;
    }
    trained / spent.as_secs_f64()
}

struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Fills tables with `rows` rows, then trains and scores for about `seconds`.
pub fn run(rows: u64, precision: Precision, seconds: f64, seed: u64) -> crate::Result<LargeFigures> {
    let half = (rows / 2).clamp(1, 1 << 31);
    let expected = RowsExpected { viewer: half as u32, ..RowsExpected::default() };
    let config = Config {
        seed,
        precision,
        rows_max: 2 * half + 1_000_000,
        // One half of the table is prepared for, the other grows.
        rows_expected: expected,
        viewer_weight_max: f32::INFINITY,
        ..Config::default()
    };
    let third = Duration::from_secs_f64((seconds / 3.0).clamp(0.05, 3_600.0));
    let mut trainer = Trainer::new(config);
    let (start, mut pause) = (Instant::now(), Duration::ZERO);
    let mut before = start;
    for id in 1..=half {
        trainer.tables.find_or_insert(Field::Viewer, id, 1_700_000_000);
        trainer.tables.find_or_insert(Field::Video, id, 1_700_000_000);
        let now = Instant::now();
        pause = pause.max(now - before);
        before = now;
    }
    let fill_rows_per_s = 2.0 * half as f64 / start.elapsed().as_secs_f64();

    let mut world = World::new(seed);
    let small = train(&mut trainer, third, || world.example(START_MS));
    let mut spread = Spread { world, rng: Rng::from_seed(seed).child("spread"), ids: half };
    let large = train(&mut trainer, third, || spread.example(START_MS));
    let all = trainer.snapshot(&mut Counted(0))?;
    trainer.saved(all);

    let (learner, done) = (trainer.learner(), AtomicBool::new(false));
    let mut reader = Spread { world: World::new(seed + 1), rng: spread.rng.child("reader"), ids: half };
    let (mut times, meanwhile) = std::thread::scope(|scope| {
        let scoring = scope.spawn(|| {
            let (mut times, mut out) = (Vec::new(), Vec::new());
            while !done.load(Ordering::Relaxed) || times.len() < 100 {
                let viewer = reader.viewer();
                let picked: Vec<Arc<VideoFeatures>> = (0..CANDIDATES).map(|_| reader.video()).collect();
                let candidates: Vec<&VideoFeatures> = picked.iter().map(|video| &**video).collect();
                let begin = Instant::now();
                learner.predict(START_MS, &viewer, &candidates, &mut out);
                times.push(begin.elapsed().as_secs_f64() * 1e3);
            }
            times
        });
        let meanwhile = train(&mut trainer, third, || spread.example(START_MS));
        done.store(true, Ordering::Relaxed);
        (scoring.join().unwrap_or_default(), meanwhile)
    });
    times.sort_by(f64::total_cmp);

    let totals = trainer.totals();
    let (mut counted, start) = (Counted(0), Instant::now());
    trainer.changes(&mut counted)?;
    let changes_s = start.elapsed().as_secs_f64();
    let rows_changed = trainer.rows_changed();
    let (mut whole_s, mut restore_s) = (None, None);
    if totals.rows <= RESTORED_ROWS_MAX {
        let (mut bytes, start) = (Vec::new(), Instant::now());
        trainer.snapshot(&mut bytes)?;
        whole_s = Some(start.elapsed().as_secs_f64());
        drop(trainer);
        let start = Instant::now();
        Trainer::restore(config, &mut bytes.as_slice())?;
        restore_s = Some(start.elapsed().as_secs_f64());
    }
    Ok(LargeFigures {
        rows: totals.rows,
        parameters: totals.rows * D as u64,
        bytes_per_row: totals.table_bytes as f64 / totals.rows.max(1) as f64,
        table_gib: totals.table_bytes as f64 / f64::from(1 << 30),
        fill_rows_per_s,
        fill_pause_ms: pause.as_secs_f64() * 1e3,
        examples_per_s_small: small,
        examples_per_s_large: large,
        examples_per_s_large_while_scoring: meanwhile,
        score_500_p50_ms: percentile(&times, 0.5),
        score_500_p99_ms: percentile(&times, 0.99),
        rows_changed,
        changes_mib: counted.0 as f64 / f64::from(1 << 20),
        changes_s,
        whole_s,
        restore_s,
    })
}
