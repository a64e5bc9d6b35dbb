package session_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/internal/dbservers"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/session"
	"github.com/go-sql-driver/mysql"
)

// everyDSN runs a test with the DSN of an empty database of each kind.
func everyDSN(t *testing.T, test func(t *testing.T, on, dsn string)) {
	t.Helper()
	for _, on := range []string{"sqlite", "memory", "postgresql", "mariadb"} {
		t.Run(on, func(t *testing.T) {
			t.Parallel()
			test(t, on, newDSN(t, on))
		})
	}
}

// newDSN names an empty database; those of servers as URLs.
func newDSN(t testing.TB, on string) string {
	t.Helper()
	switch on {
	case "sqlite":
		return filepath.Join(t.TempDir(), "app.db")
	case "memory":
		return "file:/" + journal.NewID() + "?vfs=memdb"
	}
	create := servers.PostgreSQL
	if on == "mariadb" {
		create = servers.MariaDB
	}
	database, err := create(t.Context())
	if errors.Is(err, dbservers.ErrMissing) {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(func() { must(t, database.Drop(context.Background())) })
	if on == "postgresql" {
		return database.DSN
	}
	config, err := mysql.ParseDSN(database.DSN)
	must(t, err)
	u := url.URL{Scheme: "mysql", User: url.UserPassword(config.User, config.Passwd), Host: config.Addr, Path: "/" + config.DBName}
	return u.String()
}

// withParameter adds a parameter to a DSN.
func withParameter(dsn, parameter string) string {
	if strings.Contains(dsn, "?") {
		return dsn + "&" + parameter
	}
	if !strings.Contains(dsn, "://") && !strings.HasPrefix(dsn, "file:") {
		dsn = "file:" + dsn
	}
	return dsn + "?" + parameter
}

// at is the DSN with another address.
func at(t testing.TB, dsn, address string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	must(t, err)
	u.Host = address
	return u.String()
}

// addressOf is where the server of a DSN listens.
func addressOf(t testing.TB, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	must(t, err)
	return u.Host
}

// newOptions has a store in memory.
func newOptions(t testing.TB) session.Options {
	t.Helper()
	registry := &dossier.Registry{}
	must(t, registry.Register("uploads", memory.New(memory.Config{})))
	return session.Options{Registry: registry}
}

// open opens a database with its tables.
func open(t testing.TB, cfg session.Config) *session.Manager {
	t.Helper()
	if cfg.Options.Registry == nil {
		cfg.Options.Registry = newOptions(t).Registry
	}
	if cfg.Models == nil {
		cfg.Models = []any{(*paper)(nil)}
	}
	cfg.CreateSchema = !cfg.MustExist
	m, err := session.Open(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() { must(t, m.Close()) })
	return m
}

// front is a TCP server before a database, which can answer in its place.
type front struct {
	listener net.Listener
	target   string

	mu     sync.Mutex
	count  int
	answer func(n int, conn net.Conn) bool // true: it was answered; nil: none is
	open   []net.Conn
}

// newFront listens on a port of its own.
func newFront(t testing.TB, target string, answer func(n int, conn net.Conn) bool) *front {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	f := &front{listener: listener, target: target, answer: answer}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() { f.serve(conn) })
		}
	})
	t.Cleanup(func() {
		f.cut()
		_ = listener.Close()
		group.Wait()
	})
	return f
}

func (f *front) address() string { return f.listener.Addr().String() }

// connections counts those that were made.
func (f *front) connections() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count
}

// set changes the answer and cuts what is open.
func (f *front) set(answer func(n int, conn net.Conn) bool) {
	f.mu.Lock()
	f.answer = answer
	f.mu.Unlock()
	f.cut()
}

func (f *front) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, conn := range f.open {
		_ = conn.Close()
	}
	f.open = nil
}

func (f *front) serve(conn net.Conn) {
	defer conn.Close()
	f.mu.Lock()
	f.count++
	n, answer := f.count, f.answer
	f.mu.Unlock()
	if answer != nil && answer(n, conn) {
		return
	}
	server, err := new(net.Dialer).DialContext(context.Background(), "tcp", f.target)
	if err != nil {
		return
	}
	defer server.Close()
	f.mu.Lock()
	f.open = append(f.open, conn, server)
	f.mu.Unlock()
	var group sync.WaitGroup
	group.Go(func() {
		_, _ = io.Copy(server, conn)
		_ = server.(*net.TCPConn).CloseWrite()
	})
	_, _ = io.Copy(conn, server)
	_ = conn.Close()
	group.Wait()
}

// hangUp is a server that is not there.
func hangUp(int, net.Conn) bool { return true }

// refusal is what PostgreSQL answers to a start-up message when it does not let the client in.
func refusal(state, text string) func(int, net.Conn) bool {
	return func(_ int, conn net.Conn) bool {
		_, _ = conn.Read(make([]byte, 4096))
		body := "SFATAL\x00C" + state + "\x00M" + text + "\x00\x00"
		_, _ = conn.Write(append([]byte{'E', 0, 0, 0, byte(len(body) + 4)}, body...))
		return true
	}
}

// closedPort is an address where nobody listens.
func closedPort(t testing.TB) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	must(t, listener.Close())
	return listener.Addr().String()
}
