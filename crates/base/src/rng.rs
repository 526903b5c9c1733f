//! Chance that can be replayed: one seed, one tree of generators.

use rand_core::{Rng as _, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// A seeded generator (xoshiro256++). Not for secrets: those come from the operating system.
#[derive(Clone, Debug)]
pub struct Rng {
    seed: u64,
    inner: Xoshiro256PlusPlus,
}

impl Rng {
    pub fn from_seed(seed: u64) -> Self {
        Self { seed, inner: Xoshiro256PlusPlus::seed_from_u64(seed) }
    }

    /// The generator of a component, named so that one more draw in one component does not shift the others.
    pub fn child(&self, label: &str) -> Self {
        // FNV-1a over the label, started from the parent's seed.
        let seed = label
            .bytes()
            .fold(self.seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        Self::from_seed(seed)
    }

    pub fn next_u64(&mut self) -> u64 {
        self.inner.next_u64()
    }

    /// Uniform in `0..bound`; 0 when `bound` is 0. Biased by less than 2^-32 (multiply-shift).
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next_u64()) * bound as u128) >> 64) as usize
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f32 {
        (self.next_u64() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f32) -> bool {
        self.unit() < p
    }

    /// Standard normal, by the sum of twelve uniforms less six (good to three standard deviations).
    pub fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.unit()).sum::<f32>() - 6.0
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_do_not_disturb_each_other() {
        let root = Rng::from_seed(1);
        let mut a = root.child("a");
        let before = root.child("b").next_u64();
        a.next_u64();
        assert_eq!(root.child("b").next_u64(), before);
        assert_ne!(root.child("a").next_u64(), before);
    }

    #[test]
    fn below_covers_its_range_and_no_more() {
        let mut rng = Rng::from_seed(2);
        let mut seen = [0u32; 5];
        for _ in 0..5_000 {
            seen[rng.below(5)] += 1;
        }
        assert!(seen.iter().all(|n| (800..1_200).contains(n)), "{seen:?}");
        assert_eq!(rng.below(0), 0);
    }
}
