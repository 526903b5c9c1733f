//! Dependencies point downwards only, and the domains do not know each other.

use std::collections::BTreeMap;
use std::process::Command;

/// From the ground up. A crate may depend on crates of lower layers only.
const LAYERS: &[&[&str]] = &[
    &["base", "residency", "experiment"],
    &["store", "blob", "eventlog"],
    &["views", "accounts", "social", "moderation", "media", "content", "catalog", "retrieval", "learner", "feed"],
    &["app", "replay"],
    &["api"],
    &["server"],
];

/// Crates of a layer that may know nothing but the ground.
const PURE: &[&str] = &["learner", "content", "feed", "retrieval", "experiment"];
/// Outside crates that bring IO, and have no place in a pure crate.
const IO_CRATES: &[&str] = &["sqlx", "axum", "hyper", "reqwest", "object_store"];

#[test]
fn dependencies_point_downwards() {
    let output =
        Command::new(env!("CARGO")).args(["metadata", "--format-version", "1", "--no-deps", "--offline"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let layer: BTreeMap<&str, usize> =
        LAYERS.iter().enumerate().flat_map(|(i, names)| names.iter().map(move |n| (*n, i))).collect();

    let mut wrong = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        if name == "testkit" || name == "sim" {
            continue;
        }
        let Some(mine) = layer.get(name) else {
            wrong.push(format!("{name} has no layer"));
            continue;
        };
        for dependency in package["dependencies"].as_array().unwrap() {
            let to = dependency["name"].as_str().unwrap();
            if dependency["kind"] == "dev" {
                continue;
            }
            if to == "testkit" {
                wrong.push(format!("{name} -> testkit outside tests"));
            }
            if PURE.contains(&name) && IO_CRATES.contains(&to) {
                wrong.push(format!("{name} -> {to}: a core has no IO"));
            }
            if let Some(theirs) = layer.get(to)
                && (theirs >= mine || PURE.contains(&name) && *theirs > 0)
            {
                wrong.push(format!("{name} -> {to}"));
            }
        }
    }
    assert!(wrong.is_empty(), "dependencies against the layers: {wrong:#?}");
}
