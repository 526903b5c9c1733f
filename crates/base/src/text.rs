//! Text as search and the learner see it: the same cutting everywhere, so that what is written is what is found.

/// The most hashtags that count in one caption.
const HASHTAGS_MAX: usize = 20;
/// The longest hashtag, in characters.
const HASHTAG_CHARS_MAX: usize = 60;

/// Han, kana, hangul: scripts written without spaces between words.
fn is_cjk(c: char) -> bool {
    matches!(c as u32,
        0x3040..=0x30ff | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xac00..=0xd7af | 0xf900..=0xfaff | 0x20000..=0x323af)
}

/// Cuts a text into search tokens: lower-cased words for scripts with spaces, single characters and overlapping pairs for
/// Chinese, Japanese and Korean ("看视频" gives 看, 看视, 视, 视频, 频). The order of the text is kept.
pub fn tokens(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut word = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if is_cjk(c) {
            if !word.is_empty() {
                out.push(std::mem::take(&mut word));
            }
            out.push(c.to_string());
            if let Some(next) = chars.peek().copied().filter(|n| is_cjk(*n)) {
                out.push([c, next].iter().collect());
            }
        } else if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        } else if !word.is_empty() {
            out.push(std::mem::take(&mut word));
        }
    }
    if !word.is_empty() {
        out.push(word);
    }
    out
}

/// The hashtags of a caption, lower-cased, without the sign, each once, in order. A hashtag is `#` (or `＃`) and letters,
/// digits or underscores of any script.
pub fn hashtags_in(caption: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for part in caption.split(['#', '＃']).skip(1) {
        let tag: String = part
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .take(HASHTAG_CHARS_MAX)
            .flat_map(char::to_lowercase)
            .collect();
        if !tag.is_empty() && !found.contains(&tag) && found.len() < HASHTAGS_MAX {
            found.push(tag);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_english_and_chinese() {
        fn check(text: &str, expected: &[&str]) {
            assert_eq!(tokens(text), expected, "{text}");
        }
        check("Hello, World!", &["hello", "world"]);
        check("看视频", &["看", "看视", "视", "视频", "频"]);
        check("vlog日常2026", &["vlog", "日", "日常", "常", "2026"]);
        check("ÉCOLE d'été", &["école", "d", "été"]);
        check("  ", &[]);
    }

    #[test]
    fn hashtags_of_captions() {
        fn check(caption: &str, expected: &[&str]) {
            assert_eq!(hashtags_in(caption), expected, "{caption}");
        }
        check("a #Fractal clip #数学 #fractal", &["fractal", "数学"]);
        check("＃全角 #", &["全角"]);
        check("no tags", &[]);
        check("#a#b", &["a", "b"]);
    }
}
