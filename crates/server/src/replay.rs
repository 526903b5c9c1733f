//! `watershed replay`: a log of a real platform through the joiner and the learner, and how well each outcome was foreseen. The learner is
//! that of the settings: `--set learner.precision=f16` replays it with half-precision rows.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use replay::{Collide, Figures, Log, Options, TaskFigures};
use serde_json::json;

use crate::config::Config;

#[derive(Args, Clone)]
pub struct ReplayArgs {
    /// What to replay: `kuairand DIR`, `globo DIR`, or a mapping file (TOML) that says which column of a CSV file is what.
    #[arg(long, num_args = 1..=2, required = true, value_names = ["KIND|FILE", "DIR"])]
    dataset: Vec<String>,
    /// A further file of the same form, replayed after it: a later part of the log (repeatable).
    #[arg(long, value_name = "FILE")]
    also: Vec<PathBuf>,
    /// Where scoring begins, Unix milliseconds; learning begins at the first row. The last three local days by default.
    #[arg(long, value_name = "MS")]
    score_from: Option<i64>,
    /// The same seed gives the same model and the same figures.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Let the model stand still for so long at a time, for example 30m: what freshness is worth.
    #[arg(long, value_name = "TIME", value_parser = duration_ms)]
    frozen: Option<i64>,
    /// Hash ids into so many buckets that these shares of them have to share a row with another, for example
    /// viewers=0.0773,videos=0.0286: what a row for each id is worth.
    #[arg(long, value_name = "SHARES", value_parser = shares)]
    collide: Option<Collide>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// `viewers=SHARE,videos=SHARE`, either or both.
fn shares(text: &str) -> Result<Collide, String> {
    let mut collide = Collide::default();
    for part in text.split(',') {
        let wrong = || format!("{part:?}: write viewers= or videos= and a share from 0 to below 1");
        let (name, share) = part.split_once('=').ok_or_else(wrong)?;
        let share = share.parse().ok().filter(|share| (0.0..1.0).contains(share)).ok_or_else(wrong)?;
        match name {
            "viewers" => collide.viewers = share,
            "videos" => collide.videos = share,
            _ => return Err(wrong()),
        }
    }
    Ok(collide)
}

/// `45s`, `30m`, `5h`, `1d` in milliseconds.
fn duration_ms(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text:?}: write a number and s, m, h or d, for example 30m");
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: i64 = text.trim_end_matches(unit).parse().map_err(|_| wrong())?;
    if !(0..=10_000_000).contains(&number) { Err(wrong()) } else { Ok(number * seconds * 1_000) }
}

fn read(args: &ReplayArgs) -> Result<Log> {
    let dataset: Vec<&str> = args.dataset.iter().map(String::as_str).collect();
    Ok(match dataset[..] {
        ["kuairand", dir] => ::replay::kuairand::read(Path::new(dir), &args.also)?,
        ["globo", dir] => ::replay::globo::read(Path::new(dir), &args.also, args.seed)?,
        ["kuairand" | "globo"] => bail!("--dataset {} needs the folder of the data set after it", dataset[0]),
        [file] => ::replay::mapping::read(Path::new(file), &args.also)?,
        _ => bail!("--dataset takes `kuairand DIR`, `globo DIR`, or a mapping file"),
    })
}

pub fn run(config: &Config, args: &ReplayArgs) -> Result<ExitCode> {
    let log = read(args).context("the data set cannot be read")?;
    let unlimited = Options::default().learner.viewer_weight_max;
    let options = Options {
        learner: learner::Config { seed: args.seed, viewer_weight_max: unlimited, ..config.learner },
        score_from_ms: args.score_from,
        frozen_ms: args.frozen.unwrap_or(0),
        rows_idle_days: config.eventlog.brain.rows_idle_days,
        collide: args.collide.unwrap_or_default(),
        ..Options::default()
    };
    let show = std::io::stderr().is_terminal();
    let figures = ::replay::run(&log, &options, |share| {
        if show {
            let done = (share * 40.0) as usize;
            eprint!("\r[{:<40}] {:3.0} %", "=".repeat(done), share * 100.0);
            let _ = std::io::stderr().flush();
        }
    });
    if show {
        eprint!("\r{:60}\r", "");
    }
    if args.json {
        let mut object = serde_json::to_value(&figures)?;
        object["dataset"] = json!(args.dataset.first());
        object["seed"] = json!(args.seed);
        object["frozen_ms"] = json!(options.frozen_ms);
        println!("{object}");
    } else {
        print_table(&figures);
    }
    Ok(ExitCode::SUCCESS)
}

fn print_table(figures: &Figures) {
    let line = |task: &TaskFigures| {
        println!(
            "{:<15} {:>9} {:>8.4} {:>7.4} {:>7.4} {:>9.4} {:>7.4} {:>7.4}",
            task.task, task.examples, task.observed, task.auc, task.gauc, task.log_loss, task.ndcg, task.ece
        );
    };
    println!(
        "{:<15} {:>9} {:>8} {:>7} {:>7} {:>9} {:>7} {:>7}",
        "task", "examples", "observed", "auc", "gauc", "log_loss", "ndcg", "ece"
    );
    figures.tasks.iter().for_each(line);
    if figures.repeats > 0 {
        println!("\nwithout rows that repeat an earlier one exactly ({} of {}):", figures.repeats, figures.rows);
        figures.tasks_without_repeats.iter().for_each(line);
    }
    println!(
        "\n{} rows, scored from {} ms; {} examples learned, {:.0} a second in one thread; tables: {} rows, {:.1} MB; \
         {} sightings without a row, {} rows expired",
        figures.rows,
        figures.scored_from_ms,
        figures.examples_learned,
        figures.examples_per_s,
        figures.table_rows,
        figures.table_bytes as f64 / 1e6,
        figures.rows_waiting,
        figures.rows_expired
    );
    if figures.collided != Collide::default() {
        let Collide { viewers, videos } = figures.collided;
        println!("{:.2} % of viewers and {:.2} % of videos shared their rows with others", viewers * 100.0, videos * 100.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_that_collide() {
        fn check(text: &str, expected: Option<(f64, f64)>) {
            assert_eq!(shares(text).ok().map(|collide| (collide.viewers, collide.videos)), expected, "{text}");
        }
        check("viewers=0.0773,videos=0.0286", Some((0.0773, 0.0286)));
        check("videos=0.5", Some((0.0, 0.5)));
        check("videos=1", None);
        check("words=0.5", None);
        check("", None);
    }

    #[test]
    fn durations() {
        fn check(text: &str, expected: Option<i64>) {
            assert_eq!(duration_ms(text).ok(), expected, "{text}");
        }
        check("45s", Some(45_000));
        check("30m", Some(1_800_000));
        check("1d", Some(86_400_000));
        check("1", None);
        check("m", None);
        check("-5h", None);
        check("", None);
    }
}
