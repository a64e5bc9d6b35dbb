-- The journal: upload intents, delete orders and tombstones. Times are milliseconds of the database's clock. Store and key
-- are bytes, because text collations equate keys that differ; an index takes 3072 bytes.
CREATE TABLE IF NOT EXISTS dossier_journal (
  id VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  backend VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  store VARBINARY(2000) NOT NULL,
  object_key VARBINARY(1024) NOT NULL,
  state VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL CHECK (state IN ('pending', 'doomed', 'tombstone', 'marker', 'open')),
  intent BOOLEAN NOT NULL DEFAULT FALSE,
  upload_id VARBINARY(4096) NOT NULL DEFAULT '',
  owner VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  due_at BIGINT NOT NULL,
  attempts INT NOT NULL DEFAULT 0,
  last_error VARCHAR(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT '',
  created_at BIGINT NOT NULL,
  UNIQUE KEY dossier_journal_object (store, object_key),
  KEY dossier_journal_due (store, due_at, id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;
