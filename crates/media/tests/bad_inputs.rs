//! What is no video, or too much of one: refused with the reason that fits, and nothing left behind.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::Command;

use media::{Caps, Error, LadderConfig, Limits, Refusal, Sandbox, Transcoder, probe};

/// Makes a file with ffmpeg's generators.
fn generate(out: &Path, args: &str) {
    let done = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y"])
        .args(args.split_whitespace())
        .arg(out)
        .status()
        .expect("ffmpeg is needed by this test");
    assert!(done.success(), "{args}");
}

async fn code(source: &Path, limits: &Limits) -> String {
    match probe(&Sandbox::new(Caps { nice: 0, ..Caps::default() }), source, limits).await {
        Ok(probe) => format!("taken: {probe:?}"),
        Err(Error::Refused(refusal)) => refusal.code().to_owned(),
        Err(other) => format!("machine: {other}"),
    }
}

#[tokio::test]
async fn files_that_are_no_video_or_point_elsewhere() {
    let checks: &[(&str, &str)] = &[
        ("", "empty"),
        ("just some words\n", "not_a_video"),
        ("#EXTM3U\n#EXTINF:5,\n/etc/passwd\n", "playlist_or_reference"),
        ("#EXTM3U\n#EXTINF:5,\nhttp://127.0.0.1:9/a.ts\n", "playlist_or_reference"),
        ("ffconcat version 1.0\nfile '/etc/passwd'\n", "playlist_or_reference"),
        ("file '/etc/passwd'\n", "playlist_or_reference"),
        ("<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>", "playlist_or_reference"),
        ("<?xml version='1.0'?><MPD><BaseURL>http://127.0.0.1:9/</BaseURL></MPD>", "playlist_or_reference"),
        ("v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n", "playlist_or_reference"),
        ("\0\0\0\x18ftypisom\0\0\0\0isommp42", "cut_short"),
        ("\0\0\0\x08ftyp and then nothing that fits", "damaged"),
        ("\x1a\x45\u{df}", "not_a_video"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    for (bytes, expected) in checks {
        std::fs::write(&source, bytes).unwrap();
        assert_eq!(code(&source, &Limits::default()).await, *expected, "{bytes:?}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside the file");
}

#[tokio::test]
async fn files_that_are_cut_short() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    let clip = "-f lavfi -i testsrc2=s=320x240:r=25:d=6 -f lavfi -i sine=d=6 -c:v libx264 -preset ultrafast -c:a aac";
    for (form, args) in [
        ("index last", format!("{clip} -f mp4")),
        ("index first", format!("{clip} -movflags +faststart -f mp4")),
        ("matroska", format!("{clip} -f matroska")),
    ] {
        generate(&source, &args);
        assert!(code(&source, &Limits::default()).await.starts_with("taken"), "{form}, whole");
        let bytes = std::fs::read(&source).unwrap();
        for share in [10, 50, 80] {
            std::fs::write(&source, &bytes[..bytes.len() * share / 100]).unwrap();
            assert_eq!(code(&source, &Limits::default()).await, "cut_short", "{form}, {share} %");
        }
    }
}

#[tokio::test]
async fn limits_are_held() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    let x264 = "-c:v libx264 -preset ultrafast -f mp4";
    let small = |r: u32, s: &str, d: f64| format!("-f lavfi -i color=s={s}:r={r}:d={d} {x264}");
    let usual = Limits::default();
    let checks = [
        ("longer than allowed", small(1, "64x64", 9_000.0), usual.clone(), "too_long"),
        ("shorter than allowed", small(25, "64x64", 0.2), usual.clone(), "too_short"),
        ("huge pictures in a tiny file", small(1, "8192x4096", 2.0), usual.clone(), "too_many_pixels"),
        ("a strip", small(25, "320x8", 2.0), usual.clone(), "too_small"),
        ("too many pictures a second", small(500, "64x64", 2.0), usual.clone(), "too_many_frames"),
        (
            "more pixels over all than may be unpacked",
            small(25, "640x360", 10.0),
            Limits { total_pixels_max: 50_000_000, ..usual.clone() },
            "bomb",
        ),
        ("more bytes than allowed", small(25, "64x64", 2.0), Limits { bytes_max: 100, ..usual.clone() }, "too_large"),
        ("sound only", "-f lavfi -i sine=d=3 -c:a aac -f mp4".into(), usual.clone(), "no_picture"),
        (
            "a codec that nobody films with",
            "-f lavfi -i testsrc2=s=64x64:d=2 -c:v ffv1 -f matroska".into(),
            usual.clone(),
            "codec_unsupported",
        ),
        (
            "more tracks than allowed",
            format!("-f lavfi -i color=s=64x64:d=2 -f lavfi -i sine=d=2 -map 0:v {} -c:a aac {x264}", "-map 1:a ".repeat(20)),
            usual.clone(),
            "too_many_streams",
        ),
    ];
    for (what, args, limits, expected) in checks {
        generate(&source, &args);
        assert_eq!(code(&source, &limits).await, expected, "{what}");
    }
}

#[tokio::test]
async fn what_cannot_be_decoded_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    generate(
        &source,
        "-f lavfi -i testsrc2=s=320x240:r=25:d=4 -c:v libx264 -preset ultrafast -g 250 -movflags +faststart -f mp4",
    );
    let mut bytes = std::fs::read(&source).unwrap();
    // The index is whole, what it points to is noise.
    let data = bytes.windows(4).position(|w| w == b"mdat").unwrap() + 4;
    let mut state = 1u32;
    for byte in &mut bytes[data..] {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (state >> 24) as u8;
    }
    std::fs::write(&source, bytes).unwrap();
    let sandbox = Sandbox::new(Caps { nice: 0, ..Caps::default() });
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let refusal = match probe(&sandbox, &source, &Limits::default()).await {
        Err(error) => error,
        Ok(probe) => Transcoder::new(sandbox, LadderConfig::default())
            .start(&source, &probe, &out, &media::silent)
            .await
            .expect_err("noise does not play"),
    };
    assert_eq!(refusal.refusal(), Some(&Refusal::Damaged), "{refusal}");
}
