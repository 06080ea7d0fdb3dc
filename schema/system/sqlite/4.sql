-- One-time codes: at most one of each purpose for a user. Moments are milliseconds since 1970.

CREATE TABLE _diglot_one_time_code (
  user_id    TEXT   NOT NULL,
  purpose    TEXT   NOT NULL,
  hash       TEXT   NOT NULL,
  tries      BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (user_id, purpose)
) WITHOUT ROWID;

CREATE INDEX _diglot_one_time_code_by_expiry ON _diglot_one_time_code (expires_at);
