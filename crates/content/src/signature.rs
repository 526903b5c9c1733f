//! What is kept of a clip to find it again.

mod bars;

use serde::{Deserialize, Serialize};

use crate::pdq::{self, Pdq, QUALITY_MIN};
use crate::samples::{Area, Luma, Samples};
pub(crate) use bars::picture_area;

/// The most pictures of one signature.
pub const SIGNATURE_FRAMES_MAX: usize = 40;
/// The most pictures of its quick track, of which only one view is kept.
pub const SIGNATURE_QUICK_MAX: usize = 360;
/// The most words of sound of one signature: three minutes.
pub const SIGNATURE_WORDS_MAX: usize = 1_500;
/// A picture within this distance of the one kept before it adds nothing.
const THINNING_DISTANCE: u32 = 8;
/// The same for the quick track.
const QUICK_THINNING_DISTANCE: u32 = 2;
/// The form of the bytes.
const VERSION: u8 = 1;
/// A signature in bytes is at most this long; more is not read.
const BYTES_MAX: usize = 64 * 1024;
/// How much the two crops take off each side of the picture: what a crop by a few per cent leaves.
const CROPS: [f64; 2] = [0.025, 0.05];
/// How much the four one-sided crops take off.
const SIDE_CROP: f64 = 0.05;

/// The views of one picture that are hashed.
pub(crate) const VIEWS: usize = 12;
/// The picture as it is, bars and all.
pub(crate) const WHOLE: usize = 0;
/// Without bars.
pub(crate) const TRIMMED: usize = 1;
/// Without bars, a little cropped, and a little more.
pub(crate) const CROPPED: [usize; 2] = [2, 3];
/// The upper, lower, left and right half: what a large logo leaves alone.
pub(crate) const HALVES: [usize; 4] = [4, 5, 6, 7];
/// A little cropped at the top, the bottom, the left and the right.
pub(crate) const SIDES: [usize; 4] = [8, 9, 10, 11];

/// One picture of a signature: 404 bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FramePrint {
    pub time_ms: u32,
    /// How many sampled pictures look like this one.
    pub weight: u16,
    pub views: [Pdq; VIEWS],
}

/// One picture of the quick track: 36 bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct QuickPrint {
    /// How many pictures of the stream look like this one.
    pub weight: u16,
    /// Without bars.
    pub print: Pdq,
}

/// A clip, as far as finding its copies needs it: at most some 35 kB, 10 kB for a lively clip of six seconds.
///
/// A few pictures are kept in all views, for copies that were cropped, framed or painted over. The quick track holds many in
/// one view: of a copy that was cut at another place it has pictures of the same moments, however fast things move.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Signature {
    pub(crate) duration_ms: u64,
    pub(crate) quick: Vec<QuickPrint>,
    pub(crate) frames: Vec<FramePrint>,
    pub(crate) sound: Vec<u32>,
}

/// Bytes that are no signature of a form known here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("a signature of an unknown form ({0})")]
    Version(u8),
    #[error("these bytes are not a signature")]
    Damaged,
}

impl Signature {
    /// The signature of a clip.
    pub fn of(samples: &Samples) -> Self {
        let lumas: Vec<(u64, Luma)> = samples
            .frames
            .iter()
            .filter_map(|f| Some((f.time_ms, Luma::from_rgb(&f.rgb, samples.frame_width, samples.frame_height)?)))
            .collect();
        let area = picture_area(lumas.iter().map(|(_, luma)| luma));
        let mut frames: Vec<FramePrint> = Vec::new();
        for (time_ms, luma) in &lumas {
            let trimmed = pdq::of_luma(&luma.crop(area));
            if trimmed.quality < QUALITY_MIN {
                continue;
            }
            match frames.last_mut() {
                Some(last) if last.views[TRIMMED].distance(&trimmed) <= THINNING_DISTANCE => {
                    last.add_weight(1);
                }
                _ => frames.push(FramePrint { time_ms: *time_ms as u32, weight: 1, views: views(luma, area, trimmed) }),
            }
        }
        thin_out(&mut frames, SIGNATURE_FRAMES_MAX);
        let quick = quick_track(samples);
        let sound = samples.audio.as_ref().map(|a| a.chromaprint.as_slice()).unwrap_or_default();
        Self {
            duration_ms: samples.duration_ms,
            quick,
            frames,
            sound: sound.iter().copied().take(SIGNATURE_WORDS_MAX).collect(),
        }
    }

    /// Pictures that are told apart, in all views.
    pub fn frame_count(&self) -> usize {
        self.frames.len()
    }

    /// The share of the quick track that is within `distance` of one of `known`: for lists of hashes that others publish.
    pub fn share_near(&self, known: &[Pdq], distance: u32) -> f64 {
        let weight = |prints: &mut dyn Iterator<Item = &QuickPrint>| prints.map(|q| f64::from(q.weight)).sum::<f64>();
        let near = |q: &&QuickPrint| known.iter().any(|k| q.print.distance_within(k, distance).is_some());
        let all = weight(&mut self.quick.iter());
        if all > 0.0 { weight(&mut self.quick.iter().filter(near)) / all } else { 0.0 }
    }

    /// The length of the clip.
    pub fn duration_ms(&self) -> u64 {
        self.duration_ms
    }

    /// Memory held besides the struct itself.
    pub fn heap_bytes(&self) -> usize {
        self.frames.capacity() * size_of::<FramePrint>()
            + self.quick.capacity() * size_of::<QuickPrint>()
            + self.sound.capacity() * 4
    }

    /// As it is stored: a byte of version, then postcard.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Serializing into memory cannot fail for a type without maps of unknown length.
        let body = postcard::to_stdvec(self).unwrap_or_default();
        let mut bytes = Vec::with_capacity(body.len() + 1);
        bytes.push(VERSION);
        bytes.extend(body);
        bytes
    }

    /// From stored bytes. Refuses what is longer than any signature.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SignatureError> {
        let (version, body) = bytes.split_first().ok_or(SignatureError::Damaged)?;
        if *version != VERSION {
            return Err(SignatureError::Version(*version));
        }
        if body.len() > BYTES_MAX {
            return Err(SignatureError::Damaged);
        }
        let signature: Self = postcard::from_bytes(body).map_err(|_| SignatureError::Damaged)?;
        if signature.frames.len() > SIGNATURE_FRAMES_MAX
            || signature.quick.len() > SIGNATURE_QUICK_MAX
            || signature.sound.len() > SIGNATURE_WORDS_MAX
        {
            return Err(SignatureError::Damaged);
        }
        Ok(signature)
    }
}

fn views(luma: &Luma, area: Area, trimmed: Pdq) -> [Pdq; VIEWS] {
    let mut views = [trimmed; VIEWS];
    if area != Area::of(luma.width, luma.height) {
        views[WHOLE] = pdq::of_luma(luma);
    }
    for (view, share) in CROPPED.into_iter().zip(CROPS) {
        views[view] = pdq::of_luma(&luma.crop(area.inset(share)));
    }
    let (half_width, half_height) = (area.width.div_ceil(2), area.height.div_ceil(2));
    let halves = [
        Area { height: half_height, ..area },
        Area { top: area.top + area.height - half_height, height: half_height, ..area },
        Area { width: half_width, ..area },
        Area { left: area.left + area.width - half_width, width: half_width, ..area },
    ];
    let (across, down) = ((area.width as f64 * SIDE_CROP) as usize, (area.height as f64 * SIDE_CROP) as usize);
    let (narrower, lower) = (area.width - across, area.height - down);
    let sides = [
        Area { top: area.top + down, height: lower, ..area },
        Area { height: lower, ..area },
        Area { left: area.left + across, width: narrower, ..area },
        Area { width: narrower, ..area },
    ];
    for (view, side) in SIDES.into_iter().zip(sides) {
        views[view] = pdq::of_luma(&luma.crop(side));
    }
    for (view, half) in HALVES.into_iter().zip(halves) {
        views[view] = pdq::of_luma(&luma.crop(half));
    }
    views
}

/// The grey stream, without bars, in one view.
fn quick_track(samples: &Samples) -> Vec<QuickPrint> {
    let (width, height) = (samples.grey_width, samples.grey_height);
    let lumas: Vec<Luma> = samples.grey.iter().filter_map(|grey| Luma::from_grey(grey, width, height)).collect();
    let area = picture_area(lumas.iter());
    let mut quick: Vec<QuickPrint> = Vec::new();
    for luma in &lumas {
        let print = pdq::of_luma(&luma.crop(area));
        if print.quality < QUALITY_MIN {
            continue;
        }
        match quick.last_mut() {
            Some(last) if last.print.distance(&print) <= QUICK_THINNING_DISTANCE => last.add_weight(1),
            _ => quick.push(QuickPrint { weight: 1, print }),
        }
    }
    thin_out(&mut quick, SIGNATURE_QUICK_MAX);
    quick
}

/// What stands for several pictures.
pub(crate) trait Weighted {
    fn weight(&self) -> u16;
    fn add_weight(&mut self, more: u16);
}

impl Weighted for FramePrint {
    fn weight(&self) -> u16 {
        self.weight
    }
    fn add_weight(&mut self, more: u16) {
        self.weight = self.weight.saturating_add(more);
    }
}

impl Weighted for QuickPrint {
    fn weight(&self) -> u16 {
        self.weight
    }
    fn add_weight(&mut self, more: u16) {
        self.weight = self.weight.saturating_add(more);
    }
}

/// Keeps at most `max`, evenly; each that goes leaves its weight to the one before it.
fn thin_out<T: Weighted>(prints: &mut Vec<T>, max: usize) {
    let count = prints.len();
    if count <= max {
        return;
    }
    let mut kept: Vec<T> = Vec::with_capacity(max);
    for (i, print) in std::mem::take(prints).into_iter().enumerate() {
        let goes = i * max / count < kept.len();
        match kept.last_mut() {
            Some(last) if goes => last.add_weight(print.weight()),
            _ => kept.push(print),
        }
    }
    *prints = kept;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{AudioSamples, Frame};

    fn clip(frames: usize) -> Samples {
        let (width, height) = (80, 60);
        let frame = |i: usize| {
            let pixel = |p: usize| {
                let (x, y) = (p % width, p / width);
                [((x * (3 + i) + y * 5) % 200) as u8 + 20, ((x * 7 + y * (2 + i)) % 190) as u8 + 30, ((x + y + i) % 100) as u8]
            };
            Frame { time_ms: i as u64 * 500, rgb: (0..width * height).flat_map(pixel).collect() }
        };
        Samples {
            duration_ms: frames as u64 * 500,
            frame_width: width,
            frame_height: height,
            frames: (0..frames).map(frame).collect(),
            audio: Some(AudioSamples { rate_hz: 16_000, mono: vec![], chromaprint: (0..50).collect() }),
            ..Samples::default()
        }
    }

    #[test]
    fn bytes_round_trip_and_strangers_are_refused() {
        let signature = Signature::of(&clip(6));
        assert!(signature.frame_count() >= 4, "{}", signature.frame_count());
        let bytes = signature.to_bytes();
        assert_eq!(Signature::from_bytes(&bytes).as_ref(), Ok(&signature));
        assert_eq!(Signature::from_bytes(&[]), Err(SignatureError::Damaged));
        assert_eq!(Signature::from_bytes(&[9, 1, 2]), Err(SignatureError::Version(9)));
        assert_eq!(Signature::from_bytes(&bytes[..bytes.len() / 2]), Err(SignatureError::Damaged));
    }

    #[test]
    fn size_is_bounded_and_no_weight_is_lost() {
        let signature = Signature::of(&clip(120));
        assert!(signature.frame_count() <= SIGNATURE_FRAMES_MAX);
        let weight: u32 = signature.frames.iter().map(|f| u32::from(f.weight)).sum();
        assert_eq!(weight, 120);
        assert!(signature.to_bytes().len() <= BYTES_MAX);
    }

    #[test]
    fn wrong_sizes_are_passed_over() {
        let mut samples = clip(2);
        samples.frames[0].rgb.pop();
        assert_eq!(Signature::of(&samples).frame_count(), 1);
        assert_eq!(Signature::of(&Samples::default()).frame_count(), 0);
    }
}
