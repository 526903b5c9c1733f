//! PDQ, the perceptual hash of a picture: 256 bits and a quality.
//!
//! After Dalins, Wilson and Boudry, "PDQ & TMK + PDQF - A Test Drive of Facebook's Perceptual Hashing Algorithms", 2019
//! (arXiv 1912.07745), and the description by its authors: luma; two passes of a box filter along rows and columns (a tent,
//! "Jarosz filter") as wide as the step down to 64 x 64; every step-th pixel; the 16 x 16 lowest frequencies of the cosine
//! transform without the constant ones; one bit each: above their median or not. Quality is the sum of the differences of
//! neighbours in the 64 x 64 picture: a picture without structure has a hash that says nothing.

use serde::{Deserialize, Serialize};

use crate::samples::Luma;

const SIDE: usize = 64;
const FREQUENCIES: usize = 16;
/// Two hashes at most this far apart show the same picture (the authors' threshold).
pub(crate) const DISTANCE_MAX: u32 = 31;
/// A hash of a lower quality says nothing (the authors' threshold).
pub(crate) const QUALITY_MIN: u8 = 50;

/// One picture's hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Pdq {
    /// Highest frequency first, as the 64 hex digits in common use are written.
    pub hash: [u8; 32],
    /// 0 (nothing to be seen) to 100.
    pub quality: u8,
}

impl Pdq {
    /// Bits that differ, 0 to 256; unrelated pictures are about 128 apart.
    pub fn distance(&self, other: &Self) -> u32 {
        self.distance_within(other, u32::MAX).unwrap_or(256)
    }

    /// The distance when it is at most `max`; stops counting as soon as it is not.
    #[inline]
    pub(crate) fn distance_within(&self, other: &Self, max: u32) -> Option<u32> {
        let mut distance = 0;
        for (a, b) in self.hash.as_chunks::<8>().0.iter().zip(other.hash.as_chunks::<8>().0) {
            distance += (u64::from_ne_bytes(*a) ^ u64::from_ne_bytes(*b)).count_ones();
            if distance > max {
                return None;
            }
        }
        Some(distance)
    }

    /// 64 hex digits.
    pub fn hex(&self) -> String {
        self.hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// A hash written as 64 hex digits, with the quality that belongs to it.
    pub fn from_hex(hex: &str, quality: u8) -> Option<Self> {
        if hex.len() != 64 || !hex.is_ascii() {
            return None;
        }
        let mut hash = [0; 32];
        for (i, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(hex.get(2 * i..2 * i + 2)?, 16).ok()?;
        }
        Some(Self { hash, quality })
    }
}

/// Hashes a picture of `width * height` pixels of three bytes (red, green, blue). `None` when the sizes do not fit together.
pub fn pdq(rgb: &[u8], width: usize, height: usize) -> Option<Pdq> {
    Luma::from_rgb(rgb, width, height).map(|luma| of_luma(&luma))
}

pub(crate) fn of_luma(luma: &Luma) -> Pdq {
    let small = shrink(luma);
    let frequencies = cosine_transform(&small);
    let mut sorted = frequencies;
    sorted.sort_unstable_by(f32::total_cmp);
    let median = sorted[FREQUENCIES * FREQUENCIES / 2 - 1];
    let mut hash = [0u8; 32];
    for (bit, value) in frequencies.iter().enumerate() {
        if *value > median {
            hash[31 - bit / 8] |= 1 << (bit % 8);
        }
    }
    Pdq { hash, quality: quality(&small) }
}

/// The picture smoothed and thinned out to 64 x 64.
fn shrink(luma: &Luma) -> [[f32; SIDE]; SIDE] {
    let (width, height) = (luma.width, luma.height);
    let (window_x, window_y) = (width.div_ceil(2 * SIDE), height.div_ceil(2 * SIDE));
    let mut pixels = luma.pixels.clone();
    for _ in 0..2 {
        for row in pixels.chunks_exact_mut(width) {
            box_filter(row, window_x);
        }
        let mut column = vec![0.0; height];
        if window_y > 1 {
            for x in 0..width {
                for (y, value) in column.iter_mut().enumerate() {
                    *value = pixels[y * width + x];
                }
                box_filter(&mut column, window_y);
                for (y, value) in column.iter().enumerate() {
                    pixels[y * width + x] = *value;
                }
            }
        }
    }
    let middle = |i: usize, of: usize| ((i as f64 + 0.5) * of as f64 / SIDE as f64) as usize;
    let mut small = [[0.0; SIDE]; SIDE];
    for (i, row) in small.iter_mut().enumerate() {
        for (j, value) in row.iter_mut().enumerate() {
            *value = pixels[middle(i, height) * width + middle(j, width)];
        }
    }
    small
}

/// Each value becomes the mean of the `window` values around it, fewer at the ends.
fn box_filter(line: &mut [f32], window: usize) {
    if window <= 1 {
        return;
    }
    let ahead = window / 2;
    let behind = window - 1 - ahead;
    let mut sums = Vec::with_capacity(line.len() + 1);
    let mut sum = 0.0f64;
    sums.push(sum);
    for value in line.iter() {
        sum += f64::from(*value);
        sums.push(sum);
    }
    let end = line.len();
    for (i, value) in line.iter_mut().enumerate() {
        let (from, to) = (i.saturating_sub(behind), (i + ahead + 1).min(end));
        *value = ((sums[to] - sums[from]) / (to - from) as f64) as f32;
    }
}

/// Rows 1 to 16 of the cosine transform along both sides.
fn cosine_transform(small: &[[f32; SIDE]; SIDE]) -> [f32; FREQUENCIES * FREQUENCIES] {
    use std::sync::OnceLock;
    static MATRIX: OnceLock<[[f32; SIDE]; FREQUENCIES]> = OnceLock::new();
    let matrix = MATRIX.get_or_init(|| {
        let scale = (2.0 / SIDE as f64).sqrt();
        let angle = std::f64::consts::PI / 2.0 / SIDE as f64;
        std::array::from_fn(|i| std::array::from_fn(|j| (scale * (angle * (i + 1) as f64 * (2 * j + 1) as f64).cos()) as f32))
    });
    let mut half = [[0.0f32; SIDE]; FREQUENCIES];
    for (row, weights) in half.iter_mut().zip(matrix) {
        for (weight, line) in weights.iter().zip(small) {
            for (sum, value) in row.iter_mut().zip(line) {
                *sum += weight * value;
            }
        }
    }
    let mut out = [0.0; FREQUENCIES * FREQUENCIES];
    for (i, row) in half.iter().enumerate() {
        for (j, weights) in matrix.iter().enumerate() {
            out[i * FREQUENCIES + j] = row.iter().zip(weights).map(|(a, b)| a * b).sum();
        }
    }
    out
}

fn quality(small: &[[f32; SIDE]; SIDE]) -> u8 {
    // Whole percent of the range, towards zero, as the authors count; 90 of them are one point.
    let step = |a: f32, b: f32| ((a - b) * 100.0 / 255.0).abs() as u32;
    let down: u32 = small.windows(2).flat_map(|w| w[0].iter().zip(&w[1]).map(|(a, b)| step(*a, *b))).sum();
    let across: u32 = small.iter().flat_map(|row| row.windows(2).map(|w| step(w[0], w[1]))).sum();
    ((down + across) / 90).min(100) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture with structure at all scales, drawn without chance.
    fn scene(width: usize, height: usize, shift: f64) -> Vec<u8> {
        let mut rgb = Vec::with_capacity(width * height * 3);
        for y in 0..height {
            for x in 0..width {
                let (u, v) = (x as f64 / width as f64 + shift, y as f64 / height as f64);
                let value = 128.0
                    + 60.0 * (7.0 * u + 3.0 * v).sin()
                    + 40.0 * (23.0 * v * u).cos()
                    + 25.0 * ((u - 0.4).hypot(v - 0.6) * 40.0).sin();
                let byte = value.clamp(0.0, 255.0) as u8;
                rgb.extend([byte, byte.saturating_add(10), byte.saturating_sub(10)]);
            }
        }
        rgb
    }

    fn hash(width: usize, height: usize, shift: f64) -> Pdq {
        pdq(&scene(width, height, shift), width, height).unwrap()
    }

    #[test]
    fn the_same_scene_at_other_sizes_is_near_and_another_scene_is_far() {
        let original = hash(640, 480, 0.0);
        assert_eq!(original.quality, 100);
        assert_eq!(original.hash.iter().map(|b| b.count_ones()).sum::<u32>(), 128, "half of the bits are set");
        for (width, height) in [(320, 240), (128, 128), (641, 479), (1280, 960)] {
            let distance = original.distance(&hash(width, height, 0.0));
            assert!(distance <= 12, "{width} x {height}: {distance}");
        }
        assert!(original.distance(&hash(640, 480, 3.0)) > 80);
    }

    #[test]
    fn blank_pictures_have_no_quality() {
        assert_eq!(pdq(&vec![90; 64 * 64 * 3], 64, 64).unwrap().quality, 0);
        assert_eq!(pdq(&[0; 10], 2, 2), None);
    }

    #[test]
    fn hex_and_bounded_distance() {
        let a = hash(200, 100, 0.0);
        let b = hash(200, 100, 2.0);
        assert_eq!(Pdq::from_hex(&a.hex(), a.quality), Some(a));
        assert_eq!(Pdq::from_hex("zz", 0), None);
        assert_eq!(a.distance_within(&b, a.distance(&b)), Some(a.distance(&b)));
        assert_eq!(a.distance_within(&b, a.distance(&b) - 1), None);
    }

    #[test]
    fn box_filter_averages_and_shortens_at_the_ends() {
        fn check(window: usize, expected: &[f32]) {
            let mut line = [0.0, 6.0, 0.0, 0.0, 12.0];
            box_filter(&mut line, window);
            assert_eq!(line, expected, "{window}");
        }
        check(1, &[0.0, 6.0, 0.0, 0.0, 12.0]);
        check(2, &[3.0, 3.0, 0.0, 6.0, 12.0]);
        check(3, &[3.0, 2.0, 2.0, 4.0, 6.0]);
    }
}
