package session_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
)

// A service starts with its database: while that is not up, Open waits, whatever "not up" looks like on the wire.
func TestOpenWaitsForTheDatabase(t *testing.T) {
	t.Parallel()
	for _, on := range []string{"postgresql", "mariadb"} {
		t.Run(on, func(t *testing.T) {
			t.Parallel()
			dsn := newDSN(t, on)
			starting := refusal("57P03", "the database system is starting up")
			front := newFront(t, addressOf(t, dsn), func(n int, conn net.Conn) bool {
				switch {
				case n > 3:
					return false
				case on == "postgresql" && n > 1:
					return starting(n, conn)
				}
				return true // the connection is closed without a word
			})
			open(t, session.Config{DSN: at(t, dsn, front.address()), Wait: time.Minute})
			if n := front.connections(); n < 4 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

// When the time is over, or without any, the error says that the database is not up, which a caller may wait for himself.
func TestADatabaseThatIsNotUpIsUnavailable(t *testing.T) {
	t.Parallel()
	address := closedPort(t)
	for _, dsn := range []string{
		"postgres://user:secret@" + address + "/app?sslmode=disable", "postgres://user:secret@" + address + "/app",
		"mysql://user:secret@" + address + "/app",
		"postgres://user@no-such-host.invalid/app", "mysql://user@no-such-host.invalid/app", "user@unix(" + t.TempDir() +
			"/no.sock)/app",
		"postgres://" + newFront(t, "", refusal("57P03", "starting up")).address() + "/app?sslmode=disable",
		"postgres://" + newFront(t, "", refusal("53300", "too many clients")).address() + "/app?sslmode=disable",
		"mysql://" + newFront(t, "", hangUp).address() + "/app",
	} {
		for _, wait := range []time.Duration{0, 10 * time.Millisecond} {
			_, err := session.Open(t.Context(), session.Config{DSN: dsn, Options: newOptions(t), Wait: wait})
			if !errors.Is(err, dossier.ErrUnavailable) {
				t.Errorf("%s: %v", dsn, err)
			}
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errInjected)
	_, err := session.Open(ctx, session.Config{DSN: "mysql://" + address + "/app", Options: newOptions(t), Wait: time.Hour})
	wantError(t, err, errInjected)
}

// What waiting cannot cure ends the start at once, with what it is: somebody has to look at it.
func TestOpenDoesNotWaitForWhatStaysAsItIs(t *testing.T) {
	t.Parallel()
	maria, postgres := newDSN(t, "mariadb"), newDSN(t, "postgresql")
	missing := func(dsn string) string {
		u, err := url.Parse(dsn)
		must(t, err)
		u.Path = "/no_such_database"
		return u.String()
	}
	var fronts []*front
	refused := func(state string) string {
		fronts = append(fronts, newFront(t, "", refusal(state, "go away")))
		return "postgres://" + fronts[len(fronts)-1].address() + "/app?sslmode=disable"
	}
	for _, test := range []struct {
		dsn  string
		kind error
	}{
		{strings.Replace(maria, "test:test@", "test:wrong@", 1), dossier.ErrUnauthenticated},
		{strings.Replace(postgres, "postgres@", "nobody_known@", 1), dossier.ErrUnauthenticated},
		{refused("28P01"), dossier.ErrUnauthenticated},
		{refused("42501"), dossier.ErrPermission},
		{missing(maria), session.ErrNoDatabase},
		{missing(postgres), session.ErrNoDatabase},
		{newDSN(t, "sqlite"), session.ErrNoDatabase},
		{maria, session.ErrNoSchema},
		{postgres, session.ErrNoSchema},
		{newDSN(t, "memory"), session.ErrNoSchema},
	} {
		_, err := session.Open(t.Context(), session.Config{DSN: test.dsn, Options: newOptions(t), Wait: time.Second, MustExist: true})
		if !errors.Is(err, test.kind) || errors.Is(err, dossier.ErrUnavailable) {
			t.Errorf("%s: %v, want %v", test.dsn, err, test.kind)
		}
	}
	for _, front := range fronts {
		if n := front.connections(); n != 1 {
			t.Errorf("%d tries", n)
		}
	}
}

// Health tells a database that is down from one that was never set up, of the journal and of models.
func TestHealthTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	everyDSN(t, func(t *testing.T, on, dsn string) {
		cfg := session.Config{DSN: dsn, Options: newOptions(t), Models: []any{(*paper)(nil)}}
		m, err := session.Open(t.Context(), cfg)
		must(t, err)
		defer func() { must(t, m.Close()) }()
		health := func(kind error, table string) {
			t.Helper()
			_, err := m.Health(t.Context())
			if !errors.Is(err, kind) || !strings.Contains(fmt.Sprint(err), table) || errors.Is(err, dossier.ErrUnavailable) {
				t.Errorf("health: %v, want %v of %s", err, kind, table)
			}
		}
		health(session.ErrNoSchema, "dossier_journal")
		must(t, m.CreateSchema(t.Context()))
		_, err = m.Health(t.Context())
		must(t, err)
		_, err = m.DB().DB.ExecContext(t.Context(), "DROP TABLE papers")
		must(t, err)
		health(session.ErrNoSchema, "papers")
		_, err = m.DB().DB.ExecContext(t.Context(), "ALTER TABLE dossier_journal RENAME COLUMN owner TO lessee") // of another version
		must(t, err)
		if _, err := m.Health(t.Context()); err == nil || errors.Is(err, dossier.ErrUnavailable) {
			t.Errorf("health: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = m.Health(ctx)
		wantError(t, err, context.Canceled)
	})
}

// A server that goes away is unavailable, also when it hangs until the caller's patience ends; when it is back, all is well.
func TestHealthOfAServerThatGoesAway(t *testing.T) {
	t.Parallel()
	for _, on := range []string{"postgresql", "mariadb"} {
		t.Run(on, func(t *testing.T) {
			t.Parallel()
			dsn := newDSN(t, on)
			front := newFront(t, addressOf(t, dsn), nil)
			m := open(t, session.Config{DSN: at(t, dsn, front.address())})
			front.set(hangUp)
			_, err := m.Health(t.Context())
			wantError(t, err, dossier.ErrUnavailable)
			stop := make(chan struct{})
			defer close(stop)
			front.set(func(int, net.Conn) bool { <-stop; return true })
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, err = m.Health(ctx)
			wantError(t, err, dossier.ErrUnavailable)
			wantError(t, err, context.DeadlineExceeded)
			front.set(nil)
			_, err = m.Health(t.Context())
			must(t, err)
		})
	}
}

// A server that takes the connection and then says nothing is not waited for without end, whatever context there is.
func TestConnectTimeoutBoundsTheWholeConnection(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	silent := newFront(t, "", func(int, net.Conn) bool { <-stop; return true })
	t.Cleanup(func() { close(stop) }) // before that of the front
	for _, dsn := range []string{"postgres://user@" + silent.address() + "/app", "mysql://user@" + silent.address() + "/app"} {
		_, err := session.Open(context.WithoutCancel(t.Context()),
			session.Config{DSN: dsn, Options: newOptions(t), ConnectTimeout: time.Second})
		if !errors.Is(err, dossier.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", dsn, err)
		}
	}
}

// Of several hosts the one that can be written is taken: the others are down, or standbys.
func TestOpenTakesTheHostThatCanBeWritten(t *testing.T) {
	t.Parallel()
	dsn := newDSN(t, "postgresql")
	hosts := at(t, dsn, closedPort(t)+","+addressOf(t, dsn))
	open(t, session.Config{DSN: hosts})
	_, err := session.Open(t.Context(), session.Config{DSN: hosts + "&default_transaction_read_only=on", Options: newOptions(t)})
	wantError(t, err, dossier.ErrUnavailable)
	open(t, session.Config{DSN: hosts + "&default_transaction_read_only=on&target_session_attrs=any",
		MustExist: true}) // it was asked for
}
