//! The binary `watershed`: configuration, commands, signals. Everything else is the application's.

mod bench;
mod config;
mod demo;
mod doctor;
mod experiment;
mod listen;
mod replay;
mod serve;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};

use crate::config::{Config, LogFormat};

/// An open short-video platform that learns while you watch and keeps its people's data in their region.
#[derive(Parser)]
#[command(name = "watershed", version)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Where settings come from. Later wins: defaults, --config, the environment (WATERSHED__SECTION__KEY), --set, the other flags.
#[derive(Args, Clone)]
struct Common {
    /// A TOML file; config/watershed.toml explains every key.
    #[arg(long, global = true, env = "WATERSHED_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where everything is kept.
    #[arg(long, global = true, env = "WATERSHED_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where to listen, for example 0.0.0.0:8080.
    #[arg(long, global = true, env = "WATERSHED_ADDRESS", value_name = "HOST:PORT")]
    address: Option<SocketAddr>,
    /// Where people reach us, for example https://clips.example.
    #[arg(long, global = true, env = "WATERSHED_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
    /// How the log is written.
    #[arg(long, global = true, env = "WATERSHED_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// Any other key, for example --set media.workers=2 (repeatable).
    #[arg(long = "set", global = true, value_name = "KEY=VALUE", value_parser = key_value)]
    sets: Vec<(String, String)>,
}

#[derive(Subcommand)]
enum Command {
    /// Start the platform.
    Serve,
    /// Start the platform and, on an empty data folder, fill it with demo clips and accounts.
    Demo {
        /// Video files of your own: each becomes a clip, its name its caption.
        #[arg(long, env = "WATERSHED_IMPORT", value_name = "DIR")]
        import: Option<PathBuf>,
    },
    /// Look at the machine and say what to do.
    Doctor {
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Measure, and print figures.
    Bench(bench::BenchArgs),
    /// Replay a log of a real platform: how well each outcome was foreseen.
    Replay(replay::ReplayArgs),
    /// Print the OpenAPI document.
    Openapi,
    /// Print the settings in force.
    Config,
    /// Make an account an operator.
    Operator {
        /// The account's handle.
        handle: String,
    },
    /// What each arm of an experiment was worth, out of the event log. Reads only; a server may be running.
    Experiment(experiment::ExperimentArgs),
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE, for example media.workers=2")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

fn load(common: &Common) -> Result<Config> {
    let mut config = config::load(common.config.as_deref(), std::env::vars(), &common.sets)?;
    if let Some(dir) = &common.data {
        config.region.data_dir.clone_from(dir);
    }
    if let Some(address) = common.address {
        config.server.address = address;
    }
    if let Some(url) = &common.public_url {
        config.server.public_url.clone_from(url);
    }
    if let Some(format) = common.log_format {
        config.server.log_format = format;
    }
    Ok(config)
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode> {
    let config = load(&cli.common)?;
    match cli.command {
        Command::Serve => with_runtime(serve::serve(config, None)),
        Command::Demo { import } => with_runtime(serve::serve(config, Some(demo::Wanted { import }))),
        Command::Doctor { json } => {
            let findings = doctor::examine(&config.region.data_dir, config.server.address);
            Ok(if doctor::report(&findings, json) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Bench(args) => with_runtime(bench::run(args, cli.common.data)),
        Command::Replay(args) => replay::run(&config, &args),
        Command::Openapi => {
            print!("{}", api::openapi_json());
            Ok(ExitCode::SUCCESS)
        }
        Command::Config => {
            // No key holds a secret: those are generated and live in the data folder.
            print!("{}", toml::to_string(&config).context("the settings cannot be printed")?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Operator { handle } => with_runtime(serve::make_operator(config, handle)),
        Command::Experiment(args) => experiment::run(&config, &args),
    }
}

fn with_runtime(work: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime could be started")?.block_on(work)
}
