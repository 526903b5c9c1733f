//! What a comment may say, as far as form goes.

use crate::SocialError;

pub const COMMENT_CHARS_MAX: usize = 500;

/// The text as it is kept: white space folded to single spaces, 1 to 500 characters, nothing that is not text.
pub(crate) fn comment(text: &str) -> Result<String, SocialError> {
    let refuse = |code, message| Err(SocialError::Invalid { field: "text", code, message });
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        return refuse("text_empty", "Write something first.");
    }
    if text.chars().count() > COMMENT_CHARS_MAX {
        return refuse("text_length", "A comment has at most 500 characters.");
    }
    // Overrides of direction would let a comment rearrange the page around it.
    if text.chars().any(|c| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')) {
        return refuse("text_characters", "A comment is made of visible characters.");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments() {
        fn check(text: &str, expected: Result<&str, &str>) {
            let found = comment(text);
            let found = match &found {
                Ok(text) => Ok(text.as_str()),
                Err(SocialError::Invalid { code, .. }) => Err(*code),
                Err(other) => panic!("{other:?}"),
            };
            assert_eq!(found, expected, "{text:?}");
        }
        check("  so\n\tgood  ", Ok("so good"));
        check("好看 👩‍🔬", Ok("好看 👩‍🔬"));
        check(" \u{3000}\n", Err("text_empty"));
        check(&"字".repeat(500), Ok(&"字".repeat(500)));
        check(&"x".repeat(501), Err("text_length"));
        check("a\u{0}b", Err("text_characters"));
        check("a\u{202e}b", Err("text_characters"));
    }
}
