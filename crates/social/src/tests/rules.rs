use super::*;

fn kinds(items: &[InboxItem]) -> Vec<Kind> {
    items.iter().map(|item| item.kind).collect()
}

#[tokio::test]
async fn liking_over_and_over_tells_the_creator_once() {
    let world = World::new(FAST).await;
    let (ada, bob) = (person(1), person(2));
    for _ in 0..3 {
        assert!(act!(world, like(ada, video(1), bob)).unwrap().changed);
        assert!(!act!(world, like(ada, video(1), bob)).unwrap().changed);
        assert!(act!(world, unlike(ada, video(1))).unwrap().changed);
    }
    let inbox = world.social.inbox(bob, None, 10).await.unwrap();
    assert_eq!(kinds(&inbox.items), [Kind::Like]);
    assert!(act!(world, like(bob, video(1), bob)).unwrap().notified.is_none(), "nobody is told of themselves");
    world.social.mark_read(bob).await.unwrap();
    assert_eq!(world.social.unread(bob).await.unwrap(), 0);
    assert!(world.social.inbox(bob, None, 10).await.unwrap().items[0].read);
}

#[tokio::test]
async fn an_answer_to_an_answer_joins_the_thread() {
    let world = World::new(FAST).await;
    let (ada, bob, eve) = (person(1), person(2), person(3));
    let first = world.write(ada, bob, "  first\n thing ").await;
    assert_eq!((first.text.as_str(), first.thread), ("first thing", None));
    let reply = world.answer(eve, bob, first.id).await.unwrap();
    assert_eq!(reply.notified, [ada, bob]);
    let deeper = world.answer(bob, bob, reply.comment.id).await.unwrap();
    assert_eq!((deeper.comment.thread, deeper.notified), (Some(first.id), vec![eve]));
    assert_eq!(world.social.one_comment(first.id, None).await.unwrap().reply_count, 2);
    let inbox = world.social.inbox(eve, None, 10).await.unwrap().items;
    assert_eq!((inbox[0].kind, inbox[0].text.as_deref()), (Kind::Reply, Some("an answer")));

    let other_video = NewComment { author: eve, video: video(2), creator: bob, text: "x", parent: Some(first.id) };
    assert!(matches!(act!(world, comment(other_video)), Err(SocialError::NotFound)));
}

#[tokio::test]
async fn comments_are_deleted_by_their_author_the_creator_and_operators_alone() {
    let world = World::new(FAST).await;
    let (ada, bob, eve) = (person(1), person(2), person(3));
    for (by, may) in
        [(Deleter::Person(eve), false), (Deleter::Person(ada), true), (Deleter::Person(bob), true), (Deleter::Operator, true)]
    {
        let written = world.write(ada, bob, "hello").await;
        world.answer(eve, bob, written.id).await.unwrap();
        let result = act!(world, delete_comment(written.id, by));
        match result {
            Ok(done) => {
                assert!(may && done.removed == 2 && world.social.one_comment(written.id, None).await.is_err(), "{by:?}")
            }
            Err(error) => assert!(!may && matches!(error, SocialError::NotAllowed), "{by:?}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_block_parts_two_people() {
    let world = World::new(FAST).await;
    let (ada, bob, eve) = (person(1), person(2), person(3));
    act!(world, follow(ada, bob)).unwrap();
    act!(world, follow(bob, ada)).unwrap();
    let under_eve = world.write(ada, eve, "ada was here").await;
    assert_eq!(world.social.unread(ada).await.unwrap(), 1);

    let done = act!(world, block(ada, bob)).unwrap();
    assert_eq!(done, Blocked { changed: true, unfollowed: vec![(ada, bob), (bob, ada)] });
    assert!(!act!(world, block(ada, bob)).unwrap().changed);
    assert_eq!(world.social.unread(ada).await.unwrap(), 0, "what bob did is no longer told");
    assert!(world.social.has_blocked(ada, bob).await.unwrap() && !world.social.has_blocked(bob, ada).await.unwrap());
    for (a, b) in [(ada, bob), (bob, ada)] {
        assert!(matches!(act!(world, follow(a, b)), Err(SocialError::Blocked)));
        assert!(matches!(act!(world, like(a, video(1), b)), Err(SocialError::Blocked)));
        let comment = NewComment { author: a, video: video(1), creator: b, text: "hi", parent: None };
        assert!(matches!(act!(world, comment(comment)), Err(SocialError::Blocked)));
    }
    assert!(matches!(world.answer(bob, eve, under_eve.id).await, Err(SocialError::Blocked)));
    assert!(matches!(act!(world, like_comment(bob, under_eve.id)), Err(SocialError::Blocked)));
    assert!(matches!(world.social.one_comment(under_eve.id, Some(bob)).await, Err(SocialError::NotFound)));
    assert_eq!(world.social.comments(video(1), Some(bob), None, 10).await.unwrap().items.len(), 0);
    assert_eq!(world.social.comments(video(1), Some(eve), None, 10).await.unwrap().items.len(), 1);

    assert!(act!(world, unblock(ada, bob)).unwrap());
    assert!(act!(world, follow(bob, ada)).unwrap().changed);
    assert!(matches!(act!(world, block(ada, ada)), Err(SocialError::Yourself)));
    assert!(matches!(act!(world, follow(ada, ada)), Err(SocialError::Yourself)));
}

#[tokio::test]
async fn a_thread_of_somebody_blocked_is_closed_even_through_a_third() {
    let world = World::new(FAST).await;
    let (ada, bob, eve, creator) = (person(1), person(2), person(3), person(4));
    let first = world.write(ada, creator, "mine").await;
    let reply = world.answer(eve, creator, first.id).await.unwrap().comment;
    act!(world, block(ada, bob)).unwrap();
    assert!(matches!(world.answer(bob, creator, reply.id).await, Err(SocialError::Blocked)));
}

#[tokio::test]
async fn too_fast_is_told_when_to_go_on() {
    let slow = Pace { count: 2, window_ms: 10_000 };
    let world = World::new(SocialRules { likes: slow, follows: slow, comments: slow, ..FAST }).await;
    let ada = person(1);
    for n in 0..2 {
        act!(world, like(ada, video(n), person(9))).unwrap();
        act!(world, follow(ada, person(n + 2))).unwrap();
        world.write(ada, person(9), "hello").await;
    }
    let new = NewComment { author: ada, video: video(1), creator: person(9), text: "hello", parent: None };
    assert!(matches!(act!(world, like(ada, video(5), person(9))), Err(SocialError::TooFast { retry_after_s: 10 })));
    assert!(matches!(act!(world, follow(ada, person(8))), Err(SocialError::TooFast { .. })));
    assert!(matches!(act!(world, comment(new.clone())), Err(SocialError::TooFast { .. })));
    assert!(!act!(world, like(ada, video(1), person(9))).unwrap().changed, "what is so already costs nothing");
    world.clock.advance_millis(10_000);
    assert!(act!(world, like(ada, video(5), person(9))).unwrap().changed);
    assert!(act!(world, comment(new)).is_ok());
}

#[tokio::test]
async fn following_and_blocking_have_an_end() {
    let world = World::new(SocialRules { following_max: 2, blocks_max: 1, ..FAST }).await;
    act!(world, follow(person(1), person(2))).unwrap();
    act!(world, follow(person(1), person(3))).unwrap();
    assert!(matches!(act!(world, follow(person(1), person(4))), Err(SocialError::TooMany("following"))));
    act!(world, block(person(1), person(5))).unwrap();
    assert!(matches!(act!(world, block(person(1), person(6))), Err(SocialError::TooMany("blocks"))));
}

#[tokio::test]
async fn an_inbox_holds_the_latest_five_hundred() {
    let world = World::new(FAST).await;
    let bob = person(0);
    let mut tx = world.tx().await;
    for n in 1..=(u64::from(INBOX_ITEMS_MAX) + 20) {
        world.clock.advance_millis(1);
        world.social.follow(&mut tx, person(n), bob).await.unwrap();
    }
    let refused = Notice { kind: Kind::VideoRefused, video: video(1), text: Some("not a video ".repeat(100)) };
    assert!(world.social.notify(&mut tx, bob, refused.clone()).await.unwrap());
    assert!(!world.social.notify(&mut tx, bob, refused).await.unwrap());
    tx.commit().await.unwrap();
    let inbox = world.social.inbox(bob, None, 1_000).await.unwrap().items;
    assert_eq!(inbox.len(), INBOX_ITEMS_MAX as usize);
    assert_eq!(inbox[0].text.as_ref().unwrap().chars().count(), 500);
    assert_eq!(inbox.last().unwrap().actor, Some(person(22)));
}
