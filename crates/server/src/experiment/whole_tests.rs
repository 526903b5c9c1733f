//! A whole application with two arms, people who watch, and the report read from its log while it is open.

use std::sync::Arc;
use std::time::Duration;

use app::{App, ArmConfig, ExperimentConfig, FeedAsk, Settings, Whose};
use base::{AccountId, Rng, SystemClock, VideoId, ViewerId};
use eventlog::intake::Form;
use eventlog::{Body, Event, EventId, Partition, VideoFacts};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::report::{self, Report};
use super::*;

const VIDEOS: u64 = 40;
const VIEWERS: u64 = 150;

async fn publish(app: &App) {
    let now = app.clock.now();
    let event = |number: u64| Event {
        id: EventId(u128::from(number)),
        viewer: ViewerId::default(),
        at: now,
        received: now,
        body: Body::VideoPublished(VideoFacts {
            video: VideoId::from_raw(number),
            creator: AccountId::from_raw(1_000 + number),
            sound: None,
            hashtags: Vec::new(),
            words: Vec::new(),
            duration_ms: if number.is_multiple_of(2) { 4_000 } else { 20_000 },
            published_at: now.plus_millis(-(number as i64) * 600_000),
            content: Vec::new(),
            duplicate_of: None,
        }),
    };
    app.log.append(Partition(0), (1..=VIDEOS).map(event).collect()).await.unwrap();
    app.settle(Duration::from_secs(20)).await.unwrap();
}

/// Watches one page: short clips to the end, long ones mostly not.
async fn watch(app: &App, viewer: ViewerId, rng: &mut Rng) {
    let page = app.feed_page(FeedAsk { viewer, ..FeedAsk::default() }).await.unwrap();
    // The page is logged beside its answer; the report wants its events behind it.
    app.feed.drain().await;
    let (now, slate) = (app.clock.now().as_millis(), page.slate.id.to_string());
    let mut events = Vec::new();
    for item in &page.slate.items {
        let duration_ms = item.candidate.facts.duration_ms;
        let finishes = rng.chance(if duration_ms < 10_000 { 0.9 } else { 0.2 });
        let watch_ms = if finishes { duration_ms } else { 1_500 };
        let mut id = || format!("{:016x}{:016x}", rng.next_u64(), rng.next_u64());
        let video = item.video().to_string();
        events.push(json!({ "id": id(), "type": "impression", "at_ms": now, "video": video, "slate": slate }));
        events.push(json!({ "id": id(), "type": "watch", "at_ms": now, "video": video, "slate": slate, "watch_ms": watch_ms,
            "duration_ms": duration_ms }));
    }
    let (count, body) = (events.len(), bytes::Bytes::from(json!(events).to_string()));
    let taken = app.take_events(body, Form::Json, Whose::Viewer { viewer, signed_in: false }).await.unwrap();
    assert_eq!(taken.accepted, count);
}

fn read(dir: &std::path::Path, names: &[String]) -> Report {
    let mut tally = Tally::new(Some(experiment::Assignment::tag_of("short")), Bounds::default()).unwrap();
    let each = |_, _, event| {
        tally.take(event);
        ControlFlow::Continue(())
    };
    LogReader::open(&dir.join("log")).unwrap().read(each).unwrap();
    report::of(&tally.finish(), Some("short".into()), names, 1e6)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_report_of_a_running_platform() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = Settings { public_url: "http://localhost:8080".into(), ..Settings::default() };
    settings.region.data_dir = dir.path().to_owned();
    settings.media.workers = 0;
    // So that chance decides much, and each arm has often put what the other would.
    settings.feed.selector.temperature_max = 8.0;
    let arm = |name: &str, finish: f64| ArmConfig {
        name: name.into(),
        weights: json!({ "tasks": { "finish": finish } }).as_object().cloned().unwrap(),
        ..ArmConfig::default()
    };
    let arms = vec![arm("now", 0.6), arm("finish", 6.0)];
    let names: Vec<String> = arms.iter().map(|arm| arm.name.clone()).collect();
    settings.feed.experiment = ExperimentConfig { name: "short".into(), arms, ..ExperimentConfig::default() };
    let app = App::build(settings, Arc::new(SystemClock), Rng::from_seed(7)).await.unwrap();
    app.start(&CancellationToken::new());
    publish(&app).await;
    let mut rng = Rng::from_seed(1);
    for _ in 0..2 {
        for viewer in 1..=VIEWERS {
            watch(&app, ViewerId::from_raw(viewer << 22), &mut rng).await;
        }
    }
    let report = read(dir.path(), &names);
    assert_eq!(report.arms.iter().map(|arm| arm.viewers as u64).sum::<u64>(), VIEWERS);
    assert!(report.shares_p_value.unwrap() > 0.001);
    let placements = report.counterfactual.placements as u64;
    assert_eq!(placements, 2 * VIEWERS * 8);
    for value in &report.counterfactual.values {
        let found = value.value.unwrap();
        assert!(found.effective_placements > 200.0, "{value:?}");
        // The probabilities that were logged are those by which pages were drawn: weights are 1 in the mean. Drawing evenly may
        // want what a page would as good as never hold.
        let off = (found.mean_weight.value - 1.0).abs();
        assert!(off < 5.0 * found.mean_weight.standard_error + 1e-6, "{value:?}");
        // And what an arm is said to earn is what it earned.
        if let Some(observed) = value.observed {
            let error = observed.standard_error.hypot(found.doubly_robust.standard_error);
            assert!((observed.value - found.doubly_robust.value).abs() < 5.0 * error, "{value:?}");
        }
    }
    app.close().await.unwrap();
}
