//! What a history alone says about taste: exact, table-free, and there from the first finished clip on.
//!
//! Item i (newest first) has the weight `w_i = 2^(-i/16) * 2^(-age_days/7)` and the valence `v_i` of its outcome. For any set S of
//! items (those with a hashtag, by a creator, ...) the affinity is the shrunk mean
//! `(sum_S w v + kappa * rho * m) / (sum_S w + kappa)`, with `m` the viewer's own shrunk mean outcome: what was never seen sits at
//! `rho * m`, and a viewer who skips most things is not taken to hate whatever they skipped once.

use crate::features::{HASHTAGS_MAX, HISTORY_MAX, HistoryItem, VideoFeatures};
use crate::math::{D, ZERO, exp, log2_linear, sum};

/// Ranks after which an item weighs half.
const HALF_RANK: f32 = 16.0;
/// Days after which an item weighs half.
const HALF_DAYS: f32 = 7.0;
/// Items' worth of prior.
const KAPPA: f32 = 1.0;
/// How far the prior leans to the viewer's own mean.
const RHO: f32 = 0.5;
/// What counts as the last days, seconds, and items' worth of prior for them.
const DAYS_S: f32 = 72.0 * 3_600.0;
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
    pub weight: Lanes,
    pub valence: Lanes,
    videos: [u64; HISTORY_PADDED],
    /// How each item ended and how long ago, in octaves of seconds.
    marks: [u16; HISTORY_PADDED],
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

/// A number per history item.
pub(crate) type Lanes = [f32; HISTORY_PADDED];

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

/// What a history says of one candidate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Judged {
    pub hashtags: HashtagOpinion,
    pub creator: Opinion,
}

/// The masses and weighted outcomes of every hashtag and creator in a history: worth its making when many candidates are judged.
pub(crate) struct Tally {
    hashtags: Sums,
    creators: Sums,
}

impl Tally {
    pub fn of(taste: &Taste, history: &[HistoryItem]) -> Self {
        let mut tally = Self { hashtags: Sums::new(2 * taste.len), creators: Sums::new(taste.len) };
        for (rank, item) in history.iter().take(taste.len).enumerate() {
            let (w, v) = (taste.weight[rank], taste.valence[rank]);
            tally.creators.add(item.creator, w, v);
            for (position, hashtag) in item.hashtags.iter().enumerate() {
                // A hashtag given twice counts once.
                if *hashtag != 0 && !item.hashtags[..position].contains(hashtag) {
                    tally.hashtags.add(*hashtag, w, v);
                }
            }
        }
        tally
    }

    #[inline(always)]
    pub fn judge(&self, taste: &Taste, video: &VideoFeatures) -> Judged {
        let (mass, total) = self.creators.get(video.creator);
        Judged {
            hashtags: taste.hashtags(known(video), |hashtag| self.hashtags.get(hashtag)),
            creator: taste.opinion(mass, total, KAPPA),
        }
    }
}

/// The hashtags that count.
#[inline(always)]
fn known(video: &VideoFeatures) -> &[u64] {
    &video.hashtags[..video.hashtags.len().min(HASHTAGS_MAX)]
}

impl Taste {
    pub const NONE: Self = Self {
        len: 0,
        weight: [0.0; HISTORY_PADDED],
        valence: [0.0; HISTORY_PADDED],
        videos: [0; HISTORY_PADDED],
        marks: [0; HISTORY_PADDED],
        mean: 0.0,
        recent: 0.0,
        pause: 1.0,
        days: 0.0,
        days_evidence: 0.0,
        last: 0.0,
    };

    pub fn of(now_ms: i64, history: &[HistoryItem]) -> Self {
        let mut taste = Self::NONE;
        taste.weigh(now_ms, history);
        taste
    }

    /// Weighs another history; what it leaves behind beyond the history's length is zero.
    #[inline(always)]
    pub fn weigh(&mut self, now_ms: i64, history: &[HistoryItem]) {
        let history = &history[..history.len().min(HISTORY_MAX)];
        let (mut age_s, mut outcome) = ([0.0; HISTORY_PADDED], [0u16; HISTORY_PADDED]);
        (self.len, self.valence, self.videos) = (history.len(), [0.0; HISTORY_PADDED], [0; HISTORY_PADDED]);
        for (rank, item) in history.iter().enumerate() {
            age_s[rank] = seconds_since(now_ms, item);
            outcome[rank] = item.outcome as u16;
            (self.valence[rank], self.videos[rank]) = (item.valence(), item.video);
        }
        // Sums by lanes: of everything, and of the last days and of what came before.
        let (mut mass, mut total) = (ZERO, ZERO);
        let (mut young, mut young_total, mut old, mut old_total) = (ZERO, ZERO, ZERO, ZERO);
        let blocks = age_s.as_chunks::<D>().0.iter().zip(self.valence.as_chunks::<D>().0);
        let len = history.len() as f32;
        for (block, ((age_s, v), w)) in blocks.zip(self.weight.as_chunks_mut::<D>().0).enumerate() {
            for lane in 0..D {
                let rank = (block * D + lane) as f32;
                let there = if rank < len { 1.0 } else { 0.0 };
                let halves = rank / HALF_RANK + age_s[lane] / (HALF_DAYS * 86_400.0);
                w[lane] = there * exp(-std::f32::consts::LN_2 * halves);
                mass[lane] += w[lane];
                total[lane] += w[lane] * v[lane];
                let new = if age_s[lane] < DAYS_S { there } else { 0.0 };
                young[lane] += new;
                young_total[lane] += new * v[lane];
                old[lane] += there - new;
                old_total[lane] += (there - new) * v[lane];
            }
        }
        for rank in 0..HISTORY_PADDED {
            self.marks[rank] = mark(outcome[rank], age_s[rank]);
        }
        let (young, young_total) = (sum(&young), sum(&young_total));
        let before = (DAYS_KAPPA + sum(&old), sum(&old_total));
        self.days = ((young_total - young * before.1 / before.0) / DAYS_KAPPA).max(-2.0).min(2.0);
        self.days_evidence = young / (young + DAYS_KAPPA);
        self.mean = sum(&total) / (sum(&mass) + KAPPA);
        let recent =
            |of: fn((f32, f32)) -> f32| -> f32 { self.weight.iter().copied().zip(self.valence).take(RECENT).map(of).sum() };
        self.recent = recent(|(w, v)| w * v) / (recent(|(w, _)| w) + KAPPA);
        self.pause = history.first().map_or(1.0, |_| (log2_linear(1.0 + age_s[0]) / 20.0).min(1.0));
        self.last = self.valence[0];
    }

    #[inline(always)]
    pub fn opinion(&self, mass: f32, total: f32, kappa: f32) -> Opinion {
        Opinion { mean: (total + kappa * RHO * self.mean) / (mass + kappa), evidence: mass / (mass + kappa) }
    }

    /// What the viewer is taken to think of what never was in the history.
    pub fn unseen(&self) -> Opinion {
        self.opinion(0.0, 0.0, KAPPA)
    }

    #[inline(always)]
    fn hashtags(&self, hashtags: &[u64], sums: impl Fn(u64) -> (f32, f32)) -> HashtagOpinion {
        let (mut mass, mut total) = (0.0, 0.0);
        let unseen = self.unseen().mean;
        let (mut best, mut worst) = (unseen, unseen);
        for (at, hashtag) in hashtags.iter().enumerate() {
            if hashtags[..at].contains(hashtag) {
                continue;
            }
            let (m, t) = sums(*hashtag);
            let mean = self.opinion(m, t, KAPPA).mean;
            (mass, total, best, worst) = (mass + m, total + t, best.max(mean), worst.min(mean));
        }
        HashtagOpinion { all: self.opinion(mass, total, KAPPA), best, worst }
    }

    /// The same as a [`Tally`] says of one candidate alone, bit for bit: the history is gone through for what the candidate has.
    #[inline(always)]
    pub fn judge(&self, history: &[HistoryItem], video: &VideoFeatures) -> Judged {
        let hashtags = known(video);
        let mut sums = [(0.0f32, 0.0f32); HASHTAGS_MAX];
        let mut creator = (0.0f32, 0.0f32);
        // Most items share nothing with the candidate: a bit per hashtag tells those that may.
        let bits = hashtags.iter().fold(0u64, |bits, hashtag| bits | 1 << (hashtag & 63));
        let (mut near, mut nears) = ([0u8; HISTORY_MAX], 0);
        for (rank, item) in history.iter().take(self.len).enumerate() {
            let [a, b, c, d] = item.hashtags.map(|hashtag| bits >> (hashtag & 63));
            near[nears] = rank as u8;
            nears += usize::from((a | b | c | d) & 1 != 0 || item.creator == video.creator);
        }
        for rank in near[..nears].iter().map(|rank| usize::from(*rank)) {
            let (item, w, v) = (&history[rank], self.weight[rank], self.valence[rank]);
            if item.creator == video.creator {
                creator = (creator.0 + w, creator.1 + w * v);
            }
            for (at, hashtag) in hashtags.iter().enumerate() {
                if *hashtag != 0 && item.hashtags.contains(hashtag) {
                    sums[at] = (sums[at].0 + w, sums[at].1 + w * v);
                }
            }
        }
        let of = |hashtag| hashtags.iter().position(|other| *other == hashtag).map_or((0.0, 0.0), |at| sums[at]);
        Judged { hashtags: self.hashtags(hashtags, of), creator: self.opinion(creator.0, creator.1, KAPPA) }
    }

    /// The candidate's own place in the history, when it was seen before.
    #[inline(always)]
    pub fn seen(&self, video: u64) -> Option<usize> {
        self.videos[..self.len].iter().position(|seen| *seen == video)
    }

    /// The context key of having seen the candidate before.
    #[inline(always)]
    pub fn seen_key(&self, video: u64) -> Option<u64> {
        self.seen(video).map(|at| (18 << 16) | u64::from(self.marks[at]))
    }
}

#[inline(always)]
fn seconds_since(now_ms: i64, item: &HistoryItem) -> f32 {
    now_ms.saturating_sub(item.at_ms).max(0) as f32 / 1_000.0
}

/// How an item ended, and how long ago, in octaves of seconds.
#[inline(always)]
fn mark(outcome: u16, age_s: f32) -> u16 {
    (outcome << 8) | (log2_linear(1.0 + age_s) as u16).min(255)
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
    let tally = Tally::of(&Taste::of(now_ms, history), history);
    let topic = |entry: &Entry| {
        let weight = entry.total / (entry.mass + KAPPA);
        Topic { hashtag: entry.key, weight, evidence: entry.mass / (entry.mass + KAPPA) }
    };
    let mut topics: Vec<Topic> = tally.hashtags.entries.iter().map(topic).collect();
    topics.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()).then(a.hashtag.cmp(&b.hashtag)));
    topics
}

/// What a history says of each creator in it (key, weight as in [`Topic`]), strongest weight first.
pub fn creators(now_ms: i64, history: &[HistoryItem]) -> Vec<(u64, f32)> {
    let tally = Tally::of(&Taste::of(now_ms, history), history);
    let mut creators: Vec<(u64, f32)> =
        tally.creators.entries.iter().map(|entry| (entry.key, entry.total / (entry.mass + KAPPA))).collect();
    creators.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
    creators
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::Outcome;

    fn seen(hashtags: &[u64], creator: u64, outcome: Outcome) -> HistoryItem {
        let video = VideoFeatures { video: 1, creator, hashtags: hashtags.to_vec(), ..Default::default() };
        HistoryItem::new(&video, (outcome, 1.0), 0)
    }

    /// What the history says of a clip with these hashtags by this creator, in both ways.
    fn judge(history: &[HistoryItem], hashtags: &[u64], creator: u64) -> Judged {
        let taste = Taste::of(0, history);
        let video = VideoFeatures { creator, hashtags: hashtags.to_vec(), ..Default::default() };
        let judged = taste.judge(history, &video);
        assert_eq!(judged, Tally::of(&taste, history).judge(&taste, &video));
        judged
    }

    fn hashtag(history: &[HistoryItem], hashtag: u64) -> f32 {
        judge(history, &[hashtag], 0).hashtags.all.mean
    }

    #[test]
    fn three_finished_and_three_skipped_part_two_kinds() {
        let (a, b) = (Outcome::Finished, Outcome::Skipped);
        let history = [a, b, a, b, a, b].map(|o| if o == a { seen(&[7, 9], 1, o) } else { seen(&[8, 9], 2, o) });
        let of = |hashtags: &[u64]| judge(&history, hashtags, 3).hashtags;
        let (liked, disliked, new) = (of(&[7, 9]), of(&[8, 9, 8]), of(&[10]));
        assert!(liked.best > 0.35 && disliked.worst < -0.35, "{liked:?} {disliked:?}");
        assert!(liked.all.mean > new.all.mean && new.all.mean > disliked.all.mean);
        let creator = |creator| judge(&history, &[], creator).creator.mean;
        assert!(creator(1) > 0.35 && creator(2) < -0.35);
        let topics = topics(0, &history);
        assert_eq!(topics.last().map(|t| t.hashtag), Some(9), "what stands on everything says nothing");
        assert!(topics.iter().any(|t| t.hashtag == 7 && t.weight > 0.35));
    }

    #[test]
    fn only_finishing_still_tells_the_seen_from_the_unseen() {
        let history = [seen(&[7], 1, Outcome::Finished); 3];
        assert!(hashtag(&history, 7) > hashtag(&history, 8) + 0.2);
    }

    #[test]
    fn older_items_count_less_and_broken_ones_not_at_all() {
        let mut history = vec![seen(&[7], 1, Outcome::Finished), seen(&[7], 1, Outcome::Skipped)];
        assert!(hashtag(&history, 7) > hashtag(&[history[1], history[0]], 7));
        history[0].strength = f32::NAN;
        assert!(hashtag(&history, 7) < 0.0);
        history = vec![history[1]; 500];
        assert_eq!(Taste::of(0, &history).len, HISTORY_MAX);
    }
}
