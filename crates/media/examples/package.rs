//! Makes the package of one file: `cargo run -p media --example package -- FILE FOLDER`.

use std::path::PathBuf;

use media::{LadderConfig, Limits, Sandbox, Transcoder};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(source), Some(out)) = (args.next(), args.next()) else {
        return Err("usage: package FILE FOLDER".into());
    };
    let source = source.canonicalize()?;
    std::fs::create_dir_all(&out)?;
    let sandbox = Sandbox::new(media::Caps::default());
    let probe = media::probe(&sandbox, &source, &Limits::default()).await?;
    println!("{probe:#?}");
    let transcoder = Transcoder::new(sandbox, LadderConfig::default());
    let started = std::time::Instant::now();
    let first = transcoder.start(&source, &probe, &out, &media::silent).await?;
    println!("first rendition after {:.2} s", started.elapsed().as_secs_f64());
    let whole = transcoder.finish(&source, &probe, &out, first, &media::silent).await?;
    println!("whole after {:.2} s, {:.2} times the largest", started.elapsed().as_secs_f64(), whole.renditions_over_top());
    println!("{}", serde_json::to_string_pretty(&whole)?);
    Ok(())
}
