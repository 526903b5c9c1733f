//! The application: every service of a region, wired together, and the use cases over them. No HTTP in here.
//!
//! [`App::build`] opens everything in a data folder; [`App::start`] sets its workers going; [`App::close`] drains them. A use case
//! is a method of [`App`], in the file of its area. What changes the store and must be told to the event log goes through
//! [`App::begin`], [`App::tell`] and [`App::commit`].
//!
//! Invariants:
//! - a use case that returns `Ok` has what it changed on disk, in the store and in the log;
//! - time and chance come in as [`Clock`] and [`Rng`];
//! - every task that is started here is owned here, and awaited at [`App::close`].

mod acknowledged;
mod blocks;
mod brain;
mod cards;
mod config;
mod error;
mod events;
mod experiment;
pub mod feed;
mod media_files;
mod ops;
mod origins;
mod people;
mod remembered;
mod search;
mod secrets;
mod social;
mod taste;
mod telling;
mod video;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use ::social::Social;
use accounts::{Accounts, FeedSettings};
use base::{AccountId, Clock, Rng, ViewerId};
use blob::{BlobStore, LocalBlobs};
use catalog::Catalog;
use eventlog::{Body, EventLog, LocalLog, Partition};
use hashbrown::HashSet;
use media::upload::Uploads;
use moderation::Moderation;
use parking_lot::Mutex;
use store::Store;
use store::jobs::Jobs;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use acknowledged::Acknowledged;
use remembered::Remembered;

pub use crate::social::{Reaction, ReportSubject, Turn};
pub use brain::{ArmModel, Brain, BrainConfig, BrainError, KnownVideo, KnownVideos, Recovery, RecoveryOptions, recovery};
pub use cards::{PersonRef, VideoCard};
pub use config::{AccountsConfig, EventLogConfig, MediaConfig, RegionConfig, Settings};
pub use error::{AppError, Invalid};
pub use events::{Taken, Whose};
pub use experiment::{Arm, ArmConfig, ArmTotals, Begins, Experiment, ExperimentConfig, ModelOf, TrainsOn};
pub use feed::{FeedAsk, FeedConfig, FeedPage, FeedService};
pub use people::{Confirmation, Export, Followed, MyPerson, PersonPage};
pub use search::{Discover, HashtagPage, Suggestion};
pub use secrets::seed_from_system;
pub use telling::Change;
pub use video::{Insights, NewUpload, Studio, UploadChange, UploadState, UploadStatus, event_facts};

/// Why the application cannot start or end.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("the data folder: {0}")]
    Folder(#[from] std::io::Error),
    #[error("the store: {0}")]
    Store(#[from] store::StoreError),
    #[error("the event log: {0}")]
    Log(#[from] eventlog::Error),
    #[error("the brain: {0}")]
    Brain(#[from] BrainError),
    #[error("{0}")]
    Part(String),
}

/// A region's application.
pub struct App {
    pub settings: Settings,
    pub clock: Arc<dyn Clock>,
    pub store: Store,
    pub blobs: Arc<dyn BlobStore>,
    pub log: Arc<dyn EventLog>,
    pub accounts: Accounts,
    pub social: Social,
    pub moderation: Moderation,
    pub catalog: Catalog,
    pub uploads: Uploads,
    pub jobs: Jobs,
    pub brain: Arc<Brain>,
    /// The experiment under way, if there is one.
    pub experiment: Option<Arc<Experiment>>,
    pub feed: FeedService,
    pub studio: Arc<Studio>,
    people: Remembered<AccountId, Arc<PersonRef>>,
    rng: Mutex<Rng>,
    telling: Arc<telling::Telling>,
    acknowledged: Arc<Acknowledged>,
    origins: origins::Origins,
    blocks: Remembered<AccountId, Arc<HashSet<AccountId>>>,
    feed_settings: Remembered<ViewerId, FeedSettings>,
    inbox_news: crate::social::InboxNews,
    tasks: TaskTracker,
    stop: CancellationToken,
    in_flight: Arc<AtomicUsize>,
    started: AtomicBool,
    started_at: base::Timestamp,
    /// Clips made and wanted, packed; all ones when no demo is being made.
    demo: AtomicU64,
}

/// A place among the requests in flight.
pub struct Admission(Arc<AtomicUsize>);

impl Drop for Admission {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl App {
    /// Opens everything under the data folder, making what is not there, and brings what is derived up to date.
    pub async fn build(settings: Settings, clock: Arc<dyn Clock>, rng: Rng) -> Result<Arc<Self>, BuildError> {
        let part = |what: &str, error: &dyn std::fmt::Display| BuildError::Part(format!("{what}: {error}"));
        let dir = settings.region.data_dir.clone();
        settings.eventlog.brain.check().map_err(BuildError::Part)?;
        let experiment = Experiment::of(&settings.feed.experiment, &settings.feed.weights, &settings.learner)
            .map_err(|error| part("the experiment", &error))?;
        let (experiment, models) = experiment.map(|(found, models)| (Arc::new(found), models)).unzip();
        secrets::private_folder(&dir)?;
        let log = {
            let (folder, options, clock) = (dir.join("log"), settings.eventlog.options(), clock.clone());
            tokio::task::spawn_blocking(move || LocalLog::open(&folder, options, clock))
                .await
                .map_err(|error| part("the event log", &error))??
        };
        let recovered = log.recovered();
        if recovered.torn_tails > 0 {
            tracing::warn!(bytes = recovered.torn_bytes, "an unfinished write at the end of the log was cut off");
        }
        let log: Arc<dyn EventLog> = Arc::new(log);
        let store = Store::open(&dir.join("store.sqlite")).await?;
        let blobs: Arc<dyn BlobStore> =
            Arc::new(LocalBlobs::open(&dir.join("blobs")).map_err(|error| part("the media folder", &error))?);
        let uploads = Uploads::open(&dir.join("uploads"), settings.media.upload, clock.clone(), rng.child("uploads"))
            .map_err(|error| part("the uploads' folder", &error))?;
        let viewer_key = secrets::viewer_key(&dir.join("secrets"))?;
        let accounts_config = accounts::Config {
            public_url: settings.public_url.clone(),
            hashing: settings.accounts.hashing,
            limits: settings.accounts.limits,
        };
        let accounts = Accounts::new(store.clone(), clock.clone(), rng.child("accounts"), viewer_key, accounts_config)
            .await
            .map_err(|error| part("accounts", &error))?;
        let acknowledged = Arc::new(Acknowledged::default());
        let event_ids = rng.child("event ids");
        let telling =
            Arc::new(telling::Telling::new(store.clone(), log.clone(), clock.clone(), acknowledged.clone(), event_ids));
        let brain = brain::start(brain::BrainParts {
            config: settings.eventlog.brain,
            learner: settings.learner,
            models: models.unwrap_or_default(),
            log: log.clone(),
            clock: clock.clone(),
            folder: dir.join("brain"),
        })
        .await?;
        let feed = FeedService::new(feed::FeedParts {
            config: &settings.feed,
            experiment: experiment.clone(),
            brain: brain.clone(),
            acknowledged: acknowledged.clone(),
            clock: clock.clone(),
            log: log.clone(),
            telling: telling.clone(),
            rng: &rng.child("feed"),
        });
        Ok(Arc::new(Self {
            social: Social::new(store.clone(), clock.clone(), rng.child("social"), settings.social),
            moderation: Moderation::new(store.clone(), clock.clone(), rng.child("moderation")),
            catalog: Catalog::new(store.clone(), clock.clone(), rng.child("catalog"), settings.region.cards_max),
            jobs: Jobs::new(store.clone(), clock.clone(), rng.child("jobs")),
            studio: Arc::new(Studio::open(&settings.media, &dir.join("work"))?),
            people: Remembered::new(cards::PEOPLE_MAX),
            accounts,
            uploads,
            brain,
            experiment,
            feed,
            telling,
            acknowledged,
            origins: origins::Origins::default(),
            blocks: Remembered::new(blocks::ACCOUNTS_MAX),
            feed_settings: Remembered::new(taste::VIEWERS_MAX),
            inbox_news: crate::social::InboxNews::default(),
            rng: Mutex::new(rng.child("requests")),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            in_flight: Arc::default(),
            started: AtomicBool::new(false),
            started_at: clock.now(),
            demo: AtomicU64::new(u64::MAX),
            settings,
            clock,
            store,
            blobs,
            log,
        }))
    }

    /// Sets the workers going. They stop when `stop` is cancelled, or at [`App::close`].
    pub fn start(self: &Arc<Self>, stop: &CancellationToken) {
        let (app, outer) = (self.clone(), stop.clone());
        self.tasks.spawn(async move {
            tokio::select! {
                () = outer.cancelled() => app.stop.cancel(),
                () = app.stop.cancelled() => {}
            }
        });
        self.tasks.spawn(self.telling.clone().run(self.stop.clone()));
        self.start_studio();
        self.tasks.spawn(self.clone().keep_erasing());
        let app = self.clone();
        self.tasks.spawn(async move {
            let _ = app.stop.run_until_cancelled(app.catalog.warm()).await;
        });
        self.started.store(true, Ordering::Relaxed);
    }

    /// Lets work in progress end, applies and keeps what is in the log, and closes every file.
    pub async fn close(&self) -> Result<(), BuildError> {
        self.started.store(false, Ordering::Relaxed);
        self.feed.drain().await;
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        let remembered = self.brain.close().await;
        let logged = self.log.close().await;
        self.store.close().await;
        remembered?;
        Ok(logged?)
    }

    /// A store transaction that can tell the log.
    pub async fn begin(&self) -> Result<Change, AppError> {
        self.telling.begin().await
    }

    /// Tells the log, once the change is committed, what the viewer did. `ViewerId::default()` for what no viewer did.
    pub async fn tell(&self, change: &mut Change, viewer: ViewerId, body: Body) -> Result<(), AppError> {
        self.telling.tell(change, viewer, body).await
    }

    /// Commits, and returns when the log has what was told.
    pub async fn commit(&self, change: Change) -> Result<(), AppError> {
        self.telling.commit(change).await
    }

    /// Waits until everything that is in the log now has been applied.
    pub async fn settle(&self, limit: Duration) -> Result<(), AppError> {
        for partition in (0..self.log.partitions()).map(Partition) {
            let next = self.log.next_offset(partition)?;
            if !self.brain.caught_up(partition, next, limit).await {
                return Err(AppError::Unavailable { code: "behind", detail: "the log has not been applied yet".into() });
            }
        }
        Ok(())
    }

    /// Resolves when the application begins to stop: what would otherwise go on for ever ends then.
    pub fn stopping(&self) -> impl Future<Output = ()> + Send + Sync + use<> {
        self.stop.clone().cancelled_owned()
    }

    /// Lets a request in unless `max` are being answered.
    pub fn admit(&self, max: usize) -> Option<Admission> {
        let admission = Admission(self.in_flight.clone());
        (self.in_flight.fetch_add(1, Ordering::Relaxed) < max).then_some(admission)
    }

    /// Runs to its end whatever becomes of who waits for it; a stop waits for it.
    pub fn see_through<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> tokio::task::JoinHandle<T> {
        self.tasks.spawn(work)
    }

    /// Everything is loaded, nothing has failed, and no stop is under way.
    pub fn is_ready(&self) -> bool {
        self.started.load(Ordering::Relaxed) && !self.stop.is_cancelled() && !self.brain.has_failed()
    }

    pub fn random_u64(&self) -> u64 {
        self.rng.lock().next_u64()
    }

    /// Milliseconds since the application was built.
    pub fn uptime_ms(&self) -> i64 {
        self.clock.now().millis_since(self.started_at)
    }

    /// Demo clips made and wanted; `None` when no demo is being made.
    pub fn demo_progress(&self) -> Option<(u32, u32)> {
        let packed = self.demo.load(Ordering::Relaxed);
        (packed != u64::MAX).then_some(((packed >> 32) as u32, packed as u32))
    }

    pub fn set_demo_progress(&self, progress: Option<(u32, u32)>) {
        let packed = progress.map_or(u64::MAX, |(done, total)| (u64::from(done) << 32) | u64::from(total));
        self.demo.store(packed, Ordering::Relaxed);
    }
}
