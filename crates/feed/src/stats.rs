//! What the operator's page shows of the feed: totals since the start, and latency per second for the last minutes.

use base::Timestamp;
use parking_lot::Mutex;

use crate::{Slate, SourceKind, SourceStatus};

/// Seconds of latency that are kept.
const SECONDS: usize = 300;
/// Latency buckets: four per doubling, from 16 microseconds to 17 seconds.
const BUCKETS: usize = 80;
const BUCKETS_PER_DOUBLING: f32 = 4.0;
const FIRST_BUCKET_US: f32 = 16.0;

/// Removals since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterCount {
    pub filter: &'static str,
    pub reason: &'static str,
    pub count: u64,
}

/// A source's runs since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceCount {
    pub source: SourceKind,
    pub ok: u64,
    pub late: u64,
    pub failed: u64,
}

/// One value per second, oldest first; the second that is still running is left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LatencySeries {
    /// Start of each second, Unix milliseconds.
    pub t_ms: Vec<i64>,
    pub requests_per_s: Vec<f32>,
    /// 0 in a second without requests. Upper ends of buckets, so at most 19% too high.
    pub p50_ms: Vec<f32>,
    pub p99_ms: Vec<f32>,
}

/// Everything, as of now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StatsSnapshot {
    pub slates: u64,
    pub fallbacks: u64,
    /// Most frequent first.
    pub filters: Vec<FilterCount>,
    pub sources: Vec<SourceCount>,
    pub series: LatencySeries,
}

#[derive(Clone)]
struct Second {
    second: i64,
    counts: [u32; BUCKETS],
}

#[derive(Default)]
struct Inner {
    slates: u64,
    scored: u64,
    fallbacks: u64,
    filters: Vec<FilterCount>,
    sources: Vec<SourceCount>,
    ring: Vec<Second>,
}

/// Counts pages. One short lock per page.
#[derive(Default)]
pub struct FeedStats {
    inner: Mutex<Inner>,
}

impl FeedStats {
    /// Counts a page made at `now`, here and in the process's metrics.
    pub fn note(&self, now: Timestamp, slate: &Slate) {
        let groups = slate.removed_groups(0);
        metrics::histogram!("feed_page_seconds").record(slate.timings.total_us as f64 / 1e6);
        metrics::counter!("feed_candidates_scored_total").increment(slate.scored as u64);
        for group in &groups {
            metrics::counter!("feed_removed_total", "filter" => group.filter, "reason" => group.reason)
                .increment(group.count as u64);
        }
        for report in &slate.sources {
            metrics::counter!("feed_source_runs_total", "source" => report.source.name(), "status" => report.status.name())
                .increment(1);
        }

        let mut inner = self.inner.lock();
        inner.slates += 1;
        inner.scored += slate.scored as u64;
        inner.fallbacks += u64::from(slate.fallback);
        for group in groups {
            let count = group.count as u64;
            match inner.filters.iter_mut().find(|known| known.filter == group.filter && known.reason == group.reason) {
                Some(known) => known.count += count,
                None => inner.filters.push(FilterCount { filter: group.filter, reason: group.reason, count }),
            }
        }
        for report in &slate.sources {
            let at = inner.sources.iter().position(|known| known.source == report.source).unwrap_or_else(|| {
                inner.sources.push(SourceCount { source: report.source, ok: 0, late: 0, failed: 0 });
                inner.sources.len() - 1
            });
            if let Some(known) = inner.sources.get_mut(at) {
                match report.status {
                    SourceStatus::Ok => known.ok += 1,
                    SourceStatus::Late => known.late += 1,
                    SourceStatus::Failed => known.failed += 1,
                }
            }
        }
        inner.note_latency(second_of(now), slate.timings.total_us);
    }

    /// Candidates scored since the start.
    pub fn scored_total(&self) -> u64 {
        self.inner.lock().scored
    }

    /// Totals, and the last `seconds` (at most 300) whole seconds before `now`.
    pub fn snapshot(&self, now: Timestamp, seconds: usize) -> StatsSnapshot {
        let inner = self.inner.lock();
        let mut filters = inner.filters.clone();
        filters.sort_by_key(|known| std::cmp::Reverse(known.count));
        let mut sources = inner.sources.clone();
        sources.sort_by_key(|known| known.source);
        let mut series = LatencySeries::default();
        let running = second_of(now);
        for second in running - seconds.min(SECONDS - 1) as i64..running {
            let counts = inner.ring.get(slot_of(second)).filter(|kept| kept.second == second).map(|kept| &kept.counts);
            let requests = counts.map_or(0, |counts| counts.iter().sum::<u32>());
            series.t_ms.push(second * 1_000);
            series.requests_per_s.push(requests as f32);
            series.p50_ms.push(counts.map_or(0.0, |counts| quantile_ms(counts, 0.5)));
            series.p99_ms.push(counts.map_or(0.0, |counts| quantile_ms(counts, 0.99)));
        }
        StatsSnapshot { slates: inner.slates, fallbacks: inner.fallbacks, filters, sources, series }
    }
}

impl Inner {
    fn note_latency(&mut self, second: i64, latency_us: u64) {
        if self.ring.is_empty() {
            self.ring = vec![Second { second: i64::MIN, counts: [0; BUCKETS] }; SECONDS];
        }
        let Some(kept) = self.ring.get_mut(slot_of(second)) else { return };
        if kept.second > second {
            return; // A clock that went back: too old to matter.
        }
        if kept.second < second {
            *kept = Second { second, counts: [0; BUCKETS] };
        }
        if let Some(count) = kept.counts.get_mut(bucket_of(latency_us)) {
            *count += 1;
        }
    }
}

fn second_of(now: Timestamp) -> i64 {
    now.as_millis().div_euclid(1_000)
}

fn slot_of(second: i64) -> usize {
    second.rem_euclid(SECONDS as i64) as usize
}

fn bucket_of(latency_us: u64) -> usize {
    let doublings = (latency_us as f32 / FIRST_BUCKET_US).max(1.0).log2();
    ((doublings * BUCKETS_PER_DOUBLING).ceil() as usize).min(BUCKETS - 1)
}

/// The upper end of the bucket in which the quantile falls; 0 when nothing was counted.
fn quantile_ms(counts: &[u32], quantile: f32) -> f32 {
    let total: u32 = counts.iter().sum();
    let rank = (total as f32 * quantile).ceil() as u32;
    let mut sum = 0;
    for (bucket, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        sum += count;
        if sum >= rank {
            return FIRST_BUCKET_US * (bucket as f32 / BUCKETS_PER_DOUBLING).exp2() / 1_000.0;
        }
    }
    0.0
}

#[cfg(test)]
mod tests {
    use base::{SlateId, VideoId};

    use crate::{Removed, StageTimings};

    use super::*;

    fn slate(total_us: u64, seen: usize) -> Slate {
        let removed = Removed { filter: "seen", reason: "seen", video: VideoId::from_raw(1) };
        Slate {
            id: SlateId::from_raw(1),
            items: Vec::new(),
            removed: vec![removed; seen],
            sources: Vec::new(),
            fallback: false,
            scored: 0,
            timings: StageTimings { total_us, ..StageTimings::default() },
            considered: None,
        }
    }

    #[test]
    fn latency_per_second_and_totals() {
        let stats = FeedStats::default();
        let at = |second: i64| Timestamp::from_millis(1_800_000_000_000 + second * 1_000);
        for request in 0..100 {
            stats.note(at(0), &slate(if request < 98 { 1_000 } else { 50_000 }, 2));
        }
        stats.note(at(2), &slate(4_000_000_000, 0));
        stats.note(at(3), &slate(1_000, 0));
        let got = stats.snapshot(at(3), 3);
        assert_eq!((got.slates, got.filters[0].count), (102, 200));
        assert_eq!(got.series.t_ms, [0, 1, 2].map(|second| at(second).as_millis()));
        assert_eq!(got.series.requests_per_s, [100.0, 0.0, 1.0], "the running second is left out");
        let check = |value: f32, exact: f32| assert!(value >= exact && value <= exact * 1.2, "{value} for {exact}");
        check(got.series.p50_ms[0], 1.0);
        check(got.series.p99_ms[0], 50.0);
        assert_eq!(got.series.p50_ms[1], 0.0);
        // A ring's length later the slots are used again.
        stats.note(at(SECONDS as i64), &slate(1_000, 0));
        let later = stats.snapshot(at(SECONDS as i64 + 1), SECONDS);
        assert_eq!(later.series.requests_per_s.iter().sum::<f32>(), 3.0);
    }
}
