//! Why a clip has its score: what each group of inputs adds to one task's logit, and the affinities in words of the app.

use crate::features::{HASHTAGS_MAX, VideoFeatures, ViewerFeatures};
use crate::forward::{CandidateRows, logits_of, trace_one};
use crate::learner::{Learner, prediction};
use crate::math::D;
use crate::rivals::ORDERED;
use crate::shape::*;
use crate::side::{Compare, ItemByItem, Model, ViewerSide, unit};
use crate::table::Field;
use crate::task::Task;

/// A group of inputs that is taken away together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// The viewer's own row and counted rates.
    Viewer,
    /// Hour, weekday, device, language, tab, depth.
    Context,
    /// The history's general mood: its mean outcome and length.
    Mood,
    /// What the history says of the clip's hashtags.
    HashtagAffinity,
    /// What the history says of its creator.
    CreatorAffinity,
    /// What the history says of clips that look and sound like it.
    ContentAffinity,
    /// What the history says by learned likeness.
    LearnedAffinity,
    /// The clip's own row and how it did so far.
    Video,
    Creator,
    Sound,
    Hashtags,
    Words,
    Content,
    /// Length and age.
    Form,
}

impl Group {
    pub const ALL: [Self; 14] = [
        Self::Viewer,
        Self::Context,
        Self::Mood,
        Self::HashtagAffinity,
        Self::CreatorAffinity,
        Self::ContentAffinity,
        Self::LearnedAffinity,
        Self::Video,
        Self::Creator,
        Self::Sound,
        Self::Hashtags,
        Self::Words,
        Self::Content,
        Self::Form,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Context => "context",
            Self::Mood => "mood",
            Self::HashtagAffinity => "hashtag_affinity",
            Self::CreatorAffinity => "creator_affinity",
            Self::ContentAffinity => "content_affinity",
            Self::LearnedAffinity => "learned_affinity",
            Self::Video => "video",
            Self::Creator => "creator",
            Self::Sound => "sound",
            Self::Hashtags => "hashtags",
            Self::Words => "words",
            Self::Content => "content",
            Self::Form => "form",
        }
    }

    /// Sets the group's inputs to what they are when nothing is known.
    fn clear(self, x: &mut [f32; INPUTS], neutral: f32) {
        let mut vector = |start: usize| x[start..start + D].fill(0.0);
        match self {
            Self::Viewer => vector(VIEWER_SELF * D),
            Self::Context => vector(VIEWER_CONTEXT * D),
            Self::LearnedAffinity => [VIEWER_LIKED * D, VIEWER_DISLIKED * D, ATTENDED_START].into_iter().for_each(vector),
            Self::Video => vector(CANDIDATE_START + VIDEO * D),
            Self::Creator => vector(CANDIDATE_START + CREATOR * D),
            Self::Sound => vector(CANDIDATE_START + SOUND * D),
            Self::Hashtags => vector(CANDIDATE_START + HASHTAGS * D),
            Self::Words => vector(CANDIDATE_START + WORDS * D),
            Self::Content => vector(CANDIDATE_START + CONTENT * D),
            Self::Form => vector(CANDIDATE_START + FORM * D),
            Self::Mood | Self::HashtagAffinity | Self::CreatorAffinity | Self::ContentAffinity => {}
        }
        let products = &mut x[WIDE_START..WIDE_START + DOTS];
        for (at, product) in products.iter_mut().enumerate() {
            let (side, field) = (at / CANDIDATE_FIELDS, at % CANDIDATE_FIELDS);
            let mine = match self {
                Self::Viewer => side == VIEWER_SELF,
                Self::Context => side == VIEWER_CONTEXT,
                Self::LearnedAffinity => side == VIEWER_LIKED || side == VIEWER_DISLIKED,
                Self::Video => field == VIDEO,
                Self::Creator => field == CREATOR,
                Self::Sound => field == SOUND,
                Self::Hashtags => field == HASHTAGS,
                Self::Words => field == WORDS,
                Self::Content => field == CONTENT,
                Self::Form => field == FORM,
                _ => false,
            };
            if mine {
                *product = 0.0;
            }
        }
        let ordered = |part: usize| {
            let start = WIDE_START + DOTS + Affinity::Ordered as usize + part * ORDERED.len();
            start..start + ORDERED.len()
        };
        match self {
            Self::Video => x[ordered(0)].fill(0.0),
            Self::Viewer => [1, 2].into_iter().for_each(|part| x[ordered(part)].fill(0.0)),
            _ => {}
        }
        for (affinity, rest) in self.affinities() {
            x[WIDE_START + DOTS + *affinity as usize] = if *rest == Rest::Mean { neutral } else { 0.0 };
        }
    }

    /// The group's hand-made inputs and where they rest when nothing is known.
    fn affinities(self) -> &'static [(Affinity, Rest)] {
        use Affinity as A;
        use Rest::{Mean, Zero};
        match self {
            Self::Viewer => {
                &[(A::ViewerWatch, Zero), (A::ViewerWatchEvidence, Zero), (A::ViewerLike, Zero), (A::HabitEvidence, Zero)]
            }
            Self::Mood => &[
                (A::Mean, Zero),
                (A::Recent, Zero),
                (A::HistoryLength, Zero),
                (A::Last, Zero),
                (A::Days, Zero),
                (A::DaysEvidence, Zero),
            ],
            Self::HashtagAffinity => {
                &[(A::Hashtags, Mean), (A::HashtagBest, Mean), (A::HashtagWorst, Mean), (A::HashtagEvidence, Zero)]
            }
            Self::CreatorAffinity => &[(A::Creator, Mean), (A::CreatorEvidence, Zero)],
            Self::ContentAffinity => &[(A::Content, Mean), (A::ContentEvidence, Zero)],
            Self::LearnedAffinity => &[(A::Attention, Mean), (A::AttentionEvidence, Zero), (A::Retrieval, Zero)],
            Self::Video => &[
                (A::VideoWatch, Zero),
                (A::VideoWatchEvidence, Zero),
                (A::VideoLike, Zero),
                (A::Seen, Zero),
                (A::SeenValence, Zero),
            ],
            Self::Creator => &[(A::CreatorWatch, Zero), (A::CreatorWatchEvidence, Zero), (A::CreatorLike, Zero)],
            Self::Sound => &[(A::SoundWatch, Zero)],
            Self::Hashtags => &[(A::HashtagWatch, Zero)],
            Self::Content => &[(A::ContentKnown, Zero)],
            Self::Form => &[(A::Duration, Zero), (A::DurationSquared, Zero), (A::Age, Zero), (A::Fresh, Zero)],
            Self::Context | Self::Words => &[],
        }
    }
}

/// Where an input rests.
#[derive(Clone, Copy, PartialEq)]
enum Rest {
    Zero,
    /// At the affinity of what the viewer has never seen.
    Mean,
}

/// Why one task has its probability for one viewer and one video.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    pub task: Task,
    pub probability: f32,
    pub logit: f32,
    /// What each group adds to the logit, largest in size first: its own effects, which are exact, and how much lower the net's part would
    /// be without it, an approximation, since groups work together there. So these do not quite add up to the logit.
    pub contributions: Vec<(Group, f32)>,
    /// The viewer's recency-weighted mean outcome on the clip's creator, on each of its hashtags (by key), and on what looks
    /// and sounds like it; -1 to 1, above or below what the viewer has of things never seen.
    pub creator: f32,
    pub hashtags: Vec<(u64, f32)>,
    pub content: f32,
    /// The liked clip of the recent history that is most like this one, if any is.
    pub similar: Option<u64>,
}

/// Likeness (a cosine) from which a liked clip is named as similar.
const SIMILAR_MIN: f32 = 0.5;

/// The effects of each group's rows on a task (by its index), as they stand in the logit.
fn effects_by_group(
    model: &Model<'_>,
    side: &ViewerSide,
    video: &VideoFeatures,
    rows: &CandidateRows,
    task: usize,
) -> [f32; Group::ALL.len()] {
    let mut out = [0.0; Group::ALL.len()];
    let mut whole = side.belief;
    rows.each_effect(video, |field, row, share| {
        whole.add(model.view, model.information, field, row, share);
    });
    // The doubt in the whole draws every effect towards zero alike.
    let scale = if whole.mean[task] == 0.0 { 1.0 } else { whole.logits()[task] / whole.mean[task] };
    let mut add = |group: Group, field: Field, row: Option<u32>, share: f32| {
        out[group as usize] += scale * share * model.view.effects(field, row)[task];
    };
    add(Group::Viewer, Field::Viewer, side.rows.viewer, 1.0);
    add(Group::Viewer, Field::Habit, side.rows.habit, 1.0);
    side.rows.context.iter().for_each(|row| add(Group::Context, Field::Context, *row, 1.0));
    let mut form = [rows.duration, rows.age].into_iter();
    rows.each_effect(video, |field, row, share| {
        let group = match field {
            Field::Creator => Group::Creator,
            Field::Sound => Group::Sound,
            Field::Hashtag => Group::Hashtags,
            Field::Word => Group::Words,
            // Length and age first, then having seen it, which is about the clip.
            Field::Context if form.next().is_some() => Group::Form,
            _ => Group::Video,
        };
        add(group, field, row, share);
    });
    out
}

impl Learner {
    /// Explains one prediction. About twenty times the cost of predicting one candidate.
    pub fn explain(&self, now_ms: i64, viewer: &ViewerFeatures, video: &VideoFeatures, task: Task) -> Explanation {
        self.with_model(|model| {
            let side = ViewerSide::of(model, now_ms, viewer);
            let rows = CandidateRows::locate(model.view, &side, video, now_ms);
            let mut x = [0.0; INPUTS];
            let history = ItemByItem { side: &side, history: &viewer.history, whitener: model.whitener };
            let (candidate, activations) = trace_one(self.level(), model, &history, now_ms, video, &rows, &mut x);
            let (logits, at) = (activations.logits[0], task.index());
            let neutral = side.taste.unseen().mean;
            let effects = effects_by_group(model, &side, video, &rows, at);
            let net = logits_of(self.level(), model.dense, &x)[at];
            let mut contributions: Vec<(Group, f32)> = Group::ALL
                .into_iter()
                .map(|group| {
                    let mut without = x;
                    group.clear(&mut without, neutral);
                    (group, effects[group as usize] + net - logits_of(self.level(), model.dense, &without)[at])
                })
                .collect();
            contributions.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
            let hashtags = video.hashtags.iter().take(HASHTAGS_MAX);
            let similar =
                side.nearest_liked(&history.towers(&unit(&candidate.tower))).filter(|(_, likeness)| *likeness >= SIMILAR_MIN);
            Explanation {
                task,
                probability: prediction(&logits).get(task),
                logit: logits[at],
                contributions,
                creator: history.judge(video).creator.mean - neutral,
                hashtags: hashtags
                    .map(|key| {
                        (
                            *key,
                            side.taste
                                .judge(&viewer.history, &VideoFeatures { hashtags: vec![*key], ..VideoFeatures::default() })
                                .hashtags
                                .all
                                .mean
                                - neutral,
                        )
                    })
                    .collect(),
                content: side.content_opinion(&history.contents(&unit(&candidate.content))).mean - neutral,
                similar: similar.and_then(|(at, _)| viewer.history.get(at)).map(|item| item.video),
            }
        })
    }
}
