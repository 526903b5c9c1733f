//! Writes each page into the log, so that what follows can be joined with what was shown and with what probability.

use std::sync::Arc;

use ::feed::{FeedError, Query, SideEffect, Slate};
use async_trait::async_trait;
use eventlog::{Body, Context, EventLog, SlateItem};

use crate::telling::Telling;

pub struct SlateWriter {
    log: Arc<dyn EventLog>,
    telling: Arc<Telling>,
}

impl SlateWriter {
    pub(crate) fn new(log: Arc<dyn EventLog>, telling: Arc<Telling>) -> Self {
        Self { log, telling }
    }
}

#[async_trait]
impl SideEffect for SlateWriter {
    fn name(&self) -> &'static str {
        "slate_log"
    }

    async fn after(&self, query: &Query, slate: &Slate) -> Result<(), FeedError> {
        if slate.items.is_empty() {
            return Ok(());
        }
        let items = slate
            .items
            .iter()
            .map(|item| SlateItem {
                video: item.video(),
                propensity: item.propensity,
                source: item.candidate.brought.first().number(),
            })
            .collect();
        let context = Context {
            hour: query.context.hour,
            weekday: query.context.weekday,
            device: query.context.device,
            language: query.context.language,
            tab: query.tab as u8,
            depth: query.context.depth,
        };
        let event = self.telling.event(query.viewer, Body::Slate(eventlog::Slate { slate: slate.id, context, items, trial: None }));
        let partition = self.log.partition_of(query.viewer);
        self.log.append(partition, vec![event]).await.map_err(|error| FeedError::Unavailable(error.to_string()))?;
        Ok(())
    }
}
