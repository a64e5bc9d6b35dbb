package lifecycle_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
)

// A stored file may stand at one place only: two rows with one object would lose it with the first delete.
func TestRule6ForeignReferencesAreRefused(t *testing.T) {
	onEveryDatabase(t, testRule6ForeignReferencesAreRefused)
}

func testRule6ForeignReferencesAreRefused(t *testing.T) {
	t.Helper()
	t.Parallel()
	for name, do := range map[string]func(ctx context.Context, s *session.Session, a, b *document) error{
		"a copied struct inserted": func(ctx context.Context, s *session.Session, a, _ *document) error {
			return s.Insert(ctx, &document{Title: "c", File: a.File, Extra: a.Extra, Pages: a.Pages})
		},
		"a copied struct over another row": func(ctx context.Context, s *session.Session, a, b *document) error {
			c := *a
			c.UUID, c.Title = b.UUID, b.Title
			return s.Update(ctx, &c, "file")
		},
		"JSON from a client inserted": func(ctx context.Context, s *session.Session, a, _ *document) error {
			return s.Insert(ctx, &document{Title: "c", File: fromClient(a.File)})
		},
		"JSON from a client over another row": func(ctx context.Context, s *session.Session, a, b *document) error {
			b.File = fromClient(a.File)
			return s.Update(ctx, b)
		},
		"JSON from a client in a list": func(ctx context.Context, s *session.Session, a, b *document) error {
			return s.AppendFiles(ctx, b, "pages", fromClient(a.Pages[0]))
		},
		"one staged handle in two rows": func(ctx context.Context, s *session.Session, _, _ *document) error {
			c, d := &document{Title: "c", File: file("x")}, &document{Title: "d"}
			d.File = c.File
			return errors.Join(s.Stage(ctx, c), s.Insert(ctx, c, d))
		},
		"one staged handle in two columns": func(ctx context.Context, s *session.Session, _, _ *document) error {
			c := &document{Title: "c", File: file("x")}
			if err := s.Stage(ctx, c); err != nil {
				return err
			}
			c.Pages = fileobject.List{c.File}
			return s.Insert(ctx, c)
		},
		"a handle twice in a list": func(ctx context.Context, s *session.Session, a, _ *document) error {
			a.Pages = append(a.Pages, a.Pages[0])
			return s.Update(ctx, a)
		},
		"an object twice in a list": func(ctx context.Context, s *session.Session, a, _ *document) error {
			second := *a.Pages[0]
			a.Pages = append(a.Pages, &second)
			return s.Update(ctx, a)
		},
		"an object of the row in a second column": func(ctx context.Context, s *session.Session, a, _ *document) error {
			a.Extra = *a.File
			return s.Update(ctx, a)
		},
		"staged for another column": func(ctx context.Context, s *session.Session, _, b *document) error {
			f := file("x")
			return errors.Join(s.StageFile(ctx, b, "File", f), s.AppendFiles(ctx, b, "pages", f))
		},
		"of a session that was rolled back": func(ctx context.Context, s *session.Session, _, b *document) error {
			return s.Insert(ctx, &document{Title: "c", File: at("uploads/never")})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			a := &document{Title: "a", File: file("one"), Extra: *file("extra"), Pages: pages("p1")}
			b := &document{Title: "b", File: file("two")}
			w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, a, b) })
			err := w.try(func(ctx context.Context, s *session.Session) error {
				a, b := &document{UUID: a.UUID}, &document{UUID: b.UUID}
				must(t, s.Get(ctx, a))
				must(t, s.Get(ctx, b))
				return do(ctx, s, a, b)
			})
			wantError(t, err, dossier.ErrConflict)
			w.check(t, "one", "extra", "p1", "two")
		})
	}
}

// fromClient is the file as a client that saw its JSON sends it back.
func fromClient(f *fileobject.FileObject) *fileobject.FileObject {
	text, err := json.Marshal(f)
	if err != nil {
		panic(err)
	}
	back := &fileobject.FileObject{}
	if err := json.Unmarshal(text, back); err != nil {
		panic(err)
	}
	return back
}

// What left one place in a transaction may enter another one in it: it is the same object, and nothing deletes it.
func TestRule6Moves(t *testing.T) { onEveryDatabase(t, testRule6Moves) }

func testRule6Moves(t *testing.T) {
	t.Helper()
	t.Parallel()
	for name, test := range map[string]struct {
		do   func(ctx context.Context, s *session.Session, a, b *document) error
		want []string
	}{
		"from column to list of another row": {func(ctx context.Context, s *session.Session, a, b *document) error {
			moved := a.File
			a.File = nil
			return errors.Join(s.Update(ctx, a), s.AppendFiles(ctx, b, "pages", moved))
		}, []string{"one", "extra", "p1", "two"}},
		"from list to list": {func(ctx context.Context, s *session.Session, a, b *document) error {
			page := a.Pages[0]
			return errors.Join(s.RemoveFiles(ctx, a, "pages", page), s.AppendFiles(ctx, b, "pages", page))
		}, []string{"one", "extra", "p1", "two"}},
		"from a deleted row": {func(ctx context.Context, s *session.Session, a, b *document) error {
			moved := a.Pages
			b.Pages = moved
			return errors.Join(s.Delete(ctx, a), s.Update(ctx, b))
		}, []string{"p1", "two"}},
		"there and back": {func(ctx context.Context, s *session.Session, a, b *document) error {
			moved, other := a.File, b.File
			a.File = nil
			if err := s.Update(ctx, a); err != nil {
				return err
			}
			b.File = moved
			if err := s.Update(ctx, b); err != nil {
				return err
			}
			b.File = other
			a.File = moved
			return errors.Join(s.Update(ctx, b), s.Update(ctx, a))
		}, []string{"one", "extra", "p1", "two"}},
		"two rows exchange their files": {func(ctx context.Context, s *session.Session, a, b *document) error {
			first, second := a.File, b.File
			a.File = nil
			if err := s.Update(ctx, a); err != nil {
				return err
			}
			b.File = first
			if err := s.Update(ctx, b); err != nil {
				return err
			}
			a.File = second
			return s.Update(ctx, a)
		}, []string{"one", "extra", "p1", "two"}},
		"two columns of one row exchange": {func(ctx context.Context, s *session.Session, a, _ *document) error {
			extra := a.Extra
			a.Extra, a.File = *a.File, &extra
			return s.Update(ctx, a)
		}, []string{"one", "extra", "p1", "two"}},
		"undone by a savepoint": {func(ctx context.Context, s *session.Session, a, b *document) error {
			moved := a.File
			a.File = nil
			if err := s.Update(ctx, a); err != nil {
				return err
			}
			err := s.Nested(ctx, func(ctx context.Context) error {
				return errors.Join(s.AppendFiles(ctx, b, "pages", moved), errNo)
			})
			if !errors.Is(err, errNo) {
				return err
			}
			return nil
		}, []string{"extra", "p1", "two"}},
		"undone by a savepoint, then made": {func(ctx context.Context, s *session.Session, a, b *document) error {
			moved := a.File
			a.File = nil
			if err := s.Update(ctx, a); err != nil {
				return err
			}
			_ = s.Nested(ctx, func(ctx context.Context) error {
				return errors.Join(s.AppendFiles(ctx, b, "pages", moved), errNo)
			})
			return s.AppendFiles(ctx, b, "pages", moved)
		}, []string{"one", "extra", "p1", "two"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{options: session.Options{DeleteAfter: session.AtOnce}})
			a := &document{Title: "a", File: file("one"), Extra: *file("extra"), Pages: pages("p1")}
			b := &document{Title: "b", File: file("two")}
			w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, a, b) })
			w.run(t, func(ctx context.Context, s *session.Session) error {
				a, b := &document{UUID: a.UUID}, &document{UUID: b.UUID}
				must(t, errors.Join(s.Get(ctx, a), s.Get(ctx, b)))
				return test.do(ctx, s, a, b)
			})
			w.check(t, test.want...)
		})
	}
}

// A move is of one object to one place: a second row cannot have it as well.
func TestRule6MovedObjectEntersOneRowOnly(t *testing.T) {
	onEveryDatabase(t, testRule6MovedObjectEntersOneRowOnly)
}

func testRule6MovedObjectEntersOneRowOnly(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	a := w.insert(t, "a", "one")
	err := w.try(func(ctx context.Context, s *session.Session) error {
		moved := a.File
		must(t, s.Delete(ctx, a))
		must(t, s.Insert(ctx, &document{Title: "b", File: moved}))
		return s.Insert(ctx, &document{Title: "c", File: moved})
	})
	wantError(t, err, dossier.ErrConflict)
	w.check(t, "one")
	if titles := w.titles(t); titles != "a" {
		t.Errorf("rows %q", titles)
	}
}
