-- The journal: upload intents, delete orders, tombstones and markers of side files. Times are milliseconds of the
-- database's clock.
CREATE TABLE IF NOT EXISTS dossier_journal (
  id TEXT NOT NULL PRIMARY KEY,
  backend TEXT NOT NULL,
  store TEXT NOT NULL,
  object_key TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'doomed', 'tombstone', 'marker', 'open')),
  intent INTEGER NOT NULL DEFAULT 0,
  upload_id TEXT NOT NULL DEFAULT '',
  owner TEXT NOT NULL DEFAULT '',
  due_at BIGINT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  last_error TEXT NOT NULL DEFAULT '',
  created_at BIGINT NOT NULL,
  UNIQUE (store, object_key)
);

CREATE INDEX IF NOT EXISTS dossier_journal_due ON dossier_journal (store, due_at, id) WHERE state <> 'marker';
