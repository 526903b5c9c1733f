//! A field's index: which row is a key's. Open addressing over slots of 8 bytes.
//!
//! A slot holds a row number and 32 bits of the key's hash, the fingerprint; whether the row is the key's, the row's own key says. So
//! a lookup is exact, and it reads a wrong row once in four thousand million slots passed.

use std::sync::atomic::{AtomicU64, Ordering};

use super::pages::zeroed;
use super::prefetch;
use crate::math::mix;

/// Slots never used are 0, which is how they come from the operating system.
const EMPTY: u64 = 0;
/// A slot whose key was removed; it may be used again, and lookups pass over it.
const REMOVED: u64 = u64::MAX;
const SLOTS_MIN: usize = 1024;
/// Rows in one field at the most: row numbers are stored plus one, and the last is that of a removed slot.
pub(super) const ROWS_MAX: u32 = u32::MAX - 1;

pub(super) struct Index {
    slots: Box<[AtomicU64]>,
}

#[inline(always)]
pub(super) fn hash(key: u64) -> u64 {
    mix(key)
}

#[inline(always)]
fn entry(hash: u64, row: u32) -> u64 {
    (hash & 0xffff_ffff_0000_0000) | (u64::from(row) + 1)
}

#[inline(always)]
fn row_of(slot: u64) -> u32 {
    (slot as u32).wrapping_sub(1)
}

impl Index {
    /// Slots for so many keys: between 0.35 and 0.7 of them are then used.
    pub fn for_rows(rows: usize) -> Self {
        Self { slots: zeroed((rows * 10 / 7 + 1).next_power_of_two().max(SLOTS_MIN)) }
    }

    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Whether it should be replaced before one more than `used` slots are used.
    pub fn is_full(&self, used: usize) -> bool {
        (used + 1) * 10 > self.slots.len() * 7
    }

    #[inline(always)]
    fn start(&self, hash: u64) -> usize {
        // The low half of the hash; the high half is the fingerprint.
        hash as u32 as usize & (self.slots.len() - 1)
    }

    #[inline(always)]
    pub fn hint(&self, hash: u64) {
        if let Some(slot) = self.slots.get(self.start(hash)) {
            prefetch(slot);
        }
    }

    /// The row in the hash's own slot, when the fingerprint is the same: where [`Self::find`] mostly ends, without a look at the row.
    #[inline(always)]
    pub fn guess(&self, hash: u64) -> Option<u32> {
        let slot = self.slots.get(self.start(hash))?.load(Ordering::Relaxed);
        ((slot ^ hash) >> 32 == 0 && slot != EMPTY && slot != REMOVED).then(|| row_of(slot))
    }

    /// The row whose key has this hash and which `is_it`.
    #[inline(always)]
    pub fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut at = self.start(hash);
        // At most a full round; in practice an empty slot ends it, since three in ten are always empty.
        for _ in 0..=mask {
            let slot = self.slots[at].load(Ordering::Acquire);
            if slot == EMPTY {
                return None;
            }
            if (slot ^ hash) >> 32 == 0 && slot != REMOVED && is_it(row_of(slot)) {
                return Some(row_of(slot));
            }
            at = (at + 1) & mask;
        }
        None
    }

    /// Puts a key that is not there into the first free slot. True when that slot had never been used.
    pub fn insert(&self, hash: u64, row: u32) -> bool {
        let mask = self.slots.len() - 1;
        let mut at = self.start(hash);
        loop {
            let slot = &self.slots[at];
            let found = slot.load(Ordering::Relaxed);
            if found == EMPTY || found == REMOVED {
                slot.store(entry(hash, row), Ordering::Release);
                return found == EMPTY;
            }
            at = (at + 1) & mask;
        }
    }

    /// Lets go of a row's slot, if it has one here.
    pub fn remove(&self, hash: u64, row: u32) {
        let mask = self.slots.len() - 1;
        let mut at = self.start(hash);
        for _ in 0..=mask {
            match self.slots[at].load(Ordering::Relaxed) {
                EMPTY => return,
                found if found == entry(hash, row) => return self.slots[at].store(REMOVED, Ordering::Release),
                _ => at = (at + 1) & mask,
            }
        }
    }

    /// The row in a slot, if one is there.
    pub fn row_at(&self, slot: usize) -> Option<u32> {
        let slot = self.slots.get(slot)?.load(Ordering::Relaxed);
        (slot != EMPTY && slot != REMOVED).then(|| row_of(slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_fingerprints_are_told_apart_by_the_row() {
        let index = Index::for_rows(10);
        let hash = 0x1234_5678_0000_0009;
        assert!(index.insert(hash, 3) && index.insert(hash, 4) && index.insert(hash ^ (1 << 40), 5));
        assert_eq!(index.find(hash, |row| row == 4), Some(4));
        assert_eq!(index.find(hash, |row| row == 5), None, "another fingerprint");
        index.remove(hash, 3);
        index.remove(hash, 77);
        assert_eq!((index.find(hash, |row| row == 3), index.find(hash, |_| true)), (None, Some(4)));
        assert!(!index.insert(hash, 6), "the removed slot is used again");
        assert_eq!(index.find(hash, |_| true), Some(6));
    }
}
