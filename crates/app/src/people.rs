//! People: signing up, profiles, who follows and blocks whom, leaving.

mod leaving;

use accounts::{Account, Arrival, NewAccount, ProfileChange, SignUp, SignedIn, SignedInSession, Updated};
use base::{AccountId, ViewerId};
use eventlog::Body;
use store::cursor::{Cursor, Page};

use crate::{App, AppError};

pub use leaving::{Confirmation, Export};

/// The largest picture that is kept, in bytes: what comes out of the renderer is far smaller.
const AVATAR_KEPT_BYTES_MAX: u64 = 512 * 1024;

/// Somebody's page, as one caller sees it.
#[derive(Clone, Debug)]
pub struct PersonPage {
    pub account: Account,
    pub followers: u64,
    pub following: u64,
    /// Likes on their videos.
    pub likes: u64,
    pub videos: u64,
    pub mine: MyPerson,
}

/// What the caller is to somebody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MyPerson {
    pub following: bool,
    pub blocked: bool,
    pub is_me: bool,
}

/// What following came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Followed {
    pub following: bool,
    pub followers: u64,
}

impl App {
    /// Makes an account, findable from the first moment, and signs in to it.
    pub async fn sign_up(&self, form: SignUp, arrival: &Arrival) -> Result<SignedIn, AppError> {
        let prepared = self.accounts.prepare_sign_up(form, arrival).await?;
        let mut change = self.begin().await?;
        let signed_in = self.accounts.sign_up_in(&mut change.tx, prepared, arrival).await?;
        let account = &signed_in.account;
        self.catalog.put_person(&mut change.tx, account.id, &account.handle, &account.display_name).await?;
        self.commit(change).await?;
        self.accounts.signed_up(&signed_in, arrival);
        Ok(signed_in)
    }

    /// Makes an account on behalf of the house: the demo, the command line.
    pub async fn create_account(&self, new: NewAccount) -> Result<Account, AppError> {
        let prepared = self.accounts.prepare(new).await?;
        let mut change = self.begin().await?;
        let account = self.accounts.create_in(&mut change.tx, prepared).await?;
        self.catalog.put_person(&mut change.tx, account.id, &account.handle, &account.display_name).await?;
        self.commit(change).await?;
        self.accounts.created(&account);
        Ok(account)
    }

    /// Changes a profile; search and the feed hear of it.
    pub async fn change_profile(&self, who: &SignedInSession, wanted: ProfileChange) -> Result<Updated, AppError> {
        let mut change = self.begin().await?;
        let updated = self.accounts.update(&mut change.tx, who.account, wanted).await?;
        let account = &updated.account;
        self.catalog.put_person(&mut change.tx, account.id, &account.handle, &account.display_name).await?;
        if let Some(paused) = updated.learning_paused_changed {
            self.tell(&mut change, who.viewer, Body::LearningPaused { paused }).await?;
        }
        let done = self.commit(change).await;
        self.accounts.profile_changed(who.account);
        self.person_changed(who.account);
        self.feed_settings.forget(&who.viewer);
        done.map(|()| updated)
    }

    /// Makes a profile picture out of what was sent and keeps it. Returns its name.
    pub async fn set_avatar(&self, who: AccountId, bytes: Vec<u8>) -> Result<String, AppError> {
        let picture = self.accounts.render_avatar(bytes).await?;
        // A new name for every picture: whoever has the old one cached asks for the new one, and a name says nothing of whose it is.
        let name = format!("{}.jpg", ViewerId::from_raw(self.random_u64()));
        self.blobs.put_bytes(&avatar_key(&name)?, picture.into()).await?;
        let old = self.accounts.set_avatar(who, Some(&name)).await?;
        self.avatar_replaced(who, old).await;
        Ok(name)
    }

    pub async fn delete_avatar(&self, who: AccountId) -> Result<(), AppError> {
        let old = self.accounts.set_avatar(who, None).await?;
        self.avatar_replaced(who, old).await;
        Ok(())
    }

    /// The picture of this name, a JPEG.
    pub async fn avatar(&self, name: &str) -> Result<bytes::Bytes, AppError> {
        Ok(self.blobs.read(&avatar_key(name)?, AVATAR_KEPT_BYTES_MAX).await?)
    }

    pub(crate) async fn avatar_replaced(&self, who: AccountId, old: Option<String>) {
        self.person_changed(who);
        let Some(key) = old.and_then(|name| avatar_key(&name).ok()) else { return };
        if let Err(error) = self.blobs.delete(&key).await {
            tracing::warn!(%error, "an old picture could not be deleted");
        }
    }

    /// Somebody's page. Who has blocked the caller is not there for them.
    pub async fn person(&self, caller: Option<AccountId>, handle: &str) -> Result<PersonPage, AppError> {
        let account = self.accounts.by_handle(handle).await?;
        self.page_of(caller, account).await
    }

    /// The pages of these people, in their order, without those who are gone or not there for the caller.
    pub async fn persons(&self, caller: Option<AccountId>, ids: &[AccountId]) -> Result<Vec<PersonPage>, AppError> {
        let mut accounts = self.accounts.by_ids(ids).await?;
        accounts.sort_by_key(|account| ids.iter().position(|id| *id == account.id));
        let mut pages = Vec::with_capacity(accounts.len());
        for account in accounts {
            match self.page_of(caller, account).await {
                Ok(page) => pages.push(page),
                Err(AppError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(pages)
    }

    async fn page_of(&self, caller: Option<AccountId>, account: Account) -> Result<PersonPage, AppError> {
        let id = account.id;
        let mine = match caller {
            Some(me) if me == id => MyPerson { is_me: true, ..MyPerson::default() },
            Some(me) => {
                if self.social.has_blocked(id, me).await? {
                    return Err(AppError::NotFound);
                }
                MyPerson {
                    following: self.social.following(me, &[id]).await?.contains(&id),
                    blocked: self.social.has_blocked(me, id).await?,
                    is_me: false,
                }
            }
            None => MyPerson::default(),
        };
        let counts = self.social.person_counts(id).await?;
        let videos = self.catalog.video_count(id).await?;
        let likes = self.brain.views.creator_counts(id).likes;
        Ok(PersonPage { account, followers: counts.followers, following: counts.following, likes, videos, mine })
    }

    /// Whose handle it is, if they are there for the caller.
    pub(crate) async fn person_id(&self, caller: Option<AccountId>, handle: &str) -> Result<Account, AppError> {
        let account = self.accounts.by_handle(handle).await?;
        match caller {
            Some(me) if me != account.id && self.social.has_blocked(account.id, me).await? => Err(AppError::NotFound),
            _ => Ok(account),
        }
    }

    pub async fn follow(&self, who: &SignedInSession, handle: &str) -> Result<Followed, AppError> {
        let other = self.person_id(Some(who.account), handle).await?;
        let mut change = self.begin().await?;
        let done = self.social.follow(&mut change.tx, who.account, other.id).await?;
        if done.changed {
            self.tell(&mut change, who.viewer, Body::Follow { creator: other.id }).await?;
        }
        self.commit(change).await?;
        self.inbox_changed(done.notified);
        Ok(Followed { following: true, followers: done.count })
    }

    pub async fn unfollow(&self, who: &SignedInSession, handle: &str) -> Result<Followed, AppError> {
        let other = self.person_id(Some(who.account), handle).await?;
        let mut change = self.begin().await?;
        let done = self.social.unfollow(&mut change.tx, who.account, other.id).await?;
        if done.changed {
            self.tell(&mut change, who.viewer, Body::Unfollow { creator: other.id }).await?;
        }
        self.commit(change).await?;
        Ok(Followed { following: false, followers: done.count })
    }

    /// Shuts somebody out. Somebody who has blocked the caller can be blocked in turn.
    pub async fn block(&self, who: &SignedInSession, handle: &str) -> Result<(), AppError> {
        let other = self.accounts.by_handle(handle).await?;
        let mut change = self.begin().await?;
        let done = self.social.block(&mut change.tx, who.account, other.id).await?;
        for (follower, followed) in done.unfollowed {
            let viewer = if follower == who.account { who.viewer } else { other.viewer };
            self.tell(&mut change, viewer, Body::Unfollow { creator: followed }).await?;
        }
        let committed = self.commit(change).await;
        self.blocks_changed(who.account, other.id);
        committed
    }

    pub async fn unblock(&self, who: &SignedInSession, handle: &str) -> Result<(), AppError> {
        let other = self.accounts.by_handle(handle).await?;
        let mut change = self.begin().await?;
        self.social.unblock(&mut change.tx, who.account, other.id).await?;
        let committed = self.commit(change).await;
        self.blocks_changed(who.account, other.id);
        committed
    }

    pub async fn blocked(&self, who: AccountId, after: Option<Cursor>, limit: u32) -> Result<Page<AccountId>, AppError> {
        Ok(self.social.blocked_page(who, after, limit).await?)
    }

    pub async fn followers(
        &self,
        caller: Option<AccountId>,
        handle: &str,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<AccountId>, AppError> {
        let person = self.person_id(caller, handle).await?;
        self.without_shut_out(caller, self.social.followers_page(person.id, after, limit).await?).await
    }

    pub async fn followings(
        &self,
        caller: Option<AccountId>,
        handle: &str,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<AccountId>, AppError> {
        let person = self.person_id(caller, handle).await?;
        self.without_shut_out(caller, self.social.following_page(person.id, after, limit).await?).await
    }

    /// Who was shut out, or shut the caller out, stands in no list.
    async fn without_shut_out(
        &self,
        caller: Option<AccountId>,
        mut page: Page<AccountId>,
    ) -> Result<Page<AccountId>, AppError> {
        if let Some(caller) = caller {
            let shut_out = self.blocks_of(caller).await?;
            page.items.retain(|person| !shut_out.contains(person));
        }
        Ok(page)
    }
}

fn avatar_key(name: &str) -> Result<blob::Key, AppError> {
    // One segment: a name with a slash would reach into other folders.
    if name.contains('/') {
        return Err(AppError::NotFound);
    }
    blob::Key::new(format!("avatars/{name}")).map_err(|_| AppError::NotFound)
}
