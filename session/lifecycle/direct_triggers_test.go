package lifecycle_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/session"
)

// Triggers order the delete of a direct upload whose row was deleted behind the session's back, and the key stays watched for
// as long as its URL works.
func TestDirectUploadsUnderTriggers(t *testing.T) {
	onBothWays(t, func(t *testing.T, cannot dossier.Capabilities) {
		t.Parallel()
		w := newDirectWorld(t, setup{options: session.Options{DeleteAfter: session.AtOnce}}, cannot)
		must(t, w.m.InstallTriggers(t.Context(), (*document)(nil)))
		p := w.uploaded(t, "first")
		_, err := w.save("a", w.redeem(t, p))
		must(t, err)
		w.exec(t, "DELETE FROM documents")
		w.exec(t, "UPDATE dossier_journal SET due_at = 0 WHERE state = 'doomed'")
		w.sweepNow(t)
		if status := upload(t, p, "again"); cannot == 0 && status != http.StatusOK {
			t.Errorf("the repeated upload: %d", status)
		}
		if n := w.journal(t)["tombstone"]; n != 1 {
			t.Errorf("the journal has %v, want a tombstone of the key that is open", w.journal(t))
		}
		w.check(t)
	})
}

// A sweeper stands still between claim and delete while raw SQL wants the key back: the trigger refuses the statement.
func TestRule4TriggerRefusesWhatAStalledSweeperHasClaimed(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T) {
		t.Parallel()
		store := &stalling{begun: make(chan struct{}), goOn: make(chan struct{})}
		w := newWorld(t, setup{wrap: func(b dossier.Backend) dossier.Backend {
			store.Inner = b
			return store
		}})
		must(t, w.m.InstallTriggers(t.Context(), (*document)(nil)))
		d, other := w.insert(t, "a", "dying"), w.insert(t, "b", "other")
		value, err := d.File.Value()
		must(t, err)
		w.run(t, func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, d) })
		w.fallDue(t)
		swept := make(chan error)
		go func() {
			_, err := w.m.Sweep(context.Background(), journal.SweepOptions{})
			swept <- err
		}()
		<-store.begun
		if _, err := w.raw.Exec(w.rebind("UPDATE documents SET extra = ? WHERE title = 'b'"), value); err == nil {
			t.Error("a row holds what is being deleted")
		}
		if refs := w.referenced(t); fmt.Sprint(refs) != fmt.Sprint([]string{other.File.Key}) {
			t.Errorf("rows hold %q", refs)
		}
		close(store.goOn)
		must(t, <-swept)
	})
}
