//! Cards in memory: a page of the feed costs microseconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base::{AccountId, SoundId, Timestamp, VideoId};
use hashbrown::HashMap;
use parking_lot::RwLock;
use sqlx::{QueryBuilder, Row, Sqlite, sqlite::SqliteRow};

use crate::{Card, Catalog, CatalogError, Color, SoundRef};

/// How many cards stay in memory unless configured otherwise.
pub const CARDS_MAX_DEFAULT: usize = 200_000;
/// Cards that one query loads.
const LOAD_BATCH: usize = 200;

/// Up to the ids. The plus keeps the planner from going through everything that is published: the ids are few.
pub(crate) const SELECT_CARDS: &str =
    "SELECT v.id, v.creator, v.caption, v.sound, s.title, s.creator, v.duration_ms, v.width, v.height, v.color,
            v.duplicate_of, v.kind, v.created_at_ms, v.published_at_ms
     FROM videos v LEFT JOIN sounds s ON s.id = v.sound WHERE +v.status = 'published' AND v.id IN (";

/// Videos whose cards are no longer true once the transaction is committed.
#[must_use = "hand it to Catalog::committed after the commit, or stale cards are served"]
#[derive(Debug, Default)]
pub struct Changed {
    videos: Vec<VideoId>,
    /// Set by changes that may touch any card (a sound that lost its maker).
    everything: bool,
}

impl Changed {
    pub(crate) fn one(video: VideoId) -> Self {
        Self { videos: vec![video], everything: false }
    }

    pub(crate) fn everything() -> Self {
        Self { videos: Vec::new(), everything: true }
    }

    /// Several changes of one transaction.
    pub fn and(mut self, other: Self) -> Self {
        self.videos.extend(other.videos);
        self.everything |= other.everything;
        self
    }
}

/// Two generations: what was asked for since the last turn, and what was asked for before. When the young one is full, the old
/// one is dropped. An approximation of "least recently used" whose hits need no write lock.
pub(crate) struct Cards {
    generations: RwLock<Generations>,
    generation_max: usize,
    /// Counts invalidations: what was read from the store before one is not kept after it.
    changes: AtomicU64,
}

#[derive(Default)]
struct Generations {
    young: HashMap<VideoId, Arc<Card>>,
    old: HashMap<VideoId, Arc<Card>>,
}

impl Cards {
    pub(crate) fn new(cards_max: usize) -> Self {
        Self { generations: RwLock::default(), generation_max: (cards_max / 2).max(1), changes: AtomicU64::new(0) }
    }

    /// Fills `found` at the places of the cards that are here; says whether some are missing.
    fn look_up(&self, ids: &[VideoId], found: &mut Vec<Option<Arc<Card>>>) -> bool {
        let mut promoted = Vec::new();
        let mut missing = false;
        {
            let generations = self.generations.read();
            for id in ids {
                let card = generations.young.get(id).cloned().or_else(|| {
                    let card = generations.old.get(id).cloned();
                    promoted.extend(card.clone());
                    card
                });
                missing |= card.is_none();
                found.push(card);
            }
        }
        if !promoted.is_empty() {
            let mut generations = self.generations.write();
            for card in promoted {
                // Gone meanwhile means changed meanwhile.
                if generations.old.remove(&card.id).is_some() {
                    self.insert(&mut generations, card);
                }
            }
        }
        missing
    }

    fn insert(&self, generations: &mut Generations, card: Arc<Card>) {
        if generations.young.len() >= self.generation_max {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(card.id, card);
    }

    /// How many changes there were: to be read before the store is.
    pub(crate) fn stand(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Keeps cards that were read when `changes` stood at `as_of`.
    pub(crate) fn keep(&self, cards: impl Iterator<Item = Arc<Card>>, as_of: u64) {
        let mut generations = self.generations.write();
        if self.stand() == as_of {
            for card in cards {
                self.insert(&mut generations, card);
            }
        }
    }

    fn forget(&self, changed: &Changed) {
        let mut generations = self.generations.write();
        self.changes.fetch_add(1, Ordering::AcqRel);
        if changed.everything {
            *generations = Generations::default();
        }
        for video in &changed.videos {
            generations.young.remove(video);
            generations.old.remove(video);
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let generations = self.generations.read();
        generations.young.len() + generations.old.len()
    }
}

impl Catalog {
    /// To be called after the commit of a transaction that changed videos.
    pub fn committed(&self, changed: Changed) {
        self.cards.forget(&changed);
    }

    /// The cards of published videos, in the order asked for; videos that are not published are left out.
    pub async fn cards(&self, ids: &[VideoId]) -> Result<Vec<Arc<Card>>, CatalogError> {
        let mut found = Vec::with_capacity(ids.len());
        if self.cards.look_up(ids, &mut found) {
            let missing: Vec<VideoId> = ids.iter().zip(&found).filter(|(_, card)| card.is_none()).map(|(id, _)| *id).collect();
            let loaded = self.load_cards(&missing).await?;
            for (id, card) in ids.iter().zip(&mut found) {
                if card.is_none() {
                    *card = loaded.get(id).cloned();
                }
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// The card of one published video.
    pub async fn card(&self, id: VideoId) -> Result<Arc<Card>, CatalogError> {
        self.cards(&[id]).await?.pop().ok_or(CatalogError::NoSuchVideo(id))
    }

    /// Reads the newest cards into memory, so that the first pages after a start are fast too. Returns how many.
    pub async fn warm(&self) -> Result<usize, CatalogError> {
        let mut before = (i64::MAX, i64::MAX);
        let mut count = 0;
        while count + LOAD_BATCH <= self.cards.generation_max {
            let rows = sqlx::query(
                "SELECT id, published_at_ms FROM videos WHERE status = 'published' AND (published_at_ms, id) < ($1, $2)
                 ORDER BY published_at_ms DESC, id DESC LIMIT $3",
            )
            .bind(before.0)
            .bind(before.1)
            .bind(LOAD_BATCH as i64)
            .fetch_all(self.store.read())
            .await?;
            let Some(last) = rows.last() else { break };
            before = (last.get(1), last.get(0));
            let ids: Vec<VideoId> = rows.iter().map(|row| VideoId::from_sql(row.get(0))).collect();
            count += self.load_cards(&ids).await?.len();
        }
        Ok(count)
    }

    async fn load_cards(&self, ids: &[VideoId]) -> Result<HashMap<VideoId, Arc<Card>>, CatalogError> {
        let as_of = self.cards.stand();
        let mut loaded = HashMap::with_capacity(ids.len());
        for batch in ids.chunks(LOAD_BATCH) {
            let mut query = QueryBuilder::<Sqlite>::new(SELECT_CARDS);
            let mut list = query.separated(", ");
            for id in batch {
                list.push_bind(id.sql());
            }
            query.push(")");
            let rows = query.build().fetch_all(self.store.read()).await?;
            loaded.extend(rows.iter().map(|row| {
                let card = Arc::new(card_of(row));
                (card.id, card)
            }));
        }
        self.cards.keep(loaded.values().cloned(), as_of);
        Ok(loaded)
    }
}

fn card_of(row: &SqliteRow) -> Card {
    let caption: String = row.get(2);
    let sound: Option<i64> = row.get(3);
    let title: Option<String> = row.get(4);
    let sound_creator: Option<i64> = row.get(5);
    Card {
        id: VideoId::from_sql(row.get(0)),
        creator: AccountId::from_sql(row.get(1)),
        hashtags: base::hashtags_in(&caption),
        caption,
        sound: sound.zip(title).zip(sound_creator).map(|((id, title), creator)| SoundRef {
            id: SoundId::from_sql(id),
            title,
            creator: AccountId::from_sql(creator),
        }),
        duration_ms: row.get(6),
        width: row.get(7),
        height: row.get(8),
        color: Color(row.get(9)),
        duplicate_of: row.get::<Option<i64>, _>(10).map(VideoId::from_sql),
        kind: row.get(11),
        created_at: Timestamp::from_millis(row.get(12)),
        published_at: Timestamp::from_millis(row.get(13)),
    }
}
