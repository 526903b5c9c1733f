use super::*;
use crate::tests::authenticator::Authenticator;

#[tokio::test]
async fn deleting_an_account_leaves_no_row_that_mentions_it() {
    let world = World::new().await;
    let ada = world.sign_up("ada.lovelace").await;
    let bob = world.sign_up("bob").await;
    Authenticator::new(1).register(&world.accounts, ada.account.id).await.unwrap();
    world.accounts.set_avatar(ada.account.id, Some("avatars/ada")).await.unwrap();
    let mut tx = world.store.write().await.unwrap();
    let change = FeedSettingsChange { surprise: Some(1.0), learning_paused: None };
    world.accounts.set_feed_settings(&mut tx, ada.account.viewer, change).await.unwrap();
    tx.commit().await.unwrap();

    let numbers = [ada.account.id.sql(), ada.account.viewer.sql()];
    let mentions = || store::trace::mentions(&world.store, &numbers, &["ada.lovelace", "avatars/ada"]);
    let before = mentions().await.unwrap();
    assert!(
        before.contains(&"passkeys.account".to_owned()) && before.contains(&"viewer_settings.viewer".to_owned()),
        "{before:?}"
    );

    let mut tx = world.store.write().await.unwrap();
    let deleted = world.accounts.delete(&mut tx, ada.account.id).await.unwrap();
    tx.commit().await.unwrap();
    world.accounts.profile_changed(ada.account.id);
    assert_eq!(
        deleted,
        Deleted { handle: "ada.lovelace".into(), viewer: ada.account.viewer, avatar: Some("avatars/ada".into()) }
    );
    assert_eq!(mentions().await.unwrap(), Vec::<String>::new());
    assert_eq!(world.whose(&ada.token).await, None);
    assert!(matches!(world.accounts.get(ada.account.id).await, Err(AccountsError::NotFound)));
    assert!(matches!(
        world.accounts.sign_in("ada.lovelace", PASSWORD, &from("10.0.0.1")).await,
        Err(AccountsError::SignInFailed)
    ));
    assert!(world.whose(&bob.token).await.is_some());
    let again = world.sign_up("ada.lovelace").await;
    assert_ne!(again.account.viewer, ada.account.viewer);
}

#[tokio::test]
async fn an_export_tells_everything_but_secrets() {
    let world = World::new().await;
    let teen = world.accounts.sign_up(SignUp { birth_year: 2011, ..form("teen") }, &from("10.0.0.1")).await.unwrap();
    let export = serde_json::to_value(world.accounts.export(teen.account.id).await.unwrap()).unwrap();
    assert_eq!(export["handle"], "teen");
    assert_eq!(export["age_band"], "13_15");
    assert_eq!(export["age_band_until_year"], 2029);
    assert_eq!(export["sessions"][0]["device"], "Firefox on Linux");
    let text = export.to_string();
    assert!(!text.contains("argon2") && !text.contains(&teen.token));
}

#[tokio::test]
async fn age_bands_move_on_and_then_forget_the_year() {
    let world = World::new().await;
    let teen = world.accounts.sign_up(SignUp { birth_year: 2011, ..form("teen") }, &from("10.0.0.1")).await.unwrap();
    let band = async || world.accounts.get(teen.account.id).await.unwrap().age_band;
    let until = async || {
        let year: Option<i32> =
            sqlx::query_scalar("SELECT age_band_until_year FROM accounts").fetch_one(world.store.read()).await.unwrap();
        year
    };
    assert_eq!((band().await, until().await), (AgeBand::From13To15, Some(2029)));
    world.clock.advance_millis(3 * 366 * DAY_MS);
    assert_eq!(band().await, AgeBand::From16To17, "read as of today, whether or not it was tidied");
    world.accounts.tidy().await.unwrap();
    assert_eq!((band().await, until().await), (AgeBand::From16To17, Some(2031)));
    world.clock.advance_millis(2 * 366 * DAY_MS);
    world.accounts.tidy().await.unwrap();
    assert_eq!((band().await, until().await), (AgeBand::Adult, None));
}
