//! How long a region takes to serve again: a brain of a wanted size is made, snapshotted and let go of without a word; then it starts.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use base::{AccountId, Clock, Rng, SystemClock, Timestamp, VideoId, ViewerId};
use eventlog::{Body, Event, EventId, EventLog, LocalLog, LocalOptions, VideoFacts, Watch};
use serde::Serialize;

use super::worker::{BrainError, BrainParts, Worker, start};
use super::{Brain, BrainConfig};

/// Files of changes after the whole one.
const CHANGES: usize = 3;
const BATCH_EVENTS: usize = 1_000;

/// What is to be recovered.
#[derive(Clone, Copy, Debug)]
pub struct RecoveryOptions {
    /// Rows of the model's tables, about: what the videos leave goes to viewers, two rows each.
    pub rows: u64,
    pub videos: usize,
    /// Events that only the log holds; as many are in the files of changes.
    pub events_after_snapshot: usize,
    pub seed: u64,
}

/// What was measured. Units are in the names.
#[derive(Clone, Debug, Serialize)]
pub struct Recovery {
    pub videos: usize,
    pub viewers: usize,
    pub rows: u64,
    pub snapshot_files: usize,
    pub snapshot_mib: f64,
    pub events_after_snapshot: u64,
    /// From the start of the brain until everything in the log is applied and pages can be made.
    pub serving_after_s: f64,
    /// What it takes only to read the files, just before.
    pub reading_files_s: f64,
}

struct Maker {
    rng: Rng,
    now: Timestamp,
    videos: u64,
    viewers: u64,
}

impl Maker {
    fn event(&mut self, viewer: ViewerId, body: Body) -> Event {
        let id = EventId((u128::from(self.rng.next_u64()) << 64) | u128::from(self.rng.next_u64()));
        Event { id, viewer, at: self.now, received: self.now, body }
    }

    fn published(&mut self, video: u64) -> Event {
        let facts = VideoFacts {
            video: VideoId::from_raw(video),
            creator: AccountId::from_raw(1 + self.rng.below(1 + self.videos as usize / 20) as u64),
            sound: None,
            hashtags: vec![format!("kind{}", self.rng.below(40)), format!("tag{}", self.rng.below(5_000))],
            words: (0..6).map(|_| format!("{:x}", self.rng.below(20_000))).collect(),
            duration_ms: 3_000 + self.rng.below(57_000) as u32,
            published_at: self.now,
            content: (0..learner::CONTENT_DIMS).map(|_| self.rng.unit()).collect(),
            duplicate_of: None,
        };
        self.event(ViewerId::default(), Body::VideoPublished(facts))
    }

    fn viewer(number: u64) -> ViewerId {
        // A bijection: pseudonyms are spread over all numbers, and no two are the same.
        ViewerId::from_raw((number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 1)
    }

    /// A clip in view and what became of it.
    fn viewing(&mut self, viewer: ViewerId) -> [Event; 2] {
        let video = VideoId::from_raw(1 + self.rng.below(self.videos as usize) as u64);
        let watch = Watch { video, slate: None, watch_ms: self.rng.below(30_000) as u32, duration_ms: 20_000 };
        [self.event(viewer, Body::Impression { video, slate: None, position: 0 }), self.event(viewer, Body::Watch(watch))]
    }

    fn some_viewing(&mut self) -> [Event; 2] {
        let number = self.rng.below(self.viewers as usize) as u64;
        self.viewing(Self::viewer(number))
    }
}

/// Makes a brain of this size in `folder`, then starts it again; the started one is left to be looked at. `tell` hears what is going on.
pub async fn recovery(
    folder: &Path,
    options: RecoveryOptions,
    tell: impl Fn(&str) + Send + 'static,
) -> Result<(Recovery, Arc<Brain>), BrainError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let log: Arc<dyn EventLog> = Arc::new(LocalLog::open(&folder.join("log"), LocalOptions::default(), clock.clone())?);
    let learner = learner::Config { rows_max: options.rows.saturating_mul(2).max(1_000_000), ..learner::Config::default() };
    let config = BrainConfig { snapshot_every_s: u64::MAX, ..BrainConfig::default() };
    let files = folder.join("brain");
    let parts = BrainParts { config, learner, models: Vec::new(), log, clock, folder: files.clone() };
    let again =
        BrainParts { models: Vec::new(), log: parts.log.clone(), clock: parts.clock.clone(), folder: files.clone(), ..parts };
    let made = tokio::task::spawn_blocking(move || make(parts, options, tell)).await.map_err(|_| BrainError::Stopped)??;

    let mut recovery = made;
    let begin = Instant::now();
    for file in std::fs::read_dir(&files)? {
        std::io::copy(&mut std::fs::File::open(file?.path())?, &mut std::io::sink())?;
    }
    recovery.reading_files_s = begin.elapsed().as_secs_f64();
    let begin = Instant::now();
    let brain = start(again).await?;
    recovery.serving_after_s = begin.elapsed().as_secs_f64();
    recovery.events_after_snapshot = brain.learned_events();
    Ok((recovery, brain))
}

/// Leaves a chain of snapshots and a log that goes on after it.
fn make(parts: BrainParts, options: RecoveryOptions, tell: impl Fn(&str)) -> Result<Recovery, BrainError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let (log, folder, now) = (parts.log.clone(), parts.folder.clone(), parts.clock.now());
    let mut worker = Worker::open(parts, runtime)?;
    let videos = options.videos.max(1) as u64;
    let mut maker = Maker { rng: Rng::from_seed(options.seed).child("recovery"), now, videos, viewers: 1 };
    tell(&format!("making {videos} videos"));
    for video in 1..=videos {
        let published = maker.published(video);
        worker.state.apply(&published);
    }
    let left = options.rows.saturating_sub(worker.state.trainer.totals().rows);
    maker.viewers = (left / 2).max(1);
    tell(&format!("making {} viewers", maker.viewers));
    for number in 0..maker.viewers {
        let viewer = Maker::viewer(number);
        for event in maker.viewing(viewer) {
            worker.state.dedup.first_sighting(event.id);
            worker.state.views.apply(&event);
        }
        learner::bench::make_rows(&mut worker.state.trainer, now.as_millis(), viewer.raw());
    }
    tell("writing snapshots");
    worker.snapshot(true)?;
    let partition = log.partition_of(ViewerId::default());
    let batches = options.events_after_snapshot.div_ceil(BATCH_EVENTS);
    for batch in 0..2 * batches {
        let events: Vec<Event> = (0..BATCH_EVENTS / 2).flat_map(|_| maker.some_viewing()).collect();
        worker.runtime.block_on(log.append(partition, events))?;
        if batch < batches {
            while worker.catch_up()? {}
            if (batch + 1) % batches.div_ceil(CHANGES) == 0 || batch + 1 == batches {
                worker.snapshot(false)?;
            }
        }
    }
    let sizes = std::fs::read_dir(&folder)?.map(|file| Ok(file?.metadata()?.len())).collect::<std::io::Result<Vec<u64>>>()?;
    Ok(Recovery {
        videos: worker.state.views.video_count(),
        viewers: worker.state.views.viewer_count(),
        rows: worker.state.trainer.totals().rows,
        snapshot_files: sizes.len(),
        snapshot_mib: sizes.iter().sum::<u64>() as f64 / f64::from(1 << 20),
        events_after_snapshot: 0,
        serving_after_s: 0.0,
        reading_files_s: 0.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_made_is_there_again() {
        let folder = tempfile::tempdir().unwrap();
        let options = RecoveryOptions { rows: 5_000, videos: 200, events_after_snapshot: 2_000, seed: 1 };
        let (recovery, brain) = recovery(folder.path(), options, |_| {}).await.unwrap();
        assert_eq!((recovery.videos, recovery.events_after_snapshot), (200, 2_000));
        assert_eq!((brain.views.video_count(), brain.views.viewer_count()), (recovery.videos, recovery.viewers));
        assert!(recovery.rows >= options.rows, "{recovery:?}");
        assert!(recovery.snapshot_files > 1, "a chain: {recovery:?}");
        brain.close().await.unwrap();
    }
}
