//! Leaving out most of the noes must not change what is predicted in the mean.

use super::*;
use crate::joiner::{Action, Counters, Impression, Joiner, JoinerConfig, Target, Watch};

const IMPRESSIONS: u64 = 20_000;
/// Mean chance of a like over the kinds.
const LIKED: f32 = 0.06;

/// Chance of a like by the video's kind: 0 or twice the mean.
fn likes(kind: usize) -> f32 {
    if kind.is_multiple_of(2) { 2.0 * LIKED } else { 0.0 }
}

/// Teaches a new model a world by way of a joiner; gives it with what was predicted of likes in the mean when the pages of the second half
/// were made, over the kinds that are liked and over the others.
fn taught(negatives_kept: f32) -> (Trainer, [f32; 2], Counters) {
    let (mut world, mut trainer) = (World::new(31, BOTH), Trainer::new(Config::default()));
    let mut joiner = Joiner::new(JoinerConfig { negatives_kept, ..JoinerConfig::default() });
    let (mut out, mut predictions, mut predicted) = (Vec::new(), Vec::new(), [(0.0, 0.0); 2]);
    for n in 0..IMPRESSIONS {
        let at_ms = START_MS + 1_000 * n as i64;
        let example = world.example(at_ms);
        let (viewer, id) = (example.viewer.viewer, example.video.video);
        let kind = world.videos[id as usize - 1].0;
        if n > IMPRESSIONS / 2 && n.is_multiple_of(5) {
            trainer.publish(at_ms);
            trainer.learner().predict(at_ms, &example.viewer, &[&example.video], &mut predictions);
            let (sum, count) = &mut predicted[kind % 2];
            *sum += predictions[0].get(Task::Like);
            *count += 1.0;
        }
        joiner.tick(at_ms, &mut out);
        joiner.slate(n, example.viewer, vec![example.video], at_ms, &mut out);
        joiner.impression(&Impression { viewer, video: id, slate: Some(n), at_ms }, || None, &mut out);
        let watch =
            Watch { viewer, video: id, slate: Some(n), at_ms, watch_ms: 2_500, duration_ms: 10_000, judged: Labels::none() };
        joiner.watch(&watch, || None, &mut out);
        if world.rng.chance(likes(kind)) {
            joiner.action(&Action { viewer, target: Target::Video(id), task: Task::Like, at_ms }, &mut out);
        }
        for example in out.drain(..) {
            assert_ne!(trainer.train(at_ms, &example), Trained::Refused);
        }
    }
    (trainer, std::array::from_fn(|of| predicted[of].0 / predicted[of].1), joiner.counters())
}

#[test]
fn a_model_taught_a_quarter_of_the_noes_is_as_well_calibrated() {
    let ([all, some], mut learned) = ([1.0, 0.25].map(taught), Vec::new());
    for (name, (trainer, predicted, counters)) in [("all", &all), ("a quarter", &some)] {
        let told = format!("{name}: {predicted:?}, {counters:?}, {:?}", trainer.points()[Task::Like.index()]);
        assert!((predicted[0] / (2.0 * LIKED) - 1.0).abs() < 0.08, "of those liked, {told}");
        assert!(predicted[1] < 0.01, "of those not liked, {told}");
        let measured = trainer.points()[Task::Like.index()];
        assert!((measured.observed / f64::from(LIKED) - 1.0).abs() < 0.1, "{told}");
        assert!((measured.predicted / measured.observed - 1.0).abs() < 0.05, "{told}");
        learned.push(counters.negative_examples);
    }
    let dropped = some.2.negatives_dropped as f64 / learned[0] as f64;
    assert!((0.73..0.77).contains(&dropped), "{dropped}");
    assert_eq!(learned[1] + some.2.negatives_dropped, learned[0]);
    assert_eq!(all.2.negatives_dropped, 0);
}
