//! Places in a list that goes on: what a client gives back to read what follows.
//!
//! A list is ordered by a key and, where keys are equal, by an id (a keyset): nothing is skipped or shown twice when rows are
//! added or removed meanwhile. The text form is opaque to clients and refused when it is not one of ours.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The first byte of the text form. Another layout gets another number.
const VERSION: u8 = 1;
const BYTES: usize = 18;

/// The place after one row: its sort key and its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor {
    pub key: i64,
    pub id: i64,
}

impl Cursor {
    /// Before everything in a list that counts down, newest first.
    pub const TOP: Self = Self { key: i64::MAX, id: i64::MAX };
    /// Before everything in a list that counts up, oldest first.
    pub const BOTTOM: Self = Self { key: i64::MIN, id: i64::MIN };

    /// Folds the payload to one byte, so that a typing error is not taken for a place.
    fn check_byte(payload: &[u8]) -> u8 {
        payload.iter().fold(0x5a, |sum, byte| sum.rotate_left(3) ^ byte)
    }
}

/// A text that is no cursor of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a cursor of this list")]
pub struct CursorError;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; BYTES];
        bytes[0] = VERSION;
        bytes[1..9].copy_from_slice(&self.key.to_be_bytes());
        bytes[9..17].copy_from_slice(&self.id.to_be_bytes());
        bytes[17] = Self::check_byte(&bytes[..17]);
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let mut bytes = [0; BYTES];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).map_err(|_| CursorError)?;
        let [VERSION, payload @ .., check] = bytes else { return Err(CursorError) };
        if length != BYTES || Self::check_byte(&bytes[..17]) != check {
            return Err(CursorError);
        }
        let (key, id) = payload.split_at(8);
        let number = |half: &[u8]| half.try_into().map(i64::from_be_bytes).map_err(|_| CursorError);
        Ok(Self { key: number(key)?, id: number(id)? })
    }
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next part begins; none at the end.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Makes a page of at most `limit` items out of rows of which `limit + 1` were asked for: one more means that there is more.
    pub fn cut(mut rows: Vec<T>, limit: u32, place: impl Fn(&T) -> Cursor) -> Self {
        let limit = limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(place) } else { None };
        Self { items: rows, next }
    }

    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_round_trip_and_refuse_strangers() {
        for cursor in [Cursor::TOP, Cursor::BOTTOM, Cursor { key: 0, id: 1 }, Cursor { key: -7, id: 1 << 62 }] {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        let good = Cursor { key: 5, id: 9 }.to_string();
        let mut flipped = good.clone().into_bytes();
        flipped[3] = if flipped[3] == b'A' { b'B' } else { b'A' };
        let flipped = String::from_utf8(flipped).unwrap();
        for bad in
            ["", "A", "null", "5", &good[1..], &format!("{good}A"), &format!("{good}="), &flipped, &"A".repeat(24), "看视频"]
        {
            assert_eq!(bad.parse::<Cursor>(), Err(CursorError), "{bad}");
        }
    }

    #[test]
    fn a_page_knows_whether_there_is_more() {
        let cut = |n: i64| Page::cut((0..n).collect(), 3, |id| Cursor { key: 0, id: *id });
        assert_eq!(cut(3), Page { items: vec![0, 1, 2], next: None });
        assert_eq!(cut(4), Page { items: vec![0, 1, 2], next: Some(Cursor { key: 0, id: 2 }) });
        assert_eq!(cut(0), Page { items: vec![], next: None });
    }
}
