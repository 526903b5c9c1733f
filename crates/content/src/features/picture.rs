//! Light, colour, structure and motion.

use crate::samples::{Area, Luma, Samples};
use crate::signature::picture_area;

/// A step of luma (0-255) between neighbours that counts as an edge.
const EDGE_STEP: f32 = 24.0;
/// A mean change of luma (0-255) between two grey pictures that counts as a cut, when the changes around it are far smaller.
const CUT_CHANGE: f32 = 28.0;
const CUT_OVER_USUAL: f32 = 3.0;
/// This many cuts a second and above are 1.
const CUTS_PER_S_MAX: f32 = 2.0;
/// Mean change per picture at fifteen a second that is 1.
const MOTION_MAX: f32 = 32.0;
/// The upper ends of the hue bins in degrees; what is above the last one is red again.
const HUES: [f32; 8] = [15.0, 40.0, 70.0, 160.0, 200.0, 255.0, 290.0, 340.0];

/// The seventeen features from `brightness_mean` to `portrait`.
pub(super) fn of(samples: &Samples) -> [f32; 17] {
    let mut sums = [0.0f32; 15];
    let mut count = 0.0;
    let mut lumas = Vec::new();
    for frame in &samples.frames {
        let Some(luma) = Luma::from_rgb(&frame.rgb, samples.frame_width, samples.frame_height) else { continue };
        count += 1.0;
        let colour = colour(&frame.rgb);
        let structure = structure(&luma);
        for (sum, value) in sums.iter_mut().zip(light(&luma).into_iter().chain(colour).chain(structure)) {
            *sum += value;
        }
        lumas.push(luma);
    }
    let mut out = [0.0; 17];
    if count == 0.0 {
        return out;
    }
    for (slot, sum) in out.iter_mut().zip(sums) {
        *slot = sum / count;
    }
    let whole = Area::of(samples.frame_width, samples.frame_height);
    let area = picture_area(lumas.iter());
    out[15] = 1.0 - (area.width * area.height) as f32 / (whole.width * whole.height) as f32;
    // 0 for 16:9 and wider, 1 for 9:16 and taller, 0.5 for a square.
    let shape = (whole.height as f32 / whole.width as f32).ln() / (16.0f32 / 9.0).ln();
    out[16] = 0.5 + 0.5 * shape.clamp(-1.0, 1.0);
    out
}

fn light(luma: &Luma) -> [f32; 2] {
    let (mean, variance) = mean_and_variance(luma.pixels.iter().copied());
    [mean / 255.0, variance.sqrt() / 128.0]
}

fn mean_and_variance(values: impl Iterator<Item = f32>) -> (f32, f32) {
    let (mut sum, mut squares, mut count) = (0.0f64, 0.0f64, 0.0f64);
    for value in values {
        sum += f64::from(value);
        squares += f64::from(value) * f64::from(value);
        count += 1.0;
    }
    let mean = sum / count.max(1.0);
    (mean as f32, (squares / count.max(1.0) - mean * mean).max(0.0) as f32)
}

/// Saturation, colourfulness (Hasler and Süsstrunk, 2003), and the share of coloured light in each of eight hues.
fn colour(rgb: &[u8]) -> [f32; 10] {
    let pixels = rgb.as_chunks::<3>().0;
    let mut hues = [0.0f32; 8];
    let mut saturation = 0.0;
    let (mut rg, mut yb) = (Vec::with_capacity(pixels.len()), Vec::with_capacity(pixels.len()));
    for pixel in pixels {
        let [r, g, b] = pixel.map(f32::from);
        let (high, low) = (r.max(g).max(b), r.min(g).min(b));
        let chroma = high - low;
        if high > 0.0 {
            saturation += chroma / high;
        }
        if chroma > 0.0 {
            let sector = if high == r {
                ((g - b) / chroma).rem_euclid(6.0)
            } else if high == g {
                (b - r) / chroma + 2.0
            } else {
                (r - g) / chroma + 4.0
            };
            let degrees = sector * 60.0;
            hues[HUES.iter().position(|end| degrees < *end).unwrap_or(0)] += chroma / 255.0;
        }
        rg.push(r - g);
        yb.push(0.5 * (r + g) - b);
    }
    let (rg_mean, rg_variance) = mean_and_variance(rg.into_iter());
    let (yb_mean, yb_variance) = mean_and_variance(yb.into_iter());
    let colourfulness = (rg_variance + yb_variance).sqrt() + 0.3 * rg_mean.hypot(yb_mean);
    // The mean chroma weighs the shares: a grey picture has no hue at all.
    let chroma: f32 = hues.iter().sum();
    let weight = (4.0 * chroma / pixels.len().max(1) as f32).min(1.0);
    let mut out = [0.0; 10];
    out[0] = saturation / pixels.len().max(1) as f32;
    out[1] = colourfulness / 110.0;
    for (slot, hue) in out[2..].iter_mut().zip(hues) {
        *slot = if chroma > 0.0 { weight * hue / chroma } else { 0.0 };
    }
    out
}

/// Edge density, texture (local spread of luma), likeness of left and right.
fn structure(luma: &Luma) -> [f32; 3] {
    let (mut edges, mut steps) = (0.0f32, 0.0f32);
    let (mut texture, mut blocks) = (0.0f32, 0.0f32);
    let (mut unlike, mut spread) = (0.0f32, 0.0f32);
    let (mean, _) = mean_and_variance(luma.pixels.iter().copied());
    for y in 0..luma.height {
        let row = luma.row(y);
        for pair in row.windows(2) {
            steps += 1.0;
            edges += f32::from(u8::from((pair[0] - pair[1]).abs() >= EDGE_STEP));
        }
        for block in row.chunks_exact(8) {
            blocks += 1.0;
            texture += mean_and_variance(block.iter().copied()).1.sqrt();
        }
        for (left, right) in row.iter().zip(row.iter().rev()).take(luma.width / 2) {
            unlike += (left - right).abs();
            spread += (left - mean).abs() + (right - mean).abs();
        }
    }
    let symmetry = if spread > 1.0 { 1.0 - unlike / spread } else { 1.0 };
    // One step in five an edge is as dense as pictures get.
    [(edges / steps.max(1.0) * 5.0).min(1.0), texture / blocks.max(1.0) / 48.0, symmetry]
}

/// `motion_mean`, `motion_variance`, `cut_rate`.
pub(super) fn motion(samples: &Samples) -> [f32; 3] {
    let pixels = samples.grey_width * samples.grey_height;
    let changes: Vec<f32> = samples
        .grey
        .windows(2)
        .filter(|pair| pixels > 0 && pair.iter().all(|frame| frame.len() == pixels))
        .map(|pair| pair[0].iter().zip(&pair[1]).map(|(a, b)| f32::from(a.abs_diff(*b))).sum::<f32>() / pixels as f32)
        .collect();
    if changes.is_empty() {
        return [0.0; 3];
    }
    let mut sorted = changes.clone();
    sorted.sort_unstable_by(f32::total_cmp);
    let usual = sorted[sorted.len() / 2];
    let cuts = changes.iter().filter(|change| **change >= CUT_CHANGE && **change >= usual * CUT_OVER_USUAL).count();
    let length_s = changes.len() as f32 / samples.grey_fps.max(0.1) as f32;
    let (mean, variance) = mean_and_variance(changes.into_iter());
    [
        (mean / MOTION_MAX).min(1.0).sqrt(),
        (variance.sqrt() / MOTION_MAX).min(1.0).sqrt(),
        cuts as f32 / length_s / CUTS_PER_S_MAX,
    ]
}
