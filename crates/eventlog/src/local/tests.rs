use std::path::PathBuf;

use base::{ManualClock, Rng, Timestamp, VideoId};
use tempfile::TempDir;

use super::*;
use crate::testing::{conformance, event, sample_bodies};
use crate::{Body, EventId, MemoryLog, Watch};

const P: Partition = Partition(0);

fn open(folder: &TempDir, options: LocalOptions) -> Result<LocalLog> {
    LocalLog::open(folder.path(), options, Arc::new(ManualClock::default()))
}

fn small() -> LocalOptions {
    LocalOptions { segment_bytes: 4 << 10, ..LocalOptions::default() }
}

fn watch(viewer: u64, number: u64) -> Event {
    Event {
        id: EventId(u128::from(number) * 0x1_0000_0000_0001),
        viewer: ViewerId::from_raw(viewer),
        at: Timestamp::from_millis(number as i64),
        received: Timestamp::from_millis(number as i64),
        body: Body::Watch(Watch {
            video: VideoId::from_raw(number),
            slate: None,
            watch_ms: number as u32,
            duration_ms: 10_000,
        }),
    }
}

async fn all_of(log: &LocalLog) -> Vec<(Offset, Event)> {
    let (mut all, mut at) = (Vec::new(), log.first_offset(P).unwrap());
    while at < log.next_offset(P).unwrap() {
        let page = log.read(P, at, 1_000).await.unwrap();
        all.extend(page.events);
        at = page.next;
    }
    all
}

fn segments_in(folder: &TempDir) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        std::fs::read_dir(folder.path().join("p0000")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_keep_what_the_trait_promises() {
    conformance::run(async || Arc::new(MemoryLog::new(1)) as Arc<dyn EventLog>).await.unwrap();
    conformance::run(async || Arc::new(MemoryLog::new(5)) as Arc<dyn EventLog>).await.unwrap();
    let folders = TempDir::new().unwrap();
    let made = std::cell::Cell::new(0);
    for options in [LocalOptions::default(), small(), LocalOptions { partitions: 3, ..small() }] {
        let make = async || {
            made.set(made.get() + 1);
            let folder = folders.path().join(made.get().to_string());
            Arc::new(LocalLog::open(&folder, options.clone(), Arc::new(ManualClock::default())).unwrap()) as Arc<dyn EventLog>
        };
        conformance::run(make).await.unwrap();
    }
}

#[tokio::test]
async fn a_log_is_found_again() {
    let folder = TempDir::new().unwrap();
    let mut rng = Rng::from_seed(4);
    let mut expected = Vec::new();
    for round in 0..4 {
        let log = open(&folder, small()).unwrap();
        assert_eq!(log.recovered().torn_bytes, 0);
        assert_eq!(all_of(&log).await, expected, "round {round}");
        for _ in 0..20 {
            let events: Vec<_> =
                sample_bodies(&mut rng).into_iter().map(|body| event(&mut rng, ViewerId::from_raw(9), body)).collect();
            let range = log.append(P, events.clone()).await.unwrap();
            expected.extend((range.start.0..).map(Offset).zip(events));
        }
        // Ended in order one time, dropped the next.
        if round % 2 == 0 {
            log.close().await.unwrap();
        }
    }
    assert!(segments_in(&folder).len() > 4, "segments do not roll");
    let log = open(&folder, small()).unwrap();
    assert_eq!(log.verify().unwrap(), expected.len() as u64);
}

/// Copies a log with its last segment changed, as if the machine had died then.
fn copy_with_last(from: &TempDir, change: impl Fn(&mut Vec<u8>)) -> TempDir {
    let copy = TempDir::new().unwrap();
    std::fs::create_dir(copy.path().join("p0000")).unwrap();
    std::fs::copy(from.path().join("form"), copy.path().join("form")).unwrap();
    let paths = segments_in(from);
    for path in &paths {
        let mut bytes = std::fs::read(path).unwrap();
        if path == paths.last().unwrap() {
            change(&mut bytes);
        }
        std::fs::write(copy.path().join("p0000").join(path.file_name().unwrap()), bytes).unwrap();
    }
    copy
}

/// A log of some appends in its last segment, never closed; where each ends in that segment, and what stood in it then.
async fn some_appends(folder: &TempDir) -> (LocalLog, Vec<(u64, Vec<(Offset, Event)>)>) {
    let log = open(folder, small()).unwrap();
    let mut number = 0;
    // A few segments before the one that is looked at.
    while segments_in(folder).len() < 3 {
        log.append(P, (0..30).map(|n| watch(n % 3, number + n)).collect()).await.unwrap();
        number += 30;
    }
    let length = || std::fs::metadata(segments_in(folder).last().unwrap()).unwrap().len();
    let mut ends = vec![(length(), all_of(&log).await)];
    for count in [1, 3, 2, 1] {
        log.append(P, (0..count).map(|n| watch(n % 3, number + n)).collect()).await.unwrap();
        number += count;
        ends.push((length(), all_of(&log).await));
    }
    (log, ends)
}

#[tokio::test]
async fn a_tail_cut_anywhere_loses_nothing_before_it() {
    let folder = TempDir::new().unwrap();
    let (_log, ends) = some_appends(&folder).await;
    let (whole, _) = *ends.last().as_ref().unwrap();
    let (first, _) = ends[0];
    for length in (0..first).step_by(53).chain(first..=*whole) {
        let copy = copy_with_last(&folder, |bytes| bytes.truncate(length as usize));
        let log = open(&copy, small()).unwrap();
        let there = all_of(&log).await;
        match ends.iter().rev().find(|(end, _)| *end <= length) {
            Some((end, expected)) => {
                assert_eq!(&there, expected, "cut at {length}");
                assert_eq!(log.recovered().torn_bytes, length - end);
                assert_eq!(log.recovered().torn_tails, usize::from(length > *end));
            }
            None => assert!(there.len() < ends[0].1.len() && ends[0].1.starts_with(&there)),
        }
        // And it goes on.
        if length % 16 != 0 {
            continue;
        }
        let range = log.append(P, vec![watch(1, 77)]).await.unwrap();
        assert_eq!(all_of(&log).await.last(), Some(&(range.start, watch(1, 77))));
        drop(log);
        assert_eq!(open(&copy, small()).unwrap().recovered().torn_bytes, 0);
    }
}

#[tokio::test]
async fn damage_to_what_was_acknowledged_is_an_error() {
    let folder = TempDir::new().unwrap();
    let (log, ends) = some_appends(&folder).await;
    let (before_last, _) = &ends[ends.len() - 2];
    let last_base = segments_in(&folder).last().unwrap().clone();
    let check = |copy: &TempDir, position: usize| match open(copy, small()) {
        Err(Error::Corrupt { segment, position: found, .. }) => {
            assert_eq!(segment.file_name(), last_base.file_name());
            assert!(found <= position as u64, "damage at {position} is reported at {found}");
        }
        other => panic!("damage at {position}: {:?}", other.map(|log| log.recovered())),
    };
    // Of a log that was not closed: everything before the last append is known to have been durable.
    for position in (0..*before_last as usize).step_by(7) {
        let copy = copy_with_last(&folder, |bytes| bytes[position] ^= 1 << (position % 8));
        check(&copy, position);
    }
    // Of one that was closed: everything.
    log.close().await.unwrap();
    let (whole, _) = ends.last().unwrap();
    let (first, _) = ends[0];
    for position in (0..first as usize).step_by(53).chain(first as usize..*whole as usize) {
        let copy = copy_with_last(&folder, |bytes| bytes[position] ^= 1 << (position % 8));
        check(&copy, position);
    }
}

#[tokio::test]
async fn damage_in_an_old_segment_is_named_when_it_is_read() {
    let folder = TempDir::new().unwrap();
    let (log, _) = some_appends(&folder).await;
    log.close().await.unwrap();
    drop(log);
    let old = segments_in(&folder)[1].clone();
    let bytes = std::fs::read(&old).unwrap();
    for position in (0..bytes.len()).step_by(61) {
        let mut flipped = bytes.clone();
        flipped[position] ^= 16;
        std::fs::write(&old, flipped).unwrap();
        let log = open(&folder, small()).unwrap();
        let read = log.read(P, Offset(0), 20_000).await;
        let Err(Error::Corrupt { segment, position: found, .. }) = read else { panic!("damage at {position}: {read:?}") };
        assert_eq!(segment, old);
        assert!(found <= position as u64);
        assert!(matches!(log.verify(), Err(Error::Corrupt { .. })));
    }
    // A segment that is cut short or gone is damage too.
    std::fs::write(&old, &bytes[..bytes.len() - 1]).unwrap();
    assert!(matches!(open(&folder, small()).unwrap().read(P, Offset(0), 20_000).await, Err(Error::Corrupt { .. })));
    std::fs::remove_file(&old).unwrap();
    assert!(matches!(open(&folder, small()).unwrap().read(P, Offset(0), 20_000).await, Err(Error::Corrupt { .. })));
    assert!(matches!(open(&folder, small()).unwrap().verify(), Err(Error::Corrupt { .. })));
}

#[tokio::test]
async fn a_frame_that_claims_to_be_too_large_is_refused() {
    let folder = TempDir::new().unwrap();
    let log = open(&folder, small()).unwrap();
    log.append(P, vec![watch(1, 1)]).await.unwrap();
    log.close().await.unwrap();
    drop(log);
    let copy = copy_with_last(&folder, |bytes| {
        let length = segment::SEGMENT_HEAD_BYTES + 4;
        bytes[length..length + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    });
    let refused = open(&copy, small()).map(drop);
    assert!(
        matches!(refused, Err(Error::Corrupt { what: "a frame says that it is larger than any may be", .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn erased_events_stand_in_no_file() {
    let folder = TempDir::new().unwrap();
    let log = open(&folder, small()).unwrap();
    let gone = ViewerId::from_raw(0x1234_5678_9abc);
    let mark = postcard::to_allocvec(&gone).unwrap();
    for start in (0..3_000).step_by(50) {
        let events = (start..start + 50).map(|n| watch(if n % 7 == 0 { gone.raw() } else { n % 5 }, n)).collect();
        log.append(P, events).await.unwrap();
    }
    let holds_mark = |path: &PathBuf| std::fs::read(path).unwrap().windows(mark.len()).any(|bytes| bytes == mark);
    assert!(segments_in(&folder).iter().any(holds_mark));
    let mut expected = all_of(&log).await;
    // A reader stands in the midst of a page meanwhile.
    let page = log.read(P, Offset(0), 13).await.unwrap();
    assert_eq!(log.erase(gone).await.unwrap(), 429);
    expected.retain(|(_, event)| event.viewer != gone);
    assert!(!segments_in(&folder).iter().any(holds_mark));
    assert_eq!(all_of(&log).await, expected);
    let on = log.read(P, page.next, 20).await.unwrap().events;
    let from = expected.iter().position(|(offset, _)| *offset >= page.next).unwrap();
    assert_eq!(on, expected[from..from + 20]);
    let range = log.append(P, vec![watch(1, 4_000)]).await.unwrap();
    expected.push((range.start, watch(1, 4_000)));
    drop(log);
    // What a crash between writing and renaming leaves is cleared away.
    let left = segments_in(&folder)[0].with_extension("unfinished");
    std::fs::write(&left, b"half").unwrap();
    let log = open(&folder, small()).unwrap();
    assert!(!left.exists());
    assert_eq!(all_of(&log).await, expected);
    assert_eq!(log.verify().unwrap(), expected.len() as u64);
}

/// A reader that stood in a segment while it was rewritten, and one that looks for the middle of it afterwards.
#[tokio::test]
async fn readers_find_their_place_in_a_rewritten_segment() {
    let folder = TempDir::new().unwrap();
    let log = open(&folder, LocalOptions::default()).unwrap();
    for start in (0..30_000).step_by(500) {
        log.append(P, (start..start + 500).map(|n| watch(n % 3, n)).collect()).await.unwrap();
    }
    let mut standing = Cursor::at(Arc::clone(&log.partitions[0]), Offset(0));
    assert_eq!(standing.read(1_200).unwrap().next, Offset(1_200));
    let from_middle = |log: &LocalLog| Cursor::at(Arc::clone(&log.partitions[0]), Offset(20_000)).read(4).unwrap();
    assert_eq!(from_middle(&log).events[0], (Offset(20_000), watch(2, 20_000)));
    assert_eq!(log.erase(ViewerId::from_raw(1)).await.unwrap(), 10_000);
    let offsets = |page: Page| page.events.into_iter().map(|(offset, _)| offset.0).collect::<Vec<_>>();
    assert_eq!(offsets(standing.read(4).unwrap()), [1_200, 1_202, 1_203, 1_205]);
    assert_eq!(offsets(from_middle(&log)), [20_000, 20_001, 20_003, 20_004]);
    assert!(Files::open(folder.path().join("p0000"), 0).is_ok());
}

#[tokio::test]
async fn what_grows_old_without_appends_goes_too() {
    let folder = TempDir::new().unwrap();
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(2_000)));
    let retention = Retention { bytes_max: None, age_ms_max: Some(10_000) };
    let log = LocalLog::open(folder.path(), LocalOptions { retention, ..small() }, clock.clone()).unwrap();
    for start in (0..2_000).step_by(20) {
        log.append(P, (start..start + 20).map(|n| watch(n % 5, n)).collect()).await.unwrap();
    }
    assert_eq!(log.trim().await.unwrap(), 0, "nothing is older than ten seconds yet");
    let before = segments_in(&folder).len();
    clock.advance_millis(58_000);
    let removed = log.trim().await.unwrap();
    assert!(removed > 8 && segments_in(&folder).len() == before - removed, "{removed} of {before}");
    assert_eq!(all_of(&log).await.len() as u64, 2_000 - log.first_offset(P).unwrap().0);
}

#[tokio::test]
async fn old_segments_go_by_bytes_and_by_age() {
    async fn check(retention: Retention, now_ms: i64, kept: std::ops::RangeInclusive<usize>) {
        let folder = TempDir::new().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(now_ms)));
        let options = LocalOptions { retention: retention.clone(), ..small() };
        let log = LocalLog::open(folder.path(), options.clone(), clock).unwrap();
        for start in (0..2_000).step_by(20) {
            log.append(P, (start..start + 20).map(|n| watch(n % 5, n)).collect()).await.unwrap();
        }
        let segments = segments_in(&folder);
        assert!(kept.contains(&segments.len()), "{retention:?}: {} segments", segments.len());
        let first = log.first_offset(P).unwrap();
        let all = all_of(&log).await;
        assert_eq!(all.len() as u64, 2_000 - first.0);
        assert_eq!(all[0].0, first);
        if first > Offset(0) {
            assert!(matches!(log.read(P, Offset(0), 1).await, Err(Error::Gone { first: f, .. }) if f == first));
        }
        drop(log);
        let log = open(&folder, options).unwrap();
        assert_eq!((log.first_offset(P).unwrap(), all_of(&log).await), (first, all));
    }
    check(Retention::default(), i64::MAX, 12..=16).await;
    check(Retention { bytes_max: Some(20 << 10), age_ms_max: None }, 0, 4..=6).await;
    // Received times are 0 to 1,999: all but the last segments are older than 500 at 2,000.
    check(Retention { bytes_max: None, age_ms_max: Some(500) }, 2_000, 4..=6).await;
    check(Retention { bytes_max: None, age_ms_max: Some(1) }, 1 << 40, 1..=2).await;
}

#[tokio::test]
async fn a_full_queue_is_busy_at_once() {
    let queue = Queue::new(2, 1_000);
    let append = |bytes: usize| {
        let (answer, answered) = oneshot::channel();
        (Append { partition: 0, frame: vec![0; bytes], events: 1, answer }, answered)
    };
    let (first, waiting) = append(5_000);
    queue.push_append(first).unwrap();
    assert!(matches!(queue.push_append(append(10).0), Err(Error::Busy)), "bytes");
    assert_eq!(queue.take_all().len(), 1);
    queue.push_append(append(10).0).unwrap();
    queue.push_append(append(10).0).unwrap();
    assert!(matches!(queue.push_append(append(10).0), Err(Error::Busy)), "appends");
    queue.abandon();
    assert!(matches!(queue.push_append(append(10).0), Err(Error::Closed)));
    assert!(waiting.await.is_err());
}

#[tokio::test]
async fn a_folder_is_open_once_and_of_one_form() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let open = |options: LocalOptions| LocalLog::open(&path, options, Arc::new(ManualClock::default()));
    let log = open(LocalOptions { partitions: 2, ..small() }).unwrap();
    assert!(matches!(open(small()), Err(Error::Locked(_))));
    drop(log);
    assert!(matches!(open(small()), Err(Error::PartitionsDiffer { found: 2, asked: 1 })));
    for (name, mode) in [("", 0o700), ("p0001", 0o700), ("form", 0o600), ("p0001/00000000000000000000.segment", 0o600)] {
        let found = std::fs::metadata(path.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{name}");
    }
    for options in [
        LocalOptions { partitions: 0, ..small() },
        LocalOptions { segment_bytes: 10, ..small() },
        LocalOptions { queue_appends_max: 0, ..small() },
    ] {
        assert!(matches!(open(options), Err(Error::Option { .. })));
    }
    std::fs::write(path.join("form"), "something else").unwrap();
    assert!(matches!(open(LocalOptions { partitions: 2, ..small() }), Err(Error::Corrupt { .. })));
}

/// Writes fail when the file can no longer be written to: nothing is acknowledged, and what was stays.
#[tokio::test]
async fn a_failed_write_is_told_and_leaves_the_log_whole() {
    let folder = TempDir::new().unwrap();
    let (files, active, _) = Files::open(folder.path().join("p0000"), 0).unwrap();
    let readable = File::open(&active.segment.path).unwrap();
    let mut lane = Lane::new(Arc::clone(&files), files::Active { file: readable, ..active });
    assert!(lane.write(b"frame").is_err());
    assert_eq!(files.end.borrow().next, Offset(0));
}

/// A folder as the first version left it is read, and goes on in the second; a program of the first would not open it again.
#[tokio::test]
async fn a_log_of_the_first_version_is_read_and_gone_on_with() {
    let folder = TempDir::new().unwrap();
    let partition = folder.path().join("p0000");
    std::fs::create_dir_all(&partition).unwrap();
    std::fs::write(folder.path().join("form"), "watershed event log 1\npartitions 1\n").unwrap();
    // Viewer 1: a slate of one item, without a trial, then a like. Viewer 2: a like.
    let slate = [&[0xac, 2, 1, 1, 4, 0, 9, 1, 2, 3, 4, 0, 5, 1, 7][..], &[0, 0, 0, 0x3f], &[3]].concat();
    let mut frame = vec![0; frame::FRAME_HEAD_BYTES];
    frame::push_entry(&mut frame, 0, &slate);
    frame::push_entry(&mut frame, 1, &[0xad, 2, 1, 1, 4, 3, 7]);
    frame::push_entry(&mut frame, 2, &[0xae, 2, 2, 1, 4, 3, 7]);
    frame::finish_frame(1, &mut frame, 3, 3, 0, 24);
    let first = partition.join("00000000000000000000.segment");
    std::fs::write(first, [&segment::segment_head(0, 0)[..], &frame].concat()).unwrap();

    let log = open(&folder, small()).unwrap();
    let form = std::fs::read_to_string(folder.path().join("form")).unwrap();
    assert_eq!(form, "watershed event log 2\npartitions 1\n");
    let item = crate::SlateItem { video: VideoId::from_raw(7), propensity: 0.5, source: 3 };
    let context = crate::Context { hour: 1, weekday: 2, device: 3, language: 4, tab: 0, depth: 5 };
    let then = crate::Slate { slate: base::SlateId::from_raw(9), context, items: vec![item], trial: None };
    let told = |id: u128, viewer: u64, body: Body| Event { id: EventId(id), body, ..watch(viewer, 0) };
    let like = Body::Like { video: VideoId::from_raw(7) };
    let at = |event: Event| Event { at: Timestamp::from_millis(-1), received: Timestamp::from_millis(2), ..event };
    let mut expected: Vec<_> =
        vec![at(told(300, 1, Body::Slate(then))), at(told(301, 1, like.clone())), at(told(302, 2, like))];
    let mut rng = Rng::from_seed(5);
    let added: Vec<_> = sample_bodies(&mut rng).into_iter().map(|body| event(&mut rng, ViewerId::from_raw(3), body)).collect();
    log.append(P, added.clone()).await.unwrap();
    expected.extend(added);
    let events = |all: Vec<(Offset, Event)>| all.into_iter().map(|(_, event)| event).collect::<Vec<_>>();
    assert_eq!(events(all_of(&log).await), expected);
    // A rewritten frame of the first version stays one.
    assert_eq!(log.erase(ViewerId::from_raw(2)).await.unwrap(), 1);
    expected.remove(2);
    assert_eq!(events(all_of(&log).await), expected);
    drop(log);
    assert_eq!(events(all_of(&open(&folder, small()).unwrap()).await), expected);
    std::fs::write(folder.path().join("form"), "watershed event log 3\npartitions 1\n").unwrap();
    assert!(matches!(open(&folder, small()), Err(Error::Corrupt { .. })));
}
