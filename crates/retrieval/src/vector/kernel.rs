//! Inner products of one vector with many, as fast as the machine can.

/// Rows in a block: two registers of eight numbers, or four of four.
pub(super) const LANES: usize = 16;

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
    pub(super) fn inner_products<const D: usize>(self, numbers: &[f32], query: &[f32; D], out: &mut [f32]) {
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
fn avx2<const D: usize>(numbers: &[f32], query: &[f32; D], out: &mut [f32]) {
    blocks(numbers, query, out);
}

#[inline(always)]
fn blocks<const D: usize>(numbers: &[f32], query: &[f32; D], out: &mut [f32]) {
    for (block, out) in numbers.chunks_exact(LANES * D).zip(out.chunks_exact_mut(LANES)) {
        let mut sums = [0.0f32; LANES];
        for (column, factor) in block.chunks_exact(LANES).zip(query) {
            for (sum, number) in sums.iter_mut().zip(column) {
                *sum += number * factor;
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
        let numbers: Vec<f32> = (0..LANES * 16 * 8).map(|_| rng.normal()).collect();
        let query: [f32; 16] = std::array::from_fn(|_| rng.normal());
        let mut fast = [0.0f32; LANES * 8];
        let mut plain = fast;
        Kernel::detect().inner_products(&numbers, &query, &mut fast);
        Kernel::Portable.inner_products(&numbers, &query, &mut plain);
        assert_eq!(fast.map(f32::to_bits), plain.map(f32::to_bits));
        let third: f32 = (0..16).map(|dim| numbers[dim * LANES + 3] * query[dim]).sum();
        assert!((plain[3] - third).abs() < 1e-4, "{} {third}", plain[3]);
    }
}
