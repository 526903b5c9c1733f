use super::*;

#[tokio::test]
async fn sessions_are_listed_and_ended_by_their_owner_alone() {
    let world = World::new().await;
    let first = world.sign_up("ada").await;
    world.clock.advance_millis(1_000);
    let phone = Arrival { user_agent: "iPhone Safari/18".into(), ..from("10.0.0.2") };
    let second = world.accounts.sign_in("ada", PASSWORD, &phone).await.unwrap();
    let bob = world.sign_up("bob").await;
    let ada = first.account.id;
    let listed = world.accounts.sessions(ada).await.unwrap();
    let devices: Vec<_> = listed.iter().map(|s| (s.id, s.device.as_str())).collect();
    assert_eq!(devices, [(second.session, "Safari on iPhone"), (first.session, "Firefox on Linux")]);

    let theft = world.accounts.end_session(bob.account.id, first.session).await;
    assert!(matches!(theft, Err(AccountsError::NotFound)));
    assert!(world.whose(&first.token).await.is_some());
    world.accounts.end_session(ada, first.session).await.unwrap();
    assert_eq!(world.whose(&first.token).await, None, "ended at once, though it was believed a moment ago");

    let third = world.accounts.sign_in("ada", PASSWORD, &phone).await.unwrap();
    assert!(world.whose(&third.token).await.is_some() && world.whose(&second.token).await.is_some());
    world.accounts.end_other_sessions(ada, second.session).await.unwrap();
    assert_eq!(world.whose(&third.token).await, None);
    assert!(world.whose(&second.token).await.is_some() && world.whose(&bob.token).await.is_some());
}

#[tokio::test]
async fn signing_in_ends_the_session_that_the_browser_had() {
    let world = World::new().await;
    let old = world.sign_up("ada").await;
    assert!(world.whose(&old.token).await.is_some());
    let again = Arrival { previous: Some(old.token.clone()), ..from("10.0.0.1") };
    let new = world.accounts.sign_in("ada", PASSWORD, &again).await.unwrap();
    assert_ne!((old.session, &old.token), (new.session, &new.token));
    assert_eq!(world.whose(&old.token).await, None);
    assert!(world.whose(&new.token).await.is_some());
}

#[tokio::test]
async fn a_session_ends_unused_after_thirty_days_and_in_any_case_after_half_a_year() {
    let world = World::new().await;
    let idle = world.sign_up("ada").await;
    world.clock.advance_millis(30 * DAY_MS - 1);
    assert!(world.whose(&idle.token).await.is_some());
    world.clock.advance_millis(30 * DAY_MS);
    assert_eq!(world.whose(&idle.token).await, None);

    let used = world.accounts.sign_in("ada", PASSWORD, &from("10.0.0.1")).await.unwrap();
    for _ in 0..17 {
        world.clock.advance_millis(10 * DAY_MS);
        assert!(world.whose(&used.token).await.is_some());
    }
    world.clock.advance_millis(10 * DAY_MS);
    assert_eq!(world.whose(&used.token).await, None);
    let rows: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM sessions").fetch_one(world.store.read()).await.unwrap();
    assert_eq!(rows, 0, "what ended is gone");
}

#[tokio::test]
async fn last_seen_is_written_at_most_every_five_minutes() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let seen = async || world.accounts.sessions(ada.account.id).await.unwrap()[0].last_seen.as_millis() - START_MS;
    for (at_minute, expected_minute) in [(1, 0), (4, 0), (6, 6), (9, 6), (12, 12)] {
        let now = START_MS + at_minute * 60_000;
        world.clock.advance_millis(now - base::Clock::now(&*world.clock).as_millis());
        assert!(world.whose(&ada.token).await.is_some());
        assert_eq!(seen().await, expected_minute * 60_000, "minute {at_minute}");
    }
}

#[tokio::test]
async fn an_account_has_a_bounded_number_of_sessions() {
    let world = World::new().await;
    let first = world.sign_up("ada").await;
    for _ in 0..50 {
        world.clock.advance_millis(1_000);
        world.accounts.sign_in("ada", PASSWORD, &from("10.0.0.1")).await.unwrap();
    }
    assert_eq!(world.accounts.sessions(first.account.id).await.unwrap().len(), 50);
    assert_eq!(world.whose(&first.token).await, None, "the one unseen for longest gave way");
}

#[tokio::test]
async fn a_new_handle_or_role_is_seen_at_once() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    world.sign_up("bob").await;
    assert_eq!(world.whose(&ada.token).await.unwrap().handle, "ada");

    let mut tx = world.store.write().await.unwrap();
    let taken = ProfileChange { handle: Some("Bob".into()), ..Default::default() };
    let refused = world.accounts.update(&mut tx, ada.account.id, taken).await;
    assert!(matches!(refused, Err(AccountsError::HandleTaken)));
    drop(tx);

    let mut tx = world.store.write().await.unwrap();
    let change = ProfileChange {
        handle: Some("ada.l".into()),
        bio: Some("counts".into()),
        language: Some(Some(Language::Zh)),
        private_likes: Some(true),
        feed: FeedSettingsChange { surprise: Some(0.25), learning_paused: Some(true) },
        ..Default::default()
    };
    let updated = world.accounts.update(&mut tx, ada.account.id, change).await.unwrap();
    tx.commit().await.unwrap();
    world.accounts.profile_changed(ada.account.id);
    assert_eq!((updated.old_handle.as_deref(), updated.learning_paused_changed), (Some("ada"), Some(true)));
    assert_eq!(updated.settings, FeedSettings { surprise: 0.25, learning_paused: true });
    assert_eq!(world.whose(&ada.token).await.unwrap().handle, "ada.l");
    assert_eq!(world.accounts.get(ada.account.id).await.unwrap(), updated.account);
    assert_eq!(world.accounts.feed_settings(ada.account.viewer).await.unwrap(), updated.settings);

    world.accounts.set_role(ada.account.id, Role::Operator).await.unwrap();
    assert_eq!(world.whose(&ada.token).await.unwrap().role, Role::Operator);

    let mut tx = world.store.write().await.unwrap();
    let bad = FeedSettingsChange { surprise: Some(f32::NAN), learning_paused: None };
    assert!(matches!(world.accounts.set_feed_settings(&mut tx, ada.account.viewer, bad).await, Err(AccountsError::Invalid(_))));
}
