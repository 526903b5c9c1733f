//! The viewer's side of a prediction: computed once, shared by all candidates of the request.

use crate::dense::Dense;
use crate::effects::{Belief, Information, NO_BELIEF};
use crate::features::{CONTENT_DIMS, HISTORY_HASHTAGS, HISTORY_MAX, HistoryItem, ViewerFeatures};
use crate::math::{D, Level, Vector, ZERO, add_scaled, exp, multiversion, sum};
use crate::scale::{Content, Whitener};
use crate::shape::*;
use crate::table::{Field, View};
use crate::taste::{HISTORY_PADDED, Opinion, Taste};

/// How steeply likeness (a cosine) turns into weight: a kernel `e^(SHARPNESS (cos - 1))`.
const SHARPNESS: f32 = 4.0;
/// Prior of the kernel means, in items that are just like the candidate.
const KERNEL_KAPPA: f32 = 0.25;
/// Circumstances with a row each.
pub(crate) const CIRCUMSTANCES: usize = 7;

/// What all predictions of one moment read: the rows and the dense weights.
#[derive(Clone, Copy)]
pub(crate) struct Model<'a> {
    pub view: &'a View,
    pub dense: &'a Dense,
    pub whitener: &'a Whitener,
    pub information: &'a Information,
    pub level: Level,
}

/// The rows that a history item's vector is read from.
#[derive(Clone, Copy, Default)]
pub(crate) struct ItemRows {
    pub video: Option<u32>,
    pub creator: Option<u32>,
    hashtags: [Option<u32>; HISTORY_HASHTAGS],
}

/// Asks the memory for the index slots that [`locate_history`] will read.
fn hint_history(view: &View, history: &[HistoryItem]) {
    for seen in history.iter().take(EMBEDDED) {
        view.hint_slot(Field::Video, seen.video);
        view.hint_slot(Field::Creator, seen.creator);
        seen.hashtags.iter().filter(|key| **key != 0).for_each(|key| view.hint_slot(Field::Hashtag, *key));
    }
}

/// Looks up the rows of the embedded items and asks the memory for them.
fn locate_history(view: &View, history: &[HistoryItem]) -> [ItemRows; EMBEDDED] {
    let mut located = [ItemRows::default(); EMBEDDED];
    for (rows, seen) in located.iter_mut().zip(history) {
        rows.video = view.locate(Field::Video, seen.video);
        rows.creator = view.locate(Field::Creator, seen.creator);
        for (row, hashtag) in rows.hashtags.iter_mut().zip(&seen.hashtags).filter(|(_, key)| **key != 0) {
            *row = view.locate(Field::Hashtag, *hashtag);
        }
    }
    located
}

/// A history item in the space of the tower.
#[derive(Clone, Copy)]
pub(crate) struct Item {
    pub vector: Vector,
    pub rows: ItemRows,
    /// How much of the liked and of the disliked vector it makes up.
    pub liked: f32,
    pub disliked: f32,
}

pub(crate) struct ViewerSide {
    pub taste: Taste,
    /// Self, circumstances, liked, disliked.
    pub vectors: [Vector; VIEWER_VECTORS],
    /// The retrieval vector.
    pub tower: Vector,
    /// The first layer's sums over the viewer's inputs, bias included.
    pub layer: [f32; HIDDEN_1],
    pub viewer_row: Option<u32>,
    /// The viewer's own effects, and those of viewer and circumstances together.
    pub effects: Vector,
    pub habit_row: Option<u32>,
    pub habit: Vector,
    pub belief: Belief,
    pub context_rows: [Option<u32>; CIRCUMSTANCES],
    pub items: [Item; EMBEDDED],
    pub items_len: usize,
    /// The items' tower vectors and contents, each of length one, a column per item: likeness to a candidate is then a sum of
    /// scaled rows, which vectors do well.
    units: [[f32; EMBEDDED_PADDED]; D],
    contents: [[f32; HISTORY_PADDED]; CONTENT_DIMS],
}

const NO_ITEM: Item = Item {
    vector: ZERO,
    rows: ItemRows { video: None, creator: None, hashtags: [None; HISTORY_HASHTAGS] },
    liked: 0.0,
    disliked: 0.0,
};

/// The product of `unit` with each column.
#[inline(always)]
fn likeness<const N: usize, const P: usize>(columns: &[[f32; P]; N], unit: &[f32; N]) -> [f32; P] {
    let mut out = [0.0; P];
    for (x, row) in unit.iter().zip(columns) {
        for at in 0..P {
            out[at] += x * row[at];
        }
    }
    out
}

/// The keys of the circumstances' rows; buckets of the candidate's form use kinds from 16 up.
pub(crate) fn circumstances(viewer: &ViewerFeatures) -> [u64; CIRCUMSTANCES] {
    let key = |kind: u64, value: u8| (kind << 8) | u64::from(value);
    // Pages deep into a sitting are alike.
    let depth = viewer.depth.min(15);
    [
        // Everybody, always: the base rate.
        key(0, 0),
        key(1, viewer.hour),
        key(2, viewer.weekday),
        key(3, viewer.device),
        key(4, viewer.language),
        key(5, viewer.tab),
        key(6, depth),
    ]
}

/// The key of what this viewer does on this tab.
pub(crate) fn habit_key(viewer: &ViewerFeatures) -> Option<u64> {
    (viewer.viewer != 0).then(|| crate::math::mix(viewer.viewer ^ (u64::from(viewer.tab) << 56)) >> 1)
}

/// The unit vector, or zero when there is next to nothing to scale.
#[inline(always)]
pub(crate) fn unit<const N: usize>(v: &[f32; N]) -> [f32; N] {
    let mut squares = ZERO;
    for block in v.as_chunks::<D>().0 {
        for lane in 0..D {
            squares[lane] += block[lane] * block[lane];
        }
    }
    let square = sum(&squares);
    let scale = if square > 1e-6 { 1.0 / square.sqrt() } else { 0.0 };
    let mut out = *v;
    for x in &mut out {
        *x *= scale;
    }
    out
}

/// What content adds to a tower vector.
#[inline(always)]
pub(crate) fn project(weights: &[Vector; CONTENT_DIMS], content: &Content) -> Vector {
    // Four chains of additions, so that none waits for the one before.
    let mut parts = [ZERO; 4];
    for (rows, xs) in weights.as_chunks::<4>().0.iter().zip(content.as_chunks::<4>().0) {
        for part in 0..4 {
            add_scaled(&mut parts[part], xs[part], &rows[part]);
        }
    }
    let mut out = ZERO;
    for lane in 0..D {
        out[lane] = (parts[0][lane] + parts[1][lane]) + (parts[2][lane] + parts[3][lane]);
    }
    out
}

impl ViewerSide {
    #[inline]
    pub fn of(model: &Model<'_>, now_ms: i64, viewer: &ViewerFeatures) -> Self {
        build(model.level, model, now_ms, viewer)
    }

    /// The viewer's mean outcome on what is like the candidate: a kernel mean over the history's content.
    #[inline(always)]
    pub fn content_opinion(&self, unit: &Content) -> Opinion {
        let (mass, total, _) = self.kernel(&likeness(&self.contents, unit), self.taste.len);
        self.taste.opinion(mass, total, KERNEL_KAPPA)
    }

    /// The same by learned vectors, and the history's vectors under these weights: attention whose keys and values are the
    /// tower's vectors, whose weights are likeness times recency, and whose values carry the outcome's sign.
    #[inline(always)]
    pub fn attention(&self, unit: &Vector) -> (Opinion, Vector) {
        let (mass, total, weights) = self.kernel(&likeness(&self.units, unit), self.items_len);
        let mut attended = ZERO;
        for ((item, weight), valence) in self.items.iter().zip(&weights).zip(&self.taste.valence) {
            add_scaled(&mut attended, weight * valence, &item.vector);
        }
        let scale = 1.0 / (mass + KERNEL_KAPPA);
        for x in &mut attended {
            *x *= scale;
        }
        (self.taste.opinion(mass, total, KERNEL_KAPPA), attended)
    }

    /// Kernel weights of the first `len` items, their sum, and the sum of weights times valences.
    #[inline(always)]
    fn kernel<const P: usize>(&self, likeness: &[f32; P], len: usize) -> (f32, f32, [f32; P]) {
        let (mut mass, mut total, mut weights) = (ZERO, ZERO, [0.0f32; P]);
        let lanes = likeness.as_chunks::<D>().0.iter().zip(self.taste.weight.as_chunks::<D>().0);
        let lanes = lanes.zip(self.taste.valence.as_chunks::<D>().0).zip(weights.as_chunks_mut::<D>().0);
        for (block, (((likeness, weight), valence), out)) in lanes.take(len.div_ceil(D)).enumerate() {
            for lane in 0..D {
                let w = weight[lane] * exp(SHARPNESS * (likeness[lane] - 1.0));
                // Items beyond those asked for do not weigh in.
                let w = if block * D + lane < len { w } else { 0.0 };
                out[lane] = w;
                mass[lane] += w;
                total[lane] += w * valence[lane];
            }
        }
        (sum(&mass), sum(&total), weights)
    }

    /// The embedded item whose vector is most like the candidate's and that was liked, with its likeness.
    pub fn nearest_liked(&self, unit: &Vector) -> Option<(usize, f32)> {
        let liked = (0..self.items_len).filter(|at| self.taste.valence[*at] > 0.0);
        let likeness = likeness(&self.units, unit);
        liked.map(|at| (at, likeness[at])).max_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// Takes the liked and disliked shares, the pooled vectors and the first layer from the items' vectors.
#[inline(always)]
fn pool(taste: &Taste, items: &mut [Item]) -> (Vector, Vector) {
    let (mut liked_mass, mut disliked_mass) = (1.0, 1.0);
    for (at, item) in items.iter_mut().enumerate() {
        let signed = taste.weight[at] * taste.valence[at];
        item.liked = signed.max(0.0);
        item.disliked = (-signed).max(0.0);
        liked_mass += item.liked;
        disliked_mass += item.disliked;
    }
    let (mut liked, mut disliked) = (ZERO, ZERO);
    for item in items {
        item.liked /= liked_mass;
        item.disliked /= disliked_mass;
        add_scaled(&mut liked, item.liked, &item.vector);
        add_scaled(&mut disliked, item.disliked, &item.vector);
    }
    (liked, disliked)
}

multiversion! {
    fn build(level, model: &Model<'_>, now_ms: i64, viewer: &ViewerFeatures) -> ViewerSide {
        let (view, dense) = (model.view, model.dense);
        let history = &viewer.history[..viewer.history.len().min(HISTORY_MAX)];
        let taste = Taste::of(now_ms, history);

        let viewer_row = if viewer.viewer == 0 { None } else { view.find(Field::Viewer, viewer.viewer) };
        let own = if viewer.viewer == 0 { ZERO } else { view.vector(Field::Viewer, viewer.viewer, viewer_row) };
        let (mut context, mut context_rows) = (ZERO, [None; CIRCUMSTANCES]);
        for (key, row) in circumstances(viewer).into_iter().zip(&mut context_rows) {
            *row = view.find(Field::Context, key);
            add_scaled(&mut context, 1.0, &view.vector(Field::Context, key, *row));
        }

        // Slots are asked for, then rows looked up and asked for, then read, so that their ways through the memory overlap.
        hint_history(view, history);
        let (mut items, items_len) = ([NO_ITEM; EMBEDDED], history.len().min(EMBEDDED));
        for (item, rows) in items.iter_mut().zip(locate_history(view, history)) {
            item.rows = rows;
        }
        let mut contents = [[0.0; HISTORY_PADDED]; CONTENT_DIMS];
        let mut units = [[0.0; EMBEDDED_PADDED]; D];
        for (at, seen) in history.iter().enumerate() {
            let content = model.whitener.apply(&seen.content);
            for (column, x) in contents.iter_mut().zip(unit(&content)) {
                column[at] = x;
            }
            if let Some(item) = items.get_mut(at) {
                let mut vector = view.vector(Field::Video, seen.video, item.rows.video);
                add_scaled(&mut vector, 1.0, &view.vector(Field::Creator, seen.creator, item.rows.creator));
                let (mut hashtags, mut n) = (ZERO, 0.0);
                for (row, hashtag) in item.rows.hashtags.iter().zip(&seen.hashtags).filter(|(_, key)| **key != 0) {
                    add_scaled(&mut hashtags, 1.0, &view.vector(Field::Hashtag, *hashtag, *row));
                    n += 1.0;
                }
                if n > 0.0 {
                    add_scaled(&mut vector, 1.0 / n, &hashtags);
                }
                add_scaled(&mut vector, 1.0, &project(&dense.tower, &content));
                for (column, x) in units.iter_mut().zip(unit(&vector)) {
                    column[at] = x;
                }
                item.vector = vector;
            }
        }
        let (liked, disliked) = pool(&taste, &mut items[..items_len]);
        let vectors = [own, context, liked, disliked];

        let mut tower = dense.appeal[0];
        add_scaled(&mut tower, 1.0, &own);
        for lane in 0..D {
            add_scaled(&mut tower, context[lane], &dense.from_context[lane]);
            add_scaled(&mut tower, liked[lane], &dense.from_liked[lane]);
            add_scaled(&mut tower, disliked[lane], &dense.from_disliked[lane]);
        }

        let mut layer = dense.first_bias[0];
        for (x, row) in vectors.as_flattened().iter().zip(&dense.first[..CANDIDATE_START]) {
            for j in 0..HIDDEN_1 {
                layer[j] += x * row[j];
            }
        }
        let mut belief = NO_BELIEF;
        for row in &context_rows {
            belief.add(view, model.information, Field::Context, *row, 1.0);
        }
        let effects = belief.add(view, model.information, Field::Viewer, viewer_row, 1.0);
        let habit_row = habit_key(viewer).and_then(|key| view.find(Field::Habit, key));
        let habit = if viewer.viewer == 0 { ZERO } else { belief.add(view, model.information, Field::Habit, habit_row, 1.0) };
        ViewerSide { taste, vectors, tower, layer, viewer_row, effects, habit_row, habit, belief, context_rows, items, items_len, units, contents }
    }
}
