use serde_json::Value;

use crate::tests::authenticator::Authenticator;
use crate::tests::{World, from};
use crate::*;

fn refusal<T: std::fmt::Debug>(result: Result<T, AccountsError>) -> PasskeyRefusal {
    match result {
        Err(AccountsError::Passkey(why)) => why,
        other => panic!("not refused as a passkey: {other:?}"),
    }
}

async fn sign_in(world: &World, ceremony: &Ceremony, response: &Value) -> Result<SignedIn, AccountsError> {
    world.accounts.finish_passkey_sign_in(&ceremony.id, response.to_string().as_bytes(), &from("10.0.0.1")).await
}

async fn begin(world: &World) -> Ceremony {
    world.accounts.begin_passkey_sign_in(&from("10.0.0.1")).await.unwrap()
}

#[tokio::test]
async fn a_passkey_signs_in_without_name_or_password() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await.account;
    let mut authenticator = Authenticator::new(1);
    let made = authenticator.register(&world.accounts, ada.id).await.unwrap();
    assert_eq!(made.name, "Chrome on Windows");
    assert_eq!(world.accounts.get(ada.id).await.unwrap().passkey_count, 1);

    for _ in 0..2 {
        let ceremony = begin(&world).await;
        let signed_in = sign_in(&world, &ceremony, &authenticator.get(&ceremony.public_key)).await.unwrap();
        assert_eq!(signed_in.account.id, ada.id);
        assert_eq!(world.whose(&signed_in.token).await.unwrap().account, ada.id);
    }
    let listed = world.accounts.passkeys(ada.id).await.unwrap();
    assert!(listed.len() == 1 && listed[0].id == made.id && listed[0].last_used.is_some());

    let bob = world.sign_up("bob").await.account;
    assert!(matches!(world.accounts.delete_passkey(bob.id, &made.id).await, Err(AccountsError::NotFound)));
    world.accounts.delete_passkey(ada.id, &made.id).await.unwrap();
    let ceremony = begin(&world).await;
    let after = sign_in(&world, &ceremony, &authenticator.get(&ceremony.public_key)).await;
    assert_eq!(refusal(after), PasskeyRefusal::Unknown);
}

#[tokio::test]
async fn the_options_ask_for_a_discoverable_verified_key_of_this_host() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await.account;
    let made = Authenticator::new(1).register(&world.accounts, ada.id).await.unwrap();
    let options = world.accounts.begin_passkey_registration(ada.id).await.unwrap().public_key;
    assert_eq!(options["rp"]["id"], "localhost");
    assert_eq!(options["user"]["name"], "ada");
    assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
    assert_eq!(options["excludeCredentials"][0]["id"], made.id);
    assert!(options["extensions"].get("credentialProtectionPolicy").is_none(), "{options}");
    let asked = begin(&world).await.public_key;
    assert_eq!((&asked["rpId"], &asked["userVerification"]), (&"localhost".into(), &"required".into()));
}

#[tokio::test]
async fn another_origin_or_challenge_is_refused() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await.account;
    let mut authenticator = Authenticator::new(1);
    for origin in ["http://localhost:9090", "https://localhost:8080", "http://localhost", "http://evil.example"] {
        authenticator.origin = origin.into();
        assert_eq!(refusal(authenticator.register(&world.accounts, ada.id).await), PasskeyRefusal::Unverified, "{origin}");
    }
    authenticator.origin = "http://localhost:8080".into();
    authenticator.register(&world.accounts, ada.id).await.unwrap();

    authenticator.origin = "http://evil.example".into();
    let ceremony = begin(&world).await;
    let phished = sign_in(&world, &ceremony, &authenticator.get(&ceremony.public_key)).await;
    assert_eq!(refusal(phished), PasskeyRefusal::Unverified);

    authenticator.origin = "http://localhost:8080".into();
    let (one, other) = (begin(&world).await, begin(&world).await);
    let crossed = sign_in(&world, &other, &authenticator.get(&one.public_key)).await;
    assert_eq!(refusal(crossed), PasskeyRefusal::Unverified, "an answer to another question");
}

#[tokio::test]
async fn a_ceremony_ends_with_its_first_answer_or_after_five_minutes() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await.account;
    let mut authenticator = Authenticator::new(1);
    authenticator.register(&world.accounts, ada.id).await.unwrap();

    let ceremony = begin(&world).await;
    let answer = authenticator.get(&ceremony.public_key);
    sign_in(&world, &ceremony, &answer).await.unwrap();
    assert_eq!(refusal(sign_in(&world, &ceremony, &answer).await), PasskeyRefusal::Ceremony, "replayed");

    let ceremony = begin(&world).await;
    assert_eq!(refusal(sign_in(&world, &ceremony, &"nonsense".into()).await), PasskeyRefusal::Malformed);
    let late = sign_in(&world, &ceremony, &authenticator.get(&ceremony.public_key)).await;
    assert_eq!(refusal(late), PasskeyRefusal::Ceremony, "a wrong answer ends it as well");

    let ceremony = begin(&world).await;
    world.clock.advance_millis(5 * 60_000);
    let late = sign_in(&world, &ceremony, &authenticator.get(&ceremony.public_key)).await;
    assert_eq!(refusal(late), PasskeyRefusal::Ceremony);

    let registration = world.accounts.begin_passkey_registration(ada.id).await.unwrap();
    let mixed = sign_in(&world, &registration, &authenticator.get(&ceremony.public_key)).await;
    assert_eq!(refusal(mixed), PasskeyRefusal::Ceremony, "a registration is no sign-in");
}

#[tokio::test]
async fn a_registration_belongs_to_who_began_it() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("ada").await.account, world.sign_up("bob").await.account);
    let ceremony = world.accounts.begin_passkey_registration(ada.id).await.unwrap();
    let answer = Authenticator::new(1).create(&ceremony.public_key).to_string();
    let stolen = world.accounts.finish_passkey_registration(bob.id, &ceremony.id, answer.as_bytes(), "").await;
    assert_eq!(refusal(stolen), PasskeyRefusal::Ceremony);

    Authenticator::new(2).register(&world.accounts, ada.id).await.unwrap();
    let again = Authenticator::new(2).register(&world.accounts, bob.id).await;
    assert_eq!(refusal(again), PasskeyRefusal::Duplicate);
}

#[tokio::test]
async fn another_key_or_a_tampered_answer_is_refused() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await.account;
    let mut authenticator = Authenticator::new(1);
    authenticator.register(&world.accounts, ada.id).await.unwrap();

    let ceremony = begin(&world).await;
    let genuine = authenticator.get(&ceremony.public_key);
    let mut imposter = Authenticator::new(2);
    imposter.create(&world.accounts.begin_passkey_registration(ada.id).await.unwrap().public_key);
    imposter.credential = authenticator.credential.clone();
    assert_eq!(refusal(sign_in(&world, &ceremony, &imposter.get(&ceremony.public_key)).await), PasskeyRefusal::Unverified);

    for field in ["authenticatorData", "signature", "userHandle"] {
        let ceremony = begin(&world).await;
        let mut answer = authenticator.get(&ceremony.public_key);
        answer["response"][field] = genuine["response"][field].clone();
        if field == "userHandle" {
            answer["response"][field] = "AAAAAAAAAAAAAAAAAAAAAA".into();
        }
        assert_eq!(refusal(sign_in(&world, &ceremony, &answer).await), PasskeyRefusal::Unverified, "{field}");
    }
}

#[tokio::test]
async fn a_counter_that_goes_back_tells_of_a_copied_key() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await.account;
    let mut authenticator = Authenticator::new(1);
    authenticator.register(&world.accounts, ada.id).await.unwrap();
    let ceremony = begin(&world).await;
    sign_in(&world, &ceremony, &authenticator.get(&ceremony.public_key)).await.unwrap();

    authenticator.counter -= 1;
    let ceremony = begin(&world).await;
    let copied = sign_in(&world, &ceremony, &authenticator.get(&ceremony.public_key)).await;
    assert_eq!(refusal(copied), PasskeyRefusal::Cloned);
    let ceremony = begin(&world).await;
    assert!(sign_in(&world, &ceremony, &authenticator.get(&ceremony.public_key)).await.is_ok(), "the one ahead still works");
}

#[tokio::test]
async fn beginning_ceremonies_is_limited() {
    let world = World::with(|c| c.limits.ceremony = BucketRule { burst: 2, refill_ms: 5_000 }).await;
    begin(&world).await;
    begin(&world).await;
    let third = world.accounts.begin_passkey_sign_in(&from("10.0.0.1")).await;
    assert!(matches!(third, Err(AccountsError::TooManyAttempts { retry_after_s: 5 })));
}

#[test]
fn the_relying_party_follows_the_public_url() {
    fn check(url: &str, expected: Option<(&str, &str)>) {
        let party = super::RelyingParty::new(url).unwrap();
        let found = party.site.as_ref().map(|site| (site.id.as_ref(), site.origin.as_str()));
        assert_eq!(found, expected, "{url}");
    }
    check("http://localhost:8080", Some(("localhost", "http://localhost:8080")));
    check("https://Example.com/", Some(("example.com", "https://example.com")));
    check("https://clips.example.com:443", Some(("clips.example.com", "https://clips.example.com")));
    check("http://127.0.0.1:8080", None);
    check("http://[::1]:8080", None);
    for bad in ["localhost:8080", "ftp://example.com", "https://", "https://a@example.com", "https://example.com/path"] {
        assert!(super::RelyingParty::new(bad).is_err(), "{bad}");
    }
}
