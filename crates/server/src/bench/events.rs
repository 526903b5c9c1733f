//! `bench events`: batches over HTTP, acknowledged on disk, joined and learned, for as long as asked: as many as are learned, or at a
//! steady rate, whatever becomes of them.

use std::collections::VecDeque;
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

/// Connections that send batches: as fast as they are learned, and at a steady rate, where a slow answer must not hold up the next batch.
const SENDERS: usize = 4;
const SENDERS_AT_RATE: usize = 32;
/// Events in a batch, about.
const BATCH_EVENTS: usize = 1_000;
/// Videos that the events are about.
const VIDEOS: usize = 20_000;
/// Senders pause while more events than this are acknowledged and not yet learned: both rates are what can be kept up.
const AHEAD_MAX: u64 = 10_000;
/// A freshness probe is sent this often.
const PROBE_EVERY: Duration = Duration::from_millis(250);
/// How long a probe waits for its score at the most; that is its figure then.
const FRESH_WITHIN: Duration = Duration::from_secs(10);

#[derive(Default)]
struct Sent {
    acknowledged: usize,
    errors: usize,
    /// Batches that the server was too busy for; sent again.
    busy: usize,
    latency: Percentiles,
}

pub async fn run(args: &BenchArgs, dir: &Path) -> Result<Report> {
    super::stage(&format!("making {VIDEOS} videos"));
    let world = Arc::new(World::start(dir, args.seed, VIDEOS, args.viewers).await?);
    let token = world.app.bench_operator_token().await?;
    let senders = if args.rate.is_some() { SENDERS_AT_RATE } else { SENDERS };
    let rngs = (0..senders).map(|n| Rng::from_seed(args.seed).child(&format!("sender {n}")));
    // Batches are made ahead where it is known how many there will be: what is measured is not the making.
    let rate = args.rate.map(|rate| rate.max(1) as f64 / senders as f64);
    let each = rate.map_or(0, |rate| (rate * args.seconds as f64 / BATCH_EVENTS as f64).ceil() as usize);
    super::stage(&format!("making {} batches", each * senders));
    let makers: Vec<_> = rngs.map(|rng| Maker::new(world.clone(), rng, each)).collect();
    super::stage(&format!("measuring for {} s", args.seconds));
    let rss_start = machine::resident_mib();
    let learned_before = world.app.brain.learned_events();
    let started = Instant::now();
    let until = started + Duration::from_secs(args.seconds);

    let ahead = Arc::new(Ahead { learned_before, acknowledged: AtomicU64::new(0) });
    let sending = makers.into_iter().enumerate().map(|(n, maker)| {
        let interval = rate.map(|rate| Duration::from_secs_f64(BATCH_EVENTS as f64 / rate));
        // Spread over the interval, so that batches do not come in bursts.
        let pace = interval.map(|interval| Pace { due: started + interval.mul_f64(n as f64 / senders as f64), interval });
        let (token, ahead) = (token.clone(), ahead.clone());
        tokio::spawn(async move { send(maker, token, pace, until, &ahead).await })
    });
    let senders: Vec<_> = sending.collect();
    let probe = tokio::spawn({
        let (world, token, seed) = (world.clone(), token.clone(), args.seed);
        async move { freshness(&world, &token, Rng::from_seed(seed).child("probe"), until).await }
    });

    let mut total = Sent::default();
    for sender in senders {
        let sent = sender.await??;
        total.acknowledged += sent.acknowledged;
        total.errors += sent.errors;
        total.busy += sent.busy;
        total.latency.merge(sent.latency);
    }
    let (sending_s, behind) = (started.elapsed().as_secs_f64(), ahead.events(&world));
    let mut fresh = probe.await??;
    world.settle().await?;
    let learned = world.app.brain.learned_events() - learned_before;
    let learning_s = started.elapsed().as_secs_f64();
    ensure!(total.acknowledged > 0, "no batch was acknowledged");

    let mut figures = Map::new();
    figures.insert("events_per_s_acknowledged".into(), figure(total.acknowledged as f64 / sending_s));
    figures.insert("events_per_s_learned".into(), figure(learned as f64 / learning_s));
    figures.insert("events_behind_at_end".into(), json!(behind));
    figures.insert("acknowledge_p50_ms".into(), figure(total.latency.at(0.5)));
    figures.insert("acknowledge_p99_ms".into(), figure(total.latency.at(0.99)));
    figures.insert("freshness_p50_ms".into(), figure(fresh.at(0.5)));
    figures.insert("freshness_p99_ms".into(), figure(fresh.at(0.99)));
    figures.insert("freshness_probes".into(), json!(fresh.len()));
    figures.insert("rss_start_mib".into(), figure(rss_start));
    figures.insert("rss_end_mib".into(), figure(machine::resident_mib()));
    figures.insert("batches_sent_again".into(), json!(total.busy));
    figures.insert("errors".into(), json!(total.errors));
    if let Ok(world) = Arc::try_unwrap(world) {
        world.stop().await?;
    }
    Ok(Report {
        parameters: json!({
            "videos": VIDEOS, "viewers": args.viewers, "seconds": args.seconds, "seed": args.seed, "rate": args.rate,
            "batch_events": BATCH_EVENTS, "ahead_max": args.rate.is_none().then_some(AHEAD_MAX),
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

/// Batches of one sender.
struct Maker {
    world: Arc<World>,
    rng: Rng,
    made: VecDeque<Bytes>,
}

impl Maker {
    fn new(world: Arc<World>, rng: Rng, ahead: usize) -> Self {
        let mut maker = Self { world, rng, made: VecDeque::new() };
        maker.made = (0..ahead).map(|_| maker.make()).collect();
        maker
    }

    fn next(&mut self) -> Bytes {
        self.made.pop_front().unwrap_or_else(|| self.make())
    }

    fn make(&mut self) -> Bytes {
        let (world, rng, now_ms) = (&self.world, &mut self.rng, SystemClock.now().as_millis());
        let (mut body, mut events) = (String::with_capacity(BATCH_EVENTS * 190), 0);
        while events < BATCH_EVENTS {
            let viewer = world.viewers[rng.below(world.viewers.len())];
            events += write_viewing(&mut body, world, viewer, rng, now_ms);
        }
        body.into()
    }
}

/// When the next batch is due, and how long after it the one that follows.
#[derive(Clone, Copy)]
struct Pace {
    due: Instant,
    interval: Duration,
}

async fn send(mut maker: Maker, token: String, mut pace: Option<Pace>, until: Instant, ahead: &Ahead) -> Result<Sent> {
    let mut client = Client::connect(maker.world.address, Credentials::Bearer(token)).await?;
    let mut sent = Sent::default();
    while Instant::now() < until {
        let body = maker.next();
        // From when the batch was due: a slow answer must not hide the wait of the next one.
        let asked = match &mut pace {
            Some(pace) => {
                let due = pace.due;
                pace.due += pace.interval;
                tokio::time::sleep_until(due.min(until).into()).await;
                if due >= until {
                    break;
                }
                due
            }
            None => {
                while ahead.events(&maker.world) > AHEAD_MAX && Instant::now() < until {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                Instant::now()
            }
        };
        let path = "/v1/events?bulk=true";
        let (mut status, mut answer) = client.send(Method::POST, path, "application/x-ndjson", body.clone()).await?;
        // Told to wait: what a client does then.
        while status == StatusCode::SERVICE_UNAVAILABLE && Instant::now() < until {
            sent.busy += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
            (status, answer) = client.send(Method::POST, path, "application/x-ndjson", body.clone()).await?;
        }
        sent.latency.add(asked.elapsed().as_secs_f64() * 1e3);
        if status == StatusCode::OK {
            let receipt: serde_json::Value = serde_json::from_slice(&answer)?;
            let accepted = receipt["accepted"].as_u64().unwrap_or(0);
            sent.acknowledged += accepted as usize;
            ahead.acknowledged.fetch_add(accepted, Ordering::Relaxed);
            sent.errors += receipt["rejected"].as_array().map_or(0, Vec::len);
        } else {
            sent.errors += 1;
        }
    }
    Ok(sent)
}

/// From acknowledged events to changed scores, by a probe at every beat: one that waits does not hold up the next.
async fn freshness(world: &Arc<World>, token: &str, rng: Rng, until: Instant) -> Result<Percentiles> {
    let (mut due, mut probes) = (Instant::now(), Vec::new());
    while due < until {
        tokio::time::sleep_until(due.into()).await;
        let client = Client::connect(world.address, Credentials::Bearer(token.to_owned())).await?;
        let (world, rng) = (world.clone(), rng.child(&format!("probe {}", probes.len())));
        probes.push(tokio::spawn(async move { probe(&world, client, rng).await }));
        due += PROBE_EVERY;
    }
    let mut fresh = Percentiles::default();
    for probe in probes {
        if let Some(ms) = probe.await?? {
            fresh.add(ms);
        }
    }
    Ok(fresh)
}

/// A viewer of its own finishes a clip: how long until the model scores another clip of that kind differently for them? In
/// milliseconds; `None` when the event was not taken.
async fn probe(world: &World, mut client: Client, mut rng: Rng) -> Result<Option<f64>> {
    let viewer = base::ViewerId::from_raw(rng.next_u64());
    let index = rng.below(world.videos.len());
    let same_kind = |i: &usize| *i != index && world.kinds[*i] == world.kinds[index];
    let Some(other) = (0..world.videos.len()).find(same_kind) else { return Ok(None) };
    let before = world.app.brain.probe_score(viewer, world.videos[other]);
    let (now_ms, id) = (SystemClock.now().as_millis(), (rng.next_u64(), rng.next_u64()));
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
    if status != StatusCode::OK {
        return Ok(None);
    }
    // The viewer's own history must have changed the score, so other viewers' training in between does not count.
    while (!world.app.brain.knows_viewing(viewer, world.videos[index])
        || world.app.brain.probe_score(viewer, world.videos[other]) == before)
        && acknowledged.elapsed() < FRESH_WITHIN
    {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(Some(acknowledged.elapsed().as_secs_f64() * 1e3))
}
