//! Whether the arms got the viewers that they were to get.

use crate::functions::chi_squared_upper;

/// The probability of counts at least so far from the shares if assignment works as configured (Pearson's chi-squared test). A
/// small one (say, under 0.001) says that something loses or moves viewers, and that the arms must not be compared (Fabijan et al.
/// 2019, "Diagnosing sample ratio mismatch"). `None` with fewer than two arms, an arm without share, or fewer than five viewers
/// expected in one.
pub fn shares_p_value(viewers: &[usize], shares: &[f64]) -> Option<f64> {
    let all: usize = viewers.iter().sum();
    let total: f64 = shares.iter().sum();
    let expected = |share: &f64| all as f64 * share / total;
    if viewers.len() < 2 || viewers.len() != shares.len() || !shares.iter().all(|share| expected(share) >= 5.0) {
        return None;
    }
    let apart = viewers.iter().zip(shares).map(|(found, share)| (*found as f64 - expected(share)).powi(2) / expected(share));
    Some(chi_squared_upper(apart.sum(), viewers.len() as f64 - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_viewers_are_noticed() {
        assert_eq!(shares_p_value(&[50, 50], &[0.5, 0.5]), Some(1.0));
        // 821,588 and 815,482 where as many were to be: 22.8, far out.
        assert!(shares_p_value(&[821_588, 815_482], &[0.5, 0.5]).unwrap() < 1e-5);
        let by_chance = shares_p_value(&[5_050, 4_950], &[0.5, 0.5]).unwrap();
        assert!((by_chance - 0.3173).abs() < 1e-3, "{by_chance}");
        assert!(shares_p_value(&[900, 100], &[0.9, 0.1]).unwrap() > 0.99);
        for (viewers, shares) in
            [(&[10][..], &[1.0][..]), (&[2, 2], &[0.5, 0.5]), (&[100, 100], &[1.0, 0.0]), (&[9, 9], &[1.0])]
        {
            assert_eq!(shares_p_value(viewers, shares), None, "{viewers:?}");
        }
    }
}
