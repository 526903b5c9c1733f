//! ffprobe's description of the tracks, checked against the limits.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, Limits, Refusal};

/// The picture codecs that are taken, by ffprobe's names.
const VIDEO_CODECS: [&str; 20] = [
    "h264",
    "hevc",
    "vp8",
    "vp9",
    "av1",
    "mpeg4",
    "mpeg1video",
    "mpeg2video",
    "h263",
    "theora",
    "mjpeg",
    "prores",
    "dnxhd",
    "flv1",
    "msmpeg4v2",
    "msmpeg4v3",
    "wmv1",
    "wmv2",
    "wmv3",
    "vc1",
];
/// The sound codecs that are heard; any other track counts as silence.
const AUDIO_CODECS: [&str; 22] = [
    "aac",
    "aac_latm",
    "mp3",
    "mp2",
    "opus",
    "vorbis",
    "ac3",
    "eac3",
    "flac",
    "alac",
    "amr_nb",
    "amr_wb",
    "adpcm_ms",
    "adpcm_ima_wav",
    "adpcm_ima_qt",
    "wmav1",
    "wmav2",
    "wmapro",
    "pcm_u8",
    "pcm_s8",
    "pcm_mulaw",
    "pcm_alaw",
];
/// Pictures at least this high that do not tell their matrix are meant as BT.709, lower ones as BT.601.
const BT709_HEIGHT_MIN: u32 = 720;

/// How the coded picture is turned to be seen: first mirrored left to right, then turned clockwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Orientation {
    pub mirrored: bool,
    /// 0, 90, 180 or 270.
    pub clockwise_degrees: u16,
}

impl Orientation {
    /// Whether width and height change places.
    pub fn swaps_sides(self) -> bool {
        self.clockwise_degrees % 180 == 90
    }

    /// The display matrix of ISO 14496-12, first two rows and columns, to the nearest quarter turn.
    fn from_matrix([a, b, c, d]: [i64; 4]) -> Self {
        // x' = a x + c y, y' = b x + d y, with y downwards.
        let turned = a.unsigned_abs().saturating_add(d.unsigned_abs()) < b.unsigned_abs().saturating_add(c.unsigned_abs());
        let (mirrored, clockwise_degrees) = match (turned, if turned { (b, c) } else { (a, d) }) {
            (false, (a, d)) => match (a < 0, d < 0) {
                (false, false) => (false, 0),
                (true, true) => (false, 180),
                (true, false) => (true, 0),
                (false, true) => (true, 180),
            },
            (true, (b, c)) => match (b < 0, c < 0) {
                (false, true) => (false, 90),
                (true, false) => (false, 270),
                // The plain transpose: mirrored, then a quarter to the left.
                (false, false) => (true, 270),
                (true, true) => (true, 90),
            },
        };
        Self { mirrored, clockwise_degrees }
    }
}

/// How light is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transfer {
    /// Standard range, or untold.
    Sdr,
    /// SMPTE ST 2084: HDR10 and its kin.
    Pq,
    /// ARIB STD-B67.
    Hlg,
}

/// One sound track.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AudioTrack {
    /// Its index among all streams.
    pub stream: u32,
    pub codec: String,
    pub channels: u32,
    pub sample_rate_hz: u32,
}

#[derive(Debug)]
pub(super) struct VideoTrack {
    pub index: u32,
    pub codec: String,
    pub coded_width: u32,
    pub coded_height: u32,
    pub width: u32,
    pub height: u32,
    pub pixel_aspect: f64,
    pub orientation: Orientation,
    pub bit_depth: u8,
    pub transfer: Transfer,
    pub assume_bt709: bool,
    pub interlaced: bool,
    pub duration_s: Option<f64>,
}

#[derive(Debug)]
pub(super) struct Tracks {
    pub container: String,
    pub start_s: f64,
    pub duration_s: Option<f64>,
    pub video: VideoTrack,
    pub audio: Option<AudioTrack>,
    pub audio_tracks: u32,
}

impl Tracks {
    /// The length that the header tells, 0 when it tells none.
    pub fn promised_s(&self) -> f64 {
        self.duration_s.or(self.video.duration_s).unwrap_or(0.0)
    }
}

pub(super) fn parse(json: &[u8], limits: &Limits) -> Result<Tracks, Error> {
    let root: Value = serde_json::from_slice(json).map_err(|_| Refusal::Damaged)?;
    let streams = root["streams"].as_array().map(Vec::as_slice).unwrap_or_default();
    if streams.len() > limits.streams_max as usize {
        return Err(Refusal::TooManyStreams { limit: limits.streams_max }.into());
    }
    let of_kind = |kind: &'static str| streams.iter().filter(move |s| s["codec_type"] == kind);
    let picture = of_kind("video")
        .filter(|s| s["disposition"]["attached_pic"] != 1)
        .max_by_key(|s| (s["disposition"]["default"] == 1, std::cmp::Reverse(number(s, "index"))))
        .ok_or(Refusal::NoPicture)?;
    let hearable = |s: &&Value| {
        let codec = s["codec_name"].as_str().unwrap_or_default();
        number(s, "channels") > 0 && (AUDIO_CODECS.contains(&codec) || codec.starts_with("pcm_"))
    };
    let sound = of_kind("audio")
        .filter(hearable)
        .max_by_key(|s| (s["disposition"]["default"] == 1, std::cmp::Reverse(number(s, "index"))));
    Ok(Tracks {
        container: text(&root["format"], "format_name"),
        start_s: seconds(&root["format"], "start_time").unwrap_or(0.0),
        duration_s: seconds(&root["format"], "duration"),
        video: video_track(picture, limits)?,
        audio: sound.map(|s| AudioTrack {
            stream: number(s, "index"),
            codec: text(s, "codec_name"),
            channels: number(s, "channels"),
            sample_rate_hz: seconds(s, "sample_rate").unwrap_or(0.0) as u32,
        }),
        audio_tracks: of_kind("audio").count() as u32,
    })
}

fn video_track(stream: &Value, limits: &Limits) -> Result<VideoTrack, Refusal> {
    let codec = text(stream, "codec_name");
    if !VIDEO_CODECS.contains(&codec.as_str()) {
        // An unknown codec has no name; its four-letter tag is the next best word for it.
        let told = if matches!(codec.as_str(), "" | "none" | "unknown") { text(stream, "codec_tag_string") } else { codec };
        let codec = told.chars().filter(|c| c.is_ascii_alphanumeric()).take(16).collect();
        return Err(Refusal::CodecUnsupported { codec });
    }
    let (coded_width, coded_height) = (number(stream, "width"), number(stream, "height"));
    if coded_width == 0 || coded_height == 0 {
        return Err(Refusal::Damaged);
    }
    let pixel_aspect = aspect(stream["sample_aspect_ratio"].as_str().unwrap_or_default());
    // Stretch the side that is short of pixels, so that nothing of the coded picture is thrown away before scaling.
    let (wide, high) = (f64::from(coded_width), f64::from(coded_height));
    let (seen_wide, seen_high) = if pixel_aspect >= 1.0 { (wide * pixel_aspect, high) } else { (wide, high / pixel_aspect) };
    let orientation = stream["side_data_list"]
        .as_array()
        .and_then(|list| list.iter().find_map(|data| matrix(data["displaymatrix"].as_str()?)))
        .map_or(Orientation::default(), Orientation::from_matrix);
    let (mut width, mut height) = (seen_wide.round() as u32, seen_high.round() as u32);
    if orientation.swaps_sides() {
        std::mem::swap(&mut width, &mut height);
    }
    let pixels = u64::from(coded_width) * u64::from(coded_height);
    let longest = width.max(height).max(coded_width).max(coded_height);
    if pixels > limits.frame_pixels_max || longest > limits.side_max {
        return Err(Refusal::TooManyPixels { width, height });
    }
    if width.min(height) < limits.side_min {
        return Err(Refusal::TooSmall { width, height });
    }
    let format = text(stream, "pix_fmt");
    let told_space = stream["color_space"].as_str().is_some_and(|space| space != "unknown");
    Ok(VideoTrack {
        index: number(stream, "index"),
        codec,
        coded_width,
        coded_height,
        width,
        height,
        pixel_aspect,
        orientation,
        bit_depth: bit_depth(&format),
        transfer: match stream["color_transfer"].as_str() {
            Some("smpte2084") => Transfer::Pq,
            Some("arib-std-b67") => Transfer::Hlg,
            _ => Transfer::Sdr,
        },
        assume_bt709: !told_space && coded_width.min(coded_height) >= BT709_HEIGHT_MIN,
        interlaced: matches!(stream["field_order"].as_str(), Some("tt" | "bb" | "tb" | "bt")),
        duration_s: seconds(stream, "duration"),
    })
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value, key: &str) -> u32 {
    value[key].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
}

/// ffprobe writes times and rates as text.
fn seconds(value: &Value, key: &str) -> Option<f64> {
    value[key].as_str()?.parse::<f64>().ok().filter(|s| s.is_finite() && *s > 0.0)
}

/// `num:den`; 1 when it is untold or beyond what a real camera or disc writes.
fn aspect(told: &str) -> f64 {
    let ratio = told.split_once(':').and_then(|(n, d)| Some(n.parse::<f64>().ok()? / d.parse::<f64>().ok()?));
    ratio.filter(|r| (0.25..=4.0).contains(r)).unwrap_or(1.0)
}

/// Bits of one sample, from the name of the pixel format (`yuv420p10le`, `p010le`, `gbrp12le`).
fn bit_depth(pixel_format: &str) -> u8 {
    [(16u8, ["p16", "p016"]), (14, ["p14", "p014"]), (12, ["p12", "p012"]), (10, ["p10", "p010"]), (9, ["p9", "p09"])]
        .into_iter()
        .find(|(_, names)| names.iter().any(|name| pixel_format.contains(name)))
        .map_or(8, |(bits, _)| bits)
}

/// ffprobe prints the nine numbers of a display matrix as three lines `00000000: a b u`.
fn matrix(told: &str) -> Option<[i64; 4]> {
    let rows: Vec<Vec<i64>> = told
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(_, numbers)| numbers.split_whitespace().filter_map(|n| n.parse().ok()).collect())
        .collect();
    match rows.as_slice() {
        [first, second, ..] => Some([*first.first()?, *first.get(1)?, *second.first()?, *second.get(1)?]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarter_turns_and_mirrors_from_the_matrix() {
        fn check(matrix: [i64; 4], mirrored: bool, clockwise_degrees: u16) {
            assert_eq!(Orientation::from_matrix(matrix), Orientation { mirrored, clockwise_degrees }, "{matrix:?}");
        }
        check([65536, 0, 0, 65536], false, 0);
        check([0, 65536, -65536, 0], false, 90);
        check([-65536, 0, 0, -65536], false, 180);
        check([0, -65536, 65536, 0], false, 270);
        check([-65536, 0, 0, 65536], true, 0);
        check([65536, 0, 0, -65536], true, 180);
        check([0, 65536, 65536, 0], true, 270);
        check([0, -65536, -65536, 0], true, 90);
        check([i64::MIN, 1, 1, i64::MIN], false, 180);
    }

    #[test]
    fn pixel_formats_and_aspects() {
        for (name, bits) in [("yuv420p", 8), ("yuv420p10le", 10), ("p010le", 10), ("yuv444p12le", 12), ("", 8)] {
            assert_eq!(bit_depth(name), bits, "{name}");
        }
        for (told, ratio) in [("1:1", 1.0), ("4:3", 4.0 / 3.0), ("0:1", 1.0), ("N/A", 1.0), ("1000:1", 1.0)] {
            assert!((aspect(told) - ratio).abs() < 1e-9, "{told}");
        }
    }

    #[test]
    fn tracks_are_chosen_and_measured() {
        let json = br#"{"streams": [
            {"index": 0, "codec_type": "audio", "codec_name": "unheard_of", "channels": 2},
            {"index": 1, "codec_type": "video", "codec_name": "mjpeg", "width": 9, "height": 9, "disposition": {"attached_pic": 1}},
            {"index": 2, "codec_type": "video", "codec_name": "h264", "width": 1440, "height": 1080, "sample_aspect_ratio": "4:3",
             "pix_fmt": "yuv420p", "disposition": {"default": 1},
             "side_data_list": [{"displaymatrix": "\n00000000: 0 65536 0\n00000001: -65536 0 0\n00000002: 0 0 1073741824\n"}]},
            {"index": 3, "codec_type": "audio", "codec_name": "aac", "channels": 1, "sample_rate": "44100"}],
            "format": {"format_name": "mov", "duration": "2.5"}}"#;
        let tracks = parse(json, &Limits::default()).unwrap();
        assert_eq!((tracks.video.index, tracks.video.width, tracks.video.height), (2, 1080, 1920));
        assert_eq!(tracks.audio.as_ref().map(|a| a.stream), Some(3));
        assert_eq!((tracks.audio_tracks, tracks.promised_s()), (2, 2.5));
    }
}
