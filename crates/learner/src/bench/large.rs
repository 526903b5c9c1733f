//! The same work on tables far larger than the caches: how much memory a row takes, what learning and scoring cost there, how fast a model
//! is written and back.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::Rng;
use serde::Serialize;

use super::{
    CANDIDATES, ROWS_PER_EXAMPLE, START_MS, VIDEOS, VIEWERS, World, flop_per_example, median, percentile, score_beside, train,
};
use crate::config::{Config, RowsExpected};
use crate::example::Example;
use crate::features::{HistoryItem, VideoFeatures, ViewerFeatures};
use crate::math::D;
use crate::table::{Field, Precision};
use crate::trainer::Trainer;

/// The small and the large table are trained in turns of so long, so that what else the machine does meets both.
const TURN: Duration = Duration::from_millis(500);
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
    /// Viewers and videos drawn evenly from all of the table: one after the other they are nowhere near each other.
    pub examples_per_s_one_thread: f64,
    /// The same with two learning threads, in turns with the one.
    pub examples_per_s_two_threads: f64,
    /// A table of 20,000 videos and 2,000 viewers, in turns with the large one; medians of both.
    pub examples_per_s_small_table: f64,
    pub large_to_small: f64,
    pub examples_per_s_while_scoring: f64,
    pub flop_per_example: f64,
    pub rows_per_example: f64,
    pub score_500_p50_ms: f64,
    pub score_500_p99_ms: f64,
    pub rows_changed: u64,
    pub changes_mib: f64,
    pub changes_s: f64,
    /// In memory; none when there are too many rows for that.
    pub whole_s: Option<f64>,
    pub restore_s: Option<f64>,
}

/// Draws ids from the whole table: half of its rows are viewers' and half videos', which have two each.
struct Spread {
    world: World,
    rng: Rng,
    viewers: u64,
    videos: u64,
}

impl Spread {
    fn video(&mut self) -> Arc<VideoFeatures> {
        let id = (self.rng.next_u64() % self.videos) + 1;
        Arc::new(VideoFeatures { video: id, ..(*self.world.videos[id as usize % VIDEOS]).clone() })
    }

    fn viewer(&mut self) -> ViewerFeatures {
        let at = self.rng.below(VIEWERS);
        let id = self.rng.next_u64() % self.viewers + 1;
        let mut viewer = self.world.viewer(at);
        let history = viewer.history.iter().map(|item| HistoryItem { video: self.rng.next_u64() % self.videos + 1, ..*item });
        (viewer.viewer, viewer.history) = (id, history.collect());
        viewer
    }

    fn example(&mut self, now_ms: i64) -> Example {
        let example = self.world.example(now_ms);
        Example { viewer: self.viewer(), video: self.video(), ..example }
    }
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
    let videos = (rows / 4).clamp(1, 1 << 30);
    let viewers = 2 * videos;
    let expected = RowsExpected { viewer: viewers as u32, ..RowsExpected::default() };
    let config = Config {
        seed,
        precision,
        rows_max: 4 * videos + 1_000_000,
        // One half of the table is prepared for, the other grows.
        rows_expected: expected,
        viewer_weight_max: f32::INFINITY,
        ..Config::default()
    };
    let third = Duration::from_secs_f64((seconds / 3.0).clamp(0.05, 3_600.0));
    let mut trainer = Trainer::new(config);
    let (start, mut pause) = (Instant::now(), Duration::ZERO);
    let mut before = start;
    for id in 1..=viewers {
        trainer.tables.find_or_insert(Field::Viewer, id, 1_700_000_000);
        let (video, field) = (id.div_ceil(2), if id % 2 == 0 { Field::Video } else { Field::Tower });
        trainer.tables.find_or_insert(field, video, 1_700_000_000);
        let now = Instant::now();
        pause = pause.max(now - before);
        before = now;
    }
    let fill_rows_per_s = 2.0 * viewers as f64 / start.elapsed().as_secs_f64();

    let mut near = World::new(seed);
    let mut small = Trainer::new(Config { rows_expected: RowsExpected::default(), ..config });
    let mut spread = Spread { world: World::new(seed), rng: Rng::from_seed(seed).child("spread"), viewers, videos };
    let (mut near_ms, mut now_ms) = (START_MS, START_MS);
    // Histories grow before anything is measured.
    train(&mut small, TURN, &mut near_ms, |now_ms| near.example(now_ms));
    train(&mut trainer, TURN, &mut now_ms, |now_ms| spread.example(now_ms));
    let turns = (third.as_secs_f64() / TURN.as_secs_f64()).ceil() as usize;
    let (mut rates_small, mut rates_large, mut rates_two) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..turns {
        rates_small.push(train(&mut small, TURN, &mut near_ms, |now_ms| near.example(now_ms)));
        rates_large.push(train(&mut trainer, TURN, &mut now_ms, |now_ms| spread.example(now_ms)));
        trainer.config.threads = 2;
        rates_two.push(train(&mut trainer, TURN, &mut now_ms, |now_ms| spread.example(now_ms)));
        trainer.config.threads = 1;
    }
    let (examples_per_s_small_table, examples_per_s_one_thread) = (median(rates_small), median(rates_large));
    let all = trainer.snapshot(&mut Counted(0))?;
    trainer.saved(all);

    let learner = trainer.learner();
    let mut reader = Spread { world: spread.world.clone(), rng: spread.rng.child("reader"), viewers, videos };
    let ask = || {
        let viewer = reader.viewer();
        (viewer, (0..CANDIDATES).map(|_| reader.video()).collect())
    };
    let (times, examples_per_s_while_scoring) =
        score_beside(&learner, ask, || train(&mut trainer, third, &mut now_ms, |now_ms| spread.example(now_ms)));

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
        examples_per_s_one_thread,
        examples_per_s_two_threads: median(rates_two),
        examples_per_s_small_table,
        large_to_small: examples_per_s_one_thread / examples_per_s_small_table,
        examples_per_s_while_scoring,
        flop_per_example: flop_per_example(totals.dense_parameters as f64),
        rows_per_example: ROWS_PER_EXAMPLE as f64,
        score_500_p50_ms: percentile(&times, 0.5),
        score_500_p99_ms: percentile(&times, 0.99),
        rows_changed,
        changes_mib: counted.0 as f64 / f64::from(1 << 20),
        changes_s,
        whole_s,
        restore_s,
    })
}
