//! What changes while somebody looks: server-sent events about their uploads and their inbox.

use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use app::UploadChange;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use base::{AccountId, SessionId};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::broadcast::{self, error::RecvError};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{Api, Problem, ProblemDetails, SignedIn, videos};

/// A comment is sent this often, so that nobody in between thinks the line dead.
const HEARTBEAT: Duration = Duration::from_secs(15);

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(get_stream))
}

/// Unread items.
#[derive(Serialize)]
struct Unread {
    count: u32,
}

struct Listener {
    api: Api,
    who: AccountId,
    session: SessionId,
    uploads: broadcast::Receiver<UploadChange>,
    inbox: broadcast::Receiver<AccountId>,
    stopping: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
}

/// Events `upload` (an UploadedVideo) and `inbox` (`{count}` unread) of the caller, as they happen.
#[utoipa::path(get, path = "/v1/stream", tag = "me",
    responses((status = 200, description = "text/event-stream"), (status = 401, body = ProblemDetails)))]
async fn get_stream(State(api): State<Api>, SignedIn(who): SignedIn) -> Response {
    let listener = Listener {
        who: who.account,
        session: who.session,
        uploads: api.app.studio.changes(),
        inbox: api.app.inbox_changes(),
        stopping: Box::pin(api.app.stopping()),
        api,
    };
    let events = stream::unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        Some((Ok::<_, Infallible>(event), listener))
    });
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl Listener {
    /// Whether the session that opened the stream still stands.
    async fn stands(&self) -> bool {
        let sessions = self.api.app.accounts.sessions(self.who).await;
        sessions.is_ok_and(|sessions| sessions.iter().any(|session| session.id == self.session))
    }

    /// The next event; none when the server stops or the session has ended. A listener that fell behind has missed some: the next one tells the state.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let event = tokio::select! {
                () = &mut self.stopping => return None,
                change = self.uploads.recv() => match change {
                    Ok(change) if change.creator == self.who => self.upload(change).await,
                    Err(RecvError::Closed) => return None,
                    _ => continue,
                },
                changed = self.inbox.recv() => match changed {
                    Ok(account) if account == self.who => self.unread().await,
                    Err(RecvError::Closed) => return None,
                    _ => continue,
                },
            };
            match event {
                Ok(Some(_)) if !self.stands().await => return None,
                Ok(Some(event)) => return Some(event),
                Ok(None) => {}
                Err(problem) => {
                    tracing::warn!(code = problem.code, reason = problem.internal, "an event of the stream is lost")
                }
            }
        }
    }

    async fn upload(&self, change: UploadChange) -> Result<Option<Event>, Problem> {
        // Deleted meanwhile: nothing to tell.
        let Ok(video) = self.api.app.own_video(self.who, change.video).await else { return Ok(None) };
        let uploaded = videos::uploaded(&self.api, vec![video]).await?.pop();
        uploaded.map(|video| Event::default().event("upload").json_data(video).map_err(Problem::internal)).transpose()
    }

    async fn unread(&self) -> Result<Option<Event>, Problem> {
        let count = self.api.app.social.unread(self.who).await.map_err(app::AppError::from)?;
        Ok(Some(Event::default().event("inbox").json_data(Unread { count }).map_err(Problem::internal)?))
    }
}
