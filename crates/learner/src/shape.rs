//! The sizes of the net and the places of its inputs.

use crate::features::HISTORY_MAX;
use crate::math::D;

/// Examples per dense step.
pub(crate) const BATCH: usize = 32;
pub(crate) const HIDDEN_1: usize = 32;
pub(crate) const HIDDEN_2: usize = 16;

/// The viewer's vectors among the inputs, in order.
pub(crate) const VIEWER_SELF: usize = 0;
pub(crate) const VIEWER_CONTEXT: usize = 1;
pub(crate) const VIEWER_LIKED: usize = 2;
pub(crate) const VIEWER_DISLIKED: usize = 3;
pub(crate) const VIEWER_VECTORS: usize = 4;

/// The candidate's vectors, in order.
pub(crate) const VIDEO: usize = 0;
pub(crate) const CREATOR: usize = 1;
pub(crate) const SOUND: usize = 2;
pub(crate) const HASHTAGS: usize = 3;
pub(crate) const WORDS: usize = 4;
pub(crate) const CONTENT: usize = 5;
/// Duration and age, by bucket.
pub(crate) const FORM: usize = 6;
pub(crate) const CANDIDATE_FIELDS: usize = 7;

/// Products of each viewer vector with each candidate vector.
pub(crate) const DOTS: usize = VIEWER_VECTORS * CANDIDATE_FIELDS;
/// Room for [`Affinity`]; with the products it makes whole vectors.
pub(crate) const AFFINITIES: usize = 68;
pub(crate) const WIDE: usize = DOTS + AFFINITIES;

// The inputs: viewer vectors, candidate vectors, what attention read, products, affinities.
pub(crate) const CANDIDATE_START: usize = VIEWER_VECTORS * D;
pub(crate) const ATTENDED_START: usize = CANDIDATE_START + CANDIDATE_FIELDS * D;
pub(crate) const WIDE_START: usize = ATTENDED_START + D;
pub(crate) const INPUTS: usize = WIDE_START + WIDE;

const _: () =
    assert!(INPUTS.is_multiple_of(D) && WIDE.is_multiple_of(D) && HIDDEN_1.is_multiple_of(D) && HIDDEN_2.is_multiple_of(D));

/// History items whose towers are read: all of them.
pub(crate) const EMBEDDED: usize = HISTORY_MAX;
/// In whole vectors.
pub(crate) const EMBEDDED_PADDED: usize = EMBEDDED.next_multiple_of(D);

/// The hand-made inputs, each within about -1 to 1. "Affinity" is the viewer's recency-weighted mean outcome, shrunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Affinity {
    /// Over all the candidate's hashtags together; its best; its worst; how much was seen of them.
    Hashtags,
    HashtagBest,
    HashtagWorst,
    HashtagEvidence,
    Creator,
    CreatorEvidence,
    /// Over the history weighted by likeness of content.
    Content,
    ContentEvidence,
    /// Over the history weighted by likeness of learned vectors.
    Attention,
    AttentionEvidence,
    /// The candidate itself, when it was seen before.
    SeenValence,
    Seen,
    /// The retrieval tower's logit, scaled.
    Retrieval,
    /// The viewer's mean outcome; of the newest items; how long the history is.
    Mean,
    Recent,
    HistoryLength,
    /// Effects on watching and liking, and how much they rest on.
    VideoWatch,
    VideoWatchEvidence,
    VideoLike,
    CreatorWatch,
    CreatorWatchEvidence,
    CreatorLike,
    HashtagWatch,
    SoundWatch,
    ViewerWatch,
    ViewerWatchEvidence,
    ViewerLike,
    Duration,
    DurationSquared,
    Age,
    Fresh,
    ContentKnown,
    /// How long ago the viewer last saw anything; how that ended.
    Pause,
    Last,
    /// How the last three days went against the time before.
    Days,
    DaysEvidence,
    /// How much is known of the viewer on this tab, and how little of the whole impression.
    HabitEvidence,
    Doubt,
    /// From here on, for each of the tasks whose order matters: the effects of the video, of the viewer, of the viewer on this tab, and
    /// the sum of all effects.
    Ordered,
}

const _: () = assert!(Affinity::Ordered as usize + 4 * crate::rivals::ORDERED.len() <= AFFINITIES);
