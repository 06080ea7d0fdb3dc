-- One-time codes: at most one of each purpose for a user. Moments are milliseconds since 1970.

CREATE TABLE diglot.one_time_code (
  user_id    text   NOT NULL,
  purpose    text   NOT NULL,
  hash       text   NOT NULL,
  tries      bigint NOT NULL,
  expires_at bigint NOT NULL,
  PRIMARY KEY (user_id, purpose)
);

CREATE INDEX one_time_code_by_expiry ON diglot.one_time_code (expires_at);
