//! What there is to watch: videos from upload to removal, their sounds and hashtags, and search over all of it.
//!
//! [`Catalog`] is the service. A video is `processing` until it is published or refused; what the feed and the pages show comes
//! as [`Card`]s out of a bounded cache in memory; lists give ids by keyset cursors; full-text search is in [`search`] and
//! nowhere else, so that another database's can take its place.
//!
//! Invariants:
//! - only published videos have cards, stand in lists other than their creator's own, are counted and are found;
//! - methods that take a transaction return [`Changed`]: handed to [`Catalog::committed`] after the commit, it keeps cards fresh;
//! - what a removed video had in the index, in the counts and among the hashtags goes in the same transaction;
//! - every page and cache has a written limit.
//!
//! It must never: know what people did (views, likes: that is the event log's), decide who may see what, or touch media files.

mod cache;
mod error;
mod facts;
mod hashtags;
mod lifecycle;
mod lists;
pub mod search;
mod sounds;
mod video;

use std::sync::Arc;

use base::{Clock, Id, IdMaker, Rng, VideoId};
use parking_lot::Mutex;
use store::Store;

pub use cache::{CARDS_MAX_DEFAULT, Changed};
pub use error::CatalogError;
pub use facts::{FEATURES_MAX, Facts, WORDS_MAX};
pub use hashtags::Hashtag;
pub use lifecycle::{Evaluation, Media, NewVideo, SoundChoice};
pub use sounds::Sound;
pub use video::{CAPTION_CHARS_MAX, Card, Color, Refusal, SoundRef, Status, Step, Video, clean_caption};

/// The most rows of one page.
pub const PAGE_MAX: u32 = 100;

/// The service. One per process, shared by reference.
pub struct Catalog {
    store: Store,
    clock: Arc<dyn Clock>,
    ids: Mutex<IdMaker>,
    cards: cache::Cards,
    progress: Mutex<hashbrown::HashMap<VideoId, (Step, f32)>>,
}

impl Catalog {
    /// `cards_max`: how many cards stay in memory, about 600 bytes each; [`CARDS_MAX_DEFAULT`] fits most.
    pub fn new(store: Store, clock: Arc<dyn Clock>, rng: Rng, cards_max: usize) -> Self {
        Self {
            store,
            clock,
            ids: Mutex::new(IdMaker::new(rng)),
            cards: cache::Cards::new(cards_max),
            progress: Mutex::default(),
        }
    }

    fn new_id<T: Id>(&self) -> T {
        self.ids.lock().next(self.clock.now())
    }
}

#[cfg(test)]
mod tests;
