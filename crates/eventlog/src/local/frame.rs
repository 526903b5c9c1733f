//! Frames: one append as it lies in a segment.
//!
//! Versions of the payload: in 1 a slate ends with its items; 2 adds its trial. Both are read, 2 is written; a frame that is
//! rewritten keeps its own.
//!
//! Little endian: checksum u32 (CRC-32C of all that follows) | payload length u32 | version u8 | zero u8 | events u16 | span
//! u32 | first offset u64 | acknowledged u32 | payload. The span is how many offsets the frame covers: more than it holds
//! events where some were erased. "Acknowledged" is how many bytes of the segment were durable when the frame was written: it
//! tells a torn tail, which nobody was promised, from damage to what was. A payload is a row of entries: distance from the
//! first offset and length as variable-length integers, then the event in postcard form.

use base::ViewerId;
use serde::Serialize;

use crate::log::check_append;
use crate::{APPEND_BYTES_MAX, Error, Event, EventId, Offset, Result};

pub(super) const FRAME_HEAD_BYTES: usize = 28;
/// The version of the payload that is written.
pub(super) const VERSION: u8 = 2;
/// Those that are read. Another one is refused: forms are added, never changed.
pub(super) const VERSIONS: std::ops::RangeInclusive<u8> = 1..=VERSION;

/// What stands before a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHead {
    pub version: u8,
    pub payload_bytes: u32,
    pub events: u16,
    pub span: u32,
    pub first: u64,
    pub acknowledged: u32,
}

impl FrameHead {
    /// The bytes of the whole frame.
    pub fn bytes(&self) -> u64 {
        FRAME_HEAD_BYTES as u64 + u64::from(self.payload_bytes)
    }

    /// The offset after the last one covered.
    pub fn end(&self) -> u64 {
        self.first + u64::from(self.span)
    }
}

/// What became of an attempt to read a frame.
#[derive(Debug)]
pub(super) enum Framed<'a> {
    Whole(FrameHead, &'a [u8]),
    /// The bytes end before the frame does: this many are needed.
    Short(usize),
    Bad(&'static str),
}

/// Reads the frame at the start of `bytes`.
pub(super) fn read_frame(bytes: &[u8]) -> Framed<'_> {
    let Some(head) = bytes.first_chunk::<FRAME_HEAD_BYTES>() else {
        return Framed::Short(FRAME_HEAD_BYTES);
    };
    let [c0, c1, c2, c3, l0, l1, l2, l3, version, zero, e0, e1, s0, s1, s2, s3, f0, f1, f2, f3, f4, f5, f6, f7, a0, a1, a2, a3] =
        *head;
    let checksum = u32::from_le_bytes([c0, c1, c2, c3]);
    let read = FrameHead {
        version,
        payload_bytes: u32::from_le_bytes([l0, l1, l2, l3]),
        events: u16::from_le_bytes([e0, e1]),
        span: u32::from_le_bytes([s0, s1, s2, s3]),
        first: u64::from_le_bytes([f0, f1, f2, f3, f4, f5, f6, f7]),
        acknowledged: u32::from_le_bytes([a0, a1, a2, a3]),
    };
    if read.payload_bytes as usize > APPEND_BYTES_MAX {
        return Framed::Bad("a frame says that it is larger than any may be");
    }
    if !VERSIONS.contains(&version) || zero != 0 {
        return Framed::Bad("a frame of an unknown version");
    }
    let whole = FRAME_HEAD_BYTES + read.payload_bytes as usize;
    let Some(frame) = bytes.get(..whole) else {
        return Framed::Short(whole);
    };
    if crc32c::crc32c(&frame[4..]) != checksum {
        return Framed::Bad("a frame's checksum is wrong");
    }
    Framed::Whole(read, &frame[FRAME_HEAD_BYTES..])
}

/// Fills in the head before a payload of this version that stands in `frame` from [`FRAME_HEAD_BYTES`] on.
pub(super) fn finish_frame(version: u8, frame: &mut [u8], events: u16, span: u32, first: u64, acknowledged: u32) {
    let payload_bytes = frame.len().saturating_sub(FRAME_HEAD_BYTES) as u32;
    frame[4..8].copy_from_slice(&payload_bytes.to_le_bytes());
    frame[8] = version;
    frame[9] = 0;
    frame[10..12].copy_from_slice(&events.to_le_bytes());
    frame[12..16].copy_from_slice(&span.to_le_bytes());
    frame[16..24].copy_from_slice(&first.to_le_bytes());
    frame[24..28].copy_from_slice(&acknowledged.to_le_bytes());
    let checksum = crc32c::crc32c(&frame[4..]);
    frame[..4].copy_from_slice(&checksum.to_le_bytes());
}

/// A frame for these events, its head still empty. Fails over the limits of one append.
pub(super) fn encode_events(events: &[Event]) -> Result<Vec<u8>> {
    check_append(events.len(), 0)?;
    let mut frame = Vec::with_capacity(FRAME_HEAD_BYTES + 96 * events.len());
    frame.resize(FRAME_HEAD_BYTES, 0);
    let mut encoded = Vec::with_capacity(128);
    for (distance, event) in events.iter().enumerate() {
        encoded.clear();
        write(event, &mut encoded)?;
        push_entry(&mut frame, distance as u32, &encoded);
        check_append(events.len(), frame.len() - FRAME_HEAD_BYTES)?;
    }
    Ok(frame)
}

/// Adds an entry to a payload.
pub(super) fn push_entry(frame: &mut Vec<u8>, distance: u32, encoded: &[u8]) {
    push_number(frame, distance);
    push_number(frame, encoded.len() as u32);
    frame.extend_from_slice(encoded);
}

fn push_number(out: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// The entries of a payload, each with its distance and its encoded event.
pub(super) struct Entries<'a>(pub &'a [u8]);

impl<'a> Iterator for Entries<'a> {
    type Item = std::result::Result<(u32, &'a [u8]), &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let entry = || -> Option<(u32, &'a [u8], &'a [u8])> {
            let (distance, rest) = take_number(self.0)?;
            let (length, rest) = take_number(rest)?;
            let (encoded, rest) = rest.split_at_checked(length as usize)?;
            Some((distance, encoded, rest))
        };
        match entry() {
            Some((distance, encoded, rest)) => {
                self.0 = rest;
                Some(Ok((distance, encoded)))
            }
            None => {
                self.0 = &[];
                Some(Err("a frame's entries do not fill it"))
            }
        }
    }
}

fn take_number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut number = 0u32;
    for (i, byte) in bytes.iter().enumerate().take(5) {
        number |= u32::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((number, &bytes[i + 1..]));
        }
    }
    None
}

/// Appends the events of a frame with offsets of `from` or later to `out`.
pub(super) fn decode_events(
    head: &FrameHead,
    payload: &[u8],
    from: u64,
    out: &mut impl Extend<(Offset, Event)>,
) -> std::result::Result<(), &'static str> {
    for entry in Entries(payload) {
        let (distance, encoded) = entry?;
        let offset = head.first + u64::from(distance);
        if offset >= from {
            let event = decode_event(head.version, encoded)?;
            out.extend([(Offset(offset), event)]);
        }
    }
    Ok(())
}

/// An event in the form of its frame's version.
pub(super) fn decode_event(version: u8, encoded: &[u8]) -> std::result::Result<Event, &'static str> {
    let event = match version {
        1 => first_version::decode(encoded),
        _ => postcard::from_bytes(encoded),
    };
    event.map_err(|_| "an event is not readable")
}

/// Whose event it is and whether it is the record that the viewer was erased, without reading the rest.
pub(super) fn peek_viewer(encoded: &[u8]) -> std::result::Result<ViewerId, &'static str> {
    let unreadable = |_| "an event is not readable";
    let ((_, viewer), _) = postcard::take_from_bytes::<(EventId, ViewerId)>(encoded).map_err(unreadable)?;
    Ok(viewer)
}

/// Events as the first version of frames holds them: slates have no trial; all else is as it is now.
mod first_version {
    use base::{SlateId, Timestamp, ViewerId};
    use serde::Deserialize;

    use crate::{Body, Context, Event, EventId, Slate, SlateItem};

    /// The number of the slate among bodies.
    const SLATE: u32 = 0;

    #[derive(Deserialize)]
    struct Head {
        id: EventId,
        viewer: ViewerId,
        at: Timestamp,
        received: Timestamp,
        body: u32,
    }

    #[derive(Deserialize)]
    struct SlateThen {
        slate: SlateId,
        context: Context,
        items: Vec<SlateItem>,
    }

    pub fn decode(encoded: &[u8]) -> postcard::Result<Event> {
        let (head, rest) = postcard::take_from_bytes::<Head>(encoded)?;
        if head.body != SLATE {
            return postcard::from_bytes(encoded);
        }
        let SlateThen { slate, context, items } = postcard::from_bytes(rest)?;
        let body = Body::Slate(Slate { slate, context, items, trial: None });
        Ok(Event { id: head.id, viewer: head.viewer, at: head.at, received: head.received, body })
    }
}

/// Writes into a growing buffer; postcard's own way pushes byte by byte.
struct Grow<'a>(&'a mut Vec<u8>);

impl postcard::ser_flavors::Flavor for Grow<'_> {
    type Output = ();
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

fn write<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<()> {
    // Only a type that cannot be written in this form fails: none of ours.
    postcard::serialize_with_flavor(value, Grow(out))
        .map_err(|err| Error::Io { doing: "encoding an event", source: std::io::Error::other(err) })
}
