//! What learning does to rows that exist: steps of the vectors, lessons of the effects.
//!
//! Through a [`View`], by any learning thread: words are atomic, so that two threads that meet in a row leave numbers that are whole, the
//! step of one of them possibly lost (Recht et al. 2011, "Hogwild"). With one thread nothing is lost and everything is as if
//! numbers were plain.

use super::{Field, View};
use crate::effects::{Information, Lesson};
use crate::math::{D, Vector, dot};

/// Keeps the first steps of a row from being as large as later ones are small.
const ACCUMULATOR_FLOOR: f32 = 1e-3;
/// No weight of a row leaves this range.
const WEIGHT_MAX: f32 = 8.0;

impl View {
    /// One Adagrad step: `accumulator += mean(g^2)`, `w -= step * g / sqrt(accumulator)`. False when the gradient or the
    /// result is no number: then nothing changed.
    #[inline(always)]
    pub fn update(&self, field: Field, row: u32, gradient: &Vector, step: f32, norm_max: f32, now_s: u32) -> bool {
        let view = &self.fields[field as usize];
        let Some(cells) = view.row(row, self.precision) else { return false };
        let mut square = dot(gradient, gradient);
        if !square.is_finite() {
            return false;
        }
        let mut held = 1.0;
        if square > norm_max * norm_max {
            held = norm_max / square.sqrt();
            square = norm_max * norm_max;
        }
        let accumulated = cells.optimiser().0 + square * (1.0 / D as f32);
        let scale = held * step / (accumulated + ACCUMULATOR_FLOOR).sqrt();
        let mut weights = cells.weights();
        for i in 0..D {
            weights[i] = (weights[i] - scale * gradient[i]).max(-WEIGHT_MAX).min(WEIGHT_MAX);
        }
        cells.set_optimiser(accumulated, now_s);
        cells.set_weights(&weights);
        view.touch(row);
        true
    }

    /// Puts a vector into a row.
    #[inline(always)]
    pub fn keep(&self, field: Field, row: u32, vector: &Vector, now_s: u32) {
        let view = &self.fields[field as usize];
        let Some(cells) = view.row(row, self.precision) else { return };
        cells.set_optimiser(0.0, now_s);
        cells.set_weights(vector);
        view.touch(row);
    }

    /// Teaches a row's effects its share of a lesson.
    #[inline(always)]
    pub fn teach(&self, field: Field, row: u32, share: f32, lesson: &Lesson, information: &Information) {
        let view = &self.fields[field as usize];
        let Some(cells) = view.row(row, self.precision) else { return };
        cells.set_effects(&lesson.taught(field, &cells.effects(), share, information));
        view.touch(row);
    }
}
