//! Writes each page into the log, so that what follows can be joined with what was shown and with what probability.

use std::sync::Arc;

use ::feed::{FeedError, Judge, JudgedPlace, Query, SideEffect, Slate};
use async_trait::async_trait;
use eventlog::{Body, Choice, Context, EventLog, Forecast, Place, SlateItem, Trial};

use crate::experiment::Experiment;
use crate::telling::Telling;

pub struct SlateWriter {
    log: Arc<dyn EventLog>,
    telling: Arc<Telling>,
    experiment: Option<Arc<Experiment>>,
    judge: Judge,
}

impl SlateWriter {
    pub(crate) fn new(
        log: Arc<dyn EventLog>,
        telling: Arc<Telling>,
        experiment: Option<Arc<Experiment>>,
        judge: Judge,
    ) -> Self {
        Self { log, telling, experiment, judge }
    }

    /// The page's part in the experiment, if there is one.
    async fn trial(&self, query: &Query, slate: &Slate) -> Option<Trial> {
        let experiment = self.experiment.as_ref()?;
        let arm = experiment.arms.get(query.arm)?;
        arm.counts.page(&arm.name);
        let judged = self.judge.judge(query, slate).await.unwrap_or_else(|error| {
            metrics::counter!("experiment_judgements_failed_total").increment(1);
            tracing::warn!(%error, "a page could not be judged by every arm");
            Vec::new()
        });
        // Fewer than the items: the pages' and the judge's ideas of what was open differ, and neither is to be believed.
        let judged = if judged.len() == slate.items.len() { judged } else { Vec::new() };
        if !judged.is_empty() {
            arm.counts.judged(&arm.name);
        }
        Some(Trial {
            experiment: experiment.assignment.tag(),
            arm: query.arm as u8,
            share: experiment.assignment.share(query.arm) as f32,
            places: judged.iter().map(place).collect(),
        })
    }
}

fn place(judged: &JudgedPlace) -> Place {
    let forecast = |f: ::feed::Forecast| Forecast { finish: f.finish, watch_s: f.watch_s };
    Place {
        open: u16::try_from(judged.open).unwrap_or(u16::MAX),
        predicted: forecast(judged.predicted),
        even: forecast(judged.even),
        arms: judged
            .arms
            .iter()
            .map(|choice| Choice { propensity: choice.propensity, expected: forecast(choice.expected) })
            .collect(),
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
        let trial = self.trial(query, slate).await;
        let event = self.telling.event(query.viewer, Body::Slate(eventlog::Slate { slate: slate.id, context, items, trial }));
        let partition = self.log.partition_of(query.viewer);
        self.log.append(partition, vec![event]).await.map_err(|error| FeedError::Unavailable(error.to_string()))?;
        Ok(())
    }
}
