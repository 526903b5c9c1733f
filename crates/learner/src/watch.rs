//! Watch time, debiased for duration: the label is a rank among views of clips of about the same length.
//!
//! A raw watch time favours long clips and a raw share favours short ones. Following D2Q (Zhan et al., KDD 2022, arXiv
//! 2206.06003) a view's label is the quantile of its watch time within its duration group; here the groups are half octaves of
//! the duration and the quantiles come from counts that grow with each view and start from a prior.

use crate::features::VideoFeatures;
use crate::labels::RATIO_MAX;
use crate::math::log2_linear;
use crate::task::{Labels, Task};

pub(crate) const GROUPS: usize = 16;
/// Fine up to once through, coarser for loops.
pub(crate) const BINS: usize = 56;
const BINS_TO_ONE: usize = 40;
/// Views' worth of prior per group.
const PRIOR: f32 = 40.0;
/// Above this count a group's past is halved.
const COUNT_MAX: f32 = 100_000.0;

/// Counts of views by duration group and share watched.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WatchRanks {
    pub counts: Box<[[f32; BINS]; GROUPS]>,
}

fn bin(ratio: f32) -> usize {
    let ratio = ratio.clamp(0.0, RATIO_MAX);
    if ratio < 1.0 {
        (ratio * BINS_TO_ONE as f32) as usize
    } else {
        let loops = (ratio - 1.0) / (RATIO_MAX - 1.0) * (BINS - BINS_TO_ONE) as f32;
        (BINS_TO_ONE + loops as usize).min(BINS - 1)
    }
}

fn group(duration_ms: u32) -> usize {
    ((log2_linear(1.0 + duration_ms as f32 / 1_000.0) * 2.0) as usize).min(GROUPS - 1)
}

/// The sum, in eight chains of additions that do not wait for each other.
fn total(counts: &[f32; BINS]) -> f32 {
    let mut lanes = [0.0f32; 8];
    for block in counts.as_chunks::<8>().0 {
        for lane in 0..8 {
            lanes[lane] += block[lane];
        }
    }
    lanes.iter().sum()
}

const _: () = assert!(BINS.is_multiple_of(8));

impl Default for WatchRanks {
    fn default() -> Self {
        // Before anything was seen: three quarters of the views spread evenly over the clip, a quarter at its end and beyond.
        let mut counts = Box::new([[0.0; BINS]; GROUPS]);
        for group in counts.iter_mut() {
            for (at, count) in group.iter_mut().enumerate() {
                let (share, bins) = if at < BINS_TO_ONE { (0.75, BINS_TO_ONE) } else { (0.25, BINS - BINS_TO_ONE) };
                *count = PRIOR * share / bins as f32;
            }
        }
        Self { counts }
    }
}

impl WatchRanks {
    /// The share of earlier views of clips of like length that watched less, 0 to 1; ties count half.
    pub fn rank(&self, ratio: f32, duration_ms: u32) -> f32 {
        let (counts, bin) = (&self.counts[group(duration_ms)], bin(ratio));
        let below = total(&std::array::from_fn(|at| if at < bin { counts[at] } else { 0.0 }));
        (below + 0.5 * counts[bin]) / total(counts)
    }

    /// The labels as the heads learn them: watch time as a rank.
    pub fn labels(&self, labels: &Labels, video: &VideoFeatures) -> Labels {
        match labels.get(Task::WatchTime) {
            Some(ratio) => labels.with(Task::WatchTime, self.rank(ratio, video.duration_ms)),
            None => *labels,
        }
    }

    pub fn count(&mut self, ratio: f32, duration_ms: u32) {
        let counts = &mut self.counts[group(duration_ms)];
        counts[bin(ratio)] += 1.0;
        if total(counts) > COUNT_MAX {
            counts.iter_mut().for_each(|count| *count *= 0.5);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_take_the_length_out() {
        let mut ranks = WatchRanks::default();
        let mut rng = base::Rng::from_seed(1);
        // Short clips are watched to four fifths, long ones to one fifth, on the average.
        for _ in 0..5_000 {
            ranks.count(0.6 + 0.4 * rng.unit(), 5_000);
            ranks.count(0.4 * rng.unit(), 60_000);
        }
        for (ratio, duration_ms) in [(0.8, 5_000), (0.2, 60_000)] {
            let rank = ranks.rank(ratio, duration_ms);
            assert!((0.45..0.55).contains(&rank), "{ratio} of {duration_ms}: {rank}");
        }
        assert!(ranks.rank(0.1, 5_000) < 0.05 && ranks.rank(3.9, 60_000) > 0.95);
        for odd in [0.0, RATIO_MAX, 1e30] {
            assert!((0.0..=1.0).contains(&ranks.rank(odd, u32::MAX)), "{odd}");
        }
    }
}
