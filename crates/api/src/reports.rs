//! Reports: what people say should not be shown, and what operators make of it.

use app::ReportSubject;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use base::{CommentId, ReportId, VideoId};
use moderation::{Reason, ReportState, Subject};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ask::{Body, Listing, id};
use crate::{Api, Operator, Page, PageQuery, Problem, ProblemDetails, SignedIn};

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(post_report)).routes(routes!(get_reports)).routes(routes!(post_decision))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReport {
    /// `video`, `comment` or `person`.
    subject: String,
    /// The id of the video or comment; the handle of a person.
    id: String,
    /// `spam`, `violence`, `sexual`, `hate`, `minor_safety`, `copyright`, `misinformation` or `other`.
    reason: String,
    /// In the reporter's own words, up to 1000 characters.
    note: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ReportReceipt {
    pub id: String,
}

/// A report as an operator sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Report {
    pub id: String,
    /// `video`, `comment` or `person`.
    pub subject: String,
    pub subject_id: String,
    pub reason: String,
    pub note: Option<String>,
    pub created_at_ms: i64,
    /// `open`, `upheld` or `dismissed`.
    pub state: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// `upheld` (a video is taken down, a comment deleted) or `dismissed`.
    state: String,
}

/// Report a video, a comment or a person. The same thing reported again is one report.
#[utoipa::path(post, path = "/v1/reports", tag = "reports", request_body = NewReport,
    responses((status = 201, body = ReportReceipt), (status = 401, body = ProblemDetails), (status = 404, body = ProblemDetails),
              (status = 409, body = ProblemDetails, description = "`yourself`"), (status = 422, body = ProblemDetails),
              (status = 429, body = ProblemDetails)))]
async fn post_report(
    State(api): State<Api>,
    SignedIn(who): SignedIn,
    Body(new): Body<NewReport>,
) -> Result<(StatusCode, Json<ReportReceipt>), Problem> {
    let reason = Reason::parse(&new.reason)
        .ok_or_else(|| Problem::invalid_field("reason", "unknown_reason", "This is not among the reasons."))?;
    let subject = match new.subject.as_str() {
        "video" => ReportSubject::Video(id::<VideoId>(&new.id)?),
        "comment" => ReportSubject::Comment(id::<CommentId>(&new.id)?),
        "person" => ReportSubject::Person(new.id),
        _ => return Err(Problem::invalid_field("subject", "unknown_subject", "A subject is video, comment or person.")),
    };
    let taken = api.app.report(&who, subject, reason, new.note.as_deref()).await?;
    Ok((StatusCode::CREATED, Json(ReportReceipt { id: taken.to_string() })))
}

/// Reports, latest first. Operators only.
#[utoipa::path(get, path = "/v1/ops/reports", tag = "operations", params(PageQuery),
    responses((status = 200, body = Page<Report>), (status = 401, body = ProblemDetails), (status = 403, body = ProblemDetails)))]
async fn get_reports(State(api): State<Api>, Operator(_): Operator, list: Listing) -> Result<Json<Page<Report>>, Problem> {
    let found = api.app.reports(list.after, list.limit).await?;
    let put = |report: moderation::Report| Report {
        id: report.id.to_string(),
        subject: report.subject.kind().into(),
        subject_id: match report.subject {
            Subject::Video(id) => id.to_string(),
            Subject::Comment(id) => id.to_string(),
            Subject::Person(id) => id.to_string(),
        },
        reason: report.reason.name().into(),
        note: report.note,
        created_at_ms: report.created_at.as_millis(),
        state: report.state.name().into(),
    };
    Ok(Json(Page::of(found, put)))
}

/// Decide a report. Upheld: a video is taken down, a comment deleted. Operators only.
#[utoipa::path(post, path = "/v1/ops/reports/{id}/decision", tag = "operations", params(("id" = String, Path)), request_body = Decision,
    responses((status = 204), (status = 401, body = ProblemDetails), (status = 403, body = ProblemDetails),
              (status = 404, body = ProblemDetails), (status = 422, body = ProblemDetails)))]
async fn post_decision(
    State(api): State<Api>,
    Operator(who): Operator,
    Path(report): Path<String>,
    Body(decision): Body<Decision>,
) -> Result<StatusCode, Problem> {
    let state = match decision.state.as_str() {
        "upheld" => ReportState::Upheld,
        "dismissed" => ReportState::Dismissed,
        _ => return Err(Problem::invalid_field("state", "unknown_state", "A decision is upheld or dismissed.")),
    };
    api.app.decide_report(&who, id::<ReportId>(&report)?, state).await?;
    Ok(StatusCode::NO_CONTENT)
}
