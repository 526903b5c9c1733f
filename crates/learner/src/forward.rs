//! The candidates' side: gather a clip's inputs, then the net, a block of candidates at a time.

use crate::dense::Dense;
use crate::effects::{Belief, NO_BELIEF, evidence};
use crate::features::{ContentCode, HASHTAGS_MAX, VideoFeatures, WORDS_MAX};
use crate::math::{D, Vector, ZERO, add_scaled, dot, log2_linear, multiversion, scaled};
use crate::rivals::ORDERED;
use crate::scale::Content;
use crate::shape::*;
use crate::side::{Columns, Compare, ItemByItem, Model, ViewerSide, project, unit};
use crate::table::{Field, View};
use crate::task::Task;
use crate::taste::Judged;

/// Candidates that go through the net together.
pub(crate) const BLOCK: usize = 4;

/// The rows that a candidate's vectors were read from.
#[derive(Clone, Copy, Default)]
pub(crate) struct CandidateRows {
    pub video: Option<u32>,
    /// Where its tower is kept: learning's alone.
    pub tower: Option<u32>,
    pub creator: Option<u32>,
    pub sound: Option<u32>,
    pub hashtags: [Option<u32>; HASHTAGS_MAX],
    pub words: [Option<u32>; WORDS_MAX],
    pub duration: Option<u32>,
    pub age: Option<u32>,
    /// Of having seen it before; the inner is the row, when there is one.
    pub seen: Option<Option<u32>>,
}

/// One candidate, gathered.
#[derive(Clone, Copy)]
pub(crate) struct Candidate {
    pub vectors: [Vector; CANDIDATE_FIELDS],
    /// The retrieval vector.
    pub tower: Vector,
    pub content: Content,
    /// Product of the two towers, bias included.
    pub retrieval_logit: f32,
    /// In the effects of everything in the impression.
    pub belief: Belief,
}

/// What the net made of a block.
pub(crate) struct Activations<const B: usize> {
    pub hidden_1: [[f32; HIDDEN_1]; B],
    pub hidden_2: [[f32; HIDDEN_2]; B],
    pub logits: [Vector; B],
}

/// The context key of the clip's length: half octaves of seconds.
pub(crate) fn duration_key(duration_ms: u32) -> u64 {
    (16 << 8) | ((log2_linear(1.0 + duration_ms as f32 / 1_000.0) * 2.0) as u64).min(30)
}

/// The context key of the clip's age: octaves of minutes.
pub(crate) fn age_key(age_ms: i64) -> u64 {
    (17 << 8) | (log2_linear(1.0 + age_ms.max(0) as f32 / 60_000.0) as u64).min(30)
}

/// An id's effect on watching, as an input: about -1 to 1.
#[inline(always)]
fn watch_effect(effects: &Vector) -> f32 {
    let of = |task: Task| effects[task.index()];
    (0.25 * (of(Task::Finish) + of(Task::LongView) + of(Task::WatchTime) - of(Task::Skip))).max(-1.5).min(1.5)
}

#[inline(always)]
fn like_effect(effects: &Vector) -> f32 {
    (0.5 * effects[Task::Like.index()]).max(-1.5).min(1.5)
}

impl CandidateRows {
    /// The rows whose effects count, and the share of each.
    #[inline(always)]
    pub fn each_effect(&self, video: &VideoFeatures, mut each: impl FnMut(Field, Option<u32>, f32)) {
        each(Field::Video, self.video, 1.0);
        each(Field::Creator, self.creator, 1.0);
        if video.sound != 0 {
            each(Field::Sound, self.sound, 1.0);
        }
        let share = 1.0 / video.hashtags.len().clamp(1, HASHTAGS_MAX) as f32;
        self.hashtags.iter().take(video.hashtags.len()).for_each(|row| each(Field::Hashtag, *row, share));
        each(Field::Context, self.duration, 1.0);
        each(Field::Context, self.age, 1.0);
        if let Some(row) = self.seen {
            each(Field::Context, row, 1.0);
        }
    }

    /// The keys of a video's own rows.
    pub fn keys(video: &VideoFeatures) -> impl Iterator<Item = (Field, u64)> + '_ {
        let hashtags = video.hashtags.iter().take(HASHTAGS_MAX).map(|key| (Field::Hashtag, *key));
        let words = video.words.iter().take(WORDS_MAX).map(|key| (Field::Word, *key));
        let ids = [(Field::Video, video.video), (Field::Creator, video.creator), (Field::Sound, video.sound)];
        ids.into_iter().chain(hashtags).chain(words)
    }

    /// Looks up every row of a candidate and asks the memory for it.
    pub fn locate(view: &View, side: &ViewerSide, video: &VideoFeatures, now_ms: i64) -> Self {
        let mut rows = Self::of_video(view, video, now_ms);
        rows.seen = side.taste.seen_key(video.video).map(|key| view.locate(Field::Context, key));
        rows
    }

    /// The rows of a video that nobody in particular looks at.
    fn of_video(view: &View, video: &VideoFeatures, now_ms: i64) -> Self {
        let mut rows = Self {
            video: view.locate(Field::Video, video.video),
            creator: view.locate(Field::Creator, video.creator),
            sound: if video.sound == 0 { None } else { view.locate(Field::Sound, video.sound) },
            duration: view.locate(Field::Context, duration_key(video.duration_ms)),
            age: view.locate(Field::Context, age_key(age_ms(now_ms, video))),
            ..Self::default()
        };
        for (row, key) in rows.hashtags.iter_mut().zip(&video.hashtags) {
            *row = view.locate(Field::Hashtag, *key);
        }
        for (row, key) in rows.words.iter_mut().zip(&video.words) {
            *row = view.locate(Field::Word, *key);
        }
        rows
    }
}

/// A video's age; 0 when it is published in the future.
pub(crate) fn age_ms(now_ms: i64, video: &VideoFeatures) -> i64 {
    now_ms.saturating_sub(video.published_at_ms).max(0)
}

/// Mean of the keys' vectors, as many as there is room for rows.
#[inline(always)]
fn mean_of(view: &View, field: Field, keys: &[u64], rows: &[Option<u32>]) -> Vector {
    let mut total = ZERO;
    for (key, row) in keys.iter().zip(rows) {
        add_scaled(&mut total, 1.0, &view.vector(field, *key, *row));
    }
    scaled(1.0 / keys.len().min(rows.len()).max(1) as f32, &total)
}

/// Everything of a candidate that does not depend on the viewer.
#[inline(always)]
fn gather(model: &Model<'_>, video: &VideoFeatures, rows: &CandidateRows, now_ms: i64) -> Candidate {
    let view = model.view;
    let mut vectors = [ZERO; CANDIDATE_FIELDS];
    vectors[VIDEO] = view.vector(Field::Video, video.video, rows.video);
    vectors[CREATOR] = view.vector(Field::Creator, video.creator, rows.creator);
    if video.sound != 0 {
        vectors[SOUND] = view.vector(Field::Sound, video.sound, rows.sound);
    }
    vectors[HASHTAGS] = mean_of(view, Field::Hashtag, &video.hashtags, &rows.hashtags);
    vectors[WORDS] = mean_of(view, Field::Word, &video.words, &rows.words);
    let content = model.whitener.apply(&ContentCode::of(&video.content));
    vectors[CONTENT] = project(&model.dense.content, &content);
    vectors[FORM] = view.vector(Field::Context, duration_key(video.duration_ms), rows.duration);
    add_scaled(&mut vectors[FORM], 1.0, &view.vector(Field::Context, age_key(age_ms(now_ms, video)), rows.age));

    let mut tower = vectors[VIDEO];
    add_scaled(&mut tower, 1.0, &vectors[CREATOR]);
    add_scaled(&mut tower, 1.0, &vectors[HASHTAGS]);
    add_scaled(&mut tower, 1.0, &project(&model.dense.tower, &content));
    Candidate { vectors, tower, content, retrieval_logit: 0.0, belief: NO_BELIEF }
}

/// The retrieval vector of a video.
pub(crate) fn tower_of(model: &Model<'_>, video: &VideoFeatures) -> Vector {
    gather(model, video, &CandidateRows::of_video(model.view, video, 0), 0).tower
}

/// The product of each viewer vector with each candidate vector, `[VIEWER_VECTORS, CANDIDATE_FIELDS]`.
#[inline(always)]
fn products(viewer: &[Vector; VIEWER_VECTORS], candidate: &[Vector; CANDIDATE_FIELDS]) -> [f32; DOTS] {
    const WIDTH: usize = CANDIDATE_FIELDS.next_multiple_of(8);
    let mut columns = [[0.0f32; WIDTH]; D];
    for (f, vector) in candidate.iter().enumerate() {
        for lane in 0..D {
            columns[lane][f] = vector[lane];
        }
    }
    let mut sums = [[0.0f32; WIDTH]; VIEWER_VECTORS];
    for (lane, column) in columns.iter().enumerate() {
        for (s, sums) in sums.iter_mut().enumerate() {
            for f in 0..WIDTH {
                sums[f] += viewer[s][lane] * column[f];
            }
        }
    }
    let mut out = [0.0; DOTS];
    for (out, sums) in out.as_chunks_mut::<CANDIDATE_FIELDS>().0.iter_mut().zip(&sums) {
        out.copy_from_slice(&sums[..CANDIDATE_FIELDS]);
    }
    out
}

/// Fills `x` with the inputs of one candidate for one viewer.
#[inline(always)]
pub(crate) fn inputs(
    model: &Model<'_>,
    side: &ViewerSide,
    history: &impl Compare,
    now_ms: i64,
    video: &VideoFeatures,
    rows: &CandidateRows,
    x: &mut [f32; INPUTS],
) -> Candidate {
    let mut candidate = gather(model, video, rows, now_ms);
    x[..CANDIDATE_START].copy_from_slice(side.vectors.as_flattened());
    x[CANDIDATE_START..ATTENDED_START].copy_from_slice(candidate.vectors.as_flattened());
    x[WIDE_START..WIDE_START + DOTS].copy_from_slice(&products(&side.vectors, &candidate.vectors));
    let (attention, attended) = side.attention(&history.towers(&unit(&candidate.tower)));
    x[ATTENDED_START..WIDE_START].copy_from_slice(&attended);
    let content = side.content_opinion(&history.contents(&unit(&candidate.content)));
    candidate.retrieval_logit = dot(&side.tower, &candidate.tower) + model.dense.retrieval_bias[0][0];

    let Judged { hashtags, creator } = history.judge(video);
    let seen = side.taste.seen(video.video);
    let mut belief = side.belief;
    let (view, information) = (model.view, model.information);
    let video_effects = belief.add(view, information, Field::Video, rows.video, 1.0);
    let creator_effects = belief.add(view, information, Field::Creator, rows.creator, 1.0);
    let mut sound_effects = ZERO;
    if video.sound != 0 {
        sound_effects = belief.add(view, information, Field::Sound, rows.sound, 1.0);
    }
    let (mut hashtag_effect, share) = (0.0, 1.0 / video.hashtags.len().clamp(1, HASHTAGS_MAX) as f32);
    for row in rows.hashtags.iter().take(video.hashtags.len()) {
        hashtag_effect += share * watch_effect(&belief.add(view, information, Field::Hashtag, *row, share));
    }
    for row in [rows.duration, rows.age].into_iter().chain(rows.seen) {
        belief.add(view, information, Field::Context, row, 1.0);
    }
    candidate.belief = belief;
    let additive = belief.logits();
    let duration = (log2_linear(1.0 + video.duration_ms as f32 / 1_000.0) - 4.0) * 0.25;
    let age_hours = age_ms(now_ms, video) as f32 / 3_600_000.0;

    let mut put = |affinity: Affinity, value: f32| x[WIDE_START + DOTS + affinity as usize] = value;
    put(Affinity::Hashtags, hashtags.all.mean);
    put(Affinity::HashtagBest, hashtags.best);
    put(Affinity::HashtagWorst, hashtags.worst);
    put(Affinity::HashtagEvidence, hashtags.all.evidence);
    put(Affinity::Creator, creator.mean);
    put(Affinity::CreatorEvidence, creator.evidence);
    put(Affinity::Content, content.mean);
    put(Affinity::ContentEvidence, content.evidence);
    put(Affinity::Attention, attention.mean);
    put(Affinity::AttentionEvidence, attention.evidence);
    put(Affinity::SeenValence, seen.map_or(0.0, |at| side.taste.valence[at]));
    put(Affinity::Seen, if seen.is_some() { 1.0 } else { 0.0 });
    put(Affinity::Retrieval, (candidate.retrieval_logit * 0.25).max(-1.0).min(1.0));
    put(Affinity::Mean, side.taste.mean);
    put(Affinity::Recent, side.taste.recent);
    put(Affinity::HistoryLength, side.taste.len as f32 / (side.taste.len as f32 + 8.0));
    put(Affinity::VideoWatch, watch_effect(&video_effects));
    put(Affinity::VideoWatchEvidence, evidence(&video_effects));
    put(Affinity::VideoLike, like_effect(&video_effects));
    put(Affinity::CreatorWatch, watch_effect(&creator_effects));
    put(Affinity::CreatorWatchEvidence, evidence(&creator_effects));
    put(Affinity::CreatorLike, like_effect(&creator_effects));
    put(Affinity::HashtagWatch, hashtag_effect);
    put(Affinity::SoundWatch, watch_effect(&sound_effects));
    put(Affinity::ViewerWatch, watch_effect(&side.effects));
    put(Affinity::ViewerWatchEvidence, evidence(&side.effects));
    put(Affinity::ViewerLike, like_effect(&side.effects));
    put(Affinity::Duration, duration);
    put(Affinity::DurationSquared, duration * duration);
    put(Affinity::Age, log2_linear(1.0 + age_hours) / 16.0);
    put(Affinity::Fresh, 1.0 / (1.0 + age_hours / 24.0));
    put(Affinity::ContentKnown, if video.content.is_empty() { 0.0 } else { 1.0 });
    put(Affinity::Pause, side.taste.pause);
    put(Affinity::Days, side.taste.days);
    put(Affinity::DaysEvidence, side.taste.days_evidence);
    put(Affinity::Last, side.taste.last);
    put(Affinity::HabitEvidence, evidence(&side.habit));
    put(Affinity::Doubt, ORDERED.iter().fold(f32::INFINITY, |least, task| least.min(belief.variance[task.index()])));
    for (at, task) in ORDERED.into_iter().enumerate() {
        let of = |effects: &Vector| (EFFECT_SCALE * effects[task.index()]).max(-2.0).min(2.0);
        let wide = [of(&video_effects), of(&side.effects), of(&side.habit), of(&additive)];
        for (group, value) in wide.into_iter().enumerate() {
            x[WIDE_START + DOTS + Affinity::Ordered as usize + group * ORDERED.len() + at] = value;
        }
    }
    candidate
}

/// Logits of effects to inputs.
const EFFECT_SCALE: f32 = 0.6;

/// `acc[b] += x[b] * weights`, a tile of sixteen outputs of the whole block at a time; one candidate takes all outputs at once.
#[inline(always)]
fn accumulate<const B: usize, const O: usize>(acc: &mut [[f32; O]; B], weights: &[[f32; O]], x: [&[f32]; B]) {
    let n = weights.len();
    let x: [&[f32]; B] = std::array::from_fn(|b| &x[b][..n]);
    if B == 1 {
        let mut a = acc[0];
        for (x, row) in x[0].iter().zip(weights) {
            for j in 0..O {
                a[j] += x * row[j];
            }
        }
        acc[0] = a;
        return;
    }
    for tile in 0..O / D {
        let mut a: [Vector; B] = std::array::from_fn(|b| acc[b].as_chunks::<D>().0[tile]);
        for (i, row) in weights.iter().enumerate() {
            let row = &row.as_chunks::<D>().0[tile];
            for b in 0..B {
                let scale = x[b][i];
                for lane in 0..D {
                    a[b][lane] += scale * row[lane];
                }
            }
        }
        for b in 0..B {
            acc[b].as_chunks_mut::<D>().0[tile] = a[b];
        }
    }
}

#[inline(always)]
fn rectify<const O: usize>(v: &mut [f32; O]) {
    for x in v {
        *x = x.max(0.0);
    }
}

/// The net over a block's inputs; `layer` is what the viewer's inputs add to the first layer.
#[inline(always)]
pub(crate) fn net<const B: usize>(dense: &Dense, layer: &[f32; HIDDEN_1], x: &[[f32; INPUTS]; B]) -> Activations<B> {
    let mut hidden_1 = [*layer; B];
    accumulate(&mut hidden_1, &dense.first[CANDIDATE_START..], std::array::from_fn(|b| &x[b][CANDIDATE_START..]));
    hidden_1.iter_mut().for_each(rectify);
    let mut hidden_2 = [dense.second_bias[0]; B];
    accumulate(&mut hidden_2, &dense.second, std::array::from_fn(|b| &hidden_1[b][..]));
    hidden_2.iter_mut().for_each(rectify);
    let mut logits = [dense.bias[0]; B];
    accumulate(&mut logits, &dense.heads, std::array::from_fn(|b| &hidden_2[b][..]));
    accumulate(&mut logits, &dense.wide, std::array::from_fn(|b| &x[b][WIDE_START..]));
    Activations { hidden_1, hidden_2, logits }
}

multiversion! {
    /// The logits of a block of candidates.
    pub(crate) fn score_block(
        level,
        model: &Model<'_>,
        side: &ViewerSide,
        history: &Columns<'_>,
        now_ms: i64,
        videos: &[&VideoFeatures; BLOCK],
        rows: &[CandidateRows; BLOCK],
    ) -> [Vector; BLOCK] {
        let mut x = [[0.0f32; INPUTS]; BLOCK];
        let mut base = [ZERO; BLOCK];
        for (((video, rows), x), base) in videos.iter().zip(rows).zip(&mut x).zip(&mut base) {
            *base = inputs(model, side, history, now_ms, video, rows, x).belief.logits();
        }
        let mut logits = net(model.dense, &side.layer, &x).logits;
        for (logits, base) in logits.iter_mut().zip(&base) {
            add_scaled(logits, 1.0, base);
        }
        logits
    }
}

multiversion! {
    /// One candidate with everything that learning from it, or explaining it, needs.
    pub(crate) fn trace_one(
        level,
        model: &Model<'_>,
        history: &ItemByItem<'_>,
        now_ms: i64,
        video: &VideoFeatures,
        rows: &CandidateRows,
        x: &mut [f32; INPUTS],
    ) -> (Candidate, Activations<1>) {
        let candidate = inputs(model, history.side, history, now_ms, video, rows, x);
        let mut activations = net(model.dense, &history.side.layer, std::array::from_ref(x));
        add_scaled(&mut activations.logits[0], 1.0, &candidate.belief.logits());
        (candidate, activations)
    }
}

multiversion! {
    /// The net alone, over inputs that were changed by hand, those of the viewer too.
    pub(crate) fn logits_of(level, dense: &Dense, x: &[f32; INPUTS]) -> Vector {
        let mut layer = dense.first_bias;
        accumulate(&mut layer, &dense.first[..CANDIDATE_START], [&x[..CANDIDATE_START]]);
        net(dense, &layer[0], std::array::from_ref(x)).logits[0]
    }
}
