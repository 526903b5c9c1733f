//! What a page is asked for.

use std::fmt;
use std::sync::Arc;

use base::{AccountId, Rng, SlateId, Timestamp, VideoId, ViewerId};
use hashbrown::HashSet;

use crate::filter::reason;
use crate::{PAGE_MAX, ViewerState};

/// Which feed is asked for. The numbers are those of the event log's context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Tab {
    #[default]
    ForYou = 0,
    Following = 1,
    Elsewhere = 2,
}

/// The circumstances of a request, as the learner sees them; the codes are those of the event log's context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// Hour of the day, 0 to 23.
    pub hour: u8,
    /// 0 = Monday to 6 = Sunday.
    pub weekday: u8,
    /// 0 unknown, 1 phone, 2 tablet, 3 desktop, 4 television.
    pub device: u8,
    /// 0 unknown, 1 English, 2 Chinese, 3 other.
    pub language: u8,
    /// Pages asked for before in this sitting, at most 255.
    pub depth: u8,
}

/// One request for a page.
#[derive(Clone)]
pub struct Query {
    pub viewer: ViewerId,
    /// The account behind the viewer, if signed in: its own videos are left out.
    pub account: Option<AccountId>,
    pub tab: Tab,
    /// How many items, held to 1 to [`PAGE_MAX`] by [`Query::page_len`].
    pub limit: usize,
    pub context: Context,
    /// Videos that the client holds and has not shown yet.
    pub exclude: HashSet<VideoId>,
    /// 0 familiar to 1 "surprise me".
    pub surprise: f32,
    pub now: Timestamp,
    /// Whether the caller will show the slate's removals; they are counted in any case.
    pub explain: bool,
    /// The viewer's arm in the experiment: an index into the arms' scorers; 0 where there is none.
    pub arm: usize,
    /// Whether the page is to be judged by every arm: what was considered is then kept with the slate.
    pub judged: bool,
    /// The id of the page to be made.
    pub slate: SlateId,
    /// A generator of this request's own; components draw from its children.
    pub rng: Rng,
    /// What is known of the viewer.
    pub state: Arc<dyn ViewerState>,
}

impl Query {
    /// How many items the page is to have.
    pub fn page_len(&self) -> usize {
        self.limit.clamp(1, PAGE_MAX)
    }

    /// [`Query::surprise`], held to 0 to 1.
    pub fn surprise(&self) -> f32 {
        if self.surprise.is_finite() { self.surprise.clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Why a video is not to be offered to this viewer: held by the client, turned away, seen, or by whom it is.
    /// Sources ask this while they search, so that they return candidates that can be used.
    pub fn unwanted(&self, video: VideoId) -> Option<&'static str> {
        if self.exclude.contains(&video) {
            Some(reason::EXCLUDED)
        } else if self.state.not_interested(video) {
            Some(reason::NOT_INTERESTED)
        } else if self.state.seen(video) {
            Some(reason::SEEN)
        } else {
            self.state.not_for_them(video)
        }
    }
}

/// Says nothing of the viewer: queries end up in logs.
impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query")
            .field("tab", &self.tab)
            .field("limit", &self.limit)
            .field("context", &self.context)
            .field("exclude", &self.exclude.len())
            .field("explain", &self.explain)
            .finish_non_exhaustive()
    }
}
