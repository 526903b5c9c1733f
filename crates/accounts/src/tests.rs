//! The service against a real database file.

pub(crate) mod authenticator;
mod leaving;
mod sessions;
mod signing;

use std::net::IpAddr;
use std::sync::Arc;

use base::{ManualClock, Rng, Timestamp};
use store::Store;

use crate::*;

/// 2026-03-01T00:00:00Z.
pub(crate) const START_MS: i64 = 1_772_323_200_000;
pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const HOUR_MS: i64 = 3_600_000;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;

pub(crate) struct World {
    _dir: tempfile::TempDir,
    pub store: Store,
    pub clock: Arc<ManualClock>,
    pub accounts: Accounts,
}

impl World {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(adjust: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store.sqlite")).await.unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(START_MS)));
        let mut config = Config::new("http://localhost:8080");
        config.hashing = HashRules { memory_kib: 64, passes: 1, lanes: 1, at_once: 2, waiting_max: 64 };
        adjust(&mut config);
        let key = ViewerKey::from_bytes([9; 32]);
        let accounts = Accounts::new(store.clone(), clock.clone(), Rng::from_seed(1), key, config).await.unwrap();
        Self { _dir: dir, store, clock, accounts }
    }

    pub async fn sign_up(&self, handle: &str) -> SignedIn {
        self.accounts.sign_up(form(handle), &from("10.0.0.1")).await.unwrap()
    }

    pub async fn whose(&self, token: &str) -> Option<SignedInSession> {
        self.accounts.session(token).await.unwrap()
    }
}

pub(crate) fn form(handle: &str) -> SignUp {
    SignUp {
        handle: handle.into(),
        password: PASSWORD.into(),
        birth_year: 1990,
        display_name: None,
        language: None,
        viewer: None,
    }
}

pub(crate) fn from(address: &str) -> Arrival {
    Arrival { address: address.parse::<IpAddr>().unwrap(), user_agent: "Firefox/140 (Linux)".into(), previous: None }
}
