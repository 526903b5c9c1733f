//! Single promises, told plainly.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::*;

fn views_of(bodies: impl IntoIterator<Item = (usize, Body)>) -> Views {
    let views = Views::new(Options::default());
    for (n, (who, body)) in bodies.into_iter().enumerate() {
        views.apply(&event(n as u64, viewer(who), START_MS + n as i64, body));
    }
    views
}

fn watch(n: usize, watch_ms: u32) -> Body {
    Body::Watch(Watch { video: video(n), slate: None, watch_ms, duration_ms: 10_000 })
}

#[test]
fn likes_over_and_over_count_once() {
    let like = || (0, Body::Like { video: video(1) });
    let unlike = || (0, Body::Unlike { video: video(1) });
    let likes = |views: Views| views.counts(video(1)).likes;
    assert_eq!(likes(views_of([like(), like(), like()])), 1);
    assert_eq!(likes(views_of([like(), unlike(), unlike(), unlike()])), 0);
    assert_eq!(likes(views_of([unlike(), like(), unlike(), like()])), 1);
    assert_eq!(likes(views_of([like(), (0, Body::ViewerErased), (0, Body::ViewerErased)])), 0);
}

#[test]
fn nothing_enters_the_history_of_one_who_paused_learning() {
    let pause = |paused| (0, Body::LearningPaused { paused });
    let views = views_of([
        (0, watch(1, 9_000)),
        pause(true),
        (0, watch(2, 9_000)),
        (0, watch(1, 500)),
        (0, Body::Like { video: video(3) }),
    ]);
    let videos: Vec<_> = views.history(viewer(0), 10).iter().map(|entry| (entry.video, entry.watch_ms)).collect();
    assert_eq!(videos, [(video(1), 9_000)]);
    assert!(views.learning_paused(viewer(0)));
    assert!(views.seen(viewer(0), video(2)), "what was seen does not return, learning or not");
    assert_eq!(views.counts(video(2)).views, 1);
    views.apply(&event(9, viewer(0), START_MS + 9, pause(false).1));
    views.apply(&event(10, viewer(0), START_MS + 10, watch(2, 4_000)));
    assert_eq!(views.history(viewer(0), 1)[0].video, video(2));
}

#[test]
fn what_is_taken_out_of_the_history_stays_seen() {
    let watched: Vec<_> = (0..5).map(|n| (0, watch(n, 10_000))).collect();
    let views = views_of(watched.into_iter().chain([(0, Body::HistoryRemoved { video: Some(video(3)) })]));
    let left: Vec<_> = views.history(viewer(0), 10).iter().map(|entry| entry.video).collect();
    assert_eq!(left, [4, 2, 1, 0].map(video));
    assert!(views.seen(viewer(0), video(3)));
    views.apply(&event(99, viewer(0), START_MS, Body::HistoryRemoved { video: None }));
    assert!(views.history(viewer(0), 10).is_empty());
    assert_eq!(views.seen_snapshot(viewer(0)).len(), 5);
    views.apply(&event(100, viewer(0), START_MS, Body::ViewerErased));
    assert!(views.seen_snapshot(viewer(0)).is_empty());
    assert_eq!(views.viewer_count(), 0);
}

#[test]
fn the_history_keeps_the_latest_two_hundred() {
    let views = views_of((0..250).map(|n| (0, watch(n, 5_000))));
    let history = views.history(viewer(0), 1_000);
    assert_eq!(history.iter().map(|entry| entry.video).collect::<Vec<_>>(), (50..250).rev().map(video).collect::<Vec<_>>());
    let in_history = |views: &Views| (0..250).filter(|n| views.flags(viewer(0), video(*n)).in_history()).count();
    assert_eq!(in_history(&views), 200);
    // What fell out comes back as new, and something else goes.
    views.apply(&event(300, viewer(0), START_MS + 300, watch(7, 400)));
    assert_eq!((views.history(viewer(0), 1)[0].video, views.history(viewer(0), 1)[0].watch_ms), (video(7), 400));
    assert_eq!(in_history(&views), 200);
    // What comes in late and is older than all has no place.
    views.apply(&event(301, viewer(0), START_MS - 10, Body::Like { video: video(1) }));
    assert_eq!((in_history(&views), views.flags(viewer(0), video(1)).in_history()), (200, false));
    assert_eq!(views.seen_snapshot(viewer(0)).len(), 250);
}

#[test]
fn a_snapshot_of_the_seen_does_not_move() {
    let views = views_of([(0, watch(1, 5_000))]);
    let seen = views.seen_snapshot(viewer(0));
    views.apply(&event(5, viewer(0), START_MS, watch(2, 5_000)));
    assert!(seen.contains(video(1)) && !seen.contains(video(2)));
    assert!(views.seen_snapshot(viewer(0)).contains(video(2)));
}

#[test]
fn fresh_pages_follow_on_each_other() {
    let mut rng = base::Rng::from_seed(1);
    let views = views_of((0..50).map(|n| (0, Body::VideoPublished(facts(n, &mut rng)))).collect::<Vec<_>>());
    let all = views.fresh(100);
    assert_eq!(all.len(), 50);
    let mut pages = views.fresh(7);
    while let Some(last) = pages.last() {
        let place = (views.facts(*last).unwrap().published_at, *last);
        let page = views.fresh_before(place, 7);
        if page.is_empty() {
            break;
        }
        pages.extend(page);
    }
    assert_eq!(pages, all);
    let oldest_first: Vec<_> = views.videos().iter().rev().map(|facts| facts.video).collect();
    assert_eq!(oldest_first, all);
}

#[test]
fn damaged_and_foreign_snapshots_are_refused() {
    let views = Views::new(Options::default());
    random_log(5, 300).iter().for_each(|event| views.apply(event));
    let bytes = views.snapshot();
    for i in (0..bytes.len()).step_by(97).chain(0..14) {
        let mut flipped = bytes.clone();
        flipped[i] ^= 32;
        assert!(Views::restore(Options::default(), &flipped).is_err(), "byte {i}");
        assert!(Views::restore(Options::default(), &bytes[..i]).is_err(), "length {i}");
    }
    let other = Options { trending_half_life_ms: 1_000 };
    assert_eq!(Views::restore(other, &bytes).err(), Some(Error::HalfLife { found: 21_600_000, asked: 1_000 }));
    let mut later = bytes;
    let present = u16::from(later[8]);
    later[8] += 1;
    let refused = Error::Version { found: present + 1, expected: present };
    assert_eq!(Views::restore(Options::default(), &later).err(), Some(refused));
}

#[test]
fn readers_see_whole_states_while_events_flow() {
    let views = Arc::new(Views::new(Options::default()));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut rounds = 0u64;
                    while !done.load(Ordering::Relaxed) || rounds == 0 {
                        for n in 0..VIEWERS {
                            let history = views.history(viewer(n), 1_000);
                            assert!(history.len() <= HISTORY_ENTRIES_MAX);
                            assert!(history.iter().all(|entry| entry.flags.in_history()));
                            assert!(history.is_sorted_by(|a, b| a.at >= b.at));
                        }
                        let counts = views.counts(video(rounds as usize % VIDEOS));
                        assert!(counts.viewers <= counts.views);
                        views.fresh(50);
                        views.trending_videos(50, Timestamp::from_millis(START_MS));
                        rounds += 1;
                    }
                })
            })
            .collect();
        // However applying ends, the readers end too.
        struct Done<'d>(&'d AtomicBool);
        impl Drop for Done<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let writing = Done(&done);
        random_log(8, 20_000).iter().for_each(|event| views.apply(event));
        drop(writing);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
    let alone = Views::new(Options::default());
    random_log(8, 20_000).iter().for_each(|event| alone.apply(event));
    assert!(alone.snapshot() == views.snapshot(), "readers change the state");
}

#[test]
fn the_bench_measures() {
    let figures = bench::run(bench::Scale { videos: 300, viewers: 50, events: 5_000 }, 1);
    assert!(figures.apply_events_per_s > 0.0 && figures.seen_bytes_per_video > 10.0 && figures.seen_bytes_per_video < 60.0);
}
