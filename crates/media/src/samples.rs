//! A clip as an evaluation sees it: small pictures, a quick grey stream for motion, the sound.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::sandbox::Stdout;
use crate::transcode::picture_filters;
use crate::{Error, Probe, Refusal, Sandbox};

/// Pictures a second, for clips up to [`FRAMES_MAX`] over this.
const FRAMES_PER_S: f64 = 4.0;
/// The most pictures of one clip; longer clips are looked at less often.
const FRAMES_MAX: f64 = 240.0;
/// A few more than that, where rates do not divide.
const FRAMES_KEPT_MAX: usize = 244;
/// The longer side of a picture, in pixels, at most.
const FRAME_SIDE_MAX: f64 = 192.0;
/// The grey stream: pictures a second, and its longer side at most.
pub const GREY_FPS: f64 = 15.0;
const GREY_SIDE_MAX: f64 = 128.0;
const GREY_FRAMES_MAX: usize = 15 * 180 + 15;
/// Sound that is listened to, at most.
const AUDIO_S_MAX: u64 = 180;
const AUDIO_RATE_HZ: u32 = 16_000;

/// One picture, rotated as it is seen, standard range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// From the start of the clip.
    pub time_ms: u64,
    /// Rows from the top, three bytes a pixel: red, green, blue.
    pub rgb: Vec<u8>,
}

/// The sound of a clip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AudioSamples {
    pub rate_hz: u32,
    /// One channel.
    pub mono: Vec<i16>,
    /// Chromaprint's raw fingerprint (algorithm 2 of its library, ffmpeg's default): about eight words a second, none for
    /// less than three seconds.
    pub chromaprint: Vec<u32>,
}

/// At most some 27 MB of pictures, 44 MB of grey (a square clip of three minutes) and 6 MB of sound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Samples {
    pub duration_ms: u64,
    pub frame_width: usize,
    pub frame_height: usize,
    pub frames: Vec<Frame>,
    /// The grey stream at [`GREY_FPS`]: its sides, and its pictures one byte a pixel.
    pub grey_width: usize,
    pub grey_height: usize,
    pub grey_fps: f64,
    pub grey: Vec<Vec<u8>>,
    pub audio: Option<AudioSamples>,
}

/// Decodes `source` for an evaluation. `scratch` is an empty folder of the caller; what is written there is removed again.
pub async fn decode_samples(sandbox: &Sandbox, source: &Path, probe: &Probe, scratch: &Path) -> Result<Samples, Error> {
    let length_s = probe.duration_ms as f64 / 1e3;
    let rate = FRAMES_PER_S.min(FRAMES_MAX / length_s.max(0.1));
    // A very short clip still gives three pictures.
    let rate = rate.max(3.0 / length_s.max(0.1));
    let (frame_width, frame_height) = fit(probe, FRAME_SIDE_MAX);
    let (grey_width, grey_height) = fit(probe, GREY_SIDE_MAX);
    let graph = format!(
        "[0:{index}]split=2[x][y];[x]{x},fps={rate:.6}:start_time=0,format=rgb24[rgb];\
         [y]{y},fps={GREY_FPS}:start_time=0,format=gray[grey]",
        index = probe.video_stream,
        x = picture_filters(probe, frame_width as u32, frame_height as u32),
        y = picture_filters(probe, grey_width as u32, grey_height as u32),
    );
    let mut args = words("-filter_complex");
    args.push(graph);
    args.extend(words(&format!("-map [rgb] -frames:v {FRAMES_KEPT_MAX} -f rawvideo file:frames.rgb")));
    args.extend(words(&format!("-map [grey] -frames:v {GREY_FRAMES_MAX} -f rawvideo file:frames.grey")));
    if let Some(audio) = &probe.audio {
        let track = format!("-map 0:{} -t {AUDIO_S_MAX} -ac 1", audio.stream);
        args.extend(words(&format!("{track} -ar {AUDIO_RATE_HZ} -f s16le file:sound.raw")));
        args.extend(words(&format!("{track} -ar 11025 -f chromaprint -fp_format raw file:sound.print")));
    }
    let step = "looking at the clip";
    let done =
        sandbox.convert(step, scratch, source, &["-noautorotate".into()], &args, Stdout::Keep(4096), sandbox.caps).await?;
    let frames = take(scratch, "frames.rgb").await?;
    let grey = take(scratch, "frames.grey").await?;
    let sound = take(scratch, "sound.raw").await?;
    let print = take(scratch, "sound.print").await?;
    let frame_bytes = frame_width * frame_height * 3;
    if frames.len() < frame_bytes {
        if done.ok {
            return Err(Refusal::Damaged.into());
        }
        return Err(Error::Tool { step, detail: done.stderr });
    }
    Ok(Samples {
        duration_ms: probe.duration_ms,
        frame_width,
        frame_height,
        frames: (0u64..)
            .zip(frames.chunks_exact(frame_bytes))
            .map(|(i, rgb)| Frame { time_ms: (i as f64 * 1e3 / rate) as u64, rgb: rgb.to_vec() })
            .collect(),
        grey_width,
        grey_height,
        grey_fps: GREY_FPS,
        grey: grey.chunks_exact(grey_width * grey_height).map(<[u8]>::to_vec).collect(),
        audio: (!sound.is_empty()).then(|| AudioSamples {
            rate_hz: AUDIO_RATE_HZ,
            mono: sound.as_chunks::<2>().0.iter().map(|b| i16::from_le_bytes(*b)).collect(),
            chromaprint: print.as_chunks::<4>().0.iter().map(|b| u32::from_ne_bytes(*b)).collect(),
        }),
    })
}

/// The size of the picture as seen, shrunk so that its longer side is at most `side_max`.
fn fit(probe: &Probe, side_max: f64) -> (usize, usize) {
    let factor = (side_max / f64::from(probe.width.max(probe.height).max(1))).min(1.0);
    let side = |pixels: u32| ((f64::from(pixels) * factor).round() as usize).max(2);
    (side(probe.width), side(probe.height))
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// The bytes of a file that may not be there, which is gone afterwards.
async fn take(dir: &Path, name: &str) -> Result<Vec<u8>, Error> {
    let path = dir.join(name);
    match tokio::fs::read(&path).await {
        Ok(bytes) => {
            tokio::fs::remove_file(&path).await?;
            Ok(bytes)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}
