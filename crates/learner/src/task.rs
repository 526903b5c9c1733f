//! What the model predicts: one table. A new task is one variant, one entry, and a larger [`TASKS`].

use serde::{Deserialize, Serialize};

/// How many tasks there are.
pub const TASKS: usize = 12;
/// Groups of tasks that are judged together, and so counted together.
pub(crate) const GROUPS: usize = 4;

/// How long after a clip was shown a deed that is done while watching may still come.
const SOON_MS: i64 = 10 * 60_000;
/// The same for deeds that take thought, or that people come back for.
const LATER_MS: i64 = 30 * 60_000;

/// A thing that a viewer may do with a clip that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Task {
    Finish,
    LongView,
    WatchTime,
    Click,
    Like,
    Follow,
    Comment,
    Share,
    Save,
    Skip,
    NotInterested,
    Report,
}

/// Where a task's labels come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The end of a view says yes or no at once, whatever else is still waited for.
    Watch,
    /// An action says yes at once; its absence says no when `window_ms` have passed since the impression. What is predicted is the
    /// deed within that time, so a later one is no yes: it is dropped and counted.
    Action { window_ms: i64 },
}

/// What the model starts from, and how much the task counts.
#[derive(Clone, Copy, Debug)]
pub struct TaskSpec {
    pub task: Task,
    /// The name in the API, on pages and in configuration.
    pub name: &'static str,
    pub source: Source,
    /// The share of impressions with a yes before anything was learned: the head's first bias.
    pub prior: f32,
    /// +1 when more of it means that the viewer likes the clip, -1 when less: the sign of the affinities' first weights.
    pub valence: f32,
    /// The task's share in the loss of the shared layers.
    pub loss_weight: f32,
    /// The group whose count of judged impressions is the task's too, below [`GROUPS`].
    pub(crate) group: usize,
}

const fn watch(task: Task, name: &'static str, prior: f32, valence: f32) -> TaskSpec {
    TaskSpec { task, name, source: Source::Watch, prior, valence, loss_weight: 1.0, group: WATCHED }
}

const fn action(task: Task, name: &'static str, window_ms: i64, prior: f32, valence: f32) -> TaskSpec {
    let source = Source::Action { window_ms };
    TaskSpec { task, name, source, prior, valence, loss_weight: 1.0, group: ACTED }
}

const WATCHED: usize = 0;
const ACTED: usize = 1;
/// Logs of other platforms know long views and clicks without the rest.
const LONG_VIEWED: usize = 2;
const CLICKED: usize = 3;

/// All tasks, in the order of [`Task`].
pub const TABLE: [TaskSpec; TASKS] = [
    watch(Task::Finish, "finish", 0.35, 1.0),
    TaskSpec { group: LONG_VIEWED, ..watch(Task::LongView, "long_view", 0.35, 1.0) },
    watch(Task::WatchTime, "watch_time", 0.5, 1.0),
    TaskSpec { group: CLICKED, ..action(Task::Click, "click", SOON_MS, 0.05, 0.7) },
    action(Task::Like, "like", SOON_MS, 0.03, 0.7),
    action(Task::Follow, "follow", LATER_MS, 0.003, 0.5),
    action(Task::Comment, "comment", LATER_MS, 0.004, 0.5),
    action(Task::Share, "share", LATER_MS, 0.003, 0.5),
    action(Task::Save, "save", LATER_MS, 0.006, 0.5),
    watch(Task::Skip, "skip", 0.3, -1.0),
    action(Task::NotInterested, "not_interested", LATER_MS, 0.003, -0.7),
    action(Task::Report, "report", LATER_MS, 0.0005, -0.3),
];

impl Task {
    pub const ALL: [Task; TASKS] = {
        let mut all = [Task::Finish; TASKS];
        let mut i = 0;
        while i < TASKS {
            all[i] = TABLE[i].task;
            i += 1;
        }
        all
    };

    pub const fn index(self) -> usize {
        self as usize
    }

    pub const fn spec(self) -> &'static TaskSpec {
        &TABLE[self as usize]
    }

    pub const fn name(self) -> &'static str {
        self.spec().name
    }

    /// The task of a name, as configuration writes it.
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|spec| spec.name == name).map(|spec| spec.task)
    }
}

/// One probability per task; for [`Task::WatchTime`] the expected rank of the watch time among clips of like length.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Prediction {
    pub probability: [f32; TASKS],
}

impl Prediction {
    pub fn get(&self, task: Task) -> f32 {
        self.probability[task.index()]
    }
}

/// What is known of an example's tasks: `None` is not "no", it is "not known yet" or "not asked".
///
/// Each value is 0 to 1, save [`Task::WatchTime`], where it is the share of the clip watched (0 and up, 1 = once through):
/// the trainer turns it into a rank among clips of like length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Labels(pub [Option<f32>; TASKS]);

impl Labels {
    pub fn none() -> Self {
        Self::default()
    }

    pub fn with(mut self, task: Task, value: f32) -> Self {
        self.0[task.index()] = Some(value);
        self
    }

    pub fn get(&self, task: Task) -> Option<f32> {
        self.0[task.index()]
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_in_the_order_of_the_tasks() {
        for (index, spec) in TABLE.iter().enumerate() {
            assert_eq!(spec.task.index(), index);
            assert_eq!(Task::from_name(spec.name), Some(spec.task));
            assert!(spec.prior > 0.0 && spec.prior < 1.0);
        }
        assert_eq!(Task::from_name("applaud"), None);
    }
}
