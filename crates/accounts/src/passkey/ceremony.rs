//! Ceremonies under way: a bounded table in memory. A restart asks again, which costs a person one more tap.

use std::collections::HashMap;

use base::{AccountId, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use webauthn_rp::DiscoverableAuthenticationServerState;
use webauthn_rp::request::register::RegistrationServerState;

use crate::{AccountsError, secret};

/// How long an answer is waited for.
const CEREMONY_MS: i64 = 5 * 60_000;
/// Ceremonies under way at once.
const CEREMONIES_MAX: usize = 10_000;

pub(super) enum Pending {
    Registration { account: AccountId, state: RegistrationServerState<16> },
    SignIn(DiscoverableAuthenticationServerState),
}

#[derive(Default)]
pub(super) struct Ceremonies {
    under_way: Mutex<HashMap<String, (Timestamp, Pending)>>,
}

impl Ceremonies {
    /// Remembers a ceremony and names it.
    pub fn begin(&self, pending: Pending, now: Timestamp) -> Result<String, AccountsError> {
        let id = URL_SAFE_NO_PAD.encode(secret::<16>()?);
        let mut under_way = self.under_way.lock();
        if under_way.len() >= CEREMONIES_MAX {
            under_way.retain(|_, (until, _)| now < *until);
        }
        if under_way.len() >= CEREMONIES_MAX {
            return Err(AccountsError::Busy);
        }
        under_way.insert(id.clone(), (now.plus_millis(CEREMONY_MS), pending));
        Ok(id)
    }

    /// Takes the ceremony out: it is over, whatever the answer is worth. None when it is unknown, over or too old.
    pub fn end(&self, id: &str, now: Timestamp) -> Option<Pending> {
        let (until, pending) = self.under_way.lock().remove(id)?;
        (now < until).then_some(pending)
    }
}
