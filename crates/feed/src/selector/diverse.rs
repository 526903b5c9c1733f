//! The For You page: the best, of many kinds, not too much by one creator, with a share for new videos, and every choice with
//! a known probability.
//!
//! Places are filled one by one. For each place, a candidate's worth is its score, in standard deviations, less what it would
//! repeat of the page so far (greedy maximal marginal relevance, Carbonell and Goldstein 1998, with a saturating cost). With
//! probability `explore_share` the place is drawn from the new videos, else from all; both draws are softmax draws, so the
//! probability of each candidate for the place, given the places before, is known exactly:
//! `(1 - share) * softmax(worth / temperature) + share * new(candidate)`. That is the logged propensity.

use base::{AccountId, Rng};

use super::repeats::Repeats;
use super::{Chances, Pick, Selection, Selector, SelectorConfig};
use crate::filter::reason;
use crate::{Candidate, Query, Removed};

/// Further below the best than so many temperatures, a candidate's probability is taken for 0 (it is under 10^-8).
const REACH: f32 = 18.0;

/// See the module.
pub struct DiverseSelector {
    config: SelectorConfig,
}

impl DiverseSelector {
    pub fn new(config: SelectorConfig) -> Self {
        Self { config }
    }
}

/// Where a candidate stands while the page is filled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Open,
    /// Its creator has had enough places.
    Capped,
    Chosen,
}

/// A page while it is filled.
struct Filling {
    standing: Vec<Standing>,
    repeats: Repeats,
    repeat_cost: f32,
    /// Scores in deviations.
    worth: Vec<f32>,
    page_max: usize,
    window_max: usize,
    draw: Draw,
}

impl Filling {
    fn new(config: &SelectorConfig, query: &Query, candidates: &[Candidate], scores: &[f32], want: usize) -> Self {
        let surprise = query.surprise();
        let recent = window(query.state.recent_creators(), config.creator_window.saturating_sub(want));
        let mut filling = Self {
            standing: vec![Standing::Open; candidates.len()],
            repeats: Repeats::new(candidates, &recent, config.repeat_decay),
            repeat_cost: config.repeat_cost(query.state.learned_from(), surprise),
            worth: deviations(scores, config.deviation_min),
            page_max: config.creator_page_max(want),
            window_max: config.creator_window_max.max(1),
            draw: Draw {
                temperature: config.temperature(surprise),
                explore_temperature: config.explore_temperature.max(1e-3),
                explore_share: config.explore_share(surprise),
                novelty: candidates.iter().map(|candidate| novelty(candidate, config.explore_impressions_max)).collect(),
                worth: vec![0.0; candidates.len()],
                usual: vec![0.0; candidates.len()],
                new: vec![0.0; candidates.len()],
            },
        };
        for index in 0..candidates.len() {
            if filling.capped(index) {
                filling.stand(index, Standing::Capped);
            }
        }
        filling
    }

    fn capped(&self, index: usize) -> bool {
        let (page, window) = self.repeats.creator_times(index);
        page >= self.page_max || window >= self.window_max
    }

    fn stand(&mut self, index: usize, standing: Standing) {
        if let Some(state) = self.standing.get_mut(index) {
            *state = standing;
        }
    }

    /// Weighs who can come to the next place; `None` when there is nobody.
    fn weigh(&mut self) -> Option<Sums> {
        // Caps give way before the page stays short: a small catalogue has few creators.
        let allowed = if self.standing.contains(&Standing::Open) { Standing::Open } else { Standing::Capped };
        let all = self.draw.worth.iter_mut().zip(&self.standing).zip(self.worth.iter().zip(self.repeats.costs()));
        for ((place, standing), (worth, cost)) in all {
            *place = if *standing == allowed { worth - self.repeat_cost * cost } else { f32::NEG_INFINITY };
        }
        self.draw.weigh()
    }

    /// The candidate has come to the place.
    fn take(&mut self, index: usize) {
        self.repeats.add(index);
        self.stand(index, Standing::Chosen);
        if self.capped(index) {
            for other in self.repeats.by_same_creator(index) {
                if let Some(state) = self.standing.get_mut(*other as usize).filter(|state| **state == Standing::Open) {
                    *state = Standing::Capped;
                }
            }
        }
    }
}

impl Selector for DiverseSelector {
    fn name(&self) -> &'static str {
        "diverse"
    }

    fn select(&self, query: &Query, candidates: &[Candidate], scores: &[f32], want: usize) -> Selection {
        let want = want.min(candidates.len());
        let mut rng = query.rng.child("selector");
        let mut filling = Filling::new(&self.config, query, candidates, scores, want);
        let mut picks = Vec::with_capacity(want);
        while picks.len() < want {
            let Some(pick) = filling.weigh().and_then(|sums| filling.draw.draw(&sums, &mut rng)) else { break };
            filling.take(pick.index);
            picks.push(pick);
        }
        let left_out = filling.standing.iter().zip(candidates).filter(|(state, _)| **state == Standing::Capped);
        let removed = left_out
            .map(|(_, candidate)| Removed {
                filter: "creator_cap",
                reason: reason::TOO_MANY_BY_CREATOR,
                video: candidate.video,
            })
            .collect();
        Selection { picks, removed }
    }

    fn knows_chances(&self) -> bool {
        true
    }

    fn chances(&self, query: &Query, candidates: &[Candidate], scores: &[f32], picks: &[usize], each: &mut dyn FnMut(Chances)) {
        let want = query.page_len().min(candidates.len());
        let mut filling = Filling::new(&self.config, query, candidates, scores, want);
        let mut probability = vec![0.0; candidates.len()];
        for pick in picks {
            let Some(sums) = filling.weigh() else { break };
            for (index, probability) in probability.iter_mut().enumerate() {
                *probability = filling.draw.probability(&sums, index);
            }
            each(Chances { probability: &probability, worth: &filling.draw.worth });
            filling.take(*pick);
        }
    }
}

fn window(mut recent: Vec<AccountId>, len: usize) -> Vec<AccountId> {
    recent.truncate(len);
    recent
}

/// Scores in standard deviations from their mean, so that temperature and costs mean the same for every scorer.
fn deviations(scores: &[f32], deviation_min: f32) -> Vec<f32> {
    let count = scores.len().max(1) as f32;
    let mean = scores.iter().sum::<f32>() / count;
    let variance = scores.iter().map(|score| (score - mean) * (score - mean)).sum::<f32>() / count;
    let deviation = variance.sqrt().max(deviation_min).max(f32::MIN_POSITIVE);
    scores.iter().map(|score| (score - mean) / deviation).collect()
}

/// Weighs and draws one place after another; its vectors are reused.
struct Draw {
    temperature: f32,
    explore_temperature: f32,
    explore_share: f32,
    /// See [`novelty`].
    novelty: Vec<f32>,
    /// Negative infinity for those that cannot be drawn.
    worth: Vec<f32>,
    usual: Vec<f32>,
    new: Vec<f32>,
}

/// Of the parts of all candidates for one place.
struct Sums {
    usual: f32,
    new: f32,
    /// The share of the new; 0 when there are none.
    share: f32,
}

impl Draw {
    /// Each candidate's part of the two draws, of those with a finite worth; `None` when there is none.
    fn weigh(&mut self) -> Option<Sums> {
        let mut all_max = f32::NEG_INFINITY;
        let mut new_max = f32::NEG_INFINITY;
        for (worth, novelty) in self.worth.iter().zip(&self.novelty) {
            all_max = all_max.max(*worth);
            new_max = new_max.max(if *novelty > 0.0 { *worth } else { f32::NEG_INFINITY });
        }
        if !all_max.is_finite() {
            return None;
        }
        let mut usual_sum = 0.0;
        let mut new_sum = 0.0;
        for ((worth, novelty), (usual, new)) in
            self.worth.iter().zip(&self.novelty).zip(self.usual.iter_mut().zip(&mut self.new))
        {
            *usual = softmax_part((worth - all_max) / self.temperature);
            usual_sum += *usual;
            // Nobody new can be drawn: the difference below would not be a number.
            *new = if *novelty > 0.0 && new_max.is_finite() {
                novelty * softmax_part((worth - new_max) / self.explore_temperature)
            } else {
                0.0
            };
            new_sum += *new;
        }
        Some(Sums { usual: usual_sum, new: new_sum, share: if new_sum > 0.0 { self.explore_share } else { 0.0 } })
    }

    fn draw(&self, sums: &Sums, rng: &mut Rng) -> Option<Pick> {
        let explored = rng.chance(sums.share);
        let (parts, sum) = if explored { (&self.new, sums.new) } else { (&self.usual, sums.usual) };
        let index = drawn(parts, sum * rng.unit())?;
        let propensity = self.probability(sums, index).clamp(f32::MIN_POSITIVE, 1.0);
        Some(Pick { index, propensity, explored })
    }

    /// With which the candidate comes to the place that was weighed.
    fn probability(&self, sums: &Sums, index: usize) -> f32 {
        let usual = self.usual.get(index).map_or(0.0, |part| part / sums.usual);
        let new = if sums.new > 0.0 { self.new.get(index).map_or(0.0, |part| part / sums.new) } else { 0.0 };
        (1.0 - sums.share) * usual + sums.share * new
    }
}

/// 0 for a video that is not new; for new ones, the more the less it was shown.
fn novelty(candidate: &Candidate, impressions_max: u64) -> f32 {
    let impressions = candidate.counts.impressions;
    if impressions < impressions_max { 1.0 / (1 + impressions) as f32 } else { 0.0 }
}

fn softmax_part(exponent: f32) -> f32 {
    if exponent > -REACH { exponent.exp() } else { 0.0 }
}

/// The index in whose part of the sum `point` falls; rounding at the upper end gives the last that has a part.
fn drawn(parts: &[f32], point: f32) -> Option<usize> {
    let mut sum = 0.0;
    let mut last = None;
    for (index, part) in parts.iter().enumerate().filter(|(_, part)| **part > 0.0) {
        sum += part;
        last = Some(index);
        if point < sum {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::{candidate, query_of, viewer};
    use crate::{Counts, PlainViewer};

    use super::*;

    fn select(query: &Query, candidates: &[Candidate], scores: &[f32], want: usize) -> Selection {
        DiverseSelector::new(SelectorConfig::default()).select(query, candidates, scores, want)
    }

    fn pool(count: u64, creators: u64, impressions: impl Fn(u64) -> u64) -> Vec<Candidate> {
        (0..count)
            .map(|number| Candidate {
                counts: Counts { impressions: impressions(number), ..Counts::default() },
                ..candidate(number + 1, number % creators + 1, &[format!("kind{}", number % 7).as_str()])
            })
            .collect()
    }

    /// What is logged is what happens: over many pages each candidate comes first as often as its propensity says.
    #[test]
    fn propensity_is_the_frequency() {
        const PAGES: usize = 6_000;
        let candidates = pool(12, 12, |number| if number < 6 { number } else { 10_000 });
        let scores: Vec<f32> = (0..12).map(|number| (number as f32 * 0.7).sin()).collect();
        let mut first = [0usize; 12];
        let mut logged = [0.0f32; 12];
        for seed in 0..PAGES as u64 {
            let query = Query { rng: Rng::from_seed(seed), surprise: 0.8, ..query_of(viewer()) };
            let pick = select(&query, &candidates, &scores, 1).picks[0];
            first[pick.index] += 1;
            assert!(logged[pick.index] == 0.0 || logged[pick.index] == pick.propensity, "the first place has one distribution");
            logged[pick.index] = pick.propensity;
        }
        assert!((logged.iter().sum::<f32>() - 1.0).abs() < 1e-3, "{logged:?}");
        for (times, propensity) in first.iter().zip(logged) {
            let expected = propensity * PAGES as f32;
            assert!((*times as f32 - expected).abs() < 5.0 * expected.sqrt() + 1.0, "{first:?} {logged:?}");
        }
    }

    #[test]
    fn new_videos_get_their_share() {
        fn check(surprise: f32, at_least: usize, at_most: usize) {
            // New ones score worst: only the share can bring them in.
            let candidates = pool(100, 50, |number| if number < 20 { 0 } else { 10_000 });
            let scores: Vec<f32> = (0..100).map(|number| if number < 20 { -1.0 } else { 1.0 }).collect();
            let mut new = 0;
            for seed in 0..250 {
                let query =
                    Query { rng: Rng::from_seed(seed), surprise, ..query_of(PlainViewer { learned_from: 100, ..viewer() }) };
                let picks = select(&query, &candidates, &scores, 8).picks;
                assert!(picks.iter().all(|pick| !pick.explored || pick.index < 20));
                new += picks.iter().filter(|pick| pick.index < 20).count();
            }
            assert!((at_least..=at_most).contains(&new), "{new} of 2000 places at surprise {surprise}");
        }
        check(0.0, 60, 150);
        check(0.5, 200, 310);
        check(1.0, 620, 1_000);
    }

    #[test]
    fn caps_hold_on_the_page_and_over_the_window() {
        fn check(creators: u64, recent: &[u64], want: usize, most: &[(u64, usize)]) {
            let candidates = pool(60, creators, |_| 10_000);
            // The lower the creator's number, the better its clips.
            let scores: Vec<f32> = candidates.iter().map(|c| -(c.facts.creator.raw() as f32)).collect();
            let recent_creators = recent.iter().map(|number| AccountId::from_raw(*number)).collect();
            let state = PlainViewer { recent_creators, learned_from: 100, ..viewer() };
            let selection = select(&query_of(state), &candidates, &scores, want);
            assert_eq!(selection.picks.len(), want);
            for (creator, most) in most {
                let by = |pick: &&Pick| candidates[pick.index].facts.creator.raw() == *creator;
                let times = selection.picks.iter().filter(by).count();
                assert!(times <= *most, "{times} by {creator}, {recent:?}");
            }
        }
        check(20, &[], 8, &[(1, 3), (2, 3), (3, 3)]);
        check(20, &[], 16, &[(1, 6), (2, 6), (3, 6)]);
        check(20, &[1; 8], 8, &[(1, 0), (2, 3)]);
        check(20, &[1; 6], 8, &[(1, 2), (2, 3)]);
        // Two creators cannot fill a page within their caps: the caps give way.
        check(2, &[], 8, &[(1, 8), (2, 8)]);
        check(1, &[1; 30], 8, &[(1, 8)]);
    }
}
