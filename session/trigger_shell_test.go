package session_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/dossier-go/dossier/internal/dbservers"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/session"
)

// shellWorlds runs a test on each database that has a shell.
func shellWorlds(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, newWorld(t, session.Options{}))
	})
	for _, name := range []string{"postgresql", "mariadb"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newServerWorld(t, name, session.Options{}))
		})
	}
}

// shell runs a script in psql, mariadb or sqlite3.
func (w *world) shell(script string) error {
	w.t.Helper()
	var err error
	if w.server != nil {
		_, err = w.server.Shell(w.ctx, script)
	} else {
		_, err = dbservers.SQLiteShell(w.ctx, w.file, ".timeout 10000\n"+script)
	}
	if errors.Is(err, dbservers.ErrMissing) {
		w.t.Skip(err)
	}
	return err
}

// sweep executes what is ordered, as if the delay were over.
func (w *world) sweep() {
	w.t.Helper()
	w.fallDue()
	_, err := w.Sweep(w.ctx, journal.SweepOptions{})
	must(w.t, err)
}

// The promise to whoever opens a shell: rows that go by a DELETE typed there lose their objects at the next sweep, and
// every other row keeps its.
func TestTriggersSweepRowsDeletedInAShell(t *testing.T) {
	shellWorlds(t, func(t *testing.T, w *world) {
		w.withTriggers()
		must(t, w.shell("DELETE FROM papers WHERE title = 'a';"))
		w.wantObjects("a1", "a2", "a3", "a4", "b1", "b2", "b3", "b4")
		w.sweep()
		w.settle("b1", "b2", "b3", "b4")
		must(t, w.shell("UPDATE papers SET file = NULL; BEGIN; DELETE FROM papers; ROLLBACK;"))
		w.sweep()
		w.settle("b2", "b3", "b4")
		if w.on != "postgresql" {
			must(t, w.shell("REPLACE INTO papers (id, created_at, updated_at, title, body) "+
				"SELECT id, created_at, updated_at, title, body FROM papers;"))
		} else {
			must(t, w.shell("TRUNCATE papers;"))
		}
		w.sweep()
		w.settle()
	})
}

// Whatever raw SQL does that does not copy a reference, no row ever points at a deleted object, and no object stays that no
// row has. The statements are random; the seed is in the log. DOSSIER_LONG=1 goes on for longer.
func TestTriggersKeepRowsAndObjectsTogetherUnderRandomSQL(t *testing.T) {
	shellWorlds(t, func(t *testing.T, w *world) {
		must(t, w.InstallTriggers(w.ctx))
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 1))
		rounds := 2
		if os.Getenv("DOSSIER_LONG") == "1" {
			rounds = 30
		}
		for range rounds {
			for range 4 {
				w.insert(fullPaper(fmt.Sprint("t", random.IntN(10))))
			}
			before := w.held()
			for range 4 {
				must(t, w.shell(randomTransaction(w, random)))
			}
			w.wantOrders(before)
			w.check()
			w.sweep()
			w.check()
			if objects, held := len(w.objects()), len(w.held()); objects != held {
				t.Fatalf("%d objects, the rows hold %d", objects, held)
			}
		}
	})
}

// fromKept is what a column had at the beginning of the transaction.
func fromKept(column string) string {
	return "(SELECT k." + column + " FROM kept k WHERE k.id = papers.id)"
}

// randomTransaction is a script of statements none of which lets a key stand at two places: what moves goes through a table
// beside and leaves its row first.
func randomTransaction(w *world, random *rand.Rand) string {
	columns := []string{"file", "pages", "cover"}
	script := []string{"CREATE TEMPORARY TABLE kept AS SELECT * FROM papers", "BEGIN"}
	saved := false
	for range 1 + random.IntN(4) {
		column := columns[random.IntN(len(columns))]
		where := fmt.Sprintf("title = 't%d'", random.IntN(10))
		choices := [][]string{
			{"DELETE FROM papers WHERE " + where},
			{"UPDATE papers SET " + column + " = NULL WHERE " + where},
			{"UPDATE papers SET title = 't1', body = 'x' WHERE " + where},
			{"UPDATE papers SET file = cover, cover = file WHERE " + where, "UPDATE papers SET body = 'y'"},
			{"DELETE FROM papers", "INSERT INTO papers SELECT * FROM kept WHERE " + where},
			{"UPDATE papers SET file = NULL, pages = NULL, cover = NULL", // of all, because file and cover may have changed places
				"UPDATE papers SET file = " + fromKept("file") + ", pages = " + fromKept("pages") + ", cover = " + fromKept("cover")},
		}
		if w.on == "mariadb" {
			choices[3] = nil // assignments are made one after the other there
		}
		if w.on != "postgresql" {
			choices = append(choices, []string{"REPLACE INTO papers (id, created_at, updated_at, title, body, " + column + ") " +
				"SELECT id, created_at, updated_at, title, 'r', " + column + " FROM papers WHERE " + where})
		}
		script = append(script, choices[random.IntN(len(choices))]...)
		if !saved && random.IntN(3) == 0 {
			saved = true
			script = append(script, "SAVEPOINT s")
		}
	}
	if saved && random.IntN(2) == 0 {
		script = append(script, "ROLLBACK TO SAVEPOINT s")
	}
	script = append(script, []string{"COMMIT", "COMMIT", "ROLLBACK"}[random.IntN(3)])
	return strings.Join(slices.DeleteFunc(script, func(s string) bool { return s == "" }), ";\n") + ";\n"
}
