//! What the model says of itself, as metrics.

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
        ("learner_examples_refused", totals.refused),
        ("learner_gradients_broken", totals.broken_gradients),
        ("learner_fallbacks", totals.fallbacks),
        ("learner_rows", totals.rows),
        ("learner_rows_refused", totals.rows_refused),
        ("learner_table_bytes", totals.table_bytes),
    ];
    for (name, count) in counts {
        metrics::gauge!(name, "model" => model.to_owned()).set(count as f64);
    }
}

/// Tells what the joiner did with what came in.
pub fn tell_joined(counters: &Counters) {
    let counts = [
        ("joiner_examples_watched", counters.watch_examples),
        ("joiner_examples_positive", counters.positive_examples),
        ("joiner_examples_negative", counters.negative_examples),
        ("joiner_negatives_dropped", counters.negatives_dropped),
        ("joiner_duplicates", counters.duplicates),
        ("joiner_late", counters.late),
        ("joiner_unmatched", counters.unmatched),
        ("joiner_refused", counters.refused),
        ("joiner_dropped", counters.slates_dropped + counters.waiting_dropped + counters.closed_early),
    ];
    for (name, count) in counts {
        metrics::gauge!(name).set(count as f64);
    }
}
