package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
)

// cutWork is a unit of work with an upload before its transaction, one inside, an order for a file that it replaces and one
// for a file that goes with its row.
func cutWork(ctx context.Context, s *session.Session, d *document) error {
	if err := s.Insert(ctx, &document{Title: "b", File: file("two")}); err != nil {
		return err
	}
	d.File, d.Extra = file("three"), *file("more")
	return s.Update(ctx, d, "file", "extra")
}

const (
	beforeCutWork = "[extra one p1]"
	afterCutWork  = "[more p1 three two]"
)

// told counts what callers were told.
type told struct{ committed, rolledBack, unknown int }

func (n told) String() string {
	return fmt.Sprintf("%d were told that it was committed, %d that it was not, %d that nobody knows", n.committed, n.rolledBack, n.unknown)
}

// cutOnce does the work while messages are judged, and demands that the caller was told the truth and nothing is lost or left
// over. It returns false when nothing was cut.
func (w *world) cutOnce(t *testing.T, p *proxy, judge func(message) verdict, n *told) (fired bool) {
	t.Helper()
	d := &document{Title: "a", File: file("one"), Extra: *file("extra"), Pages: pages("p1")}
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, d) })
	p.watch(func(m message) verdict {
		v := judge(m)
		fired = fired || v != pass
		return v
	})
	err := w.try(func(ctx context.Context, s *session.Session) error { return cutWork(ctx, s, d) })
	p.watch(nil)
	p.wait(t, w)
	have := fmt.Sprint(w.contents(t))
	switch {
	case have != beforeCutWork && have != afterCutWork:
		t.Errorf("the rows' objects hold %s; Run returned %v", have, err)
	case err == nil && have != afterCutWork:
		t.Error("Run returned nil and nothing is there")
	case err != nil && !errors.Is(err, dossier.ErrOutcomeUnknown) && have != beforeCutWork:
		t.Errorf("Run returned %v and it was committed", err)
	}
	switch {
	case err == nil:
		n.committed++
	case errors.Is(err, dossier.ErrOutcomeUnknown):
		n.unknown++
	default:
		n.rolledBack++
	}
	w.check(t, w.contents(t)...)
	w.exec(t, "DELETE FROM documents")
	for _, key := range w.keys(t) {
		must(t, os.Remove(filepath.Join(w.files, key)))
	}
	return fired
}

// contents reads what the rows' objects hold, each of which must be there.
func (w *world) contents(t testing.TB) (all []string) {
	t.Helper()
	for _, key := range w.referenced(t) {
		all = append(all, w.object(t, key))
	}
	slices.Sort(all)
	return all
}

// nth cuts the n-th message.
func nth(n int, v verdict) func(message) verdict {
	seen := 0
	return func(message) verdict {
		if seen++; seen == n {
			return v
		}
		return pass
	}
}

// The connection, or the whole network, is cut before each message of a unit of work, whichever side it is from: no file is
// lost, and what the caller is told is true. DOSSIER_LONG=1 tries every message with the whole network, too.
func TestConnectionCutAtEveryMessage(t *testing.T) { onServers(t, testConnectionCutAtEveryMessage) }

func testConnectionCutAtEveryMessage(t *testing.T) {
	t.Helper()
	t.Parallel()
	strides := map[verdict]int{cut: 1, black: 4}
	if os.Getenv("DOSSIER_LONG") == "1" {
		strides[black] = 1
	}
	for name, v := range map[string]verdict{"connection": cut, "network": black} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p := newProxiedWorld(t, setup{options: session.Options{DeleteAfter: session.AtOnce}})
			var n told
			messages := 1
			for w.cutOnce(t, p, nth(messages, v), &n) && !t.Failed() {
				messages += strides[v]
			}
			t.Logf("%d messages; %v", messages-strides[v], n)
			if n.committed == 0 || n.rolledBack == 0 || messages < 20 {
				t.Error("something was not cut that should have been")
			}
		})
	}
}

// commitSent reports whether the message asks for the end of the transaction.
func commitSent(m message) bool { return m.client && commitText.Match(m.bytes) }

var commitText = regexp.MustCompile(`COMMIT\b`)

// The question what became of a COMMIT can be cut off as well, at each of its messages, whether or not the COMMIT arrived.
func TestConnectionCutWhileACommitIsSettled(t *testing.T) {
	onServers(t, testConnectionCutWhileACommitIsSettled)
}

func testConnectionCutWhileACommitIsSettled(t *testing.T) {
	t.Helper()
	t.Parallel()
	for name, arrived := range map[string]bool{"COMMIT arrived": true, "COMMIT did not": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p := newProxiedWorld(t, setup{options: session.Options{DeleteAfter: session.AtOnce}})
			var n told
			probes := 0
			for second := false; !t.Failed(); {
				probes++
				second = false
				var sent, lost bool
				rest := nth(probes, cut)
				w.cutOnce(t, p, func(m message) verdict {
					switch {
					case lost:
						v := rest(m)
						second = second || v != pass
						return v
					case sent || commitSent(m) && !arrived:
						lost = true
						return cut
					}
					sent = commitSent(m)
					return pass
				}, &n)
				if !second {
					break
				}
			}
			t.Logf("%d messages after the COMMIT; %v", probes-1, n)
			if n.unknown == 0 || arrived && (n.rolledBack > 0 || n.committed == 0) || !arrived && (n.committed > 0 || n.rolledBack == 0) {
				t.Errorf("%v", n)
			}
		})
	}
}
