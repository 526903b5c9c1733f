//! Every clip of the folder of open clips beside the checkout ends as a package that plays or as a refusal with its reason.
//! A clip made by the test goes through the whole ladder on any machine.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use media::{
    Caps, Error, LadderConfig, Limits, Manifest, Orientation, Probe, Sandbox, Step, Transcoder, decode_samples, probe,
};

fn open_clips() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/videos-open");
    folder.is_dir().then(|| folder.canonicalize().unwrap())
}

/// The sizes that phones stream first; the ladder above them is the same code.
fn small_ladder(short_sides: &[u32]) -> LadderConfig {
    LadderConfig {
        short_sides: short_sides.to_vec(),
        first_short_side: 360,
        preset: "ultrafast".into(),
        ..LadderConfig::default()
    }
}

/// Decodes a rendition as a player would, its header and segments one after the other: width, height, pictures, length.
fn play(out: &Path, folder: &str) -> (u32, u32, u64, f64) {
    let playlist = std::fs::read_to_string(out.join(folder).join("index.m3u8")).unwrap();
    assert!(playlist.contains("#EXT-X-MAP:URI=\"init.mp4\"") && playlist.contains("#EXT-X-ENDLIST"), "{playlist}");
    let mut bytes = std::fs::read(out.join(folder).join("init.mp4")).unwrap();
    for line in playlist.lines().filter(|line| !line.starts_with('#')) {
        bytes.extend(std::fs::read(out.join(folder).join(line)).unwrap());
    }
    let joined = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(joined.path(), bytes).unwrap();
    let told = Command::new("ffprobe")
        .args(["-v", "error", "-count_frames", "-of", "csv=p=0"])
        .args(["-show_entries", "stream=width,height,nb_read_frames:format=duration"])
        .arg(joined.path())
        .output()
        .unwrap();
    assert!(told.stderr.is_empty(), "{folder}: {}", String::from_utf8_lossy(&told.stderr));
    let told = String::from_utf8(told.stdout).unwrap();
    let fields: Vec<&str> = told.split([',', '\n']).filter(|f| !f.is_empty()).collect();
    let length_s = fields.last().unwrap().parse().unwrap();
    let frames = fields[fields.len() - 2].parse().unwrap();
    if fields.len() < 4 {
        (0, 0, frames, length_s)
    } else {
        (fields[0].parse().unwrap(), fields[1].parse().unwrap(), frames, length_s)
    }
}

fn check_package(out: &Path, manifest: &Manifest, probe: &Probe) {
    let master = std::fs::read_to_string(out.join("master.m3u8")).unwrap();
    for rendition in &manifest.renditions {
        assert!(master.contains(&format!("{}/index.m3u8", rendition.name)) && master.contains(&rendition.codec), "{master}");
        let (width, height, frames, length_s) = play(out, &rendition.name);
        assert_eq!((width, height), (rendition.width, rendition.height));
        assert!(width <= probe.width && height <= probe.height, "never above the source");
        assert_eq!(width > height, probe.width > probe.height);
        let expected = probe.duration_ms as f64 / 1e3;
        assert!((length_s - expected).abs() < 0.25 + 2.0 / manifest.fps, "{length_s} for {expected}");
        assert!(
            (frames as f64 - length_s * manifest.fps).abs() <= 3.0,
            "{frames} pictures in {length_s} s at {}",
            manifest.fps
        );
    }
    assert_eq!(master.contains("TYPE=AUDIO"), manifest.has_audio);
    if manifest.has_audio {
        let (_, _, frames, length_s) = play(out, "a");
        assert!(frames > 0 && length_s < probe.duration_ms as f64 / 1e3 + 0.2, "{frames} {length_s}");
    }
    assert!(manifest.renditions_over_top() < media::RENDITIONS_OVER_TOP_MAX, "{}", manifest.renditions_over_top());
    let listed: Vec<PathBuf> = manifest.files.iter().map(|f| out.join(&f.path)).collect();
    assert!(listed.iter().all(|f| f.metadata().unwrap().len() > 0));
    assert_eq!(listed.len(), files_below(out), "every file is listed, no other is there");
    assert!(image_is_jpeg(&out.join("poster.jpg")));
}

fn files_below(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries.map(|path| if path.is_dir() { files_below(&path) } else { 1 }).sum()
}

fn image_is_jpeg(file: &Path) -> bool {
    std::fs::read(file).unwrap().starts_with(&[0xff, 0xd8, 0xff])
}

/// A clip with sound, brought to a package by the whole ladder.
#[tokio::test]
async fn the_whole_ladder_of_a_made_clip() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-f", "lavfi", "-i", "mandelbrot=s=720x1280:r=24:maxiter=60", "-f", "lavfi"])
        .args(["-i", "aevalsrc='0.05*sin(2*PI*330*t)*(1+sin(2*PI*2*t))':s=44100", "-t", "5", "-c:v", "libx264", "-preset"])
        .args(["ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-f", "mp4"])
        .arg(&source)
        .status()
        .unwrap();
    assert!(made.success());
    let sandbox = Sandbox::new(Caps { nice: 0, ..Caps::default() });
    let probe = probe(&sandbox, &source, &Limits::default()).await.unwrap();
    assert_eq!((probe.width, probe.height, probe.duration_ms, probe.fps.round()), (720, 1280, 5_000, 24.0));
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let transcoder = Transcoder::new(sandbox.clone(), LadderConfig { preset: "ultrafast".into(), ..LadderConfig::default() });

    let told = Mutex::new(Vec::new());
    let started = transcoder.start(&source, &probe, &out, &|p| told.lock().unwrap().push(p)).await.unwrap();
    assert_eq!(started.renditions.iter().map(|r| r.name.as_str()).collect::<Vec<_>>(), ["v360"]);
    assert!(!started.complete && started.has_audio);
    assert!(started.loudness_lufs.unwrap() < -20.0, "the made sound is quiet");
    check_package(&out, &started, &probe);
    let (width, height, frames, length_s) = preview(&out);
    assert_eq!((width, height), (240, 426));
    assert!((frames as i64 - 45).abs() <= 2 && (length_s - 3.0).abs() < 0.2);

    let whole = transcoder.finish(&source, &probe, &out, started, &|p| told.lock().unwrap().push(p)).await.unwrap();
    assert!(whole.complete && whole.renditions.len() >= 3);
    assert_eq!(whole.renditions.last().map(|r| r.name.as_str()), Some("v720"));
    check_package(&out, &whole, &probe);
    println!("renditions over the largest: {:.2} of {:?}", whole.renditions_over_top(), whole.renditions);
    assert!((loudness(&out) + 16.0).abs() < 1.0, "{}", loudness(&out));

    let told = told.into_inner().unwrap();
    for step in [Step::First, Step::Poster, Step::Top, Step::Rest] {
        let done: Vec<f32> = told.iter().filter(|p| p.step == step).map(|p| p.done).collect();
        assert!(done.is_sorted() && done.last() == Some(&1.0), "{step:?}: {done:?}");
    }

    let scratch = folder.path().join("scratch");
    std::fs::create_dir(&scratch).unwrap();
    let samples = decode_samples(&sandbox, &source, &probe, &scratch).await.unwrap();
    assert_eq!((samples.frames.len(), samples.grey.len()), (20, 75));
    assert_eq!((samples.frame_width, samples.frame_height, samples.grey_width), (108, 192, 72));
    let audio = samples.audio.unwrap();
    assert!((audio.mono.len() as i64 - 80_000).abs() < 2_000 && audio.chromaprint.len() > 10);
    assert_eq!(std::fs::read_dir(scratch).unwrap().count(), 0, "nothing is left behind");
}

fn preview(out: &Path) -> (u32, u32, u64, f64) {
    let told = Command::new("ffprobe")
        .args(["-v", "error", "-count_frames", "-of", "csv=p=0"])
        .args(["-show_entries", "stream=width,height,nb_read_frames:format=duration"])
        .arg(out.join("preview.mp4"))
        .output()
        .unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let fields: Vec<f64> = told.split([',', '\n']).filter(|f| !f.is_empty()).map(|f| f.parse().unwrap()).collect();
    assert_eq!(fields.len(), 4, "one silent picture track: {told}");
    (fields[0] as u32, fields[1] as u32, fields[2] as u64, fields[3])
}

/// Integrated loudness of the packaged sound, LUFS.
fn loudness(out: &Path) -> f64 {
    let mut bytes = std::fs::read(out.join("a/init.mp4")).unwrap();
    for i in 0.. {
        let Ok(segment) = std::fs::read(out.join(format!("a/s{i:04}.m4s"))) else { break };
        bytes.extend(segment);
    }
    let joined = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(joined.path(), bytes).unwrap();
    let told = Command::new("ffmpeg")
        .args(["-nostdin", "-hide_banner", "-i"])
        .arg(joined.path())
        .args(["-af", "ebur128", "-f", "null", "-"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&told.stderr).into_owned();
    let line = told.lines().rev().find(|line| line.trim().starts_with("I:")).unwrap().to_owned();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn every_open_clip_plays_or_is_refused_with_its_reason() {
    let Some(clips) = open_clips() else {
        println!("no open clips beside this checkout");
        return;
    };
    let refused = [
        ("edge-long_1080p_lowbitrate.mp4", "too_long"),
        ("edge-sample_eac3.mp4", "no_picture"),
        ("edge-sample_malformed_free_box.mp4", "damaged"),
        ("edge-sample_vvc.mp4", "codec_unsupported"),
    ];
    let mut files: Vec<PathBuf> = std::fs::read_dir(clips).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|e| e == "mp4" || e == "webm" || e == "mkv"));
    files.sort();
    assert_eq!(files.len(), 38);
    let sandbox = Sandbox::new(Caps { nice: 0, ..Caps::default() });
    let mut wrong = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        std::fs::create_dir(&out).unwrap();
        // The odd ones get two renditions, the plain ones the one that is quickest.
        let sides: &[u32] = if name.starts_with("edge-") { &[240, 360] } else { &[240] };
        let transcoder = Transcoder::new(sandbox.clone(), small_ladder(sides));
        let ended = async {
            let probe = probe(&sandbox, &file, &Limits::default()).await?;
            let started = transcoder.start(&file, &probe, &out, &media::silent).await?;
            let whole = transcoder.finish(&file, &probe, &out, started, &media::silent).await?;
            Ok::<_, Error>((probe, whole))
        };
        let expected = refused.iter().find(|(known, _)| *known == name).map(|(_, code)| *code);
        match ended.await {
            Ok((probe, manifest)) => {
                check_package(&out, &manifest, &probe);
                let sizes: Vec<String> = manifest.renditions.iter().map(|r| format!("{}x{}", r.width, r.height)).collect();
                println!(
                    "{name:52} plays: {} from {}x{} {} {:.2} fps, sound {}, {:.2} times the largest",
                    sizes.join(" "),
                    probe.width,
                    probe.height,
                    probe.video_codec,
                    manifest.fps,
                    manifest.has_audio,
                    manifest.renditions_over_top()
                );
                if expected.is_some() {
                    wrong.push(format!("{name} plays"));
                }
                if name.contains("rotate_and_reflect") {
                    assert_eq!(probe.orientation, Orientation { mirrored: true, clockwise_degrees: 270 });
                    assert_eq!((probe.width, probe.height), (720, 1080));
                }
            }
            Err(error) => {
                let code = error.refusal().map(media::Refusal::code);
                println!("{name:52} refused: {} ({error})", code.unwrap_or("the machine failed"));
                if code.is_none() || code != expected {
                    wrong.push(format!("{name}: {error}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
