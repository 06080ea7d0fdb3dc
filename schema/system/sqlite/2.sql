-- What writes with an `Idempotency-Key` gave, for as long as it is told again. Moments are milliseconds since 1970.

CREATE TABLE _diglot_idempotency (
  key     TEXT   NOT NULL PRIMARY KEY,
  request TEXT   NOT NULL,
  rights  TEXT   NOT NULL,
  outcome TEXT   NOT NULL,
  kept_at BIGINT NOT NULL
);

CREATE INDEX _diglot_idempotency_by_time ON _diglot_idempotency (kept_at);
