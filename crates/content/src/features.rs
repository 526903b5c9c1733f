//! Simple features of picture, motion and sound, for the learner: how a clip looks and sounds, never who is in it.

mod picture;
mod sound;

use crate::samples::Samples;

/// How many there are.
pub const FEATURE_COUNT: usize = 32;

/// What stands at which place. The order is part of the learner's input: append, never reorder.
pub const FEATURE_NAMES: [&str; FEATURE_COUNT] = [
    "brightness_mean",
    "brightness_spread",
    "saturation_mean",
    "colourfulness",
    "hue_red",
    "hue_orange",
    "hue_yellow",
    "hue_green",
    "hue_cyan",
    "hue_blue",
    "hue_violet",
    "hue_pink",
    "edge_density",
    "texture",
    "symmetry",
    "letterbox_share",
    "portrait",
    "motion_mean",
    "motion_variance",
    "cut_rate",
    "loudness",
    "dynamic_range",
    "silence_share",
    "onset_rate",
    "rhythm",
    "spectral_centroid",
    "spectral_flatness",
    "low_band",
    "middle_band",
    "high_band",
    "speech_likeness",
    "duration",
];

/// Clips of this length and above have the feature `duration` = 1; the scale is logarithmic from one second.
const DURATION_S_MAX: f64 = 180.0;

/// The features of a clip, each finite and within 0..1. What a clip does not have (sound, pictures) is 0.
pub fn features(samples: &Samples) -> [f32; FEATURE_COUNT] {
    let picture = picture::of(samples);
    let motion = picture::motion(samples);
    let sound = samples.audio.as_ref().map(sound::of).unwrap_or(sound::SILENT);
    let duration = (samples.duration_ms as f64 / 1e3).max(1.0).ln() / DURATION_S_MAX.ln();
    let parts = picture.iter().chain(&motion).chain(&sound).copied().chain(std::iter::once(duration as f32));
    let mut all = [0.0; FEATURE_COUNT];
    for (slot, value) in all.iter_mut().zip(parts) {
        *slot = if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 };
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{AudioSamples, Frame};

    fn value(samples: &Samples, name: &str) -> f32 {
        features(samples)[FEATURE_NAMES.iter().position(|n| *n == name).unwrap()]
    }

    fn painted(pixel: impl Fn(usize, usize) -> [u8; 3]) -> Samples {
        let (width, height) = (64, 48);
        let rgb: Vec<u8> = (0..width * height).flat_map(|p| pixel(p % width, p / width)).collect();
        Samples {
            duration_ms: 4_000,
            frame_width: width,
            frame_height: height,
            frames: vec![Frame { time_ms: 0, rgb }],
            ..Samples::default()
        }
    }

    fn sounding(wave: impl Fn(f32) -> f32) -> Samples {
        let rate_hz = 16_000;
        let mono = (0..rate_hz * 4).map(|i| (wave(i as f32 / rate_hz as f32) * 20_000.0) as i16).collect();
        Samples { audio: Some(AudioSamples { rate_hz, mono, chromaprint: vec![] }), ..painted(|_, _| [0, 0, 0]) }
    }

    fn moving(frame: impl Fn(usize) -> u8) -> Samples {
        Samples {
            grey_width: 8,
            grey_height: 8,
            grey_fps: 8.0,
            grey: (0..32).map(|i| vec![frame(i); 64]).collect(),
            ..painted(|_, _| [90, 90, 90])
        }
    }

    #[test]
    fn pictures_are_told_apart() {
        fn check(name: &str, low: &Samples, high: &Samples) {
            let (low, high) = (value(low, name), value(high, name));
            assert!(low + 0.1 < high, "{name}: {low} {high}");
        }
        let grey = painted(|_, _| [40, 40, 40]);
        let red = painted(|_, _| [220, 20, 20]);
        let blue = painted(|_, _| [20, 20, 220]);
        let checks = painted(|x, y| if (x / 4 + y / 4) % 2 == 0 { [255, 255, 255] } else { [0, 0, 0] });
        let slope = painted(|x, _| [x as u8 * 4, x as u8 * 4, x as u8 * 4]);
        check("brightness_mean", &grey, &checks);
        check("brightness_spread", &grey, &checks);
        check("saturation_mean", &grey, &red);
        check("hue_red", &blue, &red);
        check("hue_blue", &red, &blue);
        check("colourfulness", &grey, &red);
        check("edge_density", &slope, &checks);
        check("texture", &grey, &checks);
        check("symmetry", &slope, &grey);
    }

    #[test]
    fn motion_is_told_apart() {
        let still = moving(|_| 50);
        let flicker = moving(|i| if i % 2 == 0 { 40 } else { 60 });
        let cuts = moving(|i| if (i / 8) % 2 == 0 { 20 } else { 220 });
        assert_eq!(value(&still, "motion_mean"), 0.0);
        assert!(value(&flicker, "motion_mean") > 0.1);
        assert!(value(&cuts, "cut_rate") > value(&flicker, "cut_rate"));
        assert!(value(&cuts, "motion_variance") > value(&flicker, "motion_variance"));
    }

    #[test]
    fn sounds_are_told_apart() {
        let tone = |hz: f32| move |t: f32| (t * hz * std::f32::consts::TAU).sin() * 0.5;
        let (low, high) = (sounding(tone(110.0)), sounding(tone(5_000.0)));
        let silence = sounding(|_| 0.0);
        let beat = sounding(|t| if t.fract() < 0.1 || (t + 0.5).fract() < 0.1 { (t * 6_000.0).sin() } else { 0.0 });
        let hiss = sounding(|t| base::Rng::from_seed((t * 16_000.0) as u64).unit() - 0.5);
        assert!(value(&low, "low_band") > 0.8 && value(&high, "high_band") > 0.8);
        assert!(value(&low, "spectral_centroid") + 0.2 < value(&high, "spectral_centroid"));
        assert!(value(&hiss, "spectral_flatness") > value(&low, "spectral_flatness") + 0.3);
        assert_eq!(value(&silence, "silence_share"), 1.0);
        assert_eq!(value(&low, "silence_share"), 0.0);
        assert!(value(&low, "loudness") > 0.5 && value(&silence, "loudness") == 0.0);
        assert!(value(&beat, "onset_rate") > value(&low, "onset_rate") + 0.1);
        assert!(value(&beat, "rhythm") > 0.3, "{}", value(&beat, "rhythm"));
        assert!(value(&beat, "dynamic_range") > value(&low, "dynamic_range") + 0.2);
    }

    #[test]
    fn nothing_gives_numbers_too() {
        assert!(features(&Samples::default()).iter().all(|v| v.is_finite()));
        assert_eq!(FEATURE_NAMES.iter().collect::<std::collections::BTreeSet<_>>().len(), FEATURE_COUNT);
    }
}
