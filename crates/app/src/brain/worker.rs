//! The brain's thread: reads the log, applies it, shows the result, keeps snapshots.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use base::Clock;
use eventlog::dedup::{Dedup, DedupOptions};
use eventlog::{EventLog, Offset, Partition};
use learner::Trainer;
use learner::joiner::{Joiner, JoinerConfig};
use retrieval::CandidateIndex;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot, watch};
use views::{Options, Views};

use super::models::Kept;
use super::snapshot::{Chain, Part, Sections};
use super::state::State;
use super::videos::KnownVideos;
use super::{Brain, BrainConfig, models, snapshot};
use crate::experiment::ModelPlan;

/// Events applied before readers are shown the result. Small enough for freshness, large enough to spread the cost of showing.
const BATCH_EVENTS: usize = 512;
/// How long the thread waits for news before it looks whether a snapshot is due.
const WAIT: Duration = Duration::from_millis(250);
/// The joiner's limits. An entry holds its features, about 5 KiB with a full history: 300 MiB at the most.
const JOINER: JoinerConfig = JoinerConfig {
    lateness_ms: 2 * 60_000,
    keep_ms: 60 * 60_000,
    window_max_ms: 60 * 60_000,
    slates_max: 50_000,
    entries_max: 60_000,
    waiting_max: 50_000,
    negatives_kept: 1.0,
    seed: 1,
};
/// Requests to the thread that may wait.
const REQUESTS_MAX: usize = 16;

/// Why the brain cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum BrainError {
    #[error("the event log: {0}")]
    Log(#[from] eventlog::Error),
    #[error("a snapshot: {0}")]
    Snapshot(#[from] std::io::Error),
    #[error("a snapshot's part is not readable: {0}")]
    Part(String),
    #[error("the thread has ended")]
    Stopped,
}

pub struct BrainParts {
    pub config: BrainConfig,
    pub learner: learner::Config,
    /// Models to be kept beside the shared one.
    pub models: Vec<ModelPlan>,
    pub log: Arc<dyn EventLog>,
    pub clock: Arc<dyn Clock>,
    pub folder: PathBuf,
}

/// How others ask the thread for something.
#[derive(Clone)]
pub struct Handle(mpsc::Sender<Request>);

type Outcome = Result<(), BrainError>;
type Answer = oneshot::Sender<Outcome>;

enum Request {
    /// A snapshot of now, and no older one left.
    Snapshot(Answer),
    Close(Answer),
}

impl Handle {
    pub async fn snapshot(&self) -> Result<(), BrainError> {
        self.ask(Request::Snapshot).await
    }
    pub async fn close(&self) -> Result<(), BrainError> {
        self.ask(Request::Close).await
    }
    async fn ask(&self, request: impl FnOnce(oneshot::Sender<Result<(), BrainError>>) -> Request) -> Result<(), BrainError> {
        let (answer, answered) = oneshot::channel();
        self.0.send(request(answer)).await.map_err(|_| BrainError::Stopped)?;
        answered.await.map_err(|_| BrainError::Stopped)?
    }
}

pub(super) struct Worker {
    brain: Arc<Brain>,
    pub(super) state: State,
    parts: BrainParts,
    /// The next offset to apply, per partition.
    next: Vec<u64>,
    requests: mpsc::Receiver<Request>,
    pub(super) runtime: Runtime,
    /// The number of the newest snapshot file.
    sequence: u64,
    /// What changes can be added to.
    chain: Option<Chain>,
    snapshot_at: Instant,
    changed: bool,
    /// Who asked for the end, and how it went; told when nothing is held any more.
    closed: Option<(Answer, Outcome)>,
}

/// Reads the newest snapshot and the log after it, then goes on in a thread of its own. Returns when what is in the log now has been
/// applied, so that the first page is made from everything that is known.
pub async fn start(parts: BrainParts) -> Result<Arc<Brain>, BrainError> {
    tokio::task::spawn_blocking(move || {
        // The thread's own: it outlives the service's runtime, and is never held up by it.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(BrainError::Snapshot)?;
        let mut worker = Worker::open(parts, runtime)?;
        while worker.catch_up()? {}
        let brain = worker.brain.clone();
        std::thread::Builder::new().name("brain".into()).spawn(move || worker.run()).map_err(BrainError::Snapshot)?;
        Ok(brain)
    })
    .await
    .map_err(|_| BrainError::Stopped)?
}

impl Worker {
    pub(super) fn open(mut parts: BrainParts, runtime: Runtime) -> Result<Self, BrainError> {
        let options = Options { trending_half_life_ms: i64::from(parts.config.trending_half_life_hours) * 3_600_000 };
        let partitions = usize::from(parts.log.partitions());
        let dedup_options = DedupOptions {
            generations: parts.config.dedup_generations,
            ids_per_generation: parts.config.dedup_ids_per_generation,
        };
        let plans = std::mem::take(&mut parts.models);
        let joiner_config = JoinerConfig { negatives_kept: parts.config.negatives_kept, seed: parts.learner.seed, ..JOINER };
        let mut found = snapshot::find(&parts.folder)?;
        // Files that cannot be used are not written over.
        let mut sequence = found.newest();
        let (mut chain, mut restored) = (None, None);
        while let Some((next, files)) = found.next()? {
            match restore(&files, options, dedup_options, joiner_config, parts.learner, plans.clone(), partitions) {
                Ok(good) => {
                    (chain, restored) = (Some(next), Some(good));
                    break;
                }
                // Of another program, or of another configuration.
                Err(BrainError::Part(reason)) => snapshot::refuse(next.sequence, &reason),
                Err(error) => return Err(error),
            }
        }
        if restored.is_none() && sequence > 0 {
            tracing::error!("no snapshot can be used: everything is learned again from the log");
        }
        let restored = match restored {
            Some(restored) => restored,
            None => Restored {
                next: vec![0; partitions],
                views: Views::new(options),
                trainer: Trainer::new(parts.learner),
                own_models: models::begin(plans),
                joiner: Joiner::new(joiner_config),
                dedup: Dedup::new(dedup_options)?,
            },
        };
        sequence = sequence.max(chain.map_or(0, |chain| chain.sequence));
        let Restored { next, views, trainer, own_models, joiner, dedup } = restored;
        let views = Arc::new(views);
        let videos = Arc::new(KnownVideos::default());
        let candidates = Arc::new(CandidateIndex::default());
        let learner = trainer.learner();
        let idle = parts.config.rows_idle_days;
        let arm_models = own_models.iter().map(|own| own.model.clone()).collect();
        let mut state = State::new(views.clone(), videos.clone(), candidates.clone(), trainer, joiner, dedup, idle);
        state.own_models = own_models;
        state.publish(parts.clock.now());
        let (sender, requests) = mpsc::channel(REQUESTS_MAX);
        let brain = Arc::new(Brain {
            views,
            videos,
            candidates,
            learner,
            arm_models,
            applied: watch::Sender::new(next.clone()),
            events: Default::default(),
            duplicates: Default::default(),
            failed: Default::default(),
            memory: parking_lot::Mutex::new(Some(Handle(sender))),
        });
        let snapshot_at = Instant::now();
        Ok(Self { brain, state, parts, next, requests, runtime, sequence, snapshot_at, chain, changed: false, closed: None })
    }

    /// Applies one batch of every partition; false when there was nothing.
    pub(super) fn catch_up(&mut self) -> Result<bool, BrainError> {
        let mut any = false;
        for partition in 0..self.next.len() {
            let Some(from) = self.next.get(partition).copied() else { continue };
            let at = Partition(partition as u16);
            let from = from.max(self.parts.log.first_offset(at)?.0);
            let page = self.runtime.block_on(self.parts.log.read(at, Offset(from), BATCH_EVENTS))?;
            for (_, event) in &page.events {
                self.state.apply(event);
            }
            any |= page.next.0 > from;
            if let Some(next) = self.next.get_mut(partition) {
                *next = page.next.0.max(from);
            }
        }
        if any {
            self.changed = true;
            self.state.publish(self.parts.clock.now());
            self.brain.events.store(self.state.events, Ordering::Relaxed);
            self.brain.duplicates.store(self.state.duplicates, Ordering::Relaxed);
            self.brain.applied.send_replace(self.next.clone());
        }
        Ok(any)
    }

    fn run(mut self) {
        loop {
            match self.step() {
                Ok(true) => {}
                Ok(false) => {
                    let closed = self.closed.take();
                    // The log's folder is free for the next to open it when the answer is there.
                    drop(self);
                    if let Some((answer, done)) = closed {
                        let _ = answer.send(done);
                    }
                    return;
                }
                Err(error) => {
                    // What is wrong with the log or the disk does not go away by going on: say it, and let /readyz say it.
                    tracing::error!(%error, "the brain has stopped: pages are made from what it knew");
                    self.brain.failed.store(true, Ordering::Relaxed);
                    return;
                }
            }
        }
    }

    /// One round; false when it was told to end.
    fn step(&mut self) -> Result<bool, BrainError> {
        let worked = self.catch_up()?;
        while let Ok(request) = self.requests.try_recv() {
            if !self.answer(request)? {
                return Ok(false);
            }
        }
        if self.changed
            && self.snapshot_at.elapsed() >= Duration::from_secs(self.parts.config.snapshot_every_s.max(1))
            && let Err(error) = self.snapshot(false)
        {
            // A full disk: what is learned goes on, and the log behind the last snapshot holds it. Tried again at the next turn.
            metrics::counter!("brain_snapshots_failed_total").increment(1);
            tracing::error!(%error, "a snapshot could not be written; the log keeps what it would have held");
            self.snapshot_at = Instant::now();
        }
        if worked { Ok(true) } else { self.wait() }
    }

    /// Until there is news in the log, a request, or some time has passed; false when it was told to end.
    fn wait(&mut self) -> Result<bool, BrainError> {
        let log = self.parts.log.clone();
        let next = self.next.clone();
        let waits = next.iter().enumerate().map(|(at, next)| log.wait_for(Partition(at as u16), Offset(*next), WAIT));
        let news = futures_util::future::select_all(waits);
        let requests = &mut self.requests;
        let request = self.runtime.block_on(async {
            tokio::select! {
                request = requests.recv() => Ok(request),
                (outcome, _, _) = news => outcome.map(|_| None),
            }
        })?;
        match request {
            Some(request) => self.answer(request),
            None => Ok(true),
        }
    }

    /// False when the thread is to end.
    fn answer(&mut self, request: Request) -> Result<bool, BrainError> {
        let (answer, go_on) = match request {
            Request::Snapshot(answer) => (answer, true),
            Request::Close(answer) => (answer, false),
        };
        while self.catch_up()? {}
        // The older ones may hold a viewer who is to be forgotten: a whole one, and nothing else left.
        let mut done = self.snapshot(go_on);
        if go_on && done.is_ok() {
            done = snapshot::keep(&self.parts.folder, 1).map_err(BrainError::Snapshot);
        }
        if go_on {
            let _ = answer.send(done);
        } else {
            self.closed = Some((answer, done));
        }
        Ok(go_on)
    }

    /// Writes a snapshot: what changed since the last one, unless it is time for a whole one or `whole` is asked for.
    pub(super) fn snapshot(&mut self, whole: bool) -> Result<(), BrainError> {
        let started = Instant::now();
        let state = &self.state;
        let can_grow = !whole && state.trainer.saved_mark().is_some() && models::are_saved(&state.own_models);
        let after = self.chain.filter(|chain| can_grow && chain.may_grow());
        let next: Vec<u8> = self.next.iter().flat_map(|n| n.to_le_bytes()).collect();
        let fill = |to: &mut Sections<'_>| {
            let joiner = state.joiner.to_bytes().map_err(|error| BrainError::Part(error.to_string()))?;
            for section in [next, state.views.snapshot(), state.dedup.to_bytes(), joiner] {
                to.write_all(&section)?;
                to.end_section()?;
            }
            let written = if after.is_some() { state.trainer.changes(to) } else { state.trainer.snapshot(to) };
            let mark = written.map_err(|error| BrainError::Part(error.to_string()))?;
            to.end_section()?;
            Ok((mark, models::write(&state.own_models, after.is_some(), to)?))
        };
        self.sequence += 1;
        let (chain, (mark, own_marks)) = snapshot::write(&self.parts.folder, self.sequence, after.as_ref(), fill)?;
        self.chain = Some(chain);
        self.state.trainer.saved(mark);
        models::saved(&mut self.state.own_models, own_marks);
        self.snapshot_at = Instant::now();
        self.changed = false;
        let kind = if after.is_some() { "changes" } else { "whole" };
        metrics::histogram!("brain_snapshot_seconds", "kind" => kind).record(started.elapsed().as_secs_f64());
        metrics::histogram!("brain_snapshot_bytes", "kind" => kind).record(chain.newest_bytes as f64);
        Ok(())
    }
}

struct Restored {
    next: Vec<u64>,
    views: Views,
    trainer: Trainer,
    own_models: Vec<Kept>,
    joiner: Joiner,
    dedup: Dedup,
}

/// The model's section; the models of arms follow it.
const MODEL: usize = 4;

/// Everything out of a chain's files: the small parts out of the newest, models out of all.
fn restore(
    files: &[Part],
    options: Options,
    dedup_options: DedupOptions,
    joiner_config: JoinerConfig,
    learner: learner::Config,
    plans: Vec<ModelPlan>,
    partitions: usize,
) -> Result<Restored, BrainError> {
    let part = |what: &str, error: &dyn std::fmt::Display| BrainError::Part(format!("{what}: {error}"));
    let Some(newest) = files.last().filter(|_| files.iter().all(|file| file.sections() > MODEL)) else {
        return Err(BrainError::Part("it has not the parts that this program writes".into()));
    };
    let next = newest.read(0)?;
    let (numbers, _) = next.as_chunks::<8>();
    let next: Vec<u64> = numbers.iter().map(|n| u64::from_le_bytes(*n)).collect();
    if next.len() != partitions {
        return Err(BrainError::Part(format!("it is of {} partitions, the log has {partitions}", next.len())));
    }
    // Views take about as long as everything else.
    std::thread::scope(|scope| {
        let views = scope.spawn(|| Views::restore(options, &newest.read(1)?).map_err(|error| part("views", &error)));
        let model = files.iter().map(|file| file.open(MODEL)).collect::<Result<_, _>>()?;
        let trainer = models::read(learner, "shared", model)?;
        let own_models = models::restore(plans, files, MODEL)?;
        let dedup = Dedup::from_bytes(dedup_options, &newest.read(2)?).map_err(|error| part("ids seen", &error))?;
        let joiner = Joiner::from_bytes(joiner_config, &newest.read(3)?).map_err(|error| part("joiner", &error))?;
        let views = views.join().map_err(|_| BrainError::Stopped)??;
        Ok(Restored { next, views, trainer, own_models, joiner, dedup })
    })
}
