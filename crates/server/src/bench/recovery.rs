//! `bench recovery`: a brain of a wanted size starts from its snapshots and the log after them.

use std::path::Path;

use anyhow::Result;
use app::{RecoveryOptions, recovery};
use serde_json::json;

use super::{BenchArgs, Report, figure, machine};

const ROWS: u64 = 10_000_000;
const EVENTS_AFTER_SNAPSHOT: usize = 20_000;

pub async fn run(args: &BenchArgs, dir: &Path) -> Result<Report> {
    let options = RecoveryOptions {
        rows: args.rows.unwrap_or(ROWS),
        videos: args.videos,
        events_after_snapshot: EVENTS_AFTER_SNAPSHOT,
        seed: args.seed,
    };
    let (measured, brain) = recovery(dir, options, super::stage).await?;
    let rss_mib = machine::resident_mib();
    brain.close().await?;
    let mut figures = serde_json::to_value(&measured)?.as_object().cloned().unwrap_or_default();
    figures.insert("rss_mib".into(), json!(rss_mib));
    for value in figures.values_mut() {
        if let Some(number) = value.as_f64().filter(|_| value.is_f64()) {
            *value = figure(number);
        }
    }
    Ok(Report {
        parameters: json!({ "rows": options.rows, "videos": options.videos, "seed": options.seed }),
        figures,
        note:
            "memory and two threads: rows, histories and indexes are made again; the disk, when the files are not in its cache"
                .into(),
    })
}
