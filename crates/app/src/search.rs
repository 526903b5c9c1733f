//! Finding: search, suggestions, what is going on, the pages of hashtags and sounds.

use base::{AccountId, SoundId, VideoId};
use catalog::{Hashtag, Sound};
use store::cursor::{Cursor, Page};

use crate::{App, AppError, VideoCard};

/// Hashtags, sounds and people on the discover page.
const DISCOVER_HASHTAGS: usize = 12;
const DISCOVER_SOUNDS: usize = 12;
const DISCOVER_PEOPLE: usize = 12;
/// Videos shown under each hashtag of the discover page.
const DISCOVER_VIDEOS: usize = 6;
/// Suggestions of each kind.
const SUGGESTIONS: u32 = 5;
/// Views of a video, and followers of a person, at which popularity counts full in search.
const POPULAR_VIEWS: f64 = 1e6;
const POPULAR_FOLLOWERS: f64 = 1e5;

/// A hashtag with its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashtagPage {
    pub hashtag: String,
    pub video_count: u64,
    pub view_count: u64,
}

/// What is going on.
#[derive(Clone, Debug, Default)]
pub struct Discover {
    pub hashtags: Vec<(HashtagPage, Vec<VideoCard>)>,
    pub sounds: Vec<Sound>,
    pub people: Vec<AccountId>,
}

/// What somebody who types may mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Suggestion {
    Hashtag(String),
    Person(AccountId),
    Query(String),
}

impl App {
    pub async fn search_videos(&self, query: &str, cursor: Option<Cursor>, limit: u32) -> Result<Page<VideoId>, AppError> {
        let views = &self.brain.views;
        let popularity = |video| share(views.counts(video).views, POPULAR_VIEWS);
        Ok(self.catalog.search_videos(query, cursor, limit, popularity).await?)
    }

    pub async fn search_people(&self, query: &str, cursor: Option<Cursor>, limit: u32) -> Result<Page<AccountId>, AppError> {
        let views = &self.brain.views;
        let popularity = |person| share(views.creator_counts(person).followers, POPULAR_FOLLOWERS);
        Ok(self.catalog.search_people(query, cursor, limit, popularity).await?)
    }

    pub async fn search_sounds(&self, query: &str, cursor: Option<Cursor>, limit: u32) -> Result<Page<Sound>, AppError> {
        Ok(self.catalog.search_sounds(query, cursor, limit).await?)
    }

    pub async fn search_hashtags(
        &self,
        query: &str,
        cursor: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<HashtagPage>, AppError> {
        Ok(self.catalog.search_hashtags(query, cursor, limit).await?.map(|found| self.with_views(found)))
    }

    /// Completions of what was typed so far: hashtags, people, words.
    pub async fn suggest(&self, caller: Option<AccountId>, query: &str) -> Result<Vec<Suggestion>, AppError> {
        let hashtags = self.catalog.search_hashtags(query, None, SUGGESTIONS).await?.items;
        let shut_out = match caller {
            Some(caller) => self.blocks_of(caller).await?,
            None => Default::default(),
        };
        let people = match query.trim_start().starts_with(['#', '＃']) {
            true => Vec::new(),
            false => self.search_people(query, None, SUGGESTIONS).await?.items,
        };
        let queries = self.catalog.suggest_queries(query, SUGGESTIONS).await?;
        let hashtags = hashtags.into_iter().map(|found| Suggestion::Hashtag(found.hashtag));
        let people = people.into_iter().filter(|person| !shut_out.contains(person)).map(Suggestion::Person);
        Ok(queries.into_iter().map(Suggestion::Query).chain(hashtags).chain(people).collect())
    }

    /// A hashtag's page; a hashtag that nobody uses has zeros.
    pub async fn hashtag(&self, hashtag: &str) -> Result<HashtagPage, AppError> {
        Ok(self.with_views(self.catalog.hashtag(hashtag).await?))
    }

    fn with_views(&self, found: Hashtag) -> HashtagPage {
        let view_count = self.brain.views.hashtag_counts(&found.hashtag).views;
        HashtagPage { hashtag: found.hashtag, video_count: found.video_count, view_count }
    }

    /// What trends now; while too little does, what is used most.
    pub async fn discover(&self, caller: Option<AccountId>) -> Result<Discover, AppError> {
        let (views, now) = (&self.brain.views, self.clock.now());
        let mut tags: Vec<String> =
            views.trending_hashtags(DISCOVER_HASHTAGS, now).into_iter().map(|(tag, _)| tag.to_string()).collect();
        for top in self.catalog.top_hashtags(DISCOVER_HASHTAGS as u32).await? {
            if tags.len() < DISCOVER_HASHTAGS && !tags.contains(&top.hashtag) {
                tags.push(top.hashtag);
            }
        }
        let mut hashtags = Vec::new();
        for tag in tags {
            let page = self.hashtag(&tag).await?;
            if page.video_count == 0 {
                continue;
            }
            let mut ids: Vec<VideoId> =
                views.trending_with_hashtag(&tag, DISCOVER_VIDEOS, now).into_iter().map(|(video, _)| video).collect();
            for id in self.catalog.videos_with_hashtag(&tag, Cursor::TOP, DISCOVER_VIDEOS as u32).await?.items {
                if ids.len() < DISCOVER_VIDEOS && !ids.contains(&id) {
                    ids.push(id);
                }
            }
            hashtags.push((page, self.cards(caller, &ids).await?));
        }
        let mut sounds: Vec<SoundId> =
            views.trending_sounds(DISCOVER_SOUNDS, now).into_iter().map(|(sound, _)| sound).collect();
        for sound in self.catalog.top_sounds(DISCOVER_SOUNDS as u32).await? {
            if sounds.len() < DISCOVER_SOUNDS && !sounds.contains(&sound.id) {
                sounds.push(sound.id);
            }
        }
        let sounds = self.catalog.sounds(&sounds).await?;
        Ok(Discover { hashtags, sounds, people: self.people_to_meet(caller).await? })
    }

    /// Creators of what is watched and of what is new, whom the caller does not follow yet.
    async fn people_to_meet(&self, caller: Option<AccountId>) -> Result<Vec<AccountId>, AppError> {
        let now = self.clock.now();
        let trending = self.brain.views.trending_videos(DISCOVER_PEOPLE * 8, now).into_iter().map(|(video, _)| video);
        let videos: Vec<VideoId> = trending.chain(self.brain.views.fresh(DISCOVER_PEOPLE * 8)).collect();
        let mut people: Vec<AccountId> = Vec::new();
        for card in self.catalog.cards(&videos).await? {
            if !people.contains(&card.creator) {
                people.push(card.creator);
            }
        }
        if let Some(account) = caller {
            let (following, shut_out) = (self.social.following(account, &people).await?, self.blocks_of(account).await?);
            people.retain(|person| *person != account && !following.contains(person) && !shut_out.contains(person));
        }
        people.truncate(DISCOVER_PEOPLE);
        Ok(people)
    }

    pub async fn sound(&self, id: SoundId) -> Result<Sound, AppError> {
        Ok(self.catalog.sound(id).await?)
    }
}

/// 0 for none, 1 for `full` and more, by powers of ten between.
fn share(count: u64, full: f64) -> f64 {
    ((1.0 + count as f64).ln() / (1.0 + full).ln()).min(1.0)
}
