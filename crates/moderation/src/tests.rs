use std::sync::Arc;

use base::{AccountId, CommentId, ManualClock, Rng, Timestamp, VideoId};
use store::{Store, WriteTx, trace};

use crate::*;

struct World {
    _dir: tempfile::TempDir,
    store: Store,
    clock: Arc<ManualClock>,
    moderation: Moderation,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store.sqlite")).await.unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_772_323_200_000)));
        let moderation = Moderation::new(store.clone(), clock.clone(), Rng::from_seed(1));
        Self { _dir: dir, store, clock, moderation }
    }

    async fn tx(&self) -> WriteTx {
        self.clock.advance_millis(1);
        self.store.write().await.unwrap()
    }

    async fn report(&self, reporter: AccountId, subject: Subject, note: Option<&str>) -> Result<Reported, ModerationError> {
        let mut tx = self.tx().await;
        let new = NewReport { reporter, subject, reason: Reason::Spam, note };
        let reported = self.moderation.report(&mut tx, new).await;
        tx.commit().await.unwrap();
        reported
    }
}

fn person(n: u64) -> AccountId {
    AccountId::from_raw(1_000_000_007 * (n + 1))
}

fn video(n: u64) -> VideoId {
    VideoId::from_raw(2_000_000_011 * (n + 1))
}

#[tokio::test]
async fn somebody_reports_a_thing_once() {
    let world = World::new().await;
    let first = world.report(person(1), Subject::Video(video(1)), Some(" see\u{7} 0:07 ")).await.unwrap();
    let again = world.report(person(1), Subject::Video(video(1)), None).await.unwrap();
    assert!(first.changed && !again.changed && first.id == again.id);
    let other = world.report(person(2), Subject::Video(video(1)), None).await.unwrap();
    assert!(other.changed);
    // The same number means another thing as another subject.
    let same_number = CommentId::from_raw(video(1).raw());
    assert!(world.report(person(1), Subject::Comment(same_number), None).await.unwrap().changed);
    let long = "x".repeat(REPORT_NOTE_CHARS_MAX + 1);
    let refused = world.report(person(3), Subject::Person(person(1)), Some(&long)).await;
    assert!(matches!(refused, Err(ModerationError::Invalid { code: "note_length", .. })));

    let page = world.moderation.reports(None, None, 2).await.unwrap();
    assert_eq!(
        page.items.iter().map(|r| r.subject).collect::<Vec<_>>(),
        [Subject::Comment(same_number), Subject::Video(video(1))]
    );
    let rest = world.moderation.reports(None, page.next, 2).await.unwrap();
    assert_eq!((rest.items[0].id, rest.items[0].note.as_deref(), rest.next), (first.id, Some("see 0:07"), None));
}

#[tokio::test]
async fn reports_have_a_daily_end() {
    let world = World::new().await;
    for n in 0..100 {
        world.report(person(1), Subject::Video(video(n)), None).await.unwrap();
    }
    let refused = world.report(person(1), Subject::Video(video(100)), None).await;
    assert!(matches!(refused, Err(ModerationError::TooFast { .. })));
    assert!(!world.report(person(1), Subject::Video(video(3)), None).await.unwrap().changed);
    world.clock.advance_millis(24 * 3_600_000);
    assert!(world.report(person(1), Subject::Video(video(100)), None).await.unwrap().changed);
}

#[tokio::test]
async fn a_decision_changes_the_state_and_a_report_alone_hides_nothing() {
    let world = World::new().await;
    let reported = world.report(person(1), Subject::Video(video(1)), None).await.unwrap();
    assert!(world.moderation.removed(&[video(1)]).await.unwrap().is_empty());
    assert_eq!(world.moderation.open_reports().await.unwrap(), 1);

    let mut tx = world.tx().await;
    assert!(world.moderation.remove_video(&mut tx, video(1), Reason::Spam, person(9)).await.unwrap());
    assert!(!world.moderation.remove_video(&mut tx, video(1), Reason::Hate, person(8)).await.unwrap());
    assert!(world.moderation.decide(&mut tx, reported.id, ReportState::Upheld).await.unwrap());
    assert!(!world.moderation.decide(&mut tx, reported.id, ReportState::Upheld).await.unwrap());
    let unknown = world.moderation.decide(&mut tx, base::ReportId::from_raw(5), ReportState::Upheld).await;
    assert!(matches!(unknown, Err(ModerationError::NotFound)));
    tx.commit().await.unwrap();
    assert_eq!(world.moderation.removed(&[video(1), video(2)]).await.unwrap(), [video(1)].into());
    let removal = world.moderation.removal(video(1)).await.unwrap().unwrap();
    assert_eq!((removal.reason, removal.decided_by), (Reason::Spam, Some(person(9))), "the first decision stands");
    assert_eq!(world.moderation.open_reports().await.unwrap(), 0);
    assert_eq!(world.moderation.reports(Some(ReportState::Open), None, 9).await.unwrap().items.len(), 0);
    assert_eq!(world.moderation.reports(Some(ReportState::Upheld), None, 9).await.unwrap().items.len(), 1);

    let mut tx = world.tx().await;
    assert!(world.moderation.restore_video(&mut tx, video(1)).await.unwrap());
    assert!(!world.moderation.restore_video(&mut tx, video(1)).await.unwrap());
    tx.commit().await.unwrap();
    assert!(world.moderation.removed(&[video(1)]).await.unwrap().is_empty());
}

#[tokio::test]
async fn deleting_an_account_leaves_no_row_that_mentions_it() {
    let world = World::new().await;
    let (ada, hers, comment) = (person(1), video(1), CommentId::from_raw(77_777));
    world.report(ada, Subject::Video(video(2)), Some("I am ada")).await.unwrap();
    world.report(person(2), Subject::Person(ada), None).await.unwrap();
    world.report(person(2), Subject::Video(hers), None).await.unwrap();
    world.report(person(2), Subject::Comment(comment), None).await.unwrap();
    assert_eq!(world.moderation.export(ada).await.unwrap().len(), 1);
    let mut tx = world.tx().await;
    world.moderation.remove_video(&mut tx, hers, Reason::Spam, person(9)).await.unwrap();
    world.moderation.remove_video(&mut tx, video(2), Reason::Spam, ada).await.unwrap();
    tx.commit().await.unwrap();

    let numbers = [ada.sql(), hers.sql(), comment.sql()];
    let mut tx = world.tx().await;
    world.moderation.delete_account(&mut tx, ada, &[hers], &[comment]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(trace::mentions(&world.store, &numbers, &["I am ada"]).await.unwrap(), Vec::<String>::new());
    let left = world.moderation.reports(None, None, 9).await.unwrap().items;
    assert_eq!(left.len(), 1);
    assert_eq!(
        (left[0].reporter, left[0].subject),
        (None, Subject::Video(video(2))),
        "what they reported is still to be looked at"
    );
    assert!(world.moderation.removal(video(2)).await.unwrap().unwrap().decided_by.is_none());
}
