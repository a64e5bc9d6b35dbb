package session_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
)

// problems lists what CheckTriggers finds, in short.
func (w *world) problems(models ...any) []string {
	w.t.Helper()
	drift, err := w.CheckTriggers(w.ctx, models...)
	must(w.t, err)
	var all []string
	for _, d := range drift {
		all = append(all, string(d.Problem))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (w *world) wantProblems(want ...string) {
	w.t.Helper()
	if have := w.problems(); !slices.Equal(have, want) {
		w.t.Errorf("the check finds %q, want %q", have, want)
	}
}

// triggerNames lists the triggers of ours with plain SQL.
func (w *world) triggerNames() []string {
	w.t.Helper()
	return w.texts(map[string]string{
		"sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'dossier%' ORDER BY 1",
		"postgresql": "SELECT tgname FROM pg_trigger g JOIN pg_class c ON c.oid = tgrelid WHERE relnamespace = " +
			"current_schema()::regnamespace " +
			"AND tgname LIKE 'dossier%' ORDER BY 1",
		"mariadb": "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = database() AND trigger_name " +
			"LIKE 'dossier%' ORDER BY 1",
	}[w.on])
}

// A deployment installs at every start, from many processes, with other stores than the last time: what is right stays,
// what is of an older version is replaced, what is not there is said, and nothing of it stays after a drop.
func TestTriggersAreInstalledOnceAndReplacedWhenOutdated(t *testing.T) {
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		w.wantProblems("missing")
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				if err := w.InstallTriggers(w.ctx); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		w.wantProblems()
		first := w.triggerNames()
		must(t, w.InstallTriggers(w.ctx, (*paper)(nil)))
		if again := w.triggerNames(); !slices.Equal(first, again) || len(first) < 3 {
			t.Errorf("triggers %q, after a second installation %q", first, again)
		}
		must(t, w.Registry().Register("archive", memory.New(memory.Config{})))
		w.wantProblems("missing", "outdated")
		must(t, w.InstallTriggers(w.ctx))
		w.wantProblems()
		second := w.triggerNames()
		if len(second) != len(first) || slices.ContainsFunc(first, func(name string) bool { return slices.Contains(second, name) }) {
			t.Errorf("triggers %q became %q", first, second)
		}
		w.insert(fullPaper("a"))
		w.exec("DELETE FROM papers")
		if n := len(w.doomed()); n != 4 {
			t.Errorf("%d orders, want 4", n)
		}
		must(t, w.DropTriggers(w.ctx))
		if left := w.triggerNames(); len(left) > 0 {
			t.Errorf("after the drop there are %q", left)
		}
		w.wantProblems("missing")
		if w.on == "sqlite" {
			if left := w.texts("SELECT name FROM sqlite_master WHERE name = 'dossier_replaced'"); len(left) > 0 {
				t.Errorf("%q is left", left)
			}
		}
		if w.on == "postgresql" {
			if left := w.texts("SELECT proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace"); len(left) > 0 {
				t.Errorf("functions %q are left", left)
			}
		}
	})
}

// What somebody did to the triggers by hand is found, and mended where it is ours.
func TestTriggersChangedByHandAreFound(t *testing.T) {
	triggerWorlds(t, func(t *testing.T, w *world) {
		must(t, w.InstallTriggers(w.ctx))
		names := w.triggerNames()
		on := ""
		if w.on == "postgresql" {
			on = " ON papers"
			w.exec("ALTER TABLE papers DISABLE TRIGGER " + names[0])
			w.wantProblems("disabled")
			w.exec("ALTER TABLE papers ENABLE TRIGGER " + names[0])
		}
		w.exec("DROP TRIGGER " + names[0] + on)
		w.wantProblems("missing")
		must(t, w.InstallTriggers(w.ctx))
		w.wantProblems()
		if w.on == "postgresql" {
			w.exec("CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
			w.exec("CREATE TRIGGER dossier_mine AFTER INSERT ON papers EXECUTE FUNCTION nothing()")
		} else {
			w.exec("CREATE TRIGGER dossier_mine AFTER INSERT ON papers FOR EACH ROW BEGIN DELETE FROM dossier_journal WHERE id " +
				"= 'x'; END")
		}
		w.wantProblems("foreign")
		must(t, w.InstallTriggers(w.ctx))
		must(t, w.DropTriggers(w.ctx))
		if left := w.triggerNames(); !slices.Equal(left, []string{"dossier_mine"}) {
			t.Errorf("a trigger that is not ours: %q are left", left)
		}
	})
}

// attachment has a table and columns with long and odd names, in which letters are more than a byte.
type attachment struct {
	bun.BaseModel `bun:"table:attachments_of_paragraphs_of_chapters_of_books_of_größe"`
	model.UUID
	Order *fileobject.FileObject `bun:"orders" file:"uploads"`
	Taken fileobject.List        `bun:"select" file:"uploads"`
}

// Names of triggers are bounded by the database, those of tables and columns by nobody's taste.
func TestTriggersOfLongAndOddNames(t *testing.T) {
	for _, on := range []string{"sqlite", "postgresql", "mariadb"} {
		t.Run(on, func(t *testing.T) {
			t.Parallel()
			w := newOn(t, on, session.Options{DeleteAfter: time.Minute})
			must(t, w.Register((*attachment)(nil)))
			must(t, w.CreateSchema(w.ctx))
			must(t, w.InstallTriggers(w.ctx, (*attachment)(nil)))
			if problems := w.problems((*attachment)(nil)); len(problems) > 0 {
				t.Errorf("the check finds %q", problems)
			}
			for _, name := range w.triggerNames() {
				if len(name) > 63 {
					t.Errorf("%s has %d bytes", name, len(name))
				}
			}
			w.insert(&attachment{Order: text("1"), Taken: fileobject.List{text("2"), text("3")}})
			table := "attachments_of_paragraphs_of_chapters_of_books_of_größe"
			w.exec("UPDATE " + table + " SET orders = NULL")
			w.exec("DELETE FROM " + table)
			if n := len(w.doomed()); n != 3 {
				t.Errorf("%d orders, want 3", n)
			}
			w.wantGoodOrders(w.number(w.now())-10000, time.Minute)
		})
	}
}

func newOn(t *testing.T, on string, opts session.Options, models ...any) *world {
	t.Helper()
	if on == "sqlite" {
		return newWorld(t, opts, models...)
	}
	return newServerWorld(t, on, opts, models...)
}

// Without the journal's table, a model's, or a store there is nothing to write to: that is said before anything changes.
func TestInstallTriggersSaysWhatIsMissing(t *testing.T) {
	triggerWorlds(t, func(t *testing.T, w *world) {
		must(t, w.Register((*attachment)(nil)))
		wantError(t, w.InstallTriggers(w.ctx, (*attachment)(nil)), dossier.ErrInvalid)
		w.exec("DROP TABLE dossier_journal")
		err := w.InstallTriggers(w.ctx, (*paper)(nil))
		wantError(t, err, dossier.ErrInvalid)
		if !strings.Contains(fmt.Sprint(err), "dossier_journal") {
			t.Errorf("the error does not say what is missing: %v", err)
		}
		if names := w.triggerNames(); len(names) > 0 {
			t.Errorf("there are %q", names)
		}
		w.Registry().Unregister("uploads")
		wantError(t, w.InstallTriggers(context.Background(), (*paper)(nil)), dossier.ErrNoBackend)
	})
}
