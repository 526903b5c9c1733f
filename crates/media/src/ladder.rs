//! Which renditions a picture gets, how large they are and how many bits they may use. No IO.

use serde::{Deserialize, Serialize};

use crate::Probe;

/// All renditions of the picture together stay under this many times the bytes of the largest one.
pub const RENDITIONS_OVER_TOP_MAX: f64 = 1.8;
/// What is planned for, so that what was not foreseen fits in between.
pub(crate) const RENDITIONS_OVER_TOP_PLANNED: f64 = 1.74;
/// Bits grow slower than pixels: a picture of half the pixels needs about 0.6 of the bits at the same quality. The exponent
/// is a measurement over the open clips that the tests use.
const BITS_PER_PIXEL_EXPONENT: f64 = 0.75;
/// How the highest bit rate falls from the largest rendition down: with 1.25, a ladder of 240, 360, 540 and 720 at its limits
/// is 1.73 times its largest, one of 240 to 1080 is 1.63 times.
const RATE_MAX_EXPONENT: f64 = 1.25;
/// A rendition larger than the first has at least this many times its bytes, or it would look worse than that.
const BYTES_OVER_FIRST_MIN: f64 = 1.2;
/// A rendition in between that would get less than this share of the bits it wants is left out: it would look worse than the
/// next smaller one.
const BITS_SHARE_MIN: f64 = 0.35;
/// Rates of real cameras and screens; a measured rate within half a percent of one is that one.
const STANDARD_RATES: [(u32, u32); 9] =
    [(24_000, 1_001), (24, 1), (25, 1), (30_000, 1_001), (30, 1), (48, 1), (50, 1), (60_000, 1_001), (60, 1)];

/// How clips are made. The defaults suit two cores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LadderConfig {
    /// Short sides in pixels, ascending. A source smaller than the first gets one rendition of its own size.
    pub short_sides: Vec<u32>,
    /// The rendition that is made first: the largest of the ladder not above this short side.
    pub first_short_side: u32,
    /// x264's preset.
    pub preset: String,
    /// x264's constant rate factor of the largest rendition; the others are a little coarser.
    pub crf: u32,
    /// The most pictures a second.
    pub fps_max: u32,
    /// Seconds from key picture to key picture, and the length of a segment.
    pub segment_s: u32,
    /// Bits a second of the sound.
    pub audio_bps: u32,
    /// Integrated loudness that the sound is brought to, in LUFS (EBU R 128; -16 is usual for phones and the web).
    pub loudness_lufs: f64,
    /// The highest true peak, dBTP.
    pub true_peak_dbtp: f64,
}

impl Default for LadderConfig {
    fn default() -> Self {
        Self {
            short_sides: vec![240, 360, 540, 720, 1080],
            first_short_side: 360,
            preset: "veryfast".into(),
            crf: 23,
            fps_max: 60,
            segment_s: 2,
            audio_bps: 128_000,
            loudness_lufs: -16.0,
            true_peak_dbtp: -1.5,
        }
    }
}

/// One rendition to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rung {
    pub width: u32,
    pub height: u32,
}

impl Rung {
    pub fn short_side(self) -> u32 {
        self.width.min(self.height)
    }

    pub fn name(self) -> String {
        format!("v{}", self.short_side())
    }

    pub fn pixels(self) -> f64 {
        f64::from(self.width) * f64::from(self.height)
    }

    /// The highest bit rate at any moment in a ladder that ends in `top`, bits a second. The largest rendition may have 5.5
    /// Mbit/s at 1080p30, less by the law of [`BITS_PER_PIXEL_EXPONENT`]; the smaller ones fall off faster, so that on the
    /// busiest picture, when all run at their limit, the sum still fits.
    pub fn rate_max_bps(self, top: Rung, fps: f64) -> u64 {
        let size = (top.pixels() / (1920.0 * 1080.0)).powf(BITS_PER_PIXEL_EXPONENT);
        let below = (self.pixels() / top.pixels()).powf(RATE_MAX_EXPONENT);
        (5_500_000.0 * size * below * (fps / 30.0).clamp(0.5, 2.0).sqrt()) as u64
    }
}

/// The pictures a second of every rendition, as a fraction.
pub(crate) fn frame_rate(probe: &Probe, config: &LadderConfig) -> (u32, u32) {
    // Where the usual distance and the mean disagree widely the rate varies: the usual one keeps motion smooth.
    let fps = probe.fps.max(probe.fps_mean.min(probe.fps)).clamp(1.0, f64::from(config.fps_max.max(1)));
    STANDARD_RATES
        .into_iter()
        .find(|(n, d)| (fps / (f64::from(*n) / f64::from(*d)) - 1.0).abs() < 0.0005)
        .or_else(|| STANDARD_RATES.into_iter().find(|(n, d)| (fps / (f64::from(*n) / f64::from(*d)) - 1.0).abs() < 0.005))
        .unwrap_or(((fps * 100.0).round() as u32, 100))
}

/// The ladder of a picture, smallest first, never empty.
pub(crate) fn rungs(probe: &Probe, config: &LadderConfig) -> Vec<Rung> {
    let short = probe.short_side();
    let mut sides: Vec<u32> = config.short_sides.iter().copied().filter(|side| *side >= 16 && *side <= short).collect();
    sides.sort_unstable();
    sides.dedup();
    if sides.is_empty() {
        sides.push(short);
    }
    sides.into_iter().map(|side| scaled(probe.width, probe.height, side)).collect()
}

/// The rung that is made first.
pub(crate) fn first(rungs: &[Rung], config: &LadderConfig) -> Option<Rung> {
    rungs.iter().rev().find(|rung| rung.short_side() <= config.first_short_side).or(rungs.first()).copied()
}

/// Even sides, the short one at most `side`, the aspect kept, neither side above the source's.
fn scaled(width: u32, height: u32, side: u32) -> Rung {
    let even = |x: f64, max: u32| (((x / 2.0).round() as u32) * 2).clamp(2, (max / 2 * 2).max(2));
    let side = side / 2 * 2;
    let factor = f64::from(side) / f64::from(width.min(height));
    if width <= height {
        Rung { width: side, height: even(f64::from(height) * factor, height) }
    } else {
        Rung { width: even(f64::from(width) * factor, width), height: side }
    }
}

/// What a rendition in between may use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Budget {
    pub bytes: u64,
    /// Of what it would use at the same quality, at most 1.
    pub share: f64,
}

/// Shares out what the renditions besides the largest may use: for each of `between` its budget, or `None` when it is better
/// left out. `first` is there already, with its bytes; they count unless it is the largest itself (`first_counts`).
pub(crate) fn budgets(between: &[Rung], first: (Rung, u64), first_counts: bool, top_bytes: u64) -> Vec<Option<Budget>> {
    let taken = if first_counts { first.1 as f64 } else { 0.0 };
    let left = (top_bytes as f64 * (RENDITIONS_OVER_TOP_PLANNED - 1.0) - taken).max(0.0);
    let want = |rung: &Rung| first.1 as f64 * (rung.pixels() / first.0.pixels()).powf(BITS_PER_PIXEL_EXPONENT);
    let mut kept: Vec<&Rung> = between.iter().collect();
    let mut share = 0.0;
    while !kept.is_empty() {
        share = left / kept.iter().map(|rung| want(rung)).sum::<f64>().max(1.0);
        if share >= BITS_SHARE_MIN {
            break;
        }
        // The one that asks for most goes first; the smallest helps slow lines most and costs least.
        kept.sort_by(|a, b| want(a).total_cmp(&want(b)));
        kept.pop();
    }
    let budget = |rung: &Rung| {
        let bytes = want(rung) * share;
        let worse = rung.pixels() > first.0.pixels() && bytes < first.1 as f64 * BYTES_OVER_FIRST_MIN;
        (!worse).then_some(Budget { bytes: bytes as u64, share: share.min(1.0) })
    };
    between.iter().map(|rung| kept.contains(&rung).then(|| budget(rung)).flatten()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(width: u32, height: u32) -> Vec<(u32, u32)> {
        let config = LadderConfig::default();
        let sides: Vec<u32> = config.short_sides.iter().copied().filter(|s| *s <= width.min(height)).collect();
        let sides = if sides.is_empty() { vec![width.min(height)] } else { sides };
        sides.into_iter().map(|side| scaled(width, height, side)).map(|r| (r.width, r.height)).collect()
    }

    #[test]
    fn sizes_are_even_and_never_above_the_source() {
        fn check(source: (u32, u32), expected: &[(u32, u32)]) {
            assert_eq!(sizes(source.0, source.1), expected, "{source:?}");
        }
        check((1080, 1920), &[(240, 426), (360, 640), (540, 960), (720, 1280), (1080, 1920)]);
        check((720, 480), &[(360, 240), (540, 360)]);
        check((161, 121), &[(160, 120)]);
        check((642, 642), &[(240, 240), (360, 360), (540, 540)]);
        check((240, 240), &[(240, 240)]);
        check((4096, 17), &[(3856, 16)]);
    }

    #[test]
    fn ladders_at_their_limits_fit() {
        for source in [(1080, 1920), (720, 1280), (960, 540), (540, 360), (1080, 1080)] {
            let ladder: Vec<Rung> =
                sizes(source.0, source.1).into_iter().map(|(width, height)| Rung { width, height }).collect();
            let top = *ladder.last().unwrap();
            let sum: u64 = ladder.iter().map(|rung| rung.rate_max_bps(top, 30.0)).sum();
            let over_top = sum as f64 / top.rate_max_bps(top, 30.0) as f64;
            assert!(over_top < RENDITIONS_OVER_TOP_PLANNED, "{source:?}: {over_top}");
        }
    }

    #[test]
    fn budgets_keep_the_sum_under_the_limit() {
        let rungs: Vec<Rung> = [240, 540, 720].into_iter().map(|side| scaled(1080, 1920, side)).collect();
        let first = scaled(1080, 1920, 360);
        for (first_bytes, top_bytes) in [(100, 1_000), (300, 1_000), (700, 1_000), (10, 10_000), (5, 5)] {
            let shared = budgets(&rungs, (first, first_bytes), true, top_bytes);
            let sum: u64 = shared.iter().flatten().map(|b| b.bytes).sum::<u64>() + top_bytes;
            if shared.iter().any(Option::is_some) {
                assert!(
                    (sum + first_bytes) as f64 <= RENDITIONS_OVER_TOP_MAX * top_bytes as f64,
                    "{first_bytes} {top_bytes} {shared:?}"
                );
            }
        }
        let squeezed = budgets(&rungs, (first, 400), true, 1_000);
        assert_eq!(squeezed[1], None, "larger than the first, with fewer bytes: {squeezed:?}");
        assert_eq!(budgets(&rungs, (first, 719), true, 1_000), [None, None, None], "nothing left to share");
        assert!(budgets(&rungs, (first, 500), true, 1_000)[0].is_some(), "the smallest stays");
    }
}
