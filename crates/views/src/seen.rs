//! Every video that a viewer has seen: a table of ids and flags, ten bytes a slot.

use std::sync::Arc;

use base::VideoId;

use crate::Flags;

/// Open addressing with linear probing; nothing is ever taken out, so there are no graves. A slot is free when its flags are
/// none. Grows by half at a load of 7/8: 11.4 to 17.1 bytes a video.
#[derive(Clone, Debug, Default)]
pub(crate) struct SeenTable {
    videos: Box<[VideoId]>,
    flags: Box<[u16]>,
    len: usize,
}

const SLOTS_MIN: usize = 8;

impl SeenTable {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn get(&self, video: VideoId) -> Flags {
        match self.find(video) {
            Some(slot) => self.flags.get(slot).copied().map_or(Flags::NONE, Flags::from_bits),
            None => Flags::NONE,
        }
    }

    /// Replaces the flags of a video by what `change` makes of them; returns those before. Those after always have
    /// [`Flags::SEEN`] where there were any before.
    pub fn change(&mut self, video: VideoId, change: impl FnOnce(Flags) -> Flags) -> Flags {
        if self.len * 8 >= self.videos.len() * 7 {
            self.grow();
        }
        let Some(slot) = self.find(video) else { return Flags::NONE };
        let (Some(id), Some(bits)) = (self.videos.get_mut(slot), self.flags.get_mut(slot)) else { return Flags::NONE };
        let before = Flags::from_bits(*bits);
        let mut after = change(before);
        if before != Flags::NONE {
            after |= Flags::SEEN;
        } else if after != Flags::NONE {
            self.len += 1;
        }
        *id = video;
        *bits = after.bits();
        before
    }

    pub fn iter(&self) -> impl Iterator<Item = (VideoId, Flags)> {
        let slots = self.videos.iter().zip(self.flags.iter());
        slots.filter(|(_, bits)| **bits != 0).map(|(video, bits)| (*video, Flags::from_bits(*bits)))
    }

    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.videos.len() * (size_of::<VideoId>() + size_of::<u16>())
    }

    /// The slot of a video, or the free one where it would stand; `None` only for a table without slots.
    fn find(&self, video: VideoId) -> Option<usize> {
        let slots = self.videos.len();
        // Fibonacci hashing onto any number of slots; ids differ in their low bits by chance and in their high bits by time.
        let hash = (video.raw() ^ (video.raw() >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut slot = ((u128::from(hash) * slots as u128) >> 64) as usize;
        // The load leaves free slots: the search ends.
        for _ in 0..slots {
            if *self.flags.get(slot)? == 0 || *self.videos.get(slot)? == video {
                return Some(slot);
            }
            slot = if slot + 1 == slots { 0 } else { slot + 1 };
        }
        None
    }

    fn grow(&mut self) {
        let mut grown = Self::with_slots((self.videos.len() * 3 / 2).max(SLOTS_MIN));
        for (video, flags) in self.iter() {
            if let Some(slot) = grown.find(video)
                && let (Some(id), Some(bits)) = (grown.videos.get_mut(slot), grown.flags.get_mut(slot))
            {
                *id = video;
                *bits = flags.bits();
            }
        }
        grown.len = self.len;
        *self = grown;
    }

    fn with_slots(slots: usize) -> Self {
        Self { videos: vec![VideoId::default(); slots].into(), flags: vec![0; slots].into(), len: 0 }
    }

    /// With room for so many videos and a few more.
    pub fn with_room(videos: usize) -> Self {
        if videos == 0 { Self::default() } else { Self::with_slots((videos * 5 / 4).max(SLOTS_MIN)) }
    }
}

/// What a viewer had seen at one moment: to be asked about many candidates without a lock.
#[derive(Clone, Debug, Default)]
pub struct Seen(pub(crate) Option<Arc<SeenTable>>);

impl Seen {
    /// Whether the video came into the viewer's view before.
    pub fn contains(&self, video: VideoId) -> bool {
        self.flags(video).seen()
    }

    /// All that the viewer did with the video.
    pub fn flags(&self, video: VideoId) -> Flags {
        self.0.as_ref().map_or(Flags::NONE, |table| table.get(video))
    }

    /// Every video that the viewer has seen, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (VideoId, Flags)> {
        self.0.iter().flat_map(|table| table.iter())
    }

    /// How many videos the viewer has seen.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |table| table.len())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn agrees_with_a_map() {
        let mut rng = base::Rng::from_seed(3);
        let (mut table, mut model) = (SeenTable::default(), HashMap::new());
        for step in 0..20_000u64 {
            // Ids as they come: alike in time, unlike in chance; and some that fall on the same slots.
            let video =
                VideoId::from_raw(if step % 2 == 0 { (rng.below(3_000) as u64) << 22 } else { rng.below(3_000) as u64 });
            let set = Flags::from_bits(1 << rng.below(12));
            let before = table.change(video, |flags| flags | set);
            let kept: &mut Flags = model.entry(video).or_default();
            assert_eq!(before, *kept);
            *kept = if before == Flags::NONE { set } else { before | set | Flags::SEEN };
        }
        assert_eq!(table.len(), model.len());
        assert!(table.bytes() < 20 * table.len());
        assert_eq!(table.iter().collect::<HashMap<_, _>>(), model);
        model.iter().for_each(|(video, flags)| assert_eq!(table.get(*video), *flags));
        assert_eq!(table.get(VideoId::from_raw(1 << 60)), Flags::NONE);
        assert_eq!(SeenTable::default().get(VideoId::from_raw(1)), Flags::NONE);
    }
}
