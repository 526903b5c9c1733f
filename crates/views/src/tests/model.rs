//! The plain model: slow, obvious, and written without a look at how the views do it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::*;

/// (video, at, order of application, watched, duration)
type Entry = (VideoId, i64, usize, u32, u32);

#[derive(Default)]
struct Model {
    facts: BTreeMap<VideoId, VideoFacts>,
    counts: BTreeMap<VideoId, VideoCounts>,
    curves: BTreeMap<VideoId, [u64; 10]>,
    served: BTreeMap<(VideoId, u8), u64>,
    /// What stands between a viewer and a video, by name.
    deeds: BTreeSet<(ViewerId, VideoId, &'static str)>,
    histories: BTreeMap<ViewerId, Vec<Entry>>,
    paused: BTreeSet<ViewerId>,
    follows: BTreeSet<(ViewerId, AccountId)>,
    /// Weights in trending: (of what, when, how much).
    weights: Vec<(String, i64, f64)>,
    step: usize,
}

impl Model {
    fn apply(&mut self, event: &Event) {
        self.step += 1;
        let (who, at) = (event.viewer, event.at.as_millis());
        match &event.body {
            Body::Slate(slate) => {
                slate.items.iter().for_each(|item| *self.served.entry((item.video, item.source)).or_default() += 1);
            }
            Body::Impression { video, .. } => {
                self.deeds.insert((who, *video, "seen"));
                self.counts(*video).impressions += 1;
            }
            Body::Watch(watch) => self.watch(who, at, watch),
            Body::Like { video } => {
                if self.first(who, *video, "liked") {
                    self.counts(*video).likes += 1;
                    self.weigh(*video, at, 4.0);
                }
                self.note(who, *video, at);
            }
            Body::Unlike { video } => {
                self.deeds.insert((who, *video, "seen"));
                if self.deeds.remove(&(who, *video, "liked")) {
                    self.counts(*video).likes -= 1;
                }
            }
            Body::Save { video } => {
                if self.first(who, *video, "saved") {
                    self.counts(*video).saves += 1;
                    self.weigh(*video, at, 8.0);
                }
                self.note(who, *video, at);
            }
            Body::Unsave { video } => {
                self.deeds.insert((who, *video, "seen"));
                if self.deeds.remove(&(who, *video, "saved")) {
                    self.counts(*video).saves -= 1;
                }
            }
            Body::Share { video } => {
                self.counts(*video).shares += 1;
                if self.first(who, *video, "shared") {
                    self.weigh(*video, at, 16.0);
                }
                self.note(who, *video, at);
            }
            Body::Comment { video } => {
                self.counts(*video).comments += 1;
                if self.first(who, *video, "commented") {
                    self.weigh(*video, at, 8.0);
                }
                self.note(who, *video, at);
            }
            Body::Click { video } => {
                self.first(who, *video, "clicked");
                self.counts(*video).clicks += 1;
            }
            Body::NotInterested { video } => {
                self.counts(*video).not_interested += u64::from(!self.deeds.contains(&(who, *video, "not interested")));
                self.first(who, *video, "not interested");
                self.note(who, *video, at);
            }
            Body::Report { video } => {
                self.counts(*video).reports += u64::from(!self.deeds.contains(&(who, *video, "reported")));
                self.first(who, *video, "reported");
            }
            Body::Follow { creator } => {
                if self.follows.insert((who, *creator)) {
                    let history = self.history(who);
                    let cause =
                        history.iter().take(20).find(|entry| self.facts.get(&entry.0).is_some_and(|f| f.creator == *creator));
                    if let Some(cause) = cause {
                        self.counts(cause.0).follows += 1;
                    }
                }
            }
            Body::Unfollow { creator } => {
                self.follows.remove(&(who, *creator));
            }
            Body::HistoryRemoved { video } => {
                let gone: Vec<VideoId> =
                    self.history(who).iter().map(|entry| entry.0).filter(|v| video.is_none_or(|one| one == *v)).collect();
                self.histories.entry(who).or_default().retain(|entry| !gone.contains(&entry.0));
                for video in gone {
                    self.deeds.remove(&(who, video, "finished"));
                    self.deeds.remove(&(who, video, "skipped"));
                }
            }
            Body::LearningPaused { paused } => {
                if *paused {
                    self.paused.insert(who)
                } else {
                    self.paused.remove(&who)
                };
            }
            Body::ViewerErased => {
                let gone: Vec<_> = self.deeds.iter().filter(|deed| deed.0 == who).copied().collect();
                for deed in gone {
                    self.deeds.remove(&deed);
                    match deed.2 {
                        "liked" => self.counts(deed.1).likes -= 1,
                        "saved" => self.counts(deed.1).saves -= 1,
                        _ => {}
                    }
                }
                self.histories.remove(&who);
                self.paused.remove(&who);
                self.follows.retain(|(viewer, _)| *viewer != who);
            }
            Body::VideoPublished(facts) => {
                let mut facts = facts.clone();
                let mut once = vec![];
                facts.hashtags.into_iter().for_each(|tag| {
                    if !once.contains(&tag) {
                        once.push(tag)
                    }
                });
                facts.hashtags = once;
                self.facts.insert(facts.video, facts);
            }
            Body::VideoRemoved { video } => {
                self.facts.remove(video);
                let name = format!("video {video}");
                self.weights.retain(|(of, ..)| *of != name);
            }
            Body::Origin { .. } => {}
        }
    }

    fn counts(&mut self, video: VideoId) -> &mut VideoCounts {
        self.counts.entry(video).or_default()
    }

    fn first(&mut self, who: ViewerId, video: VideoId, deed: &'static str) -> bool {
        self.deeds.insert((who, video, "seen"));
        self.deeds.insert((who, video, deed))
    }

    fn weigh(&mut self, video: VideoId, at: i64, weight: f64) {
        let Some(facts) = self.facts.get(&video) else { return };
        self.weights.push((format!("video {video}"), at, weight));
        facts.hashtags.iter().for_each(|tag| self.weights.push((format!("hashtag {tag}"), at, weight)));
        facts.sound.iter().for_each(|sound| self.weights.push((format!("sound {sound}"), at, weight)));
    }

    fn note(&mut self, who: ViewerId, video: VideoId, at: i64) {
        let history = self.histories.entry(who).or_default();
        if !self.paused.contains(&who) && history.iter().all(|entry| entry.0 != video) {
            history.push((video, at, self.step, 0, 0));
            self.cut(who);
        }
    }

    fn history(&self, who: ViewerId) -> Vec<Entry> {
        let mut history = self.histories.get(&who).cloned().unwrap_or_default();
        history.sort_by_key(|entry| std::cmp::Reverse((entry.1, entry.2)));
        history
    }

    fn cut(&mut self, who: ViewerId) {
        let mut history = self.history(who);
        history.truncate(HISTORY_ENTRIES_MAX);
        self.histories.insert(who, history);
    }

    fn watch(&mut self, who: ViewerId, at: i64, watch: &Watch) {
        let video = watch.video;
        let known = self.facts.get(&video).map_or(0, |facts| facts.duration_ms);
        let duration_ms = if watch.duration_ms == 0 { known } else { watch.duration_ms };
        let share = f64::from(watch.watch_ms) / f64::from(duration_ms);
        let finished = duration_ms > 0 && share >= 0.95;
        let viewed = watch.watch_ms >= 1_000 || finished;
        let skipped = duration_ms > 0 && share < 0.25 && watch.watch_ms < 3_000;
        if duration_ms > 0 {
            self.curves.entry(video).or_default()[((share * 10.0) as usize).min(9)] += 1;
        }
        self.deeds.insert((who, video, "seen"));
        self.deeds.remove(&(who, video, "skipped"));
        if skipped {
            self.deeds.insert((who, video, "skipped"));
        }
        let counts = self.counts(video);
        counts.watch_ms += u64::from(watch.watch_ms);
        counts.skips += u64::from(skipped);
        counts.finishes += u64::from(finished);
        counts.views += u64::from(viewed);
        if viewed && self.first(who, video, "viewed") {
            self.counts(video).viewers += 1;
            self.weigh(video, at, 1.0);
        }
        if finished && self.first(who, video, "finished") {
            self.weigh(video, at, 2.0);
        }
        if self.paused.contains(&who) {
            return;
        }
        let step = self.step;
        let history = self.histories.entry(who).or_default();
        match history.iter_mut().find(|entry| entry.0 == video) {
            Some(entry) => {
                let duration_ms = if duration_ms == 0 { entry.4 } else { duration_ms };
                *entry = (video, at.max(entry.1), step, entry.3 + watch.watch_ms, duration_ms);
            }
            None => history.push((video, at, step, watch.watch_ms, duration_ms)),
        }
        self.cut(who);
    }

    fn score(&self, name: &str, now: i64) -> f64 {
        let half_life_ms = Options::default().trending_half_life_ms as f64;
        let faded = |(_, at, weight): &(String, i64, f64)| weight * (-((now - at) as f64) / half_life_ms).exp2();
        self.weights.iter().filter(|(of, ..)| of == name).map(faded).sum()
    }

    fn newest(&self, which: impl Fn(&VideoFacts) -> bool) -> Vec<VideoId> {
        let mut found: Vec<_> = self.facts.values().filter(|facts| which(facts)).map(|f| (f.published_at, f.video)).collect();
        found.sort_by(|a, b| b.cmp(a));
        found.into_iter().map(|(_, video)| video).collect()
    }

    fn agrees(&self, views: &Views, now: Timestamp) {
        for n in 0..VIDEOS {
            let video = video(n);
            assert_eq!(views.counts(video), self.counts.get(&video).copied().unwrap_or_default(), "counts of {n}");
            assert_eq!(views.watch_curve(video).0, self.curves.get(&video).copied().unwrap_or_default(), "curve of {n}");
            assert_eq!(views.facts(video).as_deref(), self.facts.get(&video), "facts of {n}");
            let served: Vec<_> =
                self.served.range((video, 0)..=(video, 255)).map(|((_, source), count)| (*source, *count)).collect();
            assert_eq!(views.served_by_source(video), served);
        }
        self.viewers_agree(views);
        for n in 0..CREATORS {
            let creator = creator(n);
            assert_eq!(views.followers(creator), self.follows.iter().filter(|(_, c)| *c == creator).count() as u64);
            let videos = self.newest(|facts| facts.creator == creator);
            assert_eq!(views.videos_of_creator(creator, usize::MAX), videos);
            let sum = |of: fn(&VideoCounts) -> u64| videos.iter().filter_map(|v| self.counts.get(v)).map(of).sum::<u64>();
            let counts = views.creator_counts(creator);
            assert_eq!(
                (counts.views, counts.likes, counts.watch_ms),
                (sum(|c| c.views), sum(|c| c.likes), sum(|c| c.watch_ms))
            );
            assert_eq!((counts.videos, counts.followers), (videos.len() as u64, views.followers(creator)));
        }
        assert_eq!(views.fresh(usize::MAX), self.newest(|_| true));
        assert_eq!(views.video_count(), self.facts.len());
        self.topics_agree(views, now);
    }

    fn viewers_agree(&self, views: &Views) {
        for n in 0..VIEWERS {
            let who = viewer(n);
            assert_eq!(views.learning_paused(who), self.paused.contains(&who));
            let follows: Vec<_> = self.follows.iter().filter(|(v, _)| *v == who).map(|(_, creator)| *creator).collect();
            assert_eq!(views.follows(who), follows);
            let history: Vec<_> =
                views.history(who, 1_000).iter().map(|e| (e.video, e.at.as_millis(), e.watch_ms, e.duration_ms)).collect();
            let expected: Vec<_> = self.history(who).iter().map(|e| (e.0, e.1, e.3, e.4)).collect();
            assert_eq!(history, expected, "history of {n}");
            assert!(views.history(who, 1_000).iter().all(|entry| entry.flags == views.flags(who, entry.video)));
            let seen = views.seen_snapshot(who);
            for video in (0..VIDEOS).map(video) {
                let did = |deed| self.deeds.contains(&(who, video, deed));
                let flags = seen.flags(video);
                assert_eq!(seen.contains(video), did("seen"));
                assert_eq!(flags, views.flags(who, video));
                let got = [
                    flags.viewed(),
                    flags.finished(),
                    flags.liked(),
                    flags.saved(),
                    flags.shared(),
                    flags.commented(),
                    flags.skipped(),
                    flags.not_interested(),
                    flags.reported(),
                    flags.clicked(),
                ];
                let expected = [
                    "viewed",
                    "finished",
                    "liked",
                    "saved",
                    "shared",
                    "commented",
                    "skipped",
                    "not interested",
                    "reported",
                    "clicked",
                ];
                assert_eq!(got, expected.map(did));
                assert_eq!(flags.in_history(), expected_in(&history, video));
            }
        }
    }

    fn topics_agree(&self, views: &Views, now: Timestamp) {
        let near = |got: f64, name: String| {
            let expected = self.score(&name, now.as_millis());
            assert!((got - expected).abs() <= 1e-6 * expected.max(1e-9), "{name}: {got} for {expected}");
        };
        let views_of = |videos: &[VideoId]| videos.iter().filter_map(|v| self.counts.get(v)).map(|c| c.views).sum::<u64>();
        for tag in ["fractal", "数学", "night", "tone", "none"] {
            let videos = self.newest(|facts| facts.hashtags.iter().any(|t| t == tag));
            assert_eq!(views.videos_with_hashtag(tag, usize::MAX), videos);
            let counts = TopicCounts { videos: videos.len() as u64, views: views_of(&videos) };
            assert_eq!(views.hashtag_counts(tag), counts, "{tag}");
            let within: BTreeSet<_> =
                views.trending_with_hashtag(tag, usize::MAX, now).iter().map(|(video, _)| *video).collect();
            let expected = videos.into_iter().filter(|v| self.score(&format!("video {v}"), now.as_millis()) > 0.0).collect();
            assert_eq!(within, expected);
        }
        for sound in (0..5).map(SoundId::from_raw) {
            let videos = self.newest(|facts| facts.sound == Some(sound));
            assert_eq!(views.videos_with_sound(sound, usize::MAX), videos);
            assert_eq!(views.sound_counts(sound), TopicCounts { videos: videos.len() as u64, views: views_of(&videos) });
        }
        let top = views.trending_videos(usize::MAX, now);
        assert!(top.is_sorted_by(|(_, a), (_, b)| a >= b));
        top.into_iter().for_each(|(video, score)| near(score, format!("video {video}")));
        views.trending_hashtags(9, now).into_iter().for_each(|(tag, score)| near(score, format!("hashtag {tag}")));
        views.trending_sounds(9, now).into_iter().for_each(|(sound, score)| near(score, format!("sound {sound}")));
        let scored: BTreeSet<&String> = self.weights.iter().map(|(of, ..)| of).collect();
        let boards =
            (views.trending_videos(999, now).len(), views.trending_hashtags(9, now).len(), views.trending_sounds(9, now).len());
        let kinds = ["video ", "hashtag ", "sound "].map(|kind| scored.iter().filter(|of| of.starts_with(kind)).count());
        assert_eq!([boards.0, boards.1, boards.2], kinds);
    }
}

fn expected_in(history: &[(VideoId, i64, u32, u32)], video: VideoId) -> bool {
    history.iter().any(|entry| entry.0 == video)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 100, ..ProptestConfig::default() })]

    #[test]
    fn views_agree_with_the_model(seed: u64, length in 1usize..6_000) {
        let log = random_log(seed, length);
        let (views, mut model) = (Views::new(Options::default()), Model::default());
        for event in &log {
            views.apply(event);
            model.apply(event);
        }
        let now = Timestamp::from_millis(START_MS + 3_600_000);
        model.agrees(&views, now);
        prop_assert_eq!(views.applied(), length as u64);
    }

    #[test]
    fn a_snapshot_goes_on_as_if_nothing_had_been(seed: u64, length in 2usize..3_000) {
        let log = random_log(seed, length);
        let (before, after) = log.split_at(seed as usize % length);
        let whole = Views::new(Options::default());
        before.iter().for_each(|event| whole.apply(event));
        let snapshot = whole.snapshot();
        let restored = Views::restore(Options::default(), &snapshot).unwrap();
        prop_assert!(restored.snapshot() == snapshot, "restoring changes the snapshot");
        for event in after {
            whole.apply(event);
            restored.apply(event);
        }
        prop_assert!(restored.snapshot() == whole.snapshot(), "the restored views go another way");
        let mut model = Model::default();
        log.iter().for_each(|event| model.apply(event));
        model.agrees(&restored, Timestamp::from_millis(START_MS + 3_600_000));
    }
}
