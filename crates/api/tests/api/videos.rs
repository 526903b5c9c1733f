//! Videos, their media, finding them, sharing them.

use axum::http::StatusCode;
use base::VideoId;
use blob::Key;
use serde_json::json;

use super::support::{Answer, Person, TestApp};

/// A published video with a few media files, as the workers would have left it.
async fn playable(house: &TestApp, who: &Person, caption: &str) -> VideoId {
    let id = house.video(who, caption).await;
    for (path, bytes) in [("master.m3u8", "#EXTM3U\n"), ("poster.jpg", "a picture"), ("v120/s0000.m4s", "0123456789")] {
        house.app.blobs.put_bytes(&Key::new(format!("videos/{id}/{path}")).unwrap(), bytes.into()).await.unwrap();
    }
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_are_served_in_parts_and_kept_by_caches() {
    let house = TestApp::new().await;
    let ada = house.sign_up("ada").await;
    let id = playable(&house, &ada, "clip").await;
    let segment = format!("/media/{id}/v120/s0000.m4s");
    let whole = house.get(None, &segment).await;
    assert_eq!(
        (whole.status, whole.text().as_str(), whole.header("content-type")),
        (StatusCode::OK, "0123456789", "video/mp4")
    );
    assert!(whole.header("cache-control").contains("immutable"));
    assert_eq!((whole.header("accept-ranges"), whole.header("content-length")), ("bytes", "10"));
    let etag = whole.header("etag").to_owned();
    let check = async |headers: &[(&str, &str)], status: StatusCode, body: &str, range: &str| {
        let answer = house.send("GET", &segment, headers, "").await;
        assert_eq!(
            (answer.status, answer.text().as_str(), answer.header("content-range")),
            (status, body, range),
            "{headers:?}"
        );
    };
    check(&[("range", "bytes=2-4")], StatusCode::PARTIAL_CONTENT, "234", "bytes 2-4/10").await;
    check(&[("range", "bytes=-2")], StatusCode::PARTIAL_CONTENT, "89", "bytes 8-9/10").await;
    check(&[("range", "bytes=7-")], StatusCode::PARTIAL_CONTENT, "789", "bytes 7-9/10").await;
    check(&[("range", "bytes=0-1,3-4")], StatusCode::OK, "0123456789", "").await;
    check(&[("range", "bytes=0-1"), ("if-range", "\"other\"")], StatusCode::OK, "0123456789", "").await;
    check(&[("range", "bytes=0-1"), ("if-range", &etag)], StatusCode::PARTIAL_CONTENT, "01", "bytes 0-1/10").await;
    check(&[("if-none-match", &etag)], StatusCode::NOT_MODIFIED, "", "").await;
    let beyond = house.send("GET", &segment, &[("range", "bytes=10-")], "").await;
    assert_eq!((beyond.status, beyond.header("content-range")), (StatusCode::RANGE_NOT_SATISFIABLE, "bytes */10"));
    let head = house.send("HEAD", &segment, &[], "").await;
    assert_eq!((head.status, head.header("content-length"), head.text().as_str()), (StatusCode::OK, "10", ""));

    let master = house.get(None, &format!("/media/{id}/master.m3u8")).await;
    assert_eq!(master.header("content-type"), "application/vnd.apple.mpegurl");
    assert!(!master.header("cache-control").contains("immutable"));
    for path in [
        format!("/media/{id}/none.m4s"),
        format!("/media/{id}/..%2f..%2f..%2fsecrets%2fviewer.key"),
        format!("/media/{id}/%2e%2e/x"),
        "/media/0000000000000/poster.jpg".into(),
        "/media/x/poster.jpg".into(),
    ] {
        assert_eq!(house.get(None, &path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    house.app.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_video_is_shown_changed_and_deleted_by_its_creator() {
    let house = TestApp::new().await;
    let (ada, bob) = (house.sign_up("ada").await, house.sign_up("bob").await);
    let id = playable(&house, &ada, "slow #rain").await;
    let path = format!("/v1/videos/{id}");
    let shown = house.get(None, &path).await.json();
    assert_eq!((shown["caption"].as_str(), shown["creator"]["handle"].as_str()), (Some("slow #rain"), Some("ada")));
    assert_eq!(
        (shown["hashtags"][0].as_str(), shown["color"].as_str(), shown["mine"]["own"].as_bool()),
        (Some("rain"), Some("#0a141e"), Some(false))
    );
    assert_eq!(house.get(Some(&ada), &path).await.json()["mine"]["own"], true);
    let edit = json!({ "caption": "fast #snow" });
    let changed = house.call(Some(&ada), "PATCH", &path, Some(edit.clone())).await;
    assert_eq!((changed.status, changed.json()["hashtags"][0].as_str()), (StatusCode::OK, Some("snow")));
    assert_eq!(house.call(Some(&bob), "PATCH", &path, Some(edit)).await.status, StatusCode::FORBIDDEN);

    let uploads = house.get(Some(&ada), "/v1/me/uploads").await.json();
    assert_eq!(
        (uploads["items"][0]["status"].as_str(), uploads["items"][0]["video"]["id"].as_str()),
        (Some("published"), Some(id.to_string().as_str()))
    );
    let own = house.get(Some(&ada), &format!("{path}/upload")).await.json();
    assert_eq!(own["poster_url"], format!("/media/{id}/poster.jpg"));
    let insights = house.get(Some(&ada), &format!("{path}/insights")).await.json();
    assert_eq!((insights["impressions"].as_u64(), insights["watch_curve"].as_array().map(Vec::len)), (Some(0), Some(10)));

    house.call(Some(&bob), "PUT", "/v1/people/ada/block", None).await;
    assert_eq!(house.get(Some(&bob), &path).await.status, StatusCode::NOT_FOUND, "neither sees the other");
    assert_eq!(house.get(None, &path).await.status, StatusCode::OK);

    assert_eq!(house.call(Some(&ada), "DELETE", &path, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(house.get(None, &path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(house.get(None, &format!("/media/{id}/poster.jpg")).await.status, StatusCode::NOT_FOUND);
    while house.data(&format!("blobs/videos/{id}")).exists() {
        tokio::task::yield_now().await;
    }
    house.app.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_can_be_found() {
    let house = TestApp::new().await;
    let ada = house.sign_up("ada_lovelace").await;
    let rain = playable(&house, &ada, "Slow rain on a tin roof #calm").await.to_string();
    let cat = playable(&house, &ada, "我家的猫在看视频 #猫咪").await.to_string();
    let ids = |answer: &Answer| -> Vec<String> {
        answer.json()["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&house.get(None, "/v1/search?q=rain").await), std::slice::from_ref(&rain));
    assert_eq!(ids(&house.get(None, "/v1/search?q=%E8%A7%86%E9%A2%91&kind=videos").await), std::slice::from_ref(&cat));
    let people = house.get(None, "/v1/search?q=lovel&kind=people").await.json();
    assert_eq!(people["items"][0]["handle"], "ada_lovelace");
    let tags = house.get(None, "/v1/search?q=cal&kind=hashtags").await.json();
    assert_eq!((tags["items"][0]["hashtag"].as_str(), tags["items"][0]["video_count"].as_u64()), (Some("calm"), Some(1)));
    let sounds = house.get(None, "/v1/search?q=original&kind=sounds").await.json();
    let sound = sounds["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(sounds["items"][0]["creator"]["handle"], "ada_lovelace");
    let sound_page = house.get(None, &format!("/v1/sounds/{sound}")).await.json();
    assert_eq!((sound_page["color"].as_str(), sound_page["video_count"].as_u64()), (Some("#0a141e"), Some(1)));
    assert_eq!(ids(&house.get(None, &format!("/v1/sounds/{sound}/videos")).await).len(), 1);
    assert_eq!(ids(&house.get(None, "/v1/hashtags/calm/videos").await), std::slice::from_ref(&rain));
    assert_eq!(house.get(None, "/v1/hashtags/nothing").await.json()["video_count"], 0);
    let suggested = house.get(None, "/v1/search/suggest?q=ada").await.json();
    assert!(suggested["items"].as_array().unwrap().iter().any(|s| s["handle"] == "ada_lovelace"), "{suggested}");
    let discover = house.get(None, "/v1/discover").await.json();
    assert_eq!(
        (discover["hashtags"].as_array().map(Vec::len), discover["people"][0]["handle"].as_str()),
        (Some(2), Some("ada_lovelace"))
    );
    assert!(discover["sounds"][0]["audio_url"].as_str().unwrap().ends_with("/a/index.m3u8"));
    let first = house.get(None, "/v1/search?q=%23calm&limit=1").await.json();
    assert_eq!(first["next_cursor"], serde_json::Value::Null);
    let long = "a".repeat(201);
    for (path, status) in [
        ("/v1/search?q=a&kind=nothing".to_owned(), StatusCode::UNPROCESSABLE_ENTITY),
        (format!("/v1/search?q={long}"), StatusCode::UNPROCESSABLE_ENTITY),
        ("/v1/search?q=a&cursor=x".into(), StatusCode::BAD_REQUEST),
        ("/v1/search?q=a&limit=x".into(), StatusCode::BAD_REQUEST),
        ("/v1/search?q=%22%20OR%20*".into(), StatusCode::OK),
        ("/v1/sounds/0000000000000".into(), StatusCode::NOT_FOUND),
    ] {
        assert_eq!(house.get(None, &path).await.status, status, "{path}");
    }
    house.app.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shared_page_tells_other_sites_what_it_is() {
    let house = TestApp::new().await;
    let ada = house.sign_up("ada").await;
    let id = playable(&house, &ada, "\"><script>alert(1)</script>").await;
    let told = house.get(None, &format!("/oembed?url=http%3A%2F%2Flocalhost%3A8080%2Fv%2F{id}")).await.json();
    assert_eq!((told["type"].as_str(), told["author_name"].is_string()), (Some("link"), true));
    assert_eq!(told["thumbnail_url"], format!("http://localhost:8080/media/{id}/poster.jpg"));
    assert_eq!(house.get(None, "/oembed?url=http%3A%2F%2Felsewhere%2Fv%2F0").await.status, StatusCode::NOT_FOUND);
    let xml = house.get(None, &format!("/oembed?format=xml&url=http%3A%2F%2Flocalhost%3A8080%2Fv%2F{id}")).await;
    assert_eq!(xml.status, StatusCode::NOT_IMPLEMENTED);
    let page = house.get(None, &format!("/v/{id}")).await;
    // Without a built web app there is no page to put the tags into, and the server says so.
    match page.status {
        StatusCode::OK => {
            assert!(page.text().contains("property=\"og:image\""), "{}", page.text());
            assert!(!page.text().contains("<script>alert"), "{}", page.text());
        }
        status => assert_eq!((status, page.json()["code"].as_str()), (StatusCode::SERVICE_UNAVAILABLE, Some("no_web_app"))),
    }
    house.app.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stream_tells_of_ones_own_uploads() {
    use http_body_util::BodyExt as _;
    let house = TestApp::with(|settings| settings.media.workers = 1).await;
    let ada = house.sign_up("ada").await;
    let bytes = b"certainly not a video";
    let source = house.app.uploads.create(ada.id, bytes.len() as u64, media::upload::Metadata::default()).await.unwrap().id;
    let mut stream = house.open(&ada, "/v1/stream").await;
    house.app.uploads.append(source, ada.id, 0, &bytes[..]).await.unwrap();
    let asked =
        house.call(Some(&ada), "POST", "/v1/videos", Some(json!({ "upload": source.to_string(), "caption": "no" }))).await;
    assert_eq!(asked.status, StatusCode::CREATED, "{}", asked.text());
    let mut heard = String::new();
    while !(heard.contains("event: upload") && heard.contains("not_a_video") && heard.contains("event: inbox")) {
        let frame = stream.frame().await.unwrap().unwrap();
        heard.push_str(&String::from_utf8_lossy(frame.data_ref().unwrap()));
    }
    house.app.close().await.unwrap();
}
