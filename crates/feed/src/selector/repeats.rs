//! What of the page so far a candidate would repeat.

use base::{AccountId, SoundId};
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::Candidate;

/// A creator or a sound again is less of the same than a hashtag again.
const CREATOR_SHARE: f32 = 0.7;
const SOUND_SHARE: f32 = 0.7;

/// A feature that a page can repeat, and how often it does so far.
struct Feature {
    /// How much the feature tells: 1 for one that few candidates have, 0 for one that all have.
    telling: f32,
    /// Times on the page.
    times: u32,
}

/// Counts features of the page so far. Features are numbered per page, so that the inner loop touches flat arrays.
pub(super) struct Repeats {
    features: Vec<Feature>,
    /// Features of all candidates in a row; `of[i]` is where those of candidate `i` end.
    flat: Vec<u32>,
    ends: Vec<u32>,
    /// `1 - decay^n` for n repetitions.
    costs: [f32; 16],
    /// Times that each creator was served in the window before this page.
    before: HashMap<AccountId, usize, FixedState>,
    /// Times that each creator is on this page.
    on_page: HashMap<AccountId, usize, FixedState>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Hashtag(u64),
    Creator(AccountId),
    Sound(SoundId),
}

impl Repeats {
    /// `recent` are the creators of the clips served before this page that count for the window.
    pub(super) fn new(candidates: &[Candidate], recent: &[AccountId], decay: f32) -> Self {
        let mut numbers: HashMap<Key, u32, FixedState> = HashMap::default();
        let mut having: Vec<(Key, u32)> = Vec::new();
        let mut flat = Vec::with_capacity(candidates.len() * 4);
        let mut ends = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            let facts = &candidate.facts;
            let keys = facts.hashtag_keys.iter().map(|key| Key::Hashtag(*key));
            let keys = keys.chain([Key::Creator(facts.creator)]).chain(facts.sound.map(Key::Sound));
            for key in keys {
                let number = *numbers.entry(key).or_insert_with(|| {
                    having.push((key, 0));
                    having.len() as u32 - 1
                });
                if let Some((_, count)) = having.get_mut(number as usize) {
                    *count += 1;
                }
                flat.push(number);
            }
            ends.push(flat.len() as u32);
        }
        let all = candidates.len().max(1) as f32;
        let features = having
            .into_iter()
            .map(|(key, count)| Feature {
                telling: match key {
                    Key::Hashtag(_) => 1.0 - (count.saturating_sub(1)) as f32 / all,
                    Key::Creator(_) => CREATOR_SHARE,
                    Key::Sound(_) => SOUND_SHARE,
                },
                times: 0,
            })
            .collect();
        let decay = decay.clamp(0.0, 1.0);
        let costs = std::array::from_fn(|n| 1.0 - decay.powi(n as i32));
        let mut before: HashMap<AccountId, usize, FixedState> = HashMap::default();
        for creator in recent {
            *before.entry(*creator).or_default() += 1;
        }
        Self { features, flat, ends, costs, before, on_page: HashMap::default() }
    }

    fn features_of(&self, index: usize) -> &[u32] {
        let end = self.ends.get(index).copied().unwrap_or(0) as usize;
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0) as usize;
        self.flat.get(start..end).unwrap_or(&[])
    }

    /// 0 (nothing on the page is like it) to 1.
    pub(super) fn cost(&self, index: usize) -> f32 {
        let mut most = 0.0f32;
        for number in self.features_of(index) {
            if let Some(feature) = self.features.get(*number as usize) {
                let times = (feature.times as usize).min(self.costs.len() - 1);
                most = most.max(feature.telling * self.costs.get(times).copied().unwrap_or(1.0));
            }
        }
        most
    }

    /// Times on the page, and on the page and in the window before it.
    pub(super) fn creator_times(&self, creator: AccountId) -> (usize, usize) {
        let on_page = self.on_page.get(&creator).copied().unwrap_or(0);
        (on_page, on_page + self.before.get(&creator).copied().unwrap_or(0))
    }

    /// Candidate `index`, by `creator`, is on the page now.
    pub(super) fn add(&mut self, index: usize, creator: AccountId) {
        let end = self.ends.get(index).copied().unwrap_or(0) as usize;
        let start = end - self.features_of(index).len();
        for at in start..end {
            if let Some(feature) = self.flat.get(at).and_then(|number| self.features.get_mut(*number as usize)) {
                feature.times += 1;
            }
        }
        *self.on_page.entry(creator).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::candidate;

    use super::*;

    #[test]
    fn repeating_costs_and_what_everyone_has_does_not() {
        let candidates = [
            candidate(1, 1, &["cats", "all"]),
            candidate(2, 2, &["cats", "all"]),
            candidate(3, 3, &["dogs", "all"]),
            candidate(4, 1, &["cows", "all"]),
        ];
        let mut repeats = Repeats::new(&candidates, &[], 0.6);
        assert_eq!([0, 1, 2, 3].map(|i| repeats.cost(i)), [0.0; 4]);
        repeats.add(0, candidates[0].facts.creator);
        let costs = [1, 2, 3].map(|i| (repeats.cost(i) * 100.0).round());
        // Cats again: 0.4 of three quarters. Dogs: only the hashtag that all have. The creator again: 0.4 of 0.7.
        assert_eq!(costs, [30.0, 10.0, 28.0]);
    }
}
