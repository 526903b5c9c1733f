//! `watershed bench eventlog`: how fast the local log takes events in and gives them back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base::{Rng, SystemClock, Timestamp, VideoId, ViewerId};

use crate::{Body, Error, Event, EventId, EventLog, LocalLog, LocalOptions, Offset, Partition, Result, Watch};

/// Events in one append: what a busy server gathers from its clients.
const BATCH_EVENTS: usize = 500;
/// Appends under way at once, as of so many connections.
const APPENDERS: usize = 8;
/// The share of the time that goes into appending; the rest reads it back.
const APPEND_SHARE: f64 = 0.75;

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Events acknowledged as durable, per second.
    pub append_events_per_s: f64,
    /// Events read back from the start, per second.
    pub read_events_per_s: f64,
    /// How long the slowest hundredth of appends waited, at least, in milliseconds.
    pub append_p99_ms: f64,
    /// Bytes on disk for each event.
    pub bytes_per_event: f64,
}

/// Appends batches of 500 watches and impressions from eight tasks to a new log in a temporary folder, then reads them from
/// the start as often as time allows. Takes about `seconds`. Must not be called from within an asynchronous runtime.
pub fn run(seconds: u64, seed: u64) -> Result<Figures> {
    let folder = tempfile::tempdir().map_err(Error::io("making a folder to measure in"))?;
    let log = Arc::new(LocalLog::open(folder.path(), LocalOptions::default(), Arc::new(SystemClock))?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(Error::io("starting a runtime to measure in"))?;
    let span = Duration::from_secs(seconds.max(1));
    runtime.block_on(async {
        let (append_events_per_s, append_p99_ms) = append(&log, span.mul_f64(APPEND_SHARE), seed).await?;
        let read_events_per_s = read(&log, span.mul_f64(1.0 - APPEND_SHARE)).await?;
        let events = log.next_offset(Partition(0))?.0;
        let bytes_per_event = log.stored_bytes() as f64 / events.max(1) as f64;
        log.close().await?;
        Ok(Figures { append_events_per_s, read_events_per_s, append_p99_ms, bytes_per_event })
    })
}

/// Events per second and the 99th hundredth of waiting in milliseconds.
async fn append(log: &Arc<LocalLog>, span: Duration, seed: u64) -> Result<(f64, f64)> {
    let started = Instant::now();
    let tasks: Vec<_> = (0..APPENDERS)
        .map(|appender| {
            let (log, mut rng) = (Arc::clone(log), Rng::from_seed(seed).child(&format!("appender {appender}")));
            tokio::spawn(async move {
                let (mut events, mut waits_ms) = (0, Vec::new());
                while started.elapsed() < span {
                    let batch = batch(&mut rng);
                    let asked = Instant::now();
                    events += batch.len();
                    log.append(Partition(0), batch).await?;
                    waits_ms.push(asked.elapsed().as_secs_f64() * 1_000.0);
                }
                Ok::<_, Error>((events, waits_ms))
            })
        })
        .collect();
    let (mut events, mut waits_ms) = (0, Vec::new());
    for task in tasks {
        let (more, waited) = task.await.map_err(|_| Error::Closed)??;
        events += more;
        waits_ms.extend(waited);
    }
    let per_s = events as f64 / started.elapsed().as_secs_f64();
    waits_ms.sort_unstable_by(f64::total_cmp);
    let p99 = waits_ms.get(waits_ms.len() * 99 / 100).copied().unwrap_or(0.0);
    Ok((per_s, p99))
}

async fn read(log: &LocalLog, span: Duration) -> Result<f64> {
    let started = Instant::now();
    let (mut events, mut at) = (0, Offset(0));
    while started.elapsed() < span {
        let page = log.read(Partition(0), at, 4_000).await?;
        events += page.events.len();
        at = if page.events.is_empty() { Offset(0) } else { page.next };
    }
    Ok(events as f64 / started.elapsed().as_secs_f64())
}

fn batch(rng: &mut Rng) -> Vec<Event> {
    let event = |_| {
        let at = Timestamp::from_millis(1_700_000_000_000 + rng.below(1 << 30) as i64);
        let video = VideoId::from_raw(rng.next_u64() >> 5);
        let body = match rng.below(3) {
            0 => Body::Impression { video, slate: None, position: rng.below(10) as u16 },
            _ => Body::Watch(Watch { video, slate: None, watch_ms: rng.below(20_000) as u32, duration_ms: 15_000 }),
        };
        let id = EventId(u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64()));
        Event { id, viewer: ViewerId::from_raw(rng.next_u64() >> 5), at, received: at.plus_millis(40), body }
    };
    (0..BATCH_EVENTS).map(event).collect()
}
