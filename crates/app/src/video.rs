//! Videos from upload to removal: what their creators do with them. The work itself is in [`work`].

mod duplicates;
mod intake;
mod janitor;
pub(crate) mod package;
mod studio;
mod work;

use std::sync::Arc;

use base::{AccountId, SoundId, UploadId, VideoId};
use catalog::{CatalogError, NewVideo, SoundChoice, Status, Video};
use eventlog::{Body, VideoFacts};
use media::upload::UploadError;
use store::cursor::{Cursor, Page};
use store::jobs::NewJob;

use crate::{App, AppError, Change};

pub use intake::{UploadState, UploadStatus};
pub use studio::{Studio, UploadChange};

/// What the sound of a video is called unless somebody gives it a name.
const OWN_SOUND_TITLE: &str = "Original sound";

/// What a person asks for when their file has arrived.
#[derive(Clone, Debug)]
pub struct NewUpload {
    pub upload: UploadId,
    pub caption: String,
    /// "Use this sound": plays instead of the video's own.
    pub sound: Option<SoundId>,
    /// The name of the video's own sound.
    pub sound_title: Option<String>,
    /// Set by the demo fill and by imports.
    pub kind: Option<String>,
}

/// How a video does, for its creator.
#[derive(Clone, Debug)]
pub struct Insights {
    pub counts: views::VideoCounts,
    /// The share of watches that got to each tenth of the clip.
    pub retention: [f64; views::CURVE_BUCKETS],
    /// Sources of the feed by name, and on how many pages each put it.
    pub sources: Vec<(&'static str, u64)>,
}

impl App {
    /// Takes up what was left undone, then sets the janitor and the workers going.
    pub(crate) fn start_studio(self: &Arc<Self>) {
        let app = self.clone();
        self.tasks.spawn(async move {
            let taken_up = async {
                app.take_up().await?;
                app.load_duplicates().await
            };
            match taken_up.await {
                Ok(fingerprints) => tracing::info!(fingerprints, "ready to work on uploads"),
                // The store does not answer: the workers will say so again, and louder.
                Err(error) => tracing::error!(%error, "what a process before left undone could not be taken up"),
            }
            app.tasks.spawn(app.clone().keep_house());
            for _ in 0..app.settings.media.workers {
                app.tasks.spawn(app.clone().work());
            }
        });
    }

    /// Makes a video of a complete upload. When this returns, the work on it survives a crash; asked again for the same upload,
    /// it answers with the same video.
    pub async fn create_video(&self, who: AccountId, new: NewUpload) -> Result<Video, AppError> {
        let caption = catalog::clean_caption(&new.caption)?;
        let sound = match new.sound {
            Some(id) => SoundChoice::Existing(self.catalog.sound(id).await.map_err(unknown_sound)?.id),
            None => SoundChoice::Own { title: new.sound_title.unwrap_or_else(|| OWN_SOUND_TITLE.into()) },
        };
        let id = self.catalog.new_video_id();
        match self.uploads.claim(new.upload, who, id).await {
            Ok(_) => {}
            Err(UploadError::Claimed { video }) => return Ok(self.catalog.video(video).await?),
            Err(UploadError::Refused) => return Err(self.refused_upload(who, new.upload)),
            Err(error) => return Err(error.into()),
        }
        let video = NewVideo { id, creator: who, caption, sound, upload: Some(new.upload), kind: new.kind };
        if let Err(error) = self.begin_video(video).await {
            self.uploads.unclaim(new.upload, id).await?;
            return Err(error);
        }
        self.jobs.wake();
        Ok(self.catalog.video(id).await?)
    }

    async fn begin_video(&self, video: NewVideo) -> Result<(), AppError> {
        let id = video.id;
        let mut change = self.begin().await?;
        self.catalog.create(&mut change.tx, video).await?;
        let job = NewJob {
            kind: work::FIRST,
            video: Some(id),
            payload: "",
            priority: work::FIRST_PRIORITY,
            attempts_max: self.settings.media.attempts_max,
        };
        self.jobs.enqueue(&mut change.tx, job).await?;
        self.commit(change).await
    }

    /// A video as its creator sees it, in any state.
    pub async fn own_video(&self, who: AccountId, id: VideoId) -> Result<Video, AppError> {
        let video = self.catalog.video(id).await?;
        if video.creator == who { Ok(video) } else { Err(AppError::NotFound) }
    }

    /// What somebody sent in, the last first.
    pub async fn own_uploads(&self, who: AccountId, after: Cursor, limit: u32) -> Result<Page<Video>, AppError> {
        Ok(self.catalog.uploads_of(who, after, limit).await?)
    }

    /// Changes the caption of one's own video; the feed and the learner hear of its new words.
    pub async fn edit_caption(&self, who: AccountId, id: VideoId, caption: &str) -> Result<(), AppError> {
        let video = self.published_or_own(who, id).await?;
        let mut change = self.begin().await?;
        let changed = self.catalog.set_caption(&mut change.tx, id, caption).await?;
        if video.status == Status::Published {
            let facts = self.catalog.facts_in(&mut change.tx, id).await?;
            self.tell(&mut change, base::ViewerId::default(), Body::VideoPublished(event_facts(facts))).await?;
        }
        let done = self.commit(change).await;
        self.catalog.committed(changed);
        done
    }

    /// Deletes one's own video, in any state: media, search, counts, what others did with it.
    pub async fn delete_video(&self, who: AccountId, id: VideoId) -> Result<(), AppError> {
        let video = self.published_or_own(who, id).await?;
        let mut change = self.begin().await?;
        let changed = self.remove_video_in(&mut change, &video).await?;
        let done = self.commit(change).await;
        if !crate::telling::is_kept(&done) {
            return done;
        }
        self.catalog.committed(changed);
        self.forget_video(&video).await;
        done
    }

    /// The part of a deletion that belongs in the transaction. Afterwards [`App::forget_video`].
    pub(crate) async fn remove_video_in(&self, change: &mut Change, video: &Video) -> Result<catalog::Changed, AppError> {
        let changed = self.catalog.remove(&mut change.tx, video.id).await?;
        self.jobs.delete_of(&mut change.tx, video.id).await?;
        self.social.delete_video(&mut change.tx, video.id).await?;
        self.enqueue_media_deletion(change, video.id).await?;
        if matches!(video.status, Status::Published | Status::Removed) {
            self.tell(change, base::ViewerId::default(), Body::VideoRemoved { video: video.id }).await?;
        }
        Ok(changed)
    }

    /// What is left to do in memory and on disk once a video is gone from the store.
    pub(crate) async fn forget_video(&self, video: &Video) {
        self.studio.duplicates.remove(video.id);
        self.jobs.wake();
        if let Some(upload) = video.upload
            && let Err(error) = self.uploads.remove(upload).await
        {
            // The next start compares and removes it.
            tracing::warn!(%error, "the source of a deleted video could not be removed");
        }
        self.studio.tell(video.creator, video.id);
    }

    /// How one's own video does.
    pub async fn insights(&self, who: AccountId, id: VideoId) -> Result<Insights, AppError> {
        self.own_video(who, id).await?;
        let views = &self.brain.views;
        let source = |number| feed::SourceKind::from_number(number).name();
        Ok(Insights {
            counts: views.counts(id),
            retention: views.watch_curve(id).retention(),
            sources: views.served_by_source(id).into_iter().map(|(number, count)| (source(number), count)).collect(),
        })
    }

    async fn published_or_own(&self, who: AccountId, id: VideoId) -> Result<Video, AppError> {
        let video = self.catalog.video(id).await?;
        match video.creator == who {
            true => Ok(video),
            // Whoever can see it may know that it is not theirs.
            false if video.status == Status::Published => Err(AppError::Forbidden),
            false => Err(AppError::NotFound),
        }
    }
}

/// The facts in the form of the log.
pub fn event_facts(facts: catalog::Facts) -> VideoFacts {
    VideoFacts {
        video: facts.video,
        creator: facts.creator,
        sound: facts.sound,
        hashtags: facts.hashtags,
        // The learner needs to tell words apart, not to read them: what was written stays in the store, and goes with it.
        words: facts.words.iter().map(|word| format!("{:x}", learner::feature_hash(word))).collect(),
        duration_ms: facts.duration_ms,
        published_at: facts.published_at,
        content: facts.content,
        duplicate_of: facts.duplicate_of,
    }
}

fn unknown_sound(error: CatalogError) -> AppError {
    match error {
        CatalogError::NoSuchSound(_) => AppError::invalid("sound", "unknown", "This sound is not there any more."),
        other => other.into(),
    }
}
