package lifecycle_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
)

// staleCase is one way to save a struct. The row begins with the content "old" in the one column of the case; "other" is
// what somebody else puts there meanwhile.
type staleCase struct {
	loaded    string // "Get", "IDB" or "never"
	edit      string // "file", "list", "clear file" or "clear list"
	named     bool
	meanwhile bool
}

func (c staleCase) column() string {
	if c.edit == "list" || c.edit == "clear list" {
		return "pages"
	}
	return "file"
}

// want is what the case must end with: nil and the contents, or ErrStale.
func (c staleCase) want() (contents []string, err error) {
	after := map[string][]string{"file": {"new"}, "list": {"new"}, "clear file": nil, "clear list": nil}[c.edit]
	if c.edit == "list" && c.loaded != "never" {
		after = []string{"old", "new"}
	}
	refused := []string{"old"}
	if c.meanwhile {
		refused = map[string][]string{"file": {"other"}, "pages": {"old", "other"}}[c.column()]
	}
	switch {
	case c.named:
		return after, nil
	case c.loaded == "Get" && c.meanwhile:
		return refused, dossier.ErrStale // it was loaded before
	case c.loaded == "IDB" && c.edit == "list" && c.meanwhile:
		return refused, dossier.ErrStale // the handles remember
	case c.loaded != "Get" && (c.edit == "clear file" || c.edit == "clear list"):
		return refused, dossier.ErrStale // nothing shows that the caller knew what goes
	case c.loaded == "never" && c.edit == "list":
		return refused, dossier.ErrStale
	}
	return after, nil // with one new file, where nobody remembers what was loaded, the last writer wins
}

// Who saves a struct means what was seen when it was loaded, not what somebody else put there since: every combination of
// how it was loaded, what was changed and whether the column was named.
func TestRule5StaleStructs(t *testing.T) { onEveryDatabase(t, testRule5StaleStructs) }

func testRule5StaleStructs(t *testing.T) {
	t.Helper()
	t.Parallel()
	for _, loaded := range []string{"Get", "IDB", "never"} {
		for _, edit := range []string{"file", "list", "clear file", "clear list"} {
			for _, named := range []bool{false, true} {
				for _, meanwhile := range []bool{false, true} {
					c := staleCase{loaded, edit, named, meanwhile}
					t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
						t.Parallel()
						testStale(t, c)
					})
				}
			}
		}
	}
}

func testStale(t *testing.T, c staleCase) {
	t.Helper()
	w := newWorld(t, setup{})
	first := &document{Title: "a"}
	if c.column() == "file" {
		first.File = file("old")
	} else {
		first.Pages = pages("old")
	}
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, first) })
	d := &document{UUID: first.UUID, Title: "a"}
	if c.loaded == "IDB" {
		d = w.loadByIDB(t)[0]
	}
	err := w.try(func(ctx context.Context, s *session.Session) error {
		if c.loaded == "Get" {
			must(t, s.Get(ctx, d, first.ID))
		}
		if c.meanwhile {
			w.changeMeanwhile(t, first, c.column())
		}
		switch c.edit {
		case "file":
			d.File = file("new")
		case "list":
			d.Pages = append(d.Pages, file("new"))
		case "clear file":
			d.File = nil
		case "clear list":
			d.Pages = nil
		}
		if c.named {
			return s.Update(ctx, d, c.column())
		}
		return s.Update(ctx, d)
	})
	contents, kind := c.want()
	wantError(t, err, kind)
	w.check(t, contents...)
}

// loadByIDB loads all rows with plain bun through a session.
func (w *world) loadByIDB(t testing.TB) []*document {
	t.Helper()
	var all []*document
	w.run(t, func(ctx context.Context, s *session.Session) error {
		return s.IDB().NewSelect().Model(&all).OrderExpr("title").Scan(ctx)
	})
	return all
}

// changeMeanwhile is somebody else who replaces the file, or adds a page.
func (w *world) changeMeanwhile(t testing.TB, first *document, column string) {
	t.Helper()
	w.run(t, func(ctx context.Context, s *session.Session) error {
		if column == "pages" {
			return s.AppendFiles(ctx, &document{UUID: first.UUID}, "pages", file("other"))
		}
		return s.Update(ctx, &document{UUID: first.UUID, File: file("other")}, "file")
	})
}

// Rows read with plain bun into a slice of structs are ordinary models: an append to a list of each keeps what was there.
func TestRule5ListsLoadedByIDBCanBeAppendedTo(t *testing.T) {
	onEveryDatabase(t, testRule5ListsLoadedByIDBCanBeAppendedTo)
}

func testRule5ListsLoadedByIDBCanBeAppendedTo(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	for _, title := range []string{"a", "b"} {
		d := &document{Title: title, File: file("file " + title), Extra: *file("extra " + title), Pages: pages("1"+title, "2"+title)}
		w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, d) })
	}
	var all []document
	w.run(t, func(ctx context.Context, s *session.Session) error {
		return s.IDB().NewSelect().Model(&all).OrderExpr("title").Scan(ctx)
	})
	w.run(t, func(ctx context.Context, s *session.Session) error {
		for i := range all {
			all[i].Pages = append(all[i].Pages, file("3"+all[i].Title))
			if err := s.Update(ctx, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if have := contentsOf(t, w.load(t, all[1].UUID).Pages); have != "[1b 2b 3b]" {
		t.Errorf("the list is %s", have)
	}
	w.check(t, "file a", "file b", "extra a", "extra b", "1a", "2a", "3a", "1b", "2b", "3b")
}

// An append to an empty or NULL list that was read with plain bun loses nothing, so it needs no proof of loading.
func TestRule5EmptyListLoadedByIDBCanBeAppendedTo(t *testing.T) {
	onEveryDatabase(t, testRule5EmptyListLoadedByIDBCanBeAppendedTo)
}

func testRule5EmptyListLoadedByIDBCanBeAppendedTo(t *testing.T) {
	t.Helper()
	t.Parallel()
	for name, list := range map[string]fileobject.List{"NULL": nil, "empty": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			d := &document{Title: "a", Pages: list}
			w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, d) })
			loaded := w.loadByIDB(t)[0]
			loaded.Pages = append(loaded.Pages, file("new"))
			w.run(t, func(ctx context.Context, s *session.Session) error { return s.Update(ctx, loaded) })
			w.check(t, "new")
		})
	}
}

// After the commit a struct counts as loaded: it can be saved again and again, also by later units of work, and not after
// somebody else has changed the row.
func TestRule5CommittedStructIsKnown(t *testing.T) {
	onEveryDatabase(t, testRule5CommittedStructIsKnown)
}

func testRule5CommittedStructIsKnown(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	d := &document{Title: "a", File: file("one"), Pages: pages("p1")}
	save := func(ctx context.Context, s *session.Session) error { return s.Update(ctx, d) }
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, d) })
	d.Pages = append(d.Pages, file("p2"))
	w.run(t, save)
	d.Title, d.Pages = "b", d.Pages[1:]
	w.run(t, save)
	w.changeMeanwhile(t, d, "pages")
	wantError(t, w.try(save), dossier.ErrStale)
	w.check(t, "one", "p2", "other")
}

// A list that was loaded, undone by a savepoint and saved again must be compared with what the row holds then.
func TestRule5MemoryIsUndoneWithTheSavepoint(t *testing.T) {
	onEveryDatabase(t, testRule5MemoryIsUndoneWithTheSavepoint)
}

func testRule5MemoryIsUndoneWithTheSavepoint(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	first := &document{Title: "a", Pages: pages("p1")}
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, first) })
	w.run(t, func(ctx context.Context, s *session.Session) error {
		d := &document{}
		must(t, s.Get(ctx, d, first.ID))
		err := s.Nested(ctx, func(ctx context.Context) error {
			inner := &document{}
			must(t, s.Get(ctx, inner, first.ID))
			inner.Pages = pages("p2")
			must(t, s.Update(ctx, inner, "pages"))
			return errNo
		})
		wantError(t, err, errNo)
		d.Pages = nil
		return s.Update(ctx, d)
	})
	w.check(t)
}
