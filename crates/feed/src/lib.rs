//! From a viewer to a page: the pipeline that gathers candidates, filters, scores and selects them.
//!
//! ```text
//! Query ─▶ sources (in parallel, each with a deadline) ─▶ hydrators ─▶ filters ─▶ scorer ─▶ selector ─▶ Slate ─▶ side effects
//!                                                                         fallback scorer ┘
//! ```
//!
//! One folder per stage, one component per file. The traits live here and the data comes from elsewhere: `app` fits the
//! candidate indexes, the learner and the views of the event log to them.
//!
//! - [`Pipeline::run`] turns a [`Query`] into a [`Slate`]; it never fails, it degrades, and the slate says how.
//! - [`Source`], [`Hydrator`], [`Filter`], [`Scorer`], [`Selector`], [`SideEffect`]: the stages. [`ViewerState`]: what is known
//!   of who watches. [`Facts`], [`Counts`]: what is known of a video.
//! - [`scorer::ArmScorer`]: the scorer of the viewer's arm. [`Judge`]: what every arm would have made of each place of a page.
//! - [`why`]: the plain reasons for an item. [`FeedStats`]: what the operator sees.
//!
//! Invariants:
//! - a slate holds no video twice, and none that the query excludes, that its viewer blocked or turned away, or made;
//! - a video that the viewer has seen is only in a slate for which no source found an unseen one;
//! - a source or scorer that is late, fails or panics is left out and counted; the page is made from the rest;
//! - every item carries the probability with which the selector put it at its place;
//! - with the same query, seed, state and answers of the sources, the slate is the same: all chance comes from
//!   [`Query::rng`], each component drawing from a child of its own;
//! - every list has a limit: [`PAGE_MAX`], [`CANDIDATES_MAX`], [`SOURCES_MAX`].
//!
//! What it must never do: IO of its own, reading a clock for anything but stage timings, keeping state about a viewer,
//! deciding what may be *shown* (that is moderation's, asked through [`filter::Hidden`]).

mod candidate;
pub mod effect;
mod error;
pub mod filter;
pub mod hydrator;
mod judge;
mod pipeline;
mod query;
pub mod scorer;
pub mod selector;
mod slate;
pub mod source;
mod stats;
mod viewer;
mod weights;
mod why;

pub use candidate::{Brought, Candidate, Counts, Facts, Taste, hashtag_key};
pub use effect::SideEffect;
pub use error::FeedError;
pub use filter::Filter;
pub use hydrator::Hydrator;
pub use judge::{Choice, Forecast, Judge, JudgedPlace};
pub use pipeline::{Pipeline, PipelineParts};
pub use query::{Context, Query, Tab};
pub use scorer::{Predictor, ScoreParts, Scorer, Scores};
pub use selector::{Chances, DiverseSelector, Pick, Selection, Selector, SelectorConfig};
pub use slate::{Considered, Prediction, Removed, RemovedGroup, SelectedItem, Slate, SourceReport, SourceStatus, StageTimings};
pub use source::{Found, Skips, Source, SourceKind};
pub use stats::{FeedStats, FilterCount, LatencySeries, SourceCount, StatsSnapshot};
pub use viewer::{HashtagTaste, PlainViewer, ViewerState};
pub use weights::Weights;
pub use why::{Affinity, Why, affinities, why};

/// The longest page.
pub const PAGE_MAX: usize = 50;
/// The most candidates that are scored for one page.
pub const CANDIDATES_MAX: usize = 600;
/// The most sources a pipeline has, and so the most that can have brought one candidate.
pub const SOURCES_MAX: usize = 8;
