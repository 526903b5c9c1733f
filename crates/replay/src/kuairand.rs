//! KuaiRand (Gao et al. 2022, doi 10.1145/3511808.3557624): a log of a short-video app with watch time.
//!
//! A folder with `interactions.csv`, `videos_basic.csv` and, when there, `user_histories.jsonl` (each also as `.zst`). The histories
//! end where the log begins; they warm the model up: each listed exposure is learned with the two labels that the lists tell
//! (long view, like), and remembered. `users.csv` is not read: a feed knows no such things about its viewers. Statistics over the whole
//! month, `videos_month_stats.csv`, would leak the future and are never read.

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use learner::{Labels, Task, VideoFeatures, feature_hash};
use serde::Deserialize;

use crate::log::{DAY_MS, Log, Page, Row};
use crate::read::{Table, days, either, open};
use crate::{Error, Result};

/// Beijing.
const UTC_OFFSET_MS: i64 = 8 * 3_600_000;
/// The histories begin on this day, local midnight of 2022-04-09.
const HISTORIES_FROM_MS: i64 = 1_649_433_600_000;
/// The tab of an exposure that is known from a list only: one more than the log's.
const TAB_UNKNOWN: u8 = 15;
/// Days at the end that are scored.
const SCORED_DAYS: i64 = 3;

const TASKS: [Task; 10] = [
    Task::Finish,
    Task::LongView,
    Task::WatchTime,
    Task::Skip,
    Task::Click,
    Task::Like,
    Task::Follow,
    Task::Comment,
    Task::Share,
    Task::NotInterested,
];

/// Reads the folder, and the files of `also` (further rows of the form of `interactions.csv`) after it.
pub fn read(dir: &Path, also: &[PathBuf]) -> Result<Log> {
    let mut log = Log::with_tasks(&TASKS, UTC_OFFSET_MS);
    let mut by_id = read_videos(&either(dir, "videos_basic.csv"), &mut log)?;
    let histories = either(dir, "user_histories.jsonl");
    if histories.exists() {
        read_histories(&histories, &mut log, &mut by_id)?;
    }
    let interactions = either(dir, "interactions.csv");
    let mut seen = HashSet::new();
    for path in std::iter::once(&interactions).chain(also) {
        read_interactions(path, &mut log, &mut by_id, &mut seen)?;
    }
    if log.pages.iter().all(|page| page.warm) {
        return Err(Error::Empty { path: interactions });
    }
    log.sort();
    log.score_from_ms = log.last_days_ms(SCORED_DAYS);
    Ok(log)
}

/// Index of a video by its id in the files.
type Videos = HashMap<i64, u32>;

fn read_videos(path: &Path, log: &mut Log) -> Result<Videos> {
    let mut table = Table::open(path)?;
    let [id, author, kind, uploaded, upload, duration, music, tags] = table.columns([
        "video_id",
        "author_id",
        "video_type",
        "upload_dt",
        "upload_type",
        "video_duration",
        "music_id",
        "tag",
    ])?;
    let mut by_id = Videos::new();
    while table.advance()? {
        let key = |column: usize| table.text(column).parse::<f64>().map_or(0, |number| number as u64);
        let hashtags = table.text(tags).split(',').filter(|tag| !tag.trim().is_empty());
        let video = VideoFeatures {
            // 0 is nobody's number in the learner.
            video: key(id) + 1,
            creator: key(author) + 1,
            sound: key(music),
            hashtags: hashtags.map(|tag| feature_hash(&format!("tag {}", tag.trim()))).collect(),
            words: [upload, kind].map(|column| feature_hash(table.text(column))).to_vec(),
            duration_ms: key(duration) as u32,
            published_at_ms: days(table.text(uploaded)).unwrap_or(0) * DAY_MS - UTC_OFFSET_MS,
            content: Vec::new(),
        };
        by_id.insert(table.whole(id)?, log.videos.len() as u32);
        log.videos.push(Arc::new(video));
    }
    Ok(by_id)
}

/// The video of an id; one that the list of videos lacks is known by its id and length alone.
fn video(log: &mut Log, by_id: &mut Videos, id: i64, duration_ms: u32) -> u32 {
    let at = *by_id.entry(id).or_insert_with(|| {
        log.videos.push(Arc::new(VideoFeatures { video: id as u64 + 1, ..VideoFeatures::default() }));
        log.videos.len() as u32 - 1
    });
    let known = &mut log.videos[at as usize];
    if known.duration_ms == 0 && duration_ms > 0 {
        Arc::make_mut(known).duration_ms = duration_ms;
    }
    at
}

fn yes(flag: bool) -> f32 {
    if flag { 1.0 } else { 0.0 }
}

#[derive(Deserialize)]
struct History {
    user_id: u64,
    history_len: u64,
    last_time_ms: i64,
    watch: Vec<i64>,
    long_view: Vec<i64>,
    like: Vec<i64>,
}

/// Exposures as lists, oldest first. Their times are not given: they are spread evenly over the time that the lists cover.
fn read_histories(path: &Path, log: &mut Log, by_id: &mut Videos) -> Result<()> {
    for (number, line) in open(path)?.lines().enumerate() {
        let line = line.map_err(Error::io(path))?;
        let wrong =
            |error: serde_json::Error| Error::Row { path: path.into(), line: number as u64 + 1, what: error.to_string() };
        let history: History = serde_json::from_str(&line).map_err(wrong)?;
        let mut long_views: HashMap<i64, u32> = HashMap::new();
        history.long_view.iter().for_each(|video| *long_views.entry(*video).or_default() += 1);
        let likes: HashSet<i64> = history.like.iter().copied().collect();
        let span = history.last_time_ms.saturating_sub(HISTORIES_FROM_MS).max(0);
        let total = history.history_len.max(history.watch.len() as u64).max(1) as i64;
        // A video that was seen twice and watched long once: the newer exposure is taken to be the long one.
        for (back, id) in history.watch.iter().rev().enumerate() {
            let left = long_views.get_mut(id).filter(|left| **left > 0);
            let long = left.map(|left| *left -= 1).is_some();
            let labels = Labels::none().with(Task::LongView, yes(long)).with(Task::Like, yes(likes.contains(id)));
            let row = Row { video: video(log, by_id, *id, 0), watch: None, labels, repeats: false };
            log.pages.push(Page {
                at_ms: HISTORIES_FROM_MS + span / total * (total - back as i64),
                viewer: history.user_id + 1,
                tab: TAB_UNKNOWN,
                device: 0,
                language: 0,
                warm: true,
                rows: vec![row],
            });
        }
    }
    Ok(())
}

fn read_interactions(path: &Path, log: &mut Log, by_id: &mut Videos, seen: &mut HashSet<u64>) -> Result<()> {
    let mut table = Table::open(path)?;
    let [user, id, time, play, duration, tab] =
        table.columns(["user_id", "video_id", "time_ms", "play_time_ms", "duration_ms", "tab"])?;
    let flags = [
        (Task::LongView, "long_view"),
        (Task::Click, "is_click"),
        (Task::Like, "is_like"),
        (Task::Follow, "is_follow"),
        (Task::Comment, "is_comment"),
        (Task::Share, "is_forward"),
        (Task::NotInterested, "is_hate"),
    ];
    let mut columns = Vec::new();
    for (task, name) in flags {
        columns.push((task, table.column(name)?));
    }
    while table.advance()? {
        let mut labels = Labels::none();
        for (task, column) in &columns {
            labels = labels.with(*task, yes(table.flag(*column)?));
        }
        let length = |column: usize| table.whole(column).map(|ms| ms.clamp(0, i64::from(u32::MAX)) as u32);
        let watch = (length(play)?, length(duration)?);
        let row = Row {
            video: video(log, by_id, table.whole(id)?, watch.1),
            watch: Some(watch),
            labels,
            repeats: !seen.insert(table.fingerprint()),
        };
        log.pages.push(Page {
            at_ms: table.whole(time)?,
            viewer: table.whole(user)? as u64 + 1,
            tab: table.whole(tab)?.clamp(0, 255) as u8,
            device: 0,
            language: 0,
            warm: false,
            rows: vec![row],
        });
    }
    Ok(())
}
