//! Finds copies: the signatures of all clips, compared one after the other.
//!
//! Memory is that of the signatures, about 10 kB for a lively clip of six seconds: ten thousand clips take 100 MB. A scan gives
//! up on a clip as soon as too few pictures can still find a partner, and on a picture after the first words of its hash.

use base::VideoId;

use crate::audio;
use crate::pdq::{DISTANCE_MAX, QUALITY_MIN};
use crate::signature::{CROPPED, FramePrint, HALVES, SIDES, Signature, TRIMMED, WHOLE, Weighted};

/// When two clips are the same clip. A shared sound alone never makes a copy: using somebody's sound is what sounds are for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// Two pictures are the same when one view of each is within this distance (of 256 bits).
    pub distance_max: u32,
    /// Or the same half of both, within this smaller distance.
    pub half_distance_max: u32,
    /// Pictures alone: this share of one of the clips has a partner in the other...
    pub share_min: f64,
    /// ...and this share the other way round, so that a still held for a moment does not make a copy of everything; a part
    /// of a clip of at least a tenth of its pictures counts as a copy of it.
    pub share_back_min: f64,
    /// With the same sound, this share of pictures is enough.
    pub share_with_sound_min: f64,
    /// Sounds are the same when at most this share of bits differs where they fit best.
    pub bit_error_max: f64,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            distance_max: DISTANCE_MAX,
            half_distance_max: 24,
            share_min: 0.6,
            share_back_min: 0.1,
            share_with_sound_min: 0.15,
            bit_error_max: 0.25,
        }
    }
}

/// One clip that another is a copy of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    pub video: VideoId,
    /// 0 to 1: the larger share of pictures with a partner.
    pub score: f64,
    /// The share of the looked-for clip's pictures that have a partner, and the other way round.
    pub share: f64,
    pub share_back: f64,
    /// The share of differing bits of the sounds where they fit best; `None` when that says nothing.
    pub bit_error: Option<f64>,
}

/// All clips of a region. Not shared between threads by itself: the owner locks it.
#[derive(Debug, Default)]
pub struct DuplicateIndex {
    rule: Rule,
    clips: Vec<(VideoId, Signature)>,
}

impl DuplicateIndex {
    pub fn new(rule: Rule) -> Self {
        Self { rule, clips: Vec::new() }
    }

    /// Takes a clip in; one that is there is replaced.
    pub fn add(&mut self, video: VideoId, signature: Signature) {
        match self.clips.iter_mut().find(|(known, _)| *known == video) {
            Some(slot) => slot.1 = signature,
            None => self.clips.push((video, signature)),
        }
    }

    /// Forgets a clip (it was deleted).
    pub fn remove(&mut self, video: VideoId) {
        self.clips.retain(|(known, _)| *known != video);
    }

    pub fn len(&self) -> usize {
        self.clips.len()
    }

    pub fn is_empty(&self) -> bool {
        self.clips.is_empty()
    }

    /// The clips that `signature` is a copy of, the best first.
    pub fn find(&self, signature: &Signature) -> Vec<Match> {
        let mut found: Vec<Match> =
            self.clips.iter().filter_map(|(video, known)| matches(signature, known, *video, &self.rule)).collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.video.cmp(&b.video)));
        found
    }

    /// Memory held, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.clips.capacity() * size_of::<(VideoId, Signature)>()
            + self.clips.iter().map(|(_, s)| s.heap_bytes()).sum::<usize>()
    }
}

/// How alike two clips are, whether or not that makes them the same: for reports and tests.
pub fn compare(a: &Signature, b: &Signature, rule: &Rule) -> Match {
    let (share, share_back) = (share_of(a, b, rule, 0.0), share_of(b, a, rule, 0.0));
    let bit_error = audio::bit_error_rate(&a.sound, &b.sound);
    Match { video: VideoId::default(), score: share.max(share_back), share, share_back, bit_error }
}

fn matches(query: &Signature, known: &Signature, video: VideoId, rule: &Rule) -> Option<Match> {
    let least = rule.share_with_sound_min.min(rule.share_back_min);
    let share = share_of(query, known, rule, least);
    if share < least {
        return None;
    }
    let share_back = share_of(known, query, rule, 0.0);
    let (more, less) = (share.max(share_back), share.min(share_back));
    let by_picture = more >= rule.share_min && less >= rule.share_back_min;
    let bit_error = audio::bit_error_rate(&query.sound, &known.sound);
    let by_both = more >= rule.share_with_sound_min && bit_error.is_some_and(|rate| rate <= rule.bit_error_max);
    (by_picture || by_both).then_some(Match { video, score: more, share, share_back, bit_error })
}

/// The share of `from` that has a partner in `among`: by the quick tracks, or by the pictures kept in all views, whichever
/// finds more. Gives up, with what it has, once it cannot reach `give_up_below` any more.
fn share_of(from: &Signature, among: &Signature, rule: &Rule, give_up_below: f64) -> f64 {
    let quick = share_of_partners(&from.quick, &among.quick, give_up_below, |a, b| {
        a.print.distance_within(&b.print, rule.distance_max).is_some()
    });
    if quick >= rule.share_min {
        return quick;
    }
    quick.max(share_of_partners(&from.frames, &among.frames, give_up_below, |a, b| same_picture(a, b, rule)))
}

fn share_of_partners<T: Weighted>(from: &[T], among: &[T], give_up_below: f64, same: impl Fn(&T, &T) -> bool) -> f64 {
    let total: u32 = from.iter().map(|print| u32::from(print.weight())).sum();
    let (mut found, mut left) = (0, total);
    for print in from {
        left -= u32::from(print.weight());
        if among.iter().any(|other| same(print, other)) {
            found += u32::from(print.weight());
        }
        if f64::from(found + left) < give_up_below * f64::from(total) {
            break;
        }
    }
    if total == 0 { 0.0 } else { f64::from(found) / f64::from(total) }
}

/// Whether two pictures show the same: by any of the views that a re-encoding, bars, a crop or a logo leaves alike.
fn same_picture(a: &FramePrint, b: &FramePrint, rule: &Rule) -> bool {
    let within = |x: usize, y: usize, max: u32| {
        let (x, y) = (&a.views[x], &b.views[y]);
        x.quality >= QUALITY_MIN && y.quality >= QUALITY_MIN && x.distance_within(y, max).is_some()
    };
    let [little, more] = CROPPED;
    let pairs = [
        (TRIMMED, TRIMMED),
        (WHOLE, WHOLE),
        (TRIMMED, little),
        (little, TRIMMED),
        (TRIMMED, more),
        (more, TRIMMED),
        (little, more),
        (more, little),
        (WHOLE, TRIMMED),
        (TRIMMED, WHOLE),
    ];
    pairs.iter().any(|(x, y)| within(*x, *y, rule.distance_max))
        || SIDES.iter().any(|side| within(*side, TRIMMED, rule.distance_max) || within(TRIMMED, *side, rule.distance_max))
        || HALVES.iter().any(|half| within(*half, *half, rule.half_distance_max))
}

#[cfg(test)]
mod tests {
    use base::Rng;

    use super::*;
    use crate::pdq::Pdq;
    use crate::signature::{QuickPrint, VIEWS};

    /// A clip of so many moments, each with views of its own, and its sound.
    fn clip(seed: u64, moments: std::ops::Range<u64>, sound: u64) -> Signature {
        let print = |label: String| {
            let mut rng = Rng::from_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)).child(&label);
            Pdq { hash: std::array::from_fn(|_| rng.next_u64() as u8), quality: 90 }
        };
        let mut rng = Rng::from_seed(sound);
        Signature {
            duration_ms: (moments.end - moments.start) * 250,
            quick: moments.clone().map(|m| QuickPrint { weight: 1, print: print(format!("{m}/1")) }).collect(),
            frames: moments
                .map(|m| FramePrint {
                    time_ms: m as u32 * 250,
                    weight: 1,
                    views: std::array::from_fn::<_, VIEWS, _>(|v| print(format!("{m}/{v}"))),
                })
                .collect(),
            sound: (0..80).map(|_| rng.next_u64() as u32).collect(),
        }
    }

    #[test]
    fn the_rule_over_pictures_and_sounds() {
        let mut index = DuplicateIndex::new(Rule::default());
        let [first, second] = [1, 2].map(VideoId::from_raw);
        index.add(first, clip(1, 0..40, 1));
        index.add(second, clip(2, 0..40, 2));
        let check = |query: Signature, expected: &[VideoId], why: &str| {
            assert_eq!(index.find(&query).iter().map(|m| m.video).collect::<Vec<_>>(), expected, "{why}");
        };
        check(clip(1, 0..40, 9), &[first], "the same pictures, another sound");
        check(clip(1, 10..25, 9), &[first], "a part of it");
        check(clip(1, 30..60, 9), &[], "a third alike, another sound");
        check(clip(1, 30..60, 1), &[first], "a third alike and the same sound");
        check(clip(3, 0..40, 1), &[], "only the sound is the same");
        let mut blank = clip(1, 0..40, 1);
        blank.frames.clear();
        blank.quick.clear();
        check(blank, &[], "no pictures at all, the same sound");
        // One half of every picture is untouched: a large logo covers the rest.
        let mut covered = clip(4, 0..40, 9);
        for (frame, original) in covered.frames.iter_mut().zip(clip(2, 0..40, 2).frames) {
            frame.views[HALVES[1]] = original.views[HALVES[1]];
        }
        check(covered, &[second], "under a logo");
    }

    #[test]
    fn clips_are_replaced_and_forgotten() {
        let mut index = DuplicateIndex::default();
        let video = VideoId::from_raw(1);
        assert!(index.is_empty());
        index.add(video, clip(1, 0..10, 1));
        index.add(video, clip(2, 0..10, 2));
        assert_eq!((index.len(), index.find(&clip(1, 0..10, 1)).len(), index.find(&clip(2, 0..10, 2)).len()), (1, 0, 1));
        assert!(index.memory_bytes() > 5_000);
        index.remove(video);
        assert!(index.is_empty());
    }
}
