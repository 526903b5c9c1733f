//! Who people are: accounts, passwords, passkeys, sessions, and the pseudonyms of those who only watch.
//!
//! [`Accounts`] is the service. It knows nothing of HTTP: tokens come in and go out as text, an address as an [`IpAddr`].
//!
//! Invariants:
//! - a secret is stored only as what checks it: argon2id for passwords, SHA-256 for session tokens, the public key of a passkey;
//! - a failed sign-in says nothing: an unknown handle costs the same hash, counts against the same limits and gives the same error;
//! - a viewer pseudonym is believed only if this service signed it, and never once an account has adopted it;
//! - of a birth year only the age band is kept; nobody under 13 has an account;
//! - deleting an account leaves no row that mentions it.
//!
//! Must never: put handles, addresses or tokens into logs or errors; hash on the async threads; keep a user agent.

mod account;
mod age;
mod avatar;
mod device;
mod error;
mod leave;
mod limits;
mod passkey;
mod password;
mod profile;
mod rules;
mod session;
mod sign;
mod viewer;

use std::sync::Arc;

use base::{Clock, Id, IdMaker, Rng, Timestamp};
use parking_lot::Mutex;
use store::Store;

pub use account::{Account, Language, NewAccount, PreparedAccount, Role};
pub use age::AgeBand;
pub use avatar::{AVATAR_BYTES_MAX, AVATAR_PIXELS};
pub use error::{AccountsError, Issue, PasskeyRefusal};
pub use leave::{AccountExport, Deleted, PasskeyExport, SessionExport};
pub use limits::{BucketRule, LimitRules};
pub use passkey::{Ceremony, Passkey};
pub use password::HashRules;
pub use profile::{ProfileChange, Updated};
pub use rules::{BIO_CHARS_MAX, DISPLAY_NAME_CHARS_MAX, HANDLE_CHARS_MAX, HANDLE_CHARS_MIN, color_of};
pub use session::{Arrival, SessionInfo, SignedIn, SignedInSession};
pub use sign::SignUp;
pub use viewer::{FeedSettings, FeedSettingsChange, ViewerKey};

/// What an operator can choose.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where people reach us, for example `http://localhost:8080`: passkeys are bound to its host and accepted from this
    /// origin alone.
    pub public_url: String,
    pub hashing: HashRules,
    pub limits: LimitRules,
}

impl Config {
    pub fn new(public_url: impl Into<String>) -> Self {
        Self { public_url: public_url.into(), hashing: HashRules::default(), limits: LimitRules::default() }
    }
}

/// The accounts of this region.
pub struct Accounts {
    store: Store,
    clock: Arc<dyn Clock>,
    ids: Mutex<IdMaker>,
    rng: Mutex<Rng>,
    hasher: password::Hasher,
    limits: limits::Limits,
    viewer_key: ViewerKey,
    /// The pseudonyms that belong to accounts, 16 bytes or so each: no cookie may claim one of them.
    adopted: Mutex<std::collections::HashSet<base::ViewerId>>,
    sessions: session::Cache,
    passkeys: passkey::RelyingParty,
    avatars: tokio::sync::Semaphore,
}

impl Accounts {
    /// `rng` makes ids and pseudonyms; secrets come from the operating system.
    pub async fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        rng: Rng,
        viewer_key: ViewerKey,
        config: Config,
    ) -> Result<Self, AccountsError> {
        let adopted = viewer::adopted(&store).await?;
        Ok(Self {
            ids: Mutex::new(IdMaker::new(rng.child("ids"))),
            rng: Mutex::new(rng.child("viewers")),
            hasher: password::Hasher::new(config.hashing)?,
            limits: limits::Limits::new(config.limits),
            viewer_key,
            adopted: Mutex::new(adopted),
            sessions: session::Cache::default(),
            passkeys: passkey::RelyingParty::new(&config.public_url)?,
            avatars: tokio::sync::Semaphore::new(avatar::AT_ONCE),
            store,
            clock,
        })
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn next_id<T: Id>(&self) -> T {
        self.ids.lock().next(self.now())
    }
}

/// Bytes that nobody can guess, from the operating system.
fn secret<const N: usize>() -> Result<[u8; N], AccountsError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| AccountsError::Internal("the operating system gives no randomness".into()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
