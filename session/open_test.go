package session_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
	"github.com/go-sql-driver/mysql"
	"github.com/uptrace/bun"
)

// A DSN is all that is needed to write a row with its file and to read it back, on each database.
func TestOpenMakesAManagerThatWorks(t *testing.T) {
	t.Parallel()
	everyDSN(t, func(t *testing.T, _, dsn string) {
		m := open(t, session.Config{DSN: dsn})
		p := &paper{Title: "a", File: text("one")}
		must(t, m.Run(t.Context(), func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, p) }))
		back := &paper{}
		must(t, m.Run(t.Context(), func(ctx context.Context, s *session.Session) error { return s.Get(ctx, back, p.ID) }))
		if got := content(t, back.File); got != "one" {
			t.Errorf("content %q", got)
		}
		health, err := m.Health(t.Context())
		must(t, err)
		for _, problem := range health.Replicas {
			must(t, problem)
		}
	})
}

// What a manager needs of connections is set on all of them, so that nobody must know the list; what New refuses is
// mended, and what merely lasts for ever by default, or loses commits in a power cut, too.
func TestOpenSetsWhatADatabaseNeeds(t *testing.T) {
	t.Parallel()
	want := map[string]map[string]string{
		"sqlite": {
			"PRAGMA journal_mode": "wal", "PRAGMA synchronous": "2", "PRAGMA foreign_keys": "1", "PRAGMA busy_timeout": "3000",
			"PRAGMA query_only": "0",
		},
		"memory": {"PRAGMA foreign_keys": "1", "PRAGMA busy_timeout": "3000"},
		"postgresql": {
			"SHOW standard_conforming_strings": "on", "SHOW application_name": "archive",
			"SHOW lock_timeout": "3s", "SHOW statement_timeout": "1500ms",
		},
		"mariadb": {
			"SELECT @@time_zone": "+00:00", "SELECT @@innodb_lock_wait_timeout": "3", "SELECT @@max_statement_time": "1.5",
		},
	}
	everyDSN(t, func(t *testing.T, on, dsn string) {
		cfg := session.Config{DSN: dsn, Name: "archive", LockTimeout: 2500 * time.Millisecond}
		if on == "postgresql" {
			cfg.DSN = strings.ReplaceAll(dsn, "application_name", "search_path") // the tests' own DSN has one
		}
		if on == "postgresql" || on == "mariadb" {
			cfg.StatementTimeout = 1500 * time.Millisecond
		}
		if on != "mariadb" { // which counts whole seconds
			cfg.LockTimeout = 3 * time.Second
		}
		m := open(t, cfg)
		for query, value := range want[on] {
			if got := texts(t, m.DB().DB, query); len(got) != 1 || got[0] != value {
				t.Errorf("%s is %q, want %s", query, got, value)
			}
		}
	})
}

// What was written into the DSN was meant: Open does not know better.
func TestOpenKeepsWhatTheDSNSays(t *testing.T) {
	t.Parallel()
	for on, all := range map[string]map[string][2]string{
		"sqlite": {
			"_pragma=busy_timeout(1234)":       {"PRAGMA busy_timeout", "1234"},
			"_pragma=busy_timeout%3D1234":      {"PRAGMA busy_timeout", "1234"},
			"_busy_timeout=1234":               {"PRAGMA busy_timeout", "1234"},
			"_pragma=Synchronous(NORMAL)":      {"PRAGMA synchronous", "1"},
			"_pragma=main.journal_mode=DELETE": {"PRAGMA journal_mode", "delete"},
			"_fk=0":                            {"PRAGMA foreign_keys", "0"},
			"_pragma=cache_size(77)":           {"PRAGMA cache_size", "77"},
		},
		"postgresql": {
			"lock_timeout=7s":                               {"SHOW lock_timeout", "7s"},
			"statement_timeout=7s":                          {"SHOW statement_timeout", "7s"},
			"options=-c%20statement_timeout%3D7s":           {"SHOW statement_timeout", "7s"},
			"default_query_exec_mode=exec&datestyle=German": {"SHOW datestyle", "German, DMY"},
		},
		"mariadb": {
			"innodb_lock_wait_timeout=7":               {"SELECT @@innodb_lock_wait_timeout", "7"},
			"max_statement_time=7":                     {"SELECT @@max_statement_time", "7"},
			"time_zone=%27%2B02%3A00%27":               {"SELECT @@time_zone", "+02:00"},
			"parseTime=true&clientFoundRows=1&loc=UTC": {"SELECT 1", "1"},
		},
	} {
		t.Run(on, func(t *testing.T) {
			t.Parallel()
			for parameter, want := range all {
				cfg := session.Config{DSN: withParameter(newDSN(t, on), parameter), LockTimeout: 2 * time.Second}
				if on != "sqlite" {
					cfg.StatementTimeout = 3 * time.Second
				}
				if got := texts(t, open(t, cfg).DB().DB, want[0]); len(got) != 1 || got[0] != want[1] {
					t.Errorf("%s: %s is %q", parameter, want[0], got)
				}
			}
		})
	}
}

// Both spellings of a MySQL DSN and both of PostgreSQL's name the same database; special characters survive.
func TestSpellingsOfDSNs(t *testing.T) {
	t.Parallel()
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		dsn := newDSN(t, "mariadb")
		admin := open(t, session.Config{DSN: dsn})
		const password = "p@ss:w/o?r%d#(x)/"
		for _, statement := range []string{
			"CREATE OR REPLACE USER 'odd'@'127.0.0.1' IDENTIFIED BY '" + password + "'", "GRANT ALL ON *.* TO 'odd'@'127.0.0.1'",
		} {
			_, err := admin.DB().DB.ExecContext(t.Context(), statement)
			must(t, err)
		}
		config, err := mysql.ParseDSN("/" + dsn[strings.LastIndex(dsn, "/")+1:])
		must(t, err)
		config.Net, config.Addr, config.User, config.Passwd = "tcp", addressOf(t, dsn), "odd", password
		const escaped = "p%40ss%3Aw%2Fo%3Fr%25d%23%28x%29%2F"
		for _, dsn := range []string{
			config.FormatDSN(), "mysql://odd:" + escaped + "@" + config.Addr + "/" + config.DBName,
			"mariadb://odd:" + escaped + "@" + config.Addr + "/" + config.DBName + "?charset=utf8mb4",
		} {
			open(t, session.Config{DSN: dsn, MustExist: true})
		}
	})
	t.Run("postgresql", func(t *testing.T) {
		t.Parallel()
		dsn := newDSN(t, "postgresql")
		open(t, session.Config{DSN: dsn})
		host, port, err := net.SplitHostPort(addressOf(t, dsn))
		must(t, err)
		schema := dsn[strings.LastIndex(dsn, "=")+1:]
		for _, dsn := range []string{
			strings.Replace(dsn, "postgres://", "postgresql://", 1),
			"host=" + host + " port=" + port + " user=postgres dbname=postgres sslmode=disable search_path=" + schema,
		} {
			open(t, session.Config{DSN: dsn, MustExist: true})
		}
	})
}

// What cannot be meant, or would let rows and files part, is refused before anything is made; the reason is in the text.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, test := range []struct {
		cfg  session.Config
		kind error
		text string
	}{
		{session.Config{}, dossier.ErrInvalid, "the DSN is missing"},
		{session.Config{DSN: "oracle://scott:tiger@host/x"}, errors.ErrUnsupported, `"oracle"`},
		{session.Config{DSN: ":memory:"}, dossier.ErrInvalid, "vfs=memdb"},
		{session.Config{DSN: "file::memory:?cache=shared"}, dossier.ErrInvalid, "vfs=memdb"},
		{session.Config{DSN: "file:x?mode=memory&cache=shared"}, dossier.ErrInvalid, "vfs=memdb"},
		{session.Config{DSN: "file:x?vfs=memdb"}, dossier.ErrInvalid, "vfs=memdb"},
		{session.Config{DSN: "file:%zz"}, dossier.ErrInvalid, "not URL-encoded"},
		{session.Config{DSN: "file://server/x.db"}, dossier.ErrInvalid, "names a host"},
		{session.Config{DSN: "file:" + dir + "/x.db?_pragma=synchronous(off)"}, dossier.ErrInvalid, "synchronous=OFF"},
		{session.Config{DSN: "file:" + dir + "/x.db?_sync=0"}, dossier.ErrInvalid, "synchronous=0"},
		{session.Config{DSN: "file:" + dir + "/x.db?_pragma=journal_mode%3D'memory'"}, dossier.ErrInvalid, "journal_mode=MEMORY"},
		{session.Config{DSN: dir}, dossier.ErrInvalid, "is no file"},
		{session.Config{DSN: dir + "/x.db", StatementTimeout: time.Second}, errors.ErrUnsupported, "StatementTimeout"},
		{session.Config{DSN: dir + "/x.db", Replicas: []string{dir + "/y.db"}}, dossier.ErrInvalid, "no replicas"},
		{session.Config{DSN: dir + "/x.db", MustExist: true}, session.ErrNoDatabase, "x.db"},
		{session.Config{DSN: dir + "/x.db", MustExist: true}, fs.ErrNotExist, "x.db"},
		{session.Config{DSN: dir + "/x.db", MustExist: true, CreateSchema: true}, dossier.ErrInvalid, "contradict"},
		{session.Config{DSN: dir + "/x.db", Wait: -1}, dossier.ErrInvalid, "Wait"},
		{session.Config{DSN: dir + "/x.db", LockTimeout: 1}, dossier.ErrInvalid, "LockTimeout"},
		{session.Config{DSN: "postgres://localhost/app", LockTimeout: 25 * 24 * time.Hour}, dossier.ErrInvalid, "at most 24 days"},
		{session.Config{DSN: "postgres://localhost/app", QueryHooks: []bun.QueryHook{nil}}, dossier.ErrInvalid, "QueryHooks"},
		{session.Config{DSN: dir + "/x.db", ConnectTimeout: time.Millisecond}, dossier.ErrInvalid, "ConnectTimeout"},
		{session.Config{DSN: dir + "/x.db", Pool: session.PoolOptions{MaxOpen: -1}}, dossier.ErrInvalid, "negative"},
		{session.Config{DSN: dir + "/x.db", Options: session.Options{Replicas: []*bun.DB{nil}}}, dossier.ErrInvalid,
			"leave Options.Journal"},
		{session.Config{DSN: dir + "/x.db", Options: session.Options{StickFor: -1}}, dossier.ErrInvalid, "StickFor"},
		{session.Config{DSN: "postgres://localhost:x/app"}, dossier.ErrInvalid, "malformed"},
		{session.Config{DSN: "postgres://localhost/app", Replicas: []string{"mysql://localhost/app"}}, dossier.ErrInvalid,
			"another kind"},
		{session.Config{DSN: "mysql://localhost"}, dossier.ErrInvalid, "names no database"},
		{session.Config{DSN: "mysql://localhost/a/b"}, dossier.ErrInvalid, "malformed"},
		{session.Config{DSN: "u@tcp(localhost)/app?clientFoundRows=false"}, dossier.ErrInvalid, "clientFoundRows=false"},
		{session.Config{DSN: "mysql://localhost/app?parseTime=0"}, dossier.ErrInvalid, "parseTime=0"},
		{session.Config{DSN: "mysql://localhost/app?multiStatements=true"}, dossier.ErrInvalid, "multiStatements=true"},
		{session.Config{DSN: "mysql://localhost/app?loc=Local"}, dossier.ErrInvalid, "loc"},
	} {
		m, err := session.Open(t.Context(), test.cfg)
		if m != nil || !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%q: %v, want one that is %q and has %q", test.cfg.DSN, err, test.kind, test.text)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("made %v, %v", entries, err)
	}
}

// Errors end in logs: a password is in none of them, whoever made the text: the parser, the driver or the server.
func TestOpenTellsNoPasswords(t *testing.T) {
	t.Parallel()
	const password = "hunter2 %/?"
	const escaped = "hunter2%20%25%2F%3F"
	dir := t.TempDir()
	file := filepath.Join(dir, "text.db")
	must(t, os.WriteFile(file, []byte(strings.Repeat("not a database ", 100)), 0o600))
	echo := newFront(t, "", refusal("28P01", "no such password: "+password)) // a server that repeats it
	all := []string{
		"postgres://user:" + escaped + "@127.0.0.1:x/app", "postgres://user:" + escaped + "@127.0.0.1/app?sslmode=hunter2",
		"host=127.0.0.1 password='" + password + "' port=hunter2", "postgres://user:" + password + "@127.0.0.1/app",
		"postgres://user:" + escaped + "@" + closedPort(t) + "/app?sslmode=disable",
		"postgres://user:" + escaped + "@" + echo.address() + "/app?sslmode=disable",
		"mysql://user:" + escaped + "@" + closedPort(t) + "/app", "user:" + password + "@tcp(" + closedPort(t) + ")/app",
		"user:" + password + "@tcp(127.0.0.1/app", "user:" + password + "@tcp(127.0.0.1)/app?tls=hunter2&x", "mysql://user:" +
			password + "@127.0.0.1/app",
		"file:" + file + "?_pragma=key('hunter2')", "file:" + dir + "/x.db?_pragma=key('hunter2'", "file:" + dir +
			"/x.db?_pragma=hexkey%3Dhunter2%20x",
		"file:%zz?key=hunter2", "user:hunter2@host/app", "oracle://user:hunter2@host/app",
		"Host=127.0.0.1;Database=app;Password=hunter2", "Server=127.0.0.1; pwd = hunter2;", "pwd=hunter2",
		"host=127.0.0.1;port=1;user=me;password=hunter2", "user=me;password=hunter2;host=127.0.0.1", "dbname = app; password = hunter2",
		"application_name=me password=hunter2 host=127.0.0.1 port=1", "jdbc:postgresql://127.0.0.1/app?user=me&password=hunter2",
		"postgres:/me:hunter2/app", "mysql:me:hunter2/app", "'mariadb: //me:hunter2/app", "DATABASE_URL=postgres://me:hunter2/app",
	}
	for _, on := range []string{"postgresql", "mariadb"} {
		if address := addressOf(t, newDSN(t, on)); on == "mariadb" {
			all = append(all, "mysql://test:"+escaped+"@"+address+"/mysql", "test:"+password+"@tcp("+address+")/mysql")
		} else {
			all = append(all, "postgres://nobody:"+escaped+"@"+address+"/postgres?sslmode=disable")
		}
	}
	for i, dsn := range all {
		for _, mustExist := range []bool{true, false} {
			_, err := session.Open(t.Context(), session.Config{DSN: dsn, Options: newOptions(t), MustExist: mustExist})
			if err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("DSN %d: %v", i, err)
			}
		}
	}
}

// Many processes start at the same time and each wants the tables: all of them get a manager.
func TestOpenBesideOthers(t *testing.T) {
	t.Parallel()
	everyDSN(t, func(t *testing.T, on, dsn string) {
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				m, err := session.Open(t.Context(), session.Config{DSN: dsn, Options: newOptions(t), CreateSchema: true,
					Models: []any{(*paper)(nil)}})
				if err != nil {
					t.Error(err)
					return
				}
				_, err = m.Health(t.Context())
				if err := errors.Join(err, m.Close()); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	})
}

// After Close nothing is begun any more, and says so; a manager over pools of the caller's leaves them open.
func TestClosedManager(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		s, err := w.Begin(t.Context())
		must(t, err)
		fromRequest := func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, &paper{Title: "b"}) }
		must(t, s.Insert(t.Context(), &paper{Title: "a", File: text("one")}))
		must(t, w.Close())
		must(t, w.Close())
		must(t, s.Commit(t.Context())) // what was begun can be ended
		wantError(t, s.Insert(t.Context(), &paper{Title: "b"}), dossier.ErrClosed)
		must(t, s.Close())
		_, err = w.Begin(t.Context())
		wantError(t, err, dossier.ErrClosed)
		_, err = w.Health(t.Context())
		wantError(t, err, dossier.ErrClosed)
		wantError(t, w.try(fromRequest), dossier.ErrClosed)
		wantError(t, w.RunSweeper(t.Context(), time.Hour), dossier.ErrClosed)
		wantError(t, w.InstallTriggers(t.Context()), dossier.ErrClosed)
		wantError(t, w.DropTriggers(t.Context()), dossier.ErrClosed)
		_, err = w.CheckTriggers(t.Context())
		wantError(t, err, dossier.ErrClosed)
		_, err = w.PrepareUpload(t.Context(), fileobject.UploadRequest{Model: &paper{}, Field: "file", Subject: "a"})
		wantError(t, err, dossier.ErrClosed)
		_, err = w.FromToken(t.Context(), "token", "a", &paper{}, "file")
		wantError(t, err, dossier.ErrClosed)
		wantError(t, w.Undelete(t.Context(), &paper{}, "file", text("one")), dossier.ErrClosed)
		if titles := w.texts("SELECT title FROM papers"); len(titles) != 1 {
			t.Errorf("rows %q", titles)
		}
		must(t, w.DB().PingContext(t.Context())) // it is the caller's
	})
}

// A manager of Open takes its connections along, so that a test or a tool leaves nothing behind.
func TestCloseClosesThePools(t *testing.T) {
	t.Parallel()
	everyDSN(t, func(t *testing.T, _, dsn string) {
		m, err := session.Open(t.Context(), session.Config{DSN: dsn, Options: newOptions(t), CreateSchema: true})
		must(t, err)
		must(t, m.Close())
		if err := m.DB().PingContext(t.Context()); err == nil || m.DB().Stats().OpenConnections != 0 {
			t.Errorf("ping: %v, %d connections", err, m.DB().Stats().OpenConnections)
		}
	})
}
