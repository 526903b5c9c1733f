//! Time as an argument.

use std::sync::atomic::{AtomicI64, Ordering};

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms)
    }
    pub const fn as_millis(self) -> i64 {
        self.0
    }
    pub const fn plus_millis(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }
    /// Milliseconds from `earlier` to `self`; negative when `earlier` is later.
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
    /// Hour of the day, 0 to 23, UTC.
    pub const fn hour(self) -> u8 {
        self.0.div_euclid(3_600_000).rem_euclid(24) as u8
    }
    /// Day of the week, 0 = Monday to 6 = Sunday, UTC. The epoch was a Thursday.
    pub const fn weekday(self) -> u8 {
        (self.0.div_euclid(86_400_000) + 3).rem_euclid(7) as u8
    }
    /// The civil year, UTC.
    pub const fn year(self) -> i32 {
        // Days to civil year, after Howard Hinnant, "chrono-compatible low-level date algorithms".
        let z = self.0.div_euclid(86_400_000) + 719_468;
        let era = z.div_euclid(146_097);
        let day_of_era = z.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        (year_of_era + era * 400) as i32 + if march_month >= 10 { 1 } else { 0 }
    }
}

/// Where "now" comes from.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Timestamp;
}

/// The machine's clock: the only reader of it in the project.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(since.as_millis() as i64)
    }
}

/// A clock that a test or a simulation turns by hand.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    pub fn at(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.0))
    }
    pub fn advance_millis(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar_parts() {
        fn check(ms: i64, year: i32, weekday: u8, hour: u8) {
            let t = Timestamp::from_millis(ms);
            assert_eq!((t.year(), t.weekday(), t.hour()), (year, weekday, hour), "{ms}");
        }
        check(0, 1970, 3, 0);
        check(-1, 1969, 2, 23);
        check(951_782_400_000, 2000, 1, 0); // 2000-02-29, a Tuesday
        check(1_735_689_599_999, 2024, 1, 23); // the last moment of 2024, a Tuesday
        check(1_735_689_600_000, 2025, 2, 0);
    }
}
