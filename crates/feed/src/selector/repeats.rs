//! What of the page so far a candidate would repeat.
//!
//! Everything is numbered per page and kept in flat arrays: a page looks at thousands of features, and a chosen clip touches
//! only the candidates that share one with it.

use base::AccountId;
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::Candidate;

/// A creator or a sound again is less of the same than a hashtag again.
const CREATOR_SHARE: f32 = 0.7;
const SOUND_SHARE: f32 = 0.7;

/// Kinds of features, so that ids of different kinds never meet.
const CREATOR: u8 = 0;
const SOUND: u8 = 1;
const HASHTAG: u8 = 2;

/// A feature that a page can repeat.
struct Feature {
    kind: u8,
    /// Times on the page.
    times: u32,
    /// Of a creator: times in the window before the page.
    before: u32,
    /// Its candidates: from here to the next feature's, in `Repeats::holders`.
    start: u32,
}

/// Counts features of the page so far.
pub(super) struct Repeats {
    features: Vec<Feature>,
    /// Candidates by feature.
    holders: Vec<u32>,
    /// Features of all candidates in a row; those of candidate `i` are from `starts[i]` to `starts[i + 1]`, the creator first.
    flat: Vec<u32>,
    starts: Vec<u32>,
    /// `1 - decay^n` for n repetitions.
    steps: [f32; 16],
    costs: Vec<f32>,
}

impl Repeats {
    /// `recent` are the creators of the clips served before this page that count for the window.
    pub(super) fn new(candidates: &[Candidate], recent: &[AccountId], decay: f32) -> Self {
        let guess = candidates.len() * 5;
        let mut numbers: HashMap<(u8, u64), u32, FixedState> = HashMap::with_capacity_and_hasher(guess, FixedState::default());
        let mut features: Vec<Feature> = Vec::with_capacity(guess);
        let mut flat: Vec<u32> = Vec::with_capacity(guess);
        let mut starts: Vec<u32> = Vec::with_capacity(candidates.len() + 1);
        for candidate in candidates {
            starts.push(flat.len() as u32);
            let facts = &candidate.facts;
            let own = [(CREATOR, facts.creator.raw())].into_iter().chain(facts.sound.map(|sound| (SOUND, sound.raw())));
            for key in own.chain(facts.hashtag_keys().iter().map(|key| (HASHTAG, *key))) {
                let number = *numbers.entry(key).or_insert_with(|| {
                    features.push(Feature { kind: key.0, times: 0, before: 0, start: 0 });
                    features.len() as u32 - 1
                });
                flat.push(number);
            }
        }
        starts.push(flat.len() as u32);
        for creator in recent {
            let feature = numbers.get(&(CREATOR, creator.raw())).and_then(|number| features.get_mut(*number as usize));
            if let Some(feature) = feature {
                feature.before += 1;
            }
        }
        let holders = holders(&mut features, &flat, &starts);
        let decay = decay.clamp(0.0, 1.0);
        let steps = std::array::from_fn(|times| 1.0 - decay.powi(times as i32));
        Self { features, holders, flat, starts, steps, costs: vec![0.0; candidates.len()] }
    }

    /// Per candidate, 0 (nothing on the page is like it) to 1.
    pub(super) fn costs(&self) -> &[f32] {
        &self.costs
    }

    fn features_of(&self, index: usize) -> &[u32] {
        let at = |index: usize| self.starts.get(index).copied().unwrap_or(0) as usize;
        self.flat.get(at(index)..at(index + 1)).unwrap_or(&[])
    }

    fn holders_of(&self, number: u32) -> &[u32] {
        let at = |number: usize| self.features.get(number).map_or(self.holders.len(), |feature| feature.start as usize);
        self.holders.get(at(number as usize)..at(number as usize + 1)).unwrap_or(&[])
    }

    /// Times that the creator of candidate `index` is on the page, and on the page and in the window before it.
    pub(super) fn creator_times(&self, index: usize) -> (usize, usize) {
        let creator = self.features_of(index).first().and_then(|number| self.features.get(*number as usize));
        creator.map_or((0, 0), |creator| (creator.times as usize, (creator.times + creator.before) as usize))
    }

    /// The candidates by the creator of candidate `index`, itself among them.
    pub(super) fn by_same_creator(&self, index: usize) -> &[u32] {
        self.features_of(index).first().map_or(&[], |number| self.holders_of(*number))
    }

    /// Candidate `index` is on the page now.
    pub(super) fn add(&mut self, index: usize) {
        let all = self.costs.len().max(1) as f32;
        // Taken out while they are read, since costs change meanwhile.
        let flat = std::mem::take(&mut self.flat);
        let holders = std::mem::take(&mut self.holders);
        let at = |index: usize| self.starts.get(index).copied().unwrap_or(0) as usize;
        for number in flat.get(at(index)..at(index + 1)).unwrap_or(&[]) {
            let end = self.features.get(*number as usize + 1).map_or(holders.len(), |next| next.start as usize);
            let Some(feature) = self.features.get_mut(*number as usize) else { continue };
            feature.times += 1;
            let held_by = holders.get(feature.start as usize..end).unwrap_or(&[]);
            // How much it tells that two clips share it: a hashtag that all have says nothing.
            let telling = match feature.kind {
                CREATOR => CREATOR_SHARE,
                SOUND => SOUND_SHARE,
                _ => 1.0 - held_by.len().saturating_sub(1) as f32 / all,
            };
            let step = self.steps.get(feature.times as usize).copied().unwrap_or(1.0);
            // A cost only grows, so the greatest of a candidate's features is kept by taking the greater each time.
            for holder in held_by {
                if let Some(cost) = self.costs.get_mut(*holder as usize) {
                    *cost = cost.max(telling * step);
                }
            }
        }
        (self.flat, self.holders) = (flat, holders);
    }
}

/// The candidates of each feature, one feature after the other (a counting sort); sets where each begins.
fn holders(features: &mut [Feature], flat: &[u32], starts: &[u32]) -> Vec<u32> {
    let mut counts = vec![0u32; features.len()];
    for number in flat {
        if let Some(count) = counts.get_mut(*number as usize) {
            *count += 1;
        }
    }
    let mut start = 0;
    for (feature, count) in features.iter_mut().zip(&mut counts) {
        feature.start = start;
        start += std::mem::replace(count, feature.start);
    }
    // `counts` now says where the next candidate of each feature goes.
    let mut holders = vec![0u32; flat.len()];
    for (candidate, (from, to)) in starts.iter().zip(starts.iter().skip(1)).enumerate() {
        for number in flat.get(*from as usize..*to as usize).unwrap_or(&[]) {
            let Some(next) = counts.get_mut(*number as usize) else { continue };
            if let Some(holder) = holders.get_mut(*next as usize) {
                *holder = candidate as u32;
            }
            *next += 1;
        }
    }
    holders
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
        let mut repeats = Repeats::new(&candidates, &[AccountId::from_raw(1), AccountId::from_raw(9)], 0.6);
        assert_eq!(repeats.costs(), [0.0; 4]);
        repeats.add(0);
        let rounded = |repeats: &Repeats| [1, 2, 3].map(|i: usize| (repeats.costs()[i] * 100.0).round());
        // Cats again: 0.4 of three quarters. Dogs: only the hashtag that all have. The creator again: 0.4 of 0.7.
        assert_eq!(rounded(&repeats), [30.0, 10.0, 28.0]);
        assert_eq!(repeats.creator_times(3), (1, 2));
        assert_eq!(repeats.creator_times(1), (0, 0));
        assert_eq!(repeats.by_same_creator(3), [0, 3]);
        repeats.add(1);
        // All a second time: 0.64 of a quarter; cows' creator still costs more.
        assert_eq!(rounded(&repeats), [48.0, 16.0, 28.0]);
    }
}
