//! Password hashing: argon2id, off the async threads, a few at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::{AccountsError, secret};

/// How hard hashing is and how much of it goes on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HashRules {
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
    /// Hashes computed at once; each takes `memory_kib`.
    pub at_once: usize,
    /// Callers that may wait for their turn; the next one is told that we are busy.
    pub waiting_max: usize,
}

impl Default for HashRules {
    /// OWASP Password Storage Cheat Sheet: argon2id with 19 MiB, 2 passes, 1 lane.
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2, lanes: 1, at_once: 2, waiting_max: 64 }
    }
}

pub(crate) struct Hasher {
    argon: Argon2<'static>,
    rules: HashRules,
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// A hash that no password has, with the same cost as a real one: what an unknown handle is checked against.
    nobody: String,
    made: AtomicU64,
}

/// Counts a waiting caller for as long as it waits, also when it gives up.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Hasher {
    pub fn new(rules: HashRules) -> Result<Self, AccountsError> {
        let params = Params::new(rules.memory_kib, rules.passes, rules.lanes, None)
            .map_err(|e| AccountsError::Internal(format!("argon2 cannot work with these parameters: {e}")))?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = phc(&argon, &secret::<32>()?)?;
        Ok(Self {
            argon,
            rules,
            turns: Arc::new(Semaphore::new(rules.at_once)),
            waiting: AtomicUsize::new(0),
            nobody,
            made: AtomicU64::new(0),
        })
    }

    /// The PHC string to keep for this password.
    pub async fn hash(&self, password: &str) -> Result<String, AccountsError> {
        let (argon, password) = (self.argon.clone(), password.as_bytes().to_vec());
        self.in_turn(move || phc(&argon, &password)).await?
    }

    /// Whether the password is the one behind `kept`. Without one the same work is done and the answer is no.
    pub async fn verify(&self, password: &str, kept: Option<&str>) -> Result<bool, AccountsError> {
        let known = kept.is_some();
        let kept = kept.unwrap_or(&self.nobody).to_owned();
        let (argon, password) = (self.argon.clone(), password.as_bytes().to_vec());
        let matches = self
            .in_turn(move || {
                let parsed = PasswordHash::new(&kept).map_err(|e| AccountsError::Internal(format!("stored hash: {e}")))?;
                Ok::<_, AccountsError>(argon.verify_password(&password, &parsed).is_ok())
            })
            .await??;
        Ok(known && matches)
    }

    /// True when `kept` was made with other parameters than those of today.
    pub fn is_outdated(&self, kept: &str) -> bool {
        let made_with = PasswordHash::new(kept).ok().and_then(|hash| Params::try_from(&hash).ok());
        made_with.is_none_or(|params| {
            (params.m_cost(), params.t_cost(), params.p_cost()) != (self.rules.memory_kib, self.rules.passes, self.rules.lanes)
        })
    }

    /// How many hashes were computed so far.
    #[cfg(test)]
    pub fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, AccountsError> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.rules.waiting_max {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(AccountsError::Busy);
        }
        let waiting = Waiting(&self.waiting);
        let turn = self.turns.clone().acquire_owned().await.map_err(|_| AccountsError::Busy)?;
        drop(waiting);
        self.made.fetch_add(1, Ordering::Relaxed);
        // The turn goes along: a caller that hangs up must not let more run at once.
        tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        })
        .await
        .map_err(|e| AccountsError::Internal(format!("hashing: {e}")))
    }
}

fn phc(argon: &Argon2<'_>, password: &[u8]) -> Result<String, AccountsError> {
    let salt = secret::<16>()?;
    let hash: PasswordHash =
        argon.hash_password_with_salt(password, &salt).map_err(|e| AccountsError::Internal(format!("hashing: {e}")))?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: HashRules = HashRules { memory_kib: 64, passes: 1, lanes: 1, at_once: 1, waiting_max: 2 };

    #[tokio::test]
    async fn a_hash_is_argon2id_and_knows_its_password() {
        let hasher = Hasher::new(QUICK).unwrap();
        let kept = hasher.hash("correct horse").await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{kept}");
        assert_ne!(kept, hasher.hash("correct horse").await.unwrap(), "salted");
        assert!(hasher.verify("correct horse", Some(&kept)).await.unwrap());
        assert!(!hasher.verify("correct house", Some(&kept)).await.unwrap());
        assert!(!hasher.verify("correct horse", None).await.unwrap());
        assert_eq!(hasher.made(), 5);
        assert!(!hasher.is_outdated(&kept));
        assert!(Hasher::new(HashRules { passes: 2, ..QUICK }).unwrap().is_outdated(&kept));
    }

    #[test]
    fn the_default_follows_owasp() {
        let rules = HashRules::default();
        assert_eq!((rules.memory_kib, rules.passes, rules.lanes), (19_456, 2, 1));
    }

    #[tokio::test]
    async fn waiting_is_bounded() {
        let hasher = Hasher::new(QUICK).unwrap();
        let turn = hasher.turns.clone().acquire_owned().await.unwrap();
        let (a, b, c) = (hasher.hash("one"), hasher.hash("two"), hasher.hash("three"));
        let release = async {
            // Polled last, when the others have taken their places.
            drop(turn);
        };
        let (a, b, c, ()) = tokio::join!(a, b, c, release);
        assert!(a.is_ok() && b.is_ok());
        assert!(matches!(c, Err(AccountsError::Busy)));
        assert!(hasher.hash("four").await.is_ok());
    }
}
