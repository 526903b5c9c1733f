//! Asks the sources, in parallel, and puts their answers together.

use std::sync::Arc;

use base::VideoId;
use foldhash::fast::FixedState;
use futures_util::future::join_all;
use hashbrown::HashMap;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use super::micros;
use crate::{Brought, FeedError, Found, Query, Removed, Source, SourceReport, SourceStatus};

/// The most that one source can bring; the rest of a longer answer is dropped.
const FOUND_MAX: usize = 1_000;

/// A video that sources brought, of which nothing else is known yet.
pub(super) struct Sourced {
    pub(super) video: VideoId,
    pub(super) brought: Brought,
}

#[derive(Default)]
pub(super) struct Gathered {
    /// Each video once; the sources' best first, by turns.
    pub(super) sourced: Vec<Sourced>,
    pub(super) removed: Vec<Removed>,
    /// In the order of the sources.
    pub(super) reports: Vec<SourceReport>,
}

/// Each source runs on a task of its own, so that one that blocks or panics hurts nobody else, and is cancelled when it is
/// late. Answers are put together in the order of the sources, not of their arrival: the page does not depend on who was
/// quicker.
pub(super) async fn gather(query: &Arc<Query>, sources: &[Arc<dyn Source>]) -> Gathered {
    let started = Instant::now();
    let asked = sources.iter().map(|source| {
        let (asked, query) = (source.clone(), query.clone());
        let task = AbortOnDropHandle::new(tokio::spawn(async move { (asked.find(&query).await, micros(started)) }));
        let deadline = source.deadline();
        async move {
            match timeout_at(started + deadline, task).await {
                Ok(Ok((answer, elapsed_us))) => (answer, elapsed_us),
                Ok(Err(_)) => (Err(FeedError::Stopped), micros(started)),
                Err(_) => (Err(FeedError::Late(deadline.as_millis())), micros(started)),
            }
        }
    });
    let answers = join_all(asked).await;

    let mut gathered = Gathered::default();
    let mut founds = Vec::with_capacity(sources.len());
    for (source, (answer, elapsed_us)) in sources.iter().zip(answers) {
        let kind = source.kind();
        let (status, found) = match answer {
            Ok(found) => (SourceStatus::Ok, found),
            Err(FeedError::Late(_)) => (SourceStatus::Late, Found::default()),
            Err(error) => {
                tracing::debug!(source = kind.name(), %error, "feed source failed");
                (SourceStatus::Failed, Found::default())
            }
        };
        gathered.reports.push(SourceReport { source: kind, status, candidates: found.items.len(), elapsed_us });
        gathered.removed.extend(found.removed);
        founds.push((kind, found.items));
    }
    gathered.sourced = by_turns(&founds);
    gathered
}

/// The best of each source, then the second best of each, and so on; a video that several brought stands once.
fn by_turns(founds: &[(crate::SourceKind, Vec<(VideoId, f32)>)]) -> Vec<Sourced> {
    let total = founds.iter().map(|(_, items)| items.len().min(FOUND_MAX)).sum();
    let longest = founds.iter().map(|(_, items)| items.len().min(FOUND_MAX)).max().unwrap_or(0);
    let mut places: HashMap<VideoId, usize, FixedState> = HashMap::with_capacity_and_hasher(total, FixedState::default());
    let mut sourced: Vec<Sourced> = Vec::with_capacity(total);
    for turn in 0..longest {
        for (kind, items) in founds {
            let Some((video, score)) = items.get(turn) else { continue };
            let place = *places.entry(*video).or_insert_with(|| {
                sourced.push(Sourced { video: *video, brought: Brought::default() });
                sourced.len() - 1
            });
            if let Some(known) = sourced.get_mut(place) {
                known.brought.add(*kind, *score);
            }
        }
    }
    sourced
}
