-- A row from the moment an upload becomes a video.
CREATE TABLE videos (
  id INTEGER PRIMARY KEY,
  creator INTEGER NOT NULL,
  caption TEXT NOT NULL,
  -- The sound it plays: its own (born when it is published) or one that was there before.
  sound INTEGER,
  -- What its own sound will be called.
  sound_title TEXT NOT NULL DEFAULT '',
  -- The upload that is its source, until the media are made.
  upload INTEGER,
  duration_ms INTEGER NOT NULL DEFAULT 0,
  width INTEGER NOT NULL DEFAULT 0,
  height INTEGER NOT NULL DEFAULT 0,
  -- The poster's mean colour, 0xRRGGBB.
  color INTEGER NOT NULL DEFAULT 0,
  -- What was made of it and where it lies, as JSON. Empty until the first rendition is there.
  manifest TEXT NOT NULL DEFAULT '',
  status TEXT NOT NULL CHECK (status IN ('processing', 'published', 'refused', 'removed')),
  step TEXT NOT NULL,
  refusal_code TEXT,
  refusal_message TEXT,
  -- Fingerprints of picture and sound, to find it again.
  signature BLOB,
  -- Features of picture, motion and sound: little-endian f32.
  features BLOB,
  duplicate_of INTEGER,
  -- A kind given by whoever made it (the demo fill, an import), not by people.
  kind TEXT,
  created_at_ms INTEGER NOT NULL,
  published_at_ms INTEGER
);
CREATE INDEX videos_creator ON videos (creator, status, published_at_ms);
CREATE INDEX videos_creator_all ON videos (creator, created_at_ms);
CREATE INDEX videos_sound ON videos (sound, status, published_at_ms) WHERE sound IS NOT NULL;
CREATE INDEX videos_status ON videos (status, published_at_ms);
CREATE INDEX videos_duplicate ON videos (duplicate_of) WHERE duplicate_of IS NOT NULL;

CREATE TABLE sounds (
  id INTEGER PRIMARY KEY,
  title TEXT NOT NULL,
  creator INTEGER NOT NULL,
  -- The video that it was born with.
  video INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  video_count INTEGER NOT NULL
);
CREATE INDEX sounds_count ON sounds (video_count, id);
CREATE INDEX sounds_video ON sounds (video);
CREATE INDEX sounds_creator ON sounds (creator);

CREATE TABLE hashtags (
  id INTEGER PRIMARY KEY,
  hashtag TEXT NOT NULL UNIQUE,
  video_count INTEGER NOT NULL
);
CREATE INDEX hashtags_count ON hashtags (video_count, id);

-- Published videos only.
CREATE TABLE video_hashtags (
  hashtag INTEGER NOT NULL REFERENCES hashtags (id),
  published_at_ms INTEGER NOT NULL,
  video INTEGER NOT NULL REFERENCES videos (id),
  PRIMARY KEY (hashtag, published_at_ms, video)
) WITHOUT ROWID;
CREATE INDEX video_hashtags_video ON video_hashtags (video);

-- Full text. The rowid is the id of the video, account, sound or hashtag; the columns hold search tokens, cut by the program, so
-- that Chinese is found. 'secure-delete': what is deleted leaves no trace in the index.
CREATE VIRTUAL TABLE video_search USING fts5(caption, hashtags, tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3');
CREATE VIRTUAL TABLE people_search USING fts5(handle, name, tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3');
CREATE VIRTUAL TABLE sound_search USING fts5(title, tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3');
CREATE VIRTUAL TABLE hashtag_search USING fts5(hashtag, tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3');
INSERT INTO video_search (video_search, rank) VALUES ('secure-delete', 1);
INSERT INTO people_search (people_search, rank) VALUES ('secure-delete', 1);
INSERT INTO sound_search (sound_search, rank) VALUES ('secure-delete', 1);
INSERT INTO hashtag_search (hashtag_search, rank) VALUES ('secure-delete', 1);
-- The words of captions and in how many they stand, for suggestions.
CREATE VIRTUAL TABLE video_search_words USING fts5vocab(video_search, row);
