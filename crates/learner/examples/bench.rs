//! `cargo run --release -p learner --example bench -- SECONDS SEED`: the learner's figures on this machine.

fn main() {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(4.0);
    let seed = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1);
    println!("{:#?}", learner::bench::run(seconds, seed));
}
