//! Rows that every page asks for, kept in memory until they change.

use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashMap;
use parking_lot::RwLock;

/// A bounded memory of what the store says; when it is full, it begins anew.
pub(crate) struct Remembered<K, V> {
    entries: RwLock<HashMap<K, V>>,
    max: usize,
    changes: AtomicU64,
}

/// When the store was asked: what was read before a change is not kept after it.
#[derive(Clone, Copy)]
pub(crate) struct Stand(u64);

impl<K: Eq + Hash, V: Clone> Remembered<K, V> {
    pub fn new(max: usize) -> Self {
        Self { entries: RwLock::default(), max, changes: AtomicU64::new(0) }
    }

    pub fn get(&self, key: &K) -> Option<V> {
        self.entries.read().get(key).cloned()
    }

    /// Calls `found` for each key with what is known of it, under one lock.
    pub fn get_each<'k>(&self, keys: &'k [K], mut found: impl FnMut(&'k K, Option<&V>)) {
        let entries = self.entries.read();
        keys.iter().for_each(|key| found(key, entries.get(key)));
    }

    /// To be called before the store is read.
    pub fn stand(&self) -> Stand {
        Stand(self.changes.load(Ordering::Acquire))
    }

    /// Keeps what was read since `stand`, unless something has changed meanwhile.
    pub fn keep(&self, stand: Stand, read: impl IntoIterator<Item = (K, V)>) {
        let mut entries = self.entries.write();
        if self.stand().0 != stand.0 {
            return;
        }
        for (key, value) in read {
            if entries.len() >= self.max {
                entries.clear();
            }
            entries.insert(key, value);
        }
    }

    /// To be called after a change was committed.
    pub fn forget(&self, key: &K) {
        let mut entries = self.entries.write();
        self.changes.fetch_add(1, Ordering::AcqRel);
        entries.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let memory = Remembered::new(2);
        let stand = memory.stand();
        memory.keep(stand, [(1, "one")]);
        assert_eq!(memory.get(&1), Some("one"));
        let stale = memory.stand();
        memory.forget(&1);
        memory.keep(stale, [(1, "one")]);
        assert_eq!(memory.get(&1), None);
        memory.keep(memory.stand(), [(1, "uno"), (2, "due"), (3, "tre")]);
        assert_eq!((memory.get(&1), memory.get(&3)), (None, Some("tre")), "full: begun anew");
        let mut found = Vec::new();
        memory.get_each(&[3, 1], |key, value| found.push((*key, value.copied())));
        assert_eq!(found, [(3, Some("tre")), (1, None)]);
    }
}
