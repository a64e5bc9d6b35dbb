package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
)

// A client uploads by itself, and a row takes what it uploaded: with the size, type and checksum of the bytes, and as its own.
func TestDirectUploadIsTakenByARow(t *testing.T) {
	onBothWays(t, func(t *testing.T, cannot dossier.Capabilities) {
		t.Parallel()
		w := newDirectWorld(t, setup{}, cannot)
		p := w.uploaded(t, "hello")
		d, err := w.save("a", w.redeem(t, p))
		must(t, err)
		if d.File.Size != 5 || d.File.Filename != "a.txt" || !strings.HasPrefix(d.File.ContentType, "text/plain") || d.File.Checksum != "crc32c:9a71bb4c" {
			t.Errorf("the row has %+v", d.File.Record)
		}
		stays := strings.Contains(p.URL, d.File.Key)
		if stays != (cannot == 0) {
			t.Errorf("create-only %v, and the object %s is at the URL's key: %v", cannot == 0, d.File.Key, stays)
		}
		b, err := d.File.Content(t.Context())
		if err != nil || string(b) != "hello" {
			t.Errorf("%q, %v", b, err)
		}
		if w.openKeys(t) != 1 {
			t.Errorf("the journal has %v; it must remember that the URL still works", w.journal(t))
		}
		w.check(t, "hello")
		w.run(t, func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, d) })
		w.check(t)
	})
}

// What the bytes are is decided when a row takes them: nothing that the column refuses, or that was not declared, gets in, and
// what is refused is deleted in the end.
func TestDirectUploadIsExaminedBeforeItIsTaken(t *testing.T) {
	onBothWays(t, func(t *testing.T, cannot dossier.Capabilities) {
		t.Parallel()
		nothing := dossier.BindType | dossier.BindLength | dossier.BindMaxLength | dossier.BindChecksum | dossier.SignPost
		w := newDirectWorld(t, setup{models: []any{(*document)(nil), (*picture)(nil)}}, cannot|nothing)
		for name, test := range map[string]struct {
			content string // "" uploads nothing
			change  func(*fileobject.UploadRequest)
			kind    error
		}{
			"nothing":           {"", func(*fileobject.UploadRequest) {}, dossier.ErrNotExist},
			"more than said":    {png + "1", func(r *fileobject.UploadRequest) { r.Size = 8 }, dossier.ErrTooLarge},
			"less than said":    {png, func(r *fileobject.UploadRequest) { r.Size = 9 }, dossier.ErrShortSource},
			"more than allowed": {png + "123", func(r *fileobject.UploadRequest) { r.Size = 0 }, dossier.ErrTooLarge},
			"another type":      {"<html>", func(*fileobject.UploadRequest) {}, dossier.ErrType},
			"other bytes":       {png, func(r *fileobject.UploadRequest) { r.Checksum = "crc32c:00000000" }, dossier.ErrChecksum},
		} {
			p := w.prepare(t, test.content, func(r *fileobject.UploadRequest) {
				r.Model, r.ContentType = &picture{}, "image/png"
				if test.content == "" {
					r.Size = 3
				}
				test.change(r)
			})
			if p.Bound != (fileobject.Bindings{CreateOnly: cannot == 0}) {
				t.Errorf("bound %+v", p.Bound)
			}
			if test.content != "" && upload(t, p, test.content) != http.StatusOK {
				t.Errorf("%s: the store refuses what it cannot bind", name)
			}
			f, err := w.m.FromToken(t.Context(), p.Token, "ann", &picture{}, "file")
			must(t, err)
			err = w.try(func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, &picture{File: f}) })
			if !errors.Is(err, test.kind) {
				t.Errorf("%s: %v, want %v", name, err, test.kind)
			}
		}
		if n := w.number(t, "SELECT count(*) FROM pictures"); n != 0 {
			t.Errorf("%d rows", n)
		}
		w.check(t)
	})
}

const png = "\x89PNG\r\n\x1a\n"

// picture takes small images.
type picture struct {
	ID   int64                  `bun:"id,pk,autoincrement"`
	File *fileobject.FileObject `bun:"file" file:"uploads,max:10,accept:image/png"`
}

// A token is used once, whoever comes first, in one process or in two: one file in two rows would be deleted with the first.
func TestDirectUploadTokenIsUsedOnce(t *testing.T) {
	onBothWays(t, func(t *testing.T, cannot dossier.Capabilities) {
		t.Parallel()
		w := newDirectWorld(t, setup{}, cannot)
		p := w.uploaded(t, "once")
		_, err := w.save("a", w.redeem(t, p))
		must(t, err)
		_, err = w.save("b", w.redeem(t, p))
		wantError(t, err, dossier.ErrConflict)

		racing := w.uploaded(t, "race")
		var group sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			f := w.redeem(t, racing)
			group.Go(func() { _, errs[i] = w.save(fmt.Sprint("racer ", i), f) })
		}
		group.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !errors.Is(err, dossier.ErrConflict) && !errors.Is(err, dossier.ErrNotExist) { // who comes late finds it copied and gone
				t.Errorf("a loser got %v", err)
			}
		}
		if won != 1 {
			t.Errorf("%d of 4 have it: %v", won, errs)
		}

		twice := w.uploaded(t, "twice")
		err = w.try(func(ctx context.Context, s *session.Session) error {
			return s.Insert(ctx, &document{Title: "c", File: w.redeem(t, twice)}, &document{Title: "d", File: w.redeem(t, twice)})
		})
		wantError(t, err, dossier.ErrConflict)
		w.check(t, "once", "race")
	})
}

// One handle cannot stand in two rows either, whether its bytes come from here or were uploaded already.
func TestOnePendingHandleInTwoRowsIsRefused(t *testing.T) {
	onBothWays(t, func(t *testing.T, cannot dossier.Capabilities) {
		t.Parallel()
		w := newDirectWorld(t, setup{}, cannot)
		for name, f := range map[string]*fileobject.FileObject{"direct": w.redeem(t, w.uploaded(t, "direct")), "pending": file("pending")} {
			one, two := &document{Title: "a " + name, File: f}, &document{Title: "b " + name, File: f}
			for at, do := range map[string]func(ctx context.Context, s *session.Session) error{
				"one call": func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, one, two) },
				"two calls": func(ctx context.Context, s *session.Session) error {
					return errors.Join(s.Insert(ctx, one), s.Insert(ctx, two))
				},
				"a copy": func(ctx context.Context, s *session.Session) error {
					again := *f
					return errors.Join(s.Insert(ctx, one), s.Insert(ctx, &document{Title: "c", Extra: again}))
				},
			} {
				if err := w.try(do); !errors.Is(err, dossier.ErrConflict) && !errors.Is(err, dossier.ErrInvalid) {
					t.Errorf("%s, %s: %v", name, at, err)
				}
			}
			_, err := w.save(name, f)
			must(t, err)
			_, err = w.save(name+" again", f)
			wantError(t, err, dossier.ErrConflict)
		}
		w.check(t, "direct", "pending")
	})
}

// A form that fails its validation is sent again with the same token: a rollback leaves what the client uploaded.
func TestDirectUploadOutlivesARollback(t *testing.T) {
	onBothWays(t, func(t *testing.T, cannot dossier.Capabilities) {
		t.Parallel()
		w := newDirectWorld(t, setup{}, cannot)
		p := w.uploaded(t, "kept")
		f := w.redeem(t, p)
		for name, do := range map[string]func(ctx context.Context, s *session.Session) error{
			"rolled back": func(ctx context.Context, s *session.Session) error {
				return errors.Join(s.Insert(ctx, &document{Title: "a", File: f}), errNo)
			},
			"staged": func(ctx context.Context, s *session.Session) error {
				return errors.Join(s.Stage(ctx, &document{File: f}), errNo)
			},
			"savepoint": func(ctx context.Context, s *session.Session) error {
				return s.Nested(ctx, func(ctx context.Context) error {
					return errors.Join(s.Insert(ctx, &document{Title: "a", File: f}), errNo)
				})
			},
		} {
			wantError(t, w.try(do), errNo)
			if counts := w.journal(t); counts["pending"] != 1 || counts["open"] != 0 {
				t.Errorf("%s: the journal has %v", name, counts)
			}
			if !f.Pending() {
				t.Errorf("%s: the handle is used up", name)
			}
		}
		must(t, w.try(func(ctx context.Context, s *session.Session) error {
			return s.Stage(ctx, &document{File: f}) // and no row takes it
		}))
		_, err := w.save("a", w.redeem(t, p))
		must(t, err)
		w.check(t, "kept")
	})
}

// Where an upload was copied the client can still write over the original, so no row may ever have that, also while its
// delete has not begun.
func TestOriginalOfACopiedUploadIsNotToBeHad(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T) {
		t.Parallel()
		w := newDirectWorld(t, setup{options: session.Options{DueOrders: -1}}, dossier.BindIfAbsent)
		p := w.uploaded(t, "kept")
		original := w.redeem(t, p)
		claim, ok := original.Uploaded()
		if !ok {
			t.Fatal("the handle is no direct upload")
		}
		d, err := w.save("a", original)
		must(t, err)
		taken := &fileobject.FileObject{Record: d.File.Record}
		taken.Backend, taken.Key = claim.Reference.Backend, claim.Reference.Key
		wantError(t, w.try(func(ctx context.Context, s *session.Session) error {
			return s.Undelete(ctx, &document{}, "file", taken)
		}), dossier.ErrConflict)
	})
}

// A unit of work that lost is tried again, and makes the file of the token once more, or has it from outside: both must
// succeed, or a deadlock would cost the client its upload.
func TestDirectUploadsAreTriedAgain(t *testing.T) {
	onBothWays(t, func(t *testing.T, cannot dossier.Capabilities) {
		t.Parallel()
		w := newDirectWorld(t, setup{}, cannot)
		for _, inside := range []bool{true, false} {
			p := w.uploaded(t, fmt.Sprint("inside: ", inside))
			f := w.redeem(t, p)
			attempts := 0
			must(t, w.m.RunWith(t.Context(), session.RunOptions{Attempts: 2, Backoff: time.Millisecond}, func(ctx context.Context, s *session.Session) error {
				if attempts++; inside {
					f = w.redeem(t, p)
				}
				if err := s.Insert(ctx, &document{Title: fmt.Sprint(inside), File: f}); err != nil || attempts == 2 {
					return err
				}
				return lost{}
			}))
			if f.Pending() {
				t.Errorf("inside: %v: the handle was not taken", inside)
			}
		}
		if counts := w.journal(t); counts["pending"] != 0 {
			t.Errorf("the journal has %v", counts)
		}
		w.check(t, "inside: true", "inside: false")
	})
}

// lost is the error of a unit of work that lost against others.
type lost struct{}

func (lost) Error() string    { return "lost" }
func (lost) SQLState() string { return "40001" }

// Uploads are taken wherever a file can be written, inside a transaction too, and by lists.
func TestDirectUploadsWorkInEveryCall(t *testing.T) {
	onBothWays(t, func(t *testing.T, cannot dossier.Capabilities) {
		t.Parallel()
		w := newDirectWorld(t, setup{}, cannot)
		d := w.insert(t, "a", "old")
		page := func(content string) *fileobject.FileObject {
			p := w.prepare(t, content, func(r *fileobject.UploadRequest) { r.Field = "Pages" })
			upload(t, p, content)
			f, err := w.m.FromToken(t.Context(), p.Token, "ann", d, "pages")
			must(t, err)
			return f
		}
		first, second, replacing := page("one"), page("two"), w.redeem(t, w.uploaded(t, "new"))
		w.run(t, func(ctx context.Context, s *session.Session) error {
			d.File = replacing
			if err := s.Update(ctx, d); err != nil { // the transaction is open from here on
				return err
			}
			if err := s.AppendFiles(ctx, d, "pages", first); err != nil {
				return err
			}
			return s.Nested(ctx, func(ctx context.Context) error {
				return errors.Join(s.StageFile(ctx, d, "pages", second), s.AppendFiles(ctx, d, "pages", second))
			})
		})
		w.check(t, "new", "one", "two")
	})
}

// The holder of the URL uploads once more after the row and its object are gone, with the URL still good: rule 9. The key is
// deleted once more when nobody can write it any more, and not before.
func TestRule9RepeatedPUTOfADeletedDirectUploadIsDeletedOnceMore(t *testing.T) {
	onBothWays(t, func(t *testing.T, cannot dossier.Capabilities) {
		t.Parallel()
		w := newDirectWorld(t, setup{options: session.Options{DeleteAfter: session.AtOnce}}, cannot)
		p := w.uploaded(t, "first")
		d, err := w.save("a", w.redeem(t, p))
		must(t, err)
		if status := upload(t, p, "again"); (status == http.StatusOK) != (cannot != 0) {
			t.Errorf("an upload over the row's own object: %d", status)
		}
		if b, err := w.load(t, d.UUID).File.Content(t.Context()); err != nil || string(b) != "first" {
			t.Errorf("the row's file is %q, %v", b, err)
		}
		w.run(t, func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, d) })
		w.sweepNow(t)
		if status := upload(t, p, "again"); cannot == 0 && status != http.StatusOK {
			t.Errorf("the repeated upload: %d", status)
		}
		if have := w.objects(t); fmt.Sprint(have) != "[again]" {
			t.Fatalf("objects %q: the test does not show what it is for", have)
		}
		due := w.number(t, "SELECT min(due_at) FROM dossier_journal WHERE state = 'tombstone'")
		if until := p.NotAfter.Add(time.Hour); time.UnixMilli(int64(due)).Before(until.Add(-time.Minute)) {
			t.Errorf("the tombstone is due at %v, the last upload may end at %v", time.UnixMilli(int64(due)), until)
		}
		w.sweepNow(t)
		w.check(t)
	})
}

// What nobody redeemed is reclaimed after the upload cannot end any more, and not while it can.
func TestDirectUploadThatNobodyRedeemedIsReclaimed(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T) {
		t.Parallel()
		w := newDirectWorld(t, setup{}, 0)
		p := w.uploaded(t, "left")
		w.sweepNow(t)
		if have := w.objects(t); len(have) != 1 {
			t.Errorf("objects %q: it was deleted before its time", have)
		}
		due := w.number(t, "SELECT due_at FROM dossier_journal")
		if time.UnixMilli(int64(due)).Before(p.TokenNotAfter) {
			t.Errorf("due at %v, the token ends at %v", time.UnixMilli(int64(due)), p.TokenNotAfter)
		}
		w.fallDue(t)
		w.sweepNow(t)
		_, err := w.save("a", w.redeem(t, p))
		wantError(t, err, dossier.ErrConflict)
		w.check(t)
	})
}

// The type that the store keeps is the client's claim. Where the bytes say otherwise the object is copied with theirs: nobody is
// to be served a text as a page of HTML by a store that answers by itself.
func TestDirectUploadWithAFalseTypeIsCopied(t *testing.T) {
	t.Parallel()
	w := newDirectWorld(t, setup{}, 0)
	p := w.prepare(t, "plain words", func(r *fileobject.UploadRequest) { r.ContentType = "text/html" })
	if status := upload(t, p, "plain words"); status != http.StatusOK {
		t.Fatal(status)
	}
	d, err := w.save("a", w.redeem(t, p))
	must(t, err)
	info, err := w.store.Stat(t.Context(), d.File.Key)
	must(t, err)
	if strings.Contains(p.URL, d.File.Key) || strings.Contains(info.Header.ContentType, "html") {
		t.Errorf("the row's object %s is %s", d.File.Key, info.Header.ContentType)
	}
	w.check(t, "plain words")
}
