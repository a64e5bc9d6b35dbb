package session

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/dossier-go/dossier"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"
)

// Open opens a database by its DSN and returns a manager over it, as [New] does over pools of one's own: with the
// settings that a manager needs, a pool for the journal, pools for reads, and limits on connections. Settings that the
// DSN names stay as they are there; those under which rows and files would not stay true to each other are
// dossier.ErrInvalid. See docs/databases.md for what is set on each database. The manager must be closed.
//
// Errors: dossier.ErrUnavailable when the database is not up (after Config.Wait), dossier.ErrUnauthenticated and
// dossier.ErrPermission when it does not let us in, ErrNoDatabase and ErrNoSchema for what is missing, those of New, of
// Register and of CreateSchema. None has the DSN or a password in it.
func Open(ctx context.Context, cfg Config) (*Manager, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	cfg = cfg.withDefaults()
	o, err := prepare(cfg)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	m, err := o.manager(ctx, cfg)
	if err != nil {
		err = errors.Join(err, o.close())
		return nil, fmt.Errorf("open database %s: %w", o.primary.shown, withoutSecrets(err, o.secrets()))
	}
	m.owned = o.close
	return m, nil
}

// target is one database that a DSN names.
type target struct {
	connector driver.Connector
	dialect   func() schema.Dialect
	pool      PoolOptions
	shown     string   // a name without secrets
	secrets   []string // what errors must not have in them
}

// opening is what Open has opened so far.
type opening struct {
	primary  target
	journal  *target // nil: the primary's pool
	replicas []target
	keep     driver.Connector // of a database that lives as long as a connection to it
	pools    []io.Closer
}

// prepare reads the DSNs; nothing is opened.
func prepare(cfg Config) (*opening, error) {
	kind, err := kindOf(cfg.DSN)
	if err != nil {
		return nil, err
	}
	if kind == "sqlite" {
		return prepareSQLite(cfg)
	}
	read := map[string]func(cfg Config, dsn string, role role) (target, error){
		"postgresql": postgresqlTarget, "mysql": mysqlTarget,
	}[kind]
	o := &opening{}
	if o.primary, err = read(cfg, cfg.DSN, forTransactions); err != nil {
		return nil, err
	}
	journal, err := read(cfg, cfg.DSN, forJournal)
	if err != nil {
		return nil, err
	}
	o.journal = &journal
	for i, dsn := range cfg.Replicas {
		if other, err := kindOf(dsn); err != nil || other != kind {
			return nil, fmt.Errorf("replica number %d: %w: it is of another kind than the database", i+1, dossier.ErrInvalid)
		}
		replica, err := read(cfg, dsn, forReads)
		if err != nil {
			return nil, fmt.Errorf("replica number %d: %w", i+1, err)
		}
		o.replicas = append(o.replicas, replica)
	}
	return o, nil
}

// role is what a pool is for.
type role int

const (
	forTransactions role = iota
	forJournal
	forReads
)

// manager opens the pools, waits for the database and makes the manager.
func (o *opening) manager(ctx context.Context, cfg Config) (*Manager, error) {
	if err := o.hold(ctx); err != nil {
		return nil, err
	}
	pool := o.open(o.primary)
	if err := wait(ctx, cfg, pool); err != nil {
		return nil, err
	}
	db := cfg.database(pool, o.primary.dialect())
	opts := cfg.Options
	if o.journal != nil {
		opts.Journal = cfg.database(o.open(*o.journal), o.journal.dialect())
	}
	for _, replica := range o.replicas {
		opts.Replicas = append(opts.Replicas, cfg.database(o.open(replica), known{db.Dialect()}))
	}
	m, err := newManager(ctx, db, opts)
	if err == nil {
		err = m.Register(cfg.Models...)
	}
	if err == nil && cfg.CreateSchema {
		err = m.CreateSchema(ctx)
	}
	if err == nil && cfg.MustExist {
		err = m.examineJournal(ctx, m.db)
	}
	return m, kinded(ctx, err)
}

// hold keeps a database in memory alive.
func (o *opening) hold(ctx context.Context) error {
	if o.keep == nil {
		return nil
	}
	conn, err := o.keep.Connect(ctx)
	if err != nil {
		return err
	}
	o.pools = append(o.pools, conn)
	return nil
}

// open makes a pool, which makes connections when they are needed.
func (o *opening) open(t target) *sql.DB {
	pool := sql.OpenDB(t.connector)
	t.pool.apply(pool)
	o.pools = append(o.pools, pool)
	return pool
}

// database puts bun over a pool. A dialect may ask the database what it is.
func (c Config) database(pool *sql.DB, dialect schema.Dialect) *bun.DB {
	db := bun.NewDB(pool, dialect)
	for _, hook := range c.QueryHooks {
		db.AddQueryHook(hook)
	}
	return db
}

// known is a dialect that asks nothing: a replica is what the primary is, and may not be up.
type known struct{ schema.Dialect }

// Init implements schema.Dialect.
func (known) Init(*sql.DB) {}

// close closes the pools, the newest first.
func (o *opening) close() error {
	var errs []error
	for _, pool := range slices.Backward(o.pools) {
		errs = append(errs, pool.Close())
	}
	return errors.Join(errs...)
}

func (o *opening) secrets() []string {
	all := slices.Clone(o.primary.secrets)
	for _, replica := range o.replicas {
		all = append(all, replica.secrets...)
	}
	return all
}

// Close ends the manager: what is asked of it, and of sessions that have no transaction open, is dossier.ErrClosed then. It
// closes the pools that [Open] opened, and of a manager that [New] made nothing: the pools are the caller's. It waits for
// nobody: end sessions and RunSweeper first. A second call does nothing.
func (m *Manager) Close() error {
	if m.closed.Swap(true) || m.owned == nil {
		return nil
	}
	if err := m.owned(); err != nil {
		return fmt.Errorf("close manager: %w", err)
	}
	return nil
}

// live returns an error after Close.
func (m *Manager) live(op string) error {
	if m.closed.Load() {
		return fmt.Errorf("%s: the manager: %w", op, dossier.ErrClosed)
	}
	return nil
}
