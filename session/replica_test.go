package session_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
)

// place is a model whose rows tell who answered.
type place struct {
	bun.BaseModel `bun:"table:notes"`
	ID            int64  `bun:"id,pk"`
	Name          string `bun:"name"`
}

func newPlace(name string) *place { return &place{ID: 1, Name: name} }

// replicated is a manager over three databases that differ: the row with ID 1 has the name of its place.
type replicated struct {
	*session.Manager
	t testing.TB
}

func newReplicated(t *testing.T, on string, opts session.Options, change func(cfg *session.Config)) replicated {
	t.Helper()
	opts.Registry = newOptions(t).Registry
	cfg := session.Config{Options: opts, Models: []any{(*place)(nil)}}
	for _, name := range []string{"primary", "first", "second"} {
		dsn := newDSN(t, on)
		m := open(t, session.Config{DSN: dsn, Models: cfg.Models})
		must(t, m.Run(t.Context(), func(ctx context.Context, s *session.Session) error {
			return s.Insert(ctx, newPlace(name))
		}))
		if cfg.DSN == "" {
			cfg.DSN = dsn
		} else {
			cfg.Replicas = append(cfg.Replicas, dsn)
		}
	}
	if change != nil {
		change(&cfg)
	}
	m, err := session.Open(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() { must(t, m.Close()) })
	return replicated{m, t}
}

// onServerDatabases runs a test on the databases that have replicas.
func onServerDatabases(t *testing.T, test func(t *testing.T, on string)) {
	t.Helper()
	for _, on := range []string{"postgresql", "mariadb"} {
		t.Run(on, func(t *testing.T) {
			t.Parallel()
			test(t, on)
		})
	}
}

// asked returns who answers some reads under ctx, each in a session of its own.
func (r replicated) asked(ctx context.Context) string {
	r.t.Helper()
	var places []string
	for range 4 {
		must(r.t, r.Run(ctx, func(ctx context.Context, s *session.Session) error {
			places = append(places, who(ctx, r.t, s))
			return nil
		}))
	}
	return strings.Join(places, " ")
}

// who returns who answers a read.
func who(ctx context.Context, t testing.TB, s *session.Session) string {
	t.Helper()
	n := &place{}
	must(t, s.Get(ctx, n, 1))
	return n.Name
}

const (
	onlyPrimary = "primary primary primary primary"
	inTurn      = "first second first second"
	onlySecond  = "second second second second"
)

func (r replicated) want(ctx context.Context, places string) {
	r.t.Helper()
	if got := r.asked(ctx); got != places && (places != inTurn || got != "second first second first") {
		r.t.Errorf("read from %s, want %s", got, places)
	}
}

func write(ctx context.Context, s *session.Session) error {
	_, err := s.IDB().NewUpdate().Model(newPlace("primary")).WherePK().Exec(ctx)
	return err
}

// Reads are what replicas are for: they take turns, by whatever function a session reads, and the primary has peace.
func TestReadsTakeTurnsAtTheReplicas(t *testing.T) {
	t.Parallel()
	onServerDatabases(t, func(t *testing.T, on string) {
		r := newReplicated(t, on, session.Options{}, nil)
		ctx := t.Context()
		r.want(ctx, inTurn)
		r.want(session.OnPrimary(ctx), onlyPrimary)
		r.want(session.OnReplica(session.OnPrimary(ctx)), inTurn)
		must(t, r.RunWith(ctx, session.RunOptions{ReadOnly: true}, func(ctx context.Context, s *session.Session) error {
			n := &place{ID: 1}
			must(t, s.Refresh(ctx, n))
			places := n.Name
			for n, err := range session.Stream[place](ctx, s, s.IDB().NewSelect().Model((*place)(nil))) {
				must(t, err)
				places += " " + n.Name
			}
			if places != "first second" && places != "second first" {
				t.Errorf("read from %s", places)
			}
			return nil
		}))
	})
}

// A session sees what it wrote, and what it will write depends on: from its first statement in a transaction on it reads
// from the primary, and locks nowhere else.
func TestASessionThatWroteStaysAtThePrimary(t *testing.T) {
	t.Parallel()
	onServerDatabases(t, func(t *testing.T, on string) {
		r := newReplicated(t, on, session.Options{}, nil)
		s, err := r.Begin(t.Context())
		must(t, err)
		defer s.Close()
		places := []string{who(t.Context(), t, s)}
		n := &place{ID: 1}
		must(t, s.Lock(t.Context(), n))
		places = append(places, n.Name, who(t.Context(), t, s), who(session.OnReplica(t.Context()), t, s))
		must(t, s.Commit(t.Context()))
		places = append(places, who(t.Context(), t, s), who(session.OnReplica(t.Context()), t, s))
		if got := strings.Join(places, " "); got != "first primary primary primary primary second" {
			t.Errorf("read from %s", got)
		}
		r.want(t.Context(), inTurn) // others were not asked to follow
	})
}

// Who saved a form reads it back: sessions of the same reader follow its commits for a while, others do not.
func TestReadersReadTheirWrites(t *testing.T) {
	t.Parallel()
	onServerDatabases(t, func(t *testing.T, on string) {
		r := newReplicated(t, on, session.Options{StickFor: time.Hour}, nil)
		ann, bob := session.ReadYourWrites(t.Context(), "ann"), session.ReadYourWrites(t.Context(), "bob")
		mine, other := session.ReadYourWrites(t.Context(), ""), session.ReadYourWrites(t.Context(), "")
		for _, ctx := range []context.Context{ann, bob, mine, other} {
			r.want(ctx, inTurn)
		}
		must(t, r.Run(ann, write))
		must(t, r.Run(mine, write))
		wantError(t, r.Run(bob, func(ctx context.Context, s *session.Session) error {
			return errors.Join(write(ctx, s), errInjected)
		}), errInjected)
		r.want(session.ReadYourWrites(t.Context(), "ann"), onlyPrimary) // another request
		r.want(mine, onlyPrimary)
		r.want(session.OnReplica(ann), inTurn)
		for _, ctx := range []context.Context{bob, other, t.Context()} {
			r.want(ctx, inTurn)
		}
	})
	t.Run("for a while", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var recent session.Recent
			ann := session.ReadYourWrites(t.Context(), "ann")
			recent.Note(t.Context(), time.Minute) // who has no name is not remembered
			for i := range 1000 {
				recent.Note(session.ReadYourWrites(t.Context(), fmt.Sprint(i)), time.Minute)
			}
			recent.Note(ann, time.Minute)
			time.Sleep(time.Minute - 1)
			if !recent.Sticks(ann) {
				t.Error("it does not follow")
			}
			time.Sleep(2)
			if recent.Sticks(ann) || recent.Sticks(t.Context()) {
				t.Error("it follows for ever")
			}
			recent.Note(ann, time.Minute)
			if n := recent.Len(); n != 1 {
				t.Errorf("%d readers are remembered", n)
			}
		})
	})
}

// All sessions of one request are one reader, without a word of the application.
func TestSessionsOfARequestReadTheirWrites(t *testing.T) {
	t.Parallel()
	r := newReplicated(t, "postgresql", session.Options{StickFor: time.Hour}, nil)
	handler := r.Middleware(session.Autocommit{})(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		r.want(req.Context(), inTurn)
		must(t, r.Run(req.Context(), write))
		r.want(req.Context(), onlyPrimary)
	}))
	for range 2 {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	}
}

// A replica that is down costs nobody an answer: it is passed over, asked again after a pause, and when none is left
// the primary answers. It may be down when the application starts.
func TestDeadReplicasArePassedOver(t *testing.T) {
	t.Parallel()
	onServerDatabases(t, func(t *testing.T, on string) {
		var dead, dying *front
		r := newReplicated(t, on, session.Options{ReplicaPause: time.Millisecond, Logger: slog.New(slog.DiscardHandler)},
			func(cfg *session.Config) {
				cfg.Replicas = append(cfg.Replicas, at(t, cfg.Replicas[0], closedPort(t)))
				dead = newFront(t, addressOf(t, cfg.Replicas[0]), hangUp)
				dying = newFront(t, addressOf(t, cfg.Replicas[1]), nil)
				cfg.Replicas[0], cfg.Replicas[1] = at(t, cfg.Replicas[0], dead.address()), at(t, cfg.Replicas[1], dying.address())
			})
		r.want(t.Context(), onlySecond)
		health, err := r.Health(t.Context())
		must(t, err)
		wantError(t, health.Replicas[0], dossier.ErrUnavailable)
		must(t, health.Replicas[1])
		wantError(t, health.Replicas[2], dossier.ErrUnavailable)
		dying.set(hangUp)
		r.want(t.Context(), onlyPrimary)
		dead.set(nil)
		dying.set(nil)
		for range 1000 { // the pause is over, or Health says that they work
			if _, err := r.Health(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := r.asked(t.Context()); strings.Contains(got, "first") && strings.Contains(got, "second") {
				return
			}
		}
		t.Error("they are not asked again")
	})
}

// An answer that is an error of the query is the answer: asking elsewhere would hide what is wrong with a replica.
func TestErrorsOfQueriesAreNotAskedElsewhere(t *testing.T) {
	t.Parallel()
	onServerDatabases(t, func(t *testing.T, on string) {
		r := newReplicated(t, on, session.Options{}, func(cfg *session.Config) { cfg.Replicas = cfg.Replicas[:1] })
		err := r.Run(t.Context(), func(ctx context.Context, s *session.Session) error {
			for _, err := range session.Stream[place](ctx, s, s.IDB().NewSelect().Model((*place)(nil)).Where("no_such_column = 1")) {
				return err
			}
			return nil
		})
		if err == nil || errors.Is(err, dossier.ErrUnavailable) {
			t.Errorf("error %v", err)
		}
		r.want(t.Context(), "first first first first")
	})
}

// SQLite's readers see every commit at once, so they are used after writes too, and they cannot write.
func TestReadersOfSQLite(t *testing.T) {
	t.Parallel()
	m := open(t, session.Config{DSN: newDSN(t, "sqlite"), Models: []any{(*place)(nil)}})
	must(t, m.Run(t.Context(), func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, newPlace("a")) }))
	s, err := m.Begin(t.Context())
	must(t, err)
	defer s.Close()
	for _, name := range []string{"b", "c"} {
		must(t, s.Update(t.Context(), newPlace(name)))
		if got := who(t.Context(), t, s); got != name {
			t.Errorf("in the transaction: %q", got)
		}
		must(t, s.Commit(t.Context()))
		if got := who(t.Context(), t, s); got != name {
			t.Errorf("after the commit: %q", got)
		}
	}
	for _, err := range session.Stream[place](t.Context(), s, s.IDB().NewSelect().Model((*place)(nil)).
		With("x", s.IDB().NewSelect().ColumnExpr("1"))) {
		must(t, err)
	}
	other := open(t, session.Config{DSN: newDSN(t, "sqlite")})
	_, err = session.New(m.DB(), session.Options{Registry: newOptions(t).Registry, Replicas: []*bun.DB{other.DB()}})
	wantError(t, err, dossier.ErrInvalid)
}

// slow is a replica that is not up, and later takes its time to connect.
type slow struct {
	driver.Connector
	up               atomic.Bool
	entered, proceed chan struct{}
}

func (r *slow) Driver() driver.Driver { return nil }

func (r *slow) Connect(ctx context.Context) (driver.Conn, error) {
	if !r.up.Load() {
		return nil, syscall.ECONNREFUSED
	}
	r.entered <- struct{}{}
	<-r.proceed
	return nil, syscall.ECONNREFUSED
}

// One read finds out whether a replica is up again. Others must not stand behind it for as long as a connection may take,
// which is seconds where packets are dropped.
func TestOneReadWaitsForAReplicaThatComesBack(t *testing.T) {
	t.Parallel()
	replica := &slow{entered: make(chan struct{}), proceed: make(chan struct{})}
	pool := sql.OpenDB(replica)
	defer pool.Close()
	w := newWorld(t, session.Options{
		Replicas: []*bun.DB{bun.NewDB(pool, sqlitedialect.New())}, ReplicaPause: time.Nanosecond,
		Logger: slog.New(slog.DiscardHandler),
	}, (*place)(nil))
	must(t, w.Run(w.ctx, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, newPlace("primary")) }))
	replica.up.Store(true)
	read := func() error {
		return w.Run(w.ctx, func(ctx context.Context, s *session.Session) error { return s.Get(ctx, &place{}, int64(1)) })
	}
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { first <- read() }()
	<-replica.entered
	go func() { second <- read() }()
	select {
	case err := <-second:
		must(t, err)
	case <-time.After(10 * time.Second):
		t.Error("a read waits for another one's look at the replica")
	}
	replica.up.Store(false)
	close(replica.proceed)
	must(t, <-first)
}
