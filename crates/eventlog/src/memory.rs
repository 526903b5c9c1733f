//! A log in memory: for tests, and the plainest reading of what the trait promises.

use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use base::ViewerId;
use parking_lot::RwLock;
use tokio::sync::watch;

use crate::log::{End, READ_EVENTS_MAX, check_append};
use crate::{Body, Error, Event, EventLog, Offset, Page, Partition, Result};

/// Keeps events as long as it lives. Unbounded: not for production.
pub struct MemoryLog {
    partitions: Vec<Kept>,
}

struct Kept {
    events: RwLock<Vec<(Offset, Event)>>,
    end: watch::Sender<End>,
}

impl MemoryLog {
    /// An empty log; `partitions` of 0 is taken as 1.
    pub fn new(partitions: u16) -> Self {
        let kept = || Kept { events: RwLock::default(), end: watch::Sender::new(End::default()) };
        Self { partitions: (0..partitions.max(1)).map(|_| kept()).collect() }
    }

    fn partition(&self, partition: Partition) -> Result<&Kept> {
        self.partitions.get(usize::from(partition.0)).ok_or(Error::NoPartition(partition))
    }
}

#[async_trait]
impl EventLog for MemoryLog {
    fn partitions(&self) -> u16 {
        self.partitions.len() as u16
    }

    async fn append(&self, partition: Partition, events: Vec<Event>) -> Result<Range<Offset>> {
        let kept = self.partition(partition)?;
        check_append(events.len(), 0)?;
        let mut all = kept.events.write();
        let start = kept.end.borrow().open()?;
        let end = Offset(start.0 + events.len() as u64);
        all.extend((start.0..).map(Offset).zip(events));
        kept.end.send_modify(|at| at.next = end);
        Ok(start..end)
    }

    async fn read(&self, partition: Partition, from: Offset, events_max: usize) -> Result<Page> {
        let kept = self.partition(partition)?;
        let all = kept.events.read();
        let start = all.partition_point(|(offset, _)| *offset < from);
        let events_max = events_max.clamp(1, READ_EVENTS_MAX);
        let events: Vec<_> = all.iter().skip(start).take(events_max).cloned().collect();
        let more = all.get(start + events_max).is_some();
        let next = match events.last() {
            Some((last, _)) if more => last.next(),
            _ => kept.end.borrow().next.max(from),
        };
        Ok(Page { events, next })
    }

    async fn wait_for(&self, partition: Partition, offset: Offset, timeout: Duration) -> Result<Offset> {
        End::wait_beyond(self.partition(partition)?.end.subscribe(), offset, timeout).await
    }

    fn first_offset(&self, partition: Partition) -> Result<Offset> {
        self.partition(partition).map(|_| Offset(0))
    }

    fn next_offset(&self, partition: Partition) -> Result<Offset> {
        Ok(self.partition(partition)?.end.borrow().next)
    }

    async fn erase(&self, viewer: ViewerId) -> Result<u64> {
        let kept = self.partition(self.partition_of(viewer))?;
        let mut all = kept.events.write();
        kept.end.borrow().open()?;
        let before = all.len();
        all.retain(|(_, event)| event.viewer != viewer || event.body == Body::ViewerErased);
        Ok((before - all.len()) as u64)
    }

    async fn trim(&self) -> Result<usize> {
        Ok(0)
    }

    async fn sync(&self) -> Result<()> {
        self.partitions.iter().try_for_each(|kept| kept.end.borrow().open().map(drop))
    }

    async fn close(&self) -> Result<()> {
        for kept in &self.partitions {
            let _all = kept.events.write();
            kept.end.send_modify(|end| end.closed = true);
        }
        Ok(())
    }
}
