//! The embedded default: partitions as folders of segment files, one writer thread, group commit.
//!
//! ```text
//! DIR/lock  DIR/form  DIR/p0000/00000000000000000000.segment  DIR/p0000/00000000000000417344.segment ...
//! ```
//! Folders are 0700, files 0600. A loss of power leaves at most a torn tail in the last segment, which was never acknowledged
//! and is cut off at the next opening.

mod cursor;
mod erase;
mod files;
mod folder;
mod frame;
mod queue;
mod reader;
mod segment;
#[cfg(test)]
mod tests;
mod writer;

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use base::{Clock, ViewerId};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use self::cursor::Cursor;
use self::files::Files;
use self::queue::{Append, Job, Queue};
pub use self::reader::LogReader;
use self::writer::{Lane, Writer};
use crate::log::End;
use crate::{Error, Event, EventLog, Offset, Page, Partition, Result};

/// How a [`LocalLog`] is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalOptions {
    /// 1 to 1,024. One, the default, gives the whole log one order, so that every view of it can be replayed to the same bits.
    /// Fixed when the folder is made.
    pub partitions: u16,
    /// A segment is closed when the next append would take it beyond this; 4 KiB to 1 GiB.
    pub segment_bytes: u64,
    /// The most appends that wait for the writer before [`Error::Busy`], at least 1.
    pub queue_appends_max: usize,
    /// The most bytes that wait for the writer before [`Error::Busy`].
    pub queue_bytes_max: usize,
    pub retention: Retention,
}

impl Default for LocalOptions {
    fn default() -> Self {
        Self {
            partitions: 1,
            segment_bytes: 64 << 20,
            queue_appends_max: 4_096,
            queue_bytes_max: 64 << 20,
            retention: Retention::default(),
        }
    }
}

/// Which old segments are removed, checked when a segment is closed and by [`LocalLog::trim`]. By default none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// The most bytes that a partition keeps, by whole segments.
    pub bytes_max: Option<u64>,
    /// Segments all of whose events were taken in longer ago are removed.
    pub age_ms_max: Option<i64>,
}

/// What opening found and mended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Segments in all partitions.
    pub segments: usize,
    /// Partitions that ended in a write cut short: normal after a loss of power, never acknowledged, cut off.
    pub torn_tails: usize,
    /// The bytes cut off.
    pub torn_bytes: u64,
}

/// A log in local files.
pub struct LocalLog {
    partitions: Vec<Arc<Files>>,
    queue: Arc<Queue>,
    writer: Mutex<Option<JoinHandle<()>>>,
    retention: Retention,
    clock: Arc<dyn Clock>,
    recovered: Recovered,
    /// Held until the log is dropped.
    _lock: File,
}

impl LocalLog {
    /// Opens the log in `folder`, making it if there is none. Blocks on the disk: the last segment of each partition is read.
    ///
    /// Fails with [`Error::Locked`] when it is open elsewhere, [`Error::PartitionsDiffer`], [`Error::Corrupt`] when what was
    /// acknowledged is damaged in a last segment (older ones are checked when they are read, or by [`LocalLog::verify`]),
    /// [`Error::Option`] and [`Error::Io`]. `clock` is asked for the age of segments alone.
    pub fn open(folder: &Path, options: LocalOptions, clock: Arc<dyn Clock>) -> Result<Self> {
        check_options(&options)?;
        folder::make_folder(folder)?;
        let lock = folder::lock_folder(folder)?;
        folder::check_form(folder, options.partitions)?;
        let mut recovered = Recovered::default();
        let mut partitions = Vec::new();
        let mut lanes = Vec::new();
        for partition in 0..options.partitions {
            let (files, active, mended) = Files::open(folder.join(format!("p{partition:04}")), partition)?;
            recovered.segments += mended.segments;
            recovered.torn_tails += mended.torn_tails;
            recovered.torn_bytes += mended.torn_bytes;
            partitions.push(Arc::clone(&files));
            lanes.push(Lane::new(files, active));
        }
        folder::sync_folder(folder)?;
        if recovered.torn_bytes > 0 {
            tracing::warn!(torn_bytes = recovered.torn_bytes, "cut an unacknowledged tail off the event log");
        }
        let queue = Arc::new(Queue::new(options.queue_appends_max, options.queue_bytes_max));
        let writer = Writer {
            queue: Arc::clone(&queue),
            lanes,
            segment_bytes: options.segment_bytes,
            retention: options.retention.clone(),
            clock: Arc::clone(&clock),
        };
        let thread = std::thread::Builder::new()
            .name("eventlog".to_owned())
            .spawn(move || writer.run())
            .map_err(Error::io("starting the log's writer"))?;
        let writer = Mutex::new(Some(thread));
        Ok(Self { partitions, queue, writer, retention: options.retention, clock, recovered, _lock: lock })
    }

    /// What opening found and mended.
    pub fn recovered(&self) -> Recovered {
        self.recovered
    }

    /// Reads every segment and checks every frame; returns the number of events. For the doctor and for tests. Blocks.
    pub fn verify(&self) -> Result<u64> {
        let mut events = 0;
        for files in &self.partitions {
            let mut expected = files.first();
            for segment in files.segments() {
                if segment.base != expected {
                    return Err(segment.corrupt(0, "the segment before it is missing or cut short"));
                }
                let mut frames = segment.frames()?;
                while let Some(count) = frames.next(|head, payload, _| {
                    frame::decode_events(&head, payload, 0, &mut Vec::new()).map(|()| u64::from(head.events))
                })? {
                    events += count.map_err(|what| segment.corrupt(frames.position(), what))?;
                }
                expected = frames.expected;
            }
        }
        Ok(events)
    }

    /// The bytes of all segments.
    pub fn stored_bytes(&self) -> u64 {
        let of = |files: &Arc<Files>| files.segments().iter().map(|segment| segment.shape.read().bytes).sum::<u64>();
        self.partitions.iter().map(of).sum()
    }

    fn partition(&self, partition: Partition) -> Result<&Arc<Files>> {
        self.partitions.get(usize::from(partition.0)).ok_or(Error::NoPartition(partition))
    }

    fn end_writer(&self) {
        // Refused when it has ended already.
        let _ = self.queue.push(Job::Close);
        if let Some(thread) = self.writer.lock().take() {
            // A panic there has been reported by its thread; the queue is closed either way.
            let _ = thread.join();
        }
    }
}

impl Drop for LocalLog {
    fn drop(&mut self) {
        self.end_writer();
    }
}

#[async_trait]
impl EventLog for LocalLog {
    fn partitions(&self) -> u16 {
        self.partitions.len() as u16
    }

    async fn append(&self, partition: Partition, events: Vec<Event>) -> Result<Range<Offset>> {
        let files = self.partition(partition)?;
        if events.is_empty() {
            let next = files.end.borrow().open()?;
            return Ok(next..next);
        }
        let frame = frame::encode_events(&events)?;
        let (answer, answered) = oneshot::channel();
        let partition = usize::from(partition.0);
        self.queue.push_append(Append { partition, frame, events: events.len() as u16, answer })?;
        answered.await.map_err(|_| Error::Closed)?
    }

    async fn read(&self, partition: Partition, from: Offset, events_max: usize) -> Result<Page> {
        let files = Arc::clone(self.partition(partition)?);
        if from >= files.end.borrow().next {
            return Ok(Page { events: Vec::new(), next: from });
        }
        blocking(move || {
            let mut cursor = match files.take_cursor(from) {
                Some(cursor) => cursor,
                None => Cursor::at(Arc::clone(&files), from),
            };
            let page = cursor.read(events_max)?;
            if !cursor.is_stale() {
                files.put_cursor(cursor);
            }
            Ok(page)
        })
        .await
    }

    async fn wait_for(&self, partition: Partition, offset: Offset, timeout: Duration) -> Result<Offset> {
        End::wait_beyond(self.partition(partition)?.end.subscribe(), offset, timeout).await
    }

    fn first_offset(&self, partition: Partition) -> Result<Offset> {
        Ok(Offset(self.partition(partition)?.first()))
    }

    fn next_offset(&self, partition: Partition) -> Result<Offset> {
        Ok(self.partition(partition)?.end.borrow().next)
    }

    async fn erase(&self, viewer: ViewerId) -> Result<u64> {
        let partition = self.partition_of(viewer);
        let files = Arc::clone(self.partition(partition)?);
        files.end.borrow().open()?;
        let queue = Arc::clone(&self.queue);
        blocking(move || {
            let _alone = files.maintenance.lock();
            let mut erased = 0;
            // What is appended from now on is not looked at.
            for segment in files.segments() {
                if !erase::holds(&segment, viewer)? {
                    continue;
                }
                if !segment.shape.read().sealed {
                    let (answer, answered) = oneshot::channel();
                    queue.push(Job::Roll { partition: usize::from(partition.0), answer })?;
                    answered.blocking_recv().map_err(|_| Error::Closed)??;
                }
                erased += erase::rewrite_without(&files, &segment, viewer)?;
            }
            Ok(erased)
        })
        .await
    }

    async fn trim(&self) -> Result<usize> {
        let (partitions, retention, now) = (self.partitions.clone(), self.retention.clone(), self.clock.now());
        blocking(move || {
            partitions.iter().try_fold(0, |removed, files| {
                let _alone = files.maintenance.lock();
                Ok(removed + files.trim(&retention, now)?)
            })
        })
        .await
    }

    async fn sync(&self) -> Result<()> {
        let (answer, answered) = oneshot::channel();
        self.queue.push(Job::Sync { answer })?;
        answered.await.map_err(|_| Error::Closed)?
    }

    async fn close(&self) -> Result<()> {
        // Refused when it was closed before: then there is nothing left to do but to wait.
        let _ = self.queue.push(Job::Close);
        let thread = self.writer.lock().take();
        match thread {
            Some(thread) => blocking(move || thread.join().map_err(|_| Error::Closed)).await,
            None => Ok(()),
        }
    }
}

/// Runs what waits for the disk beside the runtime's own threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // The runtime is ending, or the work broke an invariant and said so.
        Err(_) => Err(Error::Closed),
    }
}

fn check_options(options: &LocalOptions) -> Result<()> {
    let checks = [
        ("partitions", (1..=1_024).contains(&options.partitions), "must be 1 to 1,024"),
        ("segment_bytes", (4 << 10..=1 << 30).contains(&options.segment_bytes), "must be 4 KiB to 1 GiB"),
        ("queue_appends_max", options.queue_appends_max > 0, "must be at least 1"),
        ("retention.age_ms_max", options.retention.age_ms_max.is_none_or(|age_ms| age_ms > 0), "must be positive"),
    ];
    match checks.into_iter().find(|(_, holds, _)| !holds) {
        Some((name, _, what)) => Err(Error::Option { name, what }),
        None => Ok(()),
    }
}
