//! Makes demo clips: `cargo run -p media --example demo -- FOLDER [FROM [TO]]`.

use std::path::PathBuf;

use media::Sandbox;
use media::demo::{Fonts, plan, render};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().ok_or("usage: demo FOLDER [FROM [TO]]")?);
    let from: usize = args.next().map_or(Ok(0), |n| n.parse())?;
    let to: usize = args.next().map_or(Ok(usize::MAX), |n| n.parse())?;
    std::fs::create_dir_all(&folder)?;
    let folder = folder.canonicalize()?;
    let sandbox = Sandbox::new(media::Caps::default());
    let fonts = Fonts::find().await;
    for (i, clip) in plan(1).iter().enumerate().skip(from).take(to.saturating_sub(from)) {
        let started = std::time::Instant::now();
        let out = folder.join(format!("{i:02}.mp4"));
        match render(&sandbox, &fonts, clip, &out).await {
            Ok(rendered) => println!(
                "{i:02} {:?} {:12} {} ms, {:.2} s: {}",
                rendered,
                clip.kind,
                clip.length_ms,
                started.elapsed().as_secs_f64(),
                clip.caption
            ),
            Err(error) => println!("{i:02} {} failed: {error}", clip.kind),
        }
    }
    Ok(())
}
