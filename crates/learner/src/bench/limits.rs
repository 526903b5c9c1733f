//! What one thread of this machine can do at the most: what the learner's figures are to be compared with.

use std::hint::black_box;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::math::mix;
use crate::table::zeroed;

/// Far larger than the caches.
const MEMORY_BYTES: usize = 1 << 30;
const LINE_WORDS: usize = 8;
/// Accumulators that do not wait for each other: enough for two units with a latency of four or five cycles.
const CHAINS: usize = 12;
const ROUNDS: usize = 10_000;
/// The best of so many slices counts: on a shared machine the others are somebody else's.
const SLICES: u32 = 5;

/// One thread's limits. Units are in the names.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Limits {
    /// Fused multiplications and additions of f32, two operations each, in the widest vectors there are.
    pub peak_gflop_per_s_one_thread: f64,
    /// Lines of 64 bytes from chance places of a GiB on huge pages, asked for without waiting.
    pub random_lines_per_s: f64,
    /// The same when each place is known only from the line before.
    pub random_line_latency_ns: f64,
}

impl Limits {
    /// Measures for about `seconds`.
    pub fn measure(seconds: f64) -> Self {
        let slice = Duration::from_secs_f64((seconds / 3.0 / f64::from(SLICES)).clamp(0.01, 10.0));
        let words = zeroed(MEMORY_BYTES / 8);
        // Every page is written to: pages that were never are all the same zeros.
        for line in words.chunks_exact(LINE_WORDS) {
            line[0].store(1, Ordering::Relaxed);
        }
        let lines = words.len() / LINE_WORDS;
        let line = |place: u64| words.get((place as usize % lines) * LINE_WORDS).map_or(0, |word| word.load(Ordering::Relaxed));
        let (mut at, mut found) = (1u64, 0u64);
        let independent = best(slice, || {
            for _ in 0..ROUNDS {
                at = at.wrapping_add(1);
                found = found.wrapping_add(line(mix(at)));
            }
            ROUNDS as f64
        });
        let dependent = best(slice, || {
            for _ in 0..ROUNDS {
                at = mix(at.wrapping_add(line(at)));
            }
            ROUNDS as f64
        });
        black_box((at, found));
        Self {
            peak_gflop_per_s_one_thread: best(slice, multiply_add) / 1e9,
            random_lines_per_s: independent,
            random_line_latency_ns: 1e9 / dependent,
        }
    }
}

/// What `work` counts, per second, in the best slice.
fn best(slice: Duration, mut work: impl FnMut() -> f64) -> f64 {
    let rates = (0..SLICES).map(|_| {
        let (start, mut done) = (Instant::now(), 0.0);
        while start.elapsed() < slice {
            done += work();
        }
        done / start.elapsed().as_secs_f64()
    });
    rates.fold(0.0, f64::max)
}

/// Floating-point operations done.
fn multiply_add() -> f64 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor has it.
        return unsafe { avx512() };
    } else if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: as above.
        return unsafe { avx2() };
    }
    let mut sums = black_box([[1.0f32; 8]; CHAINS]);
    let (scale, step) = black_box((0.999f32, 0.001f32));
    for _ in 0..ROUNDS {
        sums.iter_mut().flatten().for_each(|sum| *sum = *sum * scale + step);
    }
    black_box(sums);
    (ROUNDS * CHAINS * 8 * 2) as f64
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn avx512() -> f64 {
    use std::arch::x86_64::{_mm512_fmadd_ps, _mm512_set1_ps};
    let mut sums = black_box([_mm512_set1_ps(1.0); CHAINS]);
    let (scale, step) = (_mm512_set1_ps(black_box(0.999)), _mm512_set1_ps(black_box(0.001)));
    for _ in 0..ROUNDS {
        for sum in &mut sums {
            *sum = _mm512_fmadd_ps(*sum, scale, step);
        }
    }
    black_box(sums);
    (ROUNDS * CHAINS * 16 * 2) as f64
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2() -> f64 {
    use std::arch::x86_64::{_mm256_fmadd_ps, _mm256_set1_ps};
    let mut sums = black_box([_mm256_set1_ps(1.0); CHAINS]);
    let (scale, step) = (_mm256_set1_ps(black_box(0.999)), _mm256_set1_ps(black_box(0.001)));
    for _ in 0..ROUNDS {
        for sum in &mut sums {
            *sum = _mm256_fmadd_ps(*sum, scale, step);
        }
    }
    black_box(sums);
    (ROUNDS * CHAINS * 8 * 2) as f64
}
