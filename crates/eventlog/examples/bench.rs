//! Prints what `eventlog::bench` measures: `cargo run --release -p eventlog --example bench -- SECONDS`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seconds = std::env::args().nth(1).map_or(Ok(10), |text| text.parse())?;
    println!("{:#?}", eventlog::bench::run(seconds, 1)?);
    Ok(())
}
