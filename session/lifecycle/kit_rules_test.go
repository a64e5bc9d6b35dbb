package lifecycle_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/faultkit"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
)

// faultyWorld is a world whose database and backend hit points.
func faultyWorld(t testing.TB, points *faultkit.Points, opts session.Options) (*world, *faultkit.Backend) {
	t.Helper()
	var backend *faultkit.Backend
	w := newWorld(t, setup{
		options: opts,
		open:    func(driver, dsn string) (*sql.DB, error) { return faultkit.OpenDB(driver, dsn, points) },
		wrap: func(b dossier.Backend) dossier.Backend {
			backend = faultkit.Wrap(b, points)
			return backend
		},
	})
	return w, backend
}

// try is Manager.Run that hands its error over.
func (w *world) try(fn func(ctx context.Context, s *session.Session) error) error {
	return w.m.Run(context.Background(), fn)
}

// wantError demands an error of this kind, or none for nil.
func wantError(t testing.TB, err, kind error) {
	t.Helper()
	if kind == nil && err != nil || kind != nil && !errors.Is(err, kind) {
		t.Errorf("error %v, want %v", err, kind)
	}
}

// load gets a document in a unit of work of its own.
func (w *world) load(t testing.TB, id model.UUID) *document {
	t.Helper()
	d := &document{}
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Get(ctx, d, id.ID) })
	return d
}

// exec runs plain SQL beside the manager.
func (w *world) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	_, err := w.raw.Exec(w.rebind(query), args...)
	must(t, err)
}

// number is the one number of a plain query.
func (w *world) number(t testing.TB, query string, args ...any) int {
	t.Helper()
	var n int
	must(t, w.raw.QueryRow(w.rebind(query), args...).Scan(&n))
	return n
}

// put writes an object as another program would.
func (w *world) put(t testing.TB, key, content string) {
	t.Helper()
	path := filepath.Join(w.files, filepath.FromSlash(key))
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(content), 0o644))
}

// at is a handle as another program's list of keys would give it.
func at(key string) *fileobject.FileObject {
	return &fileobject.FileObject{Record: dossier.Record{Backend: "uploads", Key: key, Filename: filepath.Base(key)}}
}

// announced writes the journal row of an upload whose owner is gone.
func (w *world) announced(t testing.TB, backend, store, key string) {
	t.Helper()
	w.exec(t, "INSERT INTO dossier_journal (id, backend, store, object_key, state, intent, owner, due_at, created_at) "+
		"VALUES (?, ?, ?, ?, 'pending', TRUE, 'gone', 0, 0)", "id of "+key, backend, store, key)
}
