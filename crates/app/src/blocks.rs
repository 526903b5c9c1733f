//! Who must not see whom: asked for with every page of the feed.

use std::sync::Arc;

use base::AccountId;
use hashbrown::HashSet;

use crate::{App, AppError};

/// Accounts whose sets are kept.
pub(crate) const ACCOUNTS_MAX: usize = 50_000;

impl App {
    /// Everyone whom the account blocked or who blocked it.
    pub async fn blocks_of(&self, account: AccountId) -> Result<Arc<HashSet<AccountId>>, AppError> {
        if let Some(known) = self.blocks.get(&account) {
            return Ok(known);
        }
        let stand = self.blocks.stand();
        let found: Arc<HashSet<AccountId>> = Arc::new(self.social.shut_out(account).await?.into_iter().collect());
        self.blocks.keep(stand, [(account, found.clone())]);
        Ok(found)
    }

    /// To be called after a block between the two was made or taken back.
    pub(crate) fn blocks_changed(&self, one: AccountId, other: AccountId) {
        self.blocks.forget(&one);
        self.blocks.forget(&other);
    }
}
