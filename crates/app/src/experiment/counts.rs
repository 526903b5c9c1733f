//! What was counted of an arm since the start: for the operator's eyes; `watershed experiment` reads the log.

use std::sync::atomic::{AtomicU64, Ordering};

use eventlog::{Body, Event};

/// Running counts of one arm.
#[derive(Debug, Default)]
pub struct ArmCounts {
    pages: AtomicU64,
    judged: AtomicU64,
    impressions: AtomicU64,
    watches: AtomicU64,
    watch_ms: AtomicU64,
    likes: AtomicU64,
}

/// [`ArmCounts`] at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArmTotals {
    /// Pages made, and those of them that every arm judged.
    pub pages: u64,
    pub judged: u64,
    /// Events taken in, repeated ones included.
    pub impressions: u64,
    pub watches: u64,
    pub watch_ms: u64,
    pub likes: u64,
}

impl ArmCounts {
    pub(crate) fn page(&self, arm: &str) {
        metrics::counter!("experiment_pages_total", "arm" => arm.to_owned()).increment(1);
        self.pages.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn judged(&self, arm: &str) {
        metrics::counter!("experiment_judged_pages_total", "arm" => arm.to_owned()).increment(1);
        self.judged.fetch_add(1, Ordering::Relaxed);
    }

    /// An event of one of its viewers was taken in.
    pub(crate) fn event(&self, arm: &str, event: &Event) {
        metrics::counter!("experiment_events_total", "arm" => arm.to_owned(), "kind" => event.body.kind().name()).increment(1);
        match &event.body {
            Body::Impression { .. } => self.impressions.fetch_add(1, Ordering::Relaxed),
            Body::Watch(watch) => {
                metrics::counter!("experiment_watch_milliseconds_total", "arm" => arm.to_owned())
                    .increment(u64::from(watch.watch_ms));
                self.watch_ms.fetch_add(u64::from(watch.watch_ms), Ordering::Relaxed);
                self.watches.fetch_add(1, Ordering::Relaxed)
            }
            Body::Like { .. } => self.likes.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
    }

    pub fn totals(&self) -> ArmTotals {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        ArmTotals {
            pages: of(&self.pages),
            judged: of(&self.judged),
            impressions: of(&self.impressions),
            watches: of(&self.watches),
            watch_ms: of(&self.watch_ms),
            likes: of(&self.likes),
        }
    }
}
