//! Closed cases, and simulated logs of which the truth is known.

use base::Rng;

use super::*;

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found} for {expected}");
}

fn placement(unit: usize, reward: f64, logged: f64, target: f64) -> Placement {
    Placement { unit, reward, logged, target, predicted: 0.0, expected: 0.0 }
}

#[test]
fn a_policy_judged_by_its_own_log_is_worth_the_mean() {
    let log: Vec<_> = [(0, 1.0, 0.5), (1, 0.0, 0.25), (2, 4.0, 0.1)].map(|(unit, r, p)| placement(unit, r, p, p)).into();
    let found = policy_value(&log, 20.0).unwrap();
    for value in [found.ips, found.snips, found.doubly_robust] {
        near(value.value, 5.0 / 3.0);
    }
    near(found.mean_weight.value, 1.0);
    near(found.effective_placements, 3.0);
    assert_eq!((found.placements, found.clipped_share, found.mean_weight.standard_error), (3, 0.0, 0.0));
}

/// Weights 2, 0.5, 0; by hand.
#[test]
fn three_placements_by_hand() {
    let log = [placement(0, 3.0, 0.25, 0.5), placement(1, 4.0, 1.0, 0.5), placement(2, 9.0, 0.5, 0.0)];
    let found = policy_value(&log, 20.0).unwrap();
    near(found.ips.value, (6.0 + 2.0) / 3.0);
    near(found.snips.value, 8.0 / 2.5);
    near(found.effective_placements, 2.5 * 2.5 / 4.25);
    near(found.weight_max, 2.0);
    let clipped = policy_value(&log, 1.0).unwrap();
    near(clipped.ips.value, (3.0 + 2.0) / 3.0);
    near(clipped.clipped_share, 1.0 / 3.0);
    near(clipped.weight_max, 2.0);
    assert_eq!(policy_value(&log[..1], 20.0), None);
    assert_eq!(policy_value(&[], 20.0), None);
    let never: Vec<_> = (0..4).map(|unit| placement(unit, 1.0, 0.5, 0.0)).collect();
    assert_eq!(policy_value(&never, 20.0), None);
}

#[test]
fn the_line_of_one_half_is_fitted_on_the_other() {
    let at = |unit, predicted, reward| Placement { predicted, expected: predicted, ..placement(unit, reward, 1.0, 1.0) };
    let log = [at(0, 0.0, 1.0), at(0, 1.0, 3.0), at(1, 0.0, 5.0), at(1, 1.0, 5.0), at(2, 2.0, 5.0)];
    let [even, odd] = recalibrations(&log);
    for off in [even.intercept - 5.0, even.slope, odd.intercept - 1.0, odd.slope - 2.0] {
        near(off, 0.0);
    }
}

const ACTIONS: usize = 5;
const KINDS: usize = 3;

fn softmax(scores: [f64; ACTIONS], temperature: f64) -> [f64; ACTIONS] {
    let parts = scores.map(|score| (score / temperature).exp());
    let sum: f64 = parts.iter().sum();
    parts.map(|part| part / sum)
}

/// What an action is worth to a kind of viewer, and what each policy thinks it is.
fn worth(kind: usize, action: usize) -> f64 {
    1.0 + 2.0 * (((kind * 7 + action * 3) % 5) as f64) / 5.0
}
fn logging(kind: usize) -> [f64; ACTIONS] {
    // It likes best what is worth least: what it logs most is what the target wants least.
    softmax(std::array::from_fn(|action| -worth(kind, action)), 1.2)
}
fn target(kind: usize) -> [f64; ACTIONS] {
    softmax(std::array::from_fn(|action| worth(kind, action)), 0.7)
}
fn truth() -> f64 {
    let value = |kind| (0..ACTIONS).map(|action| target(kind)[action] * worth(kind, action)).sum::<f64>();
    (0..KINDS).map(value).sum::<f64>() / KINDS as f64
}

/// What is wrong with a log.
#[derive(Clone, Copy, PartialEq)]
struct Fault {
    /// Propensities are written as if the choice had been uniform.
    propensities: bool,
    /// Predictions say nothing.
    predictions: bool,
}

/// A log of 150 viewers with 1 to 20 placements each, and a mood of each viewer's own that moves all their rewards.
fn log(rng: &mut Rng, fault: Fault) -> Vec<Placement> {
    let mut log = Vec::new();
    for unit in 0..150 {
        let kind = rng.below(KINDS);
        let mood = f64::from(rng.normal()) * 0.5;
        let (from, to) = (logging(kind), target(kind));
        for _ in 0..1 + rng.below(20) {
            let mut point = f64::from(rng.unit());
            let action = from.iter().position(|p| {
                point -= p;
                point < 0.0
            });
            let action = action.unwrap_or(ACTIONS - 1);
            let model = |action: usize| if fault.predictions { (action % 2) as f64 } else { 0.3 * worth(kind, action) + 1.0 };
            log.push(Placement {
                unit,
                reward: worth(kind, action) + mood + f64::from(rng.normal()),
                logged: if fault.propensities { 1.0 / ACTIONS as f64 } else { from[action] },
                target: to[action],
                predicted: model(action),
                expected: to.iter().enumerate().map(|(action, p)| p * model(action)).sum(),
            });
        }
    }
    log
}

const RUNS: usize = 400;

/// Of many logs: how often the intervals of IPS, SNIPS and doubly robust held the truth, in parts of a hundred, and how far off the
/// estimates were in the mean.
fn judge(seed: u64, fault: Fault) -> ([usize; 3], [f64; 3]) {
    let (mut rng, truth) = (Rng::from_seed(seed), truth());
    let (mut held, mut off) = ([0; 3], [0.0; 3]);
    for _ in 0..RUNS {
        let found = policy_value(&log(&mut rng, fault), 1e9).unwrap();
        for (at, value) in [found.ips, found.snips, found.doubly_robust].into_iter().enumerate() {
            held[at] += usize::from(value.low <= truth && truth <= value.high);
            off[at] += (value.value - truth) / RUNS as f64;
        }
    }
    (held.map(|held| held * 100 / RUNS), off)
}

#[test]
fn estimates_cover_the_truth_when_propensities_are_right() {
    for predictions in [false, true] {
        let (held, off) = judge(11, Fault { propensities: false, predictions });
        assert!(off.iter().all(|off| off.abs() < 0.02), "{off:?}, blind predictions: {predictions}");
        assert!(held.iter().all(|held| (91..=98).contains(held)), "{held:?}, blind predictions: {predictions}");
    }
}

/// What a log with wrong propensities says is wrong, and the mean weight tells; only a right model can still save the day.
#[test]
fn wrong_propensities_are_found_out() {
    let (held, off) = judge(12, Fault { propensities: true, predictions: true });
    assert!(held.iter().all(|held| *held < 60) && off.iter().all(|off| off.abs() > 0.1), "{held:?} {off:?}");
    let (_, [ips, _, robust]) = judge(13, Fault { propensities: true, predictions: false });
    assert!(robust.abs() < 0.02 && ips.abs() > 0.1, "{ips} {robust}");

    let mut rng = Rng::from_seed(14);
    let mut telling = |propensities| {
        let found = policy_value(&log(&mut rng, Fault { propensities, predictions: false }), 1e9).unwrap();
        found.mean_weight.low <= 1.0 && 1.0 <= found.mean_weight.high
    };
    assert!((0..20).filter(|_| telling(false)).count() >= 16);
    assert!((0..20).filter(|_| telling(true)).count() <= 4);
}

/// The reason for the third estimate: a good model takes the variance away.
#[test]
fn a_model_narrows_the_interval() {
    let mut rng = Rng::from_seed(15);
    let found = policy_value(&log(&mut rng, Fault { propensities: false, predictions: false }), 1e9).unwrap();
    assert!(found.doubly_robust.standard_error < 0.8 * found.ips.standard_error, "{found:?}");
    assert!(found.effective_placements < 0.9 * found.placements as f64);
}

#[test]
fn two_targets_over_one_log() {
    let (mut rng, mut held) = (Rng::from_seed(16), 0);
    let own: f64 =
        (0..KINDS).map(|kind| (0..ACTIONS).map(|action| logging(kind)[action] * worth(kind, action)).sum::<f64>()).sum::<f64>()
            / KINDS as f64;
    for _ in 0..RUNS {
        let log = log(&mut rng, Fault { propensities: false, predictions: false });
        let logged: Vec<_> = log.iter().map(|one| Placement { target: one.logged, expected: one.predicted, ..*one }).collect();
        let found = policy_difference(&log, &logged, 1e9).unwrap();
        held += usize::from(found.low <= truth() - own && truth() - own <= found.high);
    }
    assert!((91 * RUNS / 100..=98 * RUNS / 100).contains(&held), "{held}");
    let mut rng = Rng::from_seed(17);
    let one = log(&mut rng, Fault { propensities: false, predictions: false });
    assert_eq!(policy_difference(&one, &one, 20.0).unwrap().p_value, 1.0);
    assert_eq!(policy_difference(&one, &one[1..], 20.0), None);
}
