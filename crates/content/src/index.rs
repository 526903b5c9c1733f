//! Finds copies: the signatures of all clips, compared one after the other.
//!
//! Memory is that of the signatures, about 8 kB for a lively clip of six seconds: ten thousand clips take 80 MB. A scan gives
//! up on a clip as soon as too few pictures can still find a partner, and on a picture after the first words of its hash.

use base::VideoId;

use crate::audio;
use crate::pdq::{DISTANCE_MAX, QUALITY_MIN};
use crate::signature::{CROPPED, FramePrint, HALVES, SIDES, Signature, TRIMMED, WHOLE, Weighted};

/// When two clips are the same clip.
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
    /// Where neither clip has a picture that can be told from others, the sound decides alone, if it is this near...
    pub sound_alone_bit_error_max: f64,
    /// ...and the lengths differ by at most this share.
    pub sound_alone_length_share_max: f64,
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
            sound_alone_bit_error_max: 0.12,
            sound_alone_length_share_max: 0.1,
        }
    }
}

/// One clip that another is a copy of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    pub video: VideoId,
    /// 0 to 1: the larger share of pictures with a partner; 1 less the bit error where the sound decided alone.
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
    if query.frames.is_empty() && known.frames.is_empty() {
        let longer = query.duration_ms.max(known.duration_ms) as f64;
        if query.duration_ms.abs_diff(known.duration_ms) as f64 > longer * rule.sound_alone_length_share_max {
            return None;
        }
        let bit_error = audio::bit_error_rate(&query.sound, &known.sound)?;
        let same = bit_error <= rule.sound_alone_bit_error_max;
        return same.then_some(Match {
            video,
            score: 1.0 - bit_error,
            share: 0.0,
            share_back: 0.0,
            bit_error: Some(bit_error),
        });
    }
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
