//! The learner as a whole, on small made-up worlds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base::Rng;

use crate::*;

mod chain;
mod negatives;
mod poison;
mod threads;

const START_MS: i64 = 1_700_000_000_000;

/// A video of a kind: by its hashtag, its look, or both.
#[derive(Clone, Copy)]
struct Form {
    hashtags: bool,
    content: bool,
}

fn video(id: u64, kind: usize, form: Form, rng: &mut Rng) -> Arc<VideoFeatures> {
    let hashtags: &[String] = if form.hashtags { &[format!("kind{kind}"), "clip".into()] } else { &["clip".into()] };
    let look = |dim: usize| if form.content { ((kind * 37 + dim * 17) % 11) as f32 / 10.0 } else { 0.5 };
    Arc::new(VideoFeatures {
        video: id,
        creator: 1 + rng.below(40) as u64,
        sound: 1 + rng.below(40) as u64,
        hashtags: hashtags.iter().map(|tag| feature_hash(tag)).collect(),
        words: vec![feature_hash(&format!("word{}", rng.below(300)))],
        duration_ms: 5_000 + rng.below(10_000) as u32,
        published_at_ms: START_MS - rng.below(5 * 86_400_000) as i64,
        content: (0..16).map(|dim| (look(dim) + 0.05 * rng.normal()).clamp(0.0, 1.0)).collect(),
    })
}

fn viewer(id: u64, history: &[HistoryItem]) -> ViewerFeatures {
    ViewerFeatures { viewer: id, hour: 20, device: 1, language: 1, history: history.into(), ..Default::default() }
}

fn seen(video: &VideoFeatures, watch_ms: u32, at_ms: i64) -> HistoryItem {
    let signals = Signals { watch_ms, duration_ms: video.duration_ms, ..Default::default() };
    HistoryItem::new(video, signals.judge(), at_ms)
}

/// Viewers with a taste in kinds; every view is an example.
#[derive(Clone)]
struct World {
    rng: Rng,
    kinds: usize,
    videos: Vec<(usize, Arc<VideoFeatures>)>,
    histories: Vec<Vec<HistoryItem>>,
}

impl World {
    fn new(seed: u64, form: Form) -> Self {
        let mut rng = Rng::from_seed(seed);
        let kinds = 8;
        let videos = (0..400).map(|n| (n % kinds, video(n as u64 + 1, n % kinds, form, &mut rng))).collect();
        Self { rng, kinds, videos, histories: vec![Vec::new(); 200] }
    }

    /// How much of a clip of a kind a viewer watches: two kinds are liked, the others are not; some kinds are popular.
    fn taste(&self, viewer: usize, kind: usize) -> f32 {
        let liked = (viewer % self.kinds) == kind || (viewer / self.kinds) % self.kinds == kind;
        let popular = 0.15 * (kind % 3) as f32;
        if liked { 0.75 + popular } else { 0.15 + popular }
    }

    fn example(&mut self, now_ms: i64) -> Example {
        let who = self.rng.below(self.histories.len());
        let (kind, video) = self.videos[self.rng.below(self.videos.len())].clone();
        let history: Vec<HistoryItem> = self.histories[who].iter().rev().take(HISTORY_MAX).copied().collect();
        let finished = self.rng.chance(self.taste(who, kind));
        let share = if finished { 1.0 } else { 0.4 * self.rng.unit() };
        let watch_ms = (share * video.duration_ms as f32) as u32;
        self.histories[who].push(seen(&video, watch_ms, now_ms));
        let mut labels = labels::WatchLabels::of(watch_ms, video.duration_ms).labels(video.duration_ms);
        let like = if finished && self.rng.chance(0.1) { 1.0 } else { 0.0 };
        labels = labels.with(Task::Like, like);
        Example { viewer: viewer(who as u64 + 1, &history), video, labels, weight: 1.0, at_ms: now_ms }
    }

    fn train(&mut self, trainer: &mut Trainer, n: usize, now_ms: &mut i64) {
        for _ in 0..n {
            *now_ms += 500;
            let example = self.example(*now_ms);
            trainer.train(*now_ms, &example);
        }
        trainer.publish(*now_ms);
    }
}

/// AUC of scores against outcomes, ties half.
fn auc(scored: &[(f32, bool)]) -> f64 {
    let (mut wins, mut pairs) = (0.0, 0.0);
    for (a, _) in scored.iter().filter(|(_, yes)| *yes) {
        for (b, _) in scored.iter().filter(|(_, yes)| !*yes) {
            pairs += 1.0;
            wins += if a > b {
                1.0
            } else if a == b {
                0.5
            } else {
                0.0
            };
        }
    }
    wins / pairs
}

const BOTH: Form = Form { hashtags: true, content: true };

#[test]
fn learns_a_world_beyond_its_popularity() {
    let (mut world, mut trainer, mut now_ms) = (World::new(1, BOTH), Trainer::new(Config::default()), START_MS);
    world.train(&mut trainer, 20_000, &mut now_ms);
    let learner = trainer.learner();
    let (mut model, mut popular, mut tower, mut oracle) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut out = Vec::new();
    for _ in 0..2_000 {
        let example = world.example(now_ms);
        let finished = example.labels.get(Task::Finish) == Some(1.0);
        learner.predict(now_ms, &example.viewer, &[&example.video], &mut out);
        model.push((out[0].get(Task::Finish), finished));
        let kind = world.videos[example.video.video as usize - 1].0;
        popular.push(((0..200).map(|who| world.taste(who, kind)).sum::<f32>(), finished));
        oracle.push((world.taste(example.viewer.viewer as usize - 1, kind), finished));
        let (a, b) = (learner.viewer_vector(now_ms, &example.viewer), learner.video_vector(&example.video));
        tower.push((a.iter().zip(&b).map(|(a, b)| a * b).sum(), finished));
    }
    let [model, popular, tower, oracle] = [model, popular, tower, oracle].map(|scored| auc(&scored));
    assert!(model > oracle - 0.06 && model > popular + 0.1, "model {model}, popularity {popular}, oracle {oracle}");
    assert!(tower > oracle - 0.1, "retrieval {tower}, oracle {oracle}");
    let point = trainer.points()[Task::Finish.index()];
    assert!(point.auc > 0.7 && point.ece < 0.03 && point.log_loss < 0.97 * point.log_loss_base, "{point:?}");
}

/// A new viewer finishes three clips of one kind and skips three of another: how far apart the kinds' scores are then, on clips
/// not seen: the finish probabilities' gap between the lowest of the liked kind and the highest of the skipped, the gap between
/// their means, and the share of pairs that the retrieval product puts in the right order.
fn turn(trainer: &Trainer, form: Form) -> (f32, f32, f64) {
    let (mut rng, learner) = (Rng::from_seed(9), trainer.learner());
    let videos: Vec<_> = (0..40).map(|n| video(10_000 + n as u64, n % 2, form, &mut rng)).collect();
    let mut history = Vec::new();
    for n in (0..6).rev() {
        let watch_ms = if n % 2 == 0 { videos[n].duration_ms } else { 500 };
        history.push(seen(&videos[n], watch_ms, START_MS + n as i64));
    }
    let features = viewer(77_777, &history);
    let rest: Vec<&VideoFeatures> = videos[6..].iter().map(|video| &**video).collect();
    let mut out = Vec::new();
    learner.predict(START_MS, &features, &rest, &mut out);
    let own = learner.viewer_vector(START_MS, &features);
    let product = |video: &&VideoFeatures| learner.video_vector(video).iter().zip(&own).map(|(a, b)| a * b).sum::<f32>();
    let of = |parity| out.iter().skip(parity).step_by(2).map(|p| p.get(Task::Finish));
    let gap = of(0).fold(f32::MAX, f32::min) - of(1).fold(f32::MIN, f32::max);
    let mean_gap = (of(0).sum::<f32>() - of(1).sum::<f32>()) / (rest.len() / 2) as f32;
    let ordered: Vec<(f32, bool)> = rest.iter().enumerate().map(|(at, video)| (product(video), at % 2 == 0)).collect();
    (gap, mean_gap, auc(&ordered))
}

#[test]
fn a_new_viewers_next_page_turns() {
    let forms = [("both", BOTH), ("hashtags", Form { content: false, ..BOTH }), ("content", Form { hashtags: false, ..BOTH })];
    for (name, form) in forms {
        for (seed, examples) in [2, 3, 4, 5].into_iter().flat_map(|seed| [0, 10, 300, 1_000, 5_000].map(|n| (seed, n))) {
            let (mut world, mut trainer, mut now_ms) = (World::new(seed, form), Trainer::new(Config::default()), START_MS);
            for (_, video) in &world.videos {
                trainer.observe_video(START_MS, video);
            }
            world.train(&mut trainer, examples, &mut now_ms);
            let (gap, mean_gap, ordered) = turn(&trainer, form);
            assert!(gap > 0.0 && mean_gap > 0.15, "{name} after {examples} examples, world {seed}: {gap} {mean_gap}");
            assert!(ordered > 0.85, "{name} after {examples} examples, world {seed}, retrieval: {ordered}");
        }
    }
}

#[test]
fn a_snapshot_continues_to_the_same_bits() {
    let (mut world, mut now_ms) = (World::new(3, BOTH), START_MS);
    let mut straight = Trainer::new(Config::default());
    // Neither count is a multiple of the batch: an unfinished batch is carried over.
    world.train(&mut straight, 1_003, &mut now_ms);
    straight.forget_viewer(5);
    straight.forget_video(17);
    let mut bytes = Vec::new();
    straight.snapshot(&mut bytes).unwrap();
    let mut restored = Trainer::restore(Config::default(), &mut bytes.as_slice()).unwrap();
    let mut again = Vec::new();
    restored.snapshot(&mut again).unwrap();
    assert!(bytes == again, "a restored model writes the same bytes");

    let rest: Vec<Example> = (0..701).map(|n| world.example(now_ms + n)).collect();
    for example in &rest {
        assert_eq!(straight.train(now_ms, example), restored.train(now_ms, example));
    }
    // Publishing at other times changes nothing that is learned.
    straight.publish(now_ms);
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for trainer in [&mut straight, &mut restored] {
        trainer.publish(now_ms);
    }
    straight.snapshot(&mut a).unwrap();
    restored.snapshot(&mut b).unwrap();
    assert!(a == b, "train, snapshot, restore, train = train");
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for example in &rest[..50] {
        straight.learner().predict(now_ms, &example.viewer, &[&example.video], &mut x);
        restored.learner().predict(now_ms, &example.viewer, &[&example.video], &mut y);
        assert_eq!(x, y);
    }
}

#[test]
fn every_vector_width_learns_the_same_bits() {
    let train = |level| {
        let (mut world, mut trainer, mut now_ms) = (World::new(4, BOTH), Trainer::new(Config::default()), START_MS);
        trainer.use_level(level);
        world.train(&mut trainer, 300, &mut now_ms);
        let mut bytes = Vec::new();
        trainer.snapshot(&mut bytes).unwrap();
        bytes
    };
    let expected = train(Level::portable());
    for level in Level::available() {
        assert!(train(level) == expected, "{}", level.name());
    }
}

#[test]
fn broken_snapshots_are_refused() {
    let (mut world, mut trainer, mut now_ms) = (World::new(5, BOTH), Trainer::new(Config::default()), START_MS);
    world.train(&mut trainer, 40, &mut now_ms);
    let mut bytes = Vec::new();
    trainer.snapshot(&mut bytes).unwrap();
    let mut rng = Rng::from_seed(6);
    for _ in 0..30 {
        let at = rng.below(bytes.len());
        let mut broken = bytes.clone();
        broken[at] ^= 1 << rng.below(8);
        assert!(Trainer::restore(Config::default(), &mut broken.as_slice()).is_err(), "a bit at {at}");
        assert!(Trainer::restore(Config::default(), &mut &bytes[..at]).is_err(), "cut at {at}");
    }
    let other = Config { seed: 2, ..Config::default() };
    assert!(Trainer::restore(other, &mut bytes.as_slice()).is_err());
}

#[test]
fn what_is_no_number_is_refused_and_changes_nothing() {
    let (mut world, mut trainer, mut now_ms) = (World::new(7, BOTH), Trainer::new(Config::default()), START_MS);
    world.train(&mut trainer, 100, &mut now_ms);
    let good = world.example(now_ms);
    let content = |content: Vec<f32>| Arc::new(VideoFeatures { content, ..(*good.video).clone() });
    let history = |strength: f32| {
        let item = HistoryItem { strength, ..good.viewer.history.first().copied().unwrap_or(seen(&good.video, 1, 0)) };
        ViewerFeatures { history: Arc::new([item]), ..good.viewer.clone() }
    };
    let bad = [
        Example { weight: f32::NAN, ..good.clone() },
        Example { weight: -1.0, ..good.clone() },
        Example { weight: f32::INFINITY, ..good.clone() },
        Example { labels: good.labels.with(Task::Finish, f32::NAN), ..good.clone() },
        Example { labels: good.labels.with(Task::Finish, 1.5), ..good.clone() },
        Example { labels: good.labels.with(Task::WatchTime, f32::INFINITY), ..good.clone() },
        Example { labels: Labels::none(), ..good.clone() },
        Example { video: content(vec![0.5, f32::NAN]), ..good.clone() },
        Example { viewer: history(f32::NAN), ..good.clone() },
    ];
    let size = |trainer: &Trainer| (trainer.totals().rows, trainer.totals().learned);
    let before = size(&trainer);
    for (at, example) in bad.iter().enumerate() {
        assert_eq!(trainer.train(now_ms, example), Trained::Refused, "{at}");
        let mut out = Vec::new();
        trainer.learner().predict(now_ms, &example.viewer, &[&example.video], &mut out);
        assert!(out[0].probability.iter().all(|p| (0.0..=1.0).contains(p)), "{at}: {out:?}");
    }
    assert_eq!((size(&trainer), trainer.totals().refused), (before, bad.len() as u64));
    assert_eq!(trainer.train(now_ms, &good), Trained::Learned);
}

#[test]
fn extreme_but_valid_features_keep_the_model_finite() {
    let mut trainer = Trainer::new(Config { viewer_weight_max: f32::MAX, ..Config::default() });
    let mut rng = Rng::from_seed(8);
    for n in 0..500u64 {
        let mut clip = (*video(n, 0, BOTH, &mut rng)).clone();
        clip.content = vec![if n % 2 == 0 { 1e30 } else { -1e30 }; 40];
        clip.hashtags = vec![n; 50];
        clip.words = vec![n % 3; 50];
        (clip.duration_ms, clip.published_at_ms) = (u32::MAX, if n % 2 == 0 { i64::MAX } else { i64::MIN });
        let item = seen(&clip, u32::MAX, i64::MIN);
        let viewer = ViewerFeatures { hour: 255, depth: 255, ..viewer(n % 2, &[item; 80]) };
        let labels = Labels(std::array::from_fn(|task| Some(((n as usize + task) % 2) as f32)));
        let example = Example { viewer, video: Arc::new(clip), labels, weight: 10.0, at_ms: i64::MAX };
        assert_eq!(trainer.train(i64::MAX, &example), Trained::Learned);
        trainer.publish(i64::MAX);
        let mut out = Vec::new();
        trainer.learner().predict(i64::MAX, &example.viewer, &[&*example.video; 3], &mut out);
        assert!(out.iter().all(|p| p.probability.iter().all(|p| (0.0..=1.0).contains(p))), "{n}: {out:?}");
    }
    assert_eq!(trainer.totals().broken_gradients, 0);
}

#[test]
fn readers_never_see_a_broken_number_while_the_writer_writes() {
    let (mut world, mut trainer, mut now_ms) = (World::new(10, BOTH), Trainer::new(Config::default()), START_MS);
    world.train(&mut trainer, 10, &mut now_ms);
    let (learner, done) = (trainer.learner(), AtomicBool::new(false));
    let videos: Vec<Arc<VideoFeatures>> = world.videos.iter().map(|(_, video)| video.clone()).collect();
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|reader| {
                let (learner, videos, done) = (&learner, &videos, &done);
                scope.spawn(move || {
                    let (mut rng, mut out, mut rounds) = (Rng::from_seed(reader), Vec::new(), 0);
                    while !done.load(Ordering::Relaxed) || rounds < 20 {
                        let candidates: Vec<&VideoFeatures> = (0..30).map(|_| &*videos[rng.below(videos.len())]).collect();
                        let history: Vec<_> = candidates[..10].iter().map(|video| seen(video, 5_000, START_MS)).collect();
                        learner.predict(START_MS, &viewer(1 + rng.below(200) as u64, &history), &candidates, &mut out);
                        assert_eq!(out.len(), candidates.len());
                        assert!(out.iter().all(|p| p.probability.iter().all(|p| *p > 0.0 && *p < 1.0)));
                        rounds += 1;
                    }
                })
            })
            .collect();
        for round in 0..60 {
            world.train(&mut trainer, 100, &mut now_ms);
            // Ids that come and go make indexes grow and rows change hands.
            let mut rng = Rng::from_seed(round);
            for id in 0..100 {
                trainer.observe_video(now_ms, &video(1_000_000 * (round + 1) + id, 0, BOTH, &mut rng));
                trainer.forget_video(1_000_000 * round + id);
            }
        }
        done.store(true, Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
}

#[test]
fn one_example_moves_the_very_next_prediction() {
    let (mut world, mut trainer, mut now_ms) = (World::new(11, BOTH), Trainer::new(Config::default()), START_MS);
    world.train(&mut trainer, 200, &mut now_ms);
    let example = world.example(now_ms);
    let mut out = Vec::new();
    trainer.learner().predict(now_ms, &example.viewer, &[&example.video], &mut out);
    let before = out[0].get(Task::Finish);
    let liked = Example { labels: Labels::none().with(Task::Finish, 1.0).with(Task::LongView, 1.0), ..example };
    (0..3).for_each(|_| assert_eq!(trainer.train(now_ms, &liked), Trained::Learned));
    trainer.publish(now_ms);
    trainer.learner().predict(now_ms, &liked.viewer, &[&liked.video], &mut out);
    assert!(out[0].get(Task::Finish) > before + 0.005, "{before} {}", out[0].get(Task::Finish));
}

#[test]
fn a_forgotten_viewer_is_a_new_viewer() {
    let (mut world, mut trainer, mut now_ms) = (World::new(12, BOTH), Trainer::new(Config::default()), START_MS);
    world.train(&mut trainer, 3_000, &mut now_ms);
    let (learner, clip) = (trainer.learner(), world.videos[0].1.clone());
    let mut out = Vec::new();
    let mut score = |id: u64| {
        learner.predict(now_ms, &viewer(id, &[]), &[&clip], &mut out);
        out[0]
    };
    let known = score(3);
    assert!(trainer.forget_viewer(3) && !trainer.forget_viewer(3));
    assert_ne!(score(3), known);
    assert_eq!(trainer.tables.view().find(crate::table::Field::Viewer, 3), None);
}

#[test]
fn predictions_do_not_depend_on_the_company() {
    let (mut world, mut trainer, mut now_ms) = (World::new(13, BOTH), Trainer::new(Config::default()), START_MS);
    world.train(&mut trainer, 500, &mut now_ms);
    let example = world.example(now_ms);
    let learner = trainer.learner();
    let all: Vec<&VideoFeatures> = world.videos[..11].iter().map(|(_, video)| &**video).collect();
    let (mut together, mut alone) = (Vec::new(), Vec::new());
    learner.predict(now_ms, &example.viewer, &all, &mut together);
    for (at, video) in all.iter().enumerate() {
        learner.predict(now_ms, &example.viewer, &[video], &mut alone);
        assert_eq!(alone, [together[at]]);
    }
    learner.predict(now_ms, &example.viewer, &[], &mut alone);
    assert!(alone.is_empty());
}

#[test]
fn explanations_name_what_moved_the_score() {
    let (mut world, mut trainer, mut now_ms) = (World::new(14, BOTH), Trainer::new(Config::default()), START_MS);
    world.train(&mut trainer, 2_000, &mut now_ms);
    let learner = trainer.learner();
    let (liked, disliked) = (world.videos[0].1.clone(), world.videos[1].1.clone());
    let history: Vec<HistoryItem> = (1..4)
        .flat_map(|n| [seen(&world.videos[8 * n].1, 60_000, now_ms), seen(&world.videos[8 * n + 1].1, 100, now_ms)])
        .collect();
    let features = viewer(9_999, &history);
    let (mut out, kind) = (Vec::new(), feature_hash("kind0"));
    learner.predict(now_ms, &features, &[&liked], &mut out);
    let why = learner.explain(now_ms, &features, &liked, Task::Finish);
    assert!((why.probability - out[0].get(Task::Finish)).abs() < 1e-5);
    let of = |why: &Explanation, group: Group| why.contributions.iter().find(|(g, _)| *g == group).map(|(_, c)| *c);
    assert!(of(&why, Group::HashtagAffinity) > Some(0.2), "{why:?}");
    assert!(why.hashtags.iter().any(|(key, weight)| *key == kind && *weight > 0.2) && why.content > 0.1, "{why:?}");
    let why_not = learner.explain(now_ms, &features, &disliked, Task::Finish);
    let against = |group| of(&why_not, group).unwrap_or(0.0);
    assert!(against(Group::HashtagAffinity) + against(Group::ContentAffinity) < -0.3 && why_not.content < -0.1, "{why_not:?}");
}

#[test]
fn a_viewer_who_never_stops_is_held_to_a_share() {
    let config = Config { viewer_weight_max: 5.0, ..Config::default() };
    let (mut world, mut trainer) = (World::new(15, BOTH), Trainer::new(config));
    let example = world.example(START_MS);
    let results: Vec<Trained> = (0..8).map(|_| trainer.train(START_MS, &example)).collect();
    assert_eq!(results.iter().filter(|result| **result == Trained::Learned).count(), 5);
    assert_eq!(trainer.totals().capped, 3);
}

#[test]
fn full_tables_refuse_new_ids_until_old_ones_expire() {
    let config = Config { rows_max: 60, ..Config::default() };
    let (mut trainer, mut rng) = (Trainer::new(config), Rng::from_seed(16));
    for id in 1..=50 {
        trainer.observe_video(START_MS, &video(id, 0, BOTH, &mut rng));
    }
    assert_eq!(trainer.totals().rows, 60);
    assert!(trainer.totals().rows_refused > 0);
    let expired = trainer.expire(START_MS + 3 * 86_400_000, 2, usize::MAX);
    assert!(expired > 30 && trainer.totals().rows == 60 - expired as u64);
    trainer.observe_video(START_MS, &video(99, 0, BOTH, &mut rng));
    assert!(trainer.totals().rows > 60 - expired as u64);
}

#[test]
fn an_exploded_net_falls_back_and_a_snapshot_falls_back_alike() {
    let (mut world, mut trainer, mut now_ms) = (World::new(6, BOTH), Trainer::new(Config::default()), START_MS);
    world.train(&mut trainer, 12_000, &mut now_ms);
    assert_eq!(trainer.totals().fallbacks, 0, "nothing was wrong");
    let usual = trainer.points()[Task::Finish.index()].log_loss;
    // Every head's weights blown up: what a run of bad luck with too large a step would leave behind.
    for weight in trainer.dense.weights.heads.as_flattened_mut() {
        *weight = *weight * 400.0 + 30.0;
    }
    // What is derived from the weights is made anew with a restore; then once more in the middle of the alarm.
    let restored = |trainer: &Trainer| {
        let mut bytes = Vec::new();
        trainer.snapshot(&mut bytes).unwrap();
        Trainer::restore(Config::default(), &mut bytes.as_slice()).unwrap()
    };
    let mut trainer = restored(&trainer);
    world.train(&mut trainer, 8, &mut now_ms);
    assert_eq!(trainer.totals().fallbacks, 0, "a few bad examples are no alarm");
    let mut again = restored(&trainer);
    let (mut world_again, mut now_again) = (world.clone(), now_ms);
    world.train(&mut trainer, 2_000, &mut now_ms);
    world_again.train(&mut again, 2_000, &mut now_again);
    assert!((1..=2).contains(&trainer.totals().fallbacks), "{}", trainer.totals().fallbacks);
    let (mut a, mut b) = (Vec::new(), Vec::new());
    trainer.snapshot(&mut a).unwrap();
    again.snapshot(&mut b).unwrap();
    assert!(a == b, "the replay fell back at another example");
    let mut loss = 0.0;
    let mut out = Vec::new();
    for _ in 0..2_000 {
        let example = world.example(now_ms);
        trainer.publish(now_ms);
        trainer.learner().predict(now_ms, &example.viewer, &[&example.video], &mut out);
        let p = f64::from(out[0].get(Task::Finish)).clamp(1e-6, 1.0 - 1e-6);
        let yes = example.labels.get(Task::Finish) == Some(1.0);
        loss -= if yes { p.ln() } else { (1.0 - p).ln() };
    }
    assert!(loss / 2_000.0 < usual * 1.15, "{} after the fall-back, {usual} before", loss / 2_000.0);
}
