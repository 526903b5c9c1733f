//! What is known of a viewer at the moment of a request, gathered once from the views and handed to every stage.

use std::sync::Arc;

use ::feed::filter::reason;
use ::feed::{HashtagTaste, ViewerState};
use base::{AccountId, Timestamp, VideoId, ViewerId};
use hashbrown::{HashMap, HashSet};
use learner::{HISTORY_MAX, HistoryItem, Signals};
use views::{HistoryEntry, Seen, Views};

use crate::brain::KnownVideos;

/// Entries of the history that are read: what the learner uses, and some more for "enjoyed" and rewatching.
const HISTORY_READ: usize = 200;
/// Clips that "similar" looks at.
const ENJOYED_MAX: usize = 8;
/// Creators that the selector's window looks back on.
const RECENT_CREATORS: usize = 24;

/// A viewer's state as of now. Reads from it cost no lock.
pub struct Viewer {
    seen: Seen,
    history: Vec<HistoryEntry>,
    seen_at: HashMap<VideoId, Timestamp, foldhash::fast::RandomState>,
    blocked: Arc<HashSet<AccountId>>,
    account: Option<AccountId>,
    videos: Arc<KnownVideos>,
    followed: Vec<AccountId>,
    hashtags: Vec<HashtagTaste>,
    creators: HashMap<AccountId, f32>,
    recent_creators: Vec<AccountId>,
    enjoyed: Vec<VideoId>,
    learned_from: u32,
    /// The history as the learner reads it, newest first; empty while learning is paused.
    pub items: Arc<[HistoryItem]>,
    /// Whether they paused learning.
    pub paused: bool,
}

/// The outcome of an entry, as the learner judges it.
fn signals(entry: &HistoryEntry) -> Signals {
    let flags = entry.flags;
    Signals {
        watch_ms: entry.watch_ms,
        duration_ms: entry.duration_ms,
        finished: flags.finished(),
        skipped: flags.skipped(),
        clicked: flags.clicked(),
        liked: flags.liked(),
        engaged: flags.commented() || flags.saved() || flags.shared(),
        not_interested: flags.not_interested(),
        reported: flags.reported(),
    }
}

/// A viewer's history as the learner reads it: newest first, at most [`HISTORY_MAX`] items, videos that are gone left out.
pub fn history_items(videos: &KnownVideos, history: &[HistoryEntry]) -> Vec<HistoryItem> {
    let newest = &history[..history.len().min(HISTORY_MAX)];
    let mut items = Vec::with_capacity(newest.len());
    let mut entries = newest.iter();
    videos.with_each_or(newest.iter().map(|entry| entry.video), |video| {
        if let (Some(entry), Some(video)) = (entries.next(), video) {
            items.push(video.item.with(signals(entry).judge(), entry.at.as_millis()));
        }
    });
    items
}

impl Viewer {
    pub fn gather(
        views: &Views,
        videos: &Arc<KnownVideos>,
        viewer: ViewerId,
        account: Option<AccountId>,
        blocked: Arc<HashSet<AccountId>>,
        now: Timestamp,
    ) -> Self {
        let history = views.history(viewer, HISTORY_READ);
        let items: Arc<[HistoryItem]> = history_items(videos, &history).into();
        let mut state = Self {
            seen: views.seen_snapshot(viewer),
            seen_at: history.iter().map(|e| (e.video, e.at)).collect(),
            blocked,
            account,
            videos: videos.clone(),
            followed: views.follows(viewer),
            hashtags: Vec::new(),
            creators: learner::creators(now.as_millis(), &items)
                .into_iter()
                .map(|(creator, weight)| (AccountId::from_raw(creator), weight))
                .collect(),
            recent_creators: Vec::new(),
            enjoyed: Vec::new(),
            learned_from: history.iter().filter(|e| e.watch_ms > 0).count() as u32,
            items,
            paused: false,
            history,
        };
        state.read_history(videos, now);
        state
    }

    fn read_history(&mut self, videos: &KnownVideos, now: Timestamp) {
        struct Seen {
            name: Arc<str>,
            watched: u32,
            finished: u32,
        }
        let mut by_hash: HashMap<u64, Seen> = HashMap::new();
        let mut entries = self.history.iter();
        videos.with_each_or(self.history.iter().map(|entry| entry.video), |video| {
            let (Some(entry), Some(video)) = (entries.next(), video) else { return };
            if self.recent_creators.len() < RECENT_CREATORS {
                self.recent_creators.push(video.facts.creator);
            }
            let flags = entry.flags;
            if self.enjoyed.len() < ENJOYED_MAX && (flags.finished() || flags.liked()) && !flags.not_interested() {
                self.enjoyed.push(entry.video);
            }
            for (name, key) in video.facts.hashtags.iter().zip(&video.features.hashtags) {
                let seen = by_hash.entry(*key).or_insert_with(|| Seen { name: name.clone(), watched: 0, finished: 0 });
                seen.watched += u32::from(entry.watch_ms > 0);
                seen.finished += u32::from(flags.finished());
            }
        });
        for topic in learner::topics(now.as_millis(), &self.items) {
            if let Some(seen) = by_hash.get(&topic.hashtag) {
                self.hashtags.push(HashtagTaste::new(seen.name.clone(), topic.weight, seen.watched, seen.finished));
            }
        }
    }

    /// Creators that the history says something of, strongest first.
    pub fn creator_tastes(&self) -> Vec<(AccountId, f32)> {
        let mut tastes: Vec<_> = self.creators.iter().map(|(creator, weight)| (*creator, *weight)).collect();
        tastes.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
        tastes
    }
}

impl ViewerState for Viewer {
    fn seen(&self, video: VideoId) -> bool {
        self.seen.contains(video)
    }
    fn seen_oldest_first(&self, limit: usize) -> Vec<VideoId> {
        // Beyond the history only "seen at some time" is kept: older than anything in it.
        let mut seen: Vec<_> =
            self.seen.iter().map(|(video, _)| (self.seen_at.get(&video).copied().unwrap_or_default(), video)).collect();
        seen.sort_unstable();
        seen.into_iter().take(limit).map(|(_, video)| video).collect()
    }
    fn not_interested(&self, video: VideoId) -> bool {
        let flags = self.seen.flags(video);
        flags.not_interested() || flags.reported()
    }
    fn not_for_them(&self, video: VideoId) -> Option<&'static str> {
        if self.blocked.is_empty() && self.account.is_none() {
            return None;
        }
        let creator = self.videos.creator(video)?;
        if self.account == Some(creator) {
            Some(reason::OWN_VIDEO)
        } else {
            self.blocked.contains(&creator).then_some(reason::BLOCKED)
        }
    }
    fn blocked(&self, creator: AccountId) -> bool {
        self.blocked.contains(&creator)
    }
    fn follows(&self, creator: AccountId) -> bool {
        self.followed.contains(&creator)
    }
    fn followed(&self) -> Vec<AccountId> {
        self.followed.clone()
    }
    fn hashtag_tastes(&self) -> &[HashtagTaste] {
        &self.hashtags
    }
    fn creator_taste(&self, creator: AccountId) -> f32 {
        self.creators.get(&creator).copied().unwrap_or(0.0)
    }
    fn recent_creators(&self) -> Vec<AccountId> {
        self.recent_creators.clone()
    }
    fn enjoyed(&self) -> Vec<VideoId> {
        self.enjoyed.clone()
    }
    fn learned_from(&self) -> u32 {
        self.learned_from
    }
}
