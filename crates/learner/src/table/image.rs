//! The tables as bytes, for snapshots: whole, or what changed since the last one.
//!
//! A field is: the number of its rows (u64); the rows; how much of the list of free rows did not change (u64); the rest of that list (its
//! length, then row numbers, u32). Whole, the rows are their words in the order of their numbers, free ones zero. Changes are their
//! count (u64), then for each row its number (u32) and its words. Equal tables have equal bytes.

use std::sync::atomic::{AtomicU64, Ordering};

use super::rows::{CHUNK_ROWS, EFFECT_WORDS, LEAD_WORDS};
use super::{ALL_FIELDS, Field, Precision, Row, TablesWriter};
use crate::error::{Error, Result};

/// Bytes handed on at a time.
const PIECE_BYTES: usize = 1 << 18;
const CUT: Error = Error::Corrupt("a row is cut");

/// Where the bytes of a table go.
pub(crate) trait Sink {
    fn put(&mut self, bytes: &[u8]) -> Result<()>;
}

/// Where they come from.
pub(crate) trait Source {
    /// Fills the buffer.
    fn take(&mut self, into: &mut [u8]) -> Result<()>;

    fn word(&mut self) -> Result<u64> {
        let mut bytes = [0; 8];
        self.take(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }
}

struct Pieces<'a, S> {
    to: &'a mut S,
    held: Vec<u8>,
}

impl<S: Sink> Pieces<'_, S> {
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.held.extend_from_slice(bytes);
        if self.held.len() >= PIECE_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        self.to.put(&self.held)?;
        self.held.clear();
        Ok(())
    }
}

/// No exponent of ones in either half of the words but the key's and the second of the last use; nor in a quarter of a half-precision
/// vector's.
fn are_numbers(words: &[u64], precision: Precision) -> bool {
    const SINGLE: u64 = 0x7f80_0000;
    const HALF: u64 = 0x7c00;
    let singles = |word: u64| word & SINGLE != SINGLE && (word >> 32) & SINGLE != SINGLE;
    let halves = |word: u64| (0..4).all(|lane| (word >> (16 * lane)) & HALF != HALF);
    let Some(([_, optimiser], rest)) = words.split_first_chunk::<LEAD_WORDS>() else { return false };
    let Some((weights, effects)) = rest.split_last_chunk::<EFFECT_WORDS>() else { return false };
    optimiser & SINGLE != SINGLE
        && effects.iter().all(|word| singles(*word))
        && weights.iter().all(|word| if precision == Precision::F32 { singles(*word) } else { halves(*word) })
}

impl TablesWriter {
    /// Writes all rows, or those that changed since [`Self::settle`].
    pub fn write(&self, to: &mut impl Sink, changes_only: bool) -> Result<()> {
        for field in ALL_FIELDS {
            let writer = &self.fields[field as usize];
            let mut out = Pieces { to, held: Vec::with_capacity(PIECE_BYTES + 256) };
            out.put(&u64::from(writer.next).to_le_bytes())?;
            if changes_only {
                out.put(&self.touched(field).map(|_| 1).sum::<u64>().to_le_bytes())?;
                for row in self.touched(field) {
                    out.put(&row.to_le_bytes())?;
                    self.put_row(field, row, &mut out)?;
                }
            } else {
                for row in 0..writer.next {
                    self.put_row(field, row, &mut out)?;
                }
            }
            let kept = if changes_only { writer.free_kept.min(writer.free.len()) } else { 0 };
            let free = writer.free.get(kept..).unwrap_or_default();
            out.put(&(kept as u64).to_le_bytes())?;
            out.put(&(free.len() as u64).to_le_bytes())?;
            for row in free {
                out.put(&row.to_le_bytes())?;
            }
            out.flush()?;
        }
        Ok(())
    }

    fn put_row(&self, field: Field, row: u32, out: &mut Pieces<'_, impl Sink>) -> Result<()> {
        // A row beyond the chunks does not exist.
        let Some(cells) = self.view.row(field, row) else { return Err(CUT) };
        for cell in cells.cells() {
            out.held.extend_from_slice(&cell.load(Ordering::Relaxed).to_le_bytes());
        }
        out.put(&[])
    }

    fn touched(&self, field: Field) -> impl Iterator<Item = u32> + '_ {
        let chunks = self.view.fields[field as usize].chunks.iter().enumerate();
        chunks.flat_map(|(number, chunk)| chunk.touched().map(move |at| (number * CHUNK_ROWS + at) as u32))
    }

    /// Rows changed since the last snapshot.
    pub fn rows_touched(&self) -> u64 {
        ALL_FIELDS.into_iter().map(|field| self.touched(field).count() as u64).sum()
    }

    /// What was written is kept: changes count from here.
    pub fn settle(&mut self) {
        for field in ALL_FIELDS {
            self.view.fields[field as usize].chunks.iter().for_each(|chunk| chunk.settle());
            let writer = &mut self.fields[field as usize];
            writer.free_kept = writer.free.len();
        }
    }

    /// Reads what [`Self::write`] wrote, over what is there. Nothing can be found before [`Self::finish`].
    /// Rows that were stored in another precision are rounded to the nearest.
    pub fn read(&mut self, from: &mut impl Source, stored: Precision, changes_only: bool) -> Result<()> {
        for field in ALL_FIELDS {
            let next = u32::try_from(from.word()?).map_err(|_| Error::Corrupt("too many rows"))?;
            if next < self.fields[field as usize].next {
                return Err(Error::Corrupt("rows are missing"));
            }
            let row_bytes = stored.row_bytes();
            if changes_only {
                let count = from.word()?;
                if count < u64::from(next - self.fields[field as usize].next) {
                    return Err(Error::Corrupt("rows are missing"));
                }
                let mut record = vec![0; 4 + row_bytes];
                for _ in 0..count {
                    from.take(&mut record)?;
                    let (row, words) = record.split_first_chunk::<4>().ok_or(CUT)?;
                    let row = u32::from_le_bytes(*row);
                    if row >= next {
                        return Err(Error::Corrupt("a row is out of range"));
                    }
                    self.make_chunks(field, row + 1);
                    self.put_back(field, row, words, stored)?;
                }
            } else {
                // Memory is taken as rows arrive: a false number costs nothing.
                let piece_rows = (PIECE_BYTES / row_bytes) as u32;
                let mut piece = vec![0; piece_rows as usize * row_bytes];
                let mut row = 0;
                while row < next {
                    let rows = piece_rows.min(next - row);
                    let bytes = piece.get_mut(..rows as usize * row_bytes).ok_or(CUT)?;
                    from.take(bytes)?;
                    self.make_chunks(field, row + rows);
                    for words in bytes.chunks_exact(row_bytes) {
                        self.put_back(field, row, words, stored)?;
                        row += 1;
                    }
                }
            }
            let (kept, added) = (from.word()?, from.word()?);
            let mut free = std::mem::take(&mut self.fields[field as usize].free);
            if kept > free.len() as u64 || kept.saturating_add(added) > u64::from(next) {
                return Err(Error::Corrupt("the list of free rows is too long"));
            }
            free.truncate(kept as usize);
            for _ in 0..added {
                let mut number = [0; 4];
                from.take(&mut number)?;
                free.push(u32::from_le_bytes(number));
            }
            let writer = &mut self.fields[field as usize];
            (writer.next, writer.free) = (next, free);
        }
        Ok(())
    }

    fn put_back(&self, field: Field, row: u32, bytes: &[u8], stored: Precision) -> Result<()> {
        let mut words = [0u64; Precision::F32.row_words()];
        let words = words.get_mut(..stored.row_words()).ok_or(CUT)?;
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        if !are_numbers(words, stored) {
            return Err(Error::Corrupt("a row's weight is no number"));
        }
        let cells = self.view.row(field, row).ok_or(CUT)?;
        if stored == self.precision() {
            cells.cells().zip(words).for_each(|(cell, word)| cell.store(*word, Ordering::Relaxed));
            return Ok(());
        }
        cells.cells().zip(words.iter()).take(LEAD_WORDS).for_each(|(cell, word)| cell.store(*word, Ordering::Relaxed));
        let other: Vec<AtomicU64> = words.iter().map(|word| AtomicU64::new(*word)).collect();
        let other = Row::of(&other).ok_or(CUT)?;
        cells.set_weights(&self.precision().held(&other.weights()));
        cells.set_effects(&other.effects());
        Ok(())
    }

    /// Makes what was read findable.
    pub fn finish(&mut self) -> Result<()> {
        for field in ALL_FIELDS {
            self.make_chunks(field, self.fields[field as usize].next);
        }
        if !self.index_all() {
            return Err(Error::Corrupt("rows and free rows contradict each other"));
        }
        self.settle();
        Ok(())
    }
}
