//! Up to where the log must have been learned for a viewer's next page to know what they just did.

use base::ViewerId;
use eventlog::{Offset, Partition};
use hashbrown::HashMap;
use parking_lot::Mutex;

/// Viewers remembered; when full, it begins anew, and their next pages wait for nothing.
const VIEWERS_MAX: usize = 100_000;

/// The newest acknowledged event of each viewer, until a page has waited for it. A page waits for its own viewer's events, not
/// for everybody's.
#[derive(Default)]
pub(crate) struct Acknowledged(Mutex<HashMap<ViewerId, (Partition, Offset)>>);

impl Acknowledged {
    /// The viewer's events before `next` are on disk.
    pub fn note(&self, viewer: ViewerId, partition: Partition, next: Offset) {
        let mut newest = self.0.lock();
        if newest.len() >= VIEWERS_MAX {
            newest.clear();
        }
        let place = newest.entry(viewer).or_insert((partition, next));
        *place = (*place).max((partition, next));
    }

    pub fn of(&self, viewer: ViewerId) -> Option<(Partition, Offset)> {
        self.0.lock().get(&viewer).copied()
    }

    /// What was noted up to `place` has been learned.
    pub fn learned(&self, viewer: ViewerId, place: (Partition, Offset)) {
        let mut newest = self.0.lock();
        if newest.get(&viewer).is_some_and(|noted| *noted <= place) {
            newest.remove(&viewer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stands_until_it_is_learned() {
        let (viewer, at) = (ViewerId::from_raw(1), |offset| (Partition(0), Offset(offset)));
        let acknowledged = Acknowledged::default();
        acknowledged.note(viewer, Partition(0), Offset(7));
        acknowledged.note(viewer, Partition(0), Offset(5));
        assert_eq!(acknowledged.of(viewer), Some(at(7)));
        acknowledged.learned(viewer, at(6));
        assert_eq!(acknowledged.of(viewer), Some(at(7)), "something newer came meanwhile");
        acknowledged.learned(viewer, at(7));
        assert_eq!(acknowledged.of(viewer), None);
    }
}
