//! Scores that fade, and who leads.
//!
//! An item's score at time `t` is the sum of its weights, each halved for every half-life since. That is forward decay (Cormode,
//! Shkapenyuk, Srivastava, Xu, "Forward Decay: A Practical Time Decay Model for Streaming Systems", ICDE 2009): all scores fade
//! at the same pace, so their order does not change between events, and one number per item, `log2(score) + t / half_life`,
//! stays as it is until the next weight.

use std::hash::Hash;

use base::Timestamp;
use foldhash::fast::FixedState;
use hashbrown::{Equivalent, HashMap};

/// The most items that can be asked for.
pub const LEADERS_MAX: usize = 1_000;
/// How many are kept in order: removals eat into the rest before all items have to be looked through again.
const LEADERS_KEPT: usize = 2 * LEADERS_MAX;

/// A height, ordered.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Height(f64);

impl Eq for Height {}

impl PartialOrd for Height {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Height {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// The heights of items of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Board<K> {
    half_life_ms: f64,
    heights: HashMap<K, f64, FixedState>,
    /// The highest items, lowest first; exactly those above `floor`. A sorted list: a weight moves an item past few others.
    leaders: Vec<(Height, K)>,
    /// The highest item that is no leader.
    floor: Option<(Height, K)>,
}

impl<K: Clone + Ord + Hash> Board<K> {
    pub fn new(half_life_ms: i64) -> Self {
        let heights = HashMap::with_hasher(FixedState::default());
        Self { half_life_ms: half_life_ms as f64, heights, leaders: Vec::new(), floor: None }
    }

    /// Adds a weight, given by its logarithm to the base 2, at a time; `own` makes the key of an item that is new.
    pub fn add<Q>(&mut self, item: &Q, own: impl FnOnce(&Q) -> K, weight_log2: f64, at: Timestamp)
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let raised = at.as_millis() as f64 / self.half_life_ms + weight_log2;
        let (before, height, item) = match self.heights.get_key_value_mut(item) {
            Some((key, kept)) => {
                let before = *kept;
                // log2(2^a + 2^b), without leaving the range of numbers.
                let (high, low) = if before > raised { (before, raised) } else { (raised, before) };
                *kept = high + (low - high).exp2().ln_1p() * std::f64::consts::LOG2_E;
                (Some(before), *kept, key.clone())
            }
            None => {
                let key = own(item);
                self.heights.insert(key.clone(), raised);
                (None, raised, key)
            }
        };
        let entry = (Height(height), item);
        match before.and_then(|before| self.place_of(Height(before), &entry.1)) {
            Some(from) => self.lift(from, entry),
            None => self.place(entry),
        }
    }

    /// Where a leader stands.
    fn place_of(&self, height: Height, item: &K) -> Option<usize> {
        self.leaders.binary_search_by(|(other, key)| other.cmp(&height).then_with(|| key.cmp(item))).ok()
    }

    /// Moves a leader up to its new height.
    fn lift(&mut self, from: usize, entry: (Height, K)) {
        let above = self.leaders.get(from + 1..).map_or(0, |above| above.partition_point(|other| *other < entry));
        if let Some(passed) = self.leaders.get_mut(from..=from + above) {
            passed.rotate_left(1);
            if let Some(last) = passed.last_mut() {
                *last = entry;
            }
        }
    }

    /// Sets the height of an item that is not yet there: for a snapshot.
    pub fn restore(&mut self, item: K, height: f64) {
        self.heights.insert(item.clone(), height);
        self.place((Height(height), item));
    }

    pub fn remove(&mut self, item: &K) {
        let Some(height) = self.heights.remove(item) else { return };
        if let Some(place) = self.place_of(Height(height), item) {
            self.leaders.remove(place);
        }
        if self.leaders.len() < LEADERS_MAX && self.floor.is_some() {
            self.floor = None;
            self.leaders.clear();
            let all: Vec<_> = self.heights.iter().map(|(item, height)| (Height(*height), item.clone())).collect();
            all.into_iter().for_each(|entry| self.place(entry));
        }
    }

    fn place(&mut self, entry: (Height, K)) {
        if self.floor.as_ref().is_some_and(|floor| entry <= *floor) {
            return;
        }
        let place = self.leaders.partition_point(|other| *other < entry);
        self.leaders.insert(place, entry);
        if self.leaders.len() > LEADERS_KEPT {
            // A whole stretch at once: taking one out at the low end moves all the others.
            let below = LEADERS_KEPT / 8;
            self.floor = self.leaders.drain(..below).next_back();
        }
    }

    /// The score of an item at a time; 0 when it has none.
    pub fn score(&self, item: &K, now: Timestamp) -> f64 {
        self.heights.get(item).map_or(0.0, |height| self.score_of(*height, now))
    }

    /// The highest items, at most [`LEADERS_MAX`], with their scores at a time.
    pub fn top(&self, limit: usize, now: Timestamp) -> Vec<(K, f64)> {
        let leaders = self.leaders.iter().rev().take(limit.min(LEADERS_MAX));
        leaders.map(|(height, item)| (item.clone(), self.score_of(height.0, now))).collect()
    }

    fn score_of(&self, height: f64, now: Timestamp) -> f64 {
        (height - now.as_millis() as f64 / self.half_life_ms).exp2()
    }

    pub fn heights(&self) -> impl Iterator<Item = (&K, f64)> {
        self.heights.iter().map(|(item, height)| (item, *height))
    }

    pub fn bytes(&self) -> usize {
        self.heights.allocation_size() + self.leaders.capacity() * size_of::<(Height, K)>()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const HALF_LIFE_MS: i64 = 1_000;

    #[test]
    fn a_score_halves_with_each_half_life() {
        let mut board = Board::new(HALF_LIFE_MS);
        board.add(&1, u32::clone, 2.0, Timestamp::from_millis(5_000));
        board.add(&1, u32::clone, 0.0, Timestamp::from_millis(6_000));
        board.add(&1, u32::clone, 0.0, Timestamp::from_millis(4_000));
        for (at, expected) in [(6_000, 3.25), (7_000, 1.625), (5_000, 6.5)] {
            let score = board.score(&1, Timestamp::from_millis(at));
            assert!((score - expected).abs() < 1e-9, "{score} at {at}");
        }
        assert_eq!(board.score(&2, Timestamp::from_millis(0)), 0.0);
    }

    #[test]
    fn leads_as_if_all_were_sorted() {
        let mut rng = base::Rng::from_seed(9);
        let mut board = Board::new(HALF_LIFE_MS);
        let mut model: BTreeMap<u32, f64> = BTreeMap::new();
        let zero = 1_000_000;
        for step in 0..60_000i64 {
            let item = rng.below(6_000) as u32;
            if rng.chance(0.3) && step > 20_000 {
                board.remove(&item);
                model.remove(&item);
            } else {
                let at = zero + step / 10 - rng.below(50) as i64;
                board.add(&item, u32::clone, rng.below(3) as f64, Timestamp::from_millis(at));
                // The same sum, counted plainly from the start of time.
                let height = board.heights[&item];
                model.insert(item, height);
            }
            if step % 5_000 == 0 || step > 59_990 {
                let mut sorted: Vec<(Height, u32)> = model.iter().map(|(item, height)| (Height(*height), *item)).collect();
                sorted.sort_by(|a, b| b.cmp(a));
                let expected: Vec<u32> = sorted.iter().take(LEADERS_MAX).map(|(_, item)| *item).collect();
                let top: Vec<u32> = board.top(usize::MAX, Timestamp::from_millis(zero)).iter().map(|(item, _)| *item).collect();
                assert_eq!(top, expected, "step {step}");
            }
        }
        assert!(model.len() > LEADERS_KEPT);
    }
}
