//! What is counted, and what counts as what.

use eventlog::Watch;
use serde::{Deserialize, Serialize};

/// Watching this long is a view.
pub const VIEW_MS_MIN: u32 = 1_000;
/// Watching this share of the clip is finishing it: players stop a little early.
pub const FINISH_PERCENT_MIN: u64 = 95;
/// A skip is less than this much...
pub const SKIP_MS_MAX: u32 = 3_000;
/// ...and less than this share of the clip.
pub const SKIP_PERCENT_MAX: u64 = 25;
/// Parts of a [`WatchCurve`].
pub const CURVE_BUCKETS: usize = 10;

residency::classified! {
    /// What all viewers together did with a video.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct VideoCounts {
        /// Watches of a second or more, or to the end; each counts.
        pub views: u64 = Public,
        /// Viewers with at least one view.
        pub viewers: u64 = Derived,
        /// Times that the clip came into view.
        pub impressions: u64 = Derived,
        /// Viewers who like it now.
        pub likes: u64 = Public,
        /// Comments written, also those deleted since (the store knows how many stand).
        pub comments: u64 = Public,
        /// Viewers who keep it now.
        pub saves: u64 = Public,
        /// Times shared.
        pub shares: u64 = Public,
        pub clicks: u64 = Derived,
        /// Watches to the end.
        pub finishes: u64 = Derived,
        /// Watches that were skips: less than 3 s and less than a quarter.
        pub skips: u64 = Derived,
        /// Milliseconds watched, by all.
        pub watch_ms: u64 = Derived,
        /// Viewers who were not interested.
        pub not_interested: u64 = Derived,
        /// Viewers who reported it.
        pub reports: u64 = Derived,
        /// Follows of its creator by viewers whose latest watched clip of that creator it was.
        pub follows: u64 = Derived,
    }
}

residency::classified! {
    /// What all viewers together did with a creator's published videos.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct CreatorCounts {
        /// Viewers who follow now.
        pub followers: u64 = Public,
        /// Videos that are published.
        pub videos: u64 = Public,
        pub views: u64 = Public,
        pub likes: u64 = Public,
        pub comments: u64 = Public,
        pub saves: u64 = Public,
        pub shares: u64 = Public,
        pub watch_ms: u64 = Derived,
    }
}

residency::classified! {
    /// A hashtag's or sound's published videos and their views.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct TopicCounts {
        pub videos: u64 = Public,
        pub views: u64 = Public,
    }
}

/// How far viewers got: entry `i` counts the watches that ended in the `i`-th tenth of the clip; the last one holds those that
/// reached 90 % or more, loops included. Watches of clips of unknown length are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchCurve(pub [u64; CURVE_BUCKETS]);

impl WatchCurve {
    /// The share of watches that got to each tenth: falls from 1 on; all 0 when there were none.
    pub fn retention(&self) -> [f64; CURVE_BUCKETS] {
        let all: u64 = self.0.iter().sum();
        let mut left = all;
        self.0.map(|ended| {
            let share = left as f64 / all.max(1) as f64;
            left -= ended;
            share
        })
    }
}

/// What a watch was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Judged {
    pub viewed: bool,
    pub finished: bool,
    pub skipped: bool,
    /// Its place in the [`WatchCurve`].
    pub bucket: Option<usize>,
}

/// Judges a watch of a clip of `duration_ms` (0 when unknown: then it is neither a skip nor finished).
pub(crate) fn judge(watch: &Watch, duration_ms: u32) -> Judged {
    let percent = (duration_ms > 0).then(|| u64::from(watch.watch_ms) * 100 / u64::from(duration_ms));
    let finished = percent.is_some_and(|percent| percent >= FINISH_PERCENT_MIN);
    Judged {
        viewed: finished || watch.watch_ms >= VIEW_MS_MIN,
        finished,
        skipped: watch.watch_ms < SKIP_MS_MAX && percent.is_some_and(|percent| percent < SKIP_PERCENT_MAX),
        bucket: percent.map(|percent| (percent as usize / CURVE_BUCKETS).min(CURVE_BUCKETS - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_watch_was() {
        fn check(watch_ms: u32, duration_ms: u32, expected: (bool, bool, bool, Option<usize>)) {
            let video = base::VideoId::from_raw(1);
            let judged = judge(&Watch { video, slate: None, watch_ms, duration_ms }, duration_ms);
            let got = (judged.viewed, judged.finished, judged.skipped, judged.bucket);
            assert_eq!(got, expected, "{watch_ms} of {duration_ms}");
        }
        check(999, 10_000, (false, false, true, Some(0)));
        check(1_000, 10_000, (true, false, true, Some(1)));
        check(2_499, 10_000, (true, false, true, Some(2)));
        check(2_500, 10_000, (true, false, false, Some(2)));
        check(3_000, 60_000, (true, false, false, Some(0)));
        check(9_499, 10_000, (true, false, false, Some(9)));
        check(9_500, 10_000, (true, true, false, Some(9)));
        check(45_000, 10_000, (true, true, false, Some(9)));
        check(400, 400, (true, true, false, Some(9)));
        check(500, 0, (false, false, false, None));
        check(1_500, 0, (true, false, false, None));
    }

    #[test]
    fn retention_falls_from_one() {
        let curve = WatchCurve([1, 0, 0, 0, 2, 0, 0, 0, 0, 1]);
        assert_eq!(curve.retention(), [1.0, 0.75, 0.75, 0.75, 0.75, 0.25, 0.25, 0.25, 0.25, 0.25]);
        assert_eq!(WatchCurve::default().retention(), [0.0; 10]);
    }
}
