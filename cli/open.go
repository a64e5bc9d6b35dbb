package cli

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/all"
	"github.com/dossier-go/dossier/filetype"
	"github.com/dossier-go/dossier/session"
)

// driver is the name under which modernc.org/sqlite registers itself.
const driver = "sqlite"

// with calls fn with a manager, the application's or one made from the flags, which is closed afterwards.
func (t *tool) with(cmd *cobra.Command, fn func(*session.Manager) error) (err error) {
	ctx := cmd.Context()
	if t.cfg.Manager != nil {
		m, err := t.cfg.Manager(ctx)
		if err != nil {
			return err
		}
		return fn(m)
	}
	registry := &dossier.Registry{Detector: filetype.Detector{}}
	defer func() { err = errors.Join(err, registry.Close()) }()
	if err := t.openBackends(ctx, registry); err != nil {
		return err
	}
	db, err := openDatabase(ctx, t.database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	m, err := session.New(db, session.Options{
		Registry: registry, Logger: slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)),
	})
	if err != nil {
		return err
	}
	return fn(m)
}

// needBackends is for commands that do nothing without one.
func needBackends(m *session.Manager) error {
	if len(m.Registry().Names()) == 0 {
		return fmt.Errorf("%w: no backend; name each that the rows use: --backend uploads=file:///srv/uploads", dossier.ErrInvalid)
	}
	return nil
}

// openBackends registers what the flags name. A name alone, without URL, is the filter of journal. Values are not
// repeated in errors: they may hold secrets.
func (t *tool) openBackends(ctx context.Context, registry *dossier.Registry) error {
	for i, flag := range t.backends {
		name, url, ok := strings.Cut(flag, "=")
		if !ok {
			return fmt.Errorf("--backend number %d: %w: want name=url, such as uploads=file:///srv/uploads", i+1, dossier.ErrInvalid)
		}
		b, err := all.Open(ctx, url)
		if err != nil {
			return fmt.Errorf("--backend number %d: %w", i+1, err)
		}
		if err := registry.Register(name, b); err != nil {
			return fmt.Errorf("--backend number %d: %w", i+1, errors.Join(err, closeBackend(b)))
		}
	}
	return nil
}

func closeBackend(b dossier.Backend) error {
	if closer, ok := b.(interface{ Close() error }); ok {
		return closer.Close()
	}
	return nil
}

// openDatabase opens an application's database, and makes sure that it is one.
func openDatabase(ctx context.Context, text string) (*bun.DB, error) {
	name, dsn, err := parseDatabase(text)
	if err != nil {
		return nil, fmt.Errorf("--database: %w", err)
	}
	if !slices.Contains(sql.Drivers(), driver) {
		return nil, fmt.Errorf("%w: this program was built without a driver for SQLite; import _ \"modernc.org/sqlite\" in it", errors.ErrUnsupported)
	}
	pool, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w: the DSN is malformed", name, dossier.ErrInvalid)
	}
	var tables int
	err = pool.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'dossier_journal'").Scan(&tables)
	if err == nil && tables == 0 {
		err = fmt.Errorf("%w: it has no table dossier_journal; is it the application's database? "+
			"Manager.CreateSchema and package migrations make the table", dossier.ErrInvalid)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", name, err), pool.Close())
	}
	return bun.NewDB(pool, sqlitedialect.New()), nil
}
