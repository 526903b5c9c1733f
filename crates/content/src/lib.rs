//! Evaluates an upload before it is shown: what it looks and sounds like, and whether it is here already.
//!
//! Input are [`Samples`]: small pictures of the clip, a quick grey stream and its sound, decoded by somebody else. Output is
//! an [`Evaluation`]: a [`Signature`] by which the same clip is found again ([`DuplicateIndex`]), the [`FEATURE_NAMES`] that
//! the learner uses, and notes for the operator. No IO, no clock, no chance: the same samples give the same evaluation.
//!
//! Invariants:
//! - every feature is a finite number, scaled to about 0..1;
//! - a signature holds at most [`SIGNATURE_FRAMES_MAX`] pictures, [`SIGNATURE_QUICK_MAX`] of its quick track and [`SIGNATURE_WORDS_MAX`] words of sound;
//! - what is computed describes whole pictures and whole sounds.
//!
//! It must never: recognise, detect, count or describe faces or persons, or tell anybody's age, sex, origin or mood. There is
//! **no face recognition here and there will be none**; a change that adds it is refused. A signature answers one question only:
//! is this clip a copy of that clip?

mod audio;
mod features;
mod fft;
mod index;
mod pdq;
mod samples;
mod signature;

pub use features::{FEATURE_COUNT, FEATURE_NAMES, features};
pub use index::{DuplicateIndex, Match, Rule, compare};
pub use pdq::{Pdq, pdq};
pub use samples::{AudioSamples, Frame, Samples};
pub use signature::{SIGNATURE_FRAMES_MAX, SIGNATURE_QUICK_MAX, SIGNATURE_WORDS_MAX, Signature, SignatureError};

/// What is known of a clip before it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    pub signature: Signature,
    /// One value per name of [`FEATURE_NAMES`].
    pub features: [f32; FEATURE_COUNT],
    pub notes: Vec<Note>,
}

/// What an operator or a creator may want to know of a clip; none of them hinders it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// Next to nothing can be seen: black, white or one colour throughout.
    Blank,
    /// The picture hardly ever changes.
    Still,
    /// There is no sound, or nothing that can be heard.
    Silent,
    /// Bars frame the picture.
    Letterboxed,
    /// Too little structure for the picture hash: copies of it are not found.
    HardToRecognise,
}

impl Note {
    /// The stable name.
    pub fn code(self) -> &'static str {
        match self {
            Self::Blank => "blank",
            Self::Still => "still",
            Self::Silent => "silent",
            Self::Letterboxed => "letterboxed",
            Self::HardToRecognise => "hard_to_recognise",
        }
    }
}

/// Evaluates one clip. Costs some 10 ms of processor time a second of clip.
pub fn evaluate(samples: &Samples) -> Evaluation {
    let signature = Signature::of(samples);
    let features = features(samples);
    let value = |name: &str| FEATURE_NAMES.iter().position(|n| *n == name).map_or(0.0, |i| features[i]);
    let mut notes = Vec::new();
    if value("brightness_spread") < 0.02 && value("edge_density") < 0.01 {
        notes.push(Note::Blank);
    }
    if value("motion_mean") < 0.005 {
        notes.push(Note::Still);
    }
    if value("silence_share") > 0.98 {
        notes.push(Note::Silent);
    }
    if value("letterbox_share") > 0.02 {
        notes.push(Note::Letterboxed);
    }
    if signature.frame_count() == 0 {
        notes.push(Note::HardToRecognise);
    }
    Evaluation { signature, features, notes }
}
