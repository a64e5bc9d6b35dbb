package journal

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/uptrace/bun"
)

// Intent says that an object may come into being.
type Intent struct {
	ID      string // see NewID
	Backend string
	Store   string
	Key     string
	// UploadID of a multipart upload that was begun already. Default: "", none.
	UploadID string
}

// batch is how many rows go into one statement.
const batch = 500

// Announce commits one pending row for each intent, with a lease from now on: rule 1. Up to 500 intents are one
// statement. A key that is in the journal already is an error, and none of that statement's rows are there then.
func (j *Journal) Announce(ctx context.Context, owner string, lease time.Duration, intents ...Intent) error {
	for chunk := range slices.Chunk(intents, batch) {
		query := "INSERT INTO dossier_journal (id, backend, store, object_key, upload_id, state, intent, owner, due_at, created_at) VALUES "
		var args []any
		for i, intent := range chunk {
			if i > 0 {
				query += ", "
			}
			query += "(?, ?, ?, ?, ?, ?, ?, ?, ? + ?, ?)"
			args = append(args, intent.ID, intent.Backend, intent.Store, intent.Key, intent.UploadID, Pending, true, owner,
				j.language.now, milliseconds(lease), j.language.now)
		}
		if _, err := j.own(ctx, query, args...); err != nil {
			return fmt.Errorf("journal: announce %d uploads: %w", len(intents), err)
		}
	}
	return nil
}

// Renew extends the leases to lease from now and returns an error that Is [dossier.ErrLeaseLost] unless every one was
// still pending: rule 2.
func (j *Journal) Renew(ctx context.Context, lease time.Duration, ids ...string) error {
	for chunk := range slices.Chunk(ids, batch) {
		n, err := j.own(ctx, j.language.change+" SET due_at = ? + ? WHERE id IN (?) AND state = ?",
			j.language.now, milliseconds(lease), bun.List(chunk), Pending)
		if err != nil {
			return fmt.Errorf("journal: renew: %w", err)
		}
		if n != len(chunk) {
			return fmt.Errorf("journal: renew: %w: %d of %d leases are left", dossier.ErrLeaseLost, n, len(chunk))
		}
	}
	return nil
}

// RecordUpload commits the id of a multipart upload, so that a sweep can abort it. The backend sends no part before.
// Errors: dossier.ErrLeaseLost.
func (j *Journal) RecordUpload(ctx context.Context, id, uploadID string) error {
	n, err := j.own(ctx, "UPDATE dossier_journal SET upload_id = ? WHERE id = ? AND state = ?", uploadID, id, Pending)
	if err != nil {
		return fmt.Errorf("journal: record upload: %w", err)
	}
	if n != 1 {
		return fmt.Errorf("journal: record upload: %w", dossier.ErrLeaseLost)
	}
	return nil
}

// Adopt removes the pending rows in the transaction of conn, which is about to write the rows that take the objects:
// rule 3. It is an error that Is [dossier.ErrLeaseLost] unless every one was still pending; the transaction must then be
// rolled back.
func (j *Journal) Adopt(ctx context.Context, conn bun.IConn, ids ...string) error {
	for chunk := range slices.Chunk(ids, batch) {
		n, err := exec(ctx, conn, j.language.remove+" WHERE id IN (?) AND state = ?", bun.List(chunk), Pending)
		if err != nil {
			return fmt.Errorf("journal: adopt: %w", err)
		}
		if n != len(chunk) {
			return fmt.Errorf("journal: adopt: %w: %d of %d uploads are still ours", dossier.ErrLeaseLost, n, len(chunk))
		}
	}
	return nil
}

// Pending reports whether the intent is still there, read on conn with a lock that waits for whoever is changing it. On a
// connection that holds SQLite's write lock, or on any other database in a transaction, it settles what became of a
// COMMIT whose answer was lost: rule 8.
func (j *Journal) Pending(ctx context.Context, conn bun.IConn, id string) (pending bool, err error) {
	var ids []string
	err = j.db.NewRaw("SELECT id FROM dossier_journal WHERE id = ? AND state = ?"+j.language.lock, id, Pending).Conn(conn).Scan(ctx, &ids)
	if err != nil {
		return false, fmt.Errorf("journal: look up intent: %w", err)
	}
	return len(ids) == 1, nil
}
