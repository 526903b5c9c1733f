//! What can go wrong, by what the caller decides.

use std::path::PathBuf;

use crate::{Offset, Partition};

pub type Result<T> = std::result::Result<T, Error>;

/// Why the log, the intake or the memory of seen ids refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Too much is waiting to be written. Nothing was kept: the caller asks again later (HTTP: 503 with `Retry-After`).
    #[error("the event log is busy: too many appends are waiting")]
    Busy,
    /// The log was closed, or its writer gave up after a failed write; nothing more is taken in until it is opened again.
    #[error("the event log is closed")]
    Closed,
    /// No such partition.
    #[error("the event log has no partition {0}")]
    NoPartition(Partition),
    /// One append over its limit of events or of bytes.
    #[error("one append holds {events} events and {bytes} bytes; at most {events_max} and {bytes_max} are taken")]
    AppendTooLarge { events: usize, bytes: usize, events_max: usize, bytes_max: usize },
    /// The offset is older than what is kept.
    #[error("offset {asked} is gone: the log begins at {first}")]
    Gone { asked: Offset, first: Offset },
    /// Another process (or another handle of this one) has the folder open.
    #[error("the event log in {0} is open elsewhere")]
    Locked(PathBuf),
    /// The folder was made with another number of partitions; changing it would move viewers between partitions.
    #[error("the event log has {found} partitions, {asked} were asked for")]
    PartitionsDiffer { found: u16, asked: u16 },
    /// What lies on disk is not what was written. Never repaired silently.
    #[error("the event log is damaged: segment {segment}, byte {position}: {what}")]
    Corrupt { segment: PathBuf, position: u64, what: &'static str },
    /// An option out of its range.
    #[error("event log option {name}: {what}")]
    Option { name: &'static str, what: &'static str },
    #[error("event log: {doing}: {source}")]
    Io { doing: &'static str, source: std::io::Error },
    /// A batch over its limits, refused as a whole.
    #[error("a batch holds at most {events_max} events and {bytes_max} bytes")]
    BatchTooLarge { events_max: usize, bytes_max: usize },
    /// A batch that is not JSON of the expected outer form, refused as a whole.
    #[error("the batch is not readable: {0}")]
    BatchMalformed(String),
    /// Bytes of a snapshot that are damaged or of another version.
    #[error("the snapshot is not readable: {0}")]
    Snapshot(&'static str),
}

impl Error {
    pub(crate) fn io(doing: &'static str) -> impl Fn(std::io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }
}
