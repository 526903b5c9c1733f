//! What an evaluation is made from.

/// One picture of a clip, upright, standard range.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// From the start of the clip.
    pub time_ms: u64,
    /// Rows from the top, three bytes a pixel: red, green, blue; `frame_width * frame_height * 3` bytes.
    pub rgb: Vec<u8>,
}

/// The sound of a clip.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioSamples {
    /// Samples a second of `mono`; 16,000 is enough.
    pub rate_hz: u32,
    pub mono: Vec<i16>,
    /// Chromaprint's raw fingerprint, about eight words a second; empty when there is none.
    pub chromaprint: Vec<u32>,
}

/// A decoded clip. Pictures of the wrong size are passed over.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Samples {
    pub duration_ms: u64,
    /// Sides of every picture of `frames`; some hundred pixels are enough.
    pub frame_width: usize,
    pub frame_height: usize,
    /// Evenly spread over the clip, in order, a few a second.
    pub frames: Vec<Frame>,
    /// A quick stream for motion and for finding moments again: sides (128 are enough), pictures a second (15 are), and
    /// pictures of one byte of luma a pixel.
    pub grey_width: usize,
    pub grey_height: usize,
    pub grey_fps: f64,
    pub grey: Vec<Vec<u8>>,
    pub audio: Option<AudioSamples>,
}

/// Luma of one picture, 0 to 255.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Luma {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<f32>,
}

impl Luma {
    /// From red, green and blue by the weights of BT.601, as the picture hash is defined.
    pub fn from_rgb(rgb: &[u8], width: usize, height: usize) -> Option<Self> {
        let pixels = rgb.as_chunks::<3>().0;
        if width == 0 || height == 0 || pixels.len() != width * height {
            return None;
        }
        let luma = |[r, g, b]: &[u8; 3]| 0.299 * f32::from(*r) + 0.587 * f32::from(*g) + 0.114 * f32::from(*b);
        Some(Self { width, height, pixels: pixels.iter().map(luma).collect() })
    }

    /// From bytes of luma.
    pub fn from_grey(grey: &[u8], width: usize, height: usize) -> Option<Self> {
        if width == 0 || height == 0 || grey.len() != width * height {
            return None;
        }
        Some(Self { width, height, pixels: grey.iter().copied().map(f32::from).collect() })
    }

    pub fn row(&self, y: usize) -> &[f32] {
        self.pixels.get(y * self.width..(y + 1) * self.width).unwrap_or_default()
    }

    /// The part from `left`, `top`, cut to what there is; never empty for a picture that is not.
    pub fn crop(&self, area: Area) -> Self {
        let left = area.left.min(self.width.saturating_sub(1));
        let top = area.top.min(self.height.saturating_sub(1));
        let width = area.width.clamp(1, self.width - left);
        let height = area.height.clamp(1, self.height - top);
        let pixels = (top..top + height).flat_map(|y| self.row(y)[left..left + width].iter().copied()).collect();
        Self { width, height, pixels }
    }
}

/// A part of a picture, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Area {
    pub left: usize,
    pub top: usize,
    pub width: usize,
    pub height: usize,
}

impl Area {
    pub fn of(width: usize, height: usize) -> Self {
        Self { left: 0, top: 0, width, height }
    }

    /// The middle, with `share` of each side taken off all round.
    pub fn inset(self, share: f64) -> Self {
        let (x, y) = ((self.width as f64 * share).round() as usize, (self.height as f64 * share).round() as usize);
        Self {
            left: self.left + x,
            top: self.top + y,
            width: self.width.saturating_sub(2 * x).max(1),
            height: self.height.saturating_sub(2 * y).max(1),
        }
    }
}
