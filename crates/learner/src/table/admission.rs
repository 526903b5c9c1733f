//! The admission filter: an id gets a row only when it has been sighted often enough within a window.
//!
//! Most ids are met once or twice and never again; a row for each would be most of the memory. Sightings are counted in a sketch of
//! fixed size: each id has three cells of one byte and its count is the least of them, of which only the least are raised (a count-min
//! sketch, Cormode and Muthukrishnan 2005, with the conservative update of Estan and Varghese 2002). It never counts too little;
//! where ids share all their cells it counts too much, and a row is made early. Two generations of half a window each: a sighting
//! counts for at least half a window and never for more than one.

use super::Field;
use crate::math::mix;

const CELLS_PER_KEY: usize = 3;
const GENERATIONS: usize = 2;

pub(crate) struct Sightings {
    /// Half windows since 1970.
    generation: u64,
    half_window_s: u64,
    /// The present generation and the one before.
    cells: [Vec<u8>; GENERATIONS],
}

/// A sketch as a snapshot holds it: the generation, the cells of each, and for each cell that is not zero the gap from the one before
/// and its count.
pub(crate) type SightingsImage = (u64, u64, [Vec<(u32, u8)>; GENERATIONS]);

impl Sightings {
    /// `bytes` are those of both generations together.
    pub fn new(bytes: usize, window_s: u64) -> Self {
        let cells = (bytes / GENERATIONS).clamp(64, 1 << 30).next_power_of_two();
        Self { generation: 0, half_window_s: (window_s / 2).max(1), cells: [vec![0; cells], vec![0; cells]] }
    }

    pub fn bytes(&self) -> usize {
        self.cells.iter().map(Vec::len).sum()
    }

    fn turn(&mut self, now_s: u32) {
        let generation = u64::from(now_s) / self.half_window_s;
        // Time that goes back counts as the present.
        if generation <= self.generation {
            return;
        }
        self.cells.swap(0, 1);
        self.cells[0].fill(0);
        if generation > self.generation + 1 {
            self.cells[1].fill(0);
        }
        self.generation = generation;
    }

    /// Counts a sighting and gives how many there are in the window, this one included; more than 255 are 255.
    pub fn sight(&mut self, field: Field, key: u64, now_s: u32) -> u8 {
        self.turn(now_s);
        let mask = self.cells[0].len() - 1;
        let first = mix(key ^ ((field as u64 + 1) << 56));
        let second = mix(first);
        let places = [first as usize & mask, (first >> 32) as usize & mask, second as usize & mask];
        let _: [usize; CELLS_PER_KEY] = places;
        let least = |cells: &[u8]| places.iter().map(|at| cells[*at]).min().unwrap_or(0);
        let (present, past) = (least(&self.cells[0]), least(&self.cells[1]));
        let now = present.saturating_add(1);
        for at in places {
            let cell = &mut self.cells[0][at];
            *cell = (*cell).max(now);
        }
        now.saturating_add(past)
    }

    pub fn image(&self) -> SightingsImage {
        let sparse = |cells: &Vec<u8>| {
            let mut last = 0;
            let used = cells.iter().enumerate().filter(|(_, count)| **count > 0);
            used.map(|(at, count)| ((at - std::mem::replace(&mut last, at)) as u32, *count)).collect()
        };
        (self.generation, self.cells[0].len() as u64, [sparse(&self.cells[0]), sparse(&self.cells[1])])
    }

    /// Puts back what [`Self::image`] gave. A sketch of another size is let go of: counting begins anew. False when it is not one.
    pub fn restore(&mut self, (generation, len, cells): SightingsImage) -> bool {
        if len != self.cells[0].len() as u64 {
            return true;
        }
        self.generation = generation;
        for (to, from) in self.cells.iter_mut().zip(cells) {
            to.fill(0);
            let mut at = 0usize;
            for (gap, count) in from {
                at += gap as usize;
                match to.get_mut(at) {
                    Some(cell) => *cell = count,
                    None => return false,
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sightings_count_within_the_window() {
        let mut sketch = Sightings::new(1 << 16, 1_000);
        let mut at = |key, now_s| sketch.sight(Field::Word, key, now_s);
        assert_eq!([at(1, 100), at(1, 100), at(2, 200), at(1, 499)], [1, 2, 1, 3]);
        assert_eq!(at(1, 600), 4, "the generation before still counts");
        assert_eq!(at(1, 400), 5, "time that goes back is the present");
        assert_eq!(at(1, 1_200), 3, "what is older than a window does not count");
        assert_eq!(at(1, 9_000), 1, "a long silence");
        assert_eq!(sketch.sight(Field::Hashtag, 1, 9_000), 1, "another field's key");
    }

    #[test]
    fn memory_is_fixed_and_errors_are_rare_and_early() {
        let mut sketch = Sightings::new(1 << 21, 1_000);
        let bytes = sketch.bytes();
        let early = (0..100_000u64).filter(|key| sketch.sight(Field::Word, *key, 10) > 1).count();
        assert!(early < 2_000, "{early} of 100000 were counted too often");
        assert!((0..100_000u64).all(|key| sketch.sight(Field::Word, key, 10) >= 2), "none is counted too little");
        assert_eq!((sketch.bytes(), bytes), (1 << 21, 1 << 21));

        let mut again = Sightings::new(1 << 21, 1_000);
        assert!(again.restore(sketch.image()) && again.cells == sketch.cells);
        assert!((0..1_000).all(|key| again.sight(Field::Word, key, 700) == sketch.sight(Field::Word, key, 700)));
        assert!(Sightings::new(1 << 20, 1_000).restore(sketch.image()), "of another size: anew");
        assert!(!again.restore((0, 1 << 20, [vec![(1 << 21, 1)], vec![]])));
    }
}
