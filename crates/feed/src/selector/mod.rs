//! Which candidates, in which order, and with what probability.

mod config;
mod diverse;
mod newest;
mod repeats;

pub use config::SelectorConfig;
pub use diverse::DiverseSelector;
pub use newest::NewestSelector;

use crate::{Candidate, Query, Removed, Tab};

/// One place on the page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pick {
    /// Into the candidates.
    pub index: usize,
    /// Probability that this candidate came to this place, given those before it; over 0, at most 1.
    pub propensity: f32,
    /// By a slot for new videos.
    pub explored: bool,
}

/// A selector's answer.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// In the order of the page.
    pub picks: Vec<Pick>,
    /// Those that a cap kept out; those that merely scored less are not named.
    pub removed: Vec<Removed>,
}

/// Chooses from scored candidates.
pub trait Selector: Send + Sync + 'static {
    fn name(&self) -> &'static str;
    /// Whether it is for this query; the pipeline takes the first that is.
    fn wanted(&self, query: &Query) -> bool {
        query.tab != Tab::Following
    }
    /// Up to `want` picks, fewer only when there are fewer candidates. `scores[i]` is finite and belongs to `candidates[i]`.
    fn select(&self, query: &Query, candidates: &[Candidate], scores: &[f32], want: usize) -> Selection;
}
