//! What the service should do, in the plainest terms: sets and lists in memory.

use std::collections::{BTreeMap, BTreeSet};

use base::{AccountId, CommentId, VideoId};

use crate::{Done, INBOX_ITEMS_MAX, Kind};

pub(crate) type Told = (Kind, Option<AccountId>, Option<VideoId>, Option<CommentId>);

#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub id: CommentId,
    pub video: VideoId,
    pub author: AccountId,
    pub thread: Option<CommentId>,
}

#[derive(Default)]
pub(crate) struct Model {
    pub creators: BTreeMap<VideoId, AccountId>,
    /// Pairs in the order in which they came about.
    pub follows: Vec<(AccountId, AccountId)>,
    pub blocks: Vec<(AccountId, AccountId)>,
    pub likes: Vec<(AccountId, VideoId)>,
    pub saves: Vec<(AccountId, VideoId)>,
    pub not_interested: BTreeSet<(AccountId, VideoId)>,
    pub comments: Vec<Written>,
    pub comment_likes: BTreeSet<(AccountId, CommentId)>,
    pub inbox: BTreeMap<AccountId, Vec<Told>>,
}

fn add<T: PartialEq>(list: &mut Vec<T>, item: T) -> bool {
    let new = !list.contains(&item);
    if new {
        list.push(item);
    }
    new
}

fn take<T: PartialEq>(list: &mut Vec<T>, item: &T) -> bool {
    let before = list.len();
    list.retain(|other| other != item);
    list.len() < before
}

impl Model {
    pub fn blocked(&self, a: AccountId, b: AccountId) -> bool {
        self.blocks.contains(&(a, b)) || self.blocks.contains(&(b, a))
    }

    fn tell(&mut self, account: AccountId, told: Told) -> Option<AccountId> {
        if told.1.is_some_and(|actor| actor == account || self.blocked(account, actor)) {
            return None;
        }
        let inbox = self.inbox.entry(account).or_default();
        if !add(inbox, told) {
            return None;
        }
        if inbox.len() > INBOX_ITEMS_MAX as usize {
            inbox.remove(0);
        }
        Some(account)
    }

    pub fn follow(&mut self, a: AccountId, b: AccountId) -> Option<Done> {
        if a == b || self.blocked(a, b) {
            return None;
        }
        let changed = add(&mut self.follows, (a, b));
        let notified = if changed { self.tell(b, (Kind::Follow, Some(a), None, None)) } else { None };
        Some(Done { changed, count: self.followers(b), notified })
    }

    pub fn unfollow(&mut self, a: AccountId, b: AccountId) -> Done {
        Done { changed: take(&mut self.follows, &(a, b)), count: self.followers(b), notified: None }
    }

    pub fn followers(&self, of: AccountId) -> u64 {
        self.follows.iter().filter(|(_, b)| *b == of).count() as u64
    }

    pub fn block(&mut self, a: AccountId, b: AccountId) -> bool {
        let changed = add(&mut self.blocks, (a, b));
        for (x, y) in [(a, b), (b, a)] {
            take(&mut self.follows, &(x, y));
            self.inbox.entry(x).or_default().retain(|told| told.1 != Some(y));
        }
        changed
    }

    pub fn unblock(&mut self, a: AccountId, b: AccountId) -> bool {
        take(&mut self.blocks, &(a, b))
    }

    pub fn like(&mut self, a: AccountId, video: VideoId) -> Option<Done> {
        let creator = self.creators[&video];
        if self.blocked(a, creator) {
            return None;
        }
        let changed = add(&mut self.likes, (a, video));
        let notified = if changed { self.tell(creator, (Kind::Like, Some(a), Some(video), None)) } else { None };
        Some(Done { changed, count: self.likes_of(video), notified })
    }

    pub fn unlike(&mut self, a: AccountId, video: VideoId) -> Done {
        Done { changed: take(&mut self.likes, &(a, video)), count: self.likes_of(video), notified: None }
    }

    pub fn likes_of(&self, video: VideoId) -> u64 {
        self.likes.iter().filter(|(_, v)| *v == video).count() as u64
    }

    pub fn likes_received(&self, by: AccountId) -> u64 {
        self.likes.iter().filter(|(_, v)| self.creators[v] == by).count() as u64
    }

    pub fn save(&mut self, a: AccountId, video: VideoId) -> Done {
        Done { changed: add(&mut self.saves, (a, video)), count: self.saves_of(video), notified: None }
    }

    pub fn unsave(&mut self, a: AccountId, video: VideoId) -> Done {
        Done { changed: take(&mut self.saves, &(a, video)), count: self.saves_of(video), notified: None }
    }

    pub fn saves_of(&self, video: VideoId) -> u64 {
        self.saves.iter().filter(|(_, v)| *v == video).count() as u64
    }

    /// Whether a comment is possible, and in which thread it ends up.
    pub fn may_comment(&self, author: AccountId, video: VideoId, parent: Option<CommentId>) -> Option<Option<CommentId>> {
        let parent = match parent {
            Some(id) => Some(self.comments.iter().find(|c| c.id == id && c.video == video)?.clone()),
            None => None,
        };
        let thread = parent.as_ref().map(|p| p.thread.unwrap_or(p.id));
        let starter = thread.and_then(|id| self.comments.iter().find(|c| c.id == id));
        let others = [Some(self.creators[&video]), parent.as_ref().map(|p| p.author), starter.map(|s| s.author)];
        let blocked = others.into_iter().flatten().any(|other| self.blocked(author, other));
        (!blocked).then_some(thread)
    }

    pub fn comment(&mut self, written: Written, parent: Option<CommentId>) -> Vec<AccountId> {
        let (id, video, author) = (written.id, written.video, written.author);
        self.comments.push(written);
        let creator = self.creators[&video];
        let answered = parent.and_then(|p| self.comments.iter().find(|c| c.id == p)).map(|c| c.author);
        let mut notified = Vec::new();
        if let Some(answered) = answered {
            notified.extend(self.tell(answered, (Kind::Reply, Some(author), Some(video), Some(id))));
        }
        if answered != Some(creator) {
            notified.extend(self.tell(creator, (Kind::Comment, Some(author), Some(video), Some(id))));
        }
        notified
    }

    pub fn delete_comment(&mut self, id: CommentId) -> u64 {
        let gone: BTreeSet<CommentId> =
            self.comments.iter().filter(|c| c.id == id || c.thread == Some(id)).map(|c| c.id).collect();
        self.comments.retain(|c| !gone.contains(&c.id));
        self.comment_likes.retain(|(_, c)| !gone.contains(c));
        for inbox in self.inbox.values_mut() {
            inbox.retain(|told| !told.3.is_some_and(|c| gone.contains(&c)));
        }
        gone.len() as u64
    }

    pub fn delete_video(&mut self, video: VideoId) {
        let gone: Vec<CommentId> = self.comments.iter().filter(|c| c.video == video).map(|c| c.id).collect();
        for id in gone {
            self.delete_comment(id);
        }
        self.likes.retain(|(_, v)| *v != video);
        self.saves.retain(|(_, v)| *v != video);
        self.not_interested.retain(|(_, v)| *v != video);
        for inbox in self.inbox.values_mut() {
            inbox.retain(|told| told.2 != Some(video));
        }
    }

    pub fn delete_account(&mut self, account: AccountId) {
        let videos: Vec<VideoId> = self.creators.iter().filter(|(_, c)| **c == account).map(|(v, _)| *v).collect();
        for video in videos {
            self.delete_video(video);
        }
        let written: Vec<CommentId> = self.comments.iter().filter(|c| c.author == account).map(|c| c.id).collect();
        for id in written {
            self.delete_comment(id);
        }
        self.follows.retain(|(a, b)| *a != account && *b != account);
        self.blocks.retain(|(a, b)| *a != account && *b != account);
        self.likes.retain(|(a, _)| *a != account);
        self.saves.retain(|(a, _)| *a != account);
        self.not_interested.retain(|(a, _)| *a != account);
        self.comment_likes.retain(|(a, _)| *a != account);
        self.inbox.remove(&account);
        for inbox in self.inbox.values_mut() {
            inbox.retain(|told| told.1 != Some(account));
        }
    }
}
