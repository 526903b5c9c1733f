//! What can stand in the log. Each record has a version; a field has a data class or it does not compile.

use base::{AccountId, SlateId, SoundId, Timestamp, VideoId, ViewerId};
use residency::{classified, classified_enum};
use serde::{Deserialize, Serialize};

/// A client-made UUID: the same event sent twice has the same one, and counts once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventId(pub u128);

classified! {
    /// One record of the log.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Event {
        pub id: EventId = Behaviour,
        /// Who did it; the partition key. Zero for what no viewer did (a video published).
        pub viewer: ViewerId = Behaviour,
        /// When it happened, by the client's clock, held to within a day before `received`.
        pub at: Timestamp = Behaviour,
        /// When it was taken in, by the server's clock.
        pub received: Timestamp = Behaviour,
        pub body: Body = Behaviour,
    }
}

classified_enum! {
    /// What happened.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub enum Body {
        /// The feed served a page: what the joiner needs to know of it.
        Slate(Slate),
        /// A clip came into view.
        Impression {
            video: VideoId = Public,
            slate: Option<SlateId> = Behaviour,
            position: u16 = Behaviour,
        },
        /// A view ended (or went on long enough to be reported).
        Watch(Watch),
        Like {
            video: VideoId = Public,
        },
        Unlike {
            video: VideoId = Public,
        },
        Save {
            video: VideoId = Public,
        },
        Unsave {
            video: VideoId = Public,
        },
        Share {
            video: VideoId = Public,
        },
        Comment {
            video: VideoId = Public,
        },
        Click {
            video: VideoId = Public,
        },
        Follow {
            creator: AccountId = Public,
        },
        Unfollow {
            creator: AccountId = Public,
        },
        NotInterested {
            video: VideoId = Public,
        },
        Report {
            video: VideoId = Public,
        },
        /// The viewer took one video, or everything, out of what the feed learns from.
        HistoryRemoved {
            video: Option<VideoId> = Behaviour,
        },
        /// The viewer switched learning from them off (true) or on again.
        LearningPaused {
            paused: bool = Behaviour,
        },
        /// Forget this viewer: written when an account is deleted, before the log itself is rewritten.
        ViewerErased,
        VideoPublished(VideoFacts),
        VideoRemoved {
            video: VideoId = Public,
        },
        /// The viewer's events come from this network from now on. Written by the server when that is news; the learner holds all who come
        /// from one to a share.
        Origin {
            /// A keyed hash of the network, another one each day and after each start; 0 for an unknown network. The key is written nowhere, so
            /// that no address can be found from it.
            origin: u64 = Behaviour,
        },
    }
}

classified! {
    /// A page as it was served, with the context that the model saw.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Slate {
        pub slate: SlateId = Behaviour,
        pub context: Context = Behaviour,
        pub items: Vec<SlateItem> = Behaviour,
        /// Since the second version of frames; `None` for pages that were made in no experiment.
        pub trial: Option<Trial> = Behaviour,
    }
}

classified! {
    /// A page's part in an experiment: whose policy chose, and what every arm's policy thought of each choice.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Trial {
        /// The experiment's mark: what was made under another name or another set of arms is not mixed in.
        pub experiment: u32 = Behaviour,
        /// The viewer's arm, from 0; its policy chose.
        pub arm: u8 = Behaviour,
        /// Probability with which a viewer is in that arm, over 0 to 1.
        pub share: f32 = Behaviour,
        /// One per item, in their order; empty when the page was not judged by all arms.
        pub places: Vec<Place> = Behaviour,
    }
}

classified! {
    /// One place of a page as every arm would have filled it, the places before it as they are.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Place {
        /// Candidates that could have come here.
        pub open: u16 = Behaviour,
        /// What was predicted of the one that came.
        pub predicted: Forecast = Behaviour,
        /// The mean prediction over those that could have.
        pub even: Forecast = Behaviour,
        /// By arm.
        pub arms: Vec<Choice> = Behaviour,
    }
}

classified! {
    /// One arm's view of a place.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
    pub struct Choice {
        /// Probability with which this arm puts the clip that came here here, 0 to 1.
        pub propensity: f32 = Behaviour,
        /// The mean prediction over what this arm puts here.
        pub expected: Forecast = Behaviour,
    }
}

classified! {
    /// Predictions by the model of the viewer's arm.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
    pub struct Forecast {
        /// Probability of watching to the end.
        pub finish: f32 = Behaviour,
        /// A measure of the seconds watched: the predicted rank of the watch time times the clip's length.
        pub watch_s: f32 = Behaviour,
    }
}

classified! {
    /// The circumstances of a request.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
    pub struct Context {
        /// Hour of the day, 0 to 23, in the viewer's zone when known, else UTC.
        pub hour: u8 = Behaviour,
        /// 0 = Monday to 6 = Sunday.
        pub weekday: u8 = Behaviour,
        /// 0 unknown, 1 phone, 2 tablet, 3 desktop, 4 television.
        pub device: u8 = Behaviour,
        /// 0 unknown, 1 English, 2 Chinese, 3 other.
        pub language: u8 = Behaviour,
        /// 0 For You, 1 Following, 2 elsewhere.
        pub tab: u8 = Behaviour,
        /// How many pages this viewer asked for before in this sitting, at most 255.
        pub depth: u8 = Behaviour,
    }
}

classified! {
    #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
    pub struct SlateItem {
        pub video: VideoId = Public,
        /// Probability with which the selector put this clip at this place, 0 to 1.
        pub propensity: f32 = Behaviour,
        /// Which source brought it, as an index into the feed's list.
        pub source: u8 = Behaviour,
    }
}

classified! {
    #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Watch {
        pub video: VideoId = Public,
        pub slate: Option<SlateId> = Behaviour,
        /// Milliseconds of picture shown, all loops together.
        pub watch_ms: u32 = Behaviour,
        /// Length of the clip in milliseconds, as the player saw it; 0 when unknown.
        pub duration_ms: u32 = Behaviour,
    }
}

classified! {
    /// What the feed and the learner know of a video before anyone watched it.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct VideoFacts {
        pub video: VideoId = Public,
        pub creator: AccountId = Public,
        pub sound: Option<SoundId> = Public,
        /// Lower-case, without the sign.
        pub hashtags: Vec<String> = Public,
        /// Search tokens of the caption, at most 32; hashed by whoever publishes, so that the log cannot be read for them.
        pub words: Vec<String> = Public,
        pub duration_ms: u32 = Public,
        pub published_at: Timestamp = Public,
        /// Features of picture, motion and sound, each about 0 to 1, in the order of `content::FEATURE_NAMES`.
        pub content: Vec<f32> = Public,
        /// The older video that this one repeats.
        pub duplicate_of: Option<VideoId> = Public,
    }
}

impl Event {
    /// The video that the event is about, if it is about one.
    pub fn video(&self) -> Option<VideoId> {
        match &self.body {
            Body::Impression { video, .. }
            | Body::Like { video }
            | Body::Unlike { video }
            | Body::Save { video }
            | Body::Unsave { video }
            | Body::Share { video }
            | Body::Comment { video }
            | Body::Click { video }
            | Body::NotInterested { video }
            | Body::Report { video }
            | Body::VideoRemoved { video } => Some(*video),
            Body::Watch(watch) => Some(watch.video),
            Body::VideoPublished(facts) => Some(facts.video),
            Body::HistoryRemoved { video } => *video,
            Body::Slate(_)
            | Body::Follow { .. }
            | Body::Unfollow { .. }
            | Body::LearningPaused { .. }
            | Body::ViewerErased
            | Body::Origin { .. } => None,
        }
    }
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
