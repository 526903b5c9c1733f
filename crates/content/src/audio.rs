//! Two sounds, by their Chromaprint fingerprints: how alike are they where they fit best?

/// The shortest overlap that says anything, in words: about two seconds (a word is 1,365 samples of 11,025 Hz).
const OVERLAP_MIN: usize = 16;
/// An overlap is also at least this share of the shorter fingerprint.
const OVERLAP_SHARE_MIN: f64 = 0.5;
/// The share of words that differ from the word before; less of them is silence, a hum or one long tone, which all sound alike.
const LIVELY_SHARE_MIN: f64 = 0.3;

/// The smallest share of differing bits over all alignments of two fingerprints: about 0.5 for unrelated sounds, under 0.2
/// for the same recording. `None` when one of them is too short, or too even to be told from others.
pub(crate) fn bit_error_rate(a: &[u32], b: &[u32]) -> Option<f64> {
    let shorter = a.len().min(b.len());
    let overlap_min = OVERLAP_MIN.max((shorter as f64 * OVERLAP_SHARE_MIN) as usize);
    if shorter < overlap_min || !lively(a) || !lively(b) {
        return None;
    }
    let mut best: Option<f64> = None;
    // `b` begins `shift` words after `a`, from far before to far after.
    let (first, last) = (overlap_min as isize - b.len() as isize, a.len() as isize - overlap_min as isize);
    for shift in first..=last {
        let a_part = a.get(shift.max(0) as usize..).unwrap_or_default();
        let b_part = b.get((-shift).max(0) as usize..).unwrap_or_default();
        let overlap = a_part.len().min(b_part.len());
        if overlap < overlap_min || !lively(a_part.get(..overlap).unwrap_or_default()) {
            continue;
        }
        let limit = best.map_or(u32::MAX, |rate| (rate * 32.0 * overlap as f64) as u32);
        let mut differing = 0;
        for (x, y) in a_part.iter().zip(b_part) {
            differing += (x ^ y).count_ones();
            if differing > limit {
                break;
            }
        }
        if differing <= limit {
            best = Some(f64::from(differing) / (32.0 * overlap as f64));
        }
    }
    best
}

/// Whether the fingerprint moves enough to be somebody's.
fn lively(words: &[u32]) -> bool {
    let moves = words.windows(2).filter(|w| (w[0] ^ w[1]).count_ones() >= 2).count();
    words.len() >= 2 && moves as f64 >= LIVELY_SHARE_MIN * (words.len() - 1) as f64
}

#[cfg(test)]
mod tests {
    use base::Rng;

    use super::*;

    fn noise(seed: u64, words: usize) -> Vec<u32> {
        let mut rng = Rng::from_seed(seed);
        (0..words).map(|_| rng.next_u64() as u32).collect()
    }

    #[test]
    fn same_shifted_other_and_silent_sounds() {
        fn check(a: &[u32], b: &[u32], expected: Option<std::ops::Range<f64>>) {
            let rate = bit_error_rate(a, b);
            match (rate, expected) {
                (Some(rate), Some(range)) => assert!(range.contains(&rate), "{rate}"),
                (rate, expected) => assert_eq!(rate, expected.map(|_| 0.0)),
            }
        }
        let sound = noise(1, 100);
        let mut flawed = sound.clone();
        flawed.iter_mut().for_each(|word| *word ^= 0b1001);
        check(&sound, &sound, Some(0.0..1e-9));
        check(&sound, &flawed, Some(0.05..0.07));
        check(&sound, &sound[40..], Some(0.0..1e-9));
        check(&sound[..70], &sound[20..], Some(0.0..1e-9));
        check(&sound, &noise(2, 100), Some(0.40..0.55));
        check(&[7; 100], &[7; 100], None);
        check(&sound, &sound[..10], None);
        check(&[], &sound, None);
    }
}
