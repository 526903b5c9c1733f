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
    /// Whether [`Selector::chances`] tells anything.
    fn knows_chances(&self) -> bool {
        false
    }
    /// Goes along a page as it is, `picks` one after another, and passes to `each` what this selector, led by `scores`, would have
    /// made of each place, given the places before. Draws nothing: the same whatever the query's generator.
    fn chances(
        &self,
        _query: &Query,
        _candidates: &[Candidate],
        _scores: &[f32],
        _picks: &[usize],
        _each: &mut dyn FnMut(Chances),
    ) {
    }
}

/// Who could have come to one place, and how likely.
#[derive(Clone, Copy, Debug)]
pub struct Chances<'a> {
    /// By candidate; their sum is 1.
    pub probability: &'a [f32],
    /// By candidate: finite for those that could have come, be it with a probability that rounds to 0.
    pub worth: &'a [f32],
}

impl Chances<'_> {
    /// The candidates that could have come.
    pub fn open(&self) -> impl Iterator<Item = usize> + '_ {
        self.worth.iter().enumerate().filter(|(_, worth)| worth.is_finite()).map(|(index, _)| index)
    }
}
