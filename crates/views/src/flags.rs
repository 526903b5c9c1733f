//! What one viewer did with one video, in two bytes.

use std::ops::{BitOr, BitOrAssign};

use serde::{Deserialize, Serialize};

/// A set of things that a viewer did with a video.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Flags(u16);

macro_rules! flags {
    ($($(#[$doc:meta])* $constant:ident $method:ident $bit:literal),+ $(,)?) => {
        impl Flags {
            $($(#[$doc])* pub const $constant: Self = Self(1 << $bit);)+
            $($(#[$doc])* pub const fn $method(self) -> bool { self.has(Self::$constant) })+
        }
    };
}

flags! {
    /// It came into view, or the viewer did anything with it.
    SEEN seen 0,
    /// Watched for a second, or to the end.
    VIEWED viewed 1,
    /// Watched to the end at least once.
    FINISHED finished 2,
    /// Liked, and not unliked since.
    LIKED liked 3,
    /// Saved, and not taken out since.
    SAVED saved 4,
    SHARED shared 5,
    COMMENTED commented 6,
    /// The latest watch was a skip.
    SKIPPED skipped 7,
    NOT_INTERESTED not_interested 8,
    REPORTED reported 9,
    CLICKED clicked 10,
    /// It stands in the viewer's history.
    IN_HISTORY in_history 11,
}

impl Flags {
    pub const NONE: Self = Self(0);

    /// Whether all of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) const fn bits(self) -> u16 {
        self.0
    }

    pub(crate) const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }
}

impl BitOr for Flags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}
