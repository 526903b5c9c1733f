//! Who sends much at once moves what others are shown little; many who agree move it much.

use super::*;

const EXAMPLES: u64 = 3_000;
/// Of the kind that is run down, so many examples are somebody's share: of a viewer, and of an origin.
fn config() -> Config {
    Config { viewer_weight_max: 10.0, origin_weight_max: 20.0, ..Config::default() }
}

/// Skips of all clips of one kind within one window, each by the viewer and from the origin that `from` says: how far the mean prediction of a
/// finish moves for those who have nothing to do with it, and the model after it.
fn burst(config: Config, from: impl Fn(u64) -> (u64, u64)) -> (f32, Trainer) {
    let (mut world, mut trainer, mut now_ms) = (World::new(41, BOTH), Trainer::new(config), START_MS);
    // At this pace nobody of the world comes near their share.
    for _ in 0..6_000 {
        now_ms += 10_000;
        let example = world.example(now_ms);
        trainer.train(now_ms, &example);
    }
    now_ms = (now_ms / config.viewer_window_ms + 1) * config.viewer_window_ms;
    let clips: Vec<_> = world.videos.iter().filter(|(kind, _)| *kind == 3).map(|(_, video)| video.clone()).collect();
    let mean = |trainer: &mut Trainer| {
        trainer.publish(now_ms);
        let candidates: Vec<&VideoFeatures> = clips.iter().map(|clip| &**clip).collect();
        let (mut sum, mut out) = (0.0, Vec::new());
        for who in 0..50 {
            let history: Vec<HistoryItem> = world.histories[who].iter().rev().take(HISTORY_MAX).copied().collect();
            trainer.learner().predict(now_ms, &viewer(who as u64 + 1, &history), &candidates, &mut out);
            sum += out.iter().map(|p| p.get(Task::Finish)).sum::<f32>() / out.len() as f32;
        }
        sum / 50.0
    };
    let before = mean(&mut trainer);
    for n in 0..EXAMPLES {
        let (who, origin) = from(n);
        trainer.viewer_comes_from(who, origin);
        let labels = Labels::none().with(Task::Finish, 0.0).with(Task::LongView, 0.0).with(Task::Skip, 1.0);
        let video = clips[n as usize % clips.len()].clone();
        trainer.train(now_ms, &Example { viewer: viewer(who, &[]), video, labels, weight: 1.0, at_ms: now_ms });
    }
    (before - mean(&mut trainer), trainer)
}

#[test]
fn one_viewer_or_one_origin_moves_others_little_and_a_crowd_does() {
    let crowd = |n| (10_000 + n, 1 + n);
    let one_viewer = |_| (10_000, 0);
    let one_origin = |n| (10_000 + n, 1);
    let (moved_by_crowd, trainer) = burst(config(), crowd);
    assert_eq!(trainer.totals().capped, 0, "everybody of the crowd is heard");
    assert!(moved_by_crowd > 0.1, "{moved_by_crowd}");
    let no_limits = Config { viewer_weight_max: f32::INFINITY, origin_weight_max: f32::INFINITY, ..config() };
    type Burst<'a> = (&'a str, &'a dyn Fn(u64) -> (u64, u64), u64, u64);
    let from: [Burst<'_>; 2] =
        [("one viewer", &one_viewer, EXAMPLES - 10, 0), ("one origin", &one_origin, EXAMPLES - 20, EXAMPLES - 20)];
    for (name, from, capped, by_origin) in from {
        let (moved, trainer) = burst(config(), from);
        let totals = trainer.totals();
        assert_eq!((totals.capped, totals.capped_by_origin), (capped, by_origin), "{name}");
        assert!(moved.abs() < 0.2 * moved_by_crowd, "{name} moved others by {moved}, the crowd by {moved_by_crowd}");
        let (unheld, _) = burst(no_limits, from);
        assert!(unheld > 4.0 * moved.abs(), "{name} would have moved others by {unheld}, not {moved}");
    }
}

#[test]
fn shares_survive_a_snapshot() {
    let (_, mut straight) = burst(config(), |n| (10_000 + n % 500, 1 + n / 600));
    let mut bytes = Vec::new();
    straight.snapshot(&mut bytes).unwrap();
    let mut restored = Trainer::restore(config(), &mut bytes.as_slice()).unwrap();
    let mut world = World::new(42, BOTH);
    let at_ms = (START_MS + 6_000 * 10_000) / config().viewer_window_ms * config().viewer_window_ms + config().viewer_window_ms;
    let mut capped = 0;
    for n in 0..200 {
        let example = Example { viewer: viewer(10_000 + n, &[]), ..world.example(at_ms) };
        let done = straight.train(at_ms, &example);
        assert_eq!(restored.train(at_ms, &example), done);
        capped += u64::from(done == Trained::Capped);
    }
    assert!(capped > 100, "{capped}");
}
