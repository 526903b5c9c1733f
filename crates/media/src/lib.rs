//! From an untrusted file to a clip that plays: probe, transcode, package; and the demo clips of a first start.
//!
//! The way of an upload: [`probe`] decides whether the file is a video that this deployment takes ([`Limits`]) or refuses it
//! with a reason that a person understands ([`Refusal`]); [`Transcoder::start`] makes the first playable rendition, the sound,
//! the poster and the preview; [`Transcoder::finish`] adds the other renditions. [`decode_samples`] gives the small pictures
//! and the sound that an evaluation of the content needs.
//!
//! Invariants:
//! - ffmpeg and ffprobe run only through [`Sandbox`]: limits on wall time, processor time, address space, file size and
//!   threads; no environment; no standard input; only the `file` protocol; only the containers and decoders of a written list;
//! - a name that a user chose never reaches a command line: sources are files that the caller named, outputs are named here;
//! - every step starts over cleanly: it writes only under the folder it was given, and a retry is given a fresh folder;
//! - metadata of the source (place, device, author) is dropped; rotation is applied, pixels are square, the sound is even;
//! - all renditions of the picture together stay under [`RENDITIONS_OVER_TOP_MAX`] times the largest one.
//!
//! It must never: open a network connection, follow a reference from inside a file, read a playlist, write outside the given
//! folder, or know of HTTP, SQL or accounts.

mod error;
mod ladder;
mod limits;
mod manifest;
mod probe;
mod progress;
mod refusal;
mod samples;
mod sandbox;
mod transcode;

pub mod demo;
pub mod upload;

pub use error::Error;
pub use ladder::{LadderConfig, RENDITIONS_OVER_TOP_MAX};
pub use limits::Limits;
pub use manifest::{Manifest, MediaFile, Rendition};
pub use probe::{AudioTrack, Orientation, Probe, Transfer, probe};
pub use progress::{Progress, ProgressFn, Step, silent};
pub use refusal::Refusal;
pub use samples::{AudioSamples, Frame, GREY_FPS, Samples, decode_samples};
pub use sandbox::{Caps, Sandbox};
pub use transcode::Transcoder;
