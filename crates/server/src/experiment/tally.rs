//! The log, event by event, into what each viewer of an experiment did and what became of each placement.
//!
//! - A viewer counts from the first page that was made for them in the experiment, with everything they do from then on, whether that
//!   page led to it or not: arms are compared as they were dealt, not as they were used.
//! - A viewer who was served by two arms of one experiment (its parts were changed under way) counts for neither.
//! - A view counts at most [`LOOPS_MAX`] times the clip's length. The same event id counts once.
//! - A placement is an item of a judged page that came into view; its reward is the longest view of it that follows within
//!   [`JOIN_MS`].

use std::collections::{HashMap, VecDeque};

use base::{SlateId, Timestamp, VideoId, ViewerId};
use eventlog::dedup::{Dedup, DedupOptions};
use eventlog::{Body, Event, Place, Slate, Watch};
use learner::labels::WatchLabels;

/// What follows a page later is not joined with it: as the learner's joiner waits.
const JOIN_MS: i64 = 3_600_000;
/// Loops of a clip that count, as in the player.
const LOOPS_MAX: u32 = 4;
/// A view of a clip of unknown length counts at most so long.
const UNKNOWN_WATCH_MS_MAX: u32 = 10 * 60_000;
/// Placements kept, some 200 bytes each: the first so many; how many were passed over is told.
const PLACEMENTS_MAX: usize = 4_000_000;

/// Which events are counted, by the time at which the server took them in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    pub from: Option<Timestamp>,
    /// Up to and without it.
    pub to: Option<Timestamp>,
}

/// What is counted per viewer, in the order of [`Counts`].
pub const COUNTED: [&str; COUNTS] = [
    "pages",
    "impressions",
    "watch_seconds",
    "finishes",
    "skips",
    "likes",
    "follows",
    "comments",
    "shares",
    "saves",
    "clicks",
    "not_interested",
    "reports",
];
const COUNTS: usize = 13;
pub const PAGES: usize = 0;
pub const IMPRESSIONS: usize = 1;
pub const WATCH_SECONDS: usize = 2;
pub const FINISHES: usize = 3;
pub const SKIPS: usize = 4;

pub type Counts = [f64; COUNTS];

/// One viewer.
#[derive(Clone, Debug)]
pub struct Person {
    pub arm: u8,
    /// Served by more than one arm.
    pub mixed: bool,
    /// Took their data with them.
    pub erased: bool,
    pub counts: Counts,
}

/// An item of a judged page that came into view.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Into [`Tallied::people`].
    pub person: usize,
    pub arm: u8,
    pub propensity: f32,
    pub place: Place,
    pub watch_ms: u32,
    pub finished: bool,
}

/// Everything counted.
#[derive(Debug, Default)]
pub struct Tallied {
    /// The experiment's mark; `None` when the log holds none.
    pub experiment: Option<u32>,
    /// Probability with which a viewer is in each arm, as the log says.
    pub shares: Vec<f64>,
    pub people: Vec<Person>,
    pub placements: Vec<Placed>,
    pub placements_passed_over: u64,
    pub events: u64,
    pub repeated: u64,
    /// When the first and the last counted page was made.
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
}

struct Item {
    video: VideoId,
    placed: Placed,
    seen: bool,
}

pub struct Tally {
    wanted: Option<u32>,
    bounds: Bounds,
    dedup: Dedup,
    numbers: HashMap<ViewerId, usize>,
    lengths_ms: HashMap<VideoId, u32>,
    open: HashMap<SlateId, Vec<Item>>,
    open_by_age: VecDeque<(Timestamp, SlateId)>,
    found: Tallied,
}

impl Tally {
    /// Of the experiment with this mark, or of the newest that comes by.
    pub fn new(wanted: Option<u32>, bounds: Bounds) -> eventlog::Result<Self> {
        Ok(Self {
            wanted,
            bounds,
            dedup: Dedup::new(DedupOptions::default())?,
            numbers: HashMap::new(),
            lengths_ms: HashMap::new(),
            open: HashMap::new(),
            open_by_age: VecDeque::new(),
            found: Tallied::default(),
        })
    }

    pub fn take(&mut self, event: Event) {
        if let Body::VideoPublished(facts) = &event.body {
            self.lengths_ms.insert(facts.video, facts.duration_ms);
        }
        let before = self.bounds.from.is_some_and(|from| event.received < from);
        let after = self.bounds.to.is_some_and(|to| event.received >= to);
        if before || (after && event.body != Body::ViewerErased) {
            return;
        }
        if !self.dedup.first_sighting(event.id) {
            self.found.repeated += 1;
            return;
        }
        self.found.events += 1;
        self.close_before(event.received.plus_millis(-JOIN_MS));
        match event.body {
            Body::Slate(slate) => self.page(event.viewer, event.received, slate),
            Body::ViewerErased => {
                if let Some(person) = self.numbers.get(&event.viewer).and_then(|n| self.found.people.get_mut(*n)) {
                    person.erased = true;
                }
            }
            Body::Impression { video, slate, .. } => {
                if self.count(event.viewer, IMPRESSIONS, 1.0)
                    && let Some(item) = slate.and_then(|slate| self.item(slate, event.viewer, video))
                {
                    item.seen = true;
                }
            }
            Body::Watch(watch) => self.watch(event.viewer, &watch),
            body => {
                let counted = COUNTED.iter().position(|name| *name == plural(body.kind().name()));
                if let Some(counted) = counted {
                    self.count(event.viewer, counted, 1.0);
                }
            }
        }
    }

    /// Another partition begins: its times do, too.
    pub fn next_partition(&mut self) {
        self.close_before(Timestamp::from_millis(i64::MAX));
    }

    pub fn finish(mut self) -> Tallied {
        self.next_partition();
        let people = &self.found.people;
        self.found.placements.retain(|placed| people.get(placed.person).is_some_and(|person| !person.erased && !person.mixed));
        self.found
    }

    fn page(&mut self, viewer: ViewerId, at: Timestamp, slate: Slate) {
        let Some(trial) = slate.trial else { return };
        if self.wanted.is_some_and(|wanted| wanted != trial.experiment) {
            return;
        }
        if self.found.experiment != Some(trial.experiment) {
            // The newest, when none was asked for: what was counted of the one before is let go of.
            let (events, repeated) = (self.found.events, self.found.repeated);
            self.found = Tallied { experiment: Some(trial.experiment), events, repeated, ..Tallied::default() };
            self.numbers.clear();
            self.open.clear();
            self.open_by_age.clear();
        }
        let arms = trial.places.iter().map(|place| place.arms.len()).max().unwrap_or(0).max(usize::from(trial.arm) + 1);
        if self.found.shares.len() < arms {
            self.found.shares.resize(arms, 0.0);
        }
        if let Some(share) = self.found.shares.get_mut(usize::from(trial.arm)) {
            *share = f64::from(trial.share);
        }
        self.found.first = Some(self.found.first.map_or(at, |first| first.min(at)));
        self.found.last = Some(self.found.last.map_or(at, |last| last.max(at)));

        let people = &mut self.found.people;
        let number = *self.numbers.entry(viewer).or_insert_with(|| {
            people.push(Person { arm: trial.arm, mixed: false, erased: false, counts: Counts::default() });
            people.len() - 1
        });
        if let Some(person) = people.get_mut(number) {
            person.mixed |= person.arm != trial.arm;
        }
        self.count(viewer, PAGES, 1.0);
        if trial.places.is_empty() {
            return;
        }
        let items = slate.items.iter().zip(trial.places).map(|(item, place)| Item {
            video: item.video,
            placed: Placed { person: number, arm: trial.arm, propensity: item.propensity, place, watch_ms: 0, finished: false },
            seen: false,
        });
        self.open.insert(slate.slate, items.collect());
        self.open_by_age.push_back((at, slate.slate));
    }

    fn watch(&mut self, viewer: ViewerId, watch: &Watch) {
        let length_ms = match self.lengths_ms.get(&watch.video) {
            Some(length_ms) if *length_ms > 0 => *length_ms,
            _ => watch.duration_ms,
        };
        let most_ms = if length_ms == 0 { UNKNOWN_WATCH_MS_MAX } else { length_ms.saturating_mul(LOOPS_MAX) };
        let watch_ms = watch.watch_ms.min(most_ms);
        let judged = WatchLabels::of(watch_ms, length_ms);
        let counted = self.count(viewer, WATCH_SECONDS, f64::from(watch_ms) / 1_000.0)
            && self.count(viewer, FINISHES, f64::from(u8::from(judged.finish)))
            && self.count(viewer, SKIPS, f64::from(u8::from(judged.skip)));
        if counted && let Some(item) = watch.slate.and_then(|slate| self.item(slate, viewer, watch.video)) {
            item.placed.watch_ms = item.placed.watch_ms.max(watch_ms);
            item.placed.finished |= judged.finish;
        }
    }

    /// Adds to a viewer's count; false for one who is not in the experiment.
    fn count(&mut self, viewer: ViewerId, counted: usize, by: f64) -> bool {
        let person = self.numbers.get(&viewer).and_then(|number| self.found.people.get_mut(*number));
        match person.and_then(|person| person.counts.get_mut(counted)) {
            Some(count) => {
                *count += by;
                true
            }
            None => false,
        }
    }

    /// The item of an open page, if the page is this viewer's.
    fn item(&mut self, slate: SlateId, viewer: ViewerId, video: VideoId) -> Option<&mut Item> {
        let number = *self.numbers.get(&viewer)?;
        self.open.get_mut(&slate)?.iter_mut().find(|item| item.video == video && item.placed.person == number)
    }

    /// Keeps what came of pages made before `at`, and no longer waits for more.
    fn close_before(&mut self, at: Timestamp) {
        while let Some((made, slate)) = self.open_by_age.front().copied().filter(|(made, _)| *made < at) {
            let _ = made;
            self.open_by_age.pop_front();
            for item in self.open.remove(&slate).into_iter().flatten().filter(|item| item.seen) {
                if self.found.placements.len() < PLACEMENTS_MAX {
                    self.found.placements.push(item.placed);
                } else {
                    self.found.placements_passed_over += 1;
                }
            }
        }
    }
}

/// The name under which a kind of event is counted.
fn plural(kind: &str) -> &str {
    match kind {
        "like" => "likes",
        "follow" => "follows",
        "comment" => "comments",
        "share" => "shares",
        "save" => "saves",
        "click" => "clicks",
        "report" => "reports",
        other => other,
    }
}

#[cfg(test)]
#[path = "tally_tests.rs"]
mod tests;
