//! What the brain does when something is wrong: with what comes in, with what is learned, with what was kept.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use app::{App, Settings};
use base::{AccountId, Clock, ManualClock, Rng, Timestamp, VideoId, ViewerId};
use eventlog::{Body, Event, EventId, LogReader, Partition, VideoFacts, Watch};
use learner::{Prediction, Totals, VideoFeatures, ViewerFeatures};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, SharedString, Unit};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

const VIDEOS: u64 = 60;
const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const LENGTH_MS: u32 = 10_000;
const LIMIT: Duration = Duration::from_secs(60);

/// The metrics of this process by name; labels are not told apart.
struct Told(Mutex<HashMap<String, Arc<AtomicU64>>>);

static TOLD: LazyLock<Told> = LazyLock::new(|| Told(Mutex::default()));
/// The metrics are the process's: one house at a time.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

impl Told {
    fn cell(&self, name: &str) -> Arc<AtomicU64> {
        self.0.lock().entry(name.to_owned()).or_default().clone()
    }
    fn count(&self, name: &str) -> u64 {
        self.cell(name).load(Ordering::Relaxed)
    }
    fn gauge(&self, name: &str) -> f64 {
        f64::from_bits(self.count(name))
    }
}

impl metrics::Recorder for &Told {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.cell(key.name()))
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.cell(key.name()))
    }
    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

struct House {
    dir: tempfile::TempDir,
    clock: Arc<ManualClock>,
    learner: learner::Config,
    events: u64,
    _alone: tokio::sync::MutexGuard<'static, ()>,
}

impl House {
    async fn new(learner: learner::Config) -> Self {
        let alone = ALONE.lock().await;
        // Refused when it is there already.
        let _ = metrics::set_global_recorder(&*TOLD);
        // Every batch tells its counts.
        let learner = learner::Config { metrics_every_ms: 0, ..learner };
        let clock = Arc::new(ManualClock::at(START));
        Self { dir: tempfile::tempdir().unwrap(), clock, learner, events: 0, _alone: alone }
    }

    async fn open(&self) -> Arc<App> {
        let mut settings =
            Settings { public_url: "http://localhost:8080".into(), learner: self.learner, ..Settings::default() };
        settings.region.data_dir = self.dir.path().to_owned();
        settings.media.workers = 0;
        let app = App::build(settings, self.clock.clone(), Rng::from_seed(7)).await.unwrap();
        app.start(&CancellationToken::new());
        app
    }

    fn event(&mut self, viewer: u64, body: Body) -> Event {
        self.events += 1;
        let (at, viewer) = (self.clock.now(), ViewerId::from_raw(viewer));
        Event { id: EventId(u128::from(self.events)), viewer, at, received: at, body }
    }

    async fn publish(&mut self, app: &App) {
        let facts = |number: u64| VideoFacts {
            video: VideoId::from_raw(number),
            creator: AccountId::from_raw(1_000 + number % 2),
            sound: None,
            hashtags: vec![format!("kind{}", number % 2)],
            words: Vec::new(),
            duration_ms: LENGTH_MS,
            published_at: START,
            content: Vec::new(),
            duplicate_of: None,
        };
        let events = (1..=VIDEOS).map(|number| self.event(0, Body::VideoPublished(facts(number)))).collect();
        app.log.append(Partition(0), events).await.unwrap();
    }

    /// Views by so many viewers from `first` on, each of all videos; those with an even number are watched to the end, or the others.
    async fn watch(&mut self, app: &App, first: u64, viewers: u64, even: bool) {
        for viewer in first..first + viewers {
            self.clock.advance_millis(1_000);
            let watch = |number: u64| Watch {
                video: VideoId::from_raw(number),
                slate: None,
                watch_ms: if number.is_multiple_of(2) == even { LENGTH_MS } else { 300 },
                duration_ms: LENGTH_MS,
            };
            let events = (1..=VIDEOS).map(|number| self.event(viewer, Body::Watch(watch(number)))).collect();
            app.log.append(Partition(0), events).await.unwrap();
        }
        app.settle(LIMIT).await.unwrap();
    }

    fn snapshots(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.dir.path().join("brain")).unwrap();
        files.map(|file| file.unwrap().path()).collect()
    }
}

/// The folder is free when nobody holds the application any more.
async fn close(app: Arc<App>) {
    app.close().await.unwrap();
    assert!(Arc::into_inner(app).is_some(), "somebody still holds it");
}

fn predict(app: &App) -> Vec<Prediction> {
    let video =
        |number| VideoFeatures { video: number, creator: 1_000 + number % 2, duration_ms: LENGTH_MS, ..Default::default() };
    let videos: Vec<_> = (1..=VIDEOS).map(video).collect();
    let (mut out, viewer) = (Vec::new(), ViewerFeatures { viewer: 3, ..ViewerFeatures::default() });
    app.brain.learner.predict(START.as_millis(), &viewer, &videos.iter().collect::<Vec<_>>(), &mut out);
    out
}

fn totals(app: &App) -> Totals {
    app.brain.learner.metrics().latest().unwrap().totals
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_as_many_from_one_network_is_held_to_a_share() {
    const VIEWERS: u64 = 30;
    let mut house = House::new(learner::Config { origin_weight_max: 100.0, ..Default::default() }).await;
    let app = house.open().await;
    house.publish(&app).await;
    for viewer in 1..=2 * VIEWERS {
        // The first half comes from one network, the others each from their own.
        let address = if viewer <= VIEWERS { format!("203.0.113.{viewer}") } else { format!("198.51.{viewer}.1") };
        let (viewer, address) = (ViewerId::from_raw(viewer), address.parse().unwrap());
        app.note_origin(viewer, address).await.unwrap();
        app.note_origin(viewer, address).await.unwrap();
    }
    house.watch(&app, 1, 2 * VIEWERS, true).await;
    let (learned, before) = (totals(&app), predict(&app));
    assert_eq!(learned.capped_by_origin, VIEWERS * VIDEOS - 100, "{learned:?}");
    assert_eq!(learned.capped, learned.capped_by_origin, "the others are heard");
    assert_eq!(TOLD.gauge("learner_examples_capped_by_origin"), learned.capped_by_origin as f64);
    close(app).await;

    let mut origins = Vec::new();
    let mut each = |_, _, event: Event| {
        if let Body::Origin { origin } = event.body {
            origins.push((event.viewer.raw(), origin));
        }
        ControlFlow::Continue(())
    };
    LogReader::open(&house.dir.path().join("log")).unwrap().read(&mut each).unwrap();
    assert_eq!(origins.len() as u64, 2 * VIEWERS, "each is told once");
    let different: BTreeSet<u64> = origins.iter().map(|(_, origin)| *origin).collect();
    assert_eq!(different.len() as u64, VIEWERS + 1);

    // Learned again from the log alone, it is the same model.
    fs::remove_dir_all(house.dir.path().join("brain")).unwrap();
    let app = house.open().await;
    assert_eq!((totals(&app).capped_by_origin, predict(&app)), (learned.capped_by_origin, before));
    close(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_loss_explodes_the_last_good_weights_come_back() {
    let mut house = House::new(learner::Config::default()).await;
    let app = house.open().await;
    house.publish(&app).await;
    house.watch(&app, 1, 150, true).await;
    assert_eq!((totals(&app).fallbacks, TOLD.gauge("learner_fallbacks")), (0, 0.0));
    // From one view to the next, all that was learned is wrong.
    house.watch(&app, 1_000, 20, false).await;
    let fallbacks = totals(&app).fallbacks;
    assert!(fallbacks > 0 && TOLD.gauge("learner_fallbacks") == fallbacks as f64, "{fallbacks}");
    assert!(predict(&app).iter().flat_map(|p| p.probability).all(|p| p > 0.0 && p < 1.0));
    let before = predict(&app);
    close(app).await;
    let app = house.open().await;
    assert_eq!((totals(&app).fallbacks, predict(&app)), (fallbacks, before), "known after a restart");
    close(app).await;
}

/// Where a file's sections begin; how many of them stand before the model; the longest piece of a section.
const SECTIONS_AT: usize = 36;
const MODEL: usize = 4;
const PIECE_BYTES: usize = 1 << 20;

/// To a file's head and its model.
type Change = fn(&mut [u8], &mut [u8]);

/// Changes what a snapshot says, its head or its model, with checksums that hold.
fn rewrite(path: &Path, change: Change) {
    let bytes = fs::read(path).unwrap();
    let (head, mut rest) = bytes.split_at(SECTIONS_AT);
    let (mut head, mut sections) = (head.to_vec(), vec![Vec::new()]);
    let mut take = |count: usize| {
        let (taken, left) = rest.split_at(count);
        rest = left;
        taken
    };
    loop {
        match u32::from_le_bytes(take(4).try_into().unwrap()) {
            u32::MAX => break,
            0 => sections.push(Vec::new()),
            length => sections.last_mut().unwrap().extend_from_slice(take(length as usize)),
        }
    }
    assert_eq!(sections.pop(), Some(Vec::new()));
    let model = &mut sections[MODEL];
    model.truncate(model.len() - 4);
    change(&mut head, model);
    let checksum = crc32c::crc32c(model);
    model.extend_from_slice(&checksum.to_le_bytes());
    for section in sections {
        for piece in section.chunks(PIECE_BYTES) {
            head.extend_from_slice(&(piece.len() as u32).to_le_bytes());
            head.extend_from_slice(piece);
        }
        head.extend_from_slice(&[0; 4]);
    }
    head.extend_from_slice(&u32::MAX.to_le_bytes());
    let checksum = crc32c::crc32c(&head);
    head.extend_from_slice(&checksum.to_le_bytes());
    fs::write(path, head).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_of_another_program_is_refused_and_all_is_learned_again() {
    let mut house = House::new(learner::Config::default()).await;
    let app = house.open().await;
    house.publish(&app).await;
    house.watch(&app, 1, 20, true).await;
    let (learned, before) = (totals(&app).learned, predict(&app));
    assert!(learned >= 20 * VIDEOS);
    close(app).await;
    // A model: its mark (8 bytes), version, kind, base (4 each), seed (8), then its parts, each after its length.
    let changes: [(&str, Change); 4] = [
        ("an older form of the file", |head, _| head[7] -= 1),
        ("an older form of the model", |_, model| model[8] -= 1),
        ("another seed", |_, model| model[20] ^= 1),
        ("another shape of the net", |_, model| model[28] ^= 4),
    ];
    for (name, change) in changes {
        let files = house.snapshots();
        assert!(!files.is_empty());
        files.iter().for_each(|file| rewrite(file, change));
        let refused = TOLD.count("brain_snapshots_refused_total");
        let app = house.open().await;
        assert_eq!(TOLD.count("brain_snapshots_refused_total"), refused + files.len() as u64, "{name}");
        assert_eq!((totals(&app).learned, predict(&app)), (learned, before.clone()), "{name}");
        close(app).await;
    }
    // What was written since is good.
    let refused = TOLD.count("brain_snapshots_refused_total");
    let newest = house.snapshots().into_iter().max().unwrap();
    house.snapshots().into_iter().filter(|file| *file != newest).for_each(|file| fs::remove_file(file).unwrap());
    let app = house.open().await;
    assert_eq!((TOLD.count("brain_snapshots_refused_total"), predict(&app)), (refused, before));
    close(app).await;
}
