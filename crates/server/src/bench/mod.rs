//! `watershed bench NAME`: measures on this machine, with data it makes itself, and prints figures.

mod client;
mod events;
mod feed;
mod learner;
mod machine;
mod percentile;
mod recovery;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

pub use percentile::Percentiles;

#[derive(Args, Clone)]
pub struct BenchArgs {
    /// What to measure.
    pub name: Bench,
    /// Print one JSON object, last, on standard output.
    #[arg(long)]
    pub json: bool,
    /// How long to measure, in seconds.
    #[arg(long, default_value_t = 20)]
    pub seconds: u64,
    /// The same seed makes the same data.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Videos in the catalog (feed, recovery).
    #[arg(long, default_value_t = 100_000)]
    pub videos: usize,
    /// Viewers with a history (feed, events).
    #[arg(long, default_value_t = 10_000)]
    pub viewers: usize,
    /// Requests a second to ask for (feed: 300 when not given; 0 asks as fast as answers come). Events a second to offer, whatever is
    /// answered (events: as many as are learned when not given).
    #[arg(long)]
    pub rate: Option<u64>,
    /// Events a second that flow in meanwhile (feed).
    #[arg(long, default_value_t = 2_000)]
    pub events_rate: u64,
    /// Rows of the model's tables (learner: as many as a small world makes when not given; recovery: ten million).
    #[arg(long)]
    pub rows: Option<u64>,
    /// Rows hold their vectors in half precision (learner with --rows).
    #[arg(long)]
    pub f16: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Bench {
    /// Feed requests over HTTP while events flow in.
    Feed,
    /// Events over HTTP: acknowledged on disk, joined and learned.
    Events,
    /// The model alone: learning and scoring.
    Learner,
    /// The log alone: appending and reading.
    Eventlog,
    /// How long a start takes until everything known is known again.
    Recovery,
}

/// What a bench found.
pub struct Report {
    pub parameters: Value,
    pub figures: Map<String, Value>,
    /// What bounds the figures on this machine.
    pub note: String,
}

/// Tells what is going on, beside the figures.
fn stage(what: &str) {
    eprintln!("{what}");
}

/// A number as a JSON figure, rounded to what is worth telling.
pub fn figure(value: f64) -> Value {
    json!((value * 1000.0).round() / 1000.0)
}

/// `data`: an empty folder to leave the data in, instead of a temporary one.
pub async fn run(args: BenchArgs, data: Option<PathBuf>) -> Result<ExitCode> {
    let temporary = tempfile::tempdir()?;
    let dir = match data {
        // People's data is not to be measured on, nor mixed with what is made up here.
        Some(dir) if dir.read_dir().is_ok_and(|mut entries| entries.next().is_some()) => {
            bail!("{} is not empty: a bench makes its own data", dir.display())
        }
        Some(dir) => dir,
        None => temporary.path().to_owned(),
    };
    let report = match args.name {
        Bench::Feed => feed::run(&args, &dir).await?,
        Bench::Events => events::run(&args, &dir).await?,
        Bench::Recovery => recovery::run(&args, &dir).await?,
        Bench::Learner => {
            tokio::task::spawn_blocking({
                let args = args.clone();
                move || learner::run(&args)
            })
            .await??
        }
        Bench::Eventlog => {
            tokio::task::spawn_blocking({
                let args = args.clone();
                move || eventlog(&args)
            })
            .await??
        }
    };
    let name = args.name.to_possible_value().map(|v| v.get_name().to_owned()).unwrap_or_default();
    if args.json {
        let object = json!({
            "bench": name,
            "version": env!("CARGO_PKG_VERSION"),
            "commit": machine::commit(),
            "machine": machine::machine(),
            "parameters": report.parameters,
            "figures": report.figures,
            "limits": { "note": report.note },
        });
        println!("{object}");
    } else {
        println!("{name}");
        for (key, value) in &report.figures {
            println!("  {key:<32} {value}");
        }
        println!("  {}", report.note);
    }
    Ok(ExitCode::SUCCESS)
}

fn eventlog(args: &BenchArgs) -> Result<Report> {
    let measured = eventlog::bench::run(args.seconds, args.seed)?;
    let mut figures = Map::new();
    figures.insert("append_events_per_s".into(), figure(measured.append_events_per_s));
    figures.insert("read_events_per_s".into(), figure(measured.read_events_per_s));
    figures.insert("append_p99_ms".into(), figure(measured.append_p99_ms));
    figures.insert("bytes_per_event".into(), figure(measured.bytes_per_event));
    figures.insert("backend".into(), json!("local"));
    Ok(Report {
        parameters: json!({ "seconds": args.seconds, "seed": args.seed }),
        figures,
        note: "the disk's fdatasync, shared by what is appended at the same time".into(),
    })
}
