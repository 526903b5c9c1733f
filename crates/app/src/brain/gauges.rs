//! What the model says of itself, as metrics: every count of [`Totals`] and [`Counters`], where they are explained, under the same name after
//! `learner_` (by model) and `joiner_`. They count from the first event of the log on, also over restarts.

use learner::Totals;
use learner::joiner::Counters;

/// Tells the model's counts; a fall-back of its weights since `before` is said aloud.
pub fn tell(model: &str, before: &Totals, totals: &Totals) {
    if totals.fallbacks > before.fallbacks {
        tracing::error!(model, fallbacks = totals.fallbacks, "the loss exploded: the net went back to its last good weights");
    }
    let counts = [
        ("learner_examples_learned", totals.learned),
        ("learner_examples_capped", totals.capped),
        ("learner_examples_capped_by_origin", totals.capped_by_origin),
        ("learner_examples_refused", totals.refused),
        ("learner_gradients_broken", totals.broken_gradients),
        ("learner_fallbacks", totals.fallbacks),
        ("learner_rows", totals.rows),
        ("learner_rows_refused", totals.rows_refused),
        ("learner_rows_admitted", totals.rows_admitted),
        ("learner_rows_waiting", totals.rows_waiting),
        ("learner_rows_expired", totals.rows_expired),
        ("learner_dense_parameters", totals.dense_parameters),
        ("learner_table_bytes", totals.table_bytes),
    ];
    for (name, count) in counts {
        metrics::gauge!(name, "model" => model.to_owned()).set(count as f64);
    }
}

/// Tells what the joiner did with what came in.
pub fn tell_joined(counters: &Counters) {
    let counts = [
        ("joiner_slates", counters.slates),
        ("joiner_impressions", counters.impressions),
        ("joiner_watches", counters.watches),
        ("joiner_actions", counters.actions),
        ("joiner_examples_watched", counters.watch_examples),
        ("joiner_examples_positive", counters.positive_examples),
        ("joiner_examples_negative", counters.negative_examples),
        ("joiner_negatives_dropped", counters.negatives_dropped),
        ("joiner_duplicates", counters.duplicates),
        ("joiner_late", counters.late),
        ("joiner_unmatched", counters.unmatched),
        ("joiner_refused", counters.refused),
        ("joiner_slates_dropped", counters.slates_dropped),
        ("joiner_waiting_dropped", counters.waiting_dropped),
        ("joiner_closed_early", counters.closed_early),
    ];
    for (name, count) in counts {
        metrics::gauge!(name).set(count as f64);
    }
}
