//! `cargo run --release -p learner --example bench -- SECONDS SEED [ROWS [f16]]`: the learner's figures on this machine; with ROWS,
//! those of a table of so many rows.

use learner::{Precision, bench};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| arguments.get(at).and_then(|text| text.parse::<f64>().ok());
    let (seconds, seed) = (number(0).unwrap_or(4.0), number(1).unwrap_or(1.0) as u64);
    let precision = if arguments.get(3).is_some_and(|text| text == "f16") { Precision::F16 } else { Precision::F32 };
    match number(2) {
        Some(rows) => println!("{:#?}", bench::run_large(rows as u64, precision, seconds, seed)),
        None => println!("{:#?}", bench::run(seconds, seed)),
    }
}
