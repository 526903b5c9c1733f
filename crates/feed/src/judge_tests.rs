use std::sync::Arc;

use async_trait::async_trait;
use base::{Rng, SlateId};
use experiment::{Placement, policy_value};

use crate::pipeline::testing::{World, query_of, video, viewer};
use crate::scorer::{ArmScorer, Scorer};
use crate::{Candidate, DiverseSelector, Pipeline, PlainViewer, SelectorConfig, Weights};

use super::*;
use crate::scorer::LearnedScorer;

/// Predicts by the video's number, so that arms with other weights want other videos.
struct ByNumber;

#[async_trait]
impl crate::Predictor for ByNumber {
    fn tasks(&self) -> &[&'static str] {
        &["watch_time", "finish"]
    }
    async fn predict(&self, _query: &Query, candidates: &[Candidate]) -> Result<Vec<f32>, FeedError> {
        Ok(candidates.iter().flat_map(|c| [finish(c.video.raw() + 3), finish(c.video.raw())]).collect())
    }
}

fn finish(number: u64) -> f32 {
    (number * 7 % 10) as f32 / 10.0
}

fn scorer(watch_time: f32, finish: f32) -> Arc<dyn Scorer> {
    let tasks = [("watch_time".to_owned(), watch_time), ("finish".to_owned(), finish)].into();
    Arc::new(LearnedScorer::new(Arc::new(ByNumber), Weights { tasks, taste: 0.0, freshness: 0.0, ..Weights::default() }))
}

/// A pipeline whose first arm likes what is watched long, whose second likes what is finished; and its judge.
fn pipeline() -> (Pipeline, Judge) {
    let world = World::of_kinds(12, 1);
    let scorers = Arc::new(ArmScorer::new(scorer(1.0, 0.0), vec![scorer(0.0, 1.0)]));
    let mut parts = world.parts(Arc::new(ByNumber));
    parts.scorer = scorers.clone();
    let selector = Arc::new(DiverseSelector::new(SelectorConfig::default()));
    (Pipeline::new(parts), Judge::new(scorers, selector))
}

fn query(seed: u64, arm: usize) -> Query {
    let state = PlainViewer { learned_from: 100, ..viewer() };
    let slate = SlateId::from_raw(seed);
    Query { rng: Rng::from_seed(seed), surprise: 0.9, arm, judged: true, slate, limit: 6, ..query_of(state) }
}

#[tokio::test]
async fn an_arm_judges_its_own_page_as_it_made_it() {
    let (pipeline, judge) = pipeline();
    for seed in 0..50 {
        let query = query(seed, (seed % 2) as usize);
        let slate = pipeline.run(query.clone()).await;
        let places = judge.judge(&query, &slate).await.unwrap();
        assert_eq!(places.len(), slate.items.len());
        for (at, (place, item)) in places.iter().zip(&slate.items).enumerate() {
            assert_eq!(place.arms[query.arm].propensity, item.propensity, "seed {seed}, place {at}");
            assert_eq!(place.predicted.finish, finish(item.video().raw()));
            assert!(place.arms.len() == 2 && place.open > 0 && place.open <= 12 - at, "{place:?}");
        }
        let even: f32 = (1..=12).map(finish).sum::<f32>() / 12.0;
        assert!((places[0].even.finish - even).abs() < 1e-5);
    }
}

/// What the first arm's pages say of the second is what the second does.
#[tokio::test]
async fn the_other_arm_is_judged_by_what_it_would_do() {
    const PAGES: u64 = 3_000;
    let (pipeline, judge) = pipeline();
    let (mut said, mut done) = ([f32::NAN; 13], [0.0; 13]);
    let (mut expected, mut watched) = (Forecast::default(), 0.0);
    for seed in 0..PAGES {
        let first = query(seed, 0);
        let slate = pipeline.run(first.clone()).await;
        let place = judge.judge(&first, &slate).await.unwrap().remove(0);
        said[slate.items[0].video().raw() as usize] = place.arms[1].propensity;
        expected = place.arms[1].expected;
        let theirs = pipeline.run(query(seed + PAGES, 1)).await.items[0].video();
        done[theirs.raw() as usize] += 1.0 / PAGES as f32;
        watched += finish(theirs.raw()) / PAGES as f32;
    }
    for number in 1..=12 {
        let deviation = (done[number] * (1.0 - done[number]) / PAGES as f32).sqrt();
        // Videos that the first arm never put first are not heard of.
        assert!(
            said[number].is_nan() || (said[number] - done[number]).abs() < 4.5 * deviation + 1e-3,
            "{number}: {said:?} {done:?}"
        );
    }
    assert!(said.iter().filter(|p| !p.is_nan()).sum::<f32>() > 0.9);
    assert!((expected.finish - watched).abs() < 0.03, "{expected:?} {watched}");
}

/// From pages of the first arm alone, the value of the second's first place: the estimators' interval holds what the second arm
/// really earns, and no longer does when the propensities are taken for even.
#[tokio::test]
async fn pages_of_one_arm_tell_what_the_other_would_earn() {
    let (pipeline, judge) = pipeline();
    let mut rng = Rng::from_seed(9);
    let reward = |number: u64, rng: &mut Rng| f64::from(u8::from(rng.chance(finish(number))));
    let (mut log, mut wrong, mut truth) = (Vec::new(), Vec::new(), 0.0);
    const VIEWERS: usize = 2_000;
    for unit in 0..VIEWERS {
        let first = query(unit as u64, 0);
        let slate = pipeline.run(first.clone()).await;
        let place = judge.judge(&first, &slate).await.unwrap().remove(0);
        let placement = Placement {
            unit,
            reward: reward(slate.items[0].video().raw(), &mut rng),
            logged: f64::from(place.arms[0].propensity),
            target: f64::from(place.arms[1].propensity),
            predicted: f64::from(place.predicted.finish),
            expected: f64::from(place.arms[1].expected.finish),
        };
        log.push(placement);
        wrong.push(Placement { logged: 1.0 / place.open as f64, predicted: 0.0, expected: 0.0, ..placement });
        let theirs = pipeline.run(query((unit + VIEWERS) as u64, 1)).await.items[0].video();
        truth += f64::from(finish(theirs.raw())) / VIEWERS as f64;
    }
    // The truth is itself a mean, of a standard error of at most 0.007.
    let held = |value: &experiment::Estimate| value.low - 0.014 <= truth && truth <= value.high + 0.014;
    let found = policy_value(&log, 100.0).unwrap();
    for value in [found.ips, found.snips, found.doubly_robust] {
        assert!(held(&value), "{truth} {found:?}");
        assert!(value.standard_error < 0.2, "{value:?}");
    }
    assert!(found.mean_weight.low <= 1.0 && 1.0 <= found.mean_weight.high, "{found:?}");
    let misled = policy_value(&wrong, 100.0).unwrap();
    assert!(!held(&misled.ips), "{truth} {misled:?}");
}

#[tokio::test]
async fn pages_that_cannot_be_judged_are_not() {
    let (pipeline, judge) = pipeline();
    let seen = PlainViewer { seen: (1..=12).map(|n| (video(n), base::Timestamp::from_millis(0))).collect(), ..viewer() };
    let cases = [
        Query { judged: false, ..query(1, 0) },
        Query { tab: crate::Tab::Following, ..query(1, 0) },
        // Only what was seen is left: it comes back in order, not by chance.
        Query { state: Arc::new(seen), ..query(1, 0) },
    ];
    for query in cases {
        let slate = pipeline.run(query.clone()).await;
        assert!(slate.considered.is_none());
        assert_eq!(judge.judge(&query, &slate).await.unwrap(), []);
    }
}
