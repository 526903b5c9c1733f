//! The sound: AAC stereo at 48 kHz, its loudness evened out by EBU R 128 in two passes.

use std::path::Path;

use serde_json::Value;

use super::package;
use super::video::words;
use crate::sandbox::Stdout;
use crate::{Error, LadderConfig, Probe, Sandbox};

/// Quieter than this it is silence or hiss, and stays as it is.
const LOUDNESS_MIN_LUFS: f64 = -55.0;

/// What was made.
pub(super) struct Sound {
    pub bytes: u64,
    /// Of the source; `None` for silence.
    pub loudness_lufs: Option<f64>,
}

/// Makes `a/`; `None` when the source has no sound or none that can be decoded (which does not make the clip worse than a
/// silent one).
pub(super) async fn package(
    sandbox: &Sandbox,
    config: &LadderConfig,
    source: &Path,
    probe: &Probe,
    out: &Path,
) -> Result<Option<Sound>, Error> {
    let Some(track) = &probe.audio else { return Ok(None) };
    let map = format!("-vn -sn -dn -map 0:{} -map_metadata -1 -map_chapters -1", track.stream);
    let target = format!("I={}:TP={}", config.loudness_lufs, config.true_peak_dbtp);

    let mut args = words(&map);
    args.push("-af".into());
    args.push(format!("aformat=channel_layouts=stereo,loudnorm={target}:LRA=11:print_format=json"));
    args.extend(words("-f null -"));
    // The measurement is told at this verbosity only.
    let before = words("-v info");
    let done = sandbox.convert("measuring the loudness", out, source, &before, &args, Stdout::Keep(4096), sandbox.caps).await?;
    let measured = done.ok.then(|| Measured::parse(&done.stderr)).flatten();

    tokio::fs::create_dir_all(out.join("a")).await?;
    let mut filter = String::from("aformat=channel_layouts=stereo,");
    if let Some(m) = &measured {
        // A range at least as wide as the source's lets the gain stay the same over the clip.
        filter.push_str(&format!(
            "loudnorm={target}:LRA={lra:.2}:measured_I={:.2}:measured_TP={:.2}:measured_LRA={:.2}:measured_thresh={:.2}:offset={:.2}:\
             linear=true,",
            m.lufs,
            m.true_peak,
            m.range,
            m.threshold,
            m.offset,
            lra = m.range.clamp(11.0, 50.0),
        ));
    }
    // Sound that begins later than the picture is led in by silence.
    filter.push_str("aresample=48000:async=1:first_pts=0");
    let mut args = words(&map);
    args.push("-af".into());
    args.push(filter);
    args.extend(encode(config, probe.duration_ms));
    let done = sandbox.convert("encoding the sound", out, source, &[], &args, Stdout::Keep(4096), sandbox.caps).await?;
    let bytes = package::folder_bytes(&out.join("a")).await?;
    if !done.ok || !tokio::fs::try_exists(out.join("a/s0000.m4s")).await? {
        tracing::info!(codec = track.codec, "the sound cannot be decoded; the clip is made without it");
        package::remove(out, "a").await?;
        return Ok(None);
    }
    Ok(Some(Sound { bytes, loudness_lufs: measured.map(|m| m.lufs) }))
}

/// Encodes to `a/`, from the start of the clip to its end.
fn encode(config: &LadderConfig, duration_ms: u64) -> Vec<String> {
    let (length_s, segment_s) = (duration_ms as f64 / 1e3, config.segment_s.max(1));
    words(&format!(
        "-c:a aac -b:a {} -ac 2 -ar 48000 -fflags +bitexact -t {length_s:.3} -f hls -hls_time {segment_s} -hls_playlist_type vod \
         -hls_segment_type fmp4 -hls_flags independent_segments -hls_fmp4_init_filename init.mp4 \
         -hls_segment_filename a/s%04d.m4s a/index.m3u8",
        config.audio_bps
    ))
}

/// Makes `a/` anew from the sound of another package, which is even already: repeated until the picture ends, or cut there.
/// Returns its bytes.
pub(super) async fn borrow(
    sandbox: &Sandbox,
    config: &LadderConfig,
    sound: &Path,
    out: &Path,
    duration_ms: u64,
) -> Result<u64, Error> {
    package::remove(out, "a").await?;
    tokio::fs::create_dir_all(out.join("a")).await?;
    let mut args = words("-vn -sn -dn -map 0:a:0 -map_metadata -1 -map_chapters -1 -af aresample=48000:async=1:first_pts=0");
    args.extend(encode(config, duration_ms));
    let before = words("-stream_loop -1");
    let done = sandbox.convert("borrowing a sound", out, sound, &before, &args, Stdout::Keep(4096), sandbox.caps).await?;
    if !done.ok || !tokio::fs::try_exists(out.join("a/s0000.m4s")).await? {
        return Err(Error::Tool { step: "borrowing a sound", detail: done.stderr });
    }
    package::folder_bytes(&out.join("a")).await
}

/// What the first pass of `loudnorm` found.
#[derive(Debug, PartialEq)]
struct Measured {
    lufs: f64,
    true_peak: f64,
    range: f64,
    threshold: f64,
    offset: f64,
}

impl Measured {
    /// The last JSON object of the report; `None` for silence and for what is no number.
    fn parse(report: &str) -> Option<Self> {
        let json = report.get(report.rfind('{')?..=report.rfind('}')?)?;
        let json: Value = serde_json::from_str(json).ok()?;
        let number = |key: &str| json[key].as_str()?.trim().parse::<f64>().ok().filter(|n| n.is_finite());
        let measured = Self {
            lufs: number("input_i")?,
            true_peak: number("input_tp")?,
            range: number("input_lra")?,
            threshold: number("input_thresh")?,
            offset: number("target_offset")?,
        };
        (measured.lufs > LOUDNESS_MIN_LUFS).then_some(measured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurements_are_read_and_silence_is_left_alone() {
        let report = |lufs: &str| {
            format!(
                "Stream #0\n[Parsed_loudnorm_1 @ 0x1]\n{{\n\"input_i\" : \"{lufs}\",\n\"input_tp\" : \"-3.10\",\n\"input_lra\" : \"4.00\",\n\
                 \"input_thresh\" : \"-33.00\",\n\"output_i\" : \"-16\",\n\"target_offset\" : \"0.30\"\n}}\n"
            )
        };
        assert_eq!(Measured::parse(&report("-23.40")).map(|m| (m.lufs, m.true_peak, m.offset)), Some((-23.4, -3.1, 0.3)));
        assert_eq!(Measured::parse(&report("-inf")), None);
        assert_eq!(Measured::parse(&report("-70.00")), None);
        assert_eq!(Measured::parse("no such thing"), None);
    }
}
