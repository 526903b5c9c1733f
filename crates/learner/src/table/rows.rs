//! Where rows lie: chunks of words that never move and take no memory before they are written to.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::half::{NEAREST, narrow, widen};
use super::pages::zeroed;
use crate::math::{D, Vector, mix};

/// How the vectors of rows are stored. Effects, accumulators and everything dense are always f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 64 bytes a vector.
    #[default]
    F32,
    /// 32 bytes a vector. What a step leaves between two halves is rounded by chance, seeded by the row's key, state and step, so
    /// that small steps are not lost and every machine gets the same bits.
    F16,
}

impl Precision {
    pub(super) const fn weight_words(self) -> usize {
        match self {
            Self::F32 => D / 2,
            Self::F16 => D / 4,
        }
    }

    pub(super) const fn row_words(self) -> usize {
        LEAD_WORDS + self.weight_words() + EFFECT_WORDS
    }

    /// Bytes of a row without its index slots.
    pub const fn row_bytes(self) -> usize {
        self.row_words() * 8
    }

    /// The number as a row would hold it, rounded to the nearest.
    #[inline(always)]
    pub(super) fn held(self, value: &Vector) -> Vector {
        match self {
            Self::F32 => *value,
            Self::F16 => value.map(|x| widen(narrow(x, NEAREST))),
        }
    }
}

/// A chunk is of many huge pages: of its two ends some memory lies on small ones.
const CHUNK_BITS: u32 = 18;
pub(super) const CHUNK_ROWS: usize = 1 << CHUNK_BITS;
/// Key plus one (0: a free row); accumulator (f32) and the second of the last use (u32).
pub(super) const LEAD_WORDS: usize = 2;
pub(super) const EFFECT_WORDS: usize = D / 2;

/// One row's cells: lead, weights, effects. What most readers want lies in the first two cache lines.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    lead: &'a [AtomicU64; LEAD_WORDS],
    weights: &'a [AtomicU64],
    effects: &'a [AtomicU64; EFFECT_WORDS],
}

#[inline(always)]
pub(super) fn pack(low: u32, high: u32) -> u64 {
    u64::from(low) | (u64::from(high) << 32)
}

/// Word by word, each whole; the compiler puts them together in vector registers.
#[inline(always)]
fn load(cells: &[AtomicU64; D / 2]) -> Vector {
    let words: [u64; D / 2] = std::array::from_fn(|at| cells[at].load(Ordering::Relaxed));
    // SAFETY: both are 64 bytes in which every pattern of bits is a value.
    unsafe { std::mem::transmute::<[u64; D / 2], Vector>(words) }
}

#[inline(always)]
fn store(cells: &[AtomicU64; D / 2], from: &Vector) {
    // SAFETY: both are 64 bytes in which every pattern of bits is a value.
    let words = unsafe { std::mem::transmute::<Vector, [u64; D / 2]>(*from) };
    for (cell, word) in cells.iter().zip(words) {
        cell.store(word, Ordering::Relaxed);
    }
}

impl<'a> Row<'a> {
    #[inline(always)]
    pub fn of(cells: &'a [AtomicU64]) -> Option<Self> {
        let (lead, rest) = cells.split_first_chunk::<LEAD_WORDS>()?;
        let (weights, effects) = rest.split_last_chunk::<EFFECT_WORDS>()?;
        Some(Self { lead, weights, effects })
    }

    /// The key plus one; 0 when the row is free.
    #[inline(always)]
    pub fn tag(self) -> u64 {
        self.lead[0].load(Ordering::Relaxed)
    }

    pub fn key(self) -> Option<u64> {
        self.tag().checked_sub(1)
    }

    /// Accumulator and second of the last use.
    #[inline(always)]
    pub fn optimiser(self) -> (f32, u32) {
        let word = self.lead[1].load(Ordering::Relaxed);
        (f32::from_bits(word as u32), (word >> 32) as u32)
    }

    #[inline(always)]
    pub fn set_optimiser(self, accumulator: f32, used_s: u32) {
        self.lead[1].store(pack(accumulator.to_bits(), used_s), Ordering::Relaxed);
    }

    #[inline(always)]
    pub fn effects(self) -> Vector {
        load(self.effects)
    }

    #[inline(always)]
    pub fn set_effects(self, effects: &Vector) {
        store(self.effects, effects);
    }

    #[inline(always)]
    pub fn weights(self) -> Vector {
        if let Some(cells) = self.weights.first_chunk::<{ D / 2 }>() {
            return load(cells);
        }
        let mut out = [0.0; D];
        for (lanes, from) in out.as_chunks_mut::<4>().0.iter_mut().zip(self.weights) {
            let word = from.load(Ordering::Relaxed);
            for lane in 0..4 {
                lanes[lane] = widen((word >> (16 * lane)) as u16);
            }
        }
        out
    }

    /// Writes the weights; halves are rounded by a chance that follows from the row's state before and after.
    #[inline(always)]
    pub fn set_weights(self, weights: &Vector) {
        if let Some(cells) = self.weights.first_chunk::<{ D / 2 }>() {
            return store(cells, weights);
        }
        let mut chance = self.tag() ^ mix(self.lead[1].load(Ordering::Relaxed));
        for (lanes, to) in weights.as_chunks::<4>().0.iter().zip(self.weights) {
            chance = mix(chance ^ to.load(Ordering::Relaxed));
            let mut word = 0;
            for lane in 0..4 {
                word |= u64::from(narrow(lanes[lane], (chance >> (16 * lane)) as u16 & 8191)) << (16 * lane);
            }
            to.store(word, Ordering::Relaxed);
        }
    }

    /// Makes it the row of a key. The weights must be as [`Precision::held`] gives them.
    pub fn begin(self, key: u64, used_s: u32, weights: &Vector) {
        self.set_optimiser(0.0, used_s);
        self.set_effects(&[0.0; D]);
        self.set_weights(weights);
        self.lead[0].store(key + 1, Ordering::Relaxed);
    }

    pub fn wipe(self) {
        self.cells().for_each(|cell| cell.store(0, Ordering::Relaxed));
    }

    pub fn cells(self) -> impl Iterator<Item = &'a AtomicU64> {
        self.lead.iter().chain(self.weights).chain(self.effects)
    }

    #[inline(always)]
    pub fn prefetch(self) {
        // A row lies in three cache lines at the most.
        super::prefetch(&self.lead[0]);
        super::prefetch(&self.effects[0]);
        super::prefetch(&self.effects[EFFECT_WORDS - 1]);
    }
}

/// Rows of one field. A part of a large allocation that nothing was written to takes no memory.
pub(super) struct Chunk {
    words: Box<[AtomicU64]>,
    /// A bit per row: changed since the last snapshot.
    touched: Box<[AtomicU64]>,
}

/// Chunk and place in it.
#[inline(always)]
pub(super) fn place(row: u32) -> (usize, usize) {
    ((row >> CHUNK_BITS) as usize, row as usize & (CHUNK_ROWS - 1))
}

impl Chunk {
    pub fn new(precision: Precision) -> Self {
        Self { words: zeroed(CHUNK_ROWS * precision.row_words()), touched: zeroed(CHUNK_ROWS / 64) }
    }

    #[inline(always)]
    pub fn row(&self, at: usize, precision: Precision) -> Option<Row<'_>> {
        let words = precision.row_words();
        Row::of(self.words.get(at * words..(at + 1) * words)?)
    }

    /// Notes a change.
    #[inline(always)]
    pub fn touch(&self, at: usize) {
        if let Some(bits) = self.touched.get(at / 64) {
            let bit = 1 << (at % 64);
            // Mostly it is noted already, and a look is cheaper than a write.
            if bits.load(Ordering::Relaxed) & bit == 0 {
                bits.fetch_or(bit, Ordering::Relaxed);
            }
        }
    }

    /// Places changed since the last call of [`Self::settle`], rising.
    pub fn touched(&self) -> impl Iterator<Item = usize> + '_ {
        self.touched.iter().enumerate().flat_map(|(word, bits)| {
            let mut bits = bits.load(Ordering::Relaxed);
            std::iter::from_fn(move || {
                let bit = bits.trailing_zeros() as usize;
                (bits != 0).then(|| {
                    bits &= bits - 1;
                    word * 64 + bit
                })
            })
        })
    }

    pub fn settle(&self) {
        self.touched.iter().filter(|bits| bits.load(Ordering::Relaxed) != 0).for_each(|bits| bits.store(0, Ordering::Relaxed));
    }
}
