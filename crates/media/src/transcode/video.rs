//! The renditions of the picture: H.264 in fragmented MP4, key pictures at the same moments in all of them.

use std::path::Path;
use std::sync::Mutex;

use super::filters::picture_filters;
use crate::ladder::{self, Rung};
use crate::sandbox::Stdout;
use crate::{Error, LadderConfig, Probe, Refusal, Sandbox};

/// Of the packets that are to be shown, the share that has to become pictures. Some codecs have packets that show nothing.
const DECODED_SHARE_MIN: f64 = 0.75;
/// The preview: its length, its pictures a second, its short side at most, its rate factor.
const PREVIEW_S: f64 = 3.0;
const PREVIEW_FPS: u32 = 15;
const PREVIEW_SHORT_SIDE: f64 = 240.0;
const PREVIEW_CRF: u32 = 30;
/// Room after the promised end, so that nothing is cut that the header rounded away.
const TAIL_S: f64 = 1.0;

/// How one rendition is encoded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Encode {
    pub rung: Rung,
    pub crf: u32,
    pub rate_max_bps: u64,
}

type Tell<'a> = &'a (dyn Fn(f32) + Send + Sync);

/// The first rendition and the preview, in one pass that also counts how much of the source can be decoded.
pub(super) async fn first(
    sandbox: &Sandbox,
    config: &LadderConfig,
    source: &Path,
    probe: &Probe,
    out: &Path,
    encode: Encode,
    tell: Tell<'_>,
) -> Result<(), Error> {
    let rung = encode.rung;
    tokio::fs::create_dir_all(out.join(rung.name())).await?;
    let (n, d) = ladder::frame_rate(probe, config);
    let length_s = probe.duration_ms as f64 / 1e3;
    let preview_from_s = (length_s * 0.2).min((length_s - PREVIEW_S).max(0.0));
    let shrink = (PREVIEW_SHORT_SIDE / f64::from(rung.short_side())).min(1.0);
    let even = |side: u32| ((f64::from(side) * shrink / 2.0).round() as u32 * 2).max(2);
    let graph = format!(
        "[0:{index}]split=2[all][s];[s]{chain},fps={n}/{d}:start_time=0,split=2[v][w];\
         [w]trim=start={preview_from_s:.3}:duration={PREVIEW_S},setpts=PTS-STARTPTS,fps={PREVIEW_FPS},scale={pw}:{ph}[p]",
        index = probe.video_stream,
        chain = picture_filters(probe, rung.width, rung.height),
        pw = even(rung.width),
        ph = even(rung.height),
    );
    let mut args = words("-filter_complex");
    args.push(graph);
    // The first output is what `frame=` of the progress report counts: every picture that was decoded.
    args.extend(words("-map [all] -fps_mode passthrough -f null -"));
    args.extend(words("-map [v]"));
    args.extend(rendition_args(config, encode, (n, d), probe, sandbox.caps.threads));
    args.extend(words(&format!(
        "-map [p] -map_metadata -1 -c:v libx264 -preset veryfast -crf {PREVIEW_CRF} -g 300 -threads 1 -an -fflags +bitexact \
         -movflags +faststart -f mp4 file:preview.mp4"
    )));
    let decoded = run(sandbox, "making the first rendition", source, probe, out, &args, tell).await?;
    if (decoded as f64) < probe.frames as f64 * DECODED_SHARE_MIN {
        return Err(Refusal::Damaged.into());
    }
    Ok(())
}

/// Further renditions in one pass over the source.
pub(super) async fn others(
    sandbox: &Sandbox,
    config: &LadderConfig,
    source: &Path,
    probe: &Probe,
    out: &Path,
    encodes: &[Encode],
    tell: Tell<'_>,
) -> Result<(), Error> {
    let rate @ (n, d) = ladder::frame_rate(probe, config);
    let mut graph = format!("[0:{}]fps={n}/{d}:start_time=0,split={}", probe.video_stream, encodes.len());
    for i in 0..encodes.len() {
        graph.push_str(&format!("[s{i}]"));
    }
    let mut outputs = Vec::new();
    for (i, encode) in encodes.iter().enumerate() {
        // What an earlier try left there must not be mixed with what comes.
        super::package::remove(out, &encode.rung.name()).await?;
        tokio::fs::create_dir_all(out.join(encode.rung.name())).await?;
        graph.push_str(&format!(";[s{i}]{}[v{i}]", picture_filters(probe, encode.rung.width, encode.rung.height)));
        outputs.extend(words(&format!("-map [v{i}]")));
        outputs.extend(rendition_args(config, *encode, rate, probe, sandbox.caps.threads));
    }
    let mut args = words("-filter_complex");
    args.push(graph);
    args.extend(outputs);
    run(sandbox, "making the renditions", source, probe, out, &args, tell).await?;
    Ok(())
}

/// The highest bit rate (bits a second) with which a rendition stays within `bytes`: what the buffer may hold at the start and
/// what the container adds are taken off. `None` when nothing is left.
pub(super) fn rate_within(bytes: u64, duration_ms: u64, fps: f64, segment_s: u32) -> Option<u64> {
    let length_s = duration_ms as f64 / 1e3;
    // Measured: some 800 bytes of header, 120 a segment, 16 a picture.
    let container = 800.0 + 120.0 * (length_s / f64::from(segment_s.max(1))).ceil() + 16.0 * length_s * fps;
    let bits = (bytes as f64 - container) * 8.0;
    // The buffer of one second is nine tenths full at the start.
    let rate = bits / (length_s + 0.9);
    (rate >= 8_000.0).then_some(rate as u64)
}

fn rendition_args(config: &LadderConfig, encode: Encode, (n, d): (u32, u32), probe: &Probe, threads: u32) -> Vec<String> {
    let name = encode.rung.name();
    let segment_s = config.segment_s.max(1);
    // Rounded up, so that a key picture never comes just before the moment at which a segment may end.
    let key_interval = (u64::from(segment_s) * u64::from(n)).div_ceil(u64::from(d.max(1))).max(1);
    let profile = if encode.rung.short_side() <= 360 { "main" } else { "high" };
    let limit_s = probe.duration_ms as f64 / 1e3 + TAIL_S;
    let mut args = words("-map_metadata -1 -map_chapters -1 -an -c:v libx264 -preset");
    args.push(config.preset.clone());
    args.extend(words(&format!(
        "-profile:v {profile} -crf {crf} -maxrate {rate} -bufsize {rate} -g {key_interval} -keyint_min {key_interval} \
         -sc_threshold 0 -pix_fmt yuv420p -threads {threads} -fflags +bitexact -bsf:v filter_units=remove_types=6 -t {limit_s:.3} \
         -f hls -hls_time {segment_s} -hls_playlist_type vod -hls_segment_type fmp4 -hls_flags independent_segments \
         -hls_fmp4_init_filename init.mp4 -hls_segment_filename {name}/s%04d.m4s {name}/index.m3u8",
        crf = encode.crf.min(51),
        rate = encode.rate_max_bps,
    )));
    args
}

/// Runs the encoder, tells how far it is, returns how many pictures the first output had.
async fn run(
    sandbox: &Sandbox,
    step: &'static str,
    source: &Path,
    probe: &Probe,
    out: &Path,
    args: &[String],
    tell: Tell<'_>,
) -> Result<u64, Error> {
    let length_us = probe.duration_ms as f32 * 1e3;
    let state = Mutex::new((0u64, 0f32));
    let on_line = |line: &str| {
        let Some((key, value)) = line.split_once('=') else { return };
        let Ok(mut state) = state.lock() else { return };
        match (key, value.parse::<i64>()) {
            ("frame", Ok(frames)) => state.0 = frames.max(0) as u64,
            ("out_time_us", Ok(time_us)) => {
                state.1 = (time_us as f32 / length_us.max(1.0)).clamp(state.1, 0.99);
                tell(state.1);
            }
            _ => {}
        }
    };
    // A picture that grows in the middle of the stream is not decoded: the header was measured, not this.
    let pixels = (u64::from(probe.coded_width) * u64::from(probe.coded_height) * 4).max(1 << 20).to_string();
    let before: Vec<String> = ["-noautorotate".into(), "-max_pixels".into(), pixels].to_vec();
    let done = sandbox.convert(step, out, source, &before, args, Stdout::Lines(&on_line), sandbox.caps).await?;
    let frames = state.lock().map(|state| state.0).unwrap_or(0);
    if !done.ok {
        let decoder =
            ["Error while decoding", "Invalid data found", "Cannot determine format", "Conversion failed", "Decode error rate"];
        if frames == 0 && decoder.iter().any(|sign| done.stderr.contains(sign)) && !done.stderr.contains("No space left") {
            return Err(Refusal::Damaged.into());
        }
        return Err(Error::Tool { step, detail: done.stderr });
    }
    tell(1.0);
    Ok(frames)
}

pub(super) fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_leave_room_for_the_container() {
        for bytes in [20_000u64, 100_000, 5_000_000] {
            let rate = rate_within(bytes, 6_000, 30.0, 2).unwrap();
            assert!(rate as f64 * 6.9 / 8.0 < bytes as f64 && rate > 8_000, "{bytes}: {rate}");
        }
        assert_eq!(rate_within(1_000, 6_000, 30.0, 2), None);
    }
}
