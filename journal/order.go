package journal

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// Order says that an object is to be deleted.
type Order struct {
	ID      string // see NewID
	Backend string
	Store   string
	Key     string
	// UploadID of a multipart upload to be aborted. Default: "", none.
	UploadID string
	// Intent marks an object that no row ever had: a tombstone follows its delete. Default: false.
	Intent bool
}

// Order inserts doomed rows in the transaction of conn, due after the delay: rule 4. A key that is in the journal
// already stays as it is.
func (j *Journal) Order(ctx context.Context, conn bun.IConn, delay time.Duration, orders ...Order) error {
	for chunk := range slices.Chunk(orders, batch) {
		query := "INSERT INTO dossier_journal (id, backend, store, object_key, upload_id, state, intent, due_at, created_at) VALUES "
		var args []any
		for i, order := range chunk {
			if i > 0 {
				query += ", "
			}
			query += "(?, ?, ?, ?, ?, ?, ?, ? + ?, ?)"
			args = append(args, order.ID, order.Backend, order.Store, order.Key, order.UploadID, Doomed, order.Intent,
				j.language.now, milliseconds(delay), j.language.now)
		}
		if _, err := conn.ExecContext(ctx, query+j.language.keepTaken, args...); err != nil {
			return fmt.Errorf("journal: order %d deletes: %w", len(orders), err)
		}
	}
	return nil
}

// Cancel takes back the order for a key, in the transaction of conn, and reports whether it did: only an order that no
// one ever claimed can be taken back.
func (j *Journal) Cancel(ctx context.Context, conn bun.IConn, store, key string) (bool, error) {
	n, err := exec(ctx, conn, "DELETE FROM dossier_journal WHERE store = ? AND object_key = ? AND state = ? AND attempts = 0",
		store, key, Doomed)
	if err != nil {
		return false, fmt.Errorf("journal: cancel order: %w", err)
	}
	return n == 1, nil
}

// Lookup returns the row about a key, read on conn; ok is false when there is none.
func (j *Journal) Lookup(ctx context.Context, conn bun.IConn, store, key string) (entry Entry, ok bool, err error) {
	var found []Entry
	err = j.db.NewSelect().Conn(conn).Model(&found).Where("store = ?", store).Where("object_key = ?", key).Scan(ctx)
	if err != nil {
		return Entry{}, false, fmt.Errorf("journal: look up key: %w", err)
	}
	if len(found) == 0 {
		return Entry{}, false, nil
	}
	return found[0], true, nil
}

// Exists reports whether any of the ids is in the journal, read on conn.
func (j *Journal) Exists(ctx context.Context, conn bun.IConn, ids ...string) (bool, error) {
	if len(ids) == 0 {
		return false, nil
	}
	var n int
	err := conn.QueryRowContext(ctx, "SELECT count(*) FROM dossier_journal WHERE id IN (?)", bun.List(ids)).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("journal: look up ids: %w", err)
	}
	return n > 0, nil
}
