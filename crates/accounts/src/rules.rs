//! What handles, names and passwords may be. Pure: no clock, no store.

use sha2::{Digest, Sha256};

use crate::Issue;

pub const HANDLE_CHARS_MIN: usize = 3;
pub const HANDLE_CHARS_MAX: usize = 24;
pub const DISPLAY_NAME_CHARS_MAX: usize = 40;
pub const BIO_CHARS_MAX: usize = 160;
const BIO_LINES_MAX: usize = 5;
/// NIST SP 800-63B, section 3.1.1.2: at least 8 characters, at least 64 allowed, no rules of composition, a list of known bad ones.
const PASSWORD_CHARS_MIN: usize = 8;
const PASSWORD_CHARS_MAX: usize = 128;

/// Handles that would let somebody pose as the house.
const RESERVED: [&str; 18] = [
    "about",
    "abuse",
    "admin",
    "administrator",
    "api",
    "help",
    "info",
    "legal",
    "moderation",
    "moderator",
    "official",
    "operator",
    "privacy",
    "root",
    "security",
    "staff",
    "support",
    "watershed",
];

/// The passwords tried first by everyone who guesses, of those that are long enough to get past the length.
const COMMON_PASSWORDS: &str = include_str!("common_passwords.txt");

/// Who chose the handle: the house itself may use the reserved ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChosenBy {
    Person,
    House,
}

/// The handle as it is kept: lower case, without a leading `@`.
pub(crate) fn handle(text: &str, by: ChosenBy) -> Result<String, Issue> {
    let refuse = |code, message| Err(Issue { field: "handle", code, message });
    let handle = text.trim().trim_start_matches('@').to_ascii_lowercase();
    if !(HANDLE_CHARS_MIN..=HANDLE_CHARS_MAX).contains(&handle.chars().count()) {
        return refuse("handle_length", "A handle has 3 to 24 characters.");
    }
    if !handle.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.')) {
        return refuse("handle_characters", "A handle is made of a-z, 0-9, _ and full stops.");
    }
    let dots_well_placed = !handle.starts_with('.') && !handle.ends_with('.') && !handle.contains("..");
    if !dots_well_placed || !handle.bytes().any(|b| b.is_ascii_alphanumeric()) {
        return refuse("handle_shape", "A handle has a letter or digit, and full stops stand between other characters.");
    }
    if by == ChosenBy::Person && RESERVED.contains(&handle.as_str()) {
        return refuse("handle_reserved", "This handle is kept for the people who run this place.");
    }
    Ok(handle)
}

/// Characters that draw nothing or turn the direction of what follows: a name with them can look like another.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{00ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// The display name as it is kept: white space folded to single spaces.
pub(crate) fn display_name(text: &str) -> Result<String, Issue> {
    let refuse = |code, message| Err(Issue { field: "display_name", code, message });
    let name = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.is_empty() || name.chars().count() > DISPLAY_NAME_CHARS_MAX {
        return refuse("display_name_length", "A name has 1 to 40 characters.");
    }
    if name.chars().any(is_deceptive) {
        return refuse("display_name_characters", "A name is made of visible characters.");
    }
    Ok(name)
}

/// The bio as it is kept: trimmed, lines allowed.
pub(crate) fn bio(text: &str) -> Result<String, Issue> {
    let refuse = |code, message| Err(Issue { field: "bio", code, message });
    let bio = text.replace("\r\n", "\n").trim().to_owned();
    if bio.chars().count() > BIO_CHARS_MAX || bio.lines().count() > BIO_LINES_MAX {
        return refuse("bio_length", "A bio has at most 160 characters on 5 lines.");
    }
    if bio.chars().any(|c| c != '\n' && is_deceptive(c)) {
        return refuse("bio_characters", "A bio is made of visible characters.");
    }
    Ok(bio)
}

/// Refuses passwords that are short, known or made of the handle. `field` names the input that holds it.
pub(crate) fn password(password: &str, handle: &str, field: &'static str) -> Result<(), Issue> {
    let refuse = |code, message| Err(Issue { field, code, message });
    let chars = password.chars().count();
    if !(PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&chars) {
        return refuse("password_length", "A password has 8 to 128 characters.");
    }
    let lower = password.to_lowercase();
    if !handle.is_empty() && (lower.contains(handle) || lower.chars().rev().collect::<String>().contains(handle)) {
        return refuse("password_like_handle", "The password must not contain the handle.");
    }
    if is_common(&lower) {
        return refuse("password_common", "This password is among the first that anyone would try.");
    }
    Ok(())
}

fn is_common(lower: &str) -> bool {
    let mut chars = lower.chars();
    let first = chars.next();
    let repeated = chars.all(|c| Some(c) == first);
    let codes: Vec<i64> = lower.chars().map(|c| c as i64).collect();
    let steps = |by: i64| codes.windows(2).all(|pair| matches!(pair, [a, b] if b - a == by));
    // "password123" is "password" to those who guess.
    let stem = lower.trim_end_matches(|c: char| c.is_ascii_digit() || "!.?*".contains(c));
    let listed = COMMON_PASSWORDS.lines().any(|common| common == lower || (stem.len() >= 5 && common == stem));
    repeated || steps(1) || steps(-1) || listed
}

/// A colour for somebody without a picture, from the handle: the same everywhere, light enough for dark text and dark enough
/// for light text.
pub fn color_of(handle: &str) -> String {
    let digest = Sha256::digest(handle.as_bytes());
    let hue = f32::from(u16::from_be_bytes([digest[0], digest[1]])) / 65_536.0 * 6.0;
    let (saturation, lightness) = (0.55, 0.48);
    // HSL to RGB, CSS Color Module Level 4, section 7.1.
    let chroma = (1.0 - f32::abs(2.0 * lightness - 1.0)) * saturation;
    let second = chroma * (1.0 - f32::abs(hue % 2.0 - 1.0));
    let (r, g, b) = match hue as u8 {
        0 => (chroma, second, 0.0),
        1 => (second, chroma, 0.0),
        2 => (0.0, chroma, second),
        3 => (0.0, second, chroma),
        4 => (second, 0.0, chroma),
        _ => (chroma, 0.0, second),
    };
    let base = lightness - chroma / 2.0;
    let byte = |v: f32| ((v + base) * 255.0).round() as u8;
    format!("#{:02x}{:02x}{:02x}", byte(r), byte(g), byte(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles() {
        fn check(text: &str, expected: Result<&str, &str>) {
            assert_eq!(handle(text, ChosenBy::Person).as_deref().map_err(|i| i.code), expected, "{text:?}");
        }
        check("ada", Ok("ada"));
        check(" @Ada.Love_lace9 ", Ok("ada.love_lace9"));
        check("ab", Err("handle_length"));
        check(&"a".repeat(24), Ok(&"a".repeat(24)));
        check(&"a".repeat(25), Err("handle_length"));
        check("ada lovelace", Err("handle_characters"));
        check("ад\u{0430}", Err("handle_characters"));
        check("看视频", Err("handle_characters"));
        check("<script>", Err("handle_characters"));
        check(".ada", Err("handle_shape"));
        check("a..b", Err("handle_shape"));
        check("___", Err("handle_shape"));
        check("Admin", Err("handle_reserved"));
        assert_eq!(handle("Operator", ChosenBy::House), Ok("operator".into()));
    }

    #[test]
    fn names_and_bios() {
        assert_eq!(display_name("  Ada\t Lovelace "), Ok("Ada Lovelace".into()));
        assert_eq!(display_name("看视频 👩‍🔬"), Ok("看视频 👩‍🔬".into()));
        assert_eq!(display_name(" ").unwrap_err().code, "display_name_length");
        assert_eq!(display_name(&"x".repeat(41)).unwrap_err().code, "display_name_length");
        assert_eq!(display_name("ada\u{202e}nimda").unwrap_err().code, "display_name_characters");
        assert_eq!(bio(" one\r\ntwo "), Ok("one\ntwo".into()));
        assert_eq!(bio("1\n2\n3\n4\n5\n6").unwrap_err().code, "bio_length");
        assert_eq!(bio("a\u{0}b").unwrap_err().code, "bio_characters");
    }

    #[test]
    fn passwords() {
        fn check(text: &str, expected: Result<(), &str>) {
            assert_eq!(password(text, "ada.l", "password").map_err(|i| i.code), expected, "{text:?}");
        }
        check("correct horse", Ok(()));
        check("一二三四五六七八九", Ok(()));
        check("1234567", Err("password_length"));
        check(&"aB3".repeat(43), Err("password_length"));
        check("xxxxxxxx", Err("password_common"));
        check("12345678", Err("password_common"));
        check("98765432", Err("password_common"));
        check("PassWord", Err("password_common"));
        check("password2024!", Err("password_common"));
        check("qwertyuiop", Err("password_common"));
        check("my-ADA.L-pass", Err("password_like_handle"));
        check("my-l.ada-pass", Err("password_like_handle"));
    }

    #[test]
    fn colours_are_steady() {
        assert_eq!(color_of("ada"), color_of("ada"));
        assert_ne!(color_of("ada"), color_of("bob"));
        assert!(color_of("ada").starts_with('#') && color_of("ada").len() == 7);
    }
}
