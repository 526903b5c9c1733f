CREATE TABLE follows (
  follower INTEGER NOT NULL,
  followed INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (follower, followed)
);
CREATE INDEX follows_by_time ON follows (follower, at_ms, followed);
CREATE INDEX followers_by_time ON follows (followed, at_ms, follower);

CREATE TABLE blocks (
  blocker INTEGER NOT NULL,
  blocked INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (blocker, blocked)
);
CREATE INDEX blocks_of ON blocks (blocked, blocker);

CREATE TABLE likes (
  account INTEGER NOT NULL,
  video INTEGER NOT NULL,
  creator INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (account, video)
);
CREATE INDEX likes_by_time ON likes (account, at_ms, video);
CREATE INDEX likes_of_video ON likes (video);
CREATE INDEX likes_of_creator ON likes (creator);

CREATE TABLE saves (
  account INTEGER NOT NULL,
  video INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (account, video)
);
CREATE INDEX saves_by_time ON saves (account, at_ms, video);
CREATE INDEX saves_of_video ON saves (video);

CREATE TABLE not_interested (
  account INTEGER NOT NULL,
  video INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (account, video)
);
CREATE INDEX not_interested_of_video ON not_interested (video);

CREATE TABLE comments (
  id INTEGER PRIMARY KEY,
  video INTEGER NOT NULL,
  -- Whose video it is: they may delete what is written under it.
  creator INTEGER NOT NULL,
  author INTEGER NOT NULL,
  -- The comment that began the thread; null for that one itself.
  thread INTEGER,
  text TEXT NOT NULL,
  like_count INTEGER NOT NULL DEFAULT 0,
  reply_count INTEGER NOT NULL DEFAULT 0,
  at_ms INTEGER NOT NULL
);
CREATE INDEX comments_of_video ON comments (video, at_ms, id) WHERE thread IS NULL;
CREATE INDEX comments_any_of_video ON comments (video);
CREATE INDEX comments_of_thread ON comments (thread, at_ms, id);
CREATE INDEX comments_of_author ON comments (author, at_ms);
CREATE INDEX comments_of_creator ON comments (creator);

CREATE TABLE comment_likes (
  account INTEGER NOT NULL,
  comment INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (account, comment)
);
CREATE INDEX comment_likes_of ON comment_likes (comment);

-- Counts kept beside what they count, changed in the same transaction.
CREATE TABLE video_counts (
  video INTEGER PRIMARY KEY,
  likes INTEGER NOT NULL DEFAULT 0,
  saves INTEGER NOT NULL DEFAULT 0,
  comments INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE person_counts (
  account INTEGER PRIMARY KEY,
  followers INTEGER NOT NULL DEFAULT 0,
  following INTEGER NOT NULL DEFAULT 0,
  -- Likes on their videos.
  likes INTEGER NOT NULL DEFAULT 0
);

-- What somebody is told. Zero stands for "none", so that the unique key also holds where there is no actor, video or comment.
CREATE TABLE inbox (
  id INTEGER PRIMARY KEY,
  account INTEGER NOT NULL,
  kind TEXT NOT NULL,
  actor INTEGER NOT NULL DEFAULT 0,
  video INTEGER NOT NULL DEFAULT 0,
  comment INTEGER NOT NULL DEFAULT 0,
  text TEXT,
  at_ms INTEGER NOT NULL,
  read INTEGER NOT NULL DEFAULT 0,
  UNIQUE (account, kind, actor, video, comment)
);
CREATE INDEX inbox_by_time ON inbox (account, at_ms, id);
CREATE INDEX inbox_of_actor ON inbox (actor);
CREATE INDEX inbox_of_video ON inbox (video);
CREATE INDEX inbox_of_comment ON inbox (comment);
