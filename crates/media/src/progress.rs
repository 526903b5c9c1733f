//! How far the work is.

use serde::{Deserialize, Serialize};

/// The steps of the way from a file to a clip, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The first rendition of the picture, the sound and the preview.
    First,
    /// The poster and its colour.
    Poster,
    /// The largest rendition.
    Top,
    /// The renditions in between.
    Rest,
}

/// One report: `done` runs from 0 to 1 within its step and never falls.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    pub step: Step,
    pub done: f32,
}

/// Who is told. Called several times a second from the task that runs the step: it must return at once.
pub type ProgressFn<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// Tells nobody.
pub fn silent(_: Progress) {}
