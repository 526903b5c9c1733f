//! The gradient of one example: back through the net, the products, the pooled history and the tower, into the rows.
//!
//! Attention and the hand-made affinities are read-outs: no gradient flows through their weights. The newest items' videos learn
//! through the liked and disliked vectors that their towers make up.

use crate::config::Config;
use crate::dense::{Dense, Trace, Transposed};
use crate::features::{HASHTAGS_MAX, HistoryItem, VideoFeatures, WORDS_MAX};
use crate::forward::{Activations, Candidate, CandidateRows};
use crate::lesson::Scene;
use crate::math::{D, Vector, ZERO, add_scaled, dot, multiversion, scaled, sigmoid, sum};
use crate::shape::*;
use crate::side::ViewerSide;
use crate::table::{Field, View};
use crate::task::{Prediction, TABLE, TASKS, Task};

/// Loss gradients at each place that has something to learn.
struct Gradients {
    hidden_1: [f32; HIDDEN_1],
    hidden_2: [f32; HIDDEN_2],
    viewer: [Vector; VIEWER_VECTORS],
    candidate: [Vector; CANDIDATE_FIELDS],
    video_vector: Vector,
    viewer_vector: Vector,
}

/// What an example's forward pass left behind.
pub(crate) struct Passed<'a> {
    pub side: &'a ViewerSide,
    pub rows: &'a CandidateRows,
    pub candidate: &'a Candidate,
    pub activations: &'a Activations<1>,
    pub predicted: &'a Prediction,
    pub labels: &'a [Option<f32>; TASKS],
    /// The gradient of the pairwise loss at the logits.
    pub order: &'a Vector,
    pub video: &'a VideoFeatures,
    pub history: &'a [HistoryItem],
    pub weight: f32,
    pub now_s: u32,
}

/// Newest history items whose videos learn from what follows them; what older ones would add is not worth its time.
pub(crate) const TAUGHT: usize = 8;

/// What the pairwise loss weighs beside the log loss: more of it is better order within a list, and less between lists.
const ORDER_WEIGHT: f32 = 0.7;

/// Gradient of the summed losses at the logits, its norm held.
fn at_logits(passed: &Passed<'_>, norm_max: f32) -> Vector {
    let mut g = ZERO;
    for (task, label) in passed.labels.iter().enumerate() {
        if let Some(label) = label {
            g[task] = passed.weight * TABLE[task].loss_weight * (passed.predicted.probability[task] - label);
        }
    }
    add_scaled(&mut g, passed.weight * ORDER_WEIGHT, passed.order);
    let norm = dot(&g, &g).sqrt();
    if norm > norm_max { scaled(norm_max / norm, &g) } else { g }
}

/// The retrieval head's error: it learns from views (the mean of finish, long view and not-skip) and from positive actions.
fn retrieval_error(passed: &Passed<'_>) -> f32 {
    let label = |task: Task| passed.labels[task.index()];
    let (mut total, mut n) = (0.0, 0.0);
    for (value, of) in [(label(Task::Finish), 0), (label(Task::LongView), 0), (label(Task::Skip), 1)] {
        if let Some(value) = value {
            total += if of == 1 { 1.0 - value } else { value };
            n += 1.0;
        }
    }
    let acted = [Task::Like, Task::Follow, Task::Comment, Task::Share, Task::Save];
    if n == 0.0 && acted.iter().any(|task| label(*task) == Some(1.0)) {
        (total, n) = (1.0, 1.0);
    }
    if n == 0.0 { 0.0 } else { passed.weight * (sigmoid(passed.candidate.retrieval_logit) - total / n) }
}

/// Learns one example: rows at once, dense weights by way of `trace`. Gives the number of gradients that were no numbers; then
/// nothing was learned.
pub(crate) fn learn(scene: &Scene<'_>, trace: &mut Trace, passed: &Passed<'_>) -> u64 {
    let (at, config) = (trace.len, scene.config);
    let logits = at_logits(passed, config.gradient_norm_max);
    let error = retrieval_error(passed).clamp(-config.gradient_norm_max, config.gradient_norm_max);
    let g = gradients(
        scene.model.level,
        scene.model.dense,
        scene.back,
        passed.side,
        passed.candidate,
        passed.activations,
        &logits,
        error,
    );
    let all = g.viewer.iter().chain(&g.candidate).chain([&g.video_vector, &g.viewer_vector, &logits]);
    let total: f32 = all.map(sum).sum::<f32>() + g.hidden_1.iter().sum::<f32>() + trace.inputs[at].iter().sum::<f32>();
    if !total.is_finite() {
        return 1;
    }
    let [_, context, liked, disliked] = passed.side.vectors;
    trace.hidden_1[at] = passed.activations.hidden_1[0];
    trace.hidden_2[at] = passed.activations.hidden_2[0];
    trace.wide[at].copy_from_slice(&trace.inputs[at][WIDE_START..]);
    trace.content[at] = passed.candidate.content;
    (trace.context[at], trace.liked[at], trace.disliked[at]) = (context, liked, disliked);
    (trace.at_hidden_1[at], trace.at_hidden_2[at], trace.at_logits[at]) = (g.hidden_1, g.hidden_2, logits);
    trace.at_content[at] = g.candidate[CONTENT];
    (trace.at_video_vector[at], trace.at_viewer_vector[at]) = (g.video_vector, g.viewer_vector);
    trace.at_retrieval[at] = ZERO;
    trace.at_retrieval[at][0] = error;
    update_rows(scene.model.level, config, scene.model.view, passed, &g)
}

multiversion! {
    fn gradients(
        level,
        dense: &Dense,
        back: &Transposed,
        side: &ViewerSide,
        candidate: &Candidate,
        activations: &Activations<1>,
        logits: &Vector,
        retrieval: f32,
    ) -> Gradients {
        let mut hidden_2 = [0.0; HIDDEN_2];
        accumulate(&mut hidden_2, &back.heads, logits);
        mask(&mut hidden_2, &activations.hidden_2[0]);
        let mut hidden_1 = [0.0; HIDDEN_1];
        accumulate(&mut hidden_1, &back.second, &hidden_2);
        mask(&mut hidden_1, &activations.hidden_1[0]);
        let mut inputs = [0.0; INPUTS];
        accumulate(&mut inputs, &back.first, &hidden_1);
        let mut wide = [0.0; WIDE];
        accumulate(&mut wide, &back.wide, logits);

        let mut viewer = [ZERO; VIEWER_VECTORS];
        viewer.as_flattened_mut().copy_from_slice(&inputs[..CANDIDATE_START]);
        let mut fields = [ZERO; CANDIDATE_FIELDS];
        fields.as_flattened_mut().copy_from_slice(&inputs[CANDIDATE_START..ATTENDED_START]);
        for s in 0..VIEWER_VECTORS {
            for f in 0..CANDIDATE_FIELDS {
                let input = s * CANDIDATE_FIELDS + f;
                let g = inputs[WIDE_START + input] + wide[input];
                add_scaled(&mut viewer[s], g, &candidate.vectors[f]);
                add_scaled(&mut fields[f], g, &side.vectors[s]);
            }
        }
        let video_vector = scaled(retrieval, &side.tower);
        let viewer_vector = scaled(retrieval, &candidate.tower);
        for field in [VIDEO, CREATOR, HASHTAGS] {
            add_scaled(&mut fields[field], 1.0, &video_vector);
        }
        add_scaled(&mut viewer[VIEWER_SELF], 1.0, &viewer_vector);
        for lane in 0..D {
            viewer[VIEWER_CONTEXT][lane] += dot(&dense.from_context[lane], &viewer_vector);
            viewer[VIEWER_LIKED][lane] += dot(&dense.from_liked[lane], &viewer_vector);
            viewer[VIEWER_DISLIKED][lane] += dot(&dense.from_disliked[lane], &viewer_vector);
        }
        Gradients { hidden_1, hidden_2, viewer, candidate: fields, video_vector, viewer_vector }
    }
}

/// `to += weights^T * by`, leaving out what is scaled by zero: after a rectifier that is about half of it.
#[inline(always)]
fn accumulate<const I: usize, const O: usize>(to: &mut [f32; O], weights: &[[f32; O]; I], by: &[f32; I]) {
    for (scale, row) in by.iter().zip(weights) {
        if *scale != 0.0 {
            for at in 0..O {
                to[at] += scale * row[at];
            }
        }
    }
}

/// Zero where the rectifier was closed.
#[inline(always)]
fn mask<const N: usize>(gradient: &mut [f32; N], activation: &[f32; N]) {
    for at in 0..N {
        gradient[at] = if activation[at] > 0.0 { gradient[at] } else { 0.0 };
    }
}

multiversion! {
    fn update_rows(level, config: &Config, view: &View, passed: &Passed<'_>, g: &Gradients) -> u64 {
        let mut broken = 0;
        let mut update = |field: Field, row: Option<u32>, gradient: &Vector| {
            if let Some(row) = row {
                let done = view.update(field, row, gradient, config.row_step, config.gradient_norm_max, passed.now_s);
                broken += u64::from(!done);
            }
        };
        let (side, rows) = (passed.side, passed.rows);
        update(Field::Viewer, side.rows.viewer, &g.viewer[VIEWER_SELF]);
        for row in &side.rows.context {
            update(Field::Context, *row, &g.viewer[VIEWER_CONTEXT]);
        }
        update(Field::Video, rows.video, &g.candidate[VIDEO]);
        update(Field::Creator, rows.creator, &g.candidate[CREATOR]);
        update(Field::Sound, rows.sound, &g.candidate[SOUND]);
        let hashtags = passed.video.hashtags.len().min(HASHTAGS_MAX);
        let share = scaled(1.0 / hashtags.max(1) as f32, &g.candidate[HASHTAGS]);
        for row in &rows.hashtags[..hashtags] {
            update(Field::Hashtag, *row, &share);
        }
        let words = passed.video.words.len().min(WORDS_MAX);
        let share = scaled(1.0 / words.max(1) as f32, &g.candidate[WORDS]);
        for row in &rows.words[..words] {
            update(Field::Word, *row, &share);
        }
        update(Field::Context, rows.duration, &g.candidate[FORM]);
        update(Field::Context, rows.age, &g.candidate[FORM]);
        for (item, seen) in side.items[..side.items_len].iter().zip(passed.history).take(TAUGHT) {
            if item.liked > 0.0 || item.disliked > 0.0 {
                let mut gradient = scaled(item.liked, &g.viewer[VIEWER_LIKED]);
                add_scaled(&mut gradient, item.disliked, &g.viewer[VIEWER_DISLIKED]);
                update(Field::Video, view.find(Field::Video, seen.video), &gradient);
            }
        }
        broken
    }
}
