//! `watershed doctor`: looks at the machine and says what to do.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use base::{Clock, SystemClock};
use serde::Serialize;

/// Less free space than this is a warning; less than a tenth of it a failure. A minute of video takes about 20 MB.
const DISK_FREE_BYTES_GOOD: u64 = 10 << 30;
/// Each viewer's connection is a file; each transcode some more.
const OPEN_FILES_GOOD: u64 = 4096;
/// Two transcodes at 1080 pixels and the program itself.
const MEMORY_BYTES_GOOD: u64 = 2 << 30;
/// A clock before the day this was written is wrong (2026-11-01).
const CLOCK_MS_MIN: i64 = 1_793_491_200_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Ok,
    Warning,
    Failure,
}

/// One look at one thing.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub check: &'static str,
    pub verdict: Verdict,
    pub found: String,
    /// What to do about it; empty when all is well.
    pub advice: String,
}

fn finding(check: &'static str, verdict: Verdict, found: impl Into<String>, advice: impl Into<String>) -> Finding {
    let advice = if verdict == Verdict::Ok { String::new() } else { advice.into() };
    Finding { check, verdict, found: found.into(), advice }
}

/// What the media path asks of ffmpeg, per listing.
const FFMPEG_NEEDS: [(&str, &str, &[&str]); 4] = [
    ("ffmpeg encoders", "-encoders", &["libx264", "aac", "mjpeg"]),
    ("ffmpeg decoders", "-decoders", &["h264", "hevc", "vp9", "av1", "aac", "opus"]),
    ("ffmpeg filters", "-filters", &["loudnorm", "scale", "zscale", "tonemap", "transpose", "drawtext", "mandelbrot"]),
    ("ffmpeg muxers", "-muxers", &["hls", "mp4", "chromaprint", "rawvideo"]),
];

/// Runs every check. `address` is where the server would listen.
pub fn examine(data_dir: &Path, address: SocketAddr) -> Vec<Finding> {
    let mut findings = vec![ffmpeg_version()];
    findings.extend(FFMPEG_NEEDS.iter().map(|(check, listing, names)| ffmpeg_lists(check, listing, names)));
    findings.extend([
        tool("prlimit", "util-linux"),
        fonts(),
        disk(data_dir),
        writable(data_dir),
        port(address),
        open_files(),
        memory(),
        clock(),
    ]);
    findings
}

fn output(program: &str, args: &[&str]) -> Option<String> {
    let out = Command::new(program).args(args).output().ok()?;
    out.status.success().then(|| String::from_utf8_lossy(&out.stdout).into_owned())
}

fn ffmpeg_version() -> Finding {
    let both = output("ffmpeg", &["-hide_banner", "-version"]).zip(output("ffprobe", &["-hide_banner", "-version"]));
    match both {
        Some((text, _)) => finding("ffmpeg", Verdict::Ok, text.lines().next().unwrap_or_default(), ""),
        None => finding("ffmpeg", Verdict::Failure, "not found", "Install it: apt-get install ffmpeg"),
    }
}

fn ffmpeg_lists(check: &'static str, listing: &str, names: &[&str]) -> Finding {
    let Some(text) = output("ffmpeg", &["-hide_banner", listing]) else {
        return finding(check, Verdict::Failure, "ffmpeg does not answer", "Install it: apt-get install ffmpeg");
    };
    let known: std::collections::HashSet<&str> = text.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    let missing: Vec<&str> = names.iter().copied().filter(|n| !known.contains(n)).collect();
    if missing.is_empty() {
        finding(check, Verdict::Ok, names.join(" "), "")
    } else {
        let advice = "This ffmpeg was built without them: use Debian's package, or one built with them.";
        finding(check, Verdict::Failure, format!("missing: {}", missing.join(" ")), advice)
    }
}

fn tool(name: &'static str, package: &str) -> Finding {
    match output(name, &["--version"]) {
        Some(text) => finding(name, Verdict::Ok, text.trim(), ""),
        None => finding(name, Verdict::Failure, "not found", format!("Install it: apt-get install {package}")),
    }
}

fn fonts() -> Finding {
    match output("fc-list", &[":lang=zh-cn", "family"]).filter(|t| !t.trim().is_empty()) {
        Some(text) => finding("fonts", Verdict::Ok, text.lines().next().unwrap_or_default(), ""),
        None => {
            finding("fonts", Verdict::Warning, "no Chinese font", "For the demo's text cards: apt-get install fonts-noto-cjk")
        }
    }
}

fn disk(data_dir: &Path) -> Finding {
    let existing = data_dir.ancestors().find(|p| p.exists()).unwrap_or(Path::new("/"));
    let free = output("df", &["--output=avail", "-B1", &existing.to_string_lossy()])
        .and_then(|text| text.lines().nth(1).and_then(|l| l.trim().parse::<u64>().ok()));
    let Some(free) = free else {
        return finding("disk", Verdict::Warning, "df does not answer", "Look at the free space yourself.");
    };
    let verdict = match free {
        f if f >= DISK_FREE_BYTES_GOOD => Verdict::Ok,
        f if f >= DISK_FREE_BYTES_GOOD / 10 => Verdict::Warning,
        _ => Verdict::Failure,
    };
    finding("disk", verdict, format!("{:.1} GiB free", gib(free)), "Free some space, or put the data elsewhere with --data.")
}

fn writable(data_dir: &Path) -> Finding {
    let made = std::fs::create_dir_all(data_dir).and_then(|()| {
        let probe = data_dir.join(".doctor");
        std::fs::write(&probe, b"ok").and_then(|()| std::fs::remove_file(&probe))
    });
    match made {
        Ok(()) => finding("data folder", Verdict::Ok, data_dir.display().to_string(), ""),
        Err(error) => finding(
            "data folder",
            Verdict::Failure,
            error.to_string(),
            "Choose a folder that this user may write, with --data.",
        ),
    }
}

fn port(address: SocketAddr) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => finding("address", Verdict::Ok, format!("{address} is free"), ""),
        Err(error) => finding(
            "address",
            Verdict::Failure,
            format!("{address}: {error}"),
            "Stop what listens there (perhaps another watershed), or choose another address with --address.",
        ),
    }
}

fn open_files() -> Finding {
    let soft = std::fs::read_to_string("/proc/self/limits").ok().and_then(|text| {
        let line = text.lines().find(|l| l.starts_with("Max open files"))?.to_owned();
        line.split_whitespace().nth(3).map(|n| n.parse::<u64>().unwrap_or(u64::MAX))
    });
    match soft {
        Some(soft) if soft < OPEN_FILES_GOOD => finding(
            "open files",
            Verdict::Warning,
            format!("{soft} at once"),
            format!("Raise the limit: ulimit -n {OPEN_FILES_GOOD}"),
        ),
        Some(soft) => finding("open files", Verdict::Ok, format!("{soft} at once"), ""),
        None => finding("open files", Verdict::Warning, "unknown", "Look at `ulimit -n`."),
    }
}

fn memory() -> Finding {
    let available = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find(|l| l.starts_with("MemAvailable:"))?.to_owned();
        line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
    });
    match available {
        Some(bytes) if bytes < MEMORY_BYTES_GOOD => finding(
            "memory",
            Verdict::Warning,
            format!("{:.1} GiB available", gib(bytes)),
            "Set media.workers to 1 and media.threads to 1.",
        ),
        Some(bytes) => finding("memory", Verdict::Ok, format!("{:.1} GiB available", gib(bytes)), ""),
        None => finding("memory", Verdict::Warning, "unknown", "Look at `free -h`."),
    }
}

fn clock() -> Finding {
    let now = SystemClock.now();
    if now.as_millis() < CLOCK_MS_MIN {
        let found = format!("the clock stands in {}", now.year());
        return finding("clock", Verdict::Failure, found, "Set the clock, best by NTP: events with a wrong time are refused.");
    }
    finding("clock", Verdict::Ok, format!("{} ms since 1970", now.as_millis()), "")
}

fn gib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

/// Prints the findings and returns whether the platform can run here.
pub fn report(findings: &[Finding], json: bool) -> bool {
    if json {
        println!("{}", serde_json::json!({ "findings": findings }));
    } else {
        for f in findings {
            let sign = match f.verdict {
                Verdict::Ok => "ok     ",
                Verdict::Warning => "warning",
                Verdict::Failure => "FAILURE",
            };
            println!("{sign}  {:<16} {}", f.check, f.found);
            if !f.advice.is_empty() {
                println!("{:26}{}", "", f.advice);
            }
        }
    }
    findings.iter().all(|f| f.verdict != Verdict::Failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_and_a_locked_folder_are_failures_with_advice() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let found = port(taken.local_addr().unwrap());
        assert_eq!(found.verdict, Verdict::Failure);
        assert!(found.advice.contains("--address"));
        assert_eq!(writable(Path::new("/proc/nowhere")).verdict, Verdict::Failure);
        assert_eq!(ffmpeg_lists("x", "-encoders", &["no_such_encoder"]).verdict, Verdict::Failure);
    }
}
