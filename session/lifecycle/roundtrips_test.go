package lifecycle_test

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/dossier-go/dossier/faultkit"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
)

// A unit of work with new files asks the database twice more than the bare transaction that inserts the same rows, however many
// they are: for the intents, and for their adoption. Round trips to a server are counted on the wire, SQLite's statements at
// its driver.
func TestRoundTripsOfACommit(t *testing.T) { onEveryDatabase(t, testRoundTripsOfACommit) }

func testRoundTripsOfACommit(t *testing.T) {
	t.Helper()
	t.Parallel()
	w, count := countedWorld(t)
	var bare, ours []int
	for _, n := range []int{1, 1, 10, 100} { // the first opens connections
		bare = append(bare, least(t, w, count, func() {
			must(t, w.m.DB().RunInTx(t.Context(), &sql.TxOptions{Isolation: w.usual()}, func(ctx context.Context, tx bun.Tx) error {
				_, err := tx.NewInsert().Model(titled("bare", n, false)).Returning("NULL").Exec(ctx)
				return err
			}))
		}))
		ours = append(ours, least(t, w, count, func() {
			w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, titled("ours", n, true)) })
		}))
	}
	t.Logf("bare transaction %v, with new files %v", bare[1:], ours[1:])
	for i := range bare[1:] {
		if bare[i+1] < 3 || bare[i+1] != bare[1] || ours[i+1] != ours[1] || ours[i+1]-bare[i+1] > 2 {
			t.Errorf("%d round trips with new files, %d in the bare transaction", ours[i+1], bare[i+1])
		}
	}
}

// least counts three times: before it gives a connection that was idle for a second, a driver may ask whether it lives.
func least(t *testing.T, w *world, count func(do func()) int, do func()) int {
	t.Helper()
	n := math.MaxInt
	for range 3 {
		n = min(n, count(do))
		w.exec(t, "DELETE FROM documents")
	}
	return n
}

// usual is the level of the session's transactions, in which the bare one is to be, too.
func (w *world) usual() sql.IsolationLevel {
	if w.on == "sqlite" {
		return sql.LevelDefault
	}
	return sql.LevelReadCommitted
}

func titled(prefix string, n int, files bool) *[]*document {
	var all []*document
	for i := range n {
		d := &document{UUID: model.UUID{ID: model.NewUUID()}, Title: fmt.Sprint(prefix, i)}
		if files {
			d.File = file(d.Title)
		}
		all = append(all, d)
	}
	return &all
}

// countedWorld also returns what counts the round trips of a function.
func countedWorld(t *testing.T) (w *world, count func(do func()) int) {
	t.Helper()
	options := session.Options{DueOrders: -1}
	if databaseOf(t) != "sqlite" {
		w, p := newProxiedWorld(t, setup{options: options})
		return w, func(do func()) int {
			trips, asked := 0, false
			p.watch(func(m message) verdict {
				if m.client && !asked {
					trips++
				}
				asked = m.client
				return pass
			})
			do()
			p.watch(nil)
			return trips
		}
	}
	points := &faultkit.Points{}
	w, _ = faultyWorld(t, points, options)
	return w, func(do func()) int {
		statements := func() (n int) {
			for point, hits := range points.Counts() {
				if strings.HasPrefix(point, "sql.") && strings.HasSuffix(point, ".before") && point != "sql.connect.before" {
					n += hits
				}
			}
			return n
		}
		was := statements()
		do()
		return statements() - was
	}
}
