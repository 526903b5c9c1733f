//! Sounds: born with the video that first has them, used by others.

use base::{AccountId, SoundId, VideoId};
use hashbrown::HashMap;
use sqlx::{QueryBuilder, Row, Sqlite, sqlite::SqliteRow};
use store::WriteTx;

use crate::search::{self, Index};
use crate::{Catalog, CatalogError, PAGE_MAX};

/// A sound in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    pub id: SoundId,
    pub title: String,
    pub creator: AccountId,
    /// The video that it was born with; it may be gone.
    pub video: VideoId,
    pub duration_ms: u32,
    /// Published videos with it.
    pub video_count: u64,
}

const COLUMNS: &str = "id, title, creator, video, duration_ms, video_count";

impl Catalog {
    pub async fn sound(&self, id: SoundId) -> Result<Sound, CatalogError> {
        self.sounds(&[id]).await?.pop().ok_or(CatalogError::NoSuchSound(id))
    }

    /// Sounds in the order asked for, at most [`PAGE_MAX`]; those that do not exist are left out.
    pub async fn sounds(&self, ids: &[SoundId]) -> Result<Vec<Sound>, CatalogError> {
        let mut query = QueryBuilder::<Sqlite>::new(format!("SELECT {COLUMNS} FROM sounds WHERE id IN ("));
        let mut list = query.separated(", ");
        for id in ids.iter().take(PAGE_MAX as usize) {
            list.push_bind(id.sql());
        }
        query.push(")");
        let rows = query.build().fetch_all(self.store.read()).await?;
        let by_id: HashMap<SoundId, Sound> = rows.iter().map(sound_of).map(|sound| (sound.id, sound)).collect();
        Ok(ids.iter().filter_map(|id| by_id.get(id).cloned()).collect())
    }

    /// The sounds with the most videos, at most [`PAGE_MAX`].
    pub async fn top_sounds(&self, limit: u32) -> Result<Vec<Sound>, CatalogError> {
        let query = format!("SELECT {COLUMNS} FROM sounds ORDER BY video_count DESC, id DESC LIMIT $1");
        let rows = sqlx::query(sqlx::AssertSqlSafe(query)).bind(limit.min(PAGE_MAX)).fetch_all(self.store.read()).await?;
        Ok(rows.iter().map(sound_of).collect())
    }
}

/// The sound of a video about to be published: one more use of the one it names, or its own, newly born.
pub(crate) async fn publish(
    tx: &mut WriteTx,
    named: Option<SoundId>,
    born: impl FnOnce() -> Option<Sound>,
) -> Result<Option<SoundId>, CatalogError> {
    if let Some(id) = named {
        let known = sqlx::query("UPDATE sounds SET video_count = video_count + 1 WHERE id = $1")
            .bind(id.sql())
            .execute(&mut **tx)
            .await?;
        if known.rows_affected() == 1 {
            return Ok(Some(id));
        }
    }
    let Some(sound) = born() else { return Ok(None) };
    sqlx::query("INSERT INTO sounds (id, title, creator, video, duration_ms, video_count) VALUES ($1, $2, $3, $4, $5, 1)")
        .bind(sound.id.sql())
        .bind(&sound.title)
        .bind(sound.creator.sql())
        .bind(sound.video.sql())
        .bind(sound.duration_ms)
        .execute(&mut **tx)
        .await?;
    search::put(tx, Index::Sounds, sound.id.sql(), &[&sound.title]).await?;
    Ok(Some(sound.id))
}

/// One use less; a sound that nobody uses any more is forgotten.
pub(crate) async fn remove_use(tx: &mut WriteTx, id: SoundId) -> Result<(), CatalogError> {
    let left: Option<i64> =
        sqlx::query_scalar("UPDATE sounds SET video_count = video_count - 1 WHERE id = $1 RETURNING video_count")
            .bind(id.sql())
            .fetch_optional(&mut **tx)
            .await?;
    if left.is_some_and(|left| left <= 0) {
        search::delete(tx, Index::Sounds, id.sql()).await?;
        sqlx::query("DELETE FROM sounds WHERE id = $1").bind(id.sql()).execute(&mut **tx).await?;
    }
    Ok(())
}

pub(crate) fn sound_of(row: &SqliteRow) -> Sound {
    Sound {
        id: SoundId::from_sql(row.get(0)),
        title: row.get(1),
        creator: AccountId::from_sql(row.get(2)),
        video: VideoId::from_sql(row.get(3)),
        duration_ms: row.get(4),
        video_count: row.get::<i64, _>(5).max(0) as u64,
    }
}
