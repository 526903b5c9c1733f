//! The viewer's side of a prediction: computed once, shared by all candidates of the request.

use crate::dense::Dense;
use crate::effects::{Belief, Information, NO_BELIEF};
use crate::features::{CONTENT_DIMS, HISTORY_MAX, HistoryItem, VideoFeatures, ViewerFeatures};
use crate::math::{D, Level, Vector, ZERO, add_scaled, dot, exp, multiversion, sum};
use crate::scale::{Content, Whitener};
use crate::shape::*;
use crate::table::{Field, View};
use crate::taste::{HISTORY_PADDED, Judged, Lanes, Opinion, Tally, Taste};

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

/// The keys that the embedded items' rows are found by.
pub(crate) fn history_keys(history: &[HistoryItem]) -> impl Iterator<Item = (Field, u64)> + '_ {
    history.iter().take(EMBEDDED).map(|item| (Field::Tower, item.video))
}

/// The tower vector of a history item whose video was never learned, from what the item says of it.
fn tower_of(model: &Model<'_>, item: &HistoryItem) -> Vector {
    let vector = |field: Field, key: u64| model.view.vector(field, key, model.view.find(field, key));
    let mut tower = vector(Field::Video, item.video);
    add_scaled(&mut tower, 1.0, &vector(Field::Creator, item.creator));
    let known = || item.hashtags.iter().filter(|key| **key != 0);
    let share = 1.0 / known().count().max(1) as f32;
    known().for_each(|hashtag| add_scaled(&mut tower, share, &vector(Field::Hashtag, *hashtag)));
    add_scaled(&mut tower, 1.0, &project(&model.dense.tower, &model.whitener.apply(&item.content)));
    tower
}

/// The rows of a viewer and of the circumstances.
#[derive(Clone, Copy, Default)]
pub(crate) struct ViewerRows {
    pub viewer: Option<u32>,
    pub habit: Option<u32>,
    pub context: [Option<u32>; CIRCUMSTANCES],
}

impl ViewerRows {
    /// With a way to find a row, or to make it.
    #[inline(always)]
    pub fn with(viewer: &ViewerFeatures, mut find: impl FnMut(Field, u64) -> Option<u32>) -> Self {
        Self {
            viewer: if viewer.viewer == 0 { None } else { find(Field::Viewer, viewer.viewer) },
            habit: habit_key(viewer).and_then(|key| find(Field::Habit, key)),
            context: circumstances(viewer).map(|key| find(Field::Context, key)),
        }
    }
}

/// A history item in the space of the tower.
#[derive(Clone, Copy)]
pub(crate) struct Item {
    pub vector: Vector,
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
    pub rows: ViewerRows,
    /// The viewer's own effects, and those of viewer and circumstances together.
    pub effects: Vector,
    pub habit: Vector,
    pub belief: Belief,
    pub items: [Item; EMBEDDED],
    pub items_len: usize,
}

const NO_ITEM: Item = Item { vector: ZERO, liked: 0.0, disliked: 0.0 };

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

/// The sum of everything, lanes first.
#[inline(always)]
fn total<const N: usize>(v: &[f32; N]) -> f32 {
    let mut lanes = ZERO;
    for block in v.as_chunks::<D>().0 {
        add_scaled(&mut lanes, 1.0, block);
    }
    sum(&lanes)
}

/// One over the length, or zero when that is next to nothing.
#[inline(always)]
fn per_length<const N: usize>(v: &[f32; N]) -> f32 {
    let mut squares = ZERO;
    for block in v.as_chunks::<D>().0 {
        for lane in 0..D {
            squares[lane] += block[lane] * block[lane];
        }
    }
    let square = sum(&squares);
    if square > 1e-6 { 1.0 / square.sqrt() } else { 0.0 }
}

/// The unit vector, or zero when there is next to nothing to scale.
#[inline(always)]
pub(crate) fn unit<const N: usize>(v: &[f32; N]) -> [f32; N] {
    let scale = per_length(v);
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

/// How a candidate is compared with the history.
pub(crate) trait Compare {
    fn judge(&self, video: &VideoFeatures) -> Judged;
    /// Cosines of the embedded items' tower vectors with one of length one.
    fn towers(&self, unit: &Vector) -> [f32; EMBEDDED_PADDED];
    /// Cosines of the items' contents with one of length one.
    fn contents(&self, unit: &Content) -> Lanes;
}

/// For one candidate: item by item, nothing prepared.
pub(crate) struct ItemByItem<'a> {
    pub side: &'a ViewerSide,
    pub history: &'a [HistoryItem],
    pub whitener: &'a Whitener,
}

impl Compare for ItemByItem<'_> {
    #[inline(always)]
    fn judge(&self, video: &VideoFeatures) -> Judged {
        self.side.taste.judge(self.history, video)
    }

    #[inline(always)]
    fn towers(&self, candidate: &Vector) -> [f32; EMBEDDED_PADDED] {
        let mut out = [0.0; EMBEDDED_PADDED];
        for (out, item) in out.iter_mut().zip(&self.side.items[..self.side.items_len]) {
            *out = dot(&unit(&item.vector), candidate);
        }
        out
    }

    #[inline(always)]
    fn contents(&self, candidate: &Content) -> Lanes {
        let mut out = [0.0; HISTORY_PADDED];
        for (out, item) in out.iter_mut().zip(&self.history[..self.side.taste.len]) {
            let mut product = self.whitener.apply(&item.content);
            let scale = per_length(&product);
            for (x, y) in product.iter_mut().zip(candidate) {
                *x *= y;
            }
            *out = scale * total(&product);
        }
        out
    }
}

/// For many candidates: the items' tower vectors and contents, each of length one, a column per item. Likeness is then a sum of scaled
/// rows, which vectors do well.
pub(crate) struct Columns<'a> {
    side: &'a ViewerSide,
    tally: Tally,
    towers: [[f32; EMBEDDED_PADDED]; D],
    contents: [Lanes; CONTENT_DIMS],
}

impl<'a> Columns<'a> {
    pub fn of(side: &'a ViewerSide, history: &[HistoryItem], whitener: &Whitener) -> Self {
        let mut towers = [[0.0; EMBEDDED_PADDED]; D];
        for (at, item) in side.items[..side.items_len].iter().enumerate() {
            for (column, x) in towers.iter_mut().zip(unit(&item.vector)) {
                column[at] = x;
            }
        }
        let mut contents = [[0.0; HISTORY_PADDED]; CONTENT_DIMS];
        for (at, item) in history[..side.taste.len].iter().enumerate() {
            for (column, x) in contents.iter_mut().zip(unit(&whitener.apply(&item.content))) {
                column[at] = x;
            }
        }
        Self { side, tally: Tally::of(&side.taste, history), towers, contents }
    }
}

impl Compare for Columns<'_> {
    #[inline(always)]
    fn judge(&self, video: &VideoFeatures) -> Judged {
        self.tally.judge(&self.side.taste, video)
    }

    #[inline(always)]
    fn towers(&self, unit: &Vector) -> [f32; EMBEDDED_PADDED] {
        likeness(&self.towers, unit)
    }

    #[inline(always)]
    fn contents(&self, unit: &Content) -> Lanes {
        likeness(&self.contents, unit)
    }
}

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

impl ViewerSide {
    /// Nobody's.
    pub fn empty() -> Self {
        Self {
            taste: Taste::NONE,
            vectors: [ZERO; VIEWER_VECTORS],
            tower: ZERO,
            layer: [0.0; HIDDEN_1],
            rows: ViewerRows::default(),
            effects: ZERO,
            habit: ZERO,
            belief: NO_BELIEF,
            items: [NO_ITEM; EMBEDDED],
            items_len: 0,
        }
    }

    pub fn of(model: &Model<'_>, now_ms: i64, viewer: &ViewerFeatures) -> Self {
        let mut side = Self::empty();
        // Slots are asked for before rows are, so that their ways through the memory overlap.
        history_keys(&viewer.history).for_each(|(field, key)| model.view.hint_slot(field, key));
        let rows = ViewerRows::with(viewer, |field, key| model.view.find(field, key));
        history_keys(&viewer.history).for_each(|(field, key)| model.view.hint_row(field, key));
        side.take(model, now_ms, viewer, rows);
        side
    }

    /// Becomes this viewer's, now.
    #[inline]
    pub fn take(&mut self, model: &Model<'_>, now_ms: i64, viewer: &ViewerFeatures, rows: ViewerRows) {
        build(model.level, self, model, now_ms, viewer, &rows);
    }

    /// The viewer's mean outcome on what is like the candidate: a kernel mean over the history's content.
    #[inline(always)]
    pub fn content_opinion(&self, likeness: &Lanes) -> Opinion {
        let (mass, total, _) = self.kernel(likeness, self.taste.len);
        self.taste.opinion(mass, total, KERNEL_KAPPA)
    }

    /// The same by learned vectors, and the history's vectors under these weights: attention whose keys and values are the
    /// tower's vectors, whose weights are likeness times recency, and whose values carry the outcome's sign.
    #[inline(always)]
    pub fn attention(&self, likeness: &[f32; EMBEDDED_PADDED]) -> (Opinion, Vector) {
        let (mass, total, weights) = self.kernel(likeness, self.items_len);
        let mut attended = ZERO;
        for ((item, weight), valence) in self.items[..self.items_len].iter().zip(&weights).zip(&self.taste.valence) {
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
    pub fn nearest_liked(&self, likeness: &[f32; EMBEDDED_PADDED]) -> Option<(usize, f32)> {
        let liked = (0..self.items_len).filter(|at| self.taste.valence[*at] > 0.0);
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
    fn build(level, side: &mut ViewerSide, model: &Model<'_>, now_ms: i64, viewer: &ViewerFeatures, rows: &ViewerRows) -> () {
        let (view, dense) = (model.view, model.dense);
        let history = &viewer.history[..viewer.history.len().min(HISTORY_MAX)];
        side.taste.weigh(now_ms, history);
        side.rows = *rows;

        let own = if viewer.viewer == 0 { ZERO } else { view.vector(Field::Viewer, viewer.viewer, rows.viewer) };
        let mut context = ZERO;
        for (key, row) in circumstances(viewer).into_iter().zip(&rows.context) {
            add_scaled(&mut context, 1.0, &view.vector(Field::Context, key, *row));
        }

        side.items_len = history.len().min(EMBEDDED);
        for (item, seen) in side.items.iter_mut().zip(history) {
            let row = view.find(Field::Tower, seen.video);
            item.vector = if row.is_some() { view.vector(Field::Tower, seen.video, row) } else { tower_of(model, seen) };
        }
        let (liked, disliked) = pool(&side.taste, &mut side.items[..side.items_len]);
        side.vectors = [own, context, liked, disliked];

        let mut tower = dense.appeal[0];
        add_scaled(&mut tower, 1.0, &own);
        for lane in 0..D {
            add_scaled(&mut tower, context[lane], &dense.from_context[lane]);
            add_scaled(&mut tower, liked[lane], &dense.from_liked[lane]);
            add_scaled(&mut tower, disliked[lane], &dense.from_disliked[lane]);
        }
        side.tower = tower;

        let mut layer = dense.first_bias[0];
        for (x, row) in side.vectors.as_flattened().iter().zip(&dense.first[..CANDIDATE_START]) {
            for j in 0..HIDDEN_1 {
                layer[j] += x * row[j];
            }
        }
        side.layer = layer;
        side.belief = NO_BELIEF;
        for row in &rows.context {
            side.belief.add(view, model.information, Field::Context, *row, 1.0);
        }
        side.effects = side.belief.add(view, model.information, Field::Viewer, rows.viewer, 1.0);
        side.habit =
            if viewer.viewer == 0 { ZERO } else { side.belief.add(view, model.information, Field::Habit, rows.habit, 1.0) };
    }
}
