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

mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use arc_swap::ArcSwap;
pub(crate) use writer::{RowImage, TablesWriter};

use crate::math::{D, Vector, ZERO, mix};

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
    /// What a viewer does on one tab.
    Habit,
}

pub(crate) const FIELDS: usize = 8;
pub(crate) const ALL_FIELDS: [Field; FIELDS] =
    [Field::Viewer, Field::Video, Field::Creator, Field::Sound, Field::Hashtag, Field::Word, Field::Context, Field::Habit];

/// Weights (64), effects (64), accumulator and last use (8), key (8).
pub const ROW_BYTES: usize = size_of::<Row>();
/// A key and a row number.
pub const SLOT_BYTES: usize = size_of::<Slot>();

const CHUNK_ROWS: usize = 1024;
const INDEX_SLOTS_MIN: usize = 1024;
/// Keys have 63 bits, so these two are never keys.
const EMPTY: u64 = u64::MAX;
const REMOVED: u64 = u64::MAX - 1;

/// Half the width of the uniform distribution that a field's rows start from. Hashtags and creators start wide, so that two
/// clips of one kind are near each other before anything was learned; ids that say nothing yet start near zero.
const INITIAL_WIDTH: [f32; FIELDS] = [0.03, 0.03, 0.2, 0.05, 0.5, 0.1, 0.05, 0.0];

/// Weights and state side by side: what is read together lies in one page of memory.
#[repr(C, align(16))]
struct Row {
    weights: [AtomicU64; D / 2],
    /// Adagrad's accumulator (f32) and the second of the last use (u32).
    optimiser: AtomicU64,
    /// The id's own effect on each task, and what it rests on ([`crate::effects`]).
    effects: [AtomicU64; D / 2],
    key: AtomicU64,
}

struct Chunk {
    rows: Box<[Row]>,
}

impl Chunk {
    fn new() -> Self {
        let zero = || AtomicU64::new(0);
        let row = |_| Row {
            weights: std::array::from_fn(|_| zero()),
            optimiser: zero(),
            effects: std::array::from_fn(|_| zero()),
            key: AtomicU64::new(EMPTY),
        };
        Self { rows: (0..CHUNK_ROWS).map(row).collect() }
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
    fn row(&self, field: Field, row: u32) -> Option<&Row> {
        self.fields[field as usize].chunks.get(row as usize / CHUNK_ROWS)?.rows.get(row as usize % CHUNK_ROWS)
    }

    /// The weights of the row that [`Self::find`] gave, or the value that the key's row would start from.
    #[inline(always)]
    pub fn vector(&self, field: Field, key: u64, row: Option<u32>) -> Vector {
        match row.and_then(|row| self.row(field, row)) {
            Some(row) => load(&row.weights),
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
        let cells = self.row(field, row)?;
        // A row lies in three cache lines.
        prefetch(&cells.weights[0]);
        prefetch(&cells.effects[0]);
        prefetch(&cells.key);
        Some(row)
    }

    #[inline(always)]
    pub fn effects(&self, field: Field, row: Option<u32>) -> Vector {
        row.and_then(|row| self.row(field, row)).map_or(ZERO, |row| load(&row.effects))
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
fn load(cells: &[AtomicU64; D / 2]) -> Vector {
    let mut out = [0.0; D];
    for (pair, from) in out.as_chunks_mut::<2>().0.iter_mut().zip(cells) {
        let (low, high) = floats(from.load(Ordering::Relaxed));
        *pair = [low, high];
    }
    out
}

#[inline(always)]
fn store(cells: &[AtomicU64; D / 2], from: &Vector) {
    for (pair, to) in from.as_chunks::<2>().0.iter().zip(cells) {
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
