//! What a transcode left behind: the description that the catalog keeps and the player page uses.

use serde::{Deserialize, Serialize};

/// One rendition of the picture, under `v<short side>/`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rendition {
    /// The name of its folder, such as `v360`.
    pub name: String,
    pub width: u32,
    pub height: u32,
    /// The highest bit rate of any segment, bits per second, without the sound.
    pub bitrate_peak_bps: u64,
    /// Mean over the clip, bits per second, without the sound.
    pub bitrate_mean_bps: u64,
    /// All its segments and the header, in bytes.
    pub bytes: u64,
    /// RFC 6381, such as `avc1.64001f`.
    pub codec: String,
}

/// One file of the package, to be stored and served under its path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaFile {
    /// Relative to the package folder, with `/`: `master.m3u8`, `v360/s0001.m4s`, `a/init.mp4`.
    pub path: String,
    pub bytes: u64,
    pub content_type: String,
}

/// The package in one folder: `master.m3u8`, `v<short side>/`, `a/`, `poster.jpg`, `preview.mp4`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Smallest first.
    pub renditions: Vec<Rendition>,
    /// Of the picture after rotation, square pixels, before scaling.
    pub source_width: u32,
    pub source_height: u32,
    pub duration_ms: u64,
    pub fps: f64,
    /// False when the source has no sound, or none that can be decoded: then there is no `a/`.
    pub has_audio: bool,
    /// Bytes of `a/`.
    pub audio_bytes: u64,
    /// Integrated loudness of the source, LUFS; `None` for silence and for no sound.
    pub loudness_lufs: Option<f64>,
    /// When the poster is in the clip.
    pub poster_ms: u64,
    /// Its mean colour, red, green, blue.
    pub poster_rgb: [u8; 3],
    /// True once the whole ladder is there.
    pub complete: bool,
    /// Everything in the folder that is to be served, sorted by path.
    pub files: Vec<MediaFile>,
}

impl Manifest {
    /// Bytes of all renditions of the picture over those of the largest one; 1 for a single rendition, 0 for none.
    pub fn renditions_over_top(&self) -> f64 {
        let sum: u64 = self.renditions.iter().map(|r| r.bytes).sum();
        let top = self.renditions.last().map_or(0, |r| r.bytes);
        if top == 0 { 0.0 } else { sum as f64 / top as f64 }
    }

    /// The poster's colour as CSS writes it, `#rrggbb`.
    pub fn poster_css(&self) -> String {
        let [r, g, b] = self.poster_rgb;
        format!("#{r:02x}{g:02x}{b:02x}")
    }
}
