-- Users' credentials, their sessions, and attempts to sign in. Moments are milliseconds since 1970.

CREATE TABLE diglot.credential (
  user_id    text    NOT NULL PRIMARY KEY,
  email      text    UNIQUE,
  username   text    UNIQUE,
  password   text,
  role       text    NOT NULL,
  admin      boolean NOT NULL,
  verified   boolean NOT NULL,
  disabled   boolean NOT NULL,
  created_at bigint  NOT NULL,
  changed_at bigint  NOT NULL
);

CREATE TABLE diglot.session (
  id         text   NOT NULL PRIMARY KEY,
  user_id    text   NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  ended_at   bigint
);

CREATE INDEX session_by_user ON diglot.session (user_id);

CREATE INDEX session_by_end ON diglot.session (ended_at);

CREATE INDEX session_by_expiry ON diglot.session (expires_at);

CREATE TABLE diglot.refresh_token (
  hash       text   NOT NULL PRIMARY KEY,
  session_id text   NOT NULL REFERENCES diglot.session (id) ON DELETE CASCADE,
  created_at bigint NOT NULL,
  used_at    bigint
);

CREATE INDEX refresh_token_by_session ON diglot.refresh_token (session_id);

CREATE TABLE diglot.attempt (
  key   text   NOT NULL PRIMARY KEY,
  count bigint NOT NULL,
  since bigint NOT NULL
);

CREATE INDEX attempt_by_since ON diglot.attempt (since);
