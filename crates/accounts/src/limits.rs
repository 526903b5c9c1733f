//! Limits on guessing: token buckets in memory, by who is tried from where.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::net::{IpAddr, Ipv6Addr};

use base::Timestamp;
use parking_lot::Mutex;

use crate::AccountsError;

/// The most buckets kept; beyond it those nearest to full are forgotten first.
const BUCKETS_MAX: usize = 100_000;

/// A bucket: `burst` attempts at once, then one every `refill_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BucketRule {
    pub burst: u32,
    pub refill_ms: u32,
}

/// How often what may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitRules {
    /// Failed sign-ins with one handle from one address.
    pub handle_and_address: BucketRule,
    /// Failed sign-ins from one address, whatever the handle.
    pub address: BucketRule,
    /// Accounts made from one address.
    pub sign_up: BucketRule,
    /// Passkey ceremonies begun from one address.
    pub ceremony: BucketRule,
    /// Wrong passwords of somebody who is signed in and must give it again.
    pub password_again: BucketRule,
}

impl Default for LimitRules {
    fn default() -> Self {
        Self {
            handle_and_address: BucketRule { burst: 8, refill_ms: 60_000 },
            address: BucketRule { burst: 60, refill_ms: 10_000 },
            sign_up: BucketRule { burst: 40, refill_ms: 60_000 },
            ceremony: BucketRule { burst: 60, refill_ms: 5_000 },
            password_again: BucketRule { burst: 8, refill_ms: 60_000 },
        }
    }
}

/// What is being limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt<'a> {
    HandleFrom(&'a str, IpAddr),
    From(IpAddr),
    SignUp(IpAddr),
    Ceremony(IpAddr),
    PasswordAgain(base::AccountId),
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Attempts left, in thousandths.
    left_milli: i64,
    at: Timestamp,
    rule: BucketRule,
}

impl Bucket {
    fn refilled(mut self, now: Timestamp) -> Self {
        let since_ms = now.millis_since(self.at).max(0);
        let gained = since_ms.saturating_mul(1_000) / i64::from(self.rule.refill_ms.max(1));
        // Time that made no whole thousandth stays owed.
        if gained > 0 || since_ms == 0 {
            self.left_milli = self.left_milli.saturating_add(gained).min(i64::from(self.rule.burst) * 1_000);
            self.at = now;
        }
        self
    }

    fn is_full(&self) -> bool {
        self.left_milli >= i64::from(self.rule.burst) * 1_000
    }
}

pub(crate) struct Limits {
    rules: LimitRules,
    /// Keyed with a secret of this process: neither handles nor addresses are kept.
    key: RandomState,
    buckets: Mutex<HashMap<u64, Bucket>>,
}

impl Limits {
    pub fn new(rules: LimitRules) -> Self {
        Self { rules, key: RandomState::new(), buckets: Mutex::new(HashMap::new()) }
    }

    /// Takes one attempt, or tells when there is one again.
    pub fn take(&self, attempt: Attempt<'_>, now: Timestamp) -> Result<(), AccountsError> {
        let (key, rule) = self.place(attempt);
        let mut buckets = self.buckets.lock();
        if buckets.len() >= BUCKETS_MAX && !buckets.contains_key(&key) {
            make_room(&mut buckets, now);
        }
        let bucket = buckets.entry(key).or_insert(Bucket { left_milli: i64::from(rule.burst) * 1_000, at: now, rule });
        *bucket = bucket.refilled(now);
        if bucket.left_milli >= 1_000 {
            bucket.left_milli -= 1_000;
            return Ok(());
        }
        let wait_ms = (1_000 - bucket.left_milli) * i64::from(rule.refill_ms) / 1_000;
        Err(AccountsError::TooManyAttempts { retry_after_s: (wait_ms.max(0) as u64).div_ceil(1_000).max(1) })
    }

    /// Gives an attempt back that turned out to be honest.
    pub fn give_back(&self, attempt: Attempt<'_>) {
        let (key, rule) = self.place(attempt);
        if let Some(bucket) = self.buckets.lock().get_mut(&key) {
            bucket.left_milli = (bucket.left_milli + 1_000).min(i64::from(rule.burst) * 1_000);
        }
    }

    fn place(&self, attempt: Attempt<'_>) -> (u64, BucketRule) {
        fn place(key: &RandomState, parts: impl Hash, rule: BucketRule) -> (u64, BucketRule) {
            (key.hash_one(parts), rule)
        }
        match attempt {
            Attempt::HandleFrom(handle, address) => {
                place(&self.key, (0, handle, network(address)), self.rules.handle_and_address)
            }
            Attempt::From(address) => place(&self.key, (1, network(address)), self.rules.address),
            Attempt::SignUp(address) => place(&self.key, (2, network(address)), self.rules.sign_up),
            Attempt::Ceremony(address) => place(&self.key, (3, network(address)), self.rules.ceremony),
            Attempt::PasswordAgain(account) => place(&self.key, (4, account), self.rules.password_again),
        }
    }
}

/// One person holds a whole /64 of IPv6 addresses.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

/// Forgets buckets that are full again, which changes nothing; if that is not enough, a sixteenth of the rest, fullest first.
fn make_room(buckets: &mut HashMap<u64, Bucket>, now: Timestamp) {
    buckets.retain(|_, bucket| {
        *bucket = bucket.refilled(now);
        !bucket.is_full()
    });
    if buckets.len() < BUCKETS_MAX {
        return;
    }
    let mut by_left: Vec<(i64, u64)> = buckets.iter().map(|(key, bucket)| (bucket.left_milli, *key)).collect();
    by_left.sort_unstable_by(|a, b| b.cmp(a));
    for (_, key) in by_left.into_iter().take(BUCKETS_MAX / 16) {
        buckets.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn strict() -> Limits {
        Limits::new(LimitRules { address: BucketRule { burst: 2, refill_ms: 10_000 }, ..LimitRules::default() })
    }

    #[test]
    fn a_burst_then_a_trickle() {
        let limits = strict();
        let here = Attempt::From("10.0.0.1".parse().unwrap());
        assert!(limits.take(here, at(0)).is_ok());
        assert!(limits.take(here, at(0)).is_ok());
        assert!(matches!(limits.take(here, at(1)), Err(AccountsError::TooManyAttempts { retry_after_s: 10 })));
        assert!(matches!(limits.take(here, at(9_000)), Err(AccountsError::TooManyAttempts { retry_after_s: 1 })));
        assert!(limits.take(here, at(10_000)).is_ok());
        assert!(limits.take(here, at(10_000)).is_err());
        limits.give_back(here);
        assert!(limits.take(here, at(10_000)).is_ok());
        assert!(limits.take(Attempt::From("10.0.0.2".parse().unwrap()), at(10_000)).is_ok(), "another address");
        assert!(limits.take(here, at(5_000)).is_err(), "a clock that goes back gives nothing");
    }

    #[test]
    fn an_ipv6_network_counts_as_one() {
        let limits = strict();
        let from = |text: &str| limits.take(Attempt::From(text.parse().unwrap()), at(0)).is_ok();
        assert!(from("2001:db8::1") && from("2001:db8::2"));
        assert!(!from("2001:db8::3"));
        assert!(from("2001:db8:0:1::3"));
        assert!(from("::ffff:10.0.0.1") && from("10.0.0.1"));
        assert!(!from("10.0.0.1"), "a mapped address is the same address");
    }

    #[test]
    fn memory_is_bounded_and_the_worst_are_remembered() {
        let limits = strict();
        let worst = Attempt::From("9.9.9.9".parse().unwrap());
        for _ in 0..3 {
            let _ = limits.take(worst, at(0));
        }
        for n in 0..(BUCKETS_MAX as u32 + 5_000) {
            let _ = limits.take(Attempt::From(IpAddr::V4(n.into())), at(0));
        }
        assert!(limits.buckets.lock().len() <= BUCKETS_MAX);
        assert!(limits.take(worst, at(0)).is_err());
        let _ = limits.take(Attempt::From("8.8.8.8".parse().unwrap()), at(0));
    }
}
