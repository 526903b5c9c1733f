//! What was tallied, as figures: per arm and beside the first arm, and what each policy would have earned.

use base::Timestamp;
use experiment::{
    Difference, Estimate, Placement, PolicyValue, difference, lift, mean, policy_difference, policy_value, ratio,
    shares_p_value,
};
use serde::Serialize;

use super::tally::{COUNTED, FINISHES, IMPRESSIONS, Person, Placed, SKIPS, Tallied, WATCH_SECONDS};

/// Figures per impression: their names, and what is divided.
const RATES: [(&str, usize); 3] =
    [("watch_seconds_per_impression", WATCH_SECONDS), ("finish_rate", FINISHES), ("skip_rate", SKIPS)];

#[derive(Debug, Serialize)]
pub struct Report {
    /// Its name, when it is known: the log holds only a mark.
    pub name: Option<String>,
    /// `None`: the log holds no experiment.
    pub experiment: Option<u32>,
    pub from_ms: Option<i64>,
    pub to_ms: Option<i64>,
    pub events: u64,
    pub repeated_events: u64,
    /// Served by more than one arm; they count for none.
    pub mixed_viewers: usize,
    /// Probability of numbers of viewers at least so far from the shares, if dealing works.
    pub shares_p_value: Option<f64>,
    pub arms: Vec<ArmReport>,
    pub counterfactual: Counterfactual,
}

#[derive(Debug, Serialize)]
pub struct ArmReport {
    pub name: String,
    pub share: f64,
    pub viewers: usize,
    pub metrics: Vec<Metric>,
}

#[derive(Debug, Serialize)]
pub struct Metric {
    pub name: &'static str,
    /// Over all viewers.
    pub total: f64,
    /// Per viewer, or per impression for rates.
    pub estimate: Option<Estimate>,
    /// Less the first arm's.
    pub difference: Option<Difference>,
    /// In parts of the first arm's.
    pub lift: Option<Difference>,
}

#[derive(Debug, Serialize)]
pub struct Counterfactual {
    /// The largest weight.
    pub clip: f64,
    pub placements: usize,
    pub placements_passed_over: u64,
    /// By reward and policy.
    pub values: Vec<CounterfactualValue>,
}

#[derive(Debug, Serialize)]
pub struct CounterfactualValue {
    /// `watch_seconds` or `finish`, per placement.
    pub reward: &'static str,
    /// An arm's name, or `even`: drawn evenly from what was open.
    pub policy: String,
    /// The mean over what that arm itself placed.
    pub observed: Option<Estimate>,
    pub value: Option<PolicyValue>,
    /// Doubly robust, less the first arm's policy.
    pub difference: Option<Difference>,
}

pub fn of(tallied: &Tallied, name: Option<String>, names: &[String], clip: f64) -> Report {
    let people: Vec<&Person> = tallied.people.iter().filter(|person| !person.erased && !person.mixed).collect();
    let arm_name = |arm: usize| names.get(arm).cloned().unwrap_or_else(|| format!("arm {}", arm + 1));
    let of_arm =
        |arm: usize| -> Vec<&Person> { people.iter().filter(|person| usize::from(person.arm) == arm).copied().collect() };
    let first = of_arm(0);
    let arms: Vec<ArmReport> = tallied
        .shares
        .iter()
        .enumerate()
        .map(|(arm, share)| {
            let viewers = of_arm(arm);
            let metrics = metrics(&viewers, (arm > 0).then_some(first.as_slice()));
            ArmReport { name: arm_name(arm), share: *share, viewers: viewers.len(), metrics }
        })
        .collect();
    let viewers: Vec<usize> = arms.iter().map(|arm| arm.viewers).collect();
    Report {
        name,
        experiment: tallied.experiment,
        from_ms: tallied.first.map(Timestamp::as_millis),
        to_ms: tallied.last.map(Timestamp::as_millis),
        events: tallied.events,
        repeated_events: tallied.repeated,
        mixed_viewers: tallied.people.iter().filter(|person| person.mixed).count(),
        shares_p_value: shares_p_value(&viewers, &tallied.shares),
        counterfactual: counterfactual(tallied, &arm_name, clip),
        arms,
    }
}

fn metrics(viewers: &[&Person], first: Option<&[&Person]>) -> Vec<Metric> {
    let count = |person: &Person, at: usize| person.counts.get(at).copied().unwrap_or(0.0);
    let metric = |name, at: usize, estimate: &dyn Fn(&[&Person]) -> Option<Estimate>| {
        let (own, base) = (estimate(viewers), first.and_then(estimate));
        let both = own.zip(base);
        Metric {
            name,
            total: viewers.iter().map(|person| count(person, at)).sum(),
            estimate: own,
            difference: both.map(|(own, base)| difference(&own, &base)),
            lift: both.and_then(|(own, base)| lift(&own, &base)),
        }
    };
    let per_viewer = COUNTED
        .iter()
        .enumerate()
        .map(|(at, name)| metric(name, at, &|people| mean(&people.iter().map(|person| count(person, at)).collect::<Vec<_>>())));
    let rates = RATES.iter().map(|(name, at)| {
        let pair = |person: &&Person| (count(person, *at), count(person, IMPRESSIONS));
        metric(name, *at, &|people| ratio(&people.iter().map(pair).collect::<Vec<_>>()))
    });
    per_viewer.chain(rates).collect()
}

/// Whose policy is judged.
#[derive(Clone, Copy)]
enum Policy {
    Arm(usize),
    Even,
}

#[derive(Clone, Copy)]
enum Reward {
    WatchSeconds,
    Finish,
}

fn counterfactual(tallied: &Tallied, arm_name: &dyn Fn(usize) -> String, clip: f64) -> Counterfactual {
    let arms = tallied.shares.len();
    // Of pages judged by fewer arms than there are (the first of an experiment that grew) too little is known.
    let placed: Vec<&Placed> = tallied.placements.iter().filter(|one| one.place.arms.len() == arms).collect();
    let mut values = Vec::new();
    for (reward, reward_name) in [(Reward::WatchSeconds, "watch_seconds"), (Reward::Finish, "finish")] {
        let of = |policy: Policy| -> Vec<Placement> { placed.iter().map(|one| placement(one, policy, reward)).collect() };
        let first = of(Policy::Arm(0));
        for policy in (0..arms).map(Policy::Arm).chain([Policy::Even]) {
            let placements = of(policy);
            let observed = match policy {
                Policy::Arm(arm) => observed(&placed, arm, reward),
                Policy::Even => None,
            };
            values.push(CounterfactualValue {
                reward: reward_name,
                policy: match policy {
                    Policy::Arm(arm) => arm_name(arm),
                    Policy::Even => "even".into(),
                },
                observed,
                value: policy_value(&placements, clip),
                difference: match policy {
                    Policy::Arm(0) => None,
                    _ => policy_difference(&placements, &first, clip),
                },
            });
        }
    }
    if placed.is_empty() {
        values.clear();
    }
    Counterfactual { clip, placements: placed.len(), placements_passed_over: tallied.placements_passed_over, values }
}

fn rewarded(one: &Placed, reward: Reward) -> f64 {
    match reward {
        Reward::WatchSeconds => f64::from(one.watch_ms) / 1_000.0,
        Reward::Finish => f64::from(u8::from(one.finished)),
    }
}

fn placement(one: &Placed, policy: Policy, reward: Reward) -> Placement {
    let of = |forecast: eventlog::Forecast| match reward {
        Reward::WatchSeconds => f64::from(forecast.watch_s),
        Reward::Finish => f64::from(forecast.finish),
    };
    let (target, expected) = match policy {
        Policy::Arm(arm) => {
            let choice = one.place.arms.get(arm).copied().unwrap_or_default();
            (f64::from(choice.propensity), choice.expected)
        }
        Policy::Even => (1.0 / f64::from(one.place.open.max(1)), one.place.even),
    };
    Placement {
        unit: one.person,
        reward: rewarded(one, reward),
        logged: f64::from(one.propensity),
        target,
        predicted: of(one.place.predicted),
        expected: of(expected),
    }
}

/// The mean reward of what an arm placed itself, per placement, its viewers being the units.
fn observed(placed: &[&Placed], arm: usize, reward: Reward) -> Option<Estimate> {
    let mut sums = std::collections::BTreeMap::<usize, (f64, f64)>::new();
    for one in placed.iter().filter(|one| usize::from(one.arm) == arm) {
        let (earned, count) = sums.entry(one.person).or_default();
        *earned += rewarded(one, reward);
        *count += 1.0;
    }
    ratio(&sums.into_values().collect::<Vec<_>>())
}
