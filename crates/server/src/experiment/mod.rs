//! `watershed experiment`: what each arm of an experiment was worth, out of the event log. Reads, and changes nothing; a server may
//! be writing meanwhile.

mod report;
mod tally;
mod text;
mod time;

use std::ops::ControlFlow;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use base::{Clock, SystemClock, Timestamp};
use clap::Args;
use eventlog::LogReader;

use crate::config::Config;
use tally::{Bounds, Tally};

#[derive(Args, Clone)]
pub struct ExperimentArgs {
    /// The experiment's name; the configured one's, or else the newest in the log, when left out.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Count from here on: a date (2026-01-31), a time (2026-01-31T18:30, UTC), or how long ago (12h, 7d).
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Count up to here; written like --from.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// The largest weight of one placement in the counterfactual estimates.
    #[arg(long, value_name = "WEIGHT", default_value_t = 20.0)]
    clip: f64,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub fn run(config: &Config, args: &ExperimentArgs) -> Result<ExitCode> {
    if !(args.clip.is_finite() && args.clip >= 1.0) {
        bail!("--clip must be a number of at least 1");
    }
    let now = SystemClock.now();
    let at = |text: &Option<String>, flag: &str| -> Result<Option<Timestamp>> {
        text.as_deref().map(|text| time::parse(text, now).with_context(|| format!("{flag} {text}"))).transpose()
    };
    let bounds = Bounds { from: at(&args.from, "--from")?, to: at(&args.to, "--to")? };
    let configured = &config.feed.experiment;
    let name = args.name.as_ref().or(Some(&configured.name).filter(|name| !name.is_empty() && !configured.arms.is_empty()));
    let mut tally = Tally::new(name.map(|name| experiment::Assignment::tag_of(name)), bounds)?;

    let folder = config.region.data_dir.join("log");
    let reader = LogReader::open(&folder).with_context(|| format!("there is no event log in {}", folder.display()))?;
    let mut partition = None;
    reader.read(|of, _, event| {
        if partition.replace(of).is_some_and(|before| before != of) {
            tally.next_partition();
        }
        tally.take(event);
        ControlFlow::Continue(())
    })?;
    let tallied = tally.finish();
    let known = name.filter(|name| Some(experiment::Assignment::tag_of(name)) == tallied.experiment);
    let names = match known {
        Some(name) if *name == configured.name => configured.arms.iter().map(|arm| arm.name.clone()).collect(),
        _ => Vec::new(),
    };
    let report = report::of(&tallied, known.cloned(), &names, args.clip);
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print!("{}", text::of(&report));
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod whole_tests;
