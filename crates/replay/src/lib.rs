//! Replays a log of a real platform through the joiner and the learner, in time order, and says how well each outcome was
//! predicted before it was known.
//!
//! A [`Log`] is read from a data set ([`kuairand`], [`globo`]) or from any CSV file by way of a [`mapping`]; [`run`] replays it. Rows of
//! one slate are predicted together, then joined with their outcomes and learned; then the next slate. So every figure is a
//! progressive validation (Blum, Kalai, Langford 1999): no row is scored by a model that has seen it.
//!
//! # Invariants
//! - A prediction uses what was known when the row was shown: features that a log only knows afterwards enter histories and
//!   labels, never the row's own features.
//! - Every row of the log is scored, rows that repeat an earlier one too; figures without the repeats stand beside.
//! - The same log, seed and configuration give the same figures.
//!
//! # Never
//! Never a network, never a file but those named; nothing of a log is kept.

mod collide;
mod error;
pub mod globo;
mod history;
pub mod kuairand;
mod log;
pub mod mapping;
mod measure;
mod read;
mod run;

pub use collide::Collide;
pub use error::{Error, Result};
pub use log::{Log, Page, Row};
pub use measure::{Measured, TaskFigures};
pub use run::{Figures, Options, run};
