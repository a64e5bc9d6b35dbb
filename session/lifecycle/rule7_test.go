package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/faultkit"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
)

// busyError is what SQLite's driver returns when the database is locked.
type busyError struct{ code int }

func (e busyError) Error() string { return fmt.Sprintf("database error (%d)", e.code) }
func (e busyError) Code() int     { return e.code }

const (
	codeBusy         = 5
	codeBusySnapshot = 5 | 2<<8
	codeConstraint   = 19
)

// What another process claimed meanwhile is its to delete: a rollback that removed it too could hit what came after.
func TestRule7RollbackRemovesOnlyItsOwn(t *testing.T) {
	onEveryDatabase(t, testRule7RollbackRemovesOnlyItsOwn)
}

func testRule7RollbackRemovesOnlyItsOwn(t *testing.T) {
	t.Helper()
	t.Parallel()
	points := &faultkit.Points{}
	w, _ := faultyWorld(t, points, session.Options{})
	mine, claimed := &document{File: file("mine")}, &document{File: file("claimed")}
	err := w.try(func(ctx context.Context, s *session.Session) error {
		must(t, s.Stage(ctx, mine, claimed))
		w.exec(t, "UPDATE dossier_journal SET state = 'doomed', owner = 'sweep x', attempts = 1 WHERE object_key = ?", claimed.File.Key)
		return errNo
	})
	wantError(t, err, errNo)
	if have := w.objects(t); len(have) != 1 || have[0] != "claimed" {
		t.Errorf("objects %q", have)
	}
	if n := w.number(t, "SELECT count(*) FROM dossier_journal WHERE owner = 'sweep x'"); n != 1 {
		t.Error("the journal row of somebody else was touched")
	}
	w.check(t)
}

// What cannot be removed now stays known, and a sweep removes it later; the caller's own error is not hidden by it.
func TestRule7WhatFailsStaysInTheJournal(t *testing.T) {
	onEveryDatabase(t, testRule7WhatFailsStaysInTheJournal)
}

func testRule7WhatFailsStaysInTheJournal(t *testing.T) {
	t.Helper()
	t.Parallel()
	for name, begin := range map[string]func(ctx context.Context, s *session.Session) error{
		"journal":   func(context.Context, *session.Session) error { return nil },
		"side file": func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, &document{Title: "first"}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			points := &faultkit.Points{}
			w, _ := faultyWorld(t, points, session.Options{})
			down := errors.New("the store is down")
			points.At("delete.before", 0, faultkit.Fail(down))
			points.At("deletebatch.before", 0, faultkit.Fail(down))
			err := w.try(func(ctx context.Context, s *session.Session) error {
				must(t, begin(ctx, s))
				must(t, s.Insert(ctx, &document{Title: "a", File: file("one"), Pages: pages("p1", "p2")}))
				return errNo
			})
			wantError(t, err, errNo)
			wantError(t, err, down)
			if have := w.objects(t); len(have) != 3 {
				t.Errorf("objects %q", have)
			}
			points.At("delete.before", 0, nil)
			points.At("deletebatch.before", 0, nil)
			w.check(t)
		})
	}
}

// After a rollback a handle is what it was: bytes can be saved again, a stream that was read cannot, and says so.
func TestRule7HandlesArePendingAgain(t *testing.T) {
	onEveryDatabase(t, testRule7HandlesArePendingAgain)
}

func testRule7HandlesArePendingAgain(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	bytes := &document{Title: "a", File: file("bytes")}
	reader := &document{Title: "b", File: fileobject.FromReader("b.txt", strings.NewReader("stream"), fileobject.Options{})}
	err := w.try(func(ctx context.Context, s *session.Session) error {
		return errors.Join(s.Insert(ctx, bytes, reader), errNo)
	})
	wantError(t, err, errNo)
	if !bytes.File.Pending() || bytes.File.Key != "" || reader.File.Pending() {
		t.Errorf("bytes %v, reader %v", bytes.File, reader.File)
	}
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, bytes) })
	wantError(t, w.try(func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, reader) }), dossier.ErrConsumed)
	w.check(t, "bytes")
	if titles := w.titles(t); titles != "a" {
		t.Errorf("rows %q", titles)
	}
}

// A unit of work that lost against another writer is tried again without sending its bytes again, wherever the intents
// were kept, and a stream that can be read once only is enough for all attempts.
func TestRule7RetryUsesStagedObjectsAgain(t *testing.T) {
	onEveryDatabase(t, testRule7RetryUsesStagedObjectsAgain)
}

func testRule7RetryUsesStagedObjectsAgain(t *testing.T) {
	t.Helper()
	t.Parallel()
	for name, code := range map[string]int{"busy": codeBusy, "busy snapshot": codeBusySnapshot} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, backend := faultyWorld(t, &faultkit.Points{}, session.Options{})
			stream := fileobject.FromReader("a.txt", strings.NewReader("outside"), fileobject.Options{})
			inside := file("inside")
			attempts, rolledBack, committed := 0, 0, 0
			err := w.m.RunWith(t.Context(), session.RunOptions{Attempts: 3, Backoff: time.Millisecond}, func(ctx context.Context, s *session.Session) error {
				attempts++
				s.AfterRollback(func(context.Context) { rolledBack++ })
				s.AfterCommit(func(context.Context) { committed++ })
				must(t, s.Insert(ctx, &document{Title: "a", File: stream}))
				must(t, s.Insert(ctx, &document{Title: "b", File: inside}))
				if attempts < 3 {
					return fmt.Errorf("statement: %w", busyError{code})
				}
				return nil
			})
			must(t, err)
			if n := backend.Usage("put").Calls; attempts != 3 || n != 2 || rolledBack != 2 || committed != 1 {
				t.Errorf("%d attempts, %d uploads, %d AfterRollback, %d AfterCommit", attempts, n, rolledBack, committed)
			}
			w.check(t, "outside", "inside")
		})
	}
}

// A COMMIT that is refused because the database is busy is tried again as well.
func TestRule7RetryOfARefusedCommit(t *testing.T) { onEveryDatabase(t, testRule7RetryOfARefusedCommit) }

func testRule7RetryOfARefusedCommit(t *testing.T) {
	t.Helper()
	t.Parallel()
	points := &faultkit.Points{}
	w, backend := faultyWorld(t, points, session.Options{})
	points.Next("sql.commit.before", faultkit.Fail(busyError{codeBusy}))
	f := file("one")
	err := w.m.RunWith(t.Context(), session.RunOptions{Attempts: 2, Backoff: time.Millisecond}, func(ctx context.Context, s *session.Session) error {
		return s.Insert(ctx, &document{Title: "a", File: f})
	})
	must(t, err)
	if n := backend.Usage("put").Calls; n != 1 {
		t.Errorf("%d uploads", n)
	}
	w.check(t, "one")
}

// What the last attempt did not use is removed, and so is everything when the last attempt fails too.
func TestRule7RetryReleasesWhatIsNotUsed(t *testing.T) {
	onEveryDatabase(t, testRule7RetryReleasesWhatIsNotUsed)
}

func testRule7RetryReleasesWhatIsNotUsed(t *testing.T) {
	t.Helper()
	t.Parallel()
	for name, fails := range map[string]bool{"the last attempt succeeds": false, "the last attempt fails": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			attempts := 0
			var handles []*fileobject.FileObject
			err := w.m.RunWith(t.Context(), session.RunOptions{Attempts: 2, Backoff: time.Millisecond}, func(ctx context.Context, s *session.Session) error {
				attempts++
				f, g := file(fmt.Sprint("outside ", attempts)), file(fmt.Sprint("inside ", attempts))
				handles = append(handles, f, g)
				must(t, s.Insert(ctx, &document{Title: "a", File: f}))
				must(t, s.Insert(ctx, &document{Title: "b", File: g}))
				if attempts == 1 || fails {
					return busyError{codeBusy}
				}
				return nil
			})
			if !fails {
				must(t, err)
				w.check(t, "outside 2", "inside 2")
				return
			}
			wantError(t, err, busyError{codeBusy})
			if have := w.objects(t); len(have) != 0 {
				t.Errorf("objects %q", have)
			}
			for _, f := range handles {
				if !f.Pending() {
					t.Errorf("%v is not pending", f)
				}
			}
			w.check(t)
		})
	}
}

// Only what another attempt could mend is tried again.
func TestRule7OtherErrorsAreNotTriedAgain(t *testing.T) {
	onEveryDatabase(t, testRule7OtherErrorsAreNotTriedAgain)
}

func testRule7OtherErrorsAreNotTriedAgain(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	for _, cause := range []error{errNo, busyError{codeConstraint}, errors.Join(busyError{codeBusy}, dossier.ErrOutcomeUnknown)} {
		attempts := 0
		err := w.m.RunWith(t.Context(), session.RunOptions{Attempts: 3, Backoff: time.Millisecond}, func(context.Context, *session.Session) error {
			attempts++
			return cause
		})
		if !errors.Is(err, cause) || attempts != 1 {
			t.Errorf("%v: %d attempts, %v", cause, attempts, err)
		}
	}
}
