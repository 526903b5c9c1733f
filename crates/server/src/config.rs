//! Configuration: defaults, then the file, then the environment, then flags; parsed once, unknown keys refused.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

/// Environment variables that set a key: `WATERSHED__MEDIA__WORKERS=2` is `media.workers = 2`.
const ENVIRONMENT_PREFIX: &str = "WATERSHED__";

/// Everything that can be set. `config/watershed.toml` explains each key.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub server: ServerConfig,
    pub demo: DemoConfig,
    pub region: app::RegionConfig,
    pub media: app::MediaConfig,
    pub accounts: app::AccountsConfig,
    pub social: social::SocialRules,
    pub feed: app::FeedConfig,
    pub learner: learner::Config,
    pub eventlog: app::EventLogConfig,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Where to listen. The loopback address unless told otherwise.
    pub address: SocketAddr,
    /// Where people reach us; empty means `http://localhost:PORT`.
    pub public_url: String,
    /// Addresses of reverse proxies whose `X-Forwarded-For` is believed. Without them all who come through one count as one.
    pub trusted_proxies: Vec<IpAddr>,
    /// Requests in flight before new ones are answered 503.
    pub in_flight_max: usize,
    /// Connections open at once; more wait in the system's queue.
    pub connections_max: usize,
    /// How long a stop waits for requests and work in progress, in seconds.
    pub drain_s: u64,
    /// `text` or `json`.
    pub log_format: LogFormat,
    /// A `tracing` filter, for example `info` or `info,app=debug`.
    pub log_filter: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DemoConfig {
    /// Which clips are made; the same seed makes the same clips.
    pub seed: u64,
    /// How many, at most as many as the plan has.
    pub clips: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: String::new(),
            trusted_proxies: Vec::new(),
            in_flight_max: 512,
            connections_max: 4096,
            drain_s: 20,
            log_format: LogFormat::Text,
            log_filter: "info".into(),
        }
    }
}

impl Default for DemoConfig {
    fn default() -> Self {
        Self { seed: 1, clips: 1000 }
    }
}

impl Config {
    /// The address that people type.
    pub fn public_url(&self) -> String {
        if self.server.public_url.is_empty() {
            format!("http://localhost:{}", self.server.address.port())
        } else {
            self.server.public_url.trim_end_matches('/').to_owned()
        }
    }
}

/// Reads the layers in order; a later one wins key by key.
pub fn load(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
    sets: &[(String, String)],
) -> Result<Config> {
    let mut table = match file {
        Some(path) => {
            let text =
                std::fs::read_to_string(path).with_context(|| format!("cannot read the configuration {}", path.display()))?;
            text.parse::<Table>().with_context(|| format!("{} is not valid TOML", path.display()))?
        }
        None => Table::new(),
    };
    for (name, value) in environment {
        if let Some(key) = name.strip_prefix(ENVIRONMENT_PREFIX) {
            set(&mut table, &key.to_lowercase().replace("__", "."), &value)
                .with_context(|| format!("in the environment: {name}"))?;
        }
    }
    for (key, value) in sets {
        set(&mut table, key, value).with_context(|| format!("--set {key}"))?;
    }
    Value::Table(table).try_into::<Config>().context("the configuration cannot be used")
}

/// Sets `section.key` to a value written as TOML, or to a string when it is no TOML value.
fn set(table: &mut Table, key: &str, text: &str) -> Result<()> {
    let value = format!("v = {text}").parse::<Table>().ok().and_then(|mut t| t.remove("v"));
    let value = value.unwrap_or_else(|| Value::String(text.to_owned()));
    let mut parts: Vec<&str> = key.split('.').collect();
    let Some(last) = parts.pop().filter(|l| !l.is_empty()) else { bail!("a key is missing") };
    let mut at = table;
    for part in parts {
        let next = at.entry(part.to_owned()).or_insert_with(|| Value::Table(Table::new()));
        at = next.as_table_mut().with_context(|| format!("{part} is a value, not a section"))?;
    }
    at.insert(last.to_owned(), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
    }

    #[test]
    fn later_layers_win_and_unknown_keys_stop_the_start() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c.toml");
        std::fs::write(&path, "[server]\naddress = \"127.0.0.1:1000\"\ndrain_s = 3\n").unwrap();
        let environment = sets(&[("WATERSHED__SERVER__ADDRESS", "127.0.0.1:2000"), ("HOME", "/")]);
        let config = load(Some(&path), environment.clone().into_iter(), &[]).unwrap();
        assert_eq!((config.server.address.port(), config.server.drain_s), (2000, 3));
        let config = load(Some(&path), environment.into_iter(), &sets(&[("server.address", "127.0.0.1:3000")])).unwrap();
        assert_eq!(config.server.address.port(), 3000);

        for bad in [("server.adress", "1"), ("sever.address", "1"), ("server.drain_s", "soon"), ("server", "1"), ("", "1")] {
            assert!(load(None, std::iter::empty(), &sets(&[bad])).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_explained_file_holds_every_key_with_its_default() {
        let explained = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/watershed.toml");
        let text = std::fs::read_to_string(explained).unwrap();
        // Every key stands there, commented out with its default.
        let uncommented: String = text
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(if line.starts_with('[') { line } else { "" }))
            .flat_map(|line| [line, "\n"])
            .collect();
        let written: Table = uncommented.parse().unwrap();
        // By way of text, where a number of 32 bits is written as short as it can be.
        let real: Table = toml::to_string(&Config::default()).unwrap().parse().unwrap();
        assert_eq!(written, real);
    }
}
