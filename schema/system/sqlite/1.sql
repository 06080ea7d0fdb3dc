-- Users' credentials, their sessions, and attempts to sign in. Moments are milliseconds since 1970.

CREATE TABLE _diglot_credential (
  user_id    TEXT    NOT NULL PRIMARY KEY,
  email      TEXT    UNIQUE,
  username   TEXT    UNIQUE,
  password   TEXT,
  role       TEXT    NOT NULL,
  admin      BOOLEAN NOT NULL,
  verified   BOOLEAN NOT NULL,
  disabled   BOOLEAN NOT NULL,
  created_at BIGINT  NOT NULL,
  changed_at BIGINT  NOT NULL
) WITHOUT ROWID;

CREATE TABLE _diglot_session (
  id         TEXT   NOT NULL PRIMARY KEY,
  user_id    TEXT   NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  ended_at   BIGINT
) WITHOUT ROWID;

CREATE INDEX _diglot_session_by_user ON _diglot_session (user_id);

CREATE INDEX _diglot_session_by_end ON _diglot_session (ended_at);

CREATE INDEX _diglot_session_by_expiry ON _diglot_session (expires_at);

CREATE TABLE _diglot_refresh_token (
  hash       TEXT   NOT NULL PRIMARY KEY,
  session_id TEXT   NOT NULL REFERENCES _diglot_session (id) ON DELETE CASCADE,
  created_at BIGINT NOT NULL,
  used_at    BIGINT
) WITHOUT ROWID;

CREATE INDEX _diglot_refresh_token_by_session ON _diglot_refresh_token (session_id);

CREATE TABLE _diglot_attempt (
  key   TEXT   NOT NULL PRIMARY KEY,
  count BIGINT NOT NULL,
  since BIGINT NOT NULL
) WITHOUT ROWID;

CREATE INDEX _diglot_attempt_by_since ON _diglot_attempt (since);
