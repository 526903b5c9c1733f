//! The one writer of the tables: rows made, stepped, counted, removed, expired.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::admission::{Sightings, SightingsImage};
use super::index::{self, Index, ROWS_MAX};
use super::rows::place;
use super::{ALL_FIELDS, Chunk, FIELDS, Field, FieldView, KEYS_END, Precision, SLOT_BYTES, Tables, View};
use crate::config::Config;
use crate::metrics::RowCounts;

/// Slots of the index before that are gone through per new row: the new index, at least as large, is filled from it long before it is
/// full itself.
const MOVED_PER_ROW: usize = 16;
/// How far ahead slots are asked for when an index is made anew.
const SLOTS_AHEAD: u32 = 24;
const DAY_S: u64 = 24 * 3_600;

#[derive(Clone, Debug, Default)]
pub(super) struct FieldWriter {
    /// Rows that are free, the next to be used last.
    pub free: Vec<u32>,
    /// The least that `free` was long since the last snapshot: so much of it did not change.
    pub free_kept: usize,
    /// Rows ever used; the next new one has this number.
    pub next: u32,
    /// Slots of the index that are not empty, removed ones included.
    slots_used: usize,
    /// Slots of the index before that have been gone through.
    moved: usize,
}

impl FieldWriter {
    fn live(&self) -> usize {
        (self.next as usize).saturating_sub(self.free.len())
    }
}

/// The one writer.
pub(crate) struct TablesWriter {
    shared: Arc<Tables>,
    pub(super) view: Arc<View>,
    pub(super) fields: [FieldWriter; FIELDS],
    sightings: Sightings,
    sightings_needed: [u8; FIELDS],
    idle_days: [u32; FIELDS],
    rows_expected: [u32; FIELDS],
    rows: u64,
    rows_max: u64,
    pub counts: RowCounts,
}

impl TablesWriter {
    pub fn new(config: &Config) -> Self {
        let rows_expected = config.rows_expected.all();
        let mut sightings_needed = config.sightings.all();
        // Its video has a row already.
        sightings_needed[Field::Tower as usize] = 1;
        let field = |at: usize| {
            let index = Arc::new(Index::for_rows(rows_expected[at] as usize));
            Arc::new(FieldView { index, older: None, chunks: Vec::new() })
        };
        let fields = std::array::from_fn(field);
        let view = Arc::new(View { seed: config.seed, precision: config.precision, fields });
        let shared = Arc::new(Tables { view: ArcSwap::new(view.clone()) });
        Self {
            shared,
            view,
            fields: std::array::from_fn(|_| FieldWriter::default()),
            sightings: Sightings::new(config.sketch_bytes, config.sightings_window_s),
            sightings_needed,
            idle_days: config.idle_days.all(),
            rows_expected,
            rows: 0,
            rows_max: config.rows_max,
            counts: RowCounts::default(),
        }
    }

    pub fn shared(&self) -> Arc<Tables> {
        self.shared.clone()
    }

    /// The newest view; the writer's own, so it costs nothing.
    pub fn view(&self) -> &View {
        &self.view
    }

    pub fn precision(&self) -> Precision {
        self.view.precision
    }

    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes that rows, indexes and the admission filter hold now. Places in a chunk that no row ever had are not counted: nothing was
    /// written there, so they take no memory but the rest of a page.
    pub fn bytes(&self) -> u64 {
        let row_bytes = self.precision().row_bytes();
        let field = |(view, writer): (&Arc<FieldView>, &FieldWriter)| {
            let slots = view.index.slots() + view.older.as_ref().map_or(0, |older| older.slots());
            writer.next as usize * row_bytes + writer.next as usize / 8 + slots * SLOT_BYTES
        };
        (self.view.fields.iter().zip(&self.fields).map(field).sum::<usize>() + self.sightings.bytes()) as u64
    }

    pub fn sightings_image(&self) -> SightingsImage {
        self.sightings.image()
    }

    /// False when it is not one.
    pub fn restore_sightings(&mut self, image: SightingsImage) -> bool {
        self.sightings.restore(image)
    }

    fn swap(&mut self, field: Field, changed: FieldView) {
        let mut view = View::clone(&self.view);
        view.fields[field as usize] = Arc::new(changed);
        self.view = Arc::new(view);
        self.shared.view.store(self.view.clone());
    }

    /// The row of `key`, made when it is new and was sighted often enough; `None` when it was not, or the tables are full. True when it
    /// was made. A call for a key without a row is a sighting.
    pub fn find_or_insert(&mut self, field: Field, key: u64, now_s: u32) -> Option<(u32, bool)> {
        if let Some(row) = self.view.find(field, key) {
            return Some((row, false));
        }
        let needed = self.sightings_needed[field as usize];
        if needed > 1 && self.sightings.sight(field, key, now_s) < needed {
            self.counts.waiting += 1;
            return None;
        }
        if key >= KEYS_END || self.rows >= self.rows_max || self.fields[field as usize].live() >= ROWS_MAX as usize {
            self.counts.refused += 1;
            return None;
        }
        self.counts.admitted += 1;
        Some((self.insert(field, key, now_s), true))
    }

    fn insert(&mut self, field: Field, key: u64, now_s: u32) -> u32 {
        let writer = &mut self.fields[field as usize];
        let row = writer.free.pop().unwrap_or_else(|| {
            writer.next += 1;
            writer.next - 1
        });
        writer.free_kept = writer.free_kept.min(writer.free.len());
        self.make_room(field, row);
        let view = &self.view.fields[field as usize];
        if let Some(cells) = view.row(row, self.view.precision) {
            cells.begin(key, now_s, &self.view.initial(field, key));
        }
        view.touch(row);
        if view.index.insert(index::hash(key), row) {
            self.fields[field as usize].slots_used += 1;
        }
        self.rows += 1;
        row
    }

    /// A chunk for `row` and an index slot for one more key.
    fn make_room(&mut self, field: Field, row: u32) {
        self.move_slots(field, MOVED_PER_ROW);
        let full = self.view.fields[field as usize].index.is_full(self.fields[field as usize].slots_used);
        if full {
            // As good as never needed: see `MOVED_PER_ROW`.
            self.move_slots(field, usize::MAX);
        }
        let view = &self.view.fields[field as usize];
        let (chunk, _) = place(row);
        if full || chunk >= view.chunks.len() {
            let mut changed = FieldView::clone(view);
            while chunk >= changed.chunks.len() {
                changed.chunks.push(Arc::new(Chunk::new(self.view.precision)));
            }
            if full {
                let writer = &mut self.fields[field as usize];
                (writer.slots_used, writer.moved) = (0, 0);
                // Twice as large; as large when half of it was removed keys.
                let rows = (writer.live() * 3 / 2).max(self.rows_expected[field as usize] as usize);
                changed.older = Some(std::mem::replace(&mut changed.index, Arc::new(Index::for_rows(rows))));
            }
            self.swap(field, changed);
        }
    }

    /// Moves the next so many slots of the index before into the present one; it goes when it has been gone through.
    fn move_slots(&mut self, field: Field, slots_max: usize) {
        let view = &self.view.fields[field as usize];
        let Some(older) = &view.older else { return };
        let writer = &mut self.fields[field as usize];
        let end = writer.moved.saturating_add(slots_max).min(older.slots());
        for row in (writer.moved..end).filter_map(|slot| older.row_at(slot)) {
            let key = view.row(row, self.view.precision).and_then(|row| row.key());
            if let Some(key) = key
                && view.index.insert(index::hash(key), row)
            {
                writer.slots_used += 1;
            }
        }
        writer.moved = end;
        if end == older.slots() {
            let changed = FieldView { older: None, ..FieldView::clone(view) };
            self.swap(field, changed);
        }
    }

    /// Removes a row and wipes it; false when there was none.
    pub fn remove(&mut self, field: Field, key: u64) -> bool {
        let view = &self.view.fields[field as usize];
        let Some(row) = view.find(key, self.view.precision) else { return false };
        let hash = index::hash(key);
        view.index.remove(hash, row);
        if let Some(older) = &view.older {
            older.remove(hash, row);
        }
        if let Some(cells) = view.row(row, self.view.precision) {
            cells.wipe();
        }
        view.touch(row);
        self.fields[field as usize].free.push(row);
        self.rows -= 1;
        true
    }

    /// Removes at most `rows_max` rows that nobody met for their field's idle days; context rows stay.
    pub fn expire(&mut self, now_s: u32, idle_days: u32, rows_max: usize) -> usize {
        let mut removed = 0;
        for field in ALL_FIELDS.into_iter().filter(|f| *f != Field::Context) {
            let own = self.idle_days[field as usize];
            let days = if own > 0 { own } else { idle_days };
            let before_s = u64::from(now_s).saturating_sub(u64::from(days) * DAY_S);
            let view = &self.view.fields[field as usize];
            let stale = |row: u32| {
                let row = view.row(row, self.view.precision)?;
                if u64::from(row.optimiser().1) < before_s { row.key() } else { None }
            };
            let rows = 0..self.fields[field as usize].next;
            let keys: Vec<u64> = rows.filter_map(stale).take(rows_max - removed).collect();
            removed += keys.into_iter().filter(|key| self.remove(field, *key)).count();
        }
        self.counts.expired += removed as u64;
        removed
    }

    /// A chunk for each row below `rows`; the index does not change.
    pub(super) fn make_chunks(&mut self, field: Field, rows: u32) {
        let view = &self.view.fields[field as usize];
        let chunks = rows.checked_sub(1).map_or(0, |last| place(last).0 + 1);
        if chunks > view.chunks.len() {
            let mut changed = FieldView::clone(view);
            changed.chunks.resize_with(chunks, || Arc::new(Chunk::new(self.view.precision)));
            self.swap(field, changed);
        }
    }

    /// Makes the indexes anew from the rows. False when two rows have one key or the free rows are not those that are free.
    pub(super) fn index_all(&mut self) -> bool {
        self.rows = 0;
        for field in ALL_FIELDS {
            let view = &self.view.fields[field as usize];
            let writer = &self.fields[field as usize];
            let is_free = |row: &u32| *row < writer.next && self.view.row(field, *row).is_some_and(|row| row.tag() == 0);
            let live = writer.live();
            if writer.free.len() > writer.next as usize || !writer.free.iter().all(is_free) {
                return false;
            }
            let index = Index::for_rows(live.max(self.rows_expected[field as usize] as usize));
            let mut found = 0;
            let key_of = |row: u32| self.view.row(field, row).and_then(|row| row.key());
            for row in 0..writer.next {
                // Its slot is far from the one before: asked for ahead, it is there when it is needed.
                if let Some(key) = key_of(row.saturating_add(SLOTS_AHEAD)) {
                    index.hint(index::hash(key));
                }
                let Some(key) = key_of(row) else { continue };
                let hash = index::hash(key);
                found += 1;
                if found > live || key >= KEYS_END || index.find(hash, |row| key_of(row) == Some(key)).is_some() {
                    return false;
                }
                index.insert(hash, row);
            }
            // Each free row once: as many rows are not in use as stand in the list.
            if found != live {
                return false;
            }
            let changed = FieldView { index: Arc::new(index), older: None, chunks: view.chunks.clone() };
            let writer = &mut self.fields[field as usize];
            (writer.slots_used, writer.moved) = (live, 0);
            self.rows += live as u64;
            self.swap(field, changed);
        }
        true
    }
}
