//! From a client's bytes to events: good ones stand, each bad one is refused by its index and a reason.
//!
//! The wire form of an event, with unknown fields refused and known fields that its type does not use ignored:
//! `{"id": uuid, "type": "impression", "at_ms": 1700000000000, "video": "…", "slate": "…", "position": 0, "watch_ms": 0,
//! "duration_ms": 0, "creator": "…", "viewer": "…"}`. A batch is `{"events": [...]}` or `[...]` ([`Form::Json`]), or one event
//! a line ([`Form::Ndjson`]). Messages never repeat what the client sent, except the name of an unknown field.

mod wire;

use std::borrow::Cow;
use std::collections::HashSet;

use base::{Timestamp, ViewerId};

use crate::{Error, Event, Result};

/// The most events in one batch.
pub const EVENTS_PER_BATCH_MAX: usize = 10_000;
/// The most bytes in one batch.
pub const BATCH_BYTES_MAX: usize = 4 << 20;
/// How far ahead of the server a client's clock may be. Times within are set back to the server's.
pub const AHEAD_MS_MAX: i64 = 5 * 60_000;
/// How old an event may be when it comes in. Also how long an id must be remembered to count it once.
pub const AGE_MS_MAX: i64 = 24 * 3_600_000;
/// The longest watch, and the longest clip, that is believed.
pub const WATCH_MS_MAX: u32 = 24 * 3_600_000;
/// How many times over a clip can be watched in one event.
pub const WATCH_LOOPS_MAX: u64 = 50;

/// How the batch is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One JSON document: `[...]` or `{"events": [...]}`. A syntax error refuses the whole batch.
    Json,
    /// One JSON object a line; empty lines are skipped and not counted. A syntax error refuses its line.
    Ndjson,
}

/// Whose events these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewerPolicy {
    /// All are this viewer's; an event that names a viewer is refused.
    Fixed(ViewerId),
    /// Each names its viewer (bulk import by the operator).
    FromEvent,
}

/// Why an event was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Not a JSON object, or a field given twice.
    Malformed,
    UnknownField,
    UnknownType,
    /// A type that only the server writes.
    NotFromClients,
    MissingField,
    /// A field with a value of the wrong type or out of its range.
    BadValue,
    /// An id that is none.
    BadId,
    TooFarAhead,
    TooOld,
    /// Watch time beyond a day, or beyond 50 times the clip.
    AbsurdWatch,
    ViewerNotAllowed,
    /// About a video that is not there: never published, or removed since.
    UnknownVideo,
    /// Something that only people with an account do.
    SignInRequired,
}

impl Reason {
    /// The stable code that clients see.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownField => "unknown_field",
            Self::UnknownType => "unknown_type",
            Self::NotFromClients => "not_from_clients",
            Self::MissingField => "missing_field",
            Self::BadValue => "bad_value",
            Self::BadId => "bad_id",
            Self::TooFarAhead => "too_far_ahead",
            Self::TooOld => "too_old",
            Self::AbsurdWatch => "absurd_watch",
            Self::ViewerNotAllowed => "viewer_not_allowed",
            Self::UnknownVideo => "unknown_video",
            Self::SignInRequired => "sign_in_required",
        }
    }
}

/// One refused event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its place in the batch, from 0.
    pub index: u32,
    pub reason: Reason,
    /// For the client's developer, in English.
    pub message: Cow<'static, str>,
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// The good events, in the order of the batch.
    pub events: Vec<Event>,
    /// The bad ones, by index.
    pub rejected: Vec<Rejected>,
}

impl Batch {
    /// Refuses further events, each for the reason that `why` gives.
    pub fn refuse(&mut self, why: impl Fn(&Event) -> Option<(Reason, &'static str)>) {
        let refused: HashSet<u32> = self.rejected.iter().map(|rejected| rejected.index).collect();
        let mut index = 0;
        self.events.retain(|event| {
            // The good ones stand at the places that the bad ones left.
            while refused.contains(&index) {
                index += 1;
            }
            let reason = why(event);
            if let Some((reason, message)) = reason {
                self.rejected.push(Rejected { index, reason, message: Cow::Borrowed(message) });
            }
            index += 1;
            reason.is_none()
        });
        self.rejected.sort_by_key(|rejected| rejected.index);
    }
}

/// Reads a batch that came in at `now`.
///
/// Fails as a whole with [`Error::BatchTooLarge`] over [`EVENTS_PER_BATCH_MAX`] or [`BATCH_BYTES_MAX`], and with
/// [`Error::BatchMalformed`] when the outer form cannot be read.
pub fn parse(body: &[u8], form: Form, policy: &ViewerPolicy, now: Timestamp) -> Result<Batch> {
    if body.len() > BATCH_BYTES_MAX {
        return Err(too_large());
    }
    let text = std::str::from_utf8(body)
        .map_err(|err| Error::BatchMalformed(format!("not UTF-8 from byte {} on", err.valid_up_to())))?;
    let mut intake = Intake { policy, now, batch: Batch::default(), index: 0 };
    match form {
        Form::Json => wire::each_of_document(text, |raw| intake.take(raw))?,
        Form::Ndjson => {
            for line in text.lines().filter(|line| !line.trim().is_empty()) {
                intake.take(line)?;
            }
        }
    }
    Ok(intake.batch)
}

fn too_large() -> Error {
    Error::BatchTooLarge { events_max: EVENTS_PER_BATCH_MAX, bytes_max: BATCH_BYTES_MAX }
}

struct Intake<'p> {
    policy: &'p ViewerPolicy,
    now: Timestamp,
    batch: Batch,
    index: u32,
}

impl Intake<'_> {
    fn take(&mut self, raw: &str) -> Result<()> {
        let index = self.index;
        if index as usize >= EVENTS_PER_BATCH_MAX {
            return Err(too_large());
        }
        self.index += 1;
        match wire::event(raw, self.policy, self.now) {
            Ok(event) => self.batch.events.push(event),
            Err(wire::Refusal { reason, message }) => self.batch.rejected.push(Rejected { index, reason, message }),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
