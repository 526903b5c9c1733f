//! What every arm would have made of each place of a page that one of them made: the ground for judging arms by each other's pages.

use std::sync::Arc;

use crate::scorer::ArmScorer;
use crate::{Considered, FeedError, Query, ScoreParts, Scores, Selector, Slate};

/// Tasks whose predictions are forecasts of the rewards.
const FINISH: &str = "finish";
const WATCH_TIME: &str = "watch_time";

/// What the page's own arm predicted: of one clip, or in the mean over several.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Forecast {
    /// Probability of watching to the end.
    pub finish: f32,
    /// The prediction of watch time, 0 to 1, times the clip's length in seconds.
    pub watch_s: f32,
}

/// One arm's view of a place.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Choice {
    /// Probability with which it puts the clip that is there there, given those before it; 0 to 1.
    pub propensity: f32,
    /// The mean forecast over what it would have put there.
    pub expected: Forecast,
}

/// One place of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedPlace {
    /// Candidates that could have come there.
    pub open: usize,
    /// Of the clip that did.
    pub predicted: Forecast,
    /// The mean forecast over all that could have.
    pub even: Forecast,
    /// By arm.
    pub arms: Vec<Choice>,
}

/// Judges pages. Holds what chose them: the arms' scorers, and the selector with the settings of the pipeline's.
pub struct Judge {
    scorers: Arc<ArmScorer>,
    selector: Arc<dyn Selector>,
}

impl Judge {
    pub fn new(scorers: Arc<ArmScorer>, selector: Arc<dyn Selector>) -> Self {
        Self { scorers, selector }
    }

    /// The page's places in their order; none for a page of which too little is known. The other arms score its candidates now,
    /// with their models as they are by now.
    pub async fn judge(&self, query: &Query, slate: &Slate) -> Result<Vec<JudgedPlace>, FeedError> {
        let Some(considered) = &slate.considered else { return Ok(Vec::new()) };
        let forecasts = forecasts(considered);
        let mut places = Vec::with_capacity(considered.picks.len());
        self.along(query, considered, &considered.totals, |place, even, own| {
            places.push(JudgedPlace {
                open: place.open,
                predicted: forecasts.get(place.pick).copied().unwrap_or_default(),
                even: even.mean(&forecasts),
                arms: vec![Choice { propensity: place.propensity, expected: own.mean(&forecasts) }; self.scorers.arms()],
            });
        });
        for arm in (0..self.scorers.arms()).filter(|arm| *arm != query.arm) {
            let scores = self.scorers.of(arm).score(query, &considered.candidates).await?;
            scores.check(considered.candidates.len())?;
            let totals: Vec<f32> = scores.parts.iter().map(ScoreParts::total).collect();
            let mut judged = places.iter_mut();
            self.along(query, considered, &totals, |place, _, theirs| {
                if let Some(choice) = judged.next().and_then(|place| place.arms.get_mut(arm)) {
                    *choice = Choice { propensity: place.propensity, expected: theirs.mean(&forecasts) };
                }
            });
        }
        Ok(places)
    }

    /// Goes along the page's places as an arm with these scores sees them.
    fn along(&self, query: &Query, considered: &Considered, totals: &[f32], mut each: impl FnMut(Place, Mix, Mix)) {
        let mut picks = considered.picks.iter();
        self.selector.chances(query, &considered.candidates, totals, &considered.picks, &mut |chances| {
            let Some(pick) = picks.next() else { return };
            let open: Vec<usize> = chances.open().collect();
            let propensity = chances.probability.get(*pick).copied().unwrap_or(0.0);
            let even = Mix(open.iter().map(|index| (*index, 1.0)).collect());
            let own = Mix(chances.probability.iter().copied().enumerate().filter(|(_, p)| *p > 0.0).collect());
            each(Place { pick: *pick, open: open.len(), propensity: propensity.clamp(0.0, 1.0) }, even, own);
        });
    }
}

struct Place {
    pick: usize,
    open: usize,
    propensity: f32,
}

/// Candidates with weights.
struct Mix(Vec<(usize, f32)>);

impl Mix {
    fn mean(&self, forecasts: &[Forecast]) -> Forecast {
        let (mut sum, mut finish, mut watch_s) = (0.0, 0.0, 0.0);
        for (index, weight) in &self.0 {
            let forecast = forecasts.get(*index).copied().unwrap_or_default();
            sum += weight;
            finish += weight * forecast.finish;
            watch_s += weight * forecast.watch_s;
        }
        if sum > 0.0 { Forecast { finish: finish / sum, watch_s: watch_s / sum } } else { Forecast::default() }
    }
}

/// By candidate; 0 for what the scorer does not predict.
fn forecasts(considered: &Considered) -> Vec<Forecast> {
    let Scores { tasks, probabilities, .. } = &considered.scores;
    let of = |name: &str| tasks.iter().position(|(task, _)| task == name);
    let (finish, watch_time) = (of(FINISH), of(WATCH_TIME));
    let predicted = |index: usize, task: Option<usize>| {
        task.and_then(|task| probabilities.get(index * tasks.len() + task)).copied().unwrap_or(0.0)
    };
    let seconds = |index: usize| considered.candidates.get(index).map_or(0.0, |c| c.facts.duration_ms as f32 / 1_000.0);
    (0..considered.candidates.len())
        .map(|index| Forecast { finish: predicted(index, finish), watch_s: predicted(index, watch_time) * seconds(index) })
        .collect()
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
