use base::Rng;
use proptest::prelude::*;

use super::*;

fn video(number: u64) -> VideoId {
    VideoId::from_raw(number)
}

fn sorted_by_hand(model: &HashMap<VideoId, [f32; 2]>, query: [f32; 2], k: usize, skipped: &[VideoId]) -> Vec<VideoId> {
    let mut all: Vec<_> = model
        .iter()
        .filter(|(video, _)| !skipped.contains(video))
        .map(|(video, v)| Ranked { score: 0.0 + v[0] * query[0] + v[1] * query[1], video: *video })
        .collect();
    all.sort_by(|a, b| b.cmp(a));
    all.into_iter().take(k).map(|ranked| ranked.video).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any order of updates and removals leaves what a plain map would hold, and a search finds what sorting would.
    #[test]
    fn agrees_with_a_sorted_map(
        steps in prop::collection::vec((0u64..40, -4i8..4, -4i8..4, prop::bool::weighted(0.2)), 0..300),
        query in (-4i8..4, -4i8..4), k in 0usize..50, skipped in prop::collection::vec(0u64..40, 0..10),
    ) {
        let index = VectorIndex::<2>::default();
        let mut model: HashMap<VideoId, [f32; 2]> = HashMap::new();
        for (number, x, y, remove) in steps {
            let id = video(number);
            if remove {
                prop_assert_eq!(index.remove(id), model.remove(&id).is_some());
            } else {
                let vector = [f32::from(x), f32::from(y)];
                index.update(id, &vector).unwrap();
                model.insert(id, vector);
            }
            prop_assert_eq!(index.get(id), model.get(&id).copied());
        }
        prop_assert_eq!(index.len(), model.len());
        let query = [f32::from(query.0), f32::from(query.1)];
        let skipped: Vec<_> = skipped.into_iter().map(video).collect();
        let found: Vec<_> = index.top_k(&query, k, |id| skipped.contains(&id)).into_iter().map(|(id, _)| id).collect();
        prop_assert_eq!(found, sorted_by_hand(&model, query, k, &skipped));
    }
}

#[test]
fn several_chunks_and_the_best_of_all_of_them() {
    let index = VectorIndex::<16>::default();
    let mut rng = Rng::from_seed(5);
    let count = 3 * CHUNK_ROWS as u64 + 7;
    for number in 0..count {
        index.update(video(number), &std::array::from_fn(|_| rng.normal() * 0.1)).unwrap();
    }
    let mut best = [0.0; 16];
    best[0] = 9.0;
    for number in [1, CHUNK_ROWS as u64 + 1, count - 1] {
        index.update(video(number), &best).unwrap();
    }
    let mut asked = 0;
    let found = index.top_k(&best, 3, |_| {
        asked += 1;
        false
    });
    assert_eq!(found.iter().map(|(id, _)| id.raw()).collect::<Vec<_>>(), [count - 1, CHUNK_ROWS as u64 + 1, 1]);
    assert!(asked < count / 10, "skip was asked {asked} times");
}

#[test]
fn what_is_not_finite_stays_out() {
    let index = VectorIndex::<2>::default();
    assert_eq!(index.update(video(1), &[f32::NAN, 0.0]), Err(RetrievalError::NotFinite(video(1))));
    index.update(video(2), &[1.0, 0.0]).unwrap();
    assert!(index.top_k(&[f32::INFINITY, 0.0], 5, |_| false).is_empty());
    assert_eq!(index.top_k(&[1.0, 0.0], 5, |_| false), [(video(2), 1.0)]);
}

/// A row is all old or all new: both vectors have the same number everywhere, so a mixed one would show in the sum.
#[test]
fn readers_see_whole_rows() {
    let index = VectorIndex::<16>::default();
    index.update(video(1), &[1.0; 16]).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..2_000 {
                index.update(video(1), &[if round % 2 == 0 { 2.0 } else { 1.0 }; 16]).unwrap();
            }
        });
        for _ in 0..2_000 {
            let found = index.top_k(&[1.0; 16], 1, |_| false);
            assert!(found == [(video(1), 16.0)] || found == [(video(1), 32.0)], "{found:?}");
        }
    });
}
