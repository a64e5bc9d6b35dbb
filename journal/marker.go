package journal

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// markerStore is the store of marker rows, which stand for side files and not for objects.
const markerStore = "side file"

// Mark inserts the marker of a side file in the transaction of conn: if the transaction commits, the objects that the
// file lists have rows.
func (j *Journal) Mark(ctx context.Context, conn bun.IConn, id string) error {
	_, err := conn.ExecContext(ctx, "INSERT INTO dossier_journal (id, backend, store, object_key, state, due_at, created_at) "+
		"VALUES (?, '', ?, ?, ?, 0, ?)", id, markerStore, id, Marker, j.language.now)
	if err != nil {
		return fmt.Errorf("journal: mark side file: %w", err)
	}
	return nil
}

// Marked reports whether the marker is committed, or visible on conn.
func (j *Journal) Marked(ctx context.Context, conn bun.IConn, id string) (bool, error) {
	return j.Exists(ctx, conn, id)
}

// Unmark removes markers whose side files are gone. Ids without a marker are left alone.
func (j *Journal) Unmark(ctx context.Context, ids ...string) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := j.own(ctx, j.language.remove+" WHERE id IN (?) AND state = ?", bun.List(ids), Marker)
	if err != nil {
		return fmt.Errorf("journal: unmark side files: %w", err)
	}
	return nil
}

// Markers returns the ids of all markers.
func (j *Journal) Markers(ctx context.Context) ([]string, error) {
	var ids []string
	err := j.db.NewSelect().Model((*Entry)(nil)).Column("id").Where("state = ?", Marker).Scan(ctx, &ids)
	if err != nil {
		return nil, fmt.Errorf("journal: list markers: %w", err)
	}
	return ids, nil
}
