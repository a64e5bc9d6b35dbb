package lifecycle_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/dossier-go/dossier/faultkit"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
)

// The tests named W1 to W17 show that the known weaknesses of systems of this kind, by which they lose files, leave some
// behind or are silent about it, do not happen here.

// stored is the stored form of a document's file, with SQL and encoding/json alone.
func (w *world) stored(t testing.TB, title string) map[string]any {
	t.Helper()
	var text string
	must(t, w.raw.QueryRow(w.rebind("SELECT file FROM documents WHERE title = ?"), title).Scan(&text))
	var record map[string]any
	must(t, json.Unmarshal([]byte(text), &record))
	return record
}

// W1: content that is stored after the COMMIT is lost with a crash between the two. Here the object is whole before
// COMMIT is sent, and an intent that was committed before its first byte survives a crash.
func TestW1ContentIsStoredBeforeTheCommit(t *testing.T) {
	onEveryDatabase(t, testW1ContentIsStoredBeforeTheCommit)
}

func testW1ContentIsStoredBeforeTheCommit(t *testing.T) {
	t.Helper()
	t.Parallel()
	points := &faultkit.Points{}
	w, _ := faultyWorld(t, points, session.Options{})
	var atPut, atCommit []string
	points.Next("put.before", func(context.Context) error {
		if w.journal(t)["pending"] == 1 {
			atPut = w.keys(t)
			return nil
		}
		return errNo
	})
	points.Next("sql.commit.before", func(context.Context) error { atCommit = w.objects(t); return nil })
	w.insert(t, "a", "one")
	if len(atPut) != 0 || !slices.Equal(atCommit, []string{"one"}) {
		t.Errorf("objects %q at the put, %q at the commit", atPut, atCommit)
	}
	w.check(t, "one")
}

// W2: a save that goes on in the background is not there when its answer is, and its error reaches nobody. Here Run
// returns when everything is stored, or with the error.
func TestW2SavingIsOverWhenRunReturns(t *testing.T) {
	t.Parallel()
	points := &faultkit.Points{}
	w, _ := faultyWorld(t, points, session.Options{})
	release, returned := make(chan struct{}), make(chan struct{})
	points.Next("put.before", func(context.Context) error { <-release; return nil })
	d := &document{Title: "a", File: file("one")}
	go func() {
		defer close(returned)
		w.run(t, func(ctx context.Context, s *session.Session) error { s.Add(d); return nil })
	}()
	for points.Count("put.before") == 0 {
		must(t, t.Context().Err())
	}
	select {
	case <-returned:
		t.Error("Run returned before its upload")
	default:
	}
	close(release)
	<-returned
	if have := contentsOf(t, fileobject.List{d.File}); have != "[one]" {
		t.Errorf("content %s", have)
	}
	points.Next("put.before", faultkit.Fail(errNo))
	wantError(t, w.try(func(_ context.Context, s *session.Session) error {
		s.Add(&document{Title: "b", File: file("two")})
		return nil
	}), errNo)
	w.check(t, "one")
}

// W3: a file that is replaced by one of the same name is taken for the same, and the new bytes are dropped.
func TestW3ReplacingByTheSameNameStoresTheNewBytes(t *testing.T) {
	onEveryDatabase(t, testW3ReplacingByTheSameNameStoresTheNewBytes)
}

func testW3ReplacingByTheSameNameStoresTheNewBytes(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	d := w.insert(t, "a", "one")
	name, before := d.File.Filename, d.File.Reference()
	w.run(t, func(ctx context.Context, s *session.Session) error {
		must(t, s.Get(ctx, d, d.ID))
		d.File = file("two")
		return s.Update(ctx, d)
	})
	if d.File.Filename != name || d.File.Reference() == before {
		t.Errorf("name %q, the object before %v and now %v", d.File.Filename, before, d.File.Reference())
	}
	w.check(t, "two")
}

// W4: deleting a row and inserting another with the same name in one flush deletes the new file with the old one.
func TestW4DeleteAndInsertOfOneNameKeepsTheNewFile(t *testing.T) {
	onEveryDatabase(t, testW4DeleteAndInsertOfOneNameKeepsTheNewFile)
}

func testW4DeleteAndInsertOfOneNameKeepsTheNewFile(t *testing.T) {
	t.Helper()
	t.Parallel()
	for _, queued := range []bool{false, true} {
		w := newWorld(t, setup{options: session.Options{DeleteAfter: session.AtOnce}})
		d := w.insert(t, "a", "one")
		w.run(t, func(ctx context.Context, s *session.Session) error {
			must(t, s.Delete(ctx, d))
			again := &document{UUID: d.UUID, Title: "a", File: file("two")}
			if queued {
				s.Add(again)
				return nil
			}
			return s.Insert(ctx, again)
		})
		w.check(t, "two")
	}
}

// W5: where the caller's file name is the key, two rows share an object, deleting one takes the other's file, and a
// client chooses where it writes.
func TestW5KeysAreOursNotTheCallers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: session.Options{DeleteAfter: session.AtOnce}})
	a, b := w.insert(t, "a", "one"), w.insert(t, "b", "two")
	if a.File.Filename != b.File.Filename || a.File.Key == b.File.Key {
		t.Errorf("names %q and %q, keys %q and %q", a.File.Filename, b.File.Filename, a.File.Key, b.File.Key)
	}
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, a) })
	w.check(t, "two")
	for _, name := range []string{"../../etc/passwd", "/etc/passwd", `..\evil`, b.File.Key, ".dossier/x"} {
		c := &document{Title: name, File: fileobject.FromBytes(name, []byte("three"), fileobject.Options{})}
		w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, c) })
		if c.File.Key == name || strings.Contains(c.File.Key, "..") || strings.HasPrefix(c.File.Key, "/") || c.File.Key == b.File.Key {
			t.Errorf("%q is stored at %q", name, c.File.Key)
		}
		w.run(t, func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, c) })
	}
	w.check(t, "two")
}

// W6: what is learnt by the upload (size, type, checksum, times) never reaches the row.
func TestW6WhatTheUploadLearnsIsInTheRow(t *testing.T) {
	onEveryDatabase(t, testW6WhatTheUploadLearnsIsInTheRow)
}

func testW6WhatTheUploadLearnsIsInTheRow(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	options := fileobject.Options{Metadata: map[string]any{"by": "me"}}
	f := fileobject.FromReader("x", strings.NewReader("%PDF-1.7 of unknown length"), options)
	d := &document{Title: "a", File: f}
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, d) })
	info, err := w.store.Stat(t.Context(), d.File.Key)
	must(t, err)
	row := w.stored(t, "a")
	if row["size"] != float64(26) || row["content_type"] != "application/pdf" || row["checksum"] != "crc32c:f1b42e30" ||
		row["last_modified"] == nil || row["metadata"].(map[string]any)["by"] != "me" {
		t.Errorf("the row has %v", row)
	}
	loaded := w.load(t, d.UUID)
	if loaded.File.ETag != info.ETag || loaded.File.Size != info.Size || !loaded.File.LastModified.Equal(d.File.LastModified) {
		t.Errorf("loaded %+v, the store says %+v", loaded.File.Record, info)
	}
	must(t, loaded.File.Verify(t.Context()))
}

// W7: a savepoint that is released is taken for a commit, and one that is rolled back for the rollback of all.
func TestW7SavepointsAreNeitherCommitsNorRollbacks(t *testing.T) {
	onEveryDatabase(t, testW7SavepointsAreNeitherCommitsNorRollbacks)
}

func testW7SavepointsAreNeitherCommitsNorRollbacks(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{options: session.Options{DeleteAfter: session.AtOnce}})
	d := w.insert(t, "a", "one")
	replace := func(ctx context.Context, s *session.Session, content string) error {
		must(t, s.Get(ctx, d, d.ID))
		d.File = file(content)
		return s.Update(ctx, d)
	}
	wantError(t, w.try(func(ctx context.Context, s *session.Session) error {
		must(t, s.Nested(ctx, func(ctx context.Context) error { return replace(ctx, s, "released") }))
		if have := w.objects(t); !slices.Contains(have, "one") {
			t.Errorf("objects %q after the release", have)
		}
		return errNo
	}), errNo)
	w.check(t, "one")
	w.run(t, func(ctx context.Context, s *session.Session) error {
		must(t, s.Insert(ctx, &document{Title: "b", File: file("two")}))
		wantError(t, s.Nested(ctx, func(ctx context.Context) error { return errors.Join(replace(ctx, s, "undone"), errNo) }), errNo)
		return nil
	})
	w.check(t, "one", "two")
}

// W8: bulk statements, cascades and raw SQL go past whoever watches objects in memory. Here bulk statements of the session
// order what they remove, and the triggers see the rest.
func TestW8BulkStatementsAndRawSQLOrderTheDeletes(t *testing.T) {
	onEveryDatabase(t, testW8BulkStatementsAndRawSQLOrderTheDeletes)
}

func testW8BulkStatementsAndRawSQLOrderTheDeletes(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	must(t, w.m.InstallTriggers(t.Context()))
	for _, title := range []string{"a", "b", "c", "d", "e"} {
		w.insert(t, title, "file of "+title)
	}
	w.run(t, func(ctx context.Context, s *session.Session) error {
		_, err := s.DeleteWhere(ctx, (*document)(nil), "title = ?", "a")
		if err == nil {
			_, err = s.UpdateWhere(ctx, (*document)(nil), map[string]any{"file": nil}, "title = ?", "b")
		}
		return err
	})
	w.exec(t, "DELETE FROM documents WHERE title = 'c'")
	w.exec(t, "UPDATE documents SET file = NULL WHERE title = 'd'")
	w.check(t, "file of e")
}

// W9: lists that are changed in place are not seen to have changed, and what was removed once is removed again later.
func TestW9ListsChangedInPlaceAreTracked(t *testing.T) {
	onEveryDatabase(t, testW9ListsChangedInPlaceAreTracked)
}

func testW9ListsChangedInPlaceAreTracked(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{options: session.Options{DeleteAfter: session.AtOnce}})
	d := &document{Title: "a", Pages: pages("p1", "p2", "p3")}
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, d) })
	edit := func(change func(list fileobject.List) fileobject.List) {
		t.Helper()
		w.run(t, func(ctx context.Context, s *session.Session) error {
			must(t, s.Get(ctx, d, d.ID))
			d.Pages = change(d.Pages)
			if !s.IsModified(d) {
				t.Error("the change was not seen")
			}
			return s.Update(ctx, d)
		})
	}
	edit(func(list fileobject.List) fileobject.List { list[1] = file("new"); return list })
	w.check(t, "p1", "new", "p3")
	edit(func(list fileobject.List) fileobject.List { return append(list, file("p4")) })
	w.check(t, "p1", "new", "p3", "p4")
	edit(func(list fileobject.List) fileobject.List { slices.Reverse(list); return list })
	if have := contentsOf(t, w.load(t, d.UUID).Pages); have != "[p4 p3 new p1]" {
		t.Errorf("pages %s", have)
	}
	w.run(t, func(ctx context.Context, s *session.Session) error { // removed, put back: nothing goes
		must(t, s.Get(ctx, d, d.ID))
		all := slices.Clone(d.Pages)
		d.Pages = d.Pages[:1]
		must(t, s.Update(ctx, d))
		d.Pages = all
		return s.Update(ctx, d)
	})
	w.check(t, "p1", "new", "p3", "p4")
	edit(func(fileobject.List) fileobject.List { return nil })
	w.check(t)
}

// W10: the old file is deleted although the new one could not be stored.
func TestW10TheOldFileStaysWhenTheNewOneFails(t *testing.T) {
	onEveryDatabase(t, testW10TheOldFileStaysWhenTheNewOneFails)
}

func testW10TheOldFileStaysWhenTheNewOneFails(t *testing.T) {
	t.Helper()
	t.Parallel()
	points := &faultkit.Points{}
	w, _ := faultyWorld(t, points, session.Options{DeleteAfter: session.AtOnce})
	d := w.insert(t, "a", "one")
	for _, point := range []string{"put.before", "put.after"} {
		points.Next(point, faultkit.Fail(errNo))
		wantError(t, w.try(func(ctx context.Context, s *session.Session) error {
			loaded := &document{}
			must(t, s.Get(ctx, loaded, d.ID))
			loaded.File, loaded.Pages = file("two"), pages("p1")
			return s.Update(ctx, loaded)
		}), errNo)
		if have := contentsOf(t, fileobject.List{w.load(t, model.UUID{ID: d.ID}).File}); have != "[one]" {
			t.Errorf("%s: content %s", point, have)
		}
		w.check(t, "one")
	}
}
