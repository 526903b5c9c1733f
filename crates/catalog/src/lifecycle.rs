//! The way of a video: made, described, evaluated, published or refused, changed, removed.

use base::{AccountId, SoundId, Timestamp, UploadId, VideoId};
use sqlx::Row;
use store::WriteTx;

use crate::cache::Changed;
use crate::facts::features_to_bytes;
use crate::search::{self, Index};
use crate::sounds::{self, Sound};
use crate::video::{VIDEO_COLUMNS, clean_caption, video_of};
use crate::{Catalog, CatalogError, Color, Facts, Refusal, Status, Step, Video, hashtags};

/// The longest title of a sound, in characters.
const SOUND_TITLE_CHARS_MAX: usize = 100;
/// The most videos whose progress is kept in memory: more than any set of workers works on.
const PROGRESS_MAX: usize = 10_000;

/// The sound of a new video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SoundChoice {
    /// What was recorded with it, under a title of its own.
    Own { title: String },
    /// "Use this sound".
    Existing(SoundId),
}

/// A video at its birth.
#[derive(Clone, Debug)]
pub struct NewVideo {
    /// From [`Catalog::new_video_id`].
    pub id: VideoId,
    pub creator: AccountId,
    pub caption: String,
    pub sound: SoundChoice,
    pub upload: Option<UploadId>,
    pub kind: Option<String>,
}

/// What was made of an upload.
#[derive(Clone, Debug)]
pub struct Media {
    pub duration_ms: u32,
    pub width: u32,
    pub height: u32,
    pub color: Color,
    /// JSON for whoever serves the media.
    pub manifest: String,
    /// A video without sound gives birth to none.
    pub has_sound: bool,
}

/// What an evaluation found.
#[derive(Clone, Debug, Default)]
pub struct Evaluation {
    pub signature: Vec<u8>,
    pub features: Vec<f32>,
    pub duplicate_of: Option<VideoId>,
}

impl Catalog {
    pub fn new_video_id(&self) -> VideoId {
        self.new_id()
    }

    /// Begins a video: `processing`, `queued`.
    pub async fn create(&self, tx: &mut WriteTx, new: NewVideo) -> Result<(), CatalogError> {
        let caption = clean_caption(&new.caption)?;
        let (sound, title) = match new.sound {
            SoundChoice::Own { title } => (None, title.trim().chars().take(SOUND_TITLE_CHARS_MAX).collect()),
            SoundChoice::Existing(id) => (Some(id), String::new()),
        };
        if let Some(id) = sound {
            let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM sounds WHERE id = $1)")
                .bind(id.sql())
                .fetch_one(&mut **tx)
                .await?;
            if !known {
                return Err(CatalogError::NoSuchSound(id));
            }
        }
        sqlx::query(
            "INSERT INTO videos (id, creator, caption, sound, sound_title, upload, status, step, kind, created_at_ms)
             VALUES ($1, $2, $3, $4, $5, $6, 'processing', 'queued', $7, $8)",
        )
        .bind(new.id.sql())
        .bind(new.creator.sql())
        .bind(caption)
        .bind(sound.map(SoundId::sql))
        .bind(title)
        .bind(new.upload.map(UploadId::sql))
        .bind(new.kind)
        .bind(self.clock.now().as_millis())
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    /// A video in any state, for its creator and for workers. Whether the caller may see it is the caller's question.
    pub async fn video(&self, id: VideoId) -> Result<Video, CatalogError> {
        let query = format!("SELECT {VIDEO_COLUMNS} FROM videos WHERE id = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(query)).bind(id.sql()).fetch_optional(self.store.read()).await?;
        let video = row.map(|row| video_of(&row)).ok_or(CatalogError::NoSuchVideo(id))?;
        Ok(self.with_progress(video))
    }

    pub(crate) fn with_progress(&self, mut video: Video) -> Video {
        if let Some((step, progress)) = self.progress.lock().get(&video.id) {
            (video.step, video.progress) = (*step, *progress);
        }
        video
    }

    /// Notes how far a worker is, in memory: after a restart the work, and the count, begin again.
    pub fn progress(&self, id: VideoId, step: Step, fraction: f32) {
        let mut progress = self.progress.lock();
        if step == Step::Done {
            progress.remove(&id);
        } else if progress.len() < PROGRESS_MAX || progress.contains_key(&id) {
            progress.insert(id, (step, fraction.clamp(0.0, 1.0)));
        }
    }

    /// Writes down the step, so that another process sees it too.
    pub async fn set_step(&self, tx: &mut WriteTx, id: VideoId, step: Step) -> Result<(), CatalogError> {
        let done = sqlx::query("UPDATE videos SET step = $1 WHERE id = $2")
            .bind(step.name())
            .bind(id.sql())
            .execute(&mut **tx)
            .await?;
        self.progress(id, step, 0.0);
        found(id, done.rows_affected())
    }

    /// Describes the media of a video: when the first rendition is there, and again when all are.
    pub async fn set_media(&self, tx: &mut WriteTx, id: VideoId, media: &Media) -> Result<Changed, CatalogError> {
        let done = sqlx::query(
            "UPDATE videos SET duration_ms = $1, width = $2, height = $3, color = $4, manifest = $5,
                    sound_title = CASE WHEN $6 THEN sound_title ELSE '' END
             WHERE id = $7 AND status IN ('processing', 'published', 'removed')",
        )
        .bind(media.duration_ms)
        .bind(media.width)
        .bind(media.height)
        .bind(media.color.0)
        .bind(&media.manifest)
        .bind(media.has_sound)
        .bind(id.sql())
        .execute(&mut **tx)
        .await?;
        found(id, done.rows_affected())?;
        Ok(Changed::one(id))
    }

    /// Writes down what the evaluation found. It comes before [`Catalog::publish`], always.
    pub async fn set_evaluation(&self, tx: &mut WriteTx, id: VideoId, evaluation: &Evaluation) -> Result<(), CatalogError> {
        let done = sqlx::query(
            "UPDATE videos SET signature = $1, features = $2, duplicate_of = $3 WHERE id = $4 AND status = 'processing'",
        )
        .bind(&evaluation.signature)
        .bind(features_to_bytes(&evaluation.features))
        .bind(evaluation.duplicate_of.filter(|original| *original != id).map(VideoId::sql))
        .bind(id.sql())
        .execute(&mut **tx)
        .await?;
        found(id, done.rows_affected())
    }

    /// Shows a video to everybody, and returns what the event log is to be told in the same transaction. Only what was evaluated
    /// and has media can be published.
    pub async fn publish(&self, tx: &mut WriteTx, id: VideoId) -> Result<(Facts, Changed), CatalogError> {
        let published_at = self.clock.now();
        let done = sqlx::query(
            "UPDATE videos SET status = 'published', published_at_ms = $1
             WHERE id = $2 AND status = 'processing' AND signature IS NOT NULL AND manifest <> ''",
        )
        .bind(published_at.as_millis())
        .bind(id.sql())
        .execute(&mut **tx)
        .await?;
        found(id, done.rows_affected())?;
        let changed = self.appear(tx, id, published_at).await?;
        Ok((self.facts_in(tx, id).await?, changed))
    }

    /// Ends a video that is not taken. Its creator sees why; everything else about it is gone.
    pub async fn refuse(&self, tx: &mut WriteTx, id: VideoId, refusal: &Refusal) -> Result<(), CatalogError> {
        let done = sqlx::query(
            "UPDATE videos SET status = 'refused', step = 'done', refusal_code = $1, refusal_message = $2, manifest = '', upload = NULL,
                    signature = NULL, features = NULL, duplicate_of = NULL, sound = NULL
             WHERE id = $3 AND status = 'processing'",
        )
        .bind(&refusal.code)
        .bind(&refusal.message)
        .bind(id.sql())
        .execute(&mut **tx)
        .await?;
        self.progress(id, Step::Done, 1.0);
        found(id, done.rows_affected())
    }

    /// Ends the work on a video because of us, not of it: its creator sees why, its source stays, so that
    /// [`Catalog::resume`] can begin again.
    pub async fn suspend(&self, tx: &mut WriteTx, id: VideoId, refusal: &Refusal) -> Result<(), CatalogError> {
        let done = sqlx::query(
            "UPDATE videos SET status = 'refused', step = 'done', refusal_code = $1, refusal_message = $2
             WHERE id = $3 AND status = 'processing'",
        )
        .bind(&refusal.code)
        .bind(&refusal.message)
        .bind(id.sql())
        .execute(&mut **tx)
        .await?;
        self.progress(id, Step::Done, 1.0);
        found(id, done.rows_affected())
    }

    /// Begins again with a video that was suspended; says whether there was one.
    pub async fn resume(&self, tx: &mut WriteTx, id: VideoId) -> Result<bool, CatalogError> {
        let done = sqlx::query(
            "UPDATE videos SET status = 'processing', step = 'queued', refusal_code = NULL, refusal_message = NULL
             WHERE id = $1 AND status = 'refused' AND upload IS NOT NULL",
        )
        .bind(id.sql())
        .execute(&mut **tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Forgets the source, once everything is made of it.
    pub async fn clear_upload(&self, tx: &mut WriteTx, id: VideoId) -> Result<(), CatalogError> {
        sqlx::query("UPDATE videos SET upload = NULL WHERE id = $1").bind(id.sql()).execute(&mut **tx).await?;
        Ok(())
    }

    pub async fn set_caption(&self, tx: &mut WriteTx, id: VideoId, caption: &str) -> Result<Changed, CatalogError> {
        let caption = clean_caption(caption)?;
        let row = sqlx::query(
            "UPDATE videos SET caption = $1 WHERE id = $2 AND status IN ('processing', 'published') RETURNING status, published_at_ms",
        )
        .bind(&caption)
        .bind(id.sql())
        .fetch_optional(&mut **tx)
        .await?
        .ok_or(CatalogError::NoSuchVideo(id))?;
        if let Some(published_at) = row.get::<Option<i64>, _>(1) {
            hashtags::remove(tx, id).await?;
            index_caption(tx, id, Timestamp::from_millis(published_at), &caption).await?;
        }
        Ok(Changed::one(id))
    }

    /// Takes a published video down, so that [`Catalog::restore`] can bring it back.
    pub async fn take_down(&self, tx: &mut WriteTx, id: VideoId) -> Result<Changed, CatalogError> {
        let done = sqlx::query("UPDATE videos SET status = 'removed' WHERE id = $1 AND status = 'published'")
            .bind(id.sql())
            .execute(&mut **tx)
            .await?;
        found(id, done.rows_affected())?;
        self.disappear(tx, id).await
    }

    /// Brings back what was taken down, at its old place in the lists.
    pub async fn restore(&self, tx: &mut WriteTx, id: VideoId) -> Result<(Facts, Changed), CatalogError> {
        let row = sqlx::query(
            "UPDATE videos SET status = 'published' WHERE id = $1 AND status = 'removed' RETURNING published_at_ms",
        )
        .bind(id.sql())
        .fetch_optional(&mut **tx)
        .await?
        .ok_or(CatalogError::NoSuchVideo(id))?;
        let changed = self.appear(tx, id, Timestamp::from_millis(row.get(0))).await?;
        Ok((self.facts_in(tx, id).await?, changed))
    }

    /// Deletes a video in any state, with all that hangs on it here. Its media and what people did with it are the caller's.
    pub async fn remove(&self, tx: &mut WriteTx, id: VideoId) -> Result<Changed, CatalogError> {
        let status: String = sqlx::query_scalar("SELECT status FROM videos WHERE id = $1")
            .bind(id.sql())
            .fetch_optional(&mut **tx)
            .await?
            .ok_or(CatalogError::NoSuchVideo(id))?;
        let changed = if status == Status::Published.name() { self.disappear(tx, id).await? } else { Changed::one(id) };
        sqlx::query("DELETE FROM videos WHERE id = $1").bind(id.sql()).execute(&mut **tx).await?;
        self.progress(id, Step::Done, 1.0);
        Ok(changed)
    }

    /// Deletes everything that is a person's: videos in any state, and their name on sounds that others use. Returns the videos.
    pub async fn delete_account(&self, tx: &mut WriteTx, creator: AccountId) -> Result<(Vec<VideoId>, Changed), CatalogError> {
        let ids: Vec<i64> =
            sqlx::query_scalar("SELECT id FROM videos WHERE creator = $1").bind(creator.sql()).fetch_all(&mut **tx).await?;
        let videos: Vec<VideoId> = ids.into_iter().map(VideoId::from_sql).collect();
        let mut changed = Changed::default();
        for video in &videos {
            changed = changed.and(self.remove(tx, *video).await?);
        }
        let orphans: Vec<i64> =
            sqlx::query_scalar("UPDATE sounds SET creator = 0, title = '', video = 0 WHERE creator = $1 RETURNING id")
                .bind(creator.sql())
                .fetch_all(&mut **tx)
                .await?;
        if !orphans.is_empty() {
            changed = changed.and(Changed::everything());
        }
        for sound in orphans {
            search::delete(tx, Index::Sounds, sound).await?;
        }
        search::delete(tx, Index::People, creator.sql()).await?;
        Ok((videos, changed))
    }

    /// What becoming visible means: sound, hashtags, search.
    async fn appear(&self, tx: &mut WriteTx, id: VideoId, published_at: Timestamp) -> Result<Changed, CatalogError> {
        let row = sqlx::query("SELECT creator, caption, sound, sound_title, duration_ms FROM videos WHERE id = $1")
            .bind(id.sql())
            .fetch_one(&mut **tx)
            .await?;
        let title: String = row.get(3);
        let named = row.get::<Option<i64>, _>(2).map(SoundId::from_sql);
        let sound = sounds::publish(tx, named, || {
            (!title.is_empty()).then(|| Sound {
                id: self.new_id(),
                title,
                creator: AccountId::from_sql(row.get(0)),
                video: id,
                duration_ms: row.get(4),
                video_count: 1,
            })
        })
        .await?;
        if sound != named {
            sqlx::query("UPDATE videos SET sound = $1 WHERE id = $2")
                .bind(sound.map(SoundId::sql))
                .bind(id.sql())
                .execute(&mut **tx)
                .await?;
        }
        index_caption(tx, id, published_at, row.get(1)).await?;
        Ok(Changed::one(id))
    }

    /// The reverse of [`Catalog::appear`]; videos that are called repetitions of this one are no longer.
    async fn disappear(&self, tx: &mut WriteTx, id: VideoId) -> Result<Changed, CatalogError> {
        hashtags::remove(tx, id).await?;
        search::delete(tx, Index::Videos, id.sql()).await?;
        let sound: Option<i64> =
            sqlx::query_scalar("SELECT sound FROM videos WHERE id = $1").bind(id.sql()).fetch_one(&mut **tx).await?;
        if let Some(sound) = sound {
            sounds::remove_use(tx, SoundId::from_sql(sound)).await?;
        }
        let repetitions: Vec<i64> =
            sqlx::query_scalar("UPDATE videos SET duplicate_of = NULL WHERE duplicate_of = $1 RETURNING id")
                .bind(id.sql())
                .fetch_all(&mut **tx)
                .await?;
        let repetitions = repetitions.into_iter().map(|video| Changed::one(VideoId::from_sql(video)));
        Ok(repetitions.fold(Changed::one(id), Changed::and))
    }
}

async fn index_caption(tx: &mut WriteTx, id: VideoId, published_at: Timestamp, caption: &str) -> Result<(), CatalogError> {
    let tags = base::hashtags_in(caption);
    hashtags::add(tx, id, published_at, &tags).await?;
    search::put(tx, Index::Videos, id.sql(), &[caption, &tags.join(" ")]).await
}

fn found(id: VideoId, rows: u64) -> Result<(), CatalogError> {
    if rows == 1 { Ok(()) } else { Err(CatalogError::NoSuchVideo(id)) }
}
