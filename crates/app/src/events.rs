//! Taking in what people did.

use std::collections::BTreeMap;
use std::net::IpAddr;

use base::ViewerId;
use eventlog::intake::{self, Form, Reason, Rejected, ViewerPolicy};
use eventlog::{Body, Error, Event, Partition};

use crate::{App, AppError};

/// Batches longer than this are parsed on a thread of their own, so that they do not hold up other requests.
const PARSE_INLINE_BYTES_MAX: usize = 32 * 1024;

/// What became of a batch.
#[derive(Debug)]
pub struct Taken {
    /// Events that are on disk now.
    pub accepted: usize,
    pub rejected: Vec<Rejected>,
}

/// Whose events a batch holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// A viewer's own. Anonymous ones watch and react; what others see under a name takes an account.
    Viewer { viewer: ViewerId, signed_in: bool },
    /// Each event names its viewer: for operators.
    Named,
}

impl App {
    /// Takes note of where a viewer's events come from; to be called before they are taken. The address goes no further than here.
    pub async fn note_origin(&self, viewer: ViewerId, address: IpAddr) -> Result<(), AppError> {
        let Some(origin) = self.origins.news(viewer, address, self.clock.now()) else { return Ok(()) };
        let event = self.telling.event(viewer, Body::Origin { origin });
        let told = self.log.append(self.log.partition_of(viewer), vec![event]).await;
        Ok(told.map(|_| ()).inspect_err(|_| self.origins.forget(viewer))?)
    }

    /// Parses a batch and appends its good events to the log. When this returns, they are on disk.
    pub async fn take_events(&self, body: bytes::Bytes, form: Form, whose: Whose) -> Result<Taken, AppError> {
        let (policy, anonymous) = match whose {
            Whose::Viewer { viewer, signed_in } => (ViewerPolicy::Fixed(viewer), !signed_in),
            Whose::Named => (ViewerPolicy::FromEvent, false),
        };
        let now = self.clock.now();
        let mut batch = if body.len() <= PARSE_INLINE_BYTES_MAX {
            intake::parse(&body, form, &policy, now)
        } else {
            tokio::task::spawn_blocking(move || intake::parse(&body, form, &policy, now)).await.map_err(AppError::internal)?
        }?;
        batch.refuse(|event| match event.video() {
            _ if anonymous && event.body.kind().needs_account() => Some((Reason::SignInRequired, "this takes an account")),
            // It would be remembered for nothing.
            Some(video) if !self.brain.videos.knows(video) => Some((Reason::UnknownVideo, "there is no such video")),
            _ => None,
        });
        let accepted = batch.events.len();
        let mut by_partition = BTreeMap::<Partition, Vec<Event>>::new();
        for event in batch.events {
            by_partition.entry(self.log.partition_of(event.viewer)).or_default().push(event);
        }
        for (partition, events) in by_partition {
            if let Some(experiment) = &self.experiment {
                for event in &events {
                    experiment.note(event);
                }
            }
            let appended = self.log.append(partition, events).await?;
            if let Whose::Viewer { viewer, .. } = whose {
                self.acknowledged.note(viewer, partition, appended.end);
            }
        }
        metrics::counter!("events_accepted_total").increment(accepted as u64);
        metrics::counter!("events_rejected_total").increment(batch.rejected.len() as u64);
        Ok(Taken { accepted, rejected: batch.rejected })
    }
}

impl From<Error> for AppError {
    fn from(error: Error) -> Self {
        match error {
            Error::Busy | Error::Closed => Self::Unavailable {
                code: "log_busy",
                detail: "Too much is coming in right now. Send this again in a moment.".into(),
            },
            Error::BatchTooLarge { .. } => Self::Refused { status: 413, code: "batch_too_large", detail: error.to_string() },
            Error::BatchMalformed(_) => Self::Refused { status: 400, code: "batch_malformed", detail: error.to_string() },
            other => Self::internal(other),
        }
    }
}
