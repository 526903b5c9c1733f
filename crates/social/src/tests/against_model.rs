//! Seeded random actions, each compared with the model; now and then everything is.

use std::collections::BTreeSet;

use base::CommentId;
use store::cursor::{Cursor, Page};

use super::model::{Model, Told, Written};
use super::*;

const PEOPLE: u64 = 6;
const VIDEOS: u64 = 5;
const STEPS: u32 = 600;

struct Run {
    world: World,
    model: Model,
    rng: Rng,
}

impl Run {
    async fn new(seed: u64) -> Self {
        let mut model = Model::default();
        for n in 0..VIDEOS {
            model.creators.insert(video(n), person(n % 3));
        }
        Self { world: World::new(FAST).await, model, rng: Rng::from_seed(seed) }
    }

    fn someone(&mut self) -> AccountId {
        person(self.rng.below(PEOPLE as usize) as u64)
    }

    fn some_video(&mut self) -> VideoId {
        video(self.rng.below(VIDEOS as usize) as u64)
    }

    fn some_comment(&mut self) -> Option<CommentId> {
        let n = self.model.comments.len();
        self.model.comments.get(self.rng.below(n)).map(|c| c.id)
    }

    async fn step(&mut self) {
        let (a, b, v) = (self.someone(), self.someone(), self.some_video());
        let w = &self.world;
        match self.rng.below(100) {
            0..12 => same(act!(w, follow(a, b)), self.model.follow(a, b)),
            12..16 => assert_eq!(act!(w, unfollow(a, b)).unwrap(), self.model.unfollow(a, b)),
            16..19 if a != b => assert_eq!(act!(w, block(a, b)).unwrap().changed, self.model.block(a, b)),
            19..25 => assert_eq!(act!(w, unblock(a, b)).unwrap(), self.model.unblock(a, b)),
            25..40 => same(act!(w, like(a, v, self.model.creators[&v])), self.model.like(a, v)),
            40..47 => assert_eq!(act!(w, unlike(a, v)).unwrap(), self.model.unlike(a, v)),
            47..53 => assert_eq!(act!(w, save(a, v)).unwrap(), self.model.save(a, v)),
            53..57 => assert_eq!(act!(w, unsave(a, v)).unwrap(), self.model.unsave(a, v)),
            57..60 => assert_eq!(act!(w, not_interested(a, v)).unwrap(), self.model.not_interested.insert((a, v))),
            60..62 => assert_eq!(act!(w, interested_again(a, v)).unwrap(), self.model.not_interested.remove(&(a, v))),
            62..80 => self.comment(a, v).await,
            80..86 => self.like_comment(a).await,
            86..89 => self.unlike_comment(a).await,
            89..97 => self.delete_comment(a).await,
            97 => {
                act!(w, delete_video(v)).unwrap();
                self.model.delete_video(v);
            }
            98 => {
                let videos: Vec<VideoId> = self.model.creators.iter().filter(|(_, c)| **c == a).map(|(v, _)| *v).collect();
                act!(w, delete_account(a, &videos)).unwrap();
                self.model.delete_account(a);
            }
            _ => {}
        }
    }

    async fn comment(&mut self, author: AccountId, v: VideoId) {
        let parent = if self.rng.chance(0.5) { self.some_comment() } else { None };
        let creator = self.model.creators[&v];
        let may = self.model.may_comment(author, v, parent);
        let done = act!(self.world, comment(NewComment { author, video: v, creator, text: "hello", parent }));
        match (done, may) {
            (Ok(done), Some(thread)) => {
                assert_eq!(done.comment.thread, thread);
                let notified = self.model.comment(Written { id: done.comment.id, video: v, author, thread }, parent);
                assert_eq!(done.notified, notified);
                assert_eq!(done.count as usize, self.model.comments.iter().filter(|c| c.video == v).count());
            }
            (Err(SocialError::Blocked | SocialError::NotFound), None) => {}
            (done, may) => panic!("{done:?} against {may:?}"),
        }
    }

    async fn like_comment(&mut self, a: AccountId) {
        let Some(id) = self.some_comment() else { return };
        let author = self.model.comments.iter().find(|c| c.id == id).unwrap().author;
        let done = act!(self.world, like_comment(a, id));
        if self.model.blocked(a, author) {
            assert!(matches!(done, Err(SocialError::Blocked)));
        } else {
            let changed = self.model.comment_likes.insert((a, id));
            let count = self.model.comment_likes.iter().filter(|(_, c)| *c == id).count() as u64;
            assert_eq!(done.unwrap(), Done { changed, count, notified: None });
        }
    }

    async fn unlike_comment(&mut self, a: AccountId) {
        let Some(id) = self.some_comment() else { return };
        let changed = self.model.comment_likes.remove(&(a, id));
        assert_eq!(act!(self.world, unlike_comment(a, id)).unwrap().changed, changed);
    }

    async fn delete_comment(&mut self, a: AccountId) {
        let Some(id) = self.some_comment() else { return };
        let written = self.model.comments.iter().find(|c| c.id == id).unwrap().clone();
        let done = act!(self.world, delete_comment(id, Deleter::Person(a)));
        if a == written.author || a == self.model.creators[&written.video] {
            assert_eq!(done.unwrap().removed, self.model.delete_comment(id));
        } else {
            assert!(matches!(done, Err(SocialError::NotAllowed)));
        }
    }

    async fn compare(&self) {
        let (social, model) = (&self.world.social, &self.model);
        let videos: Vec<VideoId> = (0..VIDEOS).map(video).collect();
        let people: Vec<AccountId> = (0..PEOPLE).map(person).collect();
        let counts = social.video_counts(&videos).await.unwrap();
        for v in &videos {
            let expected = VideoCounts {
                likes: model.likes_of(*v),
                saves: model.saves_of(*v),
                comments: model.comments.iter().filter(|c| c.video == *v).count() as u64,
            };
            assert_eq!(counts.get(v).copied().unwrap_or_default(), expected);
        }
        for a in people.iter().copied() {
            let mine = social.mine(a, &videos).await.unwrap();
            let of = |list: &[(AccountId, VideoId)]| list.iter().filter(|(x, _)| *x == a).map(|(_, v)| *v).collect();
            let not: Vec<_> = model.not_interested.iter().copied().collect();
            assert_eq!(mine, Mine { liked: of(&model.likes), saved: of(&model.saves), not_interested: of(&not) });
            let expected = PersonCounts {
                followers: model.followers(a),
                following: model.follows.iter().filter(|(x, _)| *x == a).count() as u64,
                likes: model.likes_received(a),
            };
            assert_eq!(social.person_counts(a).await.unwrap(), expected);
            let followed: BTreeSet<_> = model.follows.iter().filter(|(x, _)| *x == a).map(|(_, b)| *b).collect();
            assert_eq!(social.following(a, &people).await.unwrap().into_iter().collect::<BTreeSet<_>>(), followed);
            let out: BTreeSet<_> = people.iter().copied().filter(|b| model.blocked(a, *b)).collect();
            assert_eq!(social.shut_out(a).await.unwrap().into_iter().collect::<BTreeSet<_>>(), out);
            self.compare_lists(a).await;
        }
        for v in videos {
            for reader in people.iter().copied().map(Some).chain([None]) {
                self.compare_comments(v, reader).await;
            }
        }
    }

    async fn compare_lists(&self, a: AccountId) {
        let (social, model) = (&self.world.social, &self.model);
        fn latest_first<T>(list: impl DoubleEndedIterator<Item = T>) -> Vec<T> {
            list.rev().collect()
        }
        let liked = all(async |c| social.liked_page(a, c, 2).await.unwrap()).await;
        assert_eq!(liked, latest_first(model.likes.iter().filter(|(x, _)| *x == a).map(|(_, v)| *v)));
        let saved = all(async |c| social.saved_page(a, c, 2).await.unwrap()).await;
        assert_eq!(saved, latest_first(model.saves.iter().filter(|(x, _)| *x == a).map(|(_, v)| *v)));
        let followers = all(async |c| social.followers_page(a, c, 2).await.unwrap()).await;
        assert_eq!(followers, latest_first(model.follows.iter().filter(|(_, b)| *b == a).map(|(x, _)| *x)));
        let following = all(async |c| social.following_page(a, c, 2).await.unwrap()).await;
        assert_eq!(following, latest_first(model.follows.iter().filter(|(x, _)| *x == a).map(|(_, b)| *b)));
        let blocked = all(async |c| social.blocked_page(a, c, 2).await.unwrap()).await;
        assert_eq!(blocked, latest_first(model.blocks.iter().filter(|(x, _)| *x == a).map(|(_, b)| *b)));
        let inbox: Vec<Told> = all(async |c| social.inbox(a, c, 3).await.unwrap())
            .await
            .into_iter()
            .map(|item| (item.kind, item.actor, item.video, item.comment))
            .collect();
        let expected = model.inbox.get(&a).cloned().unwrap_or_default();
        // A reply and a comment of one action carry one time; their order between themselves says nothing.
        assert_eq!(inbox, latest_first(expected.into_iter()));
        assert_eq!(social.unread(a).await.unwrap() as usize, inbox.len());
    }

    async fn compare_comments(&self, v: VideoId, reader: Option<AccountId>) {
        let (social, model) = (&self.world.social, &self.model);
        let readable = |c: &&Written| reader.is_none_or(|r| !model.blocked(r, c.author));
        let threads = all(async |c| social.comments(v, reader, c, 2).await.unwrap()).await;
        let expected: Vec<_> =
            model.comments.iter().rev().filter(|c| c.video == v && c.thread.is_none()).filter(readable).map(|c| c.id).collect();
        assert_eq!(threads.iter().map(|c| c.id).collect::<Vec<_>>(), expected);
        for thread in threads {
            let likes = model.comment_likes.iter().filter(|(_, c)| *c == thread.id).count() as u64;
            let liked = reader.is_some_and(|r| model.comment_likes.contains(&(r, thread.id)));
            let replies: Vec<_> = model.comments.iter().filter(|c| c.thread == Some(thread.id)).collect();
            assert_eq!((thread.like_count, thread.liked, thread.reply_count as usize), (likes, liked, replies.len()));
            let found = all(async |c| social.replies(thread.id, reader, c, 2).await.unwrap()).await;
            let expected: Vec<_> = replies.into_iter().filter(readable).map(|c| c.id).collect();
            assert_eq!(found.iter().map(|c| c.id).collect::<Vec<_>>(), expected);
        }
    }
}

/// Both did it and say the same, or neither did.
fn same(done: Result<Done, SocialError>, expected: Option<Done>) {
    match (done, expected) {
        (Ok(done), Some(expected)) => assert_eq!(done, expected),
        (Err(SocialError::Blocked | SocialError::Yourself), None) => {}
        (done, expected) => panic!("{done:?} against {expected:?}"),
    }
}

/// Reads a list to its end, page by page.
async fn all<T>(page: impl AsyncFn(Option<Cursor>) -> Page<T>) -> Vec<T> {
    let mut items = Vec::new();
    let mut after = None;
    loop {
        let Page { items: some, next } = page(after).await;
        items.extend(some);
        match next {
            Some(next) => after = Some(next),
            None => return items,
        }
    }
}

async fn check(seed: u64) {
    let mut run = Run::new(seed).await;
    for step in 0..STEPS {
        run.step().await;
        if step % 60 == 59 {
            run.compare().await;
        }
    }
}

#[tokio::test]
async fn random_actions_agree_with_the_model_seed_1() {
    check(1).await;
}

#[tokio::test]
async fn random_actions_agree_with_the_model_seed_2() {
    check(2).await;
}

#[tokio::test]
async fn random_actions_agree_with_the_model_seed_3() {
    check(3).await;
}
