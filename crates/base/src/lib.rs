//! The ground everything stands on: typed ids, time, chance. No IO.
//!
//! Invariants:
//! - every id is a newtype over a non-negative 63-bit integer and travels as 13 characters of Crockford base 32;
//! - time and randomness are arguments ([`Clock`], [`Rng`]): [`SystemClock`] is the only place that asks the machine;
//! - nothing in here logs, allocates without bound or fails at run time.

mod id;
mod rng;
mod text;
mod time;

pub use id::{
    AccountId, CommentId, Id, IdMaker, JobId, ParseIdError, ReportId, SessionId, SlateId, SoundId, UploadId, VideoId, ViewerId,
};
pub use rng::Rng;
pub use text::{hashtags_in, tokens};
pub use time::{Clock, ManualClock, SystemClock, Timestamp};
