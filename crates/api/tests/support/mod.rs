//! The whole service without sockets: a real application in a temporary folder behind the real router.
#![allow(dead_code)]

use std::path::PathBuf;
use std::sync::Arc;

use accounts::{Arrival, NewAccount, Role};
use api::{Api, HttpSettings};
use app::{App, Settings};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use base::{AccountId, Rng, SystemClock, VideoId};
use blob::Key;
use catalog::{Color, Evaluation, Media, NewVideo, SoundChoice};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

pub const PUBLIC_URL: &str = "http://localhost:8080";
pub const PASSWORD: &str = "a long enough password";

pub struct TestApp {
    pub dir: tempfile::TempDir,
    pub app: Arc<App>,
    router: Router,
}

/// Somebody with a session.
#[derive(Clone, Debug)]
pub struct Somebody {
    pub account: AccountId,
    pub handle: String,
    pub token: String,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl TestApp {
    /// Without workers: uploads are taken in and wait.
    pub async fn new() -> Self {
        Self::with_workers(0).await
    }

    pub async fn with_workers(workers: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = Settings { public_url: PUBLIC_URL.into(), ..Settings::default() };
        settings.region.data_dir = dir.path().join("data");
        settings.media.workers = workers;
        settings.media.upload.free_bytes_min = 0;
        settings.media.upload.bytes_max = 4 << 20;
        settings.media.ladder.short_sides = vec![120];
        settings.media.ladder.first_short_side = 120;
        // Passwords of tests need no protection.
        settings.accounts.hashing.memory_kib = 64;
        settings.accounts.hashing.passes = 1;
        let app = App::build(settings, Arc::new(SystemClock), Rng::from_seed(7)).await.unwrap();
        app.start(&CancellationToken::new());
        let http = HttpSettings { public_url: PUBLIC_URL.into(), in_flight_max: 1_000 };
        Self { dir, router: api::router(Api::new(app.clone(), http)), app }
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer { status: parts.status, headers: parts.headers, body: body.collect().await.unwrap().to_bytes().to_vec() }
    }

    /// Only the status, without waiting for a body that may go on for ever.
    pub async fn status_of(&self, request: Request<Body>) -> StatusCode {
        self.router.clone().oneshot(request).await.unwrap().status()
    }

    /// A request of `who` (or of nobody) with a JSON body, if there is one.
    pub async fn call(&self, who: Option<&Somebody>, method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
        if let Some(who) = who {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", who.token));
        }
        let body = match body {
            Some(json) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(json.to_string())
            }
            None => Body::empty(),
        };
        self.send(request.body(body).unwrap()).await
    }

    pub async fn get(&self, who: Option<&Somebody>, path: &str) -> Answer {
        self.call(who, "GET", path, None).await
    }

    pub async fn somebody(&self, handle: &str) -> Somebody {
        self.with_role(handle, Role::Person).await
    }

    pub async fn with_role(&self, handle: &str, role: Role) -> Somebody {
        let new = NewAccount {
            handle: handle.into(),
            display_name: None,
            bio: String::new(),
            password: PASSWORD.into(),
            birth_year: 1990,
            language: None,
            role,
        };
        let account = self.app.create_account(new).await.unwrap().id;
        let arrival = Arrival { address: std::net::Ipv4Addr::LOCALHOST.into(), user_agent: String::new(), previous: None };
        let token = self.app.accounts.sign_in(handle, PASSWORD, &arrival).await.unwrap().token;
        Somebody { account, handle: handle.into(), token }
    }

    /// A published video with a few media files, as the workers would have left it.
    pub async fn video(&self, who: &Somebody, caption: &str) -> VideoId {
        let app = &self.app;
        let id = app.catalog.new_video_id();
        for (path, bytes) in [("master.m3u8", "#EXTM3U\n"), ("poster.jpg", "a picture"), ("v120/s0000.m4s", "0123456789")] {
            app.blobs.put_bytes(&Key::new(format!("videos/{id}/{path}")).unwrap(), bytes.into()).await.unwrap();
        }
        let mut change = app.begin().await.unwrap();
        let sound = SoundChoice::Own { title: "Original sound".into() };
        let new = NewVideo { id, creator: who.account, caption: caption.into(), sound, upload: None, kind: None };
        app.catalog.create(&mut change.tx, new).await.unwrap();
        let media = Media {
            duration_ms: 2_000,
            width: 120,
            height: 214,
            color: Color(0x336699),
            manifest: "{}".into(),
            has_sound: true,
        };
        let described = app.catalog.set_media(&mut change.tx, id, &media).await.unwrap();
        app.catalog.set_evaluation(&mut change.tx, id, &Evaluation::default()).await.unwrap();
        let (facts, shown) = app.catalog.publish(&mut change.tx, id).await.unwrap();
        let facts = eventlog::VideoFacts {
            video: id,
            creator: facts.creator,
            sound: facts.sound,
            hashtags: facts.hashtags,
            words: facts.words,
            duration_ms: facts.duration_ms,
            published_at: facts.published_at,
            content: facts.content,
            duplicate_of: None,
        };
        app.tell(&mut change, base::ViewerId::default(), eventlog::Body::VideoPublished(facts)).await.unwrap();
        app.commit(change).await.unwrap();
        app.catalog.committed(described.and(shown));
        app.settle(std::time::Duration::from_secs(10)).await.unwrap();
        id
    }

    pub fn data(&self, path: &str) -> PathBuf {
        self.dir.path().join("data").join(path)
    }
}
