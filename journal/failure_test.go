package journal_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/journal"
)

// failing is a store that cannot delete, and says so in words of its own.
type failing struct {
	dossier.Forward
	text string
}

func (f failing) DeleteBatch(_ context.Context, keys iter.Seq[string]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for key := range keys {
			if !yield(key, errors.New(f.text)) {
				return
			}
		}
	}
}

// What a store says, whatever bytes it says it in, must not keep the failure from being recorded: the row would be tried
// again and again without ever being parked where somebody sees it.
func TestAnyErrorTextOfAStoreIsRecorded(t *testing.T) {
	onEveryDatabase(t, testAnyErrorTextOfAStoreIsRecorded)
}

func testAnyErrorTextOfAStoreIsRecorded(t *testing.T) {
	t.Helper()
	t.Parallel()
	for name, said := range map[string]string{
		"NUL": "a\x00b", "no UTF-8": "a\xffb", "quotes": `it's "?" \ ?`, "long": strings.Repeat("ü", 400), "empty": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t)
			store := memory.New(memory.Config{})
			registry := &dossier.Registry{}
			must(t, registry.Register("uploads", failing{dossier.Forward{Inner: store}, said}))
			must(t, l.Order(t.Context(), l.db, 0, journal.Order{ID: "1", Backend: "uploads", Store: store.Describe().Store, Key: "k"}))
			report, err := l.Sweep(t.Context(), journal.SweepOptions{Registry: registry})
			must(t, err)
			want(t, "failed", report.Failed, 1)
			for entry, err := range l.List(t.Context(), journal.Filter{}) {
				must(t, err)
				if !utf8.ValidString(entry.LastError) || len(entry.LastError) > 500 || len(said) > 0 && entry.LastError == "" {
					t.Errorf("recorded %q", entry.LastError)
				}
			}
		})
	}
}
