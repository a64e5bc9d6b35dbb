package lifecycle_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/faultkit"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
)

// film has a large file of which the type matters.
type film struct {
	bun.BaseModel `bun:"table:films"`
	model.UUID
	Film *fileobject.FileObject `bun:"film" file:"uploads,max:64MiB"`
	Icon *fileobject.FileObject `bun:"icon" file:"uploads,max:1KiB,accept:image/*"`
}

// generated is n bytes that are made as they are read.
type generated struct{ left, read int64 }

func (g *generated) Read(p []byte) (int, error) {
	if g.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), g.left)
	clear(p[:n])
	g.left -= n
	g.read += n
	return int(n), nil
}

// W11: bodies are in memory as a whole; no ranges, no limits, no checksum, no look at the type.
func TestW11BodiesStreamWithinLimits(t *testing.T) { //nolint:paralleltest // it counts what is allocated
	w := newWorld(t, setup{models: []any{(*film)(nil)}})
	const size = 48 << 20
	f := &film{Film: fileobject.FromReader("film", &generated{left: size}, fileobject.Options{})}
	before := allocated()
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, f) })
	n, err := f.Film.CopyTo(t.Context(), io.Discard)
	if err != nil || n != size {
		t.Errorf("read %d bytes: %v", n, err)
	}
	if grown := allocated() - before; grown > size/2 {
		t.Errorf("%d bytes were allocated for %d", grown, size)
	}
	want := fmt.Sprintf("crc32c:%08x", crc32.Checksum(make([]byte, size), crc32.MakeTable(crc32.Castagnoli)))
	if f.Film.Checksum != want {
		t.Errorf("checksum %q, want %q", f.Film.Checksum, want)
	}
	part, err := f.Film.OpenRange(t.Context(), size-10, 10)
	must(t, err)
	last, err := io.ReadAll(part)
	must(t, errors.Join(err, part.Close()))
	if !bytes.Equal(last, make([]byte, 10)) {
		t.Errorf("the last bytes are %x", last)
	}
	endless := &generated{left: 1 << 40}
	for name, refused := range map[string]struct {
		film *film
		kind error
	}{
		"too large": {&film{Film: fileobject.FromReader("film", endless, fileobject.Options{})}, dossier.ErrTooLarge},
		"not an image, whatever its name says": {
			&film{Icon: fileobject.FromBytes("icon.png", []byte("<html>"), fileobject.Options{})}, dossier.ErrType,
		},
	} {
		err := w.try(func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, refused.film) })
		if !errors.Is(err, refused.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if endless.read > 80<<20 {
		t.Errorf("%d bytes were read of what is too large", endless.read)
	}
	if keys := w.keys(t); len(keys) != 1 {
		t.Errorf("objects %q", keys)
	}
}

func allocated() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.TotalAlloc
}

// W12: a column takes files of any backend, the original name is lost, a key of a later version breaks reading, and
// metadata goes to the store unasked.
func TestW12TheColumnSaysWhereAndTheRecordKeepsWhatItHas(t *testing.T) {
	onEveryDatabase(t, testW12TheColumnSaysWhereAndTheRecordKeepsWhatItHas)
}

func testW12TheColumnSaysWhereAndTheRecordKeepsWhatItHas(t *testing.T) {
	t.Helper()
	t.Parallel()
	registry := &dossier.Registry{}
	must(t, registry.Register("elsewhere", memory.New(memory.Config{})))
	w := newWorld(t, setup{options: session.Options{Registry: registry}})
	for _, wrong := range []*fileobject.FileObject{
		fileobject.FromBytes("a", []byte("x"), fileobject.Options{Backend: "elsewhere"}),
		{Record: dossier.Record{Backend: "elsewhere", Key: "a", Filename: "a"}},
	} {
		err := w.try(func(ctx context.Context, s *session.Session) error {
			return s.Insert(ctx, &document{Title: "b", File: wrong})
		})
		if !errors.Is(err, dossier.ErrInvalid) && !errors.Is(err, dossier.ErrConflict) {
			t.Errorf("a file of another backend: %v", err)
		}
	}
	f := fileobject.FromBytes("Größe & 大.txt", []byte("one"), fileobject.Options{Metadata: map[string]any{"secret": "ours"}})
	d := &document{Title: "a", File: f}
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, d) })
	info, err := w.store.Stat(t.Context(), d.File.Key)
	must(t, err)
	if len(info.Metadata) > 0 {
		t.Errorf("the store has %v", info.Metadata)
	}
	row := w.stored(t, "a")
	row["of_a_later_version"] = map[string]any{"n": 1}
	text, err := json.Marshal(row)
	must(t, err)
	w.exec(t, "UPDATE documents SET file = ?", string(text))
	w.run(t, func(ctx context.Context, s *session.Session) error {
		must(t, s.Get(ctx, d, d.ID))
		d.File.Metadata["more"] = true
		return s.Update(ctx, d)
	})
	now := w.stored(t, "a")
	if now["filename"] != "Größe & 大.txt" || now["of_a_later_version"] == nil || len(now["metadata"].(map[string]any)) != 2 {
		t.Errorf("the row has %v", now)
	}
	w.check(t, "one")
}

// W13: nobody finds what was left behind, nothing is tried again, copies share their object, uploads are neither bounded
// nor followed nor cancelled.
func TestW13WhatIsLeftBehindIsFound(t *testing.T) {
	t.Parallel()
	points := &faultkit.Points{}
	w, _ := faultyWorld(t, points, session.Options{DeleteAfter: session.AtOnce})
	progress := int64(0)
	f := fileobject.FromBytes("a", []byte("one"), fileobject.Options{Progress: func(n int64) { progress = n }})
	a := &document{Title: "a", File: f}
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, a) })
	b := &document{Title: "b", File: a.File.Clone(fileobject.Options{})}
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, b) })
	if progress != 3 || a.File.Key == b.File.Key {
		t.Errorf("progress %d, keys %q and %q", progress, a.File.Key, b.File.Key)
	}
	// An object of a dead process, and one whose delete fails at first.
	w.put(t, "dead", "left behind")
	w.announced(t, "uploads", w.store.Describe().Store, "dead")
	points.Next("delete.before", faultkit.Fail(dossier.ErrUnavailable))
	points.Next("deletebatch.before", faultkit.Fail(dossier.ErrUnavailable))
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, a) })
	w.check(t, "one")
	// An upload that its caller gives up.
	ctx, cancel := context.WithCancel(t.Context())
	points.Next("put.before", func(context.Context) error { cancel(); return nil })
	err := w.m.Run(ctx, func(ctx context.Context, s *session.Session) error {
		return s.Insert(ctx, &document{Title: "c", File: file("cancelled")})
	})
	wantError(t, err, context.Canceled)
	w.check(t, "one")
}

// W14: with another session maker, or a second database, nobody listens and the bytes are silently not stored. Here
// there is no way to write a pending file without its bytes.
func TestW14EverySessionStoresBytesAndPlainBunRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	other, err := session.New(w.m.DB(), session.Options{Registry: w.m.Registry()})
	must(t, err)
	for name, m := range map[string]*session.Manager{"one": w.m, "another": other} {
		s, err := m.Begin(t.Context())
		must(t, err)
		must(t, s.Nested(t.Context(), func(ctx context.Context) error {
			return s.Insert(ctx, &document{Title: name, File: file(name)})
		}))
		must(t, errors.Join(s.Commit(t.Context()), s.Close()))
	}
	for name, insert := range map[string]func(d *document) error{
		"bun": func(d *document) error { _, err := w.m.DB().NewInsert().Model(d).Exec(t.Context()); return err },
		"transaction of bun": func(d *document) error {
			return w.m.DB().RunInTx(t.Context(), nil, func(ctx context.Context, tx bun.Tx) error {
				_, err := tx.NewInsert().Model(d).Exec(ctx)
				return err
			})
		},
	} {
		if err := insert(&document{Title: name, File: file(name)}); err == nil {
			t.Errorf("%s wrote a row without its bytes", name)
		}
	}
	w.check(t, "one", "another")
}

// W15: an upload from a path stores the wrong thing, the store is not told the type, and times and tags in the row are not
// the store's.
func TestW15UploadsFromPathsAreWhatTheStoreSays(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "plan.pdf")
	must(t, os.WriteFile(path, []byte("%PDF-1.7 plan"), 0o600))
	check := func(t *testing.T, with setup) {
		t.Helper()
		w := newWorld(t, with)
		d := &document{Title: "a", File: fileobject.FromPath(path, fileobject.Options{})}
		w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, d) })
		info, err := w.store.Stat(t.Context(), d.File.Key)
		must(t, err)
		row := d.File.Record
		if row.Filename != "plan.pdf" || row.ETag != info.ETag || row.Size != info.Size || row.ContentType != "application/pdf" {
			t.Errorf("the row has %+v, the store %+v", d.File.Record, info)
		}
		if with.url != "" && info.Header.ContentType != "application/pdf" {
			t.Errorf("the store was told %q", info.Header.ContentType)
		}
		w.check(t, "%PDF-1.7 plan")
	}
	t.Run("folder", func(t *testing.T) {
		t.Parallel()
		check(t, setup{})
	})
	onEachCloudStore(t, func(t *testing.T, storeURL string) { check(t, setup{url: storeURL}) })
}

// W16: an error of the commit, or of the storage in it, is swallowed, and the client has its 2xx.
func TestW16ARequestWhoseCommitFailsIsNo2xx(t *testing.T) {
	onEveryDatabase(t, testW16ARequestWhoseCommitFailsIsNo2xx)
}

func testW16ARequestWhoseCommitFailsIsNo2xx(t *testing.T) {
	t.Helper()
	t.Parallel()
	points := &faultkit.Points{}
	w, _ := faultyWorld(t, points, session.Options{})
	handler := w.m.Middleware(session.Autocommit{})(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		s, _ := w.m.FromContext(r.Context())
		s.Add(&document{Title: "a", File: file("one")})
		http.SetCookie(rw, &http.Cookie{Name: "user", Value: "1"})
		rw.WriteHeader(http.StatusCreated)
	}))
	for _, point := range []string{"put.before", "put.after", "sql.begin.before", "sql.commit.before"} {
		points.Next(point, faultkit.Fail(errNo))
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil))
		if answer.Code != http.StatusInternalServerError || answer.Header().Get("Set-Cookie") != "" || w.titles(t) != "" {
			t.Errorf("%s: status %d, header %v, rows %q", point, answer.Code, answer.Header(), w.titles(t))
		}
		w.check(t)
	}
}

// W17: a file in a dump or a cache is the text that it prints as. Here it is its record, and comes back.
func TestW17DumpsHaveTheRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	d := w.insert(t, "a", "one")
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.AppendFiles(ctx, d, "pages", file("p1")) })
	dump, err := json.Marshal(w.load(t, d.UUID))
	must(t, err)
	var back document
	must(t, json.Unmarshal(dump, &back))
	if back.File.Record.Key != d.File.Key || back.File.Checksum != d.File.Checksum || len(back.Pages) != 1 || back.Extra.Key != "" {
		t.Errorf("dump %s", dump)
	}
	files := fileobject.List{back.File.Bind(w.m.Registry()), back.Pages[0].Bind(w.m.Registry())}
	if have := contentsOf(t, files); have != "[one p1]" {
		t.Errorf("content %s", have)
	}
	again, err := json.Marshal(&back)
	if err != nil || !bytes.Equal(again, dump) {
		t.Errorf("%s\nbecame %s, %v", dump, again, err)
	}
	if text := (&document{File: file("pending")}).File; !strings.Contains(text.String(), "a.txt") {
		t.Errorf("it prints as %v", text)
	}
	if _, err := json.Marshal(&document{File: file("pending")}); err == nil {
		t.Error("a file without bytes was dumped")
	}
	w.check(t, "one", "p1")
}
