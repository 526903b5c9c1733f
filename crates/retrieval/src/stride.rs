//! A walk over `0..len` in an order that looks drawn, touching each place once and storing nothing.

use base::Rng;

/// From a random start by a random step that has no divisor in common with `len`: a permutation. Not uniform over all
/// permutations, but each place is equally likely to come first.
pub(crate) fn strided(len: usize, rng: &mut Rng) -> impl Iterator<Item = usize> + use<> {
    let start = rng.below(len);
    let mut step = 1 + rng.below(len);
    // Among any few numbers in a row one is coprime to `len`; 1 always is.
    while len > 0 && gcd(step, len) != 1 {
        step = if step > len { 1 } else { step + 1 };
    }
    (0..len).map(move |n| ((start as u128 + n as u128 * step as u128) % len as u128) as usize)
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn touches_each_place_once() {
        for len in 0..200 {
            let mut rng = Rng::from_seed(len as u64);
            let mut places: Vec<_> = strided(len, &mut rng).collect();
            places.sort_unstable();
            assert_eq!(places, (0..len).collect::<Vec<_>>());
        }
    }
}
