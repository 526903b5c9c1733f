//! Forgetting a viewer: the segments that hold their events are written anew without them.

use std::io::Write;

use base::ViewerId;

use super::files::Files;
use super::folder::{UNFINISHED, create_file, sync_folder};
use super::frame::{Entries, FRAME_HEAD_BYTES, FrameHead, VERSION, decode_event, finish_frame, peek_viewer, push_entry};
use super::segment::{Segment, SparseIndex, segment_head};
use crate::{Body, Error, Result};

/// How many bytes are gathered for one write.
const WRITE_BYTES: usize = 1 << 20;

/// Whether the durable part of a segment holds an event of the viewer that is to go.
pub(super) fn holds(segment: &Segment, viewer: ViewerId) -> Result<bool> {
    let mut frames = segment.frames()?;
    loop {
        let found = frames.next(|head, payload, _| {
            Entries(payload).try_fold(false, |found, entry| Ok(found || goes(head.version, entry?.1, viewer)?))
        })?;
        match found {
            None => return Ok(false),
            Some(Ok(false)) => {}
            Some(Ok(true)) => return Ok(true),
            Some(Err(what)) => return Err(segment.corrupt(frames.position(), what)),
        }
    }
}

/// Whether an encoded event is one of the viewer's that is erased: all but the record of the erasure.
fn goes(version: u8, encoded: &[u8], viewer: ViewerId) -> std::result::Result<bool, &'static str> {
    if peek_viewer(encoded)? != viewer {
        return Ok(false);
    }
    Ok(decode_event(version, encoded)?.body != Body::ViewerErased)
}

/// Rewrites a sealed segment without the viewer's events; returns how many went. Either the old file or the new one is there,
/// whenever the power goes. The caller holds `maintenance`.
pub(super) fn rewrite_without(files: &Files, segment: &Segment, viewer: ViewerId) -> Result<u64> {
    let unfinished = segment.path.with_extension(UNFINISHED);
    let writing = Error::io("rewriting a segment");
    let mut file = create_file(&unfinished)?;
    let mut anew = Anew { bytes: segment_head(segment.partition, segment.base).to_vec(), ..Anew::default() };
    let mut frames = segment.frames()?;
    let mut erased = 0;
    loop {
        match frames.next(|head, payload, _| anew.take(&head, payload, viewer))? {
            None => break,
            Some(Ok(gone)) => erased += gone,
            Some(Err(what)) => return Err(segment.corrupt(frames.position(), what)),
        }
        if anew.bytes.len() >= WRITE_BYTES {
            anew.write_to(&mut file).map_err(&writing)?;
        }
    }
    anew.end_gap();
    anew.write_to(&mut file).and_then(|()| file.sync_all()).map_err(&writing)?;
    let mut shape = segment.shape.write();
    std::fs::rename(&unfinished, &segment.path).map_err(&writing)?;
    shape.generation += 1;
    shape.bytes = anew.written;
    shape.index = Some(anew.index);
    drop(shape);
    files.drop_cursors();
    sync_folder(&files.folder)?;
    Ok(erased)
}

/// A segment as it is written anew.
#[derive(Default)]
struct Anew {
    /// Not yet written.
    bytes: Vec<u8>,
    /// Bytes in the file.
    written: u64,
    /// First offset and span of the frames of which nothing is left, to be written as one empty frame.
    gap: Option<(u64, u32)>,
    index: SparseIndex,
}

impl Anew {
    /// Adds what is left of a frame; returns how many events are not.
    fn take(&mut self, head: &FrameHead, payload: &[u8], viewer: ViewerId) -> std::result::Result<u64, &'static str> {
        let mut frame = vec![0; FRAME_HEAD_BYTES];
        let mut left = 0u16;
        for entry in Entries(payload) {
            let (distance, encoded) = entry?;
            if !goes(head.version, encoded, viewer)? {
                push_entry(&mut frame, distance, encoded);
                left += 1;
            }
        }
        let gone = u64::from(head.events.saturating_sub(left));
        if left > 0 {
            self.end_gap();
            self.push(head.version, frame, left, head.span, head.first);
            return Ok(gone);
        }
        match &mut self.gap {
            Some((_, span)) if span.checked_add(head.span).is_some() => *span += head.span,
            _ => {
                self.end_gap();
                self.gap = Some((head.first, head.span));
            }
        }
        Ok(gone)
    }

    fn end_gap(&mut self) {
        if let Some((first, span)) = self.gap.take() {
            self.push(VERSION, vec![0; FRAME_HEAD_BYTES], 0, span, first);
        }
    }

    fn push(&mut self, version: u8, mut frame: Vec<u8>, events: u16, span: u32, first: u64) {
        let position = self.written + self.bytes.len() as u64;
        // Nothing of the new file counts before all of it is durable.
        finish_frame(version, &mut frame, events, span, first, position as u32);
        self.index.note(first, position);
        self.bytes.extend_from_slice(&frame);
    }

    fn write_to(&mut self, file: &mut std::fs::File) -> std::io::Result<()> {
        file.write_all(&self.bytes)?;
        self.written += self.bytes.len() as u64;
        self.bytes.clear();
        Ok(())
    }
}
