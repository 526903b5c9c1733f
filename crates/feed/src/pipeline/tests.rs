//! The page's promises, kept whatever the components do.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use base::{AccountId, Rng};
use proptest::prelude::*;

use super::testing::{FixedPredictor, NOW, World, facts, query_of, video, viewer};
use super::*;
use crate::{FeedError, Found, HashtagTaste, PlainViewer, Predictor, SourceKind, SourceStatus, Tab};

fn run(pipeline: &Pipeline, query: Query) -> Arc<Slate> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(pipeline.run(query))
}

fn numbers(slate: &Slate) -> Vec<u64> {
    slate.items.iter().map(|item| item.video().raw()).collect()
}

fn kinds(slate: &Slate) -> Vec<&str> {
    slate.items.iter().map(|item| &*item.candidate.facts.hashtags[0]).collect()
}

prop_compose! {
    fn worlds()(videos in prop::collection::vec((1u64..8, 0u64..5), 0..60)) -> World {
        let videos = videos.iter().enumerate();
        let videos = videos.map(|(at, (creator, kind))| facts(at as u64 + 1, *creator, &[format!("kind{kind}").as_str()]));
        World { videos: videos.collect(), ..World::default() }
    }
}

fn ids() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(1u64..60, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever the catalogue, the viewer and the request: see the crate's invariants.
    #[test]
    fn pages_keep_their_promises(
        world in worlds(), seen in ids(), exclude in prop::collection::vec(1u64..60, 0..6),
        not_interested in prop::collection::vec(1u64..60, 0..6), blocked in prop::collection::vec(1u64..8, 0..2),
        account in prop::option::of(1u64..8), limit in 0usize..12, surprise in 0.0f32..1.0, seed in 0u64..1_000,
    ) {
        let state = PlainViewer {
            seen: seen.iter().enumerate().map(|(at, number)| (video(*number), NOW.plus_millis(at as i64))).collect(),
            not_interested: not_interested.iter().map(|number| video(*number)).collect(),
            blocked: blocked.iter().map(|number| AccountId::from_raw(*number)).collect(),
            ..viewer()
        };
        let mut query = query_of(state.clone());
        query.exclude = exclude.iter().map(|number| video(*number)).collect();
        query.account = account.map(AccountId::from_raw);
        (query.limit, query.surprise, query.rng) = (limit, surprise, Rng::from_seed(seed));
        let slate = run(&world.pipeline(), query.clone());

        let may_come = |facts: &Facts| {
            !query.exclude.contains(&facts.video)
                && !state.not_interested.contains(&facts.video)
                && !state.blocked.contains(&facts.creator)
                && query.account != Some(facts.creator)
        };
        let supply: Vec<_> = world.videos.iter().filter(|facts| may_come(facts)).collect();
        let unseen: Vec<_> = supply.iter().filter(|facts| !state.seen.contains_key(&facts.video)).collect();
        let offered = if unseen.is_empty() { supply.len() } else { unseen.len() };
        prop_assert_eq!(slate.items.len(), query.page_len().min(offered));
        let mut on_page: Vec<_> = slate.items.iter().map(SelectedItem::video).collect();
        prop_assert!(slate.items.iter().all(|item| may_come(&item.candidate.facts)));
        prop_assert!(slate.items.iter().enumerate().all(|(at, item)| item.position == at));
        prop_assert!(slate.items.iter().all(|item| item.propensity > 0.0 && item.propensity <= 1.0));

        // No seen one on a page for which there is an unseen one; else the one seen longest ago first.
        let split = slate.items.iter().position(|item| item.candidate.rewatch).unwrap_or(slate.items.len());
        prop_assert_eq!(split, slate.items.len().min(unseen.len()));
        prop_assert!(slate.items[..split].iter().all(|item| !state.seen.contains_key(&item.video())));
        let again: Vec<_> = slate.items[split..].iter().map(|item| state.seen[&item.video()]).collect();
        prop_assert!(again.is_sorted());

        // A creator has more places than the cap only if nobody else is left.
        let cap = SelectorConfig::default().creator_page_max(query.page_len().min(unseen.len()));
        let times = |creator| slate.items[..split].iter().filter(|item| item.candidate.facts.creator == creator).count();
        if unseen.iter().any(|facts| times(facts.creator) > cap) {
            let left = unseen.iter().filter(|facts| !on_page.contains(&facts.video) && times(facts.creator) < cap);
            let left: Vec<_> = left.collect();
            prop_assert!(left.is_empty(), "{left:?} were kept out");
        }

        prop_assert!(slate.removed.iter().all(|removed| !on_page.contains(&removed.video)));
        on_page.sort_unstable();
        on_page.dedup();
        prop_assert_eq!(on_page.len(), slate.items.len(), "each video once");
        let again = run(&world.pipeline(), query);
        prop_assert_eq!(numbers(&again), numbers(&slate), "the same seed, the same page");
    }
}

/// A viewer who has seen far more than a source returns still gets what lies behind it.
#[test]
fn what_was_seen_does_not_hide_what_was_not() {
    let seen = (11..=400).map(|number| (video(number), NOW)).collect();
    let slate = run(&World::of_kinds(8, 50).pipeline(), query_of(PlainViewer { seen, ..viewer() }));
    assert_eq!(slate.items.iter().filter(|item| item.candidate.rewatch).count(), 0);
    assert_eq!(slate.items.len(), 8);
    assert!(numbers(&slate).iter().all(|number| *number <= 10));
}

/// A source that misbehaves as it is told.
struct Broken(&'static str);

#[async_trait]
impl Source for Broken {
    fn kind(&self) -> SourceKind {
        SourceKind::Trending
    }
    async fn find(&self, _query: &Query) -> Result<Found, FeedError> {
        match self.0 {
            "late" => std::future::pending().await,
            "failed" => Err(FeedError::Unavailable("down".into())),
            "panics" => panic!("a source panics"),
            "gone" => Ok(Found { items: vec![(video(999), 1.0)], removed: Vec::new() }),
            _ => Ok(Found::default()),
        }
    }
}

#[test]
fn a_broken_source_is_left_out_and_counted() {
    fn check(how: &'static str, status: SourceStatus, elapsed_us: u64) {
        let world = World::of_kinds(8, 4);
        let mut parts = world.parts(Arc::new(FixedPredictor { tasks: &["watch_time"], row: vec![0.5] }));
        parts.sources.insert(0, Arc::new(Broken(how)));
        let pipeline = Pipeline::new(parts);
        let slate = run(&pipeline, query_of(viewer()));
        assert_eq!(slate.items.len(), 8, "{how}");
        assert_eq!(slate.sources.len(), 4);
        assert_eq!(slate.sources[0].status, status, "{how}");
        assert_eq!(slate.sources[0].elapsed_us / 1_000, elapsed_us / 1_000, "{how}");
        let stats = pipeline.stats().snapshot(NOW, 0);
        let known = stats.sources.iter().find(|known| known.source == SourceKind::Trending).unwrap();
        assert_eq!(
            [known.ok, known.late, known.failed],
            [SourceStatus::Ok, SourceStatus::Late, SourceStatus::Failed].map(|s| u64::from(s == status))
        );
        if how == "gone" {
            assert_eq!(slate.removed_groups(5)[0].reason, "no_facts");
        }
    }
    check("fine", SourceStatus::Ok, 0);
    check("gone", SourceStatus::Ok, 0);
    check("failed", SourceStatus::Failed, 0);
    check("panics", SourceStatus::Failed, 0);
    check("late", SourceStatus::Late, 50_000);
}

/// A learner that misbehaves as it is told.
struct Learner(&'static str);

#[async_trait]
impl Predictor for Learner {
    fn tasks(&self) -> &[&'static str] {
        &["watch_time"]
    }
    async fn predict(&self, _query: &Query, candidates: &[Candidate]) -> Result<Vec<f32>, FeedError> {
        match self.0 {
            "late" => std::future::pending().await,
            "failed" => Err(FeedError::Unavailable("not loaded".into())),
            "panics" => panic!("the learner panics"),
            "short" => Ok(vec![0.5]),
            "not finite" => Ok(vec![f32::NAN; candidates.len()]),
            _ => Ok(vec![0.5; candidates.len()]),
        }
    }
}

#[test]
fn the_fallback_makes_a_page_without_the_learner() {
    fn check(how: &'static str, fallback: bool) {
        let pipeline = Pipeline::new(World::of_kinds(8, 4).parts(Arc::new(Learner(how))));
        let slate = run(&pipeline, query_of(viewer()));
        assert_eq!((slate.items.len(), slate.fallback), (8, fallback), "{how}");
        assert_eq!(slate.items[0].predictions.is_empty(), fallback, "{how}");
        assert_eq!(pipeline.stats().snapshot(NOW, 0).fallbacks, u64::from(fallback));
        assert!(kinds(&slate).iter().collect::<std::collections::BTreeSet<_>>().len() >= 6, "{how}: {:?}", kinds(&slate));
    }
    check("fine", false);
    for how in ["late", "failed", "panics", "short", "not finite"] {
        check(how, true);
    }
}

#[test]
fn a_new_viewer_sees_many_kinds() {
    fn check(kinds_in_all: u64, each: u64, at_least: usize) {
        let pipeline = World::of_kinds(kinds_in_all, each).pipeline();
        for seed in 0..50 {
            let slate = run(&pipeline, Query { rng: Rng::from_seed(seed), ..query_of(viewer()) });
            let mut shown = kinds(&slate);
            shown.sort_unstable();
            shown.dedup();
            assert!(shown.len() >= at_least, "seed {seed}: {:?}", kinds(&slate));
        }
    }
    check(12, 10, 7);
    check(8, 1, 8);
    check(3, 20, 3);
    check(1, 3, 1);
}

#[test]
fn the_next_page_turns_to_what_was_finished_and_away_from_what_was_skipped() {
    let pipeline = World::of_kinds(8, 10).pipeline();
    let (mut liked, mut skipped) = (0, 0);
    for seed in 0..50 {
        let mut state = viewer();
        state.hashtags = vec![
            HashtagTaste::new("kind2", 0.7, 2, 2),
            HashtagTaste::new("kind5", 0.7, 2, 2),
            HashtagTaste::new("kind1", -0.7, 2, 0),
        ];
        state.learned_from = 6;
        let slate = run(&pipeline, Query { rng: Rng::from_seed(seed), ..query_of(state) });
        let count = |wanted: &[&str]| kinds(&slate).iter().filter(|kind| wanted.contains(kind)).count();
        assert!(count(&["kind2", "kind5"]) >= 3, "seed {seed}: {:?}", kinds(&slate));
        liked += count(&["kind2", "kind5"]);
        skipped += count(&["kind1"]);
    }
    // Of 400 places, by chance 100 and 50 would be theirs.
    assert!(liked >= 220 && skipped <= 15, "{liked} {skipped}");
}

#[test]
fn following_shows_the_newest_of_those_followed_and_nothing_else() {
    let world = World::of_kinds(4, 5);
    let state = PlainViewer { followed: vec![AccountId::from_raw(2), AccountId::from_raw(3)], ..viewer() };
    let check = |state: PlainViewer, expected: &[u64]| {
        let slate = run(&world.pipeline(), Query { tab: Tab::Following, limit: 4, ..query_of(state) });
        assert_eq!(numbers(&slate), expected);
    };
    check(state.clone(), &[19, 18, 15, 14]);
    let seen = |numbers: &[u64]| numbers.iter().map(|n| (video(*n), NOW.plus_millis(*n as i64))).collect();
    check(PlainViewer { seen: seen(&[19, 1]), ..state.clone() }, &[18, 15, 14, 11]);
    check(PlainViewer { seen: seen(&[19, 18, 15, 14, 11, 10, 7, 6, 1]), ..state.clone() }, &[3, 2]);
    check(PlainViewer { seen: seen(&[19, 18, 15, 14, 11, 10, 7, 6, 3, 2, 1]), ..state.clone() }, &[2, 3, 6, 7]);
    check(viewer(), &[]);
}

#[test]
fn explain_names_what_was_taken_out() {
    let mut world = World::of_kinds(4, 3);
    let mut copy = Facts::clone(&facts(13, 4, &["kind3"]));
    copy.duplicate_of = Some(video(1));
    world.videos.push(Arc::new(copy));
    let state = PlainViewer {
        seen: [(video(2), NOW)].into_iter().collect(),
        not_interested: [video(3)].into_iter().collect(),
        blocked: [AccountId::from_raw(4)].into_iter().collect(),
        ..viewer()
    };
    let mut parts = world.parts(Arc::new(FixedPredictor { tasks: &["watch_time"], row: vec![0.5] }));
    parts
        .filters
        .insert(0, Arc::new(filter::Hidden::new(|_: &Query, c: &Candidate| (c.video == video(5)).then_some("removed"))));
    let query =
        Query { exclude: [video(6)].into_iter().collect(), account: Some(AccountId::from_raw(3)), limit: 3, ..query_of(state) };
    let slate = run(&Pipeline::new(parts), query);
    let mut groups: Vec<_> = slate.removed_groups(9).into_iter().map(|g| (g.filter, g.reason, g.count)).collect();
    groups.sort_unstable();
    let expected = [
        ("blocked", "blocked", 4),
        ("excluded", "excluded", 1),
        ("hidden", "removed", 1),
        ("not_interested", "not_interested", 1),
        ("own_video", "own_video", 2),
        ("seen", "seen", 1),
    ];
    assert_eq!(groups, expected);
    assert_eq!(
        {
            let mut shown = numbers(&slate);
            shown.sort_unstable();
            shown
        },
        [1, 9, 10]
    );
}

#[derive(Default)]
struct Log {
    slates: Mutex<Vec<(base::SlateId, usize)>>,
    failing: AtomicU32,
}

#[async_trait]
impl SideEffect for Log {
    fn name(&self) -> &'static str {
        "log"
    }
    async fn after(&self, _query: &Query, slate: &Slate) -> Result<(), FeedError> {
        tokio::time::sleep(Duration::from_millis(10)).await;
        self.slates.lock().unwrap().push((slate.id, slate.items.len()));
        if self.failing.fetch_add(1, Ordering::Relaxed) == 0 { Err(FeedError::Unavailable("full".into())) } else { Ok(()) }
    }
}

#[tokio::test(start_paused = true)]
async fn side_effects_run_after_the_page_and_are_awaited_at_the_end() {
    let log = Arc::new(Log::default());
    let mut parts = World::of_kinds(4, 4).parts(Arc::new(FixedPredictor { tasks: &["watch_time"], row: vec![0.5] }));
    parts.effects = vec![log.clone(), log.clone()];
    let pipeline = Pipeline::new(parts);
    let slate = pipeline.run(query_of(viewer())).await;
    assert!(log.slates.lock().unwrap().is_empty(), "the page does not wait for its effects");
    pipeline.drain().await;
    assert_eq!(*log.slates.lock().unwrap(), [(slate.id, 8); 2], "the second runs though the first failed");
}
