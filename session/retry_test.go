package session_test

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
)

// puts counts uploads.
type puts struct {
	dossier.Forward
	n int
}

func (p *puts) Put(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions) (dossier.Info, error) {
	p.n++
	return p.Forward.Put(ctx, key, src, opts)
}

// contested is a database with the rows a and b, and a connection of somebody else.
type contested struct {
	*session.Manager
	t     *testing.T
	other *sql.Conn
	puts  *puts
}

func newContested(t *testing.T, dsn string, cfg session.Config) *contested {
	t.Helper()
	cfg.DSN, cfg.Options = dsn, newOptions(t)
	b, err := cfg.Options.Registry.Backend("uploads")
	must(t, err)
	c := &contested{t: t, puts: &puts{Forward: dossier.Forward{Inner: b}}}
	cfg.Options.Registry = &dossier.Registry{}
	must(t, cfg.Options.Registry.Register("uploads", c.puts))
	c.Manager = open(t, cfg)
	must(t, c.Run(t.Context(), func(ctx context.Context, s *session.Session) error {
		return s.Insert(ctx, &paper{Title: "a"}, &paper{Title: "b"})
	}))
	c.other, err = open(t, session.Config{DSN: dsn}).DB().DB.Conn(t.Context())
	must(t, err)
	t.Cleanup(func() { _ = c.other.Close() })
	return c
}

// elsewhere executes statements on the other connection.
func (c *contested) elsewhere(statements ...string) {
	c.t.Helper()
	for _, statement := range statements {
		_, err := c.other.ExecContext(context.Background(), statement)
		must(c.t, err)
	}
}

func (c *contested) body(title string) string {
	c.t.Helper()
	return texts(c.t, c.DB().DB, "SELECT body FROM papers WHERE title = '"+title+"'")[0]
}

// setBody changes a row by plain SQL in the session's transaction.
func setBody(ctx context.Context, s *session.Session, title, body string) error {
	_, err := s.IDB().NewUpdate().Model((*paper)(nil)).Set("body = ?", body).Where("title = ?", title).Exec(ctx)
	return err
}

// lost is a way to lose against others: the real thing, once, in the first attempt.
type lost struct {
	on, name  string
	isolation sql.IsolationLevel
	lockWait  time.Duration
	first     func(ctx context.Context, c *contested, s *session.Session) error
	free      func(c *contested) // ends what the first attempt met
}

var ways = []lost{
	{on: "postgresql", name: "serialization failure 40001", isolation: sql.LevelSerializable,
		first: func(ctx context.Context, c *contested, s *session.Session) error {
			// Each reads what the other changes: one after the other neither would have seen both.
			if _, err := s.IDB().NewSelect().Model((*paper)(nil)).Where("title = 'b'").Exists(ctx); err != nil {
				return err
			}
			c.elsewhere("BEGIN ISOLATION LEVEL SERIALIZABLE", "SELECT * FROM papers WHERE title = 'a'",
				"UPDATE papers SET body = 'theirs' WHERE title = 'b'", "COMMIT")
			return setBody(ctx, s, "a", "ours")
		}},
	{on: "postgresql", name: "deadlock 40P01", first: deadlock},
	{on: "mariadb", name: "deadlock 1213", first: deadlock},
	{on: "postgresql", name: "lock timeout 55P03", lockWait: 50 * time.Millisecond, first: waitInVain, free: release},
	{on: "mariadb", name: "lock timeout 1205", lockWait: time.Second, first: waitInVain, free: release},
	{on: "postgresql", name: "NOWAIT 55P03", first: notWaiting, free: release},
	{on: "mariadb", name: "NOWAIT 1205", first: notWaiting, free: release},
	{on: "mariadb", name: "NOWAIT 3572 of MySQL", first: signalled},
	{on: "sqlite", name: "busy", lockWait: 50 * time.Millisecond, first: waitInVain, free: release},
}

// deadlock waits for who waits for us. The other one is heavier, or slower to look, so that we are chosen to lose.
func deadlock(ctx context.Context, c *contested, s *session.Session) error {
	if err := setBody(ctx, s, "a", "ours"); err != nil {
		return err
	}
	prepare := []string{"START TRANSACTION", "CREATE TEMPORARY TABLE weight (n INTEGER)",
		"INSERT INTO weight VALUES (0)" + strings.Repeat(", (1)", 500),
	}
	if _, err := c.other.ExecContext(ctx, "SET deadlock_timeout = '1min'"); err != nil { // not PostgreSQL
		prepare = append([]string{"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"}, prepare...) // no locks on rows beside
	}
	c.elsewhere(append(prepare, "UPDATE papers SET body = 'theirs' WHERE title = 'b'")...)
	done := make(chan error, 1)
	go func() {
		_, err := c.other.ExecContext(context.Background(), "UPDATE papers SET body = 'theirs' WHERE title = 'a'")
		done <- errors.Join(err, func() error { _, err := c.other.ExecContext(context.Background(), "COMMIT"); return err }())
	}()
	err := setBody(ctx, s, "b", "ours")
	if err == nil {
		return errInjected // they were chosen to lose
	}
	must(c.t, <-done) // the locks of a transaction that lost are free
	return err
}

// waitInVain wants a lock that somebody keeps.
func waitInVain(ctx context.Context, c *contested, s *session.Session) error {
	c.elsewhere(map[bool]string{true: "BEGIN IMMEDIATE",
		false: "START TRANSACTION"}[strings.HasPrefix(c.DB().Dialect().Name().String(), "sqlite")],
		"UPDATE papers SET body = 'theirs' WHERE title = 'a'")
	err := setBody(ctx, s, "a", "ours")
	if !session.LockTimedOut(err) || session.StatementTimedOut(err) {
		c.t.Errorf("not a lock time-out: %v", err)
	}
	return err
}

// notWaiting wants a lock that somebody keeps, at once or not at all.
func notWaiting(ctx context.Context, c *contested, s *session.Session) error {
	c.elsewhere("START TRANSACTION", "UPDATE papers SET body = 'theirs' WHERE title = 'a'")
	_, err := s.IDB().NewSelect().Model((*paper)(nil)).Where("title = 'a'").For("UPDATE NOWAIT").Exec(ctx)
	if !session.LockTimedOut(err) {
		c.t.Errorf("not a lock time-out: %v", err)
	}
	return err
}

// signalled gets from the server what MySQL says where MariaDB says 1205.
func signalled(ctx context.Context, c *contested, s *session.Session) error {
	c.elsewhere("CREATE FUNCTION refuse() RETURNS INT BEGIN SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 3572; RETURN 1; END")
	_, err := s.IDB().NewUpdate().Model((*paper)(nil)).Set("body = refuse()").Where("title = 'a'").Exec(ctx)
	if !session.LockTimedOut(err) {
		c.t.Errorf("not a lock time-out: %v", err)
	}
	return err
}

func release(c *contested) { c.elsewhere("COMMIT") }

// A unit of work that lost is tried again and wins, with the upload of the first attempt; without attempts left its error
// says that it could be.
func TestAUnitOfWorkThatLostIsTriedAgain(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.on+" "+way.name, func(t *testing.T) {
			t.Parallel()
			c := newContested(t, newDSN(t, way.on), session.Config{LockTimeout: way.lockWait})
			file := fileobject.FromReader("a.txt", strings.NewReader("read once"), fileobject.Options{})
			attempts := 0
			err := c.RunWith(t.Context(), session.RunOptions{Attempts: 2, Isolation: way.isolation},
				func(ctx context.Context, s *session.Session) error {
					attempts++
					p := &paper{Title: "c", File: file}
					if err := s.Stage(ctx, p); err != nil {
						return err
					}
					if attempts == 1 {
						err := way.first(ctx, c, s)
						if way.free != nil {
							way.free(c)
						}
						if err != nil {
							if !session.Retryable(err) {
								t.Errorf("not retryable: %v", err)
							}
							return err
						}
					} else if err := setBody(ctx, s, "a", "ours"); err != nil {
						return err
					}
					return s.Insert(ctx, p)
				})
			must(t, err)
			if attempts != 2 || c.body("a") != "ours" {
				t.Errorf("%d attempts, body %q", attempts, c.body("a"))
			}
			if got := content(t, file); got != "read once" || c.puts.n != 1 {
				t.Errorf("content %q by %d uploads", got, c.puts.n)
			}
		})
	}
}

// A reader delivers its bytes once: a handle that is made from it in each attempt would be an empty file in the second. It is
// an error instead, which names the column and what to do.
func TestAReaderThatWasReadIsNotReadAgain(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		for name, readers := range map[string]func() func() io.Reader{
			"reader": func() func() io.Reader { r := strings.NewReader("once"); return func() io.Reader { return r } },
			"func": func() func() io.Reader {
				r := readerFunc(strings.NewReader("once").Read)
				return func() io.Reader { return &r }
			},
		} {
			reader := readers()()
			attempts := 0
			err := w.RunWith(t.Context(), session.RunOptions{Attempts: 2, Backoff: time.Millisecond},
				func(ctx context.Context, s *session.Session) error {
					attempts++
					err := s.Insert(ctx, &paper{Title: "a", File: fileobject.FromReader("a.txt", reader, fileobject.Options{})})
					return errors.Join(err, isBusy{})
				})
			wantError(t, err, dossier.ErrConsumed)
			if attempts != 2 || !strings.Contains(err.Error(), "papers.file") ||
				!strings.Contains(err.Error(), "outside of what is tried again") {
				t.Errorf("%s: %d attempts, %v", name, attempts, err)
			}
			err = w.try(func(ctx context.Context, s *session.Session) error {
				r := strings.NewReader("once")
				return s.Insert(ctx, &paper{Title: "b", File: fileobject.FromReader("a.txt", r, fileobject.Options{}),
					Pages: fileobject.List{fileobject.FromReader("b.txt", r, fileobject.Options{})}})
			})
			wantError(t, err, dossier.ErrConsumed)
		}
		if n := len(w.texts("SELECT title FROM papers")); n != 0 {
			t.Errorf("%d rows", n)
		}
	})
}

type readerFunc func([]byte) (int, error)

func (f *readerFunc) Read(b []byte) (int, error) { return (*f)(b) }

// isBusy is what SQLite's driver reports.
type isBusy struct{}

func (isBusy) Error() string { return "busy (5)" }
func (isBusy) Code() int     { return 5 }

// A statement that takes too long is ended by the server with an error of its own kind: it would take as long again, so it
// is not tried again, and the journal's statements are not bounded.
func TestStatementTimeout(t *testing.T) {
	t.Parallel()
	onServerDatabases(t, func(t *testing.T, on string) {
		m := open(t, session.Config{DSN: newDSN(t, on), StatementTimeout: 50 * time.Millisecond})
		sleep := map[string]string{"postgresql": "SELECT pg_sleep(60)",
			"mariadb": "SELECT count(*) FROM seq_1_to_1000000 a, seq_1_to_1000000 b"}[on]
		attempts := 0
		err := m.RunWith(t.Context(), session.RunOptions{Attempts: 3}, func(ctx context.Context, s *session.Session) error {
			attempts++
			var n sql.NullString
			return s.IDB().QueryRowContext(ctx, sleep).Scan(&n)
		})
		if !session.StatementTimedOut(err) || session.LockTimedOut(err) || session.Retryable(err) ||
			errors.Is(err, context.DeadlineExceeded) || attempts != 1 {
			t.Errorf("%d attempts, %v", attempts, err)
		}
	})
}
