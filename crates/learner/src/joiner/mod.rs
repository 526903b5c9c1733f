//! Joins what was shown with what came of it: a pure state machine from slates, impressions and outcomes to examples.
//!
//! Rules, all in event time; `now` only ever comes from [`Joiner::tick`], which is fed the log's times of receipt:
//! 1. Features are those of the slate, which keeps them (the history shared, not copied). An event that names no slate is
//!    given its features by the caller when it arrives.
//! 2. An impression opens an *entry* for (viewer, video, slate). A view whose impression has not arrived opens the entry
//!    itself; when the impression comes, it corrects the entry's time.
//! 3. The end of a view gives at once what [`crate::labels`] can tell. A longer view of the same entry gives again only the
//!    labels that it raises.
//! 4. A positive action gives its label at once, once per entry. It belongs to the newest impression of the video (or of the
//!    creator, for a follow) that is not younger than the action and whose window for that task is still open then.
//! 5. A task's negative is given when its window ([`crate::TABLE`]) and the permitted lateness have passed since the impression: that of
//!    what is done at once early, that of what takes thought later, in an example each. Nothing else waits for them.
//! 6. What has no entry yet waits for the permitted lateness, then is dropped and counted. What was done, or comes, after its window
//!    closed is late: dropped and counted, for the negative was right: a task is the deed within its window. The same thing twice
//!    counts once.
//! 7. Memory is bounded: past a limit the oldest slates and waiting events are dropped, and the oldest entries closed early
//!    (their negatives given, not lost, so that the base rates stay right). All of it is counted.
//! 8. Of the examples without any yes a share may be left out; the others then weigh more ([`JoinerConfig::negatives_kept`]).
//!
//! When every event arrives within the permitted lateness of its time, names its slate (or is an action), and a viewer's two
//! impressions of one clip lie further apart than the windows, then the *set* of examples does not depend on the order of
//! arrival or on repetitions (a property test holds this); their order does.

mod entry;
mod event;
mod sample;
mod state;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

pub use event::{Action, Counters, Impression, JoinerConfig, NEGATIVES_KEPT_MIN, Target, Watch};
use hashbrown::HashMap;

use crate::example::Example;
use crate::features::{VideoFeatures, ViewerFeatures};
use crate::task::{Labels, Source};
use entry::{Entry, Shown, Stage};
use event::Event;

/// A slate as it was served.
struct Slate {
    shown: Arc<Shown>,
    items: Vec<Arc<VideoFeatures>>,
}

/// Entries of one viewer and video; almost always one.
type Key = (u64, u64);

/// The state machine. One per partition of the log, fed in the log's order.
pub struct Joiner {
    config: JoinerConfig,
    now_ms: i64,
    slates: HashMap<u64, Slate>,
    slates_by_age: VecDeque<(i64, u64)>,
    entries: HashMap<Key, Vec<Entry>>,
    entries_len: usize,
    /// Videos of a creator of which the viewer has entries, for follows.
    by_creator: HashMap<Key, Vec<u64>>,
    /// Entries in the order in which they were opened; those that are gone are passed over.
    by_age: VecDeque<(u64, Key)>,
    /// When each entry has its next thing to do; entries that moved leave stale times behind, which are skipped.
    due: BinaryHeap<Reverse<(i64, u64, Key)>>,
    /// Each with the time until which it waits.
    waiting: HashMap<(u64, Target), Vec<(i64, Event)>>,
    waiting_by_age: VecDeque<(i64, (u64, Target))>,
    waiting_len: usize,
    entry_next: u64,
    counters: Counters,
}

impl Joiner {
    pub fn new(config: JoinerConfig) -> Self {
        Self {
            config,
            now_ms: i64::MIN,
            slates: HashMap::new(),
            slates_by_age: VecDeque::new(),
            entries: HashMap::new(),
            entries_len: 0,
            by_creator: HashMap::new(),
            by_age: VecDeque::new(),
            due: BinaryHeap::new(),
            waiting: HashMap::new(),
            waiting_by_age: VecDeque::new(),
            waiting_len: 0,
            entry_next: 0,
            counters: Counters::default(),
        }
    }

    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Slates, entries and waiting events held now.
    pub fn held(&self) -> (usize, usize, usize) {
        (self.slates.len(), self.entries_len, self.waiting_len)
    }

    /// A page was served: keeps the features that the model saw. A slate that is known already changes nothing.
    pub fn slate(
        &mut self,
        slate: u64,
        viewer: ViewerFeatures,
        items: Vec<Arc<VideoFeatures>>,
        at_ms: i64,
        out: &mut Vec<Example>,
    ) {
        if self.slates.contains_key(&slate) {
            self.counters.duplicates += 1;
            return;
        }
        self.counters.slates += 1;
        let who = viewer.viewer;
        let waiting: Vec<(u64, Target)> = items.iter().map(|item| (who, Target::Video(item.video))).collect();
        self.slates.insert(slate, Slate { shown: Arc::new(Shown { viewer, at_ms }), items });
        self.slates_by_age.push_back((at_ms, slate));
        while self.slates.len() > self.config.slates_max {
            let Some((_, oldest)) = self.slates_by_age.pop_front() else { break };
            self.counters.slates_dropped += u64::from(self.slates.remove(&oldest).is_some());
        }
        waiting.into_iter().for_each(|key| self.retry(key, out));
        self.hold(out);
    }

    /// A clip came into view. `features` is asked only when the event names no slate and no view of it is open.
    pub fn impression(
        &mut self,
        impression: &Impression,
        features: impl FnOnce() -> Option<(ViewerFeatures, Arc<VideoFeatures>)>,
        out: &mut Vec<Example>,
    ) {
        self.counters.impressions += 1;
        let open =
            impression.slate.is_some() || self.find((impression.viewer, impression.video), None, impression.at_ms).is_some();
        let given = if open { None } else { features() };
        self.handle(Event::Impression(*impression), given, out);
    }

    /// A view ended. `features` is asked only when the event names no slate and no view of the clip is open.
    pub fn watch(
        &mut self,
        watch: &Watch,
        features: impl FnOnce() -> Option<(ViewerFeatures, Arc<VideoFeatures>)>,
        out: &mut Vec<Example>,
    ) {
        self.counters.watches += 1;
        let open = watch.slate.is_some() || self.find((watch.viewer, watch.video), None, watch.at_ms).is_some();
        let given = if open { None } else { features() };
        self.handle(Event::Watch(*watch), given, out);
    }

    /// A positive action: its label at once.
    pub fn action(&mut self, action: &Action, out: &mut Vec<Example>) {
        self.counters.actions += 1;
        self.handle(Event::Action(*action), None, out);
    }

    /// Time has come this far (it never goes back): closes windows, forgets what is old.
    pub fn tick(&mut self, now_ms: i64, out: &mut Vec<Example>) {
        self.now_ms = self.now_ms.max(now_ms);
        while let Some(Reverse((due_ms, _, _))) = self.due.peek() {
            if *due_ms > self.now_ms {
                break;
            }
            self.advance_next(out);
        }
        while let Some((number, key)) = self.by_age.front().copied() {
            if self.entry(key, number).is_some() {
                break;
            }
            self.by_age.pop_front();
        }
        while let Some((at_ms, slate)) = self.slates_by_age.front().copied() {
            if at_ms.saturating_add(self.config.keep_ms) > self.now_ms {
                break;
            }
            self.slates_by_age.pop_front();
            self.slates.remove(&slate);
        }
        while let Some((until_ms, key)) = self.waiting_by_age.front().copied() {
            if until_ms > self.now_ms {
                break;
            }
            self.waiting_by_age.pop_front();
            let dropped = self.give_up(key, self.now_ms, usize::MAX);
            let late =
                if self.has_shown(key) { dropped.iter().filter(|event| matches!(event, Event::Action(_))).count() } else { 0 };
            self.counters.late += late as u64;
            self.counters.unmatched += (dropped.len() - late) as u64;
        }
    }

    /// Drops everything of a viewer, without giving examples.
    pub fn forget_viewer(&mut self, viewer: u64) {
        self.slates.retain(|_, slate| slate.shown.viewer.viewer != viewer);
        self.entries.retain(|(who, _), _| *who != viewer);
        self.by_creator.retain(|(who, _), _| *who != viewer);
        self.waiting.retain(|(who, _), _| *who != viewer);
        self.waiting_by_age.retain(|(_, (who, _))| *who != viewer);
        self.entries_len = self.entries.values().map(Vec::len).sum();
        self.waiting_len = self.waiting.values().map(Vec::len).sum();
    }

    fn handle(&mut self, event: Event, given: Option<(ViewerFeatures, Arc<VideoFeatures>)>, out: &mut Vec<Example>) {
        if self.now_ms == i64::MIN {
            self.now_ms = event.at_ms();
        }
        match self.attempt(&event, given, out) {
            Attempt::Done => {}
            Attempt::Opened(creator) => {
                let (viewer, target) = event.key();
                self.retry((viewer, target), out);
                self.retry((viewer, Target::Creator(creator)), out);
            }
            Attempt::Wait => self.wait(event),
        }
        self.hold(out);
    }

    /// Tries waiting events of a key again, in the order of their times.
    fn retry(&mut self, key: (u64, Target), out: &mut Vec<Example>) {
        let Some(mut events) = self.waiting.remove(&key) else { return };
        events.sort_by_key(|(_, event)| event.at_ms());
        self.waiting_len -= events.len();
        // A pass that opens or moves an entry may let an earlier event through: again until none does.
        loop {
            let (mut moved, mut left) = (None, Vec::new());
            for (until_ms, event) in events {
                match self.attempt(&event, None, out) {
                    Attempt::Done => {}
                    Attempt::Opened(creator) => moved = Some(creator),
                    Attempt::Wait => left.push((until_ms, event)),
                }
            }
            events = left;
            let Some(creator) = moved else { break };
            self.retry((key.0, Target::Creator(creator)), out);
        }
        if !events.is_empty() {
            self.waiting_len += events.len();
            self.waiting.entry(key).or_default().extend(events);
        }
    }

    /// Whatever this event waits for is not younger than it, so it arrives within the permitted lateness from now or not at all.
    fn wait(&mut self, event: Event) {
        let (until_ms, key) = (self.now_ms.saturating_add(self.config.lateness_ms), event.key());
        self.waiting.entry(key).or_default().push((until_ms, event));
        self.waiting_len += 1;
        self.waiting_by_age.push_back((until_ms, key));
        while self.waiting_len > self.config.waiting_max {
            let Some((until_ms, oldest)) = self.waiting_by_age.pop_front() else { break };
            self.counters.waiting_dropped += self.give_up(oldest, until_ms, 1).len() as u64;
        }
    }

    /// Lets go of at most `max` events of a key that wait until `until_ms` at the longest.
    fn give_up(&mut self, key: (u64, Target), until_ms: i64, max: usize) -> Vec<Event> {
        let Some(events) = self.waiting.get_mut(&key) else { return Vec::new() };
        let mut dropped = Vec::new();
        events.retain(|(until, event)| {
            let drop = *until <= until_ms && dropped.len() < max;
            dropped.extend(drop.then_some(*event));
            !drop
        });
        if events.is_empty() {
            self.waiting.remove(&key);
        }
        self.waiting_len -= dropped.len();
        dropped
    }

    /// Whether the viewer was shown the video, or something of the creator, not long ago.
    fn has_shown(&self, (viewer, target): (u64, Target)) -> bool {
        match target {
            Target::Video(video) => self.entries.contains_key(&(viewer, video)),
            Target::Creator(creator) => self.by_creator.contains_key(&(viewer, creator)),
        }
    }

    fn attempt(
        &mut self,
        event: &Event,
        given: Option<(ViewerFeatures, Arc<VideoFeatures>)>,
        out: &mut Vec<Example>,
    ) -> Attempt {
        match event {
            Event::Impression(impression) => self.take_impression(impression, given),
            Event::Watch(watch) => self.take_watch(watch, given, out),
            Event::Action(action) => self.take_action(action, out),
        }
    }

    fn take_impression(&mut self, impression: &Impression, given: Option<(ViewerFeatures, Arc<VideoFeatures>)>) -> Attempt {
        let key = (impression.viewer, impression.video);
        if let Some(entry) = self.find(key, impression.slate, impression.at_ms) {
            if entry.impressed {
                self.counters.duplicates += 1;
                return Attempt::Done;
            }
            entry.impressed = true;
            entry.at_ms = impression.at_ms;
            let (number, creator) = (entry.number, entry.video.creator);
            self.schedule(key, number);
            return Attempt::Opened(creator);
        }
        self.open(key, impression.slate, impression.at_ms, true, given)
    }

    fn take_watch(
        &mut self,
        watch: &Watch,
        given: Option<(ViewerFeatures, Arc<VideoFeatures>)>,
        out: &mut Vec<Example>,
    ) -> Attempt {
        let key = (watch.viewer, watch.video);
        let mut result = Attempt::Done;
        if self.find(key, watch.slate, watch.at_ms).is_none() {
            // The view began at most this long before its end; its impression will tell exactly.
            let began_ms = watch.at_ms.saturating_sub(i64::from(watch.watch_ms).min(VIEW_BEGAN_MS_MAX));
            result = self.open(key, watch.slate, began_ms, false, given);
            if !matches!(result, Attempt::Opened(_)) {
                return result;
            }
        }
        let config = self.config;
        let Some(entry) = self.find(key, watch.slate, watch.at_ms) else { return result };
        let Some(labels) = entry.watch(watch).filter(|labels| !labels.is_empty()) else {
            self.counters.duplicates += 1;
            return result;
        };
        let example = config.weight(entry, &labels).map(|weight| entry.example(labels, weight));
        self.counters.watch_examples += u64::from(example.is_some());
        self.counters.negatives_dropped += u64::from(example.is_none());
        out.extend(example);
        result
    }

    fn take_action(&mut self, action: &Action, out: &mut Vec<Example>) -> Attempt {
        let Source::Action { window_ms } = action.task.spec().source else {
            self.counters.refused += 1;
            return Attempt::Done;
        };
        let videos = match action.target {
            Target::Video(video) => vec![video],
            Target::Creator(creator) => self.by_creator.get(&(action.viewer, creator)).cloned().unwrap_or_default(),
        };
        let window_ms = window_ms.min(self.config.window_max_ms);
        let open = |entry: &&mut Entry| entry.at_ms <= action.at_ms && action.at_ms <= entry.at_ms.saturating_add(window_ms);
        let mut newest: Option<(i64, u64, Key)> = None;
        for video in videos {
            let key = (action.viewer, video);
            for entry in self.entries.get_mut(&key).into_iter().flatten().filter(open) {
                newest = newest.max(Some((entry.at_ms, entry.number, key)));
            }
        }
        let Some((_, number, key)) = newest else { return Attempt::Wait };
        let Some(entry) = self.entry(key, number) else { return Attempt::Wait };
        if entry.closed(action.task) {
            self.counters.late += 1;
        } else if entry.mark(action.task) {
            out.push(entry.example(Labels::none().with(action.task, 1.0), 1.0));
            self.counters.positive_examples += 1;
        } else {
            self.counters.duplicates += 1;
        }
        Attempt::Done
    }

    /// Opens an entry when its features are known and it is not too late for it.
    fn open(
        &mut self,
        key: Key,
        slate: Option<u64>,
        at_ms: i64,
        impressed: bool,
        given: Option<(ViewerFeatures, Arc<VideoFeatures>)>,
    ) -> Attempt {
        if Stage::FIRST.due_ms(at_ms, &self.config) <= self.now_ms {
            self.counters.late += 1;
            return Attempt::Done;
        }
        let (shown, video) = match (slate, given) {
            (Some(slate), _) => {
                let Some(slate) = self.slates.get(&slate) else { return Attempt::Wait };
                let video = slate.items.iter().find(|item| item.video == key.1 && slate.shown.viewer.viewer == key.0);
                match video {
                    Some(video) => (slate.shown.clone(), video.clone()),
                    None => {
                        self.counters.refused += 1;
                        return Attempt::Done;
                    }
                }
            }
            (None, Some((viewer, video))) => (Arc::new(Shown { viewer, at_ms }), video),
            (None, None) => {
                self.counters.refused += 1;
                return Attempt::Done;
            }
        };
        let number = self.entry_next;
        self.entry_next += 1;
        let creator = video.creator;
        self.entries.entry(key).or_default().push(Entry::new(number, slate, shown, video, at_ms, impressed));
        self.entries_len += 1;
        self.by_age.push_back((number, key));
        let videos = self.by_creator.entry((key.0, creator)).or_default();
        if !videos.contains(&key.1) {
            videos.push(key.1);
        }
        self.schedule(key, number);
        Attempt::Opened(creator)
    }

    /// The entry of a slate, or, when no slate is named, the newest that was open at that time.
    fn find(&mut self, key: Key, slate: Option<u64>, at_ms: i64) -> Option<&mut Entry> {
        let keep_ms = self.config.keep_ms;
        let entries = self.entries.get_mut(&key)?.iter_mut();
        match slate {
            Some(_) => entries.filter(|entry| entry.slate == slate).max_by_key(|entry| entry.number),
            None => {
                let near = |entry: &&mut Entry| {
                    entry.at_ms.saturating_sub(VIEW_BEGAN_MS_MAX) <= at_ms && at_ms <= entry.at_ms.saturating_add(keep_ms)
                };
                entries.filter(near).max_by_key(|entry| (entry.at_ms, entry.number))
            }
        }
    }

    fn entry(&mut self, key: Key, number: u64) -> Option<&mut Entry> {
        self.entries.get_mut(&key)?.iter_mut().find(|entry| entry.number == number)
    }

    fn schedule(&mut self, key: Key, number: u64) {
        let config = self.config;
        if let Some(entry) = self.entry(key, number) {
            let due_ms = entry.stage.due_ms(entry.at_ms, &config);
            self.due.push(Reverse((due_ms, number, key)));
        }
    }

    /// Does what is due next.
    fn advance_next(&mut self, out: &mut Vec<Example>) {
        let config = self.config;
        let Some(Reverse((due_ms, number, key))) = self.due.pop() else { return };
        // An entry that moved since has its true time further back.
        let is_due = |entry: &&mut Entry| entry.stage.due_ms(entry.at_ms, &config) == due_ms;
        let Some(entry) = self.entry(key, number).filter(is_due) else { return };
        let labels = entry.close_until(due_ms, &config);
        let gone = entry.stage == Stage::GONE;
        self.give_negatives(key, number, &labels, out);
        if gone { self.remove(key, number) } else { self.schedule(key, number) }
    }

    fn give_negatives(&mut self, key: Key, number: u64, labels: &Labels, out: &mut Vec<Example>) {
        let config = self.config;
        let Some(entry) = self.entry(key, number).filter(|_| !labels.is_empty()) else { return };
        let example = config.weight(entry, labels).map(|weight| entry.example(*labels, weight));
        self.counters.negative_examples += u64::from(example.is_some());
        self.counters.negatives_dropped += u64::from(example.is_none());
        out.extend(example);
    }

    /// Holds the number of entries to its limit: the oldest is closed, whether its time has come or not.
    fn hold(&mut self, out: &mut Vec<Example>) {
        let config = self.config;
        while self.entries_len > config.entries_max {
            let Some((number, key)) = self.by_age.pop_front() else { break };
            let Some(entry) = self.entry(key, number) else { continue };
            let labels = entry.close_until(i64::MAX, &config);
            self.counters.closed_early += u64::from(!labels.is_empty());
            self.give_negatives(key, number, &labels, out);
            self.remove(key, number);
        }
    }

    fn remove(&mut self, key: Key, number: u64) {
        let Some(entries) = self.entries.get_mut(&key) else { return };
        let Some(at) = entries.iter().position(|entry| entry.number == number) else { return };
        let creator = entries.remove(at).video.creator;
        self.entries_len -= 1;
        if entries.is_empty() {
            self.entries.remove(&key);
            if let Some(videos) = self.by_creator.get_mut(&(key.0, creator)) {
                videos.retain(|video| *video != key.1);
                if videos.is_empty() {
                    self.by_creator.remove(&(key.0, creator));
                }
            }
        }
    }
}

/// A view that arrives before its impression is taken to have begun at most this long before it ended.
const VIEW_BEGAN_MS_MAX: i64 = 60_000;

/// What became of an event.
enum Attempt {
    Done,
    /// An entry was opened, or its time corrected: what waits for it (or for its creator) may go on.
    Opened(u64),
    /// Neither entry nor slate yet.
    Wait,
}
