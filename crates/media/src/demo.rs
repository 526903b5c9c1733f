//! The clips of a first start: drawn and played by ffmpeg's generators, of kinds that anybody tells apart at once.
//!
//! Nothing here takes input from outside: [`plan`] depends on its seed alone, [`render`] on the clip.

mod fonts;
mod pictures;
mod sounds;
mod words;

use std::path::Path;

use base::Rng;

pub use fonts::Fonts;
pub use sounds::SOUND_COUNT;

use crate::{Caps, Error, Sandbox};
use pictures::Picture;

/// What one clip may cost: a handful of seconds on a machine that is busy with other things.
const CAPS: Caps = Caps { wall_s: 300, cpu_s: 60, memory_bytes: 4 << 30, file_bytes: 64 << 20, threads: 1, nice: 5 };
/// Pictures a second.
const FPS: u32 = 24;

/// Somebody who made demo clips.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoCreator {
    pub handle: &'static str,
    pub display_name: &'static str,
    pub bio: &'static str,
}

/// The creators, by index. Each has one or two kinds of clips.
pub const CREATORS: [DemoCreator; 8] = [
    DemoCreator { handle: "deepzoom", display_name: "Deep Zoom", bio: "Fractals, one magnification at a time." },
    DemoCreator { handle: "tinyworlds", display_name: "Tiny Worlds", bio: "Cellular automata. Simple rules, strange lives." },
    DemoCreator { handle: "softlight", display_name: "Soft Light", bio: "Slow colours for loud days." },
    DemoCreator { handle: "onepage", display_name: "One Page", bio: "Short thoughts, big letters." },
    DemoCreator { handle: "yizhangzhi", display_name: "一张纸", bio: "一张纸，几句话。" },
    DemoCreator { handle: "beatlab", display_name: "Beat Lab", bio: "Made of sine waves and patience." },
    DemoCreator { handle: "shuimian", display_name: "水面", bio: "看水，听雨。Water and weather." },
    DemoCreator { handle: "patternist", display_name: "The Patternist", bio: "Mirrors, tiles, repeats." },
];

/// One clip to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct DemoClip {
    /// What it is, such as `fractal`; also its first hashtag.
    pub kind: &'static str,
    /// With hashtags, English or Chinese.
    pub caption: String,
    /// Index into [`CREATORS`].
    pub creator: usize,
    /// The title of its sound; clips with the same title have the same sound.
    pub sound: &'static str,
    pub width: u32,
    pub height: u32,
    pub length_ms: u64,
    pub seed: u64,
    sound_index: usize,
    picture: Picture,
}

/// Whether there is a clip now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rendered {
    Made,
    /// Something is not on this machine; the sentence tells what to install.
    Skipped(String),
}

/// The demo's clips: at least 64, the first eight quick to make and all of different kinds, the others mixed.
pub fn plan(seed: u64) -> Vec<DemoClip> {
    let root = Rng::from_seed(seed);
    let mut by_kind: Vec<std::collections::VecDeque<DemoClip>> = pictures::kinds()
        .into_iter()
        .map(|kind| {
            let mut rng = root.child(kind.name);
            let captions = words::captions(kind.name);
            (0..kind.count)
                .map(|i| {
                    let sound_index = kind.sounds[i % kind.sounds.len()];
                    let picture = (kind.picture)(i, &mut rng);
                    let (width, height) = shape(i, &mut rng);
                    DemoClip {
                        kind: kind.name,
                        caption: captions.get(i % captions.len().max(1)).copied().unwrap_or(kind.name).to_owned(),
                        creator: kind.creator,
                        sound: sounds::title(sound_index),
                        width,
                        height,
                        length_ms: length_ms(i, &mut rng),
                        seed: rng.next_u64(),
                        sound_index,
                        picture,
                    }
                })
                .collect()
        })
        .collect();
    // One of each kind in turn: what is made first is a good mixture, and the first eight are of eight kinds.
    let mut clips = Vec::new();
    while by_kind.iter().any(|kind| !kind.is_empty()) {
        clips.extend(by_kind.iter_mut().filter_map(std::collections::VecDeque::pop_front));
    }
    clips
}

/// Upright mostly, now and then a square or a wide one; the first of each kind is upright.
fn shape(index: usize, rng: &mut Rng) -> (u32, u32) {
    match (index, rng.below(10)) {
        (0, _) => (720, 1280),
        (_, 0) => (720, 720),
        (_, 1) => (1280, 720),
        _ => (720, 1280),
    }
}

/// 4 to 9 seconds mostly, up to 20; the first of each kind is short.
fn length_ms(index: usize, rng: &mut Rng) -> u64 {
    let tenths = match (index, rng.below(12)) {
        (0, _) => 40 + rng.below(15),
        (_, 0) => 120 + rng.below(80),
        (_, 1) => 30 + rng.below(8),
        _ => 42 + rng.below(46),
    };
    tenths as u64 * 100
}

/// Makes the clip as the MP4 file `out` (H.264 and AAC, not yet the package that plays). Files beside `out` that begin with
/// its name are used on the way and removed.
pub async fn render(sandbox: &Sandbox, fonts: &Fonts, clip: &DemoClip, out: &Path) -> Result<Rendered, Error> {
    let step = "drawing a demo clip";
    let (Some(dir), Some(name)) = (out.parent(), out.file_name().and_then(|n| n.to_str())) else {
        return Err(Error::Tool { step, detail: "the output has no folder".into() });
    };
    let lines = clip.picture.lines();
    let font = match (clip.picture.is_chinese(), lines.is_empty()) {
        (_, true) => None,
        (true, false) => match &fonts.chinese {
            Some(font) => Some(font.as_str()),
            None => {
                return Ok(Rendered::Skipped(
                    "no font with Chinese letters here; on Debian: apt-get install fonts-noto-cjk".into(),
                ));
            }
        },
        (false, false) => match &fonts.latin {
            Some(font) => Some(font.as_str()),
            None => return Ok(Rendered::Skipped("no font here; on Debian: apt-get install fonts-dejavu-core".into())),
        },
    };
    // Words go through files: then no letter of them means anything to the filter language.
    let text_files: Vec<String> = (0..lines.len()).map(|i| format!("{name}.line{i}.txt")).collect();
    for (file, line) in text_files.iter().zip(lines) {
        tokio::fs::write(dir.join(file), line).await?;
    }
    let made = sandbox.generate(step, dir, &arguments(clip, font, &text_files, name), CAPS).await;
    for file in &text_files {
        tokio::fs::remove_file(dir.join(file)).await?;
    }
    let done = made?;
    if done.ok { Ok(Rendered::Made) } else { Err(Error::Tool { step, detail: done.stderr }) }
}

fn arguments(clip: &DemoClip, font: Option<&str>, text_files: &[String], name: &str) -> Vec<String> {
    let length_s = clip.length_ms as f64 / 1e3;
    let sound = sounds::graph(clip.sound_index, length_s);
    let picture = clip.picture.graph(&pictures::Canvas { width: clip.width, height: clip.height, length_s, font, text_files });
    let (sound_out, picture_in) = if clip.picture.hears() { (",asplit=2[a][heard]", "[heard]") } else { ("[a]", "") };
    let graph = format!("{sound}{sound_out};{picture_in}{picture},fps={FPS},setsar=1,format=yuv420p[v]");
    let mut args: Vec<String> = vec!["-filter_complex_threads".into(), "1".into(), "-filter_complex".into(), graph];
    let rest = format!(
        "-map [v] -map [a] -t {length_s:.2} -c:v libx264 -preset ultrafast -crf 24 -threads 1 -g 48 -c:a aac -b:a 128k -ac 2 -ar 44100 \
         -movflags +faststart -f mp4 file:{name}"
    );
    args.extend(rest.split_whitespace().map(str::to_owned));
    args
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn the_plan_is_rich_and_the_same_for_the_same_seed() {
        let clips = plan(1);
        assert_eq!(clips, plan(1));
        assert_ne!(clips, plan(2));
        assert!(clips.len() >= 64, "{}", clips.len());
        let first: BTreeSet<&str> = clips[..8].iter().map(|c| c.kind).collect();
        assert_eq!(first.len(), 8, "the first eight are of eight kinds");
        let mut by_sound: BTreeMap<&str, usize> = BTreeMap::new();
        for clip in &clips {
            *by_sound.entry(clip.sound).or_default() += 1;
            assert!((3_000..=20_000).contains(&clip.length_ms), "{}", clip.length_ms);
            assert!(clip.creator < CREATORS.len());
            let tags = base::hashtags_in(&clip.caption);
            assert!((1..=5).contains(&tags.len()), "{}", clip.caption);
        }
        assert!(by_sound.values().filter(|count| **count >= 3).count() >= 5, "sounds are shared: {by_sound:?}");
        let portrait = clips.iter().filter(|c| c.height > c.width).count();
        assert!(portrait * 10 >= clips.len() * 7 && portrait < clips.len());
        let captions: BTreeSet<&String> = clips.iter().map(|c| &c.caption).collect();
        assert_eq!(captions.len(), clips.len(), "no caption twice");
        let chinese = clips.iter().filter(|c| c.caption.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))).count();
        assert!(chinese * 4 >= clips.len(), "{chinese} of {}", clips.len());
    }

    #[test]
    fn every_creator_and_sound_is_used() {
        let clips = plan(1);
        assert_eq!(clips.iter().map(|c| c.creator).collect::<BTreeSet<_>>().len(), CREATORS.len());
        assert_eq!(clips.iter().map(|c| c.sound).collect::<BTreeSet<_>>().len(), SOUND_COUNT);
    }
}
