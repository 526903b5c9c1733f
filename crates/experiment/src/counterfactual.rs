//! What a policy would have earned, from what another one logged.
//!
//! A *placement* is one clip that came into view at one place of a page. The policy that placed it (the logging one) did so with a
//! known probability `p`, given the places before; the policy that is judged (the target) would have placed the same clip there with
//! probability `q`. With `w = q / p`, `r` the reward and `m` a model of it, over `n` placements:
//!
//! | estimate | formula | right when |
//! | --- | --- | --- |
//! | IPS | `sum w r / n` (Horvitz and Thompson 1952) | `p` is right |
//! | SNIPS | `sum w r / sum w` (Swaminathan and Joachims 2015, "The self-normalized estimator") | `p` is right, `n` large; never outside the rewards |
//! | doubly robust | `sum (E_q m + w (r - m)) / n` (Dudik, Langford and Li 2011, arXiv 1103.4601) | `p` or `m` is right |
//!
//! What is estimated is the value of *one* place filled by the target, the places before it as the logging policy filled them, for
//! viewers as they came; not that of a viewer who lives with the target for weeks: that is what arms are for.
//!
//! Weights are clipped at a stated bound, which trades a little bias (towards what was logged least, and for a reward over 0 always
//! downwards in IPS) for much variance (Ionides 2008); how many were, and how many placements the weighted ones are worth (Kish
//! 1965: `(sum w)^2 / sum w^2`), is told with every estimate. Where `p` is right and nothing is clipped, the mean weight is 1 within
//! its interval: an estimate whose mean weight is not must not be believed. Intervals presume that `p` is right, for the doubly
//! robust estimate too: with a wrong `p` a right `m` still centres it, but the uncertainty of `m` is not in its interval.
//!
//! `m` is the logged prediction, brought onto the reward's scale by a line fitted on the other half of the viewers, so that no
//! placement judges itself and a prediction of anything related to the reward will do.

use crate::estimate::{Difference, Estimate, of_own, ratio};

/// One clip in view at one place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// Whose page it was, as a number from 0 without large gaps.
    pub unit: usize,
    pub reward: f64,
    /// Probability with which the logging policy put it there: over 0, at most 1.
    pub logged: f64,
    /// Probability with which the target would have: 0 to 1.
    pub target: f64,
    /// Prediction for the clip.
    pub predicted: f64,
    /// Mean of the predictions over what the target would have put there.
    pub expected: f64,
}

/// A policy's value per placement, three ways.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct PolicyValue {
    pub ips: Estimate,
    pub snips: Estimate,
    pub doubly_robust: Estimate,
    /// About 1 where the logged probabilities are right.
    pub mean_weight: Estimate,
    pub placements: usize,
    /// How many placements of the target's own would say as much (Kish).
    pub effective_placements: f64,
    /// The largest weight before clipping.
    pub weight_max: f64,
    /// Share of the placements whose weight was clipped.
    pub clipped_share: f64,
}

/// A line from prediction to reward.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Recalibration {
    pub intercept: f64,
    pub slope: f64,
}

impl Recalibration {
    fn of(&self, prediction: f64) -> f64 {
        self.intercept + self.slope * prediction
    }

    /// Least squares; flat where predictions do not differ.
    fn fit<'a>(placements: impl Iterator<Item = &'a Placement>) -> Self {
        let (mut n, mut x, mut y, mut xx, mut xy) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for one in placements {
            let (px, py) = (one.predicted, one.reward);
            (n, x, y, xx, xy) = (n + 1.0, x + px, y + py, xx + px * px, xy + px * py);
        }
        if n == 0.0 {
            return Self::default();
        }
        let (mean_x, mean_y) = (x / n, y / n);
        let (variance, covariance) = (xx / n - mean_x * mean_x, xy / n - mean_x * mean_y);
        let slope = if variance > 1e-9 * (xx / n).max(1e-12) { covariance / variance } else { 0.0 };
        Self { intercept: mean_y - slope * mean_x, slope }
    }
}

/// The lines for even and odd units, each fitted on the other.
pub fn recalibrations(placements: &[Placement]) -> [Recalibration; 2] {
    let of = |parity: usize| Recalibration::fit(placements.iter().filter(move |one| one.unit % 2 == parity));
    [of(1), of(0)]
}

/// What the target would have earned per placement, its weights held to `weight_max`. `None` for fewer than two units, or when the
/// target would have placed nothing of what was logged.
pub fn policy_value(placements: &[Placement], weight_max: f64) -> Option<PolicyValue> {
    let lines = recalibrations(placements);
    let weights = placements.iter().map(|one| weight(one, weight_max));
    let (sum, squares) = weights.clone().fold((0.0, 0.0), |(sum, squares), w| (sum + w, squares + w * w));
    let unclipped = placements.iter().map(|one| weight(one, f64::INFINITY));
    let per_unit = |of: &dyn Fn(&Placement, f64) -> (f64, f64)| ratio(&units(placements, weight_max, of));
    Some(PolicyValue {
        ips: per_unit(&|one, w| (w * one.reward, 1.0))?,
        snips: per_unit(&|one, w| (w * one.reward, w))?,
        doubly_robust: per_unit(&|one, w| (robust(one, w, &lines), 1.0))?,
        mean_weight: per_unit(&|_, w| (w, 1.0))?,
        placements: placements.len(),
        effective_placements: sum * sum / squares,
        weight_max: unclipped.clone().fold(0.0, f64::max),
        clipped_share: unclipped.filter(|w| *w > weight_max).count() as f64 / placements.len() as f64,
    })
}

/// The doubly robust value of one target less that of another, over the same placements in the same order; what both share cancels.
/// `None` where [`policy_value`] has none, or when they are not of the same placements.
pub fn policy_difference(of: &[Placement], from: &[Placement], weight_max: f64) -> Option<Difference> {
    let same = |(a, b): (&Placement, &Placement)| a.unit == b.unit && a.logged == b.logged && a.reward == b.reward;
    if of.len() != from.len() || !of.iter().zip(from).all(same) {
        return None;
    }
    let lines = recalibrations(of);
    let mut sums = vec![(0.0, 0.0); units_len(of)];
    for (a, b) in of.iter().zip(from) {
        if let Some((y, x)) = sums.get_mut(a.unit) {
            *y += robust(a, weight(a, weight_max), &lines) - robust(b, weight(b, weight_max), &lines);
            *x += 1.0;
        }
    }
    sums.retain(|(_, x)| *x > 0.0);
    ratio(&sums).map(|found| of_own(&found))
}

fn weight(one: &Placement, weight_max: f64) -> f64 {
    (one.target / one.logged).min(weight_max)
}

fn robust(one: &Placement, weight: f64, lines: &[Recalibration; 2]) -> f64 {
    let [even, odd] = lines;
    let line = if one.unit.is_multiple_of(2) { even } else { odd };
    line.of(one.expected) + weight * (one.reward - line.of(one.predicted))
}

fn units_len(placements: &[Placement]) -> usize {
    placements.iter().map(|one| one.unit + 1).max().unwrap_or(0)
}

/// Sums per unit of what `of` gives for a placement and its weight; units without placements are left out.
fn units(placements: &[Placement], weight_max: f64, of: &dyn Fn(&Placement, f64) -> (f64, f64)) -> Vec<(f64, f64)> {
    let mut sums = vec![(0.0, 0.0, false); units_len(placements)];
    for one in placements {
        let (y, x) = of(one, weight(one, weight_max));
        if let Some(sum) = sums.get_mut(one.unit) {
            *sum = (sum.0 + y, sum.1 + x, true);
        }
    }
    sums.into_iter().filter(|(_, _, any)| *any).map(|(y, x, _)| (y, x)).collect()
}

#[cfg(test)]
#[path = "counterfactual_tests.rs"]
mod tests;
