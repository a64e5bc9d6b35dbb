package lifecycle_test

import (
	"context"
	"errors"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
)

// imported takes an object into a new document.
func imported(ctx context.Context, s *session.Session, title string, f *fileobject.FileObject) error {
	d := &document{Title: title, File: f}
	if err := s.Import(ctx, d, "file", f); err != nil {
		return err
	}
	return s.Insert(ctx, d)
}

// An object of an existing bucket becomes the row's: it can be read, and it goes with the row.
func TestRule6ImportAdoptsAnExistingObject(t *testing.T) {
	onEveryDatabase(t, testRule6ImportAdoptsAnExistingObject)
}

func testRule6ImportAdoptsAnExistingObject(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	w.put(t, "legacy/plan.txt", "legacy")
	w.run(t, func(ctx context.Context, s *session.Session) error {
		return imported(ctx, s, "a", at("legacy/plan.txt"))
	})
	d := w.loadByIDB(t)[0]
	b, err := d.File.Content(t.Context())
	if err != nil || string(b) != "legacy" || d.File.Size != 6 || d.File.Checksum == "" || d.File.Key != "legacy/plan.txt" {
		t.Errorf("%+v holds %q, %v", d.File.Record, b, err)
	}
	w.sweep(t)
	if have := w.objects(t); len(have) != 1 {
		t.Errorf("objects %q", have)
	}
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, d) })
	w.check(t)
}

// An object whose row was deleted can come back as long as nobody works on its delete; afterwards it may be gone any
// moment, and a row must not point at it.
func TestRule6ImportTakesADoomedObjectBack(t *testing.T) {
	onEveryDatabase(t, testRule6ImportTakesADoomedObjectBack)
}

func testRule6ImportTakesADoomedObjectBack(t *testing.T) {
	t.Helper()
	t.Parallel()
	for name, test := range map[string]struct {
		change string // of the journal
		kind   error
	}{
		"unclaimed":      {"SELECT 1", nil},
		"claimed":        {"UPDATE dossier_journal SET attempts = 1, owner = 'somebody'", dossier.ErrConflict},
		"an upload":      {"UPDATE dossier_journal SET state = 'pending', intent = TRUE", dossier.ErrConflict},
		"deleted before": {"UPDATE dossier_journal SET state = 'tombstone'", dossier.ErrConflict},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			a := w.insert(t, "a", "one")
			w.run(t, func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, a) })
			w.exec(t, test.change)
			err := w.try(func(ctx context.Context, s *session.Session) error { return imported(ctx, s, "b", at(a.File.Key)) })
			wantError(t, err, test.kind)
			if test.kind == nil {
				w.check(t, "one")
				return
			}
			w.check(t)
		})
	}
}

// What a failed unit of work imported is as it was: a stranger's object stays, a doomed one is doomed again.
func TestRule6ImportIsUndoneByARollback(t *testing.T) {
	onEveryDatabase(t, testRule6ImportIsUndoneByARollback)
}

func testRule6ImportIsUndoneByARollback(t *testing.T) {
	t.Helper()
	t.Parallel()
	for name, undo := range map[string]func(ctx context.Context, s *session.Session, do func(ctx context.Context) error) error{
		"rollback": func(ctx context.Context, _ *session.Session, do func(ctx context.Context) error) error {
			return errors.Join(do(ctx), errNo)
		},
		"savepoint": func(ctx context.Context, s *session.Session, do func(ctx context.Context) error) error {
			return s.Nested(ctx, func(ctx context.Context) error { return errors.Join(do(ctx), errNo) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			w.put(t, "legacy/plan.txt", "legacy")
			a := w.insert(t, "a", "one")
			w.run(t, func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, a) })
			legacy, doomed := at("legacy/plan.txt"), at(a.File.Key)
			err := w.try(func(ctx context.Context, s *session.Session) error {
				err := undo(ctx, s, func(ctx context.Context) error {
					return errors.Join(imported(ctx, s, "b", legacy), imported(ctx, s, "c", doomed))
				})
				wantError(t, err, errNo)
				if name == "savepoint" {
					return nil
				}
				return err
			})
			if name == "savepoint" {
				wantError(t, err, nil)
			}
			if n := w.number(t, "SELECT count(*) FROM dossier_journal WHERE state = 'doomed' AND attempts = 0"); n != 1 || len(w.keys(t)) != 2 {
				t.Errorf("%d orders, objects %q", n, w.keys(t))
			}
			w.sweep(t)
			if have := w.objects(t); len(have) != 1 || have[0] != "legacy" {
				t.Errorf("objects %q, want the stranger's alone", have)
			}
			w.run(t, func(ctx context.Context, s *session.Session) error { return imported(ctx, s, "d", legacy) })
			w.check(t, "legacy")
		})
	}
}

// An import that no row took leaves things as they were: the order of a doomed object comes again, a stranger's object
// is not touched.
func TestRule6UnusedImportIsOrderedAgain(t *testing.T) {
	onEveryDatabase(t, testRule6UnusedImportIsOrderedAgain)
}

func testRule6UnusedImportIsOrderedAgain(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	w.put(t, "legacy/plan.txt", "legacy")
	a := w.insert(t, "a", "one")
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, a) })
	w.run(t, func(ctx context.Context, s *session.Session) error {
		d := &document{}
		return errors.Join(s.Import(ctx, d, "file", at(a.File.Key)), s.Import(ctx, d, "file", at("legacy/plan.txt")))
	})
	if n := w.number(t, "SELECT count(*) FROM dossier_journal WHERE state = 'doomed' AND object_key = ? AND due_at > 1", a.File.Key); n != 1 {
		t.Errorf("%d orders for the unused import", n)
	}
	w.sweep(t)
	if have := w.objects(t); len(have) != 1 || have[0] != "legacy" {
		t.Errorf("objects %q", have)
	}
}

// An import that fails its column's policy, or names nothing, changes nothing: above all it must not lose the order
// that it took back.
func TestRule6RefusedImportChangesNothing(t *testing.T) {
	onEveryDatabase(t, testRule6RefusedImportChangesNothing)
}

func testRule6RefusedImportChangesNothing(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	w.put(t, "legacy/large.txt", string(make([]byte, 1<<20+1)))
	for key, kind := range map[string]error{"legacy/large.txt": dossier.ErrTooLarge, "legacy/none.txt": dossier.ErrNotExist} {
		wantError(t, w.try(func(ctx context.Context, s *session.Session) error { return imported(ctx, s, "a", at(key)) }), kind)
	}
	d := &document{Title: "b", Extra: *fileobject.FromBytes("a", make([]byte, 1<<20+1), fileobject.Options{})}
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, d) })
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, d) })
	_ = w.try(func(ctx context.Context, s *session.Session) error {
		wantError(t, s.Import(ctx, &document{}, "file", at(d.Extra.Key)), dossier.ErrTooLarge)
		return nil // the caller goes on as if nothing was
	})
	if n := w.journal(t)["doomed"]; n != 1 {
		t.Errorf("%d orders", n)
	}
}

const foreignJSON = `{"filename":"legacy/plan.txt","backend":"uploads","owner":7}`

// Rows that another library wrote may share their objects: nothing is deleted for them until they were imported.
func TestRule6ForeignRecordsMakeNoOrders(t *testing.T) {
	onEveryDatabase(t, testRule6ForeignRecordsMakeNoOrders)
}

func testRule6ForeignRecordsMakeNoOrders(t *testing.T) {
	t.Helper()
	t.Parallel()
	for name, change := range map[string]func(ctx context.Context, s *session.Session, d *document) error{
		"delete": func(ctx context.Context, s *session.Session, d *document) error { return s.Delete(ctx, d) },
		"clear": func(ctx context.Context, s *session.Session, d *document) error {
			d.File = nil
			return s.Update(ctx, d)
		},
		"replace": func(ctx context.Context, s *session.Session, d *document) error {
			d.File = file("new")
			return s.Update(ctx, d)
		},
		"bulk": func(ctx context.Context, s *session.Session, _ *document) error {
			_, err := s.DeleteWhere(ctx, (*document)(nil), "1 = 1")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{options: session.Options{DeleteAfter: session.AtOnce}})
			w.put(t, "legacy/plan.txt", "legacy")
			d := &document{Title: "a"}
			w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, d) })
			w.exec(t, "UPDATE documents SET file = ?", foreignJSON)
			w.run(t, func(ctx context.Context, s *session.Session) error {
				must(t, s.Get(ctx, d))
				return change(ctx, s, d)
			})
			w.sweep(t)
			if have := w.objects(t); have[0] != "legacy" {
				t.Errorf("objects %q", have)
			}
		})
	}
}

// After its import the same row is like any other: its object goes with it.
func TestRule6ImportedForeignRecordIsOwned(t *testing.T) {
	onEveryDatabase(t, testRule6ImportedForeignRecordIsOwned)
}

func testRule6ImportedForeignRecordIsOwned(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	w.put(t, "legacy/plan.txt", "legacy")
	d := &document{Title: "a"}
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, d) })
	w.exec(t, "UPDATE documents SET file = ?", foreignJSON)
	w.run(t, func(ctx context.Context, s *session.Session) error {
		must(t, s.Get(ctx, d))
		must(t, s.Import(ctx, d, "file", d.File))
		return s.Update(ctx, d)
	})
	w.check(t, "legacy")
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, d) })
	w.check(t)
}
