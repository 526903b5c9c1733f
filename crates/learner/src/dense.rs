//! The dense weights: shapes, first values, and the mini-batch step (Adagrad with a fading memory, as in RMSProp).

use base::Rng;

use crate::features::CONTENT_DIMS;
use crate::math::{D, Level, Vector, multiversion};
use crate::shape::*;
use crate::task::{TABLE, TASKS};

/// Every dense weight. `[in][out]` throughout, so that one input scales one row.
#[derive(Clone)]
pub(crate) struct Dense {
    /// First hidden layer, `[INPUTS, HIDDEN_1]`.
    pub first: [[f32; HIDDEN_1]; INPUTS],
    pub first_bias: [[f32; HIDDEN_1]; 1],
    /// Second hidden layer, `[HIDDEN_1, HIDDEN_2]`.
    pub second: [[f32; HIDDEN_2]; HIDDEN_1],
    pub second_bias: [[f32; HIDDEN_2]; 1],
    /// A column per task.
    pub heads: [Vector; HIDDEN_2],
    /// Straight from the interaction and affinity inputs to the heads.
    pub wide: [Vector; WIDE],
    pub bias: [Vector; 1],
    /// Content features to their embedding.
    pub content: [Vector; CONTENT_DIMS],
    /// Content features into the retrieval tower.
    pub tower: [Vector; CONTENT_DIMS],
    /// What the liked, the disliked and the circumstances add to the viewer's retrieval vector.
    pub from_liked: [Vector; D],
    pub from_disliked: [Vector; D],
    pub from_context: [Vector; D],
    /// The retrieval vector of a viewer of whom nothing is known; its product with a video's is the video's general appeal.
    pub appeal: [Vector; 1],
    /// Bias of the retrieval head, in lane 0.
    pub retrieval_bias: [Vector; 1],
}

/// How many parts [`Dense`] has.
pub(crate) const PARTS: usize = 14;

impl Dense {
    fn zero() -> Box<Self> {
        Box::new(Self {
            first: [[0.0; HIDDEN_1]; INPUTS],
            first_bias: [[0.0; HIDDEN_1]; 1],
            second: [[0.0; HIDDEN_2]; HIDDEN_1],
            second_bias: [[0.0; HIDDEN_2]; 1],
            heads: [[0.0; D]; HIDDEN_2],
            wide: [[0.0; D]; WIDE],
            bias: [[0.0; D]; 1],
            content: [[0.0; D]; CONTENT_DIMS],
            tower: [[0.0; D]; CONTENT_DIMS],
            from_liked: [[0.0; D]; D],
            from_disliked: [[0.0; D]; D],
            from_context: [[0.0; D]; D],
            appeal: [[0.0; D]; 1],
            retrieval_bias: [[0.0; D]; 1],
        })
    }

    /// First values: small chance in the hidden layers, and priors where we know better: base rates in the biases, affinities
    /// that pull the heads the way their task's valence says, a tower that keeps distances.
    pub fn initial(seed: u64) -> Box<Self> {
        let mut dense = Self::zero();
        let root = Rng::from_seed(seed);
        let fill = |label: &str, values: &mut [f32], deviation: f32| {
            let mut rng = root.child(label);
            values.iter_mut().for_each(|value| *value = rng.normal() * deviation);
        };
        fill("first", dense.first.as_flattened_mut(), 0.08);
        fill("second", dense.second.as_flattened_mut(), (2.0 / HIDDEN_1 as f32).sqrt());
        fill("heads", dense.heads.as_flattened_mut(), 0.03);
        fill("content", dense.content.as_flattened_mut(), 0.06);
        fill("tower", dense.tower.as_flattened_mut(), 0.03);
        for spec in &TABLE {
            let task = spec.task.index();
            dense.bias[0][task] = crate::math::logit(spec.prior);
            for (input, weight) in wide_priors() {
                dense.wide[input][task] = weight * spec.valence;
            }
        }
        for lane in 0..D {
            dense.from_liked[lane][lane] = 2.0;
            dense.from_disliked[lane][lane] = -1.0;
        }
        dense
    }

    pub fn parts(&self) -> [&[f32]; PARTS] {
        [
            self.first.as_flattened(),
            self.first_bias.as_flattened(),
            self.second.as_flattened(),
            self.second_bias.as_flattened(),
            self.heads.as_flattened(),
            self.wide.as_flattened(),
            self.bias.as_flattened(),
            self.content.as_flattened(),
            self.tower.as_flattened(),
            self.from_liked.as_flattened(),
            self.from_disliked.as_flattened(),
            self.from_context.as_flattened(),
            self.appeal.as_flattened(),
            self.retrieval_bias.as_flattened(),
        ]
    }

    pub fn parts_mut(&mut self) -> [&mut [f32]; PARTS] {
        [
            self.first.as_flattened_mut(),
            self.first_bias.as_flattened_mut(),
            self.second.as_flattened_mut(),
            self.second_bias.as_flattened_mut(),
            self.heads.as_flattened_mut(),
            self.wide.as_flattened_mut(),
            self.bias.as_flattened_mut(),
            self.content.as_flattened_mut(),
            self.tower.as_flattened_mut(),
            self.from_liked.as_flattened_mut(),
            self.from_disliked.as_flattened_mut(),
            self.from_context.as_flattened_mut(),
            self.appeal.as_flattened_mut(),
            self.retrieval_bias.as_flattened_mut(),
        ]
    }

    /// How many weights there are, lanes without a task included.
    pub fn parameters(&self) -> usize {
        self.parts().iter().map(|part| part.len()).sum()
    }
}

/// What one trained example leaves for the dense step: each layer's input and the gradient at its output.
#[derive(Clone)]
pub(crate) struct Trace {
    pub inputs: [[f32; INPUTS]; BATCH],
    pub hidden_1: [[f32; HIDDEN_1]; BATCH],
    pub hidden_2: [[f32; HIDDEN_2]; BATCH],
    pub wide: [[f32; WIDE]; BATCH],
    pub content: [[f32; CONTENT_DIMS]; BATCH],
    pub liked: [Vector; BATCH],
    pub disliked: [Vector; BATCH],
    pub context: [Vector; BATCH],
    pub at_hidden_1: [[f32; HIDDEN_1]; BATCH],
    pub at_hidden_2: [[f32; HIDDEN_2]; BATCH],
    pub at_logits: [Vector; BATCH],
    pub at_content: [Vector; BATCH],
    pub at_video_vector: [Vector; BATCH],
    pub at_viewer_vector: [Vector; BATCH],
    pub at_retrieval: [Vector; BATCH],
    /// Examples in it, fewer than [`BATCH`].
    pub len: usize,
}

/// How many parts a trace has.
pub(crate) const TRACE_PARTS: usize = 15;

impl Trace {
    pub fn new() -> Box<Self> {
        Box::new(Self {
            inputs: [[0.0; INPUTS]; BATCH],
            hidden_1: [[0.0; HIDDEN_1]; BATCH],
            hidden_2: [[0.0; HIDDEN_2]; BATCH],
            wide: [[0.0; WIDE]; BATCH],
            content: [[0.0; CONTENT_DIMS]; BATCH],
            liked: [[0.0; D]; BATCH],
            disliked: [[0.0; D]; BATCH],
            context: [[0.0; D]; BATCH],
            at_hidden_1: [[0.0; HIDDEN_1]; BATCH],
            at_hidden_2: [[0.0; HIDDEN_2]; BATCH],
            at_logits: [[0.0; D]; BATCH],
            at_content: [[0.0; D]; BATCH],
            at_video_vector: [[0.0; D]; BATCH],
            at_viewer_vector: [[0.0; D]; BATCH],
            at_retrieval: [[0.0; D]; BATCH],
            len: 0,
        })
    }

    /// The filled part of each array, for a snapshot.
    pub fn parts(&self) -> [&[f32]; TRACE_PARTS] {
        let n = self.len;
        [
            self.inputs[..n].as_flattened(),
            self.hidden_1[..n].as_flattened(),
            self.hidden_2[..n].as_flattened(),
            self.wide[..n].as_flattened(),
            self.content[..n].as_flattened(),
            self.liked[..n].as_flattened(),
            self.disliked[..n].as_flattened(),
            self.context[..n].as_flattened(),
            self.at_hidden_1[..n].as_flattened(),
            self.at_hidden_2[..n].as_flattened(),
            self.at_logits[..n].as_flattened(),
            self.at_content[..n].as_flattened(),
            self.at_video_vector[..n].as_flattened(),
            self.at_viewer_vector[..n].as_flattened(),
            self.at_retrieval[..n].as_flattened(),
        ]
    }

    pub fn parts_mut(&mut self) -> [&mut [f32]; TRACE_PARTS] {
        let n = self.len;
        [
            self.inputs[..n].as_flattened_mut(),
            self.hidden_1[..n].as_flattened_mut(),
            self.hidden_2[..n].as_flattened_mut(),
            self.wide[..n].as_flattened_mut(),
            self.content[..n].as_flattened_mut(),
            self.liked[..n].as_flattened_mut(),
            self.disliked[..n].as_flattened_mut(),
            self.context[..n].as_flattened_mut(),
            self.at_hidden_1[..n].as_flattened_mut(),
            self.at_hidden_2[..n].as_flattened_mut(),
            self.at_logits[..n].as_flattened_mut(),
            self.at_content[..n].as_flattened_mut(),
            self.at_video_vector[..n].as_flattened_mut(),
            self.at_viewer_vector[..n].as_flattened_mut(),
            self.at_retrieval[..n].as_flattened_mut(),
        ]
    }
}

/// The larger matrices with inputs and outputs exchanged, for the way back: there too one number scales one row.
#[derive(Clone)]
pub(crate) struct Transposed {
    pub first: [[f32; INPUTS]; HIDDEN_1],
    pub second: [[f32; HIDDEN_1]; HIDDEN_2],
    pub heads: [[f32; HIDDEN_2]; D],
    pub wide: [[f32; WIDE]; D],
}

multiversion! {
    fn transpose(level, from: &Dense, to: &mut Transposed) {
        exchange(&from.first, &mut to.first);
        exchange(&from.second, &mut to.second);
        exchange(&from.heads, &mut to.heads);
        exchange(&from.wide, &mut to.wide);
    }
}

/// `to[j][i] = from[i][j]`, a tile at a time so that both sides stay in the nearest cache.
#[inline(always)]
fn exchange<const I: usize, const O: usize>(from: &[[f32; O]; I], to: &mut [[f32; I]; O]) {
    for (tile, rows) in from.as_chunks::<D>().0.iter().enumerate() {
        for j in 0..O {
            let out = &mut to[j].as_chunks_mut::<D>().0[tile];
            for i in 0..D {
                out[i] = rows[i][j];
            }
        }
    }
}

/// Weights with their Adagrad accumulators.
#[derive(Clone)]
pub(crate) struct Optimised {
    pub weights: Box<Dense>,
    pub squares: Box<Dense>,
    pub transposed: Box<Transposed>,
}

impl Optimised {
    pub fn initial(seed: u64) -> Self {
        Self::of(Dense::initial(seed), Dense::zero())
    }

    pub fn of(weights: Box<Dense>, squares: Box<Dense>) -> Self {
        let mut transposed = Box::new(Transposed {
            first: [[0.0; INPUTS]; HIDDEN_1],
            second: [[0.0; HIDDEN_1]; HIDDEN_2],
            heads: [[0.0; HIDDEN_2]; D],
            wide: [[0.0; WIDE]; D],
        });
        transpose(Level::portable(), &weights, &mut transposed);
        Self { weights, squares, transposed }
    }

    /// One Adagrad step over the summed gradients of the examples in `trace`. `learned` is how many examples the model has seen:
    /// the wide weights and biases step fully from the first, the hidden layers and projections only as there is something to
    /// learn them from, lest a hundred chance examples talk the priors down.
    pub fn step(&mut self, level: Level, trace: &Trace, full: f32, learned: u64) {
        let (w, s, n) = (&mut *self.weights, &mut *self.squares, trace.len);
        let step = full * (learned as f32 / (learned as f32 + WARM_EXAMPLES));
        const ONES: [[f32; 1]; BATCH] = [[1.0]; BATCH];
        learn(level, &mut w.first, &mut s.first, &trace.inputs[..n], &trace.at_hidden_1[..n], step);
        learn(level, &mut w.first_bias, &mut s.first_bias, &ONES[..n], &trace.at_hidden_1[..n], step);
        learn(level, &mut w.second, &mut s.second, &trace.hidden_1[..n], &trace.at_hidden_2[..n], step);
        learn(level, &mut w.second_bias, &mut s.second_bias, &ONES[..n], &trace.at_hidden_2[..n], step);
        learn(level, &mut w.heads, &mut s.heads, &trace.hidden_2[..n], &trace.at_logits[..n], step);
        learn(level, &mut w.wide, &mut s.wide, &trace.wide[..n], &trace.at_logits[..n], full * WIDE_STEP);
        learn(level, &mut w.bias, &mut s.bias, &ONES[..n], &trace.at_logits[..n], full * BIAS_STEP);
        learn(level, &mut w.content, &mut s.content, &trace.content[..n], &trace.at_content[..n], step);
        learn(level, &mut w.tower, &mut s.tower, &trace.content[..n], &trace.at_video_vector[..n], step);
        let at_viewer = &trace.at_viewer_vector[..n];
        learn(level, &mut w.from_liked, &mut s.from_liked, &trace.liked[..n], at_viewer, step);
        learn(level, &mut w.from_disliked, &mut s.from_disliked, &trace.disliked[..n], at_viewer, step);
        learn(level, &mut w.from_context, &mut s.from_context, &trace.context[..n], at_viewer, step);
        learn(level, &mut w.appeal, &mut s.appeal, &ONES[..n], at_viewer, step);
        learn(level, &mut w.retrieval_bias, &mut s.retrieval_bias, &ONES[..n], &trace.at_retrieval[..n], full * BIAS_STEP);
        transpose(level, w, &mut self.transposed);
    }
}

/// Examples after which the hidden layers step half as far as they ever will.
const WARM_EXAMPLES: f32 = 2_000.0;
/// What a step keeps of the squares before it: the step size is that of about the last five thousand batches, so that the net goes
/// on learning when the world changes.
const SQUARES_KEPT: f32 = 0.9998;
/// Biases follow the base rates faster than the other weights move.
const BIAS_STEP: f32 = 2.0;
const WIDE_STEP: f32 = 1.0;
/// Starts each accumulator away from zero, so that the first steps are not the largest.
const SQUARE_FLOOR: f32 = 1.0;

/// `weights[i][j] -= step * g / sqrt(squares)` with `g = sum over the batch of inputs[b][i] * gradients[b][j]`.
fn learn<const I: usize, const O: usize>(
    level: Level,
    weights: &mut [[f32; O]; I],
    squares: &mut [[f32; O]; I],
    inputs: &[[f32; I]],
    gradients: &[[f32; O]],
    step: f32,
) {
    let (weights, squares) = (weights.as_flattened_mut(), squares.as_flattened_mut());
    learn_flat(level, weights, squares, inputs.as_flattened(), gradients.as_flattened(), I, O, step);
}

multiversion! {
    fn learn_flat(
        level,
        weights: &mut [f32],
        squares: &mut [f32],
        inputs: &[f32],
        gradients: &[f32],
        ins: usize,
        outs: usize,
        step: f32,
    ) {
        let rows = weights.chunks_exact_mut(outs).zip(squares.chunks_exact_mut(outs));
        for (i, (weights, squares)) in rows.enumerate() {
            // Four vectors of outputs at a time, so that their additions overlap; then what is left.
            let (wide, rest) = weights.as_chunks_mut::<{ 4 * D }>();
            let (wide_squares, rest_squares) = squares.as_chunks_mut::<{ 4 * D }>();
            for (block, (weights, squares)) in wide.iter_mut().zip(wide_squares).enumerate() {
                step_block(weights, squares, i, ins, inputs, block * 4 * D, outs, gradients, step);
            }
            let done = outs / (4 * D) * (4 * D);
            let rest = rest.as_chunks_mut::<D>().0.iter_mut().zip(rest_squares.as_chunks_mut::<D>().0);
            for (block, (weights, squares)) in rest.enumerate() {
                step_block(weights, squares, i, ins, inputs, done + block * D, outs, gradients, step);
            }
        }
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn step_block<const W: usize>(
    weights: &mut [f32; W],
    squares: &mut [f32; W],
    input: usize,
    ins: usize,
    inputs: &[f32],
    output: usize,
    outs: usize,
    gradients: &[f32],
    step: f32,
) {
    let mut g = [0.0f32; W];
    for (x, at) in inputs.chunks_exact(ins).zip(gradients.chunks_exact(outs)) {
        let x = x[input];
        let at = &at[output..output + W];
        for lane in 0..W {
            g[lane] += x * at[lane];
        }
    }
    for lane in 0..W {
        squares[lane] = SQUARES_KEPT * squares[lane] + g[lane] * g[lane];
        weights[lane] -= step * g[lane] / (squares[lane] + SQUARE_FLOOR).sqrt();
    }
}

/// The first weights of the wide inputs, for a task of valence 1. Chosen so that three finished clips of one kind and three
/// skipped ones of another part the two kinds by some three logits, and that everything else starts near the base rates.
fn wide_priors() -> impl Iterator<Item = (usize, f32)> {
    let dots = [(VIEWER_LIKED, 0.2), (VIEWER_DISLIKED, -0.2), (VIEWER_SELF, 0.2)];
    let dots = dots
        .into_iter()
        .flat_map(|(side, weight)| (0..CANDIDATE_FIELDS).map(move |field| (side * CANDIDATE_FIELDS + field, weight)));
    let affinities = [
        (Affinity::Hashtags, 1.6),
        (Affinity::HashtagBest, 1.0),
        (Affinity::HashtagWorst, 1.0),
        (Affinity::Creator, 0.8),
        (Affinity::Content, 1.6),
        (Affinity::Attention, 0.8),
        (Affinity::SeenValence, 0.3),
        (Affinity::Mean, 0.3),
        (Affinity::VideoWatch, 1.0),
        (Affinity::CreatorWatch, 0.5),
        (Affinity::HashtagWatch, 0.5),
        (Affinity::ViewerWatch, 0.5),
        (Affinity::VideoLike, 0.3),
    ];
    dots.chain(affinities.into_iter().map(|(affinity, weight)| (DOTS + affinity as usize, weight)))
}

const _: () = assert!(TASKS <= D, "each head is a lane");
