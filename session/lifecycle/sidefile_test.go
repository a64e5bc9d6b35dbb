package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/internal/filelock"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/session"
	"github.com/dossier-go/dossier/session/sessiontest"
)

// sidePath is where a side file, or a draft of one, would be.
func (w *world) sidePath(name string) string { return filepath.Join(w.dir, "app.db-dossier", name) }

// crafted writes a side file as an owner that died would leave it, with an object for each key, and returns its path.
func (w *world) crafted(t testing.TB, id, tail string, keys ...string) string {
	t.Helper()
	must(t, os.MkdirAll(filepath.Join(w.dir, "app.db-dossier"), 0o700))
	var b strings.Builder
	b.WriteString("dossier side file v1\n")
	for _, key := range keys {
		fmt.Fprintf(&b, `{"backend":"uploads","store":%q,"key":%q}`+"\n", w.store.Describe().Store, key)
		w.put(t, key, "content of "+key)
	}
	path := w.sidePath(id + ".intent")
	must(t, os.WriteFile(path, []byte(b.String()+tail), 0o600))
	return path
}

// marked inserts the marker of a side file, as a commit would.
func (w *world) marked(t testing.TB, id string) {
	t.Helper()
	w.exec(t, "INSERT INTO dossier_journal (id, backend, store, object_key, state, due_at, created_at) "+
		"VALUES (?, '', 'side file', ?, 'marker', 0, 0)", id, id)
}

// sideFiles lists what is in the folder of side files.
func (w *world) sideFiles(t testing.TB) string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(w.dir, "app.db-dossier"))
	if !errors.Is(err, os.ErrNotExist) {
		must(t, err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return strings.Join(names, " ")
}

// The natural way to write two rows must work where the first one has begun the transaction: both files are kept, and
// no side file.
func TestSideFileOfTwoInsertsInOneRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.run(t, func(ctx context.Context, s *session.Session) error {
		must(t, s.Insert(ctx, &document{Title: "a", File: file("one")}))
		if left := w.sideFiles(t); left != "" {
			t.Errorf("a side file before the transaction was open: %s", left)
		}
		must(t, s.Insert(ctx, &document{Title: "b", File: file("two"), Pages: pages("p1", "p2")}))
		if left := w.sideFiles(t); !strings.HasSuffix(left, ".intent") || strings.Contains(left, " ") {
			t.Errorf("side files within the transaction: %q", left)
		}
		return nil
	})
	if left := w.sideFiles(t); left != "" {
		t.Errorf("side files after the commit: %s", left)
	}
	w.sweep(t)
	if n := w.number(t, "SELECT count(*) FROM dossier_journal"); n != 0 {
		t.Errorf("%d journal rows after a sweep", n)
	}
	w.check(t, "one", "two", "p1", "p2")
}

// A dead owner's file without a marker lists what no row has; its objects go, also when they land late.
func TestSideFileOfADeadOwnerThatDidNotCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.crafted(t, "dead", "", "lost/a", "lost/b")
	w.sweepNow(t)
	if w.sideFiles(t) != "" || len(w.keys(t)) != 0 || w.journal(t)["tombstone"] != 2 {
		t.Errorf("files %q, objects %q, journal %v", w.sideFiles(t), w.keys(t), w.journal(t))
	}
	w.put(t, "lost/a", "late")
	w.check(t)
}

// A dead owner's file with its marker was committed: what it lists belongs to rows. The marker goes after the file.
func TestSideFileOfADeadOwnerThatCommitted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.crafted(t, "dead", "", "kept/a", "kept/b")
	w.marked(t, "dead")
	w.sweepNow(t)
	if w.sideFiles(t) != "" || len(w.keys(t)) != 2 || len(w.journal(t)) != 0 {
		t.Errorf("files %q, objects %q, journal %v", w.sideFiles(t), w.keys(t), w.journal(t))
	}
}

// The lock says that the owner lives, whatever the marker says: nothing is done, and the marker stays, because the file
// would mean something else without it.
func TestSideFileThatIsLockedIsSkipped(t *testing.T) {
	t.Parallel()
	for _, marked := range []bool{false, true} {
		t.Run(fmt.Sprint("marked ", marked), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			path := w.crafted(t, "alive", "", "alive/a")
			if marked {
				w.marked(t, "alive")
			}
			owner, err := os.Open(path)
			must(t, err)
			defer owner.Close()
			must(t, filelock.TryLock(owner))
			before := fmt.Sprint(w.journal(t))
			w.sweepNow(t)
			if w.sideFiles(t) != "alive.intent" || len(w.keys(t)) != 1 || fmt.Sprint(w.journal(t)) != before {
				t.Errorf("files %q, objects %q, journal %v", w.sideFiles(t), w.keys(t), w.journal(t))
			}
			must(t, owner.Close())
			w.sweepNow(t)
			if w.sideFiles(t) != "" || len(w.keys(t)) == 0 == marked || w.journal(t)["marker"] != 0 {
				t.Errorf("after its end: files %q, objects %q, journal %v", w.sideFiles(t), w.keys(t), w.journal(t))
			}
		})
	}
}

// A sweep during the session's own work does not take its intents for those of a dead owner.
func TestSideFileOfALiveSessionIsSkipped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.run(t, func(ctx context.Context, s *session.Session) error {
		must(t, s.Insert(ctx, &document{Title: "a"}))
		must(t, s.Insert(ctx, &document{Title: "b", File: file("two")}))
		before := w.sideFiles(t)
		// With no store registered only the side files are swept: the rest would wait for this session's write lock.
		w.sweepWith(t, journal.SweepOptions{Registry: &dossier.Registry{}})
		if w.sideFiles(t) != before {
			t.Errorf("side files %q, were %q", w.sideFiles(t), before)
		}
		return nil
	})
	w.check(t, "two")
}

// A line that was not written whole was never answered for: its upload did not begin. It must not hide those before it.
func TestSideFileWithATornLastLine(t *testing.T) {
	t.Parallel()
	for name, tail := range map[string]string{"half a line": `{"backend":"uploads","store":"x","ke`, "no newline": `{"backend":"uploads","store":"x","key":"y"}`, "zeros": "\x00\x00"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			w.crafted(t, "torn", tail, "lost/a")
			w.sweepNow(t)
			if w.sideFiles(t) != "" || w.journal(t)["tombstone"] != 1 {
				t.Errorf("files %q, journal %v", w.sideFiles(t), w.journal(t))
			}
			w.check(t)
		})
	}
}

// A whole line that cannot be read is damage, or of a newer version: the file stays for somebody who can, everything
// else is swept, and the sweep says so.
func TestSideFileThatCannotBeReadIsKept(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"bad line":        "dossier side file v1\nnonsense\n",
		"unknown version": "dossier side file v2\n{\"key\":\"a\"}\n",
		"no header":       "{\"backend\":\"uploads\",\"store\":\"x\",\"key\":\"y\"}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			w.crafted(t, "z", "", "lost/a")
			must(t, os.WriteFile(w.sidePath("bad.intent"), []byte(text), 0o600))
			_, err := w.m.Sweep(t.Context(), journal.SweepOptions{})
			wantError(t, err, dossier.ErrInvalid)
			if w.sideFiles(t) != "bad.intent" || len(w.keys(t)) != 0 {
				t.Errorf("files %q, objects %q", w.sideFiles(t), w.keys(t))
			}
			must(t, os.Remove(w.sidePath("bad.intent")))
			w.check(t)
		})
	}
}

// An owner that died before its file had its name sent no byte: the draft goes when it is old and nobody holds it.
func TestSideFileDraftsAreRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	must(t, os.MkdirAll(filepath.Dir(w.sidePath("x")), 0o700))
	old := time.Now().Add(-2 * time.Hour)
	for _, name := range []string{"young.draft", "old.draft", "locked.draft", "stranger.txt"} {
		must(t, os.WriteFile(w.sidePath(name), []byte("dossier side file v1\n"), 0o600))
		if name != "young.draft" {
			must(t, os.Chtimes(w.sidePath(name), old, old))
		}
	}
	owner, err := os.Open(w.sidePath("locked.draft"))
	must(t, err)
	defer owner.Close()
	must(t, filelock.TryLock(owner))
	w.sweepNow(t)
	if left := w.sideFiles(t); left != "locked.draft stranger.txt young.draft" {
		t.Errorf("left: %s", left)
	}
}

// A marker goes only when its file is gone: without it the file would say that nothing was committed.
func TestSideFileMarkerOutlivesItsFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: session.Options{Step: func(step string) error {
		if step == "side.unlink.before" {
			return errNo
		}
		return nil
	}}})
	w.crafted(t, "stuck", "", "kept/a")
	w.marked(t, "stuck")
	w.marked(t, "gone")
	for range 2 {
		_, err := w.m.Sweep(t.Context(), journal.SweepOptions{})
		wantError(t, err, errNo)
		if n := w.number(t, "SELECT count(*) FROM dossier_journal WHERE id = 'stuck'"); n != 1 || w.journal(t)["marker"] != 1 || len(w.keys(t)) != 1 {
			t.Errorf("journal %v, objects %q", w.journal(t), w.keys(t))
		}
	}
}

// A marker must not go before the folder was synchronised: an unlinked file could come back after a power loss.
func TestSideFileFolderIsSynchronisedBeforeItsMarkerGoes(t *testing.T) {
	t.Parallel()
	fail := true
	w := newWorld(t, setup{options: session.Options{Step: func(step string) error {
		if fail && step == "side.syncdir.before" {
			return errNo
		}
		return nil
	}}})
	w.crafted(t, "dead", "", "kept/a")
	w.marked(t, "dead")
	_, err := w.m.Sweep(t.Context(), journal.SweepOptions{})
	wantError(t, err, errNo)
	if w.journal(t)["marker"] != 1 {
		t.Errorf("journal %v", w.journal(t))
	}
	fail = false
	w.sweepNow(t)
	if len(w.journal(t)) != 0 || len(w.keys(t)) != 1 {
		t.Errorf("journal %v, objects %q", w.journal(t), w.keys(t))
	}
}

// The marker is undone with the savepoint that inserted it: what was uploaded inside belongs to nobody then.
func TestSideFileMarkerOfAnUndoneSavepoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.run(t, func(ctx context.Context, s *session.Session) error {
		must(t, s.Insert(ctx, &document{Title: "a"}))
		wantError(t, s.Nested(ctx, func(ctx context.Context) error {
			return errors.Join(s.Insert(ctx, &document{Title: "b", File: file("undone")}), errNo)
		}), errNo)
		return nil
	})
	if left := w.sideFiles(t); left != "" || len(w.keys(t)) != 0 {
		t.Errorf("side files %q, objects %q", left, w.keys(t))
	}
	w.check(t)
}

// note is for a database in memory.
type note struct {
	ID   int64                  `bun:"id,pk,autoincrement"`
	File *fileobject.FileObject `bun:"file" file:"notes"`
}

// A database in memory has no folder beside it: two inserts in one Run keep both files there as well, and a rollback
// keeps none.
func TestSideFileOfADatabaseInMemory(t *testing.T) {
	t.Parallel()
	m := sessiontest.New(t, (*note)(nil))
	first, second := &note{File: file("one")}, &note{File: file("two")}
	insert := func(a, b *note, then error) error {
		return m.Run(t.Context(), func(ctx context.Context, s *session.Session) error {
			return errors.Join(s.Insert(ctx, a), s.Insert(ctx, b), then)
		})
	}
	must(t, insert(first, second, nil))
	wantError(t, insert(&note{File: file("three")}, &note{File: file("four")}, errNo), errNo)
	_, err := m.Sweep(t.Context(), journal.SweepOptions{})
	must(t, err)
	if have := contentsOf(t, fileobject.List{first.File, second.File}); have != "[one two]" {
		t.Errorf("contents %s", have)
	}
	b, err := m.Registry().Backend("notes")
	must(t, err)
	n := 0
	for _, err := range dossier.List(t.Context(), b, dossier.ListOptions{}) {
		must(t, err)
		n++
	}
	if n != 2 {
		t.Errorf("%d objects", n)
	}
}
