//! What a history alone says about taste: exact, table-free, and there from the first finished clip on.
//!
//! Item i (newest first) has the weight `w_i = 2^(-i/16) * 2^(-age_days/7)` and the valence `v_i` of its outcome. For any set S of
//! items (those with a hashtag, by a creator, ...) the affinity is the shrunk mean
//! `(sum_S w v + kappa * rho * m) / (sum_S w + kappa)`, with `m` the viewer's own shrunk mean outcome: what was never seen sits at
//! `rho * m`, and a viewer who skips most things is not taken to hate whatever they skipped once.

use crate::features::{HISTORY_MAX, HistoryItem};
use crate::math::{exp, log2_linear};

/// Ranks after which an item weighs half.
const HALF_RANK: f32 = 16.0;
/// Days after which an item weighs half.
const HALF_DAYS: f32 = 7.0;
/// Items' worth of prior.
const KAPPA: f32 = 1.0;
/// How far the prior leans to the viewer's own mean.
const RHO: f32 = 0.5;
/// What counts as the last days, milliseconds, and items' worth of prior for them.
const DAYS_MS: i64 = 72 * 3_600_000;
const DAYS_KAPPA: f32 = 4.0;
/// Newest items that count as "recent".
const RECENT: usize = 5;

/// Power of two; at least twice the hashtags that a full history can have.
const SLOTS: usize = 512;

/// Sums per key, in order of first sight. Open addressing on the stack: no allocation on the request path.
struct Sums {
    slots: [u16; SLOTS],
    entries: Vec<Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    key: u64,
    mass: f32,
    total: f32,
}

impl Sums {
    fn new(capacity: usize) -> Self {
        Self { slots: [0; SLOTS], entries: Vec::with_capacity(capacity) }
    }

    #[inline(always)]
    fn slot(key: u64) -> usize {
        (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & (SLOTS - 1)
    }

    fn add(&mut self, key: u64, mass: f32, valence: f32) {
        let mut at = Self::slot(key);
        // At most HISTORY_MAX * HISTORY_HASHTAGS entries live in SLOTS slots, so an empty one ends the search.
        loop {
            match self.slots[at] {
                0 => {
                    self.entries.push(Entry { key, mass, total: mass * valence });
                    self.slots[at] = self.entries.len() as u16;
                    return;
                }
                entry if self.entries[usize::from(entry) - 1].key == key => {
                    let entry = &mut self.entries[usize::from(entry) - 1];
                    entry.mass += mass;
                    entry.total += mass * valence;
                    return;
                }
                _ => at = (at + 1) & (SLOTS - 1),
            }
        }
    }

    #[inline(always)]
    fn get(&self, key: u64) -> (f32, f32) {
        let mut at = Self::slot(key);
        loop {
            match self.slots[at] {
                0 => return (0.0, 0.0),
                entry if self.entries[usize::from(entry) - 1].key == key => {
                    let entry = self.entries[usize::from(entry) - 1];
                    return (entry.mass, entry.total);
                }
                _ => at = (at + 1) & (SLOTS - 1),
            }
        }
    }
}

/// A history, weighed.
pub(crate) struct Taste {
    pub len: usize,
    pub weight: [f32; HISTORY_PADDED],
    pub valence: [f32; HISTORY_PADDED],
    videos: [u64; HISTORY_PADDED],
    /// How each item ended and how long ago, in octaves of seconds.
    marks: [u16; HISTORY_PADDED],
    hashtags: Sums,
    creators: Sums,
    /// The viewer's shrunk mean outcome.
    pub mean: f32,
    pub recent: f32,
    /// Time since the newest item, in octaves of seconds, about 0 to 1; 1 without a history.
    pub pause: f32,
    /// How the last three days went: the sum of the outcomes above the mean of what came before; and what it rests on.
    pub days: f32,
    pub days_evidence: f32,
    /// The valence of the newest item.
    pub last: f32,
}

/// [`HISTORY_MAX`] in whole vectors; weights beyond the history are zero.
pub(crate) const HISTORY_PADDED: usize = HISTORY_MAX.next_multiple_of(16);

/// A shrunk mean and what it rests on (0 to 1).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Opinion {
    pub mean: f32,
    pub evidence: f32,
}

/// The candidate's hashtags, judged.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct HashtagOpinion {
    pub all: Opinion,
    pub best: f32,
    pub worst: f32,
}

impl Taste {
    pub fn of(now_ms: i64, history: &[HistoryItem]) -> Self {
        let history = &history[..history.len().min(HISTORY_MAX)];
        let mut taste = Self {
            len: history.len(),
            weight: [0.0; HISTORY_PADDED],
            valence: [0.0; HISTORY_PADDED],
            videos: [0; HISTORY_PADDED],
            marks: [0; HISTORY_PADDED],
            hashtags: Sums::new(2 * history.len()),
            creators: Sums::new(history.len()),
            mean: 0.0,
            recent: 0.0,
            pause: history.first().map_or(1.0, |item| pause(now_ms, item)),
            days: 0.0,
            days_evidence: 0.0,
            last: history.first().map_or(0.0, HistoryItem::valence),
        };
        let (mut mass, mut total, mut recent) = (0.0, 0.0, (0.0, 0.0));
        for (rank, item) in history.iter().enumerate() {
            let age_days = now_ms.saturating_sub(item.at_ms).max(0) as f32 / 86_400_000.0;
            let w = exp(-std::f32::consts::LN_2 * (rank as f32 / HALF_RANK + age_days / HALF_DAYS));
            let v = item.valence();
            (taste.weight[rank], taste.valence[rank], taste.videos[rank]) = (w, v, item.video);
            taste.marks[rank] = mark(now_ms, item);
            (mass, total) = (mass + w, total + w * v);
            if rank < RECENT {
                recent = (recent.0 + w, recent.1 + w * v);
            }
            taste.creators.add(item.creator, w, v);
            for (position, hashtag) in item.hashtags.iter().enumerate() {
                // A hashtag given twice counts once.
                if *hashtag != 0 && !item.hashtags[..position].contains(hashtag) {
                    taste.hashtags.add(*hashtag, w, v);
                }
            }
        }
        (taste.days, taste.days_evidence) = last_days(now_ms, history);
        taste.mean = total / (mass + KAPPA);
        taste.recent = recent.1 / (recent.0 + KAPPA);
        taste
    }

    #[inline(always)]
    pub fn opinion(&self, mass: f32, total: f32, kappa: f32) -> Opinion {
        Opinion { mean: (total + kappa * RHO * self.mean) / (mass + kappa), evidence: mass / (mass + kappa) }
    }

    #[inline(always)]
    pub fn creator(&self, creator: u64) -> Opinion {
        let (mass, total) = self.creators.get(creator);
        self.opinion(mass, total, KAPPA)
    }

    #[inline(always)]
    pub fn hashtag(&self, hashtag: u64) -> Opinion {
        let (mass, total) = self.hashtags.get(hashtag);
        self.opinion(mass, total, KAPPA)
    }

    #[inline(always)]
    pub fn hashtags(&self, hashtags: &[u64]) -> HashtagOpinion {
        let (mut mass, mut total) = (0.0, 0.0);
        let unseen = self.opinion(0.0, 0.0, KAPPA).mean;
        let (mut best, mut worst) = (unseen, unseen);
        for (at, hashtag) in hashtags.iter().enumerate() {
            if hashtags[..at].contains(hashtag) {
                continue;
            }
            let (m, t) = self.hashtags.get(*hashtag);
            let mean = self.opinion(m, t, KAPPA).mean;
            (mass, total, best, worst) = (mass + m, total + t, best.max(mean), worst.min(mean));
        }
        HashtagOpinion { all: self.opinion(mass, total, KAPPA), best, worst }
    }

    /// The candidate's own place in the history, when it was seen before.
    #[inline(always)]
    pub fn seen(&self, video: u64) -> Option<usize> {
        self.videos[..self.len].iter().position(|seen| *seen == video)
    }

    /// The context key of having seen the candidate before.
    #[inline(always)]
    pub fn seen_key(&self, video: u64) -> Option<u64> {
        self.seen(video).map(|at| seen_context(self.marks[at]))
    }
}

/// The outcomes of the last [`DAYS_MS`] above the mean of what came before, summed, and what that rests on.
fn last_days(now_ms: i64, history: &[HistoryItem]) -> (f32, f32) {
    let (mut young, mut old) = ((0.0, 0.0), (DAYS_KAPPA, 0.0));
    for item in history {
        let sum = if now_ms.saturating_sub(item.at_ms) < DAYS_MS { &mut young } else { &mut old };
        *sum = (sum.0 + 1.0, sum.1 + item.valence());
    }
    let above = young.1 - young.0 * old.1 / old.0;
    ((above / DAYS_KAPPA).max(-2.0).min(2.0), young.0 / (young.0 + DAYS_KAPPA))
}

fn pause(now_ms: i64, item: &HistoryItem) -> f32 {
    (log2_linear(1.0 + now_ms.saturating_sub(item.at_ms).max(0) as f32 / 1_000.0) / 20.0).min(1.0)
}

/// How an item ended, and how long ago, in octaves of seconds.
fn mark(now_ms: i64, item: &HistoryItem) -> u16 {
    let age_s = now_ms.saturating_sub(item.at_ms).max(0) as f32 / 1_000.0;
    ((item.outcome as u16) << 8) | (log2_linear(1.0 + age_s) as u16).min(255)
}

fn seen_context(mark: u16) -> u64 {
    (18 << 16) | u64::from(mark)
}

/// The context key of having seen a video before, without weighing the whole history.
pub(crate) fn seen_key(now_ms: i64, history: &[HistoryItem], video: u64) -> Option<u64> {
    history.iter().take(HISTORY_MAX).find(|item| item.video == video).map(|item| seen_context(mark(now_ms, item)))
}

/// A hashtag and what the history says of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Topic {
    /// [`crate::feature_hash`] of the hashtag.
    pub hashtag: u64,
    /// -1 (always skipped) to 1 (always liked), shrunk to 0 when little was seen.
    pub weight: f32,
    /// 0 to 1: how much the weight rests on.
    pub evidence: f32,
}

/// What a history says of each hashtag in it, strongest weight first. The same arithmetic that scores the feed.
pub fn topics(now_ms: i64, history: &[HistoryItem]) -> Vec<Topic> {
    let taste = Taste::of(now_ms, history);
    let topic = |entry: &Entry| {
        let weight = entry.total / (entry.mass + KAPPA);
        Topic { hashtag: entry.key, weight, evidence: entry.mass / (entry.mass + KAPPA) }
    };
    let mut topics: Vec<Topic> = taste.hashtags.entries.iter().map(topic).collect();
    topics.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()).then(a.hashtag.cmp(&b.hashtag)));
    topics
}

/// What a history says of each creator in it (key, weight as in [`Topic`]), strongest weight first.
pub fn creators(now_ms: i64, history: &[HistoryItem]) -> Vec<(u64, f32)> {
    let taste = Taste::of(now_ms, history);
    let mut creators: Vec<(u64, f32)> =
        taste.creators.entries.iter().map(|entry| (entry.key, entry.total / (entry.mass + KAPPA))).collect();
    creators.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
    creators
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{Outcome, VideoFeatures};

    fn seen(hashtags: &[u64], creator: u64, outcome: Outcome) -> HistoryItem {
        let video = VideoFeatures { video: 1, creator, hashtags: hashtags.to_vec(), ..Default::default() };
        HistoryItem::new(&video, (outcome, 1.0), 0)
    }

    #[test]
    fn three_finished_and_three_skipped_part_two_kinds() {
        let (a, b) = (Outcome::Finished, Outcome::Skipped);
        let history = [a, b, a, b, a, b].map(|o| if o == a { seen(&[7, 9], 1, o) } else { seen(&[8, 9], 2, o) });
        let taste = Taste::of(0, &history);
        let (liked, disliked, new) = (taste.hashtags(&[7, 9]), taste.hashtags(&[8, 9]), taste.hashtags(&[10]));
        assert!(liked.best > 0.35 && disliked.worst < -0.35, "{liked:?} {disliked:?}");
        assert!(liked.all.mean > new.all.mean && new.all.mean > disliked.all.mean);
        assert!(taste.creator(1).mean > 0.35 && taste.creator(2).mean < -0.35);
        let topics = topics(0, &history);
        assert_eq!(topics.last().map(|t| t.hashtag), Some(9), "what stands on everything says nothing");
        assert!(topics.iter().any(|t| t.hashtag == 7 && t.weight > 0.35));
    }

    #[test]
    fn only_finishing_still_tells_the_seen_from_the_unseen() {
        let history = [seen(&[7], 1, Outcome::Finished); 3];
        let taste = Taste::of(0, &history);
        assert!(taste.hashtag(7).mean > taste.hashtag(8).mean + 0.2);
    }

    #[test]
    fn older_items_count_less_and_broken_ones_not_at_all() {
        let mut history = vec![seen(&[7], 1, Outcome::Finished), seen(&[7], 1, Outcome::Skipped)];
        assert!(Taste::of(0, &history).hashtag(7).mean > Taste::of(0, &[history[1], history[0]]).hashtag(7).mean);
        history[0].strength = f32::NAN;
        assert!(Taste::of(0, &history).hashtag(7).mean < 0.0);
        history = vec![history[1]; 500];
        assert_eq!(Taste::of(0, &history).len, HISTORY_MAX);
    }
}
