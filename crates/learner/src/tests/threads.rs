//! Several learning threads: as much is learned, and as well, as with one.

use super::*;

const EXAMPLES: usize = 12_000;

/// A model that learned in so many threads, with some examples among the others that cannot be learned; its AUC on finishing.
fn learned(threads: usize) -> (f64, Trainer) {
    let mut world = World::new(1, BOTH);
    let mut trainer = Trainer::new(Config { threads, viewer_weight_max: f32::INFINITY, ..Config::default() });
    let mut now_ms = START_MS;
    for part in 0..EXAMPLES / 500 {
        let mut examples: Vec<Example> = (0..500)
            .map(|_| {
                now_ms += 1_000;
                world.example(now_ms)
            })
            .collect();
        examples[part].weight = f32::NAN;
        trainer.train_all(examples.iter().map(|example| (example.at_ms, example)));
    }
    trainer.publish(now_ms);
    let (learner, mut out, mut scored) = (trainer.learner(), Vec::new(), Vec::new());
    for _ in 0..2_000 {
        let example = world.example(now_ms);
        learner.predict(now_ms, &example.viewer, &[&example.video], &mut out);
        scored.push((out[0].get(Task::Finish), example.labels.get(Task::Finish) == Some(1.0)));
    }
    (auc(&scored), trainer)
}

#[test]
fn several_threads_learn_as_much_and_as_well_as_one() {
    let ((auc_one, one), (auc_three, three)) = (learned(1), learned(3));
    assert!(auc_three > auc_one - 0.02, "{auc_three} with three threads, {auc_one} with one");
    let (a, b) = (one.totals(), three.totals());
    assert_eq!((a.learned, a.refused, a.broken_gradients), (b.learned, b.refused, b.broken_gradients));
    assert_eq!((b.learned, b.refused), (EXAMPLES as u64 - 24, 24));
    assert_eq!(a.rows, b.rows, "every id has its one row");
    let judged = |trainer: &Trainer| trainer.points()[Task::Finish.index()];
    let (a, b) = (judged(&one), judged(&three));
    assert!(b.ece < a.ece + 0.02 && b.log_loss < a.log_loss + 0.02, "{a:?} {b:?}");

    // What was learned side by side is kept like everything else.
    let mut bytes = Vec::new();
    three.snapshot(&mut bytes).unwrap();
    let restored = Trainer::restore(three.config, &mut bytes.as_slice()).unwrap();
    assert_eq!((restored.totals().rows, restored.totals().learned), (three.totals().rows, three.totals().learned));
}

#[test]
fn a_touched_row_is_in_the_next_changes_whoever_touched_it() {
    let (_, mut trainer) = learned(2);
    let (mut whole, mut rest) = (Vec::new(), Vec::new());
    let mark = trainer.snapshot(&mut whole).unwrap();
    trainer.saved(mark);
    let (mut world, now_ms) = (World::new(1, BOTH), START_MS + EXAMPLES as i64 * 1_000);
    let examples: Vec<Example> = (0..2_000).map(|_| world.example(now_ms)).collect();
    trainer.train_all(examples.iter().map(|example| (now_ms, example)));
    trainer.publish(now_ms);
    trainer.changes(&mut rest).unwrap();
    let restored = Trainer::restore_all(trainer.config, [whole.as_slice(), rest.as_slice()]).unwrap();
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for example in &examples {
        trainer.learner().predict(now_ms, &example.viewer, &[&example.video], &mut a);
        restored.learner().predict(now_ms, &example.viewer, &[&example.video], &mut b);
        assert_eq!(a, b);
    }
}
