//! Collisionless embedding tables: each id has a row of its own, found through an exact index, never a shared bucket.
//!
//! One writer, many readers, nobody waits:
//! - a field's index is open addressing over atomic slots; the writer fills a row before it publishes its slot (release), so a reader
//!   that sees the slot (acquire) sees the row, and the row's own key confirms that it is the right one;
//! - rows lie in chunks of atomics that never move; readers load them one 64-bit word at a time (relaxed) into a local buffer,
//!   so a row read while it is written is a mix of its old and new numbers, each whole, each finite;
//! - when a field needs a further chunk or a larger index, the writer swaps the [`View`] in one step. A larger index is filled a
//!   few slots per new row, and both are read meanwhile: growth never holds the writer up.
//!
//! A removed row may be given to another id while a reader still holds it: that reader then scores one clip with somebody
//! else's row once. It never sees memory that is not a row.
//!
//! # Memory
//! A row takes [`ROW_BYTES`] = 144 bytes (vector 64, effects 64, accumulator and last use 8, key 8), or 112 with
//! [`Precision::F16`]; one bit notes whether it changed since the last snapshot. An index slot takes [`SLOT_BYTES`] = 8 bytes, and 0.35
//! to 0.7 of the slots are used: 11.4 to 22.9 bytes a row. So 64 million rows of 16 numbers take 10.3 GB, or 8.2 GB with halves. A video has two rows: its own and its tower's. The
//! admission filter has a fixed size of its own ([`crate::Config::sketch_bytes`]).
//!
//! A row that does not exist reads as its first value, which is computed from its key: inserting a row does not change a
//! prediction.
//!
//! The idea is that of Monolith's collisionless table (Liu et al. 2022, arXiv 2209.07663), which also filters and expires ids; the
//! optimiser is Adagrad with one accumulator a row (as in Mudigere et al. 2021, arXiv 2104.05158). Half-precision rows follow Zhang et
//! al. 2018 (arXiv 1803.08883), stochastic rounding included.

mod admission;
mod half;
mod image;
mod index;
mod pages;
mod rows;
mod step;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::Arc;

use arc_swap::ArcSwap;
pub(crate) use image::{Sink, Source};
pub(crate) use pages::zeroed;
pub use rows::Precision;
use rows::{Chunk, Row, place};
pub(crate) use writer::TablesWriter;

use crate::math::{D, Vector, ZERO, mix};
use index::Index;

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
    /// A video's retrieval vector as it was when the video was last learned: what histories read, a row instead of a sum of six.
    Tower,
}

pub(crate) const FIELDS: usize = 9;
pub(crate) const ALL_FIELDS: [Field; FIELDS] = [
    Field::Viewer,
    Field::Video,
    Field::Creator,
    Field::Sound,
    Field::Hashtag,
    Field::Word,
    Field::Context,
    Field::Habit,
    Field::Tower,
];

/// Bytes of a row of the default precision.
pub const ROW_BYTES: usize = Precision::F32.row_bytes();
/// A row number and a fingerprint of its key.
pub const SLOT_BYTES: usize = size_of::<u64>();

/// Keys are below this: they have 63 bits.
const KEYS_END: u64 = 1 << 63;

/// Half the width of the uniform distribution that a field's rows start from. Hashtags and creators start wide, so that two
/// clips of one kind are near each other before anything was learned; ids that say nothing yet start near zero.
const INITIAL_WIDTH: [f32; FIELDS] = [0.03, 0.03, 0.2, 0.05, 0.5, 0.1, 0.05, 0.0, 0.0];

#[derive(Clone)]
struct FieldView {
    index: Arc<Index>,
    /// The index before, while `index` is being filled from it.
    older: Option<Arc<Index>>,
    chunks: Vec<Arc<Chunk>>,
}

impl FieldView {
    #[inline(always)]
    fn row(&self, row: u32, precision: Precision) -> Option<Row<'_>> {
        let (chunk, at) = place(row);
        self.chunks.get(chunk)?.row(at, precision)
    }

    #[inline(always)]
    fn touch(&self, row: u32) {
        let (chunk, at) = place(row);
        if let Some(chunk) = self.chunks.get(chunk) {
            chunk.touch(at);
        }
    }

    #[inline(always)]
    fn find(&self, key: u64, precision: Precision) -> Option<u32> {
        let hash = index::hash(key);
        let is_it = |row| {
            self.row(row, precision).is_some_and(|row| {
                // It almost always is: the rest of it is asked for at once.
                row.prefetch();
                row.tag() == key.wrapping_add(1)
            })
        };
        match (self.index.find(hash, is_it), &self.older) {
            (None, Some(older)) => older.find(hash, is_it),
            (found, _) => found,
        }
    }
}

/// The tables at one moment: what a reader holds while it scores.
#[derive(Clone)]
pub(crate) struct View {
    seed: u64,
    precision: Precision,
    fields: [Arc<FieldView>; FIELDS],
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
        self.fields[field as usize].find(key, self.precision)
    }

    #[inline(always)]
    fn row(&self, field: Field, row: u32) -> Option<Row<'_>> {
        self.fields[field as usize].row(row, self.precision)
    }

    /// The weights of the row that [`Self::find`] gave, or the value that the key's row would start from.
    #[inline(always)]
    pub fn vector(&self, field: Field, key: u64, row: Option<u32>) -> Vector {
        match row.and_then(|row| self.row(field, row)) {
            Some(row) => row.weights(),
            None => self.initial(field, key),
        }
    }

    #[inline(always)]
    fn initial(&self, field: Field, key: u64) -> Vector {
        self.precision.held(&initial(self.seed, field, key))
    }

    /// Asks the memory for the index slot of a key that will be looked up soon.
    #[inline(always)]
    pub fn hint_slot(&self, field: Field, key: u64) {
        self.fields[field as usize].index.hint(index::hash(key));
    }

    /// Asks the memory for the row that the key's slot, asked for before, points at: it is almost always the key's.
    #[inline(always)]
    pub fn hint_row(&self, field: Field, key: u64) {
        let field = &self.fields[field as usize];
        if let Some(row) = field.index.guess(index::hash(key)).and_then(|row| field.row(row, self.precision)) {
            row.prefetch();
        }
    }

    /// Looks a row up and asks the memory for it.
    #[inline(always)]
    pub fn locate(&self, field: Field, key: u64) -> Option<u32> {
        self.find(field, key)
    }

    #[inline(always)]
    pub fn effects(&self, field: Field, row: Option<u32>) -> Vector {
        row.and_then(|row| self.row(field, row)).map_or(ZERO, Row::effects)
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

/// What readers share.
pub(crate) struct Tables {
    view: ArcSwap<View>,
}

impl Tables {
    pub fn view(&self) -> arc_swap::Guard<Arc<View>> {
        self.view.load()
    }
}
