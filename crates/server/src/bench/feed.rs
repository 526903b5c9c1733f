//! `bench feed`: pages over HTTP at a steady rate, with events flowing in meanwhile.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use axum::body::Bytes;
use axum::http::{Method, StatusCode};
use base::{Clock, Rng, SystemClock};
use serde_json::{Map, json};

use super::client::{Client, Credentials};
use super::world::{World, write_viewing};
use super::{BenchArgs, Percentiles, Report, figure};

/// Connections that ask for pages.
const ASKERS: usize = 16;
/// Viewings behind each viewer before the measuring starts.
const HISTORY_VIEWINGS: usize = 20;
/// Events in a batch of the stream that flows in meanwhile.
const BATCH_EVENTS: usize = 200;
/// Requests a second when nothing else is asked for.
const RATE: u64 = 300;

pub async fn run(args: &BenchArgs, dir: &Path) -> Result<Report> {
    super::stage(&format!("making {} videos", args.videos));
    let world = Arc::new(World::start(dir, args.seed, args.videos, args.viewers).await?);
    let token = world.app.bench_operator_token().await?;
    super::stage(&format!("giving {} viewers a history", args.viewers));
    warm_up(&world, &token, args.seed).await?;
    super::stage(&format!("measuring for {} s", args.seconds));

    let started = Instant::now();
    let until = started + Duration::from_secs(args.seconds);
    let scored_before = world.app.feed.stats().scored_total();
    let events = Arc::new(AtomicU64::new(0));
    let stream = tokio::spawn(stream(world.clone(), token, args.seed, args.events_rate, until, events.clone()));

    let rate = args.rate.unwrap_or(RATE);
    let interval = (rate > 0).then(|| Duration::from_secs_f64(ASKERS as f64 / rate as f64));
    let askers: Vec<_> = (0..ASKERS)
        .map(|n| {
            let world = world.clone();
            let rng = Rng::from_seed(args.seed).child(&format!("asker {n}"));
            // Spread over the interval, so that requests do not come in bursts.
            let first = started + interval.unwrap_or_default().mul_f64(n as f64 / ASKERS as f64);
            tokio::spawn(async move { ask(&world, rng, first, interval, until).await })
        })
        .collect();
    let (mut latency, mut errors) = (Percentiles::default(), 0);
    for asker in askers {
        let (asked, failed) = asker.await??;
        latency.merge(asked);
        errors += failed;
    }
    let elapsed_s = started.elapsed().as_secs_f64();
    stream.await??;
    ensure!(latency.len() > 0, "no page was served");

    let requests = latency.len();
    let scored = world.app.feed.stats().scored_total() - scored_before;
    let mut figures = Map::new();
    figures.insert("requests_per_s".into(), figure(requests as f64 / elapsed_s));
    for (name, share) in [("latency_p50_ms", 0.5), ("latency_p90_ms", 0.9), ("latency_p99_ms", 0.99)] {
        figures.insert(name.into(), figure(latency.at(share)));
    }
    figures.insert("candidates_scored_per_request".into(), figure(scored as f64 / requests as f64));
    figures.insert("errors".into(), json!(errors));
    figures.insert("events_per_s_meanwhile".into(), figure(events.load(Ordering::Relaxed) as f64 / elapsed_s));
    if let Ok(world) = Arc::try_unwrap(world) {
        world.stop().await?;
    }
    Ok(Report {
        parameters: json!({
            "videos": args.videos, "viewers": args.viewers, "seconds": args.seconds, "seed": args.seed, "rate": rate,
            "events_rate": args.events_rate, "page": 8,
        }),
        figures,
        note: "arithmetic: scoring, the learner's training, the clients and the writing of JSON share the cores".into(),
    })
}

/// Gives every viewer a history, through the same door as everybody.
async fn warm_up(world: &World, token: &str, seed: u64) -> Result<()> {
    let mut client = Client::connect(world.address, Credentials::Bearer(token.to_owned())).await?;
    let mut rng = Rng::from_seed(seed).child("warm-up");
    let now_ms = SystemClock.now().as_millis();
    for viewers in world.viewers.chunks(200) {
        let mut body = String::new();
        for viewer in viewers {
            for _ in 0..HISTORY_VIEWINGS {
                write_viewing(&mut body, world, *viewer, &mut rng, now_ms);
            }
        }
        let (status, _) = client.send(Method::POST, "/v1/events?bulk=true", "application/x-ndjson", Bytes::from(body)).await?;
        ensure!(status == StatusCode::OK, "the warm-up was answered {status}");
    }
    world.settle().await
}

async fn ask(
    world: &World,
    mut rng: Rng,
    first: Instant,
    interval: Option<Duration>,
    until: Instant,
) -> Result<(Percentiles, usize)> {
    let mut client = Client::connect(world.address, Credentials::None).await?;
    let (mut latency, mut errors, mut due) = (Percentiles::default(), 0, first);
    while due < until && Instant::now() < until {
        tokio::time::sleep_until(due.into()).await;
        let viewer = world.viewers[rng.below(world.viewers.len())];
        client.credentials = Credentials::Cookie(format!("watershed_viewer={}", world.app.accounts.viewer_token(viewer)));
        // From when the request was due: a slow answer must not hide the wait of the next one.
        let asked = if interval.is_some() { due } else { Instant::now() };
        let (status, _) = client.send(Method::GET, "/v1/feed?limit=8", "", Bytes::new()).await?;
        latency.add(asked.elapsed().as_secs_f64() * 1e3);
        if status != StatusCode::OK {
            if errors == 0 {
                super::stage(&format!("a page was answered {status}"));
            }
            errors += 1;
        }
        due = interval.map_or_else(Instant::now, |interval| due + interval);
    }
    Ok((latency, errors))
}

/// Events at a steady rate.
async fn stream(world: Arc<World>, token: String, seed: u64, rate: u64, until: Instant, sent: Arc<AtomicU64>) -> Result<()> {
    if rate == 0 {
        return Ok(());
    }
    let mut client = Client::connect(world.address, Credentials::Bearer(token)).await?;
    let mut rng = Rng::from_seed(seed).child("stream");
    let mut due = Instant::now();
    while due < until {
        tokio::time::sleep_until(due.into()).await;
        let now_ms = SystemClock.now().as_millis();
        let (mut body, mut events) = (String::new(), 0);
        while events < BATCH_EVENTS {
            let viewer = world.viewers[rng.below(world.viewers.len())];
            events += write_viewing(&mut body, &world, viewer, &mut rng, now_ms);
        }
        let (status, _) = client.send(Method::POST, "/v1/events?bulk=true", "application/x-ndjson", Bytes::from(body)).await?;
        if status == StatusCode::OK {
            sent.fetch_add(events as u64, Ordering::Relaxed);
        }
        due += Duration::from_secs_f64(events as f64 / rate as f64);
    }
    Ok(())
}
