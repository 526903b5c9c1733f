//! Events per second of the last ten minutes, by kind: for the operator's plots.

use base::Timestamp;
use eventlog::Kind;
use serde::{Deserialize, Serialize};

/// How many seconds are kept.
pub const RATE_SECONDS_MAX: usize = 600;
const KINDS: usize = Kind::ALL.len();

/// By the second in which events were taken in. Seconds without events take no room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ring {
    /// Sorted; at most [`RATE_SECONDS_MAX`], none older than that before the last.
    seconds: std::collections::VecDeque<(i64, [u32; KINDS])>,
}

/// Events per second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rates {
    /// The first second, since the Unix epoch.
    pub from_second: i64,
    /// For each kind that occurred: its count in each second. All have the same length.
    pub per_kind: Vec<(Kind, Vec<u32>)>,
    /// The count of all kinds in each second.
    pub total: Vec<u32>,
}

impl Ring {
    pub fn count(&mut self, kind: Kind, received: Timestamp) {
        let second = received.as_millis().div_euclid(1_000);
        let last = self.seconds.back().map(|(last, _)| *last);
        if last.is_none_or(|last| second > last) {
            self.seconds.push_back((second, [0; KINDS]));
            let oldest = second.saturating_sub(RATE_SECONDS_MAX as i64 - 1);
            while self.seconds.front().is_some_and(|(first, _)| *first < oldest) {
                self.seconds.pop_front();
            }
        } else if last.is_some_and(|last| second.saturating_add(RATE_SECONDS_MAX as i64) <= last) {
            return;
        }
        // Nearly always the last one.
        let place = match self.seconds.back() {
            Some((last, _)) if *last == second => self.seconds.len() - 1,
            _ => match self.seconds.binary_search_by_key(&second, |(second, _)| *second) {
                Ok(place) => place,
                Err(place) => {
                    self.seconds.insert(place, (second, [0; KINDS]));
                    place
                }
            },
        };
        if let Some(count) = self.seconds.get_mut(place).and_then(|(_, counts)| counts.get_mut(kind as usize)) {
            *count = count.saturating_add(1);
        }
    }

    /// The last `seconds` whole seconds before `now`.
    pub fn read(&self, now: Timestamp, seconds: usize) -> Rates {
        let length = seconds.min(RATE_SECONDS_MAX);
        let from_second = now.as_millis().div_euclid(1_000).saturating_sub(length as i64);
        let mut by_kind = vec![vec![0; length]; KINDS];
        let mut total = vec![0; length];
        for (second, counts) in &self.seconds {
            let Ok(place) = usize::try_from(second.saturating_sub(from_second)) else { continue };
            let Some(all) = total.get_mut(place) else { continue };
            *all = counts.iter().sum();
            for (row, count) in by_kind.iter_mut().zip(counts) {
                if let Some(cell) = row.get_mut(place) {
                    *cell = *count;
                }
            }
        }
        let occurred = Kind::ALL.into_iter().zip(by_kind).filter(|(_, row)| row.iter().any(|count| *count > 0));
        Rates { from_second, per_kind: occurred.collect(), total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_second_and_forgets_after_ten_minutes() {
        let mut ring = Ring::default();
        let at = Timestamp::from_millis;
        for (ms, kind) in [(10_500, Kind::Like), (10_900, Kind::Like), (12_000, Kind::Watch), (11_200, Kind::Like)] {
            ring.count(kind, at(ms));
        }
        let rates = ring.read(at(13_000), 4);
        assert_eq!((rates.from_second, rates.total), (9, vec![0, 2, 1, 1]));
        assert_eq!(rates.per_kind, [(Kind::Watch, vec![0, 0, 0, 1]), (Kind::Like, vec![0, 2, 1, 0])]);
        ring.count(Kind::Like, at(610_000));
        assert_eq!(ring.seconds.front().map(|(second, _)| *second), Some(11));
        ring.count(Kind::Like, at(10_999));
        assert_eq!(ring.seconds.iter().map(|(second, _)| *second).collect::<Vec<_>>(), [11, 12, 610]);
        assert_eq!(ring.read(at(i64::MIN), 600).total, vec![0; 600]);
    }
}
