//! A snapshot and the changes after it: whatever is lost on the way, what is left and the rest of the examples make the same model.

use super::*;

fn bytes(trainer: &Trainer) -> Vec<u8> {
    let mut bytes = Vec::new();
    trainer.snapshot(&mut bytes).unwrap();
    bytes
}

/// Everything that happens to a model in a made-up while: examples, videos, people and videos that go, days that pass.
struct Log {
    world: World,
    examples: Vec<Example>,
    config: Config,
}

impl Log {
    fn new(config: Config) -> Self {
        let mut world = World::new(21, BOTH);
        let examples = (0..2_400).map(|n| world.example(START_MS + n * 60_000)).collect();
        Self { world, examples, config }
    }

    fn apply(&self, trainer: &mut Trainer, at: usize) {
        let example = &self.examples[at];
        trainer.train(example.at_ms, example);
        if at.is_multiple_of(97) {
            trainer.forget_viewer((at % 200) as u64 + 1);
            trainer.forget_video((at % 400) as u64 + 1);
        }
        if at % 600 == 599 {
            trainer.expire(example.at_ms + 86_400_000 - 60_000 * 400, 1, usize::MAX);
        }
        if at.is_multiple_of(50) {
            trainer.observe_video(example.at_ms, &self.world.videos[at % 400].1);
        }
    }

    fn play(&self, trainer: &mut Trainer, from: usize, to: usize) {
        (from..to).for_each(|at| self.apply(trainer, at));
    }

    /// Parts of a chain with the place in the log that each holds.
    fn chain(&self, places: &[usize]) -> Vec<(usize, Vec<u8>)> {
        let (mut trainer, mut from, mut parts) = (Trainer::new(self.config), 0, Vec::new());
        for to in places {
            self.play(&mut trainer, from, *to);
            let mut part = Vec::new();
            let mark = if parts.is_empty() { trainer.snapshot(&mut part) } else { trainer.changes(&mut part) }.unwrap();
            trainer.saved(mark);
            (from, parts) = (*to, [parts, vec![(*to, part)]].concat());
        }
        parts
    }

    fn restore(&self, parts: &[(usize, Vec<u8>)]) -> Result<Trainer> {
        Trainer::restore_all(self.config, parts.iter().map(|(_, part)| part.as_slice()))
    }
}

#[test]
fn any_part_of_a_chain_and_the_rest_of_the_log_make_the_same_model() {
    for precision in [Precision::F32, Precision::F16] {
        let log = Log::new(Config {
            precision,
            sightings: Sightings { video: 2, word: 3, ..Default::default() },
            ..Config::default()
        });
        let mut straight = Trainer::new(log.config);
        log.play(&mut straight, 0, log.examples.len());
        let expected = bytes(&straight);
        let totals = straight.totals();
        assert!(totals.rows_expired > 50 && totals.rows_waiting > 300 && totals.rows_admitted > 500, "{totals:?}");

        let mut rng = Rng::from_seed(22);
        for _ in 0..3 {
            let mut places: Vec<usize> = (0..5).map(|_| rng.below(log.examples.len())).collect();
            places.sort_unstable();
            let parts = log.chain(&places);
            // Killed at some point: so many parts are there, and the one after them perhaps in part.
            for there in 1..=parts.len() {
                let mut restored = log.restore(&parts[..there]).unwrap();
                if let Some((place, cut)) = parts.get(there) {
                    let half_written = (*place, cut[..rng.below(cut.len())].to_vec());
                    assert!(log.restore(&[&parts[..there], &[half_written]].concat()).is_err());
                }
                log.play(&mut restored, parts[there - 1].0, log.examples.len());
                assert!(bytes(&restored) == expected, "{there} of {places:?}");
            }
        }
    }
}

#[test]
fn a_chain_goes_on_after_a_restart() {
    let log = Log::new(Config::default());
    let mut parts = log.chain(&[500, 900]);
    for to in [1_000, 1_700, 2_100] {
        let mut trainer = log.restore(&parts).unwrap();
        assert_eq!(trainer.rows_changed(), 0);
        let from = parts.last().unwrap().0;
        log.play(&mut trainer, from, to);
        let mut part = Vec::new();
        trainer.changes(&mut part).unwrap();
        parts.push((to, part));
    }
    let mut straight = Trainer::new(log.config);
    log.play(&mut straight, 0, 2_100);
    assert!(bytes(&log.restore(&parts).unwrap()) == bytes(&straight));
}

#[test]
fn parts_that_are_damaged_missing_or_out_of_place_are_refused() {
    let log = Log::new(Config::default());
    let parts = log.chain(&[300, 600, 900]);
    let mut rng = Rng::from_seed(23);
    for _ in 0..40 {
        let mut broken = parts.clone();
        let part = rng.below(parts.len());
        let at = rng.below(parts[part].1.len());
        broken[part].1[at] ^= 1 << rng.below(8);
        assert!(log.restore(&broken).is_err(), "part {part}, byte {at}");
        broken[part].1.truncate(at);
        assert!(log.restore(&broken).is_err(), "part {part}, cut at {at}");
    }
    let other = Log::new(Config { row_step: 0.05, ..Config::default() }).chain(&[300, 600]);
    for (what, chain) in [
        ("no base", parts[1..].to_vec()),
        ("one is missing", vec![parts[0].clone(), parts[2].clone()]),
        ("one came twice", vec![parts[0].clone(), parts[1].clone(), parts[1].clone()]),
        ("two bases", vec![parts[0].clone(), parts[0].clone()]),
        ("of another model", vec![parts[0].clone(), other[1].clone()]),
        ("nothing", vec![]),
    ] {
        assert!(log.restore(&chain).is_err(), "{what}");
    }
    let mut trainer = Trainer::new(log.config);
    assert!(matches!(trainer.changes(&mut Vec::new()), Err(Error::NoBase)));
    let mark = trainer.snapshot(&mut Vec::new()).unwrap();
    trainer.saved(mark);
    assert_eq!(trainer.saved_mark(), Some(mark));
    trainer.unsave();
    assert!(matches!(trainer.changes(&mut Vec::new()), Err(Error::NoBase)));
}

#[test]
fn changes_are_small_when_little_changed() {
    let log = Log::new(Config::default());
    let mut trainer = log.restore(&log.chain(&[2_000])).unwrap();
    log.play(&mut trainer, 2_000, 2_001);
    let (changed, rows) = (trainer.rows_changed(), trainer.totals().rows);
    assert!(changed > 5 && changed < 120 && rows > 700, "{changed} of {rows}");
}

#[test]
fn every_vector_width_rounds_the_same() {
    let log = Log::new(Config::default());
    let mut halves = Vec::new();
    for level in Level::available() {
        let mut trainer = Trainer::new(Config { precision: Precision::F16, ..Config::default() });
        trainer.use_level(level);
        log.play(&mut trainer, 0, 300);
        halves.push(bytes(&trainer));
    }
    assert!(halves.windows(2).all(|pair| pair[0] == pair[1]), "every vector width rounds the same");
}
