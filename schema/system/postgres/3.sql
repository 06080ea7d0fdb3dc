-- Which table of users the accounts belong to, and what is known of each account's row in it. Moments are milliseconds since 1970.

CREATE TABLE diglot.users_table (
  id          bigint NOT NULL PRIMARY KEY,
  schema_name text,
  table_name  text   NOT NULL
);

ALTER TABLE diglot.credential ADD COLUMN known_as text;

ALTER TABLE diglot.credential ADD COLUMN gone_at bigint;

ALTER TABLE diglot.credential ADD COLUMN left_in text;

CREATE INDEX credential_by_going ON diglot.credential (gone_at);
