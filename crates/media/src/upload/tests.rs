use base::ManualClock;
use tokio::io::AsyncWriteExt as _;

use super::*;

const OWNER: AccountId = AccountId::from_raw(1);
const OTHER: AccountId = AccountId::from_raw(2);

struct Bench {
    dir: tempfile::TempDir,
    clock: Arc<ManualClock>,
    limits: UploadLimits,
}

impl Bench {
    fn new() -> Self {
        let limits = UploadLimits { free_bytes_min: 0, bytes_max: 1 << 20, ..UploadLimits::default() };
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_700_000_000_000)));
        Self { dir: tempfile::tempdir().unwrap(), clock, limits }
    }
    fn open(&self) -> Uploads {
        Uploads::open_with(self.dir.path(), self.limits, self.clock.clone(), Rng::from_seed(1), |_| Ok(1 << 40)).unwrap()
    }
    fn files(&self) -> usize {
        std::fs::read_dir(self.dir.path()).unwrap().count()
    }
}

async fn create(uploads: &Uploads, length: u64) -> UploadId {
    uploads.create(OWNER, length, Metadata::default()).await.unwrap().id
}

/// Returns once a request has the upload's lock.
async fn writing(uploads: &Uploads, id: UploadId) {
    while uploads.inner.entries().get(&id).unwrap().writer.is_none() {
        tokio::task::yield_now().await;
    }
}

/// A body whose connection breaks after `bytes`.
fn cut_after(bytes: &[u8]) -> impl AsyncRead + Send + Unpin {
    struct Broken;
    impl AsyncRead for Broken {
        fn poll_read(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            _: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<io::Result<()>> {
            std::task::Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
        }
    }
    tokio::io::AsyncReadExt::chain(std::io::Cursor::new(bytes.to_vec()), Broken)
}

#[tokio::test]
async fn a_cut_upload_goes_on_where_it_stood_after_a_restart_too() {
    let bench = Bench::new();
    let content: Vec<u8> = (0..700_000u32).map(|i| (i % 251) as u8).collect();
    let uploads = bench.open();
    let metadata = Metadata { file_name: Some("../../etc/passwd".into()), file_type: Some("video/mp4".into()) };
    let id = uploads.create(OWNER, content.len() as u64, metadata.clone()).await.unwrap().id;
    let cut = uploads.append(id, OWNER, 0, cut_after(&content[..300_000])).await;
    assert!(matches!(cut, Err(UploadError::Cut { offset: 300_000 })), "{cut:?}");
    assert!(matches!(uploads.path(id), Err(UploadError::Incomplete)));
    drop(uploads);

    let uploads = bench.open();
    let head = uploads.head(id, OWNER).unwrap();
    assert_eq!((head.offset, &head.metadata, head.is_complete()), (300_000, &metadata, false));
    let wrong = uploads.append(id, OWNER, 299_999, &content[..]).await;
    assert!(matches!(wrong, Err(UploadError::OffsetMismatch { offset: 300_000 })), "{wrong:?}");
    assert_eq!(uploads.append(id, OWNER, 300_000, &content[300_000..]).await.unwrap(), 700_000);
    assert_eq!(std::fs::read(uploads.path(id).unwrap()).unwrap(), content);
    assert_eq!(bench.files(), 2, "one file for the bytes, one for what is known of them");
}

#[tokio::test]
async fn a_request_dropped_in_the_middle_keeps_its_bytes_and_frees_the_lock() {
    let bench = Bench::new();
    let uploads = bench.open();
    let id = create(&uploads, 10).await;
    let (mut client, body) = tokio::io::duplex(64);
    let request = tokio::spawn({
        let uploads = uploads.clone();
        async move { uploads.append(id, OWNER, 0, body).await }
    });
    client.write_all(b"01234").await.unwrap();
    writing(&uploads, id).await;
    assert!(matches!(uploads.append(id, OWNER, 0, &b""[..]).await, Err(UploadError::Locked)));
    assert!(matches!(uploads.path(id), Err(UploadError::Incomplete)));
    request.abort();
    let offset = loop {
        let offset = uploads.head(id, OWNER).unwrap().offset;
        match uploads.append(id, OWNER, offset, &b"0123456789"[offset as usize..]).await {
            Ok(_) => break offset,
            Err(UploadError::Locked | UploadError::OffsetMismatch { .. }) => tokio::task::yield_now().await,
            Err(other) => panic!("{other:?}"),
        }
    };
    assert!(offset == 0 || offset == 5, "{offset}");
    assert_eq!(std::fs::read(uploads.path(id).unwrap()).unwrap(), b"0123456789");
}

#[tokio::test]
async fn a_silent_connection_counts_as_cut() {
    let mut bench = Bench::new();
    bench.limits.idle_ms = 20;
    let uploads = bench.open();
    let id = create(&uploads, 10).await;
    let (mut client, body) = tokio::io::duplex(64);
    client.write_all(b"012").await.unwrap();
    assert!(matches!(uploads.append(id, OWNER, 0, body).await, Err(UploadError::Cut { offset: 3 })));
}

#[tokio::test]
async fn more_bytes_than_announced_are_refused_and_leave_nothing() {
    let bench = Bench::new();
    let uploads = bench.open();
    let id = create(&uploads, 10).await;
    uploads.append(id, OWNER, 0, &b"0123"[..]).await.unwrap();
    let body = tokio::io::AsyncReadExt::chain(&b"4567"[..], &b"89abcdef"[..]);
    assert!(matches!(uploads.append(id, OWNER, 4, body).await, Err(UploadError::TooLong)));
    assert_eq!(uploads.head(id, OWNER).unwrap().offset, 4);
    assert_eq!(std::fs::read(info::data_path(bench.dir.path(), id)).unwrap(), b"0123");
    assert_eq!(uploads.append(id, OWNER, 4, &b"456789"[..]).await.unwrap(), 10);
}

#[tokio::test]
async fn limits_hold() {
    let mut bench = Bench::new();
    bench.limits.owner_open_max = 2;
    bench.limits.owner_bytes_max = 1_000;
    bench.limits.uploads_max = 3;
    let uploads = bench.open();
    let new = |owner, length| uploads.create(owner, length, Metadata::default());
    assert!(matches!(new(OWNER, (1 << 20) + 1).await, Err(UploadError::TooLarge { .. })));
    assert!(matches!(new(OWNER, 1_001).await, Err(UploadError::TooManyBytes { .. })));
    let first = new(OWNER, 600).await.unwrap().id;
    assert!(matches!(new(OWNER, 401).await, Err(UploadError::TooManyBytes { .. })));
    new(OWNER, 400).await.unwrap();
    assert!(matches!(new(OWNER, 0).await, Err(UploadError::TooManyOpen { limit: 2 })));
    new(OTHER, 5).await.unwrap();
    assert!(matches!(new(OTHER, 5).await, Err(UploadError::Busy)));
    uploads.terminate(first, OWNER).await.unwrap();
    new(OWNER, 600).await.unwrap();

    let full =
        Uploads::open_with(bench.dir.path(), bench.limits, bench.clock.clone(), Rng::from_seed(2), |_| Ok(1_004)).unwrap();
    let others = full.inner.entries().iter().find(|(_, e)| e.info.owner == OTHER).map(|(id, _)| *id).unwrap();
    full.terminate(others, OTHER).await.unwrap();
    assert!(matches!(full.create(OTHER, 5, Metadata::default()).await, Err(UploadError::DiskFull)), "1,000 are promised");
    full.create(OTHER, 4, Metadata::default()).await.unwrap();
}

#[tokio::test]
async fn strangers_see_nothing() {
    let bench = Bench::new();
    let uploads = bench.open();
    let id = create(&uploads, 3).await;
    assert!(matches!(uploads.head(id, OTHER), Err(UploadError::NotFound)));
    assert!(matches!(uploads.append(id, OTHER, 0, &b"abc"[..]).await, Err(UploadError::NotFound)));
    assert!(matches!(uploads.terminate(id, OTHER).await, Err(UploadError::NotFound)));
    uploads.append(id, OWNER, 0, &b"abc"[..]).await.unwrap();
    assert!(matches!(uploads.claim(id, OTHER, VideoId::from_raw(1)).await, Err(UploadError::NotFound)));
}

#[tokio::test]
async fn an_upload_becomes_one_video_and_expires_otherwise() {
    let bench = Bench::new();
    let uploads = bench.open();
    let (kept, late, bad) = (create(&uploads, 3).await, create(&uploads, 3).await, create(&uploads, 3).await);
    let video = VideoId::from_raw(77);
    assert!(matches!(uploads.claim(kept, OWNER, video).await, Err(UploadError::Incomplete)));
    for id in [kept, bad] {
        uploads.append(id, OWNER, 0, &b"abc"[..]).await.unwrap();
    }
    assert_eq!(uploads.unexamined().len(), 2);
    uploads.annotate(kept, "{\"fine\":true}".into()).await.unwrap();
    uploads.refuse(bad, "not a video".into()).await.unwrap();
    assert!(uploads.unexamined().is_empty());
    assert_eq!(std::fs::read(uploads.claim(kept, OWNER, video).await.unwrap()).unwrap(), b"abc");
    assert!(
        matches!(uploads.claim(kept, OWNER, VideoId::from_raw(78)).await, Err(UploadError::Claimed { video: v }) if v == video)
    );
    assert!(matches!(uploads.terminate(kept, OWNER).await, Err(UploadError::Claimed { .. })));
    assert!(matches!(uploads.claim(bad, OWNER, video).await, Err(UploadError::Refused)));

    let uploads = bench.open();
    assert_eq!(uploads.claimed(), [(kept, video)]);
    let refused = uploads.head(bad, OWNER).unwrap();
    assert_eq!((refused.refused, refused.note.as_deref()), (true, Some("not a video")));
    bench.clock.advance_millis(bench.limits.expiry_ms - 1);
    assert_eq!(uploads.sweep().await.unwrap(), 0);
    bench.clock.advance_millis(1);
    assert_eq!(uploads.sweep().await.unwrap(), 2);
    assert!(matches!(uploads.head(late, OWNER), Err(UploadError::NotFound)));
    assert_eq!(bench.files(), 2);
    uploads.unclaim(kept, VideoId::from_raw(78)).await.unwrap();
    assert_eq!(uploads.upload(kept).unwrap().claimed_by, Some(video));
    uploads.unclaim(kept, video).await.unwrap();
    assert_eq!(uploads.upload(kept).unwrap().claimed_by, None);
    uploads.remove(kept).await.unwrap();
    uploads.remove(kept).await.unwrap();
    assert_eq!(bench.files(), 0);
}

#[tokio::test]
async fn ending_an_upload_stops_its_writer() {
    let bench = Bench::new();
    let uploads = bench.open();
    let id = create(&uploads, 1_000).await;
    let (mut client, body) = tokio::io::duplex(16);
    let request = tokio::spawn({
        let uploads = uploads.clone();
        async move { uploads.append(id, OWNER, 0, body).await }
    });
    client.write_all(b"0123").await.unwrap();
    writing(&uploads, id).await;
    uploads.terminate(id, OWNER).await.unwrap();
    drop(client);
    assert!(matches!(request.await.unwrap(), Err(UploadError::NotFound)));
    assert_eq!(bench.files(), 0);
}

#[tokio::test]
async fn debris_is_cleared_at_the_start() {
    let bench = Bench::new();
    let uploads = bench.open();
    let (good, torn) = (create(&uploads, 3).await, create(&uploads, 3).await);
    let path = |id: UploadId, extension: &str| bench.dir.path().join(format!("{id}.{extension}"));
    std::fs::remove_file(path(torn, "json")).unwrap();
    std::fs::write(path(good, "new"), b"{").unwrap();
    let lone = UploadId::from_raw(5);
    std::fs::write(path(lone, "json"), b"not json").unwrap();
    let uploads = bench.open();
    assert_eq!(uploads.inner.entries().keys().copied().collect::<Vec<_>>(), [good]);
    assert_eq!(bench.files(), 2);
    uploads.remove_owner(OWNER).await.unwrap();
    assert_eq!(bench.files(), 0);
}
