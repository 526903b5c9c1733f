//! Telling the log: what changes the store and must reach the log goes through the outbox, in order, exactly once in effect.
//!
//! One task empties the outbox. A use case that commits waits until that task has passed its events, so that what is
//! acknowledged to a person is both in the store and in the log. After a crash the task begins with what was left; an event
//! appended twice carries one id and counts once.

use std::sync::Arc;
use std::time::Duration;

use base::{Clock, ViewerId};
use eventlog::{Body, Event, EventId, EventLog};
use parking_lot::Mutex;
use store::{Store, WriteTx, outbox};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::AppError;
use crate::acknowledged::Acknowledged;

/// Events taken from the outbox at once.
const TELL_EVENTS_MAX: u32 = 512;
/// How long a use case waits for the log before it tells the caller to try again. The event is not lost: it stays in the outbox.
const TELL_TIMEOUT: Duration = Duration::from_secs(10);
const LOG_BUSY: &str = "log_busy";
/// Pause after the log refused, before the next try.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

pub(crate) struct Telling {
    store: Store,
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    acknowledged: Arc<Acknowledged>,
    rng: Mutex<base::Rng>,
    wake: Notify,
    /// The highest outbox place that the log has.
    told: watch::Sender<i64>,
}

/// A store transaction that remembers which of its events must reach the log.
pub struct Change {
    pub tx: WriteTx,
    last_place: i64,
}

/// Whether a change that was committed stands: also when the log is slow to hear of it.
pub(crate) fn is_kept(done: &Result<(), AppError>) -> bool {
    matches!(done, Ok(()) | Err(AppError::Unavailable { code: LOG_BUSY, .. }))
}

impl Telling {
    pub fn new(
        store: Store,
        log: Arc<dyn EventLog>,
        clock: Arc<dyn Clock>,
        acknowledged: Arc<Acknowledged>,
        rng: base::Rng,
    ) -> Self {
        Self { store, log, clock, acknowledged, rng: Mutex::new(rng), wake: Notify::new(), told: watch::Sender::new(0) }
    }

    pub fn event(&self, viewer: ViewerId, body: Body) -> Event {
        let now = self.clock.now();
        let id = {
            let mut rng = self.rng.lock();
            EventId((u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64()))
        };
        Event { id, viewer, at: now, received: now, body }
    }

    pub async fn begin(&self) -> Result<Change, AppError> {
        Ok(Change { tx: self.store.write().await?, last_place: 0 })
    }

    pub async fn tell(&self, change: &mut Change, viewer: ViewerId, body: Body) -> Result<(), AppError> {
        let bytes = postcard::to_stdvec(&self.event(viewer, body)).map_err(AppError::internal)?;
        change.last_place = outbox::push(&mut change.tx, &bytes).await?;
        Ok(())
    }

    /// Commits, and returns once the log has what was told.
    pub async fn commit(&self, change: Change) -> Result<(), AppError> {
        let Change { tx, last_place } = change;
        tx.commit().await.map_err(AppError::internal)?;
        if last_place == 0 {
            return Ok(());
        }
        self.wake.notify_one();
        let mut told = self.told.subscribe();
        let reached = tokio::time::timeout(TELL_TIMEOUT, told.wait_for(|place| *place >= last_place)).await;
        match reached {
            Ok(Ok(_)) => Ok(()),
            _ => Err(AppError::Unavailable { code: LOG_BUSY, detail: "This was kept, but is slow to take effect.".into() }),
        }
    }

    /// Empties the outbox until it is told to stop. What is left then is told at the next start.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            match self.pass().await {
                Ok(true) => {}
                Ok(false) => {
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = self.wake.notified() => {}
                    }
                }
                Err(error) => {
                    metrics::counter!("outbox_failures_total").increment(1);
                    tracing::warn!(%error, "the outbox waits for the log");
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(RETRY_PAUSE) => {}
                    }
                }
            }
        }
    }

    /// Tells one batch; false when there was nothing to tell.
    async fn pass(&self) -> Result<bool, AppError> {
        let waiting = outbox::waiting(&self.store, TELL_EVENTS_MAX).await?;
        let Some((last, _)) = waiting.last() else { return Ok(false) };
        let last = *last;
        let mut by_partition = std::collections::BTreeMap::<_, Vec<Event>>::new();
        for (place, bytes) in waiting {
            match postcard::from_bytes::<Event>(&bytes) {
                Ok(event) => by_partition.entry(self.log.partition_of(event.viewer)).or_default().push(event),
                // Written by this program in the same format: only a downgrade can bring this about. Said aloud, never blocking.
                Err(error) => tracing::error!(place, %error, "an event in the outbox is not readable and is passed over"),
            }
        }
        for (partition, events) in by_partition {
            let viewers: Vec<ViewerId> = events.iter().map(|event| event.viewer).collect();
            let appended = self.log.append(partition, events).await.map_err(AppError::internal)?;
            viewers.into_iter().for_each(|viewer| self.acknowledged.note(viewer, partition, appended.end));
        }
        outbox::delete_through(&self.store, last).await?;
        self.told.send_replace(last);
        Ok(true)
    }
}
