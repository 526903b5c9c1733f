//! What the figures were measured on.

use std::fs;

use serde_json::{Value, json};

pub fn machine() -> Value {
    let cpu = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        text.lines().find_map(|l| l.strip_prefix("model name").map(|v| v.trim_start_matches([' ', '\t', ':']).to_owned()))
    });
    let memory = fs::read_to_string("/proc/meminfo").ok().and_then(|text| field_kib(&text, "MemTotal:"));
    json!({
        "cpu": cpu.unwrap_or_else(|| "unknown".into()),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memory_gib": memory.map_or(0.0, |kib| (kib as f64 / f64::from(1 << 20) * 10.0).round() / 10.0),
    })
}

/// The commit of the checkout that the command is run in; "unknown" outside one.
pub fn commit() -> String {
    let output = std::process::Command::new("git").args(["rev-parse", "--short", "HEAD"]).output();
    match output {
        Ok(out) if out.status.success() => String::from_utf8_lossy(&out.stdout).trim().to_owned(),
        _ => "unknown".into(),
    }
}

/// Memory that this process holds, in MiB.
pub fn resident_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    field_kib(&status, "VmRSS:").map_or(0.0, |kib| kib as f64 / 1024.0)
}

/// The most memory that this process has held until now, in MiB.
pub fn peak_resident_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    field_kib(&status, "VmHWM:").map_or(0.0, |kib| kib as f64 / 1024.0)
}

fn field_kib(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|l| l.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}
