use super::*;

#[tokio::test]
async fn signing_up_opens_a_session_and_keeps_no_secret() {
    let world = World::new().await;
    let ada = world.sign_up(" @Ada ").await;
    assert_eq!((ada.account.handle.as_str(), ada.account.display_name.as_str()), ("ada", "ada"));
    assert_eq!((ada.account.age_band, ada.account.role), (AgeBand::Adult, Role::Person));
    assert!(ada.account.has_password && ada.account.passkey_count == 0);
    let session = world.whose(&ada.token).await.unwrap();
    assert_eq!((session.account, session.viewer), (ada.account.id, ada.account.viewer));
    assert_eq!(world.whose("made-up").await, None);
    let kept = store::trace::mentions(&world.store, &[1990], &[&ada.token, PASSWORD]).await.unwrap();
    assert!(kept.is_empty(), "{kept:?}");
    assert_eq!(world.accounts.by_handle("@ADA").await.unwrap(), ada.account);
}

#[tokio::test]
async fn all_that_is_wrong_is_said_at_once() {
    let world = World::new().await;
    let bad = SignUp { password: "short".into(), display_name: Some("x".repeat(99)), ..form("a b") };
    let Err(AccountsError::Invalid(issues)) = world.accounts.sign_up(bad, &from("10.0.0.1")).await else { panic!() };
    let codes: Vec<_> = issues.iter().map(|i| i.code).collect();
    assert_eq!(codes, ["handle_characters", "display_name_length", "password_length"]);
    let child = SignUp { birth_year: 2014, ..form("kid") };
    assert!(matches!(world.accounts.sign_up(child, &from("10.0.0.1")).await, Err(AccountsError::TooYoung)));
    world.sign_up("ada").await;
    assert!(matches!(world.accounts.sign_up(form("ADA"), &from("10.0.0.1")).await, Err(AccountsError::HandleTaken)));
}

#[tokio::test]
async fn a_failed_sign_in_costs_and_says_the_same_whether_or_not_the_handle_exists() {
    let world = World::with(|c| c.limits.handle_and_address = BucketRule { burst: 3, refill_ms: 60_000 }).await;
    world.sign_up("ada").await;
    for handle in ["ada", "nobody"] {
        let before = world.accounts.hasher.made();
        for attempt in 0..5 {
            let result = world.accounts.sign_in(handle, "wrong password", &from("10.0.0.9")).await;
            match result {
                Err(AccountsError::SignInFailed) => assert!(attempt < 3, "{handle}: attempt {attempt}"),
                Err(AccountsError::TooManyAttempts { retry_after_s: 60 }) => assert!(attempt >= 3, "{handle}: {attempt}"),
                other => panic!("{handle}: {other:?}"),
            }
        }
        assert_eq!(world.accounts.hasher.made() - before, 3, "{handle}: one hash for each attempt that was let through");
    }
    let late = world.accounts.sign_in("ada", PASSWORD, &from("10.0.0.9")).await;
    assert!(matches!(late, Err(AccountsError::TooManyAttempts { .. })), "the right password does not get past the limit");
    assert!(world.accounts.sign_in("ada", PASSWORD, &from("10.0.0.8")).await.is_ok(), "its owner elsewhere is not locked out");
    world.clock.advance_millis(60_000);
    assert!(world.accounts.sign_in("ada", PASSWORD, &from("10.0.0.9")).await.is_ok());
}

#[tokio::test]
async fn one_address_cannot_try_all_handles() {
    let world = World::with(|c| c.limits.address = BucketRule { burst: 5, refill_ms: 10_000 }).await;
    for n in 0..5 {
        let result = world.accounts.sign_in(&format!("user{n}"), "wrong password", &from("10.0.0.9")).await;
        assert!(matches!(result, Err(AccountsError::SignInFailed)));
    }
    let result = world.accounts.sign_in("user9", "wrong password", &from("10.0.0.9")).await;
    assert!(matches!(result, Err(AccountsError::TooManyAttempts { .. })));
}

#[tokio::test]
async fn honest_sign_ins_are_not_counted() {
    let world = World::with(|c| c.limits.handle_and_address = BucketRule { burst: 2, refill_ms: 60_000 }).await;
    world.sign_up("ada").await;
    for _ in 0..6 {
        world.accounts.sign_in("Ada", PASSWORD, &from("10.0.0.1")).await.unwrap();
    }
}

#[tokio::test]
async fn sign_ups_from_one_address_are_limited() {
    let world = World::with(|c| c.limits.sign_up = BucketRule { burst: 1, refill_ms: 60_000 }).await;
    world.sign_up("ada").await;
    let second = world.accounts.sign_up(form("bob"), &from("10.0.0.1")).await;
    assert!(matches!(second, Err(AccountsError::TooManyAttempts { .. })));
}

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions() {
    let world = World::new().await;
    let here = world.sign_up("ada").await;
    let there = world.accounts.sign_in("ada", PASSWORD, &from("10.0.0.2")).await.unwrap();
    let me = world.whose(&here.token).await.unwrap();
    assert!(world.whose(&there.token).await.is_some());
    let wrong = world.accounts.change_password(&me, "not it", "another long one").await;
    assert!(matches!(wrong, Err(AccountsError::WrongPassword)));
    let weak = world.accounts.change_password(&me, PASSWORD, "xx-ada-xx").await;
    assert!(matches!(weak, Err(AccountsError::Invalid(issues)) if issues[0].field == "new"));
    world.accounts.change_password(&me, PASSWORD, "another long one").await.unwrap();
    assert!(world.whose(&here.token).await.is_some());
    assert_eq!(world.whose(&there.token).await, None);
    assert!(matches!(world.accounts.sign_in("ada", PASSWORD, &from("10.0.0.2")).await, Err(AccountsError::SignInFailed)));
    assert!(world.accounts.sign_in("ada", "another long one", &from("10.0.0.2")).await.is_ok());
}

#[tokio::test]
async fn a_password_hashed_with_older_parameters_is_hashed_anew() {
    let world = World::new().await;
    world.sign_up("ada").await;
    let stronger = Config {
        hashing: HashRules { memory_kib: 128, passes: 1, lanes: 1, at_once: 2, waiting_max: 64 },
        ..Config::new("http://localhost:8080")
    };
    let key = ViewerKey::from_bytes([9; 32]);
    let later = Accounts::new(world.store.clone(), world.clock.clone(), Rng::from_seed(2), key, stronger).await.unwrap();
    later.sign_in("ada", PASSWORD, &from("10.0.0.1")).await.unwrap();
    let kept: String = sqlx::query_scalar("SELECT password_hash FROM accounts").fetch_one(world.store.read()).await.unwrap();
    assert!(kept.contains("m=128"), "{kept}");
    later.sign_in("ada", PASSWORD, &from("10.0.0.1")).await.unwrap();
}

#[tokio::test]
async fn an_account_adopts_the_pseudonym_its_owner_watched_under() {
    let world = World::new().await;
    let viewer = world.accounts.new_viewer();
    let token = world.accounts.viewer_token(viewer);
    assert_eq!(world.accounts.viewer_of(&token), Some(viewer));
    let ada = world.accounts.sign_up(SignUp { viewer: Some(viewer), ..form("ada") }, &from("10.0.0.1")).await.unwrap();
    assert_eq!(ada.account.viewer, viewer);
    assert_eq!(world.accounts.viewer_of(&token), None, "the cookie no longer speaks for what is an account's now");
    let bob = world.accounts.sign_up(SignUp { viewer: Some(viewer), ..form("bob") }, &from("10.0.0.1")).await.unwrap();
    assert_ne!(bob.account.viewer, viewer, "an account's pseudonym cannot be adopted again");

    let key = ViewerKey::from_bytes([9; 32]);
    let config = Config::new("http://localhost:8080");
    let restarted = Accounts::new(world.store.clone(), world.clock.clone(), Rng::from_seed(3), key, config).await.unwrap();
    assert_eq!(restarted.viewer_of(&token), None, "also after a restart");
}

#[tokio::test]
async fn the_house_makes_accounts_without_limits_and_with_reserved_handles() {
    let world = World::with(|c| c.limits.sign_up = BucketRule { burst: 1, refill_ms: 60_000 }).await;
    let new = |handle: &str| NewAccount {
        handle: handle.into(),
        display_name: Some("Ops".into()),
        bio: "runs it".into(),
        password: PASSWORD.into(),
        birth_year: 1980,
        language: Some(Language::En),
        role: Role::Operator,
    };
    let operator = world.accounts.create(new("operator")).await.unwrap();
    assert_eq!((operator.role, operator.bio.as_str()), (Role::Operator, "runs it"));
    world.accounts.create(new("operator2")).await.unwrap();
    assert!(matches!(world.accounts.create(new("operator")).await, Err(AccountsError::HandleTaken)));
    assert!(world.accounts.sign_in("operator", PASSWORD, &from("10.0.0.1")).await.is_ok());
    let first = world.accounts.all_after(None, 1).await.unwrap();
    let second = world.accounts.all_after(Some(first[0].id), 10).await.unwrap();
    assert!(first.len() == 1 && second.len() == 1 && first[0].id != second[0].id);
}
