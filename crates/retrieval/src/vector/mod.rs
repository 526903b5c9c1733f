//! Nearest vectors by inner product: every row is looked at.
//!
//! A scan is bound by memory, so numbers are kept in 16 bits (8 of mantissa: an error of at most 0.4%, far below what moves a
//! candidate in or out). A hundred thousand rows of 16 numbers are then 3.2 MB, read in a fraction of a millisecond, which no
//! approximate index beats by enough to pay for its building and its misses. Rows lie in chunks; each chunk has a lock of its
//! own, so an update stops a scan for no longer than one row takes to write.

mod kernel;

use std::sync::Arc;

use arc_swap::ArcSwap;
use base::VideoId;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};

use crate::RetrievalError;
use crate::top::{Ranked, Top};
use kernel::{Kernel, LANES, narrow, widen};

/// The most neighbours of one search.
pub const TOP_MAX: usize = 1_000;
/// Rows per chunk: 32 KiB at 16 numbers, read in some microseconds.
const CHUNK_ROWS: usize = 1_024;
/// The most rows: ten million, 320 MB at 16 numbers.
const ROWS_MAX: usize = 10_000_000;

/// A row that holds no video.
const EMPTY: Option<VideoId> = None;

/// Rows in blocks of [`LANES`]; within a block, component by component (`[dim, lane]`), so that a block's inner products need
/// no sums across a register.
struct Chunk<const D: usize> {
    videos: Vec<Option<VideoId>>,
    numbers: Vec<u16>,
}

impl<const D: usize> Chunk<D> {
    fn new() -> Self {
        Self { videos: vec![EMPTY; CHUNK_ROWS], numbers: vec![0; CHUNK_ROWS * D] }
    }

    fn at(row: usize, dim: usize) -> usize {
        (row / LANES) * LANES * D + dim * LANES + row % LANES
    }

    fn write(&mut self, row: usize, video: Option<VideoId>, vector: &[f32; D]) {
        for (dim, number) in vector.iter().enumerate() {
            if let Some(place) = self.numbers.get_mut(Self::at(row, dim)) {
                *place = narrow(*number);
            }
        }
        if let Some(place) = self.videos.get_mut(row) {
            *place = video;
        }
    }
}

type Chunks<const D: usize> = Vec<Arc<RwLock<Chunk<D>>>>;

/// Where each video's row is; the writer's.
#[derive(Default)]
struct Rows {
    of: HashMap<VideoId, usize, FixedState>,
    free: Vec<usize>,
    /// Rows ever used.
    used: usize,
}

/// Vectors of `D` numbers by video. Any number of readers, writers one after the other.
pub struct VectorIndex<const D: usize> {
    chunks: ArcSwap<Chunks<D>>,
    rows: Mutex<Rows>,
    kernel: Kernel,
}

impl<const D: usize> Default for VectorIndex<D> {
    fn default() -> Self {
        Self { chunks: ArcSwap::default(), rows: Mutex::default(), kernel: Kernel::detect() }
    }
}

impl<const D: usize> VectorIndex<D> {
    /// Sets the vector of a video, new or known. Searches see all of it or nothing.
    pub fn update(&self, video: VideoId, vector: &[f32; D]) -> Result<(), RetrievalError> {
        if vector.iter().any(|number| !number.is_finite()) {
            return Err(RetrievalError::NotFinite(video));
        }
        let mut rows = self.rows.lock();
        let row = match rows.of.get(&video) {
            Some(row) => *row,
            None => {
                let row = match rows.free.pop() {
                    Some(row) => row,
                    None if rows.used >= ROWS_MAX => return Err(RetrievalError::Full(ROWS_MAX)),
                    None => {
                        rows.used += 1;
                        rows.used - 1
                    }
                };
                rows.of.insert(video, row);
                row
            }
        };
        self.write(row, Some(video), vector);
        Ok(())
    }

    /// Takes a video out; whether it was in.
    pub fn remove(&self, video: VideoId) -> bool {
        let mut rows = self.rows.lock();
        let Some(row) = rows.of.remove(&video) else { return false };
        self.write(row, EMPTY, &[0.0; D]);
        rows.free.push(row);
        true
    }

    /// Called with the lock on `rows` held.
    fn write(&self, row: usize, video: Option<VideoId>, vector: &[f32; D]) {
        let (chunk, row) = (row / CHUNK_ROWS, row % CHUNK_ROWS);
        if chunk >= self.chunks.load().len() {
            let mut chunks = self.chunks.load().as_ref().clone();
            chunks.push(Arc::new(RwLock::new(Chunk::new())));
            self.chunks.store(Arc::new(chunks));
        }
        if let Some(chunk) = self.chunks.load().get(chunk) {
            chunk.write().write(row, video, vector);
        }
    }

    /// The vector of a video, as the index keeps it.
    pub fn get(&self, video: VideoId) -> Option<[f32; D]> {
        let rows = self.rows.lock();
        let row = *rows.of.get(&video)?;
        let chunks = self.chunks.load();
        let chunk = chunks.get(row / CHUNK_ROWS)?.read();
        Some(std::array::from_fn(|dim| {
            chunk.numbers.get(Chunk::<D>::at(row % CHUNK_ROWS, dim)).map_or(0.0, |number| widen(*number))
        }))
    }

    pub fn len(&self) -> usize {
        self.rows.lock().of.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of vectors and ids, without the map of the writer.
    pub fn bytes(&self) -> usize {
        self.chunks.load().len() * CHUNK_ROWS * (D * size_of::<u16>() + size_of::<Option<VideoId>>())
    }

    /// The `k` (at most [`TOP_MAX`]) videos with the greatest inner product with `query`, greatest first; of equal ones the
    /// younger first. `skip` is asked only about videos that would otherwise be among the `k` best so far. Nothing for a query
    /// that is not finite.
    pub fn top_k(&self, query: &[f32; D], k: usize, mut skip: impl FnMut(VideoId) -> bool) -> Vec<(VideoId, f32)> {
        if query.iter().any(|number| !number.is_finite()) {
            return Vec::new();
        }
        let mut top = Top::new(k.min(TOP_MAX));
        let mut scores = [0.0f32; CHUNK_ROWS];
        let mut hits: Vec<Ranked> = Vec::with_capacity(CHUNK_ROWS);
        for chunk in self.chunks.load().iter() {
            hits.clear();
            {
                let chunk = chunk.read();
                self.kernel.inner_products(&chunk.numbers, query, &mut scores);
                collect(&scores, &chunk.videos, top.threshold(), &mut hits);
            }
            // Without the lock: `skip` is the caller's and may take its time.
            for hit in &hits {
                if top.takes(*hit) && !skip(hit.video) {
                    top.keep(*hit);
                }
            }
        }
        top.into_sorted().into_iter().map(|ranked| (ranked.video, ranked.score)).collect()
    }
}

/// The rows whose score is not below the threshold. Most blocks have none: they are passed over by their greatest score.
fn collect(scores: &[f32; CHUNK_ROWS], videos: &[Option<VideoId>], threshold: f32, hits: &mut Vec<Ranked>) {
    for (scores, videos) in scores.chunks_exact(LANES).zip(videos.chunks_exact(LANES)) {
        let mut any = false;
        for score in scores {
            any |= *score >= threshold;
        }
        if any {
            let found = scores.iter().zip(videos).filter(|(score, _)| **score >= threshold);
            hits.extend(found.filter_map(|(score, video)| video.map(|video| Ranked { score: *score, video })));
        }
    }
}

#[cfg(test)]
mod tests;
