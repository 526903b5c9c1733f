//! Where the feed's candidates come from: the brain's indexes, fitted to the feed's sources.

use std::sync::Arc;

use ::feed::hydrator::{CountsHydrator, TasteHydrator};
use ::feed::source::{Explore, Followed, Fresh, HashtagAffinity, Learned, Similar, Trending};
use ::feed::{Counts, Hydrator, Source};

use super::predictor::viewer_features;
use crate::brain::Brain;
use crate::experiment::Experiment;

/// Candidates that each source brings at most. Together below the feed's own limit, so that none is cut.
const LEARNED: usize = 120;
const FOLLOWED: usize = 60;
const FRESH: usize = 40;
const TRENDING: usize = 40;
const EXPLORE: usize = 40;
const HASHTAG: usize = 60;
const SIMILAR: usize = 30;
/// Trending videos that are looked through for some that the viewer has not seen.
const TRENDING_LOOKED_AT: usize = 1_000;

/// In order of precedence: the first that brought a clip is the one that the log names.
pub fn all(brain: &Arc<Brain>, experiment: Option<&Arc<Experiment>>) -> Vec<Arc<dyn Source>> {
    let b = || brain.clone();
    let models: Vec<usize> = experiment.iter().flat_map(|e| &e.arms).map(|arm| arm.model).collect();
    let learned = {
        let brain = b();
        Learned::new(LEARNED, move |query, limit, skip| {
            let model = models.get(query.arm).copied().unwrap_or(0);
            let vector = brain.learner_of(model).viewer_vector(query.now.as_millis(), &viewer_features(query)?);
            Ok(brain.vectors_of(model).top_k(&vector, limit, skip))
        })
    };
    let similar = {
        let brain = b();
        Similar::new(SIMILAR, move |anchor, limit, skip| {
            let Some(known) = brain.videos.get(anchor) else { return Vec::new() };
            let vector = brain.learner.video_vector(&known.features);
            brain.candidates.vectors().top_k(&vector, limit, skip)
        })
    };
    let followed = {
        let brain = b();
        Followed::new(FOLLOWED, move |creators, limit, skip| brain.candidates.creators().newest(creators, limit, skip))
    };
    let fresh = {
        let brain = b();
        Fresh::new(FRESH, move |limit, skip| brain.candidates.fresh().newest(limit, skip))
    };
    let trending = {
        let brain = b();
        Trending::new(TRENDING, move |now, limit, skip| {
            let leaders = brain.views.trending_videos(TRENDING_LOOKED_AT, now);
            leaders.into_iter().filter(|(v, _)| !skip(*v)).take(limit).map(|(v, score)| (v, score as f32)).collect()
        })
    };
    let explore = {
        let brain = b();
        Explore::new(EXPLORE, move |rng, limit, skip| brain.candidates.explore().sample(rng, limit, skip))
    };
    let hashtags = {
        let brain = b();
        HashtagAffinity::new(HASHTAG, move |hashtag, rng, limit, skip| {
            brain.candidates.hashtags().sample(hashtag, rng, limit, skip)
        })
    };
    vec![
        Arc::new(learned),
        Arc::new(followed),
        Arc::new(hashtags),
        Arc::new(similar),
        Arc::new(trending),
        Arc::new(fresh),
        Arc::new(explore),
    ]
}

pub fn hydrators(brain: &Arc<Brain>) -> Vec<Arc<dyn Hydrator>> {
    let brain = brain.clone();
    let counts = CountsHydrator::new(move |video| {
        let counts = brain.views.counts(video);
        Counts {
            impressions: counts.impressions,
            finishes: counts.finishes,
            likes: counts.likes,
            shares: counts.shares,
            comments: counts.comments,
        }
    });
    vec![Arc::new(counts), Arc::new(TasteHydrator)]
}
