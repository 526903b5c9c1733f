//! What can be set about the application. `config/watershed.toml` explains every key.

use std::path::PathBuf;

use eventlog::{LocalOptions, Retention};
use media::upload::UploadLimits;
use media::{LadderConfig, Limits};
use serde::{Deserialize, Serialize};

use crate::brain::BrainConfig;
use crate::feed::FeedConfig;

/// Everything, as [`crate::App::build`] takes it.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub region: RegionConfig,
    pub media: MediaConfig,
    pub accounts: AccountsConfig,
    pub social: social::SocialRules,
    pub feed: FeedConfig,
    pub learner: learner::Config,
    pub eventlog: EventLogConfig,
    /// Where people reach us, for example `http://localhost:8080`.
    pub public_url: String,
}

/// The region that this deployment is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegionConfig {
    /// Its short name.
    pub name: String,
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Cards of videos kept in memory, about 600 bytes each.
    pub cards_max: usize,
}

impl Default for RegionConfig {
    fn default() -> Self {
        Self { name: "local".into(), data_dir: "data".into(), cards_max: catalog::CARDS_MAX_DEFAULT }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MediaConfig {
    /// Videos worked on at once; 0 takes in uploads but works on none.
    pub workers: usize,
    /// Threads that one ffmpeg may use.
    pub threads: u32,
    /// Memory that one ffmpeg may use, in bytes.
    pub memory_bytes: u64,
    /// How often a job is tried before it is given up.
    pub attempts_max: u32,
    /// How long a worker may be silent before its job is somebody else's, in seconds.
    pub lease_s: u64,
    pub limits: Limits,
    pub ladder: LadderConfig,
    pub upload: UploadLimits,
}

impl Default for MediaConfig {
    fn default() -> Self {
        Self {
            workers: 2,
            threads: 2,
            memory_bytes: 3 << 30,
            attempts_max: 3,
            lease_s: 60,
            limits: Limits::default(),
            ladder: LadderConfig::default(),
            upload: UploadLimits::default(),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountsConfig {
    pub hashing: accounts::HashRules,
    pub limits: accounts::LimitRules,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventLogConfig {
    /// Fixed when the log is made. One gives the whole log one order.
    pub partitions: u16,
    pub segment_bytes: u64,
    /// Appends, and bytes, that wait for the disk before new ones are answered 503.
    pub queue_appends_max: usize,
    pub queue_bytes_max: usize,
    /// Oldest segments are removed beyond this; absent keeps everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_bytes_max: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days_max: Option<u32>,
    pub brain: BrainConfig,
}

impl Default for EventLogConfig {
    fn default() -> Self {
        let options = LocalOptions::default();
        Self {
            partitions: options.partitions,
            segment_bytes: options.segment_bytes,
            queue_appends_max: options.queue_appends_max,
            queue_bytes_max: options.queue_bytes_max,
            retention_bytes_max: None,
            retention_days_max: None,
            brain: BrainConfig::default(),
        }
    }
}

impl EventLogConfig {
    pub(crate) fn options(&self) -> LocalOptions {
        LocalOptions {
            partitions: self.partitions,
            segment_bytes: self.segment_bytes,
            queue_appends_max: self.queue_appends_max,
            queue_bytes_max: self.queue_bytes_max,
            retention: Retention {
                bytes_max: self.retention_bytes_max,
                age_ms_max: self.retention_days_max.map(|days| i64::from(days) * 24 * 3_600_000),
            },
        }
    }
}
