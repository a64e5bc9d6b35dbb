package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/uptrace/bun"
)

// Direct is an object that a client uploads by itself: its intent, and how long the client's signed request may still
// write the key.
type Direct struct {
	ID      string // of the intent
	Guard   string // id of the row that remembers OpenFor; see NewID
	Backend string
	Store   string
	Key     string
	// OpenFor is how long from now on the key may be written by others. Default: 0, not at all.
	OpenFor time.Duration
	// Discard says that no row takes the object itself, because it was copied: it is to be deleted, and no Cancel takes that
	// back. Default: false.
	Discard bool
}

// guardPrefix stands before the store of a row that remembers until when a key is open, so that it does not take the
// place of an order for the key.
const guardPrefix = "direct "

// AdoptDirect is [Journal.Adopt] for direct uploads, in the transaction of conn. Beside each adoption it notes until when the
// key is open: a delete of the object before then leaves a tombstone until then, because the upload may be repeated. It is
// an error that Is [dossier.ErrConflict] unless every intent was still pending: a token is used once, and a sweep takes
// what nobody used.
func (j *Journal) AdoptDirect(ctx context.Context, conn bun.IConn, uploads ...Direct) error {
	for _, u := range uploads {
		n, err := j.settleIntent(ctx, conn, u)
		if err == nil && n != 1 {
			err = fmt.Errorf("%w: the upload to %s was used already, or given up", dossier.ErrConflict, u.Key)
		}
		if err == nil && u.OpenFor > 0 {
			_, err = conn.ExecContext(ctx, "INSERT INTO dossier_journal (id, backend, store, object_key, state, due_at, created_at) "+
				"VALUES (?, ?, ?, ?, ?, ? + ?, ?)",
				u.Guard, u.Backend, guardPrefix+u.Store, u.Key, Open, j.language.now, milliseconds(u.OpenFor), j.language.now)
		}
		if err != nil {
			return fmt.Errorf("journal: adopt direct upload: %w", err)
		}
	}
	return nil
}

// settleIntent removes the intent, or makes an order of it.
func (j *Journal) settleIntent(ctx context.Context, conn bun.IConn, u Direct) (int, error) {
	if u.Discard {
		// The order cannot be taken back: who has the URL may still write the object, so no row must ever have it.
		return exec(ctx, conn, "UPDATE dossier_journal SET state = ?, attempts = 1, due_at = ? WHERE id = ? AND state = ?",
			Doomed, j.language.now, u.ID, Pending)
	}
	return exec(ctx, conn, "DELETE FROM dossier_journal WHERE id = ? AND state = ?", u.ID, Pending)
}

// Announced returns the row of an intent, read on conn without a lock; ok is false when it is no longer pending.
func (j *Journal) Announced(ctx context.Context, conn bun.IConn, id string) (entry Entry, ok bool, err error) {
	var found []Entry
	err = j.db.NewSelect().Conn(conn).Model(&found).Where("id = ?", id).Where("state = ?", Pending).Scan(ctx)
	if err != nil {
		return Entry{}, false, fmt.Errorf("journal: look up intent: %w", err)
	}
	if len(found) == 0 {
		return Entry{}, false, nil
	}
	return found[0], true, nil
}

// openKeys returns until when keys of one store may be written by others, in milliseconds of the database's clock.
func (j *Journal) openKeys(ctx context.Context, entries []Entry) (map[string]int64, error) {
	keys := map[string][]string{}
	for _, entry := range entries {
		if entry.State == Doomed {
			keys[entry.Store] = append(keys[entry.Store], entry.Key)
		}
	}
	until := map[string]int64{}
	for store, keys := range keys {
		var open []Entry
		err := j.db.NewSelect().Model(&open).Column("object_key", "due_at").Where("store = ?", guardPrefix+store).
			Where("object_key IN (?)", bun.List(keys)).Where("state = ?", Open).Where("due_at > ?", j.language.now).Scan(ctx)
		if err != nil {
			return nil, fmt.Errorf("sweep: look for open keys: %w", err)
		}
		for _, entry := range open {
			until[store+"|"+entry.Key] = entry.DueAt
		}
	}
	return until, nil
}

// notOpen tells the rows about objects from those that only remembered until when a key was open.
func notOpen(entries []Entry) (objects []Entry, closed []string) {
	for _, entry := range entries {
		if entry.State == Open {
			closed = append(closed, entry.ID)
			continue
		}
		objects = append(objects, entry)
	}
	return objects, closed
}

// buryOpen turns rows of our claim into tombstones that last until nobody can write their keys any more.
func (j *Journal) buryOpen(ctx context.Context, quarantine time.Duration, owner string, until map[string]int64) error {
	for id, due := range until {
		_, err := j.own(ctx, "UPDATE dossier_journal SET state = ?, attempts = 0, due_at = "+
			"CASE WHEN intent AND ? + ? > ? THEN ? + ? ELSE ? END WHERE id = ? AND owner = ?",
			Tombstone, j.language.now, milliseconds(quarantine), due, j.language.now, milliseconds(quarantine), due, id, owner)
		if err != nil {
			return fmt.Errorf("sweep: bury: %w", err)
		}
	}
	return nil
}
