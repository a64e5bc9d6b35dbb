package session_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
)

// A bulk delete orders the objects of every row that it deletes, and of no other.
func TestDeleteWhereOrdersEveryObject(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{DeleteAfter: session.AtOnce}, func(t *testing.T, w *world) {
		papers := []*paper{{Title: "kept", File: text("kept")}}
		for i := range 30 {
			papers = append(papers, &paper{Title: "gone", File: text(fmt.Sprint(i)), Pages: fileobject.List{text("p"), text("q")}})
		}
		w.insert(&papers)
		w.run(func(ctx context.Context, s *session.Session) error {
			n, err := s.DeleteWhere(ctx, (*paper)(nil), "title = ? OR title = ?", "gone", "or")
			if n != 30 {
				t.Errorf("%d rows", n)
			}
			return err
		})
		w.wantObjects("kept")
		w.settle("kept")
	})
}

// Orders are made in batches; more rows than one batch has lose nothing.
func TestDeleteWhereOfMoreThanOneBatch(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{DeleteAfter: session.AtOnce}, func(t *testing.T, w *world) {
		var papers []*paper
		for i := range 603 {
			papers = append(papers, &paper{Title: "gone", File: text(fmt.Sprint(i))})
		}
		w.insert(&papers)
		w.run(func(ctx context.Context, s *session.Session) error {
			_, err := s.DeleteWhere(ctx, &paper{}, "1 = 1")
			return err
		})
		w.settle()
	})
}

func TestUpdateWhereClearsAndNeverSets(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		w.insert(&paper{Title: "a", File: text("one"), Pages: fileobject.List{text("two")}, Cover: *text("three")},
			&paper{Title: "b", File: text("four")})
		w.run(func(ctx context.Context, s *session.Session) error {
			set := map[string]any{"file": nil, "pages": nil, "body": "new"}
			n, err := s.UpdateWhere(ctx, (*paper)(nil), set, "title = ?", "a")
			if n != 1 {
				t.Errorf("%d rows", n)
			}
			for name, bad := range map[string]map[string]any{
				"a file": {"file": text("x")}, "text": {"pages": "[]"}, "nothing": {}, "no column": {"sides": 1}, "Go name": {"Title": "x"},
				"key": {"id": "x"},
			} {
				_, err := s.UpdateWhere(ctx, (*paper)(nil), bad, "1 = 1")
				if !errors.Is(err, dossier.ErrInvalid) {
					t.Errorf("%s: %v", name, err)
				}
			}
			return err
		})
		if body := w.texts("SELECT body FROM papers WHERE title = 'a'"); body[0] != "new" {
			t.Errorf("body %q", body)
		}
		w.settle("three", "four")
	})
}

// No condition would mean all rows: that must be said.
func TestBulkStatementsNeedACondition(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		w.insert(&paper{Title: "a", File: text("one")})
		for _, empty := range []string{"", " ", "\n\t"} {
			w.run(func(ctx context.Context, s *session.Session) error {
				_, err := s.DeleteWhere(ctx, (*paper)(nil), empty)
				wantError(t, err, dossier.ErrInvalid)
				_, err = s.UpdateWhere(ctx, (*paper)(nil), map[string]any{"file": nil}, empty)
				wantError(t, err, dossier.ErrInvalid)
				return nil // refused before anything was done
			})
		}
		w.settle("one")
	})
}

// A condition is one expression: with a semicolon in it, other than in a text, it would be several statements, of which one could end
// the transaction unseen and keep what is reported as failed.
func TestBulkConditionsAreOneExpression(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		w.insert(&paper{Title: "a;b", File: text("one")})
		for _, several := range []string{"1 = 1); COMMIT; SELECT (1", "1 = 1; COMMIT", "title = ';' OR 1 = 1); COMMIT; SELECT (1"} {
			_, err := w.tryBulk(func(ctx context.Context, s *session.Session) (int, error) {
				return s.DeleteWhere(ctx, (*paper)(nil), several)
			})
			wantError(t, err, dossier.ErrInvalid)
			_, err = w.tryBulk(func(ctx context.Context, s *session.Session) (int, error) {
				return s.UpdateWhere(ctx, (*paper)(nil), map[string]any{"title": "c"}, several)
			})
			wantError(t, err, dossier.ErrInvalid)
		}
		if titles := w.texts("SELECT title FROM papers"); !slices.Equal(titles, []string{"a;b"}) {
			t.Errorf("rows %q", titles)
		}
		n, err := w.tryBulk(func(ctx context.Context, s *session.Session) (int, error) {
			return s.DeleteWhere(ctx, (*paper)(nil), "title = 'a;b' /* ; */ AND title <> ?", ";")
		})
		if err != nil || n != 1 {
			t.Errorf("%d rows with semicolons in texts, %v", n, err)
		}
	})
}

// tryBulk runs a bulk statement in a unit of work of its own.
func (w *world) tryBulk(fn func(ctx context.Context, s *session.Session) (int, error)) (n int, err error) {
	err = w.try(func(ctx context.Context, s *session.Session) error {
		n, err = fn(ctx, s)
		return err
	})
	return n, err
}

// A bulk statement may have changed any row of its table: what the session knew of them is not trusted any more.
func TestBulkStatementsForgetWhatWasLoaded(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		p := &paper{Title: "a", File: text("one")}
		w.insert(p)
		w.run(func(ctx context.Context, s *session.Session) error {
			p := &paper{}
			must(t, s.Get(ctx, p, w.onlyID()))
			_, err := s.UpdateWhere(ctx, (*paper)(nil), map[string]any{"file": nil}, "1 = 1")
			must(t, err)
			if !s.IsModified(p) {
				t.Error("the struct passes for the row")
			}
			wantError(t, s.Update(ctx, p), dossier.ErrStale)
			return nil
		})
		w.settle()
	})
}

// Memory does not grow with the number of rows that are streamed. Not parallel: the heap is the whole process's.
func TestStreamKeepsOneRow(t *testing.T) {
	w := newMemoryWorld(t, session.Options{})
	w.exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000)
		INSERT INTO papers (id, created_at, updated_at, title, body) SELECT printf('00000000-0000-7000-8000-%012d', i), '2001-01-01', '2001-01-01', i, printf('%.1000c', 'x') FROM n`)
	w.run(func(ctx context.Context, s *session.Session) error {
		rows := 0
		var first, last runtime.MemStats
		for p, err := range session.Stream[paper](ctx, s, w.DB().NewSelect().Model((*paper)(nil)).Order("id")) {
			if err != nil {
				return err
			}
			if rows++; p.Title != fmt.Sprint(rows) {
				t.Fatalf("row %d is %q", rows, p.Title)
			}
			if rows == 1000 {
				runtime.GC()
				runtime.ReadMemStats(&first)
			}
			if rows == 7800 {
				runtime.GC()
				runtime.ReadMemStats(&last)
			}
		}
		if rows != 8000 {
			t.Errorf("%d rows", rows)
		}
		if grown := int64(last.HeapAlloc) - int64(first.HeapAlloc); grown > 3<<20 { // the rows between have 7 MB
			t.Errorf("the heap grew by %d bytes", grown)
		}
		return nil
	})
}

// While rows are open the connection is theirs: other calls are refused, not mixed up; afterwards all is as before.
func TestStreamRefusesOtherCallsWhileItsRowsAreOpen(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		w.insert(&paper{Title: "a"}, &paper{Title: "b"})
		for _, inside := range []bool{true, false} {
			w.run(func(ctx context.Context, s *session.Session) error {
				if inside {
					must(t, s.Lock(ctx, &paper{UUID: firstPaper(t, w).UUID}))
				}
				query := s.IDB().NewSelect().Model((*paper)(nil))
				for _, err := range session.Stream[paper](ctx, s, query) {
					must(t, err)
					wantError(t, s.Insert(ctx, &paper{Title: "c"}), dossier.ErrInvalid)
					wantError(t, s.Get(ctx, &paper{}, "x"), dossier.ErrInvalid)
					wantError(t, s.Commit(ctx), dossier.ErrInvalid)
					wantError(t, s.Rollback(ctx), dossier.ErrInvalid)
					_, err := s.IDB().ExecContext(ctx, "SELECT 1")
					wantError(t, err, dossier.ErrInvalid)
					for _, err := range session.Stream[paper](ctx, s, query) {
						wantError(t, err, dossier.ErrInvalid)
					}
					break
				}
				return s.Insert(ctx, &paper{Title: fmt.Sprint("after ", inside)})
			})
		}
		if rows := w.texts("SELECT title FROM papers ORDER BY title"); fmt.Sprint(rows) != "[a after false after true b]" {
			t.Errorf("rows %q", rows)
		}
	})
}

func firstPaper(t *testing.T, w *world) *paper {
	t.Helper()
	p := &paper{}
	must(t, w.DB().NewSelect().Model(p).Order("id").Limit(1).Scan(w.ctx))
	return p
}

// A session that is closed inside the loop, as by a deferred Close, does not wait for the rows for ever.
func TestCloseInsideAStream(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		w.insert(&paper{Title: "a"}, &paper{Title: "b"})
		s, err := w.Begin(w.ctx)
		must(t, err)
		must(t, s.Insert(w.ctx, &paper{Title: "c"}))
		for range session.Stream[paper](w.ctx, s, s.IDB().NewSelect().Model((*paper)(nil))) {
			must(t, s.Close())
		}
		w.stillWorks()
	})
}

// The error of a stream comes last, whatever it is.
func TestStreamErrors(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		w.insert(&paper{Title: "a"}, &paper{Title: "b"})
		w.exec("UPDATE papers SET file = '5' WHERE title = 'b'")
		w.run(func(ctx context.Context, s *session.Session) error {
			var titles []string
			var last error
			for p, err := range session.Stream[paper](ctx, s, w.DB().NewSelect().Model((*paper)(nil)).Order("title")) {
				if last = err; err == nil {
					titles = append(titles, p.Title)
				}
			}
			if last == nil || fmt.Sprint(titles) != "[a]" {
				t.Errorf("rows %q, %v", titles, last)
			}
			for _, err := range session.Stream[paper](ctx, s, nil) {
				wantError(t, err, dossier.ErrInvalid)
			}
			ended, cancel := context.WithCancel(ctx)
			cancel()
			for _, err := range session.Stream[paper](ended, s, w.DB().NewSelect().Model((*paper)(nil))) {
				wantError(t, err, context.Canceled)
			}
			return nil
		})
	})
}
