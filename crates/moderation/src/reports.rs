//! What people say should not be shown.

use base::{AccountId, CommentId, ReportId, Timestamp, VideoId};
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use store::WriteTx;
use store::cursor::{Cursor, Page};

use crate::{Moderation, ModerationError};

pub const REPORT_NOTE_CHARS_MAX: usize = 1_000;
/// Reports that one account may make in a day.
const REPORTS_PER_DAY_MAX: u32 = 100;
const DAY_MS: i64 = 24 * 3_600_000;

/// What is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    Video(VideoId),
    Comment(CommentId),
    Person(AccountId),
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    Spam,
    Violence,
    Sexual,
    Hate,
    MinorSafety,
    Copyright,
    Misinformation,
    Other,
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportState {
    Open,
    Upheld,
    Dismissed,
}

/// What somebody reports.
#[derive(Clone, Debug)]
pub struct NewReport<'a> {
    pub reporter: AccountId,
    pub subject: Subject,
    pub reason: Reason,
    /// In their own words.
    pub note: Option<&'a str>,
}

/// What reporting came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reported {
    pub id: ReportId,
    /// False when they had reported it already.
    pub changed: bool,
}

/// A report as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub id: ReportId,
    /// None once the reporter has deleted their account.
    pub reporter: Option<AccountId>,
    pub subject: Subject,
    pub reason: Reason,
    pub note: Option<String>,
    pub state: ReportState,
    pub created_at: Timestamp,
}

/// A report as its author may read it back.
#[derive(Clone, Debug, Serialize)]
pub struct ReportExport {
    pub subject: &'static str,
    pub reason: Reason,
    pub note: Option<String>,
    pub created_at_ms: i64,
}

impl Subject {
    pub fn kind(self) -> &'static str {
        match self {
            Self::Video(_) => "video",
            Self::Comment(_) => "comment",
            Self::Person(_) => "person",
        }
    }

    fn id(self) -> i64 {
        match self {
            Self::Video(id) => id.sql(),
            Self::Comment(id) => id.sql(),
            Self::Person(id) => id.sql(),
        }
    }

    fn from_parts(kind: &str, id: i64) -> Option<Self> {
        match kind {
            "video" => Some(Self::Video(VideoId::from_sql(id))),
            "comment" => Some(Self::Comment(CommentId::from_sql(id))),
            "person" => Some(Self::Person(AccountId::from_sql(id))),
            _ => None,
        }
    }
}

impl Reason {
    const ALL: [Self; 8] = [
        Self::Spam,
        Self::Violence,
        Self::Sexual,
        Self::Hate,
        Self::MinorSafety,
        Self::Copyright,
        Self::Misinformation,
        Self::Other,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Spam => "spam",
            Self::Violence => "violence",
            Self::Sexual => "sexual",
            Self::Hate => "hate",
            Self::MinorSafety => "minor_safety",
            Self::Copyright => "copyright",
            Self::Misinformation => "misinformation",
            Self::Other => "other",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

impl ReportState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Upheld => "upheld",
            Self::Dismissed => "dismissed",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [Self::Open, Self::Upheld, Self::Dismissed].into_iter().find(|state| state.name() == name)
    }
}

const COLUMNS: &str = "id, reporter, subject, subject_id, reason, note, state, created_at_ms";

fn read(row: &SqliteRow) -> Result<Report, ModerationError> {
    let unknown = |what: &str| store::StoreError::Database(sqlx::Error::Decode(format!("a report's {what} is unknown").into()));
    let (subject, subject_id): (String, i64) = (row.try_get(2)?, row.try_get(3)?);
    let (reason, state): (String, String) = (row.try_get(4)?, row.try_get(6)?);
    Ok(Report {
        id: ReportId::from_sql(row.try_get(0)?),
        reporter: row.try_get::<Option<i64>, _>(1)?.map(AccountId::from_sql),
        subject: Subject::from_parts(&subject, subject_id).ok_or_else(|| unknown("subject"))?,
        reason: Reason::parse(&reason).ok_or_else(|| unknown("reason"))?,
        note: row.try_get(5)?,
        state: ReportState::parse(&state).ok_or_else(|| unknown("state"))?,
        created_at: Timestamp::from_millis(row.try_get(7)?),
    })
}

fn note(text: Option<&str>) -> Result<Option<String>, ModerationError> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.chars().count() > REPORT_NOTE_CHARS_MAX {
        let message = "A note has at most 1000 characters.";
        return Err(ModerationError::Invalid { field: "note", code: "note_length", message });
    }
    Ok(Some(text.chars().filter(|c| *c == '\n' || !c.is_control()).collect()))
}

impl Moderation {
    /// Takes a report. Whether the subject exists, and is not the reporter, is the caller's to know.
    pub async fn report(&self, tx: &mut WriteTx, new: NewReport<'_>) -> Result<Reported, ModerationError> {
        let note = note(new.note)?;
        let known: Option<i64> =
            sqlx::query_scalar("SELECT id FROM reports WHERE reporter = $1 AND subject = $2 AND subject_id = $3")
                .bind(new.reporter.sql())
                .bind(new.subject.kind())
                .bind(new.subject.id())
                .fetch_optional(&mut **tx)
                .await?;
        if let Some(id) = known {
            return Ok(Reported { id: ReportId::from_sql(id), changed: false });
        }
        let now = self.now();
        let today: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM reports WHERE reporter = $1 AND created_at_ms > $2")
            .bind(new.reporter.sql())
            .bind(now.as_millis() - DAY_MS)
            .fetch_one(&mut **tx)
            .await?;
        if today >= i64::from(REPORTS_PER_DAY_MAX) {
            return Err(ModerationError::TooFast { retry_after_s: 3_600 });
        }
        let id: ReportId = self.ids.lock().next(now);
        sqlx::query(
            "INSERT INTO reports (id, reporter, subject, subject_id, reason, note, created_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(id.sql())
        .bind(new.reporter.sql())
        .bind(new.subject.kind())
        .bind(new.subject.id())
        .bind(new.reason.name())
        .bind(note)
        .bind(now.as_millis())
        .execute(&mut **tx)
        .await?;
        Ok(Reported { id, changed: true })
    }

    /// Reports for operators, latest first; of one state, or all.
    pub async fn reports(
        &self,
        state: Option<ReportState>,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<Report>, ModerationError> {
        let after = after.unwrap_or(Cursor::TOP);
        let sql = format!(
            "SELECT {COLUMNS} FROM reports WHERE ($1 IS NULL OR state = $1) AND (created_at_ms, id) < ($2, $3)
             ORDER BY created_at_ms DESC, id DESC LIMIT $4"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(state.map(ReportState::name))
            .bind(after.key)
            .bind(after.id)
            .bind(limit + 1)
            .fetch_all(self.store.read())
            .await?;
        let reports = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::cut(reports, limit, |r| Cursor { key: r.created_at.as_millis(), id: r.id.sql() }))
    }

    /// One report, or [`ModerationError::NotFound`].
    pub async fn one_report(&self, id: ReportId) -> Result<Report, ModerationError> {
        let sql = format!("SELECT {COLUMNS} FROM reports WHERE id = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.sql()).fetch_optional(self.store.read()).await?;
        read(&row.ok_or(ModerationError::NotFound)?)
    }

    /// Decides a report. Returns whether that changed its state.
    pub async fn decide(&self, tx: &mut WriteTx, report: ReportId, state: ReportState) -> Result<bool, ModerationError> {
        let before: Option<String> =
            sqlx::query_scalar("SELECT state FROM reports WHERE id = $1").bind(report.sql()).fetch_optional(&mut **tx).await?;
        if before.ok_or(ModerationError::NotFound)? == state.name() {
            return Ok(false);
        }
        sqlx::query("UPDATE reports SET state = $2, decided_at_ms = $3 WHERE id = $1")
            .bind(report.sql())
            .bind(state.name())
            .bind((state != ReportState::Open).then_some(self.now().as_millis()))
            .execute(&mut **tx)
            .await?;
        Ok(true)
    }

    /// How many reports wait for a decision.
    pub async fn open_reports(&self) -> Result<u64, ModerationError> {
        let count: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM reports WHERE state = 'open'").fetch_one(self.store.read()).await?;
        Ok(count.max(0) as u64)
    }

    /// Forgets somebody: reports about them, their videos and their comments go; their own reports stay for what they are
    /// about, without name and words.
    pub async fn delete_account(
        &self,
        tx: &mut WriteTx,
        account: AccountId,
        videos: &[VideoId],
        comments: &[CommentId],
    ) -> Result<(), ModerationError> {
        sqlx::query("UPDATE reports SET reporter = NULL, note = NULL WHERE reporter = $1")
            .bind(account.sql())
            .execute(&mut **tx)
            .await?;
        sqlx::query("UPDATE removed_videos SET decided_by = NULL WHERE decided_by = $1")
            .bind(account.sql())
            .execute(&mut **tx)
            .await?;
        let subjects = videos.iter().map(|id| Subject::Video(*id)).chain(comments.iter().map(|id| Subject::Comment(*id)));
        for subject in subjects.chain([Subject::Person(account)]) {
            sqlx::query("DELETE FROM reports WHERE subject = $1 AND subject_id = $2")
                .bind(subject.kind())
                .bind(subject.id())
                .execute(&mut **tx)
                .await?;
        }
        for video in videos {
            self.forget_video(tx, *video).await?;
        }
        Ok(())
    }

    /// The reports that somebody made.
    pub async fn export(&self, account: AccountId) -> Result<Vec<ReportExport>, ModerationError> {
        let sql = format!("SELECT {COLUMNS} FROM reports WHERE reporter = $1 ORDER BY created_at_ms LIMIT 10000");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(account.sql()).fetch_all(self.store.read()).await?;
        rows.iter()
            .map(|row| {
                let report = read(row)?;
                Ok(ReportExport {
                    subject: report.subject.kind(),
                    reason: report.reason,
                    note: report.note,
                    created_at_ms: report.created_at.as_millis(),
                })
            })
            .collect()
    }
}
