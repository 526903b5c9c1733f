//! What people do with videos and comments, and the inbox that tells of it. Each change is in the store and in the log.

use accounts::{Role, SignedInSession};
use base::{AccountId, CommentId, ReportId, VideoId, ViewerId};
use eventlog::Body;
use moderation::{NewReport, Reason, Report, ReportState, Subject};
use social::{Comment, Deleter, InboxItem, NewComment};
use store::cursor::{Cursor, Page};
use tokio::sync::broadcast;

use crate::{App, AppError, VideoCard};

/// Inbox changes that a slow listener may fall behind before it loses some.
const INBOX_NEWS_WAITING_MAX: usize = 1_024;

/// Says whose inbox has something new.
pub(crate) struct InboxNews(broadcast::Sender<AccountId>);

impl Default for InboxNews {
    fn default() -> Self {
        Self(broadcast::Sender::new(INBOX_NEWS_WAITING_MAX))
    }
}

/// What somebody points at when they report it.
#[derive(Clone, Debug)]
pub enum ReportSubject {
    Video(VideoId),
    Comment(CommentId),
    /// By handle.
    Person(String),
}

/// A reaction as it stands now, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reaction {
    pub on: bool,
    pub count: u64,
}

/// What is done to a reaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    On,
    Off,
}

/// The count that people saw, moved by what was just done: the log's own count follows within a moment.
fn moved(seen: u64, turn: Turn, changed: bool) -> u64 {
    match (turn, changed) {
        (_, false) => seen,
        (Turn::On, true) => seen + 1,
        (Turn::Off, true) => seen.saturating_sub(1),
    }
}

impl App {
    /// Hears of every inbox that has something new; the listener picks its own.
    pub fn inbox_changes(&self) -> broadcast::Receiver<AccountId> {
        self.inbox_news.0.subscribe()
    }

    pub(crate) fn inbox_changed(&self, whose: impl IntoIterator<Item = AccountId>) {
        for account in whose {
            // Nobody listening is fine.
            let _ = self.inbox_news.0.send(account);
        }
    }

    /// Likes a video, or takes it back.
    pub async fn like(&self, who: &SignedInSession, video: VideoId, turn: Turn) -> Result<Reaction, AppError> {
        let card = self.card(Some(who.account), video).await?;
        let mut change = self.begin().await?;
        let (done, body) = match turn {
            Turn::On => (self.social.like(&mut change.tx, who.account, video, card.creator.id).await?, Body::Like { video }),
            Turn::Off => (self.social.unlike(&mut change.tx, who.account, video).await?, Body::Unlike { video }),
        };
        if done.changed {
            self.tell(&mut change, who.viewer, body).await?;
        }
        self.commit(change).await?;
        self.inbox_changed(done.notified);
        Ok(Reaction { on: turn == Turn::On, count: moved(card.counts.likes, turn, done.changed) })
    }

    /// Keeps a video for later, or no longer.
    pub async fn save(&self, who: &SignedInSession, video: VideoId, turn: Turn) -> Result<Reaction, AppError> {
        let card = self.card(Some(who.account), video).await?;
        let mut change = self.begin().await?;
        let (done, body) = match turn {
            Turn::On => (self.social.save(&mut change.tx, who.account, video).await?, Body::Save { video }),
            Turn::Off => (self.social.unsave(&mut change.tx, who.account, video).await?, Body::Unsave { video }),
        };
        if done.changed {
            self.tell(&mut change, who.viewer, body).await?;
        }
        self.commit(change).await?;
        Ok(Reaction { on: turn == Turn::On, count: moved(card.counts.saves, turn, done.changed) })
    }

    /// "Not interested", signed in or not. Taking it back takes the clip out of what the feed learned from.
    pub async fn not_interested(
        &self,
        viewer: ViewerId,
        account: Option<AccountId>,
        video: VideoId,
        turn: Turn,
    ) -> Result<(), AppError> {
        self.card(account, video).await?;
        let mut change = self.begin().await?;
        let changed = match (account, turn) {
            (None, _) => true,
            (Some(account), Turn::On) => self.social.not_interested(&mut change.tx, account, video).await?,
            (Some(account), Turn::Off) => self.social.interested_again(&mut change.tx, account, video).await?,
        };
        if changed {
            let body = match turn {
                Turn::On => Body::NotInterested { video },
                Turn::Off => Body::HistoryRemoved { video: Some(video) },
            };
            self.tell(&mut change, viewer, body).await?;
        }
        self.commit(change).await
    }

    /// Counts a share and says where the video can be found, and how often it has been shared.
    pub async fn share(&self, viewer: ViewerId, account: Option<AccountId>, video: VideoId) -> Result<(String, u64), AppError> {
        let card = self.card(account, video).await?;
        let mut change = self.begin().await?;
        self.tell(&mut change, viewer, Body::Share { video }).await?;
        self.commit(change).await?;
        let url = format!("{}/v/{video}", self.settings.public_url.trim_end_matches('/'));
        Ok((url, card.counts.shares + 1))
    }

    /// Videos that somebody liked, if they let it be seen.
    pub async fn liked_by(
        &self,
        caller: Option<AccountId>,
        handle: &str,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<VideoId>, AppError> {
        let person = self.person_id(caller, handle).await?;
        if person.private_likes && caller != Some(person.id) {
            let detail = "What this person likes is theirs alone to see.".into();
            return Err(AppError::Refused { status: 403, code: "private_likes", detail });
        }
        Ok(self.social.liked_page(person.id, after, limit).await?)
    }

    /// The published videos of somebody.
    pub async fn videos_by(
        &self,
        caller: Option<AccountId>,
        handle: &str,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<VideoId>, AppError> {
        let person = self.person_id(caller, handle).await?;
        Ok(self.catalog.videos_of_creator(person.id, after.unwrap_or(Cursor::TOP), limit).await?)
    }

    /// The threads under a video.
    pub async fn comments(
        &self,
        reader: Option<AccountId>,
        video: VideoId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<Comment>, AppError> {
        self.card(reader, video).await?;
        Ok(self.social.comments(video, reader, after, limit).await?)
    }

    /// The replies of a thread.
    pub async fn replies(
        &self,
        reader: Option<AccountId>,
        thread: CommentId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<Comment>, AppError> {
        let first = self.social.one_comment(thread, reader).await?;
        self.card(reader, first.video).await?;
        Ok(self.social.replies(thread, reader, after, limit).await?)
    }

    pub async fn comment(
        &self,
        who: &SignedInSession,
        video: VideoId,
        text: &str,
        parent: Option<CommentId>,
    ) -> Result<Comment, AppError> {
        let card = self.card(Some(who.account), video).await?;
        let new = NewComment { author: who.account, video, creator: card.creator.id, text, parent };
        let mut change = self.begin().await?;
        let done = self.social.comment(&mut change.tx, new).await?;
        self.tell(&mut change, who.viewer, Body::Comment { video }).await?;
        self.commit(change).await?;
        self.inbox_changed(done.notified);
        Ok(done.comment)
    }

    /// Deletes a comment: its author, the video's creator and operators may.
    pub async fn delete_comment(&self, who: &SignedInSession, id: CommentId) -> Result<(), AppError> {
        let by = if who.role == Role::Operator { Deleter::Operator } else { Deleter::Person(who.account) };
        let mut change = self.begin().await?;
        self.social.delete_comment(&mut change.tx, id, by).await?;
        self.commit(change).await
    }

    pub async fn like_comment(&self, who: &SignedInSession, id: CommentId, turn: Turn) -> Result<Reaction, AppError> {
        let mut change = self.begin().await?;
        let done = match turn {
            Turn::On => self.social.like_comment(&mut change.tx, who.account, id).await?,
            Turn::Off => self.social.unlike_comment(&mut change.tx, who.account, id).await?,
        };
        self.commit(change).await?;
        Ok(Reaction { on: turn == Turn::On, count: done.count })
    }

    /// The caller's inbox, with the cards of the videos in it that can be seen.
    pub async fn inbox(
        &self,
        who: AccountId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<(Page<InboxItem>, Vec<VideoCard>), AppError> {
        let page = self.social.inbox(who, after, limit).await?;
        let mut videos: Vec<VideoId> = page.items.iter().filter_map(|item| item.video).collect();
        videos.sort_unstable();
        videos.dedup();
        let cards = self.cards(Some(who), &videos).await?;
        Ok((page, cards))
    }

    pub async fn read_inbox(&self, who: AccountId) -> Result<(), AppError> {
        self.social.mark_read(who).await?;
        self.inbox_changed([who]);
        Ok(())
    }

    /// Takes a report. The learner hears of a reported video.
    pub async fn report(
        &self,
        who: &SignedInSession,
        subject: ReportSubject,
        reason: Reason,
        note: Option<&str>,
    ) -> Result<ReportId, AppError> {
        let (subject, of) = match subject {
            ReportSubject::Video(video) => (Subject::Video(video), self.card(Some(who.account), video).await?.creator.id),
            ReportSubject::Comment(id) => (Subject::Comment(id), self.social.one_comment(id, Some(who.account)).await?.author),
            // Somebody who has blocked the caller can be reported all the same.
            ReportSubject::Person(handle) => {
                let person = self.accounts.by_handle(&handle).await?;
                (Subject::Person(person.id), person.id)
            }
        };
        if of == who.account {
            return Err(AppError::Conflict { code: "yourself", detail: "This is your own.".into() });
        }
        let mut change = self.begin().await?;
        let new = NewReport { reporter: who.account, subject, reason, note };
        let done = self.moderation.report(&mut change.tx, new).await?;
        if let (Subject::Video(video), true) = (subject, done.changed) {
            self.tell(&mut change, who.viewer, Body::Report { video }).await?;
        }
        self.commit(change).await?;
        Ok(done.id)
    }

    /// Reports for operators, latest first.
    pub async fn reports(&self, after: Option<Cursor>, limit: u32) -> Result<Page<Report>, AppError> {
        Ok(self.moderation.reports(None, after, limit).await?)
    }

    /// Decides a report. Upheld, a video is taken down and a comment deleted; a person is the operator's to talk to. A video whose
    /// upheld report is dismissed after all is shown again.
    pub async fn decide_report(&self, who: &SignedInSession, id: ReportId, state: ReportState) -> Result<(), AppError> {
        let report = self.moderation.one_report(id).await?;
        let mut change = self.begin().await?;
        self.moderation.decide(&mut change.tx, id, state).await?;
        let mut shown = None;
        match (state, report.subject) {
            (ReportState::Upheld, Subject::Video(video)) => {
                self.moderation.remove_video(&mut change.tx, video, report.reason, who.account).await?;
                match self.catalog.take_down(&mut change.tx, video).await {
                    Ok(changed) => {
                        self.tell(&mut change, ViewerId::default(), Body::VideoRemoved { video }).await?;
                        shown = Some(changed);
                    }
                    // Gone already, or taken down before.
                    Err(catalog::CatalogError::NoSuchVideo(_)) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            // A decision that is taken back: the clip is there again.
            (ReportState::Dismissed, Subject::Video(video)) if report.state == ReportState::Upheld => {
                self.moderation.restore_video(&mut change.tx, video).await?;
                match self.catalog.restore(&mut change.tx, video).await {
                    Ok((facts, changed)) => {
                        let published = Body::VideoPublished(crate::video::event_facts(facts));
                        self.tell(&mut change, ViewerId::default(), published).await?;
                        shown = Some(changed);
                    }
                    // Gone, or never taken down.
                    Err(catalog::CatalogError::NoSuchVideo(_)) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            (ReportState::Upheld, Subject::Comment(comment)) => {
                match self.social.delete_comment(&mut change.tx, comment, Deleter::Operator).await {
                    Ok(_) | Err(social::SocialError::NotFound) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            _ => {}
        }
        let done = self.commit(change).await;
        if let Some(changed) = shown {
            self.catalog.committed(changed);
        }
        done
    }
}
