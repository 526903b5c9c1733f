//! The fingerprints of all published videos, in memory.

use base::VideoId;
use content::{DuplicateIndex, Rule, Signature};
use parking_lot::RwLock;

use crate::{App, AppError};

pub(crate) struct Duplicates(RwLock<DuplicateIndex>);

impl Default for Duplicates {
    fn default() -> Self {
        Self(RwLock::new(DuplicateIndex::new(Rule::default())))
    }
}

impl Duplicates {
    /// The oldest video that this one is a copy of. Scans the whole index: call it off the async threads.
    pub fn original_of(&self, video: VideoId, signature: &Signature) -> Option<VideoId> {
        self.0.read().find(signature).into_iter().map(|found| found.video).filter(|found| *found != video).min()
    }

    pub fn add(&self, video: VideoId, signature: Signature) {
        self.0.write().add(video, signature);
    }

    pub fn remove(&self, video: VideoId) {
        self.0.write().remove(video);
    }
}

impl App {
    /// Reads the fingerprints of everything that is published into memory.
    pub(crate) async fn load_duplicates(&self) -> Result<usize, AppError> {
        let mut after = None;
        let mut count = 0;
        loop {
            let page = self.catalog.signatures(after).await?;
            let Some((last, _)) = page.last() else { return Ok(count) };
            after = Some(*last);
            for (video, bytes) in page.into_iter().filter(|(_, bytes)| !bytes.is_empty()) {
                match Signature::from_bytes(&bytes) {
                    Ok(signature) => self.studio.duplicates.add(video, signature),
                    Err(error) => tracing::warn!(%video, %error, "a fingerprint of another version is passed over"),
                }
                count += 1;
            }
        }
    }
}
