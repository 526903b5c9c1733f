//! What happens after the page was handed out: the slate is logged, counters move.

mod runner;

use std::sync::Arc;

use async_trait::async_trait;

pub use runner::EffectRunner;

use crate::{FeedError, Query, Slate};

/// Runs after the response, beside the other effects, within a time limit. A failure is logged and counted; the page stands.
#[async_trait]
pub trait SideEffect: Send + Sync + 'static {
    fn name(&self) -> &'static str;
    async fn after(&self, query: &Query, slate: &Slate) -> Result<(), FeedError>;
}

/// Query and slate, shared by the effects of one page.
pub(crate) type Page = (Arc<Query>, Arc<Slate>);
