//! Ids: 41 bits of milliseconds since 2020 and 22 bits of chance, so that they sort by birth and fit a signed SQL integer.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Rng, Timestamp};

/// Milliseconds from the Unix epoch to 2020-01-01T00:00:00Z, where the time part of an id begins.
const BIRTH_EPOCH_MS: i64 = 1_577_836_800_000;
const CHANCE_BITS: u32 = 22;
/// Steps between ids of one millisecond: 1 to 1,024.
const STEP_MASK: u64 = (1 << 10) - 1;
/// 13 digits of 5 bits hold 65 bits: enough for 63.
const DIGITS: usize = 13;
/// Crockford's alphabet: no i, l, o, u.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A text that is no id: wrong length, a digit outside the alphabet, or a value over 63 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseIdError;

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id is 13 characters of 0-9 and a-z without i, l, o and u")
    }
}

impl std::error::Error for ParseIdError {}

/// What every id type offers; the types themselves never mix.
pub trait Id: Copy + Eq + Ord + fmt::Display {
    fn from_raw(raw: u64) -> Self;
    fn raw(self) -> u64;
}

/// Makes ids. One per component, each with a child [`Rng`] of its own.
pub struct IdMaker {
    rng: Rng,
    last: u64,
}

impl IdMaker {
    pub fn new(rng: Rng) -> Self {
        Self { rng, last: 0 }
    }

    /// A fresh id born at `now`, larger than every one before it. Ids of several makers that are born in the same millisecond
    /// collide with a chance of 2^-22: the store's unique keys decide.
    pub fn next<T: Id>(&mut self, now: Timestamp) -> T {
        let since = now.as_millis().saturating_sub(BIRTH_EPOCH_MS).clamp(0, (1 << 41) - 1) as u64;
        let chance = self.rng.next_u64() >> (64 - CHANCE_BITS);
        let fresh = (since << CHANCE_BITS) | chance;
        // Within a millisecond, and when the clock was set back: on from the last one, by steps that do not tell how many there were.
        self.last = if fresh > self.last { fresh } else { self.last + 1 + (chance & STEP_MASK) };
        T::from_raw(self.last)
    }
}

fn write_digits(raw: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut digits = [b'0'; DIGITS];
    let mut rest = raw;
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(rest & 31) as usize];
        rest >>= 5;
    }
    f.write_str(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
}

fn parse_digits(text: &str) -> Result<u64, ParseIdError> {
    if text.len() != DIGITS {
        return Err(ParseIdError);
    }
    let mut raw: u128 = 0;
    for byte in text.bytes() {
        let digit = ALPHABET.iter().position(|a| *a == byte).ok_or(ParseIdError)?;
        raw = (raw << 5) | digit as u128;
    }
    if raw > i64::MAX as u128 { Err(ParseIdError) } else { Ok(raw as u64) }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(u64);

        impl $name {
            /// The number behind the id, as stores and indexes keep it.
            pub const fn raw(self) -> u64 {
                self.0
            }
            /// An id from its number; the top bit is dropped, since ids have 63.
            pub const fn from_raw(raw: u64) -> Self {
                Self(raw & (i64::MAX as u64))
            }
            /// The number as SQL knows it.
            pub const fn sql(self) -> i64 {
                self.0 as i64
            }
            pub const fn from_sql(raw: i64) -> Self {
                Self::from_raw(raw as u64)
            }
        }
        impl Id for $name {
            fn from_raw(raw: u64) -> Self {
                Self::from_raw(raw)
            }
            fn raw(self) -> u64 {
                self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_digits(self.0, f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                parse_digits(text).map(Self)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() { serializer.collect_str(self) } else { serializer.serialize_u64(self.0) }
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                    text.parse().map_err(serde::de::Error::custom)
                } else {
                    u64::deserialize(deserializer).map(Self::from_raw)
                }
            }
        }
    )+};
}

ids! {
    /// A person who signed up. Never leaves the region, never stands in the event log.
    AccountId,
    /// Whoever watches: signed in or not. A pseudonym: the event log, the views and the learner know only this.
    ViewerId,
    /// A video, from the moment its upload is complete.
    VideoId,
    /// A sound: born with the video that first used it.
    SoundId,
    CommentId,
    /// Names a session in lists; the secret is another thing.
    SessionId,
    UploadId,
    JobId,
    ReportId,
    /// One page that the feed served; events refer to it.
    SlateId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips_and_refuses_strangers() {
        for raw in [0, 1, 31, 32, i64::MAX as u64] {
            let id = VideoId::from_raw(raw);
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        for bad in ["", "0", "zzzzzzzzzzzzz", "000000000000i", "00000000000000", "../../etc/pa"] {
            assert_eq!(bad.parse::<VideoId>(), Err(ParseIdError), "{bad}");
        }
    }

    #[test]
    fn ids_sort_by_birth_and_are_made_from_the_seed() {
        let make = || {
            let mut maker = IdMaker::new(Rng::from_seed(7));
            [1_700_000_000_000, 1_700_000_000_001].map(|ms| maker.next::<VideoId>(Timestamp::from_millis(ms)))
        };
        let [a, b] = make();
        assert!(a < b);
        assert_eq!([a, b], make());
    }

    #[test]
    fn ids_of_one_maker_rise_also_within_a_millisecond() {
        let mut maker = IdMaker::new(Rng::from_seed(7));
        let now = 1_700_000_000_000;
        let ids: Vec<VideoId> = (0..20_000).map(|_| maker.next(Timestamp::from_millis(now))).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert!(maker.next::<VideoId>(Timestamp::from_millis(now - 5_000)) > ids[ids.len() - 1], "the clock was set back");
    }
}
