//! Runs the stages.

mod gather;
mod score;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use base::VideoId;
use tokio::time::Instant;

use crate::effect::EffectRunner;
use crate::filter;
use crate::selector::{DiverseSelector, NewestSelector, Pick};
use crate::source::Rewatch;
use crate::{
    Candidate, Considered, Facts, FeedStats, Filter, Hydrator, Prediction, Query, Removed, SOURCES_MAX, Scorer, Scores,
    SelectedItem, Selector, SelectorConfig, SideEffect, Slate, Source, StageTimings,
};
use gather::Sourced;

/// How long the learner may take for one page, before the fallback scores it. Generous, as for sources.
pub const SCORER_DEADLINE: Duration = Duration::from_millis(100);

/// Looks up what is known of a video; `None` for one that is gone. From memory.
pub type FactsOf = Arc<dyn Fn(VideoId) -> Option<Arc<Facts>> + Send + Sync>;

/// What a pipeline is put together from. [`PipelineParts::new`] fills in the standard filters and selectors.
pub struct PipelineParts {
    /// In order of precedence, at most [`SOURCES_MAX`]: the first that brought an item is the one that the log names.
    pub sources: Vec<Arc<dyn Source>>,
    pub facts: FactsOf,
    pub hydrators: Vec<Arc<dyn Hydrator>>,
    pub filters: Vec<Arc<dyn Filter>>,
    pub scorer: Arc<dyn Scorer>,
    pub scorer_deadline: Duration,
    /// Scores when `scorer` fails, panics or is late; must not fail.
    pub fallback: Arc<dyn Scorer>,
    /// The first that wants the query selects.
    pub selectors: Vec<Arc<dyn Selector>>,
    pub effects: Vec<Arc<dyn SideEffect>>,
    pub stats: Arc<FeedStats>,
}

impl PipelineParts {
    /// Standard filters and selectors, no sources, hydrators or effects yet.
    pub fn new(facts: FactsOf, scorer: Arc<dyn Scorer>, fallback: Arc<dyn Scorer>, selector: SelectorConfig) -> Self {
        Self {
            sources: Vec::new(),
            facts,
            hydrators: Vec::new(),
            filters: filter::standard(),
            scorer,
            scorer_deadline: SCORER_DEADLINE,
            fallback,
            selectors: vec![Arc::new(NewestSelector), Arc::new(DiverseSelector::new(selector))],
            effects: Vec::new(),
            stats: Arc::new(FeedStats::default()),
        }
    }
}

/// The feed. Shared by all requests; holds no state of any viewer.
pub struct Pipeline {
    parts: PipelineParts,
    rewatch: Arc<dyn Source>,
    effects: EffectRunner,
}

/// Candidates and their scores, side by side.
struct Scored {
    candidates: Vec<Candidate>,
    scores: Scores,
    totals: Vec<f32>,
}

impl Pipeline {
    /// Sources beyond [`SOURCES_MAX`] are left out, with a warning.
    pub fn new(mut parts: PipelineParts) -> Self {
        if parts.sources.len() > SOURCES_MAX {
            tracing::warn!(sources = parts.sources.len(), SOURCES_MAX, "too many feed sources: the last are left out");
            parts.sources.truncate(SOURCES_MAX);
        }
        let effects = EffectRunner::new(std::mem::take(&mut parts.effects));
        Self { parts, rewatch: Arc::new(Rewatch), effects }
    }

    pub fn stats(&self) -> &Arc<FeedStats> {
        &self.parts.stats
    }

    /// Makes a page and starts its side effects. Never fails: what is broken is left out, and the slate tells. The page is
    /// shorter than asked for when the unseen clips end with it, and only then are seen ones offered again, on the next.
    pub async fn run(&self, query: Query) -> Arc<Slate> {
        let started = Instant::now();
        let query = Arc::new(query);
        let slate = Arc::new(self.make(&query, started).await);
        self.parts.stats.note(query.now, &slate);
        self.effects.start((query, slate.clone())).await;
        slate
    }

    /// Waits until the side effects of every page made so far have ended: part of the shutdown.
    pub async fn drain(&self) {
        self.effects.drain().await;
    }

    async fn make(&self, query: &Arc<Query>, started: Instant) -> Slate {
        let mut slate = Slate {
            id: query.slate,
            items: Vec::new(),
            removed: Vec::new(),
            sources: Vec::new(),
            fallback: false,
            scored: 0,
            timings: StageTimings::default(),
            considered: None,
        };
        let wanted: Vec<_> = self.parts.sources.iter().filter(|source| source.wanted(query)).cloned().collect();
        let candidates = self.candidates(query, &wanted, &mut slate).await;
        self.fill(query, candidates, &mut slate).await;
        if slate.items.is_empty() {
            let candidates = self.candidates(query, std::slice::from_ref(&self.rewatch), &mut slate).await;
            self.fill(query, candidates, &mut slate).await;
        }
        // A video can be brought by several sources, or be seen again: named once, and not at all if it is on the page.
        let mut named: hashbrown::HashSet<VideoId> = slate.items.iter().map(SelectedItem::video).collect();
        slate.removed.retain(|removed| named.insert(removed.video));
        slate.timings.total_us = micros(started);
        slate
    }

    /// Sources, hydration, filters.
    async fn candidates(&self, query: &Arc<Query>, sources: &[Arc<dyn Source>], slate: &mut Slate) -> Vec<Candidate> {
        let at = Instant::now();
        let gathered = gather::gather(query, sources).await;
        slate.removed.extend(gathered.removed);
        slate.sources.extend(gathered.reports);
        slate.timings.sources_us += micros(at);

        let at = Instant::now();
        let mut candidates = self.hydrate(query, gathered.sourced, &mut slate.removed);
        slate.timings.hydrate_us += micros(at);

        let at = Instant::now();
        for filter in &self.parts.filters {
            slate.removed.extend(filter.filter(query, &mut candidates));
        }
        slate.timings.filter_us += micros(at);
        candidates
    }

    fn hydrate(&self, query: &Query, sourced: Vec<Sourced>, removed: &mut Vec<Removed>) -> Vec<Candidate> {
        let mut candidates = Vec::with_capacity(sourced.len());
        for Sourced { video, brought } in sourced {
            match (self.parts.facts)(video) {
                Some(facts) => {
                    let rewatch = brought.first() == self.rewatch.kind();
                    candidates.push(Candidate { rewatch, ..Candidate::new(facts, brought) });
                }
                None => removed.push(Removed { filter: "hydrate", reason: filter::reason::NO_FACTS, video }),
            }
        }
        for hydrator in &self.parts.hydrators {
            hydrator.hydrate(query, &mut candidates);
        }
        candidates
    }

    /// Scores the candidates and adds the best to the slate, up to the page's length.
    async fn fill(&self, query: &Arc<Query>, candidates: Vec<Candidate>, slate: &mut Slate) {
        let want = query.page_len() - slate.items.len();
        if candidates.is_empty() {
            return;
        }
        let at = Instant::now();
        let (scored, fallback) = score::score(&self.parts, query, candidates).await;
        slate.scored += scored.candidates.len();
        slate.fallback |= fallback;
        slate.timings.score_us += micros(at);

        let at = Instant::now();
        let rewatch = scored.candidates.iter().all(|candidate| candidate.rewatch);
        let selector = self.parts.selectors.iter().find(|selector| !rewatch && selector.wanted(query));
        let picks = match selector {
            Some(selector) => {
                let selection = selector.select(query, &scored.candidates, &scored.totals, want);
                slate.removed.extend(selection.removed);
                selection.picks
            }
            // Seen ones come back in the order in which they were seen, whatever they score.
            None => {
                (0..want.min(scored.candidates.len())).map(|index| Pick { index, propensity: 1.0, explored: false }).collect()
            }
        };
        for pick in &picks {
            slate.items.extend(item(&scored, *pick, slate.items.len()));
        }
        if query.judged && !fallback && selector.is_some_and(|selector| selector.knows_chances()) {
            let Scored { candidates, scores, totals } = scored;
            let picks = picks.iter().map(|pick| pick.index).collect();
            slate.considered = Some(Arc::new(Considered { candidates, scores, totals, picks }));
        }
        slate.timings.select_us += micros(at);
    }
}

/// The item for a pick; `None` for a pick that is out of range.
fn item(scored: &Scored, pick: Pick, position: usize) -> Option<SelectedItem> {
    let tasks = &scored.scores.tasks;
    let row = scored.scores.probabilities.get(pick.index * tasks.len()..(pick.index + 1) * tasks.len())?;
    let predictions = tasks
        .iter()
        .zip(row)
        .map(|((task, weight), probability)| Prediction {
            task: task.clone(),
            probability: *probability,
            weight: *weight,
            contribution: weight * probability,
        })
        .collect();
    Some(SelectedItem {
        candidate: scored.candidates.get(pick.index)?.clone(),
        position,
        score: *scored.totals.get(pick.index)?,
        parts: *scored.scores.parts.get(pick.index)?,
        propensity: pick.propensity,
        explored: pick.explored,
        predictions,
    })
}

fn micros(since: Instant) -> u64 {
    since.elapsed().as_micros() as u64
}
