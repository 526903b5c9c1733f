//! Inner products of one vector with many, as fast as the machine can.

/// Rows in a block: two registers of eight numbers, or four of four.
pub(super) const LANES: usize = 16;

/// Rounds to the nearest number with 8 bits of mantissa ("bfloat16": the upper half of an `f32`), ties to even.
pub(super) fn narrow(number: f32) -> u16 {
    let bits = number.to_bits();
    let half = 0x7fff + ((bits >> 16) & 1);
    // Finite numbers only; one at the very end of the range must not become infinite.
    (bits.saturating_add(half) >> 16).min((bits & 0x8000_0000 | 0x7f7f_0000) >> 16) as u16
}

pub(super) fn widen(number: u16) -> f32 {
    f32::from_bits(u32::from(number) << 16)
}

/// Which instructions to use. All give the same bits: they multiply, round, add, round, in the same order (no fused
/// multiply-add), so that a page does not depend on the machine that made it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kernel {
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
}

impl Kernel {
    pub(super) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            return Self::Avx2;
        }
        Self::Portable
    }

    /// `out[row] = numbers[row] . query` for rows in blocks of [`LANES`], shape `[block, dim, lane]`. Rows beyond either end
    /// are left alone.
    pub(super) fn inner_products<const D: usize>(self, numbers: &[u16], query: &[f32; D], out: &mut [f32]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this variant is only made by `detect`, which saw that the machine has AVX2.
            Self::Avx2 => unsafe { avx2(numbers, query, out) },
            Self::Portable => blocks(numbers, query, out),
        }
    }
}

/// The portable code, compiled for eight numbers at a time.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<const D: usize>(numbers: &[u16], query: &[f32; D], out: &mut [f32]) {
    blocks(numbers, query, out);
}

#[inline(always)]
fn blocks<const D: usize>(numbers: &[u16], query: &[f32; D], out: &mut [f32]) {
    for (block, out) in numbers.chunks_exact(LANES * D).zip(out.chunks_exact_mut(LANES)) {
        let mut sums = [0.0f32; LANES];
        for (column, factor) in block.chunks_exact(LANES).zip(query) {
            for (sum, number) in sums.iter_mut().zip(column) {
                *sum += widen(*number) * factor;
            }
        }
        out.copy_from_slice(&sums);
    }
}

#[cfg(test)]
mod tests {
    use base::Rng;

    use super::*;

    #[test]
    fn every_kernel_gives_the_same_bits() {
        let mut rng = Rng::from_seed(3);
        let numbers: Vec<u16> = (0..LANES * 16 * 8).map(|_| narrow(rng.normal())).collect();
        let query: [f32; 16] = std::array::from_fn(|_| rng.normal());
        let mut fast = [0.0f32; LANES * 8];
        let mut plain = fast;
        Kernel::detect().inner_products(&numbers, &query, &mut fast);
        Kernel::Portable.inner_products(&numbers, &query, &mut plain);
        assert_eq!(fast.map(f32::to_bits), plain.map(f32::to_bits));
        let third: f32 = (0..16).map(|dim| widen(numbers[dim * LANES + 3]) * query[dim]).sum();
        assert!((plain[3] - third).abs() < 1e-4, "{} {third}", plain[3]);
    }

    #[test]
    fn narrowing_rounds_to_the_nearest() {
        fn check(number: f32, expected: f32) {
            assert_eq!(widen(narrow(number)), expected, "{number}");
        }
        check(1.0, 1.0);
        check(-3.0, -3.0);
        check(0.0, 0.0);
        check(1.0 + 1.0 / 512.0, 1.0);
        check(1.0 + 1.5 / 256.0, 1.0 + 1.0 / 128.0);
        check(-(1.0 + 3.1 / 512.0), -(1.0 + 1.0 / 128.0));
        check(f32::MAX, f32::from_bits(0x7f7f_0000));
        check(f32::MIN, f32::from_bits(0xff7f_0000));
    }
}
