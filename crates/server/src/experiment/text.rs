//! The report for people to read.

use std::fmt::Write;

use experiment::{Difference, Estimate};

use super::report::{CounterfactualValue, Report};

pub fn of(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write(&mut out, report);
    out
}

fn write(out: &mut String, report: &Report) -> std::fmt::Result {
    let Some(mark) = report.experiment else {
        return writeln!(out, "The log holds no pages of such an experiment (see feed.experiment in config/watershed.toml).");
    };
    match &report.name {
        Some(name) => writeln!(out, "Experiment {name}")?,
        None => writeln!(out, "Experiment {mark:#010x} (its name is not in the configuration)")?,
    }
    if let (Some(from), Some(to)) = (report.from_ms, report.to_ms) {
        let hours = (to - from) as f64 / 3_600_000.0;
        writeln!(out, "pages over {hours:.1} hours, {} events, {} of them repeated", report.events, report.repeated_events)?;
    }
    if report.mixed_viewers > 0 {
        writeln!(out, "{} viewers were served by more than one arm and count for none", report.mixed_viewers)?;
    }
    if let Some(p) = report.shares_p_value {
        let warning = if p < 0.001 { "  TOO FAR FROM THE SHARES: something loses viewers; do not compare" } else { "" };
        writeln!(out, "viewers by share: p = {p:.3}{warning}")?;
    }
    for (at, arm) in report.arms.iter().enumerate() {
        writeln!(out, "\n{}  ({:.1} % of viewers, {} of them)", arm.name, 100.0 * arm.share, arm.viewers)?;
        let beside = if at > 0 { "less the first arm" } else { "" };
        writeln!(out, "  {:<30} {:>10}  {:<30} {beside}", "", "total", "per viewer or impression")?;
        for metric in &arm.metrics {
            let estimate = metric.estimate.map(estimate).unwrap_or_else(|| "too few viewers".into());
            let beside = metric.difference.map(difference).unwrap_or_default();
            let lift = metric.lift.map(|lift| format!("  {:+.1} %", 100.0 * lift.value)).unwrap_or_default();
            let line = format!("  {:<30} {:>10.0}  {estimate:<30} {beside}{lift}", metric.name, metric.total);
            writeln!(out, "{}", line.trim_end())?;
        }
    }
    let counterfactual = &report.counterfactual;
    if counterfactual.values.is_empty() {
        writeln!(out, "\nNo judged placement came into view: no counterfactual estimates.")?;
    } else {
        let (placements, clip) = (counterfactual.placements, counterfactual.clip);
        writeln!(out, "\nOne place filled by each policy, over {placements} placements of all arms (weights held to {clip})")?;
        if counterfactual.placements_passed_over > 0 {
            writeln!(out, "  {} further placements were passed over", counterfactual.placements_passed_over)?;
        }
        for value in &counterfactual.values {
            policy(out, value)?;
        }
    }
    writeln!(
        out,
        "\nIntervals are of 95 %, the viewer being the unit: Student's t for means, the delta method for rates, Welch's test for \
         differences. p values are of one comparison each: of twenty, one is below 0.05 by chance."
    )
}

fn policy(out: &mut String, value: &CounterfactualValue) -> std::fmt::Result {
    writeln!(out, "  {} by {}", value.reward, value.policy)?;
    if let Some(observed) = value.observed {
        writeln!(out, "    {:<16} {}", "observed", estimate(observed))?;
    }
    let Some(found) = value.value else {
        return writeln!(out, "    too few viewers, or it would have placed nothing of what was placed");
    };
    for (name, figure) in [("IPS", found.ips), ("SNIPS", found.snips), ("doubly robust", found.doubly_robust)] {
        writeln!(out, "    {name:<16} {}", estimate(figure))?;
    }
    if let Some(beside) = value.difference {
        writeln!(out, "    {:<16} {}  (doubly robust)", "less the first", difference(beside))?;
    }
    let doubt = if found.mean_weight.low > 1.0 || (found.mean_weight.high < 1.0 && found.clipped_share == 0.0) {
        "  NOT 1: do not believe it"
    } else {
        ""
    };
    writeln!(
        out,
        "    {:<16} {:.0} of {}, mean weight {}{doubt}, largest {:.1}, {:.2} % clipped",
        "worth placements",
        found.effective_placements,
        found.placements,
        estimate(found.mean_weight),
        found.weight_max,
        100.0 * found.clipped_share
    )
}

fn estimate(of: Estimate) -> String {
    format!("{} [{}, {}]", number(of.value), number(of.low), number(of.high))
}

fn difference(of: Difference) -> String {
    let p = if of.p_value < 0.001 { "p < 0.001".to_owned() } else { format!("p = {:.3}", of.p_value) };
    format!("{} [{}, {}] {p}", signed(of.value), signed(of.low), signed(of.high))
}

/// Three figures behind the point for what is small, one for what is large.
fn number(value: f64) -> String {
    if value.abs() < 10.0 { format!("{value:.3}") } else { format!("{value:.1}") }
}

fn signed(value: f64) -> String {
    format!("{}{}", if value >= 0.0 { "+" } else { "" }, number(value))
}
