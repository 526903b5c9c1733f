use store::trace;

use super::*;

#[tokio::test]
async fn deleting_an_account_leaves_no_row_that_mentions_it_and_right_counts() {
    let world = World::new(FAST).await;
    let (ada, bob, eve) = (person(1), person(2), person(3));
    let (hers, his, unknown) = (video(1), video(2), video(3));
    act!(world, follow(ada, bob)).unwrap();
    act!(world, follow(eve, ada)).unwrap();
    act!(world, block(ada, person(4))).unwrap();
    act!(world, block(person(5), ada)).unwrap();
    act!(world, like(ada, his, bob)).unwrap();
    act!(world, like(eve, his, bob)).unwrap();
    act!(world, like(eve, hers, ada)).unwrap();
    act!(world, like(eve, unknown, ada)).unwrap();
    act!(world, save(ada, his)).unwrap();
    act!(world, save(eve, hers)).unwrap();
    act!(world, not_interested(ada, his)).unwrap();
    let under_hers = world.write(eve, ada, "under hers").await;
    act!(world, like_comment(bob, under_hers.id)).unwrap();
    let write = async |author, parent| {
        let new = NewComment { author, video: his, creator: bob, text: "words of ada", parent };
        act!(world, comment(new)).unwrap().comment
    };
    let thread = write(ada, None).await;
    write(eve, Some(thread.id)).await;
    let kept = write(eve, None).await;
    write(ada, Some(kept.id)).await;
    act!(world, like_comment(ada, kept.id)).unwrap();

    let before = trace::mentions(&world.store, &[ada.sql()], &["words of ada"]).await.unwrap();
    assert!(before.len() >= 14, "the test reaches every table: {before:?}");
    let export = world.social.export(ada).await.unwrap();
    assert_eq!((export.following.len(), export.followers.len(), export.liked.len(), export.comments.len()), (1, 1, 1, 2));
    assert_eq!((export.saved.len(), export.blocked.len(), export.liked_comments.len()), (1, 1, 1));

    act!(world, delete_account(ada, &[hers])).unwrap();
    // Eve's words stay, but not in the thread that Ada began.
    assert_eq!(
        trace::mentions(&world.store, &[ada.sql(), hers.sql(), unknown.sql()], &[]).await.unwrap(),
        Vec::<String>::new()
    );
    let counts = world.social.video_counts(&[his]).await.unwrap()[&his];
    assert_eq!(counts, VideoCounts { likes: 1, saves: 0, comments: 1 });
    let left = world.social.one_comment(kept.id, None).await.unwrap();
    assert_eq!((left.reply_count, left.like_count), (0, 0));
    assert_eq!(world.social.person_counts(bob).await.unwrap(), PersonCounts { followers: 0, following: 0, likes: 1 });
    assert_eq!(world.social.person_counts(eve).await.unwrap(), PersonCounts::default());
}
