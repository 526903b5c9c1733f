//! Why a file is not taken: a stable code for programs and translations, a sentence for people.

use serde::{Deserialize, Serialize};

/// A reason that lies in the file. `to_string()` is the English sentence, [`Refusal::code`] the key of its translation.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    #[error("The file is empty. Please choose another one.")]
    Empty,
    #[error("This is not a video that we can read. MP4, MOV, WebM and MKV work best.")]
    NotAVideo,
    #[error("This file is a playlist or points to other files. Please upload the video itself.")]
    PlaylistOrReference,
    #[error("The file is cut short: the end is missing. Please export or upload it again.")]
    CutShort,
    #[error("The video is damaged: too much of it cannot be decoded.")]
    Damaged,
    #[error("The video is {} long; at most {} is allowed.", seconds(*length_ms), seconds(*limit_ms))]
    TooLong { length_ms: u64, limit_ms: u64 },
    #[error("The video is {} long; at least {} is needed.", seconds(*length_ms), seconds(*limit_ms))]
    TooShort { length_ms: u64, limit_ms: u64 },
    #[error("The file has {:.1} MB; at most {:.1} MB are allowed.", *bytes as f64 / 1e6, *limit_bytes as f64 / 1e6)]
    TooLarge { bytes: u64, limit_bytes: u64 },
    #[error("The picture has {width} x {height} pixels, which is more than is allowed.")]
    TooManyPixels { width: u32, height: u32 },
    #[error("The picture has {width} x {height} pixels, which is too small to watch.")]
    TooSmall { width: u32, height: u32 },
    #[error("The video has {fps:.0} frames a second; at most {limit_fps:.0} are allowed.")]
    TooManyFrames { fps: f64, limit_fps: f64 },
    #[error("The file holds more tracks than are allowed (at most {limit}).")]
    TooManyStreams { limit: u32 },
    #[error("The file holds no picture, only sound or text.")]
    NoPicture,
    #[error("The video format \"{codec}\" is not supported here. H.264, H.265, VP9 and AV1 are.")]
    CodecUnsupported { codec: String },
    #[error("The video would unpack into more than this place can work through.")]
    Bomb,
    #[error("Working on this video took too long.")]
    TimedOut,
}

fn seconds(ms: u64) -> String {
    if ms >= 60_000 { format!("{} min {} s", ms / 60_000, ms / 1_000 % 60) } else { format!("{:.1} s", ms as f64 / 1_000.0) }
}

impl Refusal {
    /// Every code there is, for the completeness test of a translation.
    pub const CODES: [&'static str; 16] = [
        "empty",
        "not_a_video",
        "playlist_or_reference",
        "cut_short",
        "damaged",
        "too_long",
        "too_short",
        "too_large",
        "too_many_pixels",
        "too_small",
        "too_many_frames",
        "too_many_streams",
        "no_picture",
        "codec_unsupported",
        "bomb",
        "timed_out",
    ];

    /// The stable name of the reason.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotAVideo => "not_a_video",
            Self::PlaylistOrReference => "playlist_or_reference",
            Self::CutShort => "cut_short",
            Self::Damaged => "damaged",
            Self::TooLong { .. } => "too_long",
            Self::TooShort { .. } => "too_short",
            Self::TooLarge { .. } => "too_large",
            Self::TooManyPixels { .. } => "too_many_pixels",
            Self::TooSmall { .. } => "too_small",
            Self::TooManyFrames { .. } => "too_many_frames",
            Self::TooManyStreams { .. } => "too_many_streams",
            Self::NoPicture => "no_picture",
            Self::CodecUnsupported { .. } => "codec_unsupported",
            Self::Bomb => "bomb",
            Self::TimedOut => "timed_out",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_serialized_form_and_sentences_carry_numbers() {
        fn check(refusal: Refusal, code: &str, part: &str) {
            assert_eq!(refusal.code(), code);
            assert!(Refusal::CODES.contains(&code));
            assert!(refusal.to_string().contains(part), "{refusal}");
            let json = serde_json::to_value(&refusal).unwrap();
            assert_eq!(json["code"], code);
            assert_eq!(serde_json::from_value::<Refusal>(json).unwrap(), refusal);
        }
        check(Refusal::TooLong { length_ms: 362_770, limit_ms: 180_000 }, "too_long", "6 min 2 s");
        check(Refusal::TooShort { length_ms: 200, limit_ms: 500 }, "too_short", "0.2 s");
        check(Refusal::TooLarge { bytes: 3_000_000, limit_bytes: 1_500_000 }, "too_large", "1.5 MB");
        check(Refusal::CodecUnsupported { codec: "vvc".into() }, "codec_unsupported", "vvc");
        check(Refusal::CutShort, "cut_short", "end is missing");
    }
}
