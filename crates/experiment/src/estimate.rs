//! Figures per viewer, with intervals of 95 %.

use crate::functions::{student_quantile, student_two_sided};

/// The probability that an interval misses.
const MISSED: f64 = 0.05;

/// A figure, and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Estimate {
    pub value: f64,
    /// Of the value.
    pub standard_error: f64,
    /// The interval of 95 %, by Student's t with one degree of freedom less than units.
    pub low: f64,
    pub high: f64,
    /// Viewers that it rests on.
    pub units: usize,
}

/// One arm less another.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Difference {
    pub value: f64,
    pub standard_error: f64,
    pub low: f64,
    pub high: f64,
    /// Probability of a difference at least as large if there were none; two-sided.
    pub p_value: f64,
    /// Degrees of freedom (Welch 1947).
    pub freedom: f64,
}

fn estimate(value: f64, variance: f64, units: usize) -> Option<Estimate> {
    let standard_error = variance.max(0.0).sqrt();
    let half = standard_error * student_quantile(MISSED, units as f64 - 1.0);
    let found = Estimate { value, standard_error, low: value - half, high: value + half, units };
    (found.value.is_finite() && half.is_finite()).then_some(found)
}

/// The mean over viewers of one number each: `m = sum y / n`, with variance `s^2 / n`, `s^2 = sum (y - m)^2 / (n - 1)`. `None` for
/// fewer than two.
pub fn mean(values: &[f64]) -> Option<Estimate> {
    let units = values.len();
    if units < 2 {
        return None;
    }
    let n = units as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|y| (y - mean) * (y - mean)).sum();
    estimate(mean, squares / (n - 1.0) / n, units)
}

/// Per something that viewers have unlike many of (watch time per impression): `R = sum y / sum x` over viewers' pairs `(y, x)`. By
/// the delta method its variance is `sum (y - R x)^2 / (n - 1) / (n mean(x)^2)` (Deng, Knoblich and Lu 2018, arXiv 1803.06336,
/// section 3). `None` for fewer than two, or when the sum of `x` is not over 0.
pub fn ratio(pairs: &[(f64, f64)]) -> Option<Estimate> {
    let units = pairs.len();
    let below: f64 = pairs.iter().map(|(_, x)| x).sum();
    if units < 2 || below.is_nan() || below <= 0.0 {
        return None;
    }
    let n = units as f64;
    let (above, per_unit) = (pairs.iter().map(|(y, _)| y).sum::<f64>(), below / n);
    let ratio = above / below;
    let squares: f64 = pairs.iter().map(|(y, x)| (y - ratio * x) * (y - ratio * x)).sum();
    estimate(ratio, squares / (n - 1.0) / (n * per_unit * per_unit), units)
}

/// `of` less `from`, of independent viewers: standard errors add in squares, with the degrees of freedom of Welch (1947) and
/// Satterthwaite (1946).
pub fn difference(of: &Estimate, from: &Estimate) -> Difference {
    let [a, b] = [of, from].map(|side| side.standard_error * side.standard_error);
    let per_freedom = |variance: f64, side: &Estimate| variance * variance / (side.units as f64 - 1.0);
    let apart = per_freedom(a, of) + per_freedom(b, from);
    let freedom = if apart > 0.0 { (a + b) * (a + b) / apart } else { (of.units + from.units) as f64 - 2.0 };
    distance(of.value - from.value, a + b, freedom.max(1.0))
}

/// `of / from - 1`, by the delta method: variance `(v_of + (of / from)^2 v_from) / from^2`. `None` when `from` is not over 0.
pub fn lift(of: &Estimate, from: &Estimate) -> Option<Difference> {
    if from.value <= 0.0 {
        return None;
    }
    let times = of.value / from.value;
    let [a, b] = [of, from].map(|side| side.standard_error * side.standard_error);
    let variance = (a + times * times * b) / (from.value * from.value);
    let found = distance(times - 1.0, variance, difference(of, from).freedom);
    (found.value.is_finite() && found.standard_error.is_finite()).then_some(found)
}

/// An estimate that is itself a difference, held against 0.
pub(crate) fn of_own(found: &Estimate) -> Difference {
    distance(found.value, found.standard_error * found.standard_error, found.units as f64 - 1.0)
}

fn distance(value: f64, variance: f64, freedom: f64) -> Difference {
    let standard_error = variance.max(0.0).sqrt();
    let half = standard_error * student_quantile(MISSED, freedom);
    let p_value = match standard_error {
        error if error > 0.0 => student_two_sided(value / error, freedom),
        _ if value == 0.0 => 1.0,
        _ => 0.0,
    };
    Difference { value, standard_error, low: value - half, high: value + half, p_value, freedom }
}

#[cfg(test)]
mod tests {
    use base::Rng;

    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 5e-4, "{found} for {expected}");
    }

    /// By hand: mean 5, s^2 = 20/3, standard error sqrt(5/3), t(3) = 3.1824.
    #[test]
    fn a_mean_by_hand() {
        let found = mean(&[2.0, 4.0, 6.0, 8.0]).unwrap();
        near(found.value, 5.0);
        near(found.standard_error, 1.290_994);
        near(found.low, 5.0 - 3.182_446 * 1.290_994);
        assert_eq!((mean(&[]), mean(&[3.0]), found.units), (None, None, 4));
        let same = mean(&[3.0, 3.0]).unwrap();
        assert_eq!((same.low, same.high), (3.0, 3.0));
    }

    /// Welch's test on two small samples, worked out by hand: means 3 and 6, s^2 2.5 and 10, both of five.
    #[test]
    fn a_difference_by_hand() {
        let (a, b) = (mean(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap(), mean(&[2.0, 4.0, 6.0, 8.0, 10.0]).unwrap());
        let found = difference(&b, &a);
        near(found.value, 3.0);
        near(found.standard_error, 2.5f64.sqrt());
        near(found.freedom, 6.25 / (0.25 / 4.0 + 4.0 / 4.0));
        near(found.p_value, 0.107_53);
        assert!(found.low < 0.0 && found.high > 0.0);
        let none = difference(&a, &a);
        assert_eq!((none.value, none.p_value), (0.0, 1.0));
        near(lift(&b, &a).unwrap().value, 1.0);
        assert!(lift(&a, &mean(&[0.0, 0.0]).unwrap()).is_none());
    }

    #[test]
    fn a_ratio_by_hand() {
        // Every viewer has the same rate: no uncertainty is left, however unlike their numbers are.
        let found = ratio(&[(1.0, 2.0), (10.0, 20.0), (5.0, 10.0)]).unwrap();
        assert_eq!((found.value, found.standard_error), (0.5, 0.0));
        // With every x the same it is a mean.
        let (pairs, plain) = ([(2.0, 2.0), (4.0, 2.0), (9.0, 2.0)], mean(&[1.0, 2.0, 4.5]).unwrap());
        let found = ratio(&pairs).unwrap();
        near(found.value, plain.value);
        near(found.standard_error, plain.standard_error);
        assert!(ratio(&[(1.0, 0.0), (1.0, 0.0)]).is_none() && ratio(&[(1.0, 1.0)]).is_none());
    }

    /// Of many made-up experiments, intervals hold the truth in about 95 of 100.
    #[test]
    fn intervals_cover() {
        let mut rng = Rng::from_seed(3);
        let mut covered = [0; 3];
        const RUNS: usize = 1_000;
        for _ in 0..RUNS {
            let mut viewers = |rate: f64| -> Vec<(f64, f64)> {
                (0..200)
                    .map(|_| {
                        // Some look at much more than others, and their rates differ too: skewed, and correlated within a viewer.
                        let looked = (1.0 + 4.0 * f64::from(rng.unit())).exp().floor();
                        let own = rate * 2.0 * f64::from(rng.unit());
                        (looked * own, looked)
                    })
                    .collect()
            };
            let (a, b) = (viewers(0.3), viewers(0.4));
            let of = |arm: &[(f64, f64)]| ratio(arm).unwrap();
            let (rate, apart) = (of(&a), difference(&of(&b), &of(&a)));
            covered[0] += usize::from(rate.low <= 0.3 && 0.3 <= rate.high);
            covered[1] += usize::from(apart.low <= 0.1 && 0.1 <= apart.high);
            let own: Vec<f64> = a.iter().map(|(y, x)| y / x).collect();
            let per_viewer = mean(&own).unwrap();
            covered[2] += usize::from(per_viewer.low <= 0.3 && 0.3 <= per_viewer.high);
        }
        assert!(covered.iter().all(|count| (925..=970).contains(count)), "{covered:?} of {RUNS}");
    }
}
