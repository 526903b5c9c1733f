//! An experiment in a whole application: who gets which arm, what the log says of it, and what each model learns.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use app::{App, ArmConfig, Begins, ExperimentConfig, FeedAsk, ModelOf, Settings, TrainsOn, Whose};
use base::{AccountId, Clock, ManualClock, Rng, SlateId, Timestamp, VideoId, ViewerId};
use eventlog::intake::Form;
use eventlog::{Body, Event, EventId, LogReader, Partition, VideoFacts};
use learner::{Learner, Prediction, VideoFeatures, ViewerFeatures};
use serde_json::json;
use tokio_util::sync::CancellationToken;

const VIDEOS: u64 = 60;
const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
/// Enough for the operator's figures to be taken anew.
const ROUND_MS: i64 = 60_000;

struct House {
    dir: tempfile::TempDir,
    clock: Arc<ManualClock>,
}

impl House {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), clock: Arc::new(ManualClock::at(START)) }
    }

    async fn open(&self, arms: Vec<ArmConfig>) -> Arc<App> {
        let mut settings = Settings { public_url: "http://localhost:8080".into(), ..Settings::default() };
        settings.region.data_dir = self.dir.path().to_owned();
        settings.media.workers = 0;
        settings.feed.experiment = ExperimentConfig { name: "arms".into(), arms, ..ExperimentConfig::default() };
        let app = App::build(settings, self.clock.clone(), Rng::from_seed(7)).await.unwrap();
        app.start(&CancellationToken::new());
        app
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// The folder is free when nobody holds the application any more.
async fn close(app: Arc<App>) {
    app.close().await.unwrap();
    let left = Arc::into_inner(app);
    assert!(left.is_some(), "somebody still holds it");
}

fn arm(name: &str, change: impl FnOnce(&mut ArmConfig)) -> ArmConfig {
    let mut arm = ArmConfig { name: name.into(), ..ArmConfig::default() };
    change(&mut arm);
    arm
}

/// As things are; other weights; a model taught by its own viewers; a twin of the shared model.
fn arms() -> Vec<ArmConfig> {
    let finish = json!({ "tasks": { "finish": 3.0, "watch_time": 0.0 } });
    vec![
        arm("now", |_| ()),
        arm("finish", |arm| arm.weights = finish.as_object().cloned().unwrap()),
        arm("alone", |arm| (arm.model, arm.trains_on) = (ModelOf::Own, TrainsOn::Own)),
        arm("twin", |arm| arm.model = ModelOf::Own),
    ]
}

fn viewer(number: u64) -> ViewerId {
    ViewerId::from_raw((number + 1) << 22)
}

async fn publish(app: &App) {
    let facts = |number: u64| VideoFacts {
        video: VideoId::from_raw(number),
        creator: AccountId::from_raw(1_000 + number % 20),
        sound: None,
        hashtags: vec![format!("kind{}", number % 5)],
        words: Vec::new(),
        duration_ms: 5_000 + 100 * number as u32,
        published_at: START.plus_millis(-(number as i64) * 60_000),
        content: Vec::new(),
        duplicate_of: None,
    };
    let events = (1..=VIDEOS).map(|number| Event {
        id: EventId(u128::from(number)),
        viewer: ViewerId::default(),
        at: START,
        received: START,
        body: Body::VideoPublished(facts(number)),
    });
    app.log.append(Partition(0), events.collect()).await.unwrap();
    app.settle(Duration::from_secs(20)).await.unwrap();
}

/// Each viewer asks for a page and watches it: those clips to the end whose number is even.
async fn watch(house: &House, app: &App, viewers: u64, rng: &mut Rng) {
    for number in 0..viewers {
        let page = app.feed_page(FeedAsk { viewer: viewer(number), ..FeedAsk::default() }).await.unwrap();
        assert_eq!(page.query.arm, app.experiment.as_ref().map_or(0, |e| e.assignment.arm_of(viewer(number).raw())));
        let (now, slate) = (house.clock.now().as_millis(), page.slate.id.to_string());
        let mut events = Vec::new();
        for item in &page.slate.items {
            let watch_ms = if item.video().raw() % 2 == 0 { item.candidate.facts.duration_ms } else { 900 };
            let mut id = || format!("{:016x}{:016x}", rng.next_u64(), rng.next_u64());
            let video = item.video().to_string();
            events.push(json!({ "id": id(), "type": "impression", "at_ms": now, "video": video, "slate": slate }));
            events
                .push(json!({ "id": id(), "type": "watch", "at_ms": now, "video": video, "slate": slate, "watch_ms": watch_ms,
                "duration_ms": item.candidate.facts.duration_ms }));
        }
        let count = events.len();
        let body = bytes::Bytes::from(json!(events).to_string());
        let taken =
            app.take_events(body, Form::Json, Whose::Viewer { viewer: viewer(number), signed_in: false }).await.unwrap();
        assert_eq!(taken.accepted, count, "{:?}", taken.rejected);
    }
    // The slates are logged beside the answers; what they explain waits for them.
    house.clock.advance_millis(ROUND_MS);
    app.settle(Duration::from_secs(20)).await.unwrap();
}

fn predict(learner: &Learner) -> Vec<Prediction> {
    let videos: Vec<_> = (1..=VIDEOS)
        .map(|number| VideoFeatures {
            video: number,
            creator: 1_000 + number % 20,
            duration_ms: 9_000,
            ..VideoFeatures::default()
        })
        .collect();
    let mut out = Vec::new();
    let known = ViewerFeatures { viewer: viewer(3).raw(), ..ViewerFeatures::default() };
    learner.predict(START.as_millis(), &known, &videos.iter().collect::<Vec<_>>(), &mut out);
    out
}

/// Examples that a model has learned, by its own account.
fn learned(learner: &Learner) -> u64 {
    learner.metrics().latest().map_or(0, |point| point.totals.learned)
}

fn slates(folder: &Path) -> Vec<(ViewerId, eventlog::Slate)> {
    let mut slates = Vec::new();
    let each = |_, _, event: Event| {
        if let Body::Slate(slate) = event.body {
            slates.push((event.viewer, slate));
        }
        ControlFlow::Continue(())
    };
    LogReader::open(&folder.join("log")).unwrap().read(each).unwrap();
    slates
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arms_are_served_logged_and_taught_as_configured() {
    const VIEWERS: u64 = 40;
    let (house, mut rng) = (House::new(), Rng::from_seed(2));
    let app = house.open(arms()).await;
    publish(&app).await;
    for _ in 0..3 {
        watch(&house, &app, VIEWERS, &mut rng).await;
    }
    app.feed.drain().await;

    // The log, read while it is open: each page says its viewer's arm, and the arm's own view of it is what was drawn by.
    let experiment = app.experiment.clone().unwrap();
    let found = slates(house.path());
    assert_eq!(found.len() as u64, 3 * VIEWERS);
    let mut unlike = 0;
    for (viewer, slate) in &found {
        let trial = slate.trial.as_ref().unwrap();
        let arm = experiment.arm_of(*viewer);
        assert_eq!((trial.experiment, usize::from(trial.arm), trial.share), (experiment.assignment.tag(), arm, 0.25));
        assert_eq!(trial.places.len(), slate.items.len());
        for (place, item) in trial.places.iter().zip(&slate.items) {
            assert_eq!(place.arms.len(), 4);
            assert_eq!(place.arms[arm].propensity, item.propensity);
            assert!(place.predicted.finish > 0.0 && place.predicted.watch_s > 0.0 && place.open > 0);
            unlike += usize::from((place.arms[0].propensity - place.arms[1].propensity).abs() > 0.01);
        }
    }
    assert!(unlike > 50, "other weights choose otherwise: {unlike}");
    let totals: Vec<_> = experiment.arms.iter().map(|arm| arm.counts.totals()).collect();
    assert_eq!(totals.iter().map(|t| t.pages).sum::<u64>(), 3 * VIEWERS);
    assert_eq!(totals.iter().map(|t| t.judged).sum::<u64>(), 3 * VIEWERS);
    assert!(totals.iter().all(|t| t.impressions == 8 * t.pages && t.watches == t.impressions && t.watch_ms > 0), "{totals:?}");

    // The models.
    let models = |app: &App| {
        let brain = &app.brain;
        let all: Vec<_> =
            std::iter::once(&brain.learner).chain(brain.arm_models.iter().map(|own| &own.learner)).cloned().collect();
        all
    };
    let [shared, alone, twin] = models(&app).try_into().ok().unwrap();
    let examples = [&shared, &alone, &twin].map(|model| learned(model));
    let own = totals[2].pages * 8;
    assert!(examples[0] == examples[2] && examples[1] > own / 2 && examples[1] < examples[0] / 2, "{examples:?}, {own} views");
    assert_eq!(predict(&shared), predict(&twin), "the same traffic makes the same model");
    assert_ne!(predict(&shared), predict(&alone));
    let before = [&shared, &alone, &twin].map(|model| predict(model));
    close(app).await;

    // They come back as they were.
    let app = house.open(arms()).await;
    assert_eq!(models(&app).iter().map(|model| predict(model)).collect::<Vec<_>>(), before);
    assert!(app.brain.vectors_of(2).top_k(&[0.1; learner::D], 5, |_| false).len() == 5);
    close(app).await;

    // Other arms: one begins as the shared model, one from nothing; those that are gone are let go of.
    let other = vec![
        arm("copy", |arm| arm.model = ModelOf::Own),
        arm("nothing", |arm| (arm.model, arm.begins) = (ModelOf::Own, Begins::Nothing)),
    ];
    let app = house.open(other).await;
    let [shared, copy, nothing] = models(&app).try_into().ok().unwrap();
    assert_eq!([predict(&shared), predict(&copy)], [before[0].clone(), before[0].clone()]);
    assert!(predict(&nothing) != before[0] && learned(&nothing) == 0);
    close(app).await;

    // And none: the snapshot with models that nobody asks for is read.
    let app = house.open(Vec::new()).await;
    assert_eq!(predict(&app.brain.learner), before[0]);
    assert!(app.brain.arm_models.is_empty() && app.experiment.is_none());
    close(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_arms_nothing_is_different() {
    let (house, mut rng) = (House::new(), Rng::from_seed(2));
    let app = house.open(Vec::new()).await;
    publish(&app).await;
    watch(&house, &app, 5, &mut rng).await;
    let page = app.feed_page(FeedAsk { viewer: viewer(0), ..FeedAsk::default() }).await.unwrap();
    assert!(page.slate.considered.is_none() && page.slate.id != SlateId::default());
    close(app).await;
    assert!(slates(house.path()).iter().all(|(_, slate)| slate.trial.is_none()));
}

#[tokio::test]
async fn arms_that_cannot_be_meant_stop_the_start() {
    let house = House::new();
    let mut settings = Settings::default();
    settings.region.data_dir = house.path().to_owned();
    settings.feed.experiment.arms = arms();
    let error = App::build(settings, house.clock.clone(), Rng::from_seed(1)).await.err().unwrap();
    assert!(error.to_string().contains("the experiment needs a name"), "{error}");
}
