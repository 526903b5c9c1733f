CREATE TABLE reports (
  id INTEGER PRIMARY KEY,
  -- Null once the reporter has deleted their account.
  reporter INTEGER,
  subject TEXT NOT NULL CHECK (subject IN ('video', 'comment', 'person')),
  subject_id INTEGER NOT NULL,
  reason TEXT NOT NULL,
  note TEXT,
  state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'upheld', 'dismissed')),
  created_at_ms INTEGER NOT NULL,
  decided_at_ms INTEGER,
  UNIQUE (reporter, subject, subject_id)
);
CREATE INDEX reports_by_time ON reports (created_at_ms, id);
CREATE INDEX reports_of_subject ON reports (subject, subject_id);
CREATE INDEX reports_of_reporter ON reports (reporter, created_at_ms);

-- Videos that an operator took down. No row: nothing decided, shown.
CREATE TABLE removed_videos (
  video INTEGER PRIMARY KEY,
  reason TEXT NOT NULL,
  -- Null once the operator's account is gone.
  decided_by INTEGER,
  decided_at_ms INTEGER NOT NULL
);
CREATE INDEX removed_videos_by ON removed_videos (decided_by);
