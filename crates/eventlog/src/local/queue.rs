//! What waits for the writer: bounded, refused at once when full.

use std::collections::VecDeque;
use std::ops::Range;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use crate::{Error, Offset, Result};

/// Where the writer's answer goes. Nobody waiting for it is no fault: the caller may have gone away.
pub(super) type Answer<T> = oneshot::Sender<Result<T>>;

pub(super) enum Job {
    Append(Append),
    /// Seals the partition's segment, so that it can be rewritten, and begins another.
    Roll {
        partition: usize,
        answer: Answer<()>,
    },
    /// Answered when all before it is durable.
    Sync {
        answer: Answer<()>,
    },
    /// The last job.
    Close,
}

pub(super) struct Append {
    pub partition: usize,
    /// A frame with an empty head.
    pub frame: Vec<u8>,
    pub events: u16,
    pub answer: Answer<Range<Offset>>,
}

pub(super) struct Queue {
    state: Mutex<State>,
    came: Condvar,
    appends_max: usize,
    bytes_max: usize,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    appends: usize,
    bytes: usize,
    closed: bool,
}

impl Queue {
    pub fn new(appends_max: usize, bytes_max: usize) -> Self {
        Self { state: Mutex::default(), came: Condvar::new(), appends_max, bytes_max }
    }

    /// Takes an append in, or refuses with [`Error::Busy`] or [`Error::Closed`].
    pub fn push_append(&self, append: Append) -> Result<()> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Error::Closed);
        }
        // One append always fits, however large.
        let bytes = state.bytes + append.frame.len();
        if state.appends >= self.appends_max || (state.appends > 0 && bytes > self.bytes_max) {
            return Err(Error::Busy);
        }
        state.appends += 1;
        state.bytes = bytes;
        state.jobs.push_back(Job::Append(append));
        self.came.notify_one();
        Ok(())
    }

    /// Takes in a job of the log's own: as many as there are callers, each of which waits for its answer.
    pub fn push(&self, job: Job) -> Result<()> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Error::Closed);
        }
        state.closed = matches!(job, Job::Close);
        state.jobs.push_back(job);
        self.came.notify_one();
        Ok(())
    }

    /// Everything that waits, as soon as something does.
    pub fn take_all(&self) -> VecDeque<Job> {
        let mut state = self.state.lock();
        while state.jobs.is_empty() {
            self.came.wait(&mut state);
        }
        state.appends = 0;
        state.bytes = 0;
        std::mem::take(&mut state.jobs)
    }

    /// Refuses everything from now on, and drops what waits: those who wait are told that the log is closed.
    pub fn abandon(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.jobs.clear();
    }
}
