//! Exact percentiles of a bounded number of measurements.

/// Measurements in milliseconds.
#[derive(Clone, Debug, Default)]
pub struct Percentiles(Vec<f64>);

impl Percentiles {
    pub fn add(&mut self, value: f64) {
        self.0.push(value);
    }
    pub fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// The value that `share` (0 to 1) of the measurements do not exceed (nearest rank); 0 when there are none.
    pub fn at(&mut self, share: f64) -> f64 {
        self.0.sort_unstable_by(f64::total_cmp);
        let rank = (share * self.0.len() as f64).ceil().max(1.0) as usize;
        self.0.get(rank - 1).or(self.0.last()).copied().unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_rank() {
        let mut p = Percentiles::default();
        assert_eq!(p.at(0.5), 0.0);
        (1..=100).rev().for_each(|v| p.add(f64::from(v)));
        assert_eq!([p.at(0.0), p.at(0.5), p.at(0.99), p.at(1.0)], [1.0, 50.0, 99.0, 100.0]);
    }
}
