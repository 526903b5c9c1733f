//! The candidates' side: gather a clip's inputs, then the net, a block of candidates at a time.

use crate::dense::Dense;
use crate::features::{ContentCode, HASHTAGS_MAX, VideoFeatures, WORDS_MAX};
use crate::math::{D, Vector, ZERO, add_scaled, dot, log2_linear, multiversion, scaled};
use crate::scale::Content;
use crate::shape::*;
use crate::side::{Model, ViewerSide, project, unit};
use crate::table::{Field, Rates, View};

/// Candidates that go through the net together.
pub(crate) const BLOCK: usize = 4;

/// The rows that a candidate's vectors were read from.
#[derive(Clone, Copy, Default)]
pub(crate) struct CandidateRows {
    pub video: Option<u32>,
    pub creator: Option<u32>,
    pub sound: Option<u32>,
    pub hashtags: [Option<u32>; HASHTAGS_MAX],
    pub words: [Option<u32>; WORDS_MAX],
    pub duration: Option<u32>,
    pub age: Option<u32>,
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

#[inline(always)]
fn watch_rate(rates: Rates) -> f32 {
    2.0 * ((rates.watch_sum + 5.0) / (rates.watch_n + 10.0) - 0.5)
}

#[inline(always)]
fn like_rate(rates: Rates) -> f32 {
    let usual = 0.02;
    let rate = (rates.like_sum + 10.0 * usual) / (rates.like_n + 10.0);
    (rate - usual) / (rate + usual)
}

#[inline(always)]
fn evidence(n: f32) -> f32 {
    n / (n + 20.0)
}

impl CandidateRows {
    /// Asks the memory for the index slots that [`Self::locate`] will read.
    pub fn hint(view: &View, video: &VideoFeatures) {
        view.hint_slot(Field::Video, video.video);
        view.hint_slot(Field::Creator, video.creator);
        view.hint_slot(Field::Sound, video.sound);
        video.hashtags.iter().take(HASHTAGS_MAX).for_each(|key| view.hint_slot(Field::Hashtag, *key));
        video.words.iter().take(WORDS_MAX).for_each(|key| view.hint_slot(Field::Word, *key));
    }

    /// Looks up every row of a candidate and asks the memory for it.
    pub fn locate(view: &View, video: &VideoFeatures, now_ms: i64) -> Self {
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
    Candidate { vectors, tower, content, retrieval_logit: 0.0 }
}

/// The retrieval vector of a video.
pub(crate) fn tower_of(model: &Model<'_>, video: &VideoFeatures) -> Vector {
    gather(model, video, &CandidateRows::locate(model.view, video, 0), 0).tower
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
    now_ms: i64,
    video: &VideoFeatures,
    rows: &CandidateRows,
    x: &mut [f32; INPUTS],
) -> Candidate {
    let mut candidate = gather(model, video, rows, now_ms);
    x[..CANDIDATE_START].copy_from_slice(side.vectors.as_flattened());
    x[CANDIDATE_START..ATTENDED_START].copy_from_slice(candidate.vectors.as_flattened());
    x[WIDE_START..WIDE_START + DOTS].copy_from_slice(&products(&side.vectors, &candidate.vectors));
    let (attention, attended) = side.attention(&unit(&candidate.tower));
    x[ATTENDED_START..WIDE_START].copy_from_slice(&attended);
    let content = side.content_opinion(&unit(&candidate.content));
    candidate.retrieval_logit = dot(&side.tower, &candidate.tower) + model.dense.retrieval_bias[0][0];

    let hashtags = side.taste.hashtags(&video.hashtags[..video.hashtags.len().min(HASHTAGS_MAX)]);
    let creator = side.taste.creator(video.creator);
    let seen = side.taste.seen(video.video);
    let of = |field, row| model.view.rates(field, row);
    let video_rates = of(Field::Video, rows.video);
    let creator_rates = of(Field::Creator, rows.creator);
    let sound_rates = of(Field::Sound, rows.sound);
    let duration = (log2_linear(1.0 + video.duration_ms as f32 / 1_000.0) - 4.0) * 0.25;
    let age_hours = age_ms(now_ms, video) as f32 / 3_600_000.0;
    let hashtag_rates = rows.hashtags.iter().take(video.hashtags.len()).map(|row| watch_rate(of(Field::Hashtag, *row)));
    let hashtag_rate = hashtag_rates.sum::<f32>() / video.hashtags.len().clamp(1, HASHTAGS_MAX) as f32;

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
    put(Affinity::SeenValence, seen.unwrap_or(0.0));
    put(Affinity::Seen, if seen.is_some() { 1.0 } else { 0.0 });
    put(Affinity::Retrieval, (candidate.retrieval_logit * 0.25).max(-1.0).min(1.0));
    put(Affinity::Mean, side.taste.mean);
    put(Affinity::Recent, side.taste.recent);
    put(Affinity::HistoryLength, side.taste.len as f32 / (side.taste.len as f32 + 8.0));
    put(Affinity::VideoWatch, watch_rate(video_rates));
    put(Affinity::VideoWatchEvidence, evidence(video_rates.watch_n));
    put(Affinity::VideoLike, like_rate(video_rates));
    put(Affinity::CreatorWatch, watch_rate(creator_rates));
    put(Affinity::CreatorWatchEvidence, evidence(creator_rates.watch_n));
    put(Affinity::CreatorLike, like_rate(creator_rates));
    put(Affinity::HashtagWatch, hashtag_rate);
    put(Affinity::SoundWatch, watch_rate(sound_rates));
    put(Affinity::ViewerWatch, watch_rate(side.rates));
    put(Affinity::ViewerWatchEvidence, evidence(side.rates.watch_n));
    put(Affinity::ViewerLike, like_rate(side.rates));
    put(Affinity::Duration, duration);
    put(Affinity::DurationSquared, duration * duration);
    put(Affinity::Age, log2_linear(1.0 + age_hours) / 16.0);
    put(Affinity::Fresh, 1.0 / (1.0 + age_hours / 24.0));
    put(Affinity::ContentKnown, if video.content.is_empty() { 0.0 } else { 1.0 });
    candidate
}

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
        now_ms: i64,
        videos: &[&VideoFeatures; BLOCK],
        rows: &[CandidateRows; BLOCK],
    ) -> [Vector; BLOCK] {
        let mut x = [[0.0f32; INPUTS]; BLOCK];
        for ((video, rows), x) in videos.iter().zip(rows).zip(&mut x) {
            inputs(model, side, now_ms, video, rows, x);
        }
        net(model.dense, &side.layer, &x).logits
    }
}

multiversion! {
    /// One candidate with everything that learning from it, or explaining it, needs.
    pub(crate) fn trace_one(
        level,
        model: &Model<'_>,
        side: &ViewerSide,
        now_ms: i64,
        video: &VideoFeatures,
        rows: &CandidateRows,
        x: &mut [f32; INPUTS],
    ) -> (Candidate, Activations<1>) {
        let candidate = inputs(model, side, now_ms, video, rows, x);
        let activations = net(model.dense, &side.layer, std::array::from_ref(x));
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
