//! Anybody's CSV: a TOML file that says which column is what.
//!
//! ```toml
//! log = "impressions.csv"        # beside this file; plain or zstd; one row per impression, in any order
//! time = "ms"                    # or "s": the unit of the time column, Unix time
//! utc_offset_hours = 8           # local time, for the hour of the day
//!
//! [columns]                      # viewer, video and time are needed, the rest is welcome
//! viewer = "user_id"
//! video = "item_id"
//! time = "timestamp"
//! watch_ms = "play_time_ms"      # milliseconds; with duration_ms it gives finish, long view, skip and watch time
//! duration_ms = "duration_ms"
//! creator = "author"
//! sound = "music"
//! hashtags = "tags"              # separated by commas
//! words = "title"
//! tab = "tab"
//! device = "os"
//! language = "lang"
//! published_ms = "uploaded"
//!
//! [labels]                       # task = column of 0 and 1; they stand before what the watch time says
//! click = "is_click"
//! like = "is_like"
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use learner::{Labels, Task, VideoFeatures, feature_hash};
use serde::Deserialize;

use crate::log::{Log, Page, Row};
use crate::read::Table;
use crate::{Error, Result};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mapping {
    log: PathBuf,
    #[serde(default)]
    time: Unit,
    #[serde(default)]
    utc_offset_hours: f64,
    columns: Columns,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// Days at the end that are scored.
    #[serde(default = "three")]
    scored_days: i64,
}

fn three() -> i64 {
    3
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Unit {
    #[default]
    Ms,
    S,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Columns {
    viewer: String,
    video: String,
    time: String,
    watch_ms: Option<String>,
    duration_ms: Option<String>,
    creator: Option<String>,
    sound: Option<String>,
    hashtags: Option<String>,
    words: Option<String>,
    tab: Option<String>,
    device: Option<String>,
    language: Option<String>,
    published_ms: Option<String>,
}

/// An id as it is when it is a number, else a hash of it; 0 stays nobody's.
fn id(text: &str) -> u64 {
    match text.parse::<u64>() {
        Ok(number) if number < u64::MAX >> 2 => number + 1,
        _ => feature_hash(text),
    }
}

/// A category in a byte: small numbers as they are.
fn category(text: &str) -> u8 {
    text.parse::<u8>().unwrap_or_else(|_| if text.is_empty() { 0 } else { feature_hash(text) as u8 })
}

/// Reads the mapping `file`, the log that it names, and the logs of `also` after it.
pub fn read(file: &Path, also: &[PathBuf]) -> Result<Log> {
    let wrong = |what: String| Error::Mapping { path: file.to_owned(), what };
    let text = std::fs::read_to_string(file).map_err(Error::io(file))?;
    let mapping: Mapping = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let mut labels = Vec::new();
    for (name, column) in &mapping.labels {
        let task = Task::from_name(name).ok_or_else(|| {
            let known: Vec<&str> = Task::ALL.iter().map(|task| task.name()).collect();
            wrong(format!("there is no task {name:?}; there are: {}", known.join(", ")))
        })?;
        labels.push((task, column.as_str()));
    }
    let watched = mapping.columns.watch_ms.is_some();
    let mut tasks: Vec<Task> = labels.iter().map(|(task, _)| *task).collect();
    if watched {
        tasks.extend([Task::Finish, Task::LongView, Task::WatchTime, Task::Skip]);
    }
    if tasks.is_empty() {
        return Err(wrong("neither labels nor watch_ms: there is nothing to predict".into()));
    }
    let mut log = Log::with_tasks(&tasks, (mapping.utc_offset_hours * 3_600_000.0) as i64);
    let path = file.parent().unwrap_or(Path::new("")).join(&mapping.log);
    let (mut by_id, mut seen) = (HashMap::new(), HashSet::new());
    for path in std::iter::once(&path).chain(also) {
        read_rows(path, &mapping, &labels, &mut log, &mut by_id, &mut seen)?;
    }
    if log.pages.is_empty() {
        return Err(Error::Empty { path });
    }
    log.sort();
    log.score_from_ms = log.last_days_ms(mapping.scored_days.max(1));
    Ok(log)
}

fn read_rows(
    path: &Path,
    mapping: &Mapping,
    labels: &[(Task, &str)],
    log: &mut Log,
    by_id: &mut HashMap<u64, u32>,
    seen: &mut HashSet<u64>,
) -> Result<()> {
    let mut table = Table::open(path)?;
    let columns = &mapping.columns;
    let [viewer, video, time] = table.columns([&columns.viewer, &columns.video, &columns.time])?;
    let optional = |name: &Option<String>| name.as_deref().map(|name| table.column(name)).transpose();
    let (watch, duration) = (optional(&columns.watch_ms)?, optional(&columns.duration_ms)?);
    let (creator, sound) = (optional(&columns.creator)?, optional(&columns.sound)?);
    let (hashtags, words) = (optional(&columns.hashtags)?, optional(&columns.words)?);
    let (tab, device, language) = (optional(&columns.tab)?, optional(&columns.device)?, optional(&columns.language)?);
    let published = optional(&columns.published_ms)?;
    let mut flags = Vec::new();
    for (task, column) in labels {
        flags.push((*task, table.column(column)?));
    }
    while table.advance()? {
        let at_ms = match mapping.time {
            Unit::Ms => table.whole(time)?,
            Unit::S => (table.number(time)? * 1_000.0) as i64,
        };
        let length = |column: Option<usize>| match column {
            Some(column) => table.whole(column).map(|ms| ms.clamp(0, i64::from(u32::MAX)) as u32),
            None => Ok(0),
        };
        let duration_ms = length(duration)?;
        let key = |column: Option<usize>| column.map_or(0, |column| id(table.text(column)));
        let list = |column: Option<usize>, separator: fn(char) -> bool| -> Vec<u64> {
            let text = column.map_or("", |column| table.text(column));
            text.split(separator).map(str::trim).filter(|part| !part.is_empty()).map(feature_hash).collect()
        };
        let video = match by_id.get(&id(table.text(video))) {
            Some(known) => *known,
            None => {
                let features = VideoFeatures {
                    video: id(table.text(video)),
                    creator: key(creator),
                    sound: key(sound),
                    hashtags: list(hashtags, |c| c == ','),
                    words: list(words, char::is_whitespace),
                    duration_ms,
                    published_at_ms: published.map_or(Ok(at_ms), |column| table.whole(column))?,
                    content: Vec::new(),
                };
                by_id.insert(features.video, log.videos.len() as u32);
                log.videos.push(Arc::new(features));
                log.videos.len() as u32 - 1
            }
        };
        let mut judged = Labels::none();
        for (task, column) in &flags {
            judged = judged.with(*task, if table.flag(*column)? { 1.0 } else { 0.0 });
        }
        let watch = watch.map(|column| length(Some(column))).transpose()?.map(|watch_ms| (watch_ms, duration_ms));
        let kind = |column: Option<usize>| column.map_or(0, |column| category(table.text(column)));
        log.pages.push(Page {
            at_ms,
            viewer: id(table.text(viewer)),
            tab: kind(tab),
            device: kind(device),
            language: kind(language),
            warm: false,
            rows: vec![Row { video, watch, labels: judged, repeats: !seen.insert(table.fingerprint()) }],
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(mapping: &str, csv: &str) -> Result<Log> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("map.toml"), mapping).unwrap();
        std::fs::write(dir.path().join("log.csv"), csv).unwrap();
        read(&dir.path().join("map.toml"), &[])
    }

    const COLUMNS: &str = "log = 'log.csv'\ntime = 's'\n[columns]\nviewer = 'u'\nvideo = 'v'\ntime = 't'\n";

    #[test]
    fn columns_become_features_and_labels() {
        let mapping = format!("{COLUMNS}hashtags = 'tags'\nwatch_ms = 'w'\nduration_ms = 'd'\n[labels]\nlike = 'l'\n");
        let log = mapped(&mapping, "u,v,t,tags,w,d,l\nann,7,20,\"a, b\",5000,9000,1\nbob,7,10.5,a,9000,9000,0\n").unwrap();
        // In the order of time, though the file is not.
        assert_eq!(log.pages.iter().map(|page| page.at_ms).collect::<Vec<_>>(), [10_500, 20_000]);
        assert_eq!(log.videos.len(), 1, "one video under one id");
        assert_eq!(log.videos[0].hashtags, [feature_hash("a"), feature_hash("b")]);
        let row = &log.pages[1].rows[0];
        assert_eq!((row.watch, row.labels.get(Task::Like)), (Some((5_000, 9_000)), Some(1.0)));
        assert!(log.tasks[Task::Finish.index()] && !log.tasks[Task::Click.index()]);
    }

    #[test]
    fn mistakes_are_named() {
        fn check(mapping: &str, csv: &str, expected: &str) {
            let error = mapped(mapping, csv).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let labelled = format!("{COLUMNS}[labels]\nlike = 'l'\n");
        check(&labelled, "u,v,t\n1,2,3\n", "there is no column \"l\"");
        check(&labelled, "u,v,t,l\n1,2,3,maybe\n", "line 2");
        check(&labelled, "u,v,t,l\n1,2,noon,1\n", "is not a number");
        check(&labelled, "u,v,t,l\n", "there are no rows");
        check(&format!("{COLUMNS}[labels]\napplaud = 'l'\n"), "", "there is no task \"applaud\"");
        check(COLUMNS, "", "nothing to predict");
        check(&format!("colour = 1\n{COLUMNS}"), "", "unknown field");
    }
}
