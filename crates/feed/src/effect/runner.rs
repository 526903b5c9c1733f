//! Owns the tasks of the side effects: bounded in number, each with a time limit, awaited at shutdown.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::{Page, SideEffect};

/// The most pages whose effects run at once; the next page waits for a place.
const IN_FLIGHT_MAX: usize = 256;
/// An effect that takes longer is given up.
const LIMIT: Duration = Duration::from_secs(5);

/// See the module.
pub struct EffectRunner {
    effects: Arc<[Arc<dyn SideEffect>]>,
    places: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl EffectRunner {
    pub fn new(effects: Vec<Arc<dyn SideEffect>>) -> Self {
        Self { effects: effects.into(), places: Arc::new(Semaphore::new(IN_FLIGHT_MAX)), tasks: TaskTracker::new() }
    }

    /// Starts the effects of a page and returns; waits only while too many pages' effects are under way.
    pub(crate) async fn start(&self, page: Page) {
        if self.effects.is_empty() {
            return;
        }
        let Ok(place) = self.places.clone().acquire_owned().await else { return };
        let effects = self.effects.clone();
        self.tasks.spawn(async move {
            let _place = place;
            let (query, slate) = page;
            for effect in effects.iter() {
                let outcome = match tokio::time::timeout(LIMIT, effect.after(&query, &slate)).await {
                    Ok(outcome) => outcome,
                    Err(_) => Err(crate::FeedError::Late(LIMIT.as_millis())),
                };
                if let Err(error) = outcome {
                    metrics::counter!("feed_side_effects_failed_total", "effect" => effect.name()).increment(1);
                    tracing::warn!(effect = effect.name(), %error, "side effect failed");
                }
            }
        });
    }

    /// Waits until every effect that was started has ended. Effects of pages made meanwhile are waited for too.
    pub async fn drain(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}
