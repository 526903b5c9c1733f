//! What a deployment takes in.

use serde::{Deserialize, Serialize};

/// The bounds of an upload. The defaults let through what phones record (4K at 60 frames a second included) at up to three
/// minutes, and the short odd clips that people cut by hand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The largest file, in bytes.
    pub bytes_max: u64,
    /// The shortest picture track, in milliseconds.
    pub length_min_ms: u64,
    /// The longest, in milliseconds.
    pub length_max_ms: u64,
    /// The most pixels of one frame (width times height as coded).
    pub frame_pixels_max: u64,
    /// The longest side of a frame, in pixels.
    pub side_max: u32,
    /// The shortest side of a frame, in pixels.
    pub side_min: u32,
    /// The most frames a second (mean); more is a trick or a measuring camera. What is above 60 is thinned out.
    pub fps_max: f64,
    /// The most streams in the container, of any sort.
    pub streams_max: u32,
    /// The most pixels decoded over the whole clip: the guard against small files that unpack into days of work.
    /// 90e9 is three minutes of 4K at 60 frames a second.
    pub total_pixels_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes_max: 512 * 1024 * 1024,
            length_min_ms: 500,
            length_max_ms: 180_000,
            frame_pixels_max: 4096 * 4096,
            side_max: 8192,
            side_min: 16,
            fps_max: 240.0,
            streams_max: 16,
            total_pixels_max: 90_000_000_000,
        }
    }
}
