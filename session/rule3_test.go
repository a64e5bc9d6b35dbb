package session_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
)

// A claimed intent is still a row of the journal: who deletes it without asking for its state, or without counting, puts
// a row over an object that a sweep is deleting.
func TestRule3AdoptionNeedsEveryIntentPending(t *testing.T) {
	t.Parallel()
	for name, claim := range map[string]string{
		"claimed": "UPDATE dossier_journal SET state = 'doomed', attempts = 1 WHERE object_key LIKE 'papers/file%'",
		"gone":    "DELETE FROM dossier_journal WHERE object_key LIKE 'papers/file%'",
		"buried":  "UPDATE dossier_journal SET state = 'tombstone' WHERE object_key LIKE 'papers/file%'",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, session.Options{})
			err := w.try(func(ctx context.Context, s *session.Session) error {
				p := &paper{Title: "a", File: text("one"), Pages: fileobject.List{text("two")}}
				if err := s.Stage(ctx, p); err != nil {
					return err
				}
				w.exec(claim)
				err := s.Insert(ctx, p)
				wantError(t, err, dossier.ErrLeaseLost)
				wantError(t, s.Insert(ctx, &paper{Title: "b"}), dossier.ErrRollbackOnly)
				return nil // the commit must refuse on its own
			})
			wantError(t, err, dossier.ErrRollbackOnly)
			if rows := w.texts("SELECT title FROM papers"); len(rows) > 0 {
				t.Errorf("rows %q", rows)
			}
			if name == "gone" { // who took the intent away answers for the object
				w.wantObjects("one")
				return
			}
			w.settle()
		})
	}
}

// A sweep that runs at the same time as the commit, with every lease over: one of the two wins, for each object.
func TestRule3CommitOrSweepWinsNeverBoth(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		for i := range 60 {
			var group sync.WaitGroup
			err := w.try(func(ctx context.Context, s *session.Session) error {
				p := &paper{Title: fmt.Sprint(i), File: text(fmt.Sprint("file ", i)), Pages: fileobject.List{text(fmt.Sprint("page ", i))}}
				if err := s.Stage(ctx, p); err != nil {
					return err
				}
				w.fallDue()
				group.Go(func() {
					if _, err := w.Sweep(w.ctx, journal.SweepOptions{Batch: 1}); err != nil {
						t.Error(err)
					}
				})
				return s.Insert(ctx, p)
			})
			group.Wait()
			if err != nil && !errors.Is(err, dossier.ErrLeaseLost) {
				t.Fatal(err)
			}
			w.check()
		}
	})
}

// Exactly one row must change: an update or delete of a row that is not there is not a success.
func TestRule3AMissingRowIsErrStale(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		w.insert(&paper{Title: "a", File: text("one")})
		for name, do := range map[string]func(ctx context.Context, s *session.Session, p *paper) error{
			"update":        func(ctx context.Context, s *session.Session, p *paper) error { return s.Update(ctx, p) },
			"update column": func(ctx context.Context, s *session.Session, p *paper) error { return s.Update(ctx, p, "title") },
			"update file":   func(ctx context.Context, s *session.Session, p *paper) error { return s.Update(ctx, p, "file") },
			"delete":        func(ctx context.Context, s *session.Session, p *paper) error { return s.Delete(ctx, p) },
		} {
			err := w.try(func(ctx context.Context, s *session.Session) error {
				return do(ctx, s, &paper{Title: "b", File: text("two")})
			})
			if !errors.Is(err, dossier.ErrStale) {
				t.Errorf("%s: %v", name, err)
			}
		}
		w.settle("one")
	})
}

// sqlErrors are ways to make the database refuse a statement.
var sqlErrors = map[string]func(ctx context.Context, s *session.Session, first *paper) error{
	"Insert": func(ctx context.Context, s *session.Session, first *paper) error {
		return s.Insert(ctx, &paper{UUID: first.UUID, Title: "again", File: text("again")})
	},
	"IDB exec": func(ctx context.Context, s *session.Session, _ *paper) error {
		_, err := s.IDB().ExecContext(ctx, "INSERT INTO nowhere VALUES (1)")
		return err
	},
	"IDB query": func(ctx context.Context, s *session.Session, first *paper) error {
		rows, err := s.IDB().QueryContext(ctx, "INSERT INTO papers (id) VALUES (?) RETURNING id", first.ID)
		if err == nil {
			err = errors.Join(rows.Err(), rows.Close())
		}
		return err
	},
	"IDB query row": func(ctx context.Context, s *session.Session, _ *paper) error {
		var n int
		return s.IDB().QueryRowContext(ctx, "SELECT nothing FROM nowhere").Scan(&n)
	},
	"IDB builder": func(ctx context.Context, s *session.Session, first *paper) error {
		_, err := s.IDB().NewInsert().Model(&paper{UUID: first.UUID}).Exec(ctx)
		return err
	},
	"IDB raw": func(ctx context.Context, s *session.Session, _ *paper) error {
		return s.IDB().NewRaw("SELECT * FROM nowhere").Scan(ctx, new(int))
	},
	"Get": func(ctx context.Context, s *session.Session, first *paper) error {
		if _, err := s.IDB().ExecContext(ctx, "ALTER TABLE papers RENAME COLUMN body TO text"); err != nil {
			return err
		}
		return s.Get(ctx, first)
	},
	"UpdateWhere": func(ctx context.Context, s *session.Session, _ *paper) error {
		_, err := s.UpdateWhere(ctx, (*paper)(nil), map[string]any{"title": nil}, "1 = 1")
		return err
	},
	"DeleteWhere": func(ctx context.Context, s *session.Session, _ *paper) error {
		_, err := s.DeleteWhere(ctx, (*paper)(nil), "nothing = 1")
		return err
	},
}

// After an error a database may go on, outside of the transaction even: so the session does not, and the commit fails
// although the caller has forgotten the error.
func TestRule3AnSQLErrorMakesTheSessionRollbackOnly(t *testing.T) {
	t.Parallel()
	for name, fail := range sqlErrors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newMemoryWorld(t, session.Options{})
			first := &paper{Title: "a", File: text("one")}
			w.insert(first)
			err := w.try(func(ctx context.Context, s *session.Session) error {
				if err := s.Insert(ctx, &paper{Title: "b", File: text("two")}); err != nil {
					return err
				}
				if err := fail(ctx, s, first); err == nil || errors.Is(err, dossier.ErrRollbackOnly) {
					t.Errorf("the statement returned %v", err)
				}
				wantError(t, s.Insert(ctx, &paper{Title: "c"}), dossier.ErrRollbackOnly)
				_, err := s.IDB().ExecContext(ctx, "DELETE FROM papers")
				wantError(t, err, dossier.ErrRollbackOnly)
				return nil
			})
			wantError(t, err, dossier.ErrRollbackOnly)
			if rows := w.texts("SELECT title FROM papers"); fmt.Sprint(rows) != "[a]" {
				t.Errorf("rows %q", rows)
			}
			w.settle("one")
		})
	}
}

// A Nested block undoes the error together with the work, so the surrounding work can be committed.
func TestRule3AnSQLErrorInsideNestedIsUndone(t *testing.T) {
	t.Parallel()
	for name, fail := range sqlErrors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newMemoryWorld(t, session.Options{})
			first := &paper{Title: "a", File: text("one")}
			w.insert(first)
			w.run(func(ctx context.Context, s *session.Session) error {
				if err := s.Insert(ctx, &paper{Title: "b", File: text("two")}); err != nil {
					return err
				}
				err := s.Nested(ctx, func(ctx context.Context) error {
					_ = fail(ctx, s, first)
					return nil // forgotten: Nested must know
				})
				wantError(t, err, dossier.ErrRollbackOnly)
				return s.Insert(ctx, &paper{Title: "c", File: text("three")})
			})
			if rows := w.texts("SELECT title FROM papers ORDER BY 1"); fmt.Sprint(rows) != "[a b c]" {
				t.Errorf("rows %q", rows)
			}
			w.settle("one", "two", "three")
		})
	}
}

// An error before Nested is not undone by a Nested after it.
func TestRule3NestedDoesNotHealWhatCameBefore(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		err := w.try(func(ctx context.Context, s *session.Session) error {
			_, _ = s.IDB().ExecContext(ctx, "UPDATE nowhere SET nothing = 1")
			wantError(t, s.Nested(ctx, func(context.Context) error { return errInjected }), dossier.ErrRollbackOnly)
			return nil
		})
		wantError(t, err, dossier.ErrRollbackOnly)
	})
}

// transactionControl are statements that would end the session's transaction behind its back.
var transactionControl = []string{
	"COMMIT", "commit", " \n\tCommit ;", "END", "END TRANSACTION", "ROLLBACK", "ROLLBACK TO dossier_1", "SAVEPOINT x", "RELEASE x",
	"BEGIN",
	"BEGIN IMMEDIATE", "ATTACH 'x' AS x", "DETACH x",
	"SELECT 1; COMMIT", "SELECT 1;; ;COMMIT", "-- a comment\nCOMMIT", "/* a comment */COMMIT", "SELECT ';'; COMMIT",
	"SELECT 1 -- it's\n; COMMIT", `SELECT "it's"; COMMIT`, "SELECT `a'b`; COMMIT", "SELECT [a'b]; COMMIT",
	"SELECT 1 /* ' */; COMMIT",
	"CREATE TRIGGER t AFTER INSERT ON papers BEGIN DELETE FROM papers; END; COMMIT",
	"CREATE TABLE x (trigger int, begin int); COMMIT", "CREATE TABLE x AS SELECT 1 AS trigger, 2 AS begin; COMMIT",
	"\uFEFFCOMMIT", "SELECT 1;\uFEFFCOMMIT", "EXPLAIN SELECT 1; COMMIT", "SELECT $a('); COMMIT; --')", "SELECT #a('); COMMIT; --')",
}

func TestRule3IDBRefusesTransactionControl(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{})
	for _, query := range transactionControl {
		err := w.try(func(ctx context.Context, s *session.Session) error {
			if err := s.Insert(ctx, &paper{Title: "a", File: text("one")}); err != nil {
				return err
			}
			if _, err := s.IDB().ExecContext(ctx, query); !errors.Is(err, dossier.ErrInvalid) {
				t.Errorf("%q: exec: %v", query, err)
			}
			if rows, err := s.IDB().QueryContext(ctx, query); !errors.Is(err, dossier.ErrInvalid) {
				t.Errorf("%q: query: %v", query, err)
				if err == nil {
					err = errors.Join(rows.Err(), rows.Close())
				}
				return err
			}
			if _, err := s.IDB().NewRaw(query).Exec(ctx); !errors.Is(err, dossier.ErrInvalid) {
				t.Errorf("%q: raw: %v", query, err)
			}
			if _, err := s.IDB().ExecContext(ctx, "?", bun.Safe(query)); !errors.Is(err, dossier.ErrInvalid) {
				t.Errorf("%q: as an argument: %v", query, err)
			}
			return errInjected // all of it must still be possible to undo
		})
		if err == nil || !errors.Is(err, errInjected) {
			t.Errorf("%q: %v", query, err)
		}
		if rows := w.texts("SELECT title FROM papers"); len(rows) > 0 {
			t.Fatalf("%q committed %q", query, rows)
		}
	}
	w.settle()
}

// A row that is refused cannot say why in its Scan; the session is rollback-only then.
func TestRule3QueryRowRefusesTransactionControl(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		err := w.try(func(ctx context.Context, s *session.Session) error {
			if err := s.Insert(ctx, &paper{Title: "a"}); err != nil {
				return err
			}
			if err := s.IDB().QueryRowContext(ctx, "COMMIT").Scan(new(int)); err == nil {
				t.Error("it was done")
			}
			return nil
		})
		wantError(t, err, dossier.ErrRollbackOnly)
		if rows := w.texts("SELECT title FROM papers"); len(rows) > 0 {
			t.Errorf("rows %q", rows)
		}
	})
}

func TestRule3IDBRefusesTransactionsOfItsOwn(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		w.run(func(ctx context.Context, s *session.Session) error {
			_, err := s.IDB().BeginTx(ctx, &sql.TxOptions{})
			wantError(t, err, dossier.ErrInvalid)
			wantError(t, s.IDB().RunInTx(ctx, nil, func(context.Context, bun.Tx) error { return nil }), dossier.ErrInvalid)
			return nil
		})
	})
}

// What only looks like transaction control is let through.
func TestRule3IDBAllowsEverythingElse(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{})
	w.run(func(ctx context.Context, s *session.Session) error {
		for _, query := range []string{
			"CREATE TRIGGER one AFTER INSERT ON papers BEGIN UPDATE papers SET body = CASE WHEN 1 THEN 'x' END; SELECT 1; END",
			"CREATE TEMP TRIGGER IF NOT EXISTS two AFTER INSERT ON papers WHEN CASE 1 WHEN 1 THEN 1 END BEGIN SELECT 'END;'; END;",
			"SELECT 'COMMIT; ROLLBACK'", `SELECT 1 AS "commit"; SELECT 2`, "SELECT 1 -- ; COMMIT", "SELECT 1 /* ; COMMIT */ ;",
			"SELECT CASE WHEN 1 THEN 2 END", "CREATE TABLE commits (begin INT, rollback INT)",
			"SELECT [COMMIT;] FROM (SELECT 1 AS [COMMIT;])", ";", "",
		} {
			if _, err := s.IDB().ExecContext(ctx, query); err != nil {
				t.Errorf("%q: %v", query, err)
			}
		}
		return nil
	})
	w.insert(&paper{Title: "a"})
	if body := w.texts("SELECT body FROM papers"); body[0] != "x" {
		t.Error("the trigger is not there")
	}
}
