//! Loudness, rhythm and spectrum.

use crate::fft::fft;
use crate::samples::AudioSamples;

/// The spectrum is taken over so many samples, every so many.
const WINDOW: usize = 512;
const HOP: usize = 256;
/// Quieter than this it is silence, in decibels of full scale; -60 is the floor of the scale of loudness.
const SILENCE_DB: f32 = -50.0;
const FLOOR_DB: f32 = -60.0;
/// Edges of the bands in hertz: below is low, above is high.
const LOW_HZ: f32 = 300.0;
const HIGH_HZ: f32 = 2_500.0;
/// This many onsets a second and above are 1.
const ONSETS_PER_S_MAX: f32 = 8.0;
/// Beats a minute between which a rhythm is looked for.
const BEATS_PER_MINUTE: (f32, f32) = (50.0, 220.0);
/// Speech swells and fades some four times a second (syllables): the modulation looked for, in hertz.
const SYLLABLES_HZ: (f32, f32) = (2.5, 7.0);

/// The eleven features from `loudness` to `speech_likeness` of a clip without sound.
pub(super) const SILENT: [f32; 11] = [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];

struct Window {
    level_db: f32,
    centroid_hz: f32,
    flatness: f32,
    bands: [f32; 3],
    /// How much louder the bands of the spectrum became since the window before.
    flux: f32,
}

pub(super) fn of(audio: &AudioSamples) -> [f32; 11] {
    let rate_hz = audio.rate_hz as f32;
    let windows = windows(&audio.mono, rate_hz);
    let heard: Vec<&Window> = windows.iter().filter(|w| w.level_db > SILENCE_DB).collect();
    if heard.is_empty() || rate_hz <= 0.0 {
        return SILENT;
    }
    let mean = |value: &dyn Fn(&Window) -> f32| heard.iter().map(|w| value(w)).sum::<f32>() / heard.len() as f32;
    let mut levels: Vec<f32> = windows.iter().map(|w| w.level_db.max(FLOOR_DB)).collect();
    let power = mean(&|w| 10f32.powf(w.level_db / 10.0));
    let loudness = (10.0 * power.log10() - FLOOR_DB) / -FLOOR_DB;
    levels.sort_unstable_by(f32::total_cmp);
    let at = |share: f32| levels[((levels.len() - 1) as f32 * share) as usize];
    let windows_per_s = rate_hz / HOP as f32;
    let flux: Vec<f32> = windows.iter().map(|w| w.flux).collect();
    let length_s = windows.len() as f32 / windows_per_s;
    [
        loudness,
        (at(0.95) - at(0.10)) / -FLOOR_DB,
        1.0 - heard.len() as f32 / windows.len() as f32,
        onsets(&flux, windows_per_s) as f32 / length_s / ONSETS_PER_S_MAX,
        rhythm(&flux, windows_per_s),
        // Octaves above 60 Hz, seven of them up to 7.7 kHz.
        (mean(&|w| w.centroid_hz) / 60.0).max(1.0).log2() / 7.0,
        mean(&|w| w.flatness),
        mean(&|w| w.bands[0]),
        mean(&|w| w.bands[1]),
        mean(&|w| w.bands[2]),
        speech(&windows, windows_per_s),
    ]
}

fn windows(mono: &[i16], rate_hz: f32) -> Vec<Window> {
    let shape: Vec<f32> = (0..WINDOW).map(|i| 0.5 - 0.5 * (std::f32::consts::TAU * i as f32 / WINDOW as f32).cos()).collect();
    let hz_per_bin = rate_hz / WINDOW as f32;
    let mut before = [0.0f32; WINDOW / 2];
    let mut out = Vec::with_capacity(mono.len() / HOP + 1);
    let mut im = vec![0.0; WINDOW];
    for samples in mono.windows(WINDOW).step_by(HOP) {
        let mut re: Vec<f32> = samples.iter().zip(&shape).map(|(s, w)| f32::from(*s) / 32_768.0 * w).collect();
        im.fill(0.0);
        let level: f32 = samples.iter().map(|s| (f32::from(*s) / 32_768.0).powi(2)).sum::<f32>() / WINDOW as f32;
        fft(&mut re, &mut im);
        let power: Vec<f32> = re.iter().zip(&im).take(WINDOW / 2).map(|(a, b)| a * a + b * b).collect();
        let total: f32 = power.iter().skip(1).sum::<f32>().max(1e-12);
        let hz = |bin: usize| bin as f32 * hz_per_bin;
        let mut bands = [0.0; 3];
        let (mut centroid, mut logs, mut flux) = (0.0, 0.0, 0.0);
        for (bin, value) in power.iter().enumerate().skip(1) {
            bands[if hz(bin) < LOW_HZ {
                0
            } else if hz(bin) < HIGH_HZ {
                1
            } else {
                2
            }] += value / total;
            centroid += hz(bin) * value / total;
            logs += (value + 1e-12).ln();
            let loud = (1.0 + 1e4 * value).ln();
            flux += (loud - before[bin]).max(0.0);
            before[bin] = loud;
        }
        let bins = (power.len() - 1) as f32;
        out.push(Window {
            level_db: 10.0 * (level + 1e-9).log10(),
            centroid_hz: centroid,
            flatness: (logs / bins).exp() / (total / bins),
            bands,
            flux: if out.is_empty() { 0.0 } else { flux / bins },
        });
    }
    out
}

/// Peaks of the flux that stand out from the half second around them.
fn onsets(flux: &[f32], windows_per_s: f32) -> usize {
    let reach = (windows_per_s * 0.25) as usize;
    let mean = flux.iter().sum::<f32>() / flux.len().max(1) as f32;
    (1..flux.len().saturating_sub(1))
        .filter(|i| {
            let around = &flux[i.saturating_sub(reach)..(i + reach).min(flux.len())];
            let local = around.iter().sum::<f32>() / around.len() as f32;
            let here = flux[*i];
            here > flux[i - 1] && here >= flux[i + 1] && here > 0.1 && here > 1.8 * local && here > 1.5 * mean
        })
        .count()
}

/// How regular the onsets are: the highest autocorrelation of the flux at a distance that is a beat.
fn rhythm(flux: &[f32], windows_per_s: f32) -> f32 {
    let mean = flux.iter().sum::<f32>() / flux.len().max(1) as f32;
    let centred: Vec<f32> = flux.iter().map(|f| f - mean).collect();
    let energy: f32 = centred.iter().map(|f| f * f).sum();
    // A steady sound has no beat; what little its flux does is rounding.
    if energy / (flux.len().max(1) as f32) < 1e-3 {
        return 0.0;
    }
    let (slow, fast) = BEATS_PER_MINUTE;
    let distances = (60.0 / fast * windows_per_s) as usize..=(60.0 / slow * windows_per_s) as usize;
    distances
        .filter(|distance| distance * 2 < centred.len())
        .map(|distance| {
            let product: f32 = centred.iter().zip(&centred[distance..]).map(|(a, b)| a * b).sum();
            product / energy * centred.len() as f32 / (centred.len() - distance) as f32
        })
        .fold(0.0, f32::max)
}

/// The share of the modulation of the middle band that is as quick as syllables, where the middle band rules.
fn speech(windows: &[Window], windows_per_s: f32) -> f32 {
    const LENGTH: usize = 256;
    let envelope: Vec<f32> = windows.iter().map(|w| 10f32.powf(w.level_db / 20.0) * w.bands[1]).collect();
    let middle = windows.iter().map(|w| w.bands[1]).sum::<f32>() / windows.len().max(1) as f32;
    let (mut quick, mut all) = (0.0, 0.0);
    for part in envelope.chunks(LENGTH) {
        let mean = part.iter().sum::<f32>() / part.len() as f32;
        let mut re = vec![0.0; LENGTH];
        let mut im = vec![0.0; LENGTH];
        for (slot, value) in re.iter_mut().zip(part) {
            *slot = value - mean;
        }
        fft(&mut re, &mut im);
        for bin in 1..LENGTH / 2 {
            let hz = bin as f32 * windows_per_s / LENGTH as f32;
            let power = re[bin] * re[bin] + im[bin] * im[bin];
            all += power;
            if (SYLLABLES_HZ.0..SYLLABLES_HZ.1).contains(&hz) {
                quick += power;
            }
        }
    }
    if all > 1e-9 { quick / all * (1.5 * middle).min(1.0) } else { 0.0 }
}
