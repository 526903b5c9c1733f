//! The one writer of the tables: rows made, stepped, counted, removed, expired, written down.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arc_swap::ArcSwap;

use super::{
    ALL_FIELDS, CHUNK_ROWS, Chunk, EMPTY, FIELDS, Field, FieldView, INDEX_SLOTS_MIN, Index, REMOVED, ROW_BYTES, SLOT_BYTES,
    Tables, View, floats, initial, load, pack, store,
};
use crate::effects::{Information, Lesson};
use crate::math::{D, Vector, ZERO, dot};

/// Keeps the first steps of a row from being as large as later ones are small.
const ACCUMULATOR_FLOOR: f32 = 1e-3;
/// No weight of a row leaves this range.
const WEIGHT_MAX: f32 = 8.0;

/// One row as a snapshot holds it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RowImage {
    pub key: u64,
    pub weights: Vector,
    pub optimiser: u64,
    pub effects: Vector,
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
        let row = self.insert(field, RowImage { key, weights, optimiser: pack(0, now_s), effects: ZERO });
        Some((row, true))
    }

    fn insert(&mut self, field: Field, image: RowImage) -> u32 {
        let writer = &mut self.fields[field as usize];
        let row = writer.free.pop().unwrap_or_else(|| {
            writer.next += 1;
            writer.next - 1
        });
        self.make_room(field, row);
        if let Some(state) = self.view.row(field, row) {
            store(&state.weights, &image.weights);
            store(&state.effects, &image.effects);
            state.optimiser.store(image.optimiser, Ordering::Relaxed);
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
            let key = self.view.row(field, row)?.key.load(Ordering::Relaxed);
            (key != EMPTY).then_some((row, key))
        })
    }

    /// Removes a row and wipes it; false when there was none.
    pub fn remove(&mut self, field: Field, key: u64) -> bool {
        let Some(row) = self.view.find(field, key) else { return false };
        self.view.fields[field as usize].index.remove(key);
        if let Some(state) = self.view.row(field, row) {
            store(&state.weights, &ZERO);
            store(&state.effects, &ZERO);
            state.optimiser.store(0, Ordering::Relaxed);
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
                Some(state) => ((state.optimiser.load(Ordering::Relaxed) >> 32) as u32) < before_s,
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
        let Some(cells) = self.view.row(field, row) else { return false };
        let mut square = dot(gradient, gradient);
        if !square.is_finite() {
            return false;
        }
        let mut held = 1.0;
        if square > norm_max * norm_max {
            held = norm_max / square.sqrt();
            square = norm_max * norm_max;
        }
        let (accumulated, _) = floats(cells.optimiser.load(Ordering::Relaxed));
        let accumulated = accumulated + square * (1.0 / D as f32);
        let scale = held * step / (accumulated + ACCUMULATOR_FLOOR).sqrt();
        let mut weights = load(&cells.weights);
        for i in 0..D {
            weights[i] = (weights[i] - scale * gradient[i]).max(-WEIGHT_MAX).min(WEIGHT_MAX);
        }
        store(&cells.weights, &weights);
        cells.optimiser.store(pack(accumulated.to_bits(), now_s), Ordering::Relaxed);
        true
    }

    /// Teaches a row's effects its share of a lesson.
    #[inline(always)]
    pub fn teach(&self, field: Field, row: u32, share: f32, lesson: &Lesson, information: &Information) {
        let Some(cells) = self.view.row(field, row) else { return };
        store(&cells.effects, &lesson.taught(field, &load(&cells.effects), share, information));
    }

    /// A field's rows by number, for a snapshot; `None` where a row is free. And the free rows in the order of their reuse.
    pub fn images(&self, field: Field) -> (Vec<Option<RowImage>>, &[u32]) {
        let image = |row| {
            let state = self.view.row(field, row)?;
            let key = state.key.load(Ordering::Relaxed);
            (key != EMPTY).then(|| RowImage {
                key,
                weights: load(&state.weights),
                effects: load(&state.effects),
                optimiser: state.optimiser.load(Ordering::Relaxed),
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
