package session_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
)

// laterPaper is paper after a migration: a column was renamed and another one added.
type laterPaper struct {
	bun.BaseModel `bun:"table:papers"`
	ID            string                 `bun:"id,pk,type:varchar(36)"`
	Title         string                 `bun:"title"`
	Doc           *fileobject.FileObject `bun:"doc" file:"uploads"`
	Pages         fileobject.List        `bun:"pages" file:"uploads,many:60"`
	Cover         fileobject.FileObject  `bun:"cover" file:"uploads"`
	Extra         *fileobject.FileObject `bun:"extra" file:"uploads"`
}

// The program of after a migration installs triggers for the columns of then. The one of before, which may start once more while
// all are replaced, is refused: its triggers would name a column that is gone, and every statement on the table would fail.
func TestTriggersFollowTheColumnsAndNoOlderProgram(t *testing.T) {
	t.Parallel()
	triggerWorlds(t, func(t *testing.T, w *world) {
		w.withTriggers()
		before := w.held()
		must(t, w.DropTriggers(w.ctx))
		kind := map[string]string{"sqlite": "VARCHAR", "postgresql": "JSONB", "mariadb": "JSON"}[w.on]
		w.exec("ALTER TABLE papers RENAME COLUMN file TO doc")
		w.exec("ALTER TABLE papers ADD COLUMN extra " + kind)
		later, err := session.New(bun.NewDB(w.DB().DB, w.dialect()), session.Options{Registry: w.Registry()})
		must(t, err)
		must(t, later.InstallTriggers(w.ctx, (*laterPaper)(nil)))
		names := w.triggerNames()
		wantError(t, w.InstallTriggers(w.ctx), dossier.ErrInvalid)
		if now := w.triggerNames(); !slices.Equal(now, names) {
			t.Errorf("the triggers were %q and are %q", names, now)
		}
		w.columns = w.fileColumns()
		w.columns = append(w.columns, "papers.doc", "papers.extra")
		w.exec("UPDATE papers SET extra = doc, doc = NULL WHERE title = 'a'") // it stays in its row
		w.wantOrders(before)
		w.exec("DELETE FROM papers WHERE title = 'a'")
		w.wantOrders(before)
		w.exec("UPDATE papers SET doc = NULL")
		w.wantOrders(before)
		if _, err := w.CheckTriggers(w.ctx); err != nil {
			t.Errorf("the older program cannot check: %v", err)
		}
		if err := errors.Join(w.DropTriggers(w.ctx), later.InstallTriggers(w.ctx, (*laterPaper)(nil))); err != nil {
			t.Errorf("the older program cannot drop: %v", err)
		}
	})
}

// Partitions of two schemas can have one name. Each has rows to lose.
func TestTriggersOfPartitionsUnderOneName(t *testing.T) {
	t.Parallel()
	w := newLeaves(t, "postgresql",
		"CREATE TABLE leaves (id BIGINT, parent BIGINT, slug TEXT, file JSONB, PRIMARY KEY (id, parent)) PARTITION BY LIST (parent)",
		"CREATE TABLE leaves1 PARTITION OF leaves FOR VALUES IN (1, 2, 3)")
	archive := w.texts("SELECT current_schema()")[0] + "_archive"
	w.exec("CREATE SCHEMA " + archive)
	t.Cleanup(func() { w.exec("DROP SCHEMA " + archive + " CASCADE") })
	w.exec("CREATE TABLE " + archive + ".leaves1 PARTITION OF leaves FOR VALUES IN (9)")
	drift, err := w.CheckTriggers(w.ctx, (*leaf)(nil))
	must(t, err)
	if len(drift) != 4 || drift[0].Table != archive+".leaves1" || drift[0].Problem != session.TriggerMissing {
		t.Errorf("the check finds %v", drift)
	}
	must(t, w.InstallTriggers(w.ctx, (*leaf)(nil)))
	w.exec("UPDATE leaves SET parent = 9")
	w.wantDoomed(0, "rows moved to another schema")
	w.exec("DELETE FROM " + archive + ".leaves1 WHERE id = (SELECT min(id) FROM leaves)")
	w.wantDoomed(1, "a row of a partition in another schema was deleted")
}

// A column that another program made can be text. Its files are as safe; what is no JSON in it holds none, except that PostgreSQL
// refuses to change or delete such a row, as docs/triggers.md says.
func TestTriggersOnColumnsOfText(t *testing.T) {
	t.Parallel()
	for _, on := range []string{"sqlite", "postgresql", "mariadb"} {
		t.Run(on, func(t *testing.T) {
			t.Parallel()
			w := newLeaves(t, on, "CREATE TABLE leaves (id BIGINT PRIMARY KEY, parent BIGINT, slug VARCHAR(20), file TEXT)",
				"INSERT INTO leaves (id, file) VALUES (9, 'no JSON')")
			w.exec("DELETE FROM leaves WHERE id = 1")
			w.wantDoomed(1, "a row was deleted")
			w.exec("INSERT INTO leaves (id, file) VALUES (3, 'null'), (4, '[]'), (5, '7')")
			w.exec("DELETE FROM leaves WHERE id IN (3, 4, 5)")
			w.wantDoomed(1, "rows without files were deleted")
			for _, statement := range []string{"INSERT INTO leaves (id, file) VALUES (6, '')", "DELETE FROM leaves WHERE id = 9"} {
				if _, err := w.plain.ExecContext(w.ctx, statement); (err != nil) != (on == "postgresql") {
					t.Errorf("%s: error %v", statement, err)
				}
			}
			w.wantDoomed(1, "a text that is no JSON")
		})
	}
}
