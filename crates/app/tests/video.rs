//! From a file to a published video, with real files, the real tools and a real store.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use accounts::{NewAccount, Role};
use app::{App, AppError, NewUpload, Settings, UploadState};
use base::{AccountId, Rng, SystemClock, UploadId, VideoId};
use catalog::{Status, Step};
use media::upload::Metadata;
use store::cursor::Cursor;
use store::jobs::JobState;
use tokio_util::sync::CancellationToken;

struct House {
    dir: tempfile::TempDir,
    workers: usize,
}

impl House {
    fn new(workers: usize) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), workers }
    }

    async fn open(&self, seed: u64) -> Arc<App> {
        let mut settings = Settings { public_url: "http://localhost:8080".into(), ..Settings::default() };
        settings.region.data_dir = self.dir.path().join("data");
        settings.media.workers = self.workers;
        settings.media.upload.free_bytes_min = 0;
        settings.media.ladder.short_sides = vec![120, 240];
        settings.media.ladder.first_short_side = 120;
        let app = App::build(settings, Arc::new(SystemClock), Rng::from_seed(seed)).await.unwrap();
        app.start(&CancellationToken::new());
        app
    }

    /// A clip of a second made by ffmpeg with these arguments before the output.
    fn clip(&self, name: &str, args: &[&str]) -> PathBuf {
        let path = self.dir.path().join(name);
        let made = Command::new("ffmpeg").args(["-v", "error", "-y"]).args(args).arg(&path).status().unwrap();
        assert!(made.success());
        path
    }

    fn mandelbrot(&self) -> PathBuf {
        let args = "-f lavfi -i mandelbrot=size=480x360:rate=10 -f lavfi -i sine=frequency=330 -t 2 -pix_fmt yuv420p -shortest";
        self.clip("mandelbrot.mp4", &args.split(' ').collect::<Vec<_>>())
    }

    /// Waits until a folder of the house holds so many files.
    async fn until_files(&self, folder: &str, count: usize) {
        while std::fs::read_dir(self.dir.path().join(folder)).unwrap().count() != count {
            tokio::task::yield_now().await;
        }
    }

    fn blobs_of(&self, video: VideoId) -> PathBuf {
        self.dir.path().join(format!("data/blobs/videos/{video}"))
    }
}

async fn account(app: &App, handle: &str) -> AccountId {
    let new = NewAccount {
        handle: handle.into(),
        display_name: None,
        bio: String::new(),
        password: "correct horse battery".into(),
        birth_year: 1990,
        language: None,
        role: Role::Person,
    };
    app.create_account(new).await.unwrap().id
}

async fn upload(app: &Arc<App>, who: AccountId, path: &Path) -> UploadId {
    let bytes = std::fs::read(path).unwrap();
    let id = app.uploads.create(who, bytes.len() as u64, Metadata::default()).await.unwrap().id;
    app.uploads.append(id, who, 0, &bytes[..]).await.unwrap();
    app.upload_advanced(who, id);
    id
}

fn asked(upload: UploadId, caption: &str) -> NewUpload {
    NewUpload { upload, caption: caption.into(), sound: None, sound_title: None, kind: None }
}

/// Waits until the video is as wanted; every change of it is announced.
async fn until(app: &App, id: VideoId, wanted: impl Fn(&catalog::Video) -> bool) -> catalog::Video {
    let mut changes = app.studio.changes();
    loop {
        let video = app.catalog.video(id).await.unwrap();
        if wanted(&video) {
            return video;
        }
        changes.recv().await.ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_becomes_a_video_that_can_be_found_and_deleted() {
    let house = House::new(1);
    let app = house.open(1).await;
    let ada = account(&app, "ada").await;
    let source = upload(&app, ada, &house.mandelbrot()).await;
    let video = app.create_video(ada, asked(source, "zooming in #fractal 分形")).await.unwrap();
    assert_eq!(app.create_video(ada, asked(source, "again")).await.unwrap().id, video.id, "asked twice, made once");

    let shown = until(&app, video.id, |v| v.status == Status::Published).await;
    assert!(shown.step == Step::Renditions || shown.step == Step::Done, "{:?}", shown.step);
    assert!(house.blobs_of(video.id).join("v120/init.mp4").exists(), "the first rendition plays before the others are done");
    let card = app.card(None, video.id).await.unwrap();
    assert_eq!((card.card.hashtags.as_slice(), card.creator.handle.as_str()), (["fractal".to_string()].as_slice(), "ada"));
    assert_eq!(card.sound_creator.as_ref().map(|p| p.id), Some(ada));
    assert_eq!(app.search_videos("分形", None, 10).await.unwrap().items, [video.id]);
    app.settle(std::time::Duration::from_secs(5)).await.unwrap();
    let facts = app.brain.views.facts(video.id).unwrap();
    assert_eq!((facts.creator, facts.content.len()), (ada, content::FEATURE_COUNT));

    let done = until(&app, video.id, |v| v.step == Step::Done).await;
    assert_eq!((done.width, done.height, done.upload), (320, 240, None));
    let master = std::fs::read_to_string(house.blobs_of(video.id).join("master.m3u8")).unwrap();
    assert!(master.contains("v120/index.m3u8") && master.contains("v240/index.m3u8"), "{master}");
    // The source is not kept.
    house.until_files("data/uploads", 0).await;
    assert!(app.uploads.upload(source).is_err());
    let path = app.media_path(video.id, "v240/index.m3u8").await.unwrap();
    assert!(path.is_immutable && app.media_stat(&path).await.unwrap().len > 0);
    for escape in ["../secrets/viewer.key", "..", "v240/../../x", "", "/etc/passwd"] {
        assert!(matches!(app.media_path(video.id, escape).await, Err(AppError::NotFound)), "{escape}");
    }
    assert_eq!(app.social.inbox(ada, None, 10).await.unwrap().items[0].kind, social::Kind::VideoPublished);

    let bo = account(&app, "bob").await;
    assert!(matches!(app.delete_video(bo, video.id).await, Err(AppError::Forbidden)));
    assert!(matches!(app.edit_caption(bo, video.id, "mine").await, Err(AppError::Forbidden)));
    app.edit_caption(ada, video.id, "deeper #zoom").await.unwrap();
    assert_eq!(app.card(None, video.id).await.unwrap().card.hashtags, ["zoom"]);
    app.settle(std::time::Duration::from_secs(5)).await.unwrap();
    assert_eq!(app.brain.views.facts(video.id).unwrap().hashtags, ["zoom"]);

    app.delete_video(ada, video.id).await.unwrap();
    assert!(matches!(app.card(None, video.id).await, Err(AppError::NotFound)));
    assert!(matches!(app.media_path(video.id, "master.m3u8").await, Err(AppError::NotFound)));
    app.settle(std::time::Duration::from_secs(5)).await.unwrap();
    assert!(app.brain.views.facts(video.id).is_none());
    while house.blobs_of(video.id).exists() {
        tokio::task::yield_now().await;
    }
    app.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_recognised() {
    let house = House::new(2);
    let app = house.open(2).await;
    let (ada, bo) = (account(&app, "ada").await, account(&app, "bob").await);
    let original = house.mandelbrot();
    let copy = house.clip(
        "copy.mkv",
        &["-i", &original.to_string_lossy(), "-vf", "crop=iw*0.97:ih*0.97,scale=400:300", "-c:v", "libx264", "-crf", "30"],
    );
    let source = upload(&app, ada, &original).await;
    let first = app.create_video(ada, asked(source, "first")).await.unwrap().id;
    until(&app, first, |v| v.status == Status::Published).await;
    let source = upload(&app, bo, &copy).await;
    let second = app.create_video(bo, asked(source, "second")).await.unwrap().id;
    let second = until(&app, second, |v| v.status == Status::Published).await;
    assert_eq!(second.duplicate_of, Some(first));
    assert_eq!(app.social.inbox(bo, None, 10).await.unwrap().items[0].kind, social::Kind::Duplicate);
    app.close().await.unwrap();
    drop(app);

    let app = house.open(3).await;
    let other = house
        .clip("plain.mp4", &"-f lavfi -i life=s=320x240:r=10:ratio=0.3 -t 2 -pix_fmt yuv420p".split(' ').collect::<Vec<_>>());
    for (path, expected) in [(&copy, Some(first)), (&other, None)] {
        let source = upload(&app, bo, path).await;
        let id = app.create_video(bo, asked(source, "after a restart")).await.unwrap().id;
        assert_eq!(until(&app, id, |v| v.status == Status::Published).await.duplicate_of, expected);
    }
    app.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sound_is_borrowed_and_repeated_to_the_length_of_the_picture() {
    let house = House::new(1);
    let app = house.open(8).await;
    let (ada, bob) = (account(&app, "ada").await, account(&app, "bob").await);
    let source = upload(&app, ada, &house.mandelbrot()).await;
    let first = app.create_video(ada, asked(source, "with a sound")).await.unwrap().id;
    until(&app, first, |v| v.status == Status::Published).await;
    let sound = app.card(None, first).await.unwrap().card.sound.clone().unwrap().id;

    let silent = "-f lavfi -i life=s=320x240:r=10:ratio=0.3 -t 5 -pix_fmt yuv420p";
    let source = upload(&app, bob, &house.clip("silent.mp4", &silent.split(' ').collect::<Vec<_>>())).await;
    let mut borrowing = asked(source, "with their sound");
    borrowing.sound = Some(sound);
    let second = app.create_video(bob, borrowing).await.unwrap().id;
    until(&app, second, |v| v.status == Status::Published).await;
    let card = app.card(None, second).await.unwrap();
    assert_eq!((card.card.sound.as_ref().unwrap().id, card.sound_creator.unwrap().id), (sound, ada));
    assert_eq!(app.sound(sound).await.unwrap().video_count, 2);
    let playlist = std::fs::read_to_string(house.blobs_of(second).join("a/index.m3u8")).unwrap();
    let length_s: f64 =
        playlist.lines().filter_map(|l| l.strip_prefix("#EXTINF:")?.trim_end_matches(',').parse::<f64>().ok()).sum();
    assert!((4.8..5.3).contains(&length_s), "two seconds of sound fill five of picture: {playlist}");
    app.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_video_is_refused_with_a_reason_and_leaves_nothing() {
    let house = House::new(1);
    let app = house.open(4).await;
    let ada = account(&app, "ada").await;
    let text = house.dir.path().join("text.mp4");
    std::fs::write(&text, "this is not a video at all ".repeat(100)).unwrap();
    let source = upload(&app, ada, &text).await;
    let refusal = loop {
        match app.upload_status(ada, source).unwrap().state {
            UploadState::Refused(refusal) => break refusal,
            _ => tokio::task::yield_now().await,
        }
    };
    assert_eq!(refusal.code, "not_a_video");
    let error = app.create_video(ada, asked(source, "hm")).await.unwrap_err();
    assert!(matches!(&error, AppError::Invalid(parts) if parts[0].code == "not_a_video"), "{error:?}");
    // Only the note with the reason stays.
    house.until_files("data/uploads", 1).await;

    // Made into a video before the probe could say no: the worker says it.
    let bytes = std::fs::read(&text).unwrap();
    let source = app.uploads.create(ada, bytes.len() as u64, Metadata::default()).await.unwrap().id;
    app.uploads.append(source, ada, 0, &bytes[..]).await.unwrap();
    let id = app.create_video(ada, asked(source, "quick")).await.unwrap().id;
    let video = until(&app, id, |v| v.status == Status::Refused).await;
    assert_eq!(video.refusal.unwrap().code, "not_a_video");
    assert_eq!(app.social.inbox(ada, None, 10).await.unwrap().items[0].kind, social::Kind::VideoRefused);
    assert_eq!(app.jobs.jobs_of(id).await.unwrap()[0].state, JobState::Failed);
    assert!(!house.blobs_of(id).exists());
    while app.uploads.upload(source).is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(app.own_uploads(ada, Cursor::TOP, 10).await.unwrap().items.len(), 1);
    app.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_process_takes_up_what_a_dead_one_had_in_its_hands() {
    let mut house = House::new(0);
    let app = house.open(5).await;
    let ada = account(&app, "ada").await;
    let source = upload(&app, ada, &house.mandelbrot()).await;
    let id = app.create_video(ada, asked(source, "survivor")).await.unwrap().id;
    let half = app.uploads.create(ada, 10, Metadata::default()).await.unwrap().id;
    app.uploads.append(half, ada, 0, &b"01234"[..]).await.unwrap();
    let held = app.jobs.lease(&["video.first"], 3_600_000).await.unwrap().unwrap();
    // Half made, and then the lights went out.
    let folder = house.dir.path().join("data").join("work").join(format!("{}-1", held.lease.job)).join("out");
    std::fs::create_dir_all(folder).unwrap();
    app.close().await.unwrap();
    drop(app);

    house.workers = 1;
    let app = house.open(6).await;
    until(&app, id, |v| v.status == Status::Published).await;
    assert_eq!(app.uploads.head(half, ada).unwrap().offset, 5);
    until(&app, id, |v| v.step == Step::Done).await;
    // The worker sweeps its bench after it has told everybody.
    house.until_files("data/work", 0).await;
    app.close().await.unwrap();
}
