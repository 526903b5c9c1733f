//! What every backend does, as one suite. Panics on the first difference.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use bytes::Bytes;
use tokio::io::AsyncReadExt as _;

use crate::{Blob, BlobError, BlobStore, Key};

/// Runs the suite on an empty store. `scratch` is a folder for the files that are handed over.
pub async fn run(store: &dyn BlobStore, scratch: &Path) {
    put_and_read(store).await;
    ranges(store).await;
    replacing(store).await;
    files(store, scratch).await;
    listing_and_prefixes(store).await;
    many_writers(store).await;
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

async fn drain(mut blob: Blob) -> Vec<u8> {
    let mut bytes = Vec::new();
    blob.reader.read_to_end(&mut bytes).await.unwrap();
    bytes
}

async fn put_and_read(store: &dyn BlobStore) {
    let name = key("suite/read/a.bin");
    assert!(matches!(store.stat(&name).await, Err(BlobError::NotFound(k)) if k == name));
    assert!(matches!(store.open(&name, None).await, Err(BlobError::NotFound(_))));
    store.delete(&name).await.unwrap();
    let stat = store.put_bytes(&name, Bytes::from_static(b"hello")).await.unwrap();
    assert_eq!(stat.len, 5);
    assert!(!stat.etag.is_empty() && stat.etag.bytes().all(|b| b.is_ascii_graphic() && b != b'"'), "{stat:?}");
    assert_eq!(store.stat(&name).await.unwrap(), stat);
    assert_eq!(store.read(&name, 5).await.unwrap(), "hello");
    assert!(matches!(store.read(&name, 4).await, Err(BlobError::TooLarge { len: 5, limit: 4 })));
    let empty = key("suite/read/empty");
    assert_eq!(store.put_bytes(&empty, Bytes::new()).await.unwrap().len, 0);
    assert_eq!(store.read(&empty, 0).await.unwrap(), "");
    store.delete(&name).await.unwrap();
    assert!(matches!(store.stat(&name).await, Err(BlobError::NotFound(_))));
}

async fn ranges(store: &dyn BlobStore) {
    let name = key("suite/ranges/a");
    let stat = store.put_bytes(&name, Bytes::from_static(b"0123456789")).await.unwrap();
    for (range, expected) in [(0..4, "0123"), (4..5, "4"), (8..100, "89"), (0..u64::MAX, "0123456789")] {
        let blob = store.open(&name, Some(range.clone())).await.unwrap();
        assert_eq!(blob.stat, stat);
        assert_eq!(blob.range, range.start..range.end.min(10));
        assert_eq!(drain(blob).await, expected.as_bytes(), "{range:?}");
    }
    #[allow(clippy::reversed_empty_ranges)]
    for range in [10..11, 3..3, 5..2, u64::MAX..u64::MAX] {
        assert!(matches!(store.open(&name, Some(range.clone())).await, Err(BlobError::Range { len: 10 })), "{range:?}");
    }
}

async fn replacing(store: &dyn BlobStore) {
    let name = key("suite/replace/a");
    let first = store.put_bytes(&name, Bytes::from_static(b"one")).await.unwrap();
    let open = store.open(&name, None).await.unwrap();
    let second = store.put_bytes(&name, Bytes::from_static(b"two")).await.unwrap();
    assert_ne!(first.etag, second.etag);
    assert_eq!(store.read(&name, 10).await.unwrap(), "two");
    // A reader in the middle sees one version, never a mixture.
    let seen = drain(open).await;
    assert!(seen == b"one" || seen == b"two", "{seen:?}");
}

async fn files(store: &dyn BlobStore, scratch: &Path) {
    let source = scratch.join("suite-source.bin");
    let content: Vec<u8> = (0..300_000u32).map(|i| (i % 251) as u8).collect();
    std::fs::write(&source, &content).unwrap();
    let name = key("suite/files/deep/er/b.mp4");
    assert_eq!(store.put_file(&name, &source).await.unwrap().len, content.len() as u64);
    assert_eq!(store.read(&name, 1 << 20).await.unwrap(), content);
    assert!(store.put_file(&name, &scratch.join("suite-no-such-file")).await.is_err());
    assert_eq!(store.read(&name, 1 << 20).await.unwrap(), content, "a failed put changes nothing");
    if let Some(path) = store.local_path(&name) {
        assert_eq!(std::fs::read(path).unwrap(), content);
    }
}

async fn listing_and_prefixes(store: &dyn BlobStore) {
    let names = ["suite/list/a", "suite/list/b/1", "suite/list/b/2", "suite/list/b-c", "suite/list/c"];
    for name in names {
        store.put_bytes(&key(name), Bytes::from_static(b"x")).await.unwrap();
    }
    let texts = |keys: Vec<Key>| keys.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut sorted = names.map(String::from).to_vec();
    sorted.sort();
    let prefix = key("suite/list");
    assert_eq!(texts(store.list(&prefix, None, 100).await.unwrap()), sorted);
    let first = store.list(&prefix, None, 2).await.unwrap();
    assert_eq!(texts(first.clone()), sorted[..2]);
    assert_eq!(texts(store.list(&prefix, first.last(), 100).await.unwrap()), sorted[2..]);
    assert_eq!(texts(store.list(&key("suite/none"), None, 100).await.unwrap()), Vec::<String>::new());

    store.delete_prefix(&key("suite/list/b")).await.unwrap();
    store.delete_prefix(&key("suite/list/b")).await.unwrap();
    assert_eq!(texts(store.list(&prefix, None, 100).await.unwrap()), ["suite/list/a", "suite/list/b-c", "suite/list/c"]);
    // A prefix ends at a slash: deleting `suite/list/a/` leaves the blob `suite/list/a`.
    store.delete_prefix(&key("suite/list/a")).await.unwrap();
    assert_eq!(store.read(&key("suite/list/a"), 10).await.unwrap(), "x");
}

async fn many_writers(store: &dyn BlobStore) {
    let name = key("suite/race/a");
    let mut versions = Vec::new();
    for fill in 0..8u8 {
        let (name, bytes) = (name.clone(), Bytes::from(vec![fill; 10_000]));
        versions.push(async move { store.put_bytes(&name, bytes).await });
    }
    let [a, b, c, d, e, f, g, h] = <[_; 8]>::try_from(versions).ok().unwrap();
    let (a, b, c, d, e, f, g, h) = tokio::join!(a, b, c, d, e, f, g, h);
    for result in [a, b, c, d, e, f, g, h] {
        result.unwrap();
    }
    let seen = store.read(&name, 1 << 20).await.unwrap();
    assert_eq!(seen.len(), 10_000);
    assert!(seen.iter().all(|byte| *byte == seen[0]), "one writer's bytes, whole");
}
