//! Collisionless embedding tables: each id has a row of its own, found through an exact index, never a shared bucket.
//!
//! One writer, many readers, nobody waits:
//! - a field's index is open addressing over atomic slots; the writer fills a slot's row before it publishes its key
//!   (release), so a reader that sees the key (acquire) sees the row;
//! - rows are chunks of atomics that never move; readers load them one 64-bit pair at a time (relaxed) into a local buffer,
//!   so a row read while it is written is a mix of its old and new numbers, each whole, each finite;
//! - when a field needs a larger index or a further chunk, the writer builds it aside and swaps the [`View`] in one step.
//!
//! A removed row may be given to another id while a reader still holds the old view: that reader then scores one clip with
//! somebody else's row once. It never sees memory that is not a row.
//!
//! Memory: [`ROW_BYTES`] a row and [`SLOT_BYTES`] an index slot, of which 2 to 4 exist per row. A row that does not exist
//! reads as its first value, which is computed from its key: inserting a row does not change a prediction.
//!
//! The idea is that of Monolith's collisionless table (Liu et al. 2022, arXiv 2209.07663); the optimiser is Adagrad with one
//! accumulator a row (as in Mudigere et al. 2021, arXiv 2104.05158).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use arc_swap::ArcSwap;

use crate::math::{D, Vector, dot, mix};

/// What a key is the key of. Fields never share an index, so ids of two fields cannot collide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Field {
    Viewer,
    Video,
    Creator,
    Sound,
    Hashtag,
    Word,
    /// Circumstances and buckets: few keys, made by the crate itself.
    Context,
}

pub(crate) const FIELDS: usize = 7;
pub(crate) const ALL_FIELDS: [Field; FIELDS] =
    [Field::Viewer, Field::Video, Field::Creator, Field::Sound, Field::Hashtag, Field::Word, Field::Context];

/// Weights (64) and state: accumulator, last use, two counted rates, key (32).
pub const ROW_BYTES: usize = size_of::<Row>() + size_of::<RowState>();
/// A key and a row number.
pub const SLOT_BYTES: usize = size_of::<Slot>();

const CHUNK_ROWS: usize = 1024;
const INDEX_SLOTS_MIN: usize = 1024;
/// Keys have 63 bits, so these two are never keys.
const EMPTY: u64 = u64::MAX;
const REMOVED: u64 = u64::MAX - 1;
/// A rate forgets what is older than about this many observations.
const RATE_HORIZON: f32 = 2_000.0;

/// Half the width of the uniform distribution that a field's rows start from. Hashtags and creators start wide, so that two
/// clips of one kind are near each other before anything was learned; ids that say nothing yet start near zero.
const INITIAL_WIDTH: [f32; FIELDS] = [0.03, 0.03, 0.25, 0.05, 0.43, 0.1, 0.05];

#[repr(align(64))]
struct Row([AtomicU64; D / 2]);

struct RowState {
    /// Adagrad's accumulator (f32) and the second of the last use (u32).
    optimiser: AtomicU64,
    /// Views judged and the sum of their watch ranks, decaying.
    watch: AtomicU64,
    /// Impressions judged and how many were liked, decaying.
    like: AtomicU64,
    key: AtomicU64,
}

struct Chunk {
    rows: Box<[Row]>,
    states: Box<[RowState]>,
}

impl Chunk {
    fn new() -> Self {
        let zero = || AtomicU64::new(0);
        let rows = (0..CHUNK_ROWS).map(|_| Row(std::array::from_fn(|_| zero()))).collect();
        let state = |_| RowState { optimiser: zero(), watch: zero(), like: zero(), key: AtomicU64::new(EMPTY) };
        Self { rows, states: (0..CHUNK_ROWS).map(state).collect() }
    }
}

struct Slot {
    key: AtomicU64,
    row: AtomicU32,
}

struct Index {
    slots: Box<[Slot]>,
}

impl Index {
    fn with_slots(slots: usize) -> Self {
        let slot = |_| Slot { key: AtomicU64::new(EMPTY), row: AtomicU32::new(0) };
        Self { slots: (0..slots.next_power_of_two()).map(slot).collect() }
    }

    #[inline(always)]
    fn start(&self, key: u64) -> usize {
        ((key ^ (key >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & (self.slots.len() - 1)
    }

    #[inline(always)]
    fn find(&self, key: u64) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut at = self.start(key);
        // At most a full round; in practice an empty slot ends it, since half of the slots are always empty.
        for _ in 0..=mask {
            let slot = &self.slots[at];
            match slot.key.load(Ordering::Acquire) {
                found if found == key => return Some(slot.row.load(Ordering::Relaxed)),
                EMPTY => return None,
                _ => at = (at + 1) & mask,
            }
        }
        None
    }

    /// Puts a key that is not there into the first free slot. True when that slot had never been used.
    fn insert(&self, key: u64, row: u32) -> bool {
        let mask = self.slots.len() - 1;
        let mut at = self.start(key);
        loop {
            let slot = &self.slots[at];
            let found = slot.key.load(Ordering::Relaxed);
            if found == EMPTY || found == REMOVED {
                slot.row.store(row, Ordering::Relaxed);
                slot.key.store(key, Ordering::Release);
                return found == EMPTY;
            }
            at = (at + 1) & mask;
        }
    }

    fn remove(&self, key: u64) {
        let mask = self.slots.len() - 1;
        let mut at = self.start(key);
        for _ in 0..=mask {
            match self.slots[at].key.load(Ordering::Relaxed) {
                found if found == key => return self.slots[at].key.store(REMOVED, Ordering::Release),
                EMPTY => return,
                _ => at = (at + 1) & mask,
            }
        }
    }
}

#[derive(Clone)]
struct FieldView {
    index: Arc<Index>,
    chunks: Vec<Arc<Chunk>>,
}

/// The tables at one moment: what a reader holds while it scores.
#[derive(Clone)]
pub(crate) struct View {
    seed: u64,
    fields: [Arc<FieldView>; FIELDS],
}

/// Two counted rates of a row, both decaying over [`RATE_HORIZON`] observations.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Rates {
    pub watch_n: f32,
    pub watch_sum: f32,
    pub like_n: f32,
    pub like_sum: f32,
}

#[inline(always)]
fn pack(low: u32, high: u32) -> u64 {
    u64::from(low) | (u64::from(high) << 32)
}

#[inline(always)]
fn floats(pair: u64) -> (f32, f32) {
    (f32::from_bits(pair as u32), f32::from_bits((pair >> 32) as u32))
}

/// The value that a row has before it was ever trained.
#[inline(always)]
fn initial(seed: u64, field: Field, key: u64) -> Vector {
    let width = INITIAL_WIDTH[field as usize] / 32_768.0;
    let mut out = [0.0; D];
    let start = mix(seed ^ mix(key ^ ((field as u64 + 1) << 56)));
    for part in 0..4u64 {
        let bits = mix(start.wrapping_add(part));
        for lane in 0..4 {
            let word = (bits >> (16 * lane)) as u16 as i16;
            out[part as usize * 4 + lane] = (f32::from(word) + 0.5) * width;
        }
    }
    out
}

impl View {
    #[inline(always)]
    pub fn find(&self, field: Field, key: u64) -> Option<u32> {
        self.fields[field as usize].index.find(key)
    }

    #[inline(always)]
    fn row(&self, field: Field, row: u32) -> Option<(&Row, &RowState)> {
        let chunk = self.fields[field as usize].chunks.get(row as usize / CHUNK_ROWS)?;
        let at = row as usize % CHUNK_ROWS;
        Some((chunk.rows.get(at)?, chunk.states.get(at)?))
    }

    /// The weights of the row that [`Self::find`] gave, or the value that the key's row would start from.
    #[inline(always)]
    pub fn vector(&self, field: Field, key: u64, row: Option<u32>) -> Vector {
        match row.and_then(|row| self.row(field, row)) {
            Some((weights, _)) => read(weights),
            None => initial(self.seed, field, key),
        }
    }

    /// Asks the memory for the index slot of a key that will be looked up soon.
    #[inline(always)]
    pub fn hint_slot(&self, field: Field, key: u64) {
        let index = &self.fields[field as usize].index;
        if let Some(slot) = index.slots.get(index.start(key)) {
            prefetch(slot);
        }
    }

    /// Looks a row up and asks the memory for it.
    #[inline(always)]
    pub fn locate(&self, field: Field, key: u64) -> Option<u32> {
        let row = self.find(field, key)?;
        let (weights, state) = self.row(field, row)?;
        prefetch(weights);
        if field != Field::Word && field != Field::Context {
            prefetch(state);
        }
        Some(row)
    }

    #[inline(always)]
    pub fn rates(&self, field: Field, row: Option<u32>) -> Rates {
        let Some((_, state)) = row.and_then(|row| self.row(field, row)) else { return Rates::default() };
        let (watch_n, watch_sum) = floats(state.watch.load(Ordering::Relaxed));
        let (like_n, like_sum) = floats(state.like.load(Ordering::Relaxed));
        Rates { watch_n, watch_sum, like_n, like_sum }
    }
}

/// A hint to the memory system; without effect on what the program computes.
#[inline(always)]
fn prefetch<T>(at: &T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch never faults and changes no memory; the address is that of a live reference besides.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(at).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

#[inline(always)]
fn read(row: &Row) -> Vector {
    let mut out = [0.0; D];
    for (pair, from) in out.as_chunks_mut::<2>().0.iter_mut().zip(&row.0) {
        let (low, high) = floats(from.load(Ordering::Relaxed));
        *pair = [low, high];
    }
    out
}

#[inline(always)]
fn write(row: &Row, from: &Vector) {
    for (pair, to) in from.as_chunks::<2>().0.iter().zip(&row.0) {
        to.store(pack(pair[0].to_bits(), pair[1].to_bits()), Ordering::Relaxed);
    }
}

/// What readers share.
pub(crate) struct Tables {
    view: ArcSwap<View>,
}

impl Tables {
    pub fn view(&self) -> arc_swap::Guard<Arc<View>> {
        self.view.load()
    }
}

/// One row as a snapshot holds it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RowImage {
    pub key: u64,
    pub weights: Vector,
    pub optimiser: u64,
    pub watch: u64,
    pub like: u64,
}

#[derive(Clone, Debug, Default)]
struct FieldWriter {
    free: Vec<u32>,
    /// Rows ever used; the next new one has this number.
    next: u32,
    /// Index slots that are not empty, removed ones included.
    slots_used: usize,
}

/// The one writer.
pub(crate) struct TablesWriter {
    shared: Arc<Tables>,
    view: Arc<View>,
    fields: [FieldWriter; FIELDS],
    rows: u64,
    rows_max: u64,
    /// Ids that got no row because the tables were full.
    pub refused: u64,
}

impl TablesWriter {
    pub fn new(seed: u64, rows_max: u64) -> Self {
        let field = || Arc::new(FieldView { index: Arc::new(Index::with_slots(INDEX_SLOTS_MIN)), chunks: Vec::new() });
        let view = Arc::new(View { seed, fields: std::array::from_fn(|_| field()) });
        let shared = Arc::new(Tables { view: ArcSwap::new(view.clone()) });
        Self { shared, view, fields: std::array::from_fn(|_| FieldWriter::default()), rows: 0, rows_max, refused: 0 }
    }

    pub fn shared(&self) -> Arc<Tables> {
        self.shared.clone()
    }

    /// The newest view; the writer's own, so it costs nothing.
    pub fn view(&self) -> &View {
        &self.view
    }

    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes that rows and indexes hold now.
    pub fn bytes(&self) -> u64 {
        let field = |f: &Arc<FieldView>| f.chunks.len() * CHUNK_ROWS * ROW_BYTES + f.index.slots.len() * SLOT_BYTES;
        self.view.fields.iter().map(field).sum::<usize>() as u64
    }

    fn swap(&mut self, field: Field, changed: FieldView) {
        let mut view = View::clone(&self.view);
        view.fields[field as usize] = Arc::new(changed);
        self.view = Arc::new(view);
        self.shared.view.store(self.view.clone());
    }

    /// The row of `key`, made when it is new; `None` when the tables are full. True when it was made.
    pub fn find_or_insert(&mut self, field: Field, key: u64, now_s: u32) -> Option<(u32, bool)> {
        if let Some(row) = self.view.find(field, key) {
            return Some((row, false));
        }
        if key >= REMOVED || self.rows >= self.rows_max {
            self.refused += 1;
            return None;
        }
        let weights = initial(self.view.seed, field, key);
        let row = self.insert(field, RowImage { key, weights, optimiser: pack(0, now_s), watch: 0, like: 0 });
        Some((row, true))
    }

    fn insert(&mut self, field: Field, image: RowImage) -> u32 {
        let writer = &mut self.fields[field as usize];
        let row = writer.free.pop().unwrap_or_else(|| {
            writer.next += 1;
            writer.next - 1
        });
        self.make_room(field, row);
        if let Some((weights, state)) = self.view.row(field, row) {
            write(weights, &image.weights);
            state.optimiser.store(image.optimiser, Ordering::Relaxed);
            state.watch.store(image.watch, Ordering::Relaxed);
            state.like.store(image.like, Ordering::Relaxed);
            state.key.store(image.key, Ordering::Relaxed);
        }
        if self.view.fields[field as usize].index.insert(image.key, row) {
            self.fields[field as usize].slots_used += 1;
        }
        self.rows += 1;
        row
    }

    /// A chunk for `row` and index slots for one more key, when either lacks.
    fn make_room(&mut self, field: Field, row: u32) {
        let slots_used = self.fields[field as usize].slots_used;
        let view = &self.view.fields[field as usize];
        let needs_chunk = row as usize / CHUNK_ROWS >= view.chunks.len();
        // Half full, removed slots included: a larger index, or as large a one without them.
        let needs_index = (slots_used + 1) * 2 > view.index.slots.len();
        if needs_chunk || needs_index {
            let mut changed = FieldView::clone(view);
            while row as usize / CHUNK_ROWS >= changed.chunks.len() {
                changed.chunks.push(Arc::new(Chunk::new()));
            }
            if needs_index {
                changed.index = Arc::new(self.rebuilt(field));
                self.fields[field as usize].slots_used = self.live(field).count();
            }
            self.swap(field, changed);
        }
    }

    fn rebuilt(&self, field: Field) -> Index {
        let live = self.live(field).count();
        let index = Index::with_slots((live * 3).max(INDEX_SLOTS_MIN));
        for (row, key) in self.live(field) {
            index.insert(key, row);
        }
        index
    }

    /// Rows in use, by number, with their keys.
    fn live(&self, field: Field) -> impl Iterator<Item = (u32, u64)> + '_ {
        (0..self.fields[field as usize].next).filter_map(move |row| {
            let key = self.view.row(field, row)?.1.key.load(Ordering::Relaxed);
            (key != EMPTY).then_some((row, key))
        })
    }

    /// Removes a row and wipes it; false when there was none.
    pub fn remove(&mut self, field: Field, key: u64) -> bool {
        let Some(row) = self.view.find(field, key) else { return false };
        self.view.fields[field as usize].index.remove(key);
        if let Some((weights, state)) = self.view.row(field, row) {
            write(weights, &[0.0; D]);
            state.optimiser.store(0, Ordering::Relaxed);
            state.watch.store(0, Ordering::Relaxed);
            state.like.store(0, Ordering::Relaxed);
            state.key.store(EMPTY, Ordering::Relaxed);
        }
        self.fields[field as usize].free.push(row);
        self.rows -= 1;
        true
    }

    /// Removes at most `rows_max` rows that were last used before `before_s`; context rows stay.
    pub fn expire(&mut self, before_s: u32, rows_max: usize) -> usize {
        let mut removed = 0;
        for field in ALL_FIELDS.into_iter().filter(|f| *f != Field::Context) {
            let stale = |row: &u32| match self.view.row(field, *row) {
                Some((_, state)) => ((state.optimiser.load(Ordering::Relaxed) >> 32) as u32) < before_s,
                None => false,
            };
            let keys: Vec<u64> =
                self.live(field).filter(|(row, _)| stale(row)).map(|(_, key)| key).take(rows_max - removed).collect();
            removed += keys.into_iter().filter(|key| self.remove(field, *key)).count();
        }
        removed
    }

    /// One Adagrad step: `accumulator += mean(g^2)`, `w -= step * g / sqrt(accumulator)`. False when the gradient or the
    /// result is no number: then nothing changed.
    #[inline(always)]
    pub fn update(&self, field: Field, row: u32, gradient: &Vector, step: f32, norm_max: f32, now_s: u32) -> bool {
        let Some((cells, state)) = self.view.row(field, row) else { return false };
        let mut square = dot(gradient, gradient);
        if !square.is_finite() {
            return false;
        }
        let mut held = 1.0;
        if square > norm_max * norm_max {
            held = norm_max / square.sqrt();
            square = norm_max * norm_max;
        }
        let (accumulated, _) = floats(state.optimiser.load(Ordering::Relaxed));
        let accumulated = accumulated + square * (1.0 / D as f32);
        let scale = held * step / (accumulated + ACCUMULATOR_FLOOR).sqrt();
        let mut weights = read(cells);
        for i in 0..D {
            weights[i] = (weights[i] - scale * gradient[i]).max(-WEIGHT_MAX).min(WEIGHT_MAX);
        }
        write(cells, &weights);
        state.optimiser.store(pack(accumulated.to_bits(), now_s), Ordering::Relaxed);
        true
    }

    /// Counts one judged view and/or one judged impression of a row.
    #[inline(always)]
    pub fn count(&self, field: Field, row: u32, watch_rank: Option<f32>, liked: Option<f32>) {
        let Some((_, state)) = self.view.row(field, row) else { return };
        for (cell, value) in [(&state.watch, watch_rank), (&state.like, liked)] {
            if let Some(value) = value {
                let (n, total) = floats(cell.load(Ordering::Relaxed));
                let keep = 1.0 - 1.0 / RATE_HORIZON;
                cell.store(pack((n * keep + 1.0).to_bits(), (total * keep + value).to_bits()), Ordering::Relaxed);
            }
        }
    }

    /// A field's rows by number, for a snapshot; `None` where a row is free. And the free rows in the order of their reuse.
    pub fn images(&self, field: Field) -> (Vec<Option<RowImage>>, &[u32]) {
        let image = |row| {
            let (weights, state) = self.view.row(field, row)?;
            let key = state.key.load(Ordering::Relaxed);
            (key != EMPTY).then(|| RowImage {
                key,
                weights: read(weights),
                optimiser: state.optimiser.load(Ordering::Relaxed),
                watch: state.watch.load(Ordering::Relaxed),
                like: state.like.load(Ordering::Relaxed),
            })
        };
        let writer = &self.fields[field as usize];
        ((0..writer.next).map(image).collect(), &writer.free)
    }

    /// Puts back what [`Self::images`] gave; the field must be empty. False when the two contradict each other.
    pub fn restore(&mut self, field: Field, images: &[Option<RowImage>], free: Vec<u32>) -> bool {
        let is_free = |row: &u32| images.get(*row as usize).is_some_and(Option::is_none);
        if free.len() != images.iter().filter(|image| image.is_none()).count() || !free.iter().all(is_free) {
            return false;
        }
        for (row, image) in images.iter().enumerate() {
            // The row numbers of a snapshot are kept: a free row is stepped over.
            self.fields[field as usize].next = row as u32;
            if let Some(image) = image {
                if image.key >= REMOVED || self.view.find(field, image.key).is_some() {
                    return false;
                }
                self.insert(field, *image);
            }
        }
        let writer = &mut self.fields[field as usize];
        (writer.next, writer.free) = (images.len() as u32, free);
        if let Some(last) = images.len().checked_sub(1) {
            self.make_room(field, last as u32);
        }
        true
    }
}

/// Keeps the first steps of a row from being as large as later ones are small.
const ACCUMULATOR_FLOOR: f32 = 1e-4;
/// No weight of a row leaves this range.
const WEIGHT_MAX: f32 = 8.0;
