use std::sync::Arc;

use base::Rng;
use proptest::prelude::*;

use super::*;
use crate::features::{HistoryItem, Outcome};
use crate::task::Task;

const LATENESS_MS: i64 = 60_000;
/// The table's two windows.
const SOON_MS: i64 = 10 * 60_000;
const LATER_MS: i64 = 30 * 60_000;

fn config() -> JoinerConfig {
    JoinerConfig { lateness_ms: LATENESS_MS, ..JoinerConfig::default() }
}

fn video(id: u64) -> Arc<VideoFeatures> {
    Arc::new(VideoFeatures { video: id, creator: 1_000 + id, duration_ms: 10_000, ..Default::default() })
}

fn viewer(id: u64) -> ViewerFeatures {
    let history = [HistoryItem::new(&video(900), (Outcome::Liked, 1.0), 0)];
    ViewerFeatures { viewer: id, history: Arc::new(history), ..Default::default() }
}

#[derive(Clone, Debug)]
enum Given {
    Slate(u64, u64, Vec<u64>),
    Event(Event),
}

fn impression(viewer: u64, video: u64, slate: u64, at_ms: i64) -> Given {
    Given::Event(Event::Impression(Impression { viewer, video, slate: Some(slate), at_ms }))
}

fn watch(viewer: u64, video: u64, slate: u64, at_ms: i64, watch_ms: u32) -> Given {
    Given::Event(Event::Watch(Watch {
        viewer,
        video,
        slate: Some(slate),
        at_ms,
        watch_ms,
        duration_ms: 10_000,
        judged: Labels::none(),
    }))
}

fn action(viewer: u64, target: Target, task: Task, at_ms: i64) -> Given {
    Given::Event(Event::Action(Action { viewer, target, task, at_ms }))
}

fn give(joiner: &mut Joiner, given: &Given, at_ms: i64, out: &mut Vec<Example>) {
    match given {
        Given::Slate(slate, who, videos) => {
            joiner.slate(*slate, viewer(*who), videos.iter().map(|id| video(*id)).collect(), at_ms, out);
        }
        Given::Event(Event::Impression(event)) => joiner.impression(event, || None, out),
        Given::Event(Event::Watch(event)) => joiner.watch(event, || None, out),
        Given::Event(Event::Action(event)) => joiner.action(event, out),
    }
}

/// An example in a line: viewer, video, time of its features, labels, and its weight where that is not 1.
fn told(example: &Example) -> String {
    let names = Task::ALL.into_iter().filter_map(|task| Some(format!("{}={}", task.name(), example.labels.get(task)?)));
    let weight = if example.weight == 1.0 { String::new() } else { format!(" x{}", example.weight) };
    let names = names.collect::<Vec<_>>().join(" ");
    format!("{}:{} @{} {names}{weight}", example.viewer.viewer, example.video.video, example.at_ms)
}

/// Runs (arrival, time, event) in order, ticking with each arrival, and closes everything at the end.
fn run(joiner: &mut Joiner, events: &[(i64, i64, Given)]) -> Vec<Example> {
    let mut out = Vec::new();
    for (arrival_ms, at_ms, given) in events {
        joiner.tick(*arrival_ms, &mut out);
        give(joiner, given, *at_ms, &mut out);
    }
    out
}

fn check(events: &[(i64, Given)], expected: &[&str]) -> Counters {
    let mut joiner = Joiner::new(config());
    let timed: Vec<_> = events.iter().map(|(at, given)| (*at, *at, given.clone())).collect();
    let mut out = run(&mut joiner, &timed);
    joiner.tick(1 << 40, &mut out);
    assert_eq!(out.iter().map(told).collect::<Vec<_>>(), expected);
    assert_eq!(joiner.held(), (0, 0, 0), "all is let go in the end");
    joiner.counters()
}

const NOT_SOON: &str = "1:7 @0 click=0 like=0";
const NOT_LATER: &str = "1:7 @0 follow=0 comment=0 share=0 save=0 not_interested=0 report=0";

#[test]
fn a_view_and_its_actions() {
    check(
        &[
            (0, Given::Slate(5, 1, vec![7, 8])),
            (10, impression(1, 7, 5, 10)),
            (3_000, action(1, Target::Video(7), Task::Like, 3_000)),
            (3_500, action(1, Target::Video(7), Task::Like, 3_500)),
            (9_000, action(1, Target::Creator(1_007), Task::Follow, 9_000)),
            (9_990, watch(1, 7, 5, 9_990, 9_900)),
        ],
        &[
            "1:7 @0 like=1",
            "1:7 @0 follow=1",
            "1:7 @0 finish=1 long_view=1 watch_time=0.99 skip=0",
            "1:7 @0 click=0",
            "1:7 @0 comment=0 share=0 save=0 not_interested=0 report=0",
        ],
    );
}

#[test]
fn each_task_has_its_window_and_views_wait_for_none() {
    let mut joiner = Joiner::new(config());
    let mut out = Vec::new();
    let mut told_at = |at_ms: i64, given: &[Given]| {
        let mut out = Vec::new();
        joiner.tick(at_ms, &mut out);
        given.iter().for_each(|given| give(&mut joiner, given, at_ms, &mut out));
        (out.iter().map(told).collect::<Vec<_>>(), joiner.counters().late)
    };
    let shown = [Given::Slate(5, 1, vec![7]), impression(1, 7, 5, 0), watch(1, 7, 5, 0, 9_900)];
    assert_eq!(told_at(0, &shown).0, ["1:7 @0 finish=1 long_view=1 watch_time=0.99 skip=0"], "at once");
    let closes_ms = SOON_MS + LATENESS_MS;
    assert_eq!(told_at(closes_ms - 1, &[]).0, [""; 0]);
    assert_eq!(told_at(closes_ms, &[]).0, [NOT_SOON]);
    // A like is too late now, a comment is not: it says yes at once.
    let deeds = [Task::Like, Task::Comment].map(|task| action(1, Target::Video(7), task, closes_ms));
    assert_eq!(told_at(closes_ms, &deeds), (vec!["1:7 @0 comment=1".into()], 0));
    assert_eq!(told_at(closes_ms + LATENESS_MS, &[]), (vec![], 1), "late when nothing can come any more that it belongs to");
    let (labels, late) = told_at(LATER_MS + LATENESS_MS, &[action(1, Target::Creator(1_007), Task::Follow, LATER_MS)]);
    assert_eq!(labels, ["1:7 @0 follow=0 share=0 save=0 not_interested=0 report=0"]);
    assert_eq!(late, 2, "done in time, but not heard of");

    // Held to one window, all close together.
    let mut short = Joiner::new(JoinerConfig { window_max_ms: SOON_MS, ..config() });
    run(&mut short, &[(0, 0, shown[0].clone()), (0, 0, shown[1].clone())]);
    short.tick(closes_ms, &mut out);
    let all = "1:7 @0 click=0 like=0 follow=0 comment=0 share=0 save=0 not_interested=0 report=0";
    assert_eq!(out.iter().map(told).collect::<Vec<_>>(), [all]);
}

#[test]
fn the_oldest_is_closed_first_when_memory_is_short() {
    let (mut joiner, mut out) = (Joiner::new(JoinerConfig { entries_max: 2, ..config() }), Vec::new());
    for n in 0..4 {
        let at_ms = n as i64 * 2 * LATER_MS / 3;
        joiner.tick(at_ms, &mut out);
        give(&mut joiner, &Given::Slate(n, n, vec![n]), at_ms, &mut out);
        give(&mut joiner, &impression(n, n, n, at_ms), at_ms, &mut out);
        if n == 1 {
            let bytes = joiner.to_bytes().unwrap();
            joiner = Joiner::from_bytes(JoinerConfig { entries_max: 2, ..config() }, &bytes).unwrap();
        }
    }
    // The first two were only remembered by then: what is still waited for keeps its place.
    assert_eq!(joiner.counters().closed_early, 0, "{:?}", out.iter().map(told).collect::<Vec<_>>());
    joiner.tick(1 << 40, &mut out);
    assert_eq!((out.len(), joiner.held()), (8, (0, 0, 0)));
}

#[test]
fn a_view_without_its_impression_opens_the_entry() {
    let counters = check(
        &[(0, Given::Slate(5, 1, vec![7])), (1_000, watch(1, 7, 5, 1_000, 500))],
        &["1:7 @0 finish=0 long_view=0 watch_time=0.05 skip=1", NOT_SOON, NOT_LATER],
    );
    assert_eq!((counters.watch_examples, counters.negative_examples), (1, 2));
}

#[test]
fn a_longer_view_gives_what_it_raises() {
    check(
        &[
            (0, Given::Slate(5, 1, vec![7])),
            (10, impression(1, 7, 5, 10)),
            (1_000, watch(1, 7, 5, 1_000, 500)),
            (2_000, watch(1, 7, 5, 2_000, 500)),
            (20_000, watch(1, 7, 5, 20_000, 10_000)),
        ],
        &["1:7 @0 finish=0 long_view=0 watch_time=0.05 skip=1", "1:7 @0 finish=1 long_view=1 skip=0", NOT_SOON, NOT_LATER],
    );
}

#[test]
fn what_is_late_or_foreign_is_counted_and_dropped() {
    let late_ms = 10 + LATER_MS + LATENESS_MS;
    let counters = check(
        &[
            (0, Given::Slate(5, 1, vec![7])),
            (10, impression(1, 7, 5, 10)),
            (20, impression(1, 99, 5, 20)),
            (30, impression(2, 7, 5, 30)),
            (40, impression(1, 7, 6, 40)),
            (50, action(1, Target::Video(7), Task::Finish, 50)),
            (60, action(1, Target::Video(8), Task::Like, 60)),
            (late_ms, action(1, Target::Video(7), Task::Save, 70)),
            (late_ms + 1, impression(1, 7, 5, 10)),
        ],
        &[NOT_SOON, NOT_LATER],
    );
    let got = (counters.late, counters.refused, counters.unmatched, counters.duplicates);
    assert_eq!(got, (1, 3, 2, 1), "{counters:?}");
}

#[test]
fn an_event_without_a_slate_brings_its_features() {
    let (mut joiner, mut out) = (Joiner::new(config()), Vec::new());
    joiner.tick(100, &mut out);
    let event =
        Watch { viewer: 1, video: 7, slate: None, at_ms: 100, watch_ms: 10_000, duration_ms: 0, judged: Labels::none() };
    joiner.watch(&event, || Some((viewer(1), video(7))), &mut out);
    joiner.watch(&event, || Some((viewer(1), video(7))), &mut out);
    joiner.watch(&Watch { video: 8, ..event }, || None, &mut out);
    joiner.tick(1 << 40, &mut out);
    assert_eq!(out.len(), 3, "{:?}", out.iter().map(told).collect::<Vec<_>>());
    assert_eq!((joiner.counters().duplicates, joiner.counters().refused), (1, 1));
}

#[test]
fn memory_is_bounded_and_negatives_survive_it() {
    let limits = JoinerConfig { entries_max: 10, slates_max: 5, waiting_max: 4, ..config() };
    let (mut joiner, mut out) = (Joiner::new(limits), Vec::new());
    for n in 0..100u64 {
        let at_ms = n as i64;
        joiner.tick(at_ms, &mut out);
        give(&mut joiner, &Given::Slate(n, n, vec![n]), at_ms, &mut out);
        give(&mut joiner, &impression(n, n, n, at_ms), at_ms, &mut out);
        give(&mut joiner, &impression(n, n, 1_000 + n, at_ms), at_ms, &mut out);
        let (slates, entries, waiting) = joiner.held();
        assert!(slates <= 5 && entries <= 10 && waiting <= 4);
    }
    let counters = joiner.counters();
    assert_eq!((counters.closed_early, counters.slates_dropped, counters.waiting_dropped), (90, 95, 96));
    assert_eq!(out.len(), 90);
}

#[test]
fn of_the_noes_a_share_is_given() {
    let given = |seed: u64, negatives_kept: f32| {
        let mut joiner = Joiner::new(JoinerConfig { negatives_kept, seed, ..config() });
        let mut out = Vec::new();
        for n in 0..400u64 {
            give(&mut joiner, &Given::Slate(n, n, vec![n]), 0, &mut out);
            give(&mut joiner, &watch(n, n, n, 10_000, 9_900), 0, &mut out);
        }
        assert_eq!(out.len(), 400, "what says yes is given, at once");
        joiner.tick(1 << 40, &mut out);
        let counters = joiner.counters();
        assert_eq!(counters.negative_examples + counters.negatives_dropped, 800);
        let weight: f32 = out[400..].iter().map(|example| example.weight).sum();
        (out[400..].iter().map(|example| example.viewer.viewer).collect::<Vec<_>>(), weight)
    };
    let all: Vec<u64> = (0..400).chain(0..400).collect();
    assert_eq!(given(1, 1.0), (all, 800.0));
    let (kept, weight) = given(1, 0.25);
    assert!((140..260).contains(&kept.len()) && weight == 4.0 * kept.len() as f32, "{kept:?}");
    assert_eq!(given(1, 0.25).0, kept, "the same ones again");
    assert_ne!(given(2, 0.25).0, kept, "others under another seed");
    for broken in [0.0, -1.0, f32::NAN] {
        assert!((30..160).contains(&given(1, broken).0.len()), "held to a tenth");
    }
}

#[test]
fn a_forgotten_viewer_leaves_nothing() {
    let (mut joiner, mut out) = (Joiner::new(config()), Vec::new());
    for who in [1, 2] {
        give(&mut joiner, &Given::Slate(who, who, vec![7]), 0, &mut out);
        give(&mut joiner, &impression(who, 7, who, 0), 0, &mut out);
        give(&mut joiner, &action(who, Target::Video(70), Task::Like, 0), 0, &mut out);
    }
    joiner.forget_viewer(1);
    assert_eq!(joiner.held(), (1, 1, 1));
    joiner.tick(1 << 40, &mut out);
    assert!(out.iter().all(|example| example.viewer.viewer == 2));
}

/// A chance afternoon: viewers, slates, each clip seen once per viewer, views and actions within the windows.
fn afternoon(seed: u64) -> Vec<(i64, Given)> {
    let mut rng = Rng::from_seed(seed);
    let mut events = Vec::new();
    for slate in 0..8u64 {
        let who = 1 + rng.below(3) as u64;
        let start_ms = slate as i64 * 200_000 + rng.below(100_000) as i64;
        let videos: Vec<u64> = (0..4).map(|n| 10 * slate + n).collect();
        events.push((start_ms, Given::Slate(slate, who, videos.clone())));
        for (place, id) in videos.into_iter().enumerate() {
            let at_ms = start_ms + 10_000 * place as i64 + rng.below(5_000) as i64;
            if rng.chance(0.9) {
                events.push((at_ms, impression(who, id, slate, at_ms)));
            } else {
                continue;
            }
            let watch_ms = rng.below(20_000) as u32;
            if rng.chance(0.8) {
                let end_ms = at_ms + i64::from(watch_ms);
                events.push((end_ms, watch(who, id, slate, end_ms, watch_ms)));
            }
            for task in [Task::Like, Task::Save, Task::Share, Task::NotInterested] {
                if rng.chance(0.2) {
                    let Source::Action { window_ms } = task.spec().source else { unreachable!() };
                    let when_ms = at_ms + rng.below(window_ms as usize) as i64;
                    events.push((when_ms, action(who, Target::Video(id), task, when_ms)));
                }
            }
            if rng.chance(0.2) {
                let when_ms = at_ms + rng.below(60_000) as i64;
                events.push((when_ms, action(who, Target::Creator(1_000 + id), Task::Follow, when_ms)));
            }
        }
    }
    events
}

fn sorted(mut examples: Vec<Example>) -> Vec<String> {
    let mut lines: Vec<String> = examples.drain(..).map(|example| told(&example)).collect();
    lines.sort();
    lines
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn order_and_repetition_do_not_change_the_examples(seed in any::<u64>()) {
        let events = afternoon(seed);
        let mut rng = Rng::from_seed(seed).child("arrival");
        let mut in_order: Vec<_> = events.iter().map(|(at, given)| (*at, *at, given.clone())).collect();
        in_order.sort_by_key(|(arrival, _, _)| *arrival);
        let mut shuffled = Vec::new();
        for (at, given) in &events {
            for _ in 0..1 + usize::from(rng.chance(0.3)) {
                shuffled.push((at + rng.below(LATENESS_MS as usize) as i64, *at, given.clone()));
            }
        }
        shuffled.sort_by_key(|(arrival, _, _)| *arrival);

        let config = JoinerConfig { negatives_kept: if seed % 2 == 0 { 1.0 } else { 0.5 }, seed, ..config() };
        let mut joiner = Joiner::new(config);
        let mut expected = run(&mut joiner, &in_order);
        joiner.tick(1 << 40, &mut expected);
        prop_assert!(joiner.counters().late == 0 && joiner.counters().unmatched == 0);

        // Half way through, the joiner is written down and read again.
        let (first, second) = shuffled.split_at(shuffled.len() / 2);
        let mut joiner = Joiner::new(config);
        let mut got = run(&mut joiner, first);
        let bytes = joiner.to_bytes().unwrap();
        let mut joiner = Joiner::from_bytes(config, &bytes).unwrap();
        prop_assert_eq!(joiner.to_bytes().unwrap(), bytes);
        got.extend(run(&mut joiner, second));
        joiner.tick(1 << 40, &mut got);
        prop_assert_eq!(sorted(got), sorted(expected));
    }

    #[test]
    fn broken_bytes_are_refused(seed in any::<u64>(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut joiner = Joiner::new(config());
        run(&mut joiner, &afternoon(seed).into_iter().map(|(at, given)| (at, at, given)).collect::<Vec<_>>());
        let mut bytes = joiner.to_bytes().unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(Joiner::from_bytes(config(), &bytes).is_err());
        prop_assert!(Joiner::from_bytes(config(), &bytes[..at]).is_err());
    }
}
