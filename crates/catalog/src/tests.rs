use std::collections::BTreeMap;
use std::sync::Arc;

use base::{AccountId, ManualClock, SoundId, Timestamp};
use store::WriteTx;
use store::cursor::{Cursor, Page};

use super::*;

pub struct Bench {
    _dir: tempfile::TempDir,
    pub store: Store,
    pub clock: Arc<ManualClock>,
    pub catalog: Catalog,
}

const ADA: AccountId = AccountId::from_raw(1_000_001);
const BO: AccountId = AccountId::from_raw(1_000_002);

impl Bench {
    async fn new() -> Self {
        Self::with_cards(1_000).await
    }

    async fn with_cards(cards_max: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store.sqlite")).await.unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_700_000_000_000)));
        let catalog = Catalog::new(store.clone(), clock.clone(), Rng::from_seed(1), cards_max);
        Self { _dir: dir, store, clock, catalog }
    }

    async fn tx(&self) -> WriteTx {
        self.store.write().await.unwrap()
    }

    async fn create(&self, tx: &mut WriteTx, creator: AccountId, caption: &str, sound: SoundChoice) -> VideoId {
        let id = self.catalog.new_video_id();
        let new = NewVideo { id, creator, caption: caption.into(), sound, upload: None, kind: None };
        self.catalog.create(tx, new).await.unwrap();
        let media = Media {
            duration_ms: 5_000,
            width: 360,
            height: 640,
            color: Color(0x102030),
            manifest: "{}".into(),
            has_sound: true,
        };
        let changed = self.catalog.set_media(tx, id, &media).await.unwrap();
        drop(changed);
        id
    }

    /// A published video with a sound of its own.
    async fn publish(&self, creator: AccountId, caption: &str) -> VideoId {
        self.publish_with(creator, caption, SoundChoice::Own { title: "Original sound".into() }).await
    }

    async fn publish_with(&self, creator: AccountId, caption: &str, sound: SoundChoice) -> VideoId {
        let mut tx = self.tx().await;
        let id = self.create(&mut tx, creator, caption, sound).await;
        let evaluation = Evaluation { signature: vec![1, 2], features: vec![0.5, 0.25], duplicate_of: None };
        self.catalog.set_evaluation(&mut tx, id, &evaluation).await.unwrap();
        let (facts, changed) = self.catalog.publish(&mut tx, id).await.unwrap();
        assert_eq!((facts.video, facts.content.as_slice()), (id, [0.5, 0.25].as_slice()));
        tx.commit().await.unwrap();
        self.catalog.committed(changed);
        id
    }

    async fn remove(&self, id: VideoId) {
        let mut tx = self.tx().await;
        let changed = self.catalog.remove(&mut tx, id).await.unwrap();
        tx.commit().await.unwrap();
        self.catalog.committed(changed);
    }

    async fn set_caption(&self, id: VideoId, caption: &str) {
        let mut tx = self.tx().await;
        let changed = self.catalog.set_caption(&mut tx, id, caption).await.unwrap();
        tx.commit().await.unwrap();
        self.catalog.committed(changed);
    }

    async fn found(&self, query: &str) -> Vec<VideoId> {
        self.catalog.search_videos(query, None, 50, |_| 0.0).await.unwrap().items
    }
}

#[tokio::test]
async fn a_video_is_seen_only_while_it_is_published() {
    let bench = Bench::new().await;
    let mut tx = bench.tx().await;
    let own = SoundChoice::Own { title: "Rain".into() };
    let id = bench.create(&mut tx, ADA, "first #rain", own).await;
    assert!(bench.catalog.publish(&mut tx, id).await.is_err(), "evaluation comes before showing");
    tx.commit().await.unwrap();
    assert!(bench.catalog.card(id).await.is_err());
    assert!(bench.found("first").await.is_empty());
    bench.catalog.progress(id, Step::FirstRendition, 0.5);
    let video = bench.catalog.video(id).await.unwrap();
    assert_eq!((video.status, video.step, video.progress), (Status::Processing, Step::FirstRendition, 0.5));
    assert_eq!(bench.catalog.processing(None).await.unwrap().len(), 1);

    let mut tx = bench.tx().await;
    bench.catalog.set_evaluation(&mut tx, id, &Evaluation::default()).await.unwrap();
    let (facts, changed) = bench.catalog.publish(&mut tx, id).await.unwrap();
    assert!(bench.catalog.publish(&mut tx, id).await.is_err(), "once");
    tx.commit().await.unwrap();
    bench.catalog.committed(changed);
    assert_eq!(
        (facts.hashtags.as_slice(), facts.words.as_slice()),
        (["rain".to_string()].as_slice(), ["first", "rain"].map(String::from).as_slice())
    );
    let card = bench.catalog.card(id).await.unwrap();
    let sound = card.sound.clone().unwrap();
    assert_eq!(
        (card.caption.as_str(), sound.title.as_str(), sound.creator, Some(sound.id)),
        ("first #rain", "Rain", ADA, facts.sound)
    );
    assert_eq!(bench.catalog.facts(id).await.unwrap(), facts);
    assert_eq!(bench.catalog.hashtag("Rain").await.unwrap().video_count, 1);

    let mut tx = bench.tx().await;
    let changed = bench.catalog.take_down(&mut tx, id).await.unwrap();
    tx.commit().await.unwrap();
    bench.catalog.committed(changed);
    assert!(bench.catalog.card(id).await.is_err());
    assert!(bench.found("first").await.is_empty());
    assert!(bench.catalog.sound(sound.id).await.is_err());
    assert_eq!(bench.catalog.hashtag("rain").await.unwrap().video_count, 0);

    let mut tx = bench.tx().await;
    let (again, changed) = bench.catalog.restore(&mut tx, id).await.unwrap();
    tx.commit().await.unwrap();
    bench.catalog.committed(changed);
    assert_eq!(again.published_at, facts.published_at);
    assert_eq!(bench.found("first").await, [id]);
    assert_eq!(bench.catalog.card(id).await.unwrap().sound.as_ref().unwrap().title, "Rain");
}

#[tokio::test]
async fn a_refusal_keeps_its_reason_and_nothing_else() {
    let bench = Bench::new().await;
    let mut tx = bench.tx().await;
    let id = bench.create(&mut tx, ADA, "hm", SoundChoice::Own { title: "x".into() }).await;
    let refusal = Refusal { code: "not_a_video".into(), message: "This is not a video.".into() };
    bench.catalog.refuse(&mut tx, id, &refusal).await.unwrap();
    assert!(bench.catalog.set_evaluation(&mut tx, id, &Evaluation::default()).await.is_err());
    tx.commit().await.unwrap();
    let video = bench.catalog.video(id).await.unwrap();
    assert_eq!((video.status, video.refusal, video.manifest.as_str()), (Status::Refused, Some(refusal), ""));
    assert_eq!(bench.catalog.uploads_of(ADA, Cursor::TOP, 10).await.unwrap().items.len(), 1);
    let mut tx = bench.tx().await;
    let unknown = NewVideo {
        id: bench.catalog.new_video_id(),
        creator: ADA,
        caption: String::new(),
        sound: SoundChoice::Existing(SoundId::from_raw(1)),
        upload: None,
        kind: None,
    };
    assert!(matches!(bench.catalog.create(&mut tx, unknown).await, Err(CatalogError::NoSuchSound(_))));
}

#[tokio::test]
async fn what_failed_because_of_us_can_begin_again() {
    let bench = Bench::new().await;
    let mut tx = bench.tx().await;
    let id = bench.catalog.new_video_id();
    let sound = SoundChoice::Own { title: "x".into() };
    let upload = Some(base::UploadId::from_raw(5));
    bench.catalog.create(&mut tx, NewVideo { id, creator: ADA, caption: "c".into(), sound, upload, kind: None }).await.unwrap();
    assert!(!bench.catalog.resume(&mut tx, id).await.unwrap());
    let refusal = Refusal { code: "failed".into(), message: "Our side.".into() };
    bench.catalog.suspend(&mut tx, id, &refusal).await.unwrap();
    assert!(bench.catalog.resume(&mut tx, id).await.unwrap());
    tx.commit().await.unwrap();
    let video = bench.catalog.video(id).await.unwrap();
    assert_eq!((video.status, video.refusal, video.upload), (Status::Processing, None, upload));
    let mut tx = bench.tx().await;
    bench.catalog.refuse(&mut tx, id, &refusal).await.unwrap();
    assert!(!bench.catalog.resume(&mut tx, id).await.unwrap(), "the source is gone");
}

#[tokio::test]
async fn cards_follow_every_change_and_stay_bounded() {
    let bench = Bench::with_cards(20).await;
    let mut ids = Vec::new();
    for n in 0..60 {
        ids.push(bench.publish(ADA, &format!("number {n}")).await);
    }
    let captions = |cards: Vec<Arc<Card>>| cards.iter().map(|card| card.caption.clone()).collect::<Vec<_>>();
    for chunk in ids.chunks(7) {
        bench.catalog.cards(chunk).await.unwrap();
        assert!(bench.catalog.cards.len() <= 20, "{}", bench.catalog.cards.len());
    }
    let asked = [ids[5], VideoId::from_raw(1), ids[3], ids[5]];
    for _ in 0..2 {
        assert_eq!(captions(bench.catalog.cards(&asked).await.unwrap()), ["number 5", "number 3", "number 5"]);
    }
    bench.set_caption(ids[3], "changed #new").await;
    assert_eq!(bench.catalog.card(ids[3]).await.unwrap().hashtags, ["new"]);
    assert_eq!(bench.found("changed").await, [ids[3]]);
    assert!(!bench.found("number 3").await.contains(&ids[3]));
    bench.remove(ids[3]).await;
    assert_eq!(captions(bench.catalog.cards(&asked).await.unwrap()), ["number 5", "number 5"]);
    assert_eq!(bench.catalog.hashtag("new").await.unwrap().video_count, 0);
    assert_eq!(bench.catalog.top_hashtags(10).await.unwrap(), []);
}

#[tokio::test]
async fn what_was_read_before_a_change_is_not_kept_after_it() {
    let bench = Bench::new().await;
    let id = bench.publish(ADA, "old").await;
    let stale = bench.catalog.card(id).await.unwrap();
    let as_of = bench.catalog.cards.stand();
    bench.set_caption(id, "new").await;
    bench.catalog.cards.keep([stale].into_iter(), as_of);
    assert_eq!(bench.catalog.card(id).await.unwrap().caption, "new");
}

#[tokio::test]
async fn sounds_are_used_by_others_and_forget_their_maker() {
    let bench = Bench::new().await;
    let first = bench.publish_with(ADA, "a", SoundChoice::Own { title: "雨声 slow".into() }).await;
    let sound = bench.catalog.card(first).await.unwrap().sound.clone().unwrap().id;
    bench.clock.advance_millis(1);
    let second = bench.publish_with(BO, "b", SoundChoice::Existing(sound)).await;
    assert_eq!(bench.catalog.sound(sound).await.unwrap().video_count, 2);
    assert_eq!(bench.catalog.top_sounds(5).await.unwrap()[0].id, sound);
    assert_eq!(bench.catalog.search_sounds("雨声", None, 5).await.unwrap().items[0].id, sound);
    assert_eq!(bench.catalog.first_video_of(sound).await.unwrap(), Some(first));
    assert_eq!(bench.catalog.videos_with_sound(sound, Cursor::TOP, 9).await.unwrap().items, [second, first]);
    assert_eq!(bench.catalog.card(second).await.unwrap().sound.as_ref().unwrap().creator, ADA);

    let mut tx = bench.tx().await;
    bench.catalog.put_person(&mut tx, ADA, "ada", "Ada Lovelace").await.unwrap();
    let (gone, changed) = bench.catalog.delete_account(&mut tx, ADA).await.unwrap();
    tx.commit().await.unwrap();
    bench.catalog.committed(changed);
    assert_eq!(gone, [first]);
    let left = bench.catalog.sound(sound).await.unwrap();
    assert_eq!((left.creator, left.title.as_str(), left.video_count), (AccountId::from_raw(0), "", 1));
    assert_eq!(bench.catalog.card(second).await.unwrap().sound.as_ref().unwrap().creator, AccountId::from_raw(0));
    assert_eq!(bench.catalog.first_video_of(sound).await.unwrap(), None);
    let texts = ["lovelace", "雨声", "雨 雨声"];
    assert_eq!(store::trace::mentions(&bench.store, &[ADA.sql(), first.sql()], &texts).await.unwrap(), Vec::<String>::new());
    bench.remove(second).await;
    assert!(bench.catalog.sound(sound).await.is_err(), "nobody uses it any more");
}

#[tokio::test]
async fn a_repetition_is_one_only_while_the_original_is_there() {
    let bench = Bench::new().await;
    let original = bench.publish(ADA, "original").await;
    let mut tx = bench.tx().await;
    let copy = bench.create(&mut tx, BO, "copy", SoundChoice::Own { title: "x".into() }).await;
    let evaluation = Evaluation { duplicate_of: Some(original), ..Evaluation::default() };
    bench.catalog.set_evaluation(&mut tx, copy, &evaluation).await.unwrap();
    let (facts, changed) = bench.catalog.publish(&mut tx, copy).await.unwrap();
    tx.commit().await.unwrap();
    bench.catalog.committed(changed);
    assert_eq!(facts.duplicate_of, Some(original));
    assert_eq!(bench.catalog.card(copy).await.unwrap().duplicate_of, Some(original));
    bench.remove(original).await;
    assert_eq!(bench.catalog.card(copy).await.unwrap().duplicate_of, None);
    let signatures = bench.catalog.signatures(None).await.unwrap();
    assert_eq!(signatures, [(copy, vec![])]);
    assert!(bench.catalog.signatures(Some(copy)).await.unwrap().is_empty());
}

#[tokio::test]
async fn search_in_english_and_chinese() {
    let bench = Bench::new().await;
    let rain = bench.publish(ADA, "Slow rain on a tin roof #calm").await;
    let fractal = bench.publish(ADA, "Fractals zoom, École d'été").await;
    let cat = bench.publish(BO, "我家的猫在看视频 #猫咪").await;
    let train = bench.publish(BO, "raining trains #calm #raindrop").await;
    let check = async |query: &str, expected: &[VideoId]| assert_eq!(bench.found(query).await, expected, "{query:?}");
    check("SLOW", &[rain]).await;
    check("roof slow", &[rain]).await;
    check("slow nothing", &[]).await;
    check("fractal", &[fractal]).await;
    check("ecole", &[fractal]).await;
    check("视频", &[cat]).await;
    check("看视频", &[cat]).await;
    check("视", &[cat]).await;
    check("频视", &[]).await;
    check("猫咪", &[cat]).await;
    // The whole word counts more than its beginning in another one.
    check("rain", &[rain, train]).await;
    check("#calm rain", &[rain, train]).await;
    check("aining", &[]).await;
    for hostile in [
        "\"",
        "'",
        "\"\"",
        "*",
        "a*",
        "(",
        ")",
        "((a)",
        "NEAR(",
        "NEAR(a b, 5)",
        "caption:slow",
        "-slow",
        "^slow",
        "slow OR",
        "OR",
        "AND",
        "NOT",
        "a AND NOT b",
        "\0",
        "slow\0",
        "{caption}",
        "slow; DROP TABLE videos",
        "\u{202e}",
        "%",
        "_",
        "\\",
        "+",
        "🎬",
        "#",
        "@",
    ] {
        bench.catalog.search_videos(hostile, None, 10, |_| 0.0).await.unwrap();
        bench.catalog.search_people(hostile, None, 10, |_| 0.0).await.unwrap();
        bench.catalog.search_sounds(hostile, None, 10).await.unwrap();
        bench.catalog.search_hashtags(hostile, None, 10).await.unwrap();
        bench.catalog.suggest_queries(hostile, 10).await.unwrap();
    }
    let hashtags = bench.catalog.search_hashtags("ca", None, 10).await.unwrap().items;
    assert_eq!(hashtags, [Hashtag { hashtag: "calm".into(), video_count: 2 }]);
    assert_eq!(bench.catalog.search_hashtags("猫", None, 10).await.unwrap().items[0].hashtag, "猫咪");
    assert_eq!(bench.catalog.suggest_queries("slow rai", 5).await.unwrap(), ["slow rain", "slow raindrop", "slow raining"]);
    assert_eq!(bench.catalog.suggest_queries("rain ", 5).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn popularity_and_freshness_settle_equal_texts() {
    let bench = Bench::new().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(bench.publish(ADA, "tie").await);
        bench.clock.advance_millis(86_400_000);
    }
    assert_eq!(bench.found("tie").await, [ids[2], ids[1], ids[0]]);
    let popular = ids[0];
    let popularity = move |id| if id == popular { 1.0 } else { 0.0 };
    assert_eq!(bench.catalog.search_videos("tie", None, 9, popularity).await.unwrap().items, [ids[0], ids[2], ids[1]]);
}

#[tokio::test]
async fn people_are_found_by_handle_and_name() {
    let bench = Bench::new().await;
    let mut tx = bench.tx().await;
    bench.catalog.put_person(&mut tx, ADA, "ada_l", "Ada Lovelace").await.unwrap();
    bench.catalog.put_person(&mut tx, BO, "bo", "小波").await.unwrap();
    tx.commit().await.unwrap();
    let check = async |query: &str, expected: &[AccountId]| {
        assert_eq!(bench.catalog.search_people(query, None, 9, |_| 0.0).await.unwrap().items, expected, "{query}");
    };
    check("ad", &[ADA]).await;
    check("lovel", &[ADA]).await;
    check("小波", &[BO]).await;
    check("波", &[BO]).await;
    let mut tx = bench.tx().await;
    bench.catalog.put_person(&mut tx, ADA, "countess", "C").await.unwrap();
    bench.catalog.remove_person(&mut tx, BO).await.unwrap();
    tx.commit().await.unwrap();
    check("ada", &[]).await;
    check("countess", &[ADA]).await;
    check("bo", &[]).await;
}

/// Pages through a list while videos appear and disappear: what was there all the time is seen exactly once, in order.
#[tokio::test]
async fn lists_lose_and_repeat_nothing_while_they_change() {
    for seed in 0..6 {
        let bench = Bench::new().await;
        let mut rng = Rng::from_seed(seed);
        let mut stable = Vec::new();
        let mut fleeting = Vec::new();
        for n in 0..40 {
            let id = bench.publish(ADA, "#a").await;
            if n % 4 == 0 {
                fleeting.push(id)
            } else {
                stable.push(id)
            }
            // Some share their millisecond: the id settles their order.
            bench.clock.advance_millis(rng.below(2) as i64);
        }
        let mut seen: BTreeMap<&str, Vec<VideoId>> = BTreeMap::new();
        let mut cursors: BTreeMap<&str, Option<Cursor>> =
            ["creator", "hashtag", "newest", "search", "uploads"].map(|name| (name, Some(Cursor::TOP))).into();
        bench.clock.advance_millis(1);
        while cursors.values().any(Option::is_some) {
            for (name, cursor) in &mut cursors {
                let Some(after) = *cursor else { continue };
                let limit = 1 + rng.below(7) as u32;
                let page = match *name {
                    "creator" => bench.catalog.videos_of_creator(ADA, after, limit).await.unwrap(),
                    "hashtag" => bench.catalog.videos_with_hashtag("a", after, limit).await.unwrap(),
                    "newest" => bench.catalog.newest(after, limit).await.unwrap(),
                    "uploads" => bench.catalog.uploads_of(ADA, after, limit).await.unwrap().map(|video| video.id),
                    // Search stands on a moment: nothing is removed under it here, only added.
                    _ => {
                        let after = Some(after).filter(|c| *c != Cursor::TOP);
                        let Page { items, next } = bench.catalog.search_videos("a", after, limit, |_| 0.0).await.unwrap();
                        Page { items: items.into_iter().filter(|id| stable.contains(id)).collect(), next }
                    }
                };
                seen.entry(name).or_default().extend(page.items);
                *cursor = page.next;
            }
            bench.clock.advance_millis(1);
            bench.publish(ADA, "#a").await;
            let searching = cursors["search"].is_some();
            if let Some(id) = (!searching && rng.chance(0.5)).then(|| fleeting.pop()).flatten() {
                bench.remove(id).await;
            }
        }
        for (name, mut ids) in seen {
            let all = ids.len();
            ids.retain(|id| stable.contains(id));
            let mut unique = ids.clone();
            unique.sort_unstable();
            unique.dedup();
            assert_eq!((unique.len(), ids.len()), (stable.len(), stable.len()), "{name}, seed {seed}, {all} seen");
        }
    }
}

#[tokio::test]
async fn cards_are_looked_up_by_id_however_many_are_published() {
    let bench = Bench::new().await;
    let plan = format!("EXPLAIN QUERY PLAN {}1, 2)", crate::cache::SELECT_CARDS);
    let rows: Vec<(i64, i64, i64, String)> =
        sqlx::query_as(sqlx::AssertSqlSafe(plan)).fetch_all(bench.store.read()).await.unwrap();
    assert_eq!(rows[0].3, "SEARCH v USING INTEGER PRIMARY KEY (rowid=?)");
}
