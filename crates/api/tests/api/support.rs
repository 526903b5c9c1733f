//! A whole service in a temporary folder, and people who call it.

use std::sync::Arc;
use std::time::Duration;

use accounts::{Arrival, BucketRule, HashRules, LimitRules, NewAccount, Role, SignUp};
use api::{Api, HttpSettings};
use app::{App, Settings};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use base::{AccountId, Rng, SystemClock, VideoId, ViewerId};
use catalog::{Color, Evaluation, Media, NewVideo, SoundChoice};
use eventlog::{Body as Told, VideoFacts};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

pub const PASSWORD: &str = "correct horse battery";

pub struct TestApp {
    dir: tempfile::TempDir,
    pub app: Arc<App>,
    router: Router,
}

/// Somebody with a session.
#[derive(Clone)]
pub struct Person {
    pub id: AccountId,
    pub viewer: ViewerId,
    pub token: String,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// A header's value, empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// The stable code of a problem.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The value that a cookie is set to.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.headers
            .get_all(header::SET_COOKIE)
            .iter()
            .filter_map(|v| v.to_str().ok())
            .find_map(|v| v.strip_prefix(&format!("{name}=")).map(|rest| rest.split(';').next().unwrap_or("").to_owned()))
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.bytes));
        self
    }
}

impl TestApp {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(adjust: impl FnOnce(&mut Settings)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = Settings { public_url: "http://localhost:8080".into(), ..Settings::default() };
        settings.region.data_dir = dir.path().join("data");
        settings.media.workers = 0;
        settings.media.upload.free_bytes_min = 0;
        settings.accounts.hashing = HashRules { memory_kib: 64, passes: 1, lanes: 1, at_once: 2, waiting_max: 64 };
        let many = BucketRule { burst: 10_000, refill_ms: 1 };
        settings.accounts.limits = LimitRules { sign_up: many, ceremony: many, ..LimitRules::default() };
        adjust(&mut settings);
        let public_url = settings.public_url.clone();
        let app = App::build(settings, Arc::new(SystemClock), Rng::from_seed(7)).await.unwrap();
        app.start(&CancellationToken::new());
        let router =
            api::router(Api::new(app.clone(), HttpSettings { public_url, in_flight_max: 64, trusted_proxies: Vec::new() }));
        Self { dir, app, router }
    }

    /// A request with exactly these headers. The body is read unless the answer is a stream.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let bytes = match kind {
            "text/event-stream" => Vec::new(),
            _ => body.collect().await.unwrap().to_bytes().to_vec(),
        };
        Answer { status: parts.status, headers: parts.headers, bytes }
    }

    /// The body of a GET by somebody, as it comes.
    pub async fn open(&self, who: &Person, path: &str) -> Body {
        let request = Request::builder().uri(path).header("authorization", format!("Bearer {}", who.token));
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        response.into_body()
    }

    /// A place in the data folder.
    pub fn data(&self, path: &str) -> std::path::PathBuf {
        self.dir.path().join("data").join(path)
    }

    /// A call by somebody, or by nobody in particular, with a JSON body if there is one.
    pub async fn call(&self, who: Option<&Person>, method: &str, path: &str, body: Option<Value>) -> Answer {
        let cookie = who.map(|who| format!("watershed_session={}", who.token));
        let mut headers = vec![("sec-fetch-site", "same-origin")];
        if let Some(cookie) = &cookie {
            headers.push(("cookie", cookie));
        }
        let body = body.map(|json| json.to_string());
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        self.send(method, path, &headers, body.unwrap_or_default()).await
    }

    pub async fn get(&self, who: Option<&Person>, path: &str) -> Answer {
        self.call(who, "GET", path, None).await
    }

    pub async fn put(&self, who: &Person, path: &str) -> Answer {
        self.call(Some(who), "PUT", path, None).await
    }

    pub async fn delete(&self, who: &Person, path: &str) -> Answer {
        self.call(Some(who), "DELETE", path, None).await
    }

    pub async fn post(&self, who: &Person, path: &str, body: Value) -> Answer {
        self.call(Some(who), "POST", path, Some(body)).await
    }

    pub async fn sign_up(&self, handle: &str) -> Person {
        let form = SignUp {
            handle: handle.into(),
            password: PASSWORD.into(),
            birth_year: 1990,
            display_name: None,
            language: None,
            viewer: None,
        };
        let signed_in = self.app.sign_up(form, &arrival()).await.unwrap();
        let account = signed_in.account;
        Person { id: account.id, viewer: account.viewer, token: signed_in.token }
    }

    pub async fn operator(&self, handle: &str) -> Person {
        let new = NewAccount {
            handle: handle.into(),
            display_name: None,
            bio: String::new(),
            password: PASSWORD.into(),
            birth_year: 1980,
            language: None,
            role: Role::Operator,
        };
        let account = self.app.create_account(new).await.unwrap();
        let token = self.app.accounts.sign_in(handle, PASSWORD, &arrival()).await.unwrap().token;
        Person { id: account.id, viewer: account.viewer, token }
    }

    /// A published video of somebody, without media.
    pub async fn video(&self, creator: &Person, caption: &str) -> VideoId {
        let (app, id) = (&self.app, self.app.catalog.new_video_id());
        let mut change = app.begin().await.unwrap();
        let new = NewVideo {
            id,
            creator: creator.id,
            caption: caption.into(),
            sound: SoundChoice::Own { title: "Original sound".into() },
            upload: None,
            kind: None,
        };
        app.catalog.create(&mut change.tx, new).await.unwrap();
        let media = Media {
            duration_ms: 5_000,
            width: 540,
            height: 960,
            color: Color::rgb([10, 20, 30]),
            manifest: "{}".into(),
            has_sound: true,
        };
        let pictured = app.catalog.set_media(&mut change.tx, id, &media).await.unwrap();
        let evaluation = Evaluation { signature: Vec::new(), features: Vec::new(), duplicate_of: None };
        app.catalog.set_evaluation(&mut change.tx, id, &evaluation).await.unwrap();
        let (facts, changed) = app.catalog.publish(&mut change.tx, id).await.unwrap();
        let facts = VideoFacts {
            video: facts.video,
            creator: facts.creator,
            sound: facts.sound,
            hashtags: facts.hashtags,
            words: facts.words,
            duration_ms: facts.duration_ms,
            published_at: facts.published_at,
            content: facts.content,
            duplicate_of: facts.duplicate_of,
        };
        app.tell(&mut change, ViewerId::default(), Told::VideoPublished(facts)).await.unwrap();
        app.commit(change).await.unwrap();
        app.catalog.committed(changed.and(pictured));
        self.settle().await;
        id
    }

    /// Waits until what is in the log has been applied.
    pub async fn settle(&self) {
        self.app.settle(Duration::from_secs(20)).await.unwrap();
    }
}

pub fn arrival() -> Arrival {
    Arrival { address: std::net::Ipv4Addr::LOCALHOST.into(), user_agent: "Firefox/140 (Linux)".into(), previous: None }
}
