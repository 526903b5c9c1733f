//! Who must not see whom, in memory: asked for with every page of the feed.

use std::sync::Arc;

use base::AccountId;
use hashbrown::{HashMap, HashSet};
use parking_lot::Mutex;

use crate::{App, AppError};

/// Accounts whose sets are kept; when full, all are read anew.
const ACCOUNTS_MAX: usize = 50_000;

#[derive(Default)]
pub(crate) struct Blocks(Mutex<HashMap<AccountId, Arc<HashSet<AccountId>>>>);

impl App {
    /// Everyone whom the account blocked or who blocked it.
    pub async fn blocks_of(&self, account: AccountId) -> Result<Arc<HashSet<AccountId>>, AppError> {
        if let Some(known) = self.blocks.0.lock().get(&account) {
            return Ok(known.clone());
        }
        let found: Arc<HashSet<AccountId>> = Arc::new(self.social.shut_out(account).await?.into_iter().collect());
        let mut kept = self.blocks.0.lock();
        if kept.len() >= ACCOUNTS_MAX {
            kept.clear();
        }
        kept.insert(account, found.clone());
        Ok(found)
    }

    /// To be called after a block between the two was made or taken back.
    pub(crate) fn blocks_changed(&self, one: AccountId, other: AccountId) {
        let mut kept = self.blocks.0.lock();
        kept.remove(&one);
        kept.remove(&other);
    }
}
