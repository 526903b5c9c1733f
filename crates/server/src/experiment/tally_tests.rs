use base::{AccountId, Rng};
use eventlog::{Choice, Context, EventId, Forecast, SlateItem, Trial, VideoFacts};

use super::*;
use crate::experiment::{report, text};

const TAG: u32 = 77;
const START_MS: i64 = 1_800_000_000_000;

/// Makes events with ids and times of their own.
struct Story {
    tally: Tally,
    at_ms: i64,
    next_id: u128,
}

impl Story {
    fn new(wanted: Option<u32>, bounds: Bounds) -> Self {
        Self { tally: Tally::new(wanted, bounds).unwrap(), at_ms: START_MS, next_id: 1 }
    }

    fn event(&mut self, viewer: u64, body: Body) -> Event {
        self.next_id += 1;
        let at = Timestamp::from_millis(self.at_ms);
        Event { id: EventId(self.next_id), viewer: ViewerId::from_raw(viewer), at, received: at, body }
    }

    fn tell(&mut self, viewer: u64, body: Body) {
        let event = self.event(viewer, body);
        self.tally.take(event);
    }

    fn publish(&mut self, number: u64, duration_ms: u32) {
        let facts = VideoFacts {
            video: video(number),
            creator: AccountId::from_raw(1),
            sound: None,
            hashtags: Vec::new(),
            words: Vec::new(),
            duration_ms,
            published_at: Timestamp::from_millis(0),
            content: Vec::new(),
            duplicate_of: None,
        };
        self.tell(0, Body::VideoPublished(facts));
    }

    /// A page of two arms with these videos, each drawn with a probability of 0.5 by the viewer's arm, 0.25 by the other.
    fn page(&mut self, viewer: u64, arm: u8, slate: u64, videos: &[u64], experiment: u32) {
        let forecast = |finish: f32| Forecast { finish, watch_s: 10.0 * finish };
        let place = |_: &u64| Place {
            open: 10,
            predicted: forecast(0.5),
            even: forecast(0.2),
            arms: (0..2).map(|of| Choice { propensity: if of == arm { 0.5 } else { 0.25 }, expected: forecast(0.4) }).collect(),
        };
        let items = videos.iter().map(|number| SlateItem { video: video(*number), propensity: 0.5, source: 0 });
        let trial = Trial { experiment, arm, share: 0.5, places: videos.iter().map(place).collect() };
        let (slate, context) = (SlateId::from_raw(slate), Context::default());
        self.tell(viewer, Body::Slate(Slate { slate, context, items: items.collect(), trial: Some(trial) }));
    }

    fn see(&mut self, viewer: u64, number: u64, slate: u64) {
        self.tell(viewer, Body::Impression { video: video(number), slate: Some(SlateId::from_raw(slate)), position: 0 });
    }

    fn watch(&mut self, viewer: u64, number: u64, slate: u64, watch_ms: u32) {
        let slate = Some(SlateId::from_raw(slate));
        self.tell(viewer, Body::Watch(Watch { video: video(number), slate, watch_ms, duration_ms: 0 }));
    }
}

fn video(number: u64) -> VideoId {
    VideoId::from_raw(number)
}

fn named(person: &Person) -> Vec<(&'static str, f64)> {
    COUNTED.iter().copied().zip(person.counts).filter(|(_, count)| *count != 0.0).collect()
}

#[test]
fn every_name_is_that_of_a_kind_or_made_here() {
    let kinds: Vec<&str> = eventlog::Kind::ALL.iter().map(|kind| plural(kind.name())).collect();
    let made = ["pages", "impressions", "watch_seconds", "finishes", "skips"];
    assert!(COUNTED.iter().all(|name| made.contains(name) || kinds.contains(name)), "{kinds:?}");
}

#[test]
fn a_viewer_counts_with_what_they_do_from_their_first_page_on() {
    let mut story = Story::new(None, Bounds::default());
    story.publish(1, 10_000);
    story.publish(2, 10_000);
    story.tell(5, Body::Like { video: video(1) });
    story.page(5, 1, 100, &[1, 2], TAG);
    story.see(5, 1, 100);
    story.watch(5, 1, 100, 4_000);
    // Seen again and longer, beyond what counts of one view; and once more outside of the page.
    story.watch(5, 1, 100, 90_000);
    story.watch(5, 2, 999, 1_000);
    let like = story.event(5, Body::Like { video: video(1) });
    story.tally.take(like.clone());
    story.tally.take(like);
    story.tell(5, Body::NotInterested { video: video(2) });
    story.tell(5, Body::Unlike { video: video(2) });
    // Somebody without a page, and somebody else's slate.
    story.tell(6, Body::Like { video: video(1) });
    story.see(6, 2, 100);
    let found = story.tally.finish();
    assert_eq!((found.experiment, found.repeated, found.people.len()), (Some(TAG), 1, 1));
    assert_eq!(
        named(&found.people[0]),
        [
            ("pages", 1.0),
            ("impressions", 1.0),
            ("watch_seconds", 45.0),
            ("finishes", 1.0),
            ("skips", 1.0),
            ("likes", 1.0),
            ("not_interested", 1.0)
        ]
    );
    // The clip that never came into view is no placement.
    let placed: Vec<_> = found.placements.iter().map(|one| (one.person, one.arm, one.watch_ms, one.finished)).collect();
    assert_eq!(placed, [(0, 1, 40_000, true)]);
    assert_eq!(found.shares, [0.0, 0.5]);
}

#[test]
fn who_cannot_be_told_apart_counts_for_nobody() {
    let mut story = Story::new(None, Bounds::default());
    for (viewer, arm) in [(1, 0), (2, 1), (3, 0), (4, 1)] {
        story.page(viewer, arm, viewer * 10, &[1], TAG);
        story.see(viewer, 1, viewer * 10);
    }
    story.page(3, 1, 31, &[1], TAG);
    story.tell(4, Body::ViewerErased);
    let found = story.tally.finish();
    assert_eq!(
        found.people.iter().map(|p| (p.mixed, p.erased)).collect::<Vec<_>>(),
        [(false, false), (false, false), (true, false), (false, true)]
    );
    assert_eq!(found.placements.iter().map(|one| one.person).collect::<Vec<_>>(), [0, 1]);
    let report = report::of(&found, None, &[], 20.0);
    assert_eq!((report.mixed_viewers, report.arms.iter().map(|a| a.viewers).collect::<Vec<_>>()), (1, vec![1, 1]));
}

#[test]
fn what_comes_too_late_or_outside_the_bounds_is_not_counted() {
    let at = |ms: i64| Some(Timestamp::from_millis(START_MS + ms));
    let mut story = Story::new(Some(TAG), Bounds { from: at(1_000), to: at(2 * JOIN_MS) });
    story.page(1, 0, 10, &[1], TAG);
    story.at_ms += 1_000;
    story.page(2, 0, 20, &[1], TAG);
    // Another experiment, which was not asked for.
    story.page(3, 0, 30, &[1], TAG + 1);
    story.see(2, 1, 20);
    story.at_ms += JOIN_MS + 1;
    story.watch(2, 1, 20, 5_000);
    story.at_ms += JOIN_MS;
    story.tell(2, Body::Like { video: video(1) });
    let found = story.tally.finish();
    assert_eq!(found.people.len(), 1);
    assert_eq!(named(&found.people[0]), [("pages", 1.0), ("impressions", 1.0), ("watch_seconds", 5.0)]);
    assert_eq!(found.placements.iter().map(|one| one.watch_ms).collect::<Vec<_>>(), [0]);
}

#[test]
fn the_newest_experiment_is_taken_when_none_is_named() {
    let mut story = Story::new(None, Bounds::default());
    story.page(1, 0, 10, &[1], TAG);
    story.see(1, 1, 10);
    story.page(2, 1, 20, &[1], TAG + 1);
    let found = story.tally.finish();
    assert_eq!((found.experiment, found.people.len(), found.placements.len()), (Some(TAG + 1), 1, 0));
    let nothing = Story::new(Some(5), Bounds::default()).tally.finish();
    assert!(text::of(&report::of(&nothing, None, &[], 20.0)).contains("no pages of such an experiment"));
}

/// Two arms of which the second has viewers watch two seconds longer, two views each in the mean: the report says so.
#[test]
fn the_report_finds_an_effect_that_is_there() {
    let (mut story, mut rng) = (Story::new(None, Bounds::default()), Rng::from_seed(3));
    story.publish(1, 60_000);
    let dealt = experiment::Assignment::new("try", &[1, 1]).unwrap();
    for viewer in 1..=3_000u64 {
        let arm = dealt.arm_of(viewer) as u8;
        let views = 1 + rng.below(3);
        for view in 0..views as u64 {
            let slate = viewer * 10 + view;
            story.page(viewer, arm, slate, &[1], TAG);
            story.see(viewer, 1, slate);
            story.watch(viewer, 1, slate, 5_000 + u32::from(arm) * 2_000 + rng.below(20_000) as u32);
        }
    }
    let names = ["now".to_owned(), "longer".to_owned()];
    let report = report::of(&story.tally.finish(), Some("try".into()), &names, 20.0);
    assert!(report.shares_p_value.unwrap() > 0.001 && report.arms.iter().map(|arm| arm.viewers).sum::<usize>() == 3_000);
    let of = |arm: usize, name: &str| report.arms[arm].metrics.iter().find(|metric| metric.name == name).unwrap();
    let watched = of(1, "watch_seconds").difference.unwrap();
    assert!(watched.low < 4.0 && 4.0 < watched.high && watched.p_value < 0.001, "{watched:?}");
    let each = of(1, "watch_seconds_per_impression").difference.unwrap();
    assert!(each.low < 2.0 && 2.0 < each.high && each.standard_error < 0.3, "{each:?}");
    // What the arms do not move is not found.
    assert!(of(1, "impressions").difference.unwrap().p_value > 0.001);
    assert!(of(0, "watch_seconds").difference.is_none());

    // By hand: the first arm's own placements weigh 0.5 / 0.5, those of the second 0.25 / 0.5; evenly, 0.1 / 0.5.
    let values = &report.counterfactual.values;
    let policies: Vec<_> = values.iter().map(|value| (value.reward, value.policy.as_str())).collect();
    let [reward, finish] = ["watch_seconds", "finish"];
    let expected =
        [(reward, "now"), (reward, "longer"), (reward, "even"), (finish, "now"), (finish, "longer"), (finish, "even")];
    assert_eq!(policies, expected);
    let now = values[0].value.unwrap();
    let own = story_share(&report);
    assert!((now.mean_weight.value - (own + 0.5 * (1.0 - own))).abs() < 1e-6, "{now:?}");
    assert!((values[2].value.unwrap().mean_weight.value - 0.2).abs() < 1e-6);
    let seconds = values[1].observed.unwrap();
    assert!(seconds.low < 17.0 && 17.0 < seconds.high, "{seconds:?}");
    let told = text::of(&report);
    for part in ["Experiment try", "longer  (50.0 % of viewers", "doubly robust", "NOT 1", "watch_seconds by even"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let json = serde_json::to_value(&report).unwrap();
    assert!(json["arms"][1]["metrics"][2]["estimate"]["low"].is_number(), "{json}");
}

/// The share of the placements that the first arm made.
fn story_share(report: &report::Report) -> f64 {
    let impressions: Vec<f64> = report.arms.iter().map(|arm| arm.metrics[IMPRESSIONS].total).collect();
    impressions[0] / (impressions[0] + impressions[1])
}
