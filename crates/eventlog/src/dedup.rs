//! The same event twice counts once: a bounded memory of the ids that were seen.

use foldhash::quality::RandomState;
use hashbrown::HashSet;

use crate::{Error, EventId, Result};

/// How much is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DedupOptions {
    /// How many generations there are, 2 to 64.
    pub generations: usize,
    /// How many ids fill a generation, at least 1.
    pub ids_per_generation: usize,
}

impl Default for DedupOptions {
    /// Four generations of 917,504 ids: 7/8 of 2^20 slots, so that a full generation's table is full too. A slot takes 17
    /// bytes, the whole at most 72 MiB.
    fn default() -> Self {
        Self { generations: 4, ids_per_generation: 917_504 }
    }
}

/// Remembers ids in generations. When the youngest is full, a new one begins and the oldest is forgotten, so that at least the
/// last `(generations - 1) * ids_per_generation` distinct ids are known and never more than `generations *
/// ids_per_generation` are held.
///
/// What is forgotten depends on the order of the ids alone: every node that reads the log in order decides alike, whatever
/// the clock says. Intake refuses events older than 24 hours, so that an id need not be remembered longer than that; the
/// default horizon of 2.75 million ids is a day at 30 events per second and a minute and a half at 30,000, against resends
/// that follow a lost answer within seconds. Who expects more sets a larger bound.
#[derive(Clone, Debug)]
pub struct Dedup {
    options: DedupOptions,
    /// Youngest first; never empty.
    generations: Vec<HashSet<u128, RandomState>>,
}

/// Begins the stored form: a magic word with its version.
const MAGIC: &[u8; 8] = b"WSDEDUP1";

impl Dedup {
    /// An empty memory. Fails with [`Error::Option`] when an option is out of its range.
    pub fn new(options: DedupOptions) -> Result<Self> {
        if !(2..=64).contains(&options.generations) {
            return Err(Error::Option { name: "generations", what: "must be 2 to 64" });
        }
        if options.ids_per_generation == 0 || options.ids_per_generation > 1 << 30 {
            return Err(Error::Option { name: "ids_per_generation", what: "must be 1 to 2^30" });
        }
        Ok(Self { options, generations: vec![HashSet::default()] })
    }

    /// True when the id was not seen before (within the memory's bound); remembers it.
    pub fn first_sighting(&mut self, id: EventId) -> bool {
        if self.generations.iter().any(|generation| generation.contains(&id.0)) {
            return false;
        }
        let full = self.generations.first().is_none_or(|youngest| youngest.len() >= self.options.ids_per_generation);
        if full {
            // The oldest table is used again: once the bound is reached nothing is allocated any more.
            let mut next = if self.generations.len() >= self.options.generations { self.generations.pop() } else { None }
                .unwrap_or_default();
            next.clear();
            self.generations.insert(0, next);
        }
        if let Some(youngest) = self.generations.first_mut() {
            youngest.insert(id.0);
        }
        true
    }

    /// How many ids are remembered.
    pub fn len(&self) -> usize {
        self.generations.iter().map(HashSet::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// For a snapshot: the same memory gives the same bytes, 16 per id.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(32 + 16 * self.len());
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&(self.generations.len() as u32).to_le_bytes());
        for generation in &self.generations {
            let mut ids: Vec<u128> = generation.iter().copied().collect();
            ids.sort_unstable();
            out.extend_from_slice(&(ids.len() as u32).to_le_bytes());
            ids.iter().for_each(|id| out.extend_from_slice(&id.to_le_bytes()));
        }
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    /// The memory as it was when `bytes` were made; `options` may have grown since. Fails with [`Error::Snapshot`].
    pub fn from_bytes(options: DedupOptions, bytes: &[u8]) -> Result<Self> {
        let (kept, crc) = bytes.split_last_chunk::<4>().ok_or(Error::Snapshot("seen ids: too short"))?;
        if crc32c::crc32c(kept) != u32::from_le_bytes(*crc) {
            return Err(Error::Snapshot("seen ids: wrong checksum"));
        }
        let mut rest = kept.strip_prefix(MAGIC).ok_or(Error::Snapshot("seen ids: not of this version"))?;
        let mut dedup = Self::new(options)?;
        dedup.generations.clear();
        for _ in 0..number(&mut rest)? {
            let count = number(&mut rest)? as usize;
            let ids = rest.get(..16 * count).ok_or(Error::Snapshot("seen ids: cut short"))?;
            rest = &rest[16 * count..];
            let (ids, _) = ids.as_chunks::<16>();
            dedup.generations.push(ids.iter().map(|id| u128::from_le_bytes(*id)).collect());
        }
        dedup.generations.truncate(options.generations);
        if dedup.generations.is_empty() {
            dedup.generations.push(HashSet::default());
        }
        Ok(dedup)
    }
}

fn number(rest: &mut &[u8]) -> Result<u32> {
    let (first, after) = rest.split_first_chunk::<4>().ok_or(Error::Snapshot("seen ids: cut short"))?;
    *rest = after;
    Ok(u32::from_le_bytes(*first))
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    const SMALL: DedupOptions = DedupOptions { generations: 3, ids_per_generation: 4 };

    #[test]
    fn agrees_with_a_list_of_generations() {
        let mut dedup = Dedup::new(SMALL).unwrap();
        let mut model: VecDeque<Vec<u128>> = VecDeque::from([vec![]]);
        let mut rng = base::Rng::from_seed(1);
        for step in 0..5_000 {
            let id = rng.below(24) as u128;
            let first = !model.iter().flatten().any(|seen| *seen == id);
            if first {
                if model[0].len() == 4 {
                    model.push_front(vec![]);
                    model.truncate(3);
                }
                model[0].push(id);
            }
            assert_eq!(dedup.first_sighting(EventId(id)), first, "step {step}");
            assert!(dedup.len() <= 12);
            if step % 97 == 0 {
                let bytes = dedup.to_bytes();
                dedup = Dedup::from_bytes(SMALL, &bytes).unwrap();
                assert_eq!(dedup.to_bytes(), bytes);
            }
        }
    }

    #[test]
    fn damaged_snapshots_and_silly_options_are_refused() {
        let mut dedup = Dedup::new(SMALL).unwrap();
        (0..9).for_each(|id| assert!(dedup.first_sighting(EventId(id))));
        let bytes = dedup.to_bytes();
        for i in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[i] ^= 4;
            assert!(Dedup::from_bytes(SMALL, &flipped).is_err(), "byte {i}");
            assert!(Dedup::from_bytes(SMALL, &bytes[..i]).is_err(), "length {i}");
        }
        assert!(Dedup::new(DedupOptions { generations: 1, ..SMALL }).is_err());
        assert!(Dedup::new(DedupOptions { ids_per_generation: 0, ..SMALL }).is_err());
    }
}
