-- What writes with an `Idempotency-Key` gave, for as long as it is told again. Moments are milliseconds since 1970.

CREATE TABLE diglot.idempotency (
  key     text   NOT NULL PRIMARY KEY,
  request text   NOT NULL,
  rights  text   NOT NULL,
  outcome text   NOT NULL,
  kept_at bigint NOT NULL
);

CREATE INDEX idempotency_by_time ON diglot.idempotency (kept_at);
