//! Videos and people as pages show them: what the catalog knows, how often, by whom, and what the caller did.

use std::sync::Arc;

use base::{AccountId, VideoId};
use catalog::Card;
use hashbrown::HashMap;
use views::VideoCounts;

use crate::{App, AppError};

/// People kept in memory.
pub(crate) const PEOPLE_MAX: usize = 100_000;

/// Somebody, as they stand beside their videos and comments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonRef {
    pub id: AccountId,
    pub handle: String,
    pub display_name: String,
    /// The name of the picture's blob.
    pub avatar: Option<String>,
    /// `#rrggbb`, for where there is no picture.
    pub color: String,
}

/// A published video with everything around it.
#[derive(Clone, Debug)]
pub struct VideoCard {
    pub card: Arc<Card>,
    pub creator: Arc<PersonRef>,
    /// Who made the sound; none when they left.
    pub sound_creator: Option<Arc<PersonRef>>,
    pub counts: VideoCounts,
    /// The caller's relation to it.
    pub following: bool,
    pub liked: bool,
    pub saved: bool,
    pub own: bool,
}

impl App {
    /// The people of these ids that there are.
    pub async fn people_refs(&self, ids: &[AccountId]) -> Result<HashMap<AccountId, Arc<PersonRef>>, AppError> {
        let mut found = HashMap::with_capacity(ids.len());
        let mut missing = Vec::new();
        self.people.get_each(ids, |id, person| match person {
            Some(person) => drop(found.insert(*id, person.clone())),
            None => missing.push(*id),
        });
        if missing.is_empty() {
            return Ok(found);
        }
        missing.sort_unstable();
        missing.dedup();
        let stand = self.people.stand();
        for account in self.accounts.by_ids(&missing).await? {
            let color = account.color();
            let person = PersonRef {
                id: account.id,
                handle: account.handle,
                display_name: account.display_name,
                avatar: account.avatar,
                color,
            };
            found.insert(account.id, Arc::new(person));
        }
        self.people.keep(stand, missing.iter().filter_map(|id| Some((*id, found.get(id)?.clone()))));
        Ok(found)
    }

    /// To be called after every change of a profile: handle, name, picture, deletion.
    pub fn person_changed(&self, account: AccountId) {
        self.people.forget(&account);
    }

    /// Published videos in the order asked for. Those that are gone, whose creator left or is shut out are left out.
    pub async fn cards(&self, caller: Option<AccountId>, ids: &[VideoId]) -> Result<Vec<VideoCard>, AppError> {
        let cards = self.catalog.cards(ids).await?;
        if cards.is_empty() {
            return Ok(Vec::new());
        }
        let creators = cards.iter().flat_map(|card| [Some(card.creator), card.sound.as_ref().map(|sound| sound.creator)]);
        let mut creators: Vec<AccountId> = creators.flatten().filter(|id| id.raw() != 0).collect();
        creators.sort_unstable();
        creators.dedup();
        let people = self.people_refs(&creators).await?;
        let (shut_out, following, mine) = match caller {
            Some(account) => (
                self.blocks_of(account).await?,
                self.social.following(account, &creators).await?,
                self.social.mine(account, ids).await?,
            ),
            None => Default::default(),
        };
        let mut counts: HashMap<VideoId, VideoCounts> =
            cards.iter().map(|card| (card.id, self.brain.views.counts(card.id))).collect();
        // The log tells of comments written; how many of them stand is the store's to say.
        let commented: Vec<VideoId> = counts.iter().filter(|(_, counts)| counts.comments > 0).map(|(id, _)| *id).collect();
        if !commented.is_empty() {
            let standing = self.social.video_counts(&commented).await?;
            for id in commented {
                if let Some(counts) = counts.get_mut(&id) {
                    counts.comments = standing.get(&id).map_or(0, |s| s.comments);
                }
            }
        }
        Ok(cards
            .into_iter()
            .filter(|card| !shut_out.contains(&card.creator))
            .filter_map(|card| {
                Some(VideoCard {
                    creator: people.get(&card.creator)?.clone(),
                    sound_creator: card.sound.as_ref().and_then(|sound| people.get(&sound.creator).cloned()),
                    counts: counts.get(&card.id).copied().unwrap_or_default(),
                    following: following.contains(&card.creator),
                    liked: mine.liked.contains(&card.id),
                    saved: mine.saved.contains(&card.id),
                    own: caller == Some(card.creator),
                    card,
                })
            })
            .collect())
    }

    /// One published video; not found when it is gone or its creator is shut out.
    pub async fn card(&self, caller: Option<AccountId>, id: VideoId) -> Result<VideoCard, AppError> {
        self.cards(caller, &[id]).await?.pop().ok_or(AppError::NotFound)
    }
}
