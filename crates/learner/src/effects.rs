//! The additive part of the model: each id's own effect on each task, as an online Bayesian logistic regression.
//!
//! Every row of the tables holds, beside its vector, a mean effect `m` per task, in logits, and how many judged impressions it
//! rests on, `n` (per group of tasks that are judged together). The belief in an effect is normal with the variance
//! `s = s0 / (1 + s0 h n)`, s0 the field's prior variance and h the task's mean information p (1 - p) per impression. For one
//! impression with shares a_f (1, or 1/k for one of k hashtags), `M = sum a_f m_f` and `S = sum a_f^2 s_f`, the prediction is the
//! mean of the logistic over that belief, `p = sigmoid(M / sqrt(1 + pi S / 8))` (MacKay 1992), and the outcome y moves each mean by its
//! part in the doubt: `m_f += a_f s_f (y - p) / (1 + p (1 - p) S)`. This is the extended Kalman filter with a diagonal covariance
//! (West, Harrison, Migon 1985; the gain is that of Glickman's ratings): what is little known moves much, what is well known hardly.
//! An impression counts in `n` by its information, less what
//! the doubt in its other effects takes from it. `n` is held to a field's limit, below which old impressions are forgotten.
//!
//! One pass over a log gives what several passes of a stochastic gradient give, and the effects are their own explanation.

use crate::math::{D, Vector, ZERO, dot, logit, sigmoid};
use crate::table::{FIELDS, Field, View};
use crate::task::{GROUPS, TABLE, TASKS};

/// Lanes from here on count impressions, one per group of tasks.
const COUNTS: usize = TASKS;
const _: () = assert!(COUNTS + GROUPS <= D);

/// Variance of a field's effects before anything is known of an id, in squared logits.
const PRIOR_VARIANCE: [f32; FIELDS] = [0.6, 0.3, 0.05, 0.02, 0.05, 0.02, 0.5, 0.05, 0.0];
/// Impressions that an effect rests on at the most.
const COUNT_MAX: [f32; FIELDS] = [300.0, 300.0, 1_000.0, 1_000.0, 5_000.0, 5_000.0, 20_000.0, 300.0, 0.0];
/// No effect leaves this range.
const EFFECT_MAX: f32 = 6.0;
/// Judged impressions over which the mean information is averaged.
const INFORMATION_HORIZON: f32 = 1_000.0;

/// Which lanes a group's count is for.
const MASKS: [Vector; GROUPS] = {
    let mut masks = [ZERO; GROUPS];
    let mut task = 0;
    while task < TASKS {
        masks[TABLE[task].group][task] = 1.0;
        task += 1;
    }
    masks
};

/// Tasks in each group.
const SIZES: [f32; GROUPS] = {
    let mut sizes = [0.0; GROUPS];
    let mut task = 0;
    while task < TASKS {
        sizes[TABLE[task].group] += 1.0;
        task += 1;
    }
    sizes
};

/// What effects are measured by, per task.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Information {
    /// The mean of p (1 - p).
    pub mean: Vector,
    /// The logit of the prior rate, from which the effects count.
    prior: Vector,
}

impl Default for Information {
    fn default() -> Self {
        let mut information = Self { mean: ZERO, prior: ZERO };
        for spec in &TABLE {
            information.mean[spec.task.index()] = spec.prior * (1.0 - spec.prior);
            information.prior[spec.task.index()] = logit(spec.prior);
        }
        information
    }
}

/// Sum of the beliefs in several effects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Belief {
    pub mean: Vector,
    pub variance: Vector,
}

pub(crate) const NO_BELIEF: Belief = Belief { mean: ZERO, variance: ZERO };

/// The variance of one row's effects.
#[inline(always)]
fn variance(field: Field, effects: &Vector, information: &Information) -> Vector {
    let prior = PRIOR_VARIANCE[field as usize];
    let (mut n, mut out) = (ZERO, ZERO);
    for group in 0..GROUPS {
        for lane in 0..D {
            n[lane] += MASKS[group][lane] * effects[COUNTS + group];
        }
    }
    for lane in 0..D {
        out[lane] = prior / (1.0 + prior * information.mean[lane] * n[lane]);
    }
    out
}

impl Belief {
    /// Adds `share` of a row's effects; a row that does not exist has the prior's.
    #[inline(always)]
    pub fn add(&mut self, view: &View, information: &Information, field: Field, row: Option<u32>, share: f32) -> Vector {
        let effects = view.effects(field, row);
        let variance = variance(field, &effects, information);
        for lane in 0..D {
            self.mean[lane] += share * effects[lane];
            self.variance[lane] += share * share * variance[lane];
        }
        effects
    }

    /// The logit whose logistic is the mean prediction; zero in lanes without a task.
    #[inline(always)]
    pub fn logits(&self) -> Vector {
        let mut out = ZERO;
        for lane in 0..TASKS {
            out[lane] = self.mean[lane] / (1.0 + std::f32::consts::PI / 8.0 * self.variance[lane]).sqrt();
        }
        out
    }
}

/// How much an effect rests on in the group of tasks that was judged most, 0 to 1.
#[inline(always)]
pub(crate) fn evidence(effects: &Vector) -> f32 {
    let n = effects[COUNTS..COUNTS + GROUPS].iter().fold(0.0f32, |most, n| most.max(*n));
    n / (n + 20.0)
}

/// What one outcome says, before it is shared out among the rows.
pub(crate) struct Lesson {
    error: Vector,
    /// p (1 - p), and the same in units of the mean information over the tasks of a group; 0 where there is no label.
    curvature: Vector,
    counts: Vector,
    /// Variance of the whole prediction.
    variance: Vector,
}

impl Lesson {
    /// `None` when nothing has a label or something is no number.
    pub fn of(belief: &Belief, labels: &[Option<f32>; TASKS], weight: f32, information: &mut Information) -> Option<Self> {
        let logits = belief.logits();
        let mut lesson = Self { error: ZERO, curvature: ZERO, counts: ZERO, variance: belief.variance };
        for (task, label) in labels.iter().enumerate() {
            let Some(label) = label else { continue };
            let p = sigmoid(logits[task] + information.prior[task]);
            let h = p * (1.0 - p);
            lesson.error[task] = weight * (label - p) / (1.0 + h * belief.variance[task]);
            lesson.curvature[task] = h;
            lesson.counts[task] = weight * h / (information.mean[task] * SIZES[TABLE[task].group]);
            information.mean[task] += (h - information.mean[task]) / INFORMATION_HORIZON;
        }
        let sound = lesson.error.iter().chain(&lesson.counts).all(|number| number.is_finite());
        (sound && labels.iter().any(Option::is_some)).then_some(lesson)
    }

    /// A row's effects after the lesson.
    #[inline(always)]
    pub fn taught(&self, field: Field, effects: &Vector, share: f32, information: &Information) -> Vector {
        let variance = variance(field, effects, information);
        let (mut out, mut gained) = (*effects, ZERO);
        for lane in 0..D {
            let own = share * share * variance[lane];
            // What the doubt in the other effects leaves of the outcome's information.
            gained[lane] =
                share * share * self.counts[lane] / (1.0 + self.curvature[lane] * (self.variance[lane] - own).max(0.0));
        }
        for lane in 0..TASKS {
            let moved = effects[lane] + share * variance[lane] * self.error[lane];
            out[lane] = moved.max(-EFFECT_MAX).min(EFFECT_MAX);
        }
        for group in 0..GROUPS {
            let n = effects[COUNTS + group] + dot(&gained, &MASKS[group]);
            out[COUNTS + group] = n.min(COUNT_MAX[field as usize]);
        }
        out
    }
}
