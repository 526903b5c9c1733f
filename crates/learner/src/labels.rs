//! What a length of watching means. The same thresholds everywhere: labels, histories, counters.

use crate::task::{Labels, Task};

/// A view this long is a long view even when the clip is longer (the definition of KuaiRand, doi 10.1145/3511808.3557624).
pub const LONG_VIEW_MS: u32 = 18_000;
/// The share of the clip that counts as finished: players stop reporting a little before the end.
pub const FINISH_SHARE: f32 = 0.95;
/// Gone before this long, or before [`SKIP_SHARE`] of a shorter clip: a skip.
pub const SKIP_MS: u32 = 2_000;
pub const SKIP_SHARE: f32 = 0.25;
/// Loops beyond this count no further.
pub const RATIO_MAX: f32 = 4.0;

/// The judgements of one view.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WatchLabels {
    pub finish: bool,
    pub long_view: bool,
    pub skip: bool,
    /// Watch time over the clip's length, 0 to [`RATIO_MAX`]; 0 when the length is unknown.
    pub ratio: f32,
}

impl WatchLabels {
    /// `watch_ms` of picture shown, all loops together, of a clip of `duration_ms` (0 = unknown: only a long view can be told).
    pub fn of(watch_ms: u32, duration_ms: u32) -> Self {
        let ratio = if duration_ms == 0 { 0.0 } else { (watch_ms as f32 / duration_ms as f32).min(RATIO_MAX) };
        let known = duration_ms > 0;
        let finish = known && ratio >= FINISH_SHARE;
        let long_view = watch_ms >= LONG_VIEW_MS || (known && duration_ms <= LONG_VIEW_MS && finish);
        let skip_below = if known { SKIP_MS.min((duration_ms as f32 * SKIP_SHARE) as u32) } else { SKIP_MS };
        Self { finish, long_view, skip: watch_ms < skip_below && !finish, ratio }
    }

    /// As labels; finish and watch time stay open when the clip's length is unknown.
    pub fn labels(&self, duration_ms: u32) -> Labels {
        let yes = |flag: bool| if flag { 1.0 } else { 0.0 };
        let labels = Labels::none().with(Task::LongView, yes(self.long_view)).with(Task::Skip, yes(self.skip));
        if duration_ms == 0 { labels } else { labels.with(Task::Finish, yes(self.finish)).with(Task::WatchTime, self.ratio) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_watching() {
        fn check(watch_ms: u32, duration_ms: u32, expected: &str) {
            let w = WatchLabels::of(watch_ms, duration_ms);
            let names = [(w.finish, "finish"), (w.long_view, "long_view"), (w.skip, "skip")];
            let told: Vec<&str> = names.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect();
            assert_eq!(told.join(" "), expected, "{watch_ms} of {duration_ms}");
        }
        check(0, 10_000, "skip");
        check(1_999, 10_000, "skip");
        check(2_000, 10_000, "");
        check(600, 3_000, "skip");
        check(800, 3_000, "");
        check(9_500, 10_000, "finish long_view");
        check(20_000, 60_000, "long_view");
        check(59_000, 60_000, "finish long_view");
        check(500, 0, "skip");
        check(20_000, 0, "long_view");
        check(u32::MAX, 1, "finish long_view");
    }
}
