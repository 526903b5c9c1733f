//! One event into all views.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use base::{AccountId, VideoId, ViewerId};
use eventlog::{Body, Event, VideoFacts, Watch};

use crate::counts::judge;
use crate::videos::Video;
use crate::viewers::{Deed, InHistory};
use crate::{Flags, Views};

/// What deeds weigh in trending, as logarithms to the base 2: a view 1, a finish 2, a like 4, a comment and a save 8, a share 16.
/// Each weighs once for a viewer and a video, however often it is done.
mod weight_log2 {
    pub const VIEW: f64 = 0.0;
    pub const FINISH: f64 = 1.0;
    /// A view that is a finish too: log2(1 + 2).
    pub const VIEW_AND_FINISH: f64 = 1.584_962_500_721_156;
    pub const LIKE: f64 = 2.0;
    pub const COMMENT: f64 = 3.0;
    pub const SAVE: f64 = 3.0;
    pub const SHARE: f64 = 4.0;
}

/// Among how many of the latest videos in a viewer's history the one is looked for that won its creator a follow.
const FOLLOW_CAUSE_ENTRIES_MAX: usize = 20;

impl Views {
    /// Takes in the next event of the log. One at a time: a second caller waits, and the order of the log is the caller's to
    /// keep. Never fails: what refers to nothing known is counted all the same, since it may become known later.
    pub fn apply(&self, event: &Event) {
        let _writer = self.writer.lock();
        self.rates.lock().count(event.body.kind(), event.received);
        let set = |video: VideoId, set: Flags, history: InHistory| {
            let deed = Deed { video, at: event.at, set, clear: Flags::NONE, history };
            self.viewers.write(event.viewer, |viewer| viewer.act(deed))
        };
        let clear = |video: VideoId, clear: Flags| {
            let deed = Deed { video, at: event.at, set: Flags::NONE, clear, history: InHistory::Not };
            self.viewers.write(event.viewer, |viewer| viewer.act(deed))
        };
        match &event.body {
            Body::Slate(slate) => {
                slate.items.iter().for_each(|item| self.videos.write(item.video, |video| video.served_by(item.source)));
            }
            Body::Impression { video, .. } => {
                set(*video, Flags::SEEN, InHistory::Not);
                self.videos.write(*video, |video| video.counts.impressions += 1);
            }
            Body::Watch(watch) => self.watch(event, watch),
            Body::Like { video } => {
                if !set(*video, Flags::LIKED, InHistory::Noted).liked() {
                    self.engage(event, *video, weight_log2::LIKE, |video| video.counts.likes += 1);
                }
            }
            Body::Unlike { video } => {
                if clear(*video, Flags::LIKED).liked() {
                    self.videos.write(*video, |video| video.counts.likes -= 1);
                }
            }
            Body::Save { video } => {
                if !set(*video, Flags::SAVED, InHistory::Noted).saved() {
                    self.engage(event, *video, weight_log2::SAVE, |video| video.counts.saves += 1);
                }
            }
            Body::Unsave { video } => {
                if clear(*video, Flags::SAVED).saved() {
                    self.videos.write(*video, |video| video.counts.saves -= 1);
                }
            }
            Body::Share { video } => {
                let again = set(*video, Flags::SHARED, InHistory::Noted).shared();
                let count = |video: &mut Video| video.counts.shares += 1;
                if again { self.videos.write(*video, count) } else { self.engage(event, *video, weight_log2::SHARE, count) }
            }
            Body::Comment { video } => {
                let again = set(*video, Flags::COMMENTED, InHistory::Noted).commented();
                let count = |video: &mut Video| video.counts.comments += 1;
                if again { self.videos.write(*video, count) } else { self.engage(event, *video, weight_log2::COMMENT, count) }
            }
            Body::Click { video } => {
                set(*video, Flags::CLICKED, InHistory::Not);
                self.videos.write(*video, |video| video.counts.clicks += 1);
            }
            Body::NotInterested { video } => {
                if !set(*video, Flags::NOT_INTERESTED, InHistory::Noted).not_interested() {
                    self.videos.write(*video, |video| video.counts.not_interested += 1);
                }
            }
            Body::Report { video } => {
                if !set(*video, Flags::REPORTED, InHistory::Not).reported() {
                    self.videos.write(*video, |video| video.counts.reports += 1);
                }
            }
            Body::Follow { creator } => self.follow(event.viewer, *creator, true),
            Body::Unfollow { creator } => self.follow(event.viewer, *creator, false),
            Body::HistoryRemoved { video } => self.viewers.write(event.viewer, |viewer| viewer.remove_history(*video)),
            Body::LearningPaused { paused } => self.viewers.write(event.viewer, |viewer| viewer.paused = *paused),
            Body::ViewerErased => self.forget(event.viewer),
            Body::VideoPublished(facts) => self.publish(facts),
            Body::VideoRemoved { video } => self.remove(*video),
            Body::Origin { .. } => {}
        }
        self.applied.fetch_add(1, Ordering::Relaxed);
    }

    fn watch(&self, event: &Event, watch: &Watch) {
        let duration_ms = match watch.duration_ms {
            0 => self.videos.read(watch.video, |video| video.facts.as_ref().map_or(0, |facts| facts.duration_ms)),
            duration_ms => duration_ms,
        };
        let judged = judge(watch, duration_ms);
        let flag = |holds: bool, flag: Flags| if holds { flag } else { Flags::NONE };
        let deed = Deed {
            video: watch.video,
            at: event.at,
            set: flag(judged.viewed, Flags::VIEWED)
                | flag(judged.finished, Flags::FINISHED)
                | flag(judged.skipped, Flags::SKIPPED),
            clear: Flags::SKIPPED,
            history: InHistory::Watched { watch_ms: watch.watch_ms, duration_ms },
        };
        let before = self.viewers.write(event.viewer, |viewer| viewer.act(deed));
        let first_view = judged.viewed && !before.viewed();
        let facts = self.videos.write(watch.video, |video| {
            video.counts.views += u64::from(judged.viewed);
            video.counts.viewers += u64::from(first_view);
            video.counts.finishes += u64::from(judged.finished);
            video.counts.skips += u64::from(judged.skipped);
            video.counts.watch_ms += u64::from(watch.watch_ms);
            if let Some(ended) = judged.bucket.and_then(|bucket| video.curve.0.get_mut(bucket)) {
                *ended += 1;
            }
            video.facts.clone()
        });
        let Some(facts) = facts else { return };
        if judged.viewed {
            self.index.read().view(&facts);
        }
        let weight_log2 = match (first_view, judged.finished && !before.finished()) {
            (true, true) => weight_log2::VIEW_AND_FINISH,
            (true, false) => weight_log2::VIEW,
            (false, true) => weight_log2::FINISH,
            (false, false) => return,
        };
        self.trending.add(&facts, weight_log2, event.at);
    }

    /// Counts a deed and lets it weigh in trending.
    fn engage(&self, event: &Event, video: VideoId, weight_log2: f64, count: impl FnOnce(&mut Video)) {
        let facts = self.videos.write(video, |video| {
            count(video);
            video.facts.clone()
        });
        if let Some(facts) = facts {
            self.trending.add(&facts, weight_log2, event.at);
        }
    }

    fn follow(&self, viewer: ViewerId, creator: AccountId, follows: bool) {
        let Some(latest) = self.viewers.write(viewer, |viewer| {
            let latest = || viewer.history.entries.iter().take(FOLLOW_CAUSE_ENTRIES_MAX).map(|entry| entry.video).collect();
            let latest: Vec<VideoId> = if follows { latest() } else { Vec::new() };
            viewer.follow(creator, follows).then_some(latest)
        }) else {
            return;
        };
        self.change_followers(creator, follows);
        let cause = latest.into_iter().find(|video| self.videos.facts(*video).is_some_and(|facts| facts.creator == creator));
        if let Some(cause) = cause {
            self.videos.write(cause, |video| video.counts.follows += 1);
        }
    }

    fn change_followers(&self, creator: AccountId, follows: bool) {
        let mut followers = self.followers.write();
        let count = followers.entry(creator).or_default();
        *count = if follows { *count + 1 } else { count.saturating_sub(1) };
        if *count == 0 {
            followers.remove(&creator);
        }
    }

    /// Forgets a viewer: what stood (likes, saves, follows) is taken back, what only added to a sum that names nobody stays.
    fn forget(&self, viewer: ViewerId) {
        let Some(gone) = self.viewers.remove(viewer) else { return };
        for (video, flags) in gone.seen.iter() {
            if flags.liked() || flags.saved() {
                self.videos.write(video, |video| {
                    video.counts.likes -= u64::from(flags.liked());
                    video.counts.saves -= u64::from(flags.saved());
                });
            }
        }
        gone.follows.into_iter().for_each(|creator| self.change_followers(creator, false));
    }

    /// Takes a video's facts in, in place of those that it had.
    fn publish(&self, facts: &VideoFacts) {
        self.remove_from_index(facts.video);
        let mut facts = facts.clone();
        // A hashtag given twice would count each view twice.
        let mut once: Vec<String> = Vec::with_capacity(facts.hashtags.len());
        for hashtag in facts.hashtags.drain(..) {
            if !once.contains(&hashtag) {
                once.push(hashtag);
            }
        }
        facts.hashtags = once;
        let facts = Arc::new(facts);
        let views = self.videos.write(facts.video, |video| {
            video.facts = Some(Arc::clone(&facts));
            video.counts.views
        });
        self.index.write().add(&facts, views);
    }

    fn remove(&self, video: VideoId) {
        self.remove_from_index(video);
        self.trending.remove(video);
    }

    fn remove_from_index(&self, video: VideoId) {
        let (facts, views) = self.videos.write(video, |video| (video.facts.take(), video.counts.views));
        if let Some(facts) = facts {
            self.index.write().remove(&facts, views);
        }
    }
}
