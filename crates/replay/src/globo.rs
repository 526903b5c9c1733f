//! Globo.com's news clicks (Moreira et al. 2018, doi 10.1145/3270323.3270328): real traffic whose items age within hours.
//!
//! A folder with `clicks.csv` and `articles.csv` (each also as `.zst`). The log holds clicks alone, so each click stands on a page
//! with articles that were shown to nobody in particular: [`NEGATIVES`] others, drawn from the newest [`RECENT`] clicks of everybody
//! that are not of this reader's session, as the log's authors evaluate (popularity-sampled negatives). Labels are clicks; the
//! base rate is that of the sampling.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::Rng;
use hashbrown::HashMap;
use learner::{Labels, Task, VideoFeatures, feature_hash};

use crate::log::{Log, Page, Row};
use crate::read::{Table, either};
use crate::{Error, Result};

/// Brasília, summer time not yet begun for most of the log.
const UTC_OFFSET_MS: i64 = -3 * 3_600_000;
/// Articles beside each clicked one.
const NEGATIVES: usize = 4;
/// Clicks of everybody from which they are drawn.
const RECENT: usize = 5_000;
/// Draws for one negative before the page goes without it.
const DRAWS_MAX: usize = 20;
const SCORED_DAYS: i64 = 3;

/// Reads the folder, and the files of `also` (further clicks) after it; `seed` decides the negatives.
pub fn read(dir: &Path, also: &[PathBuf], seed: u64) -> Result<Log> {
    let mut log = Log::with_tasks(&[Task::Click], UTC_OFFSET_MS);
    let mut by_id: HashMap<i64, u32> = HashMap::new();
    let mut table = Table::open(&either(dir, "articles.csv"))?;
    let [id, category, created, words] = table.columns(["article_id", "category_id", "created_at_ts", "words_count"])?;
    while table.advance()? {
        by_id.insert(table.whole(id)?, log.videos.len() as u32);
        log.videos.push(Arc::new(VideoFeatures {
            video: table.whole(id)? as u64 + 1,
            creator: table.whole(category)? as u64 + 1,
            hashtags: vec![feature_hash(&format!("category {}", table.text(category)))],
            // Reading time at four words a second stands for the length.
            duration_ms: (table.whole(words)?.max(0) as u32).saturating_mul(250),
            published_at_ms: table.whole(created)?,
            ..VideoFeatures::default()
        }));
    }
    let mut sampler = Sampler { rng: Rng::from_seed(seed).child("negatives"), recent: Vec::with_capacity(RECENT), clicks: 0 };
    let clicks = either(dir, "clicks.csv");
    for path in std::iter::once(&clicks).chain(also) {
        read_clicks(path, &mut log, &mut by_id, &mut sampler)?;
    }
    log.sort();
    log.score_from_ms = log.last_days_ms(SCORED_DAYS);
    Ok(log)
}

fn read_clicks(path: &Path, log: &mut Log, by_id: &mut HashMap<i64, u32>, sampler: &mut Sampler) -> Result<()> {
    let mut table = Table::open(path)?;
    let [user, session, article, time, environment, device, os, region, referrer] = table.columns([
        "user_id",
        "session_id",
        "click_article_id",
        "click_timestamp",
        "click_environment",
        "click_deviceGroup",
        "click_os",
        "click_region",
        "click_referrer_type",
    ])?;
    while table.advance()? {
        let at_ms = table.whole(time)?;
        let id = table.whole(article)?;
        let clicked = *by_id.entry(id).or_insert_with(|| {
            log.videos.push(Arc::new(VideoFeatures {
                video: id as u64 + 1,
                published_at_ms: at_ms,
                ..VideoFeatures::default()
            }));
            log.videos.len() as u32 - 1
        });
        let session = feature_hash(table.text(session));
        let row = |video, label| Row { video, watch: None, labels: Labels::none().with(Task::Click, label), repeats: false };
        let mut rows = vec![row(clicked, 1.0)];
        rows.extend(sampler.negatives(session, clicked).into_iter().map(|video| row(video, 0.0)));
        // Nothing may follow from the order within a page.
        sampler.rng.shuffle(&mut rows);
        sampler.take(session, clicked);
        let small = |column: usize| table.whole(column).map(|value| value.clamp(0, 255) as u8);
        log.pages.push(Page {
            at_ms,
            viewer: table.whole(user)? as u64 + 1,
            tab: small(referrer)?,
            device: small(device)?.wrapping_mul(32).wrapping_add(small(os)?),
            language: small(region)?.wrapping_add(small(environment)?.wrapping_mul(32)),
            warm: false,
            rows,
        });
    }
    if log.pages.is_empty() {
        return Err(Error::Empty { path: path.to_owned() });
    }
    Ok(())
}

/// The newest clicks of everybody, in a ring: session and article.
struct Sampler {
    rng: Rng,
    recent: Vec<(u64, u32)>,
    clicks: usize,
}

impl Sampler {
    /// Different articles that neither are `clicked` nor were clicked lately in this session.
    fn negatives(&mut self, session: u64, clicked: u32) -> Vec<u32> {
        let mut found = Vec::with_capacity(NEGATIVES);
        for _ in 0..NEGATIVES {
            for _ in 0..DRAWS_MAX.min(self.recent.len()) {
                let (other, video) = self.recent[self.rng.below(self.recent.len())];
                if other != session && video != clicked && !found.contains(&video) {
                    found.push(video);
                    break;
                }
            }
        }
        found
    }

    fn take(&mut self, session: u64, clicked: u32) {
        match self.recent.get_mut(self.clicks % RECENT) {
            Some(oldest) => *oldest = (session, clicked),
            None => self.recent.push((session, clicked)),
        }
        self.clicks += 1;
    }
}
