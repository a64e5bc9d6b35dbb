-- The journal: upload intents, delete orders and tombstones. Times are milliseconds of the database's clock. Store and key
-- are bytes, because text collations equate keys that differ; an index takes 3072 bytes.
-- The object is the primary key, because of locks: where a deleted row of the same object is not purged yet, InnoDB's check of
-- a unique secondary index locks the gap behind it, and every new upload that sorts there would wait for the transaction
-- that orders a delete, its own included. The primary key's check locks the row alone.
CREATE TABLE IF NOT EXISTS dossier_journal (
  id VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
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
  PRIMARY KEY (store, object_key),
  UNIQUE KEY dossier_journal_id (id),
  KEY dossier_journal_due (store, due_at, id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;
