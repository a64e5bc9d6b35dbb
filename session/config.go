package session

import (
	"database/sql"
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/uptrace/bun"
)

// Config of [Open]. Only DSN is needed. What the DSN itself says goes before the fields that set the same.
type Config struct {
	// DSN names the database: postgres://user:password@host:port/database?sslmode=verify-full (or postgresql://, or libpq's
	// keywords, as in "host=localhost dbname=app"); mysql://user:password@host:port/database?tls=true (or mariadb://, or
	// user:password@tcp(host:port)/database); or, for SQLite, a path, file:path?parameters, or for a database in memory
	// file:/name?vfs=memdb. It is never part of an error. Default: none, it is required.
	DSN string
	// Replicas are DSNs of read replicas of the same database, for PostgreSQL and MySQL; see Options.Replicas. SQLite has
	// none: its readers are a pool that Open makes. Default: none.
	Replicas []string
	// Options of the manager. Its pools, Journal and Replicas, are made by Open and must be empty here.
	Options Options
	// Models are registered; see Manager.Register. Default: none.
	Models []any
	// CreateSchema creates the tables of journal and models where they are missing; see Manager.CreateSchema. Default: false,
	// they are made by migrations; Manager.Health tells whether they are there.
	CreateSchema bool
	// MustExist refuses a database without the journal's table (ErrNoSchema), and makes no SQLite file where there is none
	// (ErrNoDatabase) and leaves the journal mode of one alone. It is for tools. Default: false.
	MustExist bool
	// Wait is how long Open tries again, with growing pauses, while the database is not up: when the connection is refused
	// or reset, a name is not known, or the server is starting, stopping, or out of connections. What waiting does not cure
	// (a wrong password, a missing database) ends it at once. Default: 0, one try.
	Wait time.Duration
	// ConnectTimeout bounds the making of one connection, one second or more. SQLite connects to nothing. Default: 0, 10
	// seconds.
	ConnectTimeout time.Duration
	// StatementTimeout bounds each statement at the server, in milliseconds or more, but not those of the journal, which are
	// short and clean up. A longer one fails; see StatementTimedOut. MySQL applies it to SELECT alone. On SQLite it is
	// errors.ErrUnsupported: bound the context. Default: 0, whatever the server does.
	StatementTimeout time.Duration
	// LockTimeout is how long a statement waits for a lock; see LockTimedOut. MySQL and MariaDB count whole seconds, of which
	// it is rounded up to the next; PostgreSQL and SQLite milliseconds. Default: 0: 10 seconds on SQLite, elsewhere whatever
	// the server does: PostgreSQL waits for ever, MySQL 50 seconds.
	LockTimeout time.Duration
	// Pool sizes the pool that transactions run in and, each by itself, those of replicas or SQLite's readers.
	Pool PoolOptions
	// JournalConnections is how many connections the journal has besides, 1 or more, on PostgreSQL and MySQL. SQLite has one
	// writer, so the journal needs no pool there. Default: 0, which means 4.
	JournalConnections int
	// Name is who the server is told that we are: application_name or program_name. Default: "dossier".
	Name string
	// QueryHooks are added to every pool: for logging and metrics, as those of bundebug and bunotel. Statements that bun sees
	// are reported, with the values in them. Default: none.
	QueryHooks []bun.QueryHook
}

// PoolOptions of a pool of connections.
type PoolOptions struct {
	// MaxOpen is how many connections there are at most, 1 or more. Default: 0, which means 20 for a server, and 4 or the number
	// of processors, if that is more, for the readers of SQLite.
	MaxOpen int
	// MaxIdle is how many stay open when nobody uses them, up to MaxOpen; negative for none. Default: 0, MaxOpen.
	MaxIdle int
	// MaxLifetime closes connections that are older, so that load and addresses are distributed anew; negative for no limit.
	// For SQLite there is none. Default: 0, 30 minutes.
	MaxLifetime time.Duration
	// MaxIdleTime closes connections that nobody used for so long; negative for no limit. For SQLite there is none. Default:
	// 0, 5 minutes.
	MaxIdleTime time.Duration
}

// check refuses values that make no sense.
func (c Config) check() error {
	for name, value := range map[string]time.Duration{
		"Wait": c.Wait, "ConnectTimeout": c.ConnectTimeout, "StatementTimeout": c.StatementTimeout, "LockTimeout": c.LockTimeout,
	} {
		if value < 0 || value > 0 && value < time.Millisecond || value.Milliseconds() > math.MaxInt32 {
			return fmt.Errorf("config: %w: %s is %v; it is a millisecond or more, and at most 24 days", dossier.ErrInvalid, name, value)
		}
	}
	switch {
	case c.DSN == "":
		return fmt.Errorf("config: %w: the DSN is missing; it is a path for SQLite, postgres://… or mysql://…", dossier.ErrInvalid)
	case c.ConnectTimeout > 0 && c.ConnectTimeout < time.Second:
		return fmt.Errorf("config: %w: ConnectTimeout is %v; it is a second or more", dossier.ErrInvalid, c.ConnectTimeout)
	case c.Options.Journal != nil || len(c.Options.Replicas) > 0:
		return fmt.Errorf("config: %w: Open makes the pools itself; leave Options.Journal and Options.Replicas out", dossier.ErrInvalid)
	case c.Pool.MaxOpen < 0 || c.JournalConnections < 0:
		return fmt.Errorf("config: %w: the number of connections is negative", dossier.ErrInvalid)
	case slices.Contains(c.QueryHooks, nil):
		return fmt.Errorf("config: %w: one of the QueryHooks is nil", dossier.ErrInvalid)
	case c.CreateSchema && c.MustExist:
		return fmt.Errorf("config: %w: CreateSchema and MustExist contradict each other", dossier.ErrInvalid)
	}
	return c.Options.check()
}

func (c Config) withDefaults() Config {
	setDuration(&c.ConnectTimeout, 10*time.Second)
	setDuration(&c.Pool.MaxLifetime, 30*time.Minute)
	setDuration(&c.Pool.MaxIdleTime, 5*time.Minute)
	if c.JournalConnections == 0 {
		c.JournalConnections = 4
	}
	if c.Name == "" {
		c.Name = "dossier"
	}
	return c
}

// server is the pool's options for a database with a server.
func (p PoolOptions) server() PoolOptions {
	if p.MaxOpen == 0 {
		p.MaxOpen = 20
	}
	return p.idle()
}

// readers is the pool's options for the readers of an SQLite file.
func (p PoolOptions) readers() PoolOptions {
	if p.MaxOpen == 0 {
		p.MaxOpen = max(4, runtime.GOMAXPROCS(0))
	}
	p.MaxLifetime, p.MaxIdleTime = 0, 0
	return p.idle()
}

func (p PoolOptions) idle() PoolOptions {
	if p.MaxIdle == 0 {
		p.MaxIdle = p.MaxOpen
	}
	return p
}

// apply sizes a pool. To database/sql no limit is 0, and no idle connection a negative number.
func (p PoolOptions) apply(db *sql.DB) {
	db.SetMaxOpenConns(p.MaxOpen)
	db.SetMaxIdleConns(p.MaxIdle)
	db.SetConnMaxLifetime(p.MaxLifetime)
	db.SetConnMaxIdleTime(p.MaxIdleTime)
}
