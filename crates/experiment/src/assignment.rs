//! Which arm a viewer is in.

/// The most arms of one experiment.
pub const ARMS_MAX: usize = 8;
/// The most parts of one arm.
pub const PARTS_MAX: u32 = 10_000;

/// Viewers to arms. Keyed by the experiment's name, so that who shares an arm in one experiment does not in the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    key: u64,
    parts: Vec<u32>,
    total: u64,
}

impl Assignment {
    /// Arms with so many parts each; `None` without arms, with more than [`ARMS_MAX`], or with parts outside 1 to
    /// [`PARTS_MAX`].
    pub fn new(experiment: &str, parts: &[u32]) -> Option<Self> {
        let fits = !parts.is_empty() && parts.len() <= ARMS_MAX && parts.iter().all(|n| (1..=PARTS_MAX).contains(n));
        let total = parts.iter().map(|n| u64::from(*n)).sum();
        fits.then(|| Self { key: key_of(experiment), parts: parts.to_vec(), total })
    }

    pub fn arms(&self) -> usize {
        self.parts.len()
    }

    /// The arm of a viewer, by their number: the same for ever, as long as name and parts stay.
    pub fn arm_of(&self, viewer: u64) -> usize {
        let hash = mix(mix(viewer.wrapping_add(self.key)) ^ self.key.rotate_left(32));
        // The high half of hash times total is even over 0..total, without a remainder's bias.
        let mut place = (u128::from(hash) * u128::from(self.total)) >> 64;
        for (arm, parts) in self.parts.iter().enumerate() {
            match place.checked_sub(u128::from(*parts)) {
                Some(left) => place = left,
                None => return arm,
            }
        }
        self.parts.len() - 1
    }

    /// The probability with which a viewer is in the arm; 0 for one that is not there.
    pub fn share(&self, arm: usize) -> f64 {
        self.parts.get(arm).map_or(0.0, |parts| f64::from(*parts) / self.total as f64)
    }

    /// The experiment's mark in the log: what was logged under another name is not taken for this one's.
    pub fn tag(&self) -> u32 {
        tag_of_key(self.key)
    }

    /// [`Assignment::tag`] of an experiment of this name.
    pub fn tag_of(experiment: &str) -> u32 {
        tag_of_key(key_of(experiment))
    }
}

/// FNV-1a, 64 bits.
fn key_of(experiment: &str) -> u64 {
    experiment.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// Never 0: that says that there was no experiment.
fn tag_of_key(key: u64) -> u32 {
    ((mix(key) >> 32) as u32).max(1)
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): every bit of the input moves every bit of the output.
fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arms_do_not_change() {
        // A change of these would move viewers of running experiments.
        let halves = Assignment::new("finish first", &[1, 1]).unwrap();
        let arms: Vec<usize> = (0..16).map(|viewer| halves.arm_of(viewer << 22)).collect();
        assert_eq!(arms, [1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 1]);
        assert_eq!(halves.tag(), 2_516_491_743);
        assert_eq!(halves.tag(), Assignment::tag_of("finish first"));
        assert_ne!(halves.tag(), Assignment::tag_of("finish last"));
    }

    #[test]
    fn shares_are_as_configured() {
        fn check(parts: &[u32]) {
            const VIEWERS: u64 = 100_000;
            let assignment = Assignment::new("a", parts).unwrap();
            let mut counts = vec![0.0; parts.len()];
            // Ids as they are made: time in the high bits, a counter below.
            (0..VIEWERS).for_each(|viewer| counts[assignment.arm_of(((viewer / 7) << 22) | (viewer % 7))] += 1.0);
            for (arm, count) in counts.iter().enumerate() {
                let share = assignment.share(arm);
                let deviation = (VIEWERS as f64 * share * (1.0 - share)).sqrt();
                assert!((count - VIEWERS as f64 * share).abs() <= 4.5 * deviation, "{parts:?}: {counts:?}");
            }
            assert!((0..parts.len()).map(|arm| assignment.share(arm)).sum::<f64>() - 1.0 < 1e-12);
        }
        check(&[1]);
        check(&[1, 1]);
        check(&[90, 9, 1]);
        check(&[1; 8]);
    }

    /// Two experiments at once split each other's arms evenly.
    #[test]
    fn experiments_are_independent() {
        let (one, other) = (Assignment::new("one", &[1, 1]).unwrap(), Assignment::new("other", &[1, 1]).unwrap());
        let mut cells = [0.0f64; 4];
        (0..40_000u64).for_each(|viewer| cells[one.arm_of(viewer) * 2 + other.arm_of(viewer)] += 1.0);
        assert!(cells.iter().all(|count| (count - 10_000.0).abs() < 4.5 * 87.0), "{cells:?}");
    }

    #[test]
    fn what_is_no_experiment() {
        for parts in [&[][..], &[0], &[1, 0], &[1; 9], &[PARTS_MAX + 1]] {
            assert_eq!(Assignment::new("a", parts), None, "{parts:?}");
        }
        assert_eq!(Assignment::new("a", &[3]).map(|one| (one.arm_of(5), one.share(0), one.share(1))), Some((0, 1.0, 0.0)));
    }
}
