package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/faultkit"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
)

// commitWork is a unit of work whose COMMIT goes wrong. The row "a" holds "old" before.
type commitWork struct {
	name    string
	do      func(ctx context.Context, s *session.Session, old, fresh *document) error
	before  []string // contents
	after   []string
	titles  string // after
	shownIn bool   // a commit that happened leaves a trace
	shownNo bool   // one that did not happen leaves a trace, even without its connection
}

func commitWorks() []commitWork {
	return []commitWork{
		{"new file", func(ctx context.Context, s *session.Session, _, fresh *document) error {
			return s.Insert(ctx, fresh)
		}, []string{"old"}, []string{"old", "new"}, "a b", true, true},
		{"only deletes", func(ctx context.Context, s *session.Session, old, _ *document) error {
			return s.Delete(ctx, old)
		}, []string{"old"}, nil, "", true, false},
		{"replaced file", func(ctx context.Context, s *session.Session, old, _ *document) error {
			old.File = file("new")
			return s.Update(ctx, old, "file")
		}, []string{"old"}, []string{"new"}, "a", true, true},
		{"side file", func(ctx context.Context, s *session.Session, _, fresh *document) error {
			return errors.Join(s.Insert(ctx, &document{Title: "c"}), s.Insert(ctx, fresh))
		}, []string{"old"}, []string{"old", "new"}, "a b c", true, true},
		{"side file beside a new file and a delete", func(ctx context.Context, s *session.Session, old, fresh *document) error {
			return errors.Join(s.Insert(ctx, &document{Title: "c", File: file("more")}), s.Insert(ctx, fresh), s.Delete(ctx, old))
		}, []string{"old"}, []string{"more", "new"}, "b c", true, true},
		{"plain SQL", func(ctx context.Context, s *session.Session, _, _ *document) error {
			_, err := s.IDB().ExecContext(ctx, "UPDATE documents SET title = 'z'")
			return err
		}, []string{"old"}, []string{"old"}, "z", false, false},
	}
}

// commitFault is what happens to the COMMIT.
type commitFault struct {
	name      string
	point     string
	action    faultkit.Action
	committed bool // the truth
	connected bool // the connection still answers
}

func commitFaults() []commitFault {
	return []commitFault{
		{"refused", "sql.commit.before", faultkit.Fail(errNo), false, true},
		{"not sent, connection lost", "sql.commit.before", faultkit.Drop, false, false},
		{"done, error reported", "sql.commit.after", faultkit.Fail(errNo), true, true},
		{"done, connection lost", "sql.commit.after", faultkit.Drop, true, false},
	}
}

// What Run says of a COMMIT that reported an error is true: nil only when the rows are there, the error only when they are
// not, and ErrOutcomeUnknown only when nothing shows the one or the other.
func TestRule8OutcomeOfCommitIsTrue(t *testing.T) { onEveryDatabase(t, testRule8OutcomeOfCommitIsTrue) }

func testRule8OutcomeOfCommitIsTrue(t *testing.T) {
	t.Helper()
	t.Parallel()
	for _, work := range commitWorks() {
		for _, fault := range commitFaults() {
			for _, delay := range []string{"AtOnce", "default"} {
				t.Run(fmt.Sprintf("%s/%s/%s", work.name, fault.name, delay), func(t *testing.T) {
					t.Parallel()
					testOutcome(t, work, fault, delay)
				})
			}
		}
	}
}

func testOutcome(t *testing.T, work commitWork, fault commitFault, delay string) {
	t.Helper()
	points := &faultkit.Points{}
	opts := session.Options{}
	if delay == "AtOnce" {
		opts.DeleteAfter = session.AtOnce
	}
	w, _ := faultyWorld(t, points, opts)
	old, fresh := w.insert(t, "a", "old"), &document{Title: "b", File: file("new")}
	calls := 0
	points.Next(fault.point, fault.action)
	err := w.try(func(ctx context.Context, s *session.Session) error {
		s.AfterCommit(func(context.Context) { calls++ })
		s.AfterRollback(func(context.Context) { calls-- })
		return work.do(ctx, s, old, fresh)
	})
	shown := fault.connected && !fault.committed || fault.committed && work.shownIn || !fault.committed && work.shownNo
	switch {
	case !shown:
		wantError(t, err, dossier.ErrOutcomeUnknown)
		if calls != 0 {
			t.Error("AfterCommit or AfterRollback was called")
		}
	case fault.committed:
		if err != nil || calls != 1 {
			t.Errorf("it was committed: %v, AfterCommit minus AfterRollback %d", err, calls)
		}
	default:
		if err == nil || errors.Is(err, dossier.ErrOutcomeUnknown) || calls != -1 {
			t.Errorf("it was rolled back: %v, AfterCommit minus AfterRollback %d", err, calls)
		}
	}
	titles, contents := "a", work.before
	if fault.committed {
		titles, contents = work.titles, work.after
	}
	if have := w.titles(t); have != titles {
		t.Errorf("rows %q, want %q", have, titles)
	}
	w.check(t, slices.Clone(contents)...)
	w.insert(t, "again", "more") // the write lock is free
}

// A foreign key that only COMMIT checks: the transaction is open still, so it is rolled back, and nothing is left.
func TestRule8DeferredForeignKeyIsARollback(t *testing.T) {
	onEveryDatabase(t, testRule8DeferredForeignKeyIsARollback)
}

func testRule8DeferredForeignKeyIsARollback(t *testing.T) {
	t.Helper()
	t.Parallel()
	for _, work := range commitWorks() {
		t.Run(work.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			w.createFamily(t)
			old, fresh := w.insert(t, "a", "old"), &document{Title: "b", File: file("new")}
			err := w.try(func(ctx context.Context, s *session.Session) error {
				if err := work.do(ctx, s, old, fresh); err != nil {
					return err
				}
				_, err := s.IDB().ExecContext(ctx, "INSERT INTO child (parent) VALUES (99)")
				return err
			})
			if err == nil || errors.Is(err, dossier.ErrOutcomeUnknown) {
				t.Errorf("Run returned %v", err)
			}
			if !fresh.File.Pending() || w.titles(t) != "a" {
				t.Errorf("file %v, rows %q", fresh.File, w.titles(t))
			}
			w.check(t, work.before...)
		})
	}
}

// When the database cannot be asked either, nobody knows: nothing is compensated, and the handles can be neither saved
// again (the bytes may have a row) nor deleted. A sweep finds the truth.
func TestRule8UnknownIsLeftAlone(t *testing.T) { onEveryDatabase(t, testRule8UnknownIsLeftAlone) }

func testRule8UnknownIsLeftAlone(t *testing.T) {
	t.Helper()
	t.Parallel()
	for _, side := range []bool{false, true} {
		for _, fault := range commitFaults() {
			if fault.connected && !fault.committed {
				continue
			}
			t.Run(fmt.Sprintf("side file %v/%s", side, fault.name), func(t *testing.T) {
				t.Parallel()
				testUnknown(t, side, fault)
			})
		}
	}
}

func testUnknown(t *testing.T, side bool, fault commitFault) {
	t.Helper()
	points := &faultkit.Points{}
	w, _ := faultyWorld(t, points, session.Options{})
	d := &document{Title: "a", File: file("one"), Pages: pages("p1")}
	calls := 0
	err := w.try(func(ctx context.Context, s *session.Session) error {
		s.AfterCommit(func(context.Context) { calls++ })
		s.AfterRollback(func(context.Context) { calls++ })
		if side {
			must(t, s.Insert(ctx, &document{Title: "first"}))
		}
		must(t, s.Insert(ctx, d))
		points.Next(fault.point, fault.action)
		points.Next("sql.begin.before", faultkit.Fail(errNo))
		return nil
	})
	wantError(t, err, dossier.ErrOutcomeUnknown)
	if calls != 0 {
		t.Error("AfterCommit or AfterRollback was called")
	}
	if have := w.objects(t); len(have) != 2 {
		t.Errorf("objects %q: something was compensated", have)
	}
	for _, f := range append(fileobject.List{d.File}, d.Pages...) {
		wantError(t, f.Delete(t.Context()), dossier.ErrInvalid)
		if f.Pending() {
			t.Errorf("%v is pending", f)
		}
	}
	err = w.try(func(ctx context.Context, s *session.Session) error {
		return s.Insert(ctx, &document{Title: "c", File: d.File})
	})
	wantError(t, err, dossier.ErrConflict)
	if fault.committed {
		w.check(t, "one", "p1")
		return
	}
	w.check(t)
}
