//! The world that the benches run in: a catalog of made-up videos with tastes behind them, published through the log like real
//! ones, and viewers who watch according to what they like.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use app::App;
use base::{AccountId, Clock, Rng, SoundId, SystemClock, VideoId, ViewerId};
use eventlog::{Body, Event, EventId, VideoFacts};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::{listen, serve};

/// Kinds of clips; a viewer likes some and skips others.
pub const KINDS: usize = 40;
/// Events in one append while the world is made.
const APPEND_EVENTS: usize = 5_000;

/// A running platform on loopback.
pub struct World {
    pub app: Arc<App>,
    pub address: SocketAddr,
    pub videos: Vec<VideoId>,
    pub kinds: Vec<u8>,
    pub durations_ms: Vec<u32>,
    pub viewers: Vec<ViewerId>,
    stop: CancellationToken,
    served: tokio::task::JoinHandle<()>,
}

impl World {
    /// Starts the platform in `dir` with `videos` published clips and `viewers` pseudonyms.
    pub async fn start(dir: &Path, seed: u64, videos: usize, viewers: usize) -> Result<Self> {
        let mut config = Config::default();
        config.region.data_dir = dir.join("data");
        config.server.address = SocketAddr::from(([127, 0, 0, 1], 0));
        config.media.workers = 0;
        let listener = TcpListener::bind(config.server.address).await.context("no port on loopback")?;
        let address = listener.local_addr()?;
        config.server.address = address;
        let app = serve::build(&config).await?;
        let stop = CancellationToken::new();
        app.start(&stop);
        let settings = api::HttpSettings { public_url: config.public_url(), in_flight_max: 4096 };
        let router = api::router(api::Api::new(app.clone(), settings));
        let served = tokio::spawn(listen::serve(listener, router, 1024, stop.clone(), Duration::from_secs(5)));

        let mut world = Self {
            app,
            address,
            videos: Vec::new(),
            kinds: Vec::new(),
            durations_ms: Vec::new(),
            viewers: Vec::new(),
            stop,
            served,
        };
        world.publish(videos, seed).await?;
        let mut rng = Rng::from_seed(seed).child("viewers");
        world.viewers = (0..viewers).map(|_| ViewerId::from_raw(rng.next_u64())).collect();
        Ok(world)
    }

    async fn publish(&mut self, count: usize, seed: u64) -> Result<()> {
        let now = SystemClock.now();
        let mut rng = Rng::from_seed(seed).child("videos");
        let mut events = Vec::with_capacity(APPEND_EVENTS);
        for i in 0..count {
            let kind = rng.below(KINDS);
            let video = VideoId::from_raw(rng.next_u64());
            let duration_ms = 3_000 + rng.below(27_000) as u32;
            let mut content = vec![0.5; content_dims()];
            for (d, value) in content.iter_mut().enumerate() {
                let centre = if d % KINDS == kind % content_dims() { 0.9 } else { 0.4 };
                *value = (centre + 0.1 * rng.normal()).clamp(0.0, 1.0);
            }
            let facts = VideoFacts {
                video,
                creator: AccountId::from_raw((1 + (rng.below(count.div_ceil(20).max(1)))) as u64),
                sound: Some(SoundId::from_raw(1 + rng.below(count.div_ceil(10).max(1)) as u64)),
                hashtags: vec![format!("kind{kind}"), format!("tag{}", rng.below(500))],
                words: vec![format!("word{}", rng.below(2_000)), format!("kind{kind}")],
                duration_ms,
                published_at: now.plus_millis(-(rng.below(30 * 24) as i64) * 3_600_000),
                content,
                duplicate_of: None,
            };
            self.videos.push(video);
            self.kinds.push(kind as u8);
            self.durations_ms.push(duration_ms);
            let id = EventId((u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64()));
            events.push(Event { id, viewer: ViewerId::default(), at: now, received: now, body: Body::VideoPublished(facts) });
            if events.len() == APPEND_EVENTS || i + 1 == count {
                let partition = self.app.log.partition_of(ViewerId::default());
                self.app.log.append(partition, std::mem::take(&mut events)).await?;
            }
        }
        self.settle().await
    }

    /// Waits until everything in the log has been applied.
    pub async fn settle(&self) -> Result<()> {
        self.app.settle(Duration::from_secs(600)).await.context("the log was not applied in time")
    }

    /// Whether `viewer` likes clips of this kind: four kinds out of forty, drawn from the pseudonym.
    pub fn likes(viewer: ViewerId, kind: u8) -> bool {
        let mix = viewer.raw().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (0..4).any(|i| ((mix >> (i * 13)) % KINDS as u64) as u8 == kind)
    }

    pub async fn stop(self) -> Result<()> {
        self.stop.cancel();
        let _ = self.served.await;
        self.app.close().await?;
        Ok(())
    }
}

fn content_dims() -> usize {
    learner::CONTENT_DIMS.min(28)
}

/// One viewing as NDJSON: the impression, the watch, now and then a like. Returns how many events were written.
pub fn write_viewing(out: &mut String, world: &World, viewer: ViewerId, rng: &mut Rng, now_ms: i64) -> usize {
    use std::fmt::Write;
    let index = rng.below(world.videos.len());
    let (video, kind, duration_ms) = (world.videos[index], world.kinds[index], world.durations_ms[index]);
    let likes = World::likes(viewer, kind);
    let share = if likes { 0.6 + 0.6 * rng.unit() } else { 0.02 + 0.3 * rng.unit() };
    let watch_ms = (duration_ms as f32 * share) as u32;
    let mut id = || format_uuid(rng.next_u64(), rng.next_u64());
    let mut written = 2;
    let _ = writeln!(
        out,
        r#"{{"id":"{}","type":"impression","at_ms":{now_ms},"viewer":"{viewer}","video":"{video}","position":0}}"#,
        id()
    );
    let _ = writeln!(
        out,
        r#"{{"id":"{}","type":"watch","at_ms":{now_ms},"viewer":"{viewer}","video":"{video}","watch_ms":{watch_ms},"duration_ms":{duration_ms}}}"#,
        id()
    );
    let like_id = id();
    if likes && rng.chance(0.3) {
        let _ = writeln!(out, r#"{{"id":"{like_id}","type":"like","at_ms":{now_ms},"viewer":"{viewer}","video":"{video}"}}"#);
        written += 1;
    }
    written
}

fn format_uuid(high: u64, low: u64) -> String {
    let hex = format!("{high:016x}{low:016x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
