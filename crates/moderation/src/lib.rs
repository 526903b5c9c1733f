//! Visibility and reports: what may be shown, and what people say should not be.
//!
//! Ranking never decides what may be shown; this crate does. A video is shown unless an operator has taken it down.
//!
//! Invariants:
//! - somebody reports a thing once: saying it again changes nothing, and there are no anonymous reports;
//! - only an operator's decision changes what is shown; reports alone never do;
//! - whether somebody is an operator is the caller's to know; who decided is kept with the decision;
//! - after an account is deleted, no report and no decision mentions it.

mod reports;
mod visibility;

use std::sync::Arc;

use base::{Clock, IdMaker, Rng, Timestamp};
use parking_lot::Mutex;
use store::Store;

pub use reports::{NewReport, REPORT_NOTE_CHARS_MAX, Reason, Report, ReportExport, ReportState, Reported, Subject};
pub use visibility::Removal;

#[derive(Debug, thiserror::Error)]
pub enum ModerationError {
    #[error("{message}")]
    Invalid { field: &'static str, code: &'static str, message: &'static str },
    #[error("there is no such report")]
    NotFound,
    #[error("too many reports")]
    TooFast { retry_after_s: u64 },
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

impl From<sqlx::Error> for ModerationError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// The moderation of this region.
pub struct Moderation {
    store: Store,
    clock: Arc<dyn Clock>,
    ids: Mutex<IdMaker>,
}

impl Moderation {
    pub fn new(store: Store, clock: Arc<dyn Clock>, rng: Rng) -> Self {
        Self { store, clock, ids: Mutex::new(IdMaker::new(rng)) }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

#[cfg(test)]
mod tests;
