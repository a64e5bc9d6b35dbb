package lifecycle_test

import (
	"context"
	"errors"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
)

// sqlErrors are statements that fail, by every way that bun has to send one.
var sqlErrors = map[string]func(ctx context.Context, s *session.Session) error{
	"exec": func(ctx context.Context, s *session.Session) error {
		_, err := s.IDB().ExecContext(ctx, "UPDATE nowhere SET nothing = 1")
		return err
	},
	"exec with arguments": func(ctx context.Context, s *session.Session) error {
		_, err := s.IDB().ExecContext(ctx, "INSERT INTO nowhere VALUES (?)", 1)
		return err
	},
	"query": func(ctx context.Context, s *session.Session) error {
		rows, err := s.IDB().QueryContext(ctx, "SELECT * FROM nowhere")
		if err == nil {
			return rows.Close()
		}
		return err
	},
	"query row": func(ctx context.Context, s *session.Session) error {
		var n int
		return s.IDB().QueryRowContext(ctx, "SELECT * FROM nowhere").Scan(&n)
	},
	"select": func(ctx context.Context, s *session.Session) error {
		var n int
		return s.IDB().NewSelect().ColumnExpr("nothing").Model((*document)(nil)).Scan(ctx, &n)
	},
	"constraint": func(ctx context.Context, s *session.Session) error {
		_, err := s.IDB().NewUpdate().Model((*document)(nil)).Set("title = NULL").Where("1 = 1").Exec(ctx)
		return err
	},
	"insert of the session": func(ctx context.Context, s *session.Session) error {
		return s.Insert(ctx, &document{Title: "a"})
	},
}

// After a failed statement nobody knows what of the unit of work is there: it cannot be committed, even by a caller who
// ignored the error.
func TestIDBErrorLeavesOnlyTheRollback(t *testing.T) {
	onEveryDatabase(t, testIDBErrorLeavesOnlyTheRollback)
}

func testIDBErrorLeavesOnlyTheRollback(t *testing.T) {
	t.Helper()
	t.Parallel()
	for name, fail := range sqlErrors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			w.insert(t, "a", "one")
			err := w.try(func(ctx context.Context, s *session.Session) error {
				must(t, s.Insert(ctx, &document{Title: "b", File: file("two")}))
				if fail(ctx, s) == nil {
					t.Error("the statement succeeded")
				}
				wantError(t, s.Insert(ctx, &document{Title: "c"}), dossier.ErrRollbackOnly)
				_, err := s.IDB().ExecContext(ctx, "SELECT 1")
				wantError(t, err, dossier.ErrRollbackOnly)
				return nil
			})
			wantError(t, err, dossier.ErrRollbackOnly)
			if titles := w.titles(t); titles != "a" {
				t.Errorf("rows %q", titles)
			}
			w.check(t, "one")
		})
	}
}

// A savepoint is what a failed statement can be undone with: the work around it goes on and is committed.
func TestIDBErrorInsideNestedIsHealed(t *testing.T) {
	onEveryDatabase(t, testIDBErrorInsideNestedIsHealed)
}

func testIDBErrorInsideNestedIsHealed(t *testing.T) {
	t.Helper()
	t.Parallel()
	for name, fail := range sqlErrors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			w.insert(t, "a", "one")
			w.run(t, func(ctx context.Context, s *session.Session) error {
				must(t, s.Insert(ctx, &document{Title: "b", File: file("two")}))
				for _, hidden := range []bool{false, true} {
					err := s.Nested(ctx, func(ctx context.Context) error {
						must(t, s.Insert(ctx, &document{Title: "undone", File: file("undone")}))
						if err := fail(ctx, s); !hidden {
							return err
						}
						return nil
					})
					if err == nil || hidden && !errors.Is(err, dossier.ErrRollbackOnly) {
						t.Errorf("hidden %v: Nested returned %v", hidden, err)
					}
				}
				return s.Insert(ctx, &document{Title: "c", File: file("three")})
			})
			if titles := w.titles(t); titles != "a b c" {
				t.Errorf("rows %q", titles)
			}
			w.check(t, "one", "two", "three")
		})
	}
}

// A refusal is not an error of the database: nothing was sent, and the unit of work goes on.
func TestIDBRefusalsChangeNothing(t *testing.T) { onEveryDatabase(t, testIDBRefusalsChangeNothing) }

func testIDBRefusalsChangeNothing(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	w.run(t, func(ctx context.Context, s *session.Session) error {
		must(t, s.Insert(ctx, &document{Title: "a", File: file("one")}))
		for _, query := range []string{"COMMIT", "SELECT 1; COMMIT", "/* x */ ROLLBACK", "SELECT ';'; -- \n END", "SAVEPOINT dossier_1"} {
			_, err := s.IDB().ExecContext(ctx, query)
			wantError(t, err, dossier.ErrInvalid)
			_, err = s.IDB().QueryContext(ctx, query)
			wantError(t, err, dossier.ErrInvalid)
			_, err = s.IDB().NewRaw(query).Exec(ctx)
			wantError(t, err, dossier.ErrInvalid)
		}
		_, err := s.IDB().BeginTx(ctx, nil)
		wantError(t, err, dossier.ErrInvalid)
		wantError(t, s.IDB().RunInTx(ctx, nil, func(context.Context, bun.Tx) error {
			t.Error("RunInTx called its function")
			return nil
		}), dossier.ErrInvalid)
		return s.Insert(ctx, &document{Title: "b", File: file("two")})
	})
	w.check(t, "one", "two")
}

// A trigger's body looks like transaction control and is none.
func TestIDBCreatesTriggers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.run(t, func(ctx context.Context, s *session.Session) error {
		_, err := s.IDB().ExecContext(ctx, "CREATE TABLE log (title TEXT); CREATE TRIGGER logged AFTER INSERT ON documents BEGIN "+
			"INSERT INTO log VALUES (CASE WHEN NEW.title = 'a' THEN 'first' ELSE '; COMMIT' END); SELECT 1; END; SELECT 1")
		return errors.Join(err, s.Insert(ctx, &document{Title: "a", File: file("one")}))
	})
	if n := w.number(t, "SELECT count(*) FROM log WHERE title = 'first'"); n != 1 {
		t.Errorf("%d rows of the trigger", n)
	}
	w.check(t, "one")
}

// Queries see what the session wrote, and what is read is bound to the manager's registry.
func TestIDBSeesTheSessionsRows(t *testing.T) { onEveryDatabase(t, testIDBSeesTheSessionsRows) }

func testIDBSeesTheSessionsRows(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	err := w.try(func(ctx context.Context, s *session.Session) error {
		must(t, s.Insert(ctx, &document{Title: "a", File: file("one"), Pages: pages("p1")}))
		var all []document
		must(t, s.IDB().NewSelect().Model(&all).Scan(ctx))
		if len(all) != 1 || contentsOf(t, fileobject.List{all[0].File, all[0].Pages[0]}) != "[one p1]" {
			t.Errorf("%+v", all)
		}
		return errNo
	})
	wantError(t, err, errNo)
	w.check(t)
}

// Plain bun cannot write a pending file: its row would come before its bytes.
func TestIDBCannotWriteAPendingFile(t *testing.T) { onEveryDatabase(t, testIDBCannotWriteAPendingFile) }

func testIDBCannotWriteAPendingFile(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	err := w.try(func(ctx context.Context, s *session.Session) error {
		d := &document{Title: "a", File: file("one")}
		_, err := s.IDB().NewInsert().Model(d).Exec(ctx)
		return err
	})
	if err == nil || w.titles(t) != "" {
		t.Errorf("%v, rows %q", err, w.titles(t))
	}
	w.check(t)
}

// What was queued before a savepoint belongs to the work around it, and what was queued inside is undone with it,
// wherever it was flushed.
func TestNestedAndTheQueue(t *testing.T) { onEveryDatabase(t, testNestedAndTheQueue) }

func testNestedAndTheQueue(t *testing.T) {
	t.Helper()
	t.Parallel()
	for name, flush := range map[string]bool{"flushed inside": true, "flushed by the commit": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			w.run(t, func(ctx context.Context, s *session.Session) error {
				s.Add(&document{Title: "before", File: file("before")})
				err := s.Nested(ctx, func(ctx context.Context) error {
					s.Add(&document{Title: "inside", File: file("inside")})
					if flush {
						must(t, s.Flush(ctx))
					}
					return errNo
				})
				wantError(t, err, errNo)
				return nil
			})
			if titles := w.titles(t); titles != "before" {
				t.Errorf("rows %q", titles)
			}
			w.check(t, "before")
		})
	}
}
