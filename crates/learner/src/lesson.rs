//! One example's lesson: predicted, measured, weighed, learned. The same for one learning thread and for several.

use crate::backward::{Passed, learn};
use crate::config::Config;
use crate::dense::{Trace, Transposed};
use crate::effects::{Belief, Information, Lesson};
use crate::example::Example;
use crate::features::VideoFeatures;
use crate::forward::{CandidateRows, trace_one};
use crate::learner::prediction;
use crate::limits::Shares;
use crate::math::{Vector, multiversion};
use crate::metrics::{TaskWindow, Totals};
use crate::rivals::Rivals;
use crate::side::{ItemByItem, Model, ViewerSide};
use crate::table::{Field, View};
use crate::task::{Labels, Prediction, Task};
use crate::watch::WatchRanks;

/// What a lesson reads; of it only rows change, through their atomics.
pub(crate) struct Scene<'a> {
    pub config: &'a Config,
    pub model: Model<'a>,
    pub back: &'a Transposed,
}

/// What a lesson writes beside rows and gradients.
pub(crate) struct Book<'a> {
    pub config: &'a Config,
    pub ranks: &'a mut WatchRanks,
    pub information: &'a mut Information,
    pub shares: &'a mut Shares,
    pub rivals: &'a mut Rivals,
    pub windows: &'a mut [TaskWindow],
    pub totals: &'a mut Totals,
}

/// A book, or the way to one that several write.
pub(crate) trait Open<'a> {
    fn open<T>(&mut self, with: impl FnOnce(&mut Book<'a>) -> T) -> T;
}

impl<'a> Open<'a> for Book<'a> {
    fn open<T>(&mut self, with: impl FnOnce(&mut Book<'a>) -> T) -> T {
        with(self)
    }
}

/// A prediction and what came of it.
pub(crate) struct Outcome {
    pub predicted: Prediction,
    pub labels: Labels,
}

/// The weight that an example is learned with, its labels as the heads learn them, and the gradient of the order.
struct Graded {
    weight: f32,
    labels: Labels,
    order: Vector,
}

impl Book<'_> {
    /// Measures the prediction. `None` when the viewer has had their share.
    fn grade(&mut self, now_ms: i64, example: &Example, logits: &Vector, predicted: &Prediction) -> Option<Graded> {
        let labels = self.ranks.labels(&example.labels, &example.video);
        for (task, label) in labels.0.iter().enumerate() {
            if let Some(label) = label {
                self.windows[task].count(logits[task], predicted.probability[task], *label, example.weight);
            }
        }
        let weight = self.shares.grant(self.config, now_ms, example.viewer.viewer, example.weight);
        if weight <= 0.0 {
            self.totals.capped += 1;
            return None;
        }
        let viewers_max = self.config.rivals_viewers_max;
        let order = self.rivals.meet(example.viewer.viewer, example.at_ms, logits, &labels.0, viewers_max);
        Some(Graded { weight, labels, order })
    }

    /// What the effects learn, after the prediction that must not know the outcome.
    fn lesson(&mut self, example: &Example, belief: &Belief, graded: &Graded, broken: u64) -> Option<Lesson> {
        self.totals.broken_gradients += broken;
        self.totals.learned += 1;
        if let Some(ratio) = example.labels.get(Task::WatchTime) {
            self.ranks.count(ratio, example.video.duration_ms);
        }
        Lesson::of(belief, &graded.labels.0, graded.weight, self.information)
    }
}

/// Learns one example: rows at once, the dense part's gradients into `trace`. `None` when the viewer has had their share.
pub(crate) fn learn_one<'a>(
    scene: &Scene<'_>,
    book: &mut impl Open<'a>,
    trace: &mut Trace,
    side: &ViewerSide,
    rows: &CandidateRows,
    now_ms: i64,
    example: &Example,
) -> Option<Outcome> {
    let (model, now_s) = (&scene.model, crate::trainer::seconds(now_ms));
    let history = ItemByItem { side, history: &example.viewer.history, whitener: model.whitener };
    let inputs = &mut trace.inputs[trace.len];
    let (candidate, activations) = trace_one(model.level, model, &history, example.at_ms, &example.video, rows, inputs);
    let logits = &activations.logits[0];
    let predicted = prediction(logits);
    let graded = book.open(|book| book.grade(now_ms, example, logits, &predicted))?;
    let passed = Passed {
        order: &graded.order,
        side,
        rows,
        candidate: &candidate,
        activations: &activations,
        predicted: &predicted,
        labels: &graded.labels.0,
        video: &example.video,
        history: &example.viewer.history,
        weight: graded.weight,
        now_s,
    };
    let broken = learn(scene, trace, &passed);
    if broken == 0 {
        trace.len += 1;
    }
    if let Some(row) = rows.tower {
        model.view.keep(Field::Tower, row, &candidate.tower, now_s);
    }
    if let Some(lesson) = book.open(|book| book.lesson(example, &candidate.belief, &graded, broken)) {
        teach(model.level, model.view, side, rows, &example.video, &lesson, model.information);
    }
    Some(Outcome { predicted, labels: graded.labels })
}

multiversion! {
    fn teach(
        level,
        view: &View,
        side: &ViewerSide,
        rows: &CandidateRows,
        video: &VideoFeatures,
        lesson: &Lesson,
        information: &Information,
    ) {
        let teach = |field: Field, row: Option<u32>, share: f32| {
            if let Some(row) = row {
                view.teach(field, row, share, lesson, information);
            }
        };
        side.rows.context.iter().for_each(|row| teach(Field::Context, *row, 1.0));
        teach(Field::Viewer, side.rows.viewer, 1.0);
        teach(Field::Habit, side.rows.habit, 1.0);
        rows.each_effect(video, teach);
    }
}
