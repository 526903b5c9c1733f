//! A small Fourier transform, for the spectra of the sound features.

use std::f32::consts::PI;

/// In place, radix 2 (Cooley and Tukey, 1965). Both slices have the same length, a power of two; else nothing happens.
pub(crate) fn fft(re: &mut [f32], im: &mut [f32]) {
    let n = re.len();
    if n != im.len() || !n.is_power_of_two() || n < 2 {
        return;
    }
    let bits = n.trailing_zeros();
    for i in 0..n {
        let j = i.reverse_bits() >> (usize::BITS - bits);
        if i < j {
            re.swap(i, j);
            im.swap(i, j);
        }
    }
    let mut span = 2;
    while span <= n {
        let half = span / 2;
        for k in 0..half {
            let (sin, cos) = (-2.0 * PI * k as f32 / span as f32).sin_cos();
            let mut i = k;
            while i < n {
                let j = i + half;
                let (x, y) = (re[j] * cos - im[j] * sin, re[j] * sin + im[j] * cos);
                (re[j], im[j]) = (re[i] - x, im[i] - y);
                (re[i], im[i]) = (re[i] + x, im[i] + y);
                i += span;
            }
        }
        span *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_one_line() {
        let n = 256;
        let mut re: Vec<f32> = (0..n).map(|i| (2.0 * PI * 10.0 * i as f32 / n as f32).cos()).collect();
        let mut im = vec![0.0; n];
        fft(&mut re, &mut im);
        let power: Vec<f32> = re.iter().zip(&im).map(|(a, b)| a * a + b * b).collect();
        let loudest = (0..n / 2).max_by(|a, b| power[*a].total_cmp(&power[*b])).unwrap();
        assert_eq!(loudest, 10);
        assert!((power[10] - (n as f32 / 2.0).powi(2)).abs() < 1.0);
        assert!(power[40] < 1e-3);
    }
}
