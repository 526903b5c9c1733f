use std::collections::BTreeMap;

use base::ManualClock;

use super::*;

struct Bench {
    _dir: tempfile::TempDir,
    store: Store,
    clock: Arc<ManualClock>,
    jobs: Arc<Jobs>,
}

async fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store.sqlite")).await.unwrap();
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_700_000_000_000)));
    let jobs = Arc::new(Jobs::new(store.clone(), clock.clone(), Rng::from_seed(1)));
    Bench { _dir: dir, store, clock, jobs }
}

impl Bench {
    async fn enqueue(&self, job: NewJob<'_>) -> JobId {
        let mut tx = self.store.write().await.unwrap();
        let id = self.jobs.enqueue(&mut tx, job).await.unwrap();
        tx.commit().await.unwrap();
        self.jobs.wake();
        id
    }
    async fn complete(&self, lease: &Lease) -> Result<(), StoreError> {
        let mut tx = self.store.write().await.unwrap();
        self.jobs.complete(&mut tx, lease).await?;
        Ok(tx.commit().await?)
    }
    async fn fail(&self, lease: &Lease, retry: Retry) -> Result<Failure, StoreError> {
        let mut tx = self.store.write().await.unwrap();
        let failure = self.jobs.fail(&mut tx, lease, "it broke", retry).await?;
        tx.commit().await?;
        Ok(failure)
    }
    async fn reap(&self) -> Vec<JobId> {
        let mut tx = self.store.write().await.unwrap();
        let jobs = self.jobs.reap(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        jobs.into_iter().map(|job| job.id).collect()
    }
}

fn transcode(attempts_max: u32) -> NewJob<'static> {
    NewJob { kind: "transcode", video: Some(VideoId::from_raw(9)), payload: "{}", priority: 0, attempts_max }
}

#[tokio::test]
async fn a_worker_that_was_thought_dead_changes_nothing() {
    let bench = bench().await;
    let id = bench.enqueue(transcode(3)).await;
    let zombie = bench.jobs.lease(&["transcode"], 1_000).await.unwrap().unwrap();
    assert!(bench.jobs.lease(&["transcode"], 1_000).await.unwrap().is_none(), "one worker at a time");
    bench.clock.advance_millis(1_000);
    let second = bench.jobs.lease(&["transcode"], 1_000).await.unwrap().unwrap();
    assert_eq!((second.lease.job, second.attempt), (id, 2));
    assert!(matches!(bench.jobs.renew(&zombie.lease, 9_000).await, Err(StoreError::LeaseLost(_))));
    assert!(matches!(bench.complete(&zombie.lease).await, Err(StoreError::LeaseLost(_))));
    assert!(matches!(bench.fail(&zombie.lease, Retry::Never).await, Err(StoreError::LeaseLost(_))));
    assert!(matches!(bench.jobs.release(&zombie.lease).await, Err(StoreError::LeaseLost(_))));
    bench.complete(&second.lease).await.unwrap();
    assert!(matches!(bench.complete(&second.lease).await, Err(StoreError::LeaseLost(_))), "ended once");
    assert_eq!(bench.jobs.list(Some(JobState::Done), None, 10).await.unwrap()[0].id, id);
    assert_eq!(bench.jobs.counts().await.unwrap(), JobCounts { done_last_hour: 1, ..JobCounts::default() });
    bench.clock.advance_millis(3_600_001);
    assert_eq!(bench.jobs.counts().await.unwrap(), JobCounts::default());
    assert_eq!(bench.jobs.prune(bench.clock.now()).await.unwrap(), 1);
}

#[tokio::test]
async fn attempts_are_bounded_with_growing_waits_and_an_operator_can_start_over() {
    let bench = bench().await;
    let id = bench.enqueue(transcode(3)).await;
    for wait_ms in [5_000, 10_000] {
        let leased = bench.jobs.lease(&["transcode"], 1_000).await.unwrap().unwrap();
        let at = bench.clock.now().plus_millis(wait_ms);
        assert_eq!(bench.fail(&leased.lease, Retry::Later).await.unwrap(), Failure::Retrying { at });
        bench.clock.advance_millis(wait_ms - 1);
        assert!(bench.jobs.lease(&["transcode"], 1_000).await.unwrap().is_none());
        bench.clock.advance_millis(1);
    }
    let last = bench.jobs.lease(&["transcode"], 1_000).await.unwrap().unwrap();
    assert_eq!(bench.fail(&last.lease, Retry::Later).await.unwrap(), Failure::Final);
    let listed = &bench.jobs.jobs_of(VideoId::from_raw(9)).await.unwrap()[0];
    assert_eq!((listed.state, listed.attempts, listed.reason.as_deref()), (JobState::Failed, 3, Some("it broke")));

    let mut tx = bench.store.write().await.unwrap();
    assert_eq!(bench.jobs.retry(&mut tx, id).await.unwrap().id, id);
    assert!(matches!(bench.jobs.retry(&mut tx, id).await, Err(StoreError::NoSuchJob(_))), "only what has failed");
    tx.commit().await.unwrap();
    let again = bench.jobs.lease(&["transcode"], 1_000).await.unwrap().unwrap();
    assert_eq!(again.attempt, 1);
    assert_eq!(bench.fail(&again.lease, Retry::Never).await.unwrap(), Failure::Final);
}

#[tokio::test]
async fn a_job_that_kills_its_workers_ends_as_failed() {
    let bench = bench().await;
    let id = bench.enqueue(transcode(2)).await;
    for _ in 0..2 {
        assert_eq!(bench.reap().await, []);
        bench.jobs.lease(&["transcode"], 1_000).await.unwrap().unwrap();
        bench.clock.advance_millis(1_000);
    }
    assert!(bench.jobs.lease(&["transcode"], 1_000).await.unwrap().is_none());
    assert_eq!(bench.reap().await, [id]);
    assert_eq!(bench.reap().await, []);
}

#[tokio::test]
async fn a_new_process_takes_up_what_the_dead_one_held() {
    let bench = bench().await;
    let id = bench.enqueue(transcode(3)).await;
    let dead = bench.jobs.lease(&["transcode"], 60_000).await.unwrap().unwrap();
    assert_eq!(bench.jobs.abandon_all().await.unwrap(), 1);
    assert!(matches!(bench.complete(&dead.lease).await, Err(StoreError::LeaseLost(_))));
    let next = bench.jobs.lease(&["transcode"], 60_000).await.unwrap().unwrap();
    assert_eq!((next.lease.job, next.attempt), (id, 2));
    bench.complete(&next.lease).await.unwrap();
}

#[tokio::test]
async fn kinds_priorities_and_backoff() {
    let bench = bench().await;
    let low = bench.enqueue(transcode(1)).await;
    let high = bench.enqueue(NewJob { priority: 5, ..transcode(1) }).await;
    bench.enqueue(NewJob { kind: "other", priority: 9, ..transcode(1) }).await;
    let mut order = Vec::new();
    while let Some(leased) = bench.jobs.lease(&["transcode", "unheard of"], 1_000).await.unwrap() {
        order.push(leased.lease.job);
    }
    assert_eq!(order, [high, low]);
    assert!(bench.jobs.lease(&[], 1_000).await.unwrap().is_none());
    let mut tx = bench.store.write().await.unwrap();
    bench.jobs.delete_of(&mut tx, VideoId::from_raw(9)).await.unwrap();
    tx.commit().await.unwrap();
    assert!(bench.jobs.list(None, None, 10).await.unwrap().is_empty());
    assert_eq!([1, 2, 3, 8, 40].map(backoff_ms), [5_000, 10_000, 20_000, 600_000, 600_000]);
}

/// Two workers, each in a task of its own, on one queue: every job is done, each by exactly one of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_share_a_queue() {
    let bench = bench().await;
    let mut made = Vec::new();
    for _ in 0..40 {
        made.push(bench.enqueue(transcode(1)).await);
    }
    let work = |jobs: Arc<Jobs>, store: Store| async move {
        let mut done = Vec::new();
        while let Some(leased) = jobs.lease(&["transcode"], 60_000).await.unwrap() {
            let mut tx = store.write().await.unwrap();
            jobs.complete(&mut tx, &leased.lease).await.unwrap();
            tx.commit().await.unwrap();
            done.push(leased.lease.job);
        }
        done
    };
    let first = tokio::spawn(work(bench.jobs.clone(), bench.store.clone()));
    let second = tokio::spawn(work(bench.jobs.clone(), bench.store.clone()));
    let mut done = [first.await.unwrap(), second.await.unwrap()].concat();
    done.sort_unstable();
    made.sort_unstable();
    assert_eq!(done, made);
}

#[tokio::test]
async fn waiting_ends_when_work_is_announced() {
    let bench = bench().await;
    let jobs = bench.jobs.clone();
    let waiting = tokio::spawn(async move { jobs.wait(Duration::from_secs(600)).await });
    bench.enqueue(transcode(1)).await;
    waiting.await.unwrap();
}

/// What the queue should be, in memory.
#[derive(Clone, Debug)]
struct Model {
    state: JobState,
    attempts: u32,
    attempts_max: u32,
    due: i64,
    lease_until: i64,
    priority: i32,
    holder: Option<Lease>,
}

/// Seeded random operations against the model.
#[tokio::test]
async fn agrees_with_the_model() {
    for seed in 0..8 {
        let bench = bench().await;
        let mut rng = Rng::from_seed(seed);
        let mut model: BTreeMap<JobId, Model> = BTreeMap::new();
        let mut leases: Vec<Lease> = Vec::new();
        for step in 0..150 {
            let now = bench.clock.now().as_millis();
            match rng.below(8) {
                0 | 1 => {
                    let (priority, attempts_max) = (rng.below(3) as i32, 1 + rng.below(3) as u32);
                    let id = bench.enqueue(NewJob { priority, ..transcode(attempts_max) }).await;
                    let new = Model {
                        state: JobState::Queued,
                        attempts: 0,
                        attempts_max,
                        due: now,
                        lease_until: 0,
                        priority,
                        holder: None,
                    };
                    model.insert(id, new);
                }
                2 | 3 => {
                    let lease_ms = 1 + rng.below(3_000) as i64;
                    let expected = model
                        .iter()
                        .filter(|(_, m)| match m.state {
                            JobState::Queued => m.due <= now,
                            JobState::Running => m.lease_until <= now && m.attempts < m.attempts_max,
                            _ => false,
                        })
                        .min_by_key(|(id, m)| (-m.priority, m.due, **id))
                        .map(|(id, _)| *id);
                    let got = bench.jobs.lease(&["transcode"], lease_ms).await.unwrap();
                    assert_eq!(got.as_ref().map(|l| l.lease.job), expected, "seed {seed} step {step}");
                    if let Some(leased) = got {
                        let m = model.get_mut(&leased.lease.job).unwrap();
                        m.attempts += 1;
                        assert_eq!(leased.attempt, m.attempts);
                        (m.state, m.lease_until, m.holder) = (JobState::Running, now + lease_ms, Some(leased.lease));
                        leases.push(leased.lease);
                    }
                }
                op @ 4..=6 if !leases.is_empty() => {
                    let lease = leases[rng.below(leases.len())];
                    let m = model.get_mut(&lease.job).unwrap();
                    let holds = m.state == JobState::Running && m.holder == Some(lease);
                    let worked = match op {
                        4 => bench.complete(&lease).await.map(|()| m.state = JobState::Done).is_ok(),
                        5 => {
                            let retry = if rng.chance(0.8) { Retry::Later } else { Retry::Never };
                            let failure = bench.fail(&lease, retry).await;
                            match &failure {
                                Ok(Failure::Final) => {
                                    assert!(retry == Retry::Never || m.attempts == m.attempts_max);
                                    m.state = JobState::Failed;
                                }
                                Ok(Failure::Retrying { at }) => (m.state, m.due) = (JobState::Queued, at.as_millis()),
                                Err(_) => {}
                            }
                            failure.is_ok()
                        }
                        _ => bench.jobs.renew(&lease, 2_000).await.map(|()| m.lease_until = now + 2_000).is_ok(),
                    };
                    assert_eq!(worked, holds, "seed {seed} step {step} op {op}");
                }
                7 => {
                    let mut expected: Vec<JobId> = model
                        .iter()
                        .filter(|(_, m)| m.state == JobState::Running && m.lease_until <= now && m.attempts >= m.attempts_max)
                        .map(|(id, _)| *id)
                        .collect();
                    let mut got = bench.reap().await;
                    got.sort_unstable();
                    expected.sort_unstable();
                    assert_eq!(got, expected, "seed {seed} step {step}");
                    for id in got {
                        model.get_mut(&id).unwrap().state = JobState::Failed;
                    }
                }
                _ => bench.clock.advance_millis(rng.below(2_000) as i64),
            }
        }
        let listed = bench.jobs.list(None, None, PAGE_MAX).await.unwrap();
        let listed: BTreeMap<JobId, (JobState, u32)> = listed.iter().map(|j| (j.id, (j.state, j.attempts))).collect();
        let expected: BTreeMap<JobId, (JobState, u32)> = model.iter().map(|(id, m)| (*id, (m.state, m.attempts))).collect();
        assert_eq!(listed, expected, "seed {seed}");
    }
}
