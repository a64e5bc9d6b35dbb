-- The journal: upload intents, delete orders and tombstones. Times are milliseconds of the database's clock. Collation
-- "C" compares bytes, whatever the operating system's tables say after an upgrade.
CREATE TABLE IF NOT EXISTS dossier_journal (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  backend TEXT COLLATE "C" NOT NULL,
  store TEXT COLLATE "C" NOT NULL,
  object_key TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL CHECK (state IN ('pending', 'doomed', 'tombstone', 'marker', 'open')),
  intent BOOLEAN NOT NULL DEFAULT FALSE,
  upload_id TEXT NOT NULL DEFAULT '',
  owner TEXT COLLATE "C" NOT NULL DEFAULT '',
  due_at BIGINT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  last_error TEXT NOT NULL DEFAULT '',
  created_at BIGINT NOT NULL,
  UNIQUE (store, object_key)
) WITH (autovacuum_vacuum_scale_factor = 0.02); -- rows come and go with every upload

CREATE INDEX IF NOT EXISTS dossier_journal_due ON dossier_journal (store, due_at, id) WHERE state <> 'marker';
