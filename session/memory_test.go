package session_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
)

// IsModified compares with what the session loaded or wrote, column by column, and follows savepoints.
func TestIsModifiedComparesEveryColumn(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		p := &paper{Title: "a", File: text("one"), Pages: fileobject.List{text("two")}}
		w.insert(p)
		w.run(func(ctx context.Context, s *session.Session) error {
			is := func(what string, want bool) {
				t.Helper()
				if have := s.IsModified(p); have != want {
					t.Errorf("%s: modified %v", what, have)
				}
			}
			is("unknown", true)
			must(t, s.Get(ctx, p, p.ID))
			is("loaded", false)
			p.Body = "new"
			is("body", true)
			must(t, s.Update(ctx, p, "title"))
			is("another column written", true)
			must(t, s.Update(ctx, p, "body"))
			is("written", false)
			p.File.Metadata = map[string]any{"note": "x"}
			is("metadata", true)
			p.File.Metadata = nil
			is("metadata taken back", false)
			p.File = text("three")
			is("pending file", true)
			must(t, s.Update(ctx, p))
			is("file written", false)
			p.Pages = nil
			is("list", true)
			must(t, s.Refresh(ctx, p))
			is("refreshed", false)
			err := s.Nested(ctx, func(ctx context.Context) error {
				p.Title = "b"
				return errors.Join(errInjected, s.Update(ctx, p))
			})
			wantError(t, err, errInjected)
			is("undone", true)
			must(t, s.Refresh(ctx, p))
			p.CreatedAt = p.CreatedAt.AddDate(1, 0, 0)
			must(t, s.Update(ctx, p))
			is("created_at, which an update does not write", true)
			if s.IsModified(&paper{}) != true || s.IsModified(nil) != true {
				t.Error("what the session does not know is modified")
			}
			return nil
		})
		w.settle("three", "two")
	})
}

// Writing one column says nothing about the others: a later update of all must not take the struct's other values for
// what the row holds.
func TestUpdateOfOneColumnRemembersThatColumnAlone(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		p := &paper{Title: "a", File: text("one"), Pages: fileobject.List{text("two")}}
		w.insert(p)
		w.run(func(ctx context.Context, s *session.Session) error {
			p := &paper{UUID: p.UUID}
			if err := s.Get(ctx, p); err != nil {
				return err
			}
			p.File, p.Pages, p.Title = nil, nil, "b"
			if err := s.Update(ctx, p, "title"); err != nil {
				return err
			}
			return s.Update(ctx, p) // it was loaded, so clearing is understood
		})
		w.settle()
	})
}

// The other way round: one column of a row that was never loaded does not make the row known.
func TestUpdateOfOneColumnDoesNotMakeTheRowKnown(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		p := &paper{Title: "a", File: text("one"), Pages: fileobject.List{text("two")}}
		w.insert(p)
		err := w.try(func(ctx context.Context, s *session.Session) error {
			p := &paper{UUID: p.UUID, Title: "b", Pages: p.Pages, File: p.File}
			if err := s.Update(ctx, p, "title"); err != nil {
				return err
			}
			p.Pages = nil
			return s.Update(ctx, p)
		})
		wantError(t, err, dossier.ErrStale)
		w.settle("one", "two")
	})
}

// A key that the database made is taken back with the row: else the next attempt would insist on a number that somebody
// else may have by now.
func TestKeysOfTheDatabaseAreTakenBackWithTheRow(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{}, (*child)(nil))
	lost := &child{File: text("one")}
	err := w.try(func(ctx context.Context, s *session.Session) error {
		if err := s.Insert(ctx, lost); err != nil {
			return err
		}
		if lost.ID == 0 {
			t.Error("the key did not come back")
		}
		return errInjected
	})
	wantError(t, err, errInjected)
	other := &child{File: text("two")}
	w.insert(other)
	w.run(func(ctx context.Context, s *session.Session) error {
		nested := []*child{{File: text("three")}, {File: text("four")}}
		err := s.Nested(ctx, func(ctx context.Context) error { return errors.Join(errInjected, s.Insert(ctx, &nested)) })
		wantError(t, err, errInjected)
		if nested[0].ID != 0 || nested[1].ID != 0 {
			t.Errorf("keys %d and %d were kept", nested[0].ID, nested[1].ID)
		}
		return s.Insert(ctx, lost)
	})
	if lost.ID == other.ID {
		t.Errorf("both have the key %d", lost.ID)
	}
	w.settle("one", "two")
}

// Get, Refresh and Lock load columns; what else the program keeps in its struct is its own.
func TestLoadingKeepsWhatIsNoColumn(t *testing.T) {
	t.Parallel()
	type annotated struct {
		bun.BaseModel `bun:"table:papers"`
		ID            string                 `bun:"id,pk"`
		Title         string                 `bun:"title"`
		Body          string                 `bun:"body"`
		File          *fileobject.FileObject `bun:"file" file:"uploads"`
		Note          string                 `bun:"-"`
	}
	w := newMemoryWorld(t, session.Options{})
	p := &paper{Title: "a", Body: "x", File: text("one")}
	w.insert(p)
	must(t, w.Register((*annotated)(nil)))
	a := &annotated{Note: "mine", Body: "old", File: text("pending")}
	w.run(func(ctx context.Context, s *session.Session) error {
		if err := s.Get(ctx, a, p.ID.String()); err != nil {
			return err
		}
		w.exec("UPDATE papers SET body = NULL, file = NULL")
		return s.Refresh(ctx, a)
	})
	if a.Note != "mine" || a.Title != "a" || a.Body != "" || a.File != nil {
		t.Errorf("loaded %+v", a)
	}
}

// A refused list edit leaves the struct as it was, and a nil file is refused, not a panic.
func TestRefusedListEditsChangeNothing(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		var pages fileobject.List
		for i := range 60 {
			pages = append(pages, text(fmt.Sprint(i)))
		}
		p := &paper{Title: "a", Pages: pages}
		w.insert(p)
		for name, edit := range map[string]func(ctx context.Context, s *session.Session) error{
			"over the limit": func(ctx context.Context, s *session.Session) error {
				return s.AppendFiles(ctx, p, "pages", text("one too many"))
			},
			"nil":        func(ctx context.Context, s *session.Session) error { return s.AppendFiles(ctx, p, "pages", nil) },
			"remove nil": func(ctx context.Context, s *session.Session) error { return s.RemoveFiles(ctx, p, "pages", nil) },
			"one file":   func(ctx context.Context, s *session.Session) error { return s.AppendFiles(ctx, p, "file", text("x")) },
			"no column":  func(ctx context.Context, s *session.Session) error { return s.AppendFiles(ctx, p, "sides", text("x")) },
			"twice": func(ctx context.Context, s *session.Session) error {
				return s.AppendFiles(ctx, p, "pages", p.Pages[0])
			},
		} {
			if err := w.try(func(ctx context.Context, s *session.Session) error { return edit(ctx, s) }); err == nil {
				t.Errorf("%s was accepted", name)
			}
			if len(p.Pages) != 60 {
				t.Fatalf("%s: the struct has %d pages", name, len(p.Pages))
			}
		}
		err := w.try(func(ctx context.Context, s *session.Session) error {
			return s.AppendFiles(ctx, &paper{}, "pages", text("x"))
		})
		wantError(t, err, dossier.ErrNotFound)
		if n := len(w.references()); n != 60 {
			t.Errorf("the row has %d pages", n)
		}
	})
}

// One missing object of many does not spoil the import of the others.
func TestImportOfAMissingObjectIsNotRollbackOnly(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		_, err := w.store().Put(w.ctx, "old/one", dossier.BytesSource([]byte("one")), dossier.PutOptions{})
		must(t, err)
		w.run(func(ctx context.Context, s *session.Session) error {
			for _, key := range []string{"old/none", "old/one"} {
				p := &paper{Title: key, File: &fileobject.FileObject{Record: dossier.Record{Key: key}}}
				err := s.Import(ctx, p, "file", p.File)
				if errors.Is(err, dossier.ErrNotExist) {
					continue
				}
				if err := errors.Join(err, s.Insert(ctx, p)); err != nil {
					return err
				}
			}
			return nil
		})
		w.settle("one")
	})
}

// With AtOnce too a program that never sweeps gets rid of what crashed processes left.
func TestAtOnceExecutesWhatElseIsDue(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{DeleteAfter: session.AtOnce}, func(t *testing.T, w *world) {
		p := &paper{Title: "a", File: text("one")}
		w.insert(p)
		must(t, w.Journal().Announce(w.ctx, "dead", 0, journal.Intent{
			ID: journal.NewID(), Backend: "uploads", Store: w.store().Describe().Store, Key: "left/behind",
		}))
		_, err := w.store().Put(w.ctx, "left/behind", dossier.BytesSource([]byte("x")), dossier.PutOptions{})
		must(t, err)
		for len(w.objects()) > 1 {
			if t.Context().Err() != nil {
				t.Fatal("it is still there")
			}
			p.File = text("one")
			w.run(func(ctx context.Context, s *session.Session) error { return s.Update(ctx, p) })
		}
		w.settle("one")
	})
}

// A move does not go round the policy of the column that it ends in.
func TestMovesKeepToThePolicyOfTheirColumn(t *testing.T) {
	t.Parallel()
	type strict struct {
		bun.BaseModel `bun:"table:strict"`
		ID            int64                  `bun:"id,pk,autoincrement"`
		AnyFile       *fileobject.FileObject `bun:"any_file" file:"uploads"`
		ImageFile     *fileobject.FileObject `bun:"image_file" file:"uploads,accept:image/*"`
		SmallFile     *fileobject.FileObject `bun:"small_file" file:"uploads,max:2"`
	}
	w := newMemoryWorld(t, session.Options{}, (*strict)(nil))
	for name, move := range map[string]func(r *strict){
		"type": func(r *strict) { r.ImageFile, r.AnyFile = r.AnyFile, nil },
		"size": func(r *strict) { r.SmallFile, r.AnyFile = r.AnyFile, nil },
	} {
		row := &strict{AnyFile: text("plain text")}
		w.insert(row)
		err := w.try(func(ctx context.Context, s *session.Session) error {
			if err := s.Get(ctx, row); err != nil {
				return err
			}
			move(row)
			return s.Update(ctx, row)
		})
		if !errors.Is(err, dossier.ErrType) && !errors.Is(err, dossier.ErrTooLarge) {
			t.Errorf("%s, within a row: %v", name, err)
		}
		err = w.try(func(ctx context.Context, s *session.Session) error {
			if err := s.Get(ctx, row); err != nil {
				return err
			}
			next := &strict{AnyFile: row.AnyFile}
			move(next)
			row.AnyFile = nil
			if err := s.Update(ctx, row); err != nil {
				return err
			}
			return s.Insert(ctx, next)
		})
		if !errors.Is(err, dossier.ErrType) && !errors.Is(err, dossier.ErrTooLarge) {
			t.Errorf("%s, to another row: %v", name, err)
		}
	}
	w.settle("plain text", "plain text")
}

// A form that edits the name of a file comes back as JSON: it must not make a text pass for a page of HTML, nor lie about
// the bytes in another way.
func TestJSONCannotChangeWhatBytesAre(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		p := &paper{Title: "a", File: text("plain"), Pages: fileobject.List{text("page")}}
		w.insert(p)
		for name, lie := range map[string][2]string{
			"type":     {`"text/plain`, `"text/html`},
			"size":     {`"size":5`, `"size":50`},
			"checksum": {`"crc32c:`, `"crc32c:0`},
		} {
			for _, columns := range [][]string{nil, {"file"}} {
				sent := editedJSON(t, p.File, lie[0], lie[1])
				err := w.try(func(ctx context.Context, s *session.Session) error {
					p := &paper{}
					if err := s.Get(ctx, p, w.onlyID()); err != nil {
						return err
					}
					p.File = sent
					return s.Update(ctx, p, columns...)
				})
				if !errors.Is(err, dossier.ErrInvalid) {
					t.Errorf("%s, columns %q: %v", name, columns, err)
				}
			}
		}
		w.run(func(ctx context.Context, s *session.Session) error {
			p.File = editedJSON(t, p.File, `"a.txt"`, `"b.txt"`)
			return s.Update(ctx, p, "file")
		})
		var record struct{ Filename string }
		must(t, json.Unmarshal([]byte(w.texts("SELECT file FROM papers")[0]), &record))
		if record.Filename != "b.txt" {
			t.Errorf("the name is %q", record.Filename)
		}
		w.settle("plain", "page")
	})
}

// store is the backend as the code under test has it.
func (w *world) store() dossier.Backend {
	w.t.Helper()
	store, err := w.Registry().Backend("uploads")
	must(w.t, err)
	return store
}

func (w *world) onlyID() string { return w.texts("SELECT id FROM papers")[0] }

// editedJSON is a file that went to a client and came back with a change.
func editedJSON(t *testing.T, f *fileobject.FileObject, from, to string) *fileobject.FileObject {
	t.Helper()
	b, err := f.MarshalJSON()
	must(t, err)
	if !strings.Contains(string(b), from) {
		t.Fatalf("%s has no %s", b, from)
	}
	edited := &fileobject.FileObject{}
	must(t, edited.UnmarshalJSON([]byte(strings.Replace(string(b), from, to, 1))))
	return edited
}

// An update that is refused takes back what it set in the struct, and nothing of what the savepoint wrote before: a row that
// the session forgot would be written as a whole, over what others changed since.
func TestARefusedUpdateForgetsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, session.Options{}, (*coupon)(nil))
	w.run(func(ctx context.Context, s *session.Session) error {
		return s.Nested(ctx, func(ctx context.Context) error {
			c := &coupon{Title: "ten"}
			must(t, s.Insert(ctx, c))
			c.Title = "twenty"
			wantError(t, s.Update(model.WithActor(ctx, "no UUID"), c), dossier.ErrInvalid) // before any SQL
			if c.Title = "ten"; s.IsModified(c) {
				t.Error("the session does not know what it inserted")
			}
			return nil
		})
	})
}

// What is read again and again, as by a loop that waits for a change, is remembered once.
func TestRowsReadAgainAreRememberedOnce(t *testing.T) { //nolint:paralleltest // it reads the memory of the whole process
	w := newMemoryWorld(t, session.Options{})
	p := &paper{Title: strings.Repeat("x", 1000)}
	w.insert(p)
	w.run(func(ctx context.Context, s *session.Session) error {
		read := func(times int) {
			for range times {
				must(t, s.Get(ctx, &paper{}, p.ID))
			}
		}
		read(2000)
		before := heapInUse()
		read(8000)
		if grown := heapInUse() - before; grown > 4<<20 { // 8,000 of them are more than 10 MB
			t.Errorf("the heap grew by %d bytes", grown)
		}
		return nil
	})
}

// heapInUse returns the bytes in use after a collection.
func heapInUse() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
