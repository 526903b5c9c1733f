//! What a file is, and whether it is taken.

mod packets;
mod sniff;
mod streams;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Error, Limits, Refusal, Sandbox};
use packets::Packets;
use sniff::{Sniffed, sniff};
pub use streams::{AudioTrack, Orientation, Transfer};

/// Probing reads headers and the index of packets and decodes a few frames: it is quick or something is wrong.
const PROBE_WALL_S: u64 = 60;
const PROBE_CPU_S: u64 = 60;
/// The most text that ffprobe may say about the tracks, and about the packets (some 40 bytes each).
const HEADER_BYTES_MAX: usize = 1024 * 1024;
const PACKETS_BYTES_MAX: usize = 8 * 1024 * 1024;
/// A clip whose packets reach less far than this share of the promised length is cut short...
const REACH_MIN: f64 = 0.9;
/// ...if what is missing is also longer than this, in seconds: headers round.
const MISSING_S_MIN: f64 = 0.5;

/// What is known of a video that was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// ffprobe's names of the container, such as `mov,mp4,m4a,3gp,3g2,mj2`.
    pub container: String,
    pub bytes: u64,
    /// From the first picture to the end of the last one.
    pub duration_ms: u64,
    /// The index of the picture track among all streams.
    pub video_stream: u32,
    /// ffprobe's name of the codec, such as `h264`.
    pub video_codec: String,
    /// As coded, before rotation and aspect ratio.
    pub coded_width: u32,
    pub coded_height: u32,
    /// As seen: after rotation, with square pixels.
    pub width: u32,
    pub height: u32,
    /// Width over height of one pixel, as coded.
    pub pixel_aspect: f64,
    pub orientation: Orientation,
    /// The rate at which most pictures follow each other, per second.
    pub fps: f64,
    /// Pictures over length; differs from `fps` when the rate varies.
    pub fps_mean: f64,
    /// Packets of the picture track that are to be shown.
    pub frames: u64,
    pub bit_depth: u8,
    pub transfer: Transfer,
    /// The matrix is not told and the picture is high enough that BT.709 is meant.
    pub assume_bt709: bool,
    pub interlaced: bool,
    /// The track that is used: the default one, else the first that can be decoded.
    pub audio: Option<AudioTrack>,
    /// All sound tracks of the file.
    pub audio_tracks: u32,
}

impl Probe {
    /// The shorter side of the picture as seen, in pixels.
    pub fn short_side(&self) -> u32 {
        self.width.min(self.height)
    }
}

/// Decides whether `source` is a video within `limits`. `source` is a regular file in a private folder, under a name chosen by
/// the caller. Reads the whole file once, writes nothing.
///
/// Errors: [`Error::Refused`] with the reason, when the file is at fault; else the machine is.
pub async fn probe(sandbox: &Sandbox, source: &Path, limits: &Limits) -> Result<Probe, Error> {
    let bytes = tokio::fs::metadata(source).await?.len();
    if bytes == 0 {
        return Err(Refusal::Empty.into());
    }
    if bytes > limits.bytes_max {
        return Err(Refusal::TooLarge { bytes, limit_bytes: limits.bytes_max }.into());
    }
    match sniff(source).await? {
        Sniffed::Container => {}
        Sniffed::Reference => return Err(Refusal::PlaylistOrReference.into()),
        Sniffed::Unknown => return Err(Refusal::NotAVideo.into()),
    }
    let dir = source.parent().unwrap_or(Path::new("/"));
    let caps = sandbox.caps.within(PROBE_WALL_S, PROBE_CPU_S);

    let args = ["-print_format", "json", "-show_format", "-show_streams"];
    let header = in_time(sandbox.probe("reading the header", dir, source, &args, HEADER_BYTES_MAX, caps).await)?;
    if header.overflowed {
        return Err(Refusal::TooManyStreams { limit: limits.streams_max }.into());
    }
    if !header.ok {
        return Err(unreadable(&header.stderr, source).await?.into());
    }
    let tracks = streams::parse(&header.stdout, limits)?;

    let args = ["-show_entries", "packet=stream_index,pts_time,dts_time,duration_time,flags", "-of", "csv=p=0"];
    let listing = in_time(sandbox.probe("reading the index", dir, source, &args, PACKETS_BYTES_MAX, caps).await)?;
    if listing.overflowed {
        return Err(Refusal::Bomb.into());
    }
    let packets = Packets::parse(&listing.stdout, tracks.video.index);
    if packets.video_frames == 0 {
        return Err(if tracks.promised_s() > 0.0 { Refusal::CutShort } else { Refusal::Damaged }.into());
    }
    let partial = listing.stderr.contains("partial file") || listing.stderr.contains("File ended prematurely");
    check_length(&tracks, &packets, partial, limits)?;
    assemble(bytes, tracks, packets, limits)
}

/// Time used up while probing is the file's fault: a header costs nothing to read.
fn in_time<T>(result: Result<T, Error>) -> Result<T, Error> {
    result.map_err(|error| match error {
        Error::Overtime { .. } => Error::Refused(Refusal::TimedOut),
        other => other,
    })
}

/// Why ffprobe could not open what looked like a video.
async fn unreadable(stderr: &str, source: &Path) -> std::io::Result<Refusal> {
    if let Some((_, told)) = stderr.split_once("Codec (") {
        let codec = told.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').take(16).collect();
        return Ok(Refusal::CodecUnsupported { codec });
    }
    Ok(if stderr.contains("not on whitelist") {
        Refusal::NotAVideo
    } else if stderr.contains("moov atom not found") && sniff::holds(source, b"moov").await? {
        // The index is in there, but what stands before it leads past it.
        Refusal::Damaged
    } else if stderr.contains("moov atom not found") || stderr.contains("End of file") {
        Refusal::CutShort
    } else {
        Refusal::Damaged
    })
}

fn check_length(tracks: &streams::Tracks, packets: &Packets, partial: bool, limits: &Limits) -> Result<(), Refusal> {
    let falls_short = |promised_s: f64, reach_s: f64| {
        promised_s > 0.0 && reach_s < promised_s * REACH_MIN && promised_s - reach_s > MISSING_S_MIN
    };
    // Headers of fragmented files promise anything; what counts there is whether reading hit the end of the file.
    let trusted = partial || !tracks.container.starts_with("mov");
    let promised_s = if trusted { tracks.promised_s() } else { 0.0 };
    // A length over the limit is refused as such even when the file was cut: that is what the creator can mend.
    let length_ms = (promised_s.max(packets.video_span_s()) * 1e3).round() as u64;
    if length_ms > limits.length_max_ms {
        return Err(Refusal::TooLong { length_ms, limit_ms: limits.length_max_ms });
    }
    if falls_short(promised_s, packets.reach_s - tracks.start_s)
        || tracks.video.duration_s.is_some_and(|promised_s| partial && falls_short(promised_s, packets.video_span_s()))
    {
        return Err(Refusal::CutShort);
    }
    Ok(())
}

fn assemble(bytes: u64, tracks: streams::Tracks, packets: Packets, limits: &Limits) -> Result<Probe, Error> {
    let video = tracks.video;
    let duration_s = packets.video_span_s();
    let duration_ms = (duration_s * 1e3).round() as u64;
    if duration_ms < limits.length_min_ms {
        return Err(Refusal::TooShort { length_ms: duration_ms, limit_ms: limits.length_min_ms }.into());
    }
    let fps_mean = packets.video_frames as f64 / duration_s.max(1e-3);
    if fps_mean > limits.fps_max {
        return Err(Refusal::TooManyFrames { fps: fps_mean, limit_fps: limits.fps_max }.into());
    }
    let total = u64::from(video.coded_width) * u64::from(video.coded_height) * packets.video_frames;
    if total > limits.total_pixels_max {
        return Err(Refusal::Bomb.into());
    }
    Ok(Probe {
        container: tracks.container,
        bytes,
        duration_ms,
        video_stream: video.index,
        video_codec: video.codec,
        coded_width: video.coded_width,
        coded_height: video.coded_height,
        width: video.width,
        height: video.height,
        pixel_aspect: video.pixel_aspect,
        orientation: video.orientation,
        fps: packets.usual_fps().unwrap_or(fps_mean),
        fps_mean,
        frames: packets.video_frames,
        bit_depth: video.bit_depth,
        transfer: video.transfer,
        assume_bt709: video.assume_bt709,
        interlaced: video.interlaced,
        audio: tracks.audio,
        audio_tracks: tracks.audio_tracks,
    })
}
