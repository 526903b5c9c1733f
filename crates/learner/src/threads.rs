//! Learning in several threads: more examples per second, no longer the same bits every time.
//!
//! One thread makes the rows that are missing, example by example, and then learns like the others; each takes the next example that
//! nobody has taken. They share the rows (whoever meets another in a row may lose a step of it), the book (behind a lock that is held for
//! a tenth of an example's time) and the dense weights: each thread collects the gradients of its own [`BATCH`] examples, steps the one
//! master copy with them, and gives the others a copy of what came out. So an example is learned with dense weights that miss what the
//! other threads have collected: a few dozen examples at the most.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arc_swap::ArcSwap;

use crate::config::Config;
use crate::dense::{Dense, Optimised, Trace, Transposed};
use crate::effects::Information;
use crate::example::Example;
use crate::forward::CandidateRows;
use crate::guard::{Guard, Verdict};
use crate::intake::Intake;
use crate::lesson::{Book, Open, Outcome, Scene, learn_one};
use crate::math::Level;
use crate::scale::Whitener;
use crate::shape::BATCH;
use crate::side::{Model, ViewerRows, ViewerSide};
use crate::table::{Field, Tables, View};
use crate::trainer::{ROWS_AHEAD, SLOTS_AHEAD, Trainer, acceptable, hint, seconds};

/// What a thread keeps from one call to the next.
pub(crate) struct Lane {
    pub side: Box<ViewerSide>,
    trace: Box<Trace>,
}

impl Lane {
    pub fn new() -> Self {
        Self { side: Box::new(ViewerSide::empty()), trace: Trace::new() }
    }
}

/// The dense weights as threads read them.
struct Copy {
    dense: Box<Dense>,
    back: Box<Transposed>,
}

impl Copy {
    fn of(dense: &Optimised) -> Arc<Self> {
        Arc::new(Self { dense: dense.weights.clone(), back: dense.transposed.clone() })
    }
}

/// What all threads have.
struct Common<'a, 'b> {
    config: &'a Config,
    level: Level,
    examples: &'a [(i64, &'a Example)],
    /// The rows of each, once they are made; `None` when the example is not acceptable.
    rows: Vec<OnceLock<Option<(ViewerRows, CandidateRows)>>>,
    next: AtomicUsize,
    tables: Arc<Tables>,
    whitener: Whitener,
    book: Mutex<Book<'b>>,
    master: Mutex<(&'b mut Optimised, &'b mut Guard)>,
    copy: ArcSwap<Copy>,
}

/// Held for a microsecond or some ten, locks are free again before a thread could be put to sleep and woken.
const SPINS: u32 = 20_000;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    for _ in 0..SPINS {
        if let Ok(held) = mutex.try_lock() {
            return held;
        }
        std::hint::spin_loop();
    }
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes in the shared book, and remembers what the effects are measured by.
struct Shared<'a, 'b> {
    book: &'a Mutex<Book<'b>>,
    information: Information,
    learned: u64,
}

impl<'b> Open<'b> for Shared<'_, 'b> {
    fn open<T>(&mut self, with: impl FnOnce(&mut Book<'b>) -> T) -> T {
        let mut book = lock(self.book);
        let done = with(&mut book);
        (self.information, self.learned) = (*book.information, book.totals.learned);
        done
    }
}

impl Common<'_, '_> {
    /// Learns example after example until none is left; gives the keys of contexts that have no row yet.
    fn learn(&self, side: &mut ViewerSide, trace: &mut Trace) -> Vec<u64> {
        let (mut missing, mut outcomes) = (Vec::new(), Vec::with_capacity(BATCH));
        let mut book = Shared { book: &self.book, information: Information::default(), learned: 0 };
        book.open(|_| ());
        loop {
            let at = self.next.fetch_add(1, Ordering::Relaxed);
            let (Some((now_ms, example)), Some(rows)) = (self.examples.get(at), self.rows.get(at)) else { break };
            let view = self.tables.view();
            self.hint(&view, at + SLOTS_AHEAD, View::hint_slot);
            self.hint(&view, at + ROWS_AHEAD, View::hint_row);
            let Some((viewer_rows, mut rows)) = *rows.wait() else { continue };
            // A row that was made since is in the newest view.
            let (view, copy, information) = (self.tables.view(), self.copy.load(), book.information);
            let model = Model {
                view: &view,
                dense: &copy.dense,
                whitener: &self.whitener,
                information: &information,
                level: self.level,
            };
            side.take(&model, example.at_ms, &example.viewer, viewer_rows);
            rows.seen = side.taste.seen_key(example.video.video).map(|key| {
                let row = view.find(Field::Context, key);
                missing.extend(row.is_none().then_some(key));
                row
            });
            let scene = Scene { config: self.config, model, back: &copy.back };
            outcomes.extend(learn_one(&scene, &mut book, trace, side, &rows, *now_ms, example));
            if trace.len == BATCH {
                self.step(trace, &mut outcomes, book.learned);
            }
        }
        if trace.len > 0 {
            self.step(trace, &mut outcomes, book.learned);
        }
        missing
    }

    fn hint(&self, view: &View, at: usize, ask: fn(&View, Field, u64)) {
        if let Some((_, example)) = self.examples.get(at) {
            hint(view, example, ask);
        }
    }

    /// Steps the master copy with a thread's gradients and gives out what came of it.
    fn step(&self, trace: &mut Trace, outcomes: &mut Vec<Outcome>, learned: u64) {
        let mut master = lock(&self.master);
        let (dense, guard) = &mut *master;
        dense.step(self.level, trace, self.config.dense_step, learned);
        for outcome in outcomes.drain(..) {
            if guard.observe(&outcome.predicted.probability, &outcome.labels.0, dense) == Verdict::FallBack {
                **dense = guard.good.clone();
            }
        }
        self.copy.store(Copy::of(dense));
        trace.len = 0;
    }
}

impl Trainer {
    /// [`Trainer::train_all`] in [`Config::threads`] threads.
    pub(crate) fn train_side_by_side(&mut self, examples: &[(i64, &Example)]) {
        let threads = self.config.threads.clamp(2, examples.len().max(2));
        while self.lanes.len() < threads {
            self.lanes.push(Lane::new());
        }
        let config = self.config;
        let Self { tables, scale, whitener, dense, guard, ranks, information, shares, rivals, windows, totals, lanes, .. } =
            self;
        // What one thread left unfinished is finished first.
        if self.trace.len > 0 {
            dense.step(self.level, &self.trace, config.dense_step, totals.learned);
            self.trace.len = 0;
        }
        let copy = ArcSwap::new(Copy::of(dense));
        let common = Common {
            config: &config,
            level: self.level,
            examples,
            rows: examples.iter().map(|_| OnceLock::new()).collect(),
            next: AtomicUsize::new(0),
            tables: tables.shared(),
            whitener: whitener.clone(),
            book: Mutex::new(Book { config: &config, ranks, information, shares, rivals, windows, totals }),
            master: Mutex::new((dense, guard)),
            copy,
        };
        let mut intake = Intake { tables, scale, whitener };
        let (mut missing, mut refused) = (Vec::new(), 0);
        std::thread::scope(|scope| {
            let common = &common;
            let mut lanes = lanes.iter_mut().take(threads);
            let own = lanes.next();
            let others: Vec<_> = lanes.map(|lane| scope.spawn(|| common.learn(&mut lane.side, &mut lane.trace))).collect();
            for ((now_ms, example), rows) in examples.iter().zip(&common.rows) {
                let made = acceptable(example, config.weight_max).then(|| intake.example(example, seconds(*now_ms)));
                refused += u64::from(made.is_none());
                // Nobody else sets it.
                let _ = rows.set(made);
            }
            if let Some(lane) = own {
                missing.extend(common.learn(&mut lane.side, &mut lane.trace));
            }
            for other in others {
                missing.extend(other.join().unwrap_or_default());
            }
        });
        if let Some((now_ms, _)) = examples.last() {
            missing.iter().for_each(|key| {
                intake.row(Field::Context, *key, seconds(*now_ms));
            });
        }
        drop(common);
        self.totals.refused += refused;
    }
}
