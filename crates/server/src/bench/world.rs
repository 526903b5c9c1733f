//! The world that the benches run in: a catalog of made-up videos with tastes behind them, published through the log like real
//! ones, and viewers who watch according to what they like.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use app::App;
use base::{AccountId, Clock, Rng, SystemClock, VideoId, ViewerId};
use catalog::{Color, Evaluation, Media, NewVideo, SoundChoice};
use eventlog::{Body, Event, EventId};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::{listen, serve};

/// Kinds of clips; a viewer likes some and skips others.
pub const KINDS: usize = 40;
/// Videos in one transaction and one append while the world is made.
const BATCH: usize = 2_000;
const VIDEOS_PER_CREATOR: usize = 20;

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
        let settings = api::HttpSettings { public_url: config.public_url(), in_flight_max: 4096, trusted_proxies: Vec::new() };
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

    /// Clips through the catalog's own doors, told to the log as their publishing is; without media, which no page reads.
    async fn publish(&mut self, count: usize, seed: u64) -> Result<()> {
        let now = SystemClock.now();
        let mut rng = Rng::from_seed(seed).child("videos");
        let creators = count.div_ceil(VIDEOS_PER_CREATOR);
        self.make_creators(creators, &mut rng).await?;
        let catalog = &self.app.catalog;
        let partition = self.app.log.partition_of(ViewerId::default());
        let mut left = count;
        while left > 0 {
            let mut events = Vec::with_capacity(BATCH.min(left));
            let mut tx = self.app.store.write().await?;
            for _ in 0..BATCH.min(left) {
                let kind = rng.below(KINDS);
                let id = catalog.new_video_id();
                let duration_ms = 3_000 + rng.below(27_000) as u32;
                let features = (0..content_dims())
                    .map(|d| {
                        let centre = if d % KINDS == kind % content_dims() { 0.9 } else { 0.4 };
                        (centre + 0.1 * rng.normal()).clamp(0.0, 1.0)
                    })
                    .collect();
                let creator = creator_id(rng.below(creators));
                let caption = format!("word{} word{} #kind{kind} #tag{}", rng.below(2_000), rng.below(2_000), rng.below(500));
                let sound = SoundChoice::Own { title: format!("sound {kind}") };
                catalog.create(&mut tx, NewVideo { id, creator, caption, sound, upload: None, kind: None }).await?;
                let media = Media {
                    duration_ms,
                    width: 720,
                    height: 1280,
                    color: Color(0x40_60_80),
                    manifest: "{}".into(),
                    has_sound: true,
                };
                let changed = catalog.set_media(&mut tx, id, &media).await?;
                let evaluation = Evaluation { signature: vec![0], features, duplicate_of: None };
                catalog.set_evaluation(&mut tx, id, &evaluation).await?;
                let (facts, published) = catalog.publish(&mut tx, id).await?;
                catalog.committed(changed.and(published));
                let mut facts = app::event_facts(facts);
                facts.published_at = now.plus_millis(-(rng.below(30 * 24) as i64) * 3_600_000);
                self.videos.push(id);
                self.kinds.push(kind as u8);
                self.durations_ms.push(duration_ms);
                let event_id = EventId((u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64()));
                let body = Body::VideoPublished(facts);
                events.push(Event { id: event_id, viewer: ViewerId::default(), at: now, received: now, body });
            }
            tx.commit().await?;
            left -= events.len();
            self.app.log.append(partition, events).await?;
        }
        self.settle().await
    }

    /// People who made the clips: rows alone, for thousands of passwords would take minutes to hash.
    async fn make_creators(&self, count: usize, rng: &mut Rng) -> Result<()> {
        let mut tx = self.app.store.write().await?;
        for n in 0..count {
            sqlx::query(
                "INSERT INTO accounts (id, viewer, handle, display_name, age_band, passkey_user, created_at_ms)
                 VALUES ($1, $2, $3, $4, '18_plus', $5, $6)",
            )
            .bind(creator_id(n).sql())
            .bind(ViewerId::from_raw(rng.next_u64()).sql())
            .bind(format!("creator_{n}"))
            .bind(format!("Creator {n}"))
            .bind(rng.next_u64().to_le_bytes().to_vec())
            .bind(SystemClock.now().as_millis())
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(())
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

fn creator_id(n: usize) -> AccountId {
    AccountId::from_raw(1 + n as u64)
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
