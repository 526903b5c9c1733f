//! The poster: the first picture worth showing, and its colour for the moment before it is there.

use std::path::Path;

use super::filters::picture_filters;
use super::video::words;
use crate::sandbox::Stdout;
use crate::{Error, Probe, Refusal, Sandbox};

/// How much of the beginning is looked at, how often, and at what size.
const LOOK_S: f64 = 4.0;
const LOOK_FPS: f64 = 4.0;
const LOOK_SIDE: u32 = 32;
/// A picture is worth showing when its luma spreads this far (standard deviation of 0-255) and is neither black nor white.
const SPREAD_MIN: f64 = 14.0;
/// The short side of the poster at most.
const SHORT_SIDE_MAX: f64 = 720.0;

pub(super) struct Poster {
    pub time_ms: u64,
    pub rgb: [u8; 3],
}

/// Makes `poster.jpg`.
pub(super) async fn make(sandbox: &Sandbox, source: &Path, probe: &Probe, out: &Path) -> Result<Poster, Error> {
    let caps = sandbox.caps;
    let side = LOOK_SIDE;
    let mut args = words("-filter_complex");
    let look = picture_filters(probe, side, side);
    args.push(format!("[0:{}]fps={LOOK_FPS}:start_time=0,{look},format=gray[g]", probe.video_stream));
    args.extend(words("-map [g] -f rawvideo pipe:1"));
    let before = words(&format!("-noautorotate -t {LOOK_S}"));
    let frame_bytes = (side * side) as usize;
    let bytes_max = (LOOK_S * LOOK_FPS) as usize * frame_bytes * 2;
    let done = sandbox.convert("choosing the poster", out, source, &before, &args, Stdout::Keep(bytes_max), caps).await?;
    let best = choose(done.stdout.chunks_exact(frame_bytes));
    let length_s = probe.duration_ms as f64 / 1e3;
    let mut time_s = (best as f64 / LOOK_FPS).min((length_s - 0.2).max(0.0));

    // Seeking into an odd file can miss; its first picture is always there.
    for from_s in [time_s, 0.0] {
        time_s = from_s;
        if let Some(rgb) = shoot(sandbox, source, probe, out, from_s).await? {
            return Ok(Poster { time_ms: (time_s * 1e3) as u64, rgb });
        }
    }
    Err(Refusal::Damaged.into())
}

/// Writes the picture at `from_s`, returns its mean colour; `None` when there was none.
async fn shoot(sandbox: &Sandbox, source: &Path, probe: &Probe, out: &Path, from_s: f64) -> Result<Option<[u8; 3]>, Error> {
    let shrink = (SHORT_SIDE_MAX / f64::from(probe.short_side().max(1))).min(1.0);
    let even = |side: u32| ((f64::from(side) * shrink / 2.0).round() as u32 * 2).max(2);
    let mut args = words("-filter_complex");
    args.push(format!(
        "[0:{}]{},split=2[a][b];[a]scale=in_color_matrix=bt709:out_color_matrix=bt601:out_range=pc,format=yuvj420p[j];\
         [b]scale=16:16:flags=area,format=rgb24[c]",
        probe.video_stream,
        picture_filters(probe, even(probe.width), even(probe.height)),
    ));
    args.extend(words("-map [j] -frames:v 1 -map_metadata -1 -c:v mjpeg -q:v 4 -f mjpeg file:poster.jpg"));
    args.extend(words("-map [c] -frames:v 1 -f rawvideo pipe:1"));
    let before = if from_s > 0.0 { words(&format!("-noautorotate -ss {from_s:.3}")) } else { words("-noautorotate") };
    let done = sandbox.convert("making the poster", out, source, &before, &args, Stdout::Keep(16 * 1024), sandbox.caps).await?;
    let pixels = done.stdout.as_chunks::<3>().0;
    if pixels.is_empty() || tokio::fs::metadata(out.join("poster.jpg")).await.map_or(0, |m| m.len()) == 0 {
        return Ok(None);
    }
    let mean = |channel: usize| (pixels.iter().map(|p| u64::from(p[channel])).sum::<u64>() / pixels.len() as u64) as u8;
    Ok(Some([mean(0), mean(1), mean(2)]))
}

/// The first picture worth showing, else the one with most in it.
fn choose<'a>(frames: impl Iterator<Item = &'a [u8]>) -> usize {
    let mut best = (0, -1.0);
    for (i, luma) in frames.enumerate() {
        let mean = luma.iter().map(|p| f64::from(*p)).sum::<f64>() / luma.len() as f64;
        let spread = (luma.iter().map(|p| (f64::from(*p) - mean).powi(2)).sum::<f64>() / luma.len() as f64).sqrt();
        if spread >= SPREAD_MIN && (24.0..=232.0).contains(&mean) {
            return i;
        }
        if spread > best.1 {
            best = (i, spread);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_beginnings_are_passed_over() {
        let black = vec![16u8; 64];
        let grey: Vec<u8> = (0..64).map(|i| 100 + (i % 2) * 4).collect();
        let picture: Vec<u8> = (0..64).map(|i| (i * 3) as u8).collect();
        fn check(frames: &[&[u8]], expected: usize) {
            assert_eq!(choose(frames.iter().copied()), expected);
        }
        check(&[&black, &grey, &picture, &picture], 2);
        check(&[&black, &grey], 1);
        check(&[&black, &black], 0);
        check(&[], 0);
    }
}
