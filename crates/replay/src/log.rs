//! A log in memory, in the learner's terms.

use std::sync::Arc;

use learner::{Labels, TASKS, Task, VideoFeatures};

/// One impression.
#[derive(Clone, Debug)]
pub struct Row {
    /// Index into [`Log::videos`].
    pub video: u32,
    /// Milliseconds watched and the clip's length; `None` when the log does not know (a click log, a bare list).
    pub watch: Option<(u32, u32)>,
    /// What the log itself judged; stands before what the watch time would say.
    pub labels: Labels,
    /// An exact repetition of an earlier row.
    pub repeats: bool,
}

/// What was shown to one viewer at one moment: rows that are predicted together.
#[derive(Clone, Debug)]
pub struct Page {
    /// Unix time, milliseconds.
    pub at_ms: i64,
    pub viewer: u64,
    pub tab: u8,
    pub device: u8,
    pub language: u8,
    /// Known from lists only, before the log begins: learned and remembered, never scored.
    pub warm: bool,
    pub rows: Vec<Row>,
}

/// A whole log, in time order.
#[derive(Debug, Default)]
pub struct Log {
    pub videos: Vec<Arc<VideoFeatures>>,
    pub pages: Vec<Page>,
    /// Local time ahead of UTC, milliseconds: the hour of the day is a local one.
    pub utc_offset_ms: i64,
    /// The tasks that the log has labels for; others are neither learned nor measured.
    pub tasks: [bool; TASKS],
    /// Where scoring begins when nobody says otherwise, Unix milliseconds.
    pub score_from_ms: i64,
}

pub(crate) const DAY_MS: i64 = 86_400_000;

impl Log {
    pub(crate) fn with_tasks(tasks: &[Task], utc_offset_ms: i64) -> Self {
        let mut log = Self { utc_offset_ms, ..Self::default() };
        tasks.iter().for_each(|task| log.tasks[task.index()] = true);
        log
    }

    /// The beginning of the last `days` local days of the log.
    pub(crate) fn last_days_ms(&self, days: i64) -> i64 {
        let last = self.pages.iter().map(|page| page.at_ms).max().unwrap_or(0) + self.utc_offset_ms;
        (last.div_euclid(DAY_MS) - (days - 1)) * DAY_MS - self.utc_offset_ms
    }

    /// Brings the pages into the order of their times; those of one time keep theirs.
    pub(crate) fn sort(&mut self) {
        self.pages.sort_by_key(|page| page.at_ms);
    }
}
