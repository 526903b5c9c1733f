//! The kinds of events by name: on the wire, in metrics and on the operator's plots.

use crate::Body;

macro_rules! kinds {
    ($($kind:ident $name:literal),+ $(,)?) => {
        /// A [`Body`] without its contents.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($kind),+ }

        impl Kind {
            /// Every kind, in order of declaration: `ALL[kind as usize] == kind`.
            pub const ALL: [Kind; [$($name),+].len()] = [$(Kind::$kind),+];

            /// Lower case with underscores, the `type` of the wire form.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),+ }
            }

            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$kind),)+ _ => None }
            }
        }
    };
}

kinds! {
    Slate "slate",
    Impression "impression",
    Watch "watch",
    Like "like",
    Unlike "unlike",
    Save "save",
    Unsave "unsave",
    Share "share",
    Comment "comment",
    Click "click",
    Follow "follow",
    Unfollow "unfollow",
    NotInterested "not_interested",
    Report "report",
    HistoryRemoved "history_removed",
    LearningPaused "learning_paused",
    ViewerErased "viewer_erased",
    VideoPublished "video_published",
    VideoRemoved "video_removed",
    Origin "origin",
}

impl Kind {
    /// Whether a client may send it. The others are written by the server alone.
    pub const fn from_clients(self) -> bool {
        !matches!(
            self,
            Self::Slate
                | Self::HistoryRemoved
                | Self::LearningPaused
                | Self::ViewerErased
                | Self::VideoPublished
                | Self::VideoRemoved
                | Self::Origin
        )
    }
}

impl Kind {
    /// Whether it takes an account: what others see under a name, or what falls to somebody to decide.
    pub const fn needs_account(self) -> bool {
        matches!(self, Self::Comment | Self::Follow | Self::Unfollow | Self::Report)
    }
}

impl Body {
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Slate(_) => Kind::Slate,
            Self::Impression { .. } => Kind::Impression,
            Self::Watch(_) => Kind::Watch,
            Self::Like { .. } => Kind::Like,
            Self::Unlike { .. } => Kind::Unlike,
            Self::Save { .. } => Kind::Save,
            Self::Unsave { .. } => Kind::Unsave,
            Self::Share { .. } => Kind::Share,
            Self::Comment { .. } => Kind::Comment,
            Self::Click { .. } => Kind::Click,
            Self::Follow { .. } => Kind::Follow,
            Self::Unfollow { .. } => Kind::Unfollow,
            Self::NotInterested { .. } => Kind::NotInterested,
            Self::Report { .. } => Kind::Report,
            Self::HistoryRemoved { .. } => Kind::HistoryRemoved,
            Self::LearningPaused { .. } => Kind::LearningPaused,
            Self::ViewerErased => Kind::ViewerErased,
            Self::VideoPublished(_) => Kind::VideoPublished,
            Self::VideoRemoved { .. } => Kind::VideoRemoved,
            Self::Origin { .. } => Kind::Origin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for (i, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, i);
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(Kind::from_name("Like"), None);
    }
}
