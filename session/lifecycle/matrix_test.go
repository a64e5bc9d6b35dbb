package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
)

var errNo = errors.New("no")

// matrixCase is one row of the life-cycle matrix. It begins with a document "a" whose file is "one", whose extra is
// "extra" and whose pages are "p1" and "p2".
type matrixCase struct {
	name   string
	do     func(ctx context.Context, s *session.Session, d *document) error
	fails  error    // what Run must return; nil for success
	want   []string // contents of all objects afterwards
	titles string   // of all rows
}

var kept = []string{"one", "extra", "p1", "p2"}

func others(contents ...string) []string { return contents }

func matrix() []matrixCase {
	return []matrixCase{
		{name: "insert", titles: "a b", want: append(others("two"), kept...),
			do: func(ctx context.Context, s *session.Session, _ *document) error {
				return s.Insert(ctx, &document{Title: "b", File: file("two")})
			}},
		{name: "insert without files", titles: "a b", want: kept,
			do: func(ctx context.Context, s *session.Session, _ *document) error {
				return s.Insert(ctx, &document{Title: "b"})
			}},
		{name: "empty file", titles: "a", want: others("", "extra", "p1", "p2"),
			do: func(ctx context.Context, s *session.Session, d *document) error {
				d.File = file("")
				return s.Update(ctx, d)
			}},
		{name: "update of another column", titles: "new", want: kept,
			do: func(ctx context.Context, s *session.Session, d *document) error {
				d.Title = "new"
				return s.Update(ctx, d)
			}},
		{name: "replace with the same file name", titles: "a", want: others("two", "extra", "p1", "p2"),
			do: func(ctx context.Context, s *session.Session, d *document) error {
				d.File = file("two")
				return s.Update(ctx, d)
			}},
		{name: "replace with the same content", titles: "a", want: kept,
			do: func(ctx context.Context, s *session.Session, d *document) error {
				d.File = file("one")
				return s.Update(ctx, d)
			}},
		{name: "replace twice", titles: "a", want: others("three", "extra", "p1", "p2"),
			do: func(ctx context.Context, s *session.Session, d *document) error {
				d.File = file("two")
				if err := s.Update(ctx, d); err != nil {
					return err
				}
				d.File = file("three")
				return s.Update(ctx, d)
			}},
		{name: "clear", titles: "a", want: others("p1", "p2"),
			do: func(ctx context.Context, s *session.Session, d *document) error {
				d.File, d.Extra = nil, fileobject.FileObject{}
				return s.Update(ctx, d)
			}},
		{name: "delete", titles: "",
			do: func(ctx context.Context, s *session.Session, d *document) error { return s.Delete(ctx, d) }},
		{name: "delete of a struct that was never loaded", titles: "",
			do: func(ctx context.Context, s *session.Session, d *document) error {
				return s.Delete(ctx, &document{UUID: d.UUID})
			}},
		{name: "list append", titles: "a", want: append(others("p3"), kept...),
			do: func(ctx context.Context, s *session.Session, d *document) error {
				d.Pages = append(d.Pages, file("p3"))
				return s.Update(ctx, d)
			}},
		{name: "list remove", titles: "a", want: others("one", "extra", "p2"),
			do: func(ctx context.Context, s *session.Session, d *document) error {
				d.Pages = d.Pages[1:]
				return s.Update(ctx, d)
			}},
		{name: "list reorder", titles: "a", want: kept,
			do: func(ctx context.Context, s *session.Session, d *document) error {
				d.Pages[0], d.Pages[1] = d.Pages[1], d.Pages[0]
				return s.Update(ctx, d)
			}},
		{name: "list clear", titles: "a", want: others("one", "extra"),
			do: func(ctx context.Context, s *session.Session, d *document) error {
				d.Pages = nil
				return s.Update(ctx, d)
			}},
		{name: "metadata edited without new bytes", titles: "a", want: kept,
			do: func(ctx context.Context, s *session.Session, d *document) error {
				d.File.Filename, d.File.Metadata = "renamed.txt", map[string]any{"note": "x"}
				return s.Update(ctx, d)
			}},
		{name: "two inserts with files in one Run", titles: "a b c", want: append(others("two", "three"), kept...),
			do: func(ctx context.Context, s *session.Session, _ *document) error {
				return errors.Join(s.Insert(ctx, &document{Title: "b", File: file("two")}),
					s.Insert(ctx, &document{Title: "c", File: file("three")}))
			}},
		{name: "queued inserts", titles: "a b c", want: append(others("two", "three"), kept...),
			do: func(_ context.Context, s *session.Session, _ *document) error {
				s.Add(&document{Title: "b", File: file("two")}, &document{Title: "c", File: file("three")})
				return nil
			}},
		{name: "same reference on a second row", titles: "a", want: kept, fails: dossier.ErrConflict,
			do: func(ctx context.Context, s *session.Session, d *document) error {
				return s.Insert(ctx, &document{Title: "b", File: d.File})
			}},
		{name: "clone on a second row", titles: "a b", want: append(others("one"), kept...),
			do: func(ctx context.Context, s *session.Session, d *document) error {
				return s.Insert(ctx, &document{Title: "b", File: d.File.Clone(fileobject.Options{})})
			}},
		{name: "one handle in two rows", titles: "a", want: kept, fails: dossier.ErrInvalid,
			do: func(ctx context.Context, s *session.Session, _ *document) error {
				f := file("two")
				return s.Insert(ctx, &document{Title: "b", File: f}, &document{Title: "c", File: f})
			}},
		{name: "one handle in two rows, one after the other", titles: "a", want: kept, fails: dossier.ErrConflict,
			do: func(ctx context.Context, s *session.Session, _ *document) error {
				f := file("two")
				if err := s.Insert(ctx, &document{Title: "b", File: f}); err != nil {
					return err
				}
				return s.Insert(ctx, &document{Title: "c", File: f})
			}},
		{name: "move to another row", titles: "a b", want: kept,
			do: func(ctx context.Context, s *session.Session, d *document) error {
				moved := d.File
				d.File = nil
				if err := s.Update(ctx, d); err != nil {
					return err
				}
				return s.Insert(ctx, &document{Title: "b", File: moved})
			}},
		{name: "swap of two columns of one row", titles: "a", want: kept,
			do: func(ctx context.Context, s *session.Session, d *document) error {
				extra := d.Extra
				d.Extra, d.File = *d.File, &extra
				return s.Update(ctx, d)
			}},
		{name: "savepoint released, then commit", titles: "a b", want: append(others("two"), kept...),
			do: func(ctx context.Context, s *session.Session, _ *document) error {
				return s.Nested(ctx, func(ctx context.Context) error {
					return s.Insert(ctx, &document{Title: "b", File: file("two")})
				})
			}},
		{name: "savepoint released, then outer rollback", titles: "a", want: kept, fails: errNo,
			do: func(ctx context.Context, s *session.Session, d *document) error {
				return errors.Join(errNo, s.Nested(ctx, func(ctx context.Context) error {
					d.File = file("two")
					return s.Update(ctx, d)
				}))
			}},
		{name: "savepoint rolled back, then outer commit", titles: "a b", want: append(others("two"), kept...),
			do: func(ctx context.Context, s *session.Session, d *document) error {
				if err := s.Insert(ctx, &document{Title: "b", File: file("two")}); err != nil {
					return err
				}
				err := s.Nested(ctx, func(ctx context.Context) error {
					d.File = file("three")
					return errors.Join(errNo, s.Update(ctx, d), s.Insert(ctx, &document{Title: "c", File: file("four")}))
				})
				if !errors.Is(err, errNo) {
					return errors.Join(errors.New("Nested returned"), err)
				}
				return nil
			}},
		{name: "savepoint with an SQL error, then outer commit", titles: "a b", want: append(others("two"), kept...),
			do: func(ctx context.Context, s *session.Session, _ *document) error {
				err := s.Nested(ctx, func(ctx context.Context) error {
					return s.Insert(ctx, &document{Title: "a", File: file("duplicate")})
				})
				if err == nil {
					return errors.New("the duplicate title was accepted")
				}
				return s.Insert(ctx, &document{Title: "b", File: file("two")})
			}},
		{name: "file of an undone savepoint used outside", titles: "a b", want: append(others("two"), kept...),
			do: func(ctx context.Context, s *session.Session, _ *document) error {
				f := file("two")
				_ = s.Nested(ctx, func(ctx context.Context) error {
					return errors.Join(errNo, s.Insert(ctx, &document{Title: "b", File: f}))
				})
				return s.Insert(ctx, &document{Title: "b", File: f})
			}},
		{name: "staged, then inserted", titles: "a b", want: append(others("two"), kept...),
			do: func(ctx context.Context, s *session.Session, _ *document) error {
				b := &document{Title: "b", File: file("two")}
				return errors.Join(s.Stage(ctx, b), s.Insert(ctx, b))
			}},
		{name: "staged and not used", titles: "a", want: kept,
			do: func(ctx context.Context, s *session.Session, _ *document) error {
				return s.Stage(ctx, &document{File: file("two")})
			}},
		{name: "staged inside the transaction and not used", titles: "a c", want: append(others("three"), kept...),
			do: func(ctx context.Context, s *session.Session, _ *document) error {
				return errors.Join(s.Insert(ctx, &document{Title: "c", File: file("three")}),
					s.Stage(ctx, &document{File: file("two")}))
			}},
		{name: "failing reader", titles: "a", want: kept, fails: iotest.ErrTimeout,
			do: func(ctx context.Context, s *session.Session, _ *document) error {
				r := iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("content")))
				return s.Insert(ctx, &document{Title: "b", File: fileobject.FromReader("a", r, fileobject.Options{})})
			}},
		{name: "failing reader beside a good one", titles: "a", want: kept, fails: errNo,
			do: func(ctx context.Context, s *session.Session, _ *document) error {
				bad := fileobject.FromSource("a", dossier.ReaderSource(&failingReader{after: 10_000}, -1), fileobject.Options{})
				return s.Insert(ctx, &document{Title: "b", File: file("two"), Pages: fileobject.List{bad}})
			}},
		{name: "over the limit by one byte", titles: "a", want: kept, fails: dossier.ErrTooLarge,
			do: func(ctx context.Context, s *session.Session, _ *document) error {
				r := strings.NewReader(strings.Repeat("x", 1<<20+1))
				return s.Insert(ctx, &document{Title: "b", File: fileobject.FromReader("a", r, fileobject.Options{})})
			}},
		{name: "update of a row that is not there", titles: "a", want: kept, fails: dossier.ErrStale,
			do: func(ctx context.Context, s *session.Session, _ *document) error {
				return s.Update(ctx, &document{Title: "b", File: file("two")})
			}},
		{name: "bulk delete", titles: "",
			do: func(ctx context.Context, s *session.Session, _ *document) error {
				n, err := s.DeleteWhere(ctx, (*document)(nil), "title = ?", "a")
				if n != 1 {
					err = errors.Join(err, fmt.Errorf("%d rows", n))
				}
				return err
			}},
		{name: "bulk clear", titles: "a", want: others("extra", "p1", "p2"),
			do: func(ctx context.Context, s *session.Session, _ *document) error {
				_, err := s.UpdateWhere(ctx, (*document)(nil), map[string]any{"file": nil}, "title = ?", "a")
				return err
			}},
		{name: "everything undone", titles: "a", want: kept, fails: errNo,
			do: func(ctx context.Context, s *session.Session, d *document) error {
				return errors.Join(errNo, s.Insert(ctx, &document{Title: "b", File: file("two")}), s.Delete(ctx, d))
			}},
		{name: "deferred foreign key fails the COMMIT", titles: "a", want: kept, fails: errAny,
			do: func(ctx context.Context, s *session.Session, _ *document) error {
				if _, err := s.IDB().ExecContext(ctx, "INSERT INTO child (parent) VALUES (99)"); err != nil {
					return err
				}
				return s.Insert(ctx, &document{Title: "b", File: file("two")})
			}},
	}
}

var errAny = errors.New("any error")

type failingReader struct{ after int }

func (r *failingReader) Read(p []byte) (int, error) {
	if r.after <= 0 {
		return 0, errNo
	}
	n := min(len(p), r.after)
	r.after -= n
	return n, nil
}

// The matrix: every change of a row leaves exactly the right objects and rows, at once and after the orders fall due.
func TestLifeCycleMatrix(t *testing.T) { onEveryDatabase(t, testLifeCycleMatrix) }

func testLifeCycleMatrix(t *testing.T) {
	t.Helper()
	t.Parallel()
	for _, delay := range []time.Duration{session.AtOnce, 0} {
		for _, c := range matrix() {
			t.Run(fmt.Sprintf("%s/%v", c.name, delay), func(t *testing.T) {
				t.Parallel()
				runMatrixCase(t, c, setup{options: session.Options{DeleteAfter: delay}})
			})
		}
	}
}

func runMatrixCase(t *testing.T, c matrixCase, with setup) {
	t.Helper()
	w := newWorld(t, with)
	w.createFamily(t)
	a := &document{Title: "a", File: file("one"), Extra: *file("extra"), Pages: pages("p1", "p2")}
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, a) })
	err := w.m.Run(context.Background(), func(ctx context.Context, s *session.Session) error {
		d := &document{}
		if err := s.Get(ctx, d, a.ID); err != nil {
			return err
		}
		return c.do(ctx, s, d)
	})
	switch {
	case c.fails == nil && err != nil, c.fails != nil && c.fails != errAny && !errors.Is(err, c.fails), c.fails == errAny && err == nil:
		t.Errorf("Run returned %v, want %v", err, c.fails)
	}
	if titles := w.titles(t); titles != c.titles {
		t.Errorf("rows %q, want %q", titles, c.titles)
	}
	if with.options.DeleteAfter == session.AtOnce && len(w.keys(t)) != len(w.referenced(t)) {
		t.Errorf("AtOnce left %d objects for %d references", len(w.keys(t)), len(w.referenced(t)))
	}
	w.check(t, c.want...)
}

// A panic, and Goexit, inside Run are rollbacks: nothing stays, and the panic goes on.
func TestPanicInsideRunLeavesNothing(t *testing.T) {
	onEveryDatabase(t, testPanicInsideRunLeavesNothing)
}

func testPanicInsideRunLeavesNothing(t *testing.T) {
	t.Helper()
	t.Parallel()
	for name, end := range map[string]func(){"panic": func() { panic("boom") }, "goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			var group sync.WaitGroup
			group.Go(func() {
				defer func() { _ = recover() }()
				_ = w.m.Run(context.Background(), func(ctx context.Context, s *session.Session) error {
					must(t, s.Insert(ctx, &document{Title: "a", File: file("one")}))
					_ = s.Nested(ctx, func(ctx context.Context) error {
						must(t, s.Insert(ctx, &document{Title: "b", File: file("two")}))
						end()
						return nil
					})
					return nil
				})
				t.Error("Run returned")
			})
			group.Wait()
			w.check(t)
			w.insert(t, "again", "x") // the write lock is free
		})
	}
}

// A struct that this session never loaded does not know what the row holds: clearing, or writing a list over, what is
// there would lose files of which the caller knows nothing.
func TestUpdateFromAStructNeverLoadedIsRefused(t *testing.T) {
	onEveryDatabase(t, testUpdateFromAStructNeverLoadedIsRefused)
}

func testUpdateFromAStructNeverLoadedIsRefused(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	a := w.insert(t, "a", "one")
	err := w.m.Run(t.Context(), func(ctx context.Context, s *session.Session) error {
		return s.Update(ctx, &document{UUID: a.UUID, Title: "b"})
	})
	if !errors.Is(err, dossier.ErrStale) {
		t.Errorf("it was accepted: %v", err)
	}
	w.check(t, "one")
}

func TestCloseWithoutCommitLeavesNothing(t *testing.T) {
	onEveryDatabase(t, testCloseWithoutCommitLeavesNothing)
}

func testCloseWithoutCommitLeavesNothing(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	s, err := w.m.Begin(t.Context())
	must(t, err)
	must(t, s.Insert(t.Context(), &document{Title: "a", File: file("one")}))
	must(t, s.Close())
	must(t, s.Close())
	if err := s.Insert(t.Context(), &document{Title: "b"}); !errors.Is(err, dossier.ErrClosed) {
		t.Errorf("insert after Close: %v", err)
	}
	w.check(t)
}

// A struct that was loaded before somebody else replaced the file must not bring the old reference back.
func TestStaleStructSavedLateIsRefused(t *testing.T) {
	onEveryDatabase(t, testStaleStructSavedLateIsRefused)
}

func testStaleStructSavedLateIsRefused(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{options: session.Options{DeleteAfter: session.AtOnce}})
	stale := w.insert(t, "a", "one")
	w.run(t, func(ctx context.Context, s *session.Session) error {
		d := &document{}
		must(t, s.Get(ctx, d, stale.ID))
		d.File = file("two")
		return s.Update(ctx, d)
	})
	stale.Title = "late"
	err := w.m.Run(t.Context(), func(ctx context.Context, s *session.Session) error { return s.Update(ctx, stale) })
	if !errors.Is(err, dossier.ErrStale) {
		t.Errorf("the stale struct was saved: %v", err)
	}
	w.check(t, "two")
}

// Two writers edit one list: each edit is kept.
func TestTwoWritersOfOneListLoseNothing(t *testing.T) {
	onEveryDatabase(t, testTwoWritersOfOneListLoseNothing)
}

func testTwoWritersOfOneListLoseNothing(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{options: session.Options{DeleteAfter: session.AtOnce}})
	d := w.insert(t, "a", "one")
	const writers = 30
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			mine := &document{UUID: d.UUID}
			f := file(fmt.Sprint("page ", i))
			err := w.m.Run(context.Background(), func(ctx context.Context, s *session.Session) error {
				return s.AppendFiles(ctx, mine, "pages", f)
			})
			if err == nil && i%2 == 0 {
				err = w.m.Run(context.Background(), func(ctx context.Context, s *session.Session) error {
					return s.RemoveFiles(ctx, mine, "pages", f)
				})
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	want := []string{"one"}
	for i := 1; i < writers; i += 2 {
		want = append(want, fmt.Sprint("page ", i))
	}
	w.check(t, want...)
}
