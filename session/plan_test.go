package session_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
)

// Scans is embedded with a prefix, by value and by pointer.
type Scans struct {
	File  *fileobject.FileObject `bun:"file" file:"uploads"`
	Pages fileobject.List        `bun:"pages" file:"uploads"`
}

// Extra is embedded by pointer.
type Extra struct {
	ExtraFile fileobject.FileObject `bun:"extra_file" file:"uploads"`
	Note      string                `bun:"note"`
}

// ticket has a key of two columns and every way to embed.
type ticket struct {
	bun.BaseModel `bun:"table:tickets"`
	Project       string `bun:"project,pk"`
	Number        int    `bun:"number,pk"`
	Front         Scans  `bun:"embed:front_"`
	Back          Scans  `bun:"embed:back_"`
	*Extra
}

// Files are found wherever they are embedded, in rows of composite keys, and each column follows its own changes.
func TestPlanCompositeKeysAndEmbedding(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{DeleteAfter: session.AtOnce}, (*ticket)(nil))
	w.columns = []string{"tickets.front_file", "tickets.front_pages", "tickets.back_file", "tickets.back_pages",
		"tickets.extra_file"}
	full := &ticket{Project: "a", Number: 1, Extra: &Extra{ExtraFile: *text("extra"), Note: "x"}}
	full.Front = Scans{File: text("front"), Pages: fileobject.List{text("p1"), text("p2")}}
	full.Back.File = text("back")
	w.insert(full, &ticket{Project: "a", Number: 2}, &ticket{Project: "b", Number: 1, Front: Scans{File: text("other")}})
	w.wantObjects("front", "p1", "p2", "back", "extra", "other")
	var loaded ticket
	w.run(func(ctx context.Context, s *session.Session) error {
		if err := s.Get(ctx, &loaded, "a", 1); err != nil {
			return err
		}
		if loaded.Extra == nil || loaded.Note != "x" || content(t, &loaded.ExtraFile) != "extra" {
			t.Errorf("loaded %+v", loaded)
		}
		loaded.Front.File, loaded.Back.File = loaded.Back.File, loaded.Front.File
		loaded.Front.Pages = loaded.Front.Pages[1:]
		loaded.ExtraFile = fileobject.FileObject{}
		return s.Update(ctx, &loaded)
	})
	w.wantObjects("front", "p2", "back", "other")
	if files := w.texts("SELECT json_extract(front_file, '$.to_filename') FROM tickets WHERE number = 1 AND project = 'a'"); !strings.Contains(files[0], "back_file") {
		t.Errorf("front holds %q after the swap", files)
	}
	w.run(func(ctx context.Context, s *session.Session) error {
		wantError(t, s.Get(ctx, &ticket{}, "a"), dossier.ErrInvalid)
		wantError(t, s.Get(ctx, &ticket{}, "c", 1), dossier.ErrNotFound)
		wantError(t, s.Get(ctx, &ticket{}, "a", "x"), dossier.ErrInvalid)
		return s.Delete(ctx, &ticket{Project: "a", Number: 1}, &ticket{Project: "a", Number: 2})
	})
	w.settle("other")
}

// The row of a model whose embedded pointer is nil has NULL there, and an update through nil leaves nothing behind.
func TestPlanNilEmbeddedPointer(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{}, (*ticket)(nil))
	w.columns = []string{"tickets.front_file", "tickets.extra_file"}
	row := &ticket{Project: "a", Number: 1, Extra: &Extra{ExtraFile: *text("extra")}}
	w.insert(row)
	w.run(func(ctx context.Context, s *session.Session) error {
		if err := s.Get(ctx, row); err != nil {
			return err
		}
		row.Extra = nil
		return s.Update(ctx, row)
	})
	if left := w.texts("SELECT extra_file FROM tickets WHERE extra_file IS NOT NULL"); len(left) > 0 {
		t.Errorf("the row holds %q", left)
	}
	w.settle()
}

// badModels are refused when they are registered, with the field's name, and not when the first user uploads.
func TestPlanRefusesBadTags(t *testing.T) {
	t.Parallel()
	type noTag struct {
		bun.BaseModel `bun:"table:x"`
		ID            int64                  `bun:"id,pk"`
		Picture       *fileobject.FileObject `bun:"picture"`
	}
	type badOption struct {
		bun.BaseModel `bun:"table:x"`
		ID            int64                  `bun:"id,pk"`
		Picture       *fileobject.FileObject `bun:"picture" file:"uploads,maximum:3"`
	}
	type badSize struct {
		bun.BaseModel `bun:"table:x"`
		ID            int64                  `bun:"id,pk"`
		Picture       *fileobject.FileObject `bun:"picture" file:"uploads,max:large"`
	}
	type noBackend struct {
		bun.BaseModel `bun:"table:x"`
		ID            int64                  `bun:"id,pk"`
		Picture       *fileobject.FileObject `bun:"picture" file:"elsewhere"`
	}
	type manyOfOne struct {
		bun.BaseModel `bun:"table:x"`
		ID            int64                  `bun:"id,pk"`
		Picture       *fileobject.FileObject `bun:"picture" file:"uploads,many:3"`
	}
	type pointerToList struct {
		bun.BaseModel `bun:"table:x"`
		ID            int64            `bun:"id,pk"`
		Picture       *fileobject.List `bun:"picture" file:"uploads"`
	}
	type noColumn struct {
		bun.BaseModel `bun:"table:x"`
		ID            int64                  `bun:"id,pk"`
		Picture       *fileobject.FileObject `bun:"picture" file:"uploads,key:{field:tenant}/{uuid}"`
	}
	type embedded struct {
		bun.BaseModel `bun:"table:x"`
		ID            int64 `bun:"id,pk"`
		Inner         struct {
			Picture *fileobject.FileObject `bun:"picture"`
		} `bun:"embed:inner_"`
	}
	type noKey struct {
		bun.BaseModel `bun:"table:x"`
		Picture       *fileobject.FileObject `bun:"picture" file:"uploads"`
	}
	w := newMemoryWorld(t, session.Options{})
	for _, bad := range []any{
		(*noTag)(nil), (*badOption)(nil), (*badSize)(nil), (*manyOfOne)(nil), (*pointerToList)(nil), (*noColumn)(nil), (*embedded)(nil),
	} {
		err := w.Register(bad)
		if !errors.Is(err, dossier.ErrInvalid) || !strings.Contains(err.Error(), "Picture") {
			t.Errorf("%T: %v", bad, err)
		}
		err = w.try(func(ctx context.Context, s *session.Session) error { return s.Get(ctx, bad, 1) })
		if !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("%T, not registered: %v", bad, err)
		}
	}
	if err := w.Register((*noBackend)(nil)); !errors.Is(err, dossier.ErrNoBackend) || !strings.Contains(err.Error(), "Picture") ||
		!strings.Contains(err.Error(), "elsewhere") {
		t.Errorf("unknown backend: %v", err)
	}
	if err := w.Register((*noKey)(nil)); !errors.Is(err, dossier.ErrInvalid) || !strings.Contains(err.Error(), "primary key") {
		t.Errorf("no primary key: %v", err)
	}
	for _, bad := range []any{nil, 1, "x", []paper{}, new(int), paper{}} {
		if err := w.try(func(ctx context.Context, s *session.Session) error { return s.Update(ctx, bad) }); !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("update of %T: %v", bad, err)
		}
	}
	err := w.Register((*noTag)(nil), (*paper)(nil), (*noBackend)(nil))
	if !errors.Is(err, dossier.ErrInvalid) || !errors.Is(err, dossier.ErrNoBackend) {
		t.Errorf("one call, two errors: %v", err)
	}
}

// Audit times: created once, updated with every write, and what the program set itself is kept on insert.
func TestPlanAuditTimes(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{})
	long := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	fresh, old := &paper{Title: "fresh"}, &paper{Title: "old", Audit: model.Audit{CreatedAt: long, UpdatedAt: long}}
	before := model.Now()
	w.insert(fresh, old)
	if fresh.CreatedAt.Before(before) || !fresh.CreatedAt.Equal(fresh.UpdatedAt) {
		t.Errorf("fresh: %+v", fresh.Audit)
	}
	if !old.CreatedAt.Equal(long) || !old.UpdatedAt.Equal(long) {
		t.Errorf("old: %+v", old.Audit)
	}
	w.run(func(ctx context.Context, s *session.Session) error {
		old.CreatedAt = before
		if err := s.Update(ctx, old, "title"); err != nil {
			return err
		}
		if err := s.Refresh(ctx, old); err != nil {
			return err
		}
		if !old.CreatedAt.Equal(long) || old.UpdatedAt.Before(before) {
			t.Errorf("after an update: %+v", old.Audit)
		}
		old.UpdatedAt = long
		if err := s.Update(ctx, old, "updated_at"); err != nil { // named: exactly this
			return err
		}
		if err := s.Refresh(ctx, old); err != nil {
			return err
		}
		if !old.UpdatedAt.Equal(long) {
			t.Errorf("named: %+v", old.Audit)
		}
		if _, err := s.UpdateWhere(ctx, (*paper)(nil), map[string]any{"body": "x"}, "title = 'old'"); err != nil {
			return err
		}
		if err := s.Refresh(ctx, old); err != nil {
			return err
		}
		if old.UpdatedAt.Before(before) || old.Body != "x" {
			t.Errorf("after a bulk update: %+v", old)
		}
		return nil
	})
}

// A key that is set is kept; a zero one is made before the insert, so that it can stand in keys of files.
func TestPlanUUIDKeys(t *testing.T) {
	t.Parallel()
	type picture struct {
		bun.BaseModel `bun:"table:pictures"`
		model.UUID
		Tenant string                 `bun:"tenant"`
		Owner  model.UUID             `bun:"embed:owner_"`
		File   *fileobject.FileObject `bun:"file" file:"uploads,key:{table}/{field:tenant}/{id}/{uuid}{ext}"`
	}
	type one struct {
		bun.BaseModel `bun:"table:ones"`
		model.UUID
		Tenant string                 `bun:"tenant"`
		File   *fileobject.FileObject `bun:"file" file:"uploads,key:{table}/{field:tenant}/{id}/{uuid}{ext}"`
	}
	w := newMemoryWorld(t, session.Options{}, (*one)(nil), (*picture)(nil))
	mine := model.NewUUID()
	first, second := &one{Tenant: "acme", File: text("one")}, &one{UUID: model.UUID{ID: mine}, Tenant: "acme", File: text("two")}
	w.insert(first, second)
	if first.ID == uuid.Nil || second.ID != mine {
		t.Errorf("keys %v and %v", first.ID, second.ID)
	}
	if !strings.HasPrefix(first.File.Key, "ones/acme/"+first.ID.String()+"/") {
		t.Errorf("key %s", first.File.Key)
	}
	for name, bad := range map[string]string{"nothing": "", "outside": "../x", "slash": "/", "control": "a\nb"} {
		err := w.try(func(ctx context.Context, s *session.Session) error {
			return s.Insert(ctx, &one{Tenant: bad, File: text("x")})
		})
		if !errors.Is(err, dossier.ErrInvalidKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	owner := model.NewUUID()
	third := &picture{Tenant: "acme", Owner: model.UUID{ID: owner}, File: text("three")}
	w.insert(third)
	if third.ID == uuid.Nil || third.Owner.ID != owner {
		t.Errorf("keys %v and %v", third.ID, third.Owner.ID)
	}
	w.settle("one", "two", "three")
}

// Keys that the database makes come back in the right rows, and a template that needs one before the insert is refused.
func TestPlanKeysOfTheDatabase(t *testing.T) {
	t.Parallel()
	type early struct {
		bun.BaseModel `bun:"table:earlies"`
		ID            int64                  `bun:"id,pk,autoincrement"`
		File          *fileobject.FileObject `bun:"file" file:"uploads,key:{id}/{uuid}"`
	}
	w := newMemoryWorld(t, session.Options{}, (*child)(nil), (*early)(nil))
	var children []*child
	for i := range 700 { // more than one statement
		children = append(children, &child{File: text(fmt.Sprint(i))})
	}
	w.insert(&children)
	for i, c := range children {
		key := w.texts("SELECT json_extract(file, '$.to_filename') FROM children WHERE id = ?", c.ID)
		if len(key) != 1 || key[0] != c.File.Key {
			t.Fatalf("child %d has the id %d, whose row holds %q", i, c.ID, key)
		}
	}
	err := w.try(func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, &early{File: text("x")}) })
	wantError(t, err, dossier.ErrInvalidKey)
	known := &early{ID: 7, File: text("x")}
	w.insert(known)
	if !strings.HasPrefix(known.File.Key, "7/") {
		t.Errorf("key %s", known.File.Key)
	}
	w.check()
}

// SQLite takes the columns of an INSERT from its first row: rows in which others are zero must not lose their values.
func TestPlanBulkInsertOfMixedShapesKeepsEveryValue(t *testing.T) {
	t.Parallel()
	type mixed struct {
		bun.BaseModel `bun:"table:mixed"`
		ID            int64                  `bun:"id,pk,autoincrement"`
		Name          string                 `bun:"name,notnull,default:'anon'"`
		Count         int                    `bun:"count,nullzero,default:5"`
		File          *fileobject.FileObject `bun:"file" file:"uploads"`
	}
	w := newMemoryWorld(t, session.Options{}, (*mixed)(nil))
	rows := []*mixed{
		{}, {Name: "bob"}, {Count: 7}, {ID: 50, Name: "key"}, {File: text("one")}, {Name: "all", Count: 9, File: text("two")}, {},
	}
	w.insert(&rows)
	have := fmt.Sprint(w.texts("SELECT id || ' ' || name || ' ' || count || ' ' || (file IS NOT NULL) FROM mixed ORDER BY id"))
	want := "[1 anon 5 0 2 bob 5 0 3 anon 7 0 50 key 5 0 51 anon 5 1 52 all 9 1 53 anon 5 0]"
	if have != want {
		t.Errorf("rows  %s\nwant  %s", have, want)
	}
	if rows[1].Name != "bob" || rows[6].ID != 53 || rows[0].Name != "anon" || rows[0].Count != 5 {
		t.Errorf("the structs hold %+v %+v %+v", rows[0], rows[1], rows[6])
	}
	w.settle("one", "two")
}

// A NULL that is read into a struct that had a file before makes it nil: not an empty file, and not the old one.
func TestPlanNULLIntoAUsedPointerIsNil(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{})
	w.insert(&paper{Title: "a"})
	used := &paper{File: text("old"), Pages: fileobject.List{text("old")}, Cover: *text("old")}
	w.run(func(ctx context.Context, s *session.Session) error {
		return s.IDB().NewSelect().Model(used).Where("title = 'a'").Scan(ctx)
	})
	if used.File != nil || used.Pages != nil || !used.Cover.IsZero() {
		t.Errorf("read %v, %v, %v", used.File, used.Pages, &used.Cover)
	}
	used.File = text("old")
	must(t, w.DB().NewSelect().Model(used).Where("title = 'a'").Scan(w.ctx))
	if used.File != nil {
		t.Errorf("plain bun read %v", used.File)
	}
}

// Two rows that are read into one struct one after the other do not share a handle.
func TestPlanEachScanMakesAHandleOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{})
	w.insert(&paper{Title: "a", File: text("one")}, &paper{Title: "b", File: text("two")})
	used := &paper{}
	must(t, w.DB().NewSelect().Model(used).Where("title = 'a'").Scan(w.ctx))
	first := used.File
	must(t, w.DB().NewSelect().Model(used).Where("title = 'b'").Scan(w.ctx))
	if content(t, first) != "one" || content(t, used.File) != "two" {
		t.Error("the first handle changed")
	}
}

// A file that was read is bound to the manager's registry, whatever the context and the default say.
func TestPlanScannedFilesFindTheirStore(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{})
	w.insert(&paper{Title: "a", File: text("one"), Pages: fileobject.List{text("two")}, Cover: *text("three")})
	var all []paper
	must(t, w.DB().NewSelect().Model(&all).Scan(w.ctx))
	for want, file := range map[string]*fileobject.FileObject{"one": all[0].File, "two": all[0].Pages[0], "three": &all[0].Cover} {
		if have := content(t, file); have != want {
			t.Errorf("read %q, want %q", have, want)
		}
	}
}

// Two managers can share one bun.DB and registry; with another registry, the files that plain bun reads would be looked
// for in the wrong stores, so that is refused.
func TestPlanTwoManagersOverOneDB(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{})
	second, err := session.New(w.DB(), session.Options{Registry: w.Registry()})
	must(t, err)
	must(t, second.Register((*paper)(nil)))
	p := &paper{Title: "a", File: text("one")}
	must(t, second.Run(w.ctx, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, p) }))
	w.run(func(ctx context.Context, s *session.Session) error {
		p.File = text("two")
		return s.Update(ctx, p)
	})

	other := &dossier.Registry{}
	must(t, other.Register("uploads", memory.New(memory.Config{})))
	third, err := session.New(w.DB(), session.Options{Registry: other})
	must(t, err)
	wantError(t, third.Register((*paper)(nil)), dossier.ErrConflict)
	own, err := session.New(bun.NewDB(w.DB().DB, sqlitedialect.New()), session.Options{Registry: other})
	must(t, err)
	must(t, own.Register((*paper)(nil)))
	w.settle("two")
}
