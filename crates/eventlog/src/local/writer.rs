//! The one thread that appends: it takes everything that waits, writes it in one go per partition, makes it durable, and only
//! then answers.

use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use base::Clock;

use super::Retention;
use super::files::{Active, Files};
use super::frame::{FRAME_HEAD_BYTES, VERSION, finish_frame};
use super::queue::{Answer, Append, Job, Queue};
use super::segment::Segment;
use crate::{Error, Offset, Result};

/// How many bytes are gathered for one write: what comes in while it runs waits for the next.
const GROUP_BYTES: usize = 16 << 20;

pub(super) struct Writer {
    pub queue: Arc<Queue>,
    pub lanes: Vec<Lane>,
    pub segment_bytes: u64,
    pub retention: Retention,
    pub clock: Arc<dyn Clock>,
}

/// A partition as its writer sees it.
pub(super) struct Lane {
    pub files: Arc<Files>,
    pub active: Active,
    group: Group,
    /// After a sync failed nobody knows what is on disk: nothing more is written until the log is opened again.
    failed: bool,
}

/// Frames to be written together.
#[derive(Default)]
struct Group {
    bytes: Vec<u8>,
    /// The first offsets of frames and where they begin in `bytes`.
    frames: Vec<(u64, usize)>,
    answers: Vec<(Range<Offset>, Answer<Range<Offset>>)>,
}

impl Lane {
    pub fn new(files: Arc<Files>, active: Active) -> Self {
        Self { files, active, group: Group::default(), failed: false }
    }
}

impl Writer {
    /// Works until [`Job::Close`].
    pub fn run(mut self) {
        // However the thread ends, nobody waits for it in vain.
        struct End(Arc<Queue>, Vec<Arc<Files>>);
        impl Drop for End {
            fn drop(&mut self) {
                self.0.abandon();
                self.1.iter().for_each(|files| files.end.send_modify(|end| end.closed = true));
            }
        }
        let _end = End(Arc::clone(&self.queue), self.lanes.iter().map(|lane| Arc::clone(&lane.files)).collect());
        loop {
            for job in self.queue.take_all() {
                match job {
                    Job::Append(append) => self.gather(append),
                    Job::Roll { partition, answer } => {
                        self.flush_all();
                        let rolled = self.roll(partition);
                        let _ = answer.send(rolled);
                    }
                    Job::Sync { answer } => {
                        self.flush_all();
                        let failed = self.lanes.iter().any(|lane| lane.failed);
                        let _ = answer.send(if failed { Err(Error::Closed) } else { Ok(()) });
                    }
                    Job::Close => {
                        self.flush_all();
                        self.lanes.iter_mut().for_each(Lane::mark_end);
                        return;
                    }
                }
            }
            self.flush_all();
        }
    }

    fn gather(&mut self, append: Append) {
        let Append { partition, mut frame, events, answer } = append;
        let Some(lane) = self.lanes.get_mut(partition) else { return };
        if lane.failed {
            let _ = answer.send(Err(Error::Closed));
            return;
        }
        let filled = lane.durable_bytes() + (lane.group.bytes.len() + frame.len()) as u64;
        if filled > self.segment_bytes && lane.has_frames() {
            lane.flush();
            if let Err(err) = self.roll(partition) {
                let _ = answer.send(Err(err));
                return;
            }
        }
        let Some(lane) = self.lanes.get_mut(partition) else { return };
        let first = lane.active.next;
        finish_frame(VERSION, &mut frame, events, u32::from(events), first, lane.durable_bytes() as u32);
        let group = &mut lane.group;
        group.frames.push((first, group.bytes.len()));
        group.bytes.extend_from_slice(&frame);
        lane.active.next += u64::from(events);
        group.answers.push((Offset(first)..Offset(lane.active.next), answer));
        if group.bytes.len() >= GROUP_BYTES {
            lane.flush();
        }
    }

    fn flush_all(&mut self) {
        self.lanes.iter_mut().for_each(Lane::flush);
    }

    /// Seals the segment of a partition and begins the next; nothing to do for an empty one. The group has been written.
    fn roll(&mut self, partition: usize) -> Result<()> {
        let now = self.clock.now();
        let Some(lane) = self.lanes.get_mut(partition) else { return Ok(()) };
        if lane.failed {
            return Err(Error::Closed);
        }
        if !lane.has_frames() {
            return Ok(());
        }
        let (segment, file) = Segment::create(&lane.files.folder, lane.files.partition, lane.active.next)?;
        let segment = Arc::new(segment);
        lane.files.add(Arc::clone(&segment));
        lane.active.segment.shape.write().sealed = true;
        lane.active = Active { segment, file, next: lane.active.next };
        // Whoever rewrites segments at this moment is not disturbed: the next roll trims too.
        if let Some(_alone) = lane.files.maintenance.try_lock()
            && let Err(err) = lane.files.trim(&self.retention, now)
        {
            tracing::warn!(partition, error = %err, "old segments of the event log could not be removed");
        }
        Ok(())
    }
}

impl Lane {
    fn durable_bytes(&self) -> u64 {
        self.active.segment.shape.read().bytes
    }

    /// Whether the segment holds or is about to hold anything.
    fn has_frames(&self) -> bool {
        self.active.next > self.active.segment.base
    }

    /// Writes the group, makes it durable, shows it to readers and answers.
    fn flush(&mut self) {
        if self.group.bytes.is_empty() {
            return;
        }
        let group = std::mem::take(&mut self.group);
        let written = self.write(&group.bytes);
        match written {
            Ok(start) => {
                let mut shape = self.active.segment.shape.write();
                shape.bytes = start + group.bytes.len() as u64;
                if let Some(index) = &mut shape.index {
                    group.frames.iter().for_each(|(first, position)| index.note(*first, start + *position as u64));
                }
                drop(shape);
                let next = Offset(self.active.next);
                self.files.end.send_modify(|end| end.next = next);
                for (range, answer) in group.answers {
                    let _ = answer.send(Ok(range));
                }
            }
            Err((doing, kind)) => {
                tracing::error!(partition = self.files.partition, doing, error = %kind, "the event log could not be written");
                self.active.next = group.frames.first().map_or(self.active.next, |(first, _)| *first);
                for (_, answer) in group.answers {
                    let _ = answer.send(Err(Error::io(doing)(kind.into())));
                }
            }
        }
        // The buffer is used again unless a large group made it large.
        self.group.bytes = group.bytes;
        self.group.bytes.clear();
        self.group.bytes.shrink_to(GROUP_BYTES / 8);
    }

    /// Writes at the durable end; returns where. After a failure the file ends where it did, or the lane has failed for good.
    pub(super) fn write(&mut self, bytes: &[u8]) -> std::result::Result<u64, (&'static str, std::io::ErrorKind)> {
        let start = self.durable_bytes();
        if let Err(err) = self.active.file.write_all_at(bytes, start) {
            self.failed = self.active.file.set_len(start).is_err();
            return Err(("appending to a segment", err.kind()));
        }
        // After a failed sync the kernel may have dropped the pages and call the next sync a success: believe nothing.
        self.active.file.sync_data().map_err(|err| {
            self.failed = true;
            ("syncing a segment", err.kind())
        })?;
        Ok(start)
    }

    /// An empty frame that says "all before this was durable": it turns later damage to the last group into an error where it
    /// would else pass for a torn tail.
    fn mark_end(&mut self) {
        if self.failed || !self.has_frames() {
            return;
        }
        let start = self.durable_bytes();
        let mut frame = vec![0; FRAME_HEAD_BYTES];
        finish_frame(VERSION, &mut frame, 0, 0, self.active.next, start as u32);
        if let Ok(start) = self.write(&frame) {
            self.active.segment.shape.write().bytes = start + frame.len() as u64;
        }
    }
}
