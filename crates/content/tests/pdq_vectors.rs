//! PDQ against the hashes that its authors published, where that data lies beside the checkout.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[allow(dead_code)]
mod support;

use std::path::Path;

use content::{Pdq, pdq};

/// JPEG decoders differ by a little; the references are met within this.
const DISTANCE_MAX: u32 = 10;

fn hash(file: &Path) -> Pdq {
    let picture = image::open(file).unwrap().to_rgb8();
    pdq(picture.as_raw(), picture.width() as usize, picture.height() as usize).unwrap()
}

#[test]
fn published_hashes_are_met() {
    let Some(folder) = support::shared("perceptual-hash-vectors") else {
        println!("no reference pictures beside this checkout; the hash is held by the unit tests alone");
        return;
    };
    let expected = std::fs::read_to_string(folder.join("pdq/expected_dihedral.csv")).unwrap();
    let mut checked = 0;
    for line in expected.lines().skip(1).filter(|line| !line.trim().is_empty()) {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let reference = Pdq::from_hex(fields[1], fields[2].parse().unwrap()).unwrap();
        let file = folder.join("pdq/images").join(fields[0]);
        let ours = hash(&file);
        let distance = ours.distance(&reference);
        println!("{:32} distance {distance:3}, quality {} (reference {})", fields[0], ours.quality, reference.quality);
        assert!(distance <= DISTANCE_MAX, "{}: {distance}", fields[0]);
        assert!(ours.quality.abs_diff(reference.quality) <= 5, "{}", fields[0]);
        checked += 1;
    }
    assert_eq!(checked, 8);

    // Edits of one photograph are near it, photographs of other scenes are far.
    let original = hash(&folder.join("pdq/images/bridge-mods__aaa-orig.jpg"));
    let mut pictures: Vec<_> = std::fs::read_dir(folder.join("pdq/images")).unwrap().map(|e| e.unwrap().path()).collect();
    pictures.sort();
    for file in pictures {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let distance = original.distance(&hash(&file));
        println!("{name:40} {distance:3} from the original");
        if name.starts_with("bridge-mods") {
            assert!(distance <= 31, "{name}: {distance}");
        } else if name.starts_with("labelme") {
            assert!(distance > 60, "{name}: {distance}");
        }
    }
}
