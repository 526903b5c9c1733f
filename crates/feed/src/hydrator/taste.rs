//! What the viewer's tastes say of each candidate.

use hashbrown::HashMap;

use super::Hydrator;
use crate::{Candidate, Query, Taste};

/// The most tastes that are looked at; they come strongest first.
const TASTES_MAX: usize = 256;

/// Fills [`Candidate::taste`] from the query's viewer state.
pub struct TasteHydrator;

impl Hydrator for TasteHydrator {
    fn name(&self) -> &'static str {
        "taste"
    }

    fn hydrate(&self, query: &Query, candidates: &mut [Candidate]) {
        let tastes = query.state.hashtag_tastes();
        let by_key: HashMap<u64, (u16, f32), foldhash::fast::FixedState> = tastes
            .iter()
            .take(TASTES_MAX)
            .enumerate()
            .map(|(index, taste)| (taste.key, (index as u16, taste.weight.clamp(-1.0, 1.0))))
            .collect();
        for candidate in candidates {
            let mut sum = 0.0;
            let mut best: Option<(u16, f32)> = None;
            for key in candidate.facts.hashtag_keys() {
                if let Some((index, weight)) = by_key.get(key) {
                    sum += weight;
                    if *weight > best.map_or(0.0, |(_, weight)| weight) {
                        best = Some((*index, *weight));
                    }
                }
            }
            candidate.taste = Taste {
                hashtags: sum / (candidate.facts.hashtag_keys().len().max(1) as f32).sqrt(),
                best_hashtag: best.map(|(index, _)| index),
                creator: query.state.creator_taste(candidate.facts.creator).clamp(-1.0, 1.0),
                followed: query.state.follows(candidate.facts.creator),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::HashtagTaste;
    use crate::pipeline::testing::{candidate, query_of, viewer};

    use super::*;

    #[test]
    fn tastes_add_up_and_a_heap_of_hashtags_buys_little() {
        fn check(hashtags: &[&str], sum: f32, best: Option<u16>) {
            let mut state = viewer();
            state.hashtags = vec![HashtagTaste::new("cats", 0.8, 4, 3), HashtagTaste::new("dogs", -0.6, 3, 0)];
            let mut candidates = [candidate(1, 1, hashtags)];
            TasteHydrator.hydrate(&query_of(state), &mut candidates);
            let taste = candidates[0].taste;
            assert!((taste.hashtags - sum).abs() < 1e-6, "{hashtags:?}: {taste:?}");
            assert_eq!(taste.best_hashtag, best, "{hashtags:?}");
        }
        check(&["cats"], 0.8, Some(0));
        check(&["dogs"], -0.6, None);
        check(&["cats", "dogs", "a", "b"], 0.1, Some(0));
        check(&["cats", "a", "b", "c"], 0.4, Some(0));
        check(&[], 0.0, None);
    }
}
