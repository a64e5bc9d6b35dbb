package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/journal"
	"github.com/uptrace/bun"
)

// Manager makes sessions over one database and one registry. It is safe for concurrent use.
type Manager struct {
	db       *bun.DB
	replicas replicas
	journal  *journal.Journal
	opts     Options
	plans    sync.Map // reflect.Type of the struct → *plan
	planMu   sync.Mutex
	engine   engine
	level    sql.IsolationLevel // of sessions that ask for none
	turns    turns
	sideDir  string // where side files are, or "" for a database in memory
	due      dueOrders
	closed   atomic.Bool
	owned    func() error // closes the pools that Open opened; nil: they are the caller's
}

// New returns a manager over pools of the caller's, who closes them after it; [Open] makes pools from a DSN. It works over
// SQLite, PostgreSQL (9.5 and later) or MySQL (8.0, MariaDB 10.6, and later), whose bun.DB was
// made with sqlitedialect, pgdialect or mysqldialect. It asks the database for what the manager must know: SQLite for its file,
// PostgreSQL for version and standard_conforming_strings, MySQL for version and sql_mode, and how its connections count
// rows (the DSN needs clientFoundRows=true) and treat times (parseTime=true). Errors: errors.ErrUnsupported for other
// databases, older ones and isolation levels that the database does not have; dossier.ErrInvalid for negative durations, for
// settings of pools under which a session could wait for itself, each connection would be a database of its own, or rows and
// files could not be kept true to each other.
func New(db *bun.DB, opts Options) (*Manager, error) {
	return newManager(context.Background(), db, opts)
}

func newManager(ctx context.Context, db *bun.DB, opts Options) (*Manager, error) {
	if db == nil {
		return nil, fmt.Errorf("new manager: %w: no database", dossier.ErrInvalid)
	}
	engine, err := engineOf(db)
	if err == nil {
		err = opts.check()
	}
	if err != nil {
		return nil, fmt.Errorf("new manager: %w", err)
	}
	m := &Manager{db: db, opts: opts.withDefaults(), engine: engine}
	if m.level, err = engine.level(opts.Isolation); err != nil {
		return nil, fmt.Errorf("new manager: %w", err)
	}
	if m.opts.Journal == nil {
		m.opts.Journal = db
	}
	for _, pool := range slices.Concat(m.pools(), opts.Replicas) {
		if pool == nil || pool.Dialect().Name() != db.Dialect().Name() {
			return nil, fmt.Errorf("new manager: %w: the pools are of different databases", dossier.ErrInvalid)
		}
	}
	if m.journal, err = journal.New(m.opts.Journal, journal.Config{Turn: m.write}); err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, m.opts.CleanupTimeout)
	defer cancel()
	if err := engine.examine(bounded, m); err != nil {
		return nil, fmt.Errorf("new manager: %w", err)
	}
	if err := m.examineReplicas(ctx); err != nil {
		return nil, fmt.Errorf("new manager: %w", err)
	}
	return m, nil
}

// Registry returns the registry of the manager.
func (m *Manager) Registry() *dossier.Registry { return m.opts.Registry }

// Journal returns the journal of the manager, for tools.
func (m *Manager) Journal() *journal.Journal { return m.journal }

// DB returns the database. What is written through it directly is not watched over: use Session.IDB.
func (m *Manager) DB() *bun.DB { return m.db }

// Register checks the `file` tags of the models' types, makes their scans remember what was loaded, and sets column
// types for CreateSchema. Types that are not registered are prepared at first use; register them before other
// goroutines read them through plain bun. Models are pointers to structs, nil ones too. Errors: dossier.ErrInvalid and
// ErrNoBackend, with the field's name; ErrConflict when another manager over the same bun.DB has another registry.
func (m *Manager) Register(models ...any) error {
	var errs []error
	for _, model := range models {
		if _, err := m.planOf(reflect.TypeOf(model)); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// CreateSchema creates the journal's table and those of the registered types, where they are not there; any number of
// processes may do so at the same time. It is for
// tests, demos and small applications; larger ones use migrations (package migrations has the journal's).
func (m *Manager) CreateSchema(ctx context.Context) error {
	if err := m.live("create schema"); err != nil {
		return err
	}
	if err := m.journal.CreateSchema(ctx); err != nil {
		return err
	}
	var left []*plan
	m.plans.Range(func(_, value any) bool {
		left = append(left, value.(*plan))
		return true
	})
	for {
		failed, err := m.createTables(ctx, left)
		if err == nil || len(failed) == len(left) || ctx.Err() != nil {
			return err
		}
		left = failed // they may refer to tables that came later
	}
}

// createTables returns the plans whose tables could not be created, and why.
func (m *Manager) createTables(ctx context.Context, plans []*plan) (failed []*plan, err error) {
	var errs []error
	for _, p := range plans {
		if err := m.createTable(ctx, p); err != nil {
			failed = append(failed, p)
			errs = append(errs, fmt.Errorf("create table %s: %w", p.table.Name, err))
		}
	}
	return failed, errors.Join(errs...)
}

// createTable tries twice: on PostgreSQL, of two that create a table at the same time one fails; the second time it is there.
func (m *Manager) createTable(ctx context.Context, p *plan) error {
	query := m.tableQuery(p)
	_, err := query.Exec(ctx)
	if err != nil && ctx.Err() == nil {
		_, err = query.Exec(ctx)
	}
	return err
}

// Begin returns a session without doing any I/O. It must be closed.
func (m *Manager) Begin(ctx context.Context) (*Session, error) {
	if err := m.live("begin session"); err != nil {
		return nil, err
	}
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("begin session: %w", err)
	}
	return m.newSession(), nil
}

// Run calls fn with a session, commits when fn returns nil, and rolls back on an error or a panic, which goes on. The
// context given to fn finds the manager's registry for handles. The error is fn's, joined with what went wrong in the
// rollback, or that of [Session.Commit].
func (m *Manager) Run(ctx context.Context, fn func(ctx context.Context, s *Session) error) error {
	return m.RunWith(ctx, RunOptions{}, fn)
}

// context is the one that user functions get.
func (m *Manager) context(ctx context.Context) context.Context {
	return fileobject.WithRegistry(ctx, m.opts.Registry)
}

// detached returns a context for work that must go on when the caller's has ended.
func (m *Manager) detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), m.opts.CleanupTimeout)
}
