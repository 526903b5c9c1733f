//! Content features on one scale: how far each lies from the mean of all videos, in standard deviations.

use crate::features::{CONTENT_DIMS, ContentCode};

/// The code's unknown stays 0, which is the mean.
pub(crate) type Content = [f32; CONTENT_DIMS];

/// One video's worth of prior for the spread; none for the mean, which a far-off prior would take hundreds of videos to leave.
const PRIOR_VARIANCE: f32 = 0.01;
const DEVIATION_MIN: f32 = 0.02;
const BOUND: f32 = 3.0;

/// Running mean and variance of each content feature over the videos observed, each video once (Welford's update).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ContentScale {
    pub count: Content,
    pub mean: Content,
    pub squares: Content,
}

impl Default for ContentScale {
    fn default() -> Self {
        Self { count: [0.0; CONTENT_DIMS], mean: [0.5; CONTENT_DIMS], squares: [PRIOR_VARIANCE; CONTENT_DIMS] }
    }
}

impl ContentScale {
    pub fn observe(&mut self, code: &ContentCode) {
        for dim in 0..CONTENT_DIMS {
            if code.0[dim] > 0 {
                let value = (f32::from(code.0[dim]) - 1.0) / 254.0;
                self.count[dim] += 1.0;
                let off = value - self.mean[dim];
                self.mean[dim] += off / self.count[dim];
                self.squares[dim] += off * (value - self.mean[dim]);
            }
        }
    }

    pub fn whitener(&self) -> Whitener {
        let mut whitener = Whitener { mean: [0.0; CONTENT_DIMS], factor: [0.0; CONTENT_DIMS] };
        for dim in 0..CONTENT_DIMS {
            let deviation = (self.squares[dim] / (self.count[dim] + 1.0)).max(0.0).sqrt().max(DEVIATION_MIN);
            // The mean in code units, so that whitening is one subtraction and one product.
            whitener.mean[dim] = self.mean[dim] * 254.0 + 1.0;
            whitener.factor[dim] = 1.0 / (254.0 * deviation);
        }
        whitener
    }
}

/// The scale as readers use it.
#[derive(Clone, Debug)]
pub(crate) struct Whitener {
    mean: Content,
    factor: Content,
}

impl Whitener {
    #[inline(always)]
    pub fn apply(&self, code: &ContentCode) -> Content {
        let mut out = [0.0; CONTENT_DIMS];
        for dim in 0..CONTENT_DIMS {
            let z = ((f32::from(code.0[dim]) - self.mean[dim]) * self.factor[dim]).max(-BOUND).min(BOUND);
            out[dim] = if code.0[dim] == 0 { 0.0 } else { z };
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_end_up_centred_and_of_one_size() {
        let mut rng = base::Rng::from_seed(1);
        let mut scale = ContentScale::default();
        let mut draw = || ContentCode::of(&[0.1 + 0.02 * rng.normal(), 0.5 + 0.2 * rng.normal(), f32::NAN]);
        (0..2_000).for_each(|_| scale.observe(&draw()));
        let whitener = scale.whitener();
        let z: Vec<Content> = (0..1_000).map(|_| whitener.apply(&draw())).collect();
        for dim in 0..2 {
            let mean = z.iter().map(|z| z[dim]).sum::<f32>() / 1_000.0;
            let square = z.iter().map(|z| z[dim] * z[dim]).sum::<f32>() / 1_000.0;
            assert!(mean.abs() < 0.15 && (0.8..1.2).contains(&square), "{dim}: {mean} {square}");
        }
        assert!(z.iter().all(|z| z[2] == 0.0), "unknown stays unknown");
    }
}
