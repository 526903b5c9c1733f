//! The append-only log of what people did, partitioned by viewer: the only training input and the only source of derived
//! state.
//!
//! - [`EventLog`] is the seam; [`LocalLog`] keeps it in local files, [`MemoryLog`] in memory for tests.
//! - [`LogReader`] reads the local files through, beside a process that writes them.
//! - [`Event`] and [`Body`] are what stands in it; every field has a data class.
//! - [`intake`] reads and checks what clients send, [`dedup`] lets the same event count once.
//! - [`testing`] (feature `testing`) holds the conformance suite that every log passes; [`bench`] measures the local one.
//!
//! Invariants:
//! - an append that was acknowledged survives the death of the process and of the machine's power;
//! - an append is there as a whole or not at all;
//! - offsets rise, and an event keeps its offset for ever; order holds inside a partition, and all events of a viewer stand in
//!   one;
//! - damage is found and named (segment, byte), never skipped: only an unacknowledged tail is cut off, and reported.
//!
//! The log never interprets events, never takes one twice for the same (that is [`dedup`]'s, in log order), never logs or
//! reports whose event it was.

pub mod bench;
pub mod dedup;
mod error;
mod event;
pub mod intake;
mod kind;
mod local;
mod log;
mod memory;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use error::{Error, Result};
pub use event::{Body, Choice, Context, Event, EventId, Forecast, Place, Slate, SlateItem, Trial, VideoFacts, Watch};
pub use kind::Kind;
pub use local::{LocalLog, LocalOptions, LogReader, Recovered, Retention};
pub use log::{APPEND_BYTES_MAX, APPEND_EVENTS_MAX, EventLog, Offset, Page, Partition, READ_EVENTS_MAX};
pub use memory::MemoryLog;
