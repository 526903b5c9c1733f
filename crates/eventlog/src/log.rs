//! The seam: what every event log offers, embedded or not.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use base::ViewerId;
use tokio::sync::watch;

use crate::{Error, Event, Result};

/// The most events in one append. Larger batches are cut by the caller.
pub const APPEND_EVENTS_MAX: usize = 10_000;
/// The most bytes in one append, encoded.
pub const APPEND_BYTES_MAX: usize = 16 << 20;
/// The most events that one read returns.
pub const READ_EVENTS_MAX: usize = 20_000;

/// One of the log's partitions, counted from 0. Order holds inside a partition only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(pub u16);

/// The place of a record in its partition. Offsets rise; they may leave gaps (between appends, and where records were erased).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub u64);

impl Offset {
    /// The smallest offset after this one: where a reader goes on.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// What a read found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    pub events: Vec<(Offset, Event)>,
    /// Where to read on: after the last event, and after what was erased behind it.
    pub next: Offset,
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An append-only, partitioned log of events.
///
/// All methods may be called from many tasks at once. Dropping a future of `append` does not take the append back.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// How many partitions there are, at least 1; fixed when the log is made.
    fn partitions(&self) -> u16;

    /// The partition of a viewer: every event of one viewer stands in one partition, in order.
    fn partition_of(&self, viewer: ViewerId) -> Partition {
        partition_of(viewer, self.partitions())
    }

    /// Appends the events in their order, all or none of them, and resolves once they would survive the loss of power.
    /// Returns their offsets, which are consecutive. An empty batch is written nowhere and gives an empty range.
    ///
    /// Fails with [`Error::Busy`] when too much is waiting, [`Error::AppendTooLarge`] over the limits, [`Error::Closed`].
    async fn append(&self, partition: Partition, events: Vec<Event>) -> Result<Range<Offset>>;

    /// Up to `events_max` (at least 1, at most [`READ_EVENTS_MAX`]) durable records with offsets of `from` or later, in order;
    /// none when there are none yet. Reading on from [`Page::next`] is the fast way, and the one that gets past gaps.
    ///
    /// Fails with [`Error::Gone`] when `from` lies before what is kept, [`Error::Corrupt`] when the bytes are not what was
    /// written.
    async fn read(&self, partition: Partition, from: Offset, events_max: usize) -> Result<Page>;

    /// Waits until [`EventLog::next_offset`] is beyond `offset`, at most `timeout`, and returns it either way: a result that
    /// is greater than `offset` says that there may be something to read there. Ends early with [`Error::Closed`].
    async fn wait_for(&self, partition: Partition, offset: Offset, timeout: Duration) -> Result<Offset>;

    /// The smallest offset that can be asked for.
    fn first_offset(&self, partition: Partition) -> Result<Offset>;

    /// The smallest offset greater than that of every durable record.
    fn next_offset(&self, partition: Partition) -> Result<Offset>;

    /// Removes every record of the viewer that was acknowledged before the call from what is stored, and returns how many.
    /// Other records and their offsets stay as they are. The one record that stays is the viewer's
    /// [`Body::ViewerErased`](crate::Body::ViewerErased): it is what makes a view restored from an older snapshot forget too.
    async fn erase(&self, viewer: ViewerId) -> Result<u64>;

    /// Removes the records that retention no longer keeps; returns how many segments went. For a task that runs now and then: age
    /// passes without appends too.
    async fn trim(&self) -> Result<usize>;

    /// Resolves when everything appended before is durable.
    async fn sync(&self) -> Result<()>;

    /// Writes out what is waiting and ends the log; later calls that would write fail with [`Error::Closed`].
    async fn close(&self) -> Result<()>;
}

/// Where a partition ends, as appenders tell it to those who wait.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct End {
    pub next: Offset,
    pub closed: bool,
}

impl End {
    /// The next offset, while appending is possible.
    pub fn open(self) -> Result<Offset> {
        if self.closed { Err(Error::Closed) } else { Ok(self.next) }
    }

    /// What [`EventLog::wait_for`] promises. What stands in a closed log can still be read, but nothing more will come.
    pub async fn wait_beyond(mut end: watch::Receiver<Self>, offset: Offset, timeout: Duration) -> Result<Offset> {
        let reached = end.wait_for(|end| end.closed || end.next > offset);
        // Both a time-out and what came in time are answered by the present value.
        let _ = tokio::time::timeout(timeout, reached).await;
        let now = *end.borrow();
        if now.next > offset { Ok(now.next) } else { now.open() }
    }
}

/// Where a viewer's events go among `partitions`. Part of the stored format: never changes.
pub(crate) fn partition_of(viewer: ViewerId, partitions: u16) -> Partition {
    // The finalizer of SplitMix64 (Steele, Lea, Flood 2014): ids share their leading time bits and must be spread.
    let mut z = viewer.raw().wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    Partition(((u128::from(z) * u128::from(partitions.max(1))) >> 64) as u16)
}

pub(crate) fn check_append(events: usize, bytes: usize) -> Result<()> {
    if events > APPEND_EVENTS_MAX || bytes > APPEND_BYTES_MAX {
        return Err(Error::AppendTooLarge { events, bytes, events_max: APPEND_EVENTS_MAX, bytes_max: APPEND_BYTES_MAX });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_stable_and_even() {
        // A change of these numbers would lose viewers of existing logs.
        assert_eq!([0, 1, 2, 1 << 40].map(|raw| partition_of(ViewerId::from_raw(raw), 8).0), [7, 4, 4, 0]);
        let mut counts = [0; 8];
        for raw in 0..8_000u64 {
            counts[usize::from(partition_of(ViewerId::from_raw(raw << 22), 8).0)] += 1;
        }
        assert!(counts.iter().all(|n| (850..1_150).contains(n)), "{counts:?}");
    }
}
