// Package dbservers starts database servers for tests: one PostgreSQL cluster and one MariaDB server of a test process,
// when they are first asked for, with settings that are fast and lose data in a crash. The servers run without
// privileges, listen on the loopback address and die with the process.
//
// It uses the programs that are installed; where there are none, [ErrMissing] says what to skip with.
package dbservers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// ErrMissing says that a database's programs are not installed.
var ErrMissing = errors.New("server: not installed")

// Set is the servers of one test process. The zero value has started none. It is safe for concurrent use.
type Set struct {
	postgresql, mariadb lazy
	number              atomic.Int64 // of databases made
}

// lazy is a server that is started once.
type lazy struct {
	mu     sync.Mutex
	server *server
	err    error
}

func (l *lazy) get(start func() (*server, error)) (*server, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.server == nil && l.err == nil {
		l.server, l.err = start()
	}
	return l.server, l.err
}

func (l *lazy) stop() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.server == nil {
		return nil
	}
	s := l.server
	l.server, l.err = nil, errors.New("the server was stopped")
	return s.stop()
}

// Database is a database of a server that is the caller's own.
type Database struct {
	// DSN for the driver that made it.
	DSN string

	name   string
	server *server
}

// PostgreSQL makes a schema of the PostgreSQL cluster, which is quicker than a database of its own; connections are in it and
// have its name for their application_name. The caller has imported the driver "pgx". Errors: ErrMissing.
func (s *Set) PostgreSQL(ctx context.Context) (*Database, error) {
	return s.make(ctx, &s.postgresql, startPostgreSQL)
}

// MariaDB makes a database in the MariaDB server. The caller has imported the driver "mysql". Errors: ErrMissing.
func (s *Set) MariaDB(ctx context.Context) (*Database, error) {
	return s.make(ctx, &s.mariadb, startMariaDB)
}

// Run runs the tests of a process, then stops what they started, and returns the process's exit code: for TestMain.
func (s *Set) Run(tests interface{ Run() int }) int {
	code := tests.Run()
	if err := s.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// Stop stops what was started and removes its files.
func (s *Set) Stop() error { return errors.Join(s.postgresql.stop(), s.mariadb.stop()) }

func (s *Set) make(ctx context.Context, l *lazy, start func() (*server, error)) (*Database, error) {
	server, err := l.get(start)
	if err != nil {
		return nil, err
	}
	d := &Database{name: fmt.Sprintf("dossier_%d", s.number.Add(1)), server: server}
	d.DSN = server.dsn(d.name)
	return d, server.exec(ctx, server.create+" "+d.name)
}

// Drop removes the database with all that is in it.
func (d *Database) Drop(ctx context.Context) error {
	return d.server.exec(ctx, d.server.drop+" "+d.name+d.server.all)
}

// server is a server that runs.
type server struct {
	process *process
	folder  string
	driver  string
	dsn     func(database string) string
	system  string // name of a database that is always there
	create  string // statement that makes a database
	drop    string // statement that removes one,
	all     string // and its end
	admin   *sql.DB
	shell   func(database string) shell
}

func (s *server) exec(ctx context.Context, query string) error {
	_, err := s.admin.ExecContext(ctx, query)
	return err
}

// patience is how long a server may take to start.
const patience = 60 * time.Second

// ready opens the administrator's pool and waits until the server answers.
func (s *server) ready() (err error) {
	if s.admin, err = sql.Open(s.driver, s.dsn(s.system)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		err := s.admin.PingContext(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w", err)
		case <-s.process.done:
			return fmt.Errorf("the server ended: %s", s.process.output.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *server) stop() error {
	err := s.admin.Close()
	s.process.kill()
	return errors.Join(err, os.RemoveAll(s.folder))
}
