//! Copies among real clips, where that data lies beside the checkout: which are found, and that no other is.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use base::VideoId;
use content::{DuplicateIndex, Pdq, Rule, Signature, compare, pdq};

/// Clips that show the same: by the part of the name that they share.
fn family(name: &str) -> String {
    if name.starts_with("chair-") {
        return "chair".into();
    }
    // The same second of one camera, in other codecs and containers; the square clip is a part of the film.
    if name.contains("portrait") || name.contains("rotate") {
        return "edge-sample, turned".into();
    }
    let others = ["12_5fps", "vvc", "edit_list"];
    if name.starts_with("edge-sample") && !others.iter().any(|other| name.contains(other)) {
        return "edge-sample".into();
    }
    if name.starts_with("big-buck-bunny") || name.contains("bbb_642x642") {
        return "bunny".into();
    }
    name.split('.').next().unwrap_or(name).trim_end_matches("-320").to_owned()
}

fn signatures(folder: &Path) -> BTreeMap<String, Signature> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files
        .into_iter()
        .filter(|file| file.extension().is_some_and(|e| e == "mp4" || e == "webm" || e == "mkv"))
        .filter(|file| !file.ends_with("edge-long_1080p_lowbitrate.mp4") && file.metadata().unwrap().len() > 0)
        .map(|file| (file.file_name().unwrap().to_string_lossy().into_owned(), Signature::of(&support::decode(&file, ""))))
        .filter(|(_, signature)| signature.frame_count() > 0)
        .collect()
}

#[test]
fn copies_are_found_and_other_clips_are_not() {
    let (Some(open), Some(vectors)) = (support::shared("videos-open"), support::shared("perceptual-hash-vectors")) else {
        println!("no open clips beside this checkout");
        return;
    };
    let mut all = signatures(&open);
    all.extend(signatures(&vectors.join("videos")));
    let names: Vec<&String> = all.keys().collect();
    let mut index = DuplicateIndex::new(Rule::default());
    for (i, name) in names.iter().enumerate() {
        index.add(VideoId::from_raw(i as u64 + 1), all[*name].clone());
    }
    println!("{} clips, {} kB", index.len(), index.memory_bytes() / 1024);

    println!("\nchair clips, share of pictures with a partner, row in column (bit error of the sound):");
    let chairs: Vec<&&String> = names.iter().filter(|n| n.starts_with("chair")).collect();
    for a in &chairs {
        let row: Vec<String> = chairs
            .iter()
            .map(|b| {
                let likeness = compare(&all[**a], &all[**b], &Rule::default());
                format!("{:3.0} % ({:.2})", likeness.share * 100.0, likeness.bit_error.unwrap_or(f64::NAN))
            })
            .collect();
        println!("{a:34} {}", row.join("  "));
    }

    println!("\nnearest of another family:");
    let mut missed = Vec::new();
    let mut wrong = Vec::new();
    for name in &names {
        let found: Vec<&str> = index.find(&all[*name]).iter().map(|m| names[m.video.raw() as usize - 1].as_str()).collect();
        let mut nearest = (0.0, "");
        for other in &names {
            let same = family(name) == family(other);
            if same != found.contains(&other.as_str()) {
                let likeness = compare(&all[*name], &all[*other], &Rule::default());
                if same { &mut missed } else { &mut wrong }.push(format!("{name} and {other}: {likeness:?}"));
            }
            if !same {
                let score = compare(&all[*name], &all[*other], &Rule::default()).score;
                if score > nearest.0 {
                    nearest = (score, other.as_str());
                }
            }
        }
        if nearest.0 > 0.0 {
            println!("{name:50} {:3.0} % {}", nearest.0 * 100.0, nearest.1);
        }
    }
    assert!(wrong.is_empty(), "taken for copies: {wrong:#?}");
    assert!(missed.is_empty(), "not found: {missed:#?}");
}

#[test]
fn crops_bars_and_sizes_of_one_clip_are_found() {
    let Some(open) = support::shared("videos-open") else {
        println!("no open clips beside this checkout");
        return;
    };
    let mut index = DuplicateIndex::new(Rule::default());
    for (i, name) in ["mdn-flower.mp4", "mdn-friday.mp4", "mdn-frog.webm"].iter().enumerate() {
        index.add(VideoId::from_raw(i as u64 + 1), Signature::of(&support::decode(&open.join(name), "")));
    }
    let edits = [
        ("none", ""),
        ("smaller", "scale=160:-2,"),
        ("crop 2 %", "crop=iw*0.96:ih*0.96,"),
        ("crop 4 %", "crop=iw*0.92:ih*0.92,"),
        ("crop 5 %", "crop=iw*0.90:ih*0.90,"),
        ("crop left 5 %", "crop=iw*0.95:ih:iw*0.05:0,"),
        ("crop bottom 4 %", "crop=iw:ih*0.96:0:0,"),
        ("pillars", "pad=iw*1.5:ih:(ow-iw)/2:0,"),
        ("letterbox into portrait", "pad=iw:iw*1.5:0:(oh-ih)/2,"),
        ("grey", "hue=s=0,"),
        ("brighter", "eq=brightness=0.1:contrast=1.1,"),
        ("logo", "drawbox=x=iw*0.7:y=ih*0.1:w=iw*0.2:h=ih*0.2:color=white:t=fill,"),
        ("second half", "trim=start=2.5,setpts=PTS-STARTPTS,"),
    ];
    let mut failures = Vec::new();
    for (edit, filter) in edits {
        let mut samples = support::decode(&open.join("mdn-flower.mp4"), filter);
        samples.audio = None;
        let found = index.find(&Signature::of(&samples));
        println!("{edit:24} {:?}", found.first().map(|m| (m.share, m.share_back)));
        if found.iter().map(|m| m.video.raw()).collect::<Vec<_>>() != [1] {
            failures.push(edit);
        }
    }
    assert!(failures.is_empty(), "{failures:?}");
}

/// The originals without bars are too large to be had; their hashes are there.
#[test]
fn the_picture_inside_of_bars_is_that_of_the_original() {
    let Some(vectors) = support::shared("perceptual-hash-vectors") else {
        println!("no reference hashes beside this checkout");
        return;
    };
    let packed = vectors.join("vpdq/chair-orig-22-fhd-no-bar.txt.zst");
    let Ok(unpacked) = std::process::Command::new("zstd").arg("-dcq").arg(packed).output() else {
        println!("the reference hashes are packed and there is no zstd to unpack them");
        return;
    };
    let references: Vec<Pdq> = String::from_utf8(unpacked.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| Pdq::from_hex(line.split(',').nth(2)?, line.split(',').nth(1)?.parse().ok()?))
        .collect();
    assert_eq!(references.len(), 674);
    // With the bars on, none of these pictures is near an original.
    let clip = vectors.join("videos/chair-orig-22-sd-bar.mp4");
    for (how, filter, expected) in [("with bars", "", 0.0..0.1), ("without", "crop=iw*0.875:ih,", 0.9..1.01)] {
        let samples = support::decode(&clip, filter);
        let near = samples
            .frames
            .iter()
            .filter_map(|frame| pdq(&frame.rgb, samples.frame_width, samples.frame_height))
            .filter(|ours| references.iter().any(|reference| reference.distance(ours) <= 31))
            .count();
        let share = near as f64 / samples.frames.len() as f64;
        println!("{how}: {:.0} % of the pictures are those of the original", share * 100.0);
        assert!(expected.contains(&share), "{how}: {share}");
    }
    let signature = Signature::of(&support::decode(&clip, ""));
    let share = signature.share_near(&references, 31);
    println!("as the signature trims it: {:.0} %", share * 100.0);
    assert!(share > 0.9, "{share}");
}
