//! The names of blobs.

use std::fmt;
use std::str::FromStr;

/// The longest key, in bytes.
pub const KEY_LEN_MAX: usize = 200;

/// A checked name: segments of `a-z A-Z 0-9 . _ -` joined by `/`, none of them empty or beginning with a dot, so that a key is
/// a safe relative path, a safe part of a URL and a safe object name at once.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

/// A text that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key is segments of letters, digits, '.', '_' and '-' joined by '/', none beginning with a dot, at most 200 bytes")]
pub struct KeyError;

impl Key {
    pub fn new(text: impl Into<String>) -> Result<Self, KeyError> {
        let text = text.into();
        let segment_is_fine = |segment: &str| {
            !segment.is_empty()
                && !segment.starts_with('.')
                && segment.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        };
        if text.len() <= KEY_LEN_MAX && text.split('/').all(segment_is_fine) { Ok(Self(text)) } else { Err(KeyError) }
    }

    /// The key `self/name`.
    pub fn join(&self, name: &str) -> Result<Self, KeyError> {
        Self::new(format!("{}/{name}", self.0))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part behind the last slash.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl FromStr for Key {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::new(text)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_taken_and_refused() {
        fn check(text: &str, fine: bool) {
            assert_eq!(Key::new(text).is_ok(), fine, "{text:?}");
        }
        check("videos/01hx/playlist.m3u8", true);
        check("a", true);
        check("a-b_c.d/E9", true);
        check(&"a".repeat(KEY_LEN_MAX), true);
        check(&"a".repeat(KEY_LEN_MAX + 1), false);
        for bad in [
            "",
            "/",
            "/etc/passwd",
            "a/",
            "a//b",
            "..",
            "a/../b",
            "./a",
            ".tmp/x",
            "a/.hidden",
            "a b",
            "a\\b",
            "a\0",
            "ä",
            "c:d",
            "a%2f",
            "~",
        ] {
            check(bad, false);
        }
        assert_eq!(Key::new("a/b").unwrap().join("../c"), Err(KeyError));
        assert_eq!(Key::new("a/b").unwrap().join("c.ts").unwrap().file_name(), "c.ts");
    }
}
