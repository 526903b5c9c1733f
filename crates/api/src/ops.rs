//! What the operator sees: rates, the learner, the feed's latency, the jobs, the reports.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use base::JobId;
use learner::{TABLE, Task};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ask::Params;
use crate::{Api, Operator, Page, PageQuery, Problem, ProblemDetails};

/// Seconds of the rate and latency series.
const SERIES_SECONDS: usize = 240;
/// Points of the learner's series that are sent at most.
const LEARNER_POINTS_MAX: usize = 200;

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(overview)).routes(routes!(jobs)).routes(routes!(retry_job))
}

/// Numbers over time, one entry a second (null: nothing happened that could be measured).
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct RateSeries {
    /// Unix milliseconds, rising.
    pub t_ms: Vec<i64>,
    pub events_per_s: Vec<f64>,
    pub feed_requests_per_s: Vec<f64>,
    pub feed_p50_ms: Vec<f64>,
    pub feed_p99_ms: Vec<f64>,
}

/// One task's progressive validation over time; null where it is not known yet.
#[derive(Debug, Serialize, ToSchema)]
pub struct TaskSeries {
    pub task: String,
    /// Nats; every example predicted before it was learned.
    pub log_loss: Vec<Option<f64>>,
    /// The loss of always predicting the mean: what the task's loss must stay under.
    pub log_loss_base: Vec<Option<f64>>,
    pub auc: Vec<Option<f64>>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct LearnerSeries {
    pub t_ms: Vec<i64>,
    pub tasks: Vec<TaskSeries>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct OpsCalibrationBin {
    pub predicted: f64,
    pub observed: f64,
    pub count: f64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct TaskCalibration {
    pub task: String,
    /// Expected calibration error, 0 to 1.
    pub ece: Option<f64>,
    pub bins: Vec<OpsCalibrationBin>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct LearnerOverview {
    /// Examples learned since the model began.
    pub examples: u64,
    pub refused: u64,
    pub capped: u64,
    pub rows: u64,
    pub table_bytes: u64,
    pub series: LearnerSeries,
    pub calibration: Vec<TaskCalibration>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct JobCounts {
    pub queued: u64,
    pub running: u64,
    pub failed: u64,
    pub done_last_hour: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct FilterTotal {
    pub filter: String,
    pub reason: String,
    pub count: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SourceTotal {
    pub name: String,
    pub ok: u64,
    pub late: u64,
    pub failed: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct FeedOverview {
    pub pages: u64,
    pub fallbacks: u64,
    pub filters: Vec<FilterTotal>,
    pub sources: Vec<SourceTotal>,
}

/// One arm since the start. What it is worth, with intervals, is told by `watershed experiment`.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpsArm {
    pub name: String,
    /// Of the viewers, 0 to 1.
    pub share: f64,
    /// The model that serves it: `shared`, or its own by name.
    pub model: String,
    /// Examples that this model learned, and its embedding rows.
    pub examples: u64,
    pub rows: u64,
    pub pages: u64,
    /// Pages of it that every arm judged.
    pub judged_pages: u64,
    /// Events of its viewers.
    pub impressions: u64,
    pub watches: u64,
    pub watch_ms: u64,
    pub likes: u64,
    /// Progressive validation of its model, as of now; null where it is not known yet.
    pub tasks: Vec<OpsArmTask>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct OpsArmTask {
    pub task: String,
    pub log_loss: Option<f64>,
    pub auc: Option<f64>,
    /// Expected calibration error, 0 to 1.
    pub ece: Option<f64>,
}

/// Arms side by side.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpsExperiment {
    pub name: String,
    pub arms: Vec<OpsArm>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Overview {
    pub now_ms: i64,
    pub uptime_s: i64,
    pub videos: u64,
    pub viewers: u64,
    pub events_total: u64,
    pub duplicate_events: u64,
    pub series: RateSeries,
    pub learner: LearnerOverview,
    pub jobs: JobCounts,
    pub feed: FeedOverview,
    /// Null when no experiment is under way.
    pub experiment: Option<OpsExperiment>,
}

fn known(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

fn learner_overview(api: &Api) -> LearnerOverview {
    let metrics = api.app.brain.learner.metrics();
    let all = metrics.series();
    let step = all.len().div_ceil(LEARNER_POINTS_MAX).max(1);
    // Counted from the end, so that the newest point is always there.
    let mut points: Vec<_> = all.iter().rev().step_by(step).collect();
    points.reverse();
    let latest = all.last();
    let tasks = TABLE
        .iter()
        .map(|spec| {
            let of = |pick: fn(&learner::TaskPoint) -> f64| {
                points.iter().map(|p| p.tasks.get(spec.task.index()).and_then(|t| known(pick(t)))).collect()
            };
            TaskSeries {
                task: spec.name.into(),
                log_loss: of(|t| t.log_loss),
                log_loss_base: of(|t| t.log_loss_base),
                auc: of(|t| t.auc),
            }
        })
        .collect();
    let calibration = Task::ALL
        .iter()
        .map(|task| TaskCalibration {
            task: task.name().into(),
            ece: latest.and_then(|p| p.tasks.get(task.index())).and_then(|t| known(t.ece)),
            bins: metrics
                .calibration(*task)
                .into_iter()
                .map(|bin| OpsCalibrationBin { predicted: bin.predicted, observed: bin.observed, count: bin.count })
                .collect(),
        })
        .collect();
    let totals = latest.map(|p| p.totals);
    LearnerOverview {
        examples: totals.map_or(0, |t| t.learned),
        refused: totals.map_or(0, |t| t.refused),
        capped: totals.map_or(0, |t| t.capped),
        rows: totals.map_or(0, |t| t.rows),
        table_bytes: totals.map_or(0, |t| t.table_bytes),
        series: LearnerSeries { t_ms: points.iter().map(|p| p.at_ms).collect(), tasks },
        calibration,
    }
}

fn experiment_overview(api: &Api) -> Option<OpsExperiment> {
    let (experiment, brain) = (api.app.experiment.as_ref()?, &api.app.brain);
    let arm = |(at, arm): (usize, &app::Arm)| {
        let latest = brain.learner_of(arm.model).metrics().latest();
        let own = arm.model.checked_sub(1).and_then(|own| brain.arm_models.get(own));
        let counted = arm.counts.totals();
        let task = |task: &Task| {
            let point = latest.as_ref().and_then(|point| point.tasks.get(task.index()));
            OpsArmTask {
                task: task.name().into(),
                log_loss: point.and_then(|p| known(p.log_loss)),
                auc: point.and_then(|p| known(p.auc)),
                ece: point.and_then(|p| known(p.ece)),
            }
        };
        OpsArm {
            name: arm.name.clone(),
            share: experiment.assignment.share(at),
            model: own.map_or("shared".into(), |own| own.name.clone()),
            examples: latest.as_ref().map_or(0, |point| point.totals.learned),
            rows: latest.as_ref().map_or(0, |point| point.totals.rows),
            pages: counted.pages,
            judged_pages: counted.judged,
            impressions: counted.impressions,
            watches: counted.watches,
            watch_ms: counted.watch_ms,
            likes: counted.likes,
            tasks: Task::ALL.iter().map(task).collect(),
        }
    };
    Some(OpsExperiment { name: experiment.name.clone(), arms: experiment.arms.iter().enumerate().map(arm).collect() })
}

/// Everything that the operator's page plots.
#[utoipa::path(get, path = "/v1/ops/overview", tag = "operations",
    responses((status = 200, body = Overview), (status = 401, body = ProblemDetails), (status = 403, body = ProblemDetails)))]
async fn overview(State(api): State<Api>, Operator(_): Operator) -> Result<Json<Overview>, Problem> {
    let now = api.app.clock.now();
    let stats = api.app.feed.stats().snapshot(now, SERIES_SECONDS);
    let rates = api.app.brain.views.rates(now, SERIES_SECONDS);
    let widen = |values: &[f32]| values.iter().map(|v| f64::from(*v)).collect();
    let series = RateSeries {
        t_ms: (0..rates.total.len() as i64).map(|i| (rates.from_second + i) * 1000).collect(),
        events_per_s: rates.total.iter().map(|n| f64::from(*n)).collect(),
        feed_requests_per_s: widen(&stats.series.requests_per_s),
        feed_p50_ms: widen(&stats.series.p50_ms),
        feed_p99_ms: widen(&stats.series.p99_ms),
    };
    let jobs = api.app.jobs.counts().await.map_err(Problem::internal)?;
    Ok(Json(Overview {
        now_ms: now.as_millis(),
        uptime_s: api.app.uptime_ms() / 1000,
        videos: api.app.brain.views.video_count() as u64,
        viewers: api.app.brain.views.viewer_count() as u64,
        events_total: api.app.brain.views.applied(),
        duplicate_events: api.app.brain.duplicate_events(),
        series,
        learner: learner_overview(&api),
        jobs: JobCounts {
            queued: jobs.queued,
            running: jobs.running,
            failed: jobs.failed,
            done_last_hour: jobs.done_last_hour,
        },
        feed: FeedOverview {
            pages: stats.slates,
            fallbacks: stats.fallbacks,
            filters: stats
                .filters
                .iter()
                .map(|f| FilterTotal { filter: f.filter.into(), reason: f.reason.into(), count: f.count })
                .collect(),
            sources: stats
                .sources
                .iter()
                .map(|s| SourceTotal { name: s.source.name().into(), ok: s.ok, late: s.late, failed: s.failed })
                .collect(),
        },
        experiment: experiment_overview(&api),
    }))
}

/// One piece of work.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpsJob {
    pub id: String,
    pub kind: String,
    /// queued, running, failed or done.
    pub state: String,
    pub attempts: u32,
    pub attempts_max: u32,
    /// Why the last attempt failed.
    pub reason: Option<String>,
    pub video: Option<String>,
    pub created_at_ms: i64,
    pub updated_at_ms: i64,
}

/// The work that is waiting, under way, failed or done, newest first.
#[utoipa::path(get, path = "/v1/ops/jobs", tag = "operations", params(PageQuery),
    responses((status = 200, body = Page<OpsJob>), (status = 401, body = ProblemDetails), (status = 403, body = ProblemDetails)))]
async fn jobs(
    State(api): State<Api>,
    Operator(_): Operator,
    Params(page): Params<PageQuery>,
) -> Result<Json<Page<OpsJob>>, Problem> {
    let before = page.cursor.as_deref().map(str::parse::<JobId>).transpose();
    let before = before.map_err(|_| Problem::bad_request("bad_cursor", "This cursor is not one of ours."))?;
    let jobs = api.app.jobs.list(None, before, page.limit()).await.map_err(Problem::internal)?;
    let next_cursor = (jobs.len() as u32 == page.limit()).then(|| jobs.last().map(|job| job.id.to_string())).flatten();
    let items = jobs
        .into_iter()
        .map(|job| OpsJob {
            id: job.id.to_string(),
            kind: job.kind,
            state: job.state.name().into(),
            attempts: job.attempts,
            attempts_max: job.attempts_max,
            reason: job.reason,
            video: job.video.map(|v| v.to_string()),
            created_at_ms: job.created_at.as_millis(),
            updated_at_ms: job.updated_at.as_millis(),
        })
        .collect();
    Ok(Json(Page { items, next_cursor }))
}

/// Try a failed job again.
#[utoipa::path(post, path = "/v1/ops/jobs/{id}/retry", tag = "operations", params(("id" = String, Path)),
    responses((status = 204), (status = 401, body = ProblemDetails), (status = 403, body = ProblemDetails), (status = 404, body = ProblemDetails)))]
async fn retry_job(State(api): State<Api>, Operator(_): Operator, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let id: JobId = id.parse().map_err(|_| Problem::not_found())?;
    api.app.retry_job(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
