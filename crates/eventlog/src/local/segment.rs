//! Segments: the files of a partition, each named by the first offset that it covers.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use parking_lot::RwLock;

use super::folder::{UNFINISHED, create_file, sync_folder};
use super::frame::{FRAME_HEAD_BYTES, FrameHead, Framed, VERSIONS, read_frame};
use crate::{Error, Result};

const MAGIC: &[u8; 8] = b"WSEVLOG1";
/// Magic word with the version | first offset u64 | partition u16 | zero u16 | checksum u32 of what stands before.
pub(super) const SEGMENT_HEAD_BYTES: usize = 24;
/// The index has an entry for about every so many bytes.
const INDEX_STEP_BYTES: u64 = 64 << 10;
const READ_BYTES: usize = 1 << 20;

/// A file of the log. Only the writer appends to it, only erasing replaces it.
pub(super) struct Segment {
    /// The first offset that it covers.
    pub base: u64,
    pub partition: u16,
    pub path: PathBuf,
    pub shape: RwLock<Shape>,
}

/// What changes about a segment.
pub(super) struct Shape {
    /// Raised when the file was replaced by one with other positions.
    pub generation: u64,
    /// The durable bytes: readers go no further.
    pub bytes: u64,
    /// Nothing more is appended: the next segment follows.
    pub sealed: bool,
    /// Made as frames are written, or when an old segment is first read.
    pub index: Option<SparseIndex>,
}

/// Offsets and the positions of their frames, some of them, in order.
#[derive(Default)]
pub(super) struct SparseIndex(Vec<(u64, u64)>);

impl SparseIndex {
    /// Notes a frame; most are let go.
    pub fn note(&mut self, first: u64, position: u64) {
        if self.0.last().is_none_or(|(_, last)| position >= last + INDEX_STEP_BYTES) {
            self.0.push((first, position));
        }
    }

    /// Where to begin looking for an offset: the first offset of a frame and its position. `None` for the segment's start.
    pub fn before(&self, offset: u64) -> Option<(u64, u64)> {
        let after = self.0.partition_point(|(first, _)| *first <= offset);
        after.checked_sub(1).and_then(|i| self.0.get(i)).copied()
    }
}

pub(super) fn segment_path(folder: &Path, base: u64) -> PathBuf {
    folder.join(format!("{base:020}.segment"))
}

/// The first offset in a segment's name.
pub(super) fn base_of(path: &Path) -> Option<u64> {
    if path.extension()? != "segment" {
        return None;
    }
    path.file_stem()?.to_str().filter(|stem| stem.len() == 20)?.parse().ok()
}

impl Segment {
    /// Makes an empty one that survives a loss of power, and its file to append to.
    pub fn create(folder: &Path, partition: u16, base: u64) -> Result<(Self, File)> {
        let path = segment_path(folder, base);
        let unfinished = path.with_extension(UNFINISHED);
        let mut file = create_file(&unfinished)?;
        file.write_all(&segment_head(partition, base))
            .and_then(|()| file.sync_all())
            .and_then(|()| std::fs::rename(&unfinished, &path))
            .map_err(Error::io("making a segment"))?;
        sync_folder(folder)?;
        let shape =
            Shape { generation: 0, bytes: SEGMENT_HEAD_BYTES as u64, sealed: false, index: Some(SparseIndex::default()) };
        Ok((Self { base, partition, path, shape: RwLock::new(shape) }, file))
    }

    /// One that lies in the folder already, its end not yet looked at.
    pub fn found(path: PathBuf, partition: u16, base: u64, bytes: u64) -> Self {
        Self { base, partition, path, shape: RwLock::new(Shape { generation: 0, bytes, sealed: true, index: None }) }
    }

    pub fn corrupt(&self, position: u64, what: &'static str) -> Error {
        Error::Corrupt { segment: self.path.clone(), position, what }
    }

    /// Opens the file as it is now, after a look at its head, to read from a frame at or before `offset`.
    pub fn open(&self, offset: u64) -> Result<Opened> {
        // Held to the end: the file, its index and its length belong together.
        let shape = self.shape.read();
        let mut file = File::open(&self.path).map_err(Error::io("opening a segment"))?;
        let mut head = [0; SEGMENT_HEAD_BYTES];
        file.read_exact(&mut head).map_err(|_| self.corrupt(0, "shorter than its head"))?;
        if head != segment_head(self.partition, self.base) {
            return Err(self.corrupt(0, "the head is not that of this segment"));
        }
        let before = shape.index.as_ref().and_then(|index| index.before(offset));
        let (expected, position) = before.unwrap_or((self.base, SEGMENT_HEAD_BYTES as u64));
        Ok(Opened { file: FrameFile::new(file, position, shape.bytes), generation: shape.generation, expected })
    }

    /// Notes where frames lie, if nobody did yet: an old segment is read through once, when it is first asked for its middle.
    pub fn make_index(&self) -> Result<()> {
        if self.shape.read().index.is_some() {
            return Ok(());
        }
        let mut index = SparseIndex::default();
        let mut frames = self.frames()?;
        while frames.next(|head, _, position| index.note(head.first, position))?.is_some() {}
        let mut shape = self.shape.write();
        // Replaced meanwhile: whoever replaced it made an index.
        shape.index.get_or_insert(index);
        Ok(())
    }

    /// Frame by frame from the start, up to the durable end.
    pub fn frames(&self) -> Result<Frames<'_>> {
        let opened = self.open(self.base)?;
        Ok(Frames { segment: self, file: opened.file, expected: opened.expected })
    }
}

/// A segment's file, standing at a frame.
pub(super) struct Opened {
    pub file: FrameFile,
    pub generation: u64,
    /// The first offset of that frame.
    pub expected: u64,
}

pub(super) fn segment_head(partition: u16, base: u64) -> [u8; SEGMENT_HEAD_BYTES] {
    let mut head = [0; SEGMENT_HEAD_BYTES];
    head[..8].copy_from_slice(MAGIC);
    head[8..16].copy_from_slice(&base.to_le_bytes());
    head[16..18].copy_from_slice(&partition.to_le_bytes());
    let checksum = crc32c::crc32c(&head[..20]);
    head[20..].copy_from_slice(&checksum.to_le_bytes());
    head
}

/// A file read forwards by frames, through a buffer.
pub(super) struct FrameFile {
    file: File,
    /// The position of the next frame in the file.
    pub position: u64,
    /// How far the file may be read.
    pub end: u64,
    buffer: Vec<u8>,
    /// The part of the buffer that is not yet used.
    from: usize,
}

/// Why a frame could not be read.
pub(super) enum FrameFault {
    /// The bytes at this place are no frame, or not the one that must follow.
    Bad(&'static str),
    Io(Error),
}

impl FrameFile {
    pub fn new(file: File, position: u64, end: u64) -> Self {
        Self { file, position, end, buffer: Vec::new(), from: 0 }
    }

    /// Passes the next frame to `take`; `None` at the end.
    pub fn next<T>(&mut self, take: impl FnOnce(FrameHead, &[u8]) -> T) -> std::result::Result<Option<T>, FrameFault> {
        if self.position >= self.end {
            return Ok(None);
        }
        loop {
            match read_frame(&self.buffer[self.from..]) {
                Framed::Whole(head, payload) => {
                    let taken = take(head, payload);
                    self.from += head.bytes() as usize;
                    self.position += head.bytes();
                    return Ok(Some(taken));
                }
                Framed::Bad(what) => return Err(FrameFault::Bad(what)),
                Framed::Short(needed) => {
                    if self.position + needed as u64 > self.end {
                        return Err(FrameFault::Bad("a frame is cut short"));
                    }
                    self.fill(needed).map_err(FrameFault::Io)?;
                }
            }
        }
    }

    /// Reads on until the buffer holds `needed` unused bytes.
    fn fill(&mut self, needed: usize) -> Result<()> {
        self.buffer.drain(..self.from);
        self.from = 0;
        let held = self.buffer.len();
        let left = (self.end - self.position) as usize - held;
        let wanted = left.min((needed - held).max(READ_BYTES));
        self.buffer.resize(held + wanted, 0);
        let read = self
            .file
            .seek(SeekFrom::Start(self.position + held as u64))
            .and_then(|_| self.file.read_exact(&mut self.buffer[held..]));
        if read.is_err() {
            self.buffer.truncate(held);
        }
        read.map_err(Error::io("reading a segment"))
    }
}

/// The frames of a segment in order, each held against the offset that must come.
pub(super) struct Frames<'s> {
    segment: &'s Segment,
    file: FrameFile,
    /// The offset that the next frame must begin with.
    pub expected: u64,
}

impl Frames<'_> {
    /// Passes the next frame and its position to `take`; `None` at the durable end. Fails with [`Error::Corrupt`].
    pub fn next<T>(&mut self, take: impl FnOnce(FrameHead, &[u8], u64) -> T) -> Result<Option<T>> {
        let (position, expected) = (self.file.position, self.expected);
        let next =
            self.file.next(|head, payload| (head.first == expected).then(|| (head.end(), take(head, payload, position))));
        match next {
            Ok(None) => Ok(None),
            Ok(Some(Some((end, taken)))) => {
                self.expected = end;
                Ok(Some(taken))
            }
            Ok(Some(None)) => Err(self.segment.corrupt(position, "a frame is missing: the offsets leap")),
            Err(FrameFault::Bad(what)) => Err(self.segment.corrupt(position, what)),
            Err(FrameFault::Io(err)) => Err(err),
        }
    }

    pub fn position(&self) -> u64 {
        self.file.position
    }
}

/// Where the whole frames of the last segment end, and what comes after.
pub(super) struct Tail {
    /// The bytes of whole frames, with the segment's head.
    pub bytes: u64,
    /// The next offset.
    pub next: u64,
    pub index: SparseIndex,
}

/// Finds the end of the last segment. What does not read as a frame there was never acknowledged and is not counted, unless a
/// later frame proves that it was: then fails with [`Error::Corrupt`].
pub(super) fn find_tail(segment: &Segment) -> Result<Tail> {
    let mut frames = segment.frames()?;
    let mut index = SparseIndex::default();
    loop {
        match frames.next(|head, _, position| index.note(head.first, position)) {
            Ok(Some(())) => {}
            Ok(None) => break,
            Err(Error::Corrupt { position, what, .. }) => {
                if acknowledged_after(segment, position, frames.expected)? {
                    return Err(segment.corrupt(position, what));
                }
                break;
            }
            Err(err) => return Err(err),
        }
    }
    Ok(Tail { bytes: frames.position(), next: frames.expected, index })
}

/// Whether a whole frame beyond the bad one at `position` says that the bytes at `position` had been durable before it.
fn acknowledged_after(segment: &Segment, position: u64, expected: u64) -> Result<bool> {
    let mut rest = Vec::new();
    File::open(&segment.path)
        .and_then(|mut file| file.seek(SeekFrom::Start(position)).map(|_| file))
        .and_then(|mut file| file.read_to_end(&mut rest))
        .map_err(Error::io("reading a segment"))?;
    for start in 1..rest.len().saturating_sub(FRAME_HEAD_BYTES - 1) {
        // The cheap look first: a checksum over every start would take long.
        if !VERSIONS.contains(&rest[start + 8]) || rest[start + 9] != 0 {
            continue;
        }
        if let Framed::Whole(head, _) = read_frame(&rest[start..])
            && head.first >= expected
            && u64::from(head.acknowledged) > position
        {
            return Ok(true);
        }
    }
    Ok(false)
}
