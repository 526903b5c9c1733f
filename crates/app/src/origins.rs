//! Where viewers come from, without their addresses: what the learner needs to hold everybody behind one network to a share.
//!
//! A network (/24, or /48 of IPv6) becomes a number by a keyed hash. The key is drawn at the start and anew each day, and lives in
//! this process's memory alone: the log's numbers lead to no address, and a number means nothing the next day. Each viewer's number is told to
//! the log when it is news.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use base::{Timestamp, ViewerId};
use hashbrown::HashMap;
use parking_lot::Mutex;

const DAY_MS: i64 = 24 * 3_600_000;
/// Viewers of whom it is remembered what was told; beyond them all are told again. 32 bytes each.
const VIEWERS_MAX: usize = 1_000_000;

#[derive(Default)]
pub(crate) struct Origins(Mutex<Day>);

#[derive(Default)]
struct Day {
    number: i64,
    key: RandomState,
    told: HashMap<ViewerId, u64>,
}

impl Origins {
    /// The viewer's origin, if the log does not know it yet. It counts as told from here on.
    pub fn news(&self, viewer: ViewerId, address: IpAddr, now: Timestamp) -> Option<u64> {
        let mut day = self.0.lock();
        let number = now.as_millis().div_euclid(DAY_MS);
        if day.number != number || day.told.len() >= VIEWERS_MAX {
            *day = Day { number, ..Day::default() };
        }
        let origin = network(address).map_or(0, |network| day.key.hash_one(network).max(1));
        let before = day.told.insert(viewer, origin);
        // Of whom nothing is known, nothing needs to be said.
        (before.unwrap_or(0) != origin).then_some(origin)
    }

    /// It could not be told.
    pub fn forget(&self, viewer: ViewerId) {
        self.0.lock().told.remove(&viewer);
    }
}

/// What one subscriber or house has at its disposal; none for this machine itself, through which a proxy may come that is not known as one.
fn network(address: IpAddr) -> Option<IpAddr> {
    let network = match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & !0xff)),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !(u128::MAX >> 48))),
    };
    (!address.to_canonical().is_loopback()).then_some(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_one_number_for_a_day_and_told_once() {
        let (origins, mut viewers) = (Origins::default(), 0);
        let day = |number: i64| Timestamp::from_millis(number * DAY_MS + 5);
        let mut of = |address: &str, at: Timestamp| {
            viewers += 1;
            let (viewer, address) = (ViewerId::from_raw(viewers), address.parse().unwrap());
            let origin = origins.news(viewer, address, at);
            assert_eq!(origins.news(viewer, address, at), None, "told once");
            origin
        };
        let house = of("203.0.113.7", day(1)).unwrap();
        assert_eq!(of("203.0.113.99", day(1)), Some(house));
        assert_eq!(of("::ffff:203.0.113.8", day(1)), Some(house));
        assert_ne!(of("203.0.114.7", day(1)), Some(house));
        let six = of("2001:db8:1:2::5", day(1)).unwrap();
        assert_eq!(of("2001:db8:1:ffff::1", day(1)), Some(six));
        assert_ne!(of("2001:db8:2::1", day(1)), Some(six));
        assert_eq!([of("127.0.0.1", day(1)), of("::1", day(1))], [None; 2]);
        assert_ne!(of("203.0.113.7", day(2)), Some(house), "another key each day");
        assert_ne!(Origins::default().news(ViewerId::from_raw(1), "203.0.113.7".parse().unwrap(), day(1)), Some(house));
    }

    #[test]
    fn who_moves_is_told_again() {
        let (origins, viewer) = (Origins::default(), ViewerId::from_raw(1));
        let news = |address: &str| origins.news(viewer, address.parse().unwrap(), Timestamp::from_millis(0));
        let home = news("203.0.113.7");
        assert!(home.is_some() && news("198.51.100.1").is_some_and(|away| Some(away) != home));
        assert_eq!([news("127.0.0.1"), news("127.0.0.1")], [Some(0), None], "to where nothing is known");
        assert_eq!(news("203.0.113.9"), home);
        origins.forget(viewer);
        assert_eq!(news("203.0.113.9"), home, "it had not been told");
    }
}
