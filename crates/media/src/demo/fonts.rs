//! Which fonts this machine has.

use tokio::process::Command;

/// Fonts by file, for the text cards.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fonts {
    /// For Latin letters.
    pub latin: Option<String>,
    /// For Chinese.
    pub chinese: Option<String>,
}

impl Fonts {
    /// Asks fontconfig. What it does not find is `None`; a machine without fontconfig has none.
    pub async fn find() -> Self {
        Self {
            latin: ask("DejaVu Sans:bold", &["DejaVu", "Noto Sans", "Liberation", "Roboto"]).await,
            chinese: ask("Noto Sans CJK SC:bold:lang=zh-cn", &["CJK", "WenQuanYi", "Source Han", "Droid Sans Fallback"]).await,
        }
    }
}

/// The file of the best match, if its family is one of those that have the letters: fontconfig always names some font.
async fn ask(pattern: &str, families: &[&str]) -> Option<String> {
    let output = Command::new("fc-match").args(["-f", "%{family}|%{file}", pattern]).output().await.ok()?;
    let told = String::from_utf8(output.stdout).ok()?;
    let (family, file) = told.split_once('|')?;
    let plain = file.starts_with('/') && file.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b));
    (plain && families.iter().any(|known| family.contains(known))).then(|| file.to_owned())
}
