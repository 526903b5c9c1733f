//! A partition's folder of segments, shared by its writer and its readers.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::Timestamp;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use super::cursor::Cursor;
use super::folder::{UNFINISHED, make_folder, sync_folder};
use super::segment::{SEGMENT_HEAD_BYTES, Segment, base_of, find_tail};
use super::{Recovered, Retention};
use crate::log::End;
use crate::{Error, Offset, Result};

/// How many readers' places are kept between reads.
const CURSORS_MAX: usize = 4;

pub(super) struct Files {
    pub folder: PathBuf,
    pub partition: u16,
    /// In order of their offsets, the last one being appended to. Never empty.
    segments: RwLock<Vec<Arc<Segment>>>,
    pub end: watch::Sender<End>,
    /// Held by whoever rewrites or removes segments.
    pub maintenance: Mutex<()>,
    /// Readers that may go on where they were.
    cursors: Mutex<Vec<Cursor>>,
}

/// The segment that is appended to.
pub(super) struct Active {
    pub segment: Arc<Segment>,
    pub file: File,
    pub next: u64,
}

impl Files {
    /// Opens the folder, making it if there is none, and cuts off what was never acknowledged.
    pub fn open(folder: PathBuf, partition: u16) -> Result<(Arc<Self>, Active, Recovered)> {
        make_folder(&folder)?;
        let mut found = list_segments(&folder)?;
        let mut recovered = Recovered::default();
        let (segment, file, next) = match found.pop() {
            None => {
                let (segment, file) = Segment::create(&folder, partition, 0)?;
                (segment, file, 0)
            }
            Some((base, _, bytes)) if bytes < SEGMENT_HEAD_BYTES as u64 => {
                recovered.torn_bytes = bytes;
                let (segment, file) = Segment::create(&folder, partition, base)?;
                (segment, file, base)
            }
            Some((base, path, bytes)) => {
                let segment = Segment::found(path, partition, base, bytes);
                let (file, next, torn_bytes) = open_last(&segment, bytes)?;
                recovered.torn_bytes = torn_bytes;
                (segment, file, next)
            }
        };
        sync_folder(&folder)?;
        recovered.segments = found.len() + 1;
        recovered.torn_tails = usize::from(recovered.torn_bytes > 0);
        let segment = Arc::new(segment);
        let mut segments: Vec<_> =
            found.into_iter().map(|(base, path, bytes)| Arc::new(Segment::found(path, partition, base, bytes))).collect();
        segments.push(Arc::clone(&segment));
        let files = Self {
            folder,
            partition,
            segments: RwLock::new(segments),
            end: watch::Sender::new(End { next: Offset(next), closed: false }),
            maintenance: Mutex::new(()),
            cursors: Mutex::default(),
        };
        Ok((Arc::new(files), Active { segment, file, next }, recovered))
    }

    pub fn segments(&self) -> Vec<Arc<Segment>> {
        self.segments.read().clone()
    }

    /// The segment that covers an offset. Fails with [`Error::Gone`] before the first.
    pub fn segment_of(&self, offset: u64) -> Result<Arc<Segment>> {
        let segments = self.segments.read();
        let after = segments.partition_point(|segment| segment.base <= offset);
        match after.checked_sub(1).and_then(|i| segments.get(i)) {
            Some(segment) => Ok(Arc::clone(segment)),
            None => {
                let first = segments.first().map_or(0, |segment| segment.base);
                Err(Error::Gone { asked: Offset(offset), first: Offset(first) })
            }
        }
    }

    /// The segment after the one with this base.
    pub fn segment_after(&self, base: u64) -> Option<Arc<Segment>> {
        let segments = self.segments.read();
        segments.get(segments.partition_point(|segment| segment.base <= base)).cloned()
    }

    pub fn first(&self) -> u64 {
        self.segments.read().first().map_or(0, |segment| segment.base)
    }

    pub fn add(&self, segment: Arc<Segment>) {
        self.segments.write().push(segment);
    }

    /// A reader that stands at the offset, if one was put back.
    pub fn take_cursor(&self, offset: Offset) -> Option<Cursor> {
        let mut cursors = self.cursors.lock();
        let at = cursors.iter().position(|cursor| cursor.next() == offset)?;
        Some(cursors.remove(at))
    }

    /// Keeps a reader for the next read; the one unused for longest goes.
    pub fn put_cursor(&self, cursor: Cursor) {
        let mut cursors = self.cursors.lock();
        if cursors.len() >= CURSORS_MAX {
            cursors.remove(0);
        }
        cursors.push(cursor);
    }

    /// Lets go of files that readers hold open: those of replaced or removed segments would keep their bytes on disk.
    pub fn drop_cursors(&self) {
        self.cursors.lock().clear();
    }

    /// Removes the oldest segments that the rule no longer keeps; returns how many. The last one always stays. The caller
    /// holds `maintenance`.
    pub fn trim(&self, retention: &Retention, now: Timestamp) -> Result<usize> {
        let mut removed = 0;
        loop {
            let segments = self.segments();
            let [oldest, second, ..] = segments.as_slice() else { break };
            let bytes: u64 = segments.iter().map(|segment| segment.shape.read().bytes).sum();
            let over = retention.bytes_max.is_some_and(|bytes_max| bytes > bytes_max);
            // All of a segment was taken in before the first event of the next one.
            let old = match retention.age_ms_max {
                Some(age_ms_max) if !over => {
                    first_received(second)?.is_some_and(|received| now.millis_since(received) > age_ms_max)
                }
                _ => false,
            };
            if !over && !old {
                break;
            }
            self.segments.write().retain(|segment| segment.base != oldest.base);
            std::fs::remove_file(&oldest.path).map_err(Error::io("removing a segment"))?;
            removed += 1;
        }
        if removed > 0 {
            self.drop_cursors();
            sync_folder(&self.folder)?;
        }
        Ok(removed)
    }
}

/// When the first event that a segment holds was taken in.
fn first_received(segment: &Segment) -> Result<Option<Timestamp>> {
    let mut frames = segment.frames()?;
    let mut events = Vec::new();
    while events.is_empty() {
        let decoded = frames.next(|head, payload, _| super::frame::decode_events(&head, payload, 0, &mut events))?;
        match decoded {
            None => break,
            Some(Err(what)) => return Err(segment.corrupt(frames.position(), what)),
            Some(Ok(())) => {}
        }
    }
    Ok(events.first().map(|(_, event)| event.received))
}

/// The segments in a folder by base, with their paths and bytes; files left unfinished are removed.
fn list_segments(folder: &Path) -> Result<Vec<(u64, PathBuf, u64)>> {
    let reading = Error::io("reading the log's folder");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(&reading)? {
        let entry = entry.map_err(&reading)?;
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == UNFINISHED) {
            std::fs::remove_file(&path).map_err(Error::io("removing an unfinished file"))?;
        } else if let Some(base) = base_of(&path) {
            found.push((base, path, entry.metadata().map_err(&reading)?.len()));
        }
    }
    found.sort_unstable_by_key(|(base, ..)| *base);
    Ok(found)
}

/// Opens the last segment to append to: its file, the next offset, and how many torn bytes were cut off.
fn open_last(segment: &Segment, bytes: u64) -> Result<(File, u64, u64)> {
    let tail = find_tail(segment)?;
    let file =
        OpenOptions::new().read(true).write(true).open(&segment.path).map_err(Error::io("opening a segment to append to"))?;
    if tail.bytes < bytes {
        file.set_len(tail.bytes).map_err(Error::io("cutting off a torn tail"))?;
    }
    // After the death of the process alone its last writes may still be on their way to the disk.
    file.sync_all().map_err(Error::io("syncing a segment"))?;
    let mut shape = segment.shape.write();
    shape.bytes = tail.bytes;
    shape.sealed = false;
    shape.index = Some(tail.index);
    Ok((file, tail.next, bytes - tail.bytes))
}
