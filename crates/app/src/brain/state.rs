//! What one event changes. Deterministic: the same events in the same order give the same memory, bit for bit.

use std::sync::Arc;

use base::{Timestamp, VideoId, ViewerId};
use eventlog::dedup::Dedup;
use eventlog::{Body, Context, Event};
use hashbrown::HashSet;
use super::join::{Action, Joiner};
use learner::{Example, Trainer, ViewerFeatures};
use retrieval::{CandidateIndex, Entry};
use views::Views;

use super::videos::{KnownVideo, KnownVideos};
use crate::feed::history_items;

/// Videos whose vectors are brought up to date after each batch beside those that were touched, in turn: the dense weights move
/// everybody's.
const REFRESHED_PER_BATCH: usize = 64;

pub struct State {
    pub views: Arc<Views>,
    pub videos: Arc<KnownVideos>,
    pub candidates: Arc<CandidateIndex<{ learner::D }>>,
    pub trainer: Trainer,
    pub joiner: Joiner,
    pub dedup: Dedup,
    pub events: u64,
    pub duplicates: u64,
    touched: HashSet<VideoId>,
    /// Every video once, in the order of publication; those removed are passed over.
    order: Vec<VideoId>,
    refresh_next: usize,
    examples: Vec<Example>,
}

impl State {
    pub fn new(
        views: Arc<Views>,
        videos: Arc<KnownVideos>,
        candidates: Arc<CandidateIndex<{ learner::D }>>,
        trainer: Trainer,
        joiner: Joiner,
        dedup: Dedup,
    ) -> Self {
        let mut state = Self {
            views,
            videos,
            candidates,
            trainer,
            joiner,
            dedup,
            events: 0,
            duplicates: 0,
            touched: HashSet::new(),
            order: Vec::new(),
            refresh_next: 0,
            examples: Vec::new(),
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
        self.views.apply(event);
        let (viewer, at) = (event.viewer.raw(), event.received.as_millis());
        match &event.body {
            Body::VideoPublished(facts) => {
                self.index(facts);
                if let Some(known) = self.videos.get(facts.video) {
                    self.trainer.observe_video(at, &known.features);
                }
            }
            Body::VideoRemoved { video } => {
                self.videos.remove(*video);
                self.candidates.remove(*video);
                self.trainer.forget_video(video.raw());
            }
            Body::ViewerErased => {
                self.trainer.forget_viewer(viewer);
                self.joiner.forget_viewer(viewer);
            }
            _ if self.views.learning_paused(event.viewer) => {}
            Body::Slate(slate) => {
                let features = self.viewer_features(event.viewer, slate.context);
                let items = slate.items.iter().filter_map(|item| self.videos.get(item.video)).map(|k| k.features.clone()).collect();
                self.joiner.slate(slate.slate.raw(), features, items, at);
            }
            Body::Impression { video, slate, .. } => {
                self.note_impression(*video);
                self.impression(event, *video, slate.map(|s| s.raw()));
            }
            Body::Watch(watch) => {
                // A watch without an impression before it (it was lost, or the client sends none) is one itself.
                self.impression(event, watch.video, watch.slate.map(|s| s.raw()));
                self.joiner.watch(viewer, watch.video.raw(), watch.watch_ms, watch.duration_ms, at);
            }
            Body::Like { video } => self.action(event, *video, Action::Like),
            Body::Save { video } => self.action(event, *video, Action::Save),
            Body::Share { video } => self.action(event, *video, Action::Share),
            Body::Comment { video } => self.action(event, *video, Action::Comment),
            Body::Click { video } => self.action(event, *video, Action::Click),
            Body::NotInterested { video } => self.action(event, *video, Action::NotInterested),
            Body::Report { video } => self.action(event, *video, Action::Report),
            Body::Follow { creator } => {
                // The clip of that creator which the viewer watched last is what won the follow.
                let cause = self.views.history(event.viewer, 20).into_iter().find(|entry| {
                    self.videos.get(entry.video).is_some_and(|known| known.facts.creator == *creator)
                });
                if let Some(entry) = cause {
                    self.action(event, entry.video, Action::Follow);
                }
            }
            Body::Unlike { .. } | Body::Unsave { .. } | Body::Unfollow { .. } => {}
            Body::HistoryRemoved { .. } | Body::LearningPaused { .. } => {}
        }
        self.joiner.tick(at);
        self.learn(event.received);
    }

    fn note_impression(&mut self, video: VideoId) {
        self.candidates.set_impressions(video, self.views.counts(video).impressions);
    }

    fn impression(&mut self, event: &Event, video: VideoId, slate: Option<u64>) {
        let Some(known) = self.videos.get(video) else { return };
        let (viewer, at) = (event.viewer.raw(), event.received.as_millis());
        if self.joiner.is_pending(viewer, video.raw()) {
            return;
        }
        let features = match slate.and_then(|slate| self.joiner.slate_features(slate)) {
            Some(features) => features,
            None => {
                let context = Context { hour: event.at.hour(), weekday: event.at.weekday(), tab: 2, ..Context::default() };
                self.viewer_features(event.viewer, context)
            }
        };
        self.joiner.impression(features, known.features.clone(), at);
    }

    fn action(&mut self, event: &Event, video: VideoId, action: Action) {
        self.joiner.action(event.viewer.raw(), video.raw(), action, event.received.as_millis());
    }

    fn viewer_features(&self, viewer: ViewerId, context: Context) -> ViewerFeatures {
        let history = self.views.history(viewer, learner::HISTORY_MAX);
        ViewerFeatures {
            viewer: viewer.raw(),
            hour: context.hour,
            weekday: context.weekday,
            device: context.device,
            language: context.language,
            tab: context.tab,
            depth: context.depth,
            history: history_items(&self.videos, &history).into(),
        }
    }

    fn learn(&mut self, now: Timestamp) {
        self.joiner.drain_into(&mut self.examples);
        for example in self.examples.drain(..) {
            self.trainer.train(now.as_millis(), &example);
            self.touched.insert(VideoId::from_raw(example.video.video));
        }
    }

    /// Shows readers what was learned since the last call.
    pub fn publish(&mut self, now: Timestamp) {
        self.trainer.publish(now.as_millis());
        let learner = self.trainer.learner();
        let turn = self.order.iter().cycle().skip(self.refresh_next).take(REFRESHED_PER_BATCH.min(self.order.len())).copied();
        self.touched.extend(turn);
        self.refresh_next = (self.refresh_next + REFRESHED_PER_BATCH) % self.order.len().max(1);
        for video in self.touched.drain() {
            if let Some(known) = self.videos.get(video)
                && let Err(error) = self.candidates.set_vector(video, &learner.video_vector(&known.features))
            {
                tracing::warn!(%error, "a video's vector could not be kept");
            }
        }
    }
}
