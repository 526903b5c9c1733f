//! The folder: what a rendition weighs, the master playlist, the list of files.

use std::fmt::Write as _;
use std::path::Path;

use crate::ladder::Rung;
use crate::{Error, Manifest, MediaFile, Rendition};

/// More files than any clip within the limits has; more is a mistake.
const FILES_MAX: usize = 10_000;
/// The header of a rendition is some 800 bytes.
const INIT_BYTES_MAX: u64 = 64 * 1024;

/// Weighs the rendition that was just made.
pub(super) async fn measure(out: &Path, rung: Rung, duration_ms: u64) -> Result<Rendition, Error> {
    let name = rung.name();
    let folder = out.join(&name);
    let playlist = tokio::fs::read_to_string(folder.join("index.m3u8")).await?;
    let mut peak_bps = 0u64;
    let mut length_s = 0.0;
    let mut segment_s = 0.0;
    for line in playlist.lines() {
        if let Some(told) = line.strip_prefix("#EXTINF:") {
            segment_s = told.trim_end_matches(',').parse::<f64>().unwrap_or(0.0);
        } else if !line.starts_with('#') && !line.trim().is_empty() {
            let bytes = tokio::fs::metadata(folder.join(line.trim())).await?.len();
            length_s += segment_s;
            // A last scrap of a segment says nothing of the rate.
            let over_s = if segment_s >= 0.5 || peak_bps == 0 { segment_s.max(0.1) } else { 1.0 };
            peak_bps = peak_bps.max((bytes as f64 * 8.0 / over_s) as u64);
        }
    }
    let init = folder.join("init.mp4");
    if length_s <= 0.0 || tokio::fs::metadata(&init).await?.len() > INIT_BYTES_MAX {
        return Err(Error::Tool { step: "weighing a rendition", detail: format!("{name} is empty for {duration_ms} ms") });
    }
    let bytes = folder_bytes(&folder).await?;
    Ok(Rendition {
        codec: codec(&tokio::fs::read(&init).await?),
        name,
        width: rung.width,
        height: rung.height,
        bitrate_peak_bps: peak_bps,
        bitrate_mean_bps: ((bytes as f64 * 8.0 / length_s) as u64).min(peak_bps),
        bytes,
    })
}

/// Writes the master playlist anew, in one step, and lists all files in the manifest.
pub(super) async fn publish(out: &Path, manifest: &mut Manifest) -> Result<(), Error> {
    let next = out.join("master.m3u8.next");
    tokio::fs::write(&next, master(manifest)).await?;
    tokio::fs::rename(&next, out.join("master.m3u8")).await?;
    manifest.files = files(out, manifest).await?;
    Ok(())
}

/// Removes a folder of the package; one that is not there is fine.
pub(super) async fn remove(out: &Path, name: &str) -> Result<(), Error> {
    match tokio::fs::remove_dir_all(out.join(name)).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// The bytes of the files in a folder (not below).
pub(super) async fn folder_bytes(folder: &Path) -> Result<u64, Error> {
    let mut sum = 0;
    let mut entries = tokio::fs::read_dir(folder).await?;
    while let Some(entry) = entries.next_entry().await? {
        sum += entry.metadata().await?.len();
    }
    Ok(sum)
}

/// RFC 8216: the sound as a group of its own, the renditions from the smallest.
fn master(manifest: &Manifest) -> String {
    let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n");
    let audio_bps = if manifest.has_audio { manifest.audio_bytes * 8 * 1_000 / manifest.duration_ms.max(1) } else { 0 };
    if manifest.has_audio {
        text.push_str(
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"sound\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"a/index.m3u8\"\n",
        );
    }
    for r in &manifest.renditions {
        let (sound_codec, sound_group) = if manifest.has_audio { (",mp4a.40.2", ",AUDIO=\"a\"") } else { ("", "") };
        let _ = writeln!(
            text,
            "#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},CODECS=\"{}{sound_codec}\",RESOLUTION={}x{},FRAME-RATE={:.3}{sound_group}\n\
             {}/index.m3u8",
            r.bitrate_peak_bps + audio_bps,
            r.bitrate_mean_bps + audio_bps,
            r.codec,
            r.width,
            r.height,
            manifest.fps,
            r.name,
        );
    }
    text
}

/// `avc1.PPCCLL` from the decoder configuration (ISO 14496-15: version, profile, compatibility, level).
fn codec(init: &[u8]) -> String {
    let found = init.windows(4).position(|w| w == b"avcC").and_then(|at| init.get(at + 5..at + 8));
    match found {
        Some(&[profile, compatibility, level]) => format!("avc1.{profile:02x}{compatibility:02x}{level:02x}"),
        _ => "avc1.640028".into(),
    }
}

async fn files(out: &Path, manifest: &Manifest) -> Result<Vec<MediaFile>, Error> {
    let mut found = Vec::new();
    let folders = manifest.renditions.iter().map(|r| r.name.as_str()).chain(manifest.has_audio.then_some("a"));
    for folder in folders {
        let mut entries = tokio::fs::read_dir(out.join(folder)).await?;
        while let Some(entry) = entries.next_entry().await? {
            let Ok(name) = entry.file_name().into_string() else { continue };
            found.push((format!("{folder}/{name}"), entry.metadata().await?.len()));
            if found.len() > FILES_MAX {
                return Err(Error::Tool { step: "listing the package", detail: "too many files".into() });
            }
        }
    }
    for name in ["master.m3u8", "poster.jpg", "preview.mp4"] {
        found.push((name.to_owned(), tokio::fs::metadata(out.join(name)).await?.len()));
    }
    found.sort();
    Ok(found.into_iter().map(|(path, bytes)| MediaFile { content_type: content_type(&path).to_owned(), path, bytes }).collect())
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("m3u8") => "application/vnd.apple.mpegurl",
        Some("m4s") => "video/iso.segment",
        Some("mp4") => "video/mp4",
        Some("jpg") => "image/jpeg",
        _ => "application/octet-stream",
    }
}
