//! Times the pipeline without learner and indexes: `cargo run --release -p feed --example pipeline_bench [candidates]`.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use base::{AccountId, Rng, SlateId, SoundId, Timestamp, VideoId, ViewerId};
use feed::hydrator::{CountsHydrator, TasteHydrator};
use feed::scorer::{FallbackScorer, LearnedScorer};
use feed::source::{Explore, Fresh, HashtagAffinity, SkipFn};
use feed::{
    Candidate, Context, Counts, Facts, FeedError, HashtagTaste, Pipeline, PipelineParts, PlainViewer, Predictor, Query,
    SelectorConfig, Tab, Weights,
};

const VIDEOS: u64 = 100_000;
const ROUNDS: u64 = 2_000;

/// Costs nothing, so that what is left is the pipeline's own time.
struct Cheap;

#[async_trait]
impl Predictor for Cheap {
    fn tasks(&self) -> &[&'static str] {
        &[
            "watch_time",
            "finish",
            "like",
            "share",
            "comment",
            "follow",
            "skip",
            "not_interested",
            "report",
            "save",
            "click",
            "long_view",
        ]
    }
    async fn predict(&self, _query: &Query, candidates: &[Candidate]) -> Result<Vec<f32>, FeedError> {
        let tasks = self.tasks().len() as u64;
        Ok(candidates
            .iter()
            .flat_map(|c| (0..tasks).map(|task| (c.video.raw() * 31 + task * 17) % 97))
            .map(|n| n as f32 / 97.0)
            .collect())
    }
}

fn random(rng: &mut Rng, limit: usize, skip: &mut SkipFn) -> Vec<VideoId> {
    let drawn = std::iter::repeat_with(|| VideoId::from_raw(rng.below(VIDEOS as usize) as u64));
    drawn.take(limit * 4).filter(|video| !skip(*video)).take(limit).collect()
}

fn main() -> Result<(), std::io::Error> {
    let wanted: usize = std::env::args().nth(1).and_then(|arg| arg.parse().ok()).unwrap_or(500);
    let mut rng = Rng::from_seed(1);
    let videos: Vec<Arc<Facts>> = (0..VIDEOS)
        .map(|number| {
            let hashtags = (0..3).map(|_| format!("tag{}", rng.below(400)));
            let mut facts = Facts::new(
                VideoId::from_raw(number),
                AccountId::from_raw(number % 4_000),
                Timestamp::from_millis(number as i64),
            )
            .with_hashtags(hashtags.collect::<Vec<_>>());
            facts.sound = Some(SoundId::from_raw(number % 20_000));
            Arc::new(facts)
        })
        .collect();
    let facts = move |video: VideoId| videos.get(video.raw() as usize).cloned();
    let mut parts = PipelineParts::new(
        Arc::new(facts),
        Arc::new(LearnedScorer::new(Arc::new(Cheap), Weights::default())),
        Arc::new(FallbackScorer::new(Weights::default())),
        SelectorConfig::default(),
    );
    parts.sources = vec![
        Arc::new(HashtagAffinity::new(wanted / 5, |_: &str, rng: &mut Rng, limit, skip: &mut SkipFn| random(rng, limit, skip))),
        Arc::new(Explore::new(wanted * 2 / 5, |rng: &mut Rng, limit, skip: &mut SkipFn| random(rng, limit, skip))),
        Arc::new(Fresh::new(wanted * 2 / 5, |limit, skip: &mut SkipFn| {
            (0..VIDEOS).rev().map(VideoId::from_raw).filter(|video| !skip(*video)).take(limit).collect()
        })),
    ];
    parts.hydrators = vec![
        Arc::new(CountsHydrator::new(|video| Counts { impressions: video.raw() % 100, ..Counts::default() })),
        Arc::new(TasteHydrator),
    ];
    let pipeline = Pipeline::new(parts);
    let state = Arc::new(PlainViewer {
        seen: (0..300).map(|number| (VideoId::from_raw(number * 333), Timestamp::from_millis(0))).collect(),
        hashtags: (0..30).map(|number| HashtagTaste::new(format!("tag{number}"), 0.5, 3, 2)).collect(),
        learned_from: 60,
        ..PlainViewer::default()
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build()?;
    runtime.block_on(async {
        let mut micros = Vec::new();
        let mut stages = [0u64; 5];
        let mut scored = 0;
        for round in 0..ROUNDS {
            let query = Query {
                viewer: ViewerId::from_raw(1),
                account: None,
                tab: Tab::ForYou,
                limit: 8,
                context: Context::default(),
                exclude: Default::default(),
                surprise: 0.3,
                now: Timestamp::from_millis(1_000_000),
                explain: false,
                arm: 0,
                judged: false,
                slate: SlateId::from_raw(round),
                rng: Rng::from_seed(round),
                state: state.clone(),
            };
            let started = Instant::now();
            let slate = pipeline.run(query).await;
            micros.push(started.elapsed().as_secs_f64() * 1e6);
            scored += slate.scored;
            let timings = slate.timings;
            let taken = [timings.sources_us, timings.hydrate_us, timings.filter_us, timings.score_us, timings.select_us];
            stages.iter_mut().zip(taken).for_each(|(sum, taken)| *sum += taken);
        }
        micros.sort_by(f64::total_cmp);
        let at = |share: usize| micros.get(micros.len() * share / 100).copied().unwrap_or(0.0);
        println!(
            "{} candidates scored per page; p50 {:.0} us, p90 {:.0} us, p99 {:.0} us",
            scored as u64 / ROUNDS,
            at(50),
            at(90),
            at(99)
        );
        println!("mean us: sources, hydrate, filter, score, select = {:?}", stages.map(|sum| sum / ROUNDS));
    });
    Ok(())
}
