//! The distributions that intervals and p values need.

/// Terms of a series or continued fraction before it is taken as it is: those here converge in far fewer.
const TERMS_MAX: usize = 500;
const PRECISE: f64 = 1e-15;

/// The logarithm of the gamma function for `x` over 0: Stirling's series (DLMF 5.11.1) at `x + n` of at least 12, brought back by
/// the recurrence.
pub fn ln_gamma(x: f64) -> f64 {
    let (mut z, mut product) = (x, 1.0);
    while z < 12.0 {
        product *= z;
        z += 1.0;
    }
    let inverse = 1.0 / (z * z);
    let series = (1.0 / 12.0 - inverse * (1.0 / 360.0 - inverse * (1.0 / 1260.0 - inverse / 1680.0))) / z;
    (z - 0.5) * z.ln() - z + 0.5 * (2.0 * std::f64::consts::PI).ln() + series - f64::ln(product)
}

/// The regularised incomplete beta function, by its continued fraction (DLMF 8.17.22, evaluated as Lentz 1976 does).
pub fn beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // The fraction converges fast on the left of the mean; on its right the other tail is taken.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta(b, a, 1.0 - x);
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp() / a;
    let away_from_zero = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let (mut c, mut d) = (1.0, 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for term in 1..TERMS_MAX {
        let m = term as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = fraction;
        for step in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + step * d);
            c = away_from_zero(1.0 + step / c);
            fraction *= c * d;
        }
        if (fraction / before - 1.0).abs() < PRECISE {
            break;
        }
    }
    (front * fraction).clamp(0.0, 1.0)
}

/// Probability that a Student t variable with `freedom` degrees lies at least this far from 0, on either side.
pub fn student_two_sided(t: f64, freedom: f64) -> f64 {
    if !t.is_finite() { 0.0 } else { beta(0.5 * freedom, 0.5, freedom / (freedom + t * t)) }
}

/// The distance from 0 that a Student t variable exceeds, on either side, with this probability.
pub fn student_quantile(two_sided: f64, freedom: f64) -> f64 {
    let (mut low, mut high) = (0.0, 2.0);
    while student_two_sided(high, freedom) > two_sided && high < 1e9 {
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if student_two_sided(middle, freedom) > two_sided {
            low = middle
        } else {
            high = middle
        }
        if high - low < 1e-12 * high {
            break;
        }
    }
    0.5 * (low + high)
}

/// Probability that a chi-squared variable with `freedom` degrees is at least `x` (DLMF 8.11.4, the series of the lower part).
pub fn chi_squared_upper(x: f64, freedom: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let (a, z) = (0.5 * freedom, 0.5 * x);
    if z > 700.0 + a {
        return 0.0;
    }
    let mut term = (a * z.ln() - z - ln_gamma(a + 1.0)).exp();
    let mut lower = term;
    // Terms rise until a + n is about z, and fall fast after.
    for n in 1..(TERMS_MAX + 4 * z as usize) {
        term *= z / (a + n as f64);
        lower += term;
        if term < lower * PRECISE && n as f64 > z {
            break;
        }
    }
    (1.0 - lower).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 2e-6 * expected.abs().max(1e-3), "{found} for {expected}");
    }

    #[test]
    fn gamma_of_whole_and_half_numbers() {
        near(ln_gamma(1.0), 0.0);
        near(ln_gamma(5.0), 24f64.ln());
        near(ln_gamma(0.5), 0.5 * std::f64::consts::PI.ln());
        near(ln_gamma(101.0), (1..=100).map(|n| f64::from(n).ln()).sum());
    }

    /// Percentage points from printed tables (Abramowitz and Stegun, tables 26.8 and 26.10).
    #[test]
    fn percentage_points_are_those_of_the_tables() {
        for (freedom, point) in [(1.0, 12.706), (2.0, 4.303), (5.0, 2.571), (10.0, 2.228), (30.0, 2.042), (120.0, 1.980)] {
            assert!((student_quantile(0.05, freedom) - point).abs() < 6e-4, "{freedom}");
            near(student_two_sided(student_quantile(0.01, freedom), freedom), 0.01);
        }
        assert!((student_quantile(0.05, 1e7) - 1.959_964).abs() < 1e-5);
        assert_eq!(student_two_sided(0.0, 7.0), 1.0);
        for (freedom, point) in [(1.0, 3.841), (2.0, 5.991), (7.0, 14.067)] {
            assert!((chi_squared_upper(point, freedom) - 0.05).abs() < 2e-5, "{freedom}");
        }
        near(chi_squared_upper(4.0, 2.0), (-2f64).exp());
        assert_eq!((chi_squared_upper(0.0, 3.0), chi_squared_upper(1e6, 3.0)), (1.0, 0.0));
    }
}
