CREATE TABLE accounts (
  id INTEGER PRIMARY KEY,
  -- The pseudonym under which this person stands in the event log.
  viewer INTEGER NOT NULL UNIQUE,
  -- Lower case.
  handle TEXT NOT NULL UNIQUE,
  display_name TEXT NOT NULL,
  bio TEXT NOT NULL DEFAULT '',
  -- The name of a blob, changed with every new picture.
  avatar TEXT,
  language TEXT,
  role TEXT NOT NULL DEFAULT 'person' CHECK (role IN ('person', 'operator')),
  -- Of the birth year that was asked for only this stays: the band, and for people under 18 the first year in which the band
  -- is another. It is what lets a band move on without asking again; for adults nothing is left to move.
  age_band TEXT NOT NULL CHECK (age_band IN ('13_15', '16_17', '18_plus')),
  age_band_until_year INTEGER,
  -- A PHC string (argon2id). Null for somebody who signs in with passkeys alone.
  password_hash TEXT,
  -- The random WebAuthn user handle: authenticators keep it, so it must say nothing.
  passkey_user BLOB NOT NULL UNIQUE,
  private_likes INTEGER NOT NULL DEFAULT 0,
  created_at_ms INTEGER NOT NULL
);

CREATE TABLE sessions (
  id INTEGER PRIMARY KEY,
  account INTEGER NOT NULL REFERENCES accounts (id),
  -- SHA-256 of the token; the token itself is nowhere but with the person.
  token_hash BLOB NOT NULL UNIQUE,
  -- Browser and system family, not the user agent.
  device TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  last_seen_ms INTEGER NOT NULL
);
CREATE INDEX sessions_account ON sessions (account, last_seen_ms);
CREATE INDEX sessions_last_seen ON sessions (last_seen_ms);

CREATE TABLE passkeys (
  credential_id BLOB PRIMARY KEY,
  account INTEGER NOT NULL REFERENCES accounts (id),
  name TEXT NOT NULL,
  -- Public key and what was agreed at registration.
  static_state BLOB NOT NULL,
  -- Signature counter, backup and user verification as of the last use.
  dynamic_state BLOB NOT NULL,
  transports INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  last_used_ms INTEGER
);
CREATE INDEX passkeys_account ON passkeys (account);

-- How somebody, signed in or not, wants to be served. A row exists only for those who changed something.
CREATE TABLE viewer_settings (
  viewer INTEGER PRIMARY KEY,
  -- 0 familiar to 1000 "surprise me".
  surprise_permille INTEGER NOT NULL,
  learning_paused INTEGER NOT NULL,
  changed_at_ms INTEGER NOT NULL
);
