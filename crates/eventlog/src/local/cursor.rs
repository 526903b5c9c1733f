//! Reading on: a place in a partition, with its file kept open.

use std::collections::VecDeque;
use std::sync::Arc;

use super::files::Files;
use super::frame::decode_events;
use super::segment::{FrameFault, FrameFile, Opened, Segment};
use crate::log::READ_EVENTS_MAX;
use crate::{Error, Event, Offset, Page, Result};

pub(super) struct Cursor {
    files: Arc<Files>,
    /// The offset to be delivered next.
    next: u64,
    place: Option<Place>,
    /// Read from the file, not yet delivered.
    pending: VecDeque<(Offset, Event)>,
}

struct Place {
    segment: Arc<Segment>,
    generation: u64,
    file: FrameFile,
    /// The offset that the next frame must begin with.
    expected: u64,
}

/// What the next step along the segments found.
enum Step {
    Moved,
    End,
}

impl Cursor {
    pub fn at(files: Arc<Files>, from: Offset) -> Self {
        Self { files, next: from.0, place: None, pending: VecDeque::new() }
    }

    pub fn next(&self) -> Offset {
        Offset(self.next)
    }

    /// Reads on. Blocks on the disk.
    pub fn read(&mut self, events_max: usize) -> Result<Page> {
        let events_max = events_max.clamp(1, READ_EVENTS_MAX);
        let mut events = Vec::new();
        while self.next < self.files.end.borrow().next.0 {
            self.forget_replaced();
            let take = self.pending.len().min(events_max - events.len());
            events.extend(self.pending.drain(..take));
            self.next = match (self.pending.front(), &self.place) {
                (Some((offset, _)), _) => offset.0,
                // All that was read is delivered; what was erased is passed over.
                (None, Some(place)) => self.next.max(place.expected),
                (None, None) => self.next,
            };
            if events.len() == events_max {
                break;
            }
            if let Step::End = self.step()? {
                break;
            }
        }
        Ok(Page { events, next: self.next() })
    }

    /// Whether it holds a file that was replaced: then it must not be kept.
    pub fn is_stale(&self) -> bool {
        self.place.as_ref().is_some_and(|place| place.segment.shape.read().generation != place.generation)
    }

    fn forget_replaced(&mut self) {
        if self.is_stale() {
            self.place = None;
            self.pending.clear();
        }
    }

    /// Reads the next frame into `pending`, or moves to the next segment.
    fn step(&mut self) -> Result<Step> {
        let place = match &mut self.place {
            Some(place) => place,
            None => self.place.insert(find(&self.files, self.next)?),
        };
        let sealed = {
            let shape = place.segment.shape.read();
            if shape.generation == place.generation {
                place.file.end = shape.bytes;
            }
            shape.sealed
        };
        let (position, expected, from) = (place.file.position, place.expected, self.next);
        let pending = &mut self.pending;
        let read = place.file.next(|head, payload| {
            if head.first != expected {
                return Err("a frame is missing: the offsets leap");
            }
            decode_events(&head, payload, from, pending).map(|()| head.end())
        });
        match read {
            Ok(Some(Ok(end))) => {
                place.expected = end;
                Ok(Step::Moved)
            }
            Ok(Some(Err(what))) | Err(FrameFault::Bad(what)) => Err(place.segment.corrupt(position, what)),
            Err(FrameFault::Io(err)) => Err(err),
            Ok(None) if !sealed => Ok(Step::End),
            Ok(None) => {
                let Some(segment) = self.files.segment_after(place.segment.base) else { return Ok(Step::End) };
                if segment.base != place.expected {
                    return Err(segment.corrupt(0, "the segment before it is missing or cut short"));
                }
                let base = segment.base;
                self.place = Some(open_near(segment, base)?);
                Ok(Step::Moved)
            }
        }
    }
}

fn find(files: &Files, next: u64) -> Result<Place> {
    let segment = files.segment_of(next)?;
    if next > segment.base {
        segment.make_index()?;
    }
    let place = open_near(segment, next);
    // Between the list and the file stands the removal of old segments.
    if matches!(&place, Err(Error::Io { .. })) && next < files.first() {
        return Err(Error::Gone { asked: Offset(next), first: Offset(files.first()) });
    }
    place
}

fn open_near(segment: Arc<Segment>, offset: u64) -> Result<Place> {
    let Opened { file, generation, expected } = segment.open(offset)?;
    Ok(Place { segment, generation, file, expected })
}
