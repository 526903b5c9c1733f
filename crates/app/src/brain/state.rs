//! What one event changes. Deterministic: the same events in the same order give the same memory, bit for bit.

use std::sync::Arc;

use base::{Timestamp, VideoId, ViewerId};
use eventlog::dedup::Dedup;
use eventlog::{Body, Context, Event};
use hashbrown::HashSet;
use learner::joiner::{Action, Impression, Joiner, Target, Watch};
use learner::{Example, Labels, Task, Totals, Trainer, VideoFeatures, ViewerFeatures};
use retrieval::{CandidateIndex, Entry};
use views::Views;

use super::gauges;
use super::models::Kept;
use super::videos::{KnownVideo, KnownVideos};
use crate::feed::history_items;

/// Videos whose vectors are brought up to date after each batch beside those that were touched, in turn: the dense weights move
/// everybody's.
const REFRESHED_PER_BATCH: usize = 64;
/// Examples that wait to be learned together: an event can close thousands of impressions at once.
const EXAMPLES_MAX: usize = 1_024;
const DAY_MS: i64 = 24 * 3_600_000;

pub struct State {
    pub views: Arc<Views>,
    pub videos: Arc<KnownVideos>,
    pub candidates: Arc<CandidateIndex<{ learner::D }>>,
    pub trainer: Trainer,
    /// Models of arms that have one of their own; none at first.
    pub own_models: Vec<Kept>,
    pub joiner: Joiner,
    pub dedup: Dedup,
    pub events: u64,
    pub duplicates: u64,
    touched: HashSet<VideoId>,
    /// Every video once, in the order of publication; those removed are passed over.
    order: Vec<VideoId>,
    refresh_next: usize,
    /// Examples that were made and not learned yet: those of one batch of the log are learned in one go, and before anything else
    /// changes the models.
    examples: Vec<Example>,
    /// When each of them was made, which is its time of learning.
    made_at_ms: Vec<i64>,
    rows_idle_days: u32,
    /// The model's counts as they were last told.
    told: Totals,
    /// The day, in days since 1970 by the log's time, for which idle rows were last looked for.
    day: i64,
}

impl State {
    pub fn new(
        views: Arc<Views>,
        videos: Arc<KnownVideos>,
        candidates: Arc<CandidateIndex<{ learner::D }>>,
        trainer: Trainer,
        joiner: Joiner,
        dedup: Dedup,
        rows_idle_days: u32,
    ) -> Self {
        let told = trainer.totals();
        let mut state = Self {
            views,
            videos,
            candidates,
            trainer,
            own_models: Vec::new(),
            joiner,
            dedup,
            events: 0,
            duplicates: 0,
            touched: HashSet::new(),
            order: Vec::new(),
            refresh_next: 0,
            examples: Vec::new(),
            made_at_ms: Vec::new(),
            rows_idle_days: rows_idle_days.max(1),
            told,
            day: i64::MIN,
        };
        // The tables beside the views are functions of them: made anew after a restart, not stored.
        for facts in state.views.videos() {
            state.index(&facts);
        }
        state
    }

    /// Makes a published video findable.
    fn index(&mut self, facts: &eventlog::VideoFacts) {
        let known = Arc::new(KnownVideo::of(facts));
        let entry = Entry {
            video: facts.video,
            creator: facts.creator,
            published_at: facts.published_at,
            hashtags: known.facts.hashtags.clone(),
        };
        self.candidates.publish(entry, self.views.counts(facts.video).impressions);
        if self.videos.put(known) {
            self.order.push(facts.video);
        }
        self.touched.insert(facts.video);
    }

    pub fn apply(&mut self, event: &Event) {
        if !self.dedup.first_sighting(event.id) {
            self.duplicates += 1;
            return;
        }
        self.events += 1;
        self.expire(event.received);
        self.views.apply(event);
        let (viewer, at) = (event.viewer.raw(), event.received.as_millis());
        match &event.body {
            Body::VideoPublished(facts) => {
                self.learn();
                self.index(facts);
                if let Some(known) = self.videos.get(facts.video) {
                    self.trainer.observe_video(at, &known.features);
                    self.own_models.iter_mut().for_each(|own| own.observe_video(at, &known.features));
                }
            }
            Body::VideoRemoved { video } => {
                self.learn();
                self.videos.remove(*video);
                self.candidates.remove(*video);
                self.trainer.forget_video(video.raw());
                self.own_models.iter_mut().for_each(|own| own.forget_video(*video));
            }
            Body::ViewerErased => {
                self.learn();
                self.trainer.forget_viewer(viewer);
                self.own_models.iter_mut().for_each(|own| own.forget_viewer(viewer));
                self.joiner.forget_viewer(viewer);
            }
            Body::Origin { origin } => {
                self.learn();
                self.trainer.viewer_comes_from(viewer, *origin);
                self.own_models.iter_mut().for_each(|own| own.viewer_comes_from(viewer, *origin));
            }
            _ if self.views.learning_paused(event.viewer) => {}
            Body::Slate(slate) => {
                let features = viewer_features(&self.views, &self.videos, event.viewer, slate.context, None);
                let items =
                    slate.items.iter().filter_map(|item| self.videos.get(item.video)).map(|k| k.features.clone()).collect();
                self.joiner.slate(slate.slate.raw(), features, items, at, &mut self.examples);
            }
            Body::Impression { video, slate, .. } => {
                self.candidates.set_impressions(*video, self.views.counts(*video).impressions);
                let slate = slate.map(|s| s.raw());
                let impression = Impression { viewer, video: video.raw(), slate, at_ms: at };
                let (views, videos) = (&self.views, &self.videos);
                let features = || features_now(views, videos, event, *video);
                self.joiner.impression(&impression, features, &mut self.examples);
            }
            Body::Watch(watch) => {
                let slate = watch.slate.map(|s| s.raw());
                let (watch_ms, duration_ms, video) = (watch.watch_ms, watch.duration_ms, watch.video);
                let judged = Labels::none();
                let watch = Watch { viewer, video: video.raw(), slate, at_ms: at, watch_ms, duration_ms, judged };
                let (views, videos) = (&self.views, &self.videos);
                self.joiner.watch(&watch, || features_now(views, videos, event, video), &mut self.examples);
            }
            Body::Like { video } => self.action(event, Target::Video(video.raw()), Task::Like),
            Body::Save { video } => self.action(event, Target::Video(video.raw()), Task::Save),
            Body::Share { video } => self.action(event, Target::Video(video.raw()), Task::Share),
            Body::Comment { video } => self.action(event, Target::Video(video.raw()), Task::Comment),
            Body::Click { video } => self.action(event, Target::Video(video.raw()), Task::Click),
            Body::NotInterested { video } => self.action(event, Target::Video(video.raw()), Task::NotInterested),
            Body::Report { video } => self.action(event, Target::Video(video.raw()), Task::Report),
            Body::Follow { creator } => self.action(event, Target::Creator(creator.raw()), Task::Follow),
            Body::Unlike { .. } | Body::Unsave { .. } | Body::Unfollow { .. } => {}
            Body::HistoryRemoved { .. } | Body::LearningPaused { .. } => {}
        }
        self.joiner.tick(at, &mut self.examples);
        self.made_at_ms.resize(self.examples.len(), at);
        if self.examples.len() >= EXAMPLES_MAX {
            self.learn();
        }
    }

    /// On the first event of each day: forgets rows that nobody met for long. By the log's time, and all at once, so that a replay
    /// forgets the same.
    fn expire(&mut self, now: Timestamp) {
        let day = now.as_millis().div_euclid(DAY_MS);
        if day > self.day {
            self.day = day;
            self.learn();
            let (now_ms, idle_days) = (day * DAY_MS, self.rows_idle_days);
            let mut forgotten = self.trainer.expire(now_ms, idle_days, usize::MAX);
            forgotten += self.own_models.iter_mut().map(|own| own.expire(now_ms, idle_days)).sum::<usize>();
            if forgotten > 0 {
                tracing::info!(rows = forgotten, "the model forgot what nobody met again");
            }
        }
    }

    fn action(&mut self, event: &Event, target: Target, task: Task) {
        let action = Action { viewer: event.viewer.raw(), target, task, at_ms: event.received.as_millis() };
        self.joiner.action(&action, &mut self.examples);
    }

    /// Learns what was made and not learned yet. Equal whenever it is called, as long as it is before anything else changes the models.
    fn learn(&mut self) {
        let times = self.made_at_ms.iter().copied();
        self.trainer.train_all(times.clone().zip(&self.examples));
        for (now_ms, example) in times.zip(&self.examples) {
            self.own_models.iter_mut().for_each(|own| own.learn(now_ms, example));
            self.touched.insert(VideoId::from_raw(example.video.video));
        }
        self.examples.clear();
        self.made_at_ms.clear();
    }

    /// Learns what is left, and shows readers what was learned since the last call.
    pub fn publish(&mut self, now: Timestamp) {
        self.learn();
        self.trainer.publish(now.as_millis());
        let totals = self.trainer.totals();
        gauges::tell("shared", &self.told, &totals);
        gauges::tell_joined(&self.joiner.counters());
        self.told = totals;
        self.own_models.iter_mut().for_each(|own| own.publish(now.as_millis()));
        let learner = self.trainer.learner();
        let turn = self.order.iter().cycle().skip(self.refresh_next).take(REFRESHED_PER_BATCH.min(self.order.len())).copied();
        self.touched.extend(turn);
        self.refresh_next = (self.refresh_next + REFRESHED_PER_BATCH) % self.order.len().max(1);
        for video in self.touched.drain() {
            let Some(known) = self.videos.get(video) else { continue };
            if let Err(error) = self.candidates.set_vector(video, &learner.video_vector(&known.features)) {
                tracing::warn!(%error, "a video's vector could not be kept");
            }
            self.own_models.iter().for_each(|own| own.refresh(video, &known.features));
        }
    }
}

/// The features of a viewing that no slate stands behind: as they are now, but for this viewing itself.
fn features_now(
    views: &Views,
    videos: &KnownVideos,
    event: &Event,
    video: VideoId,
) -> Option<(ViewerFeatures, Arc<VideoFeatures>)> {
    let features = videos.get(video)?.features.clone();
    let context = Context { hour: event.at.hour(), weekday: event.at.weekday(), tab: 2, ..Context::default() };
    Some((viewer_features(views, videos, event.viewer, context, Some(video)), features))
}

/// `without`: a video whose outcome the features must not give away.
fn viewer_features(
    views: &Views,
    videos: &KnownVideos,
    viewer: ViewerId,
    context: Context,
    without: Option<VideoId>,
) -> ViewerFeatures {
    let mut history = views.history(viewer, learner::HISTORY_MAX);
    history.retain(|entry| Some(entry.video) != without);
    ViewerFeatures {
        viewer: viewer.raw(),
        hour: context.hour,
        weekday: context.weekday,
        device: context.device,
        language: context.language,
        tab: context.tab,
        depth: context.depth,
        history: history_items(videos, &history).into(),
    }
}
