//! Real clips for the tests: where they lie, and how they are decoded.

use std::path::{Path, PathBuf};
use std::process::Command;

use content::{AudioSamples, Frame, Samples};

/// The folder of open data beside the checkout; `None` when this machine has none.
pub fn shared(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    folder.is_dir().then_some(folder)
}

/// Decodes a clip as the platform does: four pictures a second within 192 x 192, fifteen grey ones within 128 x 128, the
/// fingerprint of the sound. `picture` is a further filter.
pub fn decode(file: &Path, picture: &str) -> Samples {
    let told =
        stdout(Command::new("ffprobe").args(["-v", "error", "-of", "csv=p=0", "-show_entries", "format=duration"]).arg(file));
    let duration_s: f64 = String::from_utf8_lossy(&told).trim().parse().unwrap_or(0.0);
    // Bitmaps tell their own size; raw pictures do not.
    let fit = "force_original_aspect_ratio=decrease:flags=bicubic";
    let graph = format!(
        "[0:v:0]{picture}split=2[x][y];[x]fps=4:start_time=0,scale=192:192:{fit},format=rgb24[rgb];\
         [y]fps=15:start_time=0,scale=128:128:{fit},format=gray[grey]"
    );
    let folder = tempfile::tempdir().unwrap();
    let (grey_file, print_file) = (folder.path().join("grey"), folder.path().join("print"));
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "quiet", "-nostdin", "-i"]).arg(file).args(["-filter_complex", &graph]);
    command.args(["-map", "[rgb]", "-f", "image2pipe", "-c:v", "ppm", "pipe:1"]);
    command.args(["-map", "[grey]", "-f", "image2pipe", "-c:v", "pgm"]).arg(&grey_file);
    let ppm = stdout(&mut command);
    let pgm = std::fs::read(grey_file).unwrap_or_default();
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "quiet", "-nostdin", "-i"]).arg(file).args(["-vn", "-ac", "1", "-ar", "11025"]);
    stdout(command.args(["-f", "chromaprint", "-fp_format", "raw"]).arg(&print_file));
    let print = std::fs::read(print_file).unwrap_or_default();
    let mut samples = Samples { duration_ms: (duration_s * 1e3) as u64, grey_fps: 15.0, ..Samples::default() };
    let mut rest = ppm.as_slice();
    while let Some((width, height, rgb, after)) = next_picture(rest, 3) {
        (samples.frame_width, samples.frame_height) = (width, height);
        let time_ms = samples.frames.len() as u64 * 250;
        samples.frames.push(Frame { time_ms, rgb: rgb.to_vec() });
        rest = after;
    }
    let mut rest = pgm.as_slice();
    while let Some((width, height, grey, after)) = next_picture(rest, 1) {
        (samples.grey_width, samples.grey_height) = (width, height);
        samples.grey.push(grey.to_vec());
        rest = after;
    }
    if !print.is_empty() {
        let chromaprint = print.as_chunks::<4>().0.iter().map(|b| u32::from_ne_bytes(*b)).collect();
        samples.audio = Some(AudioSamples { rate_hz: 16_000, mono: vec![], chromaprint });
    }
    samples
}

fn stdout(command: &mut Command) -> Vec<u8> {
    command.output().expect("ffmpeg is needed by this test").stdout
}

/// Width, height and pixels of the first `P6` (or `P5`) picture, and what follows it.
fn next_picture(bytes: &[u8], channels: usize) -> Option<(usize, usize, &[u8], &[u8])> {
    let mut lines = bytes.splitn(4, |b| *b == b'\n');
    assert!(matches!(lines.next(), None | Some(b"" | b"P6" | b"P5")), "a portable pixmap");
    let size = std::str::from_utf8(lines.next()?).ok()?;
    let (width, height) = size.split_once(' ')?;
    let (width, height): (usize, usize) = (width.parse().ok()?, height.parse().ok()?);
    lines.next()?;
    let (pixels, after) = lines.next()?.split_at_checked(width * height * channels)?;
    Some((width, height, pixels, after))
}
