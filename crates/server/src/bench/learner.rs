//! `bench learner`: the model alone, beside what this machine could do at the most.

use anyhow::Result;
use learner::Precision;
use learner::bench::{Limits, run as run_small, run_large};
use serde_json::{Map, Value, json};

use super::{BenchArgs, Report, figure, machine};

/// Index slot and row: a row of 144 bytes lies in three lines.
const LINES_PER_ROW: f64 = 4.0;
/// The share of the time in which the machine's own limits are measured.
const LIMITS_SHARE: f64 = 0.1;

pub fn run(args: &BenchArgs) -> Result<Report> {
    let seconds = args.seconds as f64;
    let learning_s = seconds * (1.0 - LIMITS_SHARE);
    let measured = match args.rows {
        None => serde_json::to_value(run_small(learning_s, args.seed))?,
        Some(rows) => {
            super::stage(&format!("filling tables of {rows} rows"));
            let precision = if args.f16 { Precision::F16 } else { Precision::F32 };
            serde_json::to_value(run_large(rows, precision, learning_s, args.seed)?)?
        }
    };
    let rss_mib = machine::peak_resident_mib();
    let limits = Limits::measure(seconds * LIMITS_SHARE);
    let mut figures = measured.as_object().cloned().unwrap_or_default();
    let note = compare(&mut figures, &limits);
    figures.insert("rss_mib".into(), json!(rss_mib));
    for value in figures.values_mut() {
        if let Some(number) = value.as_f64().filter(|_| value.is_f64()) {
            *value = figure(number);
        }
    }
    let parameters = json!({ "seconds": args.seconds, "seed": args.seed, "rows": args.rows, "f16": args.f16 });
    Ok(Report { parameters, figures, note })
}

/// Adds the machine's limits and the shares of them; says what an example's time goes to.
fn compare(figures: &mut Map<String, Value>, limits: &Limits) -> String {
    let of = |name: &str| figures.get(name).and_then(Value::as_f64).unwrap_or(f64::NAN);
    let (examples_per_s, flop, rows) = (of("examples_per_s_one_thread"), of("flop_per_example"), of("rows_per_example"));
    let peak_flop_per_s = limits.peak_gflop_per_s_one_thread * 1e9;
    let lines = rows * LINES_PER_ROW;
    let example_us = 1e6 / examples_per_s;
    let arithmetic_us = flop / peak_flop_per_s * 1e6;
    let (together_us, apart_us) = (lines / limits.random_lines_per_s * 1e6, lines * limits.random_line_latency_ns / 1e3);
    figures.insert("share_of_peak_one_thread".into(), json!(examples_per_s * flop / peak_flop_per_s));
    figures.insert("share_of_random_lines_one_thread".into(), json!(examples_per_s * lines / limits.random_lines_per_s));
    figures.insert("peak_gflop_per_s_one_thread".into(), json!(limits.peak_gflop_per_s_one_thread));
    figures.insert("random_lines_per_s".into(), json!(limits.random_lines_per_s));
    figures.insert("random_line_latency_ns".into(), json!(limits.random_line_latency_ns));
    let bound = if together_us > arithmetic_us { "memory" } else { "arithmetic" };
    format!(
        "{bound}: an example takes {example_us:.1} us; its {flop:.0} operations would take {arithmetic_us:.1} us at the peak of this \
         thread, its {lines:.0} lines of rows and slots {together_us:.1} us if all were far away and asked for at once, {apart_us:.1} us \
         one after the other"
    )
}
