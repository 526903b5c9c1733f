//! Why an item is on the page, in codes that pages turn into plain words.

use std::sync::Arc;

use base::AccountId;
use serde::Serialize;

use crate::{Candidate, Query, SelectedItem, Slate, SourceKind};

/// The most reasons that one item gives.
const WHYS_MAX: usize = 3;
/// A taste weaker than this is no reason.
const TASTE_MIN: f32 = 0.1;

/// One reason. Fields are there when the code has a use for them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Why {
    /// `source_followed`, `hashtag_affinity`, `creator_affinity`, `similar_to_liked`, `source_learned`, `source_trending`,
    /// `source_fresh`, `source_explore`, `seen_before` or `fallback`.
    pub code: &'static str,
    pub hashtag: Option<Arc<str>>,
    pub creator: Option<AccountId>,
    /// With `hashtag`: clips with it that the viewer watched, and watched to the end.
    pub watched: Option<u32>,
    pub finished: Option<u32>,
    /// 0 to 1.
    pub weight: Option<f32>,
}

impl Why {
    fn code(code: &'static str) -> Self {
        Self { code, ..Self::default() }
    }
}

/// The reasons for an item, the most telling first: what the viewer did before what the machine did. At least one.
pub fn why(query: &Query, slate: &Slate, item: &SelectedItem) -> Vec<Why> {
    let candidate = &item.candidate;
    let creator = Some(candidate.facts.creator);
    let mut whys = Vec::new();
    if candidate.rewatch {
        whys.push(Why::code("seen_before"));
    }
    if item.explored {
        whys.push(Why::code("source_explore"));
    }
    if candidate.taste.followed {
        whys.push(Why { creator, ..Why::code("source_followed") });
    }
    whys.extend(hashtag_affinity(query, candidate));
    if candidate.taste.creator >= TASTE_MIN {
        whys.push(Why { creator, weight: Some(candidate.taste.creator), ..Why::code("creator_affinity") });
    }
    if candidate.brought.has(SourceKind::Similar) {
        whys.push(Why::code("similar_to_liked"));
    }
    if slate.fallback {
        whys.push(Why::code("fallback"));
    }
    if candidate.brought.has(SourceKind::Trending) {
        whys.push(Why::code("source_trending"));
    }
    // The learner knows something of the viewer only after the first clips.
    if !slate.fallback && candidate.brought.has(SourceKind::Learned) && query.state.learned_from() > 0 {
        whys.push(Why::code("source_learned"));
    }
    if candidate.brought.has(SourceKind::Fresh) {
        whys.push(Why::code("source_fresh"));
    }
    if whys.is_empty() {
        whys.push(Why::code("source_explore"));
    }
    whys.truncate(WHYS_MAX);
    whys
}

fn hashtag_affinity(query: &Query, candidate: &Candidate) -> Option<Why> {
    let taste = query.state.hashtag_tastes().get(usize::from(candidate.taste.best_hashtag?))?;
    (taste.weight >= TASTE_MIN).then(|| Why {
        hashtag: Some(taste.hashtag.clone()),
        watched: Some(taste.watched),
        finished: Some(taste.finished),
        weight: Some(taste.weight),
        ..Why::code("hashtag_affinity")
    })
}

/// A taste of the viewer's that bears on an item, for `explain`.
#[derive(Clone, Debug, PartialEq)]
pub enum Affinity {
    Hashtag { hashtag: Arc<str>, weight: f32 },
    Creator { creator: AccountId, weight: f32 },
}

/// Every taste that bears on an item, liked and disliked, the item's hashtags in their order first.
pub fn affinities(query: &Query, candidate: &Candidate) -> Vec<Affinity> {
    let tastes = query.state.hashtag_tastes();
    let of_key = |key: &u64| tastes.iter().find(|taste| taste.key == *key);
    let hashtags = candidate.facts.hashtag_keys().iter().filter_map(of_key);
    let mut affinities: Vec<_> =
        hashtags.map(|taste| Affinity::Hashtag { hashtag: taste.hashtag.clone(), weight: taste.weight }).collect();
    if candidate.taste.creator != 0.0 {
        affinities.push(Affinity::Creator { creator: candidate.facts.creator, weight: candidate.taste.creator });
    }
    affinities
}

#[cfg(test)]
mod tests {
    use base::SlateId;

    use crate::pipeline::testing::{candidate, query_of, viewer};
    use crate::{Brought, HashtagTaste, ScoreParts, StageTimings, Taste};

    use super::*;

    fn item(brought: &[SourceKind], taste: Taste) -> SelectedItem {
        let mut candidate = candidate(1, 2, &["cats"]);
        candidate.brought = Brought::default();
        brought.iter().for_each(|kind| candidate.brought.add(*kind, 1.0));
        candidate.taste = taste;
        SelectedItem {
            candidate,
            position: 0,
            score: 0.0,
            parts: ScoreParts::default(),
            propensity: 1.0,
            explored: false,
            predictions: Vec::new(),
        }
    }

    #[test]
    fn reasons_most_telling_first() {
        fn check(item: SelectedItem, fallback: bool, expected: &[&str]) {
            let mut state = viewer();
            state.hashtags = vec![HashtagTaste::new("cats", 0.5, 4, 3)];
            state.learned_from = 4;
            let slate = Slate {
                id: SlateId::from_raw(1),
                items: Vec::new(),
                removed: Vec::new(),
                sources: Vec::new(),
                fallback,
                scored: 0,
                timings: StageTimings::default(),
                considered: None,
            };
            let whys = why(&query_of(state), &slate, &item);
            assert_eq!(whys.iter().map(|why| why.code).collect::<Vec<_>>(), expected);
            if let Some(why) = whys.iter().find(|why| why.code == "hashtag_affinity") {
                assert_eq!((why.hashtag.as_deref(), why.watched, why.finished), (Some("cats"), Some(4), Some(3)));
            }
        }
        use SourceKind::*;
        let cats = Taste { best_hashtag: Some(0), ..Taste::default() };
        check(item(&[Learned, Fresh], cats), false, &["hashtag_affinity", "source_learned", "source_fresh"]);
        check(item(&[Learned, Fresh], Taste::default()), true, &["fallback", "source_fresh"]);
        check(item(&[Explore], Taste::default()), false, &["source_explore"]);
        let followed = Taste { followed: true, creator: 0.4, ..cats };
        check(item(&[Similar], followed), false, &["source_followed", "hashtag_affinity", "creator_affinity"]);
        check(SelectedItem { explored: true, ..item(&[Fresh], Taste::default()) }, false, &["source_explore", "source_fresh"]);
        let mut again = item(&[Rewatch], Taste::default());
        again.candidate.rewatch = true;
        check(again, false, &["seen_before"]);
    }
}
