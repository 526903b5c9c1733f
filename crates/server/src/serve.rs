//! `watershed serve` and `watershed demo`: start, say where everything is, and stop without losing anything.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use app::App;
use base::{Rng, SystemClock};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};
use crate::{demo, listen};

pub async fn serve(config: Config, demo: Option<demo::Wanted>) -> Result<ExitCode> {
    start_log(&config)?;
    let address = config.server.address;
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}: choose another with --address, or stop what listens there"))?;
    let bound = listener.local_addr()?;
    let mut config = config;
    config.server.address = bound;
    let public_url = config.public_url();

    let stop = CancellationToken::new();
    let app = build(&config).await?;
    app.start(&stop);

    println!("Watershed is at {public_url}");
    println!("Its data lies in {}", absolute(&config.region.data_dir).display());
    let filling = match demo {
        Some(wanted) => demo::begin(app.clone(), &config, wanted, stop.clone()).await?,
        None => None,
    };
    let settings = api::HttpSettings {
        public_url: public_url.clone(),
        in_flight_max: config.server.in_flight_max,
        trusted_proxies: config.server.trusted_proxies.clone(),
    };
    let router = api::router(api::Api::new(app.clone(), settings));
    let served = tokio::spawn(listen::serve(
        listener,
        router,
        config.server.connections_max,
        stop.clone(),
        Duration::from_secs(config.server.drain_s),
    ));

    println!("Ctrl-C stops it.");

    wait_for_signal().await?;
    println!("\nStopping: no new requests, work in progress is finished or kept for the next start.");
    stop.cancel();
    served.await.context("the listener broke")?;
    if let Some(filling) = filling {
        filling.await.context("the demo's task broke")?;
    }
    app.close().await.context("not everything could be closed")?;
    println!("Stopped.");
    Ok(ExitCode::SUCCESS)
}

/// Opens the application on the configured data folder.
pub async fn build(config: &Config) -> Result<Arc<App>> {
    let seed = app::seed_from_system().context("the system gives no random numbers")?;
    let settings = app::Settings {
        region: config.region.clone(),
        media: config.media.clone(),
        accounts: config.accounts.clone(),
        social: config.social,
        feed: config.feed.clone(),
        learner: config.learner,
        eventlog: config.eventlog.clone(),
        public_url: config.public_url(),
    };
    App::build(settings, Arc::new(SystemClock), Rng::from_seed(seed)).await.context("the platform could not be started")
}

/// `watershed operator HANDLE`.
pub async fn make_operator(config: Config, handle: String) -> Result<ExitCode> {
    let app = build(&config).await?;
    let made = app.make_operator(&handle).await;
    app.close().await?;
    match made {
        Ok(()) => {
            println!("@{handle} is an operator now; the next sign-in shows it.");
            Ok(ExitCode::SUCCESS)
        }
        Err(app::AppError::NotFound) => bail!("there is no account with the handle {handle}"),
        Err(error) => Err(error.into()),
    }
}

fn start_log(config: &Config) -> Result<()> {
    let filter = EnvFilter::try_new(&config.server.log_filter).context("server.log_filter is not a tracing filter")?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match config.server.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("the log could not be started: {error}"))
}

fn absolute(path: &std::path::Path) -> std::path::PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

async fn wait_for_signal() -> Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).context("no signals")?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.context("no signals"),
        _ = terminate.recv() => Ok(()),
    }
}
