-- Work that outlives a process. A worker leases a job; one whose lease ran out is anybody's again.
CREATE TABLE jobs (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  video INTEGER,
  payload TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'failed', 'done')),
  attempts INTEGER NOT NULL DEFAULT 0,
  attempts_max INTEGER NOT NULL,
  reason TEXT,
  lease_until_ms INTEGER NOT NULL DEFAULT 0,
  lease_token INTEGER NOT NULL DEFAULT 0,
  run_after_ms INTEGER NOT NULL,
  priority INTEGER NOT NULL DEFAULT 0,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL
);
CREATE INDEX jobs_next ON jobs (state, priority DESC, run_after_ms);
CREATE INDEX jobs_recent ON jobs (state, updated_at_ms);
CREATE INDEX jobs_video ON jobs (video);
