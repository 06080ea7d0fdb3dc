-- Which table of users the accounts belong to, and what is known of each account's row in it. Moments are milliseconds since 1970.

CREATE TABLE _diglot_users_table (
  id          BIGINT NOT NULL PRIMARY KEY,
  schema_name TEXT,
  table_name  TEXT   NOT NULL
) WITHOUT ROWID;

ALTER TABLE _diglot_credential ADD COLUMN known_as TEXT;

ALTER TABLE _diglot_credential ADD COLUMN gone_at BIGINT;

ALTER TABLE _diglot_credential ADD COLUMN left_in TEXT;

CREATE INDEX _diglot_credential_by_going ON _diglot_credential (gone_at);
