//! How an experiment is written down, and what makes a usable one of it.

use experiment::{ARMS_MAX, Assignment, PARTS_MAX};
use feed::Weights;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Arm, ArmCounts, Experiment, ModelPlan};

/// The longest name of an experiment or an arm, in bytes.
const NAME_BYTES_MAX: usize = 40;

/// Arms side by side. Without arms there is no experiment, and nothing is different.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExperimentConfig {
    /// Viewers are dealt to the arms by a hash keyed with it: another name deals them anew.
    pub name: String,
    /// Share of the For You pages that every arm judges, 0 to 1: what the counterfactual estimates rest on. A judged page is scored
    /// once more by each arm with another model, after it was handed out.
    pub judged_share: f32,
    /// At most eight; the first is what the others are compared with.
    pub arms: Vec<ArmConfig>,
}

impl Default for ExperimentConfig {
    fn default() -> Self {
        Self { name: String::new(), judged_share: 1.0, arms: Vec::new() }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArmConfig {
    pub name: String,
    /// Its share of the viewers is its parts over those of all arms.
    pub parts: u32,
    /// Keys of `feed.weights` that are different for this arm.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub weights: Map<String, Value>,
    pub model: ModelOf,
    pub trains_on: TrainsOn,
    pub begins: Begins,
    /// Keys of `learner` that are different for this arm's own model.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub learner: Map<String, Value>,
}

impl Default for ArmConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            parts: 1,
            weights: Map::new(),
            model: ModelOf::Shared,
            trains_on: TrainsOn::Shared,
            begins: Begins::Copy,
            learner: Map::new(),
        }
    }
}

/// Whose model predicts for an arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelOf {
    /// The one that everybody's traffic trains.
    Shared,
    Own,
}

/// What an arm's own model is taught.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrainsOn {
    /// What all viewers do.
    Shared,
    /// What the arm's viewers do.
    Own,
}

/// What an arm's own model is when it is first needed and the brain knows something already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Begins {
    /// The shared model as it then is.
    Copy,
    Nothing,
}

pub(super) fn resolve(
    config: &ExperimentConfig,
    weights: &Weights,
    learner: &learner::Config,
) -> Result<Option<(Experiment, Vec<ModelPlan>)>, String> {
    if config.arms.is_empty() {
        return Ok(None);
    }
    check_name("the experiment", &config.name)?;
    if !(0.0..=1.0).contains(&config.judged_share) {
        return Err("judged_share must be 0 to 1".into());
    }
    let parts: Vec<u32> = config.arms.iter().map(|arm| arm.parts).collect();
    let assignment = Assignment::new(&config.name, &parts)
        .ok_or_else(|| format!("there can be 1 to {ARMS_MAX} arms of 1 to {PARTS_MAX} parts each"))?;
    let (mut arms, mut plans) = (Vec::with_capacity(config.arms.len()), Vec::new());
    for (at, arm) in config.arms.iter().enumerate() {
        check_name("an arm", &arm.name)?;
        if config.arms.iter().take(at).any(|other| other.name == arm.name) {
            return Err(format!("two arms are called {}", arm.name));
        }
        let wrong = |what: String| format!("the arm {}: {what}", arm.name);
        let weights: Weights = changed("weights", weights, &arm.weights).map_err(wrong)?;
        if let Some(name) = weights.invalid() {
            return Err(wrong(format!("the weight {name} is out of its range")));
        }
        let own_learner = changed("learner", learner, &arm.learner).map_err(wrong)?;
        let model = match arm.model {
            ModelOf::Own if own_learner.seed != learner.seed && arm.begins == Begins::Copy => {
                return Err(wrong("with a seed of its own it cannot begin as a copy: set begins = \"nothing\"".into()));
            }
            ModelOf::Own => {
                plans.push(ModelPlan {
                    name: format!("{}/{}", config.name, arm.name),
                    learner: own_learner,
                    viewers: (arm.trains_on == TrainsOn::Own).then(|| (assignment.clone(), at)),
                    begins: arm.begins,
                });
                plans.len()
            }
            ModelOf::Shared if !arm.learner.is_empty() || arm.trains_on == TrainsOn::Own => {
                return Err(wrong("only an arm with model = \"own\" has a learner, or trains on its own viewers".into()));
            }
            ModelOf::Shared => 0,
        };
        arms.push(Arm { name: arm.name.clone(), weights, model, counts: ArmCounts::default() });
    }
    let found = Experiment { name: config.name.clone(), assignment, arms, judged_share: config.judged_share };
    Ok(Some((found, plans)))
}

/// Names stand in metrics, snapshots and reports.
fn check_name(of: &str, name: &str) -> Result<(), String> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.');
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(plain) {
        return Err(format!("{of} needs a name of 1 to {NAME_BYTES_MAX} bytes: letters, digits, spaces, hyphens, dots"));
    }
    Ok(())
}

/// A section with some keys of it replaced.
fn changed<T: Serialize + DeserializeOwned>(what: &str, base: &T, changes: &Map<String, Value>) -> Result<T, String> {
    let mut value = serde_json::to_value(base).map_err(|error| format!("{what}: {error}"))?;
    lay_over(&mut value, changes);
    serde_json::from_value(value).map_err(|error| format!("{what}: {error}"))
}

fn lay_over(under: &mut Value, over: &Map<String, Value>) {
    let Value::Object(under) = under else { return };
    for (key, value) in over {
        match (under.get_mut(key), value) {
            (Some(inner @ Value::Object(_)), Value::Object(over)) => lay_over(inner, over),
            _ => {
                under.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn arm(name: &str, change: impl FnOnce(&mut ArmConfig)) -> ArmConfig {
        let mut arm = ArmConfig { name: name.into(), ..ArmConfig::default() };
        change(&mut arm);
        arm
    }

    fn keys(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    fn of(arms: Vec<ArmConfig>) -> Result<Option<(Experiment, Vec<ModelPlan>)>, String> {
        let config = ExperimentConfig { name: "try".into(), arms, ..ExperimentConfig::default() };
        resolve(&config, &Weights::default(), &learner::Config::default())
    }

    #[test]
    fn arms_differ_in_what_is_written_and_in_nothing_else() {
        let (found, plans) = of(vec![
            arm("now", |_| ()),
            arm("finish more", |a| a.weights = keys(json!({ "tasks": { "finish": 1.5 }, "taste": 0.25 }))),
            arm("bold", |a| {
                (a.model, a.trains_on) = (ModelOf::Own, TrainsOn::Own);
                a.learner = keys(json!({ "row_step": 0.1 }));
            }),
            arm("twin", |a| a.model = ModelOf::Own),
        ])
        .unwrap()
        .unwrap();
        let mut weights = Weights { taste: 0.25, ..Weights::default() };
        weights.tasks.insert("finish".into(), 1.5);
        assert_eq!((&found.arms[0].weights, &found.arms[1].weights), (&Weights::default(), &weights));
        assert_eq!(found.arms.iter().map(|arm| arm.model).collect::<Vec<_>>(), [0, 0, 1, 2]);
        assert_eq!(plans.iter().map(|plan| plan.name.as_str()).collect::<Vec<_>>(), ["try/bold", "try/twin"]);
        let expected = learner::Config { row_step: 0.1, ..learner::Config::default() };
        assert_eq!(format!("{:?}", plans[0].learner), format!("{expected:?}"));
        let (own, all) = ((0..400).filter(|v| plans[0].takes(*v)).count(), (0..400).filter(|v| plans[1].takes(*v)).count());
        assert!((60..140).contains(&own) && all == 400, "{own} {all}");
        assert!((0..400).all(|v| plans[0].takes(v) == (found.assignment.arm_of(v) == 2)));
        assert!(of(Vec::new()).unwrap().is_none());
    }

    #[test]
    fn what_cannot_be_meant_is_said() {
        fn check(arms: Vec<ArmConfig>, says: &str) {
            let error = of(arms).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
        check(vec![arm("", |_| ())], "name");
        check(vec![arm("a\nb", |_| ())], "name");
        check(vec![arm("a", |_| ()), arm("a", |_| ())], "two arms");
        check((0..9).map(|n| arm(&n.to_string(), |_| ())).collect(), "1 to 8 arms");
        check(vec![arm("a", |a| a.parts = 0)], "parts");
        check(vec![arm("a", |a| a.weights = keys(json!({ "tast": 1 })))], "tast");
        check(vec![arm("a", |a| a.weights = keys(json!({ "taste_half_watched": 0 })))], "taste_half_watched");
        check(vec![arm("a", |a| a.trains_on = TrainsOn::Own)], "own");
        check(vec![arm("a", |a| a.learner = keys(json!({ "seed": 2 })))], "own");
        for (learner, says) in [(json!({ "sed": 2 }), "sed"), (json!({ "seed": 2 }), "begins")] {
            let own = |a: &mut ArmConfig| (a.model, a.learner) = (ModelOf::Own, keys(learner));
            check(vec![arm("a", own)], says);
        }
        let nameless = ExperimentConfig { arms: vec![arm("a", |_| ())], ..ExperimentConfig::default() };
        assert!(resolve(&nameless, &Weights::default(), &learner::Config::default()).is_err());
    }
}
