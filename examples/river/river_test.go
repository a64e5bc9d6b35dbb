package main

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/internal/dbservers"
	"github.com/dossier-go/dossier/session"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

var servers dbservers.Set

func TestMain(m *testing.M) { os.Exit(servers.Run(m)) }

// cluster is two nodes over one database and one store.
type cluster struct {
	t     *testing.T
	store dossier.Backend
	pool  *pgxpool.Pool
	nodes [2]*node
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	database, err := servers.PostgreSQL(t.Context())
	if errors.Is(err, dbservers.ErrMissing) {
		t.Skip(err)
	}
	must(t, err)
	c := &cluster{t: t, store: memory.New(memory.Config{})}
	c.pool, err = pgxpool.New(t.Context(), database.DSN)
	must(t, err)
	db, err := sql.Open("pgx", database.DSN)
	must(t, err)
	t.Cleanup(func() {
		c.pool.Close()
		must(t, errors.Join(db.Close(), database.Drop(context.Background())))
	})
	registry, err := registryOf(c.store)
	must(t, err)
	// Only sweeps execute orders here, and they are due soon.
	opts := session.Options{Registry: registry, DeleteAfter: time.Millisecond, DueOrders: -1}
	for i := range c.nodes {
		c.nodes[i], err = newNode(bun.NewDB(db, pgdialect.New()), c.pool, opts, 50*time.Millisecond)
		must(t, err)
	}
	must(t, createSchema(t.Context(), c.nodes[0], c.pool))
	return c
}

// start starts the nodes and returns the events of all their jobs.
func (c *cluster) start() <-chan *river.Event {
	events := make(chan *river.Event)
	for _, n := range c.nodes {
		feed, cancel := n.client.Subscribe(river.EventKindJobCompleted, river.EventKindJobFailed, river.EventKindJobCancelled)
		go func() {
			for event := range feed {
				select {
				case events <- event:
				case <-c.t.Context().Done():
				}
			}
		}()
		must(c.t, n.client.Start(context.Background()))
		c.t.Cleanup(func() {
			ctx, stop := context.WithTimeout(context.Background(), time.Minute)
			defer stop()
			must(c.t, n.client.StopAndCancel(ctx))
			cancel()
		})
	}
	return events
}

// jobs counts the jobs of a kind.
func (c *cluster) jobs(kind string) (n int) {
	c.t.Helper()
	must(c.t, c.pool.QueryRow(c.t.Context(), "SELECT count(*) FROM river_job WHERE kind = $1", kind).Scan(&n))
	return n
}

func document(text string) *Document {
	return &Document{Title: "Plan", File: fileobject.FromBytes("plan.txt", []byte(text), fileobject.Options{})}
}

// A job without its row would fail for ever, a row without its job would never be worked on.
func TestJobIsThereIfAndOnlyIfTheRowIs(t *testing.T) {
	c := newCluster(t)
	n := c.nodes[0]
	must(t, n.add(t.Context(), document("three short words")))
	if got := c.jobs("count_words"); got != 1 {
		t.Errorf("%d jobs for one document", got)
	}
	refused := errors.New("refused")
	err := n.manager.Run(t.Context(), func(ctx context.Context, s *session.Session) error {
		doc := document("never there")
		return errors.Join(s.Insert(ctx, doc), n.enqueue(ctx, s, countArgs{doc.ID}), refused)
	})
	if !errors.Is(err, refused) || c.jobs("count_words") != 1 {
		t.Errorf("%v; %d jobs after a rollback, want the one of before", err, c.jobs("count_words"))
	}
	err = n.manager.Run(t.Context(), func(ctx context.Context, s *session.Session) error {
		doc := document("undone")
		undone := s.Nested(ctx, func(ctx context.Context) error {
			return errors.Join(s.Insert(ctx, doc), n.enqueue(ctx, s, countArgs{doc.ID}), refused)
		})
		if !errors.Is(undone, refused) {
			t.Error(undone)
		}
		return nil
	})
	if err != nil || c.jobs("count_words") != 1 {
		t.Errorf("%v; %d jobs after a savepoint was undone, want the one of before", err, c.jobs("count_words"))
	}
}

// The work of both nodes: words are counted, and the object of a replaced file goes by a sweep job.
func TestNodesShareSweepsAndWork(t *testing.T) {
	c := newCluster(t)
	doc := document("three short words")
	must(t, c.nodes[0].add(t.Context(), doc))
	old := doc.File.Key
	must(t, c.nodes[1].manager.Run(t.Context(), func(ctx context.Context, s *session.Session) error {
		loaded := new(Document)
		if err := s.Get(ctx, loaded, doc.ID); err != nil {
			return err
		}
		loaded.File = fileobject.FromBytes("plan.txt", []byte("just two"), fileobject.Options{})
		return s.Update(ctx, loaded)
	}))
	events := c.start()
	for counted, swept := false, false; !counted || !swept; {
		select {
		case event := <-events:
			if event.Kind == river.EventKindJobFailed || event.Kind == river.EventKindJobCancelled {
				t.Fatalf("job %s: %v", event.Job.Kind, event.Job.Errors)
			}
			counted = counted || event.Job.Kind == "count_words"
			_, err := c.store.Stat(t.Context(), old)
			swept = errors.Is(err, dossier.ErrNotExist)
		case <-time.After(time.Minute):
			t.Fatalf("counted %v, swept %v after a minute", counted, swept)
		}
	}
	must(t, c.nodes[0].manager.Run(t.Context(), func(ctx context.Context, s *session.Session) error {
		loaded := new(Document)
		if err := s.Get(ctx, loaded, doc.ID); err != nil {
			return err
		}
		if loaded.Words == nil || *loaded.Words != 2 {
			t.Errorf("counted %v words, want 2", loaded.Words)
		}
		_, err := loaded.File.Stat(ctx)
		return err
	}))
}
