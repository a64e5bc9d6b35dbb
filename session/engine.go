package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/dossier-go/dossier"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
)

// engine is what a database does in its own way.
type engine interface {
	// examine refuses pools that cannot work, and learns what the engine must know of the database.
	examine(ctx context.Context, m *Manager) error
	// examineReplica refuses a pool whose reads would be others than the database's.
	examineReplica(ctx context.Context, m *Manager, pool *bun.DB) error
	// missing reports whether an error says that a table of this name is not there.
	missing(ctx context.Context, pool *bun.DB, table string, err error) bool
	// level is the isolation that a transaction gets which asks for one, or errors.ErrUnsupported.
	level(asked sql.IsolationLevel) (sql.IsolationLevel, error)
	// begin returns the statements that begin a transaction.
	begin(level sql.IsolationLevel) []string
	// over ends the transaction when an error of COMMIT is one that positively rolled back, or when the transaction is open
	// still, and reports whether it did.
	over(ctx context.Context, t *transaction, err error) bool
	// triggers is how the database does triggers.
	triggers() triggerEngine
	// traits are what needs no code.
	traits() traits
}

// traits of a database.
type traits struct {
	// oneWriter: sessions queue for the one write lock, under which the journal cannot be written elsewhere.
	oneWriter bool
	// local: a statement waits for no network, and the database itself bounds the wait for its lock: there is nothing to
	// give up, and asking for it costs the driver a goroutine.
	local bool
	// lock makes a SELECT lock its rows; "" where the transaction has the write lock.
	lock string
	// seesOthers: at every level a transaction sees, and can adopt, intents that were committed after it began.
	seesOthers bool
	// keepsLocks: rows that were changed inside a savepoint stay locked when it is undone.
	keepsLocks bool
	// goesOn: after an error that ended the transaction statements are executed, each for itself. The error can go past the
	// session, in rows that the caller does not read to their end.
	goesOn bool
	// commit ends the transaction, or is an error when it was ended already.
	commit string
	// Types of columns.
	file, uuid, time string
	now              string // default of a time, in place of CURRENT_TIMESTAMP; "" where that is right
	exact            string // text of at most ? characters that is compared as it is, without regard to languages
	syntax           syntax
}

// engineOf returns the engine of a database.
func engineOf(db *bun.DB) (engine, error) {
	switch name := db.Dialect().Name(); name {
	case dialect.SQLite:
		return sqlite{}, nil
	case dialect.PG:
		return postgresql{}, nil
	case dialect.MySQL:
		return &mysql{}, nil
	default:
		return nil, fmt.Errorf("%w: the %v dialect; SQLite, PostgreSQL and MySQL are supported", errors.ErrUnsupported, name)
	}
}

// levelOf is [engine.level] for engines with these levels.
func levelOf(levels map[sql.IsolationLevel]sql.IsolationLevel, asked sql.IsolationLevel) (sql.IsolationLevel, error) {
	level, ok := levels[asked]
	if !ok {
		return 0, fmt.Errorf("%w: the isolation level %v", errors.ErrUnsupported, asked)
	}
	return level, nil
}

// notAlone refuses the pool with one connection in which a transaction would wait for its own journal.
func (m *Manager) notAlone() error {
	if m.db.Stats().MaxOpenConnections == 1 && m.opts.Journal == m.db {
		return fmt.Errorf("%w: the pool has one connection and a session would wait for itself; "+
			"SetMaxOpenConns(2) or more (Config.Pool.MaxOpen), or give Options.Journal a pool of its own", dossier.ErrInvalid)
	}
	return nil
}

// pools are those that write.
func (m *Manager) pools() []*bun.DB {
	all := []*bun.DB{m.db}
	if m.opts.Journal != m.db {
		all = append(all, m.opts.Journal)
	}
	return all
}

// probeOpen reports whether a transaction is open on the connection: a savepoint lives in one only.
func (t *transaction) probeOpen(ctx context.Context) bool {
	const name = "dossier_open"
	return t.statement(ctx, "SAVEPOINT "+name) == nil && t.statement(ctx, "RELEASE SAVEPOINT "+name) == nil
}
