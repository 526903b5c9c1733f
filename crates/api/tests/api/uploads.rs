//! tus 1.0.0 as a client speaks it, and what becomes of the file.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::support::{Answer, Person, TestApp};

/// The largest upload that these tests allow, in bytes.
const BYTES_MAX: u64 = 4 << 20;

async fn house() -> TestApp {
    TestApp::with(|settings| settings.media.upload.bytes_max = BYTES_MAX).await
}

/// A request of the protocol.
async fn tus(house: &TestApp, who: &Person, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let bearer = format!("Bearer {}", who.token);
    let mut all = vec![("tus-resumable", "1.0.0"), ("authorization", &*bearer)];
    all.extend(headers);
    house.send(method, path, &all, body.to_vec()).await
}

const CHUNK: (&str, &str) = ("content-type", "application/offset+octet-stream");

async fn begin(house: &TestApp, who: &Person, length: usize) -> String {
    let length = length.to_string();
    let answer = tus(house, who, "POST", "/v1/uploads", &[("upload-length", &length)], b"").await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    answer.header("location").to_owned()
}

async fn state(house: &TestApp, who: &Person, location: &str) -> Value {
    loop {
        let status = house.get(Some(who), &format!("{location}/status")).await.json();
        if status["state"] != "probing" {
            return status;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_is_announced_sent_in_parts_and_given_up() {
    let house = house().await;
    let ada = house.sign_up("ada").await;
    let options = tus(&house, &ada, "OPTIONS", "/v1/uploads", &[], b"").await;
    assert_eq!((options.status, options.header("tus-version")), (StatusCode::NO_CONTENT, "1.0.0"));
    assert_eq!(options.header("tus-extension"), "creation,termination,expiration");
    assert_eq!(options.header("tus-max-size"), BYTES_MAX.to_string());

    let metadata = ("upload-metadata", "filename Li4vLi4vZXRjL3Bhc3N3ZA==,filetype dmlkZW8vbXA0");
    let created = tus(&house, &ada, "POST", "/v1/uploads", &[("upload-length", "10"), metadata], b"").await;
    assert_eq!(
        (created.status, created.header("tus-resumable"), created.header("upload-offset")),
        (StatusCode::CREATED, "1.0.0", "0")
    );
    assert!(created.header("upload-expires").ends_with(" GMT"), "{:?}", created.headers);
    let location = created.header("location").to_owned();

    let sent = tus(&house, &ada, "PATCH", &location, &[CHUNK, ("upload-offset", "0")], b"01234").await;
    assert_eq!((sent.status, sent.header("upload-offset")), (StatusCode::NO_CONTENT, "5"));
    let wrong = tus(&house, &ada, "PATCH", &location, &[CHUNK, ("upload-offset", "3")], b"34").await;
    assert_eq!((wrong.status, wrong.json()["code"].as_str()), (StatusCode::CONFLICT, Some("offset_mismatch")));
    let head = tus(&house, &ada, "HEAD", &location, &[], b"").await;
    assert_eq!((head.status, head.header("upload-offset"), head.header("upload-length")), (StatusCode::OK, "5", "10"));
    assert_eq!(head.header("cache-control"), "no-store");
    let plain = tus(&house, &ada, "PATCH", &location, &[("content-type", "video/mp4"), ("upload-offset", "5")], b"5").await;
    assert_eq!(plain.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let more = tus(&house, &ada, "PATCH", &location, &[CHUNK, ("upload-offset", "5")], b"56789abcdef").await;
    assert_eq!(more.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(state(&house, &ada, &location).await["state"], "receiving");

    let ended = tus(&house, &ada, "DELETE", &location, &[], b"").await;
    assert_eq!((ended.status, ended.header("tus-resumable")), (StatusCode::NO_CONTENT, "1.0.0"));
    assert_eq!(tus(&house, &ada, "HEAD", &location, &[], b"").await.status, StatusCode::NOT_FOUND);
    assert_eq!(std::fs::read_dir(house.data("uploads")).unwrap().count(), 0);
    house.app.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_protocol_does_not_allow_is_refused() {
    let house = house().await;
    let ada = house.sign_up("ada").await;
    let old = house.send("POST", "/v1/uploads", &[("upload-length", "1"), ("tus-resumable", "0.2.2")], "").await;
    assert_eq!((old.status, old.header("tus-version")), (StatusCode::PRECONDITION_FAILED, "1.0.0"));
    let large = (BYTES_MAX + 1).to_string();
    for (headers, status) in [
        (vec![("upload-length", large.as_str())], StatusCode::PAYLOAD_TOO_LARGE),
        (vec![("upload-length", "-1")], StatusCode::BAD_REQUEST),
        (vec![("upload-defer-length", "1")], StatusCode::BAD_REQUEST),
        (vec![("upload-length", "5"), ("upload-metadata", "filename ***")], StatusCode::BAD_REQUEST),
    ] {
        let answer = tus(&house, &ada, "POST", "/v1/uploads", &headers, b"").await;
        assert_eq!(answer.status, status, "{headers:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.header("tus-resumable"), "1.0.0");
    }
    for path in ["/v1/uploads/0000000000000", "/v1/uploads/..%2f..%2fsecrets", "/v1/uploads/x"] {
        assert_eq!(tus(&house, &ada, "HEAD", path, &[], b"").await.status, StatusCode::NOT_FOUND, "{path}");
    }
    house.app.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_video_is_refused_with_a_reason() {
    let house = house().await;
    let ada = house.sign_up("ada").await;
    for (bytes, code) in [
        (&b""[..], "empty"),
        (b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1/secret.ts\n", "playlist_or_reference"),
        (b"hello", "not_a_video"),
    ] {
        let location = begin(&house, &ada, bytes.len()).await;
        if !bytes.is_empty() {
            tus(&house, &ada, "PATCH", &location, &[CHUNK, ("upload-offset", "0")], bytes).await;
        }
        let status = state(&house, &ada, &location).await;
        assert_eq!((status["state"].as_str(), status["refusal"]["code"].as_str()), (Some("refused"), Some(code)), "{status}");
        let upload = location.rsplit('/').next().unwrap();
        let asked = house.call(Some(&ada), "POST", "/v1/videos", Some(json!({ "upload": upload, "caption": "" }))).await;
        assert_eq!((asked.status, asked.json()["errors"][0]["code"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some(code)));
    }
    house.app.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_complete_upload_becomes_one_video() {
    let house = house().await;
    let ada = house.sign_up("ada").await;
    let bob = house.sign_up("bob").await;
    let location = begin(&house, &ada, 4).await;
    let upload = location.rsplit('/').next().unwrap().to_owned();
    let asked = json!({ "upload": upload, "caption": "early" });
    let early = house.call(Some(&ada), "POST", "/v1/videos", Some(asked.clone())).await;
    assert_eq!((early.status, early.json()["code"].as_str()), (StatusCode::CONFLICT, Some("upload_incomplete")));
    assert_eq!(house.call(Some(&bob), "POST", "/v1/videos", Some(asked.clone())).await.status, StatusCode::NOT_FOUND);
    let long = json!({ "upload": upload, "caption": "x".repeat(2_201) });
    let long = house.call(Some(&ada), "POST", "/v1/videos", Some(long)).await;
    assert_eq!((long.status, long.json()["errors"][0]["field"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some("caption")));
    house.app.close().await.unwrap();
}
