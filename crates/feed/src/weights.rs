//! What a predicted action is worth. Configuration: an operator can change any of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The score is `sum over tasks (weight * probability) + taste + freshness`. Positive: wanted; negative: unwanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weights {
    /// By the learner's task name. A task without a weight counts 0; a weight without a task is ignored.
    pub tasks: BTreeMap<String, f32>,
    /// Times [`crate::Taste`] of hashtags and creator, for a viewer of whom little is known; see `taste_half_watched`.
    pub taste: f32,
    /// After so many watched clips the taste part weighs half: by then the learner knows the viewer better.
    pub taste_half_watched: f32,
    /// Added for a creator whom the viewer follows.
    pub followed: f32,
    /// Times freshness, which is 1 at publication and halves every `freshness_half_hours`.
    pub freshness: f32,
    pub freshness_half_hours: f32,
}

impl Default for Weights {
    /// Watch time leads. Rare, deliberate acts weigh more than their probability suggests, since one share says more than one
    /// second; the three ways of turning away weigh the more the more deliberate they are.
    fn default() -> Self {
        let tasks = [
            ("watch_time", 1.0),
            ("finish", 0.6),
            ("long_view", 0.4),
            ("like", 0.5),
            ("save", 0.5),
            ("share", 0.7),
            ("comment", 0.4),
            ("follow", 0.8),
            ("click", 0.1),
            ("skip", -0.6),
            ("not_interested", -2.0),
            ("report", -5.0),
        ];
        Self {
            tasks: tasks.into_iter().map(|(task, weight)| (task.to_owned(), weight)).collect(),
            taste: 1.0,
            taste_half_watched: 200.0,
            followed: 0.1,
            freshness: 0.05,
            freshness_half_hours: 48.0,
        }
    }
}

impl Weights {
    /// The weight of a task; 0 for one without.
    pub fn of(&self, task: &str) -> f32 {
        self.tasks.get(task).copied().unwrap_or(0.0)
    }

    /// The first weight that is not a finite number, by name: for checking a configuration before it is used.
    pub fn invalid(&self) -> Option<&str> {
        let own = [
            ("taste", self.taste),
            ("taste_half_watched", self.taste_half_watched),
            ("followed", self.followed),
            ("freshness", self.freshness),
            ("freshness_half_hours", self.freshness_half_hours),
        ];
        let positive = ["taste_half_watched", "freshness_half_hours"];
        own.into_iter()
            .find(|(name, value)| !value.is_finite() || (positive.contains(name) && *value <= 0.0))
            .map(|(name, _)| name)
            .or_else(|| self.tasks.iter().find(|(_, weight)| !weight.is_finite()).map(|(task, _)| task.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_by_task_and_those_that_are_no_numbers() {
        fn check(change: impl FnOnce(&mut Weights), expected: Option<&str>) {
            let mut weights = Weights::default();
            change(&mut weights);
            assert_eq!(weights.invalid(), expected);
        }
        check(|_| (), None);
        check(|weights| weights.taste = f32::NAN, Some("taste"));
        check(|weights| weights.freshness_half_hours = 0.0, Some("freshness_half_hours"));
        check(|weights| weights.tasks.extend([("like".to_owned(), f32::INFINITY)]), Some("like"));
        let weights = Weights::default();
        assert!(weights.of("watch_time") > 0.0 && weights.of("report") < weights.of("not_interested"));
        assert_eq!(weights.of("applaud"), 0.0);
    }
}
