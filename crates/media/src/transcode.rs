//! One file in, a folder that plays out: CMAF HLS, poster, preview.
//!
//! Order of work: the first rendition, sound, poster and preview ([`Transcoder::start`]), after which the clip plays; then the
//! largest rendition, whose size decides what those in between may use ([`Transcoder::finish`]). `master.m3u8` always names
//! exactly the renditions that are whole.

mod audio;
mod filters;
mod package;
mod poster;
mod video;

use std::path::Path;

pub(crate) use filters::picture_filters;

use crate::ladder::{self, RENDITIONS_OVER_TOP_MAX, RENDITIONS_OVER_TOP_PLANNED, Rung};
use crate::progress::ProgressFn;
use crate::{Error, LadderConfig, Manifest, Probe, Progress, Sandbox, Step};

/// How often the largest rendition is made again, each time finer, when it came out hardly larger than the first one.
const TOP_TRIES_MAX: u32 = 4;
/// How much finer each time, in x264's rate factor: about half as many bits again.
const TOP_CRF_STEP: u32 = 5;
/// The first rendition is this much coarser than the largest, so that it does not use up what the others may have.
const FIRST_CRF_OFFSET: u32 = 3;

/// Makes packages. Holds no state of a clip: all of that is in the folder and in the [`Manifest`].
#[derive(Debug, Clone)]
pub struct Transcoder {
    sandbox: Sandbox,
    config: LadderConfig,
}

impl Transcoder {
    pub fn new(sandbox: Sandbox, config: LadderConfig) -> Self {
        Self { sandbox, config }
    }

    /// Makes the first rendition, the sound, the poster and the preview of `source` in `out`, an empty folder of the caller.
    /// When it returns, `master.m3u8` there plays. A retry starts over in a fresh folder.
    pub async fn start(&self, source: &Path, probe: &Probe, out: &Path, progress: ProgressFn<'_>) -> Result<Manifest, Error> {
        let ladder = ladder::rungs(probe, &self.config);
        let first = ladder::first(&ladder, &self.config).ok_or(crate::Refusal::NoPicture)?;
        let is_top = ladder.last() == Some(&first);
        let crf = self.config.crf + if is_top { 0 } else { FIRST_CRF_OFFSET };
        let encode = video::Encode {
            rung: first,
            crf,
            rate_max_bps: first.rate_max_bps(*ladder.last().unwrap_or(&first), self.fps(probe)),
        };
        let tell = |done| progress(Progress { step: Step::First, done });
        let (picture, sound) = tokio::join!(
            video::first(&self.sandbox, &self.config, source, probe, out, encode, &tell),
            audio::package(&self.sandbox, &self.config, source, probe, out),
        );
        picture?;
        let sound = sound?;
        progress(Progress { step: Step::Poster, done: 0.0 });
        let poster = poster::make(&self.sandbox, source, probe, out).await?;
        let mut manifest = Manifest {
            renditions: vec![package::measure(out, first, probe.duration_ms).await?],
            source_width: probe.width,
            source_height: probe.height,
            duration_ms: probe.duration_ms,
            fps: self.fps(probe),
            has_audio: sound.is_some(),
            audio_bytes: sound.as_ref().map_or(0, |s| s.bytes),
            loudness_lufs: sound.and_then(|s| s.loudness_lufs),
            poster_ms: poster.time_ms,
            poster_rgb: poster.rgb,
            complete: ladder.len() == 1,
            files: Vec::new(),
        };
        package::publish(out, &mut manifest).await?;
        progress(Progress { step: Step::Poster, done: 1.0 });
        Ok(manifest)
    }

    /// Adds the renditions that [`Transcoder::start`] left for later, in the folder that it filled. `started` is what it
    /// returned. The result replaces it; the master playlist is replaced in one step after the largest rendition and at the end.
    pub async fn finish(
        &self,
        source: &Path,
        probe: &Probe,
        out: &Path,
        started: Manifest,
        progress: ProgressFn<'_>,
    ) -> Result<Manifest, Error> {
        let mut manifest = started;
        if manifest.complete {
            return Ok(manifest);
        }
        let ladder = ladder::rungs(probe, &self.config);
        let (Some(first), Some(top)) = (ladder::first(&ladder, &self.config), ladder.last().copied()) else {
            return Ok(manifest);
        };
        if first != top {
            let first_bytes = manifest.renditions.first().map_or(0, |r| r.bytes);
            if self.top(source, probe, out, top, first_bytes, progress).await? {
                manifest.renditions.push(package::measure(out, top, probe.duration_ms).await?);
                package::publish(out, &mut manifest).await?;
            }
        }
        let between: Vec<Rung> = ladder.iter().copied().filter(|rung| *rung != first && *rung != top).collect();
        for rung in self.between(source, probe, out, &between, (first, top), &manifest, progress).await? {
            manifest.renditions.push(package::measure(out, rung, probe.duration_ms).await?);
        }
        manifest.renditions.sort_by_key(|r| u64::from(r.width) * u64::from(r.height));
        self.hold_sum(out, first, &mut manifest).await?;
        manifest.complete = true;
        package::publish(out, &mut manifest).await?;
        progress(Progress { step: Step::Rest, done: 1.0 });
        Ok(manifest)
    }

    /// Puts another clip's sound in the place of the clip's own ("use this sound"), in the folder that [`Transcoder::start`]
    /// filled. `sound` is the `a/` of a package as one file: the header and the segments one after the other.
    pub async fn borrow_sound(&self, sound: &Path, out: &Path, started: Manifest) -> Result<Manifest, Error> {
        let mut manifest = started;
        manifest.audio_bytes = audio::borrow(&self.sandbox, &self.config, sound, out, manifest.duration_ms).await?;
        manifest.has_audio = true;
        manifest.loudness_lufs = None;
        package::publish(out, &mut manifest).await?;
        Ok(manifest)
    }

    fn fps(&self, probe: &Probe) -> f64 {
        let (n, d) = ladder::frame_rate(probe, &self.config);
        f64::from(n) / f64::from(d)
    }

    /// The largest rendition, made finer until the first one is small beside it. False when even that did not help (a
    /// picture with nothing in it): then the first one is the clip.
    async fn top(
        &self,
        source: &Path,
        probe: &Probe,
        out: &Path,
        top: Rung,
        first_bytes: u64,
        progress: ProgressFn<'_>,
    ) -> Result<bool, Error> {
        let tell = |done| progress(Progress { step: Step::Top, done });
        for attempt in 0..TOP_TRIES_MAX {
            let crf = self.config.crf.saturating_sub(attempt * TOP_CRF_STEP);
            let encode = video::Encode { rung: top, crf, rate_max_bps: top.rate_max_bps(top, self.fps(probe)) };
            video::others(&self.sandbox, &self.config, source, probe, out, &[encode], &tell).await?;
            let bytes = package::measure(out, top, probe.duration_ms).await?.bytes;
            if first_bytes as f64 <= bytes as f64 * (RENDITIONS_OVER_TOP_PLANNED - 1.0) {
                return Ok(true);
            }
            tracing::debug!(crf, bytes, first_bytes, "the largest rendition is hardly larger than the first");
        }
        package::remove(out, &top.name()).await?;
        Ok(false)
    }

    /// All renditions in between in one pass over the source, each within its share of bytes.
    #[allow(clippy::too_many_arguments)]
    async fn between(
        &self,
        source: &Path,
        probe: &Probe,
        out: &Path,
        between: &[Rung],
        (first, top): (Rung, Rung),
        manifest: &Manifest,
        progress: ProgressFn<'_>,
    ) -> Result<Vec<Rung>, Error> {
        let bytes_of = |rung: Rung| manifest.renditions.iter().find(|r| r.name == rung.name()).map(|r| r.bytes);
        let (Some(first_bytes), Some(top_bytes)) = (bytes_of(first), bytes_of(top)) else {
            return Ok(Vec::new());
        };
        let budgets = ladder::budgets(between, (first, first_bytes), first != top, top_bytes);
        let fps = self.fps(probe);
        let encodes: Vec<video::Encode> = between
            .iter()
            .zip(budgets)
            .filter_map(|(rung, budget)| {
                let budget = budget?;
                let rate_max_bps = video::rate_within(budget.bytes, probe.duration_ms, fps, self.config.segment_s)?;
                let coarser = (4.0 * (1.0 / budget.share).log2()).clamp(0.0, 12.0).round() as u32;
                let rate_max_bps = rate_max_bps.min(rung.rate_max_bps(top, fps));
                Some(video::Encode { rung: *rung, crf: self.config.crf + FIRST_CRF_OFFSET + coarser, rate_max_bps })
            })
            .collect();
        if !encodes.is_empty() {
            let tell = |done| progress(Progress { step: Step::Rest, done });
            video::others(&self.sandbox, &self.config, source, probe, out, &encodes, &tell).await?;
        }
        Ok(encodes.iter().map(|e| e.rung).collect())
    }

    /// Whatever the encoder did: as long as the sum is over the limit, the largest rendition in between goes.
    async fn hold_sum(&self, out: &Path, first: Rung, manifest: &mut Manifest) -> Result<(), Error> {
        while manifest.renditions_over_top() >= RENDITIONS_OVER_TOP_MAX {
            let between = 0..manifest.renditions.len().saturating_sub(1);
            let costly =
                between.filter(|i| manifest.renditions[*i].name != first.name()).max_by_key(|i| manifest.renditions[*i].bytes);
            let Some(costly) = costly else { break };
            let gone = manifest.renditions.remove(costly);
            package::remove(out, &gone.name).await?;
        }
        Ok(())
    }
}
