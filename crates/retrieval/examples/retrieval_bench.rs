//! Times the searches of one page: `cargo run --release -p retrieval --example retrieval_bench [videos]`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use base::{AccountId, Rng, Timestamp, VideoId};
use retrieval::{CandidateIndex, Entry};

const D: usize = 16;
const ROUNDS: usize = 400;

/// Seconds that this thread has run, where the system tells (Linux): unlike the clock's, not those of other programs.
fn thread_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse::<f64>().ok().map(|nanos| nanos / 1e9)
}

fn main() {
    let videos: u64 = std::env::args().nth(1).and_then(|arg| arg.parse().ok()).unwrap_or(100_000);
    let mut rng = Rng::from_seed(1);
    let index = CandidateIndex::<D>::default();
    let started = Instant::now();
    for number in 0..videos {
        let entry = Entry {
            video: VideoId::from_raw(number),
            creator: AccountId::from_raw(number % (videos / 50 + 1)),
            hashtags: vec![format!("tag{}", number % 300).into()],
            published_at: Timestamp::from_millis(number as i64),
        };
        index.publish(entry, number % 5_000);
        let _ = index.set_vector(VideoId::from_raw(number), &std::array::from_fn(|_| rng.normal()));
    }
    println!(
        "{videos} videos in {:.2} s, vectors {:.1} MiB",
        started.elapsed().as_secs_f64(),
        index.vectors().bytes() as f64 / 1048576.0
    );

    let seen = |video: VideoId| video.raw().is_multiple_of(10);
    let query: [f32; D] = std::array::from_fn(|_| rng.normal());
    let mut bench = |name: &str, run: &mut dyn FnMut(&mut Rng) -> usize| {
        let mut micros: Vec<f64> = Vec::with_capacity(ROUNDS);
        let mut found = 0;
        let before = thread_seconds();
        for _ in 0..ROUNDS {
            let started = Instant::now();
            found = run(&mut rng);
            micros.push(started.elapsed().as_secs_f64() * 1e6);
        }
        let busy = before.zip(thread_seconds()).map_or(0.0, |(from, to)| (to - from) * 1e6 / ROUNDS as f64);
        micros.sort_by(f64::total_cmp);
        println!(
            "{name:24} {found:5} found   p50 {:8.1} us   p99 {:8.1} us   processor {busy:7.1} us",
            micros[ROUNDS / 2],
            micros[ROUNDS * 99 / 100]
        );
    };
    let followed: Vec<_> = (0..200).map(AccountId::from_raw).collect();
    bench("vectors top 200", &mut |_| index.vectors().top_k(&query, 200, seen).len());
    bench("fresh 100", &mut |_| index.fresh().newest(100, seen).len());
    bench("fresh 100, 90% seen", &mut |_| index.fresh().newest(100, |video: VideoId| !video.raw().is_multiple_of(10)).len());
    bench("explore 100", &mut |rng| index.explore().sample(rng, 100, seen).len());
    bench("200 creators 100", &mut |_| index.creators().newest(&followed, 100, seen).len());
    bench("hashtag 20", &mut |rng| index.hashtags().sample("tag7", rng, 20, seen).len());

    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut rng = Rng::from_seed(2);
            let mut updates = 0u64;
            let started = Instant::now();
            while !stop.load(Ordering::Relaxed) {
                let video = VideoId::from_raw(rng.below(videos as usize) as u64);
                let _ = index.set_vector(video, &std::array::from_fn(|_| rng.unit()));
                updates += 1;
            }
            updates as f64 / started.elapsed().as_secs_f64()
        });
        bench("vectors, while writing", &mut |_| index.vectors().top_k(&query, 200, seen).len());
        stop.store(true, Ordering::Relaxed);
        if let Ok(rate) = writer.join() {
            println!("updates meanwhile: {rate:.0} per second");
        }
    });
}
