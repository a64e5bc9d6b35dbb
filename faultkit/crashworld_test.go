package faultkit_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/uptrace/bun"
	_ "modernc.org/sqlite" // the driver named "sqlite"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/all"
	"github.com/dossier-go/dossier/backends/local"
	"github.com/dossier-go/dossier/faultkit"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
)

// document is the model of the crash harness. Nearly every key is in a folder of its own, so that folders come and go.
type document struct {
	bun.BaseModel `bun:"table:documents"`
	model.UUID
	Title string                 `bun:"title,notnull"`
	Shelf int                    `bun:"shelf,notnull"`
	File  *fileobject.FileObject `bun:"file"  file:"uploads,max:16MiB,key:{table}/{field:shelf}/{uuid}{ext}"`
	Pages fileobject.List        `bun:"pages" file:"uploads,max:1MiB,many:6,key:{table}/{field:shelf}/{uuid}{ext}"`
}

// patience of the protocol in the harness: short, so that leases do run out while processes live.
const (
	crashLease      = 300 * time.Millisecond
	crashQuarantine = 300 * time.Millisecond
	crashClaim      = 300 * time.Millisecond
)

// world is what all processes of the harness share: a database and a store, opened by one of them.
type world struct {
	dir     string
	in      database
	url     string // of the cloud store; "" is a folder
	pool    *sql.DB
	store   dossier.Backend   // a folder, or a cloud store
	uploads *faultkit.Backend // store with points
	manager *session.Manager
}

func databaseFile(dir string) string { return filepath.Join(dir, "app.db") }
func sideFolder(dir string) string   { return databaseFile(dir) + "-dossier" }
func storeFolder(dir string) string  { return filepath.Join(dir, "files") }

// openWorld opens database and store with points everywhere.
func openWorld(dir string, points *faultkit.Points, deleteAfter time.Duration) (*world, error) {
	w := &world{dir: dir}
	var err error
	if w.in, err = readDatabase(dir); err != nil {
		return nil, err
	}
	if w.pool, err = faultkit.OpenDB(w.in.Driver, w.in.DSN, points); err != nil {
		return nil, err
	}
	if w.url, err = readStoreURL(dir); err != nil {
		return nil, err
	}
	if w.store, err = openUploads(dir, w.url, points); err != nil {
		return nil, err
	}
	w.uploads = faultkit.Wrap(w.store, points)
	registry := &dossier.Registry{}
	if err := registry.Register("uploads", w.uploads); err != nil {
		return nil, err
	}
	w.manager, err = session.New(w.in.bun(w.pool), session.Options{
		Registry: registry, DeleteAfter: deleteAfter, Lease: crashLease, Quarantine: crashQuarantine, Step: points.Hit,
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	return w, w.manager.Register((*document)(nil))
}

// openUploads opens the store of a world.
func openUploads(dir, storeURL string, points *faultkit.Points) (dossier.Backend, error) {
	if storeURL != "" {
		return all.Open(context.Background(), storeURL)
	}
	return local.New(storeFolder(dir), local.Config{Step: points.Hit})
}

func (w *world) close() error { return errors.Join(w.pool.Close(), w.store.(io.Closer).Close()) }

// createWorld makes an empty world in dir, whose database is there; storeURL names its cloud store, or is empty.
func createWorld(ctx context.Context, dir, storeURL string) error {
	if err := writeStoreURL(dir, storeURL); err != nil {
		return err
	}
	w, err := openWorld(dir, nil, 0) //nolint:contextcheck // as any start of an application
	if err != nil {
		return err
	}
	return errors.Join(w.manager.CreateSchema(ctx), w.close())
}

// execute runs plain SQL that is no work of the protocol.
func (w *world) execute(ctx context.Context, query string, args ...any) error {
	_, err := w.pool.ExecContext(ctx, w.in.rebind(query), args...)
	return err
}

// number runs a query for one number.
func (w *world) number(ctx context.Context, query string) (n int, err error) {
	return n, w.pool.QueryRowContext(ctx, query).Scan(&n)
}

// hurry makes the orders due whose files no upload can still be writing. It changes one row at a time: as one statement, at
// MariaDB's usual isolation, it would lock the gaps between them while it waits for a transaction, whose intents go there.
func (w *world) hurry(ctx context.Context) error {
	var ids []string
	err := w.manager.DB().NewRaw("SELECT id FROM dossier_journal WHERE state = 'doomed' AND NOT intent").Scan(ctx, &ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := w.execute(ctx, "UPDATE dossier_journal SET due_at = 0 WHERE id = ?", id); err != nil {
			return err
		}
	}
	return nil
}

// olden gives a file the age at which nobody can be about to use it.
func olden(path string) error {
	old := time.Now().Add(-24 * time.Hour)
	if err := os.Chtimes(path, old, old); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("age %s: %w", path, err)
	}
	return nil
}
