//! `bench events`: batches over HTTP, acknowledged on disk, joined and learned, for as long as asked.

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
use super::{BenchArgs, Percentiles, Report, figure, machine};

/// Connections that send batches.
const SENDERS: usize = 4;
/// Events in a batch, about.
const BATCH_EVENTS: usize = 1_000;
/// Videos that the events are about.
const VIDEOS: usize = 20_000;
/// Senders pause while more events than this are acknowledged and not yet learned: both rates are what can be kept up.
const AHEAD_MAX: u64 = 10_000;
/// A freshness probe is sent this often.
const PROBE_EVERY: Duration = Duration::from_millis(250);

struct Sent {
    acknowledged: usize,
    errors: usize,
    latency: Percentiles,
}

pub async fn run(args: &BenchArgs, dir: &Path) -> Result<Report> {
    super::stage(&format!("making {VIDEOS} videos"));
    let world = World::start(dir, args.seed, VIDEOS, args.viewers).await?;
    let token = world.app.bench_operator_token().await?;
    super::stage(&format!("measuring for {} s", args.seconds));
    let rss_start = machine::resident_mib();
    let learned_before = world.app.brain.learned_events();
    let started = Instant::now();
    let until = started + Duration::from_secs(args.seconds);
    let world = Arc::new(world);

    let ahead = Arc::new(Ahead { learned_before, acknowledged: AtomicU64::new(0) });
    let senders: Vec<_> = (0..SENDERS)
        .map(|n| {
            let (world, token, ahead) = (world.clone(), token.clone(), ahead.clone());
            let rng = Rng::from_seed(args.seed).child(&format!("sender {n}"));
            tokio::spawn(async move { send(&world, token, rng, until, &ahead).await })
        })
        .collect();
    let probe = tokio::spawn({
        let (world, token, seed) = (world.clone(), token.clone(), args.seed);
        async move { freshness(&world, token, Rng::from_seed(seed).child("probe"), until).await }
    });

    let mut total = Sent { acknowledged: 0, errors: 0, latency: Percentiles::default() };
    for sender in senders {
        let sent = sender.await??;
        total.acknowledged += sent.acknowledged;
        total.errors += sent.errors;
        total.latency.merge(sent.latency);
    }
    let sending_s = started.elapsed().as_secs_f64();
    let mut fresh = probe.await??;
    world.settle().await?;
    let learned = world.app.brain.learned_events() - learned_before;
    let learning_s = started.elapsed().as_secs_f64();
    ensure!(total.acknowledged > 0, "no batch was acknowledged");

    let mut figures = Map::new();
    figures.insert("events_per_s_acknowledged".into(), figure(total.acknowledged as f64 / sending_s));
    figures.insert("events_per_s_learned".into(), figure(learned as f64 / learning_s));
    figures.insert("acknowledge_p50_ms".into(), figure(total.latency.at(0.5)));
    figures.insert("acknowledge_p99_ms".into(), figure(total.latency.at(0.99)));
    figures.insert("freshness_p50_ms".into(), figure(fresh.at(0.5)));
    figures.insert("freshness_p99_ms".into(), figure(fresh.at(0.99)));
    figures.insert("freshness_probes".into(), json!(fresh.len()));
    figures.insert("rss_start_mib".into(), figure(rss_start));
    figures.insert("rss_end_mib".into(), figure(machine::resident_mib()));
    figures.insert("errors".into(), json!(total.errors));
    if let Ok(world) = Arc::try_unwrap(world) {
        world.stop().await?;
    }
    Ok(Report {
        parameters: json!({
            "videos": VIDEOS, "viewers": args.viewers, "seconds": args.seconds, "seed": args.seed, "senders": SENDERS,
            "batch_events": BATCH_EVENTS, "ahead_max": AHEAD_MAX,
        }),
        figures,
        note: "arithmetic: the clients, the parsing and the learning share the cores; each batch waits for one fdatasync"
            .into(),
    })
}

/// How far the acknowledging is ahead of the learning.
struct Ahead {
    learned_before: u64,
    acknowledged: AtomicU64,
}

impl Ahead {
    fn events(&self, world: &World) -> u64 {
        let learned = world.app.brain.learned_events() - self.learned_before;
        self.acknowledged.load(Ordering::Relaxed).saturating_sub(learned)
    }
}

async fn send(world: &World, token: String, mut rng: Rng, until: Instant, ahead: &Ahead) -> Result<Sent> {
    let mut client = Client::connect(world.address, Credentials::Bearer(token)).await?;
    let mut sent = Sent { acknowledged: 0, errors: 0, latency: Percentiles::default() };
    while Instant::now() < until {
        let now_ms = SystemClock.now().as_millis();
        let mut body = String::with_capacity(BATCH_EVENTS * 190);
        let mut events = 0;
        while events < BATCH_EVENTS {
            let viewer = world.viewers[rng.below(world.viewers.len())];
            events += write_viewing(&mut body, world, viewer, &mut rng, now_ms);
        }
        while ahead.events(world) > AHEAD_MAX && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let asked = Instant::now();
        let (status, answer) =
            client.send(Method::POST, "/v1/events?bulk=true", "application/x-ndjson", Bytes::from(body)).await?;
        sent.latency.add(asked.elapsed().as_secs_f64() * 1e3);
        match status {
            StatusCode::OK => {
                let receipt: serde_json::Value = serde_json::from_slice(&answer)?;
                let accepted = receipt["accepted"].as_u64().unwrap_or(0);
                sent.acknowledged += accepted as usize;
                ahead.acknowledged.fetch_add(accepted, Ordering::Relaxed);
                sent.errors += receipt["rejected"].as_array().map_or(0, Vec::len);
            }
            // Told to wait: what a client does then.
            StatusCode::SERVICE_UNAVAILABLE => tokio::time::sleep(Duration::from_millis(20)).await,
            _ => sent.errors += 1,
        }
    }
    Ok(sent)
}

/// From an acknowledged event to changed scores: a viewer of its own finishes a clip; how long until the model scores another clip of
/// that kind differently for them?
async fn freshness(world: &World, token: String, mut rng: Rng, until: Instant) -> Result<Percentiles> {
    let mut client = Client::connect(world.address, Credentials::Bearer(token)).await?;
    let mut fresh = Percentiles::default();
    while Instant::now() < until {
        let viewer = base::ViewerId::from_raw(rng.next_u64());
        let index = rng.below(world.videos.len());
        let Some(other) = (0..world.videos.len()).find(|i| *i != index && world.kinds[*i] == world.kinds[index]) else {
            continue;
        };
        let before = world.app.brain.probe_score(viewer, world.videos[other]);
        let now_ms = SystemClock.now().as_millis();
        let id = (rng.next_u64(), rng.next_u64());
        let body = format!(
            r#"{{"id":"{:08x}-{:04x}-4000-8000-{:012x}","type":"watch","at_ms":{now_ms},"viewer":"{viewer}","video":"{}","watch_ms":{d},"duration_ms":{d}}}"#,
            id.0 >> 32,
            id.0 & 0xffff,
            id.1 >> 16,
            world.videos[index],
            d = world.durations_ms[index],
        );
        let (status, _) = client.send(Method::POST, "/v1/events?bulk=true", "application/x-ndjson", Bytes::from(body)).await?;
        let acknowledged = Instant::now();
        if status == StatusCode::OK {
            // The viewer's own history must have changed the score, so other viewers' training in between does not count.
            while !world.app.brain.knows_viewing(viewer, world.videos[index])
                || world.app.brain.probe_score(viewer, world.videos[other]) == before
            {
                if acknowledged.elapsed() > Duration::from_secs(10) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            fresh.add(acknowledged.elapsed().as_secs_f64() * 1e3);
        }
        tokio::time::sleep(PROBE_EVERY).await;
    }
    Ok(fresh)
}
