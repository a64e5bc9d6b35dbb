package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // the driver named "sqlite"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/filetype"
	"github.com/dossier-go/dossier/session"
)

// app is what the handlers work with.
type app struct {
	cfg      config
	assets   assets
	signer   *dossier.Signer
	store    dossier.Backend
	origin   string // of the store's links when they lead to another server
	registry *dossier.Registry
	db       *bun.DB
	manager  *session.Manager
}

// openApp opens what is in the data folder, or begins a new one. It is to be closed unless there is an error.
func openApp(ctx context.Context, cfg config) (_ *app, err error) {
	if err := os.MkdirAll(cfg.data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	a := &app{cfg: cfg, registry: &dossier.Registry{Detector: filetype.Detector{}}}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close())
		}
	}()
	if a.assets, err = loadAssets(cfg); err != nil {
		return nil, err
	}
	if err := a.openStore(ctx); err != nil {
		return nil, err
	}
	return a, a.openDatabase(ctx)
}

// openDatabase opens the database as package session wants it, with the tables it needs.
func (a *app) openDatabase(ctx context.Context) error {
	path, err := filepath.Abs(filepath.Join(a.cfg.data, "documents.db"))
	if err != nil {
		return err
	}
	pool, err := sql.Open("sqlite", dataSource(path))
	if err != nil {
		return err
	}
	a.db = bun.NewDB(pool, sqlitedialect.New())
	a.manager, err = session.New(a.db, session.Options{Registry: a.registry}) //nolint:contextcheck // it has a time-out of its own
	if err != nil {
		return err
	}
	if err := a.manager.Register((*Document)(nil)); err != nil {
		return err
	}
	return a.manager.CreateSchema(ctx)
}

// dataSource names a database file; the path is escaped, for "?" and "#" would end it.
func dataSource(path string) string {
	return "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath() +
		"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)"
}

// close closes what is open; nothing may be in use any more.
func (a *app) close() error {
	var err error
	if a.db != nil {
		err = a.db.Close()
	}
	return errors.Join(err, a.registry.Close())
}
