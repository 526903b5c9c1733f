//! What every event log must do. Each check gets a new, empty log.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::{Rng, Timestamp, VideoId, ViewerId};

use super::{event, sample_bodies};
use crate::{APPEND_EVENTS_MAX, Body, Error, Event, EventId, EventLog, Offset, Page, Partition, Result};

/// Long enough for any machine: what waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(60);
const MOMENT: Duration = Duration::from_millis(1);

type Log = Arc<dyn EventLog>;

/// Runs the suite. `make` opens a new, empty log each time. Panics at the first check that does not hold; errors are those
/// that a check did not expect.
pub async fn run<Made: Future<Output = Log>>(make: impl Fn() -> Made) -> Result<()> {
    an_empty_log_is_empty(make().await).await?;
    what_is_appended_is_read(make().await).await?;
    any_place_can_be_read_from(make().await).await?;
    viewers_keep_to_their_partition(make().await).await?;
    limits_hold(make().await).await?;
    waiting_ends_with_the_append(make().await).await?;
    appends_at_once_stay_whole(make().await).await?;
    erased_events_are_gone(make().await).await?;
    erasing_runs_beside_appends(make().await).await?;
    a_closed_log_takes_nothing(make().await).await
}

fn like(viewer: u64, number: u64) -> Event {
    Event {
        id: EventId(u128::from(number)),
        viewer: ViewerId::from_raw(viewer),
        at: Timestamp::from_millis(number as i64),
        received: Timestamp::from_millis(number as i64),
        body: Body::Like { video: VideoId::from_raw(number) },
    }
}

/// Everything from `from` on, read in pages of `events_max`.
async fn read_all(log: &Log, partition: Partition, from: Offset, events_max: usize) -> Result<Vec<(Offset, Event)>> {
    let (mut all, mut at) = (Vec::new(), from);
    while at < log.next_offset(partition)? {
        let Page { events, next } = log.read(partition, at, events_max).await?;
        assert!(events.len() <= events_max, "a page is longer than asked for");
        assert!(next > at, "a page before the end leads no further than where it began, at {at}");
        assert!(events.iter().all(|(offset, _)| (at..next).contains(offset)), "an event lies outside its page");
        all.extend(events);
        at = next;
    }
    Ok(all)
}

async fn an_empty_log_is_empty(log: Log) -> Result<()> {
    assert!(log.partitions() >= 1);
    for partition in (0..log.partitions()).map(Partition) {
        let next = log.next_offset(partition)?;
        assert_eq!(log.first_offset(partition)?, next);
        assert_eq!(log.read(partition, next, 10).await?, Page { events: vec![], next });
        assert_eq!(log.wait_for(partition, next, MOMENT).await?, next);
        let nothing = log.append(partition, vec![]).await?;
        assert_eq!(nothing.start, nothing.end, "an empty append has a place");
        assert_eq!(log.next_offset(partition)?, next);
    }
    assert_eq!(log.erase(ViewerId::from_raw(1)).await?, 0);
    log.sync().await
}

async fn what_is_appended_is_read(log: Log) -> Result<()> {
    let mut rng = Rng::from_seed(1);
    let partition = Partition(0);
    let mut expected = Vec::new();
    for _ in 0..40 {
        let bodies = sample_bodies(&mut rng);
        let events: Vec<Event> = bodies.into_iter().map(|body| event(&mut rng, ViewerId::from_raw(7), body)).collect();
        let range = log.append(partition, events.clone()).await?;
        assert_eq!(range.end.0 - range.start.0, events.len() as u64, "offsets of one append are not consecutive");
        assert_eq!(log.next_offset(partition)?, range.end);
        let place = expected.last().map_or(range.start, |(last, _): &(Offset, Event)| last.next());
        assert!(range.start >= place, "offsets fall");
        expected.extend((range.start.0..).map(Offset).zip(events));
    }
    let first = log.first_offset(partition)?;
    for events_max in [1, 7, 1_000] {
        assert_eq!(read_all(&log, partition, first, events_max).await?, expected);
    }
    Ok(())
}

async fn any_place_can_be_read_from(log: Log) -> Result<()> {
    let partition = Partition(0);
    for start in (0..1_000).step_by(10) {
        log.append(partition, (start..start + 10).map(|number| like(1, number)).collect()).await?;
    }
    let all = read_all(&log, partition, log.first_offset(partition)?, 1_000).await?;
    for (skipped, (offset, _)) in all.iter().enumerate().step_by(37) {
        let page = log.read(partition, *offset, 5).await?;
        let expected: Vec<_> = all.iter().skip(skipped).take(5).cloned().collect();
        assert_eq!(page.events, expected, "from offset {offset}");
    }
    let next = log.next_offset(partition)?;
    let beyond = Offset(next.0 + 100);
    assert_eq!(log.read(partition, beyond, 5).await?, Page { events: vec![], next: beyond });
    Ok(())
}

async fn viewers_keep_to_their_partition(log: Log) -> Result<()> {
    let mut sent: BTreeMap<Partition, Vec<Event>> = BTreeMap::new();
    for number in 0..300 {
        let viewer = number % 23;
        let partition = log.partition_of(ViewerId::from_raw(viewer));
        assert!(partition.0 < log.partitions(), "a viewer's partition does not exist");
        log.append(partition, vec![like(viewer, number)]).await?;
        sent.entry(partition).or_default().push(like(viewer, number));
    }
    for partition in (0..log.partitions()).map(Partition) {
        let read = read_all(&log, partition, log.first_offset(partition)?, 100).await?;
        let events: Vec<Event> = read.into_iter().map(|(_, event)| event).collect();
        assert_eq!(events, sent.remove(&partition).unwrap_or_default());
    }
    let none = Partition(log.partitions());
    assert!(matches!(log.append(none, vec![like(1, 1)]).await, Err(Error::NoPartition(_))));
    assert!(matches!(log.read(none, Offset(0), 1).await, Err(Error::NoPartition(_))));
    assert!(matches!(log.next_offset(none), Err(Error::NoPartition(_))));
    Ok(())
}

async fn limits_hold(log: Log) -> Result<()> {
    let partition = Partition(0);
    let many: Vec<Event> = (0..APPEND_EVENTS_MAX as u64 + 1).map(|number| like(1, number)).collect();
    assert!(matches!(log.append(partition, many.clone()).await, Err(Error::AppendTooLarge { .. })));
    assert_eq!(log.next_offset(partition)?, log.first_offset(partition)?, "a refused append left something");
    let most: Vec<Event> = many.into_iter().skip(1).collect();
    log.append(partition, most.clone()).await?;
    let read = read_all(&log, partition, log.first_offset(partition)?, usize::MAX).await?;
    assert_eq!(read.into_iter().map(|(_, event)| event).collect::<Vec<_>>(), most);
    Ok(())
}

async fn waiting_ends_with_the_append(log: Log) -> Result<()> {
    let partition = Partition(0);
    let start = log.next_offset(partition)?;
    let waiting = tokio::spawn({
        let log = Arc::clone(&log);
        async move { log.wait_for(partition, start, PATIENCE).await }
    });
    let range = log.append(partition, vec![like(1, 1)]).await?;
    let next = waiting.await.map_err(|_| Error::Closed)??;
    assert_eq!(next, range.end, "who waited was not told of the append");
    assert_eq!(log.wait_for(partition, start, PATIENCE).await?, next, "what is there is not waited for");
    Ok(())
}

async fn appends_at_once_stay_whole(log: Log) -> Result<()> {
    const TASKS: u64 = 8;
    const APPENDS: u64 = 40;
    let partition = Partition(0);
    let task = |log: Log, task: u64| async move {
        let mut rng = Rng::from_seed(task);
        for append in 0..APPENDS {
            let count = 1 + rng.below(30) as u64;
            let events: Vec<Event> = (0..count).map(|n| like(task, append * 1_000 + n)).collect();
            let range = log.append(partition, events.clone()).await?;
            // What was acknowledged is there at once, as a whole and in one place.
            let page = log.read(partition, range.start, events.len()).await?;
            assert_eq!(page.events, (range.start.0..).map(Offset).zip(events).collect::<Vec<_>>());
        }
        Ok::<_, Error>(())
    };
    let tasks: Vec<_> = (0..TASKS).map(|number| tokio::spawn(task(Arc::clone(&log), number))).collect();
    for task in tasks {
        task.await.map_err(|_| Error::Closed)??;
    }
    let all = read_all(&log, partition, log.first_offset(partition)?, 500).await?;
    assert!(all.is_sorted_by(|(a, _), (b, _)| a < b), "offsets do not rise");
    for number in 0..TASKS {
        let own: Vec<_> = all.iter().filter(|(_, event)| event.viewer.raw() == number).map(|(_, event)| event.at).collect();
        assert!(own.is_sorted_by(|a, b| a < b), "appends of one task are out of order");
        assert_eq!(own.iter().filter(|at| at.as_millis() % 1_000 == 0).count() as u64, APPENDS);
    }
    Ok(())
}

async fn erased_events_are_gone(log: Log) -> Result<()> {
    let gone = ViewerId::from_raw(3);
    let partition = log.partition_of(gone);
    for start in (0..600).step_by(20) {
        // Whole appends of theirs among mixed ones.
        let viewer = |number: u64| if start % 100 == 0 { 3 } else { number % 5 };
        log.append(partition, (start..start + 20).map(|number| like(viewer(number), number)).collect()).await?;
    }
    let mut last = like(3, 1_000);
    last.body = Body::ViewerErased;
    log.append(partition, vec![last.clone(), like(3, 1_001)]).await?;
    let first = log.first_offset(partition)?;
    let before = read_all(&log, partition, first, 100).await?;
    let next = log.next_offset(partition)?;

    let erased = log.erase(gone).await?;
    let expected: Vec<_> = before.iter().filter(|(_, event)| event.viewer != gone || *event == last).cloned().collect();
    assert_eq!(erased, (before.len() - expected.len()) as u64);
    for events_max in [3, 1_000] {
        assert_eq!(read_all(&log, partition, first, events_max).await?, expected, "others' events changed");
    }
    assert_eq!((log.first_offset(partition)?, log.next_offset(partition)?), (first, next), "offsets changed");
    assert_eq!(log.erase(gone).await?, 0, "erased twice");
    let after = log.append(partition, vec![like(3, 2_000)]).await?;
    assert!(after.start >= next, "an offset is used again");
    assert_eq!(log.read(partition, next, 10).await?.events, [(after.start, like(3, 2_000))]);
    Ok(())
}

async fn erasing_runs_beside_appends(log: Log) -> Result<()> {
    let gone = ViewerId::from_raw(2);
    let partition = log.partition_of(gone);
    let appending = tokio::spawn({
        let log = Arc::clone(&log);
        async move {
            for append in 0..100 {
                log.append(partition, (0..10).map(|n| like(n % 4, append * 10 + n)).collect()).await?;
            }
            Ok::<_, Error>(())
        }
    });
    let mut erased = 0;
    for _ in 0..10 {
        erased += log.erase(gone).await?;
    }
    appending.await.map_err(|_| Error::Closed)??;
    erased += log.erase(gone).await?;
    assert_eq!(erased, 100 * 3 - 100, "{erased} of the viewer's events were erased");
    let left = read_all(&log, partition, log.first_offset(partition)?, 64).await?;
    assert_eq!(left.len(), 800);
    assert!(left.iter().all(|(_, event)| event.viewer != gone));
    Ok(())
}

async fn a_closed_log_takes_nothing(log: Log) -> Result<()> {
    let partition = Partition(0);
    let range = log.append(partition, vec![like(1, 1)]).await?;
    let waiting = tokio::spawn({
        let (log, next) = (Arc::clone(&log), range.end);
        async move { log.wait_for(partition, next, PATIENCE).await }
    });
    log.close().await?;
    log.close().await?;
    assert!(matches!(waiting.await, Ok(Err(Error::Closed))), "who waits is not told of the end");
    assert!(matches!(log.append(partition, vec![like(1, 2)]).await, Err(Error::Closed)));
    assert!(matches!(log.append(partition, vec![]).await, Err(Error::Closed)));
    assert!(matches!(log.erase(ViewerId::from_raw(1)).await, Err(Error::Closed)));
    assert!(matches!(log.sync().await, Err(Error::Closed)));
    // What stands in it can still be read.
    assert_eq!(log.wait_for(partition, range.start, PATIENCE).await?, range.end);
    assert_eq!(log.read(partition, range.start, 10).await?.events, [(range.start, like(1, 1))]);
    Ok(())
}
